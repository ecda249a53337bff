"""Daemons that root starts without a service manager: whom they become, what they may still do, and no way back."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator

import pytest

from branch import Agent, Branch, wait_for
from centre import Centre
from ringside import bin_dir

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")

USER = "nobody"
KEPT = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 10  # dac_override, dac_read_search, fowner, net_bind_service
NO_USER = "ringside-is-not-here"


@contextmanager
def agent(home: Path, user: str) -> Iterator[Agent]:
    branch = Branch(home / "branch", user=user)
    for directory in (branch.home, branch.log.parent):
        directory.chmod(0o777)
    branch.log.write_text("")
    branch.log.chmod(0o644)
    with branch.running() as daemon:
        wait_for("the agent to answer", lambda: branch.ask() is not None)
        yield daemon


@contextmanager
def collector(home: Path, user: str) -> Iterator[Agent]:
    with Centre(home) as centre:
        centre.config.write_text(centre.config.read_text().replace('user = ""', f'user = "{user}"'))
        for path in [centre.data, *centre.data.rglob("*")] if user else []:
            shutil.chown(path, user)
        with centre.running() as daemon:
            yield daemon


DAEMONS = {"agent": agent, "collector": collector}


def facts(process: Path) -> dict[str, list[str]]:
    """/proc/PID/status: words by name."""
    lines = (line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return {name: words.split() for name, words in lines}


def capabilities(told: dict[str, list[str]]) -> dict[str, int]:
    return {name: int(told[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}


@pytest.mark.parametrize("which", DAEMONS)
def test_root_becomes_the_user_with_all_its_threads(open_home: Path, which: str) -> None:
    entry = pwd.getpwnam(USER)
    groups = {str(group) for group in os.getgrouplist(USER, entry.pw_gid)}
    with DAEMONS[which](open_home, USER) as daemon:
        threads = sorted(Path(f"/proc/{daemon.process.pid}/task").iterdir())
        assert len(threads) > 1
        for thread in threads:
            told = facts(thread)
            assert told["Uid"] == [str(entry.pw_uid)] * 4 and told["Gid"] == [str(entry.pw_gid)] * 4
            assert set(told["Groups"]) == groups
            assert set(capabilities(told).values()) == {0}
            assert told["NoNewPrivs"] == ["1"] and told["Seccomp"] == ["2"]
        # not the user's own: nobody else who runs as it may look into the memory
        memory = Path(f"/proc/{daemon.process.pid}/mem").stat()
        assert memory.st_uid == 0


@pytest.mark.parametrize("which", DAEMONS)
def test_who_stays_root_keeps_few_rights(open_home: Path, which: str) -> None:
    """As the settings want it; beside what it needs for files of others and low ports nothing is left."""
    assert int(facts(Path("/proc/self"))["CapPrm"][0], 16) & ~KEPT, "it would prove nothing"
    with DAEMONS[which](open_home, "") as daemon:
        for thread in Path(f"/proc/{daemon.process.pid}/task").iterdir():
            told = facts(thread)
            assert told["Uid"] == ["0"] * 4
            assert all(value & ~KEPT == 0 for value in capabilities(told).values()), told
            assert told["NoNewPrivs"] == ["1"] and told["Seccomp"] == ["2"]


def test_a_user_who_is_not_there_is_no_reason_to_stay_root(open_home: Path) -> None:
    branch = Branch(open_home / "branch", user=NO_USER)
    daemon = branch.start()
    assert daemon.wait() == 1
    assert f'there is no user "{NO_USER}"' in daemon.said()
    assert not branch.ledger.exists()


@contextmanager
def held_at_its_output(command: list[str]) -> Iterator[int]:
    """The command, which cannot end for as long as nobody takes what it prints; its process id."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with suppress(BlockingIOError):
        while True:
            os.write(theirs, b"x" * 4096)
    os.set_blocking(theirs, True)
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        try:
            yield process.pid
        finally:
            process.kill()
            os.close(ours)


def is_hardened(pid: int) -> bool:
    limits = Path(f"/proc/{pid}/limits").read_text()
    return facts(Path(f"/proc/{pid}"))["NoNewPrivs"] == ["1"] and bool(
        re.search(r"^Max core file size\s+0\s+0\s", limits, flags=re.M))


@pytest.mark.parametrize("which", ["import", "site list"])
def test_commands_leave_no_core_dump(open_home: Path, which: str) -> None:
    """They hold callers, or tokens and keys."""
    if which == "import":
        branch = Branch(open_home / "branch")
        branch.log.write_text("1700000000|NONE|NONE|NONE|QUEUESTART|\n")
        command = [bin_dir() / "ringside-agent", "import", "-c", branch.config, branch.log]
    else:
        centre = Centre(open_home)
        command = [bin_dir() / "ringside-collector", "-c", centre.config, "site", "list"]
    with held_at_its_output([str(word) for word in command]) as pid:
        wait_for("no core dump", lambda: is_hardened(pid))
