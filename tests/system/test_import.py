"""What `ringside-agent import` promises: twice changes nothing, the order does not matter, nor does who reads along."""

from __future__ import annotations

import gzip
import random
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from answers import answers, differences, simulate, span
from branch import Branch
from ringside import Books, Ledger, bin_dir, run


def import_command(ledger: Path, *logs: Path) -> list[str]:
    return [str(part) for part in (bin_dir() / "ringside-agent", "import", "--ledger", ledger, "--site", "test", *logs)]


def try_import(ledger: Path, *logs: Path) -> subprocess.CompletedProcess:
    return subprocess.run(import_command(ledger, *logs), capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(name="log", scope="module")
def fixture_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("whole") / "queue_log"
    simulate(log, 4, "--days", "1")
    return log


def cut(log: Path, home: Path, count: int) -> list[Path]:
    """The log in parts, as rotation leaves them."""
    lines = log.read_bytes().splitlines(keepends=True)
    parts = []
    for number in range(count):
        part = home / f"queue_log.{number}"
        part.write_bytes(b"".join(lines[len(lines) * number // count:len(lines) * (number + 1) // count]))
        parts.append(part)
    return parts


def test_again_changes_nothing_and_says_so(tmp_path: Path, log: Path) -> None:
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        before = answers(ledger)
        for _ in range(2):
            said = run(*import_command(ledger.directory, log))
            assert said.startswith("1 files: 0 lines taken") and "1 files already known" in said
        moved = tmp_path / "moved.gz"
        moved.write_bytes(gzip.compress(log.read_bytes()))
        assert "already known" in run(*import_command(ledger.directory, moved))
        assert answers(ledger) == before
        ledger.check()


def test_a_log_that_grew_is_taken_from_where_it_was(tmp_path: Path, log: Path) -> None:
    growing = tmp_path / "queue_log"
    lines = log.read_bytes().splitlines(keepends=True)
    growing.write_bytes(b"".join(lines[:1000]))
    with Ledger(tmp_path / "whole", [log]) as whole, Ledger(tmp_path / "ledger", [growing]) as ledger:
        growing.write_bytes(b"".join(lines))
        assert f"{len(lines) - 1000} lines taken" in run(*import_command(ledger.directory, growing))
        assert not differences(answers(whole), answers(ledger))


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_the_order_of_the_files_does_not_matter(tmp_path: Path, log: Path, seed: int) -> None:
    parts = cut(log, tmp_path, 7)
    random.Random(seed).shuffle(parts)
    zipped = parts[0].with_name(parts[0].name + ".gz")
    zipped.write_bytes(gzip.compress(parts[0].read_bytes()))
    with Ledger(tmp_path / "whole", [log]) as whole, Ledger(tmp_path / "ledger", [zipped, *parts[1:]]) as ledger:
        ledger.check()
        assert not differences(answers(whole), answers(ledger))


def test_a_packed_log_equals_the_plain_one(tmp_path: Path, log: Path) -> None:
    packed = tmp_path / "queue_log.1.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    with Ledger(tmp_path / "plain", [log]) as plain, Ledger(tmp_path / "packed", [packed]) as ledger:
        assert answers(plain) == answers(ledger)


def test_what_cannot_be_read_is_named_and_the_rest_taken(tmp_path: Path, log: Path) -> None:
    torn = tmp_path / "torn.gz"
    torn.write_bytes(gzip.compress(b"1|1.1|sales|NONE|ENTERQUEUE||5551|1\n" * 1000)[:-20])
    done = try_import(tmp_path / "ledger", tmp_path / "absent", log, tmp_path, torn)
    assert done.returncode == 1
    for name in (tmp_path / "absent", tmp_path, torn):
        assert f"import: {name}: " in done.stderr
    with Ledger(tmp_path / "whole", [log]) as whole:
        ignored = ("lines", "refused_times")
        assert not differences(answers(whole), answers(Books(tmp_path / "ledger")), ignored)


def test_a_ledger_that_the_daemon_holds_is_refused(tmp_path: Path, log: Path) -> None:
    branch = Branch(tmp_path)
    lines = log.read_bytes()
    branch.log.write_bytes(lines)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines.count(b"\n"))
        before = answers(branch.books)
        done = try_import(branch.ledger, log)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert f"{branch.ledger} is being written by another process; stop the daemon" in done.stderr
        assert answers(branch.books) == before
    said = run(*import_command(branch.ledger, branch.log))
    assert "1 files already known" in said  # what the daemon followed is not taken again
    assert answers(branch.books) == before


def test_a_second_agent_is_refused(tmp_path: Path) -> None:
    branch = Branch(tmp_path)
    with branch.running() as agent:
        branch.wait_for_lines(agent, 0)
        second = branch.start()
        assert second.wait() == 1
        said = [line for line in second.said().splitlines() if "confined" not in line]
        assert len(said) == 1 and f"{branch.ledger}: another process is writing it" in said[0]
        assert agent.process.poll() is None
        assert branch.ask() is not None


def test_another_site_is_refused(tmp_path: Path, log: Path) -> None:
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        done = subprocess.run([str(bin_dir() / "ringside-agent"), "import", "--ledger", str(ledger.directory), "--site",
                               "elsewhere", str(log)], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert 'belongs to another site than "elsewhere"' in done.stderr


def test_reading_along_sees_whole_commits_only(tmp_path: Path, log: Path) -> None:
    """`ringside kpi` in a loop while part after part is imported: never a failure, always in balance, never less."""
    parts = cut(log, tmp_path, 12)
    with Ledger(tmp_path / "ledger", parts[:1]) as ledger:
        over = threading.Event()

        def read_along() -> list[int]:
            seen = []
            while not over.is_set():
                rows = ledger.kpi(*span())
                assert all(row["balanced"] for row in rows)
                seen.append(sum(row["entered"] for row in rows))
            return seen

        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(read_along)
            try:
                for part in parts[1:]:
                    run(*import_command(ledger.directory, part))
            finally:
                over.set()
        seen = reader.result()
        assert len(set(seen)) > 3 and seen == sorted(seen)
        with Ledger(tmp_path / "whole", [log]) as whole:
            assert not differences(answers(whole), answers(ledger))
