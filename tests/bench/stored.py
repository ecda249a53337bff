"""The centre's store and its questions, by the programs that know them: bench_store and bench_query."""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

from budgets import judged
from figure import Figure, say
from fleet import quick_dir
from ingest import one_core

STORED = re.compile(r"^(backlog|live) +(\d+) intervals: .*?\( *([\d.]+) us CPU\).*?\( *([\d.]+) us CPU\), together +"
                    r"(\d+)/s of")
ASKED = re.compile(r"^(\w+) +(\d+) rows  scope +(\d+) ms  query +(\d+) ms  json +(\d+) ms", re.MULTILINE)
QUERY_MS = 200
ASKING_RUNS = 3
QUICK_SITES = 100  # whose store fits into memory
# Questions about 1,000 sites of 10 queues, 30 days; the first one is judged by the report.
QUESTIONS = {"all_total_hour": ("all sites, 30 days by hour", None),
             "all_queue_hour": ("all sites, 30 days by queue and hour", QUERY_MS),
             "all_queue_day": ("all sites, 30 days by queue and day", None),
             "all_queue_hour_of_week": ("all sites, 30 days by queue and hour of the week", None),
             "all_site": ("all sites, 30 days by site", None),
             "one_site_hour": ("one site, 30 days by queue and hour", None)}


def bench_store(bin_dir: Path, _sim: Any, home: Path, _args: argparse.Namespace) -> Iterator[Figure]:
    say("the store alone")
    for what in ("backlog", "live"):
        done = subprocess.run([*one_core(), bin_dir / "bench_store", home / "store", what], check=True,
                              capture_output=True, text=True)
        found = STORED.search(done.stdout)
        if not found:
            raise RuntimeError(f"bench_store said {done.stdout!r}")
        yield Figure(f"queue-intervals into the store alone, {what}, a core", float(found[5]), "1/s")
        yield Figure("  putting and committing, an interval", float(found[3]), "us")
        yield Figure("  adding up hours and days, an interval", float(found[4]), "us")


def bench_query_centre(bin_dir: Path, _sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    say(f"a centre of 1,000 sites is built, {args.query_sites} of them with 30 days, and asked")
    took_ms: dict[str, list[float]] = {}
    rows: dict[str, tuple[int, int]] = {}
    # Where a sync costs nothing, unless it is too much for there: what is measured only reads.
    with tempfile.TemporaryDirectory(prefix="ringside-bench-",
                                     dir=quick_dir() if args.query_sites <= QUICK_SITES else home) as quick:
        for _ in range(ASKING_RUNS):  # each asks twice, the second time with a warm cache
            done = subprocess.run([*one_core(), bin_dir / "bench_query", quick, str(args.query_sites)], check=True,
                                  capture_output=True, text=True)
            second = {name: figures for name, *figures in ASKED.findall(done.stdout)}
            for name, (count, scope, query, json_ms) in second.items():
                took_ms.setdefault(name, []).append(int(scope) + int(query))
                rows[name] = int(count), int(json_ms)
    yield judged("query", "hour", took_ms["all_total_hour"],
                 size="" if args.query_sites == 1000 else f"data of {args.query_sites}")
    for name, (text, budget) in QUESTIONS.items():
        if name in took_ms:
            yield Figure(f"{text}, {rows[name][0]} rows", statistics.median(took_ms[name]), "ms", budget)
            yield Figure("  and as JSON text", rows[name][1], "ms")
