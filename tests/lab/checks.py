"""What was seen on all sides after a run, held against each other: the rows of queue_log, Asterisk's own counters, what
the driver saw happen, and what each agent says."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Optional

import agents
import driver
import pbx
import record
import rows

FROM_LOG = ("entered", "answered", "abandoned", "exit_timeout", "exit_empty", "exit_key", "withdrawn",
            "ring_no_answer", "transferred_out")
FROM_VISITS = ("entered", "answered", "abandoned", "exit_timeout", "exit_empty", "exit_key", "withdrawn")
REFUSED = ("full", "joinempty")
AGREES, EXPLAINED, DIFFERS = "agrees", "explained", "DIFFERS"
READ_S = 30
ANNOUNCED = "announced"

# Two clocks and threads of Asterisk's between a thing and its event: seen to be below 5 ms, on a loaded machine more.
EVENT_SLACK_MS = 50
# The span begins with the agent's first snapshot and ends when it was told to stop: neither is told to the ms.
EDGE_MS = 500
STATE_SLACK_MS = 100
EDGES = ("ready", "paused")
STATES = {"ready": "ready_ms", "ring": "ring_ms", "talk": "talk_time_ms", "hold": "hold_time_ms", "wrap": "wrap_ms",
          "paused": "paused_ms", "busy": "busy_ms", "unavailable": "unavailable_ms"}

# A span in queue_log is a difference of two whole seconds, and Asterisk's own event comes up to a few ms later.
WHOLE_SECOND_MS = 1010
FAR_MS = 10**9
SELDOM = 0.03


@dataclass
class Load:
    elapsed_s: float
    cpu_s: float
    idle_rate: float
    actions: int
    received_bytes: int
    filtered: bool


@dataclass
class Finding:
    group: str
    what: str
    expected: str
    found: str
    verdict: str
    why: str = ""


def milliseconds(rfc: str) -> int:
    return round(datetime.fromisoformat(rfc.replace("Z", "+00:00")).timestamp() * 1000)


def rfc3339(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


class Report:
    def __init__(self, caller: driver.Driver, box: pbx.Pbx, watching: list[agents.Agent], heard: record.Record,
                 started: float) -> None:
        self.caller = caller
        self.box = box
        self.agents = watching
        self.heard = heard
        self.started = started
        self.findings: list[Finding] = []
        self.rows = rows.read(box.queue_log)
        self.log = rows.flow(self.rows)
        self.visits = self._count_visits()
        self.kpi: dict[str, dict[str, dict[str, Any]]] = {}
        self.status: dict[str, dict[str, Any]] = {}

    def _count_visits(self) -> dict[str, Counter[str]]:
        queues: dict[str, Counter[str]] = {}
        for visit in self.caller.visits:
            counter = queues.setdefault(visit.queue, Counter())
            counter[visit.outcome] += 1
            counter["entered"] += visit.outcome not in REFUSED
            counter["blocked"] += visit.outcome in REFUSED
        return queues

    def note(self, group: str, what: str, expected: object, found: object, *, slack: float = 0, why: str = "") -> None:
        """Equal, or within the slack, agrees; else a reason makes the difference an explained one."""
        if isinstance(expected, (int, float)) and isinstance(found, (int, float)):
            same = abs(expected - found) <= slack
        else:
            same = expected == found
        verdict = AGREES if same else EXPLAINED if why else DIFFERS
        self.findings.append(Finding(group, what, str(expected), str(found), verdict, "" if same else why))

    # Gathering

    def _ask(self, agent: agents.Agent) -> None:
        if agent.name != agents.AMI:
            deadline = time.monotonic() + READ_S
            while agent.ask("status")["quality"]["lines"] < len(self.rows) and time.monotonic() < deadline:
                time.sleep(0.2)
        self.status[agent.name] = agent.ask("status")
        answer = agent.ask("kpi", "--from", rfc3339(self.started - 900), "--to", rfc3339(time.time() + 900))
        self.kpi[agent.name] = {row["queue"]: row for row in answer["rows"]}

    def check_all(self) -> None:
        for agent in self.agents:
            self._ask(agent)
        self.check_rows_against_visits()
        self.check_asterisks_counters()
        for agent in self.agents:
            self.check_flow(agent)
            self.check_levels(agent)
            self.check_holds(agent)
            self.check_health(agent)
        self.check_agents_with_each_other()
        for agent in self.agents:
            until_ms = round(time.time() * 1000)
            self.note(f"agent {agent.name}, health", "exit status", 0, agent.stop())
            self.check_operators(agent, until_ms)
            self.check_calls(agent)
        for refused in self.caller.refused_deeds:
            self.findings.append(Finding("lab", refused, "done", "refused", EXPLAINED,
                                         "no such member or channel then"))

    # Each check

    def _by_queue(self, group: str, field: str, expected: Callable[[str], int], found: Callable[[str], int],
                  why: str = "") -> None:
        """One finding for all queues that agree, and one for each that does not."""
        queues = sorted(set(self.log) | set(self.visits))
        bad = [queue for queue in queues if expected(queue) != found(queue)]
        total = sum(map(expected, queues)), sum(map(found, queues))
        if not bad:
            self.note(group, f"{field}, {len(queues)} queues", *total)
        for queue in bad:
            self.note(group, f"{field}, {queue}", expected(queue), found(queue), why=why)

    def check_rows_against_visits(self) -> None:
        for field in FROM_VISITS:
            self._by_queue("queue_log = calls made", field, lambda queue: self.visits.get(queue, Counter())[field],
                           lambda queue: self.log.get(queue, Counter())[field])

    def check_asterisks_counters(self) -> None:
        final = self.caller.counters()
        levels_s = {name: int(queue["ServiceLevel"]) for name, queue in final.queues.items()}
        members: dict[str, set[str]] = {}
        for member in self.caller.before_reset.members if self.caller.before_reset else []:
            members.setdefault(member["Queue"], set()).add(member["Name"])
        rebuilt = rows.rebuild(rows.after_mark(self.rows), levels_s, members)
        group = "QueueStatus = queue_log"
        for name, queue in sorted(final.queues.items()):
            mine = rebuilt[name]
            said = [queue["Completed"], queue["Abandoned"], queue["TalkTime"]]
            made = [str(mine.completed), str(mine.abandoned), str(mine.talktime)]
            self.note(group, f"{name}: completed, abandoned, talk", " ".join(said), " ".join(made))
            said = [queue["Holdtime"], queue["ServicelevelPerf"], queue["ServicelevelPerf2"]]
            made = [str(mine.holdtime), f"{mine.level():.1f}", f"{mine.level2():.1f}"]
            self.note(group, f"{name}: hold, service levels", " ".join(said), " ".join(made),
                      why="Asterisk's wait ends before the announcement, the row's after" if name == ANNOUNCED else "")
        before = self.caller.before_reset
        for agent in self.agents:
            completed = sum(queue.straddling for queue in rebuilt.values())
            abandoned = 0
            for name, queue in final.queues.items():
                earlier = before.queues[name] if before else {"Completed": "0", "Abandoned": "0"}
                completed += int(queue["Completed"]) + int(earlier["Completed"])
                abandoned += int(queue["Abandoned"]) + int(earlier["Abandoned"])
            kpi = self.kpi[agent.name].values()
            group = f"agent {agent.name} = QueueStatus"
            self.note(group, "Completed: talk_ms.count", completed, sum(row["talk_ms"]["count"] for row in kpi))
            self.note(group, "Abandoned: abandoned + timeout + empty + withdrawn", abandoned,
                      sum(row[field] for row in kpi
                          for field in ("abandoned", "exit_timeout", "exit_empty", "withdrawn")))

    def check_flow(self, agent: agents.Agent) -> None:
        kpi = self.kpi[agent.name]
        for field in FROM_LOG:
            self._by_queue(f"agent {agent.name} = queue_log", field,
                           lambda queue: self.log.get(queue, Counter())[field],
                           lambda queue: kpi.get(queue, {}).get(field, 0))
        sees = agent.name != agents.LOG
        self._by_queue(f"agent {agent.name} = calls made", "blocked (full, joinempty)",
                       lambda queue: self.visits.get(queue, Counter())["blocked"] if sees else 0,
                       lambda queue: kpi.get(queue, {}).get("blocked", 0))
        self.note(f"agent {agent.name} = calls made", "balanced in all queues", True,
                  all(row["balanced"] for row in kpi.values()))

    def check_calls(self, agent: agents.Agent) -> None:
        """Each answered or abandoned call's wait and conversation against the driver's, as finely as the agent's
        sources tell: with AMI to the millisecond, with the log to the whole seconds it is made of."""
        closed = agent.ask_ledger("calls", "--from", rfc3339(self.started - 60), "--to", rfc3339(time.time() + 60),
                                  "--limit", "10000")["closed"]
        told: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for call in closed:
            told.setdefault((call["call_id"], call["queue"]), []).append(call)
        slack = WHOLE_SECOND_MS if agent.name == agents.LOG else EVENT_SLACK_MS
        fine = Counter()
        coarse = Counter()
        for visit in self.caller.visits:
            if visit.outcome not in ("answered", "abandoned"):
                continue
            spans = {"waits": (visit.left - visit.came, "wait_ms", 0)}
            if visit.outcome == "answered":
                spans["conversations"] = (visit.ended - visit.left, "talk_ms", "hold_ms")
            calls = told.get((visit.uniqueid, visit.queue), [])
            # Where the driver did not see who hung up, it knows the end less well than the agent.
            near = WHOLE_SECOND_MS if visit.how == "unseen" else slack
            for what, (length_s, field, more) in spans.items():
                # One call may have been in this queue twice: a stay without an answer has no conversation.
                off = [abs(call[field] + (call[more] if more else 0) - length_s * 1000) for call in calls
                       if call[field] is not None]
                fine[what] += min(off, default=FAR_MS) <= near
                coarse[what] += near < min(off, default=FAR_MS)
                if min(off, default=FAR_MS) > max(slack, WHOLE_SECOND_MS):
                    self.note(f"agent {agent.name} = calls made", f"{what} of {visit.uniqueid} in {visit.queue}, ms",
                              round(length_s * 1000), [call[field] for call in calls])
        for what in fine:
            known = agent.name == agents.BOTH and coarse[what] <= 1 + SELDOM * fine[what]
            self.note(f"agent {agent.name} = calls made", f"{what} told within {slack} ms", fine[what] + coarse[what],
                      fine[what], why="the log's whole seconds: the row was read before its event" if known else "")

    def check_levels(self, agent: agents.Agent) -> None:
        """Each queue's service level at its own threshold: with the log alone Asterisk's, to the second; with AMI that
        of the true waits, where only those at the very threshold may go either way."""
        final = self.caller.counters()
        whole = rows.rebuild(self.rows, {name: int(queue["ServiceLevel"]) for name, queue in final.queues.items()},
                             {})
        group = f"agent {agent.name}, service level of the whole run"
        for name, queue in sorted(final.queues.items()):
            if name not in self.kpi[agent.name]:
                continue  # nobody came
            level_s = int(queue["ServiceLevel"])
            answer = agent.ask("kpi", "--from", rfc3339(self.started - 900), "--to", rfc3339(time.time() + 900),
                               "--queue", name, "--service-level", f"{level_s}s",
                               "--service-level-method", "asterisk_sl")
            found = answer["rows"][0]["service_level"]["value"] if answer["rows"] else None
            found = None if found is None else round(100 * found, 1)
            waits = [visit.left - visit.came for visit in self.caller.visits
                     if visit.outcome == "answered" and visit.queue == name]
            if agent.name == agents.LOG or not waits:
                self.note(group, f"{name}, {level_s} s", round(whole[name].level(), 1) if waits else None, found,
                          slack=0.01)
                continue
            within = sum(wait <= level_s for wait in waits)
            close = sum(abs(wait - level_s) * 1000 <= EVENT_SLACK_MS for wait in waits)
            self.note(group, f"{name}, {level_s} s", round(100 * within / len(waits), 1), found,
                      slack=0.1 + 100 * close / len(waits))

    def check_holds(self, agent: agents.Agent) -> None:
        kpi = self.kpi[agent.name].values()
        held = [visit for visit in self.caller.visits if visit.holds]
        sees = agent.name != agents.LOG
        expected = round(sum(visit.held for visit in held) * 1000) if sees else 0
        group = f"agent {agent.name} = calls made"
        holds = sum(visit.holds for visit in held) if sees else 0
        self.note(group, "holds", holds, sum(row["hold_ms"]["count"] for row in kpi))
        self.note(group, "on hold, ms in all", expected, sum(row["hold_ms"]["sum"] for row in kpi),
                  slack=5 * len(held) if sees else 0)

    def check_health(self, agent: agents.Agent) -> None:
        quality = self.status[agent.name]["quality"]
        group = f"agent {agent.name}, health"
        if agent.name != agents.AMI:
            self.note(group, "lines read", len(self.rows), quality["lines"])

    def check_operators(self, agent: agents.Agent, until_ms: int) -> None:
        """States add up to the logged-in time exactly, and each is what the events say by definition. A running agent
        tells what goes on some seconds late; this one has stopped, and so told all."""
        if agent.name == agents.LOG:
            return
        live = self.status[agent.name].get("live") or {}
        answer = agent.ask_ledger("operators")
        self.caller.ami.pump(0.2)
        truth = record.shifts(self.heard, milliseconds(live["since"]), until_ms)
        group = f"agent {agent.name}, operators"
        told = {row["operator"]: row for row in answer["operators"]}
        for name, shift in sorted(truth.items()):
            row = told.get(name, {})
            if row.get("logged_in_ms") is None:
                self.note(group, f"{name}: time logged in", shift.logged_in_ms, "not told")
                continue
            self.note(group, f"{name}: states add up to logged_in_ms", row["logged_in_ms"],
                      sum(row[field] for field in STATES.values()))
            differing = {state: (shift.state_ms[state], row[field]) for state, field in STATES.items()
                         if abs(shift.state_ms[state] - row[field]) > (EDGE_MS if state in EDGES else STATE_SLACK_MS)}
            self.note(group, f"{name}: each state as the events say, ms / told", {}, differing)

    def check_agents_with_each_other(self) -> None:
        first: Optional[agents.Agent] = self.agents[0] if self.agents else None
        for agent in self.agents[1:]:
            group = f"agent {agent.name} = agent {first.name}"
            theirs, ours = self.kpi[first.name], self.kpi[agent.name]
            for field in (*FROM_LOG, "transferred_in", "lost", "waiting_end"):
                self._by_queue(group, field, lambda queue: theirs.get(queue, {}).get(field, 0),
                               lambda queue: ours.get(queue, {}).get(field, 0))
            for field in FROM_LOG[:-2]:
                self._by_queue(group, f"cohort {field}",
                               lambda queue: theirs.get(queue, {}).get("cohort", {}).get(field, 0),
                               lambda queue: ours.get(queue, {}).get("cohort", {}).get(field, 0))

    def check_load(self, without: Load, with_agent: Load) -> None:
        group = "load on the PBX"
        for what, one in (("without an agent", without), ("with one (AMI)", with_agent)):
            self.findings.append(Finding(group, what, "", f"{one.cpu_s:.2f} s CPU over {one.elapsed_s:.0f} s of calls, "
                                         f"idle {one.idle_rate * 1000:.1f} ms/s", AGREES))
        self.findings.append(Finding(group, "the agent's", "", f"{with_agent.actions} actions, "
                                     f"{'filtered' if with_agent.filtered else 'not filtered'}, "
                                     f"{with_agent.received_bytes} bytes received, Asterisk's CPU "
                                     f"{100 * (with_agent.cpu_s / without.cpu_s - 1):+.0f} %", AGREES))

    # Telling

    def passed(self) -> bool:
        return all(finding.verdict != DIFFERS for finding in self.findings)

    def print(self) -> None:
        group = ""
        for finding in self.findings:
            if finding.group != group:
                group = finding.group
                print(f"\n{group}")
            told = finding.found if finding.expected in ("", finding.found) else f"{finding.expected} / {finding.found}"
            print(f"  {finding.verdict:9}  {finding.what:60}  {told}{'  (' + finding.why + ')' if finding.why else ''}")
        outcomes = Counter(visit.outcome for visit in self.caller.visits)
        verdicts = Counter(finding.verdict for finding in self.findings)
        print(f"\n{len(self.caller.live)} calls, {len(self.caller.visits)} visits to queues: "
              + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
              + f"; {sum(visit.holds for visit in self.caller.visits)} holds")
        print(f"{verdicts[AGREES]} agree, {verdicts[EXPLAINED]} differ for a known reason, "
              f"{verdicts[DIFFERS]} differ: {'passed' if self.passed() else 'FAILED'}")
