"""What is promised: the nine budgets, and the figures by which each is judged."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Optional, Sequence

from figure import Beside, Figure


@dataclass(frozen=True)
class Target:
    name: str
    unit: str
    budget: Optional[float]  # None: given by who measures, as it depends on the machine or on the size of the run
    at_least: bool = False


@dataclass(frozen=True)
class Budget:
    title: str
    promise: str
    targets: dict[str, Target]


BUDGETS: dict[str, Budget] = {
    "import": Budget("import", "a log line to durable ledger with its figures, one core: 3 million lines a second or a "
                     "tenth of the speed of splitting, whichever is more", {
                         "speed": Target("log lines, durable, a core", "lines/s", None, at_least=True)}),
    "agent": Budget("agent", "at 50 events a second: 0.3 % of a core, one fsync a commit, 4 MB private, 8 MB "
                    "resident", {
        "processor": Target("50 events/s, processor", "% of a core", 0.3),
        "fsync": Target("50 events/s, syncs a commit", "", 1),
        "private": Target("50 events/s, private memory", "MB", 4),
        "resident": Target("50 events/s, resident memory", "MB", 8)}),
    "ledger": Budget("ledger", "32 bytes a closed leg older than a day, all included", {
        "leg": Target("a closed leg, all included", "bytes", 32)}),
    "wire": Budget("wire", "140 bytes a queue-interval with 25 calls in a batch of ten, all included", {
        "interval": Target("queue-interval of 25 calls", "bytes", 140)}),
    "wire-day": Budget("wire, a day", "ten queues and 1,000 calls: 3 MB with the live view, 300 kB without, IP and TLS "
                       "included", {
                           "live": Target("1,000 calls, with live view", "MB", 3),
                           "quiet": Target("1,000 calls, without", "MB", 0.3)}),
    "status": Budget("status query", "p99 under 5 ms while importing at full speed", {
        "p99": Target("p99 while importing", "ms", 5)}),
    "ingest": Budget("collector ingest", "200,000 queue-intervals a second and core, durable", {
        "live": Target("queue-intervals/s live, a core", "1/s", 200000, at_least=True),
        "backlog": Target("queue-intervals/s backlog, a core", "1/s", 200000, at_least=True)}),
    "sessions": Budget("collector sessions", "5,000 TLS sites on two cores; 2,000 at once served within 60 s, none "
                       "dropped", {
                           "sites": Target("sites held live", "", None, at_least=True),
                           "back": Target("served again", "", None, at_least=True),
                           "last": Target("the last one served again", "s", 60),
                           "dropped": Target("dropped or not served", "", 0),
                           "processor": Target("processor, a site served", "ms", None)}),
    "query": Budget("central query", "30 days of 1,000 sites with 10 queues by hour in 200 ms", {
        "hour": Target("30 days, all by hour", "ms", 200)}),
}


def judged(row: str, target: str, runs: Sequence[float] | float, *beside: Beside,
           budget: Optional[float] = None, size: str = "") -> Figure:
    """A figure by which a budget is judged; `size` says what this run did instead of the promise's number."""
    wanted = BUDGETS[row].targets[target]
    values = (runs,) if isinstance(runs, (int, float)) else tuple(runs)
    return Figure(f"{BUDGETS[row].title}: {wanted.name}" + (f" ({size})" if size else ""), statistics.median(values),
                  wanted.unit, wanted.budget if budget is None else budget, wanted.at_least, row,
                  values if len(values) > 1 else (), beside, detail=False)


def unjudged(figures: Sequence[Figure]) -> list[str]:
    """The budgets that no figure speaks of."""
    return [row for row in BUDGETS if all(figure.row != row for figure in figures)]
