"""The agent beside a busy centre's log that grows as fast as calls come."""

from __future__ import annotations

import argparse
import time
from collections import Counter
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


def bench_live(_bin_dir: Path, _log: Path, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    branch = Branch(home / "live", size_max="256MiB", commit_interval="1s", poll="1s")
    feed = Feed(home, branch, args.seconds + COUNTED_S)
    warm_lines = LIVE_WARM_S * LIVE_EVENTS_S
    say(f"the agent at {LIVE_EVENTS_S} events a second for {args.seconds} s")
    with branch.running() as agent:
        branch.wait_for_lines(agent, warm_lines)
        time.sleep(2)
        pid = agent.process.pid
        cpu_before_s, began = procfs.cpu_s(pid), time.monotonic()
        feed.run(args.seconds)
        busy_s, wall_s = procfs.cpu_s(pid) - cpu_before_s, time.monotonic() - began
        memory = procfs.memory(pid)
    say(f"its writes for {COUNTED_S} s")
    points = home / "points"
    agent = branch.start(LD_PRELOAD=str(branch.killpoint), RINGSIDE_KILL_LOG=str(points))
    try:
        feed.run(COUNTED_S)
    finally:
        agent.stop()
    passed = Counter(points.read_text().split())
    yield judged("agent", "processor", 100 * busy_s / wall_s)
    yield judged("agent", "fsync", passed["fdatasync"] / passed["meta"])
    yield judged("agent", "private", memory["anonymous"] / MB)
    yield judged("agent", "resident", memory["resident"] / MB)
    yield Figure(f"agent at {LIVE_EVENTS_S} events/s, processor", 100 * busy_s / wall_s, "% of a core", 0.3)
    yield Figure("agent, private memory (anonymous)", memory["anonymous"] / MB, "MB", 4)
    yield Figure("  with file pages nobody else maps", memory["private"] / MB, "MB")
    yield Figure("agent, resident", memory["resident"] / MB, "MB", 8)
    yield Figure("  at its peak, while catching up", memory["peak"] / MB, "MB")
    yield Figure("fdatasync a commit", passed["fdatasync"] / passed["meta"], "", 1)
    yield Figure("commits a second", passed["meta"] / COUNTED_S, "")
