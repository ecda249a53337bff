"""Plays a recording as if it happened now: its events through a scripted manager server, and at the same pace the rows
of its queue_log into a file, rotated as it was.

    recording = Recording("alt")
    with AmiServer(model=PbxModel.at_start_of(recording), timestamps=True) as server:
        replay = Replay(recording, server, log=directory / "queue_log")
        ...                                   # start the agent: server.port, queue_log
        server.wait_for_snapshot()
        replay.run()                          # or start() and join()

Times in rows and events are moved by shift_s, call ids stay as they are."""

from __future__ import annotations

import re
import shutil
import threading
import time
from pathlib import Path
from typing import Iterator, Optional, Union

from ami_message import Message
from ami_recording import SECOND_US, Event, Recording, Row
from ami_server import AmiServer

PENDING_MAX = 1 << 20
SLEEP_MIN_S = 0.0005
PAUSE_S = 0.001
JOIN_S = 600.0
_EPOCHS = re.compile(rb"(?<=\n)(LastCall|LastPause|LoginTime): ([1-9][0-9]*)\r\n")
_CDR_TIMES = re.compile(rb"(?<=\n)(StartTime|AnswerTime|EndTime): ([0-9-]{10} [0-9:]{8})\r\n")
_LOCAL = "%Y-%m-%d %H:%M:%S"
_OWN_SUFFIX = re.compile(r"\.(\d{9,})\Z")


def shifted(message: Message, shift_s: int) -> Message:
    """The same event, its times moved."""
    raw = message.raw
    if shift_s and b"LoginTime: " in raw:
        raw = _EPOCHS.sub(lambda found: b"%s: %d\r\n" % (found[1], int(found[2]) + shift_s), raw)
    if shift_s and b"StartTime: " in raw:
        raw = _CDR_TIMES.sub(lambda found: b"%s: %s\r\n" % (found[1], _move_text(found[2], shift_s)), raw)
    return message if raw is message.raw else Message(raw)


def _move_text(text: bytes, shift_s: int) -> bytes:
    at_s = time.mktime(time.strptime(text.decode("ascii"), _LOCAL))
    return time.strftime(_LOCAL, time.localtime(at_s + shift_s)).encode("ascii")


def shifted_line(line: bytes, shift_s: int) -> bytes:
    epoch, bar, rest = line.partition(b"|")
    return b"%d" % (int(epoch) + shift_s) + bar + rest


class LogWriter:
    """A queue_log that grows and is rotated as the recording's was."""

    def __init__(self, recording: Recording, path: Path, shift_s: int) -> None:
        self.path = path
        self.rows = 0
        self._shift_s = shift_s
        self._part = 0
        self._suffixes = [self._suffix(part.name) for part in recording.log_parts]
        suffixes = [suffix for suffix in self._suffixes if suffix]
        self._newest_is_0 = len(suffixes) > 1 and suffixes == sorted(suffixes, reverse=True)
        path.touch()

    def _suffix(self, name: str) -> str:
        suffix = name.removeprefix("queue_log").removeprefix("qlog.txt")
        return _OWN_SUFFIX.sub(lambda found: f".{int(found[1]) + self._shift_s}", suffix)

    def write(self, row: Row) -> None:
        while self._part < row.part:
            self._rotate()
        with self.path.open("ab") as file:
            file.write(shifted_line(row.line, self._shift_s) + b"\n")
        self.rows += 1

    def _rotate(self) -> None:
        suffix = self._suffixes[self._part]
        if self._newest_is_0:
            suffix = ".0"
            for number in reversed(range(self._part)):
                shutil.move(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        self.path.rename(f"{self.path}{suffix}")
        self.path.touch()
        self._part += 1


class Replay:
    def __init__(self, recording: Union[Recording, str], server: AmiServer, *, log: Optional[Path] = None,
                 speed: Optional[float] = None, shift_s: Optional[int] = None,
                 away_events: Optional[int] = None, events: Optional[list[Event]] = None) -> None:
        """speed: 1 is real time, 10 ten times as fast, None as fast as clients read. A client with timers of its own
        does not see them run faster: up to about 20 a second of it is short enough for what it waits for.
        shift_s: None moves the recording so that it begins now: what comes faster than real time is of the next
        minutes then, and never before what a client was told in its lists.
        away_events: when a client was lost, so many events are missed by it, then the replay waits until one has
        logged in and has its lists; None: it does not wait.
        events: instead of the recording's own: those of ami_dialplan.py."""
        self.recording = Recording(recording) if isinstance(recording, str) else recording
        self.server = server
        self.speed = speed
        begins_now_s = int(time.time()) + 1 - self.recording.first_us // SECOND_US
        self.shift_s = begins_now_s if shift_s is None else shift_s
        self.away_events = away_events
        self._events = self.recording.events if events is None else events
        self.events = 0  # sent so far
        self.log = LogWriter(self.recording, log, self.shift_s) if log else None
        self._at_us = self.recording.first_us
        self._begun_s = 0.0
        self._missed = 0
        self._stopped_for = 0
        self._failure: Optional[BaseException] = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run_caught, name="ami-replay", daemon=True)
        server.clock = self._clock
        server.started_s = self.recording.first_us / SECOND_US + self.shift_s
        self._shift_members()

    def _shift_members(self) -> None:
        for queue in self.server.model.queues.values():
            for member in queue.members.values():
                for key in ("LastCall", "LastPause", "LoginTime"):
                    member[key] = str(int(member[key]) + self.shift_s) if member[key] != "0" else "0"

    def _clock(self) -> float:
        """What the PBX takes for the time: the recording's, moved."""
        at_us = float(self._at_us)
        if self.speed and self._begun_s:
            passed_us = (time.monotonic() - self._begun_s) * self.speed * SECOND_US
            at_us = min(max(at_us, self.recording.first_us + passed_us), float(self.recording.last_us + SECOND_US))
        return at_us / SECOND_US + self.shift_s

    def start(self) -> None:
        self._thread.start()

    def join(self, within_s: float = JOIN_S) -> None:
        self._thread.join(within_s)
        if self._thread.is_alive():
            raise TimeoutError(f"{self.recording.name} is still being replayed after {within_s} s")
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        self._stop.set()

    def _run_caught(self) -> None:
        try:
            self.run()
        except BaseException as failure:  # told by join()
            self._failure = failure

    def _schedule(self) -> Iterator[Union[Row, Event]]:
        """Rows and events by time; a row comes before an event of the same time."""
        rows = list(self.recording.rows) if self.log else []
        events = [event for event in self._events if event.message.event != "FullyBooted"]
        return iter(sorted([*rows, *events], key=lambda item: item.at_us))

    def run(self) -> None:
        self._begun_s = time.monotonic()
        connection = 0
        for item in self._schedule():
            if self._stop.is_set():
                return
            self._pace(item.at_us)
            self._at_us = item.at_us
            if isinstance(item, Row):
                assert self.log
                self.log.write(item)
                continue
            if item.connection != connection:
                connection = item.connection
                self._start_pbx(connection)
            self._wait_for_clients()
            self.server.send(shifted(item.message, self.shift_s), item.at_us + self.shift_s * SECOND_US)
            self.events += 1
            if item.message.event == "Shutdown":
                self._stop_pbx(item.connection + 1)

    def _pace(self, at_us: int) -> None:
        if self.speed:
            due_s = self._begun_s + (at_us - self.recording.first_us) / SECOND_US / self.speed
            while not self._stop.is_set() and (wait_s := due_s - time.monotonic()) > SLEEP_MIN_S:
                time.sleep(min(wait_s, 0.1))
            return
        while not self._stop.is_set() and any(one.pending > PENDING_MAX for one in self.server.live()):
            time.sleep(PAUSE_S)

    def _stop_pbx(self, connection: int) -> None:
        """Asterisk goes away; whoever comes back meets the next, which recorded this connection."""
        self._stopped_for = connection
        self.server.end_all()
        with self.server.lock:
            self.server.model.restart()
        starts = [event.at_us for event in self.recording.events if event.connection == connection]
        if starts:
            self.server.started_s = starts[0] / SECOND_US + self.shift_s

    def _start_pbx(self, connection: int) -> None:
        if self._stopped_for != connection:
            self._stop_pbx(connection)  # it was killed: no event told of it
        if self.away_events is not None:
            self.server.wait_for_snapshot()

    def _wait_for_clients(self) -> None:
        if self.away_events is None or self.server.live():
            self._missed = 0
            return
        self._missed += 1
        if self._missed > self.away_events:
            self.server.wait_for_snapshot()
            self._missed = 0
