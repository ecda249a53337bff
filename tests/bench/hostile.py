#!/usr/bin/python3
"""Peers that mean no good, against a running collector:

    hostile.py HOST PORT CERTIFICATES SITE COUNT SECONDS [KIND...]

stall     begins a TLS handshake and says no more
garbage   bytes that are no TLS
giant     with the site's certificate: announces a message of 4 GB, and sends some of it
nonsense  with the site's certificate: valid CoAP once a second, whose payload is no message

COUNT connections in equal parts of these, all at once; who is thrown out comes again after one to three seconds.
CERTIFICATES is what `fleet prepare` made; SITE is the number of the one that fell into wrong hands. Prints one JSON
object."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import ssl
import struct
import sys
from collections import Counter
from pathlib import Path

KINDS = ("stall", "garbage", "giant", "nonsense")
BACK_S = (1.0, 3.0)
CSM = bytes([0x00, 0xE1])
# A record of type handshake, TLS 1.0 as all hellos say, 512 bytes announced; then some of a client's hello.
HALF_HELLO = bytes([22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]) + bytes(range(32))


def post(path: str, payload: bytes) -> bytes:
    body = bytes([0xB0 | len(path)]) + path.encode() + bytes([0x11, 42, 0xFF]) + payload
    head = bytes([len(body) << 4 | 4]) if len(body) < 13 else bytes([0xD4, len(body) - 13])
    return head + bytes([2]) + b"tokn" + body


GIANT = (bytes([0xF4]) + struct.pack(">I", 0xFFFF0000) + bytes([2]) + b"tokn" + bytes([0xB1]) + b"s" +
         bytes([0x11, 42, 0xFF]))


class Crowd:
    def __init__(self, host: str, port: int, identity: Path) -> None:
        self.host, self.port = host, port
        self.counts: Counter = Counter()
        self.open: Counter = Counter()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.load_cert_chain(identity)

    async def misbehave(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if kind == "stall":
            writer.write(HALF_HELLO)
        elif kind == "garbage":
            writer.write(random.randbytes(4096))
        else:
            writer.write(CSM)
            writer.write(GIANT + bytes(8192) if kind == "giant" else b"")
        await writer.drain()
        self.counts[f"{kind} began"] += 1
        reading = asyncio.ensure_future(reader.read(65536))
        while True:
            done, _ = await asyncio.wait([reading], timeout=1)
            if done:
                if not reading.result():
                    return
                reading = asyncio.ensure_future(reader.read(65536))
            if kind == "nonsense" and not done:
                writer.write(post("s", random.randbytes(100)))
                self.counts["nonsense sent"] += 1

    async def one(self, kind: str) -> None:
        context = self.context if kind in ("giant", "nonsense") else None
        while True:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(self.host, self.port, ssl=context,
                                                               **({"ssl_handshake_timeout": 60} if context else {}))
                self.open[kind] += 1
                try:
                    await self.misbehave(kind, reader, writer)
                finally:
                    self.open[kind] -= 1
                self.counts[f"{kind} closed"] += 1
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                self.counts[f"{kind} thrown out"] += 1
            finally:
                if writer:
                    writer.transport.abort()
            await asyncio.sleep(random.uniform(*BACK_S))

    async def run(self, kinds: list[str], count: int, seconds: float) -> None:
        tasks = [asyncio.ensure_future(self.one(kinds[i % len(kinds)])) for i in range(count)]
        await asyncio.sleep(seconds)
        held = dict(self.open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        print(json.dumps({"counts": self.counts, "open_at_end": held}))


def main() -> int:
    host, port, certificates, site, count, seconds = sys.argv[1:7]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    crowd = Crowd(host, int(port), Path(certificates) / f"fleet-{int(site):05}.pem")
    asyncio.run(crowd.run(sys.argv[7:] or list(KINDS), int(count), float(seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
