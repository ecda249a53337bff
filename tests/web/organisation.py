"""A small organisation for the browser to look at: a collector, a site that is live, one that is silent, one that lost a
piece of its log, one without calls today, in zones from Lima to Chengdu."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator
from zoneinfo import ZoneInfo

from answers import simulate
from branch import wait_for
from centre import Centre, Site
from ports import free_tcp_port
from ringside import bin_dir

ZONE = "Europe/Madrid"
ZONES = {"madrid": ZONE, "vigo": ZONE, "lima": "America/Lima", "chengdu": "Asia/Shanghai"}
GROUPS = {"madrid": "iberia", "vigo": "iberia", "chengdu": "asia"}
LIVE, CALM, HOLED, SILENT = "madrid", "vigo", "lima", "chengdu"
DAYS = 10
DAY_S = 86400
CALLS_A_DAY = {"madrid": 300, "vigo": 80, "lima": 120, "chengdu": 150}
QUIET_S = 1800  # a site that said nothing for so long is silent; calls of the past are over by then

API = "requests_per_second = 10000\nrequests_burst = 10000"
RULES = """\
alerting {
    pace = 1s
}
alert "queue is full" {
    metric = waiting
    above = 3
    for = 1s
    keep = 1s
    summary = "Too many wait"
}
alert "site away" {
    metric = site_silent
    above = 5m
    for = 3s
    severity = critical
}
alert "slow" {
    metric = service_level
    below = "1%"
    window = 30m
    calls_min = 1000
}
"""


def iso(at_s: float) -> str:
    return datetime.fromtimestamp(int(at_s), timezone.utc).isoformat()


def clock_change(zone: str = ZONE) -> datetime:
    """Midnight, in the zone, of the newest day whose clocks were changed and that lies before the history."""
    day = datetime.now(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS + 4)
    while day.utcoffset() == (day + timedelta(days=1)).utcoffset():
        day -= timedelta(days=1)
    return day


class Organisation:
    def __init__(self, home: Path, centre: Centre) -> None:
        self.home, self.centre = home, centre
        self.sites: dict[str, Site] = {}
        self.calls = 0
        self.view = centre.token("wall")
        self.admin = centre.token("boss", "--role", "admin")

    # ---- what scripts ask for ----

    def enter(self, count: int = 1) -> list[str]:
        """So many callers join a queue of the live site."""
        calls = [f"{int(time.time())}.{self.calls + i}" for i in range(count)]
        self.calls += count
        self._append([f"{call}|sales|NONE|ENTERQUEUE||555{i:04}|{i + 1}" for i, call in enumerate(calls)])
        return calls

    def give_up(self, calls: list[str]) -> None:
        self._append([f"{call}|sales|NONE|ABANDON|1|1|1" for call in calls])

    def _append(self, rows: list[str]) -> None:
        with self.sites[LIVE].log.open("a", encoding="ascii") as log:
            log.writelines(f"{int(time.time())}|{row}\n" for row in rows)

    def stop(self) -> None:
        assert self.centre.daemon
        self.centre.daemon.stop()

    def start(self) -> None:
        self.centre.start()
        self.centre.wait_until_listening()

    def token(self, name: str, *options: str) -> str:
        return self.centre.token(name, *options)

    def revoke(self, name: str) -> None:
        self.centre.command("token", "revoke", name)

    @property
    def hosts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("enter", "give_up", "stop", "start", "token", "revoke")}

    # ---- how it came to be ----

    def history(self, name: str, seed: int, from_s: float, to_s: float) -> None:
        simulate(self.sites[name].log, seed, "--start", iso(from_s), "--days", f"{(to_s - from_s) / DAY_S:.5f}",
                 "--calls-per-day", str(CALLS_A_DAY[name]), "--queues", "3", "--restart-every", "0", "--plain")

    def join(self, name: str) -> None:
        site = Site(self.home / name, name, zone=ZONES[name])
        group = ["--group", GROUPS[name]] if name in GROUPS else []
        site.join(self.centre.port, self.centre.add(name, *group))
        self.sites[name] = site

    def deliver(self, name: str, stack: ExitStack, **environment: str) -> Any:
        """Its agent runs, for as long as the stack."""
        agent = self.sites[name].start(**environment)
        stack.callback(lambda: agent.kill() if agent.process.poll() is None else None)
        return agent

    def wait_for(self, name: str, agent: Any) -> None:
        site = self.sites[name]
        site.wait_for_lines(agent, len(site.log.read_bytes().splitlines()))
        wait_for(f"{name}'s summaries to be delivered", site.is_delivered)
        wait_for(f"{name} to have said so", lambda: self.centre.sites()[name]["backlog"] == 0)


def tell_histories(there: Organisation, now_s: float) -> None:
    end_s = now_s - QUIET_S - 900
    change_s = clock_change().timestamp()
    there.history(LIVE, 11, change_s - DAY_S, change_s + 2 * DAY_S)
    there.history(LIVE, 12, now_s - DAYS * DAY_S, end_s)
    there.history(SILENT, 13, now_s - DAYS * DAY_S, end_s)
    there.history(HOLED, 14, now_s - DAYS * DAY_S, now_s - 5 * DAY_S)
    there.history(CALM, 15, now_s - DAYS * DAY_S, now_s - 2 * DAY_S)


def begin_anew(centre: Centre, shift: dict[str, str]) -> None:
    """With a CA that was made then: certificates are not valid before."""
    shutil.rmtree(centre.data)
    subprocess.run([bin_dir() / "ringside-collector", "-c", centre.config, "init"], check=True, capture_output=True,
                   env={**os.environ, **shift}, timeout=60)


@contextmanager
def organisation(home: Path) -> Iterator[Organisation]:
    """First some time ago, so that who stops then is silent now."""
    shift = {"LD_PRELOAD": str(bin_dir() / "clockshift.so"), "RINGSIDE_CLOCK_SHIFT_S": str(-QUIET_S)}
    with ExitStack() as stack:
        centre = stack.enter_context(Centre(home, zone=ZONE, api=API, more=RULES, size_max="256MiB"))
        centre.config.write_text(centre.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{free_tcp_port()}"))
        begin_anew(centre, shift)
        there = Organisation(home, centre)
        then = centre.start(**shift)
        centre.wait_until_listening()
        for name in ZONES:
            there.join(name)
            stack.callback(there.sites[name].close)
        now_s = time.time()
        tell_histories(there, now_s)
        agents = {name: there.deliver(name, stack, **shift) for name in ZONES}
        for name, agent in agents.items():
            there.wait_for(name, agent)
            agent.stop()
        then.stop()
        there.sites[HOLED].log.unlink()
        there.history(HOLED, 16, now_s - 3 * DAY_S, now_s - QUIET_S)
        there.start()
        for name, agent in {name: there.deliver(name, stack) for name in (LIVE, CALM, HOLED)}.items():
            there.wait_for(name, agent)
        wait_for("the live view of the others", lambda: centre.ask("live")["totals"]["sites_telling"] >= 3)
        yield there
