"""The site's own alerts: told to the log and to a hook, by default only while the centre is out of reach."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from branch import Branch, wait_for
from centre import Centre, Site
from live_agent import LiveAgent, coap, wait_until
from ringside import bin_dir

RULE = """\
alert "callers wait" {{
    metric = waiting
    above = 0
    for = 0s
    keep = 0s
    severity = {severity}
    queues = {{"sa*"}}
}}
alerting {{
    hook = "{hook}"
    pace = 1s
{more}
}}
"""

HOOK = """#!/bin/sh
{{ echo "$0 $*"; env; }} > "{home}/$$.new"
cat > "{home}/$$.json"
mv "{home}/$$.new" "{home}/$$.env"
{then}
"""


class Hook:
    """A program that writes down how it was run."""

    def __init__(self, home: Path, then: str = "exit 0") -> None:
        self.home = home / "told"
        self.home.mkdir(parents=True)
        self.path = home / "hook"
        self.path.write_text(HOOK.format(home=self.home, then=then))
        self.path.chmod(0o755)

    def runs(self) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
        """Arguments, environment and document of each run, the oldest first."""
        told = []
        for path in sorted(self.home.glob("*.env"), key=lambda path: path.stat().st_mtime_ns):
            command, *env = path.read_text().splitlines()
            told.append((command, dict(line.split("=", 1) for line in env),
                         json.loads(path.with_suffix(".json").read_text())))
        return told

    def words(self) -> list[str]:
        return [command.split(" ")[1] for command, _, _ in self.runs()]


def enter(number: int = 1, queue: str = "sales") -> str:
    now = int(time.time())
    return f"{now}|{now}.{number}|{queue}|NONE|ENTERQUEUE||600000001|1"


def abandon(line: str) -> str:
    at, call, queue = line.split("|")[:3]
    return f"{int(time.time())}|{call}|{queue}|NONE|ABANDON|1|1|{max(0, int(time.time()) - int(at))}"


def rule(hook: Path | str, more: str = "", severity: str = "critical") -> str:
    return RULE.format(hook=hook, more=more, severity=severity)


def test_hook_is_told_of_the_beginning_and_the_end(tmp_path: Path) -> None:
    hook = Hook(tmp_path)
    entered = enter()
    with LiveAgent(tmp_path, [entered, enter(2, "support")], more=rule(hook.path)) as agent:
        wait_until("the hook runs", hook.runs)
        command, env, document = hook.runs()[0]
        assert command == f"{hook.path} firing callers wait"
        known = {name: value for name, value in env.items() if name not in ("PWD", "_", "SHLVL", "OLDPWD")}
        text = "sales at branch-07: callers waiting 1 above 0"
        assert known == {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                         "RINGSIDE_NEWS": "firing", "RINGSIDE_RULE": "callers wait", "RINGSIDE_SEVERITY": "critical",
                         "RINGSIDE_SITE": "branch-07", "RINGSIDE_QUEUE": "sales", "RINGSIDE_VALUE": "1",
                         "RINGSIDE_TEXT": text}
        assert document.items() >= {"news": "firing", "rule": "callers wait", "metric": "waiting", "value": 1,
                                    "site": "branch-07", "queue": "sales", "severity": "critical",
                                    "text": text}.items()
        assert "alert: callers wait, firing (critical): " + text in agent.messages.read_text()
        look_at_what_people_see(agent)
        agent.append(abandon(entered))
        wait_until("the end is told", lambda: len(hook.runs()) > 1)
        assert hook.words() == ["firing", "resolved"]
        assert hook.runs()[1][2]["id"] == document["id"]
        wait_until("nothing is left", lambda: not agent.ask("alerts")["alerts"])
        assert not any("alert" in hint for hint in agent.ask("status")["hints"])


def look_at_what_people_see(agent: LiveAgent) -> None:
    state = agent.ask("alerts")
    assert (state["site"], state["zone"]) == ("branch-07", "Europe/Madrid")
    assert state["configured"] and state["telling"]
    assert [(alert["rule"], alert["phase"], alert["queue"]) for alert in state["alerts"]] == [
        ("callers wait", "firing", "sales")]
    assert [entry["rule"] for entry in state["rules"]] == ["callers wait"]
    table = agent.cli("alerts").stdout
    assert "1 firing, 0 pending of 1 rule" in table and "callers wait" in table and "critical" in table
    rows = list(csv.DictReader(io.StringIO(agent.cli("alerts", "--format", "csv").stdout)))
    assert [(row["rule"], row["phase"]) for row in rows] == [("callers wait", "firing")]
    assert "1 firing" in coap("-A", "0", f"{agent.url}/alerts")
    hints = agent.ask("status")["hints"]
    assert "alert callers wait: sales at branch-07: callers waiting 1 above 0" in hints
    refused = agent.cli("alerts", "--ledger", str(agent.ledger))
    assert refused.returncode == 2 and "live in the daemon" in refused.stderr


def test_without_rules_there_is_nothing(tmp_path: Path) -> None:
    with LiveAgent(tmp_path, [enter()]) as agent:
        state = agent.ask("alerts")
        assert (state["configured"], state["alerts"], state["rules"]) == (False, [], [])
        assert "no rule is set" in agent.cli("alerts").stdout
        assert not (agent.ledger / "alerts.json").exists()


def test_what_was_told_is_known_after_a_restart(tmp_path: Path) -> None:
    hook = Hook(tmp_path)
    entered = enter()
    with LiveAgent(tmp_path, [entered], more=rule(hook.path)) as agent:
        wait_until("the hook runs", hook.runs)
        state = agent.ledger / "alerts.json"
        wait_until("it is kept", lambda: state.exists() and hook.runs()[0][2]["id"] in state.read_text())
        assert agent.process
        agent.process.kill()
        agent.process.wait()
        agent.start()
        wait_until("it looked again", lambda: agent.ask("alerts")["alerts"])
        assert hook.words() == ["firing"]
        agent.append(abandon(entered))
        wait_until("the end is told", lambda: len(hook.runs()) > 1)
        assert hook.words() == ["firing", "resolved"]


def test_a_hook_that_fails_or_hangs_is_told_and_holds_nothing_up(tmp_path: Path) -> None:
    hook = Hook(tmp_path, 'case "$1" in firing) sleep 600 & echo $! > "$0.pid"; wait;; *) exit 7;; esac')
    entered = enter()
    with LiveAgent(tmp_path, [entered], more=rule(hook.path, "    hook_timeout = 500ms", "warning")) as agent:
        said = f"hook {hook.path} was killed after 0.5 s (callers wait, firing)"
        wait_until("it is killed", lambda: said in agent.messages.read_text())
        sleeper = int((tmp_path / "hook.pid").read_text())
        wait_until("with its child", lambda: not is_running(sleeper))
        agent.append(abandon(entered))
        said = f"hook {hook.path} failed with exit status 7 (callers wait, resolved)"
        wait_until("its status is told", lambda: said in agent.messages.read_text())


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(name="centre")
def fixture_centre(tmp_path: Path) -> Iterator[Centre]:
    with Centre(tmp_path) as centre:
        yield centre


def joined(centre: Centre, tmp_path: Path, name: str, more: str) -> tuple[Site, Hook]:
    site = Site(tmp_path / name, name)
    hook = Hook(tmp_path / name)
    site.config.write_text(site.config.read_text() + rule(hook.path, more))
    site.join(centre.port, centre.add(name))
    return site, hook


def alerts_of(site: Site) -> list[dict[str, Any]]:
    return (site.ask("alerts") or {"alerts": []})["alerts"]


def test_the_site_tells_only_while_the_centre_is_gone(centre: Centre, tmp_path: Path) -> None:
    with centre.running() as daemon:
        quiet, quiet_hook = joined(centre, tmp_path, "quiet", "    offline_after = 4s")
        loud, loud_hook = joined(centre, tmp_path, "loud", "    when = always")
        entered = enter()
        for site in (quiet, loud):
            site.log.write_text(entered + "\n")
        with quiet.running(), loud.running():
            wait_for("the one that always tells", lambda: bool(loud_hook.runs()))
            wait_for("the other to find the same", lambda: bool(alerts_of(quiet)))
            state = quiet.ask("alerts")
            assert state and not state["telling"] and state["alerts"][0]["phase"] == "firing"
            assert not quiet_hook.runs()
            daemon.stop()
            wait_for("what fires already to be told", lambda: bool(quiet_hook.runs()))
            assert quiet_hook.words() == ["firing"]
            with centre.running():
                wait_for("the centre to be back", lambda: not (quiet.ask("alerts") or {"telling": True})["telling"])
                with quiet.log.open("a") as log:
                    log.write(abandon(entered) + "\n" + enter(2, "sandwich") + "\n")
                wait_for("the end of what was told", lambda: len(quiet_hook.runs()) > 1)
                wait_for("the next to fire", lambda: [alert["queue"] for alert in alerts_of(quiet)] == ["sandwich"])
                assert quiet_hook.words() == ["firing", "resolved"]
                assert loud_hook.words() == ["firing"]
        quiet.close()
        loud.close()


def checked(config: Path) -> tuple[int, str]:
    done = subprocess.run([bin_dir() / "ringside-agent", "check", "-c", config], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "TZ": "UTC"})
    return done.returncode, done.stderr


@pytest.mark.parametrize("line, said", [
    ('metric = waiting\nabove = 0\ngroups = {"north"}', '.groups: a site does not know its groups; allowed: none'),
    ('metric = waiting\nabove = 0\nper = group', '.per: a site does not know its groups; allowed: auto, queue, site'),
    ('metric = waiting\nabove = 0\nnotify = {"mail"}', '.notify: there are no receivers here'),
    ('metric = service_level\nbelow = 3m', '.below: '),
    ('metric = waiting\nabove = 1\nwindow = 5m', '.window: waiting is of this moment'),
])
def test_rules_that_cannot_be_are_refused_with_their_line(tmp_path: Path, line: str, said: str) -> None:
    branch = Branch(tmp_path)
    text = branch.config.read_text() + 'alert "odd" {\n' + line + "\n}\n"
    branch.config.write_text(text)
    status, errors = checked(branch.config)
    assert status == 2 and f'alert "odd"{said}' in errors
    assert f"{branch.config}:{len(text.splitlines()) - 1}: " in errors


def test_check_looks_at_the_hook(tmp_path: Path) -> None:
    branch = Branch(tmp_path)
    plain = branch.config.read_text()
    hook = tmp_path / "hook"
    expected = [("does not exist: alerts go to the log only", lambda: None),
                ("is not a program that this user may execute", lambda: hook.write_text("#!/bin/sh\n")),
                (f"every user of this machine may write to {hook}", lambda: hook.chmod(0o757))]
    branch.config.write_text(plain + rule(hook))
    for said, change in expected:
        change()
        status, errors = checked(branch.config)
        assert status == 0 and said in errors
    hook.chmod(0o755)
    assert "alerting.hook" not in checked(branch.config)[1]
    branch.config.write_text(plain + rule("hook"))
    status, errors = checked(branch.config)
    assert status == 2 and "is not an absolute path" in errors
