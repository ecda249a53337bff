"""A running ringside-agent over a queue_log of the test's own, on a loopback port of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

import pytest

import ringside
from ports import free_port

START_S = 20
STEP_S = 0.05

CONFIG = """
site {{
    id = "{site}"
    zone = "{zone}"
}}
ledger {{
    dir = "{ledger}"
    size_max = 16MiB
    commit_interval = 100ms
    caller_numbers = {callers}
}}
source "queue_log" {{
    path = "{log}"
    poll = 50ms
    asterisk_conf_dir = ""
}}
status {{
    listen = "127.0.0.1:{port}"
    observe_min = 200ms
}}
service {{
    user = ""
}}
{more}
"""


def wait_until(what: str, true: Callable[[], Any], within_s: float = START_S) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = true()
        if value:
            return value
        time.sleep(STEP_S)
    return pytest.fail(f"not within {within_s} s: {what}")


class LiveAgent:
    def __init__(self, directory: Path, lines: list[str], *, more: str = "", callers: str = "hash") -> None:
        self.bin = ringside.bin_dir()
        self.log = directory / "queue_log"
        self.ledger = directory / "ledger"
        self.port = free_port()
        self.url = f"coap://127.0.0.1:{self.port}"
        self.config = directory / "agent.conf"
        self.messages = directory / "agent.err"
        self.log.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        self.config.write_text(CONFIG.format(site="branch-07", zone="Europe/Madrid", ledger=self.ledger, log=self.log,
                                             port=self.port, callers=callers, more=more), encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LiveAgent:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.ledger, ignore_errors=True)

    def start(self) -> None:
        with self.messages.open("ab") as err:
            self.process = subprocess.Popen([str(self.bin / "ringside-agent"), "-c", str(self.config)], stderr=err,
                                            stdout=err)
        wait_until("the agent answers", self._answers)

    def _answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            pytest.fail(f"ringside-agent ended with {self.process.returncode}: {self.messages.read_text()}")
        return self.cli("status").returncode == 0

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=START_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def append(self, *lines: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(line + "\n" for line in lines)

    def cli(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(self.bin / "ringside"), *arguments], capture_output=True, text=True,
                              timeout=ringside.TIMEOUT_S, check=False,
                              env={**os.environ, "RINGSIDE_AGENT": self.url, "TZ": "Europe/Madrid", **environment})

    def ask(self, *arguments: str) -> dict[str, Any]:
        done = self.cli(*arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait_for_lines(self, count: int) -> None:
        wait_until(f"{count} lines read", lambda: self.ask("status")["quality"]["lines"] >= count)


def coap(*arguments: str, timeout_s: float = 30) -> str:
    """What coap-client prints for a request: the payload, or the code and the diagnostic of a failure."""
    client = shutil.which("coap-client-notls")
    if not client:
        pytest.fail("coap-client-notls is missing: install libcoap3-bin")
    done = subprocess.run([client, "-B", "10", *arguments], capture_output=True, timeout=timeout_s, check=False)
    return (done.stdout + done.stderr).decode("utf-8")
