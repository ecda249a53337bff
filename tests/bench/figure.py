"""One measured value beside what it may be."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Optional

MB = 1e6


@dataclass
class Figure:
    name: str
    value: float
    unit: str
    budget: Optional[float] = None
    at_least: bool = False  # more is better

    @property
    def ratio(self) -> Optional[float]:
        """Measured to budget."""
        return self.value / self.budget if self.budget else None

    @property
    def met(self) -> Optional[bool]:
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
