"""Daemons that follow the same log at the same time: what each takes of a core and of the memory."""

from __future__ import annotations

import argparse
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import procfs
from branch import Branch
from busy import LIVE_EVENTS_S, LIVE_WARM_S, Feed
from figure import MB, Figure, compared, peer, say
from peers.mtail import PROGRAM
from peers.tool import Running, attempt, program, version
from ports import free_tcp_port

RSYSLOG = """\
global(workDirectory="{home}")
module(load="imfile")
input(type="imfile" file="{log}" tag="queue_log" ruleset="sink" freshStartTail="on")
ruleset(name="sink") {{ action(type="omfile" file="{home}/out") }}
"""
COLLECTD = """\
Hostname "bench"
FQDNLookup false
BaseDir "{home}"
PIDFile "{home}/pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
Interval 10
LoadPlugin tail
LoadPlugin csv
<Plugin csv>
  DataDir "{home}/csv"
</Plugin>
<Plugin tail>
  <File "{log}">
    Instance "queue"
{matches}
  </File>
</Plugin>
"""
MATCH = """\
    <Match>
      Regex "\\\\|{verb}\\\\|"
      DSType "CounterInc"
      Type "counter"
      Instance "{verb}"
    </Match>
"""
WAIT = """\
    <Match>
      Regex "\\\\|CONNECT\\\\|([0-9]+)\\\\|"
      DSType "GaugeAverage"
      Type "duration"
      Instance "wait"
    </Match>
"""
VERBS = ("ENTERQUEUE", "CONNECT", "ABANDON", "COMPLETECALLER", "COMPLETEAGENT", "EXITWITHTIMEOUT", "RINGNOANSWER")
SETTLE_S = 3


def rsyslog(home: Path, log: Path) -> Running:
    config = home / "rsyslog.conf"
    config.write_text(RSYSLOG.format(home=home, log=log))
    return Running([program("rsyslogd"), "-n", "-f", config, "-i", home / "rsyslog.pid"], home / "rsyslog.log")


def collectd(home: Path, log: Path) -> Running:
    config = home / "collectd.conf"
    matches = "".join(MATCH.format(verb=verb) for verb in VERBS) + WAIT
    config.write_text(COLLECTD.format(home=home, log=log, matches=matches))
    return Running([program("collectd"), "-f", "-C", config], home / "collectd.log")


def mtail(home: Path, log: Path) -> Running:
    (home / "queue.mtail").write_text(PROGRAM)
    port = free_tcp_port()
    (home / "port").write_text(str(port))
    return Running([program("mtail"), "--progs", home / "queue.mtail", "--logs", log, "--logtostderr", "--address",
                    "127.0.0.1", "--port", port], home / "mtail.log")


def copied(home: Path) -> bool:
    return (home / "out").stat().st_size > 0


def counted(home: Path) -> bool:
    return any("ENTERQUEUE" in path.name and path.stat().st_size > 0 for path in (home / "csv").rglob("*"))


def exported(home: Path) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{(home / 'port').read_text()}/metrics", timeout=10) as answer:
        return b"ENTERQUEUE" in answer.read()


@dataclass(frozen=True)
class Follower:
    name: str
    package: str
    start: Callable[[Path, Path], Running]
    did: Callable[[Path], bool]  # whether it has followed the log at all
    less: str


FOLLOWERS = (
    Follower("rsyslogd", "rsyslog", rsyslog, copied, "It copies each row to another file."),
    Follower("collectd", "collectd-core", collectd, counted,
             "It counts seven verbs and averages the wait, to a file each 10 s."),
    Follower("mtail", "mtail", mtail, exported, "It counts rows and two histograms, in memory."))


def start(follower: Follower, home: Path, log: Path) -> Running:
    home.mkdir()
    running = follower.start(home, log)
    time.sleep(1)
    try:
        running.check()
    except RuntimeError:
        running.__exit__()
        raise
    return running


def used(pid: int, before_s: float, wall_s: float) -> dict[str, float]:
    memory = procfs.memory(pid)
    return {"processor": 100 * (procfs.cpu_s(pid) - before_s) / wall_s, "private": memory["anonymous"] / MB,
            "resident": memory["resident"] / MB}


def followed(follower: Follower, home: Path, pid: int, before_s: float, wall_s: float) -> dict[str, float]:
    found = used(pid, before_s, wall_s)
    if not follower.did(home / follower.name):
        raise RuntimeError("it did not follow the log")
    return found


def bench_resident(_bin_dir: Path, _sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    branch = Branch(home / "live", size_max="256MiB", commit_interval="1s", poll="1s")
    feed = Feed(home, branch, args.seconds)
    pids: dict[str, int] = {}
    gone: dict[str, Any] = {}
    theirs: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        daemon = stack.enter_context(branch.running())
        branch.wait_for_lines(daemon, LIVE_WARM_S * LIVE_EVENTS_S)
        agent = daemon.process.pid
        for one in FOLLOWERS:
            running, gone[one.name] = attempt(one.name, lambda: start(one, home / one.name, branch.log))
            if running:
                pids[one.name] = stack.enter_context(running).pid
        time.sleep(SETTLE_S)
        say(f"the agent and {', '.join(pids) or 'nobody'} at {LIVE_EVENTS_S} events a second for {args.seconds} s")
        before_s = {pid: procfs.cpu_s(pid) for pid in (agent, *pids.values())}
        began = time.monotonic()
        feed.run(args.seconds)
        wall_s = time.monotonic() - began
        ours = used(agent, before_s[agent], wall_s)
        for one in FOLLOWERS:
            if pid := pids.get(one.name):
                theirs[one.name], gone[one.name] = attempt(
                    one.name, lambda: followed(one, home, pid, before_s[pid], wall_s))
    for title, unit, key in ((f"following a log at {LIVE_EVENTS_S} events/s, processor", "% of a core", "processor"),
                             ("  private memory (anonymous)", "MB", "private"),
                             ("  resident memory", "MB", "resident")):
        yield compared(title, unit, [ours[key]], *(
            gone[one.name] or peer(one.name, version(one.package), [theirs[one.name][key]],
                                   one.less if key == "processor" else "") for one in FOLLOWERS))
