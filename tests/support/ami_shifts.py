"""What each operator did in a recording, to the millisecond, worked out from the manager's events by definition.

An operator (MemberName) is logged in while he is a member of at least one queue, or still talks to a queue's caller;
members of the agent pool (StateInterface Agent:ID) are none while that cannot be reached: they have logged off. At any
instant he is in one state, the first of these that holds:

talk, hold   connected to a queue's caller; hold while he holds every such call
ring         an AgentCalled of his has come to nothing yet
wrap         paused in every queue for a reason that stands for wrap-up; or within the wrap-up time after the last
             of his calls that ended (Wrapuptime of his membership where it is above 0, else the configured time)
paused       in every queue that he is a member of; the reason is that of the pause that began last
unavailable  all his devices are invalid or unavailable (4, 5)
busy         one of his devices is in use in some way (2, 3, 6, 7, 8), but not for a call known here, for a second at
             least; what is shorter is ready
ready        else; also when paused in some of his queues only

Of several calls at once the newest says which queue's it is, one that is not held before those that are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Iterable, Iterator, NamedTuple, Optional, Union

from ami_message import Message
from ami_model import PbxModel
from ami_recording import Recording

STATES = ("ready", "ring", "talk", "hold", "wrap", "paused", "busy", "unavailable")
UNREACHABLE = frozenset("45")
IN_USE = frozenset("23678")
BUSY_MIN_MS = 1000
DEFAULT_INTERVAL_S = 900


@dataclass
class QueuePart:
    logged_in_ms: int = 0
    paused_ms: int = 0
    state_ms: Counter[str] = field(default_factory=Counter)  # ring, talk, hold: by the call's queue
    counts: Counter[str] = field(default_factory=Counter)  # answered, missed, ended, transferred


@dataclass
class Shift:
    """One operator's, of one interval or of all."""

    state_ms: Counter[str] = field(default_factory=Counter)
    reason_ms: Counter[str] = field(default_factory=Counter)  # of paused
    wrap_by_reason_ms: int = 0
    queues: dict[str, QueuePart] = field(default_factory=lambda: defaultdict(QueuePart))

    @property
    def logged_in_ms(self) -> int:
        return sum(self.state_ms.values())

    def add(self, other: Shift) -> None:
        self.state_ms += other.state_ms
        self.reason_ms += other.reason_ms
        self.wrap_by_reason_ms += other.wrap_by_reason_ms
        for queue, part in other.queues.items():
            into = self.queues[queue]
            into.logged_in_ms += part.logged_in_ms
            into.paused_ms += part.paused_ms
            into.state_ms += part.state_ms
            into.counts += part.counts


@dataclass
class Membership:
    queue: str
    device: str = "1"
    paused: bool = False
    reason: str = ""
    paused_as: int = 0  # the number of the pause: the highest began last
    wrap_ms: int = 0


@dataclass
class Call:
    """At an operator's phone: rings there, or is connected."""

    queue: str
    call_id: str
    channel: str
    interface: str
    held: bool = False


class State(NamedTuple):
    name: str
    queue: str = ""
    reason: str = ""
    by_reason: bool = False


@dataclass
class Operator:
    name: str
    at_ms: int = 0
    members: dict[tuple[str, str], Membership] = field(default_factory=dict)
    rings: list[Call] = field(default_factory=list)
    talks: list[Call] = field(default_factory=list)
    wrap_until_ms: int = 0
    maybe_busy: list[tuple[int, int]] = field(default_factory=list)  # spans that are busy if they last

    def state(self, wrap_reasons: frozenset[str]) -> Optional[State]:
        """At the instant at_ms; None when he is not logged in."""
        members = list(self.members.values())
        if self.talks:
            spoken = next((call for call in reversed(self.talks) if not call.held), None)
            return State("talk", spoken.queue) if spoken else State("hold", self.talks[-1].queue)
        if not members:
            return None
        if self.rings:
            return State("ring", self.rings[-1].queue)
        paused = all(member.paused for member in members)
        reason = max(members, key=lambda member: member.paused_as).reason
        if paused and reason in wrap_reasons:
            return State("wrap", by_reason=True)
        if self.at_ms < self.wrap_until_ms:
            return State("wrap")
        if paused:
            return State("paused", reason=reason)
        if all(member.device in UNREACHABLE for member in members):
            return State("unavailable")
        return State("busy" if any(member.device in IN_USE for member in members) else "ready")

    def next_edge_ms(self, until_ms: int) -> int:
        """Where the state may change by itself."""
        return self.wrap_until_ms if self.at_ms < self.wrap_until_ms < until_ms else until_ms


class Shifts:
    def __init__(self, recording: Union[Recording, str], *, interval_s: int = DEFAULT_INTERVAL_S, shift_s: int = 0,
                 wrap_up_s: int = 0, wrap_reasons: Iterable[str] = (), from_ms: Optional[int] = None,
                 to_ms: Optional[int] = None) -> None:
        """from_ms, to_ms: as if somebody had looked on only then (times behind shift_s); calls that were there before
        are known all the same."""
        self.recording = Recording(recording) if isinstance(recording, str) else recording
        self.by_operator: dict[str, dict[int, Shift]] = defaultdict(lambda: defaultdict(Shift))
        self.operators: dict[str, Operator] = {}
        self._interval_ms = interval_s * 1000
        self._shift_ms = shift_s * 1000
        self._wrap_ms = wrap_up_s * 1000
        self._wrap_reasons = frozenset(wrap_reasons)
        self._from_ms = from_ms
        self._to_ms = to_ms
        self._pauses = 0
        self._run()

    def total(self, operator: str) -> Shift:
        total = Shift()
        for shift in self.by_operator[operator].values():
            total.add(shift)
        return total

    def _run(self) -> None:
        model = PbxModel.at_start_of(self.recording)
        connection, at_ms = 0, self._ms(self.recording.events[0].at_us)
        self._begin(model, at_ms)
        for event in self.recording.events:
            if event.connection != connection:
                connection = event.connection
                self._down(at_ms)
                model.restart()
                self._begin(model, self._ms(event.at_us))
            at_ms = self._ms(event.at_us)
            self._take(event.message, at_ms)
            model.apply(event.message, event.at_us)
        self._down(at_ms)

    def _ms(self, at_us: int) -> int:
        return at_us // 1000 + self._shift_ms

    def _begin(self, model: PbxModel, at_ms: int) -> None:
        for queue in model.queues.values():
            for fields in queue.members.values():
                self._see_member(queue.name, fields["Name"], fields["Location"], fields, at_ms)

    def _down(self, at_ms: int) -> None:
        for operator in self.operators.values():
            self._advance(operator, at_ms)
            self._settle(operator)
        self.operators.clear()

    # Time goes by.

    def _operator(self, name: str, at_ms: int) -> Operator:
        operator = self.operators.setdefault(name, Operator(name, at_ms))
        self._advance(operator, at_ms)
        return operator

    def _advance(self, operator: Operator, to_ms: int) -> None:
        while operator.at_ms < to_ms:
            edge_ms = operator.next_edge_ms(to_ms)
            self._spend(operator, operator.at_ms, edge_ms)
            operator.at_ms = edge_ms

    def _settle(self, operator: Operator) -> None:
        """What may have been busy is over."""
        lasted_ms = sum(to_ms - from_ms for from_ms, to_ms in operator.maybe_busy)
        state = "busy" if lasted_ms >= BUSY_MIN_MS else "ready"
        for from_ms, to_ms in operator.maybe_busy:
            for start_s, length_ms in self._cut(from_ms, to_ms):
                self.by_operator[operator.name][start_s].state_ms[state] += length_ms
        operator.maybe_busy.clear()

    def _spend(self, operator: Operator, from_ms: int, to_ms: int) -> None:
        state = operator.state(self._wrap_reasons)
        if state and state.name == "busy":
            operator.maybe_busy.append((from_ms, to_ms))
        else:
            self._settle(operator)
        if not state:
            return
        for start_s, length_ms in self._cut(from_ms, to_ms):
            shift = self.by_operator[operator.name][start_s]
            if state.name != "busy":
                shift.state_ms[state.name] += length_ms
            if state.name == "paused":
                shift.reason_ms[state.reason] += length_ms
            if state.by_reason:
                shift.wrap_by_reason_ms += length_ms
            if state.queue:
                shift.queues[state.queue].state_ms[state.name] += length_ms
            self._spend_in_queues(operator, shift, length_ms)

    @staticmethod
    def _spend_in_queues(operator: Operator, shift: Shift, length_ms: int) -> None:
        paused: dict[str, bool] = {}
        for member in operator.members.values():
            paused[member.queue] = paused.get(member.queue, True) and member.paused
        for queue, is_paused in paused.items():
            shift.queues[queue].logged_in_ms += length_ms
            shift.queues[queue].paused_ms += length_ms if is_paused else 0

    def _cut(self, from_ms: int, to_ms: int) -> Iterator[tuple[int, int]]:
        from_ms = from_ms if self._from_ms is None else max(from_ms, self._from_ms)
        to_ms = to_ms if self._to_ms is None else min(to_ms, self._to_ms)
        while from_ms < to_ms:
            start_ms = from_ms // self._interval_ms * self._interval_ms
            edge_ms = min(start_ms + self._interval_ms, to_ms)
            yield start_ms // 1000, edge_ms - from_ms
            from_ms = edge_ms

    def _count(self, operator: str, queue: str, count: str, at_ms: int) -> None:
        if (self._from_ms or at_ms) <= at_ms <= (self._to_ms or at_ms):
            start_s = at_ms // self._interval_ms * self._interval_ms // 1000
            self.by_operator[operator][start_s].queues[queue].counts[count] += 1

    # Events.

    def _take(self, message: Message, at_ms: int) -> None:
        event = message.event
        if event in _MEMBER_EVENTS:
            fields = dict(message.fields)
            self._see_member(fields["Queue"], fields["MemberName"], fields["Interface"], fields, at_ms)
        elif event == "QueueMemberRemoved":
            operator = self._operator(message.get("MemberName"), at_ms)
            operator.members.pop((message.get("Queue"), message.get("Interface")), None)
        elif event in _CALL_EVENTS:
            _CALL_EVENTS[event](self, message, at_ms)

    def _see_member(self, queue: str, name: str, interface: str, fields: dict[str, str], at_ms: int) -> None:
        operator = self._operator(name, at_ms)
        if fields.get("StateInterface", "").startswith("Agent:") and fields["Status"] in UNREACHABLE:
            operator.members.pop((queue, interface), None)
            return
        member = operator.members.setdefault((queue, interface), Membership(queue))
        paused = fields["Paused"] == "1"
        reason = fields["PausedReason"] if paused else ""
        if paused and (not member.paused or member.reason != reason):
            self._pauses += 1
            member.paused_as = self._pauses
        member.paused, member.reason, member.device = paused, reason, fields["Status"]
        member.wrap_ms = int(fields["Wrapuptime"]) * 1000

    def _call_operator(self, message: Message, at_ms: int) -> None:
        operator = self._operator(message.get("MemberName"), at_ms)
        operator.rings.append(Call(message.get("Queue"), message.get("Uniqueid"), message.get("DestUniqueid"),
                                   message.get("Interface")))

    def _end_rings(self, at_ms: int, *, channel: str = "", call_id: str = "") -> None:
        for operator in self.operators.values():
            over = [ring for ring in operator.rings if ring.channel == channel or ring.call_id == call_id]
            if over:
                self._advance(operator, at_ms)
                operator.rings = [ring for ring in operator.rings if ring not in over]

    def _ring_over(self, message: Message, at_ms: int) -> None:
        self._end_rings(at_ms, channel=message.get("DestUniqueid"))

    def _no_answer(self, message: Message, at_ms: int) -> None:
        self._ring_over(message, at_ms)
        self._count(message.get("MemberName"), message.get("Queue"), "missed", at_ms)

    def _dial_end(self, message: Message, at_ms: int) -> None:
        if message.get("DialStatus") != "ANSWER":
            self._ring_over(message, at_ms)

    def _hangup(self, message: Message, at_ms: int) -> None:
        self._end_rings(at_ms, channel=message.get("Uniqueid"))

    def _abandon(self, message: Message, at_ms: int) -> None:
        self._end_rings(at_ms, call_id=message.get("Uniqueid"))

    def _connect(self, message: Message, at_ms: int) -> None:
        self._end_rings(at_ms, call_id=message.get("Uniqueid"))
        operator = self._operator(message.get("MemberName"), at_ms)
        operator.talks.append(Call(message.get("Queue"), message.get("Uniqueid"), message.get("DestUniqueid"),
                                   message.get("Interface")))
        self._count(operator.name, message.get("Queue"), "answered", at_ms)

    def _complete(self, message: Message, at_ms: int) -> None:
        operator = self._operator(message.get("MemberName"), at_ms)
        queue, interface = message.get("Queue"), message.get("Interface")
        here = [call for call in operator.talks if (call.queue, call.interface) == (queue, interface)]
        by_channel = [call for call in here if call.channel == message.get("DestUniqueid")]
        by_call = [call for call in here if call.call_id == message.get("Uniqueid")]
        call = next(iter(by_channel or by_call or here), None)
        if not call:
            return
        operator.talks.remove(call)
        member = operator.members.get((queue, interface))
        wrap_ms = member.wrap_ms if member and member.wrap_ms > 0 else self._wrap_ms
        operator.wrap_until_ms = at_ms + wrap_ms
        self._count(operator.name, queue, "ended", at_ms)
        if message.get("Reason") == "transfer":
            self._count(operator.name, queue, "transferred", at_ms)

    def _set_held(self, message: Message, at_ms: int, held: bool) -> None:
        channel, linked = message.get("Uniqueid"), message.get("Linkedid")
        talks = [(operator, call) for operator in self.operators.values() for call in operator.talks]
        matches = [talk for talk in talks if talk[1].channel == channel]
        if not matches and not any(call.call_id == channel for _, call in talks):
            matches = [talk for talk in talks if talk[1].call_id == linked]
        for operator, call in matches[:1]:
            self._advance(operator, at_ms)
            call.held = held

    def _hold(self, message: Message, at_ms: int) -> None:
        self._set_held(message, at_ms, True)

    def _unhold(self, message: Message, at_ms: int) -> None:
        self._set_held(message, at_ms, False)


_MEMBER_EVENTS = frozenset(("QueueMemberStatus", "QueueMemberPause", "QueueMemberAdded", "QueueMemberPenalty",
                            "QueueMemberRinginuse"))
_CALL_EVENTS = {
    "AgentCalled": Shifts._call_operator, "AgentRingNoAnswer": Shifts._no_answer, "AgentDump": Shifts._ring_over,
    "DialEnd": Shifts._dial_end, "Hangup": Shifts._hangup, "QueueCallerAbandon": Shifts._abandon,
    "AgentConnect": Shifts._connect, "AgentComplete": Shifts._complete, "Hold": Shifts._hold,
    "Unhold": Shifts._unhold,
}
