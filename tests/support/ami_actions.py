"""What Asterisk answers to each action of its manager interface. Part of the scripted server, ami_server.py."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, Callable

from ami_behaviour import Login
from ami_message import Message, encode
from ami_model import Item
from ami_recording import SECOND_US

if TYPE_CHECKING:
    from ami_server import Connection

BEFORE_LOGIN = frozenset(("login", "challenge", "logoff"))
CLASSES = ("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting", "cdr",
           "dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message")
# What a user must be allowed to write: one of these; nothing for the others.
NEEDED = {
    "filter": frozenset(("system",)), "coreshowchannels": frozenset(("system", "reporting")),
    "corestatus": frozenset(("system", "reporting")), "coresettings": frozenset(("system", "reporting")),
}
POSIX_CLASSES = {"[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:alnum:]": "a-zA-Z0-9", "[:space:]": r"\s",
                 "[:upper:]": "A-Z", "[:lower:]": "a-z"}


def answer(connection: Connection, action: Message) -> None:
    """Queues the answer; marks the connection as over where Asterisk would end it."""
    name = action.get("Action").lower()
    if name not in BEFORE_LOGIN and not connection.logged_in:
        _error(connection, action, "Permission denied" if name else "Missing action in request")
        return
    handler = _ANSWERS.get(name)
    needed = NEEDED.get(name)
    if needed and not needed & connection.server.write:
        _error(connection, action, "Permission denied")
    elif handler:
        handler(connection, action)
    else:
        _error(connection, action, "Missing action in request" if not name else
               f"Invalid/unknown command: {action.get('Action')}. Use Action: ListCommands to show available commands.")


def _id(action: Message) -> Item:
    return [("ActionID", action.get("ActionID"))] if "ActionID" in action else []


def _success(connection: Connection, action: Message, fields: Item) -> None:
    connection.put_answer(encode([("Response", "Success"), *_id(action), *fields]))


def _error(connection: Connection, action: Message, why: str) -> None:
    connection.put_answer(encode([("Response", "Error"), *_id(action), ("Message", why)]))


def _login(connection: Connection, action: Message) -> None:
    if connection.behaviour.login is Login.SILENT:
        return
    if connection.behaviour.login is Login.REFUSE or not _knows(connection, action):
        _error(connection, action, "Authentication failed")
        connection.put_end()
        return
    connection.logged_in = True
    connection.mask = _mask(action.get("Events", "on"))
    _success(connection, action, [("Message", "Authentication accepted")])
    connection.server.logged_in(connection)


def _knows(connection: Connection, action: Message) -> bool:
    secret = connection.server.users.get(action.get("Username"))
    if secret is None:
        return False
    if action.get("AuthType").upper() == "MD5":
        key = hashlib.md5((connection.challenge + secret).encode("utf-8")).hexdigest()
        return bool(connection.challenge) and hmac.compare_digest(key, action.get("Key"))
    return "Secret" in action and action.get("Secret") == secret


def _challenge(connection: Connection, action: Message) -> None:
    if not connection.behaviour.challenge:
        _error(connection, action, "Invalid/unknown command: Challenge. "
                                   "Use Action: ListCommands to show available commands.")
    elif action.get("AuthType").upper() != "MD5":
        _error(connection, action, "Must specify AuthType")
    else:
        connection.challenge = connection.challenge or str(connection.dice.randint(100000000, 999999999))
        _success(connection, action, [("Challenge", connection.challenge)])


def _logoff(connection: Connection, action: Message) -> None:
    connection.put_answer(encode([("Response", "Goodbye"), *_id(action),
                                  ("Message", "Thanks for all the fish.")]))
    connection.put_end()


def _mask(text: str) -> frozenset[str]:
    """Classes that there are not are none, without a word."""
    if text.lower() in ("on", "all", "yes", "true", "1", ""):
        return frozenset(CLASSES)
    if text.lower() in ("off", "none", "no", "false", "0"):
        return frozenset()
    classes = frozenset(part.strip() for part in text.split(","))
    return frozenset(CLASSES) if "all" in classes else classes & frozenset(CLASSES)


def _events(connection: Connection, action: Message) -> None:
    connection.mask = _mask(action.get("EventMask"))
    _success(connection, action, [("Events", "On" if connection.mask else "Off")])


def regex(text: str) -> re.Pattern[str]:
    """A POSIX extended one, as far as filters need it: no anchors at line ends, `.` is any character."""
    for name, members in POSIX_CLASSES.items():
        text = text.replace(name, members)
    return re.compile(text.removesuffix("$") + (r"\Z" if text.endswith("$") else ""), re.DOTALL)


def _filter(connection: Connection, action: Message) -> None:
    if not connection.behaviour.filter:
        _error(connection, action, "Permission denied")
        return
    if action.get("Operation").lower() != "add":
        _error(connection, action, "Unknown operation")
        return
    text = action.get("Filter")
    try:
        pattern = regex(text.removeprefix("!"))
    except re.error:
        _error(connection, action, "Regex did not compile properly")
        return
    (connection.black if text.startswith("!") else connection.white).append(pattern)
    _success(connection, action, [("Message", "Success")])


def _ping(connection: Connection, action: Message) -> None:
    now_us = int(time.time() * SECOND_US)
    _success(connection, action, [("Ping", "Pong"),
                                  ("Timestamp", f"{now_us // SECOND_US}.{now_us % SECOND_US:06d}")])


def _core_status(connection: Connection, action: Message) -> None:
    server = connection.server
    started, calls = time.localtime(server.started_s), len(server.model.channels)
    _success(connection, action, [
        ("CoreStartupDate", time.strftime("%Y-%m-%d", started)), ("CoreStartupTime", time.strftime("%T", started)),
        ("CoreReloadDate", time.strftime("%Y-%m-%d", started)), ("CoreReloadTime", time.strftime("%T", started)),
        ("CoreCurrentCalls", str(calls)),
        *([("CoreProcessedCalls", str(calls))] if server.release.ami == "11.0.0" else [])])


def _core_settings(connection: Connection, action: Message) -> None:
    release = connection.server.release
    _success(connection, action, [
        ("AMIversion", release.ami), ("AsteriskVersion", release.asterisk),
        ("SystemName", connection.server.system_name), ("CoreMaxCalls", "0"), ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""), ("CoreRunGroup", ""), ("CoreMaxFilehandles", "0"), ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"), ("CoreHTTPenabled", "No")])


def _list(connection: Connection, action: Message, what: str, items: list[Item], complete: str,
          id_last: bool = True) -> None:
    """The beginning, each item, the end: as separate messages, which events may come between."""
    parts = [encode([("Response", "Success"), *_id(action), ("EventList", "start"), ("Message", what)])]
    for item in items:
        parts.append(encode([*item, *_id(action)] if id_last else [item[0], *_id(action), *item[1:]]))
    dropped = connection.behaviour.drop_in_list
    if dropped and dropped[0].lower() == action.get("Action").lower():
        for part in parts[:1 + dropped[1]]:
            connection.put_answer(part)
        connection.put_end()
        return
    parts.append(encode([("Event", complete), *_id(action), ("EventList", "Complete"),
                         ("ListItems", str(len(items)))]))
    for part in parts:
        connection.put_answer(part)


def _queue_status(connection: Connection, action: Message) -> None:
    server = connection.server
    items = server.model.queue_status(server.now_us(), action.get("Queue"), action.get("Member"))
    _list(connection, action, "Queue status will follow", items, "QueueStatusComplete")


def _queue_summary(connection: Connection, action: Message) -> None:
    server = connection.server
    items = server.model.queue_summary(server.now_us(), action.get("Queue"))
    _list(connection, action, "Queue summary will follow", items, "QueueSummaryComplete")


def _core_show_channels(connection: Connection, action: Message) -> None:
    server = connection.server
    _list(connection, action, "Channels will follow", server.model.core_show_channels(server.now_us()),
          "CoreShowChannelsComplete", id_last=False)


_ANSWERS: dict[str, Callable[[Connection, Message], None]] = {
    "login": _login, "challenge": _challenge, "logoff": _logoff, "events": _events, "filter": _filter, "ping": _ping,
    "corestatus": _core_status, "coresettings": _core_settings, "queuestatus": _queue_status,
    "queuesummary": _queue_summary, "coreshowchannels": _core_show_channels,
}
