"""The agent's CoAP interface, asked by somebody else's client."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest

from live_agent import LiveAgent, coap, wait_until

DAY = (int(time.time()) // 900 - 4 * 96) * 900  # four days ago: neither to come nor past its retention
QUEUES = ("sales", "support", "田中商店", "50% off/é")


def call(number: int, at: int, queue: str, wait: int, talk: int) -> list[str]:
    caller = f"{at}.{number}"
    return [f"{at}|{caller}|{queue}|NONE|ENTERQUEUE||{600000000 + number}|1",
            f"{at + wait}|{caller}|{queue}|Ana|CONNECT|{wait}|{caller}9|2",
            f"{at + wait + talk}|{caller}|{queue}|Ana|COMPLETECALLER|{wait}|{talk}|1"]


def history(calls: int) -> list[str]:
    lines: list[str] = []
    for number in range(calls):
        lines += call(number, DAY + number * 900, QUEUES[number % len(QUEUES)], 5, 60)
    return lines


@pytest.fixture(name="agent", scope="module")
def fixture_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAgent]:
    lines = history(60)
    with LiveAgent(tmp_path_factory.mktemp("status"), lines) as agent:
        agent.wait_for_lines(len(lines))
        yield agent


def test_discovery_lists_every_resource(agent: LiveAgent) -> None:
    links = coap(f"{agent.url}/.well-known/core")
    for path in ("status", "queues", "operators", "calls", "kpi", "queues/sales",
                 "queues/%E7%94%B0%E4%B8%AD%E5%95%86%E5%BA%97"):
        assert f"</{path}>" in links
    observable = {link.split(">")[0].strip("<") for link in links.split(",<") if ";obs" in link}
    assert {"/status", "/queues", "/queues/sales"} <= observable
    assert "/kpi" not in observable


def test_accept_chooses_the_form(agent: LiveAgent) -> None:
    assert json.loads(coap(f"{agent.url}/status"))["site"] == "branch-07"
    assert json.loads(coap("-A", "50", f"{agent.url}/queues"))["zone"] == "Europe/Madrid"
    text = coap("-A", "0", f"{agent.url}/kpi")
    assert "service level: asterisk_sl within 20 s" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    records = json.loads(coap("-A", "110", f"{agent.url}/kpi?queue=sales"))
    assert records[0]["bn"] == "branch-07/sales/"
    assert {"n": "entered", "u": "count", "v": 15}.items() <= records[0].items()
    assert coap("-A", "110", f"{agent.url}/status").startswith("4.06 ")
    assert coap("-A", "41", f"{agent.url}/kpi").startswith("4.06 ")


def test_text_plain_is_what_the_command_prints(agent: LiveAgent) -> None:
    assert coap("-A", "0", f"{agent.url}/kpi?by=day").strip() == agent.cli("kpi", "--by", "day").stdout.strip()


@pytest.mark.parametrize(("path", "code", "says"), [
    ("nothing", "4.04", "no such resource"),
    ("", "4.04", "/queues/NAME"),
    ("queues/salez", "4.04", "no queue 'salez' is known here"),
    ("kpi?queue=salez", "4.04", "no queue 'salez'"),
    ("kpi?by=month", "4.00", "by 'month' is not allowed; allowed: queue, total, interval"),
    ("kpi?colour=red", "4.00", "kpi has no option 'colour'; it has from, to"),
    ("kpi?from=tomorrow", "4.00", "from 'tomorrow' is not allowed"),
    ("kpi?service_level_method=erlang", "4.00", "known: asterisk_sl"),
    ("status?x", "4.00", "status has no option 'x'"),
    ("calls?limit=0", "4.00", "a number from 1 to 10000"),
])
def test_failures_are_explained(agent: LiveAgent, path: str, code: str, says: str) -> None:
    answer = coap(f"{agent.url}/{path}")
    assert answer.startswith(code + " ")
    assert says in answer


@pytest.mark.parametrize("method", ["post", "put", "delete", "fetch"])
def test_there_is_nothing_to_change(agent: LiveAgent, method: str) -> None:
    assert coap("-m", method, f"{agent.url}/status").startswith("4.05")
    assert json.loads(coap(f"{agent.url}/status"))["site"] == "branch-07"


@pytest.mark.parametrize(("queue", "path"), [
    ("sales", "sales"),
    ("田中商店", "%E7%94%B0%E4%B8%AD%E5%95%86%E5%BA%97"),
    ("50% off/é", "50%25%20off%2F%C3%A9"),
])
def test_queues_have_their_own_path(agent: LiveAgent, queue: str, path: str) -> None:
    rows = json.loads(coap(f"{agent.url}/queues/{path}"))["queues"]
    assert [row["queue"] for row in rows] == [queue]


@pytest.mark.parametrize("block", ["16", "64", "1024"])
def test_long_answers_come_block_by_block(agent: LiveAgent, block: str) -> None:
    query = "" if block == "16" else "?by=interval"
    document = json.loads(coap("-b", block, f"{agent.url}/kpi{query}"))
    assert len(document["rows"]) == (60 if query else len(QUEUES))
    assert document["rows"] == agent.ask("kpi", *(("--by", "interval") if query else ()))["rows"]


def test_the_ledger_says_the_same_while_the_agent_runs(agent: LiveAgent) -> None:
    for command in (["kpi", "--by", "hour"], ["kpi", "--service-level", "4s"], ["calls", "--from", "30d"]):
        served = agent.ask(*command)
        read = json.loads(agent.cli(*command, "--format", "json", "--ledger", str(agent.ledger)).stdout)
        for document in (served, read):
            for moment in ("as_of", "from", "to"):
                document.pop(moment)
        assert served == read


def test_observers_hear_of_new_calls(tmp_path: Path) -> None:
    with LiveAgent(tmp_path, history(4)) as agent:
        agent.wait_for_lines(12)
        heard: list[str] = []
        observer = threading.Thread(target=lambda: heard.append(
            coap("-w", "-s", "4", f"{agent.url}/queues/sales", timeout_s=30)))
        observer.start()
        time.sleep(1)
        now = int(time.time())
        agent.append(f"{now}|{now}.1|sales|NONE|ENTERQUEUE||5551|1")
        time.sleep(1)
        agent.append(f"{now + 1}|{now}.2|sales|NONE|ENTERQUEUE||5552|2")
        observer.join()
        waiting = [json.loads(line)["queues"][0]["waiting"] for line in heard[0].splitlines() if line.startswith("{")]
        assert waiting[0] == 0
        assert waiting[-1] == 2
        assert 1 in waiting


def test_status_tells_of_a_log_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    lines = history(4)
    with LiveAgent(tmp_path, lines) as agent:
        agent.wait_for_lines(len(lines))
        assert agent.ask("status")["state"] == "ok"
        agent.log.rename(tmp_path / "queue_log.away")
        gone = wait_until("the missing log is noticed",
                          lambda: (status := agent.ask("status"))["state"] == "degraded" and status)
        assert any("does not exist" in hint for hint in gone["hints"])
        (tmp_path / "queue_log.away").rename(agent.log)
        wait_until("the log is read again", lambda: agent.ask("status")["state"] == "ok")


def test_the_ledger_tells_when_its_agent_is_gone(tmp_path: Path) -> None:
    lines = history(4)
    with LiveAgent(tmp_path, lines) as agent:
        agent.wait_for_lines(len(lines))
        agent.stop()
        refused = agent.cli("status")
        assert refused.returncode == 1
        assert refused.stdout == ""
        assert "is ringside-agent running? --ledger DIR" in refused.stderr
        assert refused.stderr.count("\n") == 1
        status = json.loads(agent.cli("status", "--ledger", str(agent.ledger), "--format", "json").stdout)
        assert status["quality"]["lines"] == len(lines)
        assert status["started"] is None


def test_callers_numbers_stay_hidden_unless_kept(tmp_path: Path) -> None:
    now = int(time.time())
    waiting = [f"{now}|{now}.1|sales|NONE|ENTERQUEUE||0034911222333|1"]
    for callers, number in (("hash", None), ("drop", None), ("keep", "0034911222333")):
        place = tmp_path / callers
        place.mkdir()
        with LiveAgent(place, waiting, callers=callers) as agent:
            agent.wait_for_lines(1)
            leg = agent.ask("calls")["open"][0]
            assert leg["number"] == number
            assert (leg["caller"] is None) == (callers == "drop")
            everything = coap(f"{agent.url}/calls") + coap("-A", "0", f"{agent.url}/calls")
            assert ("911222333" in everything) == (callers == "keep")


def test_a_second_agent_does_not_take_the_port(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with LiveAgent(tmp_path / "a", history(1)) as first:
        second = LiveAgent(tmp_path / "b", history(1))
        second.config.write_text(second.config.read_text().replace(f":{second.port}", f":{first.port}"))
        done = subprocess.run([str(second.bin / "ringside-agent"), "-c", str(second.config)], capture_output=True,
                              text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert str(first.port) in done.stderr
