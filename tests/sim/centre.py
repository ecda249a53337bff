"""The simulated call centre: a discrete-event loop whose events write the rows that Asterisk would write.

Every event is (time, number, function, argument, version). An event whose version is not the argument's any more is
stale and does nothing. Durations are differences of whole seconds, as app_queue computes them."""

from __future__ import annotations

import heapq
import random
from typing import Any, Callable, Optional

from books import Slot
from logfile import LogFile, Noise
from people import DAY_S, PAUSE_REASONS, SHIFT_END_S, SHIFT_START_S, Operator, People, Plan, Queue, table

RECENT_S = 120


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


class Centre:
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

    # --- the loop

    def push(self, time_s: float, function: Callable, argument: Any, version: int = 0) -> None:
        self.pushed += 1
        heapq.heappush(self.heap, (time_s, self.pushed, function, argument, version))

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

    def _row(self, stamp: int, rest: str) -> None:
        self.newest = stamp
        self.log.add(f"{stamp}|{rest}")

    # --- days and shifts

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
                for call in list(queue.waiting):
                    self._leave_queue(time_s, call, "EXITEMPTY", "exit_empty", "wait_exit")
                    self._over(call)

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

    # --- arriving and waiting

    def _new_id(self, stamp: int, channels: int) -> str:
        call_id = f"{stamp}.{self.counter}"
        self.counter += channels
        return call_id

    def _arrival(self, time_s: float, arrivals: list[float], _version: int) -> None:
        arrivals.pop()
        if arrivals and not self.stopping:
            self.push(arrivals[-1], self._arrival, arrivals)
        if self.stopping or self.down:
            return
        if self.noise is not None and self.noise.due():
            self._make_noise(int(time_s))
        rnd = self.random
        queues = self.people.arrival_queues
        queue = queues[int(rnd() * len(queues))]
        stamp = int(time_s)
        if not queue.present and queue.leave_empty:
            self._refuse(stamp, queue, "JOINEMPTY")
            return
        if len(queue.waiting) >= queue.max_waiting:
            self._refuse(stamp, queue, "FULL")
            return
        call = Call(self._new_id(stamp, 2), self._number())
        call.patience_s = self.patiences[int(rnd() * 4096)]
        if self.plan.extras and rnd() < 0.2:
            self._row(stamp, f"{call.log_id}|NONE|NONE|DID|55{queue.timeout_s:04d}")
        self._enter(time_s, call, queue, False)

    def _number(self) -> str:
        """A population with a heavy tail: a few call again and again, most once."""
        draw = self.random()
        if draw < 0.04:
            return ""
        return f"+5511{int(90000000 * self.random() ** 6) + 10000000}"

    def _refuse(self, stamp: int, queue: Queue, verb: str) -> None:
        """Plain Asterisk writes nothing for these; Wazo does."""
        if self.plan.extras:
            self._row(stamp, f"{self._new_id(stamp, 2)}|{queue.name}|NONE|{verb}|")
            queue.books.slot(stamp).flow["blocked"] += 1

    def _enter(self, time_s: float, call: Call, queue: Queue, by_transfer: bool) -> None:
        stamp = int(time_s)
        call.queue, call.enter, call.start = queue, stamp, int(time_s - 0.001)
        call.visited.append(queue)
        queue.waiting[call] = None
        self.calls[call] = None
        call.position = len(queue.waiting)
        self._row(stamp, f"{call.log_id}|{queue.name}|NONE|ENTERQUEUE||{call.number}|{call.position}")
        call.slot = queue.books.enter(stamp, by_transfer)
        self._plan_leaving(time_s, call)
        if queue.free:
            self._offer(time_s, queue)

    def _plan_leaving(self, time_s: float, call: Call) -> None:
        if call.consult_for is not None:
            blond = self.random() < 0.5
            after, how = (5 + 15 * self.random(), self._blond) if blond else (45.0, self._consult_given_up)
            self.push(time_s + after, how, call, call.version)
            return
        patience_s, timeout_s = call.patience_s, call.queue.timeout_s
        if timeout_s and timeout_s < patience_s:
            self.push(time_s + timeout_s, self._timed_out, call, call.version)
            return
        draw = self.random()
        how = self._abandon if draw < 0.93 else self._key if draw < 0.99 else self._withdraw
        self.push(time_s + patience_s, how, call, call.version)

    def _leave_queue(self, time_s: float, call: Call, verb: str, counter: str, kind: str, extra: str = "") -> None:
        stamp, queue = int(time_s), call.queue
        self._stop_ringing(time_s, call, caller_left=verb in ("ABANDON", "EXITWITHKEY"))
        place = list(queue.waiting).index(call) + 1
        del queue.waiting[call]
        call.version += 1
        wait_s = stamp - call.start
        key = "1|" if verb == "EXITWITHKEY" else ""
        self._row(stamp, f"{call.log_id}|{queue.name}|NONE|{verb}|{key}{place}|{call.position}|{wait_s}{extra}")
        queue.books.leave(stamp, call.slot, counter, kind, wait_s)

    def _stop_ringing(self, time_s: float, call: Call, caller_left: bool) -> None:
        operator = call.ringing
        if operator is None:
            return
        rung_ms = int((time_s - call.ring_began) * 1000)
        if caller_left:
            self._row(int(time_s), f"{call.log_id}|{call.queue.name}|{operator.name}|RINGCANCELED|{rung_ms}")
        else:
            self._ring_no_answer_row(int(time_s), call, operator, rung_ms // 1000 * 1000)
        call.ringing = None
        self._wrap_up(time_s, operator, 1.0)

    def _over(self, call: Call) -> None:
        call.version += 1
        call.alive = False
        self.calls.pop(call, None)

    def _abandon(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            self._leave_queue(time_s, call, "ABANDON", "abandoned", "wait_abandoned")
            self._over(call)

    def _withdraw(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            self._leave_queue(time_s, call, "WITHDRAW", "withdrawn", "wait_exit", "|callback|booked")
            self._over(call)

    def _timed_out(self, time_s: float, call: Call, version: int) -> None:
        if call.version != version:
            return
        self._leave_queue(time_s, call, "EXITWITHTIMEOUT", "exit_timeout", "wait_exit")
        target = call.queue.overflow
        if target is None and self.random() < 0.5:
            target = call.queue  # a dialplan that tries again
        self._go_on(time_s, call, target)

    def _key(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            self._leave_queue(time_s, call, "EXITWITHKEY", "exit_key", "wait_key")
            self._go_on(time_s, call, call.queue.key_target)

    def _go_on(self, time_s: float, call: Call, target: Optional[Queue]) -> None:
        """Out of one queue, perhaps into the next: a new leg under the same id."""
        self._over(call)
        if target is None or len(call.visited) > 3 or not (target.present or not target.leave_empty):
            return
        follower = self._same_caller(call)
        self._enter(time_s, follower, target, False)

    def _same_caller(self, call: Call) -> Call:
        follower = Call(call.log_id, call.number)
        follower.visited = list(call.visited)
        follower.patience_s = self.patiences[int(self.random() * 4096)]
        return follower

    # --- ringing

    def _offer(self, time_s: float, queue: Queue) -> None:
        for call in list(queue.waiting) if len(queue.waiting) < 8 else self._first_waiting(queue):
            if not queue.free:
                return
            if call.ringing is None:
                self._ring(time_s, call, self._next_member(queue))

    @staticmethod
    def _first_waiting(queue: Queue) -> list[Call]:
        """The callers at the head: never more than could be rung now or are rung already."""
        limit = queue.free + len(queue.members)
        return [call for call, _ in zip(queue.waiting, range(limit))]

    @staticmethod
    def _next_member(queue: Queue) -> Operator:
        members, count, turn = queue.members, len(queue.members), queue.turn
        while True:
            turn = turn + 1 if turn + 1 < count else 0
            if members[turn].state == "free":
                queue.turn = turn
                return members[turn]

    def _ring(self, time_s: float, call: Call, operator: Operator) -> None:
        self._take(operator, "ringing")
        operator.call, call.ringing, call.ring_began = call, operator, time_s
        self.counter += 2
        draw = self.random()
        if draw < 0.95:
            delay_s, how = self.pickups[int(draw * 4311) & 4095], self._answered
        elif draw < 0.99:
            delay_s, how = float(call.queue.ring_timeout_s), self._unanswered
        elif draw < 0.996:
            delay_s, how = 0.05, self._unanswered
        else:
            delay_s, how = 3.0, self._dumped
        self.push(time_s + delay_s, how, operator, operator.version)

    def _ring_no_answer_row(self, stamp: int, call: Call, operator: Operator, rung_ms: int) -> None:
        self._row(stamp, f"{call.log_id}|{call.queue.name}|{operator.name}|RINGNOANSWER|{rung_ms}")
        call.queue.books.slot(stamp).flow["ring_no_answer"] += 1

    def _unanswered(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version != version:
            return
        call = operator.call
        self._ring_no_answer_row(int(time_s), call, operator, int(time_s - call.ring_began + 0.001) * 1000)
        self._ring_over(time_s, call, operator)

    def _dumped(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version != version:
            return
        call = operator.call
        self._row(int(time_s), f"{call.log_id}|{call.queue.name}|{operator.name}|AGENTDUMP|")
        self._ring_over(time_s, call, operator)

    def _ring_over(self, time_s: float, call: Call, operator: Operator) -> None:
        call.ringing = None
        self._wrap_up(time_s, operator, 5.0)
        if call.queue.free:
            self._offer(time_s, call.queue)

    # --- talking

    def _answered(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version != version:
            return
        call, stamp = operator.call, int(time_s)
        queue = call.queue
        wait_s, ring_s = stamp - call.start, int(time_s - call.ring_began)
        self._row(stamp, f"{call.log_id}|{queue.name}|{operator.name}|CONNECT|{wait_s}|"
                         f"{int(call.ring_began)}.{self.counter}|{ring_s}")
        del queue.waiting[call]
        queue.books.answer(stamp, call.slot, wait_s, ring_s)
        operator.state = "busy"
        call.ringing, call.operator, call.connect = None, operator, stamp
        call.version += 1
        if call.consult_for is not None:
            self.push(time_s + 5 + 15 * self.random(), self._consult_done, call, call.version)
        else:
            self._plan_talk(time_s, call)

    def _plan_talk(self, time_s: float, call: Call) -> None:
        rnd = self.random
        talk_s = self.talks[int(rnd() * 4096)]
        if self.plan.holds and rnd() < 0.15:
            self.push(time_s + talk_s * 0.3, self._hold, call, call.version)
            if rnd() < 0.9:  # else on hold to the end
                self.push(time_s + talk_s * 0.5, self._unhold, call, call.version)
        draw = rnd()
        how: Callable = self._caller_hangs_up
        if draw > 0.55:
            how = self._operator_hangs_up
            if draw > 0.92:
                how = (self._blind_out, self._blind_queue, self._attended_out, self._consult)[int(rnd() * 4)]
        self.push(time_s + talk_s, how, call, call.version)

    def _hold(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            call.held_since = int(time_s)
            self._row(call.held_since, f"{call.log_id}|{call.queue.name}|{call.operator.name}|CALLERONHOLD|")

    def _unhold(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version and call.held_since is not None:
            stamp = int(time_s)
            self._row(stamp, f"{call.log_id}|{call.queue.name}|{call.operator.name}|CALLEROFFHOLD|")
            self._hold_over(call, stamp)

    def _hold_over(self, call: Call, stamp: int) -> None:
        if call.held_since is not None:
            call.queue.books.slot(stamp).spend("hold", stamp - call.held_since)
            call.hold_s += stamp - call.held_since
            call.held_since = None

    def _talk_over(self, time_s: float, call: Call, verb: str, before: str = "", transferred: bool = False,
                   row_id: Optional[str] = None) -> None:
        stamp, operator = int(time_s), call.operator
        talk_s = stamp - call.connect
        wait_s = call.connect - call.start
        self._row(stamp, f"{row_id or call.log_id}|{call.queue.name}|{operator.name}|{verb}|{before}{wait_s}|{talk_s}|"
                         f"{call.position}")
        self._hold_over(call, stamp)
        call.queue.books.talk(stamp, call.slot, talk_s, call.hold_s, transferred)
        self._over(call)
        self._wrap_up(time_s, operator, 2 + 15 * self.random())

    def _caller_hangs_up(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            self._talk_over(time_s, call, "COMPLETECALLER")

    def _operator_hangs_up(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            self._talk_over(time_s, call, "COMPLETEAGENT")

    def _blind_out(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            self._talk_over(time_s, call, "BLINDTRANSFER", "701|xfer|", transferred=True)

    def _attended_out(self, time_s: float, call: Call, version: int) -> None:
        if call.version != version:
            return
        link = self.random() < 0.2
        before = "LINK|SIP/1-01|SIP/2-02|" if link else f"BRIDGE|{self.rng.getrandbits(64):016x}|"
        self._talk_over(time_s, call, "ATTENDEDTRANSFER", before, transferred=True)

    def _other_queue(self, call: Call) -> Optional[Queue]:
        choices = [queue for queue in self.people.queues if queue.present and queue not in call.visited]
        return choices[int(self.random() * len(choices))] if choices else None

    def _blind_queue(self, time_s: float, call: Call, version: int) -> None:
        """Into another queue; Asterisk often writes the new queue's row first."""
        if call.version != version:
            return
        queue = self._other_queue(call)
        if queue is None:
            self._talk_over(time_s, call, "COMPLETEAGENT")
            return
        follower = self._same_caller(call)
        if self.random() < 0.5:
            self._enter(time_s, follower, queue, True)
            self._talk_over(time_s, call, "BLINDTRANSFER", "601|xfer|", transferred=True)
        else:
            self._talk_over(time_s, call, "BLINDTRANSFER", "601|xfer|", transferred=True)
            self._enter(time_s, follower, queue, True)

    # --- attended transfer into another queue

    def _consult(self, time_s: float, call: Call, version: int) -> None:
        if call.version != version:
            return
        queue = self._other_queue(call)
        if queue is None:
            self._talk_over(time_s, call, "COMPLETECALLER")
            return
        consult = Call(self._new_id(int(time_s), 2), call.number)
        consult.visited = list(call.visited)
        consult.consult_for = call
        self._enter(time_s, consult, queue, False)

    def _consult_done(self, time_s: float, consult: Call, version: int) -> None:
        """Answered there, talked over, transferred."""
        if consult.version == version:
            self._transfer_to(time_s, consult, "")
            consult.version += 1
            self._plan_talk(time_s, consult)

    def _transfer_to(self, time_s: float, consult: Call, swap: str) -> None:
        call, consult.consult_for = consult.consult_for, None
        if swap:
            self._talk_over(time_s, call, "ATTENDEDTRANSFER", "APP|Queue|", transferred=True, row_id=swap)
        else:
            before = f"BRIDGE|{self.rng.getrandbits(64):016x}|"
            self._talk_over(time_s, call, "ATTENDEDTRANSFER", before, transferred=True)

    def _blond(self, time_s: float, consult: Call, version: int) -> None:
        """The operator leaves before anybody answers: the customer takes the place, perhaps with the ids swapped."""
        if consult.version != version:
            return
        call, swap = consult.consult_for, ""
        alone = all(other is consult or abs(other.enter - consult.enter) > 3 for other in consult.queue.waiting)
        if alone and self.random() < 0.6:
            swap, consult.log_id = consult.log_id, call.log_id
        self._transfer_to(time_s, consult, swap)
        consult.version += 1
        consult.patience_s = self.patiences[int(self.random() * 4096)]
        how = self._abandon if self.random() < 0.9 else self._key
        self.push(time_s + consult.patience_s, how, consult, consult.version)

    def _consult_given_up(self, time_s: float, consult: Call, version: int) -> None:
        """Nobody came: the operator takes the customer back, or the customer is gone meanwhile."""
        if consult.version != version:
            return
        call = consult.consult_for
        self._leave_queue(time_s, consult, "ABANDON", "abandoned", "wait_abandoned")
        self._over(consult)
        if self.random() < 0.3:
            self._talk_over(time_s, call, "COMPLETECALLER")
        else:
            self.push(time_s + 20 * self.random(), self._operator_hangs_up, call, call.version)

    # --- the PBX itself

    def _crash(self, time_s: float, _argument: Any, _version: int) -> None:
        if self.stopping:
            return
        if self.random() < 0.5:
            self._stop_cleanly(time_s)
        else:
            self.dead = list(self.calls)
        self.calls.clear()
        survivors = (self._new_day, self._shift_on, self._shift_off, self._arrival, self._pause)
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
