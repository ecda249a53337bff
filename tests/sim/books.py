"""The simulator's own book-keeping: what really happened, by queue and interval, as docs/kpis.md counts.

Kept while things happen, never read back from the log."""

from __future__ import annotations

from typing import Any, Optional

FLOW = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key", "withdrawn",
        "blocked", "lost", "lost_connected", "transferred_in", "transferred_out", "ring_no_answer", "suspect")
COHORT = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key",
          "withdrawn", "lost", "transferred_in", "transferred_out")
DURATIONS = ("wait_answered", "wait_abandoned", "wait_exit", "wait_key", "ring", "talk", "hold", "handle")
SHORT_S = 5


class Slot:
    """One interval of one queue."""

    __slots__ = ("start", "end", "flow", "cohort", "waiting_start", "waiting_end", "waiting_max", "durations")

    def __init__(self, start: int, end: int, waiting: int) -> None:
        self.start = start
        self.end = end
        self.flow: dict[str, int] = dict.fromkeys(FLOW, 0)
        self.cohort: dict[str, int] = dict.fromkeys(COHORT, 0)
        self.waiting_start = self.waiting_end = self.waiting_max = waiting
        self.durations: dict[str, dict[int, int]] = {kind: {} for kind in DURATIONS}

    def spend(self, kind: str, seconds: int) -> None:
        values = self.durations[kind]
        values[seconds] = values.get(seconds, 0) + 1

    def to_json(self) -> dict[str, Any]:
        return {
            "flow": self.flow, "cohort": self.cohort, "waiting_start": self.waiting_start,
            "waiting_end": self.waiting_end, "waiting_max": self.waiting_max,
            "durations_s": {kind: values for kind, values in self.durations.items() if values},
        }


class QueueBooks:
    """One queue: times come in ascending order, except through past()."""

    __slots__ = ("interval_s", "slots", "current", "waiting")

    def __init__(self, interval_s: int) -> None:
        self.interval_s = interval_s
        self.slots: dict[int, Slot] = {}
        self.current: Optional[Slot] = None
        self.waiting = 0

    def slot(self, stamp: int) -> Slot:
        current = self.current
        if current is not None and stamp < current.end:
            return current
        return self._advance(stamp)

    def _advance(self, stamp: int) -> Slot:
        start = stamp // self.interval_s * self.interval_s
        if self.current is not None:
            self.current.waiting_end = self.waiting
            quiet = self.current.end
            while self.waiting and quiet < start:
                self.slots[quiet] = Slot(quiet, quiet + self.interval_s, self.waiting)
                quiet += self.interval_s
        self.current = self.slots[start] = Slot(start, start + self.interval_s, self.waiting)
        return self.current

    def past(self, stamp: int) -> Slot:
        """The slot of a late row; what it counts must leave the number of waiting callers as it was."""
        start = stamp // self.interval_s * self.interval_s
        if start not in self.slots:
            self.slots[start] = Slot(start, start + self.interval_s, 0)
        return self.slots[start]

    def enter(self, stamp: int, by_transfer: bool) -> Slot:
        slot = self.slot(stamp)
        slot.flow["entered"] += 1
        slot.cohort["entered"] += 1
        if by_transfer:
            slot.flow["transferred_in"] += 1
            slot.cohort["transferred_in"] += 1
        self.waiting += 1
        if self.waiting > slot.waiting_max:
            slot.waiting_max = self.waiting
        return slot

    def answer(self, stamp: int, entered: Slot, wait_s: int, ring_s: int) -> None:
        slot = self.slot(stamp)
        slot.flow["answered"] += 1
        entered.cohort["answered"] += 1
        slot.spend("wait_answered", wait_s)
        slot.spend("ring", ring_s)
        self.waiting -= 1

    def leave(self, stamp: int, entered: Slot, counter: str, kind: str, wait_s: int) -> None:
        slot = self.slot(stamp)
        slot.flow[counter] += 1
        entered.cohort[counter] += 1
        slot.spend(kind, wait_s)
        if counter == "abandoned" and wait_s <= SHORT_S:
            slot.flow["abandoned_short"] += 1
            entered.cohort["abandoned_short"] += 1
        self.waiting -= 1

    def talk(self, stamp: int, entered: Slot, talk_s: int, hold_s: int, transferred: bool) -> None:
        """talk_s as reported, holds included."""
        slot = self.slot(stamp)
        slot.spend("talk", talk_s - hold_s)
        slot.spend("handle", talk_s)
        if transferred:
            slot.flow["transferred_out"] += 1
            entered.cohort["transferred_out"] += 1

    def lose_waiting(self, stamp: int, entered: Slot) -> None:
        self.slot(stamp).flow["lost"] += 1
        entered.cohort["lost"] += 1
        self.waiting -= 1

    def close(self, stamp: int) -> None:
        """The log ends here: the last slot is that of its last row."""
        if self.current is not None:
            if self.waiting:
                self.slot(stamp)
            self.current.waiting_end = self.waiting
