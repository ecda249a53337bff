"""What an alert's receiver is shown and has to show: certificates, bearer tokens, keys; and being told again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alert_receiver import Receiver
from branch import wait_for
from centre import Centre, Site
from tls_peers import COLLECTOR, Authority, Key, hosts, identity, name

# Every certificate ends before that, so that a site that joined and never sent anything is enough for an alert.
RULE = 'alert "late" { metric = certificate below = 9000d for = 0s keep = 0s }'


@dataclass
class Lab:
    """An authority, what a server of its shows, and a second authority that signed nothing."""

    authority: Authority
    other: Authority
    shown: Path
    misnamed: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    home = tmp_path_factory.mktemp("authorities")
    ours, other = Authority.made(home / "ours", name("ours")), Authority.made(home / "other", name("other"))
    key = Key(home)

    def certificate(host: str) -> Path:
        extensions = (*COLLECTOR[:-1], hosts(host))
        return identity(home / f"{host}.pem", [ours.certificate(host, key, extensions)], key)

    return Lab(ours, other, certificate("localhost"), certificate("elsewhere.example"))


@pytest.fixture(name="home")
def home_of(tmp_path: Path) -> Path:
    for secret, text in (("key", "a key\n"), ("empty", ""), ("token", "a-token.of_this-test\n")):
        (tmp_path / secret).write_text(text)
    return tmp_path


def told_to(home: Path, receivers: dict[str, tuple[Receiver, str]]) -> Centre:
    """A centre that has something to tell to all of them."""
    sections = "".join(f'receiver "{title}" {{ url = "{receiver.url}" timeout = 5s retry_max = 200ms {more} }}\n'
                       for title, (receiver, more) in receivers.items())
    return Centre(home, more=f"alerting {{ pace = 1s }}\n{RULE}\n{sections}")


def settled(centre: Centre) -> dict[str, dict[str, Any]]:
    """What is known of each receiver once each was tried."""
    token = centre.token("viewer")

    def known() -> dict[str, dict[str, Any]]:
        return {one["receiver"]: one for one in centre.get("/api/v1/alerts", token)["receivers"]}

    site = Site(centre.home / "madrid", "madrid")
    site.join(centre.port, centre.add("madrid"))
    wait_for("each to be tried", lambda: all(one["last_ok"] or one["last_error"] for one in known().values()))
    return known()


def test_whom_a_receiver_has_to_be(home: Path, lab: Lab) -> None:
    """Only who shows a certificate of the file's authority, for the address's name, hears anything."""
    def by(authority: Authority) -> str:
        return f'ca_file = "{authority.path}"'

    with ExitStack() as stack:
        receivers = {title: (stack.enter_context(Receiver(certificate=shown)), more) for title, shown, more in (
            ("trusted", lab.shown, by(lab.authority)), ("untrusted", lab.shown, by(lab.other)),
            ("system", lab.shown, ""), ("misnamed", lab.misnamed, by(lab.authority)))}
        centre = stack.enter_context(told_to(home, receivers))
        with centre.running():
            known = settled(centre)
            assert known["trusted"]["last_error"] is None and known["trusted"]["waiting"] == 0
            for refused in ("untrusted", "system", "misnamed"):
                assert "certificate" in known[refused]["last_error"], known
                assert known[refused]["failures"] > 0 and known[refused]["waiting"] > 0
        assert receivers["trusted"][0].news() == [("firing", "madrid", None)]
        assert [title for title, (receiver, _) in receivers.items() if receiver.told] == ["trusted"]


def test_what_a_receiver_is_shown(home: Path) -> None:
    """A bearer token; a signature, but none by an empty key; what still fires again and again where that is wished."""
    with ExitStack() as stack:
        receivers = {title: (stack.enter_context(Receiver()), more) for title, more in (
            ("bearer", f'bearer_file = "{home}/token"'), ("signed", f'secret_file = "{home}/key" repeat = 1s'),
            ("empty", f'secret_file = "{home}/empty"'), ("gone", f'bearer_file = "{home}/gone"'))}
        centre = stack.enter_context(told_to(home, receivers))
        with centre.running() as daemon:
            known = settled(centre)
            assert known["empty"]["last_error"] == "the key file is empty"
            assert known["gone"]["last_error"] == "the token file cannot be read: not found"
            bearer, signed = receivers["bearer"][0], receivers["signed"][0]
            assert [one.headers["authorization"] for one in bearer.told] == ["Bearer a-token.of_this-test"]
            wait_for("it to be told again", lambda: len(signed.taken()) >= 3)
            assert all(one.is_signed(b"a key") and "authorization" not in one.headers for one in signed.told)
            items = [one.document["alerts"][0] for one in signed.taken()]
            assert {(one["news"], one["id"]) for one in items} == {("firing", items[0]["id"])}
            assert [one["again"] for one in items[:3]] == [False, True, True]
            assert len(bearer.told) == 1 and not any(receivers[title][0].told for title in ("empty", "gone"))
        assert "a-token" not in daemon.said() and "a key" not in daemon.said()
