"""libcoap's example server, for CoAP over UDP on loopback: the same client asks both for as many bytes."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator

import procfs
from branch import Branch
from coap_get import Client
from figure import Figure, compared, peer
from logs import run_sim
from peers.tool import Running, attempt, program, rounds, version
from ports import free_port

NAME = "coap-server"
SECONDS = 2.0
WINDOW = 8
BLOCK = 1024
LINES = 20000
CORE = "/.well-known/core"
LESS = ("It sends stored bytes; ours opens the ledger's newest state and writes the document for each answer. Both are "
        "libcoap behind a UDP socket, asked by the same client with 8 requests under way.")


def ask(bin_dir: Path, port: int, path: str, pid: int) -> dict[str, float]:
    before_s = procfs.cpu_s(pid)
    done = subprocess.run([bin_dir / "bench_coap", str(port), path, str(SECONDS), str(WINDOW)], check=True,
                          capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    if not found["answered"] or found["refused"]:
        raise RuntimeError(f"{path} was answered with {found}")
    found["cpu_us"] = 1e6 * (procfs.cpu_s(pid) - before_s) / found["answered"]
    return found


def first_block(port: int, path: str) -> bytes:
    client = Client(port)
    try:
        document, _ = client.get(path)
        return document[:BLOCK]
    finally:
        client.close()


class Theirs:
    """With a resource that holds what ours answered."""

    def __init__(self, home: Path, content: bytes) -> None:
        self.port = free_port()
        self.running = Running([program("coap-server-notls"), "-A", "127.0.0.1", "-p", self.port, "-d", "8", "-v", "3"],
                               home / "coap-server.log")
        time.sleep(0.5)
        self.running.check()
        (home / "content").write_bytes(content)
        subprocess.run([program("coap-client-notls"), "-m", "put", "-f", home / "content", "-t", "text/plain",
                        f"coap://127.0.0.1:{self.port}/status"], check=True, capture_output=True, timeout=20)
        if first_block(self.port, "/status") != content:
            raise RuntimeError("it does not hold what it was given")


def bench_coap(bin_dir: Path, _sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    branch = Branch(home / "coap", size_max="64MiB")
    run_sim(branch.log, datetime.now(timezone.utc) - timedelta(hours=8), "--lines", str(LINES), "--calls-per-day",
            "12000", "--queues", "10", "--days", "3")
    with branch.running() as agent:
        branch.wait_for_lines(agent, LINES // 2)
        time.sleep(1)
        content = first_block(branch.port, "/status")
        theirs, gone = attempt(NAME, lambda: Theirs(home, content))
        try:
            for path in ("/status", CORE):
                yield from both(bin_dir, args, path, (branch.port, agent.process.pid), theirs, gone)
        finally:
            if theirs:
                theirs.running.__exit__()


def both(bin_dir: Path, args: argparse.Namespace, path: str, ours_at: tuple[int, int], theirs: Any,
         gone: Any) -> Iterator[Figure]:
    ours: list[dict[str, float]] = []
    them: list[dict[str, float]] = []
    for _ in rounds(args.peer_runs, f"CoAP requests for {path}"):
        ours.append(ask(bin_dir, ours_at[0], path, ours_at[1]))
        if theirs and not gone:
            one, gone = attempt(NAME, lambda: ask(bin_dir, theirs.port, path, theirs.running.pid))
            them += [one] if one else []
    title = f"CoAP over UDP, {path}, {ours[0]['bytes']:.0f} bytes"
    for name, unit, key, at_least in ((title, "requests/s", "per_s", True),
                                      ("  processor time a request", "us", "cpu_us", False),
                                      ("  p99", "ms", "p99_ms", False)):
        beside = gone or peer(NAME, version("libcoap3-bin"), [one[key] for one in them],
                              LESS if at_least and path == "/status" else "")
        yield compared(name, unit, [one[key] for one in ours], beside, at_least=at_least)
