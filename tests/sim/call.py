"""One simulated leg, as the centre keeps it."""

from __future__ import annotations

from typing import Optional

from books import Slot
from people import Operator, Queue


class Call:
    """One leg. `log_id` is the id its next rows carry: not its own any more after an id swap."""

    __slots__ = ("log_id", "number", "queue", "start", "enter", "position", "slot", "visited", "ringing", "ring_began",
                 "connect", "operator", "held_since", "hold_s", "version", "consult_for", "patience_s", "alive")

    def __init__(self, log_id: str, number: str) -> None:
        self.log_id = log_id
        self.number = number
        self.queue: Queue
        self.start = 0  # what Asterisk takes the wait from
        self.enter = 0  # the second its ENTERQUEUE row carries
        self.position = 0
        self.slot: Slot
        self.visited: list[Queue] = []
        self.ringing: Optional[Operator] = None
        self.ring_began = 0.0
        self.connect: Optional[int] = None
        self.operator: Optional[Operator] = None
        self.held_since: Optional[int] = None
        self.hold_s = 0
        self.version = 0
        self.consult_for: Optional[Call] = None
        self.patience_s = 0.0
        self.alive = True
