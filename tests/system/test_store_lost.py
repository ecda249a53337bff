"""The centre's store is lost, whole or in part: the branches send again what it had, by themselves, and the answers are
those of one pass over all branches' logs."""

from __future__ import annotations

import re
import shutil
import struct
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from answers import DAY_S, history_start_s, simulate
from branch import Agent, wait_for
from centre import Centre, Site
from whole import Whole

NAMES = ("alpha", "beta")
GROUPS = {"alpha": "north"}
DAYS = 2
PAGE = 4096
AGAIN = re.compile(r"the centre lost what it had: (\d+) intervals are sent again")


def stamp(time_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


class Organisation:
    """Two branches that have delivered what they have. Alpha's agent goes on running, beta's is stopped."""

    def __init__(self, home: Path) -> None:
        self.centre = Centre(home, size_max="256MiB")
        self.sites = {name: Site(home / name, name) for name in NAMES}
        self.lines = {}
        with self.centre.running():
            for number, (name, site) in enumerate(self.sites.items()):
                options = ["--group", GROUPS[name]] if name in GROUPS else []
                simulate(site.log, 700 + number, "--days", str(DAYS), "--calls-per-day", "200")
                self.lines[name] = len(site.log.read_bytes().splitlines())
                site.join(self.centre.port, self.centre.add(name, *options))
            start_s = history_start_s()
            self.whole = Whole(self.centre, {name: [site.log] for name, site in self.sites.items()}, GROUPS,
                               (stamp(start_s - DAY_S), stamp(start_s + (DAYS + 2) * DAY_S)))
            shutil.copy(self.store, self.older)
            self.alpha = self.sites["alpha"].start()
            self.deliver("alpha", self.alpha)
            with self.sites["beta"].running() as agent:
                self.deliver("beta", agent)
                self.wait_until_complete()

    @property
    def store(self) -> Path:
        return self.centre.data / "store" / "data.mdb"

    @property
    def older(self) -> Path:
        """A copy of the store from before anything was delivered."""
        return self.centre.home / "older.mdb"

    def deliver(self, name: str, agent: Agent) -> None:
        site = self.sites[name]
        site.wait_for_lines(agent, self.lines[name])
        wait_for(f"{name}'s backlog to be delivered", site.is_delivered)

    def again(self, name: str, agent: Agent) -> int:
        """How many intervals the branch sent again, once it has."""
        wait_for(f"{name} to notice", lambda: AGAIN.search(agent.said()))
        self.deliver(name, agent)
        found = AGAIN.findall(agent.said())
        assert len(found) == 1, found
        told = self.sites[name].ask()
        assert told and told["centre"]["sent_again"] == int(found[0])
        return int(found[0])

    def is_complete(self, name: str) -> bool:
        rows = self.whole.ask("--site", name, "--by", "queue")
        return bool(rows) and all(row["complete"] for row in rows)

    def wait_until_complete(self) -> None:
        wait_for("the centre to hear that nothing is missing", lambda: all(map(self.is_complete, NAMES)))

    def close(self) -> None:
        self.alpha.kill()
        for site in self.sites.values():
            site.close()
        self.centre.close()


@pytest.fixture(name="organisation")
def fixture_organisation(tmp_path: Path) -> Iterator[Organisation]:
    organisation = Organisation(tmp_path)
    yield organisation
    organisation.close()


def damage_intervals(organisation: Organisation) -> None:
    """A byte of each interval that begins at a quarter past an hour: no hour or day, and no mark, has such a key."""
    content = bytearray(organisation.store.read_bytes().rstrip(b"\0"))  # what is behind is only reserved
    first_s = history_start_s() // 3600 * 3600
    for site in (1, 2):
        for hour_s in range(first_s, first_s + (DAYS + 1) * DAY_S, 3600):
            key = struct.pack(">II", site, hour_s + 900)
            at = content.find(key)
            while at >= 0:
                content[at + 12 + 4] ^= 0x5a
                at = content.find(key, at + 1)
    with open(organisation.store, "r+b") as file:
        file.write(content)


def fill_with_noise(organisation: Organisation) -> None:
    with open(organisation.store, "r+b") as file:
        file.write(bytes(i * 31 % 251 + 1 for i in range(40 * PAGE)))


def empty(organisation: Organisation) -> None:
    shutil.rmtree(organisation.store.parent)


def put_back(organisation: Organisation) -> None:
    shutil.copy(organisation.older, organisation.store)
    assert "send again" in organisation.centre.command("store", "renew")


@pytest.mark.parametrize("lose", (damage_intervals, fill_with_noise, empty, put_back))
def test_what_was_lost_is_sent_again(organisation: Organisation, lose: Callable[[Organisation], None]) -> None:
    centre = organisation.centre
    lose(organisation)
    with centre.running() as daemon:
        told = re.search(r"lost: (\d+) intervals", daemon.said())
        assert (told is not None and int(told[1]) > 10) == (lose is damage_intervals), daemon.said()
        busy = centre.run("store", "renew")
        assert busy.returncode == 1 and "stop it first" in busy.stderr
        # beta is away: what is there of it is not whole, and says so
        problems = organisation.whole.site_problems("beta")
        assert problems and not organisation.is_complete("beta")
        assert organisation.again("alpha", organisation.alpha) > 100
        with organisation.sites["beta"].running() as agent:
            assert organisation.again("beta", agent) > 100
            problems = organisation.whole.problems()
            assert not problems, "\n".join(problems[:40])
            organisation.wait_until_complete()
    assert centre.run("store", "check").returncode == 0
    # once is enough, and a start is no loss
    with centre.running(), organisation.sites["beta"].running() as agent:
        wait_for("both to be connected", lambda: all(
            (site.ask() or {"centre": {"state": ""}})["centre"]["state"] == "running"
            for site in organisation.sites.values()))
        assert not AGAIN.search(agent.said()) and len(AGAIN.findall(organisation.alpha.said())) == 1
