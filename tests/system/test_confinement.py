"""The daemons' confinement: what is tried from within a running daemon is refused, and possible without it; the
service manager's units keep their score, and let the daemons confine themselves."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from branch import Agent, Branch, wait_for
from centre import Centre
from ports import free_tcp_port
from ringside import bin_dir

ROOT = Path(__file__).resolve().parents[2]
UNITS = ["ringside-agent", "ringside-collector"]
SCORE_MAX = 1.5

FILES = {"read", "list", "write", "make", "remove"}
PORTS = {"connect", "bind"}
CALLS = {"run", "fork", "devices", "code", "signal", "dumpable"}
LOCAL = {"local"}  # local sockets: refused where no module of the resolver needs them


def resolver_asks_locally() -> bool:
    """nsswitch.conf(5): whether names are looked up by asking a daemon of this machine."""
    found = re.search(r"^hosts:([^#\n]*)", Path("/etc/nsswitch.conf").read_text(), flags=re.M)
    services = re.sub(r"\[.*?\]", "", found.group(1)).split() if found else []
    return not set(services) <= {"files", "dns", "myhostname"}


class Probe:
    """tests/support/stepout.c, and the place that it tries to get to."""

    def __init__(self, home: Path) -> None:
        self.outside = home / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret\n")
        (self.outside / "spare").write_text("spare\n")
        self.report = home / "report"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"ringside-outside-{os.getpid()}"
        self.local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.local.bind("\0" + self.name)
        self.local.listen()

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(bin_dir() / "stepout.so"), "RINGSIDE_STEPOUT_DIR": str(self.outside),
                "RINGSIDE_STEPOUT_PORT": str(self.listener.getsockname()[1]),
                "RINGSIDE_STEPOUT_SOCKET": self.name, "RINGSIDE_STEPOUT_REPORT": str(self.report)}

    def close(self) -> None:
        self.listener.close()
        self.local.close()

    def attempt(self, process: subprocess.Popen[Any]) -> dict[str, int]:
        """errno by attempt; 0 where it could be done."""
        process.send_signal(signal.SIGUSR2)
        return self.told()

    def told(self) -> dict[str, int]:
        wait_for("the attempts", lambda: self.report.read_text().endswith("end 0\n"))
        lines = (line.split() for line in self.report.read_text().splitlines())
        return {name: int(error) for name, error in lines if name != "end"}


@pytest.fixture(name="probe")
def fixture_probe(tmp_path: Path) -> Iterator[Probe]:
    probe = Probe(tmp_path)
    yield probe
    probe.close()


def setting(config: Path, more: str) -> None:
    text = config.read_text()
    assert text.rstrip().endswith("}") and "service {" in text
    config.write_text(text.replace("service {", "service {\n    " + more))


@contextmanager
def agent(home: Path, probe: Probe, sandbox: str) -> Iterator[Agent]:
    branch = Branch(home / "branch")
    setting(branch.config, f"sandbox = {sandbox}")
    with open(branch.config, "a", encoding="utf-8") as config:
        config.write(f'collector {{ url = "coaps+tcp://127.0.0.1:{free_tcp_port("127.0.0.1")}" }}\n')
    daemon = branch.start(**probe.environment)
    try:
        wait_for("the agent to answer", lambda: branch.ask() is not None)
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


@contextmanager
def collector(home: Path, probe: Probe, sandbox: str) -> Iterator[Agent]:
    place = home / "centre"
    place.mkdir()
    with Centre(place) as centre:
        text = centre.config.read_text().replace(":0\"", f":{free_tcp_port('127.0.0.1')}\"")
        centre.config.write_text(text)  # with a port that the system chooses binding would not be confined
        if "service {" in text:
            setting(centre.config, f"sandbox = {sandbox}")
        else:
            centre.config.write_text(text + f"service {{ sandbox = {sandbox} }}\n")
        daemon = centre.start(**probe.environment)
        centre.wait_until_listening()
        yield daemon


DAEMONS = {"agent": agent, "collector": collector}


def landlock(said: str) -> int:
    """The version that the daemon says it uses; 0: none."""
    found = re.search(r"confined: .*Landlock (\d+)\)", said)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("which", DAEMONS)
def test_nothing_steps_out(tmp_path: Path, probe: Probe, which: str) -> None:
    with DAEMONS[which](tmp_path, probe, "yes") as daemon:
        told = probe.attempt(daemon.process)
        assert daemon.process.poll() is None
        said = daemon.said()
    assert "confined: system calls" in said
    assert_held(told, probe, landlock(said))


def assert_held(told: dict[str, int], probe: Probe, version: int) -> None:
    """All that the kernel's version of Landlock can refuse was refused."""
    assert set(told) == FILES | PORTS | CALLS | LOCAL
    assert told["local"] == (0 if resolver_asks_locally() else errno.EPERM)
    assert {name: told[name] for name in CALLS} == dict.fromkeys(CALLS, errno.EPERM)
    if version >= 1:
        assert {name: told[name] for name in FILES} == dict.fromkeys(FILES, errno.EACCES)
        assert not (probe.outside / "new").exists() and (probe.outside / "spare").exists()
    if version >= 4:
        assert {name: told[name] for name in PORTS} == dict.fromkeys(PORTS, errno.EACCES)
    if version < 4:
        pytest.skip(f"the calls are refused; this kernel's Landlock ({version}) does not know all of the rest")


@pytest.mark.parametrize("which", DAEMONS)
def test_without_it_all_of_that_can_be_done(tmp_path: Path, probe: Probe, which: str) -> None:
    """So that the refusals are the confinement's."""
    with DAEMONS[which](tmp_path, probe, "no") as daemon:
        told = probe.attempt(daemon.process)
        said = daemon.said()
    assert "not confined: service.sandbox = no" in said
    assert told == dict.fromkeys(FILES | PORTS | CALLS | LOCAL, 0)


# ---- commands that read what others write ----

def kernels_landlock(branch: Branch) -> int:
    """The version that check foretells; 0: none."""
    done = subprocess.run([bin_dir() / "ringside-agent", "check", "-c", branch.config], capture_output=True, text=True,
                          check=False)
    found = re.search(r"files yes \(Landlock (\d+)\)", done.stderr)
    return int(found.group(1)) if found else 0


@contextmanager
def joining(branch: Branch, probe: Probe, port: int) -> Iterator[subprocess.Popen[str]]:
    """`join`, with a token that is well-formed."""
    with subprocess.Popen([bin_dir() / "ringside-agent", "join", f"coaps+tcp://127.0.0.1:{port}", "-c",
                           branch.config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env={**os.environ, **probe.environment}) as process:
        assert process.stdin is not None
        process.stdin.write("ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567")
        process.stdin.close()
        try:
            yield process
        finally:
            process.kill()


def join_while_attempting(branch: Branch, probe: Probe) -> dict[str, int]:
    """The collector takes the connection and is silent; then it goes away, and so does the place for credentials."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with joining(branch, probe, server.getsockname()[1]) as process:
            server.settimeout(30)
            connection, _ = server.accept()
            told = probe.attempt(process)
            assert process.poll() is None
            connection.close()
            assert process.wait(30) == 1
    return told


def import_attempting(branch: Branch, probe: Probe) -> dict[str, int]:
    branch.log.write_text("1700000000|NONE|NONE|NONE|QUEUESTART|\n")
    subprocess.run([bin_dir() / "ringside-agent", "import", "-c", branch.config, branch.log], capture_output=True,
                   check=True, env={**os.environ, **probe.environment, "RINGSIDE_STEPOUT_AT": "sync"})
    return probe.told()


COMMANDS = {"join": join_while_attempting, "import": import_attempting}


@pytest.mark.parametrize("sandbox", ["yes", "no"])
@pytest.mark.parametrize("which", COMMANDS)
def test_no_command_steps_out(tmp_path: Path, probe: Probe, which: str, sandbox: str) -> None:
    branch = Branch(tmp_path / "branch")
    setting(branch.config, f"sandbox = {sandbox}")
    credentials = branch.home / "credentials"
    with open(branch.config, "a", encoding="utf-8") as config:
        config.write(f'collector {{ credentials = "{credentials}" }}\n')
    told = COMMANDS[which](branch, probe)
    assert not credentials.exists(), "made for nothing, and left"
    if sandbox == "yes":
        assert_held(told, probe, kernels_landlock(branch))
    else:
        assert told == dict.fromkeys(FILES | PORTS | CALLS | LOCAL, 0)


def told_by_log(said: str, setting: str) -> dict[str, Any]:
    """What the daemon's line in the log says, as its reports write it."""
    line = (re.findall(r"(?<!not )confined: (.*)", said) or [""])[0]
    version = landlock(said)
    return {"setting": setting, "system_calls": "system calls" in line, "files": version > 0,
            "tcp_ports": ", TCP ports" in line, "landlock": version}


@pytest.mark.parametrize("sandbox", ["yes", "no"])
def test_the_agent_shows_what_holds(tmp_path: Path, sandbox: str) -> None:
    branch = Branch(tmp_path / "branch")
    setting(branch.config, f"sandbox = {sandbox}")
    tool = [bin_dir() / "ringside", "status"]
    with branch.running() as daemon:
        wait_for("the agent to answer", lambda: branch.ask() is not None)
        status = branch.ask()
        table = subprocess.run([*tool, "--agent", f"coap://127.0.0.1:{branch.port}"], capture_output=True, text=True,
                               check=True).stdout
        held = told_by_log(daemon.said(), sandbox)
    assert status is not None and status["sandbox"] == held
    assert held["system_calls"] is (sandbox == "yes")
    shown = [line for line in table.splitlines() if line.startswith("confined ")]
    if sandbox == "no":
        assert shown == ["confined     nothing (service.sandbox = no)"]
    else:
        assert len(shown) == 1 and shown[0].startswith("confined     system calls"), table
        assert (f"Landlock {held['landlock']}" in shown[0]) is held["files"]
        assert ("TCP ports" in shown[0]) is held["tcp_ports"]
    assert branch.books.status()["sandbox"] is None  # nobody runs


@pytest.mark.parametrize("sandbox", ["yes", "no"])
def test_the_collector_shows_what_holds(tmp_path: Path, sandbox: str) -> None:
    with Centre(tmp_path) as centre:
        setting(centre.config, f"sandbox = {sandbox}")
        token = centre.token("viewer")
        checked = centre.run("check").stderr
        with centre.running() as daemon:
            shown = centre.get("/api/v1/about", token)["sandbox"]
            held = told_by_log(daemon.said(), sandbox)
    assert shown == held
    assert held["system_calls"] is (sandbox == "yes")
    foretold = "system calls yes, files " + (f"yes (Landlock {held['landlock']})" if held["files"] else "no")
    if sandbox == "yes":
        assert f"note: service.sandbox = yes: {foretold}, TCP ports " in checked
    else:
        assert "note: service.sandbox = no: the collector is not confined; could be: system calls yes" in checked


@pytest.mark.parametrize("which", DAEMONS)
@pytest.mark.parametrize("sandbox", ["yes", "no"])
def test_a_call_that_is_never_made_ends_it(tmp_path: Path, probe: Probe, which: str, sandbox: str) -> None:
    with DAEMONS[which](tmp_path, probe, sandbox) as daemon:
        daemon.process.send_signal(signal.SIGUSR1)
        if sandbox == "yes":
            assert daemon.wait() == -signal.SIGSYS
            assert probe.report.read_text() == ""
        else:
            wait_for("the attempt", lambda: probe.report.read_text() == "personality 0\nend 0\n")


def test_a_directory_that_is_replaced_makes_it_start_anew(tmp_path: Path) -> None:
    """The rules belong to the directory that was there: the agent says so and stops, for the manager to start it."""
    branch = Branch(tmp_path / "branch")
    daemon = branch.start()
    try:
        wait_for("the agent to answer", lambda: branch.ask() is not None)
        if not landlock(daemon.said()):
            pytest.skip("this kernel has no Landlock")
        branch.log.parent.rename(tmp_path / "away")
        branch.log.parent.mkdir()
        branch.log.write_text("")
        assert daemon.wait() == 1, daemon.said()
        assert "stopping, to be started again: a directory that the agent needs is another one now" in daemon.said()
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
    again = branch.start()
    try:
        wait_for("the agent to answer", lambda: branch.ask() is not None)
    finally:
        again.stop()


# ---- units ----

def analyze(unit: Path, threshold: int) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", "--no-pager",
                           str(unit)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def score(text: str) -> Optional[float]:
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", text)
    return float(found.group(1)) if found else None


@pytest.mark.parametrize("name", UNITS)
def test_the_units_score(tmp_path: Path, name: str) -> None:
    assert shutil.which("systemd-analyze"), "systemd-analyze is needed: package systemd"
    unit = ROOT / "platform" / "systemd" / f"{name}.service"
    code, told = analyze(unit, int(SCORE_MAX * 10))
    reached = score(told)
    assert code == 0 and reached is not None and reached <= SCORE_MAX, told
    weak = tmp_path / unit.name
    weak.write_text(re.sub(r"^(ProtectSystem|RestrictNamespaces|SystemCallFilter|PrivateDevices)=.*\n", "",
                           unit.read_text(), flags=re.M))
    code, told = analyze(weak, int(SCORE_MAX * 10))
    reached = score(told)
    assert code != 0 and reached is not None and reached > SCORE_MAX, told


@pytest.mark.parametrize("name", UNITS)
def test_the_units_wait_for_a_large_file_to_be_looked_over(name: str) -> None:
    """systemd would end a start after 90 seconds, and a repair with it, again and again."""
    unit = (ROOT / "platform" / "systemd" / f"{name}.service").read_text()
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit, flags=re.M))
    assert settings["Type"] == "notify" and settings["TimeoutStartSec"] == "infinity"


def members(group: str) -> set[str]:
    done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True,
                          check=True)
    names = set()
    for line in done.stdout.splitlines()[1:]:
        word = line.strip().split(" ")[0]
        if word.startswith("@"):
            names |= members(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


@pytest.mark.parametrize("name", UNITS)
def test_the_units_let_the_daemons_confine_themselves(name: str) -> None:
    """Later lines of the filter win; what the daemons' own filter allows the unit must allow too."""
    unit = (ROOT / "platform" / "systemd" / f"{name}.service").read_text()
    allowed: set[str] = set()
    for value in re.findall(r"^SystemCallFilter=(.*)$", unit, flags=re.M):
        words = {call for word in value.lstrip("~").split() for call in (members(word) if word[0] == "@" else {word})}
        allowed = allowed - words if value.startswith("~") else allowed | words
    wanted = {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "prctl", "clone",
              "clone3", "execve", "memfd_create", "signalfd4", "setrlimit", "setpriority", "capget"}
    assert "ptrace" not in allowed and "mount" not in allowed
    assert wanted <= allowed, wanted - allowed
