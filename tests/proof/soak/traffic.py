"""The calls of a branch over many days, in the order in which a PBX writes their rows, and the truth about them: counted
from the calls themselves, by queue and day."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from typing import Iterator

DAY_S = 86400
QUEUES, OPERATORS = 7, 120


class Traffic:
    def __init__(self, seed: int, start_s: int, days: float, calls_a_day: int) -> None:
        self.start_s, self.end_s = start_s, int(start_s + days * DAY_S)
        self.calls = int(days * calls_a_day)
        self.truth: Counter = Counter()  # (queue, first second of the day, what)
        self._rng = random.Random(seed)

    def _count(self, queue: str, at_s: int, what: str, number: int = 1) -> None:
        self.truth[queue, at_s // DAY_S * DAY_S, what] += number

    def _call(self, number: int, at_s: int) -> Iterator[tuple[int, str]]:
        rng = self._rng
        queue = f"q{rng.randrange(QUEUES)}"
        call = f"{at_s}.{number}|{queue}"
        wait_s = rng.randrange(1, 300)
        self._count(queue, at_s, "entered")
        yield at_s, f"{call}|NONE|ENTERQUEUE||{rng.randrange(10**9, 10**10)}|1"
        if rng.random() < 0.2:
            self._count(queue, at_s + wait_s, "abandoned")
            yield at_s + wait_s, f"{call}|NONE|ABANDON|1|1|{wait_s}"
            return
        talk_s, operator = rng.randrange(1, 900), f"op{rng.randrange(OPERATORS)}"
        self._count(queue, at_s + wait_s, "answered")
        yield at_s + wait_s, f"{call}|{operator}|CONNECT|{wait_s}|1.1|{rng.randrange(20)}"
        yield at_s + wait_s + talk_s, f"{call}|{operator}|COMPLETECALLER|{wait_s}|{talk_s}|1"

    def portions(self, count: int) -> Iterator[list[bytes]]:
        """All rows, in so many parts of equal spans of time."""
        waiting: list[tuple[int, int, str]] = []
        order, number = 0, 0
        span_s = self.end_s - self.start_s
        for part in range(1, count + 1):
            until_s = self.start_s + span_s * part // count
            rows: list[bytes] = []
            while number * span_s // self.calls + self.start_s < until_s and number < self.calls:
                for at_s, row in self._call(number, number * span_s // self.calls + self.start_s):
                    order += 1
                    heapq.heappush(waiting, (at_s, order, row))
                number += 1
            last = part == count
            while waiting and (last or waiting[0][0] < until_s):
                at_s, _, row = heapq.heappop(waiting)
                rows.append(f"{at_s}|{row}\n".encode())
            yield rows
