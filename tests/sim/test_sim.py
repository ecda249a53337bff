"""The oracle, reading the simulator's log, must find what the simulator's own books say; and seeds must repeat."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kpi_rows
from oracle import Oracle

SIM = Path(__file__).resolve().parent / "sim.py"
NEVER = 4102444800.0  # 2100: the oracle's clock must be ahead of the simulated log and behind the noise


def run_sim(out: Path, *options: str) -> dict[str, Any]:
    truth = out.with_name(out.name + ".truth.json")
    subprocess.run([sys.executable, SIM, "--out", out, "--truth", truth, *options], check=True, timeout=120)
    return json.loads(truth.read_text())


def logs_of(out: Path) -> list[Path]:
    return [path for path in out.parent.iterdir() if path.name.startswith(out.name) and ".truth" not in path.name]


def truth_buckets(truth: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    found = {}
    for queue, slots in truth["queues"].items():
        for start, slot in slots.items():
            durations = {kind: sorted(int(value) * 1000 for value, count in values.items() for _ in range(count))
                         for kind, values in slot["durations_s"].items()}
            item = {"flow": nonzero(slot["flow"]), "cohort": nonzero(slot["cohort"]), "durations": durations,
                    **{name: slot[name] for name in kpi_rows.WAITING}}
            if any(item.values()):
                found[queue, int(start)] = item
    return found


def nonzero(counters: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counters.items() if count}


def oracle_buckets(oracle: Oracle, interval_s: int) -> dict[tuple[str, int], dict[str, Any]]:
    found = {}
    for key, bucket in oracle.buckets(interval_s).items():
        assert bucket.balanced(), key
        found[key] = {"flow": nonzero(bucket.flow), "cohort": nonzero(bucket.cohort),
                      "durations": {kind: sorted(values) for kind, values in bucket.durations.items() if values},
                      **{name: getattr(bucket, name) for name in kpi_rows.WAITING}}
    return found


def assert_same(truth: dict[str, Any], oracle: Oracle, waiting_max: bool = True) -> None:
    expected = truth_buckets(truth)
    found = oracle_buckets(oracle, truth["interval_s"])
    if not waiting_max:  # late rows: the books do not re-run the past
        for item in (*expected.values(), *found.values()):
            item["waiting_max"] = 0
    assert found.keys() == expected.keys()
    for key, item in expected.items():
        assert found[key] == item, key
    for name, count in truth["quality"].items():
        assert oracle.quality.get(name, 0) == count, name
    assert oracle.quality["lines"] == truth["lines"]


EVERYTHING = ("--days", "9", "--calls-per-day", "1200", "--holds", "--restart-every", "1.2")


@pytest.mark.parametrize("seed", range(1, 9))
def test_oracle_equals_truth_with_everything_on(tmp_path: Path, seed: int) -> None:
    truth = run_sim(tmp_path / "queue_log", "--seed", str(seed), *EVERYTHING)
    oracle = Oracle(logs_of(tmp_path / "queue_log"), NEVER)
    assert_same(truth, oracle)
    assert oracle.quality["rescued"] > 0, "no id swap happened"
    assert oracle.quality.get("orphan_ends", 0) == oracle.quality.get("double_ends", 0) == 0


def test_every_outcome_occurs(tmp_path: Path) -> None:
    """Else the comparison above would prove less than it seems to."""
    truth = run_sim(tmp_path / "queue_log", "--days", "28", "--calls-per-day", "2000", "--restart-every", "0.4")
    flow = {name: sum(slot["flow"][name] for slots in truth["queues"].values() for slot in slots.values())
            for name in kpi_rows.FLOW}
    assert [name for name, count in flow.items() if not count] == ["suspect"]


def test_noise_is_counted_and_changes_nothing_else(tmp_path: Path) -> None:
    truth = run_sim(tmp_path / "queue_log", "--noise", "7", "--noise-long", "--seed", "3", "--days", "2",
                    "--calls-per-day", "1500")
    oracle = Oracle(logs_of(tmp_path / "queue_log"), NEVER)
    assert_same(truth, oracle, waiting_max=False)
    assert {"bad_lines", "long_lines", "refused_times", "unknown_verbs", "late_events"} <= truth["quality"].keys()
    assert dict(oracle.facts.unknown_verbs) == truth["unknown_verbs"]


@pytest.mark.parametrize("rotation", ("sequential", "rename", "copytruncate", "timestamp"))
def test_rotated_parts_make_one_log_in_any_order(tmp_path: Path, rotation: str) -> None:
    options = ("--seed", "5", "--days", "2", "--rotate-every", "7000", "--rotation", rotation)
    truth = run_sim(tmp_path / "queue_log", *options)
    logs = sorted(logs_of(tmp_path / "queue_log"), key=lambda path: hashlib.sha1(path.name.encode()).digest())
    assert len(logs) > 20
    zipped = logs[0].with_name(logs[0].name + ".gz")
    zipped.write_bytes(gzip.compress(logs[0].read_bytes()))
    assert_same(truth, Oracle([zipped, *logs[1:]], NEVER))


def test_other_interval(tmp_path: Path) -> None:
    truth = run_sim(tmp_path / "queue_log", "--interval", "60", "--days", "1", "--calls-per-day", "3000")
    assert_same(truth, Oracle(logs_of(tmp_path / "queue_log"), NEVER))


def test_a_seed_repeats_and_another_differs(tmp_path: Path) -> None:
    def content(name: str, seed: str) -> bytes:
        run_sim(tmp_path / name, "--seed", seed, "--holds")
        return (tmp_path / name).read_bytes()

    first = content("a", "11")
    assert first == content("b", "11")
    assert first != content("c", "12")


def test_lines_stops_close_with_nobody_left(tmp_path: Path) -> None:
    truth = run_sim(tmp_path / "queue_log", "--lines", "30000", "--calls-per-day", "20000", "--days", "30")
    assert abs(truth["lines"] - 30000) < 300
    oracle = Oracle([tmp_path / "queue_log"], NEVER)
    assert all(leg.state == "over" for leg in oracle.legs)
    assert_same(truth, oracle)


def test_live_writes_the_same_rows_as_one_go(tmp_path: Path) -> None:
    options = ("--seed", "2", "--start", "2026-03-02T10:00:00", "--lines", "400", "--restart-every", "0")
    run_sim(tmp_path / "fast", *options)
    run_sim(tmp_path / "live", "--live", "--speed", "100000", *options)
    assert (tmp_path / "live").read_bytes() == (tmp_path / "fast").read_bytes()
