#!/usr/bin/env python3
"""The long run: branches whose logs tell of a month, followed by real agents that send to a real collector, while logs
are rotated in every way and connections are cut all the time. Descriptors and threads must stay as they were after the
first tenth, memory may not grow in the second half, the ledgers must keep within their caps, and the totals of agents
and collector are those of the calls themselves."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parents[2] / "support"))

import kpi_rows
from branch import Agent, wait_for
from centre import Centre, Site
from gauge import HEAD, Gauge, look
from paper import KINDS, Paper
from proxy import Proxy
from ringside import bin_dir, run
from traffic import DAY_S, Traffic

CAP_BYTES = 16 * 1024 * 1024
SESSION_BYTES = 1200  # upward: with less the handshake has not come to its end
FULL = {"days": 30.0, "reconnects": 10000, "rotations": 1000, "sites": 4, "calls": 25000, "samples": 60,
        "growth": 64}
SMALL = {"days": 3.0, "reconnects": 40, "rotations": 30, "sites": 2, "calls": 2000, "samples": 8,
         "growth": 1024}  # of memory, KiB: here everything is warming up
SETTLE_S = 600
WHAT = ("entered", "answered", "abandoned")


class Cutter(threading.Thread):
    """Cuts a branch's connection again and again, at any moment of a session, until it was done often enough."""

    def __init__(self, proxy: Proxy, seed: int, wanted: int) -> None:
        super().__init__(daemon=True)
        self.proxy, self.wanted, self.done = proxy, wanted, 0
        self.held = threading.Event()
        self.stopped = False
        self._rng = random.Random(seed)

    def session(self) -> Optional[Any]:
        """The connection of this moment, once its handshake is over."""
        pipes = [pipe for pipe in self.proxy.pipes() if pipe.is_alive() and pipe.seen[True] > SESSION_BYTES]
        return pipes[-1] if pipes else None

    def run(self) -> None:
        while not self.stopped and self.done < self.wanted:
            pipe = None if self.held.is_set() else self.session()
            if pipe is None:
                time.sleep(0.005)
                continue
            time.sleep(self._rng.expovariate(1 / 0.02))
            if not self.held.is_set():
                pipe.close(hard=self._rng.random() < 0.5)
                pipe.join(5)
                self.done += 1


class Story:
    """A branch, its calls, its log, its agent and its line to the centre."""

    def __init__(self, home: Path, number: int, args: argparse.Namespace, centre: Centre, start_s: int) -> None:
        self.name = f"site{number}"
        busy = number == 0
        calls = args.calls if busy else max(args.calls // 50, 100)
        self.traffic = Traffic(args.seed * 100 + number, start_s, args.days, calls)
        steps = -(-args.rotations // args.sites)
        self.portions = self.traffic.portions(steps)
        self.proxy = Proxy(centre.port, args.seed, share=0.0)
        self.site = Site(home / self.name, self.name, size_max=str(CAP_BYTES), retry_max="100ms")
        self.paper = Paper(self.site.log)
        self.site.join(self.proxy.port, centre.add(self.name))
        self.agent: Agent = self.site.start(JOURNAL_STREAM="8:1")
        self.cutter = Cutter(self.proxy, args.seed + number, -(-args.reconnects // args.sites))
        self.gauge = Gauge(self.name)
        self.quality: dict[str, int] = {}
        self._rng = random.Random(args.seed + number)

    def step(self, number: int) -> None:
        rows = next(self.portions)
        cut = self._rng.randrange(len(rows) + 1)
        late = rows[cut:cut + 20]
        self.paper.write(rows[:cut])
        self.paper.rotate(KINDS[(number + self._rng.randrange(2)) % len(KINDS)], late)
        self.paper.write(rows[cut + 20:])

    def status(self) -> dict[str, Any]:
        answer = None
        while answer is None:
            assert self.agent.process.poll() is None, f"{self.name} ended\n{self.agent.said()}"
            answer = self.site.ask()
        self.quality = answer["quality"]
        return answer

    def read_all(self) -> bool:
        return self.status()["quality"]["lines"] >= self.paper.lines

    def close(self) -> None:
        self.cutter.stopped = True
        self.proxy.stop()
        self.paper.close()
        if self.agent.process.poll() is None:
            self.agent.kill()
        self.site.close()


def stored_bytes(centre: Centre) -> int:
    return sum(path.stat().st_blocks * 512 for path in centre.data.rglob("*.mdb"))


class Soak:
    def __init__(self, home: Path, args: argparse.Namespace) -> None:
        self.args = args
        self.start_s = int(time.time()) // DAY_S * DAY_S - int(args.days + 5) * DAY_S
        self.centre = Centre(home, size_max="256MiB")
        self.daemon = self.centre.start(JOURNAL_STREAM="8:1")
        self.centre.wait_until_listening()
        self.gauge = Gauge("collector")
        self.stories: list[Story] = []
        self.problems: list[str] = []
        self.shed: Counter = Counter()
        for number in range(args.sites):
            self.stories.append(Story(home, number, args, self.centre, self.start_s))

    def reconnects(self) -> int:
        return sum(story.cutter.done for story in self.stories)

    def sample(self) -> None:
        """With all lines up and nothing else under way."""
        for story in self.stories:
            story.cutter.held.set()
        for story in self.stories:
            wait_for(f"a session of {story.name}", lambda story=story: story.cutter.session() is not None)
            status = story.status()
            used = status["ledger"]["used_bytes"]
            story.gauge.samples.append(look(story.agent.process.pid, used))
            if used > CAP_BYTES or (story.site.ledger / "data.mdb").stat().st_size > CAP_BYTES:
                self.problems.append(f"{story.name}: the ledger has {used} bytes, its cap are {CAP_BYTES}")
        assert self.daemon.process.poll() is None, f"the collector ended\n{self.daemon.said()}"
        self.gauge.samples.append(look(self.daemon.process.pid, stored_bytes(self.centre)))
        for story in self.stories:
            story.cutter.held.clear()

    def run(self) -> None:
        steps = -(-self.args.rotations // self.args.sites)
        every = max(1, steps // self.args.samples)
        for story in self.stories:
            story.cutter.start()
        for number in range(steps):
            for story in self.stories:
                story.step(number)
                story.status()
                story.paper.forget(story.quality["lines"])
            while self.reconnects() < self.args.reconnects * (number + 1) // steps:
                assert self.daemon.process.poll() is None, f"the collector ended\n{self.daemon.said()}"
                time.sleep(0.02)
            if number % every == every - 1:
                self.sample()
                if self.args.verbose:
                    gauges = [self.gauge, *(story.gauge for story in self.stories)]
                    print(f"day {self.args.days * (number + 1) / steps:.1f}: {self.reconnects()} reconnects, "
                          f"{sum(story.paper.rotations for story in self.stories)} rotations, KiB:",
                          *(gauge.samples[-1].anonymous // 1024 for gauge in gauges), flush=True)

    def settle(self) -> None:
        for story in self.stories:
            story.cutter.stopped = True
            story.cutter.join()
            wait_for(f"all lines of {story.name}", story.read_all, SETTLE_S)
            wait_for(f"{story.name} to be delivered", story.site.is_delivered, SETTLE_S)

    def _compare(self, who: str, truth: Counter, rows: list[dict[str, Any]], kept_from_s: int) -> None:
        found: Counter = Counter()
        for row in rows:
            for what in WHAT:
                found[row["queue"], day_of(row), what] += row[what]
        for key in sorted(truth.keys() | found.keys()):
            if key[1] >= kept_from_s and truth[key] != found[key]:
                self.problems.append(f"{who}: {key} is {found[key]} instead of {truth[key]}")

    def compare(self) -> None:
        end_s = self.start_s + int(self.args.days + 2) * DAY_S
        span = ("--from", kpi_rows.rfc3339(self.start_s), "--to", kpi_rows.rfc3339(end_s))
        for story in self.stories:
            truth = story.traffic.truth
            self._compare(f"collector, {story.name}", truth,
                          self.centre.rows("--site", story.name, "--by", "queue,day", *span), 0)
            quality = story.status()["quality"]
            self.shed.update({name: quality.get(name, 0) for name in ("shed_legs", "shed_intervals")})
            if quality["lines"] != story.paper.lines or quality.get("gaps", 0) or quality.get("bad_lines", 0):
                self.problems.append(f"{story.name}: {story.paper.lines} lines were written, and it tells of {quality}")
            story.agent.stop()
            story.site.books.check()
            rows = json.loads(run(bin_dir() / "ringside", "kpi", "--ledger", story.site.ledger, "--format", "json", "--by",
                                  "queue,day", *span))["rows"]
            shed = quality.get("shed_intervals", 0) > 0
            kept_from_s = min(day_of(row) for row in rows) + DAY_S if shed else 0
            self._compare(story.name, truth, rows, kept_from_s)

    def judge(self) -> None:
        self.daemon.stop()
        for gauge in [self.gauge, *(story.gauge for story in self.stories)]:
            self.problems += gauge.problems(self.args.growth * 1024)
        for who, said in [("collector", self.daemon.said()), *((s.name, s.agent.said()) for s in self.stories)]:
            bad = [line for line in said.splitlines() if line[:3] in ("<0>", "<1>", "<2>", "<3>") or "were gone" in line]
            self.problems += [f"{who} said: {line}" for line in bad[:5]]
        if self.args.must_shed and not self.shed["shed_legs"]:
            self.problems.append("no ledger came to its cap: the run was too small for what it is to show")

    def close(self) -> None:
        for story in self.stories:
            story.close()
        self.centre.close()


def day_of(row: dict[str, Any]) -> int:
    return int(time.mktime(time.strptime(row["start"], "%Y-%m-%dT%H:%M:%SZ"))) // DAY_S * DAY_S


def parse(argv: Optional[list[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--small", action="store_true", help="half a minute instead of the full size")
    for name, full in FULL.items():
        add(f"--{name}", type=type(full), metavar="N", help=f"(default {full:g}, small {SMALL[name]:g})")
    add("--seed", type=int, default=1)
    add("--dir", type=Path, help="where ledgers and logs go meanwhile (default: a temporary directory)")
    add("--verbose", action="store_true", help="tell how far it is")
    args = parser.parse_args(argv)
    for name, value in (SMALL if args.small else FULL).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    args.must_shed = args.days >= FULL["days"] and args.calls >= FULL["calls"]
    return args


def soak(home: Path, args: argparse.Namespace) -> int:
    began = time.monotonic()
    whole = Soak(home, args)
    try:
        whole.run()
        whole.settle()
        whole.compare()
        whole.judge()
    finally:
        whole.close()
    print(HEAD)
    for gauge in [whole.gauge, *(story.gauge for story in whole.stories)]:
        print(gauge.row())
    for problem in whole.problems[:40]:
        print(problem)
    rotations = sum(story.paper.rotations for story in whole.stories)
    print(f"proof soak: {args.days:g} days, {args.sites} sites, {sum(s.paper.lines for s in whole.stories)} lines, "
          f"{rotations} rotations, {whole.reconnects()} reconnects, {whole.shed['shed_legs']} legs shed, "
          f"{time.monotonic() - began:.0f} s: {'FAILED' if whole.problems else 'all hold'}")
    return 1 if whole.problems else 0


def main(argv: Optional[list[str]] = None) -> int:
    os.environ["TZ"] = "UTC"
    time.tzset()
    args = parse(argv)
    home = Path(tempfile.mkdtemp(prefix="ringside-soak-", dir=args.dir))
    try:
        return soak(home, args)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
