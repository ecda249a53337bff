"""The simulated call centre: a discrete-event loop whose events write the rows that Asterisk would write."""

from __future__ import annotations

import heapq
from typing import Any, Callable, Optional

from people import DAY_S, SHIFT_END_S, SHIFT_START_S
from talking import Talking


class Centre(Talking):
    def open_up(self) -> None:
        start = float(self.plan.start_s)
        self._row(int(start), "NONE|NONE|NONE|QUEUESTART|")
        self.restarts += 1
        midnight = start // DAY_S * DAY_S
        self._new_day(midnight, None, 0)
        for operator in self.people.operators:
            in_shift = self.plan.flat or midnight + SHIFT_START_S <= start < midnight + SHIFT_END_S
            if operator.state == "off" and (operator.all_night or in_shift):
                self._shift_on(start, operator, 0)
        if self.plan.restart_every_s:
            self.push(start + self.plan.restart_every_s * (0.5 + self.random()), self._crash, None)

    def run(self, done: Callable[[float], bool], wait_until: Optional[Callable[[float], None]] = None) -> None:
        """Until done(next event's time) says so, then to the end of all calls in progress."""
        heap, pop = self.heap, heapq.heappop
        while heap:
            if not self.stopping and done(heap[0][0]):
                self.stopping = True
            if self.stopping and not self.calls and not self.dead:
                break
            time_s, _, function, argument, version = pop(heap)
            if wait_until is not None:
                wait_until(time_s)
            function(time_s, argument, version)

    def finish(self) -> None:
        for queue in self.people.queues:
            queue.books.close(self.newest)

    # --- days

    def _new_day(self, time_s: float, _argument: Any, _version: int) -> None:
        if self.stopping:
            return
        arrivals = [at for at in self.people.arrivals(time_s, self.rng) if at >= self.plan.start_s]
        arrivals.reverse()
        if arrivals:
            self.push(arrivals[-1], self._arrival, arrivals)
        self.push(time_s + DAY_S, self._new_day, None)
        if self.plan.flat:
            return
        for index, operator in enumerate(self.people.operators):
            if not operator.all_night and self.people.works_today(operator, time_s, index):
                early = time_s + SHIFT_START_S + 1800 * self.random()
                if early >= self.plan.start_s:
                    self.push(early, self._shift_on, operator)
                self.push(time_s + SHIFT_END_S + 1800 * self.random(), self._shift_off, operator)

    # --- the PBX itself

    def _crash(self, time_s: float, _argument: Any, _version: int) -> None:
        if self.stopping:
            return
        if self.random() < 0.5:
            self._stop_cleanly(time_s)
        else:
            self.dead = list(self.calls)
        self.calls.clear()
        survivors = (self._new_day, self._shift_on, self._shift_off, self._arrival, self._pause, self.rotate,
                     self._reload)
        self.heap[:] = [event for event in self.heap if event[2] in survivors]
        heapq.heapify(self.heap)
        for queue in self.people.queues:
            queue.waiting.clear()
        self.down = True
        self.push(time_s + 3 + 40 * self.random(), self._back_up, None)

    def _stop_cleanly(self, time_s: float) -> None:
        """`core stop now` writes an end for every call, all in one second."""
        stamp = int(time_s)
        for call in list(self.calls):
            if call.connect is None:
                if call.ringing is not None:
                    self._ring_no_answer_row(stamp, call, call.ringing, int(time_s - call.ring_began) * 1000)
                    call.ringing = None
                self._leave_queue(time_s, call, "ABANDON", "abandoned", "wait_abandoned")
            else:
                self._talk_over(time_s, call, "COMPLETEAGENT")

    def _back_up(self, time_s: float, _argument: Any, _version: int) -> None:
        stamp = int(time_s)
        self._row(stamp, "NONE|NONE|NONE|QUEUESTART|")
        self.restarts += 1
        for call in self.dead:
            if call.connect is None:
                call.queue.books.lose_waiting(stamp, call.slot)
            else:
                call.queue.books.slot(stamp).flow["lost_connected"] += 1
        self.dead = []
        self.counter = 0
        self.down = False
        for operator in self.people.operators:
            if operator.state in ("ringing", "busy", "paused"):
                was_paused = operator.state == "paused"
                self._release(time_s, operator)
                if was_paused and operator.state != "off":
                    self.push(time_s + 3600, self._pause, operator)
        self.push(time_s + self.plan.restart_every_s * (0.5 + self.random()), self._crash, None)

    def rotate(self, time_s: float, _argument: Any, version: int) -> None:
        """`version` is the distance to the next rotation."""
        if self.stopping:
            return
        self.log.rotate(int(time_s))
        if self.log.rotation == "rename":
            self.push(time_s + 2.0, self._reload, None)
        elif self.log.rotation != "copytruncate":
            self._reload(time_s, None, 0)
        self.push(time_s + version, self.rotate, None, version)

    def _reload(self, time_s: float, _argument: Any, _version: int) -> None:
        self.log.reopen()
        self._row(int(time_s), "NONE|NONE|NONE|CONFIGRELOAD|")

    # --- noise

    def _make_noise(self, stamp: int) -> None:
        late_s = self.noise.late_s()
        if late_s is None or stamp - late_s < self.plan.start_s:
            self.noise.write(stamp)
            return
        queue = self.people.queues[0]
        at = stamp - late_s
        slot = queue.books.past(at)
        self.noise.quality["late_events"] += 2
        call_id = f"{at}.late{self.log.pending()}"
        self.log.add(f"{at}|{call_id}|{queue.name}|NONE|ENTERQUEUE||5559|1")
        self.log.add(f"{at}|{call_id}|{queue.name}|NONE|ABANDON|1|1|0")
        for counter in ("entered", "abandoned", "abandoned_short"):
            slot.flow[counter] += 1
            slot.cohort[counter] += 1
        slot.spend("wait_abandoned", 0)
