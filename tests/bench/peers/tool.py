"""What every comparison needs: whether a peer is there, its version, what a run of it took."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence

from figure import Beside, absent, say

INSTALL = "platform/setup bench"
END_S = 20


class Missing(Exception):
    """It is not installed."""


def program(name: str) -> Path:
    """Daemons are where root finds them."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if not found:
        raise Missing(f"not installed ({INSTALL})")
    return Path(found)


def version(package: str) -> str:
    """As the distribution has it, without its own revision."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip().rpartition(":")[2].partition("-")[0].partition("+")[0]


@dataclass
class Run:
    wall_s: float
    cpu_s: float
    out: bytes


def measured(command: Sequence[Any], *, stdin: Optional[Path] = None, **options: Any) -> Run:
    with open(stdin or os.devnull, "rb") as given:
        began = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdin=given, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, **options)
        assert process.stdout
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{Path(str(command[0])).name} ended with {process.returncode}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, out)


class Running:
    """A peer's daemon of our own: in the foreground, ended at the end of the block."""

    def __init__(self, command: Sequence[Any], log: Path, **options: Any) -> None:
        self._log = log
        with open(log, "wb") as sink:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=sink,
                                            stderr=sink, **options)
        self.pid = self.process.pid

    def check(self) -> None:
        if self.process.poll() is not None:
            said = self._log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"it ended with {self.process.returncode}: {said[-1] if said else 'without a word'}")

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def attempt(name: str, measure: Callable[[], Any]) -> tuple[Any, Optional[Beside]]:
    """What it gives; or None, and the row that says why not. A peer never ends the report."""
    try:
        return measure(), None
    except Missing as missing:
        say(f"{name}: {missing}")
        return None, absent(name, str(missing))
    except Exception as failure:  # whatever it is that a peer does
        text = f"{type(failure).__name__}: {failure}".splitlines()[0]
        say(f"{name} failed: {text}")
        return None, absent(name, f"failed: {type(failure).__name__}")


def disk_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def rounds(count: int, what: str) -> Iterator[int]:
    for number in range(count):
        say(f"{what}, run {number + 1} of {count}")
        yield number
