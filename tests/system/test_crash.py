"""Killed at any instruction, the totals are those of one clean import.

Simulated branches write and rotate their logs, an agent follows each, and SIGKILL comes at random moments and at every
named point of the commit's writes (tests/support/killpoint.c), more than 200 times in all."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import pytest

import compare
import kpi_rows
from answers import DAY_S, answers, differences, sim_options, simulate, span
from branch import Branch, wait_for
from bulk import many_intervals
from oracle import Oracle
from ringside import Books, Ledger, bin_dir

SUPPORT = Path(__file__).resolve().parents[1] / "support"
INTERVAL_S = 900

COMMIT_POINTS = [f"{point}:{moment}" for point, moments in (
    ("pwrite", ("before", "within", "after")), ("writev", ("before", "within", "after")),
    ("fdatasync", ("before", "after")), ("meta", ("before", "after"))) for moment in moments]
NAMED_ROUNDS = 5
RANDOM_KILLS = 24
ROTATIONS = ("rename", "copytruncate", "sequential")


class LiveCentre:
    """The simulator beside the daemon: a simulated day in eight seconds, a rotation in each of them."""

    def __init__(self, log: Path, seed: int, rotation: str) -> None:
        self._truth = log.parent.parent / "truth.json"
        self._process = subprocess.Popen(
            [sys.executable, SUPPORT / "live_centre.py", *sim_options(seed), "--speed", str(DAY_S / 8),
             "--rotate-every", str(DAY_S / 8), "--rotation", rotation, "--out", log, "--truth", self._truth])

    def __enter__(self) -> LiveCentre:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> dict[str, Any]:
        """Lets the day end and returns the truth about it."""
        assert self._process.poll() is None, "the simulator ended by itself"
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(60) == 0
        return json.loads(self._truth.read_text())


def make_ledger(branch: Branch) -> None:
    """So that there is one to check after the first kill; the kills at its making are the import's test."""
    with branch.running() as agent:
        branch.wait_for_lines(agent, 0)


def kill_at_point(branch: Branch, where: str) -> bool:
    """False when the point was not reached although the log grew."""
    agent = branch.start_to_die(where)
    status = agent.wait(15)
    if status is None:
        agent.kill()
        return False
    assert status == -signal.SIGKILL, f"exit status {status} on the way to {where}\n{agent.said()}"
    return True


def kill_at_random(branch: Branch, moment_s: float) -> None:
    agent = branch.start()
    status = agent.wait(moment_s)
    assert status is None, f"exit status {status} by itself\n{agent.said()}"
    assert agent.kill() == -signal.SIGKILL


def kill_often(branch: Branch, rng: random.Random) -> Counter:
    """Kills as planned, in random order; how often each kind came about."""
    plan = COMMIT_POINTS * NAMED_ROUNDS + ["random"] * RANDOM_KILLS
    rng.shuffle(plan)
    kills: Counter = Counter()
    for number, where in enumerate(plan):
        if where == "random":
            kill_at_random(branch, rng.uniform(0, 0.4))
            kills[where] += 1
        else:
            kills[where] += kill_at_point(branch, f"{where}:{rng.choice((1, 1, 2, 3))}")
        if number % 20 == 19:
            branch.books.check()
        if rng.random() < 0.1:
            time.sleep(rng.uniform(0, 1.5))  # long enough to miss a rotation
    return kills


def parts_in_order(log: Path) -> list[Path]:
    """Rotated parts and the live log, as they were written."""
    parts = [path for path in log.parent.iterdir() if path != log]
    first_second = {path: int(path.read_bytes().split(b"|", 1)[0]) for path in parts if path.stat().st_size}
    return [*sorted(first_second, key=first_second.__getitem__), log]


def same_as_oracle(books: Books, log: Path) -> list[str]:
    oracle = Oracle([log])
    problems = compare.differences(oracle.rows(INTERVAL_S), books.kpi(*span(), by="queue,interval"), oracle.quality)
    problems += compare.quality_differences(oracle.quality, books.status()["quality"])
    return [f"oracle: {line}" for line in problems]


def slot_differences(slot: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    for name in kpi_rows.FLOW:
        if row[name] != slot["flow"][name]:
            yield f"{name}: {row[name]} instead of {slot['flow'][name]}"
    for name in kpi_rows.COHORT:
        if row["cohort"][name] != slot["cohort"][name]:
            yield f"cohort.{name}: {row['cohort'][name]} instead of {slot['cohort'][name]}"
    for name in kpi_rows.WAITING:
        if row[name] != slot[name]:
            yield f"{name}: {row[name]} instead of {slot[name]}"
    for kind in kpi_rows.DURATIONS:
        values = slot["durations_s"].get(kind, {})
        true_ms = sum(int(value) * count for value, count in values.items()) * 1000
        if (row[f"{kind}_ms"]["count"], row[f"{kind}_ms"]["sum"]) != (sum(values.values()), true_ms):
            yield f"{kind}_ms: {row[f'{kind}_ms']} instead of {true_ms} over {sum(values.values())}"


def same_as_truth(books: Books, truth: dict[str, Any]) -> list[str]:
    rows = compare.by_key(books.kpi(*span(), by="queue,interval"))
    problems = []
    for queue, slots in truth["queues"].items():
        for start, slot in slots.items():
            row = rows.get((queue, int(start)))
            if row:
                problems += [f"{queue} {start} {line}" for line in slot_differences(slot, row)]
            elif any(slot["flow"].values()) or slot["waiting_end"]:
                problems.append(f"{queue} {start}: no such row")
    return [f"simulator: {line}" for line in problems]


def verify(branch: Branch, truth: dict[str, Any]) -> list[str]:
    whole = branch.home / "whole"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts_in_order(branch.log)))
    assert whole.read_bytes().count(b"\n") == truth["lines"]
    branch.books.check()
    with Ledger(branch.home / "clean", [whole]) as clean:
        return ([f"clean import: {line}" for line in differences(answers(clean), answers(branch.books))]
                + same_as_oracle(branch.books, whole) + same_as_truth(branch.books, truth))


def one_branch(home: Path, seed: int, rotation: str) -> tuple[list[str], Counter]:
    rng = random.Random(seed)
    branch = Branch(home)
    with LiveCentre(branch.log, seed, rotation) as centre:
        kills = kill_often(branch, rng)
        truth = centre.end()
    with branch.running() as agent:
        branch.wait_for_lines(agent, truth["lines"])
    print(f"{rotation}: seed {seed}, {sum(kills.values())} kills, {truth['lines']} lines, "
          f"{truth['rotations']} rotations, {len(parts_in_order(branch.log))} parts")
    return [f"{rotation}, seed {seed}: {line}" for line in verify(branch, truth)], kills


def test_killed_while_the_branch_writes_and_rotates(tmp_path: Path) -> None:
    seeds = {rotation: random.randrange(1 << 30) for rotation in ROTATIONS}
    print(f"seeds {seeds}")
    with ThreadPoolExecutor(len(ROTATIONS)) as pool:
        branches = [pool.submit(one_branch, tmp_path / rotation, seeds[rotation], rotation) for rotation in ROTATIONS]
    results = [branch.result() for branch in branches]
    problems = [line for lines, _ in results for line in lines]
    assert not problems, "\n".join(problems[:40])
    kills = sum((counter for _, counter in results), Counter())
    print(dict(kills))
    assert all(kills[where] > 0 for where in COMMIT_POINTS), kills
    assert sum(kills.values()) >= 200


def killed_import(ledger: Path, log: Path, **environment: str) -> subprocess.CompletedProcess:
    command = [bin_dir() / "ringside-agent", "import", "--ledger", ledger, "--site", "test", log]
    return subprocess.run([str(part) for part in command], capture_output=True, timeout=60, text=True, check=False,
                          env={"LD_PRELOAD": str(bin_dir() / "killpoint.so"), **environment})


def points_of_an_import(ledger: Path, log: Path) -> list[str]:
    """Every moment at every point that an import passes: "pwrite:before:1", "pwrite:within:1", ..."""
    points = ledger.with_name("points")
    assert killed_import(ledger, log, RINGSIDE_KILL_LOG=str(points)).returncode == 0
    passed: Counter = Counter()
    wheres = []
    for point in points.read_text().split():
        passed[point] += 1
        moments = ("before", "within", "after") if point in ("pwrite", "writev") else ("before", "after")
        wheres += [f"{point}:{moment}:{passed[point]}" for moment in moments]
    assert {"allocate", "pwrite", "writev", "fdatasync", "meta"} <= passed.keys()
    return wheres


def test_import_killed_at_each_of_its_writes(tmp_path: Path) -> None:
    """From the making of the ledger to the last commit: started again, it ends as if nothing had been."""
    log = tmp_path / "queue_log"
    simulate(log, 7, "--days", "2")
    ledger = tmp_path / "ledger"
    with Ledger(tmp_path / "clean", [log]) as clean:
        expected = answers(clean)
    for where in points_of_an_import(tmp_path / "counted", log):
        killed = killed_import(ledger, log, RINGSIDE_KILL=where)
        assert killed.returncode == -signal.SIGKILL, f"{where}: {killed.returncode} {killed.stderr}"
        with Ledger(ledger, [log]) as again:
            again.check()
            problems = differences(expected, answers(again))
            assert not problems, f"killed at {where}\n" + "\n".join(problems[:20])


def test_killed_while_making_room(tmp_path: Path) -> None:
    """A ledger far too small for its log: what was given up is counted, whatever the kill cut off."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    branch = Branch(tmp_path)
    make_ledger(branch)
    calls = many_intervals(branch.log)
    lines = branch.log.read_bytes().count(b"\n")
    kills = 0
    while branch.lines_held() < lines:
        where = f"{rng.choice(COMMIT_POINTS)}:{rng.randrange(1, 20)}"
        agent = branch.start_to_die(where)
        wait_for("the kill or the end of the log",
                 lambda: agent.process.poll() is not None or branch.lines_held() >= lines)
        kills += agent.kill() == -signal.SIGKILL
        branch.books.check()
    print(f"{kills} kills")
    status = branch.books.status()
    shed = status["quality"]["shed_intervals"]
    assert kills > 5 and shed > 0 and status["quality"]["lines"] == lines
    assert sum(row["entered"] for row in branch.books.kpi(*span())) == calls - shed
    assert status["quality"]["shed_legs"] + status["ledger"]["legs"] == calls


@pytest.mark.parametrize("sent", (signal.SIGTERM, signal.SIGINT))
def test_a_clean_stop_makes_durable_what_was_read(tmp_path: Path, sent: signal.Signals) -> None:
    """The commit interval is far longer than the test: only the stop can have committed the last rows."""
    branch = Branch(tmp_path, commit_interval="1m")
    agent = branch.start()
    try:
        wait_for("the daemon", lambda: branch.ask() is not None)
        simulate(branch.log, 9, "--days", "0.2")
        lines = branch.log.read_bytes().count(b"\n")
        time.sleep(2)  # the log is looked at 40 times
        assert branch.lines_held() == 0
    finally:
        agent.process.send_signal(sent)
        status = agent.wait()
    assert status == 0, agent.said()
    assert branch.lines_held() == lines
    branch.books.check()
