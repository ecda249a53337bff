"""ringside-agents beside each other over one PBX: the log only, the log and the manager interface, the latter only."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

import pbx

START_S = 20
STOP_S = 30
LOG, BOTH, AMI = "log", "both", "ami"

BASE = """
site {{
    id = "lab-{name}"
    zone = "UTC"
}}
ledger {{
    dir = "{directory}/ledger"
    size_max = 32MiB
    commit_interval = 200ms
}}
status {{
    listen = "127.0.0.1:{port}"
}}
service {{
    user = ""
}}
"""

QUEUE_LOG_SOURCE = """
source "queue_log" {{
    type = queue_log
    path = "{path}"
    poll = 100ms
    asterisk_conf_dir = ""
}}
"""

AMI_SOURCE = """
source "ami" {{
    type = ami
    host = "127.0.0.1"
    port = {port}
    user = "ringside"
    secret_file = "{secret_file}"
    snapshot = 1m
}}
"""


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Agent:
    def __init__(self, name: str, directory: Path, programs: Path, box: pbx.Pbx) -> None:
        self.name = name
        self.directory = directory / name
        self.programs = programs
        self.port = free_udp_port()
        self.conf = self.directory / "agent.conf"
        self.messages = self.directory / "messages"
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.directory.mkdir(parents=True)
        self._configure(box)

    def _configure(self, box: pbx.Pbx) -> None:
        text = BASE.format(name=self.name, directory=self.directory, port=self.port)
        if self.name in (LOG, BOTH):
            text += QUEUE_LOG_SOURCE.format(path=box.queue_log)
        if self.name in (BOTH, AMI):
            secret_file = self.directory / "secret"
            secret_file.touch(mode=0o600)
            secret_file.write_text(box.secrets["ringside"] + "\n")
            text += AMI_SOURCE.format(port=box.port, secret_file=secret_file)
        self.conf.write_text(text)

    def start(self) -> None:
        with self.messages.open("ab") as err:
            self.process = subprocess.Popen([self.programs / "ringside-agent", "-c", self.conf], stdout=err, stderr=err)
        deadline = time.monotonic() + START_S
        while self._call("status").returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"agent {self.name} does not run: {self.messages.read_text()[-500:]}")
            time.sleep(0.1)
        if self.name != LOG:
            self.wait_until_connected()

    def wait_until_connected(self) -> None:
        deadline = time.monotonic() + START_S
        while not (self.ask("status").get("live") or {}).get("connected"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"agent {self.name} does not connect: {self.messages.read_text()[-500:]}")
            time.sleep(0.1)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.programs / "ringside", *arguments], capture_output=True, text=True, timeout=60,
                              check=False, env={**os.environ, "RINGSIDE_AGENT": f"coap://127.0.0.1:{self.port}"})

    def ask(self, *arguments: str) -> dict[str, Any]:
        done = self._call(*arguments, "--format", "json")
        if done.returncode:
            raise RuntimeError(f"ringside {' '.join(arguments)} of agent {self.name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def ask_ledger(self, *arguments: str) -> dict[str, Any]:
        """What it wrote, once it has stopped."""
        done = subprocess.run([self.programs / "ringside", *arguments, "--ledger", self.directory / "ledger",
                               "--format", "json"], capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def cpu_s(self) -> float:
        assert self.process
        return pbx.cpu_s(self.process.pid)

    def stop(self) -> int:
        if not self.process:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code = self.process.returncode
        self.process = None
        return code


def knows_ami(programs: Path, directory: Path) -> bool:
    """Whether this ringside-agent has a source for the manager interface at all."""
    conf = directory / "probe.conf"
    conf.write_text(AMI_SOURCE.format(port=5038, secret_file="/nonexistent"))
    done = subprocess.run([programs / "ringside-agent", "check", "--print", "-c", conf], capture_output=True, text=True,
                          check=False)
    conf.unlink()
    return "type = ami" in done.stdout
