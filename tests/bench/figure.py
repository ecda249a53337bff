"""One measured value beside what it may be, and beside what the machine or another program does in the same run."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import Optional, Sequence

MB = 1e6
LIMIT, PEER = "limit", "peer"


@dataclass(frozen=True)
class Beside:
    """A limit (what the machine or a library does alone) or a peer (another program with the same data)."""

    kind: str
    name: str
    value: Optional[float]  # None: not measured, and `note` says why
    version: str = ""
    runs: tuple[float, ...] = ()
    note: str = ""  # of a peer, what it does less or more

    @property
    def least(self) -> Optional[float]:
        return min(self.runs) if self.runs else self.value

    @property
    def most(self) -> Optional[float]:
        return max(self.runs) if self.runs else self.value


@dataclass
class Figure:
    name: str
    value: float  # of several runs the median
    unit: str
    budget: Optional[float] = None
    at_least: bool = False  # more is better
    row: str = ""  # of the report: a key of budgets.BUDGETS, or "peers"
    runs: tuple[float, ...] = ()
    beside: tuple[Beside, ...] = ()
    detail: bool = True  # also shown among the other figures of its part

    @property
    def ratio(self) -> Optional[float]:
        """Measured to budget."""
        return self.value / self.budget if self.budget else None

    @property
    def met(self) -> Optional[bool]:
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    @property
    def least(self) -> float:
        return min(self.runs) if self.runs else self.value

    @property
    def most(self) -> float:
        return max(self.runs) if self.runs else self.value

    def ratio_to(self, beside: Beside) -> Optional[float]:
        """Measured to its."""
        return self.value / beside.value if beside.value else None

    def better_than(self, beside: Beside) -> Optional[bool]:
        if beside.value is None or beside.value == self.value:
            return None
        return (self.value > beside.value) == self.at_least


def limit(name: str, runs: Sequence[float], *, version: str = "", note: str = "") -> Beside:
    return Beside(LIMIT, name, statistics.median(runs), version, tuple(runs), note)


def peer(name: str, version: str, runs: Sequence[float], note: str = "") -> Beside:
    return Beside(PEER, name, statistics.median(runs), version, tuple(runs), note)


def absent(name: str, why: str) -> Beside:
    """A peer that could not be measured."""
    return Beside(PEER, name, None, note=why)


def compared(name: str, unit: str, runs: Sequence[float], *beside: Beside, at_least: bool = False) -> Figure:
    """A row of the report's second half."""
    return Figure(name, statistics.median(runs), unit, at_least=at_least, row="peers", runs=tuple(runs), beside=beside,
                  detail=False)


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
