"""Runs the real programs: an import into a fresh ledger, then the questions a test asks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Optional

import pytest

import kpi_rows

TIMEOUT_S = 120


def bin_dir() -> Path:
    """Where the built programs are; a missing setting fails the test, it never skips it."""
    where = os.environ.get("RINGSIDE_BIN")
    if not where:
        pytest.fail("RINGSIDE_BIN is not set: point it at the directory that holds ringside and ringside-agent")
    for name in ("ringside", "ringside-agent"):
        if not os.access(Path(where) / name, os.X_OK):
            pytest.fail(f"RINGSIDE_BIN={where} holds no executable {name}")
    return Path(where)


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=TIMEOUT_S, text=True,
                          env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\nexit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Books:
    """What `ringside` says about a ledger, without a daemon's help."""

    def __init__(self, directory: Path) -> None:
        self.bin = bin_dir()
        self.directory = directory

    def ask(self, report: str, *options: object) -> dict[str, Any]:
        document = json.loads(run(self.bin / "ringside", report, "--ledger", self.directory, "--format", "json",
                                  *options))
        assert document["site"] == "test"
        return document

    def kpi(self, from_s: int, to_s: int, *options: str, by: Optional[str] = None) -> list[dict[str, Any]]:
        grouping = ("--by", by) if by else ()
        return self.ask("kpi", "--from", kpi_rows.rfc3339(from_s), "--to", kpi_rows.rfc3339(to_s), *grouping,
                        *options)["rows"]

    def status(self) -> dict[str, Any]:
        return self.ask("status")

    def check(self) -> None:
        """Fails the test when a record is damaged or an interval does not balance."""
        said = run(self.bin / "ringside", "ledger", "check", "--ledger", self.directory)
        assert ": 0 defects, 0 intervals out of balance" in said, said


class Ledger(Books):
    """A ledger made by importing the logs, in the order given; gone at the end of the `with` block, because each
    takes its full size from the disk at once."""

    def __init__(self, directory: Path, logs: list[Path]) -> None:
        super().__init__(directory)
        try:
            run(self.bin / "ringside-agent", "import", "--ledger", directory, "--site", "test", *logs)
        except BaseException:
            self._remove()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
