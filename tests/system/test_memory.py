"""What a burst takes of the box's memory is given back: the agent that has read a month in one go soon needs no more
than one that has nothing to do."""

from __future__ import annotations

import re
from pathlib import Path

from answers import history_start_s
from branch import Branch, wait_for

QUEUES, INTERVALS = 12, 2800  # a month of quarters of an hour
KIB = 1024
AT_REST_BYTES = 3 * KIB * KIB  # the promise is 4 MB for a busy centre


def write_month(log: Path) -> int:
    start_s = history_start_s()
    with open(log, "w", encoding="ascii") as file:
        for interval in range(INTERVALS):
            for queue in range(QUEUES):
                at = start_s + interval * 900 + queue
                call = f"{at}.{queue}|a-queue-{queue}"
                wait, talk = 1 + queue * 17 % 50, 20 + interval % 800
                file.write(f"{at}|{call}|NONE|ENTERQUEUE||555{queue}|1\n"
                           f"{at + wait}|{call}|op{queue}|CONNECT|{wait}|1.1|{wait // 2}\n"
                           f"{at + wait + talk}|{call}|op{queue}|COMPLETECALLER|{wait}|{talk}|1\n")
    return 3 * QUEUES * INTERVALS


def anonymous(pid: int) -> int:
    found = re.search(r"^RssAnon:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * KIB


def test_a_month_read_at_once_leaves_no_memory_behind(tmp_path: Path) -> None:
    branch = Branch(tmp_path)
    lines = write_month(branch.log)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
        pid = agent.process.pid
        wait_for("its memory to be given back", lambda: anonymous(pid) < AT_REST_BYTES)
        status = branch.ask()
        assert status is not None and status["quality"]["lines"] == lines
