"""A folder of tests/data/captures: what a manager client of a real Asterisk received and when, and the rows of
queue_log with the microsecond in which each was written. Times are whole microseconds since 1970."""

from __future__ import annotations

import bisect
import csv
import gzip
import io
import json
from collections import defaultdict, deque
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional

from ami_message import END, Message

CAPTURES = Path(__file__).resolve().parents[1] / "data" / "captures"
SECOND_US = 1_000_000
ROW_LEAD_US = 700  # a row of queue_log is there before its event; 0.5 to 1 ms
HOUR_S = 3600

# Where the database's rows are missing: the event that comes with a row.
EVENT_OF_ROW = {
    "ENTERQUEUE": "QueueCallerJoin", "CONNECT": "AgentConnect", "ABANDON": "QueueCallerAbandon",
    "EXITWITHTIMEOUT": "QueueCallerAbandon", "EXITEMPTY": "QueueCallerAbandon", "WITHDRAW": "QueueCallerAbandon",
    "EXITWITHKEY": "QueueCallerLeave", "COMPLETEAGENT": "AgentComplete", "COMPLETECALLER": "AgentComplete",
    "BLINDTRANSFER": "AgentComplete", "ATTENDEDTRANSFER": "AgentComplete", "RINGNOANSWER": "AgentRingNoAnswer",
}


class Event(NamedTuple):
    at_us: int  # when its last byte was received
    message: Message
    connection: int  # 0, or 1 after a restart of Asterisk


class Row(NamedTuple):
    at_us: int
    line: bytes  # without its line feed
    part: int  # index into Recording.log_parts


class LogPart(NamedTuple):
    name: str  # as the file was called in the end
    lines: list[bytes]


def _content(path: Path) -> Optional[bytes]:
    packed = path.with_name(path.name + ".gz")
    if packed.exists():
        return gzip.decompress(packed.read_bytes())
    return path.read_bytes() if path.exists() else None


def _microseconds(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    return int(seconds) * SECOND_US + int((fraction + "000000")[:6])


class Recording:
    def __init__(self, name: str) -> None:
        """`name` is a folder's, or its beginning where that is unmistakable ("s03")."""
        found = [path for path in CAPTURES.iterdir() if path.is_dir() and path.name.split("_")[0] == name]
        self.folder = found[0] if len(found) == 1 else CAPTURES / name
        self.name = self.folder.name

    @cached_property
    def streams(self) -> list[bytes]:
        """What was received on each connection, whole."""
        contents = (_content(self.folder / f"ami{part}.raw") for part in ("", "-after-restart"))
        return [content for content in contents if content]

    @cached_property
    def events(self) -> list[Event]:
        """Asynchronous events of all connections, in order; answers and the banner are left out."""
        found: list[Event] = []
        for connection, stream in enumerate(self.streams):
            part = "-after-restart" if connection else ""
            times = self._receive_times(_content(self.folder / f"ami{part}.idx") or b"")
            found += _events_of(stream, times, connection)
        return found

    @staticmethod
    def _receive_times(index: bytes) -> tuple[list[int], list[int]]:
        """Offsets behind the last byte of each receive, and its time."""
        ends, times = [], []
        for line in index.decode("ascii").splitlines():
            if not line.startswith("#"):
                at, offset, length = line.split()
                ends.append(int(offset) + int(length))
                times.append(_microseconds(at))
        return ends, times

    @cached_property
    def log_parts(self) -> list[LogPart]:
        """The files of queue_log, oldest first; the last is the one that was written at the end."""
        parts = []
        for path in self.folder.iterdir():
            if path.name.startswith(("queue_log", "qlog")):
                lines = [line for line in path.read_bytes().split(b"\n") if line]
                parts.append(LogPart(path.name, lines))
        return sorted(parts, key=lambda part: int(part.lines[0].split(b"|")[0]))

    @cached_property
    def rows(self) -> list[Row]:
        """In the order of the files, times never falling."""
        times = self._row_times()
        found: list[Row] = []
        latest = 0
        for part, log in enumerate(self.log_parts):
            for line in log.lines:
                epoch_us = int(line.split(b"|")[0]) * SECOND_US
                latest = max(latest, times.time_of(line) or epoch_us)
                found.append(Row(latest, line, part))
        return found

    def _row_times(self) -> _RowTimes:
        table = _content(self.folder / "realtime.csv")
        if table is not None:
            return _RowTimes.of_database(table.decode("utf-8", "surrogateescape"), self.log_parts[0].lines[0])
        return _RowTimes.of_events(self.events)

    def status(self, which: str = "final") -> list[Message]:
        """What QueueStatus answered: QueueParams, QueueMember and QueueEntry; empty where it was not asked."""
        content = _content(self.folder / f"{which}.QueueStatus.txt")
        if content is None:
            return []
        blocks = content.partition(b"\n")[2].split(END)[:-1]
        return [message for message in (Message(block + END) for block in blocks)
                if message.event in ("QueueParams", "QueueMember", "QueueEntry")]

    def status_time_us(self, which: str = "final") -> int:
        content = _content(self.folder / f"{which}.QueueStatus.txt") or b""
        return _microseconds(content.partition(b"\n")[0].split()[-1].decode("ascii"))

    @cached_property
    def expected(self) -> dict[str, Any]:
        return json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))

    @property
    def first_us(self) -> int:
        return min([self.events[0].at_us] + [row.at_us for row in self.rows[:1]])

    @property
    def last_us(self) -> int:
        return max([self.events[-1].at_us] + [row.at_us for row in self.rows[-1:]])


def _events_of(stream: bytes, times: tuple[list[int], list[int]], connection: int) -> Iterator[Event]:
    ends, at_us = times
    offset = stream.index(b"\r\n") + 2
    while (end := stream.find(END, offset)) >= 0:
        end += len(END)
        message = Message(stream[offset:end])
        offset = end
        if message.event and "ActionID" not in message or message.event == "OriginateResponse":
            receive = min(bisect.bisect_left(ends, end), len(at_us) - 1)
            yield Event(at_us[receive], message, connection)


class _RowTimes:
    """Times of queue_log's rows by what the row says, in the order of equal rows."""

    def __init__(self) -> None:
        self._times: dict[str, deque[int]] = defaultdict(deque)

    @classmethod
    def of_database(cls, table: str, first_line: bytes) -> _RowTimes:
        self = cls()
        east_us: Optional[int] = None
        for row in csv.DictReader(io.StringIO(table)):
            local = datetime.strptime(row["time"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc)
            local_us = int(local.timestamp()) * SECOND_US + local.microsecond
            if east_us is None:  # the table is in local time
                behind_s = int(first_line.split(b"|")[0]) - local_us // SECOND_US
                east_us = round(behind_s / HOUR_S) * HOUR_S * SECOND_US
            key = "|".join(row[column] for column in ("callid", "queuename", "agent", "event"))
            self._times[key].append(local_us + east_us)
        return self

    @classmethod
    def of_events(cls, events: list[Event]) -> _RowTimes:
        self = cls()
        for event in events:
            message = event.message
            self._times[_event_key(message.event, message.get("Uniqueid"), message.get("Queue"))].append(
                event.at_us - ROW_LEAD_US)
        return self

    def time_of(self, line: bytes) -> Optional[int]:
        fields = line.decode("utf-8", "surrogateescape").split("|")
        keys = ["|".join(fields[1:end]) for end in range(5, len(fields))]  # a name may hold bars
        if len(fields) > 4:
            keys.append(_event_key(EVENT_OF_ROW.get(fields[4], ""), fields[1], fields[2]))
        for key in keys:
            if self._times.get(key):
                return self._times[key].popleft()
        return None


def _event_key(event: str, call_id: str, queue: str) -> str:
    return "\n".join((event, call_id, queue))


def all_recordings() -> list[str]:
    return sorted(path.name for path in CAPTURES.iterdir() if path.is_dir())
