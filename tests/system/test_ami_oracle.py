"""The oracle of the manager's events against what the channel event log and the driver of the recordings know, and by
hand where the recordings hold no such case."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from ami_dialplan import STATUS_OF, with_cel, with_dialplan
from ami_message import Message
from ami_oracle import ENDED_AS, LEFT_AS, LOST, LOST_TALKING, REFUSED, Oracle
from ami_recording import SECOND_US, Event, Recording, all_recordings
from ami_shifts import Shifts

TRUTH = {"ENTERQUEUE": "entered", "CONNECT": "answered", **LEFT_AS}
CLOSE_S = 0.05  # the channel event log and AMI tell the same instant; a busy PBX tells AMI a little later
BEGIN_S = 1795284000  # an edge of quarters of an hour


@pytest.mark.parametrize("name", all_recordings())
def test_figures_of_queues(name: str) -> None:
    recording = Recording(name)
    queues = Oracle(recording).queues
    for expected in recording.expected["queues"]:
        found = queues[expected["queue"]].counts if expected["queue"] in queues else Counter()
        assert {name: found[ours] for name, ours in TRUTH.items()} == {
            name: expected["truth"][name] for name in TRUTH}
        assert found["entered"] == sum(found[name] for name in (
            *LEFT_AS.values(), *ENDED_AS.values(), LOST, LOST_TALKING))
        assert found["ring_no_answer"] == sum(
            row.line.decode().split("|")[2:5:2] == [expected["queue"], "RINGNOANSWER"] for row in recording.rows
        ) or name in ("s29_names", "s25_stop_now")  # bars in names; a row that was written while stopping
    refused = Counter(visit["queue"] for visit in recording.expected["visits"] if visit["outcome"] in REFUSED)
    assert refused == Counter({queue: figures.blocked for queue, figures in queues.items() if figures.blocked})


@pytest.mark.parametrize("name", all_recordings())
def test_reasons_as_far_as_events_tell_them(name: str) -> None:
    recording = Recording(name)
    by_log, by_events = Oracle(recording).queues, Oracle(recording, reasons="ami").queues
    for queue, figures in by_log.items():
        told, known = by_events[queue].counts, figures.counts
        assert (told["abandoned"], told["exit_key"]) == (known["abandoned"], known["exit_key"])
        assert told["exit_timeout"] == known["exit_timeout"] + known["exit_empty"] + known["withdrawn"]


@pytest.mark.parametrize("name", all_recordings())
def test_waits_and_talks(name: str) -> None:
    recording = Recording(name)
    visits: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for visit in Oracle(recording).visits:
        visits[visit.call_id, visit.queue].append(visit)
    for expected in recording.expected["visits"]:
        if expected["outcome"] in REFUSED:
            continue
        visit = visits[expected["uniqueid"], expected["queue"]].pop(0)
        if visit.wait_ms is not None and "wait" in expected:
            assert visit.wait_ms / 1000 == pytest.approx(expected["wait"], abs=CLOSE_S)
        if visit.talk_ms is not None and "talk" in expected:
            assert visit.talk_ms / 1000 == pytest.approx(expected["talk"], abs=CLOSE_S)
        if visit.ring_ms is not None:
            assert 0 <= visit.ring_ms <= visit.wait_ms


@pytest.mark.parametrize("name", ["alt", "s05_timeout", "s07_join_empty", "s08_leave_empty", "s30_full",
                                  "s31_withdraw"])
def test_what_the_dialplan_tells(name: str) -> None:
    """As many QUEUESTATUS as there were refusals and exits of each kind; the other events stay as they were."""
    recording = Recording(name)
    events = with_dialplan(recording)
    told = Counter(event.message.get("Value") for event in events if event.message.event == "VarSet")
    known: Counter[str] = Counter()
    for figures in Oracle(recording).queues.values():
        known += Counter({status: figures.counts[left] for left, status in STATUS_OF.items()})
    known += Counter(visit["outcome"].upper() for visit in recording.expected["visits"]
                     if visit["outcome"] in REFUSED)
    assert told == known
    assert [event for event in events if event.message.event not in ("VarSet", "Newexten")] == recording.events
    starts = Counter(event.message.get("EventName") for event in with_cel(recording)
                     if event.message.event == "CEL")["APP_START"]
    assert starts == len(recording.expected["visits"])


def test_holds() -> None:
    found = {name: [visit.held_ms for visit in Oracle(name).visits if visit.holds]
             for name in ("s12", "s13", "s14", "s16")}
    # An Unhold before a blind transfer is none; the caller's own hold (second call of s13) is not the operator's; a
    # consultation that ends in a transfer is a hold to the end of the call.
    assert found["s12"] == []
    assert found["s13"] == [pytest.approx(910, abs=10)]
    assert found["s14"] == [pytest.approx(4243, abs=10)]
    assert found["s16"] == [pytest.approx(2434, abs=10)]


@pytest.mark.parametrize("name", ["alt", "s22_members", "s25_stop_now", "s36_ringall", "s47_shared_members"])
def test_states_add_up(name: str) -> None:
    recording = Recording(name)
    coarse, fine = Shifts(recording, interval_s=900), Shifts(recording, interval_s=7)
    for operator in fine.by_operator:
        total = fine.total(operator)
        assert total == coarse.total(operator)
        assert total.logged_in_ms == total.state_ms.total()
        assert total.state_ms["paused"] == total.reason_ms.total()
        assert max(part.logged_in_ms for part in total.queues.values()) <= total.logged_in_ms <= sum(
            part.logged_in_ms + part.state_ms["talk"] for part in total.queues.values())
        assert all(shift.logged_in_ms <= 7000 for shift in fine.by_operator[operator].values())
        for state in ("ring", "talk", "hold"):
            assert total.state_ms[state] == sum(part.state_ms[state] for part in total.queues.values())
    oracle = Oracle(recording)
    for count, ours in (("answered", "answered"), ("missed", "ring_no_answer")):
        assert sum(part.counts[count] for operator in coarse.by_operator
                   for part in coarse.total(operator).queues.values()) == sum(
            figures.counts[ours] for figures in oracle.queues.values())


class ByHand:
    """A recording that a test wrote: seconds behind BEGIN_S, and fields."""

    def __init__(self, *events: tuple[float, dict[str, object]]) -> None:
        self.events = [Event(int((BEGIN_S + at_s) * SECOND_US), Message.of(fields), 0) for at_s, fields in events]

    @staticmethod
    def status(_: str = "final") -> list[Message]:
        return []


def member(event: str, queue: str, **fields: object) -> dict[str, object]:
    return {"Event": event, "Queue": queue, "MemberName": "Ana", "Interface": "PJSIP/101", "Status": 1, "Paused": 0,
            "PausedReason": "", "Wrapuptime": 0, **fields}


def call(event: str, number: int, queue: str = "sales", **fields: object) -> dict[str, object]:
    return {"Event": event, "Queue": queue, "MemberName": "Ana", "Interface": "PJSIP/101", "Uniqueid": f"{number}.1",
            "Linkedid": f"{number}.1", "DestUniqueid": f"{number}.2", "Reason": "caller", **fields}


def hold(event: str, number: int) -> dict[str, object]:
    return {"Event": event, "Uniqueid": f"{number}.2", "Linkedid": f"{number}.1"}


def test_a_day_by_hand() -> None:
    recording = ByHand(
        (890, member("QueueMemberAdded", "sales")),
        (895, call("AgentCalled", 1)),  # ready 5
        (903, call("AgentConnect", 1)),  # ring 8, of which 5 in the first quarter
        (904, member("QueueMemberStatus", "sales", Status=2)),
        (910, hold("Hold", 1)),  # talk 7
        (914, hold("Unhold", 1)),  # hold 4
        (920, call("AgentComplete", 1)),  # talk 6
        (925, member("QueueMemberAdded", "support")),  # wrap 10 goes on
        (931, member("QueueMemberPause", "sales", Paused=1, PausedReason="Lunch")),  # busy 1: still in use
        (935, member("QueueMemberPause", "support", Paused=1, PausedReason="Coffee")),  # ready 4: paused in one of two
        (940, member("QueueMemberPause", "sales", Paused=1, PausedReason="Lunch")),  # Coffee 5, the newest pause
        (945, member("QueueMemberRemoved", "support")),  # Coffee 5
        (950, member("QueueMemberPause", "sales", PausedReason="back")),  # Lunch 5: what is left
        (955, member("QueueMemberStatus", "sales", Status=5)),  # ready 5
        (960, member("QueueMemberStatus", "sales", Status=2)),  # unavailable 5
        (970, call("AgentCalled", 2)),  # busy 10
        (972, call("AgentRingNoAnswer", 2)),  # ring 2
        (980, member("QueueMemberPause", "sales", Status=2, Paused=1, PausedReason="after call")),  # busy 8
        (989.5, member("QueueMemberPause", "sales", Status=2)),  # wrap by its reason 9.5
        (990, member("QueueMemberRemoved", "sales")),  # in use for half a second: ready
        (991, call("AgentCalled", 3)),  # of nobody any more
        (992, call("AgentConnect", 3)),
        (995, call("AgentComplete", 3)),  # talk 3, though he is a member of nothing
        (999, {"Event": "Hangup", "Uniqueid": "9.9"}),
    )
    shifts = Shifts(recording, wrap_up_s=10, wrap_reasons=["after call"])  # type: ignore[arg-type]
    first, second = (shifts.by_operator["Ana"][start_s] for start_s in (BEGIN_S, BEGIN_S + 900))
    assert first.state_ms == {"ready": 5000, "ring": 5000}
    assert second.state_ms == {"ring": 5000, "talk": 16000, "hold": 4000, "wrap": 19500, "ready": 9500,
                               "paused": 15000, "unavailable": 5000, "busy": 19000}
    assert second.reason_ms == {"Coffee": 10000, "Lunch": 5000}
    assert second.wrap_by_reason_ms == 9500
    assert second.queues["sales"].counts == {"answered": 2, "ended": 2, "missed": 1}
    assert (second.queues["sales"].paused_ms, second.queues["support"].paused_ms) == (28500, 10000)
    assert shifts.total("Ana").logged_in_ms == 103_000
