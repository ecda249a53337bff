"""Who is not let in by the token that it has, and what is no request for a certificate."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import pytest

from branch import PATIENCE_S, wait_for
from centre import Site
from refusals import (CERTIFICATE, CRTS, ENROLL, HELLO, LIVE, OCTETS, PKCS10, REENROLL, SUMMARIES, Lab,
                      assert_handshake_failed, assert_refused)
from tls_peers import (AUTHORITY, DAY_S, Key, Request, Said, hosts, name, oid, openssl, request, sequence, tlv,
                       to_der)

UNKNOWN = "it does not know our PSK identity or refused it"
WRONG_KEY = "our key is not the right one for it"
NO_REQUEST = r"the body is no certificate request \(PKCS#10\), or not signed by its own key"
NO_P256 = "the key of the certificate request is not an ECDSA key on P-256"


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("joining")
    lab = Lab(home, joined=("alpha",), invited=("late", "other", "barred", "twice", "named", "wide"))
    lab.centre.command("site", "revoke", "barred")
    lab.tokens["slow"] = lab.add_long_ago("slow", 2 * DAY_S)
    lab.settle()
    yield lab
    lab.close()


def csr(subject: bytes, key: Key) -> Request:
    return Request("post", ENROLL, PKCS10, request(subject, key))


# ---- the handshake ----


@dataclass
class Stranger:
    label: str
    psk_identity: str
    psk: Callable[[Lab], bytes]
    told: str
    logged: str


STRANGERS = (
    Stranger("used", "join:alpha", lambda lab: lab.psk("alpha"), UNKNOWN,
             "site alpha refused: wants to join, but its token was used or never made"),
    Stranger("expired", "join:slow", lambda lab: lab.psk("slow"), UNKNOWN,
             "site slow refused: wants to join, but its token expired"),
    Stranger("revoked", "join:barred", lambda lab: lab.psk("barred"), UNKNOWN,
             "site barred refused: wants to join, but it is revoked or removed"),
    Stranger("wrong token", "join:late", lambda lab: os.urandom(32), WRONG_KEY, "its key is not the right one"),
    Stranger("another site's token", "join:late", lambda lab: lab.psk("other"), WRONG_KEY,
             "its key is not the right one"),
    Stranger("another site's token, bound to this one", "join:late", lambda lab: lab.psk("other", "late"), WRONG_KEY,
             "its key is not the right one"),
    Stranger("without prefix", "late", lambda lab: lab.psk("late"), UNKNOWN,
             "its PSK identity is not that of a joining site"),
    Stranger("prefix alone", "join:", lambda lab: lab.psk("late"), UNKNOWN,
             "its PSK identity is not that of a joining site"),
    Stranger("prefix in other letters", "JOIN:late", lambda lab: lab.psk("late"), UNKNOWN,
             "its PSK identity is not that of a joining site"),
    Stranger("longer than a site id", "join:" + "late" * 17, lambda lab: lab.psk("late"), UNKNOWN,
             "its PSK identity is not that of a joining site"),
    Stranger("unknown", "join:nowhere", lambda lab: lab.psk("late"), UNKNOWN,
             "site nowhere refused: wants to join, but there is no such site here"),
    Stranger("other case", "join:Late", lambda lab: lab.psk("late"), UNKNOWN,
             "site Late refused: wants to join, but there is no such site here"),
    Stranger("control characters", "join:late\n\x1b[2Jingest: all is well", lambda lab: lab.psk("late"), UNKNOWN,
             "refused: wants to join, but there is no such site here"),
)


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.label)
def test_stranger(lab: Lab, stranger: Stranger) -> None:
    since = lab.mark()
    said = lab.joiner(stranger.psk_identity, stranger.psk(lab)).ask(Request("get", CRTS))
    assert_handshake_failed(said, stranger.told)
    lab.wait_for_line(f"ingest: .*{stranger.logged}", since)
    lab.assert_nothing_taken()


@dataclass
class Attempt:
    label: str
    site: str
    token: Callable[[Lab], str]
    told: str


def of(site: str) -> Callable[[Lab], str]:
    return lambda lab: lab.tokens[site].read_text()


def mistyped(lab: Lab) -> str:
    """One sign is another; dashes and case do not matter."""
    token = of("late")(lab).strip()
    return ("B" if token[0] == "A" else "A") + token[1:].replace("-", "").lower()


ATTEMPTS = (
    Attempt("used", "alpha", of("alpha"), 'the token is wrong, expired, used already, or not for site "alpha"'),
    Attempt("expired", "slow", of("slow"), 'the token is wrong, expired, used already, or not for site "slow"'),
    Attempt("another site's", "late", of("other"), 'the token is wrong, expired, used already, or not for site "late"'),
    Attempt("unknown site", "nowhere", of("late"), 'used already, or not for site "nowhere"'),
    Attempt("revoked site", "barred", of("barred"), 'used already, or not for site "barred"'),
    Attempt("mistyped", "late", mistyped, "the token is wrong"),
    Attempt("cut", "late", lambda lab: of("late")(lab)[:20], "that is no token: it has 32 letters and digits"),
)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.label)
def test_the_agents_join(lab: Lab, tmp_path: Path, attempt: Attempt) -> None:
    token = tmp_path / "token"
    token.write_text(attempt.token(lab))
    site = Site(tmp_path / "box", attempt.site)
    since = lab.mark()
    done = site.try_to_join(f"coaps+tcp://127.0.0.1:{lab.port}", token)
    assert done.returncode == 1
    assert attempt.told in done.stderr
    if attempt.label != "cut":
        lab.wait_for_line("127.0.0.1:[0-9]+ refused: ", since)
    assert not site.credentials.exists(), "nothing is stored"
    lab.assert_nothing_taken()


# ---- what a token opens ----


@pytest.mark.parametrize("path", (HELLO, SUMMARIES, LIVE, REENROLL))
def test_a_token_opens_enrolment_only(lab: Lab, path: str) -> None:
    body = {HELLO: lab.hello("late"), SUMMARIES: lab.batch("late"), LIVE: lab.live(),
            REENROLL: Request("post", REENROLL, PKCS10, request(name("late"), lab.key("alpha")))}
    since = lab.mark()
    peer = lab.joiner("join:late", lab.psk("late"))
    assert_refused(peer.ask(body[path]), 1, "4.03", "a join token opens enrolment only")
    lab.wait_for_line("127.0.0.1:[0-9]+ site late refused: a join token opens enrolment only", since)
    lab.assert_nothing_taken()


# ---- requests for certificates ----


@dataclass
class Bad:
    label: str
    body: Callable[[Path], bytes]
    told: str


def flipped(directory: Path) -> bytes:
    whole = request(name("late"), Key(directory))
    return whole[:-1] + bytes([whole[-1] ^ 1])


def signed_by_another(directory: Path) -> bytes:
    mine, other = Key(directory), Key(directory)
    other._public = mine.public  # the one that is asked for; `other` signs
    return request(name("late"), other)


BAD = (
    Bad("signature flipped", flipped, NO_REQUEST),
    Bad("signed by another key", signed_by_another, NO_REQUEST),
    Bad("another site's name", lambda at: request(name("other"), Key(at)),
        'the certificate request is for "other", and this is site late'),
    Bad("name in other letters", lambda at: request(name("LATE"), Key(at)),
        'the certificate request is for "LATE", and this is site late'),
    Bad("two names", lambda at: request(name("late", "other"), Key(at)), "the certificate request is for|PKCS#10"),
    Bad("NUL in the name", lambda at: request(name(b"late\0x"), Key(at)), "the certificate request is for|PKCS#10"),
    Bad("name of 300 bytes", lambda at: request(name("late" * 75), Key(at)),
        "the name in the certificate request is longer than a site id"),
    Bad("RSA", lambda at: request(name("late"), Key(at, "RSA")), NO_P256),
    Bad("P-224", lambda at: request(name("late"), Key(at, "P-224")), NO_P256),
    Bad("P-384", lambda at: request(name("late"), Key(at, "P-384")), NO_P256),
    Bad("a certificate", lambda at: to_der(at / "centre" / "identity" / "ca.pem"), NO_REQUEST),
    Bad("garbage", lambda at: b"please", NO_REQUEST),
    Bad("empty", lambda at: b"", NO_REQUEST),
    Bad("60 kB", lambda at: os.urandom(60000), NO_REQUEST),
    Bad("60 kB that begin well", lambda at: tlv(0x30, request(name("late"), Key(at)), bytes(59000)), NO_REQUEST),
    Bad("nested deeply", lambda at: b"\x30\x80" * 20000, NO_REQUEST),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.label)
def test_bad_request(lab: Lab, bad: Bad) -> None:
    """To both paths; the token stays good."""
    body = bad.body(lab.home)
    since = lab.mark()
    said = lab.joiner("join:late", lab.psk("late")).ask(Request("post", ENROLL, PKCS10, body))
    assert_refused(said, 1, "4.00", bad.told)
    lab.wait_for_line(f"127.0.0.1:[0-9]+ site late refused: .*({bad.told})", since)
    key = lab.key("alpha")
    renewal = lab.peer([lab.ca.certificate("alpha", key)], key)
    said = renewal.ask(Request("post", REENROLL, PKCS10, body))
    assert_refused(said, 1, "4.00", bad.told.replace("late", "alpha"))
    lab.assert_nothing_taken()


@pytest.mark.parametrize("asked, accept, code, told", (
    (Request("get", ENROLL), -1, "4.05", "POST is served here"),
    (Request("post", CRTS, PKCS10, b"x"), -1, "4.05", "GET is served here"),
    (Request("put", ENROLL, PKCS10, b"x"), -1, "4.05", "POST is served here"),
    (Request("post", ENROLL, OCTETS, b"x"), -1, "4.15", "a request is content format 286"),
    (Request("get", CRTS), OCTETS, "4.06", "certificates come as content format 281 or 287"),
    (Request("get", "/.well-known/est/att"), -1, "4.04", "there is nothing of that name here"),
    (Request("post", "/.well-known/est/skg", PKCS10, b"x"), -1, "4.04", "there is nothing of that name here"),
    (Request("get", "/.well-known/est"), -1, "4.04", "there is nothing of that name here"),
), ids=lambda value: value.method + value.path.replace("/", " ") if isinstance(value, Request) else None)
def test_wrongly_asked(lab: Lab, asked: Request, accept: int, code: str, told: str) -> None:
    since = lab.mark()
    assert_refused(lab.joiner("join:late", lab.psk("late")).ask(asked, accept=accept), 1, code, told)
    lab.wait_for_line(f"127.0.0.1:[0-9]+ site late refused: {told}", since)
    lab.assert_nothing_taken()


# ---- what is right ----


def text_of(der: bytes) -> str:
    return openssl("x509", "-noout", "-text", given=ssl.DER_cert_to_PEM_cert(der).encode()).decode()


def test_who_gets_a_certificate_is_what_the_token_says(lab: Lab) -> None:
    """A request without a common name is served: the name is the token's."""
    key = Key(lab.home)
    subject = sequence(tlv(0x31, sequence(oid("2.5.4.10"), tlv(0x0C, b"other"))))
    said = lab.joiner("join:named", lab.psk("named")).ask(csr(subject, key), accept=CERTIFICATE)
    assert said.code == "2.04", said
    text = text_of(said.answers[0].payload)
    assert "Subject: CN = named\n" in text
    lab.wait_for_line("site named joined")
    assert said.answers[0].format == CERTIFICATE
    assert [answer.code for answer in lab.peer([said.answers[0].payload], key).ask(*lab.data("named")).answers] == \
        ["2.04"] * 3
    lab.settle()


def test_what_a_request_wishes_beyond_its_key_is_not_granted(lab: Lab) -> None:
    """To be a CA, a server, valid for other hosts."""
    key = Key(lab.home)
    wishes = sequence(oid("1.2.840.113549.1.9.14"), tlv(0x31, sequence(*AUTHORITY, hosts("localhost"))))
    body = key.sign(sequence(tlv(2, b"\0"), name("wide"), key.public, tlv(0xA0, wishes)))
    said = lab.joiner("join:wide", lab.psk("wide")).ask(Request("post", ENROLL, PKCS10, body), accept=CERTIFICATE)
    assert said.code == "2.04", said
    text = text_of(said.answers[0].payload)
    assert "CA:FALSE" in text and "CA:TRUE" not in text
    assert "Client Authentication" in text and "Server Authentication" not in text
    assert "DNS:" not in text and "Certificate Sign" not in text
    lab.settle()


def test_two_at_once_with_one_token(lab: Lab) -> None:
    """Both are through with the handshake when the first one uses the token up."""
    gate = lab.home / "gate"
    process = lab.joiner("join:twice", lab.psk("twice")).stay(
        Request("get", CRTS), Request("await", str(gate)), csr(name("twice"), Key(lab.home)))
    assert process.stdout
    lines = [process.stdout.readline(), process.stdout.readline()]
    assert Said.read(iter(lines)).code == "2.05"
    said = lab.joiner("join:twice", lab.psk("twice")).ask(csr(name("twice"), Key(lab.home)))
    assert said.code == "2.04"
    lab.settle()
    since = lab.mark()
    gate.touch()
    rest, _ = process.communicate(timeout=PATIENCE_S)
    late = Said.read(iter(rest.splitlines()))
    assert late.code == "4.03" and 'the token of site "twice" was used or replaced' == late.text, late
    lab.wait_for_line('site twice refused: the token of site "twice" was used or replaced', since)
    lab.assert_nothing_taken()


def test_a_good_token_still_does_after_all_that(lab: Lab, tmp_path: Path) -> None:
    site = Site(tmp_path, "late")
    site.join(lab.port, lab.tokens["late"])
    wait_for("the site to be joined", lambda: lab.centre.sites()["late"]["state"] == "joined")
    since = lab.mark()
    assert_handshake_failed(lab.joiner("join:late", lab.psk("late")).ask(Request("get", CRTS)), UNKNOWN)
    lab.wait_for_line("site late refused: wants to join, but its token was used", since)
