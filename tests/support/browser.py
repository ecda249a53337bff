"""Scripts that drive a headless Chromium (tests/web/*.mjs) for tests that run the collector."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

TOP = Path(__file__).resolve().parents[2]
WEB, SCRIPTS = TOP / "collector" / "web", TOP / "tests" / "web"
CHROMIUM = "/usr/bin/chromium"
PATIENCE_S = 180  # for a whole script


def drive(script: str, url: str, *, view: str = "", admin: str = "", home: Path,
          hosts: dict[str, Callable[..., Any]] | None = None, **environment: str) -> dict[str, Any]:
    """Runs the script to its end; what it told, by name. A script that fails fails the test with its own words."""
    node = shutil.which("node")
    assert node and Path(CHROMIUM).exists() and (WEB / "node_modules").is_dir(), "platform/setup and a build first"
    pictures = os.environ.get("RINGSIDE_PICTURES", "")
    with subprocess.Popen(
            [node, SCRIPTS / script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=home, start_new_session=True,
            env={**os.environ, "HOME": str(home), "RINGSIDE_WEB": str(WEB), "RINGSIDE_URL": url, "RINGSIDE_VIEW": view,
                 "RINGSIDE_ADMIN": admin, "RINGSIDE_CHROMIUM": CHROMIUM, "RINGSIDE_PICTURES": pictures,
                 **environment}) as process:
        complaints: list[str] = []
        assert process.stdin and process.stdout and process.stderr
        reader = threading.Thread(target=lambda: complaints.extend(process.stderr or ()), daemon=True)
        reader.start()
        timer = threading.Timer(PATIENCE_S, process.kill)
        timer.start()
        told: dict[str, Any] = {}
        try:
            for line in process.stdout:
                _answer(json.loads(line), told, hosts or {}, process)
            status = process.wait()
        finally:
            timer.cancel()
            process.kill()
        reader.join(5)
        if status:
            pytest.fail(f"{script} ended with {status}:\n{''.join(complaints)[-6000:]}")
        return told


def _answer(said: dict[str, Any], told: dict[str, Any], hosts: dict[str, Callable[..., Any]],
            process: subprocess.Popen[str]) -> None:
    if "tell" in said:
        told[said["tell"]] = said["value"]
        return
    try:
        answer: dict[str, Any] = {"value": hosts[said["call"]](*said["args"])}
    except Exception as error:  # pylint: disable=broad-except  # the script is to hear of it, whatever it is
        answer = {"error": f"{said['call']}: {error!r}"}
    assert process.stdin
    process.stdin.write(json.dumps(answer) + "\n")
    process.stdin.flush()
