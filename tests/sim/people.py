"""Who calls, who answers, and when: the simulated centre before anything happens in it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Optional

from books import QueueBooks

# Share of a weekday's calls by hour, UTC: quiet nights, peaks at 10-12 and 15-17.
DAY_SHAPE = (0.3, 0.2, 0.15, 0.15, 0.2, 0.4, 1.0, 2.5, 6.0, 8.5, 11.0, 10.5,
             7.5, 6.5, 7.5, 9.5, 9.5, 7.0, 4.5, 2.8, 1.8, 1.2, 0.8, 0.5)
SATURDAY, SUNDAY = 0.3, 0.12
DAY_S = 86400
SHIFT_START_S, SHIFT_END_S = 7 * 3600 + 1800, 19 * 3600

QUEUE_NAMES = ("sales", "support", "billing", "tech-support_2", "VIP gold", "Atención España", "orders", "returns")
FIRST_NAMES = ("Ana", "Bob", "Zoë", "María-José", "Łukasz", "Dave", "Øyvind", "Chidi", "Yuki", "Ines", "Frank", "Olga")
LAST_NAMES = ("Souza", "Johnson", "Ångström", "Núñez", "Żak", "O'Neil", "Sørli", "Okafor", "Tanaka", "Weber")
PAUSE_REASONS = ("Lunch", "Coffee break", "Meeting", "", "a|b", "Training")


class Queue:
    __slots__ = ("name", "timeout_s", "ring_timeout_s", "max_waiting", "leave_empty", "overflow", "key_target",
                 "members", "free", "present", "waiting", "books", "turn")

    def __init__(self, name: str, books: QueueBooks) -> None:
        self.name = name
        self.timeout_s = 0
        self.ring_timeout_s = 15
        self.max_waiting = 60
        self.leave_empty = True
        self.overflow: Optional[Queue] = None
        self.key_target: Optional[Queue] = None
        self.members: list[Operator] = []
        self.free = 0  # members who could be rung now
        self.present = 0  # members on shift
        self.waiting: dict["object", None] = {}  # calls in order of entering
        self.books = books
        self.turn = 0


class Operator:
    __slots__ = ("name", "interface", "queues", "state", "leaving", "call", "version", "all_night")

    def __init__(self, name: str, interface: str, queues: list[Queue], all_night: bool) -> None:
        self.name = name
        self.interface = interface
        self.queues = queues
        self.state = "off"  # off, free, ringing, busy, paused
        self.leaving = False  # goes off shift as soon as the work in hand is over
        self.call: Optional[object] = None
        self.version = 0  # grows with every ring: stale events are told by it
        self.all_night = all_night


@dataclass(frozen=True)
class Plan:
    seed: int
    start_s: int
    calls_per_day: float
    queue_count: int = 4
    operator_count: int = 0  # 0: as many as the load needs
    talk_median_s: float = 150.0
    patience_mean_s: float = 110.0
    interval_s: int = 900
    flat: bool = False  # the same rate all day and week, everybody on shift
    holds: bool = False
    extras: bool = True  # rows of FreePBX and Wazo: DID, JOINEMPTY, FULL
    restart_every_s: float = 3.5 * DAY_S  # 0: never


def table(draw, size: int = 4096) -> list[float]:
    """Drawing from a prepared table is several times cheaper than drawing anew."""
    return [draw() for _ in range(size)]


class People:
    def __init__(self, plan: Plan, rng: random.Random) -> None:
        self.plan = plan
        self.queues = self._make_queues()
        self.operators = self._make_operators(rng)
        self.arrival_queues = self._weighted_queues()

    def _make_queues(self) -> list[Queue]:
        queues = []
        for index in range(self.plan.queue_count):
            name = QUEUE_NAMES[index] if index < len(QUEUE_NAMES) else f"queue-{index}"
            queues.append(Queue(name, QueueBooks(self.plan.interval_s)))
        for index, queue in enumerate(queues):
            queue.timeout_s = (0, 90, 180, 45)[index % 4]
            queue.leave_empty = index % 3 != 2
            queue.max_waiting = 40 if index % 2 else 120
            if len(queues) > 1 and queue.timeout_s:
                queue.overflow = queues[(index + 1) % len(queues)] if index % 4 != 3 else None
            queue.key_target = queues[index - 1] if index % 2 else None
        return queues

    def _make_operators(self, rng: random.Random) -> list[Operator]:
        plan, operators = self.plan, []
        count = plan.operator_count or self._needed()
        for index in range(count):
            name = f"{FIRST_NAMES[index % len(FIRST_NAMES)]} {LAST_NAMES[index // len(FIRST_NAMES) % len(LAST_NAMES)]}"
            if index >= len(FIRST_NAMES) * len(LAST_NAMES):
                name += f" {index}"
            if index % 11 == 7:
                name = name.replace(" ", "|", 1)  # nobody escapes these
            all_night = index < max(1, count // 12)
            served = self.queues[:-1] if all_night and len(self.queues) > 1 else self.queues  # the last queue closes
            home = served[index % len(served)]
            skills = [home] + [queue for queue in served if queue is not home and rng.random() < 0.3]
            operators.append(Operator(name, f"Local/{101 + index}@agents/n", skills, all_night))
            for queue in skills:
                queue.members.append(operators[-1])
        return operators

    def _needed(self) -> int:
        shape_peak = 1 / 24 if self.plan.flat else max(DAY_SHAPE) / sum(DAY_SHAPE)
        calls_per_s = self.plan.calls_per_day * shape_peak / 3600
        handling_s = self.plan.talk_median_s * 1.28 + 25
        return max(len(self.queues), math.ceil(calls_per_s * handling_s / 0.88))

    def _weighted_queues(self) -> list[Queue]:
        """Earlier queues get more of the calls; picked by index from a list of 64."""
        weights = [1 / (1 + index) ** 0.7 for index in range(len(self.queues))]
        slots = [max(1, round(64 * weight / sum(weights))) for weight in weights]
        return [queue for queue, count in zip(self.queues, slots) for _ in range(count)]

    def arrivals(self, day_start_s: float, rng: random.Random) -> list[float]:
        """The arrival times of one day, ascending."""
        weekday = (int(day_start_s) // DAY_S + 3) % 7
        share = 1.0 if self.plan.flat else {5: SATURDAY, 6: SUNDAY}.get(weekday, 1.0)
        total = sum(DAY_SHAPE)
        times: list[float] = []
        for hour, part in enumerate(DAY_SHAPE):
            mean = self.plan.calls_per_day * share * (1 / 24 if self.plan.flat else part / total)
            count = max(0, round(rng.gauss(mean, math.sqrt(mean)))) if mean > 20 else _small_poisson(mean, rng)
            begin = day_start_s + hour * 3600
            times.extend(begin + 3600 * rng.random() for _ in range(count))
        times.sort()
        return times

    def works_today(self, operator: Operator, day_start_s: float, index: int) -> bool:
        weekday = (int(day_start_s) // DAY_S + 3) % 7
        return weekday < 5 or index % 5 == weekday - 5


def _small_poisson(mean: float, rng: random.Random) -> int:
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
