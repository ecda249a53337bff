"""What a manager interface that tells absurd times, and an agent that ends in the middle of a call, do to the figures of
operators: nothing."""

from __future__ import annotations

import time
from pathlib import Path

from ami_agent import USERS, ListeningAgent, caller, joins, leaves, member
from ami_model import PbxModel
from ami_server import AmiServer
from live_agent import wait_until

HOUR_US = 3_600_000_000
CALL, OPERATORS_CHANNEL = "1700000000.1", "1700000000.2"
MANY_QUEUES = 40
TOKENS = "privacy {\n    operators = hash\n}\n"


def a_queue() -> PbxModel:
    model = PbxModel()
    model.add_member("sales", "Ana", "PJSIP/101")
    return model


def heard(agent: ListeningAgent, count: int) -> None:
    wait_until(f"{count} events taken", lambda: agent.ask("status")["quality"]["live_events"] >= count)


def test_an_absurd_time_gives_nobody_time(tmp_path: Path) -> None:
    begin = time.monotonic()
    with AmiServer(users=USERS, model=a_queue(), timestamps=True) as server, \
            ListeningAgent(tmp_path, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        heard(agent, 1)
        for number, hours in enumerate((0, 23, 0, -23, 0)):
            changed = member("Ana", "PJSIP/101", Status=2 - number % 2)
            server.send(changed, at_us=server.now_us() + hours * HOUR_US)
        heard(agent, 6)
        time.sleep(1.5)
        agent.stop()
        ana = agent.operators()[0]
        assert 1000 < ana["logged_in_ms"] < (time.monotonic() - begin) * 1000
        assert agent.quality["live_downs"] == 1  # the stop


def test_a_pbx_whose_clock_is_set_is_followed(tmp_path: Path) -> None:
    begin = time.monotonic()
    with AmiServer(users=USERS, model=a_queue(), timestamps=True) as server, \
            ListeningAgent(tmp_path, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        server.send(member("Ana", "PJSIP/101"))
        server.clock = lambda: time.time() + 3600
        for _ in range(3):
            server.send(member("Ana", "PJSIP/101"))
        wait_until("connected anew", lambda: len(server.asked("QueueStatus")) >= 2 and agent.live["connected"])
        time.sleep(1.5)
        agent.stop()
        ana = agent.operators()[0]
        assert 1000 < ana["logged_in_ms"] < (time.monotonic() - begin) * 1000


def test_a_call_of_before_a_restart_ends_also_where_names_are_hidden(tmp_path: Path) -> None:
    with AmiServer(users=USERS, model=a_queue()) as server, \
            ListeningAgent(tmp_path, server, with_log=False, more=TOKENS) as agent:
        agent.wait_for_snapshot()
        for event in (joins(CALL), leaves(CALL),
                      caller("AgentConnect", CALL, MemberName="Ana", Interface="PJSIP/101", HoldTime=1, RingTime=1,
                             DestUniqueid=OPERATORS_CHANNEL),
                      member("Ana", "PJSIP/101", Status=2, InCall=1)):
            server.send(event)
        wait_until("the answer", lambda: agent.ask("operators")["operators"][0]["state"] == "connected")
        time.sleep(0.5)  # a commit
        agent.kill()
        agent.start()  # the call is gone, the PBX does not list its channels any more; the telephone is in use
        agent.wait_for_snapshot()
        wait_until("the end", lambda: agent.ask("operators")["operators"][0]["state"] == "busy")
        agent.stop()
        assert len(agent.operators()) == 1


def test_an_operator_of_many_queues_counts_in_all_of_them(tmp_path: Path) -> None:
    model = PbxModel()
    for number in range(MANY_QUEUES):
        model.add_member(f"queue{number}", "Ana", "PJSIP/101")
    with AmiServer(users=USERS, model=model) as server, ListeningAgent(tmp_path, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        wait_until("all queues", lambda: len(agent.ask("live")["queues"]) == MANY_QUEUES)
        assert {row["ready"] for row in agent.ask("live")["queues"]} == {1}
