"""Logs that fill a ledger of 16 MiB: with calls, or with intervals."""

from __future__ import annotations

import random
from pathlib import Path

from answers import history_start_s

CALLS = 900_000
QUEUES, INTERVALS = 900, 450


def many_calls(log: Path) -> int:
    """Each as hard to pack as it gets: callers, waits and operators at random."""
    rng = random.Random(8)
    start_s = history_start_s()
    with open(log, "w", encoding="ascii") as file:
        for number in range(CALLS):
            at = start_s + number * 2
            wait, talk = rng.randrange(1, 900), rng.randrange(1, 9000)
            call = f"{at}.{number}|q{number % 7}"
            file.write(f"{at}|{call}|NONE|ENTERQUEUE||{rng.randrange(10**9, 10**10)}|1\n"
                       f"{at + wait}|{call}|op{rng.randrange(500)}|CONNECT|{wait}|1.1|{rng.randrange(60)}\n"
                       f"{at + wait + talk}|{call}|op{rng.randrange(500)}|COMPLETECALLER|{wait}|{talk}|1\n")
    return CALLS


def many_intervals(log: Path) -> int:
    """One call in each interval of each of many queues."""
    start_s = history_start_s()
    with open(log, "w", encoding="ascii") as file:
        for interval in range(INTERVALS):
            for queue in range(QUEUES):
                at = start_s + interval * 900 + queue // 2
                call = f"{at}.{queue}|a-queue-{queue}"
                wait = queue % 50
                file.write(f"{at}|{call}|NONE|ENTERQUEUE||5551|1\n{at + wait}|{call}|NONE|ABANDON|1|1|{wait}\n")
    return QUEUES * INTERVALS
