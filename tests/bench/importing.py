"""Importing a log, beside splitting the same file; and what a status query takes meanwhile."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Iterator

import procfs
from branch import Branch
from budgets import judged
from coap_get import Client, Refused
from figure import MB, Figure, limit, say
from ingest import one_core
from limits import udp_echo_ms
from logs import count_lines

QUERIES_MIN = 300  # for each path
QUERY_ROUNDS_MAX = 12


def yardstick(bin_dir: Path, program: str, log: Path) -> float:
    done = subprocess.run([*one_core(), bin_dir / program, log], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["lines_per_s"]


def import_command(bin_dir: Path, ledger: Path, log: Path) -> list[str]:
    command = [bin_dir / "ringside-agent", "import", "--ledger", ledger, "--site", "bench", log]
    return [*one_core(), *map(str, command)]


def bench_import(bin_dir: Path, log: Path, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    lines = count_lines(log)
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
    most = procfs.sampled(import_command(bin_dir, ledger, log))
    shutil.rmtree(ledger)
    held = status["ledger"]
    yield judged("import", "speed", speeds["import"], limit("splitting the file into fields", speeds["split"]),
                 limit("splitting and parsing", speeds["parse"]), budget=max(3e6, split / 10))
    yield judged("ledger", "leg", held["used_bytes"] / held["legs"],
                 limit("the leg's own record", [held["leg_bytes"] / held["legs"]]))
    yield Figure("import, start to durable end", whole, "lines/s")
    yield Figure("  its slowest run", min(speeds["import"]), "lines/s")
    yield Figure("  its fastest run", max(speeds["import"]), "lines/s")
    yield Figure("  of the speed of splitting", 100 * whole / split, "%")
    yield Figure("  processor time a line", statistics.median(cpu) / lines * 1e9, "ns")
    yield Figure("splitting into fields alone", split, "lines/s")
    yield Figure("splitting and parsing", parse, "lines/s")
    yield Figure("import, peak resident", most["peak"] / MB, "MB")
    yield Figure("import, peak anonymous", most["anonymous"] / MB, "MB")
    yield Figure("import, commits", int(re.search(r"(\d+) commits", said)[1]), "")
    yield Figure("ledger, a closed leg, all included", held["used_bytes"] / held["legs"], "bytes")
    yield Figure("  of it the leg itself", held["leg_bytes"] / held["legs"], "bytes")
    yield Figure("  legs held", held["legs"], "")


# --- status queries meanwhile


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


def p99_ms(ordered: list[float]) -> float:
    return ordered[-(-len(ordered) * 99 // 100) - 1]


def bench_query(_bin_dir: Path, log: Path, home: Path, _args: argparse.Namespace) -> Iterator[Figure]:
    lines = count_lines(log)
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
    echo_ms = udp_echo_ms(QUERIES_MIN)
    for path, seconds in took_s.items():
        ordered = sorted(1000 * each for each in seconds)
        if path == "/status":
            yield judged("status", "p99", p99_ms(ordered), limit("a UDP echo on loopback, p99", [p99_ms(echo_ms)]))
        yield Figure(f"GET {path} while catching up, p50", statistics.median(ordered), "ms")
        yield Figure("  p99", p99_ms(ordered), "ms", None if path == "/status" else 5)
        yield Figure("  max", ordered[-1], "ms")
        yield Figure("  requests", len(ordered), "")
