"""SQLite, holding the legs that our ledger holds: bytes, and the time of one question."""

from __future__ import annotations

import argparse
import json
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator

from figure import Figure, compared, limit, peer
from importing import import_command
from logs import LOG_DAYS_AGO, big_log
from peers.tool import attempt, measured, program, rounds, version

NAME = "sqlite3"
LEGS_MAX = 10000  # that one answer has
WINDOW = timedelta(hours=6)
PAGE = 5000  # rows of one transaction
OUTCOMES = ("completed_operator", "completed_caller", "transferred")
# What is asked is served by the index alone up to the rows themselves; rows are in the order of their end, as ours.
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE operator (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE leg (
  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, operator INTEGER, caller INTEGER, contact INTEGER NOT NULL,
  entered INTEGER NOT NULL, ended INTEGER NOT NULL, outcome INTEGER NOT NULL, wait INTEGER, ring INTEGER, talk INTEGER,
  hold INTEGER, missed INTEGER, flags INTEGER, call_id TEXT);
CREATE INDEX leg_by_time ON leg (entered, queue);
"""
QUESTION = """
SELECT q.name, l.entered / 3600 AS hour, count(*), sum(l.outcome < 3), sum(l.outcome = 3),
  sum(l.outcome < 3 AND l.wait <= 20000), avg(CASE WHEN l.outcome < 3 THEN l.wait END),
  max(l.wait), avg(CASE WHEN l.outcome < 3 THEN l.talk END)
FROM leg l JOIN queue q ON q.id = l.queue WHERE l.entered >= {from_s} AND l.entered < {to_s}
GROUP BY 1, 2 ORDER BY 1, 2;
"""
LESS = ("The same legs in a table of integers with an index by time and queue; it has no intervals, percentiles or "
        "waits of open calls, all of which are in our bytes and in our answer.")


def seconds(text: str | None) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) if text else 0


class Names:
    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    def of(self, name: str | None) -> int | None:
        return None if not name else self.ids.setdefault(name, len(self.ids) + 1)


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def rows(legs: list[dict[str, Any]], queues: Names, operators: Names, outcomes: Names) -> Iterator[str]:
    for outcome in (*OUTCOMES, "abandoned"):
        outcomes.of(outcome)
    for number, leg in enumerate(legs, 1):
        values = (number, queues.of(leg["queue"]), operators.of(leg["operator"]),
                  int(leg["caller"], 16) if leg["caller"] else None, leg["contact"], seconds(leg["entered"]),
                  seconds(leg["ended"]), (outcomes.of(leg["outcome"]) or 0) - 1, leg["wait_ms"], leg["ring_ms"],
                  leg["talk_ms"], leg["hold_ms"], leg["missed"], leg["transferred_in"] + 2 * leg["suspect"],
                  leg["call_id"])
        yield f"INSERT INTO leg VALUES ({','.join(map(literal, values))});"


def fill(database: Path, legs: list[dict[str, Any]]) -> None:
    queues, operators, outcomes = Names(), Names(), Names()
    script = [SCHEMA]
    for number, row in enumerate(rows(legs, queues, operators, outcomes)):
        if number % PAGE == 0:
            script.append("COMMIT; BEGIN;" if number else "BEGIN;")
        script.append(row)
    for table, names in (("queue", queues), ("operator", operators)):
        script += [f"INSERT INTO {table} VALUES ({number}, {literal(name)});" for name, number in names.ids.items()]
    script.append("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);")
    subprocess.run([program("sqlite3"), database], input="\n".join(script), text=True, check=True,
                   stdout=subprocess.DEVNULL)


def kpi(bin_dir: Path, ledger: Path, day: datetime) -> list[Any]:
    return [bin_dir / "ringside", "kpi", "--ledger", ledger, "--from", stamp(day), "--to",
            stamp(day + timedelta(days=1)), "--by", "queue,hour", "--format", "json"]


def asked(database: Path, day: datetime) -> list[Any]:
    from_s = int(day.timestamp())
    return [program("sqlite3"), "-json", database, QUESTION.format(from_s=from_s, to_s=from_s + 86400)]


def same_total(ours: bytes, theirs: bytes) -> None:
    entered = sum(row["entered"] for row in json.loads(ours)["rows"])
    counted = sum(row["count(*)"] for row in json.loads(theirs))
    if not entered or entered != counted:
        raise RuntimeError(f"{entered} calls entered by ours, {counted} by theirs")


def all_legs(bin_dir: Path, ledger: Path, expected: int) -> list[dict[str, Any]]:
    """As the ledger tells them, in the order of their end; one that touches two windows is told twice."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    to = datetime.now(timezone.utc)
    while len(found) < expected and to > datetime.now(timezone.utc) - timedelta(days=LOG_DAYS_AGO + 1):
        answer = json.loads(measured([bin_dir / "ringside", "calls", "--ledger", ledger, "--from", stamp(to - WINDOW),
                                      "--to", stamp(to), "--limit", LEGS_MAX, "--format", "json"]).out)
        for leg in answer["closed"]:
            found[leg["call_id"], leg["contact"], leg["queue"], leg["entered"], leg["ended"]] = leg
        to -= WINDOW
    if abs(len(found) - expected) > expected // 1000:
        raise RuntimeError(f"{len(found)} legs were told of {expected}")
    return sorted(found.values(), key=lambda leg: leg["ended"])


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def bench_sqlite(bin_dir: Path, _sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    ledger, database = home / "ledger", home / "legs.db"
    measured(import_command(bin_dir, ledger, big_log(args.peer_lines)))
    held = json.loads(measured([bin_dir / "ringside", "status", "--ledger", ledger, "--format", "json"]).out)["ledger"]
    legs = all_legs(bin_dir, ledger, held["legs"])
    _, gone = attempt(NAME, lambda: fill(database, legs))
    middle = datetime.fromisoformat(legs[len(legs) // 2]["entered"].replace("Z", "+00:00"))
    day = middle.replace(hour=0, minute=0, second=0)
    ours_ms, theirs_ms = [], []
    for _ in rounds(2 * args.peer_runs + 1, "one day by queue and hour, asked of ledger and of SQLite"):
        ours = measured(kpi(bin_dir, ledger, day))
        ours_ms.append(1000 * ours.wall_s)
        if not gone:
            theirs, gone = attempt(NAME, lambda: measured(asked(database, day)))
            if theirs:
                theirs_ms.append(1000 * theirs.wall_s)
                _, gone = attempt(NAME, lambda: same_total(ours.out, theirs.out))
    name = f"{len(legs)} legs: bytes a leg, all included"
    yield compared(name, "bytes", [held["used_bytes"] / held["legs"]],
                   gone or peer(NAME, version(NAME), [database.stat().st_size / len(legs)], LESS),
                   limit("our legs alone", [held["leg_bytes"] / held["legs"]]))
    yield compared("  a day by queue and hour, program and all", "ms", ours_ms,
                   gone or peer(NAME, version(NAME), theirs_ms))
