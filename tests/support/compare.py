"""Compares rows of `ringside kpi --format json` with those of the oracle, field by field."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Iterable, Optional

import kpi_rows

RATIO_SLACK = 1e-4  # how a ratio may be rounded when printed
MEAN_SLACK_MS = 1.0
EXACT_MS = 999_000  # whole seconds up to here are bin edges
CHECKED_QUALITY = (
    "unknown_verbs", "bad_lines", "long_lines", "refused_times", "late_events", "duplicate_lines", "orphan_ends",
    "orphan_starts", "double_ends", "rescued", "inferred_answers", "suspect_durations", "restarts", "reloads",
    "lost_restart", "lost_expired", "clock_steps",
)
REORDERING = ("late_events", "inferred_answers", "lost_expired", "clock_steps")  # these make waiting_max approximate

Key = tuple[str, Optional[int]]


def start_of(row: dict[str, Any]) -> Optional[int]:
    if "start" not in row:
        return None
    return int(datetime.fromisoformat(row["start"].replace("Z", "+00:00")).timestamp())


def by_key(rows: Iterable[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    for row in rows:
        key = (row["queue"], start_of(row))
        assert key not in found, f"two rows for {key}"
        found[key] = row
    return found


def is_zero(row: dict[str, Any]) -> bool:
    return not any(row[name] for name in (*kpi_rows.FLOW, *kpi_rows.WAITING)) and not any(row["cohort"].values())


def near(expected: Optional[float], found: Optional[float], slack: float) -> bool:
    if expected is None or found is None:
        return expected is found
    return abs(expected - found) <= slack


def percentile_ok(true_ms: Optional[int], found_ms: Optional[float]) -> bool:
    """Exact where the value is a bin edge; else not below the true value and at most 1 % above."""
    if true_ms is None or found_ms is None:
        return true_ms is found_ms
    if true_ms <= 999 or (true_ms <= EXACT_MS and true_ms % 1000 == 0):
        return found_ms == true_ms
    return true_ms <= found_ms <= true_ms * 1.01


def duration_differences(name: str, expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    out = [f"{name}.{part}: {found[part]} instead of {expected[part]}"
           for part in ("count", "sum", "max") if found[part] != expected[part]]
    if not near(expected["mean"], found["mean"], MEAN_SLACK_MS):
        out.append(f"{name}.mean: {found['mean']} instead of {expected['mean']}")
    out += [f"{name}.p{percent}: {found[f'p{percent}']} for a true {expected[f'p{percent}']}"
            for percent in kpi_rows.PERCENTS
            if not percentile_ok(expected[f"p{percent}"], found[f"p{percent}"])]
    return out


def row_differences(expected: dict[str, Any], found: dict[str, Any], exact_max: bool) -> list[str]:
    counters = (*kpi_rows.FLOW, "waiting_start", "waiting_end", "balanced") + (("waiting_max",) if exact_max else ())
    out = [f"{name}: {found[name]} instead of {expected[name]}" for name in counters if found[name] != expected[name]]
    if found["waiting_max"] < max(found["waiting_start"], found["waiting_end"]):
        out.append("waiting_max is below waiting_start or waiting_end")
    out += [f"cohort.{name}: {found['cohort'][name]} instead of {expected['cohort'][name]}"
            for name in kpi_rows.COHORT if found["cohort"][name] != expected["cohort"][name]]
    for kind in kpi_rows.DURATIONS:
        out += duration_differences(f"{kind}_ms", expected[f"{kind}_ms"], found[f"{kind}_ms"])
    slacks = {"asa_ms": MEAN_SLACK_MS, "aht_ms": MEAN_SLACK_MS, "abandon_rate": RATIO_SLACK}
    out += [f"{name}: {found[name]} instead of {expected[name]}"
            for name, slack in slacks.items() if not near(expected[name], found[name], slack)]
    if not near(expected["service_level"]["value"], found["service_level"]["value"], RATIO_SLACK):
        out.append(f"service_level: {found['service_level']} instead of {expected['service_level']}")
    return out


def differences(expected_rows: list[dict[str, Any]], found_rows: list[dict[str, Any]],
                quality: dict[str, int]) -> list[str]:
    """What differs, one line each; empty when all is well. `quality` is the oracle's."""
    expected, found = by_key(expected_rows), by_key(found_rows)
    exact_max = not any(quality.get(name) for name in REORDERING)
    out = [f"{key}: no such row" for key in expected if key not in found]
    out += [f"{key}: nothing happened there" for key, row in found.items() if key not in expected and not is_zero(row)]
    for key in expected.keys() & found.keys():
        out += [f"{key}: {line}" for line in row_differences(expected[key], found[key], exact_max)]
    return out


def quality_differences(expected: dict[str, int], found: dict[str, int]) -> list[str]:
    return [f"quality {name}: {found.get(name, 0)} instead of {expected.get(name, 0)}"
            for name in CHECKED_QUALITY if found.get(name, 0) != expected.get(name, 0)]
