"""A scripted Asterisk manager server on a loopback port, in the test's own process, over TCP or TLS.

    with AmiServer(users={"ringside": "secret"}) as server:
        server.model.add_member("sales", "Ana", "PJSIP/101")
        ...                                      # start what connects to server.port
        server.wait_for_login()
        server.send({"Event": "QueueCallerJoin", "Privilege": "agent,all", ...})

Every connection behaves as server.behaviours.pop(0) says, or as server.behaviour when there is none left. What clients
asked is in server.actions. Lists are answered from server.model, which follows the events that were sent."""

from __future__ import annotations

import heapq
import itertools
import random
import re
import select
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass
from typing import Callable, Iterable, NamedTuple, Optional, Union

import ami_actions
from ami_behaviour import Behaviour, Cut, noise, pieces
from ami_message import END, Message, messages
from ami_model import PbxModel
from ami_recording import SECOND_US

WITHIN_S = 20.0
HANDSHAKE_S = 5.0
STEP_S = 0.01
STOP_CHECK_S = 0.1
RECEIVE = 1 << 16
JOINED_MAX = 1 << 18
_PRIVILEGE = re.compile(rb"(?<=\n)Privilege: [^\r\n]*\r\n")


class Release(NamedTuple):
    ami: str
    asterisk: str


RELEASES = {"22": Release("11.0.0", "22.10.1"), "16": Release("5.0.4", "16.28.0")}


class Action(NamedTuple):
    at_s: float  # monotonic
    connection: Connection
    message: Message

    @property
    def name(self) -> str:
        return self.message.get("Action")


@dataclass(order=True)
class _Item:
    due_s: float
    number: int
    data: bytes
    is_event: bool
    is_end: bool


class AmiServer:
    def __init__(self, *, users: Optional[dict[str, str]] = None, version: str = "22",
                 model: Optional[PbxModel] = None, tls: Optional[ssl.SSLContext] = None,
                 behaviour: Optional[Behaviour] = None, behaviours: Iterable[Behaviour] = (),
                 timestamps: bool = False, read: Iterable[str] = ami_actions.CLASSES,
                 write: Iterable[str] = ami_actions.CLASSES, system_name: str = "",
                 keep_sent: bool = False, port: int = 0) -> None:
        self.users = {"ringside": "secret"} if users is None else users
        self.release = RELEASES[version]
        self.model = model or PbxModel()
        self.behaviour = behaviour or Behaviour()
        self.behaviours = list(behaviours)
        self.timestamps = timestamps  # a Timestamp header in every event
        self.read = frozenset(read)  # the classes that the user may read
        self.write = frozenset(write)  # the classes that decide which actions are allowed
        self.system_name = system_name
        self.keep_sent = keep_sent  # Connection.sent
        self.clock: Callable[[], float] = time.time  # what the PBX takes for the time
        self.started_s = time.time()
        self.actions: list[Action] = []
        self.connections: list[Connection] = []
        self.events_sent = 0
        self.lock = threading.RLock()
        self._tls = tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._listener.settimeout(STOP_CHECK_S)
        self.port: int = self._listener.getsockname()[1]
        self._thread: Optional[threading.Thread] = None

    def __enter__(self) -> AmiServer:
        self._thread = threading.Thread(target=self._accept, name="ami-accept", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(WITHIN_S)
        self._listener.close()
        for connection in self.connections:
            connection.drop()
        for connection in self.connections:
            connection.join()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with self.lock:
                behaviour = self.behaviours.pop(0) if self.behaviours else self.behaviour
                connection = Connection(self, peer, behaviour, self._tls)
                self.connections.append(connection)
            connection.start()

    def refuse_connections(self) -> None:
        """From here on nobody listens on the port."""
        self._stopping.set()
        if self._thread:
            self._thread.join(WITHIN_S)
        self._listener.close()

    def now_us(self) -> int:
        return int(self.clock() * SECOND_US)

    # Events.

    def send(self, event: Union[Message, dict[str, object]], at_us: Optional[int] = None) -> None:
        """To all who are logged in and want it; the model follows in any case."""
        message = event if isinstance(event, Message) else Message.of(event)
        at = self.now_us() if at_us is None else at_us
        if self.release is RELEASES["16"] and message.event == "QueueMemberPause":
            message = Message.of([*message.fields, ("Reason", message.get("PausedReason"))])
        if self.timestamps:
            stamp = b"Timestamp: %d.%06d\r\n" % (at // SECOND_US, at % SECOND_US)
            message = Message(_PRIVILEGE.sub(lambda found: found[0] + stamp, message.raw, count=1))
        with self.lock:
            self.model.apply(message, at)
            self.events_sent += 1
            for connection in self.connections:
                connection.put_event(message)

    def send_raw(self, data: bytes) -> None:
        """As it is, to all who are logged in: no filter, no model. For floods, many messages at once."""
        with self.lock:
            for connection in self.live():
                connection.put(data, is_event=True)

    def flood(self, block: bytes, per_second: float, seconds: float) -> int:
        """`block` holds whole messages; it is sent over and over at this pace of messages. How many were sent."""
        count = block.count(END)
        begin, sent = time.monotonic(), 0
        while time.monotonic() - begin < seconds:
            if sent < (time.monotonic() - begin) * per_second:
                self.send_raw(block)
                sent += count
            else:
                time.sleep(min(STEP_S, count / per_second))
        return sent

    def logged_in(self, connection: Connection) -> None:
        after_s = connection.behaviour.fully_booted_after_s
        if after_s is None or not self.wants(connection, frozenset(("system",))):
            return
        up_s = int(time.time() - self.started_s)
        booted = Message.of({"Event": "FullyBooted", "Privilege": "system,all", "Uptime": up_s, "LastReload": up_s,
                             "Status": "Fully Booted"})
        connection.put(booted.raw, delay_s=after_s + connection.behaviour.answer_delay_s)

    def wants(self, connection: Connection, classes: frozenset[str]) -> bool:
        return classes <= self.read and classes <= connection.mask

    # What ends connections.

    def shutdown(self) -> None:
        """As a PBX that is stopped: the Shutdown event, then the end of every connection."""
        self.send({"Event": "Shutdown", "Privilege": "system,all", "Shutdown": "Cleanly", "Restart": "False"})
        self.end_all()

    def end_all(self) -> None:
        """Whatever is still to be sent, then the end."""
        ending = self.live()
        for connection in ending:
            connection.put_end()
        self.wait_for("connections over", lambda: all(one.over.is_set() or one.frozen for one in ending))

    def drop_all(self) -> None:
        for connection in self.live():
            connection.drop()

    # What tests ask.

    def live(self) -> list[Connection]:
        """Logged in and not over."""
        return [connection for connection in list(self.connections)
                if connection.logged_in and not connection.over.is_set()]

    def asked(self, name: str) -> list[Action]:
        return [action for action in list(self.actions) if action.name.lower() == name.lower()]

    def wait_for(self, what: str, true: Callable[[], object], within_s: float = WITHIN_S) -> None:
        deadline = time.monotonic() + within_s
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {within_s} s: {what}; asked so far: "
                                   f"{[action.name for action in self.actions]}")
            time.sleep(STEP_S)

    def wait_for_login(self, count: int = 1, within_s: float = WITHIN_S) -> Connection:
        """Until that many are logged in at once; the newest of them."""
        self.wait_for(f"{count} logged in", lambda: len(self.live()) >= count, within_s)
        return self.live()[-1]

    def wait_for_action(self, name: str, count: int = 1, within_s: float = WITHIN_S) -> Action:
        self.wait_for(f"{count} times {name}", lambda: len(self.asked(name)) >= count, within_s)
        return self.asked(name)[count - 1]

    def wait_for_snapshot(self, within_s: float = WITHIN_S) -> Connection:
        """Until the newest client has asked for the lists and has been answered."""
        connection = self.wait_for_login(within_s=within_s)
        self.wait_for("a snapshot", lambda: {"queuestatus", "coreshowchannels"} <= {
            action.name.lower() for action in list(self.actions) if action.connection is connection}, within_s)
        self.wait_for_sent(within_s)
        return connection

    def wait_for_sent(self, within_s: float = WITHIN_S) -> None:
        """Until everything is handed to the sockets."""
        self.wait_for("all sent", lambda: all(connection.pending == 0 for connection in self.live()), within_s)


class Connection:
    """One client. A single thread reads and writes: an SSL object may not be used by two."""

    def __init__(self, server: AmiServer, peer: socket.socket, behaviour: Behaviour,
                 tls: Optional[ssl.SSLContext]) -> None:
        self.server = server
        self.behaviour = behaviour
        self.dice = random.Random(behaviour.seed)
        self.logged_in = False
        self.challenge = ""
        self.mask: frozenset[str] = frozenset()
        self.white: list[re.Pattern[str]] = []
        self.black: list[re.Pattern[str]] = []
        self.over = threading.Event()
        self.frozen = False
        self.pending = 0  # bytes to be sent
        self.bytes_sent = 0
        self.events_sent = 0
        self.noises = 0
        self.sent = bytearray()  # with AmiServer(keep_sent=True)
        self._tls = tls
        self._socket: socket.socket = peer
        self._outbox: list[_Item] = []
        self._numbers = itertools.count()
        self._in = bytearray()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="ami-connection", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(WITHIN_S)

    def drop(self) -> None:
        """The end, at once."""
        self.over.set()
        self._ring()

    def freeze(self) -> None:
        self.frozen = True
        self._ring()

    def thaw(self) -> None:
        self.frozen = False
        self._ring()

    # Any thread puts, the connection's own sends.

    def put(self, data: bytes, *, delay_s: float = 0.0, is_event: bool = False, is_end: bool = False) -> None:
        with self.server.lock:
            if self.over.is_set():
                return
            item = _Item(time.monotonic() + delay_s, next(self._numbers), data, is_event, is_end)
            heapq.heappush(self._outbox, item)
            self.pending += len(data)
        self._ring()

    def put_answer(self, data: bytes) -> None:
        self.put(data, delay_s=self.behaviour.answer_delay_s)

    def put_end(self) -> None:
        delay_s = max(self.behaviour.answer_delay_s, self.behaviour.event_delay_s)
        self.put(b"", delay_s=delay_s, is_end=True)

    def put_event(self, message: Message) -> None:
        if not self.logged_in or self.over.is_set() or not self.server.wants(self, message.classes):
            return
        if self.white or self.black:
            text = message.raw.decode("utf-8", "surrogateescape")
            if self.white and not any(pattern.search(text) for pattern in self.white):
                return
            if any(pattern.search(text) for pattern in self.black):
                return
        self.put(message.raw, delay_s=self.behaviour.event_delay_s, is_event=True)

    def _ring(self) -> None:
        try:
            self._bell.send(b"!")
        except OSError:
            pass  # it rings already, or nobody is there any more

    def _run(self) -> None:
        try:
            if self._tls:
                self._socket.settimeout(HANDSHAKE_S)
                self._socket = self._tls.wrap_socket(self._socket, server_side=True)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setblocking(False)
            self._greet()
            while not self.over.is_set():
                self._turn()
        except (OSError, ValueError):
            pass  # the client is gone
        finally:
            self.over.set()
            self._close()

    def _close(self) -> None:
        try:
            if self.behaviour.reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self._socket.close()
        self._bell.close()
        self._ear.close()

    def _greet(self) -> None:
        banner = self.behaviour.banner
        if banner == b"default":
            banner = b"Asterisk Call Manager/%s" % self.server.release.ami.encode("ascii")
        if banner is not None:
            self.put(banner + b"\r\n", delay_s=self.behaviour.banner_delay_s)

    def _turn(self) -> None:
        """Waits for what the client says and what is due, and does both."""
        if self.frozen:
            self._wait([self._ear], STOP_CHECK_S)
            return
        self._wait([self._socket, self._ear], self._due_in_s())
        self._read()
        if not self.frozen:
            self._write()

    def _due_in_s(self) -> float:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return 0.0
        with self.server.lock:
            return min(max(self._outbox[0].due_s - time.monotonic(), 0.0), STOP_CHECK_S) if self._outbox \
                else STOP_CHECK_S

    def _wait(self, readable: list[socket.socket], within_s: float) -> None:
        ready = select.select(readable, [], [], within_s)[0]
        if self._ear in ready:
            self._ear.recv(RECEIVE)

    def _read(self) -> None:
        try:
            data = self._socket.recv(RECEIVE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        if not data:
            self.over.set()
            return
        self._in += data
        for action in messages(self._in):
            self._take(action)

    def _take(self, action: Message) -> None:
        with self.server.lock:
            self.server.actions.append(Action(time.monotonic(), self, action))
            if self.behaviour.banner_only:
                return
            if (self.behaviour.freeze_at_action or "").lower() == action.get("Action").lower():
                self.frozen = True
            if not self.frozen:
                ami_actions.answer(self, action)

    def _write(self) -> None:
        """Sends what is due, in one piece unless the behaviour wants to do something in between."""
        batch = bytearray()
        while len(batch) < JOINED_MAX and not self.over.is_set() and (item := self._next()):
            batch += self._noise() if item.data else b""
            batch += item.data
            self.events_sent += item.is_event
            if self.behaviour.cut is Cut.MESSAGE or item.is_end or self._something_happens(item):
                self._send(bytes(batch))
                batch.clear()
                if item.is_end or self.events_sent == self.behaviour.drop_after_events:
                    self.over.set()
                if self.frozen:
                    return
        self._send(bytes(batch))

    def _next(self) -> Optional[_Item]:
        with self.server.lock:
            if not self._outbox or self._outbox[0].due_s > time.monotonic():
                return None
            item = heapq.heappop(self._outbox)
            self.pending -= len(item.data)
            return item

    def _something_happens(self, item: _Item) -> bool:
        if item.is_event and self.events_sent == self.behaviour.freeze_after_events:
            self.frozen = True
            return True
        return item.is_event and self.events_sent == self.behaviour.drop_after_events

    def _noise(self) -> bytes:
        every = self.behaviour.noise_every
        if not every or not self.logged_in or self.dice.randrange(every) != 0:
            return b""
        self.noises += 1
        return noise(self.dice)

    def _send(self, data: bytes) -> None:
        limit = self.behaviour.drop_after_bytes
        if limit is not None and self.bytes_sent + len(data) >= limit:
            data = data[:limit - self.bytes_sent]
            self._send_pieces(data)
            self.over.set()
        else:
            self._send_pieces(data)

    def _send_pieces(self, data: bytes) -> None:
        for piece in pieces(data, self.behaviour, self.dice):
            self._send_all(piece)
            if self.behaviour.cut_pause_s:
                time.sleep(self.behaviour.cut_pause_s)

    def _send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self.over.is_set():
            try:
                sent = self._socket.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([], [self._socket], [], STOP_CHECK_S)
                continue
            if self.server.keep_sent:
                self.sent += view[:sent]
            self.bytes_sent += sent
            view = view[sent:]
