"""Recordings of a real Asterisk: the key figures must be those of its own counters and of what really happened.

The logs are moved by whole days to the recent past, so that clocks and retention of the machine that runs the tests
do not matter; nothing else in them is changed."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Optional

import pytest

import compare
import kpi_rows
from oracle import Oracle
from queue_log_legs import Leg
from ringside import Ledger

CAPTURES = Path(__file__).resolve().parents[1] / "data" / "captures"
FOLDERS = sorted(path for path in CAPTURES.iterdir() if path.is_dir())
DAY_S, INTERVAL_S = 86400, 900
RECORDED_DAY = 1795284531 // DAY_S
ROUNDING_S = 1.05  # differences of whole seconds against real time

COUNTED_AS = {
    "ENTERQUEUE": "entered", "CONNECT": "answered", "ABANDON": "abandoned", "EXITWITHTIMEOUT": "exit_timeout",
    "EXITWITHKEY": "exit_key", "EXITEMPTY": "exit_empty", "WITHDRAW": "withdrawn",
}
UNANSWERED = {
    "abandoned": "abandoned", "timeout": "exit_timeout", "key": "exit_key", "leaveempty": "exit_empty",
    "withdrawn": "withdrawn", "cut off while talking": "lost_connected", "cut off while waiting": "lost",
}
ANSWERED = {
    "agent": "completed_operator", "caller": "completed_caller", "blind transfer": "transferred",
    "attended transfer": "transferred",
    "unknown": "completed_caller",  # s13: the caller dialled the transfer, which Asterisk logs as COMPLETECALLER
}
REFUSED = ("joinempty", "full", "unknown")  # Asterisk writes no row for callers whom it does not let in

# Where Asterisk's counters at the end do not tell about the whole log, and why.
COUNTERS_DIFFER = {
    "s33_agentdump": "the caller who left during the announcement has an ABANDON row, which Asterisk did not count",
    "s34_reload": "`queue reset stats` and unloading the module zero the counters and write no row",
}
# The plain count of rows in the recording's own comparison splits at every `|`, which a member's name may hold.
ROW_COUNT_DIFFERS = {"s29_names"}
# Rows that QueueLog() and AMI wrote by hand.
ODD_ROWS = {"s32_custom_log": {"unknown_verbs": 2, "orphan_ends": 1}, "s24_kill9": {"lost_restart": 3}}


class Capture:
    def __init__(self, folder: Path, tmp_path: Path) -> None:
        self.name = folder.name
        self.expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
        shift_s = (int(time.time()) // DAY_S - 30 - RECORDED_DAY) * DAY_S
        self.logs = [moved(path, tmp_path / path.name, shift_s) for path in sorted(folder.iterdir())
                     if path.name.startswith(("queue_log", "qlog"))]
        self.oracle = Oracle(self.logs)


def moved(source: Path, target: Path, shift_s: int) -> Path:
    rows = (line.partition(b"|") for line in source.read_bytes().splitlines(keepends=True))
    target.write_bytes(b"".join(b"%d|%s" % (int(stamp) + shift_s, rest) for stamp, _, rest in rows))
    return target


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> Capture:
    return Capture(request.param, tmp_path)


def test_all_captures_are_here() -> None:
    assert len(FOLDERS) == 48


def test_counts_equal_what_happened(capture: Capture) -> None:
    rows = {row["queue"]: row for row in capture.oracle.rows()}
    for queue in capture.expected["queues"]:
        row = rows.get(queue["queue"])
        found = {verb: row[name] if row else 0 for verb, name in COUNTED_AS.items()}
        found["COMPLETE"] = row["answered"] - row["lost_connected"] if row else 0
        assert found == queue["truth"], queue["queue"]
        if capture.name not in ROW_COUNT_DIFFERS:
            assert found == queue["queue_log"], queue["queue"]
    missed = sum(row["ring_no_answer"] for row in rows.values())
    assert missed == capture.expected["events"].get("RINGNOANSWER", 0)


def test_rows_are_all_understood(capture: Capture) -> None:
    odd = {name: count for name, count in capture.oracle.quality.items()
           if count and name not in ("lines", "events", "restarts", "reloads")}
    assert odd == ODD_ROWS.get(capture.name, {})
    assert all(row["balanced"] for row in capture.oracle.rows(INTERVAL_S))


def last_start(oracle: Oracle, logs: list[Path]) -> int:
    stamps = [int(line.partition(b"|")[0]) for path in logs for line in path.read_bytes().splitlines()
              if b"|QUEUESTART|" in line]
    return max(stamps, default=0)


def asterisk_counters(legs: list[Leg], threshold_s: int) -> dict[str, Optional[str]]:
    """C, A, SL and SL2 of `queue show` from legs, as the README of the recordings rebuilds them."""
    completed = [leg for leg in legs if leg.outcome in ("completed_operator", "completed_caller", "transferred")]
    left = [leg for leg in legs if leg.outcome in ("abandoned", "exit_timeout", "exit_empty", "withdrawn")]
    good, gone = (sum(leg.wait_ms <= threshold_s * 1000 for leg in group) for group in (completed, left))
    return {
        "Completed": str(len(completed)), "Abandoned": str(len(left)),
        "ServicelevelPerf": f"{100 * good / len(completed) if completed else 0:.1f}",
        "ServicelevelPerf2": f"{100 * (good + gone) / len(completed + left) if completed + left else 0:.1f}",
    }


def test_asterisks_final_counters(capture: Capture) -> None:
    if capture.name in COUNTERS_DIFFER:
        counters = asterisk_counters(capture.oracle.legs, 5)
        own = capture.expected["queues"][0]["asterisk"]
        assert any(counters[name] != own[name] for name in counters), "the exception is needed no more"
        return
    since_s = last_start(capture.oracle, capture.logs)  # counters begin anew with every start
    for queue in capture.expected["queues"]:
        if queue["asterisk"]["Completed"] is None:  # s07 calls a queue that does not exist
            continue
        legs = [leg for leg in capture.oracle.legs if leg.queue == queue["queue"] and leg.enter_s >= since_s]
        counters = asterisk_counters(legs, capture.expected["service_level_seconds"][queue["queue"]])
        assert counters == {name: queue["asterisk"][name] for name in counters}, queue["queue"]


def test_service_level_is_asterisks(capture: Capture) -> None:
    """The same by the methods that carry Asterisk's name, where no call was cut and no counter zeroed."""
    if capture.name in COUNTERS_DIFFER or capture.name in ("s24_kill9", "s25_stop_now"):
        return
    for queue in capture.expected["queues"]:
        bucket = capture.oracle.buckets().get((queue["queue"], None))
        if bucket is None:
            continue
        threshold_s = capture.expected["service_level_seconds"][queue["queue"]]
        for method, field in (("asterisk_sl", "ServicelevelPerf"), ("asterisk_sl2", "ServicelevelPerf2")):
            value = bucket.service_level(method, threshold_s, kpi_rows.DEFAULT_SHORT_S)
            assert f"{100 * (value or 0):.1f}" == queue["asterisk"][field], (queue["queue"], method)


def test_legs_equal_visits(capture: Capture) -> None:
    legs: dict[str, list[Leg]] = defaultdict(list)
    for leg in capture.oracle.legs:
        legs[leg.call_id].append(leg)
    for visit in capture.expected["visits"]:
        if visit["outcome"] in REFUSED:
            continue
        leg = legs[visit["uniqueid"]].pop(0)
        answered = visit["outcome"] == "answered"
        assert leg.queue == visit["queue"]
        assert leg.outcome == (ANSWERED[visit["ended_by"]] if answered else UNANSWERED[visit["outcome"]]), visit
        for mine, real in ((leg.wait_ms, visit.get("wait")), (leg.talk_ms, visit.get("talk"))):
            assert mine is None or real is None or abs(mine / 1000 - real) <= ROUNDING_S, visit
    assert not any(legs.values()), "legs that nobody made"


def test_ringside_equals_oracle(capture: Capture, tmp_path: Path) -> None:
    oracle = capture.oracle
    with Ledger(tmp_path / "ledger", capture.logs[::-1]) as ledger:
        problems = ringside_problems(oracle, ledger)
    assert not problems, "\n".join(problems)


def ringside_problems(oracle: Oracle, ledger: Ledger) -> list[str]:
    from_s = oracle.facts.newest_s // DAY_S * DAY_S
    span = (from_s, from_s + DAY_S)
    problems = compare.differences(oracle.rows(), ledger.kpi(*span), oracle.quality)
    problems += compare.differences(oracle.rows(INTERVAL_S), ledger.kpi(*span, by="queue,interval"), oracle.quality)
    problems += compare.quality_differences(oracle.quality, ledger.status()["quality"])
    for method in ("asterisk_sl", "asterisk_sl2"):
        rows = ledger.kpi(*span, "--service-level", "5s", "--service-level-method", method)
        problems += compare.differences(oracle.rows(None, method, 5.0), rows, oracle.quality)
    return problems
