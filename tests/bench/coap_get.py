"""A CoAP client of one purpose: how long a GET takes (RFC 7252, with the blocks of RFC 7959), over UDP on loopback."""

from __future__ import annotations

import itertools
import socket
import struct
import time
from typing import Iterator, Optional

CON, ACK = 0, 2
GET, CONTENT = 0x01, 0x45
URI_PATH, BLOCK2 = 11, 23
RESEND_S = 2.0
TRIES = 4


class Refused(Exception):
    """Nobody listens, or the answer is not 2.05."""


def varint(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def encode_option(delta: int, value: bytes) -> bytes:
    """Of the lengths and deltas used here, all below 269."""
    def nibble(number: int) -> tuple[int, bytes]:
        return (number, b"") if number < 13 else (13, bytes((number - 13,)))

    (delta_nibble, delta_more), (length_nibble, length_more) = nibble(delta), nibble(len(value))
    return bytes((delta_nibble << 4 | length_nibble,)) + delta_more + length_more + value


def encode_get(message_id: int, path: str, block: int) -> bytes:
    options, last = b"", 0
    segments = [(URI_PATH, segment.encode()) for segment in path.strip("/").split("/")]
    for number, value in segments + ([(BLOCK2, varint(block << 4 | 6))] if block else []):
        options += encode_option(number - last, value)
        last = number
    return struct.pack("!BBHH", 1 << 6 | CON << 4 | 2, GET, message_id, message_id) + options


def decode_options(message: bytes, at: int) -> tuple[dict[int, bytes], int]:
    """The options by number, and where the payload begins."""
    options, number = {}, 0
    while at < len(message) and message[at] != 0xFF:
        fields = [message[at] >> 4, message[at] & 15]
        at += 1
        for i, nibble in enumerate(fields):
            if nibble == 13:
                fields[i] = message[at] + 13
                at += 1
            elif nibble == 14:
                fields[i] = struct.unpack_from("!H", message, at)[0] + 269
                at += 2
        number += fields[0]
        options[number] = message[at:at + fields[1]]
        at += fields[1]
    return options, at + 1


class Client:
    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._ids: Iterator[int] = itertools.count(1)
        self.resent = 0

    def close(self) -> None:
        self._socket.close()

    def _exchange(self, path: str, block: int) -> tuple[bytes, bool]:
        """One block of the answer and whether more follow."""
        message_id = next(self._ids) & 0xFFFF
        request = encode_get(message_id, path, block)
        for attempt in range(TRIES):
            self.resent += attempt > 0
            answer = self._send(request, message_id)
            if answer is not None:
                return answer
        raise Refused(f"{path}: no answer")

    def _send(self, request: bytes, message_id: int) -> Optional[tuple[bytes, bool]]:
        try:
            self._socket.send(request)
            until = time.monotonic() + RESEND_S
            while (left_s := until - time.monotonic()) > 0:
                self._socket.settimeout(left_s)
                answer = self._socket.recv(65536)
                token = struct.pack("!H", message_id)
                if len(answer) >= 6 and answer[0] >> 4 & 3 == ACK and answer[4:6] == token:
                    return self._content(answer)
        except TimeoutError:
            return None
        except ConnectionRefusedError as error:
            raise Refused(str(error)) from error
        return None

    @staticmethod
    def _content(answer: bytes) -> tuple[bytes, bool]:
        if answer[1] != CONTENT:
            raise Refused(f"{answer[1] >> 5}.{answer[1] & 31:02}")
        options, at = decode_options(answer, 6)
        block = int.from_bytes(options.get(BLOCK2, b""), "big")
        return answer[at:], bool(block & 8)

    def get(self, path: str) -> tuple[bytes, float]:
        """The whole answer, and the seconds from the first request to the last block."""
        began = time.perf_counter()
        parts: list[bytes] = []
        more = True
        while more:
            part, more = self._exchange(path, len(parts))
            parts.append(part)
        return b"".join(parts), time.perf_counter() - began
