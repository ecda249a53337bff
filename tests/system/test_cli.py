"""The ringside command as its users meet it: output, exit codes, and what it says when something is wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import subprocess
import unicodedata
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Iterator
from zoneinfo import ZoneInfo

import pytest

import ringside

MADRID = ZoneInfo("Europe/Madrid")
NOON = datetime.combine(datetime.now(MADRID).date() - timedelta(days=4), clock(12), MADRID)
MADRID_NOON = int(NOON.timestamp())
THE_DAY = NOON.date().isoformat()
ALL_DAY = ("--from", THE_DAY, "--to", THE_DAY)


def lines() -> Iterator[str]:
    """Sales: 20 callers, every fifth hangs up after 3 s; support: one call a quarter of an hour; one strange name."""
    for number in range(20):
        at = MADRID_NOON + number * 120
        yield f"{at}|{at}.1|sales|NONE|ENTERQUEUE||60000{number:04}|1"
        if number % 5 == 4:
            yield f"{at + 3}|{at}.1|sales|NONE|ABANDON|1|1|3"
        else:
            yield f"{at + number}|{at}.1|sales|Ana|CONNECT|{number}|{at}.9|2"
            yield f"{at + number + 90}|{at}.1|sales|Ana|COMPLETEAGENT|{number}|90|1"
    for number in range(8):
        at = MADRID_NOON + 5 + number * 900
        yield f"{at}|{at}.2|support, 2nd|NONE|ENTERQUEUE||70000{number:04}|1"
        yield f"{at + 60}|{at}.2|support, 2nd|NONE|EXITWITHTIMEOUT|1|1|60"
    at = MADRID_NOON + 7
    yield f"{at}|{at}.3|田中商店の長い名前の待ち行列|NONE|ENTERQUEUE||8|1"
    yield f"{at + 2}|{at}.3|田中商店の長い名前の待ち行列|太郎|CONNECT|2|{at}.9|2"
    yield f"{at + 3700}|{at}.3|田中商店の長い名前の待ち行列|太郎|COMPLETECALLER|2|3698|1"


@pytest.fixture(name="ledger", scope="module")
def fixture_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("cli")
    log = place / "queue_log"
    log.write_text("".join(line + "\n" for line in sorted(lines())), encoding="utf-8")
    with ringside.Ledger(place / "ledger", [log]) as made:
        yield made.directory


def cli(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ringside.bin_dir() / "ringside"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "TZ": "Europe/Madrid", **environment})


def good(*arguments: object) -> str:
    done = cli(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def width(line: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.mark.parametrize("command", [
    ("status",), ("queues",), ("operators",), ("calls", "--from", THE_DAY), ("kpi",), ("kpi", "--by", "interval"),
    ("kpi", "--by", "total,day"), ("help",),
])
def test_tables_fit_80_columns(ledger: Path, command: tuple[str, ...]) -> None:
    where = () if command == ("help",) else ("--ledger", ledger)
    text = good(*command, *where)
    report = text.split("source ")[0]  # paths are as long as they are
    assert max(width(line) for line in report.splitlines()) <= 80
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert "\x1b" not in text


def test_columns_line_up_whatever_the_script(ledger: Path) -> None:
    table = good("kpi", "--ledger", ledger).split("\n\n")[1].splitlines()
    assert len({width(line) for line in table}) == 1
    assert len(table) == 4


def test_kpi_json_is_the_contract(ledger: Path) -> None:
    document = json.loads(good("kpi", "--ledger", ledger, "--format", "json"))
    assert document["site"] == "test"
    assert document["from"] == NOON.isoformat()
    assert document["to"] == (NOON + timedelta(hours=2)).isoformat()
    rows = {row["queue"]: row for row in document["rows"]}
    sales = rows["sales"]
    assert (sales["entered"], sales["answered"], sales["abandoned"], sales["abandoned_short"]) == (20, 16, 4, 4)
    assert sales["talk_ms"] == {"count": 16, "sum": 1440000, "mean": 90000, "p50": 90000, "p90": 90000, "p95": 90000,
                                "p99": 90000, "max": 90000}
    assert sales["abandon_rate"] == 0.2
    assert sales["service_level"] == {"threshold_s": 20, "method": "asterisk_sl", "value": 1}
    assert rows["support, 2nd"]["exit_timeout"] == 8
    assert rows["support, 2nd"]["service_level"]["value"] is None
    assert rows["support, 2nd"]["asa_ms"] is None
    for row in rows.values():
        assert row["balanced"] is True
        assert row["waiting_start"] + row["entered"] == (
            row["answered"] + row["abandoned"] + row["exit_timeout"] + row["exit_empty"] + row["exit_key"]
            + row["withdrawn"] + row["lost"] + row["waiting_end"])


def test_wishes_are_recomputed(ledger: Path) -> None:
    def level(*options: str) -> dict:
        rows = json.loads(good("kpi", "--ledger", ledger, "--format", "json", "--queue", "sales", *options))["rows"]
        return rows[0]

    # answered waits: 0 to 18 s without 4, 9, 14 and 19
    assert level("--service-level", "10s")["service_level"]["value"] == 9 / 16
    assert level("--service-level", "11s", "--service-level-method", "amazon")["service_level"]["value"] == 14 / 20
    assert level("--short-abandon", "2s")["abandoned_short"] == 0


def test_spans_join_without_loss(ledger: Path) -> None:
    whole = json.loads(good("kpi", "--ledger", ledger, "--format", "json", *ALL_DAY))["rows"]
    for grain in ("interval", "hour", "day"):
        parts = json.loads(good("kpi", "--ledger", ledger, "--format", "json", "--by", grain, *ALL_DAY))["rows"]
        for row in whole:
            mine = [part for part in parts if part["queue"] == row["queue"]]
            for field in ("entered", "answered", "abandoned", "exit_timeout"):
                assert sum(part[field] for part in mine) == row[field]
            for duration in ("wait_answered_ms", "talk_ms"):
                assert sum(part[duration]["sum"] for part in mine) == row[duration]["sum"]
    total = json.loads(good("kpi", "--ledger", ledger, "--format", "json", "--by", "total", *ALL_DAY))["rows"]
    assert [row["queue"] for row in total] == ["*"]
    assert total[0]["entered"] == sum(row["entered"] for row in whole) == 29


def test_starts_are_local_and_move_with_the_zone(ledger: Path) -> None:
    for zone in ("Europe/Madrid", "UTC", "Asia/Kathmandu"):
        rows = json.loads(good("kpi", "--ledger", ledger, "--format", "json", "--by", "hour", "--zone", zone))["rows"]
        first = NOON.astimezone(ZoneInfo(zone)).replace(minute=0)
        assert rows[0]["start"] == first.isoformat().replace("+00:00", "Z")
        assert all(datetime.fromisoformat(row["start"]).minute == 0 for row in rows)
    assert f"{THE_DAY[5:]} 12:00" in good("kpi", "--ledger", ledger, "--by", "hour")


def test_a_span_is_widened_and_says_so(ledger: Path) -> None:
    document = json.loads(good("kpi", "--ledger", ledger, "--format", "json", "--from", f"{THE_DAY}T12:20",
                               "--to", f"{THE_DAY}T12:31"))
    assert document["from"] == (NOON + timedelta(minutes=15)).isoformat()
    assert document["to"] == (NOON + timedelta(minutes=45)).isoformat()


def test_csv_is_what_a_csv_reader_expects(ledger: Path) -> None:
    done = subprocess.run([str(ringside.bin_dir() / "ringside"), "kpi", "--ledger", str(ledger), "--format", "csv", "--by",
                           "hour", "--zone", "Europe/Madrid"], capture_output=True, timeout=60, check=True)
    text = done.stdout.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    document = json.loads(good("kpi", "--ledger", ledger, "--format", "json", "--by", "hour"))["rows"]
    assert [row["queue"] for row in rows] == [row["queue"] for row in document]
    for flat, row in zip(rows, document):
        assert int(flat["entered"]) == row["entered"]
        assert flat["start"] == row["start"]
        p90 = row["wait_answered_ms"]["p90"]
        assert flat["wait_answered_ms.p90"] == ("" if p90 is None else str(p90))
        assert flat["balanced"] == "true"
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")


def test_calls_of_a_day(ledger: Path) -> None:
    calls = json.loads(good("calls", "--ledger", ledger, "--format", "json", "--from", THE_DAY, "--limit", "5"))
    assert calls["closed_count"] == 29
    assert calls["truncated"] is True
    ends = [call["ended"] for call in calls["closed"]]
    assert ends == sorted(ends, reverse=True) and len(ends) == 5


@pytest.mark.parametrize(("arguments", "says"), [
    ((), "see `ringside help`"),
    (("kpis",), "unknown command 'kpis'"),
    (("kpi", "--bye", "hour"), "unknown option '--bye'"),
    (("kpi", "--by"), "--by needs a value"),
    (("kpi", "--by", "month"), "--by 'month' is not allowed; allowed: queue, total"),
    (("kpi", "--from", "2026-02-30"), "--from '2026-02-30' is not allowed"),
    (("kpi", "--from", "today", "--to", "yesterday"), "from is not before to"),
    (("kpi", "--service-level", "fast"), "--service-level 'fast' is not allowed"),
    (("kpi", "--format", "xml"), "allowed: table, json, csv"),
    (("queues", "--by", "hour"), "queues has no option 'by'"),
    (("kpi", "--zone", "UTC"), "--zone goes with --ledger"),
    (("kpi", "--agent", "localhost:5683"), "is no URL"),
    (("ledger", "check"), "needs --ledger DIR"),
])
def test_wrong_usage_exits_2_with_one_line(arguments: tuple[str, ...], says: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.startswith("ringside: ") and done.stderr.count("\n") == 1


def test_failures_exit_1_with_one_line(ledger: Path, tmp_path: Path) -> None:
    for arguments, says in ((("kpi", "--ledger", tmp_path / "none"), "there is no ledger"),
                            (("kpi", "--ledger", tmp_path), "there is no ledger"),
                            (("kpi", "--ledger", ledger, "--queue", "salez"), "no queue 'salez'"),
                            (("status", "--agent", "coap://127.0.0.1:9"), "is ringside-agent running?")):
        done = cli(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr
        assert done.stderr.count("\n") == 1


def test_ledger_check_finds_nothing_wrong(ledger: Path) -> None:
    assert "0 defects" in good("ledger", "check", "--ledger", ledger)


def test_version_and_help() -> None:
    assert good("version").startswith("ringside ")
    assert good("--version") == good("version")
    assert "usage: ringside COMMAND" in good("help")
    assert good("kpi", "--help") == good("help")


def on_terminal(*arguments: object, **environment: str) -> str:
    controller, terminal = pty.openpty()
    with subprocess.Popen([str(ringside.bin_dir() / "ringside"), *map(str, arguments)], stdout=terminal,
                          env={**os.environ, **environment}) as process:
        os.close(terminal)
        text = b""
        while select.select([controller], [], [], 10)[0]:
            try:
                part = os.read(controller, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        process.wait(timeout=10)
    os.close(controller)
    return text.decode()


def test_colour_only_on_a_terminal_and_when_wanted(ledger: Path) -> None:
    plain = {key: "" for key in ("NO_COLOR",)}
    assert "\x1b[" in on_terminal("status", "--ledger", ledger, **plain)
    assert "\x1b[" not in on_terminal("status", "--ledger", ledger, NO_COLOR="1")
    assert "\x1b[" not in good("status", "--ledger", ledger)


def test_words_for_times(ledger: Path) -> None:
    now = datetime.now().astimezone()
    document = json.loads(good("calls", "--ledger", ledger, "--format", "json", "--from", "90m", "--to", "now"))
    span = datetime.fromisoformat(document["to"]) - datetime.fromisoformat(document["from"])
    assert span == timedelta(minutes=90)
    assert abs(datetime.fromisoformat(document["to"]) - now) < timedelta(minutes=1)


def test_output_to_a_full_disk_is_a_failure(ledger: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([str(ringside.bin_dir() / "ringside"), "kpi", "--ledger", str(ledger)], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == "ringside: the output could not be written\n"
