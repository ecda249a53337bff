"""The scripted manager server itself, and the replay of recordings through it, seen by a plain client."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Iterator, Optional

import pytest

from ami_behaviour import Behaviour, Cut, Login
from ami_message import END, Message, encode, messages
from ami_model import PbxModel
from ami_recording import SECOND_US, Recording, all_recordings
from ami_replay import LogWriter, Replay
from ami_server import AmiServer

TIMEOUT_S = 10.0
JOIN = {"Event": "QueueCallerJoin", "Privilege": "agent,all", "Channel": "PJSIP/trunk-1", "Uniqueid": "1.1",
        "Linkedid": "1.1", "CallerIDNum": "5551003", "CallerIDName": "O\\'Brien", "Queue": "sales", "Position": "1",
        "Count": "1"}


class Client:
    """Everything received is kept in `data`."""

    def __init__(self, port: int, tls: Optional[ssl.SSLContext] = None) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.data = bytearray()
        self._pending = bytearray()
        self.banner = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def receive(self) -> bool:
        """False at the end of the connection."""
        data = self.socket.recv(1 << 16)
        self.data += data
        self._pending += data
        return bool(data)

    def read_banner(self) -> bytes:
        while b"\r\n" not in self._pending:
            assert self.receive()
        self.banner, _, rest = bytes(self._pending).partition(b"\r\n")
        self._pending[:] = rest
        return self.banner

    def read(self) -> Iterator[Message]:
        while True:
            yield from messages(self._pending)
            if not self.receive():
                return

    def ask(self, action: str, **fields: str) -> None:
        self.socket.sendall(encode([("Action", action), *fields.items()]))

    def answer(self, action: str, **fields: str) -> Message:
        self.ask(action, **fields)
        return next(message for message in self.read() if message.response)

    def login(self) -> Message:
        self.read_banner()
        challenge = self.answer("Challenge", AuthType="MD5").get("Challenge")
        key = hashlib.md5(f"{challenge}secret".encode()).hexdigest()
        return self.answer("Login", AuthType="MD5", Username="ringside", Key=key)

    def items(self, action: str, **fields: str) -> list[Message]:
        """Of a list, without its beginning and its end."""
        found = []
        self.ask(action, ActionID="list-1", **fields)
        for message in self.read():
            if message.get("ActionID") != "list-1":
                continue
            if message.get("EventList") == "Complete":
                assert message.number("ListItems") == len(found)
                return found
            if message.event:
                found.append(message)
        raise AssertionError("the list has no end")

    def rest(self) -> bytes:
        """Until the end of the connection; everything that came behind what was read."""
        try:
            while self.receive():
                pass
        except ConnectionError:
            pass
        return bytes(self._pending)


def logged_in(server: AmiServer) -> Client:
    client = Client(server.port)
    assert client.login().response == "Success"
    server.wait_for_login()
    assert next(client.read()).event == "FullyBooted"
    return client


@pytest.mark.parametrize("version, banner", [("22", b"Asterisk Call Manager/11.0.0"),
                                             ("16", b"Asterisk Call Manager/5.0.4")])
def test_banner(version: str, banner: bytes) -> None:
    with AmiServer(version=version) as server, Client(server.port) as client:
        assert client.read_banner() == banner


def test_login() -> None:
    with AmiServer() as server:
        with Client(server.port) as client:
            client.read_banner()
            assert client.answer("Ping").get("Message") == "Permission denied"
            assert client.answer("Login", ActionID="7", Username="ringside", Secret="secret").raw == (
                b"Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\n")
        with logged_in(server) as client:
            assert client.answer("Ping").get("Ping") == "Pong"
            assert client.answer("Nonsense").get("Message").startswith("Invalid/unknown command")
            assert client.answer("Logoff").response == "Goodbye"
            assert client.rest() == b""
        assert [action.name for action in server.actions] == [
            "Ping", "Login", "Challenge", "Login", "Ping", "Nonsense", "Logoff"]


@pytest.mark.parametrize("fields", [{"Username": "ringside", "Secret": "wrong"}, {"Username": "ringside"},
                                    {"Username": "nobody", "Secret": "secret"},
                                    {"Username": "ringside", "AuthType": "MD5", "Key": "0" * 32}])
def test_bad_logins(fields: dict[str, str]) -> None:
    with AmiServer() as server, Client(server.port) as client:
        client.read_banner()
        answer = client.answer("Login", **fields)
        assert (answer.response, answer.get("Message")) == ("Error", "Authentication failed")
        assert client.rest() == b""


def test_behaviours_of_login() -> None:
    wanted = [Behaviour(login=Login.REFUSE), Behaviour(challenge=False), Behaviour(banner=None),
              Behaviour(banner_only=True), Behaviour(login=Login.SILENT)]
    with AmiServer(behaviours=wanted) as server:
        with Client(server.port) as client:
            assert client.login().get("Message") == "Authentication failed"
        with Client(server.port) as client:
            client.read_banner()
            assert client.answer("Challenge", AuthType="MD5").response == "Error"
            assert client.answer("Login", Username="ringside", Secret="secret").response == "Success"
        with Client(server.port) as client:
            assert client.answer("Challenge", AuthType="MD5").get("Challenge")
            assert client.data.startswith(b"Response: Success\r\n")
        for _ in range(2):
            with Client(server.port) as client:
                client.read_banner()
                client.ask("Login", Username="ringside", Secret="secret")
                client.socket.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    client.receive()


def test_lists() -> None:
    with AmiServer() as server:
        server.model.add_member("sales", "Ana Souza", "PJSIP/101", Wrapuptime=10)
        server.model.add_member("support", "Bob", "PJSIP/102", Paused=1, PausedReason="Lunch")
        server.send({"Event": "Newchannel", "Privilege": "call,all", "Channel": "PJSIP/trunk-1", "Uniqueid": "1.1",
                     "Linkedid": "1.1"})
        server.send(JOIN)
        with logged_in(server) as client:
            status = client.items("QueueStatus")
            assert [item.event for item in status] == ["QueueParams", "QueueMember", "QueueEntry", "QueueParams",
                                                       "QueueMember"]
            assert (status[1].get("Name"), status[1].get("Wrapuptime")) == ("Ana Souza", "10")
            assert (status[2].get("CallerIDName"), status[2].get("Position")) == ("O'Brien", "1")
            assert [item.event for item in client.items("QueueStatus", Queue="support")] == ["QueueParams",
                                                                                             "QueueMember"]
            summary = client.items("QueueSummary")
            assert [(item.get("Queue"), item.get("LoggedIn"), item.get("Available"), item.get("Callers"))
                    for item in summary] == [("sales", "1", "1", "1"), ("support", "1", "0", "0")]
            channels = client.items("CoreShowChannels")
            assert [(item.get("Uniqueid"), item.get("Application")) for item in channels] == [("1.1", "Queue")]
            assert client.answer("CoreStatus").get("CoreCurrentCalls") == "1"
            assert client.answer("CoreSettings").get("AsteriskVersion") == "22.10.1"


def received_events(client: Client, count: int) -> list[str]:
    return [message.event for _, message in zip(range(count), client.read())]


def test_mask_and_filters() -> None:
    with AmiServer() as server, logged_in(server) as client:
        assert client.answer("Events", EventMask="agent,call").get("Events") == "On"
        assert client.answer("Filter", Operation="Add", Filter="Event: (Queue|Agent)").response == "Success"
        assert client.answer("Filter", Operation="Add", Filter="!Queue: boring").response == "Success"
        assert client.answer("Filter", Operation="Add", Filter="(").response == "Error"
        for name, privilege, queue in (("Hangup", "call", "sales"), ("QueueCallerJoin", "agent", "sales"),
                                       ("QueueMemberStatus", "agent", "boring"), ("AgentConnect", "agent", "sales"),
                                       ("QueueOfDtmf", "dtmf", "sales"), ("QueueCallerLeave", "agent", "sales")):
            server.send({"Event": name, "Privilege": f"{privilege},all", "Queue": queue})
        assert received_events(client, 3) == ["QueueCallerJoin", "AgentConnect", "QueueCallerLeave"]
        assert client.answer("Events", EventMask="off").get("Events") == "Off"
        server.send(JOIN)
        assert client.answer("Ping").get("Ping") == "Pong"


@pytest.mark.parametrize("write, filters, counts", [(["system"], True, True), (["reporting"], False, True),
                                                    ([], False, False)])
def test_privileges(write: list[str], filters: bool, counts: bool) -> None:
    with AmiServer(write=write) as server, logged_in(server) as client:
        for action, fields, allowed in (("Filter", {"Operation": "Add", "Filter": "Event: Queue"}, filters),
                                        ("CoreStatus", {}, counts), ("QueueSummary", {}, True)):
            answer = client.answer(action, **fields)
            assert answer.get("Message") != "Permission denied" if allowed else (
                answer.raw == b"Response: Error\r\nMessage: Permission denied\r\n\r\n")
        assert client.answer("Events", EventMask="nonsense").get("Events") == "Off"
    with AmiServer(behaviour=Behaviour(filter=False)) as server, logged_in(server) as client:
        assert client.answer("Filter", Operation="Add", Filter="Event: Queue").get("Message") == "Permission denied"


@pytest.mark.parametrize("cut", list(Cut))
def test_cuts_reassemble(cut: Cut) -> None:
    recording = Recording("s12")
    behaviour = Behaviour(cut=cut, cut_max=23, seed=7)
    with AmiServer(model=PbxModel.at_start_of(recording), behaviour=behaviour, keep_sent=True) as server:
        with logged_in(server) as client:
            Replay(recording, server, shift_s=0).run()
            server.end_all()
            received = client.rest()
            assert bytes(client.data) == bytes(server.connections[0].sent)
            whole = b"".join(event.message.raw for event in recording.events
                             if event.message.event != "FullyBooted")
            assert received == whole


def test_noise_leaves_messages_whole() -> None:
    recording = Recording("s01")
    with AmiServer(behaviour=Behaviour(noise_every=2, seed=3, cut=Cut.RANDOM, cut_max=4000)) as server:
        with logged_in(server) as client:
            Replay(recording, server, shift_s=0).run()
            server.end_all()
            received = client.rest()
            assert server.connections[0].noises > 10
    at = 0
    for event in recording.events:
        if event.message.event != "FullyBooted":
            at = received.index(event.message.raw, at) + len(event.message.raw)


@pytest.mark.parametrize("reset", [False, True])
def test_drops(reset: bool) -> None:
    banner = b"Asterisk Call Manager/11.0.0\r\n"
    wanted = [Behaviour(drop_after_bytes=len(banner) + 5, reset=reset), Behaviour(drop_after_events=2, reset=reset),
              Behaviour(drop_in_list=("QueueStatus", 1), reset=reset)]
    with AmiServer(behaviours=wanted) as server:
        server.model.add_member("sales", "Ana", "PJSIP/101")
        with Client(server.port) as client:
            client.read_banner()
            client.ask("Challenge", AuthType="MD5")
            assert client.rest() == b"Respo"
        with logged_in(server) as client:
            for _ in range(3):
                server.send(JOIN)
            assert client.rest().count(b"Event: QueueCallerJoin") == (2 if not reset else pytest.approx(1, abs=1))
        with logged_in(server) as client:
            client.ask("QueueStatus", ActionID="1")
            received = client.rest()
            assert reset or received.count(END) == 2
            assert b"QueueStatusComplete" not in received


def test_freeze_and_delays() -> None:
    wanted = [Behaviour(freeze_after_events=1), Behaviour(freeze_at_action="Ping"),
              Behaviour(fully_booted_after_s=0.2, answer_delay_s=0.05), Behaviour(fully_booted_after_s=None)]
    with AmiServer(behaviours=wanted) as server:
        with logged_in(server) as client:
            for _ in range(3):
                server.send(JOIN)
            assert received_events(client, 1) == ["QueueCallerJoin"]
            client.ask("Ping")
            client.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.receive()
            server.connections[0].thaw()
            assert received_events(client, 2) == ["QueueCallerJoin"] * 2
            client.socket.settimeout(TIMEOUT_S)
            assert next(client.read()).get("Ping") == "Pong"
        with logged_in(server) as client:
            client.ask("Ping")
            client.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.receive()
        begin = time.monotonic()
        with logged_in(server):
            assert time.monotonic() - begin >= 0.2
        with Client(server.port) as client:
            client.login()
            server.send(JOIN)
            assert received_events(client, 1) == ["QueueCallerJoin"]


def test_lists_may_be_newer_than_events_behind_them() -> None:
    with AmiServer(behaviour=Behaviour(event_delay_s=0.1)) as server, logged_in(server) as client:
        server.send(JOIN)
        client.ask("QueueStatus", ActionID="1")
        assert received_events(client, 5) == ["", "QueueParams", "QueueEntry", "QueueStatusComplete",
                                              "QueueCallerJoin"]


def test_shutdown_and_flood() -> None:
    with AmiServer() as server, logged_in(server) as client:
        reader = threading.Thread(target=client.rest)
        reader.start()
        sent = server.flood(encode([("Event", "Hangup"), ("Privilege", "call,all")]) * 100, 20000, 0.5)
        server.shutdown()
        reader.join(TIMEOUT_S)
        assert client.data.count(b"Event: Hangup\r\n") == sent > 5000
        assert client.data.endswith(b"Shutdown: Cleanly\r\nRestart: False\r\n\r\n")


def test_tls(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    with AmiServer(tls=serving, behaviour=Behaviour(cut=Cut.RANDOM)) as server:
        server.model.add_member("sales", "Ana", "PJSIP/101")
        with Client(server.port, ssl.create_default_context(cafile=str(cert))) as client:
            assert client.login().response == "Success"
            assert len(client.items("QueueStatus")) == 2


def test_timestamps_and_shift() -> None:
    recording = Recording("s12")
    with AmiServer(model=PbxModel.at_start_of(recording), timestamps=True) as server, logged_in(server) as client:
        replay = Replay(recording, server, shift_s=1000)
        replay.run()
        server.end_all()
        client.rest()
        received = list(messages(client._pending))
    played = [event for event in recording.events if event.message.event != "FullyBooted"]
    assert [message.event for message in received] == [event.message.event for event in played]
    for message, event in zip(received, played):
        at_us = event.at_us + 1000 * SECOND_US
        assert [key for key, _ in message.fields[:3]] == ["Event", "Privilege", "Timestamp"]
        assert message.get("Timestamp") == f"{at_us // SECOND_US}.{at_us % SECOND_US:06d}"
        assert message.get("Uniqueid") == event.message.get("Uniqueid")
        if "LoginTime" in message:
            assert message.number("LoginTime") == (event.message.number("LoginTime") or 0) + 1000


def entries(items: list[Message]) -> dict[tuple[str, str, str], dict[str, str]]:
    return {(item.event, item.get("Queue"), item.get("Location") or item.get("Uniqueid")): dict(item.fields)
            for item in items}


def test_model_equals_what_asterisk_told() -> None:
    """Members, their states and who waits; in the middle of 240 busy seconds and at their end."""
    recording = Recording("alt")
    model = PbxModel.at_start_of(recording)
    asked = ["001", "003", "005", "007", "final"]
    for event in [*recording.events, None]:
        while asked and (event is None or recording.status_time_us(asked[0]) <= event.at_us):
            at_us = recording.status_time_us(asked[0])
            real = entries(recording.status(asked.pop(0)))
            ours = entries([Message.of(item) for item in model.queue_status(at_us)])
            assert real.keys() == ours.keys()
            for key, fields in real.items():
                for name in ("Position", "Paused", "PausedReason", "Status", "Name", "CallerIDNum", "CallerIDName",
                             "Calls", "Completed", "Abandoned", "ServicelevelPerf", "CallsTaken"):
                    assert fields.get(name) == ours[key].get(name), (key, name)
        if event:
            model.apply(event.message, event.at_us)
    assert not model.channels


@pytest.mark.parametrize("name", ["alt", "s26_rotate_sequential", "s27_rotate_rotate", "s28_rotate_timestamp"])
def test_log_is_rotated_as_it_was(name: str, tmp_path: Path) -> None:
    recording = Recording(name)
    parts = [part.name for part in recording.log_parts]
    writer = LogWriter(recording, tmp_path / parts[-1], 0)
    for row in recording.rows:
        writer.write(row)
    for part in parts:
        assert (tmp_path / part).read_bytes() == (recording.folder / part).read_bytes()


@pytest.mark.parametrize("name", all_recordings())
def test_rows_have_times(name: str) -> None:
    """Each within the second that the row tells, and joins a few ms before their event."""
    recording = Recording(name)
    rows, events = recording.rows, recording.events
    late = [row for row in rows if not 0 <= row.at_us // SECOND_US - int(row.line.split(b"|")[0]) <= 1]
    assert not late
    assert rows == sorted(rows, key=lambda row: row.at_us)
    joins, enters = defaultdict(list), defaultdict(list)
    for event in events:
        if event.message.event == "QueueCallerJoin":
            joins[event.message.get("Uniqueid"), event.message.get("Queue")].append(event.at_us)
    for row in rows:
        fields = row.line.decode().split("|")
        if fields[4] == "ENTERQUEUE":
            enters[fields[1], fields[2]].append(row.at_us)
    assert joins.keys() == enters.keys()
    for key, times in joins.items():
        assert all(-1000 < join - enter < 20_000 for join, enter in zip(times, enters[key], strict=True)), key


def test_replay_in_accelerated_time(tmp_path: Path) -> None:
    recording = Recording("s25")  # Asterisk is stopped and started again in it
    log = tmp_path / "queue_log"
    with AmiServer(model=PbxModel.at_start_of(recording)) as server, logged_in(server) as client:
        replay = Replay(recording, server, log=log, speed=50, away_events=0)
        replay.start()
        before = client.rest()
        assert before.endswith(b"Restart: False\r\n\r\n")
        with logged_in(server) as again:
            assert {item.event for item in again.items("QueueStatus")} == {"QueueParams", "QueueMember"}
            assert again.items("CoreShowChannels") == []
            replay.join(TIMEOUT_S)
            server.end_all()
            after = again.rest()
    assert (before + after).count(END) == len(recording.events) - 2
    lines = log.read_bytes().splitlines()
    assert [line.partition(b"|")[2] for line in lines] == [row.line.partition(b"|")[2] for row in recording.rows]
    assert abs(int(lines[-1].split(b"|")[0]) - time.time()) < 60
    assert re.match(rb"\d+\|NONE\|NONE\|NONE\|QUEUESTART\|", lines[0])
