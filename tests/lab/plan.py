"""What happens in a run: calls and what is done to queues and members, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Callable, Optional

PER_SECOND = 3.0
WAITS_LONG_S = 25.0

SALES, SUPPORT, BILLING, SECOND = "sales", "support", "billing", "second"
STAFFED = ((SALES, 5), (SUPPORT, 4), (BILLING, 3), (SECOND, 2), ("announced", 1))


@dataclass
class Call:
    number: int
    at_s: float
    kind: str
    queue: str
    answer_after_s: float = 0.3
    talk_s: float = 2.0
    missed: int = 0                      # so many rings pass unanswered
    options: str = ""
    timeout_s: str = ""
    key: str = ""
    key_after_s: float = 1.0
    next_queue: str = ""
    hold_s: str = ""                     # "1", "2" or "3": the operator dials *9 and this
    patience_s: float = WAITS_LONG_S     # hangs up if nobody answered by then
    caller_ends_s: Optional[float] = None  # hangs up after so long a conversation, if the operator did not
    deed: str = ""                       # what the driver does once the call is answered, or waits: see Driver
    deed_after_s: float = 1.0

    def variables(self) -> dict[str, object]:
        """The leading __ hands a variable on to the channels that this one makes, the operators'."""
        values = {"CALL": self.number, "QUEUE": self.queue, "OPTIONS": self.options, "TIMEOUT": self.timeout_s,
                  "NEXT": self.next_queue, "KEY": self.key, "KEY_AFTER": self.key_after_s, "MISSED": self.missed,
                  "ANSWER_AFTER": self.answer_after_s, "TALK": self.talk_s, "HOLD": self.hold_s, "HOLD_AFTER": 0.5}
        return {"__DYNAMIC_FEATURES": "hold1#hold2#hold3", **{f"__LAB_{name}": value for name, value in values.items()}}


@dataclass
class Deed:
    """An action of the manager interface, or a command of Asterisk's own command line."""
    at_s: float
    action: str
    fields: dict[str, object] = field(default_factory=dict)


@dataclass
class Plan:
    calls: list[Call]
    deeds: list[Deed]


class Planner:
    def __init__(self, seed: int, withdraws: bool) -> None:
        self.random = random.Random(seed)
        self.withdraws = withdraws
        self.kinds: list[tuple[Callable[[Call], None], int]] = [
            (self.operator_ends, 22), (self.caller_ends, 18), (self.held, 14), (self.missed, 5), (self.abandoned, 8),
            (self.short, 5), (self.times_out, 5), (self.presses_key, 5), (self.full, 8), (self.night, 10),
            (self.rejected, 2), (self.blind, 5), (self.attended, 4), (self.consulted, 4), (self.withdrawn, 4)]

    def between(self, low: float, high: float) -> float:
        return round(self.random.uniform(low, high), 2)

    def staffed(self) -> str:
        return self.random.choices([name for name, _ in STAFFED], [weight for _, weight in STAFFED])[0]

    def call(self, number: int, at_s: float) -> Call:
        make = self.random.choices([kind for kind, _ in self.kinds], [weight for _, weight in self.kinds])[0]
        call = Call(number, at_s, make.__name__, self.staffed(), answer_after_s=self.between(0.05, 1.2),
                    talk_s=self.between(0.3, 3.5))
        make(call)
        return call

    def operator_ends(self, call: Call) -> None:
        pass

    def caller_ends(self, call: Call) -> None:
        call.caller_ends_s = call.talk_s
        call.talk_s = 30

    def held(self, call: Call) -> None:
        call.hold_s = self.random.choice("123")
        call.talk_s = self.between(0.2, 1.5)
        if self.random.random() < 0.3:  # the caller goes, now and then while he is on hold
            call.caller_ends_s = self.between(1.5, 4.5)

    def missed(self, call: Call) -> None:
        call.queue = self.random.choice((SALES, SUPPORT, BILLING))
        call.missed = 1

    def abandoned(self, call: Call) -> None:
        call.queue = "slow"
        call.patience_s = self.between(2.2, 7.0)

    def short(self, call: Call) -> None:
        call.queue = self.random.choice(("slow", SALES))
        call.answer_after_s = 3
        call.patience_s = self.between(0.2, 1.8)

    def times_out(self, call: Call) -> None:
        call.queue = "slow"
        call.timeout_s = self.random.choice("234")
        call.next_queue = self.random.choice(("", "", SECOND))

    def presses_key(self, call: Call) -> None:
        call.queue = "slow"
        call.key = self.random.choice("12")
        call.key_after_s = self.between(0.5, 3)
        call.next_queue = SALES if call.key == "2" else ""

    def full(self, call: Call) -> None:
        call.queue = "small"
        call.patience_s = self.between(2.0, 6.0)

    def night(self, call: Call) -> None:
        call.queue = "night"

    def rejected(self, call: Call) -> None:
        call.queue = "rejecting"
        call.timeout_s = "3"

    def blind(self, call: Call) -> None:
        call.talk_s = 30
        call.deed = self.random.choice(("blind 701", "blind 702"))
        call.deed_after_s = self.between(0.4, 1.5)

    def attended(self, call: Call) -> None:
        call.options = "t"
        call.talk_s = 30
        call.deed = "attended 703"
        call.deed_after_s = self.between(0.4, 1.0)

    def consulted(self, call: Call) -> None:
        """The operator asks a colleague, who does not answer, and comes back: a hold of two seconds or so."""
        call.options = "t"
        call.talk_s = 8
        call.deed = "consult 704"
        call.deed_after_s = self.between(0.4, 1.0)

    def withdrawn(self, call: Call) -> None:
        call.queue = "slow"
        if self.withdraws:
            call.deed = "withdraw"
            call.deed_after_s = self.between(0.5, 2.5)
        else:
            call.patience_s = self.between(1.0, 4.0)


def member(number: int) -> str:
    return f"Local/{number}@agents/n"


def night_shift(until_s: float) -> list[Deed]:
    """A member who never answers comes and goes: callers find the queue empty, or it empties under them."""
    deeds = []
    at_s = 4.0
    while at_s < until_s:
        deeds.append(Deed(at_s, "QueueAdd", {"Queue": "night", "Interface": member(183), "MemberName": "Nina"}))
        deeds.append(Deed(at_s + 7, "QueueRemove", {"Queue": "night", "Interface": member(183)}))
        at_s += 20
    return deeds


def pauses(draw: random.Random, until_s: float) -> list[Deed]:
    deeds = []
    at_s = 3.0
    while at_s < until_s:
        who = member(draw.choice((101, 102, 103, 105, 106, 110)))
        reason = draw.choice(("Lunch", "Meeting", "wc|2", "", "Büro"))
        one = {"Queue": draw.choice((SALES, SUPPORT))} if draw.random() < 0.3 else {}
        length_s = draw.uniform(2, 6)
        deeds.append(Deed(at_s, "QueuePause", {"Interface": who, "Paused": "true", "Reason": reason, **one}))
        if draw.random() < 0.3:  # another reason while paused
            deeds.append(Deed(at_s + length_s / 2, "QueuePause",
                              {"Interface": who, "Paused": "true", "Reason": "Training", **one}))
        deeds.append(Deed(at_s + length_s, "QueuePause", {"Interface": who, "Paused": "false", **one}))
        at_s += draw.uniform(3, 7)
    for step in range(int(until_s / 6)):  # autopause in billing is undone
        for number in (108, 109):
            deeds.append(Deed(6.0 * step + 5, "QueuePause", {"Interface": member(number), "Paused": "false"}))
    return deeds


def helpers(draw: random.Random, until_s: float) -> list[Deed]:
    """Members that are added for a while, one of them born paused, one without a name."""
    deeds = []
    at_s = 8.0
    for number, name in ((121, "Dyn Lee"), (122, None), (123, "Jo-Ann_18")):
        while at_s < until_s:
            queue = draw.choice((SALES, SUPPORT, SECOND))
            born_paused = draw.random() < 0.3
            deeds.append(Deed(at_s, "QueueAdd", {"Queue": queue, "Interface": member(number), "MemberName": name,
                                                 "Paused": "true" if born_paused else "false"}))
            if born_paused:
                deeds.append(Deed(at_s + 3, "QueuePause", {"Interface": member(number), "Paused": "false"}))
            deeds.append(Deed(at_s + draw.uniform(8, 14), "QueueRemove",
                              {"Queue": queue, "Interface": member(number)}))
            at_s += draw.uniform(20, 40)
        at_s = 12.0 + number % 7
    return deeds


def make(seed: int, calls: int, *, withdraws: bool) -> Plan:
    planner = Planner(seed, withdraws)
    at_s = 0.5
    drawn = []
    for number in range(1, calls + 1):
        drawn.append(planner.call(number, round(at_s, 3)))
        at_s += planner.random.expovariate(PER_SECOND)
    deeds = night_shift(at_s) + pauses(planner.random, at_s) + helpers(planner.random, at_s)
    deeds += [Deed(at_s / 3, "logger rotate"), Deed(at_s / 2, "queue reset stats"), Deed(at_s * 2 / 3, "logger rotate"),
              Deed(at_s * 3 / 4, "queue reload all")]
    return Plan(drawn, sorted(deeds, key=lambda deed: deed.at_s))
