"""What a PBX would answer to QueueStatus, QueueSummary and CoreShowChannels, kept up to date by the events it sent.
Part of the test support. Field names and their order are those of Asterisk 22."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterable, Optional

from ami_message import Message
from ami_recording import SECOND_US, Recording

Item = list[tuple[str, str]]

PARAMS = {
    "Max": "0", "Strategy": "rrmemory", "Calls": "0", "Holdtime": "0", "TalkTime": "0", "Completed": "0",
    "Abandoned": "0", "ServiceLevel": "60", "ServicelevelPerf": "0.0", "ServicelevelPerf2": "0.0", "Weight": "0",
}
MEMBER = {
    "Name": "", "Location": "", "StateInterface": "", "Membership": "static", "Penalty": "0", "CallsTaken": "0",
    "LastCall": "0", "LastPause": "0", "LoginTime": "0", "InCall": "0", "Status": "1", "Paused": "0",
    "PausedReason": "", "Wrapuptime": "0",
}
CHANNEL = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
    "ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
)
ENTRY = ("Channel", "Uniqueid", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName")
MEMBER_EVENTS = frozenset(("QueueMemberStatus", "QueueMemberPause", "QueueMemberAdded", "QueueMemberPenalty",
                           "QueueMemberRinginuse"))
REACHABLE = frozenset("0123678")
IN_CALL, IDLE = "1", "1"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass
class Entry:
    joined_us: int
    fields: dict[str, str]
    priority: str = "0"


@dataclass
class Queue:
    name: str
    params: dict[str, str] = field(default_factory=lambda: dict(PARAMS))
    members: dict[str, dict[str, str]] = field(default_factory=dict)  # by interface
    entries: list[Entry] = field(default_factory=list)
    answered: int = 0
    in_level: int = 0
    abandoned_in_level: int = 0

    def add(self, param: str, by: int = 1) -> None:
        self.params[param] = str(int(self.params[param]) + by)

    def average(self, param: str, value: int, values_before: int) -> None:
        """Asterisk's running average of whole numbers."""
        self.params[param] = str((3 * int(self.params[param]) + value) >> 2 if values_before else value)

    def level(self) -> None:
        completed, abandoned = int(self.params["Completed"]), int(self.params["Abandoned"])
        self.params["ServicelevelPerf"] = _percent(self.in_level, completed)
        self.params["ServicelevelPerf2"] = _percent(self.in_level + self.abandoned_in_level, completed + abandoned)


@dataclass
class Channel:
    since_us: int
    fields: dict[str, str]
    application: str = ""
    data: str = ""
    bridge: str = ""


def _percent(part: int, whole: int) -> str:
    return f"{100.0 * part / whole if whole else 0.0:2.1f}"


def _member_of(message: Message) -> dict[str, str]:
    names = {"Name": "MemberName", "Location": "Interface"}
    fields = {key: message.get(names.get(key, key), otherwise) for key, otherwise in MEMBER.items()}
    if fields["Paused"] == "0":  # events of an unpause name its reason, lists do not
        fields["PausedReason"] = ""
    return fields


def _plain(text: str) -> str:
    """Events have names with C escapes and <unknown>, entries of lists have neither."""
    if text == "<unknown>":
        return "unknown"
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text)


class PbxModel:
    def __init__(self, status: Iterable[Message] = ()) -> None:
        """Begins with what a QueueStatus answered: queues and members; entries in it are left out."""
        self.queues: dict[str, Queue] = {}
        self.channels: dict[str, Channel] = {}
        for item in status:
            if item.event == "QueueParams":
                self.queue(item.get("Queue")).params.update({key: item.get(key) for key in PARAMS if key in item})
            elif item.event == "QueueMember":
                fields = {key: item.get(key) for key in MEMBER}
                self.queue(item.get("Queue")).members[fields["Location"]] = fields

    @classmethod
    def at_start_of(cls, recording: Recording) -> PbxModel:
        """Where nobody asked at the start: the queues of the end, and the members that no event added."""
        model = cls(recording.status("start") or recording.status())
        if recording.status("start"):
            return model
        for queue in model.queues.values():
            queue.params.update({key: PARAMS[key] for key in PARAMS
                                 if key not in ("Max", "Strategy", "ServiceLevel", "Weight")})
            for member in queue.members.values():
                status = IDLE if member["Status"] in REACHABLE else member["Status"]
                member.update(CallsTaken="0", LastCall="0", LastPause="0", InCall="0", Status=status, Paused="0",
                              PausedReason="")
        model._begin_members(recording)
        return model

    def _begin_members(self, recording: Recording) -> None:
        seen: set[tuple[str, str]] = set()
        for event in recording.events:
            message = event.message
            key = message.get("Queue"), message.get("Interface")
            if not message.event.startswith("QueueMember") or key in seen:
                continue
            seen.add(key)
            members = self.queue(key[0]).members
            if message.event == "QueueMemberAdded":
                members.pop(key[1], None)
            else:
                members[key[1]] = {**_member_of(message), "LastPause": "0", "InCall": "0", "Status": IDLE,
                                   "Paused": "0", "PausedReason": ""}

    def queue(self, name: str) -> Queue:
        return self.queues.setdefault(name, Queue(name))

    def add_member(self, queue: str, name: str, interface: str, **fields: object) -> None:
        self.queue(queue).members[interface] = {
            **MEMBER, "Name": name, "Location": interface, "StateInterface": interface,
            **{key: str(value) for key, value in fields.items()}}

    def restart(self) -> None:
        """The PBX was started again: no calls, counters at zero; members stay."""
        self.channels.clear()
        for queue in self.queues.values():
            queue.entries.clear()
            queue.answered = queue.in_level = queue.abandoned_in_level = 0
            queue.params.update(Completed="0", Abandoned="0", Holdtime="0", TalkTime="0")
            queue.level()
            for member in queue.members.values():
                member.update(InCall="0", Status=IDLE, CallsTaken="0", LastCall="0")

    # What events do.

    def apply(self, message: Message, at_us: int) -> None:
        event = message.event
        self._see_channels(message, at_us)
        if event in MEMBER_EVENTS:
            fields = _member_of(message)
            self.queue(message.get("Queue")).members[fields["Location"]] = fields
        elif event == "QueueMemberRemoved":
            self.queue(message.get("Queue")).members.pop(message.get("Interface"), None)
        elif event in _CALL_EVENTS:
            _CALL_EVENTS[event](self, message, at_us)

    def _see_channels(self, message: Message, at_us: int) -> None:
        event, call = message.event, message.get("Uniqueid")
        if event == "Newchannel":
            self.channels[call] = Channel(at_us, {})
        for prefix in ("", "Dest"):
            channel = self.channels.get(message.get(prefix + "Uniqueid"))
            if channel:
                channel.fields.update({key: message.get(prefix + key) for key in CHANNEL if prefix + key in message})
        if event == "Hangup":
            self.channels.pop(call, None)

    def _run(self, call: str, application: str, data: str = "") -> None:
        if call in self.channels:
            self.channels[call].application, self.channels[call].data = application, data

    def _newexten(self, message: Message, _: int) -> None:
        self._run(message.get("Uniqueid"), message.get("Application"), message.get("AppData"))

    def _join(self, message: Message, at_us: int) -> None:
        queue = self.queue(message.get("Queue"))
        place = (message.number("Position") or 1) - 1
        queue.entries.insert(place, Entry(at_us, {key: _plain(message.get(key)) for key in ENTRY}))
        self._run(message.get("Uniqueid"), "Queue", f"{queue.name},tT,,,")

    def _leave(self, message: Message, _: int) -> None:
        queue = self.queue(message.get("Queue"))
        entry = self._entry(queue, message)
        if entry:
            queue.entries.remove(entry)

    @staticmethod
    def _entry(queue: Queue, message: Message) -> Optional[Entry]:
        """An attended transfer may have put another channel in the place of the one that joined."""
        for entry in queue.entries:
            if entry.fields["Uniqueid"] == message.get("Uniqueid"):
                return entry
        place = (message.number("Position") or 1) - 1
        return queue.entries[place] if place < len(queue.entries) else None

    def _abandon(self, message: Message, _: int) -> None:
        queue = self.queue(message.get("Queue"))
        queue.add("Abandoned")
        queue.abandoned_in_level += (message.number("HoldTime") or 0) <= int(queue.params["ServiceLevel"])
        queue.level()

    def _called(self, message: Message, _: int) -> None:
        self._run(message.get("DestUniqueid"), "AppQueue", "(Outgoing Line)")

    def _connect(self, message: Message, _: int) -> None:
        queue = self.queue(message.get("Queue"))
        queue.average("Holdtime", message.number("HoldTime") or 0, queue.answered)
        queue.answered += 1
        member = queue.members.get(message.get("Interface"))
        if member:
            member["InCall"] = IN_CALL

    def _complete(self, message: Message, at_us: int) -> None:
        queue = self.queue(message.get("Queue"))
        queue.average("TalkTime", message.number("TalkTime") or 0, int(queue.params["Completed"]))
        queue.add("Completed")
        queue.in_level += (message.number("HoldTime") or 0) <= int(queue.params["ServiceLevel"])
        queue.level()
        self._run(message.get("Uniqueid"), "")
        member = queue.members.get(message.get("Interface"))
        if member and member["InCall"] == IN_CALL:  # else QueueMemberStatus was there before
            member.update(InCall="0", CallsTaken=str(int(member["CallsTaken"]) + 1),
                          LastCall=str(at_us // SECOND_US))

    def _enter_bridge(self, message: Message, _: int) -> None:
        channel = self.channels.get(message.get("Uniqueid"))
        if channel:
            channel.bridge = message.get("BridgeUniqueid")

    def _leave_bridge(self, message: Message, _: int) -> None:
        channel = self.channels.get(message.get("Uniqueid"))
        if channel and channel.bridge == message.get("BridgeUniqueid"):
            channel.bridge = ""

    def _merge_bridges(self, message: Message, _: int) -> None:
        for channel in self.channels.values():
            if channel.bridge == message.get("FromBridgeUniqueid"):
                channel.bridge = message.get("ToBridgeUniqueid")

    # What is answered: items without ActionID, which the server adds where Asterisk has it.

    def queue_status(self, now_us: int, queue: str = "", member: str = "") -> list[Item]:
        items: list[Item] = []
        for one in self.queues.values():
            if queue and one.name != queue:
                continue
            one.params["Calls"] = str(len(one.entries))
            items.append([("Event", "QueueParams"), ("Queue", one.name), *one.params.items()])
            items += [[("Event", "QueueMember"), ("Queue", one.name), *fields.items()]
                      for fields in one.members.values() if member in ("", fields["Location"])]
            items += [[("Event", "QueueEntry"), ("Queue", one.name), ("Position", str(place)), *entry.fields.items(),
                       ("Wait", str(now_us // SECOND_US - entry.joined_us // SECOND_US)),
                       ("Priority", entry.priority)]
                      for place, entry in enumerate(one.entries, 1)]
        return items

    def queue_summary(self, now_us: int, queue: str = "") -> list[Item]:
        items: list[Item] = []
        for one in self.queues.values():
            if queue and one.name != queue:
                continue
            present = [member for member in one.members.values() if member["Status"] in REACHABLE]
            ready = [member for member in present if member["Paused"] == "0" and member["Status"] in ("0", "1")]
            longest = max((now_us // SECOND_US - entry.joined_us // SECOND_US for entry in one.entries), default=0)
            items.append([("Event", "QueueSummary"), ("Queue", one.name), ("LoggedIn", str(len(present))),
                          ("Available", str(len(ready))), ("Callers", str(len(one.entries))),
                          ("HoldTime", one.params["Holdtime"]), ("TalkTime", one.params["TalkTime"]),
                          ("LongestHoldTime", str(longest))])
        return items

    def core_show_channels(self, now_us: int) -> list[Item]:
        items: list[Item] = []
        for channel in self.channels.values():
            minutes, seconds = divmod(max(now_us - channel.since_us, 0) // SECOND_US, 60)
            items.append([("Event", "CoreShowChannel"),
                          *((key, channel.fields.get(key, "")) for key in CHANNEL),
                          ("Application", channel.application), ("ApplicationData", channel.data),
                          ("Duration", f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"),
                          ("BridgeId", channel.bridge)])
        return items


_CALL_EVENTS = {
    "Newexten": PbxModel._newexten, "QueueCallerJoin": PbxModel._join, "QueueCallerLeave": PbxModel._leave,
    "QueueCallerAbandon": PbxModel._abandon, "AgentCalled": PbxModel._called, "AgentConnect": PbxModel._connect,
    "AgentComplete": PbxModel._complete, "BridgeEnter": PbxModel._enter_bridge,
    "BridgeLeave": PbxModel._leave_bridge, "BridgeMerge": PbxModel._merge_bridges,
}
