"""The simulated manager interface tells the calls of the simulated log, in the seconds that the log says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

HEARD = Path(__file__).resolve().parent / "heard.py"
ENDS = {"COMPLETECALLER": "caller", "COMPLETEAGENT": "agent", "BLINDTRANSFER": "transfer",
        "ATTENDEDTRANSFER": "transfer"}
NAMES = {"ENTERQUEUE": "QueueCallerJoin", "CONNECT": "AgentConnect", "RINGNOANSWER": "AgentRingNoAnswer"}
LEFT = ("EXITWITHTIMEOUT", "EXITEMPTY", "WITHDRAW")


def expected(rows: list[list[str]]) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for stamp, call, queue, operator, verb, *_ in rows:
        if verb in NAMES:
            found[(int(stamp), NAMES[verb], queue, call) + (() if verb == "ENTERQUEUE" else (operator,))] += 1
        elif verb in ENDS:
            found[int(stamp), "AgentComplete", queue, call, operator, ENDS[verb]] += 1
    return found


def test_tells_the_calls_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    done = subprocess.run([sys.executable, HEARD, log], check=True, timeout=60, capture_output=True, text=True)
    heard = json.loads(done.stdout)
    rows = [line.split("|") for line in log.read_text().splitlines()]
    verbs, kinds = Counter(row[4] for row in rows), Counter(heard["kinds"])
    assert Counter(map(tuple, heard["events"])) == expected(rows)
    assert verbs["CONNECT"] > 200 and verbs["RINGNOANSWER"] > 5
    assert kinds["HangupRequest"] == verbs["ABANDON"] > 20
    assert kinds["QueueCallerAbandon"] == verbs["ABANDON"] + sum(verbs[verb] for verb in LEFT)
    assert kinds["QueueCallerLeave"] == verbs["ENTERQUEUE"]
    assert kinds["Hold"] >= kinds["Unhold"] > 10
    assert verbs["CALLERONHOLD"] == 0
    assert kinds["QueueMemberPause"] == verbs["PAUSE"] + verbs["UNPAUSE"] > 5
    assert heard["left"] == 0
