"""Certificates come, end and are replaced while real agents are connected: who is let in follows at once, no restart,
and no summary is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Iterator

import pytest

from answers import DAY_S, history_start_s, simulate
from branch import PATIENCE_S, Agent, wait_for
from centre import Site
from refusals import Lab, assert_refused, wait_for_line
from tls_peers import COLLECTOR, Authority, Key, Said, hosts, identity, name, to_der
from whole import Whole

HOUR_S = 3600  # certificates here began after their CA, a day ago


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    names = ("revoked", "removed", "again", "turning", "expired", "late", "renewing", "early")
    lab = Lab(tmp_path_factory.mktemp("life"), joined=names, more="identity { grace = 30m }")
    yield lab
    lab.close()


def stamp(time_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def is_online(lab: Lab, site: str) -> bool:
    return lab.centre.sites()[site]["online"] is True


def start(lab: Lab, name_of_site: str) -> Agent:
    agent = lab.sites[name_of_site].start()
    wait_for(f"{name_of_site} to be connected", lambda: is_online(lab, name_of_site))
    return agent


@pytest.mark.parametrize("site, verb, why, later", (
    ("revoked", "revoke", 'site "revoked" is revoked', 'site "revoked" is revoked'),
    ("removed", "remove", 'site "removed" was removed|there is no site "removed" here',
     'site "removed" was removed|there is no site "removed" here'),
))
def test_ended_while_connected(lab: Lab, site: str, verb: str, why: str, later: str) -> None:
    """The connections of an agent and of one that says nothing end by themselves, and the next ones are refused."""
    silent = lab.peer([lab.ca.certificate(site, lab.key(site))], lab.key(site)).stay()
    assert silent.stdout and silent.stdout.readline() == "connected\n"
    agent = start(lab, site)
    try:
        since, said = lab.mark(), len(agent.said())
        lab.centre.command("site", verb, site)
        rest, _ = silent.communicate(timeout=PATIENCE_S)
        assert Said.read(iter(rest.splitlines())).closed, rest
        lab.wait_for_line(f"127.0.0.1:[0-9]+ site {site} refused: {why}", since)
        wait_for_line("the agent", agent.said, "(lost|hung up on) coaps", said)
        wait_for_line("the agent", agent.said, later, said)
        anew = lab.peer([lab.ca.certificate(site, lab.key(site))], lab.key(site))
        assert_refused(anew.ask(*lab.data(site)), 3, "4.03", later)
        assert agent.process.poll() is None
    finally:
        agent.kill()
    known = lab.centre.sites().get(site)
    assert known is None or not known["online"]


def test_joining_again_replaces(lab: Lab, tmp_path: Path) -> None:
    """The box that was before is refused from then on, and hears why."""
    old = start(lab, "again")
    try:
        since, said = lab.mark(), len(old.said())
        token = tmp_path / "token"
        lab.centre.command("site", "add", "again", "--again", "--token-file", token)
        anew = Site(tmp_path / "anew", "again")
        anew.join(lab.port, token)
        lab.wait_for_line("site again joined", since)
        pattern = 'its certificate [0-9a-f]+ is not the one that counts for site "again": replaced or joined anew'
        lab.wait_for_line(f"site again refused: {pattern}", since)
        wait_for_line("the old box", old.said, 'is not the one that counts for site "again"', said)
    finally:
        old.kill()
    with anew.running() as agent:
        wait_for_line("the new box", agent.said, "connected to coaps")
        wait_for("the new box to be the site", lambda: is_online(lab, "again"))


def test_expired(lab: Lab) -> None:
    """Within the grace the agent renews before it says anything else."""
    site = lab.sites["expired"]
    key = lab.key("expired")
    identity(site.credentials / "identity.pem",
             [lab.ca.certificate("expired", key, begins_s=-20 * HOUR_S, ends_s=-60)], key)
    since = lab.mark()
    with site.running() as agent:
        wait_for_line("the agent", agent.said, "the certificate was renewed: it is valid for")
        lab.wait_for_line("site expired renewed its certificate", since)
        wait_for("it to be connected", lambda: is_online(lab, "expired"))


def test_expired_too_long_ago(lab: Lab) -> None:
    site = lab.sites["late"]
    key = lab.key("late")
    identity(site.credentials / "identity.pem",
             [lab.ca.certificate("late", key, begins_s=-20 * HOUR_S, ends_s=-HOUR_S)], key)
    since = lab.mark()
    with site.running() as agent:
        wait_for_line("the agent", agent.said, "the certificate was not renewed, and it expired: nothing is sent until "
                      'it is: the collector answered 4.03 the certificate of site "late" expired too long ago')
        lab.wait_for_line('site late refused: the certificate of site "late" expired too long ago', since)
    assert lab.centre.sites()["late"]["last_seen"] is None


def test_not_yet_valid(lab: Lab) -> None:
    """Shown by an agent whose own clock is right."""
    site = lab.sites["early"]
    key = lab.key("early")
    identity(site.credentials / "identity.pem", [lab.ca.certificate("early", key, begins_s=3600)], key)
    since = lab.mark()
    with site.running() as agent:
        wait_for_line("the agent", agent.said, "not valid yet")
        lab.wait_for_line("site early refused: its certificate is not valid yet", since)
    assert lab.centre.sites()["early"]["last_seen"] is None


def test_renewal_by_itself_at_two_thirds(lab: Lab, tmp_path: Path) -> None:
    """While it is connected, and nobody notices."""
    site = lab.sites["renewing"]
    key = lab.key("renewing")
    old = lab.ca.certificate("renewing", key, begins_s=-20 * HOUR_S, ends_s=2 * HOUR_S)
    kept = Key.of(identity(tmp_path / "kept.pem", [old], key))
    identity(site.credentials / "identity.pem", [old], key)
    since = lab.mark()
    with site.running() as agent:
        wait_for_line("the agent", agent.said, "the certificate was renewed: it is valid for")
        lab.wait_for_line("site renewing renewed its certificate", since)
        assert to_der(site.credentials / "identity.pem") != old
        renewed = agent.said().index("the certificate was renewed")
        wait_for_line("the agent", agent.said, "connected to coaps", renewed)
    assert_refused(lab.peer([old], kept).ask(lab.hello("renewing")), 1, "4.03", "is not the one that counts")


def collectors_own(lab: Lab, by: Authority, *names: str) -> None:
    """Renamed into place."""
    key = Key(lab.home)
    extensions = (*COLLECTOR[:-1], hosts(*names))
    identity(lab.centre.data / "identity" / "collector.pem", [by.certificate(names[0], key, extensions)], key)


def test_rotation_loses_nothing(lab: Lab, tmp_path: Path) -> None:
    """Both ends' certificates are replaced again and again while a log is read and sent."""
    site = lab.sites["turning"]
    (site.credentials / "collector.url").write_text(f"coaps+tcp://localhost:{lab.port}\n")
    source = tmp_path / "whole.log"
    simulate(source, 11, "--days", "2", "--calls-per-day", "300")
    lines = source.read_bytes().splitlines(keepends=True)
    site.log.write_bytes(b"")
    rng = random.Random(11)
    key = lab.key("turning")
    shown = site.credentials / "identity.pem"
    agent = start(lab, "turning")
    try:
        turns = 4
        for turn in range(turns):
            with open(site.log, "ab") as log:
                log.write(b"".join(lines[turn * len(lines) // turns:(turn + 1) * len(lines) // turns]))
            said = len(agent.said())
            if turn % 2:
                collectors_own(lab, lab.ca, "localhost", f"turn-{turn}.example")
            else:
                identity(shown, [lab.ca.certificate("turning", key)], key)
                wait_for_line("the agent", agent.said, "connected to coaps", said)
            time.sleep(rng.uniform(0, 0.3))
        site.wait_for_lines(agent, len(lines))
        wait_for("all to be delivered", site.is_delivered)
        began_s = history_start_s()
        span = (stamp(began_s - DAY_S), stamp(began_s + 4 * DAY_S))
        assert not Whole(lab.centre, {"turning": [site.log]}, {}, span).problems()
        rows = lab.centre.rows("--site", "turning", "--by", "total", "--from", span[0], "--to", span[1])
        assert rows[0]["entered"] > 0

        # To what is not ours: refused, told, and nothing is sent or lost.
        foreign = Authority.made(lab.home / "foreign", name("Foreign CA"))
        good = shown.read_bytes()
        since, said = lab.mark(), len(agent.said())
        identity(shown, [foreign.certificate("turning", key)], key)
        wait_for_line("the agent", agent.said, "does not fit ca.pem beside it: its certificate does not lead to", said)
        assert "turning" not in lab.daemon.said()[since:].replace("site turning is gone", "")
        shown.with_suffix(".new").write_bytes(good)
        shown.with_suffix(".new").rename(shown)
        wait_for_line("the agent", agent.said, "connected to coaps", said)

        own = (lab.centre.data / "identity" / "collector.pem").read_bytes()
        collectors_own(lab, foreign, "localhost")
        said = len(agent.said())
        identity(shown, [lab.ca.certificate("turning", key)], key)  # so that it connects anew
        wait_for_line("the agent", agent.said, "no connection to .*: its certificate does not come from the CA", said)
        (lab.centre.data / "identity" / "collector.new").write_bytes(own)
        (lab.centre.data / "identity" / "collector.new").rename(lab.centre.data / "identity" / "collector.pem")
        wait_for_line("the agent", agent.said, "connected to coaps", said)
        wait_for("all to be delivered still", site.is_delivered)
    finally:
        agent.kill()
