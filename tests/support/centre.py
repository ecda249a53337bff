"""A whole organisation in a temporary directory: a collector, and branches that joined it by token."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from branch import PATIENCE_S, Agent, Branch, wait_for
from ports import free_tcp_port
from ringside import bin_dir

CONFIG = """\
data {{
    dir = "{data}"
}}
ingest {{
    listen = "{host}:{port}"
    hosts = {{{hosts}}}
{ingest}
}}
store {{
    size_max = {size_max}
{store}
}}
centre {{
    zone = "{zone}"
}}
api {{
    listen = "{api_host}:0"
{api}
}}
service {{
    user = ""
}}
{more}
"""

JOINED = """\
collector {{
    credentials = "{credentials}"
    live_interval = {live_interval}
    heartbeat = {heartbeat}
    open_interval = {open_interval}
    retry_max = {retry_max}
{more}
}}
"""


class Daemon(Agent):
    """One run of the collector."""

    def __init__(self, config: Path, errors: Path, environment: dict[str, str]) -> None:
        self._errors = errors
        self._said_before = errors.stat().st_size if errors.exists() else 0
        with open(errors, "ab") as sink:
            self.process = subprocess.Popen([bin_dir() / "ringside-collector", "-c", config], stdin=subprocess.DEVNULL,
                                            stdout=sink, stderr=sink, env={**os.environ, "TZ": "UTC", **environment})


class Centre:
    def __init__(self, home: Path, *, zone: str = "UTC", size_max: str = "1GiB", ingest: str = "", store: str = "",
                 more: str = "", host: str = "127.0.0.1", data: Optional[Path] = None,
                 hosts: str = '"localhost", "127.0.0.1", "::1"', api: str = "",
                 api_host: str = "127.0.0.1") -> None:
        self.home = home
        self.data = data or home / "centre"
        self.host = host.strip("[]")
        self.port = free_tcp_port(self.host)
        self.config = home / "collector.conf"
        self.config.write_text(CONFIG.format(data=self.data, port=self.port, zone=zone, size_max=size_max,
                                             ingest=ingest, store=store, more=more, host=host,
                                             hosts=hosts, api=api, api_host=api_host))
        self.daemon: Optional[Daemon] = None
        self.command("init")

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([bin_dir() / "ringside-collector", "-c", self.config, *map(str, arguments)],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                              env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"})

    def command(self, *arguments: object) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}: {done.stderr}"
        return done.stdout

    def ask(self, *arguments: object) -> Any:
        return json.loads(self.command(*arguments, "--format", "json"))

    def rows(self, *arguments: object) -> list[dict[str, Any]]:
        return self.ask("kpi", *arguments)["rows"]

    def add(self, site: str, *options: str) -> Path:
        """Invites the site; the file with its token."""
        token = self.home / f"{site}.token"
        self.command("site", "add", site, "--token-file", token, *options)
        return token

    def token(self, name: str, *options: str) -> str:
        """A new token for the HTTP interface."""
        return self.command("token", "add", name, *options).strip()

    @property
    def url(self) -> str:
        """Of the HTTP interface of the newest run, which told its address in the log: without a final slash."""
        def told() -> list[str]:
            assert self.daemon
            if self.daemon.process.poll() is not None:
                pytest.fail(f"the collector ended\n{self.daemon.said()}")
            return re.findall(r"api: (https?://\S+)/", self.daemon.said())

        wait_for("the HTTP interface to listen", told)
        return told()[-1]

    def http(self, path: str, token: str = "", *, method: str = "GET", body: Optional[bytes] = None,
             headers: Optional[dict[str, str]] = None) -> tuple[int, dict[str, str], bytes]:
        """One request: code, headers (names in lower case), body. Refusals are answers, not exceptions."""
        asked = urllib.request.Request(self.url + path, data=body, method=method, headers={
            **({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})})
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, {k.lower(): v for k, v in refusal.headers.items()}, refusal.read()

    def get(self, path: str, token: str) -> Any:
        """The document at that path; anything but 200 fails the test."""
        code, _, body = self.http(path, token)
        assert code == 200, f"{path}: {code} {body[:400]!r}"
        return json.loads(body)

    def sites(self) -> dict[str, dict[str, Any]]:
        return {site["site"]: site for site in self.ask("site", "list")["sites"]}

    @property
    def killpoint(self) -> Path:
        return bin_dir() / "killpoint.so"

    def start(self, **environment: str) -> Daemon:
        self.daemon = Daemon(self.config, self.home / "collector.err", environment)
        return self.daemon

    def start_to_die(self, where: str) -> Daemon:
        return self.start(LD_PRELOAD=str(self.killpoint), RINGSIDE_KILL=where)

    def wait_until_listening(self) -> None:
        def listens() -> bool:
            assert self.daemon
            if self.daemon.process.poll() is not None:
                pytest.fail(f"the collector ended\n{self.daemon.said()}")
            try:
                with socket.create_connection((self.host, self.port), timeout=1):
                    return True
            except OSError:
                return False

        wait_for("the collector to listen", listens)

    @contextmanager
    def running(self) -> Iterator[Daemon]:
        daemon = self.start()
        try:
            self.wait_until_listening()
            yield daemon
        except BaseException:
            daemon.kill()
            raise
        daemon.stop()

    def close(self) -> None:
        if self.daemon and self.daemon.process.poll() is None:
            self.daemon.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Centre:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Site(Branch):
    """A branch that joins a centre, at `port` of loopback (a proxy's, perhaps)."""

    def __init__(self, home: Path, name: str, *, live_interval: str = "200ms", heartbeat: str = "1s",
                 open_interval: str = "500ms", retry_max: str = "1s", collector: str = "", zone: str = "UTC",
                 **options: Any) -> None:
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(home, **options)
        self.name = name
        self.credentials = home / "credentials"
        text = self.config.read_text().replace('id = "test"', f'id = "{name}"\n    zone = "{zone}"')
        self.config.write_text(text + JOINED.format(credentials=self.credentials, live_interval=live_interval,
                                                    heartbeat=heartbeat, open_interval=open_interval,
                                                    retry_max=retry_max, more=collector))

    def try_to_join(self, url: str, token: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([bin_dir() / "ringside-agent", "join", url, "--site", self.name, "--token-file", token,
                               "-c", self.config, *options], capture_output=True, text=True, timeout=PATIENCE_S,
                              check=False, stdin=subprocess.DEVNULL)

    def join(self, port: int, token: Path, host: str = "127.0.0.1") -> None:
        done = self.try_to_join(f"coaps+tcp://{host}:{port}", token)
        assert done.returncode == 0, done.stderr

    @property
    def clockshift(self) -> Path:
        return bin_dir() / "clockshift.so"

    def backlog(self) -> Optional[int]:
        """Intervals that wait to be sent; None while the agent does not answer."""
        answer = self.ask()
        return answer["centre"]["waiting"] if answer else None

    def is_delivered(self) -> bool:
        return self.backlog() == 0

    def close(self) -> None:
        shutil.rmtree(self.ledger, ignore_errors=True)


