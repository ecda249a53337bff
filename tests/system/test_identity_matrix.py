"""Who is not let in by the certificate that it shows: each with what it is told, what the collector's log says, and
nothing taken. The first ones are let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator

import pytest

from branch import wait_for
from refusals import CRTS, ENROLL, HELLO, PKCS10, REENROLL, SUMMARIES, Lab, assert_handshake_failed, assert_refused
from tls_peers import (AUTHORITY, COLLECTOR, DAY_S, IS_SERVER, SIGNS, SITE, Authority, Key, Request, extension,
                       is_authority, name, oid, request, sequence, to_der)

HANDSHAKE = "handshake"
ROLE = "its certificate is for another role"
WEAK = "its key or signature is too weak"
NOT_OURS = "its certificate does not come from the CA that is trusted here"
DOES_NOT_TRUST = "it does not trust the CA of our certificate"
REPLACED = r'its certificate [0-9a-f]+ is not the one that counts for site "alpha": replaced or joined anew'

Shown = tuple[list[bytes], Key]


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    joined = ("good", "second", "alpha", "beta", "left", "barred")
    lab = Lab(tmp_path_factory.mktemp("matrix"), joined=joined, invited=("late",))
    lab.centre.command("site", "revoke", "barred")
    lab.centre.command("site", "remove", "left")
    wait_for("the removed site to be gone", lambda: "left" not in lab.centre.sites())
    lab.settle()
    yield lab
    lab.close()


@dataclass
class Case:
    label: str
    shown: Callable[[Lab], Shown]
    code: str
    told: str
    logged: str = ""  # as told, when empty
    closed: int = 4  # of what it asks for, in this order: hello, summaries, live, renewal


def of_alpha(**changes: object) -> Callable[[Lab], Shown]:
    """A certificate that is right but for the changes, for the key that counts."""
    def make(lab: Lab) -> Shown:
        key = lab.key("alpha")
        options = {"subject": "alpha", "extensions": SITE, **changes}
        return [lab.ca.certificate(key=key, **options)], key
    return make


def for_key(kind: str, subject: str = "alpha") -> Callable[[Lab], Shown]:
    """A certificate for a key of its own."""
    def make(lab: Lab) -> Shown:
        key = Key(lab.home, kind)
        return [lab.ca.certificate(subject, key)], key
    return make


def own(site: str, subject: str = "") -> Callable[[Lab], Shown]:
    def make(lab: Lab) -> Shown:
        key = lab.key(site)
        return [lab.ca.certificate(subject or site, key)], key
    return make


def wrong_ca(lab: Lab) -> Shown:
    """Of the same name, so that its key alone tells it from ours."""
    key = lab.key("alpha")
    return [Authority.made(lab.home / "foreign", lab.ca.subject).certificate("alpha", key)], key


def wrong_ca_with_its_ca(lab: Lab) -> Shown:
    foreign, key = Authority.made(lab.home / "foreign", lab.ca.subject), lab.key("alpha")
    return [foreign.certificate("alpha", key), to_der(foreign.path)], key


def self_signed(lab: Lab) -> Shown:
    key = lab.key("alpha")
    return [Authority(name("alpha"), key, lab.ca.path).certificate("alpha", key)], key


def clipped(lab: Lab) -> Shown:
    between, _ = lab.ca.below(lab.home, name("Branch CA"))
    key = lab.key("alpha")
    return [between.certificate("alpha", key)], key


def longer_than_the_ca_allows(lab: Lab) -> Shown:
    between, certificate = lab.ca.below(lab.home, name("Branch CA"))
    key = lab.key("alpha")
    return [between.certificate("alpha", key), certificate], key


def site_as_ca(lab: Lab) -> Shown:
    shown = lab.sites["beta"].credentials / "identity.pem"
    key = lab.key("alpha")
    return [Authority(name("beta"), lab.key("beta"), lab.ca.path).certificate("alpha", key), to_der(shown)], key


def stolen_certificate(lab: Lab) -> Shown:
    """Without its key."""
    return [to_der(lab.sites["alpha"].credentials / "identity.pem")], lab.key("beta")


def broken_signature(lab: Lab) -> Shown:
    chain, key = of_alpha()(lab)
    return [chain[0][:-1] + bytes([chain[0][-1] ^ 1])], key


def ca_itself(lab: Lab) -> Shown:
    return [to_der(lab.ca.path)], lab.ca.key


def own_of_collector(lab: Lab) -> Shown:
    path = lab.centre.data / "identity" / "collector.pem"
    return [to_der(path)], Key.of(path)


BOTH_USES = extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.2"), oid("1.3.6.1.5.5.7.3.1")))
OTHER_USE = extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.3")))
UNUSABLE = "its certificate cannot be read or is for another role"
UNSUPPORTED = "it refused our certificate"

CASES = (
    Case("wrong CA", wrong_ca, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("wrong CA, which comes along", wrong_ca_with_its_ca, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("self-signed", self_signed, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("signature broken", broken_signature, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("chain clipped", clipped, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("intermediate CA that ours does not allow", longer_than_the_ca_allows, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("site's certificate as CA", site_as_ca, HANDSHAKE, DOES_NOT_TRUST, NOT_OURS),
    Case("certificate without its key", stolen_certificate, HANDSHAKE, "the server: .*",
         "it does not hold the key of its certificate"),
    Case("expired", of_alpha(begins_s=-90 * DAY_S, ends_s=-DAY_S), "4.03",
         'the certificate of site "alpha" expired: nothing but its renewal is open', closed=3),
    Case("expired beyond the grace", of_alpha(begins_s=-90 * DAY_S, ends_s=-31 * DAY_S), "4.03",
         'the certificate of site "alpha" expired too long ago to be renewed: join again'),
    Case("not yet valid", of_alpha(begins_s=3600), "4.03", "its certificate is not valid yet"),
    Case("unknown site", for_key("P-256", "nowhere"), "4.03", 'there is no site "nowhere" here'),
    Case("other key", for_key("P-256"), "4.03", REPLACED),
    Case("other site's key", own("beta", "alpha"), "4.03", REPLACED),
    Case("invited only", for_key("P-256", "late"), "4.03", 'site "late" has a token but has not joined with it'),
    Case("revoked", own("barred"), "4.03", 'site "barred" is revoked'),
    Case("removed", own("left"), "4.03", 'there is no site "left" here'),
    Case("other case", of_alpha(subject="ALPHA"), "4.03", 'there is no site "ALPHA" here'),
    Case("no name", of_alpha(subject=sequence()), "4.03", 'there is no site "" here'),
    Case("NUL in the name", of_alpha(subject=name(b"alpha\0.evil")), "4.03", ROLE),
    Case("NUL behind the name", of_alpha(subject=name(b"alpha\0")), "4.03", ROLE),
    Case("control characters in the name", of_alpha(subject=name(b"alpha\x1b[2J\ningest: all is well")), "4.03", ROLE),
    Case("no UTF-8 in the name", of_alpha(subject=name(b"alpha\xff\xfe")), "4.03", ROLE),
    Case("two names, the right one first", of_alpha(subject=name("alpha", "beta")), "4.03", ROLE),
    Case("two names, the right one last", of_alpha(subject=name("beta", "alpha")), "4.03", ROLE),
    Case("long name", of_alpha(subject=name("alpha" * 100)), "4.03", ROLE),
    Case("collector's certificate", own_of_collector, HANDSHAKE, UNSUPPORTED, UNUSABLE),
    Case("named as a site, for a collector", of_alpha(extensions=COLLECTOR), HANDSHAKE, UNSUPPORTED, UNUSABLE),
    Case("CA's certificate", ca_itself, HANDSHAKE, UNSUPPORTED, UNUSABLE),
    Case("named as a site, a CA", of_alpha(extensions=AUTHORITY), HANDSHAKE, UNSUPPORTED, UNUSABLE),
    Case("without clientAuth", of_alpha(extensions=(is_authority(False), SIGNS)), "4.03", ROLE),
    Case("serverAuth too", of_alpha(extensions=(is_authority(False), SIGNS, BOTH_USES)), "4.03", ROLE),
    Case("for code signing", of_alpha(extensions=(is_authority(False), SIGNS, OTHER_USE)), HANDSHAKE, UNSUPPORTED,
         UNUSABLE),
    Case("serverAuth alone", of_alpha(extensions=(is_authority(False), SIGNS, IS_SERVER)), HANDSHAKE, UNSUPPORTED,
         UNUSABLE),
    Case("RSA key", for_key("RSA"), "4.03", WEAK),
    Case("P-224 key", for_key("P-224"), "4.03", WEAK),
    Case("P-521 key", for_key("P-521"), "4.03", WEAK),
    Case("SHA-1 signature", of_alpha(digest="sha1"), HANDSHAKE, UNSUPPORTED,
         "its certificate is signed with an outdated hash"),
)


def test_the_good_one_is_let_in(lab: Lab) -> None:
    said = lab.peer(*own("good")(lab)).ask(*lab.data("good"))
    assert [answer.code for answer in said.answers] == ["2.04"] * 3
    assert lab.entered("good") == 1
    lab.wait_for_line("site good is here, agent probe")
    lab.assert_nothing_taken("good", "second")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_certificate(lab: Lab, case: Case) -> None:
    since = lab.mark()
    asked = [*lab.data("alpha"), Request("post", REENROLL, PKCS10, request(name("alpha"), lab.key("beta")))]
    said = lab.peer(*case.shown(lab)).ask(*asked[:case.closed])
    if case.code == HANDSHAKE:
        assert_handshake_failed(said, case.told)
    else:
        assert_refused(said, len(asked[:case.closed]), case.code, case.told)
    lab.wait_for_line(f"127.0.0.1:[0-9]+ .*refused: ({case.logged or case.told})", since)
    lab.assert_nothing_taken("good", "second")


def test_a_certificate_does_not_enrol(lab: Lab) -> None:
    since = lab.mark()
    said = lab.peer(*own("good")(lab)).ask(Request("post", ENROLL, PKCS10, request(name("good"), Key(lab.home))))
    assert_refused(said, 1, "4.03", "enrolment wants a join token; a certificate is renewed instead")
    lab.wait_for_line("site good refused: enrolment wants a join token", since)
    lab.assert_nothing_taken("good", "second")


@pytest.mark.parametrize("site, path", (("good", HELLO), ("second", SUMMARIES)))
def test_other_sites_message(lab: Lab, site: str, path: str) -> None:
    """A good certificate does not make a site another one."""
    asked = lab.data("beta") if path == HELLO else [lab.hello(site), lab.batch("beta"), lab.live()]
    since = lab.mark()
    said = lab.peer(*own(site)(lab)).ask(*asked)
    sentence = f'it says it is from site "beta", its certificate says "{site}"'
    refused = said.answers[0 if path == HELLO else 1]
    assert (refused.code, refused.text) == ("4.03", sentence)
    assert said.closed and len(said.answers) < len(asked), "the connection ends"
    lab.wait_for_line(f"site {site}: (a message was refused: )?{sentence}", since)
    lab.assert_nothing_taken("good", "second")
    assert lab.centre.rows("--site", "second", "--by", "total", "--from", "2d", "--to", "now") == []


def test_expired_within_the_grace_renews_and_no_more(lab: Lab) -> None:
    key = lab.key("good")
    peer = lab.peer([lab.ca.certificate("good", key, begins_s=-90 * DAY_S, ends_s=-DAY_S)], key)
    assert peer.ask(Request("get", CRTS)).code == "2.05"
    since = lab.mark()
    assert_refused(peer.ask(*lab.data("good")), 3, "4.03", 'the certificate of site "good" expired')
    lab.wait_for_line('site good refused: the certificate of site "good" expired', since)
    entered = lab.entered("good")
    new = Key(lab.home)
    said = peer.ask(Request("post", REENROLL, PKCS10, request(name("good"), new)), accept=287)
    assert said.code == "2.04", said
    lab.wait_for_line("site good renewed its certificate", since)
    assert [answer.code for answer in lab.peer([said.answers[0].payload], new).ask(lab.hello("good")).answers] == \
        ["2.04"]
    since = lab.mark()
    assert_refused(lab.peer(*own("good")(lab)).ask(lab.hello("good")), 1, "4.03", "is not the one that counts")
    lab.wait_for_line("site good refused: its certificate .* is not the one that counts", since)
    assert lab.entered("good") == entered
