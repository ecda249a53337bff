#!/usr/bin/python3
"""The budgets of agent and centre, measured beside the machine's limits and beside other programs: prints one table
and writes one JSON document. Asserts nothing.

    tests/bench/bench.py [PART]... [OPTION]...

Without PART everything (but profile) in a small size, minutes long; with --full, or those that are named, in the full
one (tests/bench/bench.py --help has the sizes). Exits with 1 if a part of our own could not be measured.

Wants RINGSIDE_BIN, the directory of the built programs (`./dev bench` builds and sets it), and root."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
import traceback
from json import dumps
from pathlib import Path
from typing import Any, Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from _pytest.outcomes import OutcomeException

import peers
from ami import bench_ami
from api import bench_api
from busy import bench_live
from crowd import bench_hostile, bench_sessions
from figure import Figure, say
from importing import bench_import, bench_query
from ingest import bench_ingest
from logs import CACHE, big_log, run_sim
from profiles import bench_profile
from report import document, machine, show, table
from stored import bench_query_centre, bench_store
from wire import bench_wire, bench_wire_day

Part = Callable[..., Iterator[Figure]]
REPORT = CACHE / "report.json"

# (small, full)
SIZES = {
    "runs": (5, 7, "of the import"),
    "seconds": (12, 30, "of the live part"),
    "ami_reconnects": (200, 10000, "of the agent to the manager interface"),
    "sites": (1000, 5000, "of the sessions"),
    "reconnecting": (500, 2000, "of these, cut off at once"),
    "hostile": (200, 1000, "hostile peers"),
    "crowd_seconds": (5, 20, "of the sessions' and the hostile peers' life"),
    "ingest_sites": (300, 1000, "whose batches are stored"),
    "ingest_intervals": (16, 60, "of each of their queues"),
    "query_sites": (50, 200, "of 1,000 that have data, of the central query"),
    "api_sites": (100, 1000, "that the central view shows"),
    "api_days": (5, 30, "of each of them"),
    "api_seconds": (5, 20, "of each load on the central view"),
    "peer_runs": (3, 5, "of what is measured beside a peer"),
    "peer_lines": (500000, 1000000, "of the log that peers get"),
    "series_sites": (200, 1000, "whose series are held beside a peer"),
    "series_days": (3, 2, "of them"),
}


def centre_part(bench: Part) -> Part:
    """Those make logs of their own instead of reading the big one."""
    return lambda bin_dir, _log, home, args: bench(bin_dir, run_sim, home, args)


PARTS: dict[str, Part] = {
    "import": bench_import, "live": bench_live, "ami": bench_ami, "query": bench_query, "wire": centre_part(bench_wire),
    "wire-day": centre_part(bench_wire_day), "ingest": centre_part(bench_ingest),
    "store": centre_part(bench_store), "query-centre": centre_part(bench_query_centre),
    "sessions": centre_part(bench_sessions), "hostile": centre_part(bench_hostile),
    "api": centre_part(bench_api), **{name: centre_part(part) for name, part in peers.PARTS.items()},
    "profile": centre_part(bench_profile)}
UNASKED = tuple(part for part in PARTS if part != "profile")  # what is measured when no part is named
BIG_LOG = ("import", "query")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"of {', '.join(PARTS)} (default: all but profile, small)")
    parser.add_argument("--part", action="append", default=[], help="the same", dest="more_parts", metavar="PART")
    parser.add_argument("--full", action="store_true", help="everything in full size")
    parser.add_argument("--verbose", action="store_true", help="every figure of every part above the report")
    parser.add_argument("--json", type=Path, default=REPORT, metavar="FILE",
                        help="where the document goes (default build/bench/report.json)")
    parser.add_argument("--lines", type=int, default=2000000, help="of the big log (default %(default)s)")
    parser.add_argument("--profile-lines", type=int, default=200000, help="of the profile (default %(default)s)")
    parser.add_argument("--handshakes", type=int, help="the collector's handshakes_max (default: its own)")
    parser.add_argument("--kinds", nargs="*", help="of hostile peers, one after the other (default: all at once)")
    for name, (small, full, help_text) in SIZES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(small), metavar="N",
                            help=f"{help_text} (default {small}, of a named part {full})")
    args = parser.parse_args()
    args.parts += args.more_parts
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no part named {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    args.size = "full" if args.parts or args.full else "small"
    for name, (small, full, _) in SIZES.items():
        if getattr(args, name) is None:
            setattr(args, name, full if args.size == "full" else small)
    if not os.environ.get("RINGSIDE_BIN") or os.geteuid() != 0:
        parser.error("RINGSIDE_BIN must name the directory of the built programs (or use ./dev bench), run by root")
    return args


def one_line(failure: BaseException) -> str:
    """Without paths, which are nobody's business in a report."""
    text = f"{type(failure).__name__}: {failure}".splitlines()[0]
    return re.sub(r"(/[\w.+-]+)+/", ".../", text)[:200]


def measure(part: str, args: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    """What could be measured of a part, also when it broke off."""
    figures: list[Figure] = []
    began = time.monotonic()
    outcome: dict[str, Any] = {"failed": None}
    with tempfile.TemporaryDirectory(prefix=f"{part}-", dir=CACHE, ignore_cleanup_errors=True) as home:
        try:
            log = big_log(args.lines) if part in BIG_LOG else CACHE
            for figure in PARTS[part](Path(os.environ["RINGSIDE_BIN"]), log, Path(home), args):
                figures.append(figure)
        except (Exception, OutcomeException) as failure:
            traceback.print_exc()
            outcome["failed"] = one_line(failure)
    outcome["seconds"] = round(time.monotonic() - began, 1)
    return figures, outcome


def main() -> int:
    args = parse()
    parts = args.parts or list(UNASKED)
    CACHE.mkdir(parents=True, exist_ok=True)
    facts = machine(args.size)
    figures: list[Figure] = []
    outcomes: dict[str, Any] = {}
    for part in parts:
        found, outcomes[part] = measure(part, args)
        figures += found
        say(f"{part}: {outcomes[part]['seconds']} s")
    details = [figure for figure in figures if not figure.row]
    if details and (args.parts or args.verbose):
        print(show(details))
    failed = [f"{part} broke off: {outcome['failed']}" for part, outcome in outcomes.items() if outcome["failed"]]
    print(table(figures, facts, whole=not args.parts), end="")
    print("".join(f"{text}\n" for text in failed), end="")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    sizes = {name: getattr(args, name) for name in ("lines", *SIZES)}
    args.json.write_text(dumps(document(figures, facts, outcomes, sizes), indent=1) + "\n")
    return 1 if any(outcomes[part]["failed"] for part in parts if part not in peers.PARTS) else 0


if __name__ == "__main__":
    sys.exit(main())
