"""The centre's answers are those of one pass over all branches' logs, whatever happened to the connections between:
real agents and a real collector, a proxy that breaks connections by a seeded plan, processes killed in between."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from answers import DAY_S, history_start_s, simulate
from branch import wait_for
from centre import Centre, Site
from proxy import Proxy
from whole import Whole

GROUPS = {"alpha": "north", "beta": "north", "gamma": "south"}
NAMES = ("alpha", "beta", "gamma", "delta")
DAYS = 2
PORTIONS = 14


def stamp(time_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def span() -> tuple[str, str]:
    start_s = history_start_s()
    return stamp(start_s - DAY_S), stamp(start_s + (DAYS + 2) * DAY_S)


class Story:
    """A branch's log that arrives in portions, and the branch with its agent."""

    def __init__(self, home: Path, name: str, seed: int, port: int, centre: Centre) -> None:
        self.name = name
        self.source = home / f"{name}.log"
        simulate(self.source, seed, "--days", str(DAYS), "--calls-per-day", "700")
        self.site = Site(home / name, name)
        self.site.log.write_bytes(b"")
        options = ["--group", GROUPS[name]] if name in GROUPS else []
        self.site.join(port, centre.add(name, *options))
        lines = self.source.read_bytes().splitlines(keepends=True)
        size = len(lines) // PORTIONS + 1
        self.portions = [b"".join(lines[at:at + size]) for at in range(0, len(lines), size)]
        self.lines = len(lines)
        self.agent = self.site.start()

    def append(self) -> None:
        if self.portions:
            with open(self.site.log, "ab") as log:
                log.write(self.portions.pop(0))

    def kill_and_restart(self) -> None:
        self.agent.kill()
        self.agent = self.site.start()

    def settle(self) -> None:
        while self.portions:
            self.append()
        self.site.wait_for_lines(self.agent, self.lines)
        wait_for(f"{self.name}'s backlog to be delivered", self.site.is_delivered)

    def close(self) -> None:
        self.agent.kill()
        self.site.close()


def play(centre: Centre, stories: list[Story], proxy: Proxy, rng: random.Random) -> None:
    while any(story.portions for story in stories):
        for story in stories:
            story.append()
        if rng.random() < 0.4:
            rng.choice(stories).kill_and_restart()
        if rng.random() < 0.3:
            assert centre.daemon
            centre.daemon.kill()
            centre.start()
        if rng.random() < 0.2:
            proxy.cut_all()
        time.sleep(rng.uniform(0.05, 0.5))


@pytest.mark.parametrize("seed", (301, 302))
def test_exact_through_faults(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with Centre(tmp_path) as centre:
        centre.start()
        centre.wait_until_listening()
        with Proxy(centre.port, seed, share=0.0) as proxy:
            stories = [Story(tmp_path, name, seed * 10 + number, proxy.port, centre)
                       for number, name in enumerate(NAMES)]
            try:
                proxy.share = 0.8
                play(centre, stories, proxy, rng)
                proxy.heal()
                for story in stories:
                    story.settle()
                whole = Whole(centre, {story.name: [story.site.log] for story in stories}, GROUPS, span())
                problems = whole.problems()
                assert not problems, f"seed {seed}\n" + "\n".join(problems[:40])
                assert sum(proxy.done.values()) > 0, f"seed {seed}: no connection was broken"
                wait_for("the centre to hear that nothing waits", lambda: all(
                    centre.sites()[name]["backlog"] == 0 for name in NAMES))
            finally:
                for story in stories:
                    story.close()
