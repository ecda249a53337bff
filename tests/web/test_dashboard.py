"""The dashboard in a real browser, served by a real collector that real agents told ten days of calls."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime, timedelta
from typing import Any, Iterator
from zoneinfo import ZoneInfo

import pytest

from browser import WEB, drive
from organisation import ZONE, Organisation, clock_change, organisation


@pytest.fixture(scope="module", name="there")
def fixture_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organisation]:
    with organisation(tmp_path_factory.mktemp("dashboard")) as there:
        yield there


def run(there: Organisation, script: str, **environment: str) -> dict[str, Any]:
    assert there.centre.daemon and there.centre.daemon.process.poll() is None
    told = drive(script, there.centre.url, view=there.view, admin=there.admin, home=there.home, hosts=there.hosts,
                 **environment)
    for name, value in told.items():
        print(f"{name}: {value}")
    return told


def keys() -> list[str]:
    """The names of texts, none of which may be seen."""
    return re.findall(r"^  '([a-z]\w*\.[\w.]+)':", (WEB / "src" / "text" / "en.ts").read_text(), re.MULTILINE)


def test_every_page_is_whole_in_both_languages_and_themes(there: Organisation) -> None:
    assert len(keys()) > 50
    run(there, "pages.mjs", KEYS=json.dumps(keys()))


def test_figures_are_those_of_the_collector(there: Organisation) -> None:
    run(there, "figures.mjs")


def written(at: datetime, style: str) -> str:
    """A moment as the English page writes it."""
    month = "Sept" if at.month == 9 else f"{at:%b}"
    return f"{at:%a} {at.day} {month}" + (f", {at:%H:%M}" if style == "hour" else "")


def clock_change_told() -> dict[str, Any]:
    """Three days with a change of the clocks in their middle, by the hour as each zone has them, and ten by the day."""
    middle = clock_change()
    first, last = middle - timedelta(days=1), middle + timedelta(days=1)

    def hours(shown: str, asked: str) -> list[str]:
        """All that fall into the days of the zone that is asked, and in which the site has calls."""
        zone = ZoneInfo(asked)
        begin = datetime(first.year, first.month, first.day, tzinfo=zone).timestamp()
        end = (datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1)).timestamp()
        held = range(max(int(begin), int(first.timestamp())), int(min(end, (last + timedelta(days=1)).timestamp())), 3600)
        return [written(datetime.fromtimestamp(at, ZoneInfo(shown)), "hour") for at in held]

    return {"from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}",
            "hours": {"site": hours(ZONE, ZONE), "viewer": hours("Asia/Shanghai", "Asia/Shanghai"),
                      "utc": hours("UTC", "UTC")},
            "days": {"from": f"{first - timedelta(days=5):%Y-%m-%d}", "to": f"{last + timedelta(days=5):%Y-%m-%d}",
                     "labels": [written(first + timedelta(days=i), "day") for i in range(3)]}}


def test_the_address_the_keyboard_and_the_zones(there: Organisation) -> None:
    run(there, "state.mjs", CLOCK_CHANGE=json.dumps(clock_change_told()))


def test_signing_in(there: Organisation) -> None:
    run(there, "session.mjs")


def test_what_moves_by_itself(there: Organisation) -> None:
    run(there, "live.mjs")


GZIPPED_MAX = 300_000
ELSEWHERE = re.compile(rb"https?://(?!www\.w3\.org/)[^\s\"'`)]*")


def assets(there: Organisation) -> dict[str, tuple[bytes, int]]:
    """Every file that the page can come to load, with its size as it travels."""
    found: dict[str, tuple[bytes, int]] = {}
    todo = ["/"]
    while todo:
        path = todo.pop()
        code, headers, packed = there.centre.http(path, headers={"Accept-Encoding": "gzip"})
        assert code == 200, path
        text = gzip.decompress(packed) if headers.get("content-encoding") == "gzip" else packed
        found[path] = (text, len(packed))
        named = re.findall(rb"[\"'`(]\.?/?((?:assets/)?[\w.-]+\.(?:js|css|svg|json|webmanifest|woff2|png))[\"'`)]", text)
        for name in (one.decode() for one in named):
            for place in (f"/{name}", f"/assets/{name}"):
                if place not in found and place not in todo and there.centre.http(place)[0] == 200:
                    todo.append(place)
    return found


def test_what_the_browser_loads(there: Organisation) -> None:
    found = assets(there)
    size = sum(packed for _, packed in found.values())
    print(f"{len(found)} files, {size} bytes gzipped")
    assert len(found) > 8 and any(path.endswith(".css") for path in found)
    assert size < GZIPPED_MAX, {path: packed for path, (_, packed) in found.items()}
    for path, (text, _) in found.items():
        assert not re.search(rb"\beval\s*\(|\bnew Function\b", text), path
        assert ELSEWHERE.findall(text) == [], path
