"""What is left of secrets in a running daemon's memory once they were used: nothing. Its memory is not readable but by
root, who may look at everything; so these tests need root."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from alert_receiver import Receiver
from ami_agent import SECRET, USERS, ListeningAgent
from ami_model import PbxModel
from ami_server import AmiServer
from branch import Agent, Branch, wait_for
from centre import Centre, Site

KEY = "kettle-7f3a91-of-this-test"
BEARER = "bottle-52c0de.of_this-test"
RULE = 'alert "late" { metric = certificate below = 9000d for = 0s keep = 0s }'

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read a daemon's memory")


def times_found(pid: int, words: list[str]) -> dict[str, int]:
    """How often each stands in memory that the process can write."""
    found = dict.fromkeys(words, 0)
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(number, 16) for number in span.split("-"))
            memory.seek(begin)
            try:
                content = memory.read(end - begin)
            except OSError:
                continue
            for word in words:
                found[word] += content.count(word.encode())
    return found


def assert_forgotten(daemon: Agent, known: str, secrets: list[str]) -> None:
    """`known` must be there: else the search would prove nothing."""
    found = times_found(daemon.process.pid, [known, *secrets])
    assert found.pop(known) > 0
    assert found == dict.fromkeys(secrets, 0)


def test_its_memory_is_for_root_alone(tmp_path: Path) -> None:
    """No core dump either."""
    branch = Branch(tmp_path / "branch")
    with branch.running() as daemon:
        wait_for("the agent to answer", lambda: branch.ask() is not None)
        proc = Path(f"/proc/{daemon.process.pid}")
        limits = re.search(r"Max core file size\s+(\d+)\s+(\d+)", (proc / "limits").read_text())
        assert limits and limits.groups() == ("0", "0")
        assert (proc / "mem").stat().st_uid == 0 and (proc / "environ").stat().st_uid == 0
        assert re.search(r"^NoNewPrivs:\s+1$", (proc / "status").read_text(), flags=re.M)


@needs_root
def test_a_collector_forgets_the_tokens_it_was_shown(tmp_path: Path) -> None:
    with Centre(tmp_path) as centre:
        token = centre.token("viewer")
        site = Site(tmp_path / "madrid", "madrid")
        with centre.running() as daemon:
            joining = centre.add("madrid")
            site.join(centre.port, joining)
            for _ in range(3):
                centre.get("/api/v1/sites", token)
            assert_forgotten(daemon, str(centre.data), [token, joining.read_text().strip()])


@needs_root
def test_a_collector_forgets_what_it_shows_to_receivers(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "token").write_text(BEARER + "\n")
    with ExitStack() as stack:
        signed, bearer = stack.enter_context(Receiver()), stack.enter_context(Receiver())
        centre = stack.enter_context(Centre(tmp_path, more=f"""
alerting {{ pace = 1s }}
{RULE}
receiver "signed" {{ url = "{signed.url}" secret_file = "{tmp_path}/key" }}
receiver "bearer" {{ url = "{bearer.url}" bearer_file = "{tmp_path}/token" }}
"""))
        with centre.running() as daemon:
            site = Site(tmp_path / "madrid", "madrid")
            site.join(centre.port, centre.add("madrid"))
            wait_for("both to be told", lambda: signed.told and bearer.told)
            assert signed.told[0].is_signed(KEY.encode())
            assert bearer.told[0].headers["authorization"] == f"Bearer {BEARER}"
            wait_for("it to be over", lambda: not any(times_found(daemon.process.pid, [KEY, BEARER]).values()), 10)
            assert_forgotten(daemon, str(centre.data), [KEY, BEARER])


@needs_root
def test_an_agent_holds_its_secret_once(tmp_path: Path) -> None:
    """It needs it to keep it out of what the manager's answers are quoted with; no copy is left beside it."""
    with AmiServer(users=USERS, model=PbxModel()) as server:
        with ListeningAgent(tmp_path / "agent", server) as agent:
            agent.wait_for_snapshot()
            assert agent.process
            found = times_found(agent.process.pid, [str(agent.ledger), SECRET])
            assert found[str(agent.ledger)] > 0 and found[SECRET] == 1
