"""What a busy PBX tells over its manager interface: whole calls, one after the other, for benches."""

from __future__ import annotations

import time
from typing import Iterator

MEMBERS = 20
QUEUES = 10
EVENTS_A_CALL = 14


def _message(at_s: float, event: str, *fields: str) -> str:
    return "\r\n".join((f"Event: {event}", "Privilege: agent,all", f"Timestamp: {at_s:.6f}", *fields)) + "\r\n\r\n"


def _channel(call: str, number: int) -> tuple[str, ...]:
    return (f"Channel: PJSIP/trunk-{number:08x}", "ChannelState: 6", "ChannelStateDesc: Up",
            f"CallerIDNum: 55{number % 10_000_000:07}", "CallerIDName: <unknown>", "ConnectedLineNum: <unknown>",
            "ConnectedLineName: <unknown>", "Language: en", "AccountCode: ", "Context: from-trunk", "Exten: 400",
            "Priority: 3", f"Uniqueid: {call}", f"Linkedid: {call}")


def _member(number: int, queue: str, status: int, in_call: int) -> tuple[str, ...]:
    name = f"Operator {number % MEMBERS:02}"
    return (f"Queue: {queue}", f"MemberName: {name}", f"Interface: PJSIP/{200 + number % MEMBERS}",
            f"StateInterface: PJSIP/{200 + number % MEMBERS}", "Membership: dynamic", "Penalty: 0", "CallsTaken: 7",
            "LastCall: 0", "LastPause: 0", "LoginTime: 1700000000", f"InCall: {in_call}", f"Status: {status}",
            "Paused: 0", "PausedReason: ", "Ringinuse: 0", "Wrapuptime: 0")


def call_events(epoch: int, number: int) -> list[str]:
    """One call, answered, held once, ended by the caller: EVENTS_A_CALL events, with the time of now."""
    call, queue = f"{epoch}.{number}", f"queue-{number % QUEUES}"
    caller = _channel(call, number)
    operator = tuple(f"Dest{field}" for field in _channel(f"{epoch}.1{number}", number))
    phone = tuple(field.replace("Dest", "") for field in operator)
    phone = tuple(f"Linkedid: {call}" if field.startswith("Linkedid") else field for field in phone)
    names = (f"Queue: {queue}", f"Interface: PJSIP/{200 + number % MEMBERS}", f"MemberName: Operator {number % MEMBERS:02}")
    at_s = time.time()
    parts = [("QueueCallerJoin", caller + (f"Queue: {queue}", "Position: 1", "Count: 1")),
             ("AgentCalled", caller + operator + names),
             ("QueueMemberStatus", _member(number, queue, 6, 0)),
             ("QueueCallerLeave", caller + (f"Queue: {queue}", "Count: 0", "Position: 1")),
             ("AgentConnect", caller + operator + names + ("RingTime: 2", "HoldTime: 5")),
             ("QueueMemberStatus", _member(number, queue, 2, 1)),
             ("Hold", phone), ("Unhold", phone),
             ("HangupRequest", caller + ("Cause: 16",)),
             ("AgentComplete", caller + operator + names + ("HoldTime: 5", "TalkTime: 30", "Reason: caller")),
             ("QueueMemberStatus", _member(number, queue, 1, 0)),
             ("SoftHangupRequest", phone + ("Cause: 16",)),
             ("Hangup", caller + ("Cause: 16", "Cause-txt: Normal Clearing")),
             ("Hangup", phone + ("Cause: 16", "Cause-txt: Normal Clearing"))]
    return [_message(at_s, event, *fields) for event, fields in parts]


def calls(epoch: int) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield "".join(call_events(epoch, number)).encode()
