"""A message of Asterisk's manager interface as bytes and as fields. Part of the test support; shares nothing with the
agent. Values are kept as bytes would decode with surrogateescape, so that encoding again gives the same bytes."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Union

END = b"\r\n\r\n"

Fields = Iterable[tuple[str, str]]


def encode(fields: Fields) -> bytes:
    lines = "".join(f"{key}: {value}\r\n" for key, value in fields)
    return lines.encode("utf-8", "surrogateescape") + b"\r\n"


class Message:
    """Read only. `raw` ends in the blank line."""

    __slots__ = ("raw", "fields", "_first")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.fields: list[tuple[str, str]] = []
        for line in raw.decode("utf-8", "surrogateescape").split("\r\n"):
            key, colon, value = line.partition(":")
            if colon:
                self.fields.append((key, value[1:] if value.startswith(" ") else value))
        self._first = dict(reversed(self.fields))

    @classmethod
    def of(cls, fields: Union[Fields, dict[str, object]]) -> Message:
        pairs = fields.items() if isinstance(fields, dict) else fields
        return cls(encode((key, str(value)) for key, value in pairs))

    def get(self, key: str, otherwise: str = "") -> str:
        return self._first.get(key, otherwise)

    def __contains__(self, key: str) -> bool:
        return key in self._first

    def number(self, key: str, otherwise: Optional[int] = None) -> Optional[int]:
        try:
            return int(self.get(key))
        except ValueError:
            return otherwise

    @property
    def event(self) -> str:
        return self.get("Event")

    @property
    def response(self) -> str:
        return self.get("Response")

    @property
    def classes(self) -> frozenset[str]:
        """Of "Privilege: agent,all": what a reader must be allowed, and have asked for, to get it."""
        return frozenset(self.get("Privilege").split(",")) - {"all", ""}

    def __repr__(self) -> str:
        return f"<{self.event or self.response} {self._first}>"


def split(raw: bytes) -> tuple[bytes, list[Message]]:
    """A whole stream as the banner line and its messages; a torn last one is left out."""
    banner, _, rest = raw.partition(b"\r\n")
    return banner, [Message(block + END) for block in rest.split(END)[:-1]]


def messages(pending: bytearray) -> Iterator[Message]:
    """Takes whole messages off the front of a buffer."""
    while (at := pending.find(END)) >= 0:
        block = bytes(pending[:at + len(END)])
        del pending[:at + len(END)]
        yield Message(block)
