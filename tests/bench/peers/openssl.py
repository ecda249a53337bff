"""OpenSSL's own server with mutual P-256 handshakes, for what a collector's handshake takes of a core."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

import procfs
from figure import Beside, peer
from peers.tool import Running, attempt, program, version
from ports import free_tcp_port

SECONDS = 2
RUNS = 3
NAME = "openssl s_server,"


def certificate(home: Path, name: str, *signed: str) -> None:
    subprocess.run([program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}",
                    *signed], check=True, capture_output=True, cwd=home)


def server_ms(home: Path) -> list[float]:
    certificate(home, "ca")
    for name in ("server", "client"):
        certificate(home, name, "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    port = free_tcp_port()
    serve = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", "server.pem", "-key",
             "server.key", "-CAfile", "ca.pem", "-Verify", "2", "-verify_return_error", "-tls1_2", "-named_curve",
             "P-256", "-quiet", "-no_ticket"]
    took = []
    with Running(serve, home / "server.log", cwd=home) as server:
        time.sleep(0.5)
        for _ in range(RUNS):
            server.check()
            before_s = procfs.cpu_s(server.pid)
            done = subprocess.run([program("openssl"), "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-cert",
                                   "client.pem", "-key", "client.key", "-CAfile", "ca.pem", "-tls1_2", "-time",
                                   str(SECONDS)], check=True, capture_output=True, text=True, cwd=home)
            count = int(re.search(r"(\d+) connections in \d+ real seconds", done.stdout)[1])
            took.append(1000 * (procfs.cpu_s(server.pid) - before_s) / count)
    return took


def openssl_handshakes() -> tuple[Beside, ...]:
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as home:
        took, gone = attempt(NAME, lambda: server_ms(Path(home)))
    return (gone or peer(NAME, version("openssl"), took,
                         "The same handshake over TCP, with arithmetic in assembly; nothing is kept afterwards."),)
