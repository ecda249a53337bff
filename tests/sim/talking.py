"""Conversations of the simulated centre: holds, ends, and transfers, those into other queues among them."""

from __future__ import annotations

from typing import Callable, Optional

from call import Call
from people import Operator, Queue
from waiting import Waiting


class Talking(Waiting):
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

    def _plan_consult(self, time_s: float, consult: Call) -> None:
        blond = self.random() < 0.5
        after, how = (5 + 15 * self.random(), self._blond) if blond else (45.0, self._consult_given_up)
        self.push(time_s + after, how, consult, consult.version)

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
