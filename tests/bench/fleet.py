"""Many simulated sites against a running collector (fleet.c), from Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from centre import Centre


def quick_dir() -> Optional[str]:
    """Where a sync costs nothing: preparing thousands of sites is no measurement."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def prepare(bin_dir: Path, centre: Centre, out: Path, count: int) -> None:
    """Certificates and registry entries of so many sites; the collector must not run."""
    with tempfile.TemporaryDirectory(prefix="ringside-bench-", dir=quick_dir()) as quick:
        registry = Path(quick) / "registry"
        shutil.move(centre.data / "registry", registry)
        try:
            subprocess.run([bin_dir / "fleet", "prepare", centre.data, registry, out, str(count)], check=True)
        finally:
            shutil.move(registry, centre.data / "registry")


class Fleet:
    def __init__(self, bin_dir: Path, ledger: Path, certificates: Path, centre: Centre, first: int, count: int, *,
                 port: Optional[int] = None, within: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*within, bin_dir / "fleet", "run", ledger, certificates, centre.host, str(port or centre.port), str(first),
             str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, command: str, *values: float) -> None:
        assert self.process.stdin
        print(command, *values, file=self.process.stdin, flush=True)

    def end(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fleet ended: {self.process.wait()}")
        return json.loads(line)

    def do(self, command: str, *values: float) -> dict[str, Any]:
        self.begin(command, *values)
        return self.end()

    def close(self) -> None:
        if self.process.poll() is None:
            assert self.process.stdin
            self.process.stdin.close()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts add up; of percentiles the largest, which is never too good."""
    out: dict[str, Any] = dict(parts[0])
    for part in parts[1:]:
        for key, value in part.items():
            if key.endswith("_ms") or key == "wall_s":
                out[key] = max(out[key], value)
            elif isinstance(value, (int, float)):
                out[key] += value
            elif value:
                out[key] = value
    return out


class Fleets:
    """As a fleet, in as many processes as the limit of open files takes."""

    EACH = 2500

    def __init__(self, bin_dir: Path, ledger: Path, certificates: Path, centre: Centre, count: int) -> None:
        self.fleets = [Fleet(bin_dir, ledger, certificates, centre, first + 1, min(self.EACH, count - first))
                       for first in range(0, count, self.EACH)]

    def do(self, command: str, *values: float) -> dict[str, Any]:
        for fleet in self.fleets:
            fleet.begin(command, *values)
        return merged([fleet.end() for fleet in self.fleets])

    def cut(self, count: int) -> None:
        """The same share of each."""
        for number, fleet in enumerate(self.fleets):
            share = count * (number + 1) // len(self.fleets) - count * number // len(self.fleets)
            fleet.do("cut", share)

    def __enter__(self) -> Fleets:
        return self

    def __exit__(self, *_: object) -> None:
        for fleet in self.fleets:
            fleet.close()
