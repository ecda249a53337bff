"""How the agent's connection to the manager interface lives: what is said when it cannot be had, that it is not asked
for too often, and that neither pieces nor rubbish change what is counted."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Iterator

import pytest

from ami_agent import SECRET, USERS, ListeningAgent, caller, gives_up, joins, member
from ami_behaviour import Behaviour, Cut, Login
from ami_message import Message
from ami_model import PbxModel
from ami_recording import Recording
from ami_replay import Replay
from ami_server import AmiServer
from live_agent import wait_until

ALIKE_RECORDING = "s46"  # many short calls; played in real time, for a moment between two pieces must not be stretched
PIECES = {
    "plain": Behaviour(),
    "cut anywhere": Behaviour(cut=Cut.RANDOM, cut_max=60),
    "byte by byte": Behaviour(cut=Cut.BYTES),
    "a message a write": Behaviour(cut=Cut.MESSAGE),
    "rubbish between": Behaviour(noise_every=4, cut=Cut.RANDOM, cut_max=5000),
}
PATIENCE = 70  # silence is noticed by a ping: 20 s until it is sent, 20 s for its answer
GOODBYE_S = 3.0


def state_of(agent: ListeningAgent) -> str:
    return next(source["state"] for source in agent.ask("status")["sources"] if source["name"] == "pbx")


def hints(agent: ListeningAgent) -> str:
    return "\n".join(agent.ask("status")["hints"])


def a_queue() -> PbxModel:
    model = PbxModel()
    model.add_member("sales", "Ana", "PJSIP/101")
    return model


class Slow:
    """Servers that keep an agent waiting, all at once, while the other tests go on."""

    BEHAVIOURS = {"banner only": Behaviour(banner_only=True), "never answers a login": Behaviour(login=Login.SILENT),
                  "no banner": Behaviour(banner=None, banner_only=True)}

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.stuck = {name: self._pair(stack, directory / name.replace(" ", "-"),
                                       AmiServer(users=USERS, model=a_queue(), behaviour=behaviour))
                      for name, behaviour in self.BEHAVIOURS.items()}
        self.frozen = self._pair(stack, directory / "frozen", AmiServer(users=USERS, model=a_queue()))
        self.frozen[1].wait_for_snapshot()
        self.frozen[0].live()[0].freeze()
        self.secret_later = self._pair(stack, directory / "secret", AmiServer(users=USERS, model=a_queue()),
                                       with_secret=False)

    @staticmethod
    def _pair(stack: ExitStack, directory: Path, server: AmiServer,
              **options: Any) -> tuple[AmiServer, ListeningAgent]:
        stack.enter_context(server)
        return server, stack.enter_context(ListeningAgent(directory, server, with_log=False, **options))


@pytest.fixture(scope="module", name="slow", autouse=True)
def fixture_slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    base = tmp_path_factory.mktemp("slow")
    with ExitStack() as stack:
        yield Slow(base, stack)
    shutil.rmtree(base, ignore_errors=True)


def test_a_refused_login_is_told_and_not_tried_again_at_once(tmp_path: Path) -> None:
    with AmiServer(users={"ringside": "another"}) as server, ListeningAgent(tmp_path, server) as agent:
        wait_until("it is refused", lambda: state_of(agent) == "refused")
        time.sleep(GOODBYE_S)
        assert len(server.asked("login")) == 1
        assert "the PBX refuses the login" in hints(agent)
        assert "Authentication failed" in hints(agent)
        assert not agent.live["connected"]
        assert SECRET not in agent.messages.read_text() + hints(agent) + str(server.asked("login"))


def test_a_secret_that_comes_later_needs_no_restart(slow: Slow) -> None:
    server, agent = slow.secret_later
    assert str(agent.secret) in hints(agent)
    assert not server.connections
    agent.write_secret()
    wait_until("it is read", lambda: agent.live["connected"])
    assert len(server.connections) == 1


def test_rights_that_are_missing_are_told(tmp_path: Path) -> None:
    with AmiServer(users=USERS, read=("agent",), write=(), model=a_queue()) as server, \
            ListeningAgent(tmp_path, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        live = agent.live
        assert "CoreShowChannels" in live["limits"] and "Filter" in live["limits"]
        assert not live["filtered"]
        assert "not permitted" in hints(agent) and "write class system" in hints(agent)
        for number in range(4):
            server.send(joins(f"9.{number}"))
        wait_until("refused callers are not to be seen", lambda: agent.live["refused_callers"] == "unseen")
        assert "not seen" in hints(agent)
    with AmiServer(users=USERS, model=a_queue()) as server, \
            ListeningAgent(tmp_path / "all", server, with_log=False) as agent:
        agent.wait_for_snapshot()
        assert agent.live["limits"] is None and agent.live["filtered"]


def certificate(directory: Path, name: str) -> tuple[Path, Path]:
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def test_tls_with_its_own_authority_and_with_another(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "pbx.test")
    other, _ = certificate(tmp_path, "other.test")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)

    def settings(authority: Path, name: str) -> str:
        return f'tls = yes\n    tls_ca = "{authority}"\n    tls_name = "{name}"'
    with AmiServer(users=USERS, model=a_queue(), tls=serving) as server, \
            ListeningAgent(tmp_path / "right", server, with_log=False, source=settings(cert, "pbx.test")) as agent:
        agent.wait_for_snapshot()
        assert agent.live["snapshot"]["bytes"] > 0
    for directory, authority, name in (("ca", other, "pbx.test"), ("name", cert, "else.test")):
        with AmiServer(users=USERS, tls=serving) as server, \
                ListeningAgent(tmp_path / directory, server, with_log=False, source=settings(authority, name)) as agent:
            wait_until("it says what is wrong", lambda: "certificate" in (agent.live["last_error"] or "").lower())
            assert not agent.live["connected"]
            assert server.actions == []


def test_a_server_that_appears_later(tmp_path: Path) -> None:
    with AmiServer() as closed:
        port = closed.port
    with ListeningAgent(tmp_path, port, with_log=False) as agent:
        wait_until("nobody is there", lambda: "refused" in (agent.live["last_error"] or ""))
        assert "not connected to the PBX since" in hints(agent)
        with AmiServer(users=USERS, model=a_queue(), port=port):
            agent.wait_for_snapshot()
            assert len(agent.ask("live")["operators"]) == 1
        wait_until("it is gone again", lambda: not agent.live["connected"])


def test_a_snapshot_that_is_cut_off_counts_for_nothing(tmp_path: Path) -> None:
    cut = [Behaviour(drop_in_list=("QueueStatus", 2)), Behaviour(drop_in_list=("QueueStatus", 0), reset=True),
           Behaviour(drop_in_list=("CoreShowChannels", 0)), Behaviour(drop_after_bytes=700)]
    model = a_queue()
    model.add_member("support", "Bruno", "PJSIP/102", Paused=1, PausedReason="Lunch")
    with AmiServer(users=USERS, model=model, behaviours=cut) as server, \
            ListeningAgent(tmp_path, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        assert len(server.connections) == len(cut) + 1
        assert {row["operator"]: row["state"] for row in agent.ask("live")["operators"]} == {
            "Ana": "ready", "Bruno": "paused"}
        assert agent.books("kpi")["rows"] == []


def figures(directory: Path, behaviour: Behaviour) -> tuple[list[dict[str, Any]], dict[str, int], int]:
    recording = Recording(ALIKE_RECORDING)
    model = PbxModel.at_start_of(recording)
    with AmiServer(users=USERS, model=model, timestamps=True, behaviour=behaviour) as server, \
            ListeningAgent(directory, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        Replay(recording, server, speed=1).run()
        time.sleep(1.5)
        agent.hear_all()
        agent.stop()
        rows = [{name: value for name, value in row.items() if name not in ("complete", "live_complete")}
                for row in agent.books("kpi")["rows"]]
        return rows, agent.quality, server.connections[0].noises


def test_pieces_and_rubbish_change_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(len(PIECES)) as pool:
        jobs = {name: pool.submit(figures, tmp_path / name.replace(" ", "-"), behaviour)
                for name, behaviour in PIECES.items()}
        found = {name: job.result() for name, job in jobs.items()}
    rows, counted, _ = found["plain"]
    rubbish = ("live_bad", "live_events")
    assert sum(row["answered"] for row in rows) > 0
    for name, (others, quality, noises) in found.items():
        assert [(row["queue"], key, value, other[key]) for row, other in zip(rows, others)
                for key, value in row.items() if other[key] != value] == [], name
        assert len(others) == len(rows)
        assert (quality["live_bad"] > 0) == (noises > 0), name
        assert {key: count for key, count in quality.items() if key not in rubbish} == {
            key: count for key, count in counted.items() if key not in rubbish}, name
    assert found["rubbish between"][2] > 10


LONG = "x" * 5000
HOSTILE = [
    member("Eve\x1b[2J\x07\x00", "PJSIP/666\x1b[31m", event="QueueMemberAdded"),
    member(LONG, "PJSIP/" + LONG, event="QueueMemberAdded"),
    Message(b"Event: QueueMemberAdded\r\nPrivilege: agent,all\r\nQueue: sales\r\nMemberName: Jos\xc3\r\n"
            b"Interface: PJSIP/\xff\xfe\r\nPaused: 0\r\nStatus: 1\r\n\r\n"),
    Message.of({"Event": "QueueMemberAdded", "Privilege": "agent,all"}),
    Message.of({"Event": "QueueMemberPause", "Privilege": "agent,all", "Queue": "sales", "Paused": "perhaps"}),
    Message.of({"Event": "QueueCallerJoin", "Privilege": "agent,all"}),
    Message.of({"Event": "QueueCallerJoin", "Privilege": "agent,all", "Queue": "sales"}),
    Message.of({"Event": "QueueCallerJoin", "Privilege": "agent,all", "Uniqueid": "7.7"}),
    caller("QueueCallerJoin", "6.6" + LONG, Position=-1, Count=99999999999999999999),
    caller("QueueCallerJoin", "6.7", queue="q" + LONG, Position="first"),
    caller("QueueCallerJoin", "6.8", queue="sa\x1b]0;les", CallerIDNum="\x9b5n" + LONG, Position=1),
    Message.of({"Event": "AgentConnect", "Privilege": "agent,all"}),
    caller("AgentConnect", "no such", MemberName=LONG, Interface="", HoldTime=-5, RingTime="soon"),
    caller("AgentComplete", "no such", MemberName="Ana", Interface="PJSIP/101", TalkTime="1e99", Reason="whim"),
    Message.of({"Event": "Hold", "Privilege": "call,all", "Uniqueid": LONG}),
    Message.of({"Event": "BlindTransfer", "Privilege": "call,all"}),
    Message.of({"Event": "AttendedTransfer", "Privilege": "call,all", "Result": "Success"}),
    Message.of({"Event": "VarSet", "Privilege": "dialplan,all", "Variable": "QUEUESTATUS", "Value": LONG}),
    Message.of({"Event": "Hangup", "Privilege": "call,all"}),
]


def is_plain(text: str) -> bool:
    return all(character == "\n" or character.isprintable() for character in text)


def test_hostile_events(tmp_path: Path) -> None:
    """Whatever stands in events, the agent lives on, counts the next caller, and shows a terminal no control bytes."""
    with AmiServer(users=USERS, model=a_queue()) as server, \
            ListeningAgent(tmp_path, server, with_log=False) as agent:
        agent.wait_for_snapshot()
        for message in HOSTILE:
            server.send_raw(message.raw)
        server.send(joins("1.1", queue="decent"))
        for message in gives_up("1.1", queue="decent"):
            server.send(message)
        wait_until("the decent one is counted", lambda: any(
            row["abandoned"] == 1 for row in agent.ask("kpi")["rows"] if row["queue"] == "decent"))
        for report in ("live", "operators", "queues", "calls", "kpi", "status"):
            done = agent.cli(report)
            assert done.returncode == 0 and is_plain(done.stdout), report
            assert agent.ask(report)
        assert all(row["balanced"] for row in agent.ask("kpi", "--by", "queue,interval")["rows"])
        assert is_plain(agent.messages.read_text())
        assert len(server.connections) == 1


def test_who_says_too_little_is_left(slow: Slow) -> None:
    for name, (server, agent) in slow.stuck.items():
        wait_until(f"{name} is told", lambda: agent.live["last_error"])  # pylint: disable=cell-var-from-loop
        assert not agent.live["connected"], name
        assert len(server.connections) <= 8, name  # one takes ten seconds


def test_a_half_open_connection_is_noticed(slow: Slow) -> None:
    server, agent = slow.frozen
    wait_until("another connection", lambda: len(server.connections) > 1 and agent.live["connected"], PATIENCE)
    assert len(server.connections) == 2
    gaps = agent.ask("kpi")["gaps"]
    assert [gap["kind"] for gap in gaps] == ["calls"]
    assert agent.live["connects"] == 2
