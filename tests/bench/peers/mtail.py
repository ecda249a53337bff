"""mtail, which turns logs into metrics, on the log that we import."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any, Iterator

import procfs
from figure import MB, Figure, compared, peer, say
from importing import import_command
from ingest import one_core
from logs import big_log, count_lines
from peers.tool import Run, attempt, measured, program, rounds, version

# As its own documentation has a program look; times of the rows, as ours.
PROGRAM = r"""
counter queue_events by queue, verb
histogram queue_wait_seconds by queue buckets 0, 5, 10, 20, 30, 60, 120, 300, 600
histogram queue_talk_seconds by queue buckets 0, 30, 60, 120, 300, 600, 1800, 3600

/^(?P<at>\d+)\|[^|]*\|(?P<queue>[^|]*)\|[^|]*\|(?P<verb>[A-Z]+)\|(?P<rest>.*)$/ {
  settime(int($at))
  queue_events[$queue][$verb]++
  /\|CONNECT\|(?P<answered>\d+)/ {
    queue_wait_seconds[$queue] = $answered
  }
  /\|ABANDON\|\d+\|\d+\|(?P<abandoned>\d+)/ {
    queue_wait_seconds[$queue] = $abandoned
  }
  /\|COMPLETE(CALLER|AGENT)\|\d+\|(?P<talked>\d+)/ {
    queue_talk_seconds[$queue] = $talked
  }
}
"""
LESS = ("It counts rows by queue and verb and two histograms with fixed buckets, in memory: it joins no rows to calls, "
        "knows no calls that wait or were lost, keeps nothing.")
NAME = "mtail"


def mtail_command(home: Path, log: Path) -> list[Any]:
    (home / "queue.mtail").write_text(PROGRAM)
    return [*one_core(), program(NAME), "--one_shot", "--progs", home / "queue.mtail", "--logs", log, "--logtostderr"]


def mtail_run(home: Path, log: Path) -> Run:
    run = measured(mtail_command(home, log))
    if b"ENTERQUEUE" not in run.out:
        raise RuntimeError("it counted nothing")
    return run


def our_run(bin_dir: Path, home: Path, log: Path) -> Run:
    run = measured(import_command(bin_dir, home / "ledger", log))
    shutil.rmtree(home / "ledger")
    return run


def bench_mtail(bin_dir: Path, _sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    log = big_log(args.peer_lines)
    lines = count_lines(log)
    ours: list[Run] = []
    theirs: list[Run] = []
    gone = memory = None
    for _ in rounds(args.peer_runs, "one log, imported and by mtail"):
        ours.append(our_run(bin_dir, home, log))
        if not gone:
            run, gone = attempt(NAME, lambda: mtail_run(home, log))
            theirs += [run] if run else []
    say("the memory of both")
    our_memory = procfs.sampled(import_command(bin_dir, home / "ledger", log))
    if not gone:
        memory, gone = attempt(NAME, lambda: procfs.sampled(mtail_command(home, log)))
    for name, unit, value, at_least in (
            ("a log read to its end, a core", "lines/s", lambda run: lines / run.wall_s, True),
            ("  processor time a line", "us", lambda run: 1e6 * run.cpu_s / lines, False)):
        yield compared(name, unit, list(map(value, ours)),
                       gone or peer(NAME, version(NAME), list(map(value, theirs)), LESS if at_least else ""),
                       at_least=at_least)
    for name, key in (("  peak resident, ours with its ledger mapped", "peak"), ("  peak private", "anonymous")):
        yield compared(name, "MB", [our_memory[key] / MB],
                       gone or peer(NAME, version(NAME), [memory[key] / MB]))
