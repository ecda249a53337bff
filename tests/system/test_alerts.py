"""Alerts of the centre with the real collector and real agents: who is told, when, how often, and by which proof."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from alert_receiver import Receiver
from answers import simulate
from branch import wait_for
from centre import Centre, Site
from ports import free_tcp_port

KEY = b"a key of this test"
ALERTMANAGER = "/usr/bin/prometheus-alertmanager"

ALERTING = """\
alerting {{
    pace = 1s
}}
{rules}
{receivers}
"""

SILENT = """\
alert "silent" {{
    metric = site_silent
    above = 3s
    for = 0s
    keep = 0s
    severity = critical
    {more}
}}
"""

# Every certificate ends before that: a site that joined is enough.
LASTING = """\
alert "lasting" {{
    metric = certificate
    below = 9000d
    for = 0s
    keep = 0s
    severity = critical
    {more}
}}
"""

HOOK = """\
receiver "hook" {{
    url = "{url}"
    secret_file = "{secret}"
    timeout = {timeout}
    retry_max = 200ms
}}
"""


@contextmanager
def centre_with(home: Path, rules: str, receivers: str = "", **options: str) -> Iterator[Centre]:
    with Centre(home, more=ALERTING.format(rules=rules, receivers=receivers), **options) as centre:
        yield centre


def hook(home: Path, receiver: Receiver, timeout: str = "5s") -> str:
    secret = home / "hook.key"
    secret.write_bytes(KEY + b"\n")
    return HOOK.format(url=receiver.url, secret=secret, timeout=timeout)


def joined(centre: Centre, home: Path, name: str, *options: str) -> Site:
    site = Site(home / name, name)
    site.log.write_text("")
    site.join(centre.port, centre.add(name, *options))
    return site


def calls(site: Site, first: int, count: int, wait_s: int) -> None:
    """That many calls of the last minutes, each answered after the same wait."""
    now = int(time.time())
    lines = []
    for number in range(first, first + count):
        enter_s = now - 90
        call = f"{enter_s}.{number}"
        lines += [(enter_s, f"{call}|sales|NONE|ENTERQUEUE||5551003|1"),
                  (enter_s + wait_s, f"{call}|sales|Ana|CONNECT|{wait_s}|{call}1|3"),
                  (enter_s + wait_s + 5, f"{call}|sales|Ana|COMPLETECALLER|{wait_s}|5|1")]
    with open(site.log, "a", encoding="ascii") as log:
        log.writelines(f"{time_s}|{rest}\n" for time_s, rest in sorted(lines, key=lambda line: line[0]))


def told(receiver: Receiver, *news: tuple[str, str, Any]) -> None:
    wait_for(f"the receiver to hear {news}", lambda: receiver.news() == list(news))


def state(centre: Centre, token: str) -> dict[str, Any]:
    return centre.get("/api/v1/alerts", token)


def test_a_service_level_that_falls_and_recovers(tmp_path: Path) -> None:
    rule = ('alert "slow" { metric = service_level below = "80%" calls_min = 5 window = 1h for = 1s keep = 1s '
            'queues = { "sa*" } summary = "Callers wait too long" }\n'
            'alert "never" { metric = service_level below = "80%" calls_min = 5 window = 1h for = 1h }')
    with Receiver() as receiver, centre_with(tmp_path, rule, hook(tmp_path, receiver),
                                             api='url = "https://centre.example/"') as centre:
        with centre.running():
            token = centre.token("viewer")
            site = joined(centre, tmp_path, "madrid", "--group", "spain")
            with site.running():
                calls(site, 1, 10, 40)
                told(receiver, ("firing", "madrid", "sales"))
                alert = receiver.told[0].document["alerts"][0]
                assert receiver.told[0].document["version"] == 1
                assert (alert["rule"], alert["severity"], alert["group"]) == ("slow", "warning", "spain")
                assert alert["value"] == 0 and alert["below"] == "80 %" and alert["calls"] == 10
                assert alert["text"] == "sales at madrid: service level 0 % below 80 % (last 1h, 10 calls)"
                assert alert["summary"] == "Callers wait too long"
                assert alert["url"] == "https://centre.example/site/madrid/queue/sales"
                known = {one["rule"]: one for one in state(centre, token)["alerts"]}
                assert known["slow"]["phase"] == "firing" and known["slow"]["id"] == alert["id"]
                assert known["never"]["phase"] == "pending"
                calls(site, 100, 90, 2)
                told(receiver, ("firing", "madrid", "sales"), ("resolved", "madrid", "sales"))
                wait_for("nothing to alert", lambda: state(centre, token)["alerts"] == [])
                assert [one["news"] for one in state(centre, token)["recent"]] == ["resolved", "firing"]
            site.close()
        assert all(one.is_signed(KEY) and not one.is_signed(KEY + b"!") for one in receiver.told)
        assert KEY.decode() not in centre.daemon.said()  # type: ignore[union-attr]


def test_told_again_after_refusals(tmp_path: Path) -> None:
    """503, a cut, a redirect and an answer that does not come: the same delivery until it is taken, and 400 ends it."""
    answers = ["503", "cut", "redirect", "429", "hang", "flood", "400"]
    with Receiver(list(answers)) as receiver, centre_with(tmp_path, SILENT.format(more=""),
                                                    hook(tmp_path, receiver, "500ms")) as centre:
        with centre.running():
            token = centre.token("viewer")
            site = joined(centre, tmp_path, "madrid")
            told(receiver, ("firing", "madrid", None))
            assert [one.answer for one in receiver.told] == answers[:6]
            assert len({one.delivery for one in receiver.told}) == 1
            assert {one.path for one in receiver.told} == {"/hook"}  # nobody followed the redirect
            known = state(centre, token)["receivers"][0]
            assert known["failures"] == 5 and known["receiver"] == "hook"
            with site.running():
                wait_for("the refusal of the next", lambda: state(centre, token)["receivers"][0]["failures"] == 6)
                assert state(centre, token)["receivers"][0]["waiting"] == 0
                assert "400" in state(centre, token)["receivers"][0]["last_error"]
            site.close()


def test_killed_while_telling(tmp_path: Path) -> None:
    """Told once more with the same delivery, so that nothing is lost and who listens can tell; not as news again."""
    with Receiver(["hang"]) as receiver, centre_with(tmp_path, SILENT.format(more=""),
                                                     hook(tmp_path, receiver)) as centre:
        daemon = centre.start()
        centre.wait_until_listening()
        site = joined(centre, tmp_path, "madrid")
        wait_for("the receiver to hear of it", lambda: len(receiver.told) == 1)
        daemon.kill()
        daemon = centre.start()
        told(receiver, ("firing", "madrid", None))
        assert receiver.told[0].delivery == receiver.told[1].delivery
        assert receiver.told[0].body == receiver.told[1].body
        token = centre.token("viewer")
        wait_for("it to count as told", lambda: state(centre, token)["receivers"][0]["waiting"] == 0)
        daemon.kill()
        with centre.running(), site.running():
            told(receiver, ("firing", "madrid", None), ("resolved", "madrid", None))
        assert len(receiver.told) == 3
        site.close()


def test_muted_by_hours_and_by_hand(tmp_path: Path) -> None:
    other_day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[(time.gmtime().tm_wday + 3) % 7]
    closed = LASTING.format(more=f'hours = {{ "{other_day}" }}').replace("lasting", "closed")
    rules = LASTING.format(more="") + closed
    with Receiver() as receiver, centre_with(tmp_path, rules, hook(tmp_path, receiver)) as centre:
        with centre.running():
            admin, viewer = centre.token("boss", "--role", "admin"), centre.token("viewer")
            until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
            mute = {"rule": "lasting", "site": "madrid", "until": until, "why": "works"}
            post: Callable[[Any, str], int] = lambda what, token: centre.http(
                "/api/v1/alerts/mute", token, method="POST", body=json.dumps(what).encode(),
                headers={"Content-Type": "application/json"})[0]
            site = joined(centre, tmp_path, "madrid")
            assert post(mute, viewer) == 403 and post(mute, admin) == 200
            wait_for("both to fire", lambda: len([one for one in state(centre, viewer)["alerts"]
                                                  if one["phase"] == "firing" and one["muted"]]) == 2)
            known = state(centre, viewer)
            assert {rule["rule"]: rule["active"] for rule in known["rules"]} == {"lasting": True, "closed": False}
            assert (known["mutes"][0]["by"], known["mutes"][0]["why"]) == ("boss", "works")
            assert receiver.told == []
            assert post({**mute, "until": None}, admin) == 200
            told(receiver, ("firing", "madrid", None))
            assert {one["rule"] for one in receiver.told[0].document["alerts"]} == {"lasting"}
            site.close()


SLOWLY = "site_messages_per_second = 1\nsite_messages_burst = 10"


def test_a_site_that_does_not_get_rid_of_its_summaries(tmp_path: Path) -> None:
    rule = 'alert "late" { metric = backlog above = 1h for = 0s keep = 0s }'
    with Receiver() as receiver, centre_with(tmp_path, rule, hook(tmp_path, receiver),
                                             ingest=SLOWLY) as centre:
        with centre.running():
            site = joined(centre, tmp_path, "madrid")
            simulate(site.log, 41, "--days", "29")
            agent = site.start()
            wait_for("the backlog to be told", lambda: ("firing", "madrid", None) in receiver.news())
        centre.config.write_text(centre.config.read_text().replace(SLOWLY, ""))
        with centre.running():
            wait_for("the end to be told", lambda: receiver.news()[-1] == ("resolved", "madrid", None))
        agent.stop()
        site.close()


def test_trouble_is_logged(tmp_path: Path) -> None:
    with centre_with(tmp_path, SILENT.format(more="")) as centre:
        (centre.data / "alerts.json").write_text("{")
        with centre.running() as daemon:
            wait_for("it to be logged", lambda: "alert: what was kept of alerts cannot be read: " in daemon.said())


@contextmanager
def alertmanager(home: Path) -> Iterator[str]:
    home.mkdir()
    config = home / "alertmanager.yml"
    config.write_text("route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n")
    port = free_tcp_port()
    with open(home / "log", "wb") as log:
        daemon = subprocess.Popen([ALERTMANAGER, f"--config.file={config}", f"--storage.path={home / 'data'}",
                                   f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
                                  stdout=log, stderr=log)
    def is_ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_for("the Alertmanager to be ready", is_ready)
        yield f"http://127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.wait()


def test_a_real_alertmanager(tmp_path: Path) -> None:
    with alertmanager(tmp_path / "manager") as url:
        def held() -> list[dict[str, Any]]:
            with urllib.request.urlopen(f"{url}/api/v2/alerts") as answer:
                return json.load(answer)

        receiver = f'receiver "manager" {{ type = alertmanager url = "{url}/" retry_max = 500ms }}'
        with centre_with(tmp_path, SILENT.format(more=""), receiver,
                         api='url = "https://centre.example"') as centre, centre.running():
            site = joined(centre, tmp_path, "madrid", "--group", "spain")
            wait_for("the Alertmanager to hold it", lambda: len(held()) == 1)
            alert = held()[0]
            labels = alert["labels"]
            assert (labels["alertname"], labels["severity"]) == ("silent", "critical")
            assert (labels["site"], labels["group"]) == ("madrid", "spain")
            assert "queue" not in labels and labels["ringside"] == socket.gethostname()
            assert alert["annotations"]["description"].startswith("madrid: site silent for ")
            assert alert["generatorURL"] == "https://centre.example/site/madrid"
            assert alert["status"]["state"] == "active"
            with site.running():
                wait_for("it to be resolved", lambda: held() == [])
            site.close()


@pytest.mark.parametrize("text,said", [
    ('alert "a" { metric = waiting }', 'alert "a".above: there is no limit; allowed: exactly one of above and below'),
    ('alert "a" { metric = waiting above = 3 notify = { "x" } }', 'there is no receiver "x"; allowed: the name of'),
    ('receiver "r" { url = "ftp://x/" }', "is not an address of the web; allowed: http://... or https://"),
    ('receiver "r" { url = "http://centre.example/" bearer_file = "/x" }', "the bearer token would be readable"),
    ('receiver "r" { }', 'receiver "r".url: is missing; allowed: http://... or https://'),
])
def test_mistakes_in_the_file(tmp_path: Path, text: str, said: str) -> None:
    with Centre(tmp_path) as centre:
        centre.config.write_text(centre.config.read_text() + text)
        done = centre.run("check")
        assert done.returncode != 0 and said in done.stderr, done.stderr
        assert f"{centre.config}:" in done.stderr
