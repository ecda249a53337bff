"""A real Prometheus scrapes the collector while a branch sends its calls; the examples in docs/prometheus hold."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from branch import PATIENCE_S, wait_for
from centre import Centre, Site
from prometheus import Prometheus

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS / "prometheus"
EDGES_S = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
ANSWERED_S = [0, 4, 5, 6, 10, 19, 20, 21, 44, 45, 46, 119, 121, 605] * 2  # waits
ABANDONED_S = [2, 8, 33, 200]
AFTERWARDS_S = [3, 7, 20]
TALK_S = 30
SERIES = '{job="ringside",site="madrid",queue="sales"}'
DASHBOARD_WORDS = {"$site": ".*", "$queue": ".*", "$group": ".*", "$job": "ringside", "$threshold": "20",
                   "$window": "1m", "$__rate_interval": "30s"}


class Calls:
    """Appends calls to a branch's log, long over when they are written."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.number = 0
        self.now_s = int(time.time())

    def write(self, start_s: int, waits_s: list[int], answered: bool) -> None:
        lines: list[tuple[int, str]] = []
        for wait_s in waits_s:
            self.number += 1
            call = f"{start_s}.{self.number}|sales"
            lines.append((start_s, f"{call}|NONE|ENTERQUEUE||5551003|1"))
            if answered:
                lines.append((start_s + wait_s, f"{call}|op{self.number}|CONNECT|{wait_s}|1.1|1"))
                lines.append((start_s + wait_s + TALK_S, f"{call}|op{self.number}|COMPLETECALLER|{wait_s}|{TALK_S}|1"))
            else:
                lines.append((start_s + wait_s, f"{call}|NONE|ABANDON|1|1|{wait_s}"))
        with self.log.open("a", encoding="ascii") as log:
            log.writelines(f"{at}|{line}\n" for at, line in sorted(lines, key=lambda entry: entry[0]))


class Place:
    def __init__(self, centre: Centre, prometheus: Prometheus, calls: Calls, token: str) -> None:
        self.centre, self.prometheus, self.calls, self.token = centre, prometheus, calls, token

    def aim(self) -> None:
        self.prometheus.aim(self.centre.url.removeprefix("http://"))

    def wait_for_counter(self, name: str, value: float) -> None:
        wait_for(f"{name} to be {value}", lambda: self.prometheus.value(f"ringside_queue_{name}_total{SERIES}") == value)


@contextmanager
def place(tmp_path: Path) -> Iterator[Place]:
    with Centre(tmp_path) as centre, Prometheus(tmp_path / "prometheus", EXAMPLES / "ringside-alerts.yml") as prometheus:
        token = centre.token("prometheus")
        site = Site(tmp_path / "madrid", "madrid")
        invitation = centre.add("madrid")
        with centre.running():
            site.join(centre.port, invitation)
            there = Place(centre, prometheus, Calls(site.log), token)
            there.aim()
            prometheus.start({"ringside": token, "stranger": "ringside_0000000000000000000000000000000000000000000"})
            site.log.touch()
            with site.running():
                yield there
        site.close()


def check_targets(there: Place) -> None:
    wait_for("the target to be up", lambda: there.prometheus.value('up{job="ringside"}') == 1)
    wait_for("the stranger to be refused", lambda: there.prometheus.value('up{job="stranger"}') == 0)
    targets = {target["labels"]["job"]: target for target in there.prometheus.ask("targets")["activeTargets"]}
    assert targets["ringside"]["health"] == "up" and "401" in targets["stranger"]["lastError"]
    assert there.centre.http("/metrics")[0] == 401


def check_text(there: Place) -> None:
    code, headers, body = there.centre.http("/metrics", there.token)
    assert code == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    lint = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, timeout=PATIENCE_S,
                          check=False)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")


def check_figures(there: Place) -> None:
    """What Prometheus holds is what the collector reports, and what was written to the log."""
    row = next(row for row in there.centre.rows("--by", "queue") if row["queue"] == "sales")
    document = there.centre.get("/api/v1/kpi?by=queue", there.token)
    asked = next(row for row in document["rows"] if row["queue"] == "sales")
    for name in ("entered", "answered", "abandoned", "abandoned_short", "ring_no_answer", "transferred_out"):
        counted = there.prometheus.value(f"ringside_queue_{name}_total{SERIES}")
        assert counted == row[name] == asked[name], name
    assert row["entered"] == len(ANSWERED_S) + len(ABANDONED_S)
    seconds = there.prometheus.value(f"ringside_queue_talk_seconds_total{SERIES}")
    assert seconds == row["talk_ms"]["sum"] / 1000 == TALK_S * len(ANSWERED_S)


def check_waits(there: Place) -> None:
    for name, waits in (("wait", ANSWERED_S), ("abandon_wait", ABANDONED_S)):
        family = f"ringside_queue_{name}_seconds"
        buckets = {sample["metric"]["le"]: float(sample["value"][1])
                   for sample in there.prometheus.query(f"{family}_bucket{SERIES}")}
        assert buckets == {**{str(edge): sum(wait <= edge for wait in waits) for edge in EDGES_S}, "+Inf": len(waits)}
        assert there.prometheus.value(f"{family}_sum{SERIES}") == sum(waits)
        assert there.prometheus.value(f"{family}_count{SERIES}") == len(waits)
    half = there.prometheus.value(f"histogram_quantile(0.5, ringside_queue_wait_seconds_bucket{SERIES})")
    assert half is not None and 15 <= half <= 30, half  # the 14th of 28 waited 20 s


def check_rules(there: Place) -> None:
    groups = there.prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 15
    wait_for("all rules to be evaluated", lambda: all(
        rule["health"] == "ok" for group in there.prometheus.ask("rules")["groups"] for rule in group["rules"]))


def expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def test_the_dashboard_names_what_there_is() -> None:
    text = (EXAMPLES / "ringside-grafana.json").read_text()
    named = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    dashboard = json.loads(text)
    used = set(re.findall(r"\b(?:ringside|process)_\w+", json.dumps([dashboard["panels"], dashboard["templating"]])))
    assert len(used) > 25
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} <= named
    variables = {f"${variable['name']}" for variable in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$(?!__)\w+", " ".join(expressions(dashboard)))) <= variables
    assert [count for count in Counter(panel["id"] for panel in dashboard["panels"]).values() if count > 1] == []


def check_dashboard(there: Place) -> None:
    """Every expression is one, and tells something of this centre but where there is nothing to tell."""
    asked = []
    for expression in expressions(json.loads((EXAMPLES / "ringside-grafana.json").read_text())):
        for word, value in DASHBOARD_WORDS.items():
            expression = expression.replace(word, value)
        assert "$" not in expression
        there.prometheus.query(expression)
        if "ringside_queue_operators" not in expression:  # a log alone does not tell of them
            asked.append(expression)
    assert len(asked) > 30
    wait_for("the dashboard's panels to show something", lambda: all(map(there.prometheus.query, asked)))


def check_restart(there: Place, before: int) -> None:
    """A counter reset and nothing more: what comes afterwards is counted once, what was there is not."""
    daemon = there.centre.daemon
    assert daemon
    daemon.stop()
    there.centre.start()
    there.centre.wait_until_listening()
    there.aim()
    entered = f"ringside_queue_entered_total{SERIES}"
    there.wait_for_counter("entered", 0)
    there.calls.write(there.calls.now_s - 300, AFTERWARDS_S, answered=True)
    there.wait_for_counter("entered", len(AFTERWARDS_S))
    assert there.prometheus.value(f"resets({entered}[5m])") == 1
    samples = [float(value) for _, value in there.prometheus.query(f"{entered}[5m]")[0]["values"]]
    steps = [now - last if now >= last else now for last, now in zip(samples, samples[1:])]
    assert samples[0] == 0 and sum(steps) == before + len(AFTERWARDS_S)
    grown = there.prometheus.value(f"increase({entered}[5m])")
    assert grown is not None and abs(grown - sum(steps)) <= 0.2 * sum(steps)  # extrapolated
    row = next(row for row in there.centre.rows("--by", "queue") if row["queue"] == "sales")
    assert row["entered"] == before + len(AFTERWARDS_S)


def test_prometheus_scrapes_the_centre(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        there.calls.write(there.calls.now_s - 1800, ANSWERED_S, answered=True)
        there.calls.write(there.calls.now_s - 900, ABANDONED_S, answered=False)
        check_targets(there)
        there.wait_for_counter("answered", len(ANSWERED_S))
        there.wait_for_counter("abandoned", len(ABANDONED_S))
        check_text(there)
        check_figures(there)
        check_waits(there)
        check_rules(there)
        check_restart(there, len(ANSWERED_S) + len(ABANDONED_S))
        check_dashboard(there)


def test_the_rules_pass_their_own_tests() -> None:
    for command in (("check", "rules", "ringside-alerts.yml"), ("test", "rules", "ringside-alerts-test.yml"),
                    ("check", "config", "--syntax-only", "scrape.yml")):
        done = subprocess.run(["promtool", *command], cwd=EXAMPLES, capture_output=True, text=True, timeout=PATIENCE_S,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr
