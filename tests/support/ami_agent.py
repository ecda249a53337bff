"""ringside-agents that listen to the scripted manager server, beside a queue_log or alone, and what they found held
against each other and against the oracle.

    with AmiServer(model=PbxModel.at_start_of(recording), timestamps=True) as server:
        with ListeningAgent(directory, server) as agent:
            agent.wait_for_snapshot()
            Replay(recording, server, log=agent.log, speed=20).run()
            agent.hear_all()
            agent.ask("live")

    trio = Trio(directory, "alt").run()          # three agents, one recording: the log alone, both, AMI alone
    trio.log.rows("queue,interval")"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Optional, Union

import ringside
from ami_message import Message
from ami_model import PbxModel
from ami_recording import SECOND_US, Event, Recording
from ami_replay import Replay
from ami_server import AmiServer, Connection
from live_agent import LiveAgent, wait_until

SETTLE_S = 0.4
LISTENING_S = 10
KEY_EXIT_S = 1.5  # AMI alone: so long, on the PBX's clock, an exit by key might still become an answer
STATE_FIELDS = {"ready": "ready_ms", "ring": "ring_ms", "talk": "talk_time_ms", "hold": "hold_time_ms",
                "wrap": "wrap_ms", "paused": "paused_ms", "busy": "busy_ms", "unavailable": "unavailable_ms"}
SOURCE = """source "pbx" {{
    type = ami
    port = {port}
    user = "ringside"
    secret_file = "{secret}"
    retry_max = {retry_max}
    {source}
}}
"""
SECRET = "s3cret-of-the-tests"
USERS = {"ringside": SECRET}
DAY_S = 86400
STEP_WITHIN_S = 120
LEAD_S = 20.0
TOGETHER_US = 5000


def utc(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


class ListeningAgent(LiveAgent):
    """More than LiveAgent: listens to AMI (not with server=None), reads a log that others write, or none."""

    def __init__(self, directory: Path, server: Optional[Union[AmiServer, int]], *, with_log: bool = True,
                 log: Optional[Path] = None, source: str = "", more: str = "", retry_max: str = "300ms",
                 with_secret: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.server = server if isinstance(server, AmiServer) else None
        self.secret = directory / "ami.secret"
        port = server if isinstance(server, int) else server.port if server else None
        if with_secret:
            self.write_secret()
        if port is not None:
            more += SOURCE.format(port=port, secret=self.secret, source=source, retry_max=retry_max)
        super().__init__(directory, [], more=more)
        config = self.config.read_text(encoding="utf-8")
        config = config.replace("commit_interval", "interval = 1m\n    commit_interval")
        config = config.replace("poll = 50ms", "poll = 50ms\n    drain_grace = 300ms")
        if log:
            config = config.replace(f'path = "{self.log}"', f'path = "{log}"')
            self.log = log
        if not with_log:
            begin = config.index('source "queue_log"')
            config = config[:begin] + config[config.index("}\n", begin) + 2:]
        self.with_log = with_log
        self.config.write_text(config, encoding="utf-8")

    def write_secret(self, secret: str = SECRET) -> None:
        self.secret.write_text(secret + "\n", encoding="utf-8")
        self.secret.chmod(0o600)

    @property
    def live(self) -> dict[str, Any]:
        return self.ask("status")["live"]

    def wait_for_snapshot(self) -> None:
        wait_until("the agent took in the lists", lambda: self.live["connected"])

    def hear_all(self) -> None:
        """Until what was sent and written has been taken in."""
        if self.server:
            self.server.wait_for_sent()
        if self.with_log:
            lines = sum(len(path.read_bytes().splitlines()) for path in self.log.parent.glob("queue_log*"))
            self.wait_for_lines(lines)
        last = -1
        while last != (now := (self.live or {"events": 0})["events"]):
            last = now
            time.sleep(SETTLE_S)

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def books(self, report: str, *options: str) -> dict[str, Any]:
        """From the ledger alone, of some hours around now. Also of a stopped agent."""
        now_s = time.time()
        hours = ("--from", utc(now_s - DAY_S / 2), "--to", utc(now_s + DAY_S / 2))
        span = () if report == "status" or "--from" in options else hours
        done = subprocess.run([str(self.bin / "ringside"), report, "--ledger", str(self.ledger), "--format", "json",
                               *span, *options], capture_output=True, text=True, timeout=ringside.TIMEOUT_S, check=False,
                              env={**os.environ, "TZ": "UTC"})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def rows(self, by: str = "queue") -> dict[tuple[str, str], dict[str, Any]]:
        return {(row["queue"], row.get("start", "")): row for row in self.books("kpi", "--by", by)["rows"]}

    def operators(self, *options: str) -> list[dict[str, Any]]:
        return self.books("operators", *options)["operators"]

    @property
    def quality(self) -> dict[str, int]:
        return self.books("status")["quality"]

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.ledger, ignore_errors=True)


class TellingServer(AmiServer):
    """Tells the time when it greets, as Asterisk does with timestampevents: a replay's clock is not the wall's."""

    def logged_in(self, connection: Connection) -> None:
        at_us = self.now_us()
        up_s = max(at_us // SECOND_US - int(self.started_s), 0)
        booted = Message.of({"Event": "FullyBooted", "Privilege": "system,all", "Uptime": up_s, "LastReload": up_s,
                             "Timestamp": f"{at_us // SECOND_US}.{at_us % SECOND_US:06d}", "Status": "Fully Booted"})
        connection.put(booted.raw, delay_s=connection.behaviour.answer_delay_s)


class ReplayInTime(Replay):
    """Whoever comes before the replay begins is told a time before it, and is not ahead of the first events then."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._made_s = time.monotonic()
        super().__init__(*args, **options)

    def _clock(self) -> float:
        lead_s = max(LEAD_S - (time.monotonic() - self._made_s), 0.0)
        return super()._clock() - (0.0 if self._begun_s else lead_s)


class ReplayToAll(ReplayInTime):
    """A client that was lost misses nothing: the replay waits until as many as at the start have their lists again.
    What Asterisk told at one moment goes out in one piece: the time between two is many times longer here."""

    def __init__(self, *args: Any, clients: int, **options: Any) -> None:
        super().__init__(*args, away_events=0, **options)
        self._clients = clients
        self._holds_back = False

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._holds_back:
            self._holds_back = False
            self.server.lock.release()

    def _pace(self, at_us: int) -> None:
        if at_us - self._at_us > TOGETHER_US:
            self._let_go()
        super()._pace(at_us)
        if not self._holds_back:
            self.server.lock.acquire()
            self._holds_back = True

    def _wait_for_clients(self) -> None:
        if len(self.server.live()) < self._clients:
            self._start_pbx(self._stopped_for)

    def _stop_pbx(self, connection: int) -> None:
        self._let_go()
        super()._stop_pbx(connection)

    def _start_pbx(self, connection: int) -> None:
        self._let_go()
        if self._stopped_for != connection:
            self._stop_pbx(connection)
        wait_for_lists(self.server, self._clients)


class ReplayInSteps(ReplayInTime):
    """Stops where it is told, its clock with it; waits for no clients."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._until_us: Optional[int] = None
        self._arrived = threading.Event()
        self._go = threading.Event()
        self._started = False

    def go_to(self, share: float) -> int:
        """So much of the recording; where that is, in microseconds of the recording's own time."""
        until_us = self.recording.first_us + int((self.recording.last_us - self.recording.first_us) * share)
        self._leave_for(until_us)
        if not self._arrived.wait(STEP_WITHIN_S):
            raise TimeoutError(f"{self.recording.name} did not come to {share}")
        return until_us

    def go_on(self) -> None:
        self._leave_for(None)

    def _leave_for(self, until_us: Optional[int]) -> None:
        self._arrived.clear()
        self._until_us = until_us
        self._go.set()
        if not self._started:
            self._started = True
            self.start()

    def stop(self) -> None:
        super().stop()
        self._go.set()

    def _clock(self) -> float:
        return (self._until_us or 0) / SECOND_US + self.shift_s if self._arrived.is_set() else super()._clock()

    def _pace(self, at_us: int) -> None:
        while self._until_us is not None and at_us > self._until_us and not self._stop.is_set():
            super()._pace(self._until_us)
            here_s = time.monotonic()
            self._go.clear()
            self._arrived.set()
            self._go.wait()
            self._begun_s += time.monotonic() - here_s
        super()._pace(at_us)


def wait_for_lists(server: AmiServer, clients: int = 1) -> None:
    def has_lists(connection: Any) -> bool:
        asked = {action.name.lower() for action in list(server.actions) if action.connection is connection}
        return {"queuestatus", "coreshowchannels"} <= asked and connection.pending == 0
    server.wait_for(f"{clients} clients with their lists",
                    lambda: sum(map(has_lists, server.live())) >= clients)


class Trio:
    """Three agents, one recording: `log` reads queue_log only, `both` AMI too, `ami` AMI only. Stopped after run();
    what they know is in their ledgers."""

    def __init__(self, directory: Path, recording: Union[str, Recording], *, speed: float = 10,
                 events: Optional[list[Event]] = None, more: str = "", timestamps: bool = True) -> None:
        self.recording = Recording(recording) if isinstance(recording, str) else recording
        self.server = TellingServer(model=PbxModel.at_start_of(self.recording), timestamps=timestamps, users=USERS)
        logs = directory / "logs"
        logs.mkdir(parents=True)
        log = logs / "queue_log"
        log.touch()
        self.log = ListeningAgent(directory / "log", None, log=log, more=more)
        self.both = ListeningAgent(directory / "both", self.server, log=log, more=more)
        self.ami = ListeningAgent(directory / "ami", self.server, with_log=False, more=more)
        self._speed, self._events = speed, events
        self.shift_s = 0
        self._log = log

    @property
    def agents(self) -> tuple[ListeningAgent, ...]:
        return self.log, self.both, self.ami

    def run(self) -> Trio:
        with ExitStack() as stack:
            # It begins when the agents have long been listening: time before they came is nobody's.
            shift_s = int(time.time()) + LISTENING_S - self.recording.first_us // SECOND_US
            replay = ReplayToAll(self.recording, self.server, log=self._log, speed=self._speed, events=self._events,
                                 shift_s=shift_s, clients=2)
            stack.enter_context(self.server)
            for agent in self.agents:
                agent.start()
                stack.callback(agent.stop)
            wait_for_lists(self.server, 2)
            for agent in (self.both, self.ami):
                agent.wait_for_snapshot()
            self.shift_s = replay.shift_s
            replay.run()
            time.sleep(KEY_EXIT_S)
            for agent in self.agents:
                agent.hear_all()
        return self

    def remove(self) -> None:
        for agent in self.agents:
            agent.remove()


def member(name: str, interface: str, *, event: str = "QueueMemberStatus", queue: str = "sales",
           **fields: object) -> Message:
    return Message.of({"Event": event, "Privilege": "agent,all", "Queue": queue, "MemberName": name,
                       "Interface": interface, "StateInterface": interface, "Membership": "dynamic", "Penalty": 0,
                       "CallsTaken": 0, "LastCall": 0, "LastPause": 0, "LoginTime": 0, "InCall": 0, "Status": 1,
                       "Paused": 0, "PausedReason": "", "Ringinuse": 1, "Wrapuptime": 0, **fields})


def caller(event: str, call: str, *, queue: str = "sales", **fields: object) -> Message:
    return Message.of({"Event": event, "Privilege": "agent,all", "Channel": f"PJSIP/trunk-{call}", "ChannelState": 6,
                       "ChannelStateDesc": "Up", "CallerIDNum": "5550100", "CallerIDName": "", "ConnectedLineNum": "",
                       "ConnectedLineName": "", "Language": "en", "AccountCode": "", "Context": "in", "Exten": "s",
                       "Priority": 1, "Uniqueid": call, "Linkedid": call, "Queue": queue, **fields})


def joins(call: str, *, queue: str = "sales", position: int = 1) -> Message:
    return caller("QueueCallerJoin", call, queue=queue, Position=position, Count=position)


def leaves(call: str, *, queue: str = "sales") -> Message:
    return caller("QueueCallerLeave", call, queue=queue, Position=1, Count=0)


def gives_up(call: str, *, queue: str = "sales") -> list[Message]:
    return [caller("HangupRequest", call, Privilege="call,all", Cause=16),
            caller("QueueCallerAbandon", call, queue=queue, Position=1, OriginalPosition=1, HoldTime=2),
            leaves(call, queue=queue)]
