"""Agents and collector killed at random moments and at every named point of a commit's writes, at least 200 times each,
while branches write and rotate their logs: nothing is lost at the centre, nothing is there twice."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from answers import DAY_S, history_start_s
from branch import Agent, wait_for
from centre import Centre, Site
from proxy import Proxy
from test_crash import COMMIT_POINTS, LiveCentre, kill_at_random, make_ledger, parts_in_order
from whole import Whole

NAMES = ("alpha", "beta", "gamma")
GROUPS = {"alpha": "north", "beta": "north"}
NAMED_ROUNDS = {"collector": 14, "site": 5}
RANDOM_KILLS = {"collector": 70, "site": 25}
PATIENCE_S = 15
RUN_S = 29 * DAY_S  # of simulated time, at most


def stamp(time_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def plan_of(who: str, rng: random.Random) -> list[str]:
    plan = COMMIT_POINTS * NAMED_ROUNDS[who] + ["random"] * RANDOM_KILLS[who]
    rng.shuffle(plan)
    return plan


def died_at(where: str, process: Agent) -> bool:
    """False when the point was not reached although branches sent."""
    status = process.wait(PATIENCE_S)
    if status is None:
        process.kill()
        return False
    assert status == -signal.SIGKILL, f"exit status {status} on the way to {where}\n{process.said()}"
    return True


def kill_collector(centre: Centre, where: str, rng: random.Random) -> bool:
    if where == "random":
        daemon = centre.start()
        assert daemon.wait(rng.uniform(0.02, 0.6)) is None, daemon.said()
        return daemon.kill() == -signal.SIGKILL
    daemon = centre.start_to_die(f"{where}:{rng.choice((1, 1, 2, 3, 5))}")
    return died_at(where, daemon)


def kill_site(site: Site, where: str, rng: random.Random) -> bool:
    if where == "random":
        kill_at_random(site, rng.uniform(0.02, 0.6))
        return True
    agent = site.start_to_die(f"{where}:{rng.choice((1, 1, 2, 3))}")
    return died_at(where, agent)


def kill_everybody(centre: Centre, sites: list[Site], seed: int) -> tuple[Counter, Counter]:
    done = {name: threading.Event() for name in ("collector", *NAMES)}
    all_done = threading.Event()

    def run(who: str, name: str, kill, number: int) -> Counter:
        rng_seed = seed + number
        try:
            rng = random.Random(rng_seed)
            kills: Counter = Counter()
            for where in plan_of(who, rng):
                kills[where] += kill(where, rng)
        finally:
            done[name].set()
            if all(event.is_set() for event in done.values()):
                all_done.set()
        while not all_done.is_set():
            kills["random"] += kill("random", rng)
        return kills

    with ThreadPoolExecutor(1 + len(sites)) as pool:
        collector = pool.submit(run, "collector", "collector", lambda where, rng: kill_collector(centre, where, rng), 0)
        others = [pool.submit(run, "site", site.name, lambda where, rng, site=site: kill_site(site, where, rng), number)
                  for number, site in enumerate(sites, 1)]
        return collector.result(), sum((other.result() for other in others), Counter())


def found_at_the_centre(centre: Centre, sites: list[Site]) -> list[str]:
    logs = {}
    for site in sites:
        whole = site.home / "whole"
        whole.write_bytes(b"".join(part.read_bytes() for part in parts_in_order(site.log)))
        logs[site.name] = [whole]
    start_s = history_start_s()
    return Whole(centre, logs, GROUPS, (stamp(start_s - DAY_S), stamp(start_s + RUN_S))).problems()


def test_everybody_is_killed_again_and_again(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    with Centre(tmp_path, size_max="256MiB") as centre:
        with centre.running(), Proxy(centre.port, seed, share=0.0) as proxy:
            sites = [Site(tmp_path / name, name) for name in NAMES]
            for site in sites:
                site.join(proxy.port, centre.add(site.name, *(["--group", GROUPS[site.name]]
                                                              if site.name in GROUPS else [])))
                make_ledger(site)
        with Proxy(centre.port, seed, share=0.3) as proxy:
            for site in sites:
                (site.credentials / "collector.url").write_text(f"coaps+tcp://127.0.0.1:{proxy.port}\n")
            lives = [LiveCentre(site.log, seed + number, "rename") for number, site in enumerate(sites)]
            try:
                of_collector, of_sites = kill_everybody(centre, sites, seed)
                truths = [live.end() for live in lives]
            finally:
                for live in lives:
                    live.__exit__()
            proxy.heal()
            with centre.running():
                agents = [site.start() for site in sites]
                for site, agent, truth in zip(sites, agents, truths):
                    site.wait_for_lines(agent, truth["lines"])
                    wait_for(f"{site.name}'s backlog to be delivered", site.is_delivered)
                for agent in agents:
                    agent.stop()
            problems = found_at_the_centre(centre, sites)
        print(f"collector {sum(of_collector.values())} kills {dict(of_collector)}\n"
              f"agents {sum(of_sites.values())} kills {dict(of_sites)}\nfaults {dict(proxy.done)}")
        assert not problems, f"seed {seed}\n" + "\n".join(problems[:40])
        assert sum(of_collector.values()) >= 200 and sum(of_sites.values()) >= 200
        assert all(of_collector[where] and of_sites[where] for where in COMMIT_POINTS), (of_collector, of_sites)
        for site in sites:
            site.close()
