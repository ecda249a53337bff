"""The agent beside a busy centre's log that grows as fast as calls come."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Iterator

import procfs
from branch import Branch
from budgets import judged
from figure import MB, Figure, say
from logs import run_sim

LIVE_EVENTS_S = 50
ROWS_A_CALL = 3.4  # of the simulator
LIVE_WARM_S = 600  # history before, so that calls of every age are open
COUNTED_S = 10
SPANS = 3


class Feed:
    """A busy centre's log, written row by row at 50 a second; the rows' own times run as fast."""

    def __init__(self, home: Path, branch: Branch, seconds: float) -> None:
        everything = home / "everything"
        start = datetime.now(timezone.utc) - timedelta(seconds=LIVE_WARM_S + 60)
        wanted = int((LIVE_WARM_S + seconds + 60) * LIVE_EVENTS_S)
        calls_a_day = LIVE_EVENTS_S * 86400 / ROWS_A_CALL
        run_sim(everything, start, "--lines", str(wanted), "--calls-per-day", str(calls_a_day), "--flat",
                "--queues", "10", "--restart-every", "0", "--talk", "60", "--days", "30")
        rows = everything.read_bytes().splitlines(keepends=True)
        self._rows = iter(rows[LIVE_WARM_S * LIVE_EVENTS_S:])
        branch.log.write_bytes(b"".join(rows[:LIVE_WARM_S * LIVE_EVENTS_S]))
        self._log = open(branch.log, "ab", buffering=0)

    def run(self, seconds: float) -> None:
        began = time.monotonic()
        for number in range(int(seconds * LIVE_EVENTS_S)):
            self._log.write(next(self._rows))
            ahead_s = (number + 1) / LIVE_EVENTS_S - (time.monotonic() - began)
            if ahead_s > 0:
                time.sleep(ahead_s)


@dataclass
class Span:
    processor: float  # % of a core
    memory: dict[str, int]  # at its end


def watched(pid: int, feed: Feed, seconds: float) -> Span:
    cpu_before_s, began = procfs.cpu_s(pid), time.monotonic()
    feed.run(seconds)
    return Span(100 * (procfs.cpu_s(pid) - cpu_before_s) / (time.monotonic() - began), procfs.memory(pid))


def bench_live(_bin_dir: Path, _log: Path, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    branch = Branch(home / "live", size_max="256MiB", commit_interval="1s", poll="1s")
    feed = Feed(home, branch, args.seconds + COUNTED_S)
    warm_lines = LIVE_WARM_S * LIVE_EVENTS_S
    say(f"the agent at {LIVE_EVENTS_S} events a second for {args.seconds} s")
    with branch.running() as agent:
        branch.wait_for_lines(agent, warm_lines)
        time.sleep(2)
        spans = [watched(agent.process.pid, feed, args.seconds / SPANS) for _ in range(SPANS)]
    memory = spans[-1].memory
    yield judged("agent", "processor", [span.processor for span in spans])
    yield judged("agent", "private", [span.memory["anonymous"] / MB for span in spans])
    yield judged("agent", "resident", [span.memory["resident"] / MB for span in spans])
    yield Figure(f"agent at {LIVE_EVENTS_S} events/s, processor",
                 statistics.mean(span.processor for span in spans), "% of a core")
    yield Figure("agent, private memory (anonymous)", memory["anonymous"] / MB, "MB")
    yield Figure("  with file pages nobody else maps", memory["private"] / MB, "MB")
    yield Figure("agent, resident", memory["resident"] / MB, "MB")
    yield Figure("  at its peak, while catching up", memory["peak"] / MB, "MB")
    say(f"its writes for {COUNTED_S} s")
    points = home / "points"
    agent = branch.start(LD_PRELOAD=str(branch.killpoint), RINGSIDE_KILL_LOG=str(points))
    try:
        feed.run(COUNTED_S)
    finally:
        agent.stop()
    passed = Counter(points.read_text().split())
    yield judged("agent", "fsync", passed["fdatasync"] / passed["meta"])
    yield Figure("fdatasync a commit", passed["fdatasync"] / passed["meta"], "")
    yield Figure("commits a second", passed["meta"] / COUNTED_S, "")
