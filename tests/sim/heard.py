#!/usr/bin/env python3
"""What the simulated manager interface tells in half a day, as JSON; its log in the file that is named.

    heard.py queue_log

A program of its own: the modules of the simulator share names with those of the other tests."""

from __future__ import annotations

import json
import sys
from collections import Counter

import sim
from ami_message import Message
from ami_model import PbxModel

START_S = 1772409600
NAMED = {"QueueCallerJoin": (), "AgentConnect": ("MemberName",), "AgentRingNoAnswer": ("MemberName",),
         "AgentComplete": ("MemberName", "Reason")}


class Heard:
    """In the place of the server."""

    def __init__(self) -> None:
        self.model = PbxModel()
        self.events: list[list[object]] = []
        self.kinds: Counter[str] = Counter()

    def send(self, fields: dict[str, object], at_us: int) -> None:
        message = Message.of(fields)
        self.model.apply(message, at_us)
        self.kinds[message.event] += 1
        if message.event in NAMED:
            told = [message.get(name) for name in ("Event", "Queue", "Uniqueid", *NAMED[message.event])]
            self.events.append([at_us // 1_000_000, *told])


def main() -> int:
    args = sim.arguments(["--out", sys.argv[1], "--flat", "--plain", "--holds", "--queues", "3", "--operators", "7",
                          "--talk", "30", "--patience", "30", "--restart-every", "0"])
    heard = Heard()
    centre = sim.make_centre(args, heard)
    for operator in centre.people.operators:
        operator.name = operator.name.replace("|", " ")  # rows are split at it
    centre.open_up()
    centre.run(lambda time_s: time_s >= START_S + 12 * 3600)
    for time_s, _, function, argument, version in sorted(centre.heap, key=lambda event: event[:2]):
        if function == centre._maybe_gone:  # who has still to hang up
            function(time_s, argument, version)
    centre.log.close()
    left = len(heard.model.channels) + sum(len(queue.entries) for queue in heard.model.queues.values())
    json.dump({"events": heard.events, "kinds": heard.kinds, "left": left}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
