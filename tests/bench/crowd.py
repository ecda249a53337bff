"""The collector with thousands of sites, and with peers that mean no good."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any, Iterator

import procfs
from budgets import judged
from figure import MB, Beside, Figure, limit, say
from fleet import Fleet, Fleets, prepare
from ingest import one_core
from peers.openssl import openssl_handshakes
from wire import CALLS, QUEUES, site_ledger

from centre import Centre

HOSTILE = Path(__file__).with_name("hostile.py")
CONNECT_TIMEOUT_S = 240
LIVE_MS, BATCH_MS = 5000, 60000  # the agent's own defaults, all the time
ARRIVALS_S = 60
SITES_PROMISED, BACK_PROMISED = 5000, 2000
HANDSHAKES, HANDSHAKE_RUNS = 200, 3
JITTER_S = 1  # of an agent's first attempt after its connection was lost
GOOD_SITES, GOOD_BATCH_MS = 4, 250
HOSTILE_WARM_S = 3



def ingest(args: argparse.Namespace) -> str:
    """The collector's settings that are not its defaults."""
    more = f"    handshakes_max = {args.handshakes}\n    handshake_timeout = 60s\n" if args.handshakes else ""
    return "    sessions_max = 20000\n" + more


def spent(pid: int, before_s: float, began: float) -> float:
    return 100 * (procfs.cpu_s(pid) - before_s) / (time.monotonic() - began)


def times(done: dict[str, Any], what: str) -> Iterator[Figure]:
    yield Figure("  p50", done[f"{what}_p50_ms"] / 1000, "s")
    yield Figure("  p99", done[f"{what}_p99_ms"] / 1000, "s")
    yield Figure("  the last one", done[f"{what}_max_ms"] / 1000, "s")


def not_in_vain(done: dict[str, Any]) -> Iterator[Figure]:
    yield Figure("  attempts that failed on the way", done["failed"], "")
    yield Figure("  not served in the end", done["not_greeted"], "", 0.5)


def processor(done: dict[str, Any]) -> Iterator[Figure]:
    greeted = max(1, done["hello_count"])
    yield Figure("  collector's processor, a site", 1000 * done["collector_cpu_s"] / greeted, "ms")
    yield Figure("  the simulated sites' own, a site", 1000 * done["cpu_s"] / greeted, "ms")


def connect(fleet: Fleets, pid: int, count: int, spread_s: float) -> dict[str, Any]:
    cpu_s, began = procfs.cpu_s(pid), time.monotonic()
    done = fleet.do("connect", spread_s, CONNECT_TIMEOUT_S)
    done["not_greeted"] = count - done["greeted"]
    done["collector_cpu_s"] = procfs.cpu_s(pid) - cpu_s
    done["wall_s"] = time.monotonic() - began
    return done


def bench_sessions(bin_dir: Path, sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    count, back = args.sites, args.reconnecting
    _, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", str(CALLS * QUEUES * 96), "--flat")
    say(f"certificates for {count} sites")
    with Centre(home, ingest=ingest(args)) as centre:
        prepare(bin_dir, centre, home / "certificates", count)
        with centre.running() as daemon, Fleets(bin_dir, ledger, home / "certificates", centre, count) as fleet:
            pid = daemon.process.pid
            empty = procfs.memory(pid)
            say(f"{count} sites connect")
            done = connect(fleet, pid, count, count / ARRIVALS_S)
            yield Figure(f"{count} sites connect, {ARRIVALS_S} a second come, all within", done["wall_s"], "s")
            yield from not_in_vain(done)
            yield from processor(done)
            say(f"they live for {args.crowd_seconds} s")
            cpu_s, began = procfs.cpu_s(pid), time.monotonic()
            live = fleet.do("live", args.crowd_seconds, LIVE_MS, BATCH_MS)
            busy = spent(pid, cpu_s, began)
            memory = procfs.memory(pid)
            yield Figure(f"{count} live sites, resident", memory["resident"] / MB, "MB", 500)
            yield Figure("  anonymous", memory["anonymous"] / MB, "MB", 500)
            yield Figure("  peak", memory["peak"] / MB, "MB")
            yield Figure("  a session", (memory["anonymous"] - empty["anonymous"]) / 1000 / count, "kB")
            yield Figure("  collector's processor", busy, "% of a core")
            yield Figure("  messages a second", live["answered"] / live["wall_s"], "")
            yield Figure("  live view answered, p50", live["live_p50_ms"], "ms")
            yield Figure("  live view answered, p99", live["live_p99_ms"], "ms")
            yield Figure("  cut by the collector", live["cut"], "", 0.5)
            say(f"{back} are cut off at once and come back")
            fleet.cut(back)
            time.sleep(1)
            done = connect(fleet, pid, count, JITTER_S)
            yield from judged_sessions(count, back, live, done, handshakes(bin_dir))
            yield Figure(f"{back} sites cut off at once, greeted again", done["hello_count"], "")
            yield from times(done, "hello")
            yield from not_in_vain(done)
            yield from processor(done)
            yield Figure("  peak resident since the start", procfs.memory(pid)["peak"] / MB, "MB")


def handshakes(bin_dir: Path) -> tuple[Beside, ...]:
    """What TLS alone takes of a core for the collector's side of a handshake."""
    bare = [json.loads(subprocess.run([*one_core(), bin_dir / "bench_tls", str(HANDSHAKES)], check=True,
                                      capture_output=True, text=True).stdout) for _ in range(HANDSHAKE_RUNS)]
    mbed = limit("mbedTLS, mutual P-256", [one["server_ms"] for one in bare],
                 version=bare[0]["version"])
    return mbed, *openssl_handshakes()


def judged_sessions(count: int, back: int, live: dict[str, Any], again: dict[str, Any],
                    alone: tuple[Beside, ...]) -> Iterator[Figure]:
    small = count < SITES_PROMISED or back < BACK_PROMISED
    yield judged("sessions", "sites", count - live["cut"], budget=count, size=f"of {count}" if small else "")
    yield judged("sessions", "back", again["hello_count"], budget=back, size=f"of {back}" if small else "")
    yield judged("sessions", "last", again["hello_max_ms"] / 1000)
    yield judged("sessions", "dropped", live["cut"] + again["not_greeted"])
    yield judged("sessions", "processor", 1000 * again["collector_cpu_s"] / max(1, again["hello_count"]), *alone)


class Watch(Thread):
    """The most memory that a process takes while this runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.anonymous, self.resident = pid, 0, 0
        self._over = Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.2):
            memory = procfs.memory(self.pid)
            self.anonymous = max(self.anonymous, memory["anonymous"])
            self.resident = max(self.resident, memory["resident"])

    def end(self) -> None:
        self._over.set()
        self.join()


def bench_hostile(bin_dir: Path, sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    count, seconds = args.hostile, args.crowd_seconds
    _, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", str(CALLS * QUEUES * 96), "--flat")
    with Centre(home, ingest=ingest(args)) as centre:
        prepare(bin_dir, centre, home / "certificates", GOOD_SITES + 1)
        with centre.running() as daemon, \
                Fleet(bin_dir, ledger, home / "certificates", centre, 1, GOOD_SITES) as fleet:
            pid = daemon.process.pid
            if fleet.do("connect", 0, CONNECT_TIMEOUT_S)["greeted"] != GOOD_SITES:
                raise RuntimeError("the good sites were not greeted")
            fleet.do("live", 2, LIVE_MS, GOOD_BATCH_MS)
            say("good sites alone")
            calm = fleet.do("live", seconds, LIVE_MS, GOOD_BATCH_MS)
            before = procfs.memory(pid)
            kinds = [[kind] for kind in args.kinds] if args.kinds else [[]]
            for kind in kinds:
                yield from onslaught(centre, fleet, pid, home, count, seconds, kind, calm, before)


def onslaught(centre: Centre, fleet: Fleet, pid: int, home: Path, count: int, seconds: float, kind: list[str],
              calm: dict[str, Any], before: dict[str, int]) -> Iterator[Figure]:
    say(f"{count} hostile peers {' '.join(kind)}")
    watch = Watch(pid)
    cpu_s, began = procfs.cpu_s(pid), time.monotonic()
    enemy = subprocess.Popen([sys.executable, HOSTILE, centre.host, str(centre.port), home / "certificates",
                              str(GOOD_SITES + 1), str(count), str(seconds + HOSTILE_WARM_S), *kind],
                             stdout=subprocess.PIPE, text=True)
    time.sleep(HOSTILE_WARM_S)
    under = fleet.do("live", seconds, LIVE_MS, GOOD_BATCH_MS)
    said, _ = enemy.communicate(timeout=60)
    busy = spent(pid, cpu_s, began)
    watch.end()
    say(f"they did {json.loads(said)}")
    yield Figure(f"{count} hostile peers{' (' + kind[0] + ')' if kind else ''}, more resident",
                 (watch.resident - before["resident"]) / MB, "MB", 16)
    yield Figure("  more anonymous", (watch.anonymous - before["anonymous"]) / MB, "MB", 16)
    yield Figure("  a good batch acknowledged, p50, without", calm["batch_p50_ms"], "ms")
    yield Figure("  p50, with", under["batch_p50_ms"], "ms")
    yield Figure("  p50, with to without", under["batch_p50_ms"] / calm["batch_p50_ms"], "times", 2)
    yield Figure("  p99, without", calm["batch_p99_ms"], "ms")
    yield Figure("  p99, with", under["batch_p99_ms"], "ms")
    yield Figure("  p99, with to without", under["batch_p99_ms"] / calm["batch_p99_ms"], "times", 2)
    yield Figure("  good sites cut off", under["cut"], "", 0.5)
    yield Figure("  collector's processor", busy, "% of a core")
