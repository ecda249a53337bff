"""The live source: what listening to the manager interface costs, whether it loses anything, how fast news arrive."""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import statistics
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

import procfs
from ami_model import PbxModel
from ami_recording import Recording
from ami_server import AmiServer
from ami_stream import EVENTS_A_CALL, call_events, calls
from figure import MB, Figure, say

SECRET = "bench"
QUIET_EVENTS_S = 200
FLOOD_EVENTS_S = 20000
COAP_PORT = 6399
DEADLINE_S = 120.0
LATENCIES = 200


@contextmanager
def agent_on(bin_dir: Path, home: Path, server: AmiServer, **source: str) -> Iterator[subprocess.Popen[bytes]]:
    """Listening to the server alone, its first snapshot taken in."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "secret").write_text(SECRET + "\n")
    options = " ".join(f"{name} = {value}" for name, value in source.items())
    (home / "agent.conf").write_text(
        f'site {{ id = bench zone = UTC }}\nledger {{ dir = {home}/ledger size_max = 64MiB }}\n'
        f'status {{ listen = 127.0.0.1:{COAP_PORT} }}\nservice {{ user = "" nice = 0 }}\n'
        f'collector {{ credentials = {home}/none }}\n'
        f'source pbx {{ type = ami port = {server.port} user = bench secret_file = {home}/secret {options} }}\n')
    with open(home / "log", "wb") as log:
        process = subprocess.Popen([bin_dir / "ringside-agent", "-c", home / "agent.conf"], stderr=log)
        try:
            server.wait_for_snapshot()
            time.sleep(1)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def scripted() -> AmiServer:
    return AmiServer(users={"bench": SECRET}, model=PbxModel.at_start_of(Recording("s01_agent_hangs_up")), timestamps=False)


def entered(bin_dir: Path, ledger: Path) -> int:
    out = subprocess.run([bin_dir / "ringside", "kpi", "--ledger", ledger, "--format", "json"], capture_output=True,
                         check=True, text=True).stdout
    rows = json.loads(out)["rows"]
    assert all(row["balanced"] for row in rows)
    return sum(row["entered"] for row in rows)


def send_calls(server: AmiServer, epoch: int, events_s: float, seconds: float) -> tuple[int, float]:
    """At this pace, some calls at a time; how many, and the pace that it really was."""
    step = max(1, int(events_s / EVENTS_A_CALL / 50))
    stream, sent, began = calls(epoch), 0, time.monotonic()
    while (passed_s := time.monotonic() - began) < seconds:
        if sent * EVENTS_A_CALL < passed_s * events_s:
            server.send_raw(b"".join(next(stream) for _ in range(step)))
            sent += step
        else:
            time.sleep(0.001)
    return sent, sent * EVENTS_A_CALL / (time.monotonic() - began)


def bench_pace(bin_dir: Path, home: Path, seconds: float) -> Iterator[Figure]:
    say(f"the agent at {QUIET_EVENTS_S} events of AMI a second for {seconds} s")
    with scripted() as server, agent_on(bin_dir, home / "pace", server) as process:
        send_calls(server, 1, QUIET_EVENTS_S, 3)
        cpu_s, began = procfs.cpu_s(process.pid), time.monotonic()
        _, pace = send_calls(server, 2, QUIET_EVENTS_S, seconds)
        busy = (procfs.cpu_s(process.pid) - cpu_s) / (time.monotonic() - began)
        memory = procfs.memory(process.pid)
    yield Figure(f"AMI, {pace:.0f} events/s: of a core", 100 * busy, "%", 1)
    yield Figure("  anonymous memory", memory["anonymous"] / MB, "MB", 4)
    yield Figure("  resident memory", memory["resident"] / MB, "MB", 8)


def bench_flood(bin_dir: Path, home: Path, seconds: float) -> Iterator[Figure]:
    say(f"the agent at {FLOOD_EVENTS_S} events of AMI a second for {seconds} s")
    blocks: list[bytes] = []
    calls_wanted = int(FLOOD_EVENTS_S * seconds / EVENTS_A_CALL)
    stream = calls(3)
    while len(blocks) * 20 < calls_wanted:
        blocks.append(b"".join(next(stream) for _ in range(20)))
    with scripted() as server, agent_on(bin_dir, home / "flood", server) as process:
        cpu_s, began = procfs.cpu_s(process.pid), time.monotonic()
        for number, block in enumerate(blocks):
            server.send_raw(block)
            ahead_s = (number + 1) * 20 * EVENTS_A_CALL / FLOOD_EVENTS_S - (time.monotonic() - began)
            if ahead_s > 0:
                time.sleep(ahead_s)
        wall_s = time.monotonic() - began
        server.wait_for_sent(DEADLINE_S)
        time.sleep(3)
        busy_s = procfs.cpu_s(process.pid) - cpu_s
        downs = len(server.connections) - 1
    told = len(blocks) * 20
    yield Figure("AMI, flood: events/s", told * EVENTS_A_CALL / wall_s, "/s", FLOOD_EVENTS_S * 0.95, at_least=True)
    yield Figure("  calls lost", told - entered(bin_dir, home / "flood" / "ledger"), "", 0)
    yield Figure("  connections lost", downs, "", 0)
    yield Figure("  of a core", 100 * busy_s / wall_s, "%")
    yield Figure("  events/s a core could take", told * EVENTS_A_CALL / busy_s, "/s")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def bench_reconnects(bin_dir: Path, home: Path, count: int) -> Iterator[Figure]:
    say(f"{count} reconnects")
    early = max(count // 10, 1)
    with scripted() as server, agent_on(bin_dir, home / "again", server, retry_max="20ms") as process:
        before: dict[str, int] = {}
        for number in range(1, count + 1):
            server.drop_all()
            server.connections = server.connections[-1:]
            server.actions.clear()
            server.wait_for_snapshot(DEADLINE_S)
            if number == early:
                before = procfs.memory(process.pid) | {"descriptors": descriptors(process.pid)}
        time.sleep(1)
        after = procfs.memory(process.pid) | {"descriptors": descriptors(process.pid)}
    yield Figure(f"AMI, {count} reconnects: anonymous memory grew since the first tenth",
                 (after["anonymous"] - before["anonymous"]) / 1024, "KiB", 256)
    yield Figure("  anonymous memory at the end", after["anonymous"] / MB, "MB", 4)
    yield Figure("  descriptors more", after["descriptors"] - before["descriptors"], "", 0)


class Observer:
    """Hears of /live as `ringside watch` does, whole documents."""

    def __init__(self, bin_dir: Path, port: int) -> None:
        self._process = subprocess.Popen([bin_dir / "bench_observe", f"coap://127.0.0.1:{port}", "live"],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        self._out = self._process.stdout
        self.bytes = 0

    def heard(self, within_s: float) -> Optional[float]:
        """When the next document was there, by the monotonic clock; None: none came."""
        if not select.select([self._out], [], [], within_s)[0]:
            return None
        at_us, self.bytes = map(int, self._out.readline().split())
        return at_us / 1e6

    def drain(self) -> None:
        while self.heard(0.3) is not None:
            pass

    def close(self) -> None:
        self._process.communicate(timeout=10)


def bench_latency(bin_dir: Path, home: Path, count: int) -> Iterator[Figure]:
    say(f"{count} events, each waited for by an observer of /live")
    rng, taken_ms = random.Random(1), []
    with scripted() as server, agent_on(bin_dir, home / "news", server):
        observer = Observer(bin_dir, COAP_PORT)
        observer.drain()
        for number in range(count):
            time.sleep(rng.uniform(0.15, 0.6))
            join = call_events(4, number)[0].encode()
            began = time.monotonic()
            server.send_raw(join)
            at_s = observer.heard(5)
            if at_s is None:
                raise AssertionError("no notification")
            taken_ms.append((at_s - began) * 1000)
            observer.drain()
        observer.close()
    taken_ms.sort()
    yield Figure("AMI event to its notification, p50", statistics.median(taken_ms), "ms", 250)
    yield Figure("  p99", taken_ms[int(len(taken_ms) * 0.99)], "ms", 250)
    yield Figure("  worst", taken_ms[-1], "ms", 250)
    yield Figure("  the document then", observer.bytes / 1024, "KiB")


def bench_ami(bin_dir: Path, _log: Path, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    yield from bench_pace(bin_dir, home, args.seconds)
    yield from bench_flood(bin_dir, home, min(args.seconds, 20))
    yield from bench_latency(bin_dir, home, LATENCIES if args.seconds >= 30 else LATENCIES // 5)
    yield from bench_reconnects(bin_dir, home, args.ami_reconnects)
