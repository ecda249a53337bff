"""A log that is missing, locked or no file, a ledger that cannot be, a full ledger, a full disk, a wrong configuration:
the agent says so in one line or in its status, and goes on by itself when things are right again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from answers import answers, differences, history_start_s, simulate, span
from branch import Agent, Branch, wait_for
from bulk import many_calls, many_intervals
from ringside import Ledger, bin_dir
from small_disk import small_disk

STRANGER = "nobody" if os.geteuid() == 0 else ""  # whom permissions hold off; root goes everywhere


@pytest.fixture(name="log", scope="module")
def fixture_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("whole") / "queue_log"
    simulate(log, 6, "--days", "0.5")
    return log


@pytest.fixture(name="open_home")
def fixture_open_home() -> Iterator[Path]:
    """A directory that everybody may enter and write to; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="ringside-test-") as home:
        os.chmod(home, 0o777)
        yield Path(home)


def lines_of(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def source_state(branch: Branch) -> str:
    answer = branch.ask()
    return answer["sources"][0]["state"] if answer and answer["sources"] else "no answer"


def wait_for_state(branch: Branch, agent: Agent, *states: str) -> None:
    def there() -> bool:
        assert agent.process.poll() is None, agent.said()
        return source_state(branch) in states

    wait_for(f"the source to be {' or '.join(states)}", there)


def assert_whole(branch: Branch, agent: Agent, log: Path) -> None:
    """The agent has taken all of the log, as an import would."""
    branch.wait_for_lines(agent, lines_of(log))
    branch.books.check()
    with Ledger(branch.home / "clean", [log]) as clean:
        assert not differences(answers(clean), answers(branch.books))


def test_a_log_that_appears_later(tmp_path: Path, log: Path) -> None:
    branch = Branch(tmp_path)
    branch.log.parent.rmdir()
    with branch.running() as agent:
        wait_for_state(branch, agent, "missing")
        assert branch.ask()["state"] != "ok"
        branch.log.parent.mkdir()
        shutil.copyfile(log, branch.log)
        assert_whole(branch, agent, log)
        wait_for_state(branch, agent, "reading")


def put_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("1|1.1|sales|NONE|ENTERQUEUE||5551|1\n")


@pytest.mark.parametrize("put", (put_directory, os.mkfifo), ids=("directory", "FIFO"))
def test_no_file_where_the_log_should_be(tmp_path: Path, log: Path, put) -> None:
    branch = Branch(tmp_path)
    put(branch.log)
    with branch.running() as agent:
        wait_for_state(branch, agent, "error", "missing", "denied")
        assert branch.ask()["state"] != "ok"
        branch.log.rename(branch.log.with_name("aside"))
        shutil.copyfile(log, branch.log)
        assert_whole(branch, agent, log)


def test_permission_lost_and_regained(open_home: Path, log: Path) -> None:
    branch = Branch(open_home, user=STRANGER)
    lines = log.read_bytes().splitlines(keepends=True)
    branch.log.write_bytes(b"".join(lines[:500]))
    with branch.running() as agent:
        branch.wait_for_lines(agent, 500)
        aside = branch.log.with_name("queue_log.1")  # rotated, and nobody gave the agent the new file
        branch.log.rename(aside)
        branch.log.write_bytes(b"".join(lines[500:1000]))
        branch.log.chmod(0)
        wait_for_state(branch, agent, "denied")
        assert branch.ask()["state"] != "ok"
        with open(branch.log, "ab") as file:
            file.writelines(lines[1000:])
        branch.log.chmod(0o644)
        assert_whole(branch, agent, log)
        wait_for_state(branch, agent, "reading")


def refused(branch: Branch) -> str:
    """The one line with which the agent gives up at its start, beside what it says of itself."""
    agent = branch.start()
    assert agent.wait() == 1, agent.said()
    lines = [line for line in agent.said().splitlines() if not re.search("staying who we are|agent: confined: ", line)]
    assert len(lines) == 1, agent.said()
    assert str(branch.ledger) in lines[0]
    return lines[0]


def test_a_ledger_where_we_may_not_write(open_home: Path) -> None:
    branch = Branch(open_home, user=STRANGER)
    branch.ledger.mkdir()
    branch.ledger.chmod(0o555)
    assert "permission denied" in refused(branch)


def test_a_ledger_that_is_a_file(tmp_path: Path) -> None:
    branch = Branch(tmp_path)
    branch.ledger.write_text("no directory\n")
    refused(branch)
    assert branch.ledger.read_text() == "no directory\n"


def test_a_ledger_below_a_missing_directory(tmp_path: Path) -> None:
    refused(Branch(tmp_path, ledger=tmp_path / "absent" / "ledger"))


# --- fullness

@pytest.mark.parametrize("fill", (many_calls, many_intervals))
def test_a_full_ledger_gives_up_the_oldest_and_goes_on(tmp_path: Path, log: Path, fill) -> None:
    branch = Branch(tmp_path)
    calls = fill(branch.log)
    lines = lines_of(branch.log)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
        with open(branch.log, "a", encoding="ascii") as file:  # it still counts what comes
            at = history_start_s() + 25 * 86400
            file.write(f"{at}|{at}.1|newest|NONE|ENTERQUEUE||5551|1\n")
            file.write(f"{at + 3}|{at}.1|newest|NONE|ABANDON|1|1|3\n")
        branch.wait_for_lines(agent, lines + 2)
        answer = branch.ask()
    books = branch.books
    books.check()
    rows = {row["queue"]: row for row in books.kpi(*span())}
    held = sum(row["entered"] for row in rows.values())
    assert answer["quality"]["shed_legs"] > 0
    assert answer["ledger"]["used_bytes"] <= answer["ledger"]["map_bytes"] == 16 << 20
    assert rows["newest"]["abandoned"] == 1 and all(row["balanced"] for row in rows.values())
    if fill is many_calls:
        assert held == calls + 1, "intervals are given up last"
        assert answer["quality"]["shed_intervals"] == 0
    else:
        assert answer["quality"]["shed_intervals"] > 0
        assert held == calls + 1 - answer["quality"]["shed_intervals"]


def test_a_disk_without_room_for_the_ledger(tmp_path: Path, log: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        branch = Branch(tmp_path, ledger=disk / "ledger")
        assert "no room left" in refused(branch)
        subprocess.run(["mount", "-o", "remount,size=32m", disk], check=True)
        shutil.copyfile(log, branch.log)
        with branch.running() as agent:
            assert_whole(branch, agent, log)


def test_a_disk_that_fills_up_later(tmp_path: Path, log: Path) -> None:
    """The ledger's room was taken at its start."""
    with small_disk(tmp_path / "disk", "20m") as disk:
        branch = Branch(tmp_path, ledger=disk / "ledger")
        with branch.running() as agent:
            branch.wait_for_lines(agent, 0)
            with pytest.raises(OSError), open(disk / "filler", "wb", buffering=0) as filler:
                while filler.write(bytes(4096)) == 4096:
                    pass
                filler.write(b"1")
            shutil.copyfile(log, branch.log)
            assert_whole(branch, agent, log)
        assert shutil.disk_usage(disk).free == 0


# --- configuration

WRONG = {
    'site { id = "a b" }': (1, "site.id", "letters, digits"),
    "ledger {\n  size_max = 1MiB\n}": (2, "ledger.size_max", "16MiB to 64GiB"),
    "ledger {\n\n  sizemax = 64MiB\n}": (3, "sizemax", "size_max, reserve_percent"),
    "ledger { interval = 7m }": (1, "ledger.interval", "1m, 5m, 15m, 30m, 60m"),
    "ledger { commit_interval = 5x }": (1, "ledger.commit_interval", "100ms to 1m"),
    'ledger { dir = "here" }': (1, "ledger.dir", "an absolute path"),
    "ledger {\n  interval = 15m\n": (1, "ledger", "}"),
    'queue "*" {\n  service_level_method = best\n}': (2, 'queue "*".service_level_method', "asterisk_sl, asterisk_sl2"),
    'status { listen = "0.0.0.0:5683" }': (1, "status.listen", "a loopback address"),
    "log { level = loud }": (1, "log.level", "error, warning, notice, info, debug"),
    "answer = 42": (1, "answer", "site, ledger, source"),
}


@pytest.mark.parametrize("command", ((), ("check",)), ids=("run", "check"))
@pytest.mark.parametrize("text", WRONG)
def test_wrong_configuration_is_named_with_line_and_cure(tmp_path: Path, command: tuple[str, ...], text: str) -> None:
    line, option, allowed = WRONG[text]
    config = tmp_path / "agent.conf"
    config.write_text(text)
    done = subprocess.run([str(bin_dir() / "ringside-agent"), *command, "-c", str(config)], capture_output=True,
                          text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    first = done.stderr.splitlines()[0]
    assert first.startswith(f"{config}:{line}: ") and option in first
    assert allowed in first.partition("allowed: ")[2]


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run([str(bin_dir() / "ringside-agent"), "-c", str(tmp_path / "absent")], capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{tmp_path / 'absent'}: no such file")
