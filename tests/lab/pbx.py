"""An Asterisk of our own: configuration, start in a chroot, end by its process id."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import ami

CONF = Path(__file__).resolve().parent / "conf"
START_S = 60
STOP_S = 30
USERS = ("driver", "ringside")
# From Asterisk 22 on cel_custom needs res_cdrel_custom; older ones have none.
OPTIONAL_MODULES = ("res_cdrel_custom", "cdr_csv", "cdr_manager", "cel_manager", "cel_custom")

ASTERISK_CONF = """[directories]
astetcdir => {home}/etc
astmoddir => {modules}
astvarlibdir => {home}/var
astdbdir => {home}/db
astkeydir => {home}/keys
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {home}/spool
astrundir => {home}/run
astlogdir => {home}/log
[options]
systemname = {systemname}
documentation_language = en_US
"""

MANAGER_CONF = """[general]
enabled = yes
bindaddr = 127.0.0.1
port = {port}
timestampevents = {timestamps}
displayconnects = no
"""

MANAGER_USER = """
[{user}]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = {read}
write = {write}
writetimeout = 5000
"""

CEL_CONF = """[general]
enable=yes
apps=queue
events=ALL
dateformat=%s.%6q
[manager]
enabled={to_manager}
"""

CEL_CUSTOM_CONF = """[mappings]
Master.csv => ${CSV_QUOTE(${eventtype})},${CSV_QUOTE(${eventtime})},${CSV_QUOTE(${CALLERID(num)})},\
${CSV_QUOTE(${CHANNEL(exten)})},${CSV_QUOTE(${CHANNEL(context)})},${CSV_QUOTE(${CHANNEL(channame)})},\
${CSV_QUOTE(${CHANNEL(appname)})},${CSV_QUOTE(${CHANNEL(appdata)})},${CSV_QUOTE(${CHANNEL(uniqueid)})},\
${CSV_QUOTE(${CHANNEL(linkedid)})},${CSV_QUOTE(${CHANNEL(peer)})},${CSV_QUOTE(${eventextra})}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_s(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pbx:
    """home is the run's directory as the chroot sees it; root joined with it is where the host finds it."""

    def __init__(self, root: Path, name: str, *, timestamps: bool = True, to_manager: bool = True,
                 read: str = "all", write: str = "all", systemname: str = "") -> None:
        self.root = root
        self.home = f"/srv/{name}"
        self.outside = root / self.home.lstrip("/")
        self.queue_log = self.outside / "log" / "queue_log"
        self.cel = self.outside / "log" / "cel-custom" / "Master.csv"
        self.port = free_port()
        self.secrets = {user: secrets.token_hex(12) for user in USERS}
        self.process: subprocess.Popen[bytes] | None = None
        self._configure(timestamps, to_manager, read, write, systemname)

    def _configure(self, timestamps: bool, to_manager: bool, read: str, write: str, systemname: str) -> None:
        etc = self.outside / "etc"
        for part in ("var", "db", "keys", "spool", "run", "log/cdr-csv", "log/cel-custom"):
            (self.outside / part).mkdir(parents=True)
        shutil.copytree(CONF, etc)
        modules, = self.root.glob("usr/lib/**/asterisk/modules")
        (etc / "asterisk.conf").write_text(ASTERISK_CONF.format(
            home=self.home, modules="/" + str(modules.relative_to(self.root)), systemname=systemname))
        manager = MANAGER_CONF.format(port=self.port, timestamps="yes" if timestamps else "no")
        manager += MANAGER_USER.format(user="driver", secret=self.secrets["driver"], read="all", write="all")
        manager += MANAGER_USER.format(user="ringside", secret=self.secrets["ringside"], read=read, write=write)
        (etc / "manager.conf").write_text(manager)
        (etc / "cdr_manager.conf").write_text(f"[general]\nenabled = {'yes' if to_manager else 'no'}\n")
        (etc / "cel.conf").write_text(CEL_CONF.format(to_manager="yes" if to_manager else "no"))
        (etc / "cel_custom.conf").write_text(CEL_CUSTOM_CONF)
        with (etc / "modules.conf").open("a") as conf:
            for module in OPTIONAL_MODULES:
                if (self.root / modules.relative_to(self.root) / f"{module}.so").exists():
                    conf.write(f"load={module}.so\n")

    def start(self) -> None:
        with (self.outside / "log" / "console").open("wb") as console:
            self.process = subprocess.Popen(
                ["chroot", str(self.root), "/usr/sbin/asterisk", "-f", "-C", f"{self.home}/etc/asterisk.conf"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"})
        deadline = time.monotonic() + START_S
        while not self._is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Asterisk did not come up: {self.outside}/log/console")
            time.sleep(0.2)

    def _is_up(self) -> bool:
        try:
            client = self.client("driver", events="off")
        except (OSError, ami.AmiError):
            return False
        try:
            return "fully booted" in client.cli("core waitfullybooted").lower()
        except ami.AmiError:
            return False
        finally:
            client.close()

    def client(self, user: str, *, events: str = "on") -> ami.Ami:
        return ami.Ami(self.port, user, self.secrets[user], events=events)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def cpu_s(self) -> float:
        assert self.process
        return cpu_s(self.process.pid)

    def remove(self) -> None:
        shutil.rmtree(self.outside, ignore_errors=True)
