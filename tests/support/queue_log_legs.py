"""The state machine of docs/kpis.md section 8: rows become legs, and facts with their times. Part of the test oracle.

Written from the document, not from the agent's code, and for being checked by eye: it keeps everything in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Iterable, Optional

from queue_log_rows import BLOCKED, ENDS_TALKING, ENDS_WAITING, KNOWN, TRANSFERS, BadRow, Row, number

CAP_S = 24 * 3600
RECENT_S = 120
RESCUE_S = 1
LATE_S = 10
SLACK_MS = 2000
CAP_MS = CAP_S * 1000

WAITING, TALKING, OVER = "waiting", "talking", "over"

EXIT_COUNTER = {
    "ABANDON": "abandoned", "EXITWITHTIMEOUT": "exit_timeout", "EXITEMPTY": "exit_empty", "EXITWITHKEY": "exit_key",
    "WITHDRAW": "withdrawn",
}
EXIT_DURATION = {
    "ABANDON": "wait_abandoned", "EXITWITHTIMEOUT": "wait_exit", "EXITEMPTY": "wait_exit", "WITHDRAW": "wait_exit",
    "EXITWITHKEY": "wait_key",
}
TALK_OUTCOME = {"COMPLETEAGENT": "completed_operator", "COMPLETECALLER": "completed_caller"}


@dataclass(eq=False)
class Leg:
    seq: int
    contact: int
    call_id: str
    queue: str
    number: str
    position: Optional[int]
    enter_s: int
    state: str = WAITING
    outcome: str = "open"
    connect_s: Optional[int] = None  # as the row says; counted no earlier than entering
    end_s: Optional[int] = None
    ended_at_clock_s: Optional[int] = None  # the newest time in the log when the end was taken
    operator: str = ""
    hold_since_s: Optional[int] = None
    hold_ms: int = 0
    wait_ms: Optional[int] = None
    talk_ms: Optional[int] = None
    missed: int = 0
    flags: set[str] = field(default_factory=set)


@dataclass
class Facts:
    """What happened, each with the time it counts at: the material of the KPI rows."""

    flow: list[tuple[int, str, str]] = field(default_factory=list)  # time, queue, counter
    cohort: list[tuple[int, str, str]] = field(default_factory=list)  # time of entering, queue, counter
    durations: list[tuple[int, str, str, int]] = field(default_factory=list)  # time, queue, kind, ms
    short_candidates: list[tuple[int, int, str, int]] = field(default_factory=list)  # time, entering, queue, wait ms
    waiting: list[tuple[int, str, int]] = field(default_factory=list)  # time, queue, +1 or -1, in log order
    quality: Counter = field(default_factory=Counter)
    unknown_verbs: Counter = field(default_factory=Counter)
    newest_s: int = 0


def end_fields(verb: str, params: tuple[str, ...]) -> tuple[Optional[int], Optional[int]]:
    """Hold and talk seconds of an end of conversation, each where the row has it."""
    if verb == "TRANSFER" and len(params) == 4:  # Asterisk 1.4: no position
        return number(params[2]), number(params[3])
    if verb in TALK_OUTCOME and len(params) == 2:
        return number(params[0]), number(params[1])
    if len(params) >= (3 if verb in TALK_OUTCOME else 5):
        return number(params[-3]), number(params[-2])
    return None, None


def wait_fields(verb: str, params: tuple[str, ...]) -> tuple[Optional[int], Optional[int]]:
    """Original position and wait seconds of an unanswered end, each where the row has it."""
    place = 1 if verb == "EXITWITHKEY" else 0  # a key comes first
    if len(params) < place + 3:
        return None, None
    return number(params[place + 1]), number(params[place + 2])


class Tracker:
    def __init__(self) -> None:
        self.facts = Facts()
        self.legs: list[Leg] = []
        self.waiting: dict[str, Leg] = {}  # by call id: one waits in one queue at a time
        self.talking: dict[str, list[Leg]] = defaultdict(list)
        self.ended: dict[str, list[Leg]] = defaultdict(list)  # in the order of ending
        self.open: dict[int, Leg] = {}  # by seq: in the order of entering
        self.in_queue: dict[str, dict[int, Leg]] = defaultdict(dict)  # open legs of a queue by seq
        self._earliest_enter_s = 0
        self._clock_s = 0  # the newest time since the clock was last set back

    def take_all(self, rows: Iterable[Row | BadRow]) -> None:
        for row in rows:
            self.facts.quality["lines"] += 1
            if isinstance(row, BadRow):
                self.facts.quality[row.why] += 1
            else:
                self.take(row)

    def take(self, row: Row) -> None:
        facts = self.facts
        if row.verb not in KNOWN:
            facts.quality["unknown_verbs"] += 1
            facts.unknown_verbs[row.verb] += 1
            return
        facts.quality["events"] += 1
        self._look_at_clock(row.time_s)
        facts.newest_s = max(facts.newest_s, row.time_s)
        self._expire(row.time_s)
        self._dispatch(row)

    def _look_at_clock(self, now_s: int) -> None:
        if now_s < self._clock_s - CAP_S:
            self.facts.quality["clock_steps"] += 1
            self._clock_s = now_s
        elif now_s < self._clock_s - LATE_S:
            self.facts.quality["late_events"] += 1
        self._clock_s = max(self._clock_s, now_s)

    def _dispatch(self, row: Row) -> None:
        verb = row.verb
        if verb == "QUEUESTART":
            self._restart(row.time_s)
        elif verb == "CONFIGRELOAD":
            self.facts.quality["reloads"] += 1
        elif verb == "RINGNOANSWER":
            self._ring_no_answer(row)
        elif verb in BLOCKED:
            if row.queue:
                self.facts.flow.append((row.time_s, row.queue, "blocked"))
        elif verb == "ENTERQUEUE" or verb == "CONNECT" or verb in ENDS_TALKING or verb in ENDS_WAITING:
            self._leg_row(row)
        elif verb == "CALLERONHOLD":
            self._hold(row)
        elif verb == "CALLEROFFHOLD":
            self._unhold(row)

    def _leg_row(self, row: Row) -> None:
        if not row.call_id or not row.queue:
            self._ignore("orphan_ends")
        elif row.verb == "ENTERQUEUE":
            self._enter(row)
        elif row.verb == "CONNECT":
            self._connect(row)
        elif row.verb in ENDS_TALKING:
            self._end_talking(row)
        else:
            self._end_waiting(row)

    # --- small helpers

    def _ignore(self, why: str) -> None:
        self.facts.quality[why] += 1

    def _flow(self, at_s: int, leg: Leg, counter: str) -> None:
        self.facts.flow.append((at_s, leg.queue, counter))

    def _outcome(self, at_s: int, leg: Leg, counter: str) -> None:
        """Counts both ways: where it happened and by the time of entering."""
        self.facts.flow.append((at_s, leg.queue, counter))
        self.facts.cohort.append((leg.enter_s, leg.queue, counter))

    def _duration(self, at_s: int, leg: Leg, kind: str, value_ms: int, span_ms: Optional[int]) -> bool:
        if value_ms < 0 or value_ms > CAP_MS or (span_ms is not None and value_ms > span_ms + SLACK_MS):
            self._flow(at_s, leg, "suspect")
            self._ignore("suspect_durations")
            return False
        self.facts.durations.append((at_s, leg.queue, kind, value_ms))
        return True

    def _recently_over(self, call_id: str) -> list[Leg]:
        return [leg for leg in self.ended.get(call_id, ()) if self._clock_s - leg.ended_at_clock_s <= RECENT_S]

    def _recent(self, row: Row) -> list[Leg]:
        return [leg for leg in self._recently_over(row.call_id) if leg.queue == row.queue]

    def _waiting_at(self, row: Row) -> Optional[Leg]:
        leg = self.waiting.get(row.call_id)
        return leg if leg is not None and leg.queue == row.queue else None

    def _talking_at(self, row: Row) -> list[Leg]:
        return [leg for leg in self.talking.get(row.call_id, ()) if leg.queue == row.queue]

    def _close(self, leg: Leg, at_s: int, outcome: str, row_id: Optional[str] = None) -> None:
        """A waiting leg ends under the id of the row that ended it: the two differ when it was rescued."""
        if leg.state == WAITING:
            del self.waiting[leg.call_id]
            leg.call_id = row_id or leg.call_id
            self.facts.waiting.append((at_s, leg.queue, -1))
        else:
            self.talking[leg.call_id].remove(leg)
        leg.state, leg.outcome, leg.end_s, leg.ended_at_clock_s = OVER, outcome, at_s, self._clock_s
        self.ended[leg.call_id].append(leg)
        del self.open[leg.seq]
        del self.in_queue[leg.queue][leg.seq]

    def _lose(self, leg: Leg, at_s: int) -> None:
        at_s = max(at_s, leg.enter_s)
        if leg.state == WAITING:
            self._outcome(at_s, leg, "lost")
            self._close(leg, at_s, "lost")
        else:
            self._flow(at_s, leg, "lost_connected")
            self._close(leg, at_s, "lost_connected")

    # --- the PBX

    def _restart(self, at_s: int) -> None:
        self.facts.quality["restarts"] += 1
        for leg in [leg for leg in self.open.values() if leg.enter_s <= at_s]:
            self._lose(leg, at_s)
            self.facts.quality["lost_restart"] += 1

    def _expire(self, now_s: int) -> None:
        if now_s - self._earliest_enter_s <= CAP_S:
            return
        for leg in [leg for leg in self.open.values() if now_s - leg.enter_s > CAP_S]:
            self._lose(leg, leg.enter_s + CAP_S)
            self.facts.quality["lost_expired"] += 1
        self._earliest_enter_s = min((leg.enter_s for leg in self.open.values()), default=now_s)

    def _ring_no_answer(self, row: Row) -> None:
        if row.queue:
            self.facts.flow.append((row.time_s, row.queue, "ring_no_answer"))
        leg = self._waiting_at(row)
        if leg is not None:
            leg.missed += 1

    # --- entering

    def _enter(self, row: Row) -> None:
        waiting = self.waiting.get(row.call_id)
        if waiting is not None:
            if waiting.queue == row.queue and waiting.enter_s == row.time_s:
                self._ignore("duplicate_lines")
                return
            self._lose(waiting, row.time_s)
            self._ignore("orphan_starts")
        leg = self._open_leg(row)
        self.facts.waiting.append((row.time_s, row.queue, +1))
        self._outcome(row.time_s, leg, "entered")
        if "transferred_in" in leg.flags:
            self._outcome(row.time_s, leg, "transferred_in")

    def _open_leg(self, row: Row) -> Leg:
        seq = len(self.legs) + 1
        caller, position = _enter_fields(row.params)
        leg = Leg(seq, seq, row.call_id, row.queue, caller, position, row.time_s)
        before = self.talking.get(row.call_id) or self.ended.get(row.call_id)
        if before:
            leg.contact = before[-1].contact
            leg.flags.add("requeued")
        if self._by_transfer(row):
            leg.flags.add("transferred_in")
        self.legs.append(leg)
        self.open[seq] = self.in_queue[row.queue][seq] = self.waiting[row.call_id] = leg
        self._earliest_enter_s = min(self._earliest_enter_s, row.time_s) if len(self.open) > 1 else row.time_s
        return leg

    def _by_transfer(self, row: Row) -> bool:
        if self.talking.get(row.call_id):
            return True
        over = self._recently_over(row.call_id)
        return bool(over) and max(over, key=lambda leg: (leg.end_s, leg.seq)).outcome == "transferred"

    # --- answering

    def _connect(self, row: Row) -> None:
        hold_s = number(row.params[0]) if row.params else None
        leg = self._waiting_at(row)
        if leg is not None:
            for older in list(self.talking.get(row.call_id, ())):
                self._lose(older, row.time_s)
                self._ignore("orphan_starts")
        elif self._repeated_connect(row):
            self._ignore("double_ends")
            return
        else:
            leg = self._rescue_waiting(row, hold_s, None)
            if leg is None:
                self._ignore("orphan_ends")
                return
            self._join_contact(leg, row.call_id)
        self._answer(leg, row, row.time_s, hold_s)
        ring_s = number(row.params[2]) if len(row.params) >= 3 else None
        if ring_s is not None:
            self._duration(max(row.time_s, leg.enter_s), leg, "ring", ring_s * 1000,
                           (row.time_s - leg.enter_s) * 1000)

    def _repeated_connect(self, row: Row) -> bool:
        candidates = self._talking_at(row) + self._recent(row)
        return any(leg.connect_s is not None and abs(leg.connect_s - row.time_s) <= RESCUE_S for leg in candidates)

    def _join_contact(self, leg: Leg, call_id: str) -> None:
        before = self.talking.get(call_id) or self.ended.get(call_id)
        if before:
            leg.contact = before[-1].contact

    def _answer(self, leg: Leg, row: Row, connect_s: int, hold_s: Optional[int]) -> None:
        """The leg goes on under the row's call id: the two differ when it was rescued."""
        at_s = max(connect_s, leg.enter_s)
        wait_ms = hold_s * 1000 if hold_s is not None else (connect_s - leg.enter_s) * 1000
        if self._duration(at_s, leg, "wait_answered", wait_ms, (connect_s - leg.enter_s) * 1000):
            leg.wait_ms = wait_ms
        self._outcome(at_s, leg, "answered")
        self.facts.waiting.append((at_s, leg.queue, -1))
        del self.waiting[leg.call_id]
        leg.call_id = row.call_id
        self.talking[leg.call_id].append(leg)
        leg.state, leg.connect_s, leg.operator = TALKING, connect_s, row.operator

    def _rescue_waiting(self, row: Row, wait_s: Optional[int], original: Optional[int]) -> Optional[Leg]:
        if wait_s is None:
            return None
        entered_s = row.time_s - wait_s
        found = [leg for leg in self.in_queue[row.queue].values()
                 if leg.state == WAITING and abs(leg.enter_s - entered_s) <= RESCUE_S]
        if not found:
            return None
        self._ignore("rescued")
        best = min(found, key=lambda leg: (original is None or leg.position != original,
                                           abs(leg.enter_s - entered_s), leg.enter_s, leg.seq))
        best.flags.add("rescued")
        return best

    # --- ends of conversations

    def _end_talking(self, row: Row) -> None:
        hold_s, talk_s = end_fields(row.verb, row.params)
        began_s = None if talk_s is None else row.time_s - talk_s
        leg = self._find_talking(row, began_s)
        if leg is None:
            return
        if leg.state == WAITING:
            connect_s = row.time_s if began_s is None else min(max(began_s, leg.enter_s), row.time_s)
            self._answer(leg, row, connect_s, hold_s)
            leg.flags.add("inferred")
            self._ignore("inferred_answers")
        self._finish_talk(leg, row, talk_s)

    def _find_talking(self, row: Row, began_s: Optional[int]) -> Optional[Leg]:
        def off(leg: Leg) -> int:
            return 0 if began_s is None else abs(leg.connect_s - began_s)

        here = self._talking_at(row)
        own = [leg for leg in here if leg.operator == row.operator or not row.operator]
        if own:
            return min(own, key=lambda leg: (off(leg), -leg.connect_s, -leg.seq))
        recent = self._recent(row)
        if any(leg.connect_s is not None and leg.operator == row.operator and off(leg) <= RESCUE_S for leg in recent):
            self._ignore("double_ends")
            return None
        rescued = self._rescue_talking(row, began_s)
        if rescued is not None:
            return rescued
        if here:
            return max(here, key=lambda leg: (leg.connect_s, leg.seq))
        waiting = self._waiting_at(row)
        if waiting is not None and (began_s is None or began_s >= waiting.enter_s - RESCUE_S):
            return waiting
        self._ignore("double_ends" if recent else "orphan_ends")
        return None

    def _rescue_talking(self, row: Row, began_s: Optional[int]) -> Optional[Leg]:
        if began_s is None or not row.operator:
            return None
        found = [leg for leg in self.in_queue[row.queue].values()
                 if leg.state == TALKING and leg.operator == row.operator
                 and abs(leg.connect_s - began_s) <= RESCUE_S]
        if not found:
            return None
        self._ignore("rescued")
        best = min(found, key=lambda leg: (abs(leg.connect_s - began_s), -leg.connect_s, -leg.seq))
        best.flags.add("rescued")
        return best

    def _finish_talk(self, leg: Leg, row: Row, talk_s: Optional[int]) -> None:
        at_s = max(row.time_s, leg.connect_s, leg.enter_s)
        self._end_hold(leg, row.time_s, at_s)
        span_ms = (row.time_s - leg.connect_s) * 1000
        reported_ms = span_ms if talk_s is None else talk_s * 1000
        talk_ms = reported_ms - leg.hold_ms
        if reported_ms < 0 or talk_ms < 0 or reported_ms > CAP_MS or reported_ms > span_ms + SLACK_MS:
            self._flow(at_s, leg, "suspect")
            self._ignore("suspect_durations")
        else:
            leg.talk_ms = talk_ms
            self.facts.durations.append((at_s, leg.queue, "talk", talk_ms))
            self.facts.durations.append((at_s, leg.queue, "handle", talk_ms + leg.hold_ms))
        if row.verb in TRANSFERS:
            self._outcome(at_s, leg, "transferred_out")
        if row.verb == "ATTENDEDTRANSFER":
            self._join_consult(leg, row.time_s)
        self._close(leg, at_s, TALK_OUTCOME.get(row.verb, "transferred"))

    def _join_consult(self, leg: Leg, at_s: int) -> None:
        if not leg.number:
            return
        consults = [other for other in self.open.values()
                    if other.number == leg.number and other.call_id != leg.call_id
                    and leg.connect_s <= other.enter_s <= at_s]
        if consults:
            consults[-1].contact = leg.contact

    # --- holds

    def _held_leg(self, row: Row) -> Optional[Leg]:
        legs = self._talking_at(row) or self.talking.get(row.call_id)
        return legs[-1] if legs else None

    def _hold(self, row: Row) -> None:
        leg = self._held_leg(row)
        if leg is not None and leg.hold_since_s is None:
            leg.hold_since_s = row.time_s

    def _unhold(self, row: Row) -> None:
        leg = self._held_leg(row)
        if leg is not None:
            self._end_hold(leg, row.time_s, max(row.time_s, leg.connect_s, leg.enter_s))

    def _end_hold(self, leg: Leg, row_s: int, at_s: int) -> None:
        if leg.hold_since_s is None:
            return
        value_ms = (row_s - leg.hold_since_s) * 1000
        leg.hold_since_s = None
        if self._duration(at_s, leg, "hold", value_ms, None):
            leg.hold_ms += value_ms

    # --- waits that end without an answer

    def _end_waiting(self, row: Row) -> None:
        original, wait_s = wait_fields(row.verb, row.params)
        leg = self._waiting_at(row)
        if leg is None:
            if self._recent(row):
                self._ignore("double_ends")
                return
            if not self._talking_at(row):
                leg = self._rescue_waiting(row, wait_s, original)
            if leg is None:
                self._ignore("orphan_ends")
                return
            self._join_contact(leg, row.call_id)
        at_s = max(row.time_s, leg.enter_s)
        span_ms = (row.time_s - leg.enter_s) * 1000
        wait_ms = span_ms if wait_s is None else wait_s * 1000
        if self._duration(at_s, leg, EXIT_DURATION[row.verb], wait_ms, span_ms):
            leg.wait_ms = wait_ms
            if row.verb == "ABANDON":
                self.facts.short_candidates.append((at_s, leg.enter_s, leg.queue, wait_ms))
        self._outcome(at_s, leg, EXIT_COUNTER[row.verb])
        self._close(leg, at_s, EXIT_COUNTER[row.verb], row.call_id)


def _enter_fields(params: tuple[str, ...]) -> tuple[str, Optional[int]]:
    """Caller's number and position of `url|number|position[|name]`; the url may hold pipes, the name none."""
    if len(params) < 3:
        return (params[1] if len(params) == 2 else ""), None
    named = len(params) > 3 and number(params[-2]) is not None
    return (params[-3], number(params[-2])) if named else (params[-2], number(params[-1]))
