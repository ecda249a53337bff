"""The manager interface goes away for a while, and the agent is killed: beside a log nothing of the figures is lost,
alone what could not be seen is told, and what is still there goes on."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from ami_agent import USERS, ListeningAgent, ReplayInSteps, TellingServer, wait_for_lists
from ami_behaviour import Behaviour
from ami_model import PbxModel
from ami_oracle import Oracle, Visit
from ami_recording import SECOND_US, Recording
from compare import start_of
from kpi_rows import COHORT, FLOW
from live_agent import wait_until

BEFORE_S = 50  # what is played fast comes to be ahead of time: an agent that is started then believes a minute
BUSY_S = 0.5
SAME_S = 10
SPEED = 15
INTERVAL_MS = 60_000
AWAY = Behaviour(drop_after_bytes=1)
BY_MILLISECONDS = ("abandoned_short",)
CLOSE_MS = 1500
UNSURE = ("exit_timeout", "exit_empty", "withdrawn")


class Watched:
    """A recording replayed in steps to an agent with the log alone, one with both, and one with AMI alone."""

    def __init__(self, directory: Path, name: str) -> None:
        self.recording = Recording(name)
        self.server = TellingServer(model=PbxModel.at_start_of(self.recording), timestamps=True, users=USERS)
        log = directory / "logs" / "queue_log"
        log.parent.mkdir(parents=True)
        log.touch()
        self.log = ListeningAgent(directory / "log", None, log=log)
        self.both = ListeningAgent(directory / "both", self.server, log=log)
        self.ami = ListeningAgent(directory / "ami", self.server, with_log=False)
        begins_s = int(time.time()) - BEFORE_S
        self.replay = ReplayInSteps(self.recording, self.server, log=log, speed=SPEED,
                                    shift_s=begins_s - self.recording.first_us // SECOND_US)
        self.away_ms: tuple[int, int] = (0, 0)
        self.differences: list[str] = []

    @property
    def listening(self) -> tuple[ListeningAgent, ListeningAgent]:
        return self.both, self.ami

    def run(self, story: Callable[[Watched], None]) -> Watched:
        with ExitStack() as stack:
            stack.enter_context(self.server)
            stack.callback(self.replay.stop)
            for agent in (self.log, *self.listening):
                agent.start()
                stack.callback(agent.stop)
            self._wait_for_lists()
            story(self)
            self.replay.go_on()
            self.replay.join(120)
            for agent in (self.log, *self.listening):
                agent.hear_all()
        return self

    def _wait_for_lists(self) -> None:
        wait_for_lists(self.server, 2)
        for agent in self.listening:
            agent.wait_for_snapshot()

    def go_to(self, share: float) -> int:
        """Milliseconds of the recording."""
        at_us = self.replay.go_to(share)
        self.server.wait_for_sent()
        return at_us // 1000

    def look(self, when: str) -> None:
        """What both agents show, against what the PBX would answer."""
        for agent in self.listening:
            shown: dict[str, Any] = {}

            def same(agent: ListeningAgent = agent, shown: dict[str, Any] = shown) -> bool:
                shown["now"], shown["pbx"] = as_shown(agent.ask("live")), as_known(self.server.model)
                return shown["now"] == shown["pbx"]
            try:
                wait_until("the same is shown", same, SAME_S)
            except BaseException:  # pytest's Failed
                self.differences.append(f"{when}: " + "; ".join(
                    f"{key}: {shown['now'][key]} instead of {value}" for key, value in shown["pbx"].items()
                    if shown["now"][key] != value))

    def away(self, from_share: float, to_share: float) -> None:
        gone_ms = self.go_to(from_share)
        for agent in self.listening:
            agent.hear_all()
        self.server.behaviour = AWAY
        self.server.drop_all()
        for agent in self.listening:
            wait_until("it is gone", lambda: not agent.live["connected"])  # pylint: disable=cell-var-from-loop
        back_ms = self.go_to(to_share)
        self.server.behaviour = Behaviour()
        self._wait_for_lists()
        self.away_ms = gone_ms, back_ms

    def kill_all(self) -> None:
        for agent in self.listening:
            agent.kill()
        for agent in self.listening:
            agent.start()
        self._wait_for_lists()


def as_shown(document: dict[str, Any]) -> dict[str, Any]:
    return {"waiting": {row["queue"]: row["waiting"] for row in document["queues"] if row["waiting"]},
            "members": {row["queue"]: row["logged_in"] for row in document["queues"] if row["logged_in"]},
            "paused": {row["queue"]: row["paused"] for row in document["queues"] if row["paused"]},
            "people": sorted(row["operator"] for row in document["operators"] if row["queues"])}


def as_known(model: PbxModel) -> dict[str, Any]:
    waiting = {queue.name: len(queue.entries) for queue in model.queues.values() if queue.entries}
    members, paused, people = {}, {}, set()
    busy = {member["Name"] for queue in model.queues.values() for member in queue.members.values()
            if member["InCall"] == "1"}  # who talks is not counted as paused
    for queue in model.queues.values():
        names = {member["Name"] for member in queue.members.values()}
        active = busy | {member["Name"] for member in queue.members.values() if member["Paused"] == "0"}
        people |= names
        if names:
            members[queue.name] = len(names)
        if names - active:
            paused[queue.name] = len(names - active)
    return {"waiting": waiting, "members": members, "paused": paused, "people": sorted(people)}


def outage(watched: Watched) -> None:
    watched.go_to(0.15)
    watched.look("before")
    watched.away(0.3, 0.37)
    watched.look("back")
    watched.go_to(0.5)
    watched.look("later")
    watched.go_to(0.8)
    watched.look("much later")


def kills(watched: Watched) -> None:
    watched.go_to(0.2)
    for agent in watched.listening:
        agent.hear_all()
    watched.kill_all()
    watched.look("after a kill in a quiet moment")
    watched.go_to(0.3)
    watched.replay.go_on()
    time.sleep(BUSY_S)
    watched.both.kill()  # with what it has read and not yet committed
    watched.both.start()
    wait_for_lists(watched.server, 2)


@pytest.fixture(scope="module", name="stories")
def fixture_stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Watched]]]:
    base = tmp_path_factory.mktemp("outage")
    with ThreadPoolExecutor(2) as pool:
        yield {"outage": pool.submit(lambda: Watched(base / "outage", "alt").run(outage)),
               "kills": pool.submit(lambda: Watched(base / "kills", "alt").run(kills))}
    shutil.rmtree(base, ignore_errors=True)


def counter_differences(expected: ListeningAgent, found: ListeningAgent, by: str,
                        leave_out: tuple[str, ...]) -> list[str]:
    theirs, ours = expected.rows(by), found.rows(by)
    problems = [f"{key}: not in both" for key in theirs.keys() ^ ours.keys()]
    for key in theirs.keys() & ours.keys():
        problems += [f"{key} {name}: {ours[key][name]} instead of {theirs[key][name]}"
                     for name in (*FLOW, "waiting_start", "waiting_end")
                     if name not in leave_out and ours[key][name] != theirs[key][name]]
        problems += [f"{key} cohort.{name}: {ours[key]['cohort'][name]} instead of {theirs[key]['cohort'][name]}"
                     for name in COHORT if name not in leave_out and ours[key]["cohort"][name]
                     != theirs[key]["cohort"][name]]
    return problems


def assert_balanced(agent: ListeningAgent) -> None:
    for by in ("queue", "queue,interval"):
        assert [key for key, row in agent.rows(by).items() if not row["balanced"]] == []


@pytest.mark.parametrize("story", ("outage", "kills"))
def test_what_is_shown_is_what_the_pbx_knows(stories: dict[str, Future[Watched]], story: str) -> None:
    assert stories[story].result().differences == []


@pytest.mark.parametrize("story", ("outage", "kills"))
def test_beside_a_log_nothing_is_lost(stories: dict[str, Future[Watched]], story: str) -> None:
    watched = stories[story].result()
    assert counter_differences(watched.log, watched.both, "queue,interval", (*BY_MILLISECONDS, "blocked")) == []
    assert_balanced(watched.both)
    quality = watched.both.quality
    assert (quality["log_only"], quality["live_only"]) == (0, 0)
    assert quality["late_events"] == quality["clock_steps"] == 0


def touched(row: dict[str, Any], gaps: list[tuple[int, int]]) -> bool:
    start_ms = (start_of(row) or 0) * 1000
    return any(start_ms < to_ms and from_ms < start_ms + INTERVAL_MS for from_ms, to_ms in gaps)


def gaps_of(agent: ListeningAgent, kind: str) -> list[tuple[int, int]]:
    gaps = agent.books("kpi")["gaps"]
    assert {gap["kind"] for gap in gaps} == {kind}
    return [(milliseconds(gap["from"]), milliseconds(gap["to"])) for gap in gaps]


def milliseconds(text: str) -> int:
    fraction = text.partition(".")[2].rstrip("Z")
    return (start_of({"start": text}) or 0) * 1000 + int((fraction + "000")[:3])


def test_the_outage_is_a_gap_of_what_it_alone_tells(stories: dict[str, Future[Watched]]) -> None:
    watched = stories["outage"].result()
    from_ms, to_ms = (at_ms + watched.replay.shift_s * 1000 for at_ms in watched.away_ms)
    for agent, kind, field in ((watched.both, "live", "live_complete"), (watched.ami, "calls", "complete")):
        gaps = gaps_of(agent, kind)
        near = [(begin, end) for begin, end in gaps if abs(begin - from_ms) < SPEED * CLOSE_MS]
        assert near and max(end for _, end in near) >= to_ms - SPEED * CLOSE_MS
        document = agent.books("kpi", "--by", "queue,interval")
        assert [row["start"] for row in document["rows"] if row[field] == touched(row, gaps)] == []
        assert any(row[field] for row in document["rows"])
        assert document[field] is False
    assert watched.both.books("kpi")["complete"] is True


def end_of(visit: Visit) -> Optional[int]:
    return visit.left_ms if visit.connect_ms is None else visit.end_ms


def test_alone_the_books_balance_over_an_outage(stories: dict[str, Future[Watched]]) -> None:
    """Who waited and is gone is lost; who came and went meanwhile was never seen; who still is there goes on."""
    watched = stories["outage"].result()
    assert_balanced(watched.ami)
    from_ms, to_ms = watched.away_ms
    visits = Oracle(watched.recording).visits

    def over(visit: Visit, by_ms: int) -> bool:
        end_ms = end_of(visit)
        return end_ms is not None and end_ms <= by_ms
    unseen = [visit for visit in visits if visit.enter_ms > from_ms and over(visit, to_ms)]
    there = [visit for visit in visits if visit.enter_ms <= from_ms and not over(visit, from_ms) and over(visit, to_ms)]
    talking = [visit for visit in there if visit.connect_ms is not None and visit.connect_ms <= from_ms]
    waiting = [visit for visit in there if visit not in talking]
    assert unseen and talking and waiting
    rows = watched.ami.rows().values()

    def total(name: str) -> int:
        return sum(row[name] for row in rows)
    assert total("entered") == len(visits) - len(unseen)
    assert total("lost") == len(waiting)
    assert total("lost_connected") == len(talking)
    assert watched.ami.quality["lost_unseen"] == len(there)
    unseen_answers = sum(visit.connect_ms is not None for visit in [*unseen, *waiting])
    assert total("answered") == sum(visit.connect_ms is not None for visit in visits) - unseen_answers


def test_alone_a_kill_loses_and_doubles_nothing(stories: dict[str, Future[Watched]]) -> None:
    watched = stories["kills"].result()
    assert counter_differences(watched.log, watched.ami, "queue", (*UNSURE, *BY_MILLISECONDS, "blocked",
                                                                   "suspect")) == []
    assert_balanced(watched.ami)
    assert len(gaps_of(watched.both, "live")) >= 2  # killed in the middle, and the PBX's own end
