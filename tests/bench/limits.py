"""What the machine does by itself: datagrams and bytes through loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

ECHO = """
import socket
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.bind(("127.0.0.1", 0))
print(echo.getsockname()[1], flush=True)
while True:
    data, peer = echo.recvfrom(2048)
    echo.sendto(data, peer)
"""
SINK = """
import socket
sink = socket.create_server(("127.0.0.1", 0))
print(sink.getsockname()[1], flush=True)
while True:
    one, _ = sink.accept()
    room = bytearray(1 << 18)
    while one.recv_into(room):
        pass
    one.sendall(b"!")
    one.close()
"""
ECHO_BYTES = 32
PATIENCE_S = 20


class Other:
    """A process of a few lines that tells its port."""

    def __init__(self, text: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def udp_echo_ms(count: int) -> list[float]:
    """Sorted times of that many round trips, one after the other."""
    took = []
    with Other(ECHO) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", other.port))
        client.settimeout(PATIENCE_S)
        for _ in range(count):
            began = time.perf_counter()
            client.send(bytes(ECHO_BYTES))
            client.recv(2048)
            took.append(1000 * (time.perf_counter() - began))
    return sorted(took)


def tcp_bytes_s(each: int, total: int) -> float:
    """So many bytes in pieces of that size through one connection, until the other end has read the last."""
    piece = bytes(each)
    with Other(SINK) as other, socket.create_connection(("127.0.0.1", other.port), PATIENCE_S) as client:
        began = time.perf_counter()
        for _ in range(max(1, total // each)):
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
        return max(1, total // each) * each / (time.perf_counter() - began)
