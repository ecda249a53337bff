#!/usr/bin/python3
"""Checks ringside-agent against a real Asterisk: ./dev lab asterisk (tests/lab/README.md)."""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Optional

import agents
import ami
import checks
import driver
import pbx
import plan
import record

LAB = Path(__file__).resolve().parent
TOP = LAB.parents[1]
INSIDE = "RINGSIDE_LAB_INSIDE"
SUITES = ("sid", "bullseye")
SETTLE_S = 4
LOAD_CALLS = 150
LOAD_IDLE_S = 20


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev lab asterisk", description=__doc__)
    parser.add_argument("--suite", default=SUITES[0],
                        help="Debian suite whose Asterisk is taken: sid (22) or bullseye (16); default %(default)s")
    parser.add_argument("--calls", type=int, default=500, help="how many calls are made (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the plan of calls (%(default)s)")
    parser.add_argument("--agents", default="log,both,ami", help="which agents run beside each other (%(default)s)")
    parser.add_argument("--no-load", action="store_true",
                        help="leave out the two short runs that measure what the agent costs the PBX")
    parser.add_argument("--keep", action="store_true", help="keep what the PBX and the agents wrote, build/lab/run")
    options = parser.parse_args()
    if not options.suite.isalpha():
        parser.error(f"{options.suite} is not the name of a suite")
    return options


def enter_namespaces(options: argparse.Namespace, root: Path) -> None:
    """Makes the chroot, then starts anew where no host network, mount or process is in reach, and nothing outlives."""
    made = subprocess.run([LAB / "chroot", options.suite, root], check=False)
    if made.returncode:
        sys.exit(made.returncode)
    os.environ[INSIDE] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                          "--propagation", "private", sys.executable, "-B", __file__, *sys.argv[1:]])


def raise_loopback() -> None:
    """What `ip link set lo up` does, on machines without iproute2 too."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags, = struct.unpack("16xh14x", fcntl.ioctl(any_socket, get_flags, request))
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", flags | up))


def mount_in(root: Path) -> None:
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    subprocess.run(["mount", "--rbind", "/dev", root / "dev"], check=True)


def lock(directory: Path) -> IO[str]:
    """One lab at a time: runs share the chroot and what --keep keeps. The lock ends with the process."""
    held = (directory / "lock").open("w", encoding="ascii")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("lab: another lab is running")
    return held


def programs() -> Path:
    return Path(os.environ.get("RINGSIDE_BIN", TOP / "build" / "release" / "bin")).resolve()


class Run:
    """One PBX, its calls, and the agents that watch it."""

    def __init__(self, root: Path, directory: Path, names: list[str]) -> None:
        self.box = pbx.Pbx(root, f"lab-{directory.name}")
        self.directory = directory
        self.names = names
        self.agents: list[agents.Agent] = []
        self.record = record.Record()
        self.client: Optional[ami.Ami] = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        for agent in self.agents:
            agent.stop()
        if self.client:
            self.client.close()
        self.box.stop()
        if self.directory.exists():
            shutil.copytree(self.box.outside / "log", self.directory / "asterisk", dirs_exist_ok=True)
        self.box.remove()

    def start(self) -> None:
        self.directory.mkdir(parents=True)
        self.box.start()
        self.client = self.box.client("driver")
        self.client.record = self.record.put
        self.record.begin()
        self.client.ask("QueueStatus")
        for name in self.names:
            agent = agents.Agent(name, self.directory, programs(), self.box)
            self.agents.append(agent)
            agent.start()

    def call(self, script: plan.Plan) -> driver.Driver:
        assert self.client
        caller = driver.Driver(self.client, script)
        caller.run(15, lambda elapsed_s, made: say(f"{elapsed_s:4.0f} s: {made} of {len(script.calls)} calls made"))
        return caller


def measure(root: Path, directory: Path, seed: int, names: list[str]) -> checks.Load:
    with Run(root, directory, names) as run:
        run.start()
        script = plan.make(seed, LOAD_CALLS, withdraws=False)
        before_s = run.box.cpu_s()
        time.sleep(LOAD_IDLE_S)
        idle_s = run.box.cpu_s() - before_s
        started = time.monotonic()
        run.call(script)
        elapsed_s = time.monotonic() - started
        live = run.agents[0].ask("status").get("live", {}) if run.agents else {}
        return checks.Load(elapsed_s, run.box.cpu_s() - before_s - idle_s, idle_s / LOAD_IDLE_S,
                           live.get("actions", 0), live.get("received_bytes", 0), live.get("filtered", False))


def main_run(options: argparse.Namespace, root: Path, directory: Path, names: list[str]) -> checks.Report:
    with Run(root, directory, names) as run:
        run.start()
        assert run.client
        version = run.client.cli("core show version").split(" built")[0]
        say(f"{version}; agents: {', '.join(names)}; {options.calls} calls, seed {options.seed}")
        commands = run.client.ask("ListCommands")[0]
        script = plan.make(options.seed, options.calls, withdraws="QueueWithdrawCaller" in commands)
        started = time.time()
        caller = run.call(script)
        time.sleep(SETTLE_S)
        with (directory / "visits.jsonl").open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(dataclasses.asdict(visit)) + "\n" for visit in caller.visits)
        run.record.write(directory / "events")
        report = checks.Report(caller, run.box, run.agents, run.record, started)
        report.check_all()
        return report


def main() -> int:
    options = arguments()
    root = TOP / "build" / "lab" / options.suite
    if os.geteuid() != 0:
        print("lab: needs root, for the chroot and the namespaces", file=sys.stderr)
        return 2
    if os.environ.get(INSIDE) != "yes":
        root.parent.mkdir(parents=True, exist_ok=True)
        enter_namespaces(options, root)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    held = lock(root.parent)
    for leftover in (root / "srv").glob("lab-*"):  # of a run that was killed
        shutil.rmtree(leftover)
    mount_in(root)
    raise_loopback()
    work = TOP / "build" / "lab" / "run"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    names = [name for name in (agents.LOG, agents.BOTH, agents.AMI) if name in options.agents.split(",")]
    if not agents.knows_ami(programs(), work):
        say("this ringside-agent has no source for the manager interface: only queue_log is checked")
        names = [name for name in names if name == agents.LOG]
    try:
        report = main_run(options, root, work / "main", names)
        if not options.no_load and agents.AMI in names:
            say("what the agent costs the PBX: the same calls without and with one")
            without = measure(root, work / "without", options.seed, [])
            report.check_load(without, measure(root, work / "with", options.seed, [agents.AMI]))
        report.print()
        return 0 if report.passed() else 1
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
        held.close()


if __name__ == "__main__":
    sys.exit(main())
