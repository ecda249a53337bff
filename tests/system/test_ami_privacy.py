"""What is kept and shown of operators where privacy.operators says so; and a log that is read late beside AMI."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Iterator

import pytest

from ami_agent import USERS, ListeningAgent, ReplayToAll, TellingServer, utc
from ami_model import PbxModel
from ami_recording import Recording
from answers import simulate
from compare import quality_differences
from kpi_rows import FLOW
from oracle import Oracle

SPEED = 15
REPORTS = ("live", "operators", "queues", "calls", "status", "kpi")
RECORDING = "s36"  # operators of many names ring, answer, miss, and are called again
DAY_S = 86400
STATES = ("logged_in_ms", "ready_ms", "ring_ms", "talk_time_ms", "hold_time_ms", "wrap_ms", "paused_ms", "busy_ms",
          "unavailable_ms")


class Seen:
    """What three agents on one recording told while it was played, and at its end."""

    MODES = ("name", "hash", "none")

    def __init__(self, base: Path) -> None:
        self.recording = Recording(RECORDING)
        model = PbxModel.at_start_of(self.recording)
        self.words = {text for queue in model.queues.values() for member in queue.members.values()
                      for text in (member["Name"], member["Location"])}
        self.words |= {event.message.get(key) for event in self.recording.events if "MemberName" in event.message
                       for key in ("MemberName", "Interface")}
        self.said: dict[str, str] = {mode: "" for mode in self.MODES}
        self.kept: dict[str, bytes] = {}
        self.figures: dict[str, list[Any]] = {}
        self.rows: dict[str, Any] = {}
        log = base / "log" / "queue_log"
        log.parent.mkdir(parents=True)
        log.touch()
        server = TellingServer(model=model, timestamps=True, users=USERS)
        replay = ReplayToAll(self.recording, server, log=log, speed=SPEED, clients=len(self.MODES))
        self.agents = {mode: ListeningAgent(base / mode, server, log=log,
                                            more=f"privacy {{\n    operators = {mode}\n}}\n"
                                                 'log {\n    level = debug\n}\n') for mode in self.MODES}
        with ExitStack() as stack:
            stack.enter_context(server)
            for agent in self.agents.values():
                stack.enter_context(agent)
                agent.wait_for_snapshot()
            stack.callback(replay.stop)
            replay.start()
            self._listen(replay)
            for mode, agent in self.agents.items():
                agent.hear_all()
                agent.stop()
                self._note(mode, agent)

    def _listen(self, replay: ReplayToAll) -> None:
        while replay.is_running:
            for mode, agent in self.agents.items():
                for report in REPORTS:
                    for form in ("json", "table", "csv"):
                        self.said[mode] += agent.cli(report, "--format", form).stdout
        replay.join()

    def _note(self, mode: str, agent: ListeningAgent) -> None:
        self.said[mode] += "".join(str(agent.books(report)) for report in ("operators", "kpi", "calls", "status"))
        self.said[mode] += agent.messages.read_text(encoding="utf-8")
        self.kept[mode] = (agent.ledger / "data.mdb").read_bytes()
        self.figures[mode] = sorted(tuple(row[state] for state in (*STATES, "answered", "missed"))
                                    for row in agent.operators()) if mode != "none" else []
        self.rows[mode] = {key: {name: row[name] for name in (*FLOW, "talk_ms", "ring_ms", "wait_answered_ms")}
                           for key, row in agent.rows("queue,interval").items()}


@pytest.fixture(scope="module", name="seen")
def fixture_seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    base = tmp_path_factory.mktemp("privacy")
    yield Seen(base)
    shutil.rmtree(base, ignore_errors=True)


def test_names_are_kept_where_they_may_be(seen: Seen) -> None:
    """Else the next test would find nothing anywhere."""
    assert [word for word in seen.words if word in seen.said["name"] and word.encode() in seen.kept["name"]]


@pytest.mark.parametrize("mode", ("hash", "none"))
def test_no_name_is_anywhere(seen: Seen, mode: str) -> None:
    assert len(seen.said[mode]) > 1000
    assert [word for word in seen.words if word in seen.said[mode]] == []
    assert [word for word in seen.words if word.encode("utf-8") in seen.kept[mode]] == []


def test_figures_are_the_same_without_names(seen: Seen) -> None:
    assert seen.rows["hash"] == seen.rows["none"] == seen.rows["name"]
    assert len(seen.figures["hash"]) == len(seen.figures["name"]) > 0
    for hashed, named in zip(seen.figures["hash"], seen.figures["name"]):
        assert hashed[-2:] == named[-2:]
        assert all(abs(ours - theirs) <= 1000 for ours, theirs in zip(hashed[2:-2], named[2:-2]))


def test_a_log_that_is_behind_counts_as_without_ami(tmp_path: Path) -> None:
    """Days of a log to catch up on while calls come in by AMI: the figures are those of the log."""
    recording = Recording("s36")
    server = TellingServer(model=PbxModel.at_start_of(recording), timestamps=True, users=USERS)
    log = tmp_path / "log" / "queue_log"
    log.parent.mkdir()
    simulate(log, 77, "--days", "6")
    replay = ReplayToAll(recording, server, log=log, speed=SPEED, clients=1)
    with server, ListeningAgent(tmp_path / "agent", server, log=log) as agent:
        replay.start()
        replay.join(60)
        agent.wait_for_snapshot()
        agent.hear_all()
        agent.stop()
        oracle = Oracle([log], time.time() + DAY_S / 2)
        from_s, to_s = time.time() - 40 * DAY_S, time.time() + DAY_S / 2
        options = ("--from", utc(from_s), "--to", utc(to_s))
        rows = agent.books("kpi", "--by", "queue", *options)["rows"]
        assert sum(row["entered"] for row in rows) > 8_000
        theirs = {row["queue"]: row for row in oracle.rows()}
        for row in rows:
            assert {name: row[name] for name in FLOW if name not in ("blocked", "abandoned_short")} == {
                name: theirs[row["queue"]][name] for name in FLOW if name not in ("blocked", "abandoned_short")}
            assert row["balanced"]
        found = agent.quality
        assert quality_differences(oracle.quality, found) == []
        assert found["clock_steps"] == 0 and found["log_only"] == 0
