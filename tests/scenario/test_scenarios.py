"""Every *.scn file here, against the oracle and against the programs. See tests/support/scenario_file.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import compare
from oracle import Oracle
from ringside import Ledger
from scenario_file import INTERVAL_S, Scenario, field_of, load

FILES = sorted(Path(__file__).resolve().parent.glob("*.scn"))
HOUR_S, DAY_S = 3600, 86400


def unmet(scenario: Scenario, whole: list[dict[str, Any]], intervals: list[dict[str, Any]]) -> list[str]:
    """Expectations that the rows do not meet, by line of the scenario file."""
    rows = {**compare.by_key(whole), **compare.by_key(intervals)}
    out = []
    for wanted in scenario.expectations:
        row = rows.get((wanted.queue, wanted.at_s))
        if not wanted.fields:
            if row is not None and not compare.is_zero(row):
                out.append(f"line {wanted.line}: {wanted.queue} has a row: {row}")
            continue
        if row is None:
            out.append(f"line {wanted.line}: {wanted.queue} has no row")
            continue
        out += [f"line {wanted.line}: {name} is {field_of(row, name)}, not {value}"
                for name, value in wanted.fields.items() if not same(field_of(row, name), value)]
    return out


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and found is not None:
        return abs(found - wanted) <= compare.RATIO_SLACK
    return found == wanted and (found is None) == (wanted is None)


def unmet_quality(scenario: Scenario, quality: dict[str, int]) -> list[str]:
    return [f"quality {name} is {quality.get(name, 0)}, not {value}"
            for name, value in scenario.quality.items() if quality.get(name, 0) != value]


def level_of(rows: list[dict[str, Any]], queue: str) -> dict[str, Any]:
    return next(row["service_level"] for row in rows if row["queue"] == queue)


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_there_are_scenarios() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_oracle_meets_scenario(path: Path, tmp_path: Path) -> None:
    scenario = load(path)
    oracle = Oracle(scenario.write(tmp_path))
    problems = unmet(scenario, oracle.rows(), oracle.rows(INTERVAL_S)) + unmet_quality(scenario, oracle.quality)
    for level in scenario.levels:
        found = level_of(oracle.rows(None, level.method, seconds(level.threshold), seconds(level.short)), level.queue)
        if not same(found["value"], level.value):
            problems.append(f"line {level.line}: {found['value']}, not {level.value}")
    if scenario.legs:
        legs = [(leg.call_id, leg.outcome) for leg in oracle.legs]
        if legs != scenario.legs:
            problems.append(f"legs are {legs}")
    problems += [f"{row['queue']} {row['start']} does not balance"
                 for row in oracle.rows(INTERVAL_S) if not row["balanced"]]
    assert not problems, "\n".join([scenario.title, *problems])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ringside_meets_scenario(path: Path, tmp_path: Path) -> None:
    scenario = load(path)
    logs = scenario.write(tmp_path)
    oracle = Oracle(logs)
    with Ledger(tmp_path / "ledger", logs) as ledger:
        problems = ringside_problems(scenario, oracle, ledger)
    assert not problems, "\n".join([scenario.title, *problems])


def ringside_problems(scenario: Scenario, oracle: Oracle, ledger: Ledger) -> list[str]:
    from_s, to_s = span_of(oracle)
    whole = ledger.kpi(from_s, to_s)
    intervals = ledger.kpi(from_s, to_s, by="queue,interval")
    hours = ledger.kpi(from_s, to_s, by="queue,hour")
    quality = ledger.status()["quality"]
    problems = unmet(scenario, whole, intervals) + unmet_quality(scenario, quality)
    problems += compare.differences(oracle.rows(), whole, oracle.quality)
    problems += compare.differences(oracle.rows(INTERVAL_S), intervals, oracle.quality)
    problems += compare.differences(oracle.rows(HOUR_S), hours, oracle.quality)
    problems += compare.quality_differences(oracle.quality, quality)
    for level in scenario.levels:
        rows = ledger.kpi(from_s, to_s, "--service-level", level.threshold, "--service-level-method", level.method,
                          "--short-abandon", level.short)
        found = level_of(rows, level.queue)
        if found["method"] != level.method or not same(found["value"], level.value):
            problems.append(f"line {level.line}: {found}, not {level.value}")
    return problems


def span_of(oracle: Oracle) -> tuple[int, int]:
    """Whole days around everything that the log tells."""
    starts = [start for _, start in oracle.buckets(DAY_S)]
    first = min(starts, default=oracle.facts.newest_s // DAY_S * DAY_S)
    return first, max(starts, default=first) + DAY_S
