"""What happened in a recording, worked out from the manager's events by definition (docs/kpis.md): every visit of a
caller to a queue, and the figures of each queue. It shares no code with the agent and keeps everything in memory.
Operators' time is in ami_shifts.py. Times are milliseconds since 1970."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Optional, Union

from ami_message import Message
from ami_recording import Recording
from queue_log_rows import ENDS_WAITING, Row, parse

FAR_FUTURE_S = 1 << 40
LEFT_AS = {"ABANDON": "abandoned", "EXITWITHTIMEOUT": "exit_timeout", "EXITEMPTY": "exit_empty",
           "EXITWITHKEY": "exit_key", "WITHDRAW": "withdrawn"}
ENDED_AS = {"agent": "completed_operator", "caller": "completed_caller", "transfer": "transferred"}
LOST, LOST_TALKING = "lost", "lost_connected"
REFUSED = ("full", "joinempty", "joinunavail", "unknown")


@dataclass
class Hold:
    from_ms: int
    to_ms: Optional[int] = None


@dataclass
class Visit:
    """One caller in one queue, from joining it to the end of it."""

    queue: str
    call_id: str
    caller: str
    enter_ms: int
    position: int
    left_ms: Optional[int] = None
    asked_to_hang_up: bool = False
    abandon_event: bool = False
    left_as: Optional[str] = None  # of LEFT_AS, when nobody answered
    connect_ms: Optional[int] = None
    operator: str = ""
    interface: str = ""
    channel: str = ""  # Uniqueid of the operator's
    ring_ms: Optional[int] = None  # of him who answered
    end_ms: Optional[int] = None
    ended_as: Optional[str] = None
    holds: list[Hold] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.connect_ms is not None:
            return self.ended_as or LOST_TALKING
        return self.left_as or LOST

    @property
    def wait_ms(self) -> Optional[int]:
        until_ms = self.connect_ms if self.connect_ms is not None else self.left_ms
        return None if until_ms is None else until_ms - self.enter_ms

    @property
    def talk_ms(self) -> Optional[int]:
        """From the answer to the end, holds included."""
        return None if self.connect_ms is None or self.end_ms is None else self.end_ms - self.connect_ms

    @property
    def held_ms(self) -> int:
        return sum(hold.to_ms - hold.from_ms for hold in self.holds if hold.to_ms is not None)


@dataclass
class QueueFigures:
    counts: Counter[str] = field(default_factory=Counter)  # entered, answered, ring_no_answer, all of LEFT_AS, ...
    refused: Counter[str] = field(default_factory=Counter)  # by QUEUESTATUS in small letters
    holds: int = 0
    hold_ms: int = 0
    wait_ms: list[int] = field(default_factory=list)  # of the answered
    gave_up_ms: list[int] = field(default_factory=list)  # of all others who left
    talk_ms: list[int] = field(default_factory=list)
    ring_ms: list[int] = field(default_factory=list)  # of those who answered

    @property
    def blocked(self) -> int:
        return sum(self.refused.values())


class Oracle:
    def __init__(self, recording: Union[Recording, str], *, reasons: str = "queue_log", shift_s: int = 0) -> None:
        """reasons: why callers left: "queue_log", as its rows tell, or "ami", as far as the events do (an exit that
        is neither an abandon nor by key counts as a timeout there)."""
        self.recording = Recording(recording) if isinstance(recording, str) else recording
        self.visits: list[Visit] = []
        self.rings_missed: Counter[str] = Counter()  # by queue
        self._shift_ms = shift_s * 1000
        self._reasons = reasons
        self._waiting: dict[str, list[Visit]] = defaultdict(list)  # by queue, in the order of positions
        self._answered: dict[tuple[str, str], Visit] = {}  # left and not known why yet, by queue and call
        self._talking: list[Visit] = []
        self._called: dict[str, int] = {}  # by the operator's channel: since when it rings
        self._run()
        self._give_reasons()

    def _run(self) -> None:
        connection = 0
        for event in self.recording.events:
            if event.connection != connection:
                connection = event.connection
                self._down()
            handler = _HANDLERS.get(event.message.event)
            if handler:
                handler(self, event.message, event.at_us // 1000 + self._shift_ms)
        self._down()

    def _down(self) -> None:
        """Nobody sees what becomes of the calls that are there."""
        self._waiting.clear()
        self._answered.clear()
        for visit in self._talking:
            visit.holds = [hold for hold in visit.holds if hold.to_ms is not None]
        self._talking.clear()
        self._called.clear()

    def _join(self, message: Message, at_ms: int) -> None:
        position = message.number("Position") or 1
        number = message.get("CallerIDNum")
        visit = Visit(message.get("Queue"), message.get("Uniqueid"), "" if number == "<unknown>" else number, at_ms,
                      position)
        self.visits.append(visit)
        self._waiting[visit.queue].insert(position - 1, visit)

    def _who_waits(self, message: Message) -> Optional[Visit]:
        waiting = self._waiting[message.get("Queue")]
        for visit in waiting:
            if visit.call_id == message.get("Uniqueid"):
                return visit
        place = (message.number("Position") or 1) - 1
        return waiting[place] if place < len(waiting) else None

    def _hang_up_asked(self, message: Message, _: int) -> None:
        for waiting in self._waiting.values():
            for visit in waiting:
                if visit.call_id == message.get("Uniqueid"):
                    visit.asked_to_hang_up = True

    def _abandon(self, message: Message, _: int) -> None:
        visit = self._who_waits(message)
        if visit:
            visit.abandon_event = True
            visit.left_as = "abandoned" if visit.asked_to_hang_up else "exit_timeout"

    def _leave(self, message: Message, at_ms: int) -> None:
        visit = self._who_waits(message)
        if visit:
            self._waiting[visit.queue].remove(visit)
            visit.left_ms = at_ms
            if not visit.abandon_event:
                visit.left_as = "exit_key"  # taken back by a connect
                self._answered[visit.queue, message.get("Uniqueid")] = visit

    def _call_operator(self, message: Message, at_ms: int) -> None:
        self._called[message.get("DestUniqueid")] = at_ms

    def _no_answer(self, message: Message, _: int) -> None:
        self._called.pop(message.get("DestUniqueid"), None)
        self.rings_missed[message.get("Queue")] += 1

    def _connect(self, message: Message, at_ms: int) -> None:
        visit = self._answered.pop((message.get("Queue"), message.get("Uniqueid")), None)
        if not visit:
            return
        visit.left_as = None
        visit.connect_ms = at_ms
        visit.operator, visit.interface = message.get("MemberName"), message.get("Interface")
        visit.channel = message.get("DestUniqueid")
        began_ms = self._called.pop(visit.channel, None)
        visit.ring_ms = None if began_ms is None else at_ms - began_ms
        self._talking.append(visit)

    def _conversation(self, message: Message) -> Optional[Visit]:
        """AgentComplete may lack the operator's channel, the caller's, or both."""
        here = [visit for visit in self._talking if visit.queue == message.get("Queue")
                and visit.interface == message.get("Interface")]
        by_channel = [visit for visit in here if visit.channel == message.get("DestUniqueid")]
        by_call = [visit for visit in here if visit.call_id == message.get("Uniqueid")]
        return next(iter(by_channel or by_call or here), None)

    def _complete(self, message: Message, at_ms: int) -> None:
        visit = self._conversation(message)
        if not visit:
            return
        self._talking.remove(visit)
        visit.end_ms = at_ms
        visit.ended_as = ENDED_AS[message.get("Reason")]
        self._end_hold(visit, at_ms)

    def _held(self, message: Message) -> Optional[Visit]:
        channel, linked = message.get("Uniqueid"), message.get("Linkedid")
        for visit in self._talking:
            if visit.channel == channel:
                return visit
        if any(visit.call_id == channel for visit in self._talking):
            return None  # it is the caller who holds
        return next((visit for visit in self._talking if visit.call_id == linked), None)

    def _hold(self, message: Message, at_ms: int) -> None:
        visit = self._held(message)
        if visit and not (visit.holds and visit.holds[-1].to_ms is None):
            visit.holds.append(Hold(at_ms))

    def _unhold(self, message: Message, at_ms: int) -> None:
        visit = self._held(message)
        if visit:
            self._end_hold(visit, at_ms)

    @staticmethod
    def _end_hold(visit: Visit, at_ms: int) -> None:
        if visit.holds and visit.holds[-1].to_ms is None:
            visit.holds[-1].to_ms = at_ms

    # Reasons of queue_log.

    def _log_reasons(self) -> dict[tuple[str, str], deque[str]]:
        """The exits of each call from each queue, in order."""
        reasons: dict[tuple[str, str], deque[str]] = defaultdict(deque)
        for timed in self.recording.rows:
            row = parse(timed.line, FAR_FUTURE_S)
            if isinstance(row, Row) and row.verb in ENDS_WAITING:
                reasons[row.call_id, row.queue].append(LEFT_AS[row.verb])
        return reasons

    def _give_reasons(self) -> None:
        if self._reasons == "ami":
            return
        reasons = self._log_reasons()
        for visit in self.visits:
            if visit.left_as:
                visit.left_as = reasons[visit.call_id, visit.queue].popleft()

    # What is asked.

    @property
    def queues(self) -> dict[str, QueueFigures]:
        found: dict[str, QueueFigures] = defaultdict(QueueFigures)
        for visit in self.visits:
            _add(found[visit.queue], visit)
        for queue, count in self.rings_missed.items():
            found[queue].counts["ring_no_answer"] = count
        for tried in self.recording.expected["visits"]:
            if tried["outcome"] in REFUSED:
                found[tried["queue"]].refused[tried["outcome"]] += 1
        return dict(found)


def _add(figures: QueueFigures, visit: Visit) -> None:
    figures.counts["entered"] += 1
    figures.counts[visit.outcome] += 1
    figures.counts["answered"] += visit.connect_ms is not None
    held = [hold for hold in visit.holds if hold.to_ms is not None]
    figures.holds += len(held)
    figures.hold_ms += visit.held_ms
    if visit.wait_ms is not None:
        (figures.gave_up_ms if visit.connect_ms is None else figures.wait_ms).append(visit.wait_ms)
    if visit.talk_ms is not None:
        figures.talk_ms.append(visit.talk_ms)
    if visit.ring_ms is not None:
        figures.ring_ms.append(visit.ring_ms)


_HANDLERS = {
    "QueueCallerJoin": Oracle._join, "QueueCallerAbandon": Oracle._abandon, "QueueCallerLeave": Oracle._leave,
    "HangupRequest": Oracle._hang_up_asked, "SoftHangupRequest": Oracle._hang_up_asked,
    "AgentCalled": Oracle._call_operator, "AgentRingNoAnswer": Oracle._no_answer, "AgentConnect": Oracle._connect,
    "AgentComplete": Oracle._complete, "Hold": Oracle._hold, "Unhold": Oracle._unhold,
}
