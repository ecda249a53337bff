"""`ringside watch` on a real terminal, which tmux plays: what is on the screen, what keys do, and what is left behind."""

from __future__ import annotations

import itertools
import json
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any, Callable, Iterator, Optional

import pytest

import ringside
from live_agent import LiveAgent

BURST_PAUSE_S = 0.2
PATIENCE_S = 20
NAMES = itertools.count()


def wait_for(what: str, true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = true()
        if value:
            return value
        time.sleep(0.02)
    return pytest.fail(f"not within {PATIENCE_S} s: {what}")


def queue(name: str, waiting: int = 0, longest_ms: Optional[int] = None, level: Optional[float] = 0.9,
          label: Optional[str] = None) -> dict[str, Any]:
    return {"queue": name, "label": label, "waiting": waiting, "longest_wait_ms": longest_ms, "talking": 1, "held": 0,
            "logged_in": 3, "ready": 2, "paused": 0, "on_call": 1,
            "today": {"entered": 10, "answered": 8, "abandoned": 1, "asa_ms": 9000,
                      "service_level": {"threshold_s": 20, "method": "asterisk_sl", "value": level}},
            "trend": [{"start": "", "entered": 1, "answered": 1, "service_level": step / 7} for step in range(8)]}


def document(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "site": "branch-07", "version": "0.1.0", "as_of": "2026-11-22T10:33:20+01:00", "now_ms": 1795340000000,
        "zone": "Europe/Madrid", "health": "ok", "hints": [],
        "source": {"live": True, "state": "connected", "log_state": "reading"},
        "totals": {"waiting": 3, "longest_wait_ms": 95000, "talking": 2, "logged_in": 3, "ready": 2, "paused": 0},
        "queues": [queue("sales", 3, 95000, 0.5, "Sales desk"), queue("support"), queue("田中商店")],
        "callers": [{"queue": "sales", "state": "waiting", "wait_ms": 95000, "operator": None},
                    {"queue": "sales", "state": "connected", "wait_ms": 5000, "on_call_ms": 61000, "operator": "Ana"}],
        "operators": [{"operator": "Ana", "state": "talk", "since_ms": 61000, "queue": "sales",
                       "logged_in_ms": 3600000, "queues": ["sales"]}],
        "events": [{"ago_ms": 1000, "kind": "abandon", "queue": "support", "operator": None, "wait_ms": 31000}]}
    return {**whole, **changes}


class LiveServer:
    """An agent that is nothing but /live (tests/support/live_server.c)."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "live.json"
        self.port = 0
        self.process: Optional[subprocess.Popen[str]] = None
        self.tell(document())
        self.start()

    @property
    def url(self) -> str:
        return f"coap://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen([str(ringside.bin_dir() / "live-server"), str(self.file), str(self.port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def stop(self, how: int = signal.SIGKILL) -> None:
        if self.process:
            assert self.process.stdin and self.process.stdout
            self.process.send_signal(how)
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None

    def order(self, line: str) -> None:
        assert self.process and self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def tell(self, what: dict[str, Any]) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(what), encoding="utf-8")
        fresh.rename(self.file)
        if self.process:
            self.order("notify")


class Pane:
    """A terminal in a tmux of its own, with a shell that runs the watch and then says how it ended."""

    def __init__(self, url: str, *arguments: str, width: int = 100, height: int = 30, term: str = "screen-256color",
                 **environment: str) -> None:
        self.socket = f"ringside-test-{os.getpid()}-{next(NAMES)}"
        settings = {"LC_ALL": "C.UTF-8", "TERM": term, **environment}
        command = ["env", "-u", "NO_COLOR", *(f"{name}={value}" for name, value in settings.items()),
                   str(ringside.bin_dir() / "ringside"), "watch", "--agent", url, *arguments]
        script = f"trap : INT; echo before; {shlex.join(command)}; echo ended $?; stty -a; echo over; exec sleep 600"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "sh", "-c", script)

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-u", "-L", self.socket, *arguments], capture_output=True, check=False,
                              timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8")

    def __enter__(self) -> Pane:
        return self

    def __exit__(self, *_: object) -> None:
        self.tmux("kill-server")

    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def styled(self) -> str:
        return self.tmux("capture-pane", "-p", "-e")

    def shows(self, *texts: str) -> str:
        try:
            return wait_for(f"{texts} on the screen", lambda: self.has(*texts))
        except pytest.fail.Exception:
            print(self.text())
            raise

    def has(self, *texts: str) -> str:
        screen = self.text()
        return screen if all(text in screen for text in texts) else ""

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def watch_pid(self) -> int:
        shell = self.tmux("list-panes", "-F", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children")
        return int(wait_for("the watch runs", lambda: children.read_text(encoding="ascii").split())[0])

    def ended(self, code: int) -> None:
        screen = self.shows("before", f"ended {code}", "\nover")
        assert " icanon" in screen and " echo " in screen, screen
        assert "SL" not in screen.split("ended")[0], screen


@pytest.fixture(name="server")
def fixture_server(tmp_path: Path) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path)
    yield server
    server.stop()


def test_shows_the_branch_and_follows_it(server: LiveServer) -> None:
    with Pane(server.url) as pane:
        screen = pane.shows("branch-07", "live from the PBX", "connected", "Sales desk", "caller gave up")
        assert "SL asterisk_sl 20 s" in screen
        assert "▁▂▃▄▅▆▇█" in screen
        assert "50%!!" in screen
        assert "田中商店 " in screen
        for number in range(1, 9):
            time.sleep(0.3 if number < 5 else 0)
            began = time.monotonic()
            server.tell(document(queues=[queue("sales", number * 111, 95000)]))
            pane.shows(f" {number * 111} ")
            print(f"from the notification to the screen{'' if number < 5 else ', at once after another'}: {(time.monotonic() - began) * 1000:.0f} ms")
        assert "support" not in pane.text().split("time ", maxsplit=1)[0]


def test_waits_run_on_between_updates(server: LiveServer) -> None:
    with Pane(server.url) as pane:
        pane.shows("1:37!")
        pane.shows("1:38!")
        pane.press("p")
        pane.shows("PAUSED")
        server.tell(document(queues=[queue("sales", 777, 1000)]))
        pane.press("?")
        pane.press("Escape")
        assert "777" not in pane.shows("Sales desk")
        pane.press("p")
        pane.shows("777")


def test_keys(server: LiveServer) -> None:
    with Pane(server.url) as pane:
        pane.shows("> Sales desk")
        pane.press("Down")
        pane.shows("> support")
        pane.press("k", "Enter")
        pane.shows("Sales desk (sales)", "WAITING", "CONVERSATIONS", "1:01 Ana", "talking ")
        pane.press("Escape")
        pane.shows("> Sales desk")
        pane.press("o")
        pane.shows("member of", "Ana")
        pane.press("BSpace")
        pane.shows("> Sales desk")
        pane.press("e")
        pane.shows("! caller gave up")
        pane.press("?")
        pane.shows("KEYS", "FIGURES")
        pane.press("Escape")
        pane.press("Escape")
        pane.shows("s by name")
        pane.press("s", "s", "s", "r")
        pane.shows("s by service level (r)")
        pane.press("q")
        pane.ended(0)


def test_fits_any_size(server: LiveServer) -> None:
    with Pane(server.url) as pane:
        pane.shows("abd")
        pane.resize(40, 10)
        screen = wait_for("it is small", lambda: (text := pane.text()) and "abd" not in text and "all 3" in text and text)
        assert "Sales desk" in screen and "connected" in screen
        pane.resize(200, 60)
        pane.shows("service level", "abandoned", "logged in")
        pane.resize(12, 3)
        time.sleep(0.1)
        pane.resize(80, 24)
        pane.shows("abd", "Sales desk", "q leave")


def test_a_lost_agent_is_shown_and_found_again(server: LiveServer) -> None:
    with Pane(server.url) as pane:
        pane.shows("Sales desk")
        server.stop()
        pane.shows("no answer since 10:33", "no agent answers at coap://", "Sales desk")
        server.tell(document(queues=[queue("sales", 555, 1000)]))
        server.start()
        pane.shows("555", "connected")
        server.file.write_text("{", encoding="utf-8")
        server.order("notify")
        pane.shows("cannot be read", "555")
        pane.press("C-c")
        pane.ended(0)


@pytest.mark.parametrize("term,environment,coloured", [
    ("screen-256color", {}, True), ("screen", {}, True), ("tmux-256color", {}, True), ("xterm-256color", {}, True),
    ("linux", {}, True), ("vt100", {}, False), ("screen-256color", {"NO_COLOR": "1"}, False)])
def test_colours(server: LiveServer, term: str, environment: dict[str, str], coloured: bool) -> None:
    with Pane(server.url, term=term, **environment) as pane:
        pane.shows("1:3", "50%!!")
        styled = pane.styled()
        assert ("\x1b[33m" in styled and "\x1b[31m" in styled) == coloured, repr(styled)
        assert "\x1b[1m" in styled or "\x1b[1;" in styled
        pane.press("q")
        pane.shows("ended 0")


def test_without_utf8_all_is_ascii(server: LiveServer) -> None:
    with Pane(server.url, LC_ALL="C") as pane:
        screen = pane.shows("Sales desk", "01245789")
        assert screen.isascii()
        assert "????" in screen


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129),
                                         (signal.SIGSEGV, 139)])
def test_signals_leave_the_terminal_as_it_was(server: LiveServer, number: int, code: int) -> None:
    with Pane(server.url) as pane:
        pane.shows("Sales desk")
        os.kill(pane.watch_pid(), number)
        pane.ended(code)


def test_only_what_changed_is_written(server: LiveServer) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
        os.execv(ringside.bin_dir() / "ringside", ["ringside", "watch", "--agent", server.url])
    try:
        ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        written = b""
        bursts = []  # what comes without a pause belongs together: a picture, a second's changes
        while len(bursts) < 6:
            assert select.select([terminal], [], [], PATIENCE_S)[0], written
            burst = b""
            while select.select([terminal], [], [], BURST_PAUSE_S)[0]:
                burst += os.read(terminal, 65536)
            written += burst
            if b"branch-07" in written:
                bursts.append(len(burst))
        seconds = bursts[1:]
        print(f"bytes at the first picture and each second: {bursts}")
        assert sorted(seconds)[2] < 200  # a clock and a wait, of some 3000 cells
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        os.close(terminal)


def watch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ringside.bin_dir() / "ringside"), "watch", *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False, stdin=subprocess.DEVNULL)


def test_needs_a_terminal() -> None:
    done = watch()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "ringside queues" in done.stderr and "ringside live --format json" in done.stderr


@pytest.mark.parametrize("arguments", [("--ledger", "x"), ("--format", "json"), ("--from", "today"), ("extra",)])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = watch(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_says_why_there_is_nothing_to_watch(server: LiveServer) -> None:
    server.order("code 404")
    with Pane(server.url) as pane:
        pane.shows("has no live view, it is older than", "ended 1")
    with Pane(server.url, term="dumb") as pane:
        server.order("code 205")
        pane.shows("ended")
    with Pane(server.url, term="dumb") as pane:
        pane.shows("this type of terminal cannot show it", "ended 2")
    with Pane(server.url, term="no-such-terminal") as pane:
        pane.shows("this type of terminal cannot show it", "ended 2")
    server.stop()
    with Pane(server.url) as pane:
        pane.shows("no agent answers at", "ended 1")


def test_with_a_real_agent(tmp_path: Path) -> None:
    now = int(time.time())
    lines = [f"{now - 300}|1.1|sales|NONE|ENTERQUEUE||600001|1", f"{now - 290}|1.1|sales|Ana|CONNECT|10|1.9|2",
             f"{now - 200}|1.1|sales|Ana|COMPLETEAGENT|10|90|1", f"{now - 100}|2.1|sales|NONE|ENTERQUEUE||600002|1"]
    with LiveAgent(tmp_path, lines) as agent:
        if agent.cli("live").returncode != 0:
            pytest.skip("this agent has no /live")
        with Pane(agent.url) as pane:
            pane.shows("branch-07", "from the log, up to", "connected", "> sales", "all 1", "1:4")
            agent.append(f"{now}|3.1|田中商店|NONE|ENTERQUEUE||600003|1")
            pane.shows("田中商店", "all 2")
            pane.press("Enter")
            pane.shows("WAITING", "sales")
            agent.stop()
            pane.shows("no answer since")
            agent.start()
            pane.shows("connected")
            pane.press("q")
            pane.ended(0)
