"""A TCP proxy on loopback that breaks connections by a seeded plan: cut, reset, stalled, half-open, bytes dropped or
repeated in the middle of a record. The same seed breaks the same connections after the same numbers of bytes."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from collections import Counter
from typing import Optional

KINDS = ("cut", "reset", "stall", "half-open", "drop", "repeat")
CHUNK = 16384
STALL_S = (0.2, 3.0)
POLL_S = 0.05


class Fault:
    """What happens to one connection: in which direction, after how many bytes."""

    def __init__(self, rng: random.Random, kinds: tuple[str, ...], reach: int) -> None:
        self.kind = rng.choice(kinds)
        self.upward = rng.random() < 0.6
        self.after = int(reach ** rng.random())
        self.length = rng.randrange(1, 200)
        self.stall_s = rng.uniform(*STALL_S)


class Pipe(threading.Thread):
    """One connection, both directions."""

    def __init__(self, proxy: Proxy, client: socket.socket, fault: Optional[Fault]) -> None:
        super().__init__(daemon=True)
        self.proxy, self.client, self.fault = proxy, client, fault
        self.server: Optional[socket.socket] = None
        self.seen = {True: 0, False: 0}
        self.deaf: set[bool] = set()  # directions that swallow everything

    def run(self) -> None:
        try:
            self.server = socket.create_connection((self.proxy.host, self.proxy.target), timeout=5)
            self.server.settimeout(None)
            while self._pass_on():
                pass
        except OSError:
            pass
        finally:
            self.close()

    def close(self, hard: bool = False) -> None:
        for end in (self.client, self.server):
            if end is not None:
                try:
                    if hard:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
                except OSError:
                    pass

    def _pass_on(self) -> bool:
        assert self.server
        if self.proxy.stopped or self.client.fileno() < 0 or self.server.fileno() < 0:
            return False
        ready, _, _ = select.select([self.client, self.server], [], [], POLL_S)
        for source in ready:
            upward = source is self.client
            data = source.recv(CHUNK)
            if not data:
                return False
            if not self._forward(upward, data):
                return False
        return True

    def _forward(self, upward: bool, data: bytes) -> bool:
        target = self.server if upward else self.client
        assert target
        self.proxy.count(upward, len(data))
        before = self.seen[upward]
        self.seen[upward] += len(data)
        if upward in self.deaf:
            return True
        fault = self.fault
        if fault is None or fault.upward != upward or self.seen[upward] <= fault.after:
            target.sendall(data)
            return True
        self.fault = None
        return self._break(fault, target, data, fault.after - before)

    def _break(self, fault: Fault, target: socket.socket, data: bytes, at: int) -> bool:
        self.proxy.note(fault.kind)
        target.sendall(data[:at])
        rest = data[at:]
        if fault.kind in ("cut", "reset"):
            self.close(hard=fault.kind == "reset")
            return False
        if fault.kind == "stall":
            time.sleep(fault.stall_s)
        elif fault.kind == "half-open":  # this direction is dead, and neither end hears of it
            self.deaf.add(fault.upward)
            return True
        elif fault.kind == "drop":
            rest = rest[fault.length:]
        elif fault.kind == "repeat":
            target.sendall(rest[:fault.length])
        target.sendall(rest)
        return True


class Proxy:
    """Listens on a port of its own and passes on to `target`."""

    def __init__(self, target: int, seed: int, *, host: str = "127.0.0.1", share: float = 0.8, reach: int = 60000,
                 kinds: tuple[str, ...] = KINDS) -> None:
        self.target, self.host = target, host
        self.share, self.reach, self.kinds = share, reach, kinds
        self.rng = random.Random(seed)
        self.done: Counter = Counter()
        self.bytes_up = self.bytes_down = self.connections = 0
        self.stopped = False
        self.closed = False  # turns new connections away: the collector is "not there"
        self._lock = threading.Lock()
        self._pipes: list[Pipe] = []
        self._listener = socket.create_server((host, 0))
        self._listener.settimeout(POLL_S)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self.stopped:
            try:
                client, _ = self._listener.accept()
            except (TimeoutError, socket.timeout):
                continue
            except OSError:
                return
            client.settimeout(None)
            if self.closed:
                client.close()
                continue
            self.connections += 1
            fault = Fault(self.rng, self.kinds, self.reach) if self.rng.random() < self.share else None
            pipe = Pipe(self, client, fault)
            self._pipes = [old for old in self._pipes if old.is_alive()] + [pipe]
            pipe.start()

    def count(self, upward: bool, size: int) -> None:
        with self._lock:
            if upward:
                self.bytes_up += size
            else:
                self.bytes_down += size

    def note(self, kind: str) -> None:
        with self._lock:
            self.done[kind] += 1

    def pipes(self) -> list[Pipe]:
        return list(self._pipes)

    def cut_all(self) -> None:
        for pipe in self.pipes():
            pipe.close(hard=True)

    def heal(self) -> None:
        """No more faults, and what is broken ends: from now on everything passes."""
        self.share = 0.0
        self.closed = False
        self.cut_all()

    def stop(self) -> None:
        self.stopped = True
        self._listener.close()
        self.cut_all()
        self._thread.join(5)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
