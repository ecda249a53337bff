"""The long run in a small size: the full one is `./dev proof soak`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import ringside

SOAK = Path(__file__).resolve().parents[1] / "proof" / "soak" / "soak.py"
PATIENCE_S = 240


def test_small_long_run(tmp_path: Path) -> None:
    ringside.bin_dir()
    done = subprocess.run([sys.executable, "-B", SOAK, "--small", "--dir", tmp_path], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"(\d+) lines, (\d+) rotations, (\d+) reconnects, .*: all hold$", done.stdout)
    assert told and all(int(number) > 0 for number in told.groups()), done.stdout
