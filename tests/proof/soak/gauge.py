"""What is measured of a process during the long run, and whether it grew."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import procfs

GROWTH_SHARE = 0.01
PARTS = 4
AT_WORK = 8  # descriptors more while a log is rotated and a connection begins; what leaks raises the least of them
ENOUGH = 40  # samples, for each half to have one at rest; where there are fewer, dozens of leaks still exceed AT_WORK


class Sample(NamedTuple):
    anonymous: int
    private: int
    resident: int
    descriptors: int
    threads: int
    used: int  # of the ledger or the store


def look(pid: int, used: int) -> Sample:
    memory = procfs.memory(pid)
    return Sample(memory["anonymous"], memory["private"], memory["resident"], len(os.listdir(f"/proc/{pid}/fd")),
                  len(os.listdir(f"/proc/{pid}/task")), used)


def growth(values: Sequence[float]) -> float:
    """From the first to the last, along the straight line that fits best."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    spread = sum((x - middle) ** 2 for x in range(count))
    return sum((x - middle) * (y - mean) for x, y in enumerate(values)) / spread * (count - 1) if spread else 0.0


class Gauge:
    """All samples of one process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.samples: list[Sample] = []

    def warm(self) -> list[Sample]:
        """Without the first tenth, in which everything gets its size."""
        return self.samples[max(1, len(self.samples) // 10):]

    def memory_growth(self) -> float:
        """Over the second half: tables and the heap get their sizes from the first days' calls, in ever rarer steps. Of
        each part the least: a connection that begins and what was not given back yet come and go, what leaks stays."""
        later = [sample.anonymous for sample in self.samples[len(self.samples) // 2:]]
        edges = [len(later) * part // PARTS for part in range(PARTS + 1)]
        return growth([min(later[edges[i]:edges[i + 1]]) for i in range(PARTS)]) if len(later) >= PARTS else 0.0

    def problems(self, growth_bytes: int) -> list[str]:
        warm = self.warm()
        found: list[str] = []
        if len(self.samples) < 2 * PARTS:
            return [f"{self.name}: {len(self.samples)} samples are too few to judge"]
        allowed = max(growth_bytes, GROWTH_SHARE * sum(sample.anonymous for sample in warm) / len(warm))
        if self.memory_growth() > allowed:
            found.append(f"{self.name}: anonymous memory grew by {self.memory_growth() / 1024:.0f} KiB, "
                         f"allowed are {allowed / 1024:.0f}")
        for what in ("descriptors", "threads"):
            values = [getattr(sample, what) for sample in warm]
            half = len(values) // 2
            risen = len(values) >= ENOUGH and min(values[half:]) > min(values[:half])
            if risen or max(values) > min(values) + AT_WORK:
                found.append(f"{self.name}: {what} between {min(values)} and {max(values)}, "
                             f"at rest {min(values[:half])}, later {min(values[half:])}")
        return found

    def row(self) -> str:
        first, last = self.warm()[0], self.warm()[-1]
        kib = 1024
        return (f"{self.name:10} {first.anonymous // kib:9} {last.anonymous // kib:9} {self.memory_growth() / kib:+9.1f}"
                f" {last.private // kib:9} {last.resident // kib:9} {last.descriptors:5} {last.threads:8}"
                f" {last.used // kib:9}")


HEAD = (f"{'':10} {'anonymous memory, KiB':>29} {'private':>9} {'resident':>9}\n"
        f"{'process':10} {'warm':>9} {'end':>9} {'growth':>9} {'KiB':>9} {'KiB':>9} {'files':>5} {'threads':>8}"
        f" {'used KiB':>9}")
