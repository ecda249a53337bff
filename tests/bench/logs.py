"""Logs that the simulator makes."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Iterator

from figure import say

ROOT = Path(__file__).resolve().parents[2]
SIM = ROOT / "tests" / "sim" / "sim.py"
CACHE = ROOT / "build" / "bench"
LOG_DAYS_AGO = 85  # the log of 2 million lines spans 74 days: all of it within the retention of 90
LOG_KEPT_DAYS = 3  # the log made earlier is taken again so long


def run_sim(out: Path, start: datetime, *options: str) -> None:
    subprocess.run([sys.executable, SIM, "--out", out, "--start", start.isoformat(timespec="seconds"), *options],
                   check=True)


def big_log(lines: int) -> Path:
    """Simulated months, kept for the next bench."""
    CACHE.mkdir(parents=True, exist_ok=True)
    log = CACHE / f"queue_log-{lines}"
    if log.exists() and time.time() - log.stat().st_mtime < LOG_KEPT_DAYS * 86400:
        return log
    say(f"making a log of {lines} lines")
    fresh = log.with_name(log.name + ".new")
    fresh.unlink(missing_ok=True)
    start = (datetime.now(timezone.utc) - timedelta(days=LOG_DAYS_AGO)).replace(minute=0, second=0, microsecond=0)
    run_sim(fresh, start, "--lines", str(lines), "--calls-per-day", "8000", "--queues", "10", "--days", "3650")
    fresh.rename(log)
    return log


def iter_blocks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from iter(lambda: file.read(1 << 20), b"")


def count_lines(path: Path) -> int:
    return sum(block.count(b"\n") for block in iter_blocks(path))
