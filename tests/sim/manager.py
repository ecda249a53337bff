"""The simulated PBX's manager interface: tells the same calls as the log, to the microsecond, and what a log lacks:
who rings, holds, how operators stand, refused callers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, Optional

sys.path.append(str(Path(__file__).resolve().parent.parent / "support"))

from ami_server import AmiServer
from call import Call
from centre import Centre
from logfile import LogFile, Noise
from people import Operator, Plan, Queue

USER, SECRET = "ringside", "simulated"
WRAP_UP_S = 10
IDLE, IN_USE, RINGING = "1", "2", "6"
HANG_UP_S = 0.3  # a caller who has left everything by then is gone
REASONS = {"EXITWITHTIMEOUT": "TIMEOUT", "EXITEMPTY": "LEAVEEMPTY", "WITHDRAW": "WITHDRAW"}
ENDS = {"COMPLETECALLER": "caller", "COMPLETEAGENT": "agent"}

Fields = dict[str, object]


def open_server() -> AmiServer:
    return AmiServer(users={USER: SECRET}, timestamps=True, system_name="")


class ManagedCentre(Centre):
    """Transfers into another queue while its caller talks on are left out: Asterisk tells them by ids that the
    simulated log does not have."""

    def __init__(self, plan: Plan, log: LogFile, noise: Optional[Noise], server: AmiServer) -> None:
        super().__init__(plan, log, noise)
        self.server = server
        self.now_s = float(plan.start_s)
        self.callers: set[str] = set()  # ids of the channels that are there
        self.desks: dict[Operator, str] = {}  # ids of operators' channels
        self.paused: dict[Operator, str] = {}
        self.logins: dict[Operator, int] = {}
        self.channel_count = 0

    def run(self, done: Callable[[float], bool], wait_until: Optional[Callable[[float], None]] = None) -> None:
        def wait(time_s: float) -> None:
            if wait_until is not None:
                wait_until(time_s)
            self.now_s = time_s

        super().run(done, wait)

    # --- telling

    def _tell(self, event: str, privilege: str, *parts: Fields, **more: object) -> None:
        fields: Fields = {"Event": event, "Privilege": f"{privilege},all"}
        for part in (*parts, more):
            fields.update(part)
        self.server.send(fields, int(self.now_s * 1e6))

    @staticmethod
    def _caller(call: Call) -> Fields:
        number = call.number or "<unknown>"
        return {"Channel": f"PJSIP/trunk-{call.log_id}", "ChannelState": "6", "CallerIDNum": number,
                "CallerIDName": "<unknown>", "Context": "queues", "Exten": "s", "Priority": "1",
                "Uniqueid": call.log_id, "Linkedid": call.log_id}

    def _desk(self, call: Call, operator: Operator) -> Fields:
        return {"DestChannel": f"{operator.interface.removesuffix('/n')}-{self.desks[operator]};1",
                "DestUniqueid": self.desks[operator], "DestLinkedid": call.log_id, "Queue": call.queue.name,
                "Interface": operator.interface, "MemberName": operator.name}

    def _at_desk(self, call: Call) -> Fields:
        desk = self._desk(call, call.operator)
        return {"Channel": desk["DestChannel"], "Uniqueid": desk["DestUniqueid"], "Linkedid": call.log_id}

    def _member(self, event: str, operator: Operator, status: str) -> None:
        reason = self.paused.get(operator)
        for queue in operator.queues:
            self._tell(event, "agent", {
                "Queue": queue.name, "MemberName": operator.name, "Interface": operator.interface,
                "StateInterface": operator.interface, "Membership": "dynamic", "Penalty": 0, "CallsTaken": 0,
                "LastCall": 0, "LastPause": 0, "LoginTime": self.logins[operator], "InCall": int(status == IN_USE),
                "Status": status, "Paused": int(reason is not None), "PausedReason": reason or "", "Ringinuse": 0,
                "Wrapuptime": WRAP_UP_S})

    # --- operators

    def _shift_on(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.state == "off":
            self.logins[operator] = int(time_s)
            self._member("QueueMemberAdded", operator, IDLE)
        super()._shift_on(time_s, operator, version)

    def _gone_home(self, time_s: float, operator: Operator) -> None:
        self._member("QueueMemberRemoved", operator, IDLE)
        super()._gone_home(time_s, operator)

    def _pause_rows(self, stamp: int, operator: Operator, verb: str, reason: str) -> None:
        if verb == "PAUSE":
            self.paused[operator] = reason
        else:
            self.paused.pop(operator, None)
        self._member("QueueMemberPause", operator, IDLE)
        super()._pause_rows(stamp, operator, verb, reason)

    # --- callers

    def _run_queue(self, call: Call, queue: Queue) -> None:
        self._tell("Newexten", "dialplan", self._caller(call), Application="Queue", AppData=f"{queue.name},,,,")

    def _refuse(self, stamp: int, queue: Queue, verb: str) -> None:
        call = Call(self._new_id(stamp, 2), self._number())
        self._run_queue(call, queue)
        self._tell("VarSet", "dialplan", self._caller(call), Variable="QUEUESTATUS", Value=verb)
        super()._refuse(stamp, queue, verb)

    def _enter(self, time_s: float, call: Call, queue: Queue, by_transfer: bool) -> None:
        if call.log_id not in self.callers:
            self.callers.add(call.log_id)
            self._tell("Newchannel", "call", self._caller(call))
        place = len(queue.waiting) + 1
        self._run_queue(call, queue)
        self._tell("QueueCallerJoin", "agent", self._caller(call), Queue=queue.name, Position=place, Count=place)
        super()._enter(time_s, call, queue, by_transfer)

    def _leave_queue(self, time_s: float, call: Call, verb: str, counter: str, kind: str, extra: str = "") -> None:
        place = list(call.queue.waiting).index(call) + 1
        super()._leave_queue(time_s, call, verb, counter, kind, extra)
        caller, where = self._caller(call), {"Queue": call.queue.name, "Position": place}
        if verb == "ABANDON":
            self._tell("HangupRequest", "call", caller, Cause=16)
        if verb != "EXITWITHKEY":
            self._tell("QueueCallerAbandon", "agent", caller, where, OriginalPosition=call.position,
                       HoldTime=int(time_s) - call.start)
        self._tell("QueueCallerLeave", "agent", caller, where, Count=len(call.queue.waiting))
        if verb in REASONS:
            self._tell("VarSet", "dialplan", caller, Variable="QUEUESTATUS", Value=REASONS[verb])

    def _over(self, call: Call) -> None:
        super()._over(call)
        self.push(self.now_s + HANG_UP_S, self._maybe_gone, call)

    def _maybe_gone(self, _time_s: float, call: Call, _version: int) -> None:
        if call.log_id in self.callers and all(other.log_id != call.log_id for other in self.calls):
            self.callers.remove(call.log_id)
            self._tell("Hangup", "call", self._caller(call), Cause=16)

    # --- ringing

    def _ring(self, time_s: float, call: Call, operator: Operator) -> None:
        super()._ring(time_s, call, operator)
        self.channel_count += 1
        self.desks[operator] = f"{int(time_s)}.desk{self.channel_count}"
        desk = self._desk(call, operator)
        self._tell("Newchannel", "call", {"Channel": desk["DestChannel"], "Uniqueid": desk["DestUniqueid"],
                                          "Linkedid": call.log_id})
        self._tell("AgentCalled", "agent", self._caller(call), desk)
        self._member("QueueMemberStatus", operator, RINGING)

    def _desk_over(self, call: Call, operator: Operator) -> None:
        desk = self._desk(call, operator)
        self._tell("Hangup", "call", {"Channel": desk["DestChannel"], "Uniqueid": desk["DestUniqueid"],
                                      "Linkedid": call.log_id}, Cause=16)
        self._member("QueueMemberStatus", operator, IDLE)

    def _ring_no_answer_row(self, stamp: int, call: Call, operator: Operator, rung_ms: int) -> None:
        self._tell("AgentRingNoAnswer", "agent", self._caller(call), self._desk(call, operator),
                   RingTime=rung_ms // 1000)
        self._desk_over(call, operator)
        super()._ring_no_answer_row(stamp, call, operator, rung_ms)

    def _stop_ringing(self, time_s: float, call: Call, caller_left: bool) -> None:
        if call.ringing is not None and caller_left:
            self._tell("DialEnd", "call", self._caller(call), self._desk(call, call.ringing), DialStatus="CANCEL")
            self._desk_over(call, call.ringing)
        super()._stop_ringing(time_s, call, caller_left)

    def _dumped(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version == version:
            self._tell("AgentDump", "agent", self._caller(operator.call), self._desk(operator.call, operator))
            self._desk_over(operator.call, operator)
        super()._dumped(time_s, operator, version)

    # --- talking

    def _answered(self, time_s: float, operator: Operator, version: int) -> None:
        if operator.version == version:
            call = operator.call
            caller, desk = self._caller(call), self._desk(call, operator)
            place = list(call.queue.waiting).index(call) + 1
            self._tell("DialEnd", "call", caller, desk, DialStatus="ANSWER")
            self._tell("QueueCallerLeave", "agent", caller, Queue=call.queue.name, Position=place,
                       Count=len(call.queue.waiting) - 1)
            self._tell("AgentConnect", "agent", caller, desk, HoldTime=int(time_s) - call.start,
                       RingTime=int(time_s - call.ring_began))
            self._member("QueueMemberStatus", operator, IN_USE)
            for channel in (call.log_id, self.desks[operator]):
                self._tell("BridgeEnter", "call", Uniqueid=channel, BridgeUniqueid=f"bridge-{self.desks[operator]}")
        super()._answered(time_s, operator, version)

    def _hold(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version:
            call.held_since = int(time_s)
            self._tell("Hold", "call", self._at_desk(call))

    def _unhold(self, time_s: float, call: Call, version: int) -> None:
        if call.version == version and call.held_since is not None:
            self._tell("Unhold", "call", self._at_desk(call))
            self._hold_over(call, int(time_s))

    def _talk_over(self, time_s: float, call: Call, verb: str, before: str = "", transferred: bool = False,
                   row_id: Optional[str] = None) -> None:
        operator = call.operator
        desk = self._desk(call, operator)
        if transferred:
            self._tell("BlindTransfer" if verb == "BLINDTRANSFER" else "AttendedTransfer", "call", Result="Success",
                       TransfererUniqueid=desk["DestUniqueid"], OrigTransfererUniqueid=desk["DestUniqueid"],
                       TransfereeUniqueid=call.log_id)
        self._tell("AgentComplete", "agent", self._caller(call), desk, HoldTime=call.connect - call.start,
                   TalkTime=int(time_s) - call.connect, Reason=ENDS.get(verb, "transfer"))
        self._desk_over(call, operator)
        super()._talk_over(time_s, call, verb, before, transferred, row_id)

    def _consult(self, time_s: float, call: Call, version: int) -> None:
        self._attended_out(time_s, call, version)
