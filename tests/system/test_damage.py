"""Damaged files under the real programs: the agent and the collector start, say in one line what was lost, tell it in
status and as an event, and go on; commands that only read refuse with one line."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from branch import Branch, wait_for
from centre import Centre, Site
from ringside import bin_dir

PAGE = 4096
START = (int(time.time()) // 900 - 3 * 96) * 900


def rows(number: int, at: int) -> list[str]:
    call = f"{at}.{number}"
    return [f"{at}|{call}|sales|NONE|ENTERQUEUE||{600000000 + number}|1",
            f"{at + 4}|{call}|sales|Ana|CONNECT|4|{call}9|2",
            f"{at + 64}|{call}|sales|Ana|COMPLETECALLER|4|60|1"]


def write_calls(log: Path, first: int, count: int) -> int:
    """A call each minute; how many lines they are."""
    with open(log, "a", encoding="utf-8") as out:
        for number in range(first, first + count):
            out.write("".join(line + "\n" for line in rows(number, START + number * 60)))
    return 3 * count


def flip(path: Path, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x5a]))


def noise(path: Path) -> None:
    with open(path, "r+b") as file:
        file.write(bytes(i * 31 % 251 + 1 for i in range(40 * PAGE)))


def refuses(ledger: Path) -> None:
    done = subprocess.run([bin_dir() / "ringside", "status", "--ledger", ledger], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert "damaged" in done.stderr and done.stderr.count("\n") == 1


@pytest.fixture(name="branch")
def fixture_branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def test_the_agent_tells_what_it_lost_and_goes_on(branch: Branch) -> None:
    lines = write_calls(branch.log, 0, 600)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
    before = branch.books.status()["ledger"]
    assert before["legs"] == 600 and before["damage"] is None
    data = branch.ledger / "data.mdb"
    # a queue's name stands in its record and nowhere else but in index and legs: any byte of it is that record's
    at = data.read_bytes().find(b"\x01sales")
    assert at > 0
    flip(data, at + 2)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
        said = [line for line in agent.said().splitlines() if "damaged" in line]
        assert len(said) == 1 and "lost: 1 name" in said[0]
        lines += write_calls(branch.log, 600, 10)
        branch.wait_for_lines(agent, lines)
        told = branch.ask()
        assert told
        damage = told["ledger"]["damage"]
        assert damage["times"] == 1 and damage["exact"] and not damage["began_anew"]
        assert {name: lost for name, lost in damage["lost"].items() if lost} == {"names": 1}
        assert (branch.ledger / damage["file"]).stat().st_size > 0
        assert any("the ledger was damaged" in hint for hint in told["hints"])
        text = subprocess.run([bin_dir() / "ringside", "status", "--agent", f"coap://127.0.0.1:{branch.port}"],
                              capture_output=True, text=True, timeout=60, check=True).stdout
        assert "lost: 1 name" in " ".join(text.split())
    branch.books.check()
    after = branch.books.status()
    assert after["ledger"]["legs"] == 610 and after["ledger"]["damage"] == damage


def test_legs_that_are_lost_are_counted(branch: Branch) -> None:
    lines = write_calls(branch.log, 0, 3000)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
    data = branch.ledger / "data.mdb"
    at = data.read_bytes().find(f"{START}.0".encode())  # the first leg's call, in the first block
    assert at > 0
    flip(data, at + 100)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
        told = branch.ask()
        assert told
        lost = told["ledger"]["damage"]["lost"]
    calls = json.loads(subprocess.run(
        [bin_dir() / "ringside", "calls", "--ledger", branch.ledger, "--format", "json", "--limit", "10000", "--from",
         time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START - 900))],
        capture_output=True, text=True, timeout=60, check=True).stdout)["closed"]
    assert 0 < len(calls) < 3000
    assert lost["legs"] == 3000 - len(calls) and lost["intervals"] == 0
    gap = [gap for gap in told["gaps"] if "damaged ledger" in gap["reason"]]
    assert len(gap) == 1 and f"{lost['legs']} legs" in gap[0]["reason"]


def test_a_lost_cursor_counts_nothing_twice(branch: Branch) -> None:
    lines = write_calls(branch.log, 0, 200)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
    data = branch.ledger / "data.mdb"
    content = data.read_bytes()
    path = str(branch.log).encode()
    at = content.find(path)
    assert at > 0
    while at > 0:  # in every page that still has it, for there are pages of before
        flip(data, at + 1)
        at = content.find(path, at + 1)
    with branch.running() as agent:
        assert "1 cursor" in wait_for_line(agent)
        lines += write_calls(branch.log, 210, 50)  # later than all that was read
        wait_for("the new calls", lambda: (branch.ask() or {"ledger": {"legs": 0}})["ledger"]["legs"] >= 250)
        told = branch.ask()
        # the newest row of before is looked at again: nothing tells it from one of the same second that is new
        assert told and told["ledger"]["legs"] == 250 and told["quality"]["known_lines"] == 599
    branch.books.check()


def wait_for_line(agent) -> str:  # type: ignore[no-untyped-def]
    wait_for("the line about the damage", lambda: "damaged (" in agent.said())
    return next(line for line in agent.said().splitlines() if "damaged (" in line)


def test_noise_is_put_aside_and_the_log_read_again(branch: Branch) -> None:
    lines = write_calls(branch.log, 0, 100)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
    noise(branch.ledger / "data.mdb")
    refuses(branch.ledger)
    with branch.running() as agent:
        branch.wait_for_lines(agent, lines)
        assert "it begins anew" in wait_for_line(agent)
        told = branch.ask()
        assert told and told["ledger"]["legs"] == 100 and told["ledger"]["damage"]["began_anew"]
    assert list(branch.ledger.glob("damaged-*.mdb"))


def test_the_collector_goes_on_without_what_it_lost(tmp_path: Path) -> None:
    with Centre(tmp_path, size_max="64MiB") as centre:
        token = centre.add("north")
        centre.add("south")
        with centre.running():
            site = Site(tmp_path / "north", "north")
            site.join(centre.port, token)
            write_calls(site.log, 0, 100)
            with site.running():
                wait_for("delivery", site.is_delivered)
        store = centre.data / "store" / "data.mdb"
        noised_s = time.time() - 0.001  # the moment is told in milliseconds
        noise(store)
        noise(centre.data / "registry" / "data.mdb")
        done = centre.run("kpi")
        assert done.returncode == 1 and "corrupt" in done.stderr and done.stderr.count("\n") == 1
        with centre.running() as daemon:
            said = [line for line in daemon.said().splitlines() if "damaged (" in line]
            assert len(said) == 2 and "registry" in said[0] and "store" in said[1]
            told = centre.http("/metrics", centre.token("prometheus"))[2].decode()
            assert "\nringside_store_damage_total 1\n" in told
            last_s = float(told.partition("\nringside_store_damage_timestamp_seconds ")[2].partition("\n")[0])
            assert noised_s <= last_s <= time.time()
        assert "the store was damaged" in centre.command("store", "check")
        assert list((centre.data / "registry").glob("damaged-*.mdb")) and list(store.parent.glob("damaged-*.mdb"))
        site.close()
