"""Whom the agent does not take for its centre, and which credentials it does not use: each with what it says, before a
byte of ours went out."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

import pytest

from branch import wait_for
from centre import Site
from ports import free_tcp_port
from refusals import HUNG_UP, Lab, wait_for_line
from tls_peers import (AUTHORITY, COLLECTOR, DAY_S, IS_SERVER, SIGNS, SITE, Authority, Impostor, Key, hosts, identity,
                       is_authority, name, to_der)

FOREIGN_CA = "its certificate does not come from the CA that is trusted here"
NOT_TAKEN = "not taken for the centre: "
OTHER_HOST = f"{NOT_TAKEN}its certificate is for another host"
OTHER_ROLE = f"{NOT_TAKEN}its certificate is for another role|its certificate cannot be read or is for another role"
WEAK = f"{NOT_TAKEN}its key or signature is too weak"


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("servers"), joined=("alpha", "beta"), invited=("late",))
    yield lab
    lab.close()


def copy_of_alpha(lab: Lab, home: Path, port: int, **options: str) -> Site:
    """The box, as it joined, with another address for its centre."""
    site = Site(home / "box", "alpha", **options)
    shutil.copytree(lab.sites["alpha"].credentials, site.credentials)
    (site.credentials / "collector.url").write_text(f"coaps+tcp://localhost:{port}\n")
    return site


def say_and_stop(site: Site, pattern: str) -> str:
    agent = site.start()
    try:
        return wait_for_line("the agent", agent.said, pattern)
    finally:
        assert agent.process.poll() is None, agent.said()
        agent.kill()


# ---- servers ----


@dataclass
class Server:
    label: str
    chain: Callable[[Lab, Key], Sequence[bytes]]
    says: str
    key: str = "P-256"


def signed(extensions: Sequence[bytes] = COLLECTOR, **changes: object) -> Callable[[Lab, Key], Sequence[bytes]]:
    return lambda lab, key: [lab.ca.certificate("localhost", key, extensions, **changes)]


def foreign(lab: Lab, key: Key) -> Sequence[bytes]:
    """Of the same name, and comes along."""
    authority = Authority.made(lab.home / "foreign", lab.ca.subject)
    return [authority.certificate("localhost", key, COLLECTOR), to_der(authority.path)]


def below_an_intermediate(lab: Lab, key: Key) -> Sequence[bytes]:
    between, certificate = lab.ca.below(lab.home, name("Branch CA"))
    return [between.certificate("localhost", key, COLLECTOR), certificate]


def below_a_site(lab: Lab, key: Key) -> Sequence[bytes]:
    shown = lab.sites["beta"].credentials / "identity.pem"
    return [Authority(name("beta"), Key.of(shown), lab.ca.path).certificate("localhost", key, COLLECTOR), to_der(shown)]


SERVERS = (
    Server("foreign CA", foreign, FOREIGN_CA),
    Server("self-signed", lambda lab, key: [Authority(name("localhost"), key, key.path).certificate(
        "localhost", key, COLLECTOR)], FOREIGN_CA),
    Server("intermediate CA", below_an_intermediate, FOREIGN_CA),
    Server("intermediate CA clipped", lambda lab, key: below_an_intermediate(lab, key)[:1], FOREIGN_CA),
    Server("site as CA", below_a_site, FOREIGN_CA),
    Server("site's certificate", signed(SITE), OTHER_ROLE),
    Server("site's certificate with our host", signed((*SITE, hosts("localhost"))), OTHER_ROLE),
    Server("CA's certificate", signed((is_authority(True), SIGNS, hosts("localhost"))), OTHER_ROLE),
    Server("another host", signed((is_authority(False), SIGNS, IS_SERVER, hosts("collector.example"))), OTHER_HOST),
    Server("host in the CN alone", signed((is_authority(False), SIGNS, IS_SERVER)), OTHER_HOST),
    Server("host with a NUL", signed((is_authority(False), SIGNS, IS_SERVER, hosts("localhost\0.example"))),
           OTHER_HOST),
    Server("host with more behind it", signed((is_authority(False), SIGNS, IS_SERVER, hosts("localhost.example"))),
           OTHER_HOST),
    Server("expired", signed(begins_s=-9 * DAY_S, ends_s=-3600),
           f"{NOT_TAKEN}its certificate expired .*clock is wrong"),
    Server("not yet valid", signed(begins_s=3600), f"{NOT_TAKEN}its certificate is not valid yet .*clock is wrong"),
    Server("SHA-1", signed(digest="sha1"), "its certificate is signed with an outdated hash"),
    Server("RSA key", signed(), f"{WEAK}|no common ground", key="RSA"),
    Server("P-521 key", signed(), WEAK, key="P-521"),
)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.label)
def test_server(lab: Lab, tmp_path: Path, server: Server) -> None:
    key = Key(tmp_path, server.key)
    impostor = Impostor(identity(tmp_path / "shown.pem", server.chain(lab, key), key))
    try:
        line = say_and_stop(copy_of_alpha(lab, tmp_path, impostor.port),
                            f"no connection to coaps\\+tcp://localhost:{impostor.port}: .*({server.says})")
        wait_for("the impostor to be through", lambda: impostor.visits > 0)
        assert impostor.heard == b"", f"sent before {line}"
    finally:
        impostor.close()


def test_a_server_without_tls(lab: Lab, tmp_path: Path) -> None:
    class Chatter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 mail.example ESMTP\r\n")
            self.request.recv(4096)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Chatter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        say_and_stop(copy_of_alpha(lab, tmp_path, server.server_address[1]),
                     f"no connection to .*(what it sent is not TLS|no TLS|{HUNG_UP})")
        server.shutdown()


def test_nobody_there(lab: Lab, tmp_path: Path) -> None:
    say_and_stop(copy_of_alpha(lab, tmp_path, free_tcp_port()), "no connection to .*: nobody listens there")


# ---- joining at the wrong place ----


def try_to_join(lab: Lab, home: Path, port: int) -> str:
    site = Site(home / "joiner", "late")
    done = site.try_to_join(f"coaps+tcp://localhost:{port}", lab.tokens["late"])
    assert done.returncode == 1
    assert not site.credentials.exists()
    lab.assert_nothing_taken()
    return done.stderr


def test_joining_at_a_server_with_a_certificate_only(lab: Lab, tmp_path: Path) -> None:
    """A token is no proof of anything to a server that has a certificate, even one of ours."""
    key = Key(tmp_path)
    impostor = Impostor(identity(tmp_path / "shown.pem", signed()(lab, key), key))
    assert "join: " in try_to_join(lab, tmp_path, impostor.port)
    assert impostor.heard == b""
    impostor.close()


def test_joining_at_a_server_that_does_not_know_the_token(lab: Lab, tmp_path: Path) -> None:
    """The request for a certificate does not leave the box."""
    port = free_tcp_port()
    with subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-nocert", "-psk",
                           os.urandom(32).hex(), "-tls1_2", "-quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as server:
        told = ""

        def refused() -> bool:
            nonlocal told
            told = try_to_join(lab, tmp_path / str(os.urandom(4).hex()), port)
            return "nobody listens there" not in told

        try:
            wait_for("the server to listen", refused)
        finally:
            server.kill()
        assert "token is wrong" in told, told
        assert server.stdout and b"\x11\x01\x1e" not in server.stdout.read()  # Content-Format 286


# ---- credentials that are not used ----


@dataclass
class Held:
    label: str
    make: Callable[[Lab, Path], None]
    says: str


def put(chain: Callable[[Lab, Key], Sequence[bytes]], kind: Optional[str] = None) -> Callable[[Lab, Path], None]:
    """For alpha's key, or for one of that kind."""
    def make(lab: Lab, at: Path) -> None:
        key = Key(at.parent, kind) if kind else lab.key("alpha")
        identity(at, chain(lab, key), key)
    return make


def written(change: Callable[[str], str]) -> Callable[[Lab, Path], None]:
    def make(_: Lab, at: Path) -> None:
        at.write_text(change(at.read_text()))
    return make


def of_another_ca(lab: Lab, key: Key) -> Sequence[bytes]:
    return [Authority.made(lab.home / "other", name("Other CA")).certificate("alpha", key)]


def betas(lab: Lab, at: Path) -> None:
    identity(at, [to_der(lab.sites["beta"].credentials / "identity.pem")], lab.key("beta"))


def for_another_key(lab: Lab, at: Path) -> None:
    identity(at, [lab.ca.certificate("alpha", lab.key("beta"))], lab.key("alpha"))


HELD = (
    Held("wrong CA", put(of_another_ca),
         "identity.pem does not fit ca.pem beside it: its certificate does not lead to a trusted CA"),
    Held("self-signed", put(lambda lab, key: [Authority(name("alpha"), key, key.path).certificate("alpha", key)]),
         "does not fit ca.pem beside it: its certificate does not lead to a trusted CA"),
    Held("another site's", betas,
         'this box joined as site "beta", but site.id is "alpha"'),
    Held("collector's", put(lambda lab, key: [lab.ca.certificate("alpha", key, COLLECTOR)]),
         "its certificate is not a site's"),
    Held("CA's", put(lambda lab, key: [lab.ca.certificate("alpha", key, AUTHORITY)]),
         "its certificate is not a site's"),
    Held("RSA key", put(lambda lab, key: [lab.ca.certificate("alpha", key)], "RSA"), "there is no private key in it"),
    Held("P-224 key", put(lambda lab, key: [lab.ca.certificate("alpha", key)], "P-224"),
         "there is no private key in it"),
    Held("another key", for_another_key, "certificate and key do not belong together"),
    Held("SHA-1", put(lambda lab, key: [lab.ca.certificate("alpha", key, digest="sha1")]),
         "does not fit ca.pem beside it: its key or signature is too weak"),
    Held("empty", written(lambda text: ""), "there is no certificate in it"),
    Held("garbage", written(lambda text: os.urandom(3000).hex()), "there is no certificate in it"),
    Held("cut", written(lambda text: text[:300]), "there is no certificate in it"),
)


@pytest.mark.parametrize("held", HELD, ids=lambda held: held.label)
def test_credentials(lab: Lab, tmp_path: Path, held: Held) -> None:
    """They are not even shown to the collector."""
    site = copy_of_alpha(lab, tmp_path, lab.port)
    held.make(lab, site.credentials / "identity.pem")
    since = lab.mark()
    say_and_stop(site, held.says)
    assert lab.daemon.said()[since:] == ""
    lab.assert_nothing_taken()
