"""All that two ledgers of the same history must say alike, and a simulated history to fill them with."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import compare
from ringside import Books

SIM = Path(__file__).resolve().parents[1] / "sim" / "sim.py"
DAY_S = 86400

Answers = dict[Any, dict[str, Any]]


def history_start_s() -> int:
    """Old enough that the daemon's clock does not reach the simulated one, young enough for every retention."""
    return int(time.time()) // DAY_S * DAY_S - 30 * DAY_S


def sim_options(seed: int) -> list[str]:
    start = datetime.fromtimestamp(history_start_s(), timezone.utc).isoformat()
    return ["--seed", str(seed), "--start", start, "--flat", "--holds", "--calls-per-day", "2000", "--restart-every",
            "0.4"]


def simulate(log: Path, seed: int, *options: str) -> None:
    subprocess.run([sys.executable, SIM, "--out", log, *sim_options(seed), *options], check=True, timeout=60)


def span() -> tuple[int, int]:
    start_s = history_start_s()
    return start_s - DAY_S, start_s + 29 * DAY_S


def answers(books: Books) -> Answers:
    status = books.status()
    held: Answers = {"quality": status["quality"],
                     "ledger": {name: status["ledger"][name] for name in ("legs", "intervals")}}
    for by in ("queue", "queue,interval"):
        held.update(compare.by_key(books.kpi(*span(), by=by)))
    return held


def differences(expected: Answers, found: Answers, ignored: tuple[str, ...] = ()) -> list[str]:
    """`ignored` names fields or quality counters."""
    problems = [f"{key}: a row that was not expected" for key in found.keys() - expected.keys()]
    problems += [f"{key} {name}: {found.get(key, {}).get(name)} instead of {value}"
                 for key, row in expected.items() for name, value in row.items()
                 if name not in ignored and found.get(key, {}).get(name) != value]
    return problems
