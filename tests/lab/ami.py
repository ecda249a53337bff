"""A small client of Asterisk's manager interface: one connection, one thread, answers and events in one stream."""

from __future__ import annotations

import select
import socket
import time
from typing import Callable, Iterator, Optional

Message = dict[str, str]
ANSWER_S = 10


class AmiError(Exception):
    pass


def parse(block: bytes) -> Message:
    """A key that comes more than once (Output, Variable, ChanVariable) keeps all its values, one a line."""
    message: Message = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            value = value.strip()
            message[key] = f"{message[key]}\n{value}" if key in message else value
    return message


class Ami:
    def __init__(self, port: int, user: str, secret: str, *, events: str = "on") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self.socket.setblocking(False)
        self.pending = b""
        self.actions = 0
        self.received = 0
        self.record: Optional[Callable[[float, bytes], None]] = None
        self.on_event: Callable[[Message], None] = lambda message: None
        self.on_answer: Callable[[Message], None] = lambda message: None
        self._answers: dict[str, list[Message]] = {}
        while b"\r\n" not in self.pending:
            self._receive(ANSWER_S)
        self.banner, self.pending = self.pending.split(b"\r\n", 1)
        self.ask("Login", Username=user, Secret=secret, Events=events)

    def close(self) -> None:
        self.socket.close()

    def fileno(self) -> int:
        return self.socket.fileno()

    def _receive(self, wait_s: float) -> None:
        if select.select([self.socket], [], [], max(wait_s, 0))[0]:
            data = self.socket.recv(1 << 18)
            if not data:
                raise AmiError("Asterisk closed the connection")
            self.received += len(data)
            self.pending += data

    def _messages(self) -> Iterator[Message]:
        *blocks, self.pending = self.pending.split(b"\r\n\r\n")
        now = time.time()
        for block in blocks:
            if self.record:
                self.record(now, block)
            yield parse(block)

    def pump(self, wait_s: float) -> None:
        """Takes what came, at most after wait_s, and hands each event to on_event."""
        self._receive(wait_s)
        for message in self._messages():
            if "ActionID" in message and message["ActionID"] in self._answers:
                self._answers[message["ActionID"]].append(message)
            elif "Event" in message:
                self.on_event(message)
            else:
                self.on_answer(message)

    def send(self, action: str, *, variables: Optional[dict[str, object]] = None, **fields: object) -> str:
        """Sends an action without waiting; its answers are dropped unless somebody asks for them."""
        self.actions += 1
        action_id = f"lab-{self.actions}"
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        lines += [f"{key}: {value}" for key, value in fields.items() if value is not None]
        lines += [f"Variable: {key}={value}" for key, value in (variables or {}).items()]
        self.socket.setblocking(True)
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"))
        self.socket.setblocking(False)
        return action_id

    def ask(self, action: str, **fields: object) -> list[Message]:
        """The answer and, for a list, its events up to the one that completes it."""
        action_id = self.send(action, **fields)
        answers = self._answers[action_id] = []
        deadline = time.monotonic() + ANSWER_S
        while not answers or (answers[0].get("EventList") == "start" and answers[-1].get("EventList") != "Complete"):
            if time.monotonic() > deadline:
                raise AmiError(f"no answer to {action} within {ANSWER_S} s")
            self.pump(0.2)
        del self._answers[action_id]
        if answers[0].get("Response") not in ("Success", "Goodbye", "Pong", "Follows"):
            raise AmiError(f"{action}: {answers[0].get('Message', answers[0])}")
        return answers

    def cli(self, command: str) -> str:
        return self.ask("Command", Command=command)[0].get("Output", "")
