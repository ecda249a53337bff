"""queue_log as Asterisk wrote it, read a second time and otherwise than the agent does, and the arithmetic that makes
Asterisk's own counters of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

COUNTED = {"ENTERQUEUE": "entered", "CONNECT": "answered", "ABANDON": "abandoned", "EXITWITHTIMEOUT": "exit_timeout",
           "EXITEMPTY": "exit_empty", "EXITWITHKEY": "exit_key", "WITHDRAW": "withdrawn",
           "RINGNOANSWER": "ring_no_answer", "BLINDTRANSFER": "transferred_out", "ATTENDEDTRANSFER": "transferred_out"}
COMPLETED = ("COMPLETEAGENT", "COMPLETECALLER", "BLINDTRANSFER", "ATTENDEDTRANSFER")
UNSERVED = ("ABANDON", "EXITWITHTIMEOUT", "EXITEMPTY", "WITHDRAW")
MARK = "LABRESET"


@dataclass
class Row:
    when: int
    callid: str
    queue: str
    operator: str
    verb: str
    data: list[str]


def read(log: Path) -> list[Row]:
    """The live file and its rotated parts, in the order of their first rows."""
    parts = [part.read_text(encoding="utf-8").splitlines() for part in log.parent.glob(log.name + "*")]
    parts = [part for part in parts if part]
    # Of two parts that begin in one second the rotated one has the smaller call ids; such short parts do not occur.
    parts.sort(key=lambda part: int(part[0].split("|")[0]))
    rows = []
    for part in parts:
        for line in part:
            when, callid, queue, operator, verb, *data = line.split("|")
            rows.append(Row(int(when), callid, queue, operator, verb, data))
    return rows


def flow(rows: list[Row]) -> dict[str, Counter[str]]:
    queues: dict[str, Counter[str]] = {}
    for row in rows:
        if row.verb in COUNTED:
            queues.setdefault(row.queue, Counter())[COUNTED[row.verb]] += 1
    return queues


@dataclass
class Rebuilt:
    """Asterisk's counters of one queue, from its rows since the counters were last set to zero."""
    completed: int = 0
    abandoned: int = 0
    holdtime: int = 0
    talktime: int = 0
    in_level: int = 0
    gave_up_in_level: int = 0
    # Completed in this time but answered before it: seen to be counted nowhere, on 16 and on 22, unless the member had
    # been removed when the counters were set to zero.
    straddling: int = 0
    members: set[str] = field(default_factory=set)  # at that time
    talking: set[str] = field(default_factory=set)

    def take(self, row: Row, level_s: int) -> None:
        if row.verb == "CONNECT":
            self._average_hold(int(row.data[0]))
            self.talking.add(row.operator)
        elif row.verb in COMPLETED:
            if row.operator in self.talking or row.operator not in self.members:
                self.talking.discard(row.operator)
                self._complete(int(row.data[-3]), int(row.data[-2]), level_s)
            else:
                self.straddling += 1
        elif row.verb in UNSERVED:
            self.abandoned += 1
            self.gave_up_in_level += int(row.data[2]) <= level_s

    def _average_hold(self, waited: int) -> None:
        first = self.completed + self.abandoned == 0
        self.holdtime = waited if first else (3 * self.holdtime + waited) >> 2

    def _complete(self, waited: int, talked: int, level_s: int) -> None:
        self.talktime = (3 * self.talktime + talked) >> 2 if self.completed else talked
        self.completed += 1
        self.in_level += waited <= level_s

    def level(self) -> float:
        return 100 * self.in_level / self.completed if self.completed else 0.0

    def level2(self) -> float:
        below = self.completed + self.abandoned
        return 100 * (self.in_level + self.gave_up_in_level) / below if below else 0.0


def rebuild(rows: list[Row], levels_s: dict[str, int], members: dict[str, set[str]]) -> dict[str, Rebuilt]:
    queues = {queue: Rebuilt(members=members.get(queue, set())) for queue in levels_s}
    for row in rows:
        if row.queue in queues:
            queues[row.queue].take(row, levels_s[row.queue])
    return queues


def after_mark(rows: list[Row]) -> list[Row]:
    marks = [index for index, row in enumerate(rows) if row.verb == MARK]
    return rows[marks[-1] + 1:] if marks else rows
