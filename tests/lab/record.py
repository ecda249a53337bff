"""What the driver's connection heard, in the form in which the tests' oracle of operators' time reads recordings: an
implementation by definition that shares no code with the agent (tests/support/ami_shifts.py)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

# pylint: disable=wrong-import-position
from ami_message import Message  # noqa: E402
from ami_recording import Event  # noqa: E402
from ami_shifts import Shift, Shifts  # noqa: E402


class Record:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.members: list[Message] = []
        self._beginning = True

    def put(self, when: float, block: bytes) -> None:
        """Takes a message as it came; `when` stands in where it has no Timestamp."""
        message = Message(block + b"\r\n\r\n")
        if message.event and "ActionID" not in message:
            seconds, _, fraction = message.get("Timestamp").partition(".")
            at_us = int(seconds) * 1_000_000 + int(f"{fraction:0<6}"[:6]) if seconds else int(when * 1e6)
            self.events.append(Event(at_us, message, 0))
        elif message.event in ("QueueParams", "QueueMember") and self._beginning:
            self.members.append(message)
        elif message.event == "QueueStatusComplete":
            self._beginning = False

    def begin(self) -> None:
        """What comes from here on counts; the members are those of the QueueStatus that is asked for next."""
        self.events.clear()
        self.members.clear()
        self._beginning = True

    def write(self, path: Path) -> None:
        path.write_bytes(b"".join(event.message.raw for event in self.events))

    def status(self, _which: str = "start") -> list[Message]:
        return self.members


def shifts(record: Record, from_ms: int, to_ms: int) -> dict[str, Shift]:
    """By operator, of that span. The oracle ends with the last event, so there is one at the end of the span."""
    record.events.append(Event(to_ms * 1000, Message(b"Event: LabEnd\r\n\r\n"), 0))
    found = Shifts(record, from_ms=from_ms, to_ms=to_ms)  # type: ignore[arg-type]
    record.events.pop()
    return {operator: found.total(operator) for operator in found.by_operator}
