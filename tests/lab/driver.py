"""Carries out a plan over the manager interface, and keeps what truly happened: the visits of callers to queues.

Visits are told by the dialplan's own words (UserEvent LabIn, LabOut, LabKey) and by who hung up, not by the rows of
queue_log; AgentConnect tells who answered."""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

import ami
import plan

DRAIN_S = 60
REFUSED = {"FULL": "full", "JOINEMPTY": "joinempty"}
LEFT = {"TIMEOUT": "exit_timeout", "LEAVEEMPTY": "exit_empty", "LEAVEUNAVAIL": "exit_empty",
        "WITHDRAW": "withdrawn", **REFUSED}


@dataclass
class Visit:
    """One caller's stay in one queue. Times are Asterisk's, in seconds."""
    call: int
    queue: str
    uniqueid: str
    came: float
    outcome: str = ""
    left: float = 0.0      # from waiting: answered, gave up, or was sent away
    ended: float = 0.0     # of an answered one: when the conversation was over
    how: str = ""          # and by whom: agent, caller, transfer
    held: float = 0.0
    holds: int = 0
    hold_since: Optional[float] = None
    operator_channel: str = ""
    operator_id: str = ""


@dataclass
class Live:
    call: plan.Call
    channel: str = ""
    visits: list[Visit] = field(default_factory=list)
    gone: bool = False

    def phone(self) -> str:
        return self.channel[:-1] + "2"


@dataclass
class Counters:
    """What Asterisk's own QueueStatus said."""
    queues: dict[str, ami.Message] = field(default_factory=dict)
    members: list[ami.Message] = field(default_factory=list)


class Driver:
    def __init__(self, client: ami.Ami, script: plan.Plan) -> None:
        self.ami = client
        self.plan = script
        self.live = {call.number: Live(call) for call in script.calls}
        self.by_id: dict[str, Live] = {}
        self.by_operator: dict[str, Visit] = {}
        self.visits: list[Visit] = []
        self.refused_deeds: list[str] = []
        self.before_reset: Optional[Counters] = None
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._started = 0.0
        self._waiting_for: dict[str, str] = {}
        self.ami.on_event = self.on_event
        self.ami.on_answer = self.on_answer

    # The clock

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when, next(self._order), do))

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        self.at(time.monotonic() + delay_s, do)

    def run(self, every_s: float, tick: Callable[[float, int], None]) -> None:
        """Calls tick with the seconds since the start and the number of calls made so far now and then."""
        self._started = time.monotonic()
        for call in self.plan.calls:
            self.at(self._started + call.at_s, lambda call=call: self.originate(call))
        for deed in self.plan.deeds:
            self.at(self._started + deed.at_s, lambda deed=deed: self.do(deed))
        last = max(self._started + call.at_s for call in self.plan.calls)
        next_tick = self._started
        while not self._is_over(last):
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
            if now >= next_tick:
                tick(now - self._started, sum(bool(live.channel) for live in self.live.values()))
                next_tick = now + every_s
            self.ami.pump(min(max(self._timers[0][0] - time.monotonic(), 0), 0.2) if self._timers else 0.2)

    def _is_over(self, last: float) -> bool:
        now = time.monotonic()
        if now <= last:
            return False
        if now > last + DRAIN_S:
            left = sorted(number for number, live in self.live.items() if not live.gone)
            raise RuntimeError(f"these calls have not ended {DRAIN_S} s after the last one came: {left}")
        return all(live.gone for live in self.live.values())

    # What is done

    def send(self, action: str, **fields: object) -> None:
        self._waiting_for[self.ami.send(action, **fields)] = f"{action} {fields}"

    def on_answer(self, message: ami.Message) -> None:
        what = self._waiting_for.pop(message.get("ActionID", ""), "")
        if what and message.get("Response") == "Error":
            self.refused_deeds.append(f"{what}: {message.get('Message')}")

    def originate(self, call: plan.Call) -> None:
        self.send("Originate", Channel=f"Local/9{call.number:05}@phones/n", Context="incoming", Exten="s", Priority=1,
                  CallerID=f'"Caller {call.number}" <555{call.number:05}>', Async="true", Timeout=30000,
                  variables=call.variables())

    def do(self, deed: plan.Deed) -> None:
        if deed.action == "queue reset stats":
            self.reset()
        elif " " in deed.action:
            self.ami.cli(deed.action)
        else:
            self.send(deed.action, **deed.fields)

    def reset(self) -> None:
        """The row says where in queue_log Asterisk's counters begin anew."""
        self.before_reset = self.counters()
        self.ami.ask("QueueLog", Queue="NONE", Event="LABRESET")
        self.ami.cli("queue reset stats")

    def counters(self) -> Counters:
        counters = Counters()
        for message in self.ami.ask("QueueStatus"):
            if message.get("Event") == "QueueParams":
                counters.queues[message["Queue"]] = message
            elif message.get("Event") == "QueueMember":
                counters.members.append(message)
        return counters

    def hang_up(self, channel: str) -> None:
        self.send("Hangup", Channel=channel, Cause=16)

    def lose_patience(self, live: Live, visit: Visit) -> None:
        if not live.gone and not visit.outcome:
            self.hang_up(live.phone())

    def end_by_caller(self, live: Live, visit: Visit) -> None:
        if not live.gone and not visit.ended:
            self.hang_up(live.phone())

    def act(self, live: Live, visit: Visit) -> None:
        deed, _, place = live.call.deed.partition(" ")
        if live.gone or visit.ended:
            return
        if deed == "blind":
            self.send("BlindTransfer", Channel=visit.operator_channel, Context="desk", Exten=place)
        elif deed == "attended":
            self.send("Atxfer", Channel=visit.operator_channel, Context="desk", Exten=place)
            self.after(3.5, lambda: self.hang_up(visit.operator_channel[:-1] + "2"))
        elif deed == "consult":
            self.send("Atxfer", Channel=visit.operator_channel, Context="desk", Exten=place)
            self.after(2.5, lambda: self.send("CancelAtxfer", Channel=visit.operator_channel))

    def withdraw(self, live: Live, visit: Visit) -> None:
        if not visit.outcome:
            self.send("QueueWithdrawCaller", Queue=visit.queue, Caller=live.channel, WithdrawInfo="booked")

    # What is seen

    def on_event(self, message: ami.Message) -> None:
        kind = message["Event"]
        if kind == "UserEvent":
            kind = message["UserEvent"]
        handler = getattr(self, f"_on_{kind}", None)
        if handler:
            handler(message, float(message["Timestamp"]))

    def _on_LabIn(self, message: ami.Message, when: float) -> None:
        live = self.live[int(message["Call"])]
        live.channel = message["Channel"]
        self.by_id[message["Uniqueid"]] = live
        visit = Visit(live.call.number, message["Queue"], message["Uniqueid"], when)
        live.visits.append(visit)
        self.visits.append(visit)
        self.after(live.call.patience_s, lambda: self.lose_patience(live, visit))
        if live.call.deed == "withdraw":
            self.after(live.call.deed_after_s, lambda: self.withdraw(live, visit))

    def _left(self, message: ami.Message, when: float, outcome: str) -> None:
        live = self.live[int(message["Call"])]
        if live.visits and not live.visits[-1].outcome:
            live.visits[-1].outcome = outcome
            live.visits[-1].left = when

    def _on_LabOut(self, message: ami.Message, when: float) -> None:
        self._left(message, when, LEFT.get(message["Status"], message["Status"]))

    def _on_LabKey(self, message: ami.Message, when: float) -> None:
        self._left(message, when, "exit_key")

    def _on_AgentConnect(self, message: ami.Message, when: float) -> None:
        live = self.by_id.get(message.get("Uniqueid", ""))
        if not live:
            return
        visit = live.visits[-1]
        visit.outcome, visit.left = "answered", when
        visit.operator_channel, visit.operator_id = message["DestChannel"], message["DestUniqueid"]
        self.by_operator[visit.operator_id] = visit
        if live.call.caller_ends_s is not None:
            self.after(live.call.caller_ends_s, lambda: self.end_by_caller(live, visit))
        if live.call.deed and len(live.visits) == 1:
            self.after(live.call.deed_after_s, lambda: self.act(live, visit))

    def _on_AgentComplete(self, message: ami.Message, when: float) -> None:
        visit = self.by_operator.get(message.get("DestUniqueid", ""))
        if not visit and message.get("Uniqueid") in self.by_id:
            visit = self.by_id[message["Uniqueid"]].visits[-1]
        if not visit:  # neither side's fields: the member's oldest open conversation
            visit = next((one for one in self.by_operator.values() if not one.ended
                          and one.operator_channel.startswith(message["Interface"][:-2])), None)
        if visit and not visit.ended:
            visit.how = message["Reason"]
            self._end(visit, when)

    def _end(self, visit: Visit, when: float) -> None:
        if visit.hold_since is not None:
            visit.held += when - visit.hold_since
            visit.hold_since = None
        visit.ended = when

    def _on_Hold(self, message: ami.Message, when: float) -> None:
        visit = self.by_operator.get(message["Uniqueid"])
        if visit and not visit.ended and visit.hold_since is None:
            visit.hold_since = when
            visit.holds += 1

    def _on_Unhold(self, message: ami.Message, when: float) -> None:
        visit = self.by_operator.get(message["Uniqueid"])
        if visit and visit.hold_since is not None:
            visit.held += when - visit.hold_since
            visit.hold_since = None

    def _on_Hangup(self, message: ami.Message, when: float) -> None:
        visit = self.by_operator.get(message["Uniqueid"])
        if visit and not visit.ended:
            visit.how = "unseen"
            self._end(visit, when)
        live = self.by_id.get(message["Uniqueid"])
        if not live or message["Channel"] != live.channel:
            return
        live.gone = True
        if not live.visits[-1].outcome:
            live.visits[-1].outcome = "abandoned"
            live.visits[-1].left = when
