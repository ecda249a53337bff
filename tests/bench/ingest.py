"""What the clerk does a second with the batches of many sites."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

from budgets import judged
from figure import MB, Figure, limit, say
from fleet import quick_dir
from limits import tcp_bytes_s
from wire import CALLS, QUEUES, site_ledger

PIECES = (("decoding", "decode_s"), ("admitting", "admit_s"), ("putting", "put_s"), ("committing", "commit_s"),
          ("adding up hours and days", "roll_s"))
INGEST_RUNS = 3


def one_core() -> list[str]:
    """The last of the cores we may use: the first one takes most interrupts."""
    return ["taskset", "-c", str(max(os.sched_getaffinity(0)))]


def run(bin_dir: Path, ledger: Path, home: Path, *options: str) -> dict[str, Any]:
    """The registry lies where a sync costs nothing: making a thousand sites is not what is measured."""
    directory = home / "centre"
    directory.mkdir()
    with tempfile.TemporaryDirectory(prefix="ringside-bench-", dir=quick_dir()) as quick:
        done = subprocess.run([*one_core(), bin_dir / "bench_ingest", ledger, directory, "--registry", quick, *options],
                              check=True, capture_output=True, text=True)
    shutil.rmtree(directory)
    return json.loads(done.stdout)


def rates(done: dict[str, Any], name: str) -> Iterator[Figure]:
    count = done["intervals"]
    yield Figure(f"queue-intervals, {name}, a core", count / done["cpu_s"], "1/s")
    yield Figure("  by the wall clock", count / done["wall_s"], "1/s")
    yield Figure("  intervals a batch", count / done["batches"], "")
    yield Figure("  the store, an interval with its cells", done["used_bytes"] / count, "bytes")


def pieces(done: dict[str, Any]) -> Iterator[Figure]:
    count = done["intervals"]
    for name, key in PIECES:
        yield Figure(f"  {name}, an interval", 1e6 * done[key] / count, "us")
    yield Figure("  protobuf-c unpacking alone", 1e6 * done["unpack_s"] / count, "us")
    yield Figure("  LMDB appending the same bytes alone", 1e6 * done["lmdb_cpu_s"] / count, "us")
    limit_s = done["unpack_s"] + done["lmdb_cpu_s"]
    yield Figure("  all of it to these two together", done["cpu_s"] / limit_s, "times")
    yield Figure("  bytes decoded", done["bytes"] / MB / done["cpu_s"], "MB/s")


def pattern(bin_dir: Path, ledger: Path, home: Path, args: argparse.Namespace, name: str) -> Iterator[Figure]:
    """LMDB gets the same bytes in as many records and commits, in each run after our own turn."""
    ours, lmdb, unpack, loopback = [], [], [], []
    done: dict[str, Any] = {}
    for number in range(INGEST_RUNS):
        say(f"{args.ingest_sites} sites' batches into the store, {name}, run {number + 1} of {INGEST_RUNS}")
        done = run(bin_dir, ledger, home, "--sites", str(args.ingest_sites), "--pattern", name, "--intervals",
                   str(args.ingest_intervals), "--pieces")
        count = done["intervals"]
        ours.append(count / done["cpu_s"])
        lmdb.append(count / done["lmdb_cpu_s"])
        unpack.append(count / done["unpack_s"])
        through = tcp_bytes_s(done["bytes"] // done["batches"], done["bytes"])
        loopback.append(through * count / done["bytes"])
    yield judged("ingest", name, ours, limit("LMDB appends the same records and commits", lmdb),
                 limit("protobuf-c unpacks them", unpack), limit("loopback carries the same batches", loopback))
    yield from rates(done, name)
    yield from pieces(done)


def bench_ingest(bin_dir: Path, sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    _, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", str(CALLS * QUEUES * 96), "--flat")
    for name in ("live", "backlog"):
        yield from pattern(bin_dir, ledger, home, args, name)
