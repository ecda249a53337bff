"""What all system tests share. Ledgers of tests that passed go at once, for each takes its full size from the disk;
those of failed ones stay."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest

passed_key = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    outcome: Any = yield
    if call.when == "call":
        item.stash[passed_key] = outcome.get_result().passed


@pytest.fixture(autouse=True)
def fixture_no_ledgers_left(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    yield
    if request.node.stash.get(passed_key, False):
        for data in tmp_path.rglob("data.mdb"):
            data.unlink()


@pytest.fixture(name="open_home")
def fixture_open_home() -> Iterator[Path]:
    """A directory that other users can go through."""
    home = Path(tempfile.mkdtemp(prefix="ringside-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home)
