"""The simulated centre's state, and its operators: shifts, pauses, and who can be rung.

The centre is built in layers, each adding what callers can meet: Staff, Waiting, Talking, Centre. Every event is
(time, number, function, argument, version). An event whose version is not the argument's any more is stale and does
nothing."""

from __future__ import annotations

import heapq
import random
from typing import Any, Callable, Optional

from call import Call
from logfile import LogFile, Noise
from people import PAUSE_REASONS, Operator, People, Plan, Queue, table


class Staff:
    def __init__(self, plan: Plan, log: LogFile, noise: Optional[Noise] = None) -> None:
        self.plan = plan
        self.log = log
        self.noise = noise
        self.rng = random.Random(plan.seed)
        self.random = self.rng.random
        self.people = People(plan, self.rng)
        self.heap: list[tuple[float, int, Callable, Any, int]] = []
        self.pushed = 0
        self.calls: dict[Call, None] = {}  # every leg that is not over
        self.dead: list[Call] = []  # killed by a crash, not yet known to the log
        self.down = False
        self.stopping = False
        self.counter = 0
        self.restarts = 0
        self.newest = 0
        rng = self.rng
        self.talks = table(lambda: rng.lognormvariate(0, 0.7) * plan.talk_median_s)
        self.patiences = table(lambda: 1 + rng.expovariate(1 / plan.patience_mean_s))
        self.pickups = table(lambda: min(14.0, 0.8 + rng.expovariate(1 / 4.0)))

    def push(self, time_s: float, function: Callable, argument: Any, version: int = 0) -> None:
        self.pushed += 1
        heapq.heappush(self.heap, (time_s, self.pushed, function, argument, version))

    def _row(self, stamp: int, rest: str) -> None:
        self.newest = stamp
        self.log.add(f"{stamp}|{rest}")

    def _new_id(self, stamp: int, channels: int) -> str:
        call_id = f"{stamp}.{self.counter}"
        self.counter += channels
        return call_id

    def _offer(self, time_s: float, queue: Queue) -> None:
        raise NotImplementedError

    def _put_out(self, time_s: float, queue: Queue) -> None:
        raise NotImplementedError

    # --- shifts

    def _shift_on(self, time_s: float, operator: Operator, _version: int) -> None:
        if operator.state != "off":
            return
        stamp = int(time_s)
        for queue in operator.queues:
            self._row(stamp, f"MANAGER|{queue.name}|{operator.interface}|ADDMEMBER|")
            queue.present += 1
        operator.leaving = False
        self._release(time_s, operator)
        self.push(time_s + 600 + 9000 * self.random(), self._pause, operator)

    def _shift_off(self, time_s: float, operator: Operator, _version: int) -> None:
        if operator.state == "free":
            self._take(operator, "off")
            self._gone_home(time_s, operator)
        elif operator.state != "off":
            operator.leaving = True

    def _gone_home(self, time_s: float, operator: Operator) -> None:
        stamp = int(time_s)
        operator.state, operator.leaving = "off", False
        for queue in operator.queues:
            self._row(stamp, f"MANAGER|{queue.name}|{operator.interface}|REMOVEMEMBER|")
            queue.present -= 1
            if not queue.present and queue.leave_empty:
                self._put_out(time_s, queue)

    # --- operators

    def _take(self, operator: Operator, state: str) -> None:
        operator.state = state
        operator.version += 1
        for queue in operator.queues:
            queue.free -= 1

    def _release(self, time_s: float, operator: Operator) -> None:
        """The operator can be rung again, unless the shift is over."""
        operator.call = None
        if operator.leaving:
            self._gone_home(time_s, operator)
            return
        operator.state = "free"
        operator.version += 1
        for queue in operator.queues:
            queue.free += 1
        for queue in operator.queues:
            if queue.waiting and queue.free:
                self._offer(time_s, queue)
                if operator.state != "free":
                    return

    def _wrapped_up(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version == version:
            self._release(time_s, operator)

    def _wrap_up(self, time_s: float, operator: Operator, seconds: float) -> None:
        operator.state, operator.call = "busy", None
        operator.version += 1
        self.push(time_s + seconds, self._wrapped_up, operator, operator.version)

    def _pause(self, time_s: float, operator: Operator, _version: int) -> None:
        if operator.state == "off" or self.stopping:
            return
        if operator.state != "free":
            self.push(time_s + 120, self._pause, operator)
            return
        reason = PAUSE_REASONS[int(self.random() * len(PAUSE_REASONS))]
        self._take(operator, "paused")
        self._pause_rows(int(time_s), operator, "PAUSE", reason)
        self.push(time_s + 60 + 900 * self.random(), self._unpause, operator, operator.version)

    def _unpause(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version != version:
            return
        self._pause_rows(int(time_s), operator, "UNPAUSE", "")
        self._release(time_s, operator)
        self.push(time_s + 1800 + 9000 * self.random(), self._pause, operator)

    def _pause_rows(self, stamp: int, operator: Operator, verb: str, reason: str) -> None:
        self._row(stamp, f"NONE|NONE|{operator.name}|{verb}ALL|{reason}")
        for queue in operator.queues:
            self._row(stamp, f"NONE|{queue.name}|{operator.name}|{verb}|{reason}")
