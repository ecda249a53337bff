"""What the kernel knows about a running process. The daemon hides its memory from others, so this takes root."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any, Sequence

SAMPLE_S = 0.005


def cpu_s(pid: int) -> float:
    """Seconds on a core so far, all threads; in nanoseconds where /proc/PID/stat counts in ticks."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def _fields(path: str) -> dict[str, int]:
    """Lines of "Name:  123 kB", in bytes."""
    found = {}
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            found[name] = int(rest.split()[0]) * 1024
    return found


def memory(pid: int) -> dict[str, int]:
    """resident and its peak; anonymous: what belongs to the process alone and to no file; private: the same and the
    pages of files that happen to be mapped by nobody else, which the kernel can drop at any time."""
    status, rollup = _fields(f"/proc/{pid}/status"), _fields(f"/proc/{pid}/smaps_rollup")
    return {"resident": status["VmRSS"], "peak": status["VmHWM"], "anonymous": rollup["Anonymous"],
            "private": rollup["Private_Clean"] + rollup["Private_Dirty"]}


def sampled(command: Sequence[Any]) -> dict[str, int]:
    """Runs it to its end: the most memory of each kind, looked at all along, which is too disturbing for a run that is
    timed. What wait4() says of a child's peak would be that of its parent, before it became the program."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most: Counter = Counter()
    while process.poll() is None:
        try:
            most |= Counter(memory(process.pid))
        except (OSError, KeyError):
            pass  # it is just going
        time.sleep(SAMPLE_S)
    return dict(most)
