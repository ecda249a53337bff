"""Whatever stands in a log is taken or refused with a count, and the good lines beside it stay unharmed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Callable

import pytest

from answers import Answers, answers, differences, history_start_s, simulate
from branch import Branch
from ringside import Books, Ledger

DAY_S = 86400
NOW_S = history_start_s() + 3600  # of the rows made here: among the simulated ones
COUNTED = ("lines", "events")

Bad = Callable[[random.Random], bytes]


def noise(rng: random.Random) -> bytes:
    return b"\xff" + rng.randbytes(rng.randrange(1, 4000)).replace(b"\n", b"|").replace(b"\r", b"?")


def row(text: str, encoding: str = "utf-8") -> Bad:
    return lambda _: text.encode(encoding)


BAD_LINES: dict[str, tuple[str, Bad]] = {
    "binary noise": ("bad_lines", noise),
    "nothing but NUL bytes": ("bad_lines", lambda rng: bytes(rng.randrange(1, 5000))),
    "a NUL in the queue's name": ("bad_lines", row(f"{NOW_S}|{NOW_S}.1|sa\0les|NONE|ENTERQUEUE||5551|1")),
    "too few fields": ("bad_lines", row(f"{NOW_S}|NONE|sales")),
    "a time that is none": ("bad_lines", row("yesterday|1.1|sales|NONE|ENTERQUEUE||5551|1")),
    "a negative time": ("bad_lines", row("-5|1.1|sales|NONE|ENTERQUEUE||5551|1")),
    "no verb": ("bad_lines", row(f"{NOW_S}|{NOW_S}.1|sales|NONE||1|1")),
    "other software's log": ("bad_lines", row("[2026-11-21 10:00:00] VERBOSE[123] pbx.c: Executing")),
    "the last century": ("refused_times", row("915148800|1.1|sales|NONE|ENTERQUEUE||5551|1")),
    "the year 3000": ("refused_times", row("32503680000|1.1|sales|NONE|QUEUESTART|")),
    "a time beyond all numbers": ("bad_lines", row("9223372036854775|1.1|sales|NONE|QUEUESTART|")),
    "an unknown verb": ("unknown_verbs", row(f"{NOW_S}|{NOW_S}.2|sales|Ana|SURVEY|5|very good")),
    "10 MB": ("long_lines", row(f"{NOW_S}|{NOW_S}.3|sales|NONE|ENTERQUEUE||" + "5" * 10_000_000)),
    "10 MB of bars": ("long_lines", row("|" * 10_000_000)),
}


def mixed(clean: list[bytes], bad: Bad, count: int, rng: random.Random) -> bytes:
    """The clean rows with bad ones at random places, the first and the last of all among them."""
    places = {0, len(clean), *(rng.randrange(len(clean)) for _ in range(count - 2))}
    out = []
    for number, line in enumerate([*clean, b""]):
        if number in places:
            out.append(bad(rng) + b"\n")
        out.append(line)
    return b"".join(out)


@pytest.fixture(name="clean", scope="module")
def fixture_clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("clean") / "queue_log"
    simulate(log, 3, "--days", "0.5")
    return log


@pytest.fixture(name="expected", scope="module")
def fixture_expected(clean: Path) -> Answers:
    with Ledger(clean.with_name("ledger"), [clean]) as ledger:
        return answers(ledger)


def check_taken(books: Books, expected: Answers, counter: str, count: int) -> None:
    books.check()
    found = answers(books)
    assert not differences(expected, found, (*COUNTED, counter))
    assert found["quality"][counter] == count
    assert found["quality"]["lines"] == expected["quality"]["lines"] + count
    assert found["quality"]["events"] == expected["quality"]["events"]


@pytest.mark.parametrize("what", BAD_LINES)
def test_bad_lines_harm_nothing_beside_them(tmp_path: Path, clean: Path, expected: Answers, what: str) -> None:
    counter, bad = BAD_LINES[what]
    rng = random.Random(what)
    log = tmp_path / "queue_log"
    log.write_bytes(mixed(clean.read_bytes().splitlines(keepends=True), bad, 3 if counter == "long_lines" else 20, rng))
    count = log.read_bytes().count(b"\n") - expected["quality"]["lines"]
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        check_taken(ledger, expected, counter, count)
        if counter == "unknown_verbs":
            assert ledger.status()["unknown_verbs"] == [{"verb": "SURVEY", "count": count}]


def test_the_daemon_takes_all_of_it_too(tmp_path: Path, clean: Path, expected: Answers) -> None:
    """All kinds in one log, written in pieces that end anywhere."""
    rng = random.Random(1)
    lines = clean.read_bytes().splitlines(keepends=True)
    kinds = list(BAD_LINES.values())
    for _, bad in kinds:
        lines.insert(rng.randrange(len(lines)), bad(rng) + b"\n")
    content = b"".join(lines)
    branch = Branch(tmp_path)
    with branch.running() as agent:
        at = 0
        with open(branch.log, "ab", buffering=0) as log:
            while at < len(content):
                piece = rng.randrange(1, 2_000_000)
                log.write(content[at:at + piece])
                at += piece
        branch.wait_for_lines(agent, len(lines))
    found = answers(branch.books)
    counters = [counter for counter, _ in kinds]
    assert not differences(expected, found, (*COUNTED, *counters))
    assert {name: found["quality"][name] for name in counters} == {name: counters.count(name) for name in counters}


def test_carriage_returns_change_nothing(tmp_path: Path, clean: Path, expected: Answers) -> None:
    log = tmp_path / "queue_log"
    log.write_bytes(clean.read_bytes().replace(b"\n", b"\r\n"))
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        assert answers(ledger) == expected


def test_no_line_feed_at_the_end_and_blank_lines(tmp_path: Path, clean: Path, expected: Answers) -> None:
    log = tmp_path / "queue_log"
    log.write_bytes(b"\n\r\n" + clean.read_bytes().replace(b"\n", b"\n\n").rstrip(b"\n"))
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        assert not differences(expected, answers(ledger), ("lines",))


def test_latin_1_names_are_taken_and_shown_as_valid_text(tmp_path: Path, clean: Path, expected: Answers) -> None:
    rows = [f"{NOW_S}|{NOW_S}.7|Atenção|NONE|ENTERQUEUE||5551|1", f"{NOW_S + 9}|{NOW_S}.7|Atenção|João|CONNECT|9|1.8|2",
            f"{NOW_S + 99}|{NOW_S}.7|Atenção|João|COMPLETECALLER|9|90|1"]
    log = tmp_path / "queue_log"
    latin = "".join(f"{line}\n" for line in rows).encode("latin-1")
    log.write_bytes(clean.read_bytes() + latin)
    with Ledger(tmp_path / "ledger", [log]) as ledger:
        ledger.check()
        found = answers(ledger)  # JSON is read as UTF-8: bytes that are none would fail here
        queues = {key[0]: value for key, value in found.items() if key not in expected}
    assert len(queues) == 1
    name, kpis = queues.popitem()
    assert name.startswith("Aten") and name.endswith("o")
    assert (kpis["entered"], kpis["answered"], kpis["talk_ms"]["sum"]) == (1, 1, 90000)
    ignored = (*COUNTED, "late_events", "legs", "intervals", "waiting_max")
    assert not [line for line in differences(expected, found, ignored) if "not expected" not in line]


def test_lines_hours_late_count_where_they_belong(tmp_path: Path, clean: Path) -> None:
    """A whole call five hours late, against the same call in its place."""
    lines = clean.read_bytes().splitlines(keepends=True)
    at = len(lines) // 4
    stamp = int(lines[at].split(b"|", 1)[0])
    late = [f"{stamp}|{stamp}.77|sales|NONE|ENTERQUEUE||5551|1\n".encode(),
            f"{stamp + 1}|{stamp}.77|sales|NONE|ABANDON|1|1|1\n".encode()]
    end = next(i for i, line in enumerate(lines) if int(line.split(b"|", 1)[0]) > stamp + 5 * 3600)
    in_place, behind = tmp_path / "in_place", tmp_path / "behind"
    in_place.write_bytes(b"".join([*lines[:at], *late, *lines[at:]]))
    behind.write_bytes(b"".join([*lines[:end], *late, *lines[end:]]))
    with Ledger(tmp_path / "first", [in_place]) as first, Ledger(tmp_path / "second", [behind]) as second:
        second.check()
        assert not differences(answers(first), answers(second), ("late_events", "waiting_max"))
        assert second.status()["quality"]["late_events"] - first.status()["quality"]["late_events"] == 2
