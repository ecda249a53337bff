"""A branch in a temporary directory: a log, a ledger, a configuration, and the daemon between them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from ports import free_port
from ringside import Books, bin_dir

PATIENCE_S = 60  # for what must come; never a measure of speed

CONFIG = """\
site {{
    id = "test"
}}
ledger {{
    dir = "{ledger}"
    size_max = {size_max}
    commit_interval = {commit_interval}
}}
source "queue_log" {{
    path = "{log}"
    poll = {poll}
    drain_grace = {drain_grace}
    asterisk_conf_dir = ""
}}
status {{
    listen = "127.0.0.1:{port}"
}}
service {{
    user = "{user}"
}}
"""


def wait_for(what: str, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience_s} s in vain for {what}")
        time.sleep(0.05)


class Agent:
    """One run of the daemon."""

    def __init__(self, config: Path, errors: Path, environment: dict[str, str]) -> None:
        self._errors = errors
        self._said_before = errors.stat().st_size if errors.exists() else 0
        with open(errors, "ab") as sink:
            self.process = subprocess.Popen([bin_dir() / "ringside-agent", "-c", config], stdin=subprocess.DEVNULL,
                                            stdout=sink, stderr=sink, env={**os.environ, "TZ": "UTC", **environment})

    def said(self) -> str:
        """What it wrote to standard error since its start."""
        return self._errors.read_bytes()[self._said_before:].decode(errors="replace")

    def wait(self, patience_s: float = PATIENCE_S) -> Optional[int]:
        """Its exit status as subprocess has it; None when it still runs."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> int:
        self.process.kill()
        return self.process.wait()

    def stop(self) -> None:
        """A clean stop, as a service manager asks for it."""
        self.process.send_signal(signal.SIGTERM)
        status = self.wait()
        if status is None:
            self.kill()
        assert status == 0, f"exit status {status} after SIGTERM\n{self.said()}"


class Branch:
    def __init__(self, home: Path, *, ledger: Optional[Path] = None, size_max: str = "16MiB",
                 commit_interval: str = "100ms", poll: str = "50ms", drain_grace: str = "100ms", user: str = "") -> None:
        self.home = home
        self.ledger = ledger or home / "ledger"
        self.log = home / "log" / "queue_log"
        self.log.parent.mkdir(parents=True)
        self.port = free_port()
        self.config = home / "agent.conf"
        self.config.write_text(CONFIG.format(ledger=self.ledger, log=self.log, port=self.port, size_max=size_max,
                                             commit_interval=commit_interval, poll=poll,
                                             drain_grace=drain_grace, user=user))

    @property
    def killpoint(self) -> Path:
        return bin_dir() / "killpoint.so"

    def start(self, **environment: str) -> Agent:
        return Agent(self.config, self.home / "agent.err", environment)

    def start_to_die(self, where: str) -> Agent:
        """With the kill point of tests/support/killpoint.c: "fdatasync:after:3"."""
        return self.start(LD_PRELOAD=str(self.killpoint), RINGSIDE_KILL=where)

    @contextmanager
    def running(self) -> Iterator[Agent]:
        """The daemon for as long as the block lasts, stopped cleanly at its end."""
        agent = self.start()
        try:
            yield agent
        except BaseException:
            agent.kill()
            raise
        agent.stop()

    def ask(self, report: str = "status") -> Optional[dict[str, Any]]:
        """What the running daemon answers; None while it does not."""
        done = subprocess.run([bin_dir() / "ringside", report, "--agent", f"coap://127.0.0.1:{self.port}", "--format",
                               "json"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    @property
    def books(self) -> Books:
        return Books(self.ledger)

    def lines_held(self) -> int:
        """Lines that the ledger has taken durably."""
        return self.books.status()["quality"]["lines"] if (self.ledger / "data.mdb").exists() else 0

    def wait_for_lines(self, agent: Agent, lines: int) -> None:
        def there() -> bool:
            assert agent.process.poll() is None, f"the daemon ended\n{agent.said()}"
            answer = self.ask()
            return answer is not None and answer["quality"]["lines"] >= lines

        wait_for(f"{lines} lines in {self.ledger}", there)
