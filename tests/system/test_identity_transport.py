"""Who is not let in for how it speaks: old TLS, no TLS, no certificate, or what there is nothing of."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from branch import PATIENCE_S
from refusals import HELLO, LIVE, OCTETS, SUMMARIES, Lab, assert_refused
from tls_peers import Peer, Request, identity

LAX = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("transport"), joined=("alpha",), invited=("late",))
    yield lab
    lab.close()


def s_client(lab: Lab, *options: object) -> subprocess.CompletedProcess[str]:
    lax = lab.home / "lax.cnf"
    lax.write_text(LAX)
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{lab.port}", *map(str, options)],
                          env={"OPENSSL_CONF": str(lax), "PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False)


def own(lab: Lab) -> Path:
    return lab.sites["alpha"].credentials / "identity.pem"


@pytest.mark.parametrize("version", ("-tls1", "-tls1_1"))
@pytest.mark.parametrize("with_psk", (False, True), ids=("certificate", "PSK"))
def test_old_tls(lab: Lab, version: str, with_psk: bool) -> None:
    shown = ["-psk_identity", "join:late", "-psk", lab.psk("late").hex(), "-cipher", "PSK:@SECLEVEL=0"] if with_psk \
        else ["-cert", own(lab), "-key", own(lab)]
    since = lab.mark()
    done = s_client(lab, version, *shown)
    assert done.returncode != 0 and "alert protocol version" in done.stderr, done.stderr
    lab.wait_for_line("127.0.0.1:[0-9]+ refused: it speaks no TLS 1.2", since)
    lab.assert_nothing_taken()


def test_the_same_with_tls_1_2_is_let_in(lab: Lab) -> None:
    """So it is the version that the ones above are refused for."""
    done = s_client(lab, "-tls1_2", "-cert", own(lab), "-key", own(lab), "-CAfile", lab.ca.path)
    assert done.returncode == 0 and "Verify return code: 0 (ok)" in done.stdout, done.stderr


def test_a_suite_that_is_not_served(lab: Lab) -> None:
    since = lab.mark()
    done = s_client(lab, "-tls1_2", "-cert", own(lab), "-key", own(lab), "-cipher", "NULL:@SECLEVEL=0")
    assert done.returncode != 0 and "alert handshake failure" in done.stderr, done.stderr
    lab.wait_for_line("127.0.0.1:[0-9]+ refused: no cipher suite in common", since)
    lab.assert_nothing_taken()


def test_anonymous_key_exchange(lab: Lab) -> None:
    since = lab.mark()
    done = s_client(lab, "-tls1_2", "-cipher", "aNULL:@SECLEVEL=0")
    assert done.returncode != 0 and "alert handshake failure" in done.stderr, done.stderr
    lab.wait_for_line("127.0.0.1:[0-9]+ refused: no cipher suite in common", since)
    lab.assert_nothing_taken()


def test_no_certificate(lab: Lab) -> None:
    since = lab.mark()
    done = s_client(lab, "-tls1_2")
    assert done.returncode != 0, done.stdout
    lab.wait_for_line("127.0.0.1:[0-9]+ refused: it showed no certificate", since)
    lab.assert_nothing_taken()


def hello_frame(lab: Lab) -> bytes:
    """CSM and a greeting as RFC 8323 has them, for those who speak without TLS."""
    body = bytes([0xB1]) + b"h" + bytes([0x11, OCTETS]) + b"\xff" + lab.hello("alpha").payload
    length = len(body)
    assert 13 <= length < 269
    return b"\0\xe1" + bytes([0xD1, length - 13, 0x02, 0x01]) + body


def until_closed(peer: socket.socket) -> bytes:
    heard = b""
    peer.settimeout(PATIENCE_S)
    try:
        while part := peer.recv(4096):
            heard += part
    except ConnectionResetError:
        pass
    return heard


@pytest.mark.parametrize("what", ("CoAP", "HTTP", "garbage"))
def test_no_tls(lab: Lab, what: str) -> None:
    said = {"CoAP": hello_frame(lab), "HTTP": b"GET / HTTP/1.0\r\n\r\n", "garbage": bytes(range(255, 0, -1)) * 8}[what]
    since = lab.mark()
    with socket.create_connection(("127.0.0.1", lab.port)) as peer:
        peer.sendall(said)
        assert len(until_closed(peer)) <= 7, "an alert at most"
    lab.wait_for_line("127.0.0.1:[0-9]+ refused: .*(not TLS|no TLS)", since)
    lab.assert_nothing_taken()


def test_another_tls_library(lab: Lab) -> None:
    """The frame above through OpenSSL is a greeting: so it is TLS alone that the ones without it lack."""
    since = lab.mark()
    context = ssl.create_default_context(cafile=str(lab.ca.path))
    context.load_cert_chain(own(lab))
    with socket.create_connection(("127.0.0.1", lab.port)) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as peer:
        peer.sendall(hello_frame(lab))
        peer.settimeout(PATIENCE_S)
        heard = b""
        while b"\x08\x02\x10" not in heard:  # protocol 2 and a time: the reply's beginning
            part = peer.recv(4096)
            assert part, heard
            heard += part
    lab.wait_for_line("site alpha is here", since)
    lab.wait_for_line("site alpha is gone", since)
    lab.settle()


NOTHING = "there is nothing of that name here"


@pytest.mark.parametrize("asked, code, told", (
    (Request("get", "/"), "4.04", NOTHING),
    (Request("get", "/.well-known/core"), "4.04", NOTHING),
    (Request("post", "/S", OCTETS, b"x"), "4.04", NOTHING),
    (Request("post", "/s/s", OCTETS, b"x"), "4.04", NOTHING),
    (Request("get", "/status"), "4.04", NOTHING),
    (Request("get", "/kpi"), "4.04", NOTHING),
    (Request("get", HELLO), "4.05", "POST is served here"),
    (Request("put", SUMMARIES, OCTETS, b"x"), "4.05", "POST is served here"),
    (Request("delete", LIVE), "4.05", "POST is served here"),
    (Request("post", SUMMARIES, 50, b"{}"), "4.15", "content format 42 is served here"),
    (Request("post", SUMMARIES, 0, b"x"), "4.15", "content format 42 is served here"),
), ids=lambda value: value.method + value.path.replace("/", " ") if isinstance(value, Request) else None)
def test_what_is_not_served(lab: Lab, asked: Request, code: str, told: str) -> None:
    since = lab.mark()
    said = Peer(lab.port, lab.home, shown=own(lab), ca=lab.ca.path).ask(asked)
    assert_refused(said, 1, code, told)
    lab.wait_for_line(f"127.0.0.1:[0-9]+ site alpha refused: {told}", since)
    lab.assert_nothing_taken()


def test_a_path_of_many_parts(lab: Lab) -> None:
    assert Peer(lab.port, lab.home, shown=own(lab), ca=lab.ca.path).ask(Request("get", "/a/b/c/d/e")).code == "4.04"
    lab.assert_nothing_taken()


@pytest.mark.parametrize("path", (HELLO, SUMMARIES, LIVE))
def test_garbage_from_a_good_site(lab: Lab, path: str) -> None:
    said = Peer(lab.port, lab.home, shown=own(lab), ca=lab.ca.path).ask(Request("post", path, OCTETS, b"\xff" * 400))
    assert said.code in ("4.00", "4.12"), said
    assert said.text
    assert lab.entered("alpha") == 0
    lab.settle()
