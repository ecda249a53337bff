"""Rows that make no sense together, by the thousand: the programs must follow the written rules to the letter, and
every interval must balance. What the simulator would never write, a broken box might."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

import compare
from oracle import Oracle
from ringside import Ledger

DAY_S, INTERVAL_S = 86400, 900
ROWS = 600
IDS = tuple(f"c{index}" for index in range(6)) + ("NONE",)
QUEUES = ("sales", "billing", "NONE")
OPERATORS = ("Ana Souza", "Bob Johnson", "Pipe|Name", "NONE")
VERBS = (
    *("ENTERQUEUE",) * 8, *("CONNECT",) * 6, *("COMPLETEAGENT", "COMPLETECALLER") * 2, "BLINDTRANSFER",
    "ATTENDEDTRANSFER", "TRANSFER", *("ABANDON",) * 2, "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY", "WITHDRAW",
    "RINGNOANSWER", "RINGCANCELED", "AGENTDUMP", "CALLERONHOLD", "CALLEROFFHOLD", "FULL", "JOINEMPTY", "SURVEY",
)
NAMELESS = ("ENTERQUEUE", "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY", "WITHDRAW", "FULL", "JOINEMPTY")


class Chaos:
    """Small numbers, few ids: so that the rules for races, swaps and repetitions all find something to do."""

    def __init__(self, seed: int, jumps: float = 0.004) -> None:
        self.rng = random.Random(seed)
        self.jumps = jumps  # how often nothing happens for about a day
        self.now = int(time.time()) // DAY_S * DAY_S - 30 * DAY_S

    def rows(self) -> list[str]:
        return [self.row() for _ in range(ROWS)]

    def row(self) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < self.jumps:
            self.now += rng.randrange(20 * 3600, 30 * 3600)
        elif draw < 0.03:
            self.now += rng.randrange(100, 1000)
        elif draw < 0.6:
            self.now += rng.randrange(0, 8)
        at = self.now - rng.randrange(11, 2000) if rng.random() < 0.02 else self.now
        if rng.random() < 0.004:
            return f"{at}|NONE|NONE|NONE|QUEUESTART|"
        verb = rng.choice(VERBS)
        call, queue = rng.choice(IDS), rng.choice(QUEUES[:2] * 20 + QUEUES)
        operator = "NONE" if verb in NAMELESS else rng.choice(OPERATORS)
        return f"{at}|{call}|{queue}|{operator}|{verb}|{self.params(verb)}"

    def seconds(self) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < 0.02:
            return str(rng.choice((-1, -3600, 86400, 86401, 999999)))
        return "" if draw < 0.03 else str(rng.randrange(0, 12))

    def params(self, verb: str) -> str:
        hold, talk = self.seconds(), self.seconds()
        position = self.rng.randrange(1, 4)
        forms = {
            "ENTERQUEUE": f"|555{self.rng.randrange(3)}|{position}",
            "CONNECT": self.rng.choice((f"{hold}|op.1|{talk}", hold, "")),
            "COMPLETEAGENT": f"{hold}|{talk}|{position}", "COMPLETECALLER": f"{hold}|{talk}|{position}",
            "BLINDTRANSFER": f"701|xfer|{hold}|{talk}|{position}",
            "ATTENDEDTRANSFER": self.rng.choice((f"BRIDGE|b1|{hold}|{talk}|{position}",
                                                 f"LINK|SIP/1|SIP/2|{hold}|{talk}|{position}")),
            "TRANSFER": self.rng.choice((f"300|from|{hold}|{talk}", "300|from", f"300|from|{hold}|{talk}|{position}")),
            "ABANDON": f"{position}|{position}|{hold}", "EXITEMPTY": f"{position}|{position}|{hold}",
            "EXITWITHTIMEOUT": self.rng.choice((f"{position}|{position}|{hold}", f"{position}")),
            "EXITWITHKEY": f"1|{position}|{position}|{hold}", "WITHDRAW": f"{position}|{position}|{hold}|x|y",
            "RINGNOANSWER": "5000", "RINGCANCELED": "1200",
        }
        return forms.get(verb, "")


@pytest.mark.parametrize("seed", range(1, 31))
def test_random_rows(tmp_path: Path, seed: int) -> None:
    log = tmp_path / "queue_log"
    chaos = Chaos(seed)
    log.write_text("\n".join(chaos.rows()) + "\n")
    oracle = Oracle([log])
    intervals = oracle.rows(INTERVAL_S)
    assert all(row["balanced"] and row["waiting_end"] >= 0 for row in intervals)
    from_s, to_s = chaos.now // DAY_S * DAY_S - 60 * DAY_S, chaos.now // DAY_S * DAY_S + 2 * DAY_S
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        problems = compare.differences(oracle.rows(), ledger.kpi(from_s, to_s), oracle.quality)
        problems += compare.differences(intervals, ledger.kpi(from_s, to_s, by="queue,interval"), oracle.quality)
        problems += compare.quality_differences(oracle.quality, ledger.status()["quality"])
    assert not problems, "\n".join(problems[:20])
