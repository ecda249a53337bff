"""A ringside-agent that listens to the scripted manager server, beside a queue_log or alone, and its figures held
against the oracle's.

    server = AmiServer(model=PbxModel.at_start_of(recording), timestamps=True)
    with server, ListeningAgent(directory, server) as agent:
        agent.wait_for_snapshot()
        replay = Replay(recording, server, log=agent.log, events=with_dialplan(recording), speed=20)
        replay.run()
        agent.hear_all()
        assert queue_differences(agent, Oracle(recording)) == []"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ami_oracle import LEFT_AS, Oracle
from ami_server import AmiServer
from ami_shifts import STATES, Shifts
from live_agent import LiveAgent, wait_until

SETTLE_S = 1.5  # what leaves a key exit open, and a second of busy
SOURCE = """source "pbx" {{
    type = ami
    port = {port}
    user = "ringside"
    secret_file = "{secret}"
    retry_max = 1s
}}
"""
FAST_LOG = "poll = 50ms\n    drain_grace = 300ms"
STATE_FIELDS = {state: {"talk": "talk_time_ms", "hold": "hold_time_ms"}.get(state, f"{state}_ms") for state in STATES}
DAY_S = 86400


class ListeningAgent(LiveAgent):
    def __init__(self, directory: Path, server: AmiServer, *, with_log: bool = True, more: str = "") -> None:
        self.server = server
        secret = directory / "ami.secret"
        secret.write_text(server.users["ringside"] + "\n", encoding="utf-8")
        secret.chmod(0o600)
        super().__init__(directory, [], more=SOURCE.format(port=server.port, secret=secret) + more)
        self.with_log = with_log
        config = self.config.read_text(encoding="utf-8").replace("poll = 50ms", FAST_LOG)
        if not with_log:
            begin = config.index('source "queue_log"')
            config = config[:begin] + config[config.index("}\n", begin) + 2:]
        self.config.write_text(config, encoding="utf-8")

    def wait_for_snapshot(self) -> None:
        self.server.wait_for_snapshot()
        wait_until("the agent took in the lists", lambda: self.ask("status")["live"]["connected"])

    def hear_all(self) -> None:
        """Until what was sent and written has been taken in."""
        self.server.wait_for_sent()
        if self.with_log:
            lines = sum(len(path.read_bytes().splitlines()) for path in self.log.parent.glob("queue_log*"))
            self.wait_for_lines(lines)
        last = -1
        while last != (now := self.ask("status")["live"]["events"]):
            last = now
            time.sleep(SETTLE_S)

    def queue_totals(self) -> dict[str, Counter[str]]:
        """Of two days, so that what is replayed ahead of time counts."""
        tomorrow = time.strftime("%Y-%m-%d", time.localtime(time.time() + 2 * DAY_S))
        totals: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.ask("kpi", "--from", "yesterday", "--to", tomorrow)["rows"]:
            for name, value in row.items():
                if isinstance(value, dict):
                    totals[row["queue"]][name] += value.get("sum") or 0
                elif isinstance(value, (int, float)):
                    totals[row["queue"]][name] += value
        return totals


def queue_differences(agent: ListeningAgent, oracle: Oracle, close_ms: int = 0) -> list[str]:
    """Counts, refused callers and sums of times (these to close_ms a call) that are not the oracle's."""
    found = []
    totals = agent.queue_totals()
    for queue, figures in oracle.queues.items():
        ours = totals.get(queue, Counter())
        expected = {name: figures.counts[name] for name in ("entered", "answered", "ring_no_answer", *LEFT_AS.values())}
        expected |= {"blocked": figures.blocked, "transferred_out": figures.counts["transferred"]}
        found += [f"{queue}: {name} is {ours[name]}, not {value}" for name, value in expected.items()
                  if ours[name] != value]
        times = {"wait_answered_ms": sum(figures.wait_ms), "handle_ms": sum(figures.talk_ms),
                 "hold_ms": figures.hold_ms, "ring_ms": sum(figures.ring_ms)}
        found += [f"{queue}: {name} is {ours[name]}, not {value}" for name, value in times.items()
                  if abs(ours[name] - value) > close_ms * figures.counts["answered"]]
    return found


def operator_differences(document: dict[str, Any], shifts: Shifts, close_ms: int = 0,
                         leave_out: tuple[str, ...] = ("ready",)) -> list[str]:
    """What `ringside operators` tells otherwise than the oracle. The agent knew of them some time before the first
    event and maybe behind the last, so ready is left out where nothing else is said."""
    found = []
    rows = {row["operator"]: row for row in document["operators"]}
    for operator in shifts.by_operator:
        total, row = shifts.total(operator), rows.get(operator)
        if not row:
            found.append(f"{operator} is missing")
            continue
        told = {state: row[name] for state, name in STATE_FIELDS.items()}
        if sum(told.values()) != row["logged_in_ms"]:
            found.append(f"{operator}: states do not add up to {row['logged_in_ms']}: {told}")
        found += [f"{operator}: {state} is {told[state]}, not {total.state_ms[state]}" for state in STATES
                  if state not in leave_out and abs(told[state] - total.state_ms[state]) > close_ms]
        for count in ("answered", "missed"):
            expected = sum(part.counts[count] for part in total.queues.values())
            if row[count] != expected:
                found.append(f"{operator}: {count} is {row[count]}, not {expected}")
    return found
