"""The centre's store and its questions, by the programs that know them: bench_store and bench_query."""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

from figure import Figure, say
from fleet import quick_dir
from ingest import one_core

STORED = re.compile(r"^(backlog|live) +(\d+) intervals: .*?\( *([\d.]+) us CPU\).*?\( *([\d.]+) us CPU\), together +"
                    r"(\d+)/s of")
ASKED = re.compile(r"^(\w+) +(\d+) rows  scope +(\d+) ms  query +(\d+) ms  json +(\d+) ms", re.MULTILINE)
QUERY_MS = 200
# Questions about 1,000 sites of 10 queues, 30 days; those with a budget first.
QUESTIONS = {"all_total_hour": ("all sites, 30 days by hour", QUERY_MS),
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


def bench_query_centre(bin_dir: Path, _sim: Any, _home: Path, _args: argparse.Namespace) -> Iterator[Figure]:
    say("a centre of 1,000 sites is built and asked")
    with tempfile.TemporaryDirectory(prefix="ringside-bench-", dir=quick_dir()) as quick:
        done = subprocess.run([bin_dir / "bench_query", quick], check=True, capture_output=True, text=True)
    asked = {name: (int(rows), int(scope) + int(query), int(json))
             for name, rows, scope, query, json in ASKED.findall(done.stdout)}  # the second round stays
    for name, (text, budget) in QUESTIONS.items():
        if name in asked:
            rows, query_ms, json_ms = asked[name]
            yield Figure(f"{text}, {rows} rows", query_ms, "ms", budget)
            yield Figure("  and as JSON text", json_ms, "ms")
