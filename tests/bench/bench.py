#!/usr/bin/python3
"""The budgets of agent and centre, measured: prints a table and writes build/bench.json. Asserts nothing.

    tests/bench/bench.py [PART]... [--part PART]... [OPTION]...

All parts in a small size, or those that are named in the full one (tests/bench/bench.py --help has the sizes).

Wants RINGSIDE_BIN, the directory of the built programs (`./dev bench` builds and sets it), and root."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import procfs
from ami import bench_ami
from api import bench_api
from branch import Branch
from coap_get import Client, Refused
from crowd import bench_hostile, bench_sessions
from figure import MB, Figure, say
from ingest import bench_ingest, one_core
from profiles import bench_profile
from stored import bench_query_centre, bench_store
from wire import bench_wire, bench_wire_day

SIM = ROOT / "tests" / "sim" / "sim.py"
CACHE = ROOT / "build" / "bench"
REPORT = ROOT / "build" / "bench.json"

LOG_DAYS_AGO = 85  # the log of 2 million lines spans 74 days: all of it within the retention of 90
LOG_KEPT_DAYS = 3  # the log made earlier is taken again so long
LIVE_EVENTS_S = 50
ROWS_A_CALL = 3.4  # of the simulator
LIVE_WARM_S = 600  # history before, so that calls of every age are open
COUNTED_S = 10
QUERIES_MIN = 300  # for each path
QUERY_ROUNDS_MAX = 12

# (small, full)
SIZES = {
    "runs": (5, 7, "of the import"),
    "seconds": (12, 30, "of the live part"),
    "ami_reconnects": (200, 10000, "of the agent to the manager interface"),
    "sites": (300, 5000, "of the sessions"),
    "reconnecting": (200, 2000, "of these, cut off at once"),
    "hostile": (200, 1000, "hostile peers"),
    "crowd_seconds": (5, 20, "of the sessions' and the hostile peers' life"),
    "ingest_sites": (300, 1000, "whose batches are stored"),
    "ingest_intervals": (16, 60, "of each of their queues"),
    "api_sites": (100, 1000, "that the central view shows"),
    "api_days": (5, 30, "of each of them"),
    "api_seconds": (5, 20, "of each load on the central view"),
}


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


# --- import


def yardstick(bin_dir: Path, program: str, log: Path) -> float:
    done = subprocess.run([*one_core(), bin_dir / program, log], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["lines_per_s"]


def import_command(bin_dir: Path, ledger: Path, log: Path) -> list[str]:
    command = [bin_dir / "ringside-agent", "import", "--ledger", ledger, "--site", "bench", log]
    return [*one_core(), *map(str, command)]


def sampled_import(bin_dir: Path, ledger: Path, log: Path) -> dict[str, int]:
    """The most memory of each kind, looked at all along; too disturbing for a run that is timed."""
    process = subprocess.Popen(import_command(bin_dir, ledger, log), stdout=subprocess.DEVNULL)
    most: Counter = Counter()
    while process.poll() is None:
        try:
            most |= Counter(procfs.memory(process.pid))
        except (OSError, KeyError):
            pass  # it is just going
        time.sleep(0.005)
    return dict(most)


def bench_import(bin_dir: Path, log: Path, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    lines = sum(block.count(b"\n") for block in iter_blocks(log))
    speeds: dict[str, list[float]] = {"split": [], "parse": [], "import": []}
    ledger, said, cpu = home / "ledger", "", []
    for number in range(args.runs):
        say(f"import, run {number + 1} of {args.runs}")
        shutil.rmtree(ledger, ignore_errors=True)
        speeds["split"].append(yardstick(bin_dir, "bench_split", log))
        speeds["parse"].append(yardstick(bin_dir, "bench_parse", log))
        before = os.times()
        began = time.perf_counter()
        done = subprocess.run(import_command(bin_dir, ledger, log), check=True, capture_output=True, text=True)
        speeds["import"].append(lines / (time.perf_counter() - began))
        after = os.times()
        cpu.append(after.children_user + after.children_system - before.children_user - before.children_system)
        said = done.stdout
    split, parse, whole = (statistics.median(speeds[name]) for name in ("split", "parse", "import"))
    status = json.loads(subprocess.run([bin_dir / "ringside", "status", "--ledger", ledger, "--format", "json"],
                                       check=True, capture_output=True, text=True).stdout)
    shutil.rmtree(ledger)
    most = sampled_import(bin_dir, ledger, log)
    shutil.rmtree(ledger)
    held = status["ledger"]
    yield Figure("import, start to durable end", whole, "lines/s", max(3e6, split / 10), at_least=True)
    yield Figure("  its slowest run", min(speeds["import"]), "lines/s")
    yield Figure("  its fastest run", max(speeds["import"]), "lines/s")
    yield Figure("  of the speed of splitting", 100 * whole / split, "%")
    yield Figure("  processor time a line", statistics.median(cpu) / lines * 1e9, "ns")
    yield Figure("splitting into fields alone", split, "lines/s")
    yield Figure("splitting and parsing", parse, "lines/s")
    yield Figure("import, peak resident", most["peak"] / MB, "MB")
    yield Figure("import, peak anonymous", most["anonymous"] / MB, "MB")
    yield Figure("import, commits", int(re.search(r"(\d+) commits", said)[1]), "")
    yield Figure("ledger, a closed leg, all included", held["used_bytes"] / held["legs"], "bytes", 32)
    yield Figure("  of it the leg itself", held["leg_bytes"] / held["legs"], "bytes")
    yield Figure("  legs held", held["legs"], "")


def iter_blocks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from iter(lambda: file.read(1 << 20), b"")


# --- live


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
    yield Figure(f"agent at {LIVE_EVENTS_S} events/s, processor", 100 * busy_s / wall_s, "% of a core", 0.3)
    yield Figure("agent, private memory (anonymous)", memory["anonymous"] / MB, "MB", 4)
    yield Figure("  with file pages nobody else maps", memory["private"] / MB, "MB")
    yield Figure("agent, resident", memory["resident"] / MB, "MB", 8)
    yield Figure("  at its peak, while catching up", memory["peak"] / MB, "MB")
    yield Figure("fdatasync a commit", passed["fdatasync"] / passed["meta"], "", 1)
    yield Figure("commits a second", passed["meta"] / COUNTED_S, "")


# --- query


def queries_while_catching_up(branch: Branch, lines: int, took_s: dict[str, list[float]]) -> None:
    """Starts the agent before its log and asks until it has read all of it."""
    with branch.running() as agent:
        client = Client(branch.port)
        while True:
            try:
                answer, status_s = client.get("/status")
                _, queues_s = client.get("/queues")
            except Refused:
                if agent.process.poll() is not None:
                    raise
                time.sleep(0.001)
                continue
            if json.loads(answer)["quality"]["lines"] >= lines:
                break
            took_s["/status"].append(status_s)
            took_s["/queues"].append(queues_s)
        if client.resent:
            say(f"{client.resent} requests had to be sent again")
        client.close()


def bench_query(_bin_dir: Path, log: Path, home: Path, _args: argparse.Namespace) -> Iterator[Figure]:
    lines = sum(block.count(b"\n") for block in iter_blocks(log))
    took_s: dict[str, list[float]] = {"/status": [], "/queues": []}
    rounds = 0
    while rounds < QUERY_ROUNDS_MAX and len(took_s["/status"]) < QUERIES_MIN:
        say(f"status queries while the agent catches up, {len(took_s['/status'])} so far")
        # An answer tells how far the newest commit is: with short commits few requests meet an agent that is done.
        branch = Branch(home / f"query{rounds}", size_max="256MiB", commit_interval="100ms")
        branch.log.symlink_to(log)
        queries_while_catching_up(branch, lines, took_s)
        shutil.rmtree(branch.home)
        rounds += 1
    for path, seconds in took_s.items():
        ordered = sorted(seconds)
        yield Figure(f"GET {path} while catching up, p50", 1000 * statistics.median(ordered), "ms")
        yield Figure("  p99", 1000 * ordered[-(-len(ordered) * 99 // 100) - 1], "ms", 5)
        yield Figure("  max", 1000 * ordered[-1], "ms")
        yield Figure("  requests", len(ordered), "")


# --- report


def number(value: float) -> str:
    if value >= 1e5:
        return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:.0f} k"
    return f"{value:.0f}" if value == int(value) or value >= 1000 else f"{value:.3g}"


def show(figures: list[Figure]) -> None:
    print(f"{'what':<52} {'measured':>10} {'budget':>12} {'ratio':>7}  unit")
    for figure in figures:
        budget = ("" if figure.budget is None
                  else f"{'>=' if figure.at_least else '<='} {number(figure.budget)}")
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        mark = "  MISSED" if figure.met is False else ""
        print(f"{figure.name:<52} {number(figure.value):>10} {budget:>12} {ratio:>7}  {figure.unit}{mark}")


def processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def centre_part(bench: Callable[..., Iterator[Figure]]) -> Callable[..., Iterator[Figure]]:
    """Those make logs of their own instead of reading the big one."""
    return lambda bin_dir, _log, home, args: bench(bin_dir, run_sim, home, args)


PARTS: dict[str, Callable[..., Iterator[Figure]]] = {
    "import": bench_import, "live": bench_live, "ami": bench_ami, "query": bench_query, "wire": centre_part(bench_wire),
    "wire-day": centre_part(bench_wire_day), "ingest": centre_part(bench_ingest),
    "store": centre_part(bench_store), "query-centre": centre_part(bench_query_centre),
    "sessions": centre_part(bench_sessions), "hostile": centre_part(bench_hostile),
    "api": centre_part(bench_api), "profile": centre_part(bench_profile)}
UNASKED = tuple(part for part in PARTS if part != "profile")  # what is measured when no part is named
BIG_LOG = ("import", "query")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all but profile, small)")
    parser.add_argument("--part", action="append", default=[], help="the same", dest="more_parts", metavar="PART")
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
    for name, (small, full, _) in SIZES.items():
        if getattr(args, name) is None:
            setattr(args, name, full if args.parts else small)
    if not os.environ.get("RINGSIDE_BIN") or os.geteuid() != 0:
        parser.error("RINGSIDE_BIN must name the directory of the built programs (or use ./dev bench), run by root")
    return args


def main() -> int:
    args = parse()
    parts = args.parts or list(UNASKED)
    CACHE.mkdir(parents=True, exist_ok=True)
    log = big_log(args.lines) if set(parts) & set(BIG_LOG) else CACHE
    figures: list[Figure] = []
    for part in parts:
        with tempfile.TemporaryDirectory(prefix=f"{part}-", dir=CACHE) as home:
            figures += PARTS[part](Path(os.environ["RINGSIDE_BIN"]), log, Path(home), args)
    show(figures)
    document: dict[str, Any] = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "processor": processor(),
        "cores": len(os.sched_getaffinity(0)), "parts": parts,
        "sizes": {name: getattr(args, name) for name in ("lines", *SIZES)},
        "figures": [{**asdict(figure), "name": figure.name.strip(), "ratio": figure.ratio, "met": figure.met}
                    for figure in figures]}
    REPORT.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
