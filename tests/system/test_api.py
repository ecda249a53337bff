"""The HTTP interface of a real collector that real agents told two days of calls: every answer held against the
description, and the properties that its figures have whatever was asked for."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, Optional
from urllib.parse import urlencode

import pytest

from answers import DAY_S, history_start_s, simulate
from branch import wait_for
from centre import Centre, Site
from openapi import Description

DESCRIPTION = Description.load(Path(__file__).resolve().parents[2] / "collector" / "api" / "openapi.json")
GROUPS = {"alpha": "north", "beta": "north", "gamma": None}
ZONES = {"alpha": "Europe/Madrid", "beta": "Europe/Madrid", "gamma": "America/Argentina/Buenos_Aires"}
MOVING = ("as_of", "age_ms", "last_seen_age_ms")
NAMES = ("site", "group", "queue")
UNHURRIED = "requests_per_second = 10000\nrequests_burst = 10000"
RULES = """
alerting { pace = 1s }
alert "certificates" { metric = certificate below = 9000d for = 0s severity = critical groups = {"north"} }
alert "waiting long" { metric = longest_wait above = 3m hours = {"Mon-Fri 08:00-20:00"} }
receiver "desk" { url = "http://127.0.0.1:1/" }
"""
DAYS = 2
THRESHOLDS = ("5s", "20s", "33s", "2m")
FLOW = ("entered", "answered", "abandoned", "exit_timeout", "exit_empty", "exit_key", "withdrawn", "lost",
        "transferred_in", "transferred_out", "ring_no_answer")
MORE_QUESTIONS = {
    "/api/v1/kpi": ["by=site,hour", "by=site,queue,day&bins=yes", "by=hour-of-week&zone=UTC", "format=csv",
                    "site=alpha", "group=north&by=total"],
    "/api/v1/timeseries": ["by=site,queue&step=day", "step=interval&fields=entered,waiting_max,abandon_rate"],
    "/api/v1/heatmap": ["fields=entered,service_level"],
    "/api/v1/distribution": ["queue={queue}", "group=north&service_level=33s&service_level_method=amazon"],
    "/api/v1/ranking": ["of=queue&spark=day", "metric=abandon_rate&order=best", "metric=wait_p95_ms&spark=hour"],
    "/api/v1/sites": ["group=north"],
    "/api/v1/queues": ["site=gamma", "group=north"],
    "/api/v1/live": ["group=north", "operators=yes"],
    "/api/v1/overview": ["site=alpha", "group=north", "service_level=33s"],
}


def span() -> dict[str, str]:
    start_s = history_start_s()
    return {"from": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start_s - DAY_S)),
            "to": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start_s + (DAYS + 2) * DAY_S))}


class World:
    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.admin = centre.token("boss", "--role", "admin", "--expires", "never")
        self.viewer = centre.token("wall")

    def ask(self, path: str, token: Optional[str] = None, **words: Any) -> Any:
        """The document, held against the description."""
        return self.look(path + ("?" + urlencode(words, doseq=True) if words else ""), token)[1]

    def look(self, target: str, token: Optional[str] = None, *, method: str = "GET",
             body: Optional[bytes] = None) -> tuple[int, Any]:
        token = self.admin if token is None else token
        code, headers, text = self.centre.http(target, token, method=method, body=body)
        kind = headers["content-type"]
        DESCRIPTION.check_answer(method, target.split("?")[0], code, kind, text)
        return code, json.loads(text) if kind == "application/json" else text.decode()

    def rows(self, **words: Any) -> list[dict[str, Any]]:
        return self.ask("/api/v1/kpi", **{**span(), **words})["rows"]

    def queue(self) -> str:
        return self.ask("/api/v1/queues")["queues"][0]["queue"]


def tell_everything(centre: Centre, home: Path) -> None:
    """Each branch has its log from the beginning; its agent runs until all of it is at the centre."""
    sites = []
    for number, (name, group) in enumerate(GROUPS.items()):
        site = Site(home / name, name, zone=ZONES[name])
        simulate(site.log, 700 + number, "--days", str(DAYS), "--calls-per-day", "150")
        site.join(centre.port, centre.add(name, *(["--group", group] if group else [])))
        sites.append((site, site.start(), len(site.log.read_bytes().splitlines())))
    for site, agent, lines in sites:
        site.wait_for_lines(agent, lines)
        wait_for(f"{site.name}'s summaries to be delivered", site.is_delivered)
        agent.stop()
        site.close()


@pytest.fixture(scope="module", name="world")
def fixture_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("api")
    with Centre(home, zone="Europe/Madrid", size_max="64MiB", api=UNHURRIED, more=RULES) as centre:
        centre.start()
        centre.wait_until_listening()
        tell_everything(centre, home)
        yield World(centre)


# ---- the description ----


def test_description_of_itself() -> None:
    faults = DESCRIPTION.faults_of_itself()
    assert not faults, "\n".join(faults)


def test_the_description_is_served(world: World) -> None:
    code, _, body = world.centre.http("/api/v1/openapi.json")
    assert code == 200
    assert json.loads(body) == DESCRIPTION.document


def questions(world: World) -> Iterator[str]:
    queue = world.queue()
    for operation in DESCRIPTION.operations():
        path = operation.path.replace("{id}", "alpha")
        if operation.method == "GET" and path != "/api/v1/live/stream":
            yield path
            for words in MORE_QUESTIONS.get(path, []):
                yield f"{path}?{urlencode(span()) + '&' if path in FIGURES else ''}{words.format(queue=queue)}"


FIGURES = ("/api/v1/kpi", "/api/v1/timeseries", "/api/v1/heatmap", "/api/v1/distribution", "/api/v1/ranking")


def test_every_answer_is_as_described(world: World) -> None:
    for target in questions(world):
        assert world.look(target)[0] == 200, target


def parameters() -> Iterator[tuple[str, dict[str, Any]]]:
    """With the path; not of the stream, whose answer has no end, and no names, which only this centre knows."""
    for operation in DESCRIPTION.operations():
        for item in DESCRIPTION.parameters(operation):
            if operation.path != "/api/v1/live/stream" and item["in"] == "query" and item["name"] not in NAMES:
                yield operation.path, item


def test_examples_and_choices_of_parameters_are_taken(world: World) -> None:
    for path, item in parameters():
        for word in (item["example"], *item["schema"].get("enum", [])):
            code, told = world.look(f"{path}?{urlencode({item['name']: word})}")
            assert code == 200, f"{path} {item['name']}={word}: {told}"


def still(node: Any) -> Any:
    """Without ages and moments, which move from one question to the next."""
    if isinstance(node, dict):
        return {key: still(value) for key, value in node.items() if key not in MOVING}
    return [still(item) for item in node] if isinstance(node, list) else node


def test_defaults_are_what_is_done(world: World) -> None:
    for path, item in parameters():
        if "default" in item["schema"]:
            bare = world.look(path)[1]
            told = world.look(f"{path}?{urlencode({item['name']: item['schema']['default']})}")[1]
            assert still(bare) == still(told), f"{path} {item['name']}"


@pytest.mark.parametrize("words, where", [("colour=red", "colour"), ("site=a&site=b", "site"), ("from=soon", "from"),
                                          ("site=alpha&group=north", "site"), ("zone=Mars", "zone"),
                                          ("site=%00", "site"), ("site=" + "x" * 65, "site"), ("from=", "from")])
def test_refusals_say_what_and_where(world: World, words: str, where: str) -> None:
    for path in FIGURES:
        code, told = world.look(f"{path}?{words}")
        assert (code, told["error"]["code"], told["error"]["where"]) == (400, 400, where), told


def test_roles(world: World) -> None:
    for path in ("/api/v1/tokens", "/api/v1/live?operators=yes"):
        assert world.look(path)[0] == 200
        assert world.look(path, world.viewer)[0] == 403
        assert world.look(path, "rs_wrong")[0] == 401
    told = world.ask("/api/v1/sites/alpha")
    assert told["key"] and told["events"] is not None
    seen = world.ask("/api/v1/sites/alpha", world.viewer)
    assert not {"key", "next_key", "address", "certificate_serial", "events"} & seen.keys()
    assert seen.keys() < told.keys()
    tokens = world.ask("/api/v1/tokens")["tokens"]
    assert [(token["name"], token["role"], token["valid"]) for token in tokens] == [("boss", "admin", True),
                                                                                   ("wall", "view", True)]
    assert world.ask("/api/v1/about", world.viewer)["token"] == "wall"


def mute(world: World, token: Optional[str] = None, **wish: Any) -> tuple[int, Any]:
    return world.look("/api/v1/alerts/mute", token, method="POST", body=json.dumps(wish).encode())


def test_alerts_and_mutes(world: World) -> None:
    def firing() -> list[dict[str, Any]]:
        return [alert for alert in world.ask("/api/v1/alerts")["alerts"] if alert["phase"] == "firing"]

    wait_for("both sites of the group to alert", lambda: len(firing()) == 2)
    wait_for("the overview to count them", lambda: world.ask("/api/v1/overview")["alerts"]["critical"] == 2)
    assert world.ask("/api/v1/about")["features"]["alerts"] is True
    assert mute(world, world.viewer, rule="certificates", until=None)[0] == 403
    assert mute(world, rule="nothing", until=None)[0] == 404
    assert mute(world, site="nobody", until=None)[0] == 404
    assert mute(world, until="yesterday")[0] == 400
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    code, told = mute(world, rule="certificates", site="alpha", until=until, why="being renewed")
    assert code == 200
    assert [(item["rule"], item["site"], item["by"], item["why"]) for item in told["mutes"]] == [
        ("certificates", "alpha", "boss", "being renewed")]
    code, told = mute(world, rule="certificates", site="alpha", until=None)
    assert code == 200 and told["mutes"] == []


# ---- figures ----


def flow(rows: list[dict[str, Any]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: row[name] for name in FLOW})
        total.update({f"{kind} {part}": row[kind][part] for kind in ("wait_answered_ms", "wait_abandoned_ms", "talk_ms")
                      for part in ("count", "sum")})
    return total


def test_sites_sum_to_the_whole(world: World) -> None:
    whole = world.rows(by="queue")
    assert flow(whole)["entered"] > 200
    by_site = world.rows(by="site,queue")
    for row in whole:
        parts = [part for part in by_site if part["queue"] == row["queue"]]
        assert flow(parts) == flow([row]), row["queue"]
    asked_one_by_one = [row for name in GROUPS for row in world.rows(by="total", site=name)]
    assert flow(asked_one_by_one) == flow(whole) == flow(world.rows(by="total"))
    assert flow(world.rows(by="total", group="north")) == flow(
        [row for row in world.rows(by="site") if GROUPS[row["site"]] == "north"])


@pytest.mark.parametrize("zone", ("Europe/Madrid", "UTC", "Asia/Kolkata"))
def test_finer_steps_sum_to_coarser_ones(world: World, zone: str) -> None:
    def steps(by: str, length: int) -> dict[tuple[str, str], Counter[str]]:
        found: dict[tuple[str, str], Counter[str]] = {}
        for row in world.rows(by=f"queue,{by}", zone=zone):
            found.setdefault((row["queue"], row["start"][:length]), Counter()).update(flow([row]))
        return found

    days = steps("day", 10)
    assert len(days) > DAYS
    assert steps("hour", 13) == steps("interval", 13)
    assert steps("hour", 10) == days
    assert sum(days.values(), Counter()) == +flow(world.rows(by="queue"))
    assert flow(world.rows(by="queue,hour-of-week", zone=zone)) == flow(world.rows(by="queue"))


def test_columns_are_the_rows(world: World) -> None:
    names = (*FLOW, "abandon_rate", "asa_ms", "waiting_end")
    for step in ("interval", "hour", "day"):
        told = world.ask("/api/v1/timeseries", **span(), by="site,queue", step=step, fields=",".join(names))
        columns = {(series["site"], series["queue"], start): [series[name][at] for name in names]
                   for series in told["series"] for at, start in enumerate(series["start"])}
        rows = {(row["site"], row["queue"], row["start"]): [row[name] for name in names]
                for row in world.rows(by=f"site,queue,{step}")}
        assert columns == rows


def test_heatmap_is_the_rows(world: World) -> None:
    told = world.ask("/api/v1/heatmap", **span(), fields="entered,asa_ms")
    rows = {row["hour_of_week"]: row for row in world.rows(by="total,hour-of-week")}
    for hour in range(168):
        row = rows.get(hour)
        assert told["cells"]["entered"][hour] == (row["entered"] if row else None)
        assert told["cells"]["asa_ms"][hour] == (row["asa_ms"] if row else None)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_service_levels_of_the_distribution(world: World, threshold: str) -> None:
    queue = world.queue()
    for words in ({}, {"site": "alpha"}, {"group": "north"}, {"queue": queue}, {"site": "gamma", "queue": queue}):
        by = "queue" if "queue" in words else "total"
        told = world.ask("/api/v1/distribution", **span(), **words, service_level=threshold)
        assert len(told["service_levels"]) == 19
        for level in told["service_levels"]:
            row, = world.rows(**words, by=by, service_level=threshold, service_level_method=level["method"])
            assert row["service_level"]["value"] == level["value"], level
            assert row["service_level"]["threshold_s"] == told["settings"]["threshold_s"]
        bins = told["wait_answered_ms"]["bins"]
        if told["within"]["exact"]:
            within = sum(count for edge, count in zip(bins[::2], bins[1::2])
                         if edge <= told["settings"]["threshold_s"] * 1000)
            assert within == told["within"]["answered"]


def test_ranking_is_the_rows_in_order(world: World) -> None:
    told = world.ask("/api/v1/ranking", **span(), metric="abandon_rate", of="queue", limit=100, spark="day")
    rows = [row for row in world.rows(by="site,queue") if row["abandon_rate"] is not None and row["entered"] > 0]
    rows.sort(key=lambda row: (-row["abandon_rate"], row["site"], row["queue"]))
    assert [(row["site"], row["queue"], row["value"], row["entered"]) for row in told["rows"]] == [
        (row["site"], row["queue"], row["abandon_rate"], row["entered"]) for row in rows]
    assert told["compared"] == len(rows)
    days = {(row["site"], row["queue"], row["start"]): row["abandon_rate"] for row in world.rows(by="site,queue,day")}
    for row in told["rows"]:
        for start, value in zip(row["spark"]["start"], row["spark"]["values"]):
            assert days[row["site"], row["queue"], start] == value


# ---- the same as others say ----


def plain(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def flat(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield prefix + name, value


def test_csv_is_the_json(world: World) -> None:
    for by in ("queue", "site,queue,day", "total,hour-of-week"):
        rows = world.rows(by=by)
        words = urlencode({**span(), "by": by})
        code, headers, text = world.centre.http(f"/api/v1/export?{words}", world.viewer)
        assert code == 200
        assert headers["content-type"] == "text/csv; charset=utf-8"
        assert headers["content-disposition"].startswith('attachment; filename="ringside-kpi-all-')
        assert world.centre.http(f"/api/v1/kpi?{words}&format=csv", world.viewer)[2] == text
        lines = list(csv.DictReader(io.StringIO(text.decode())))
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows):
            for name, value in flat(row):
                if isinstance(value, float):
                    assert float(line[name]) == pytest.approx(value, rel=1e-14), name
                else:
                    assert line[name] == plain(value), name


@pytest.mark.parametrize("words", ({}, {"site": "alpha", "by": "queue,hour"}, {"group": "north", "by": "site,day"},
                                   {"by": "total,hour-of-week", "zone": "UTC"}, {"bins": "yes"},
                                   {"service_level": "33s", "service_level_method": "amazon", "short_abandon": "9s"}))
def test_as_the_command_line(world: World, words: dict[str, str]) -> None:
    options = [text for name, value in {**span(), **words}.items() for text in (f"--{name.replace('_', '-')}", value)]
    printed = world.centre.ask("kpi", *options)
    told = world.ask("/api/v1/kpi", **span(), **words)
    assert printed.pop("as_of") and told.pop("as_of")
    assert told == printed


def test_refused_as_on_the_command_line(world: World) -> None:
    for name, value in (("by", "colour"), ("from", "soon"), ("service_level", "long"), ("bins", "perhaps")):
        printed = world.centre.run("kpi", f"--{name.replace('_', '-')}", value).stderr
        _, told = world.look(f"/api/v1/kpi?{name}={value}")
        assert told["error"]["what"].split(" ", 1)[1] in printed
