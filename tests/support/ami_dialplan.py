"""The recordings were made without the classes dialplan and cel. What Asterisk would have sent beside, where it tells
about queues: Newexten and VarSet QUEUESTATUS, or CEL's APP_START and APP_END, for callers who come to a queue, are
refused, or leave it without an answer. Forms and order as seen on Asterisk 22 and 16."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Callable, Iterator

from ami_message import Message
from ami_model import CHANNEL
from ami_oracle import Oracle
from ami_recording import SECOND_US, Event, Recording

STATUS_OF = {"exit_timeout": "TIMEOUT", "exit_empty": "LEAVEEMPTY", "withdrawn": "WITHDRAW"}
REFUSED = frozenset(("FULL", "JOINEMPTY", "JOINUNAVAIL", "UNKNOWN"))
LAB_EXIT = "LabQueueExit"  # the UserEvent of the recordings' dialplan behind Queue()

Fields = list[tuple[str, str]]


def _head(message: Message, name: str, privilege: str) -> Fields:
    system = [("SystemName", message.get("SystemName"))] if "SystemName" in message else []
    return [("Event", name), ("Privilege", privilege), *system]


def _channel(message: Message) -> Fields:
    return [(key, message.get(key)) for key in CHANNEL]


def newexten(message: Message, queue: str) -> Message:
    return Message.of([*_head(message, "Newexten", "dialplan,all"), *_channel(message),
                       ("Extension", message.get("Exten")), ("Application", "Queue"), ("AppData", f"{queue},tT,,,")])


def varset(message: Message, status: str) -> Message:
    return Message.of([*_head(message, "VarSet", "dialplan,all"), *_channel(message), ("Variable", "QUEUESTATUS"),
                       ("Value", status)])


def cel(message: Message, queue: str, name: str, at_us: int) -> Message:
    """CEL comes with the class call."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_us // SECOND_US))
    return Message.of([
        *_head(message, "CEL", "call,all"), ("EventName", name), ("AccountCode", ""),
        ("CallerIDnum", message.get("CallerIDNum")), ("CallerIDname", message.get("CallerIDName")),
        ("CallerIDani", message.get("CallerIDNum")), ("CallerIDrdnis", ""), ("CallerIDdnid", ""),
        ("Exten", message.get("Exten")), ("Context", message.get("Context")), ("Channel", message.get("Channel")),
        ("Application", "Queue"), ("AppData", f"{queue},tT,,,"), ("EventTime", at), ("AMAFlags", "DOCUMENTATION"),
        ("UniqueID", message.get("Uniqueid")), ("LinkedID", message.get("Linkedid")), ("Userfield", ""),
        ("Peer", ""), ("PeerAccount", ""), ("Extra", "")])


def with_dialplan(recording: Recording) -> list[Event]:
    """The recording's events, and those of the class dialplan that tell of queues."""
    def enter(message: Message, _: int) -> list[Message]:
        return [newexten(message, message.get("Queue"))]

    def leave(message: Message, status: str, _: int) -> list[Message]:
        return [varset(message, status)] if status else []

    def refused(message: Message, _: int) -> list[Message]:
        return [newexten(message, message.get("Queue")), varset(message, message.get("Status"))]
    return list(_enriched(recording, enter, leave, refused))


def with_cel(recording: Recording) -> list[Event]:
    """The recording's events, and APP_START and APP_END of Queue; these do not say why a caller left."""
    def enter(message: Message, at_us: int) -> list[Message]:
        return [cel(message, message.get("Queue"), "APP_START", at_us)]

    def leave(message: Message, status: str, at_us: int) -> list[Message]:
        return [cel(message, message.get("Queue"), "APP_END", at_us)] if status else []

    def refused(message: Message, at_us: int) -> list[Message]:
        return [cel(message, message.get("Queue"), name, at_us) for name in ("APP_START", "APP_END")]
    return list(_enriched(recording, enter, leave, refused))


def _enriched(recording: Recording, enter: Callable[[Message, int], list[Message]],
              leave: Callable[[Message, str, int], list[Message]],
              refused: Callable[[Message, int], list[Message]]) -> Iterator[Event]:
    exits: dict[tuple[str, str], deque[str]] = defaultdict(deque)
    for visit in Oracle(recording).visits:
        exits[visit.call_id, visit.queue].append(STATUS_OF.get(visit.left_as or "", ""))
    for event in recording.events:
        message, at_us = event.message, event.at_us
        before: list[Message] = []
        after: list[Message] = []
        if message.event == "QueueCallerJoin":
            before = enter(message, at_us)
        elif message.event == "QueueCallerLeave":
            left = exits[message.get("Uniqueid"), message.get("Queue")]
            after = leave(message, left.popleft() if left else "", at_us)
        elif message.get("UserEvent") == LAB_EXIT and message.get("Status") in REFUSED:
            before = refused(message, at_us)
        yield from (Event(at_us, one, event.connection) for one in (*before, message, *after))
