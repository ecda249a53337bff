"""The report of ./dev bench, from figures made up here: what is judged, how it reads, what programs get."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from budgets import BUDGETS, judged, unjudged
from figure import Figure, absent, compared, limit, peer
from report import WIDTH, document, figure_lines, number, show, table

FACTS = {"processor": "Some Processor", "cores": 2, "memory_mb": 4096, "kernel": "6.1", "load": 0.1, "size": "small"}
NINE = {"import", "agent", "ledger", "wire", "wire-day", "status", "ingest", "sessions", "query"}
AT_LEAST = {("import", "speed"), ("ingest", "live"), ("ingest", "backlog"), ("sessions", "sites"), ("sessions", "back")}
# What is promised; None: the target depends on the run, or there is none.
PROMISED = {("import", "speed"): None, ("agent", "processor"): 0.3, ("agent", "fsync"): 1, ("agent", "private"): 4,
            ("agent", "resident"): 8, ("ledger", "leg"): 32, ("wire", "interval"): 140, ("wire-day", "live"): 3,
            ("wire-day", "quiet"): 0.3, ("status", "p99"): 5, ("ingest", "live"): 200000,
            ("ingest", "backlog"): 200000, ("sessions", "sites"): None, ("sessions", "back"): None,
            ("sessions", "last"): 60, ("sessions", "dropped"): 0, ("sessions", "processor"): None,
            ("query", "hour"): 200}


def everything() -> list[Figure]:
    """Each target met exactly; of those without a number, 100 of 100."""
    figures = []
    for row, budget in BUDGETS.items():
        for name, target in budget.targets.items():
            open_ended = target.budget is None and not target.at_least
            value = target.budget if target.budget is not None else 100.0
            figures.append(judged(row, name, value, budget=None if open_ended else value))
    return figures


def told(figures: list[Figure]) -> dict[str, Any]:
    made = document(figures, FACTS, {"import": {"failed": None, "seconds": 1.0}}, {"runs": 5})
    return json.loads(json.dumps(made))


def test_nine_budgets_with_their_numbers_and_directions() -> None:
    assert set(BUDGETS) == NINE
    targets = {(row, name): target for row, budget in BUDGETS.items() for name, target in budget.targets.items()}
    assert {key: target.budget for key, target in targets.items()} == PROMISED
    assert {key for key, target in targets.items() if target.at_least} == AT_LEAST


@pytest.mark.parametrize("key", [key for key in PROMISED if key != ("sessions", "processor")])
def test_a_target_is_met_to_the_number_and_missed_beyond(key: tuple[str, str]) -> None:
    budget = PROMISED[key] if PROMISED[key] is not None else 100.0
    beyond = -1 if key in AT_LEAST else 1
    assert judged(*key, budget, budget=budget).met is True
    assert judged(*key, budget - beyond, budget=budget).met is True
    assert judged(*key, budget + beyond, budget=budget).met is False


def test_the_median_of_the_runs_is_judged() -> None:
    figure = judged("ledger", "leg", [40.0, 30.0, 31.0])
    assert (figure.value, figure.least, figure.most, figure.met) == (31.0, 30.0, 40.0, True)
    assert figure.ratio == pytest.approx(31 / 32)
    assert judged("ledger", "leg", [40.0, 33.0, 31.0]).met is False


def test_ratios_to_what_stands_beside() -> None:
    split = limit("splitting", [20e6, 30e6, 10e6])
    assert (split.value, split.least, split.most) == (20e6, 10e6, 30e6)
    figure = judged("import", "speed", 4e6, split, budget=3e6)
    assert figure.ratio_to(split) == pytest.approx(0.2)
    assert figure.ratio == pytest.approx(4 / 3)


@pytest.mark.parametrize("ours, theirs, at_least, better",
                         [(4.0, 2.0, True, True), (2.0, 4.0, True, False), (4.0, 2.0, False, False),
                          (2.0, 4.0, False, True), (2.0, 2.0, True, None)])
def test_who_is_better(ours: float, theirs: float, at_least: bool, better: bool | None) -> None:
    other = peer("other", "1.0", [theirs])
    figure = compared("something", "x", [ours], other, at_least=at_least)
    assert figure.better_than(other) is better
    line = figure_lines(figure)[1]
    assert line.split()[:3] == ["other", "1.0", number(theirs)]
    assert line.split()[-1] == {True: "better", False: "worse", None: "1.00"}[better]


def test_a_missed_budget_is_marked_and_named() -> None:
    figures = everything()
    good = table(figures, FACTS)
    count = sum(figure.met is not None for figure in figures)
    assert "MISSED" not in good and f"{count} of {count} figures meet their budget\n" in good
    at = next(at for at, figure in enumerate(figures) if figure.row == "status")
    figures[at] = judged("status", "p99", 5.1)
    lines = table(figures, FACTS).splitlines()
    marked = [line for line in lines if line.endswith("MISSED")]
    assert len(marked) == 1 and marked[0].startswith("status query: p99") and "<= 5 " in marked[0]
    assert f"{count - 1} of {count} figures meet their budget; missed: status query" in lines
    budgets = {one["key"]: one for one in told(figures)["budgets"]}
    assert {key for key, one in budgets.items() if not one["met"]} == {"status"}


def test_a_budget_that_nobody_measured_is_not_passed_over() -> None:
    figures = [figure for figure in everything() if figure.row != "query"]
    text = table(figures, FACTS)
    assert unjudged(figures) == ["query"]
    assert "central query: not measured" in text.splitlines()
    assert text.splitlines()[-2].endswith("; not measured: central query")
    assert [one["met"] for one in told(figures)["budgets"] if one["key"] == "query"] == [None]
    assert "not measured" not in table(figures, FACTS, whole=False)


def test_every_budget_has_its_row_before_the_peers() -> None:
    figures = [compared("legs", "bytes", [19], peer("other", "1", [80])), *everything()]
    lines = table(figures, FACTS).splitlines()
    peers_at = next(at for at, line in enumerate(lines) if line.startswith("beside peers"))
    for budget in BUDGETS.values():
        for target in budget.targets.values():
            assert any(line.startswith(f"{budget.title}: {target.name}"[:51]) for line in lines[:peers_at])
    assert lines[peers_at + 1].startswith("legs") and lines[peers_at + 2].startswith("  other 1")


def test_a_peer_that_is_not_there_has_a_row_that_says_so() -> None:
    figure = compared("legs", "bytes", [19], absent("mtail", "not installed (platform/setup bench)"))
    assert figure_lines(figure)[1] == "  mtail: not installed (platform/setup bench)"
    beside = told([figure])["peers"][0]["beside"][0]
    assert (beside["name"], beside["median"], beside["ratio"], beside["better"]) == ("mtail", None, None, None)
    assert beside["note"] == "not installed (platform/setup bench)"


def test_it_fits_a_terminal() -> None:
    long = "a note that goes on and on, " * 20
    figures = [*everything(), judged("wire", "interval", [123456789.0, 234567890.5], budget=1e9, size="of 5000 sites"),
               compared("x" * 80, "y" * 40, [1, 2], peer("z" * 60, "1.2.3", [3, 4], long), absent("w" * 50, long))]
    for line in table(figures, FACTS).splitlines():
        assert len(line) <= WIDTH, line


def test_a_busy_machine_is_told() -> None:
    assert "busy" not in table(everything(), FACTS)
    assert table(everything(), {**FACTS, "load": 1.5}).splitlines()[-1].endswith("others kept it busy: load 1.5")


def test_a_goal_beside_the_nine_is_shown_when_missed() -> None:
    goals = [Figure("a page", 5, "ms", 50), Figure("  p99", 60, "ms", 50), Figure("a request", 5, "ms", 50)]
    lines = table([*everything(), *goals], FACTS).splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("other goals that were missed"))
    assert lines[at + 1].startswith("a page: p99 ") and lines[at + 1].endswith(" MISSED")
    assert lines[at + 2] == "" and not any("a request" in line for line in lines)
    assert show(goals).count("MISSED") == 1 and "a request" in show(goals)


def test_the_same_note_is_read_once() -> None:
    figure = compared("legs", "bytes", [19], peer("one", "1", [80], "holds less"), peer("two", "2", [70], "holds less"))
    assert sum("holds less" in line for line in figure_lines(figure)) == 1


def test_the_document() -> None:
    figures = [*everything(), compared("legs", "bytes", [19, 21, 20], peer("other", "1.0", [80, 82], "less")),
               Figure("  commits", 7, "")]
    made = told(figures)
    assert set(made) == {"schema", "at", "machine", "parts", "sizes", "budgets", "peers", "details"}
    assert made["machine"] == FACTS
    assert [one["key"] for one in made["budgets"]] == list(BUDGETS)
    for one in made["budgets"]:
        assert set(one) == {"key", "title", "promise", "figures", "met"}
        assert len(one["figures"]) == len(BUDGETS[one["key"]].targets)
    figure = made["peers"][0]
    assert {key: figure[key] for key in ("name", "unit", "median", "min", "max", "runs", "budget", "direction")} == {
        "name": "legs", "unit": "bytes", "median": 20, "min": 19, "max": 21, "runs": [19, 21, 20], "budget": None,
        "direction": None}
    assert figure["beside"] == [{"kind": "peer", "name": "other", "version": "1.0", "median": 81, "min": 80, "max": 82,
                                 "runs": [80, 82], "ratio": 20 / 81, "better": True, "note": "less"}]
    speed = made["budgets"][0]["figures"][0]
    assert (speed["direction"], speed["met"], speed["ratio"]) == ("at least", True, 1.0)
    assert made["details"] == [{**made["details"][0], "name": "commits", "median": 7}]


@pytest.mark.parametrize("value, text", [(0, "0"), (3e6, "3.00 M"), (123456, "123 k"), (2500.4, "2500"),
                                         (1.23456, "1.23"),
                                         (0.0001234, "0.0001"), (None, "-")])
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text
