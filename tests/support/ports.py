"""Free ports for servers that must know theirs before they start."""

from __future__ import annotations

import itertools
import os
import random
import socket

FIRST, STRIPE, STRIPES = 20000, 1400, 8  # below those that systems give out by themselves
_given = itertools.count(random.randrange(STRIPE))


def free_port(kind: int = socket.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    """Nobody gets it by chance meanwhile: tests that run beside each other have a stripe each, and within one no port
    comes twice before all the others did, however many threads ask."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % STRIPES
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = FIRST + worker * STRIPE + next(_given) % STRIPE
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def free_tcp_port(host: str = "127.0.0.1") -> int:
    return free_port(socket.SOCK_STREAM, host)
