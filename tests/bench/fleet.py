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
