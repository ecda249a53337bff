"""The comparison that the other tests rest on must see every difference."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import compare
import kpi_rows
from oracle import Oracle
from scenario_file import INTERVAL_S, load

BUSY = Path(__file__).resolve().parent / "service_levels.scn"


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    return Oracle(load(BUSY).write(tmp_path)).rows(INTERVAL_S)


def changed(rows: list[dict[str, Any]], *path: str) -> list[dict[str, Any]]:
    """The rows with one value of the first made wrong."""
    out = copy.deepcopy(rows)
    holder: dict[str, Any] = out[0]
    for part in path[:-1]:
        holder = holder[part]
    value = holder[path[-1]]
    holder[path[-1]] = not value if isinstance(value, bool) else 1 if value is None else value + 2
    return out


FIELDS = (
    *((name,) for name in (*kpi_rows.FLOW, *kpi_rows.WAITING, "balanced", "asa_ms", "aht_ms", "abandon_rate")),
    *(("cohort", name) for name in kpi_rows.COHORT),
    *((f"{kind}_ms", part) for kind in kpi_rows.DURATIONS
      for part in ("count", "sum", "mean", "p50", "p90", "p95", "p99", "max")),
    ("service_level", "value"),
)


def test_equal_rows_do_not_differ(rows: list[dict[str, Any]]) -> None:
    assert compare.differences(rows, copy.deepcopy(rows), {}) == []


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_every_field_is_compared(rows: list[dict[str, Any]], path: tuple[str, ...]) -> None:
    assert compare.differences(rows, changed(rows, *path), {})


def test_a_missing_and_a_strange_row_are_seen(rows: list[dict[str, Any]]) -> None:
    strange = {**copy.deepcopy(rows[0]), "queue": "nobody"}
    assert compare.differences(rows, rows[1:], {})
    assert compare.differences(rows, [*rows, strange], {})
    with pytest.raises(AssertionError):
        compare.differences(rows, [*rows, rows[0]], {})


@pytest.mark.parametrize("true_ms, found_ms, fine", (
    (20000, 20000, True), (20000, 20001, False), (999000, 1000000, False), (7, 7, True), (7, 8, False),
    (1234000, 1240000, True), (1234000, 1233999, False), (1234000, 1250000, False), (20500, 20600, True),
    (None, None, True), (None, 0, False), (0, None, False),
))
def test_percentiles_are_exact_on_edges_and_one_percent_above_at_most_elsewhere(
        true_ms: int, found_ms: int, fine: bool) -> None:
    assert compare.percentile_ok(true_ms, found_ms) is fine


def test_nearest_rank() -> None:
    assert [kpi_rows.percentile([10, 20, 30, 40], percent) for percent in (25, 50, 51, 100)] == [10, 20, 30, 40]
    assert kpi_rows.percentile([5], 1) == 5


def test_quality_counters_are_compared() -> None:
    for name in compare.CHECKED_QUALITY:
        assert compare.quality_differences({name: 1}, {})
        assert compare.quality_differences({}, {name: 1})
    assert compare.quality_differences({"lines": 1}, {"lines": 2, "unknown_verbs": 0}) == []
