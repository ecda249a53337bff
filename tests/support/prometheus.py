"""A Prometheus server of a test's own: on a port of loopback, with its data in the test's directory."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Optional

from branch import PATIENCE_S, wait_for
from centre import free_tcp_port

CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files:
  - {rules}
scrape_configs:
{jobs}
"""

JOB = """\
  - job_name: {name}
    authorization:
      type: Bearer
      credentials_file: {token}
    file_sd_configs:
      - files: ["{targets}"]
        refresh_interval: 1s
"""


class Prometheus:
    """Scrapes what aim() says. Its targets are called "centre" whatever their ports, so that a collector that comes
    back on another port is the same to it."""

    def __init__(self, home: Path, rules: Path) -> None:
        self.home = home
        self.home.mkdir()
        self.rules = rules
        self.url = f"http://127.0.0.1:{free_tcp_port()}"
        self.targets = home / "targets.json"
        self.process: Optional[subprocess.Popen[bytes]] = None

    def aim(self, address: str) -> None:
        """At HOST:PORT from now on."""
        fresh = self.home / "targets.new"
        fresh.write_text(json.dumps([{"targets": [address], "labels": {"instance": "centre"}}]))
        fresh.rename(self.targets)

    def start(self, tokens: dict[str, str]) -> None:
        """With a job of that name for each token."""
        jobs = []
        for name, token in tokens.items():
            path = self.home / f"{name}.token"
            path.write_text(token + "\n")
            jobs.append(JOB.format(name=name, token=path, targets=self.targets))
        config = self.home / "prometheus.yml"
        config.write_text(CONFIG.format(rules=self.rules, jobs="".join(jobs)))
        with open(self.home / "prometheus.err", "ab") as sink:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.home / 'data'}",
                 f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=self.home)
        wait_for("Prometheus to be ready", self._is_ready)

    def said(self) -> str:
        return (self.home / "prometheus.err").read_text(errors="replace")

    def _is_ready(self) -> bool:
        assert self.process and self.process.poll() is None, f"Prometheus ended\n{self.said()}"
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path: str, **parameters: object) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            document = json.load(answer)
        assert document["status"] == "success", document
        return document["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant vector, or the series of a range; an expression that is none fails the test."""
        try:
            return self.ask("query", query=expression)["result"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{expression}: {refusal.read().decode(errors='replace')}") from refusal

    def value(self, expression: str) -> Optional[float]:
        """Of the only sample; None when there is none."""
        samples = self.query(expression)
        assert len(samples) <= 1, f"{expression}: {samples}"
        return float(samples[0]["value"][1]) if samples else None

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
        shutil.rmtree(self.home / "data", ignore_errors=True)

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
