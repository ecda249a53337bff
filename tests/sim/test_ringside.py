"""The programs against simulated weeks: imported in one go, every figure must be the oracle's, the sums the sim's."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import compare
import kpi_rows
from oracle import Oracle
from ringside import Ledger
from test_sim import logs_of, run_sim

HOUR_S, DAY_S = 3600, 86400
DAYS = 6


def recent_start() -> int:
    """Within every retention, whenever the tests run."""
    return int(time.time()) // DAY_S * DAY_S - 30 * DAY_S


def totals(truth: dict[str, Any]) -> dict[str, Counter]:
    found: dict[str, Counter] = {}
    for queue, slots in truth["queues"].items():
        counters = Counter()
        for slot in slots.values():
            counters.update(slot["flow"])
        if any(counters.values()):
            found[queue] = counters
    return found


def check(tmp_path: Path, *options: str) -> None:
    start_s = recent_start()
    start = datetime.fromtimestamp(start_s, timezone.utc).isoformat()
    log = tmp_path / "logs" / "queue_log"
    log.parent.mkdir()
    truth = run_sim(log, "--start", start, "--days", str(DAYS), *options)
    logs = sorted(logs_of(log))
    oracle = Oracle(logs)
    with Ledger(tmp_path / "ledger", logs) as ledger:
        whole = ledger.kpi(*span(start_s))
        problems = compare.differences(oracle.rows(), whole, oracle.quality)
        for by, span_s in (("queue,interval", truth["interval_s"]), ("queue,hour", HOUR_S), ("queue,day", DAY_S)):
            rows = ledger.kpi(*span(start_s), by=by)
            problems += [f"{by} {line}" for line in compare.differences(oracle.rows(span_s), rows, oracle.quality)]
        problems += compare.quality_differences(oracle.quality, ledger.status()["quality"])
    assert not problems, "\n".join(problems[:40])
    by_queue = compare.by_key(whole)
    for queue, counters in totals(truth).items():
        assert {name: by_queue[queue, None][name] for name in kpi_rows.FLOW} == {
            name: counters[name] for name in kpi_rows.FLOW}


def span(start_s: int) -> tuple[int, int]:
    return start_s - DAY_S, start_s + (DAYS + 2) * DAY_S


@pytest.mark.parametrize("seed", (21, 22, 23))
def test_simulated_days(tmp_path: Path, seed: int) -> None:
    check(tmp_path, "--seed", str(seed), "--calls-per-day", "1500", "--holds", "--restart-every", "0.8")


def test_simulated_days_with_noise(tmp_path: Path) -> None:
    check(tmp_path, "--seed", "24", "--calls-per-day", "1500", "--noise", "5", "--noise-long")


@pytest.mark.parametrize("rotation", ("sequential", "rename", "timestamp"))
def test_simulated_days_in_rotated_parts(tmp_path: Path, rotation: str) -> None:
    check(tmp_path, "--seed", "25", "--calls-per-day", "800", "--rotate-every", "20000", "--rotation", rotation)
