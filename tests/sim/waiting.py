"""Callers of the simulated centre from arriving to being rung for. Waits are differences of whole seconds, as
app_queue computes them."""

from __future__ import annotations

from typing import Optional

from call import Call
from people import Operator, Queue
from staff import Staff


class Waiting(Staff):
    def _make_noise(self, stamp: int) -> None:
        raise NotImplementedError

    def _answered(self, time_s: float, operator: Operator, version: int) -> None:
        raise NotImplementedError

    def _plan_consult(self, time_s: float, consult: Call) -> None:
        raise NotImplementedError

    # --- arriving and waiting

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
            self._plan_consult(time_s, call)
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

    def _put_out(self, time_s: float, queue: Queue) -> None:
        for call in list(queue.waiting):
            self._leave_queue(time_s, call, "EXITEMPTY", "exit_empty", "wait_exit")
            self._over(call)

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
