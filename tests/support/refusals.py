"""A collector for a matrix of peers that are to be refused: what was said on both sides, and that nothing was taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Optional, Sequence

import wire_decode
from branch import PATIENCE_S, wait_for
from centre import Centre, Site
from ringside import bin_dir
from tls_peers import Authority, Key, Peer, Request, Said, identity

HELLO, SUMMARIES, LIVE = "/h", "/s", "/l"
CRTS, ENROLL, REENROLL = "/.well-known/est/crts", "/.well-known/est/sen", "/.well-known/est/sren"
OCTETS, PKCS7, PKCS10, CERTIFICATE = 42, 281, 286, 287
# The alert that tells why is lost when the end of the connection overtakes it.
HUNG_UP = "it closed the connection during the handshake|it broke the connection off|it went away"
LINE_PATIENCE_S = 30
LOG_WINDOW_S, LOG_LINES = 10, 44  # of the 50 refusals in ten seconds that the collector logs
PASSING = ("last_seen_age_ms", "as_of")


def psk_of(token: str, site: str) -> bytes:
    """HKDF (RFC 5869) of a join token, as both ends derive it."""
    secret = hmac.new(bytes(32), base64.b32decode(token.strip().replace("-", "")), hashlib.sha256).digest()
    return hmac.new(secret, b"ringside join " + site.encode() + b"\1", hashlib.sha256).digest()


class Lab:
    """A running collector with joined sites, each of which has never said anything, and with invited ones."""

    def __init__(self, home: Path, joined: Sequence[str] = (), invited: Sequence[str] = (), more: str = "") -> None:
        self.home = home
        self._stack = ExitStack()
        self.centre = self._stack.enter_context(Centre(home, more=more))
        try:
            self.daemon = self._stack.enter_context(self.centre.running())
            self.tokens = {site: self.centre.add(site) for site in (*joined, *invited)}
            self.sites = {site: Site(home / site, site) for site in joined}
            for name, site in self.sites.items():
                site.join(self.port, self.tokens[name])
        except BaseException:
            self.close()
            raise
        self.ca = Authority.at(self.centre.data / "identity")
        self.schema = wire_decode.schema(home)
        self.epoch = os.urandom(16)
        self._shown = 0
        self._lines: list[tuple[float, int]] = []
        self._before = self.state()

    def close(self) -> None:
        self._stack.close()

    @property
    def port(self) -> int:
        return self.centre.port

    def add_long_ago(self, site: str, ago_s: float) -> Path:
        """Invites the site by a clock that is behind."""
        shift = {"LD_PRELOAD": str(bin_dir() / "clockshift.so"), "RINGSIDE_CLOCK_SHIFT_S": str(int(-ago_s))}
        token = self.home / f"{site}.token"
        subprocess.run([bin_dir() / "ringside-collector", "-c", self.centre.config, "site", "add", site, "--token-file",
                        token], env={**os.environ, **shift}, capture_output=True, check=True, timeout=PATIENCE_S)
        return token

    # ---- what peers show and say ----

    def key(self, site: str) -> Key:
        """The one that counts for the site."""
        return Key.of(self.sites[site].credentials / "identity.pem")

    def psk(self, site: str, as_site: str = "") -> bytes:
        return psk_of(self.tokens[site].read_text(), as_site or site)

    def peer(self, chain: Sequence[bytes], key: Key) -> Peer:
        self._shown += 1
        shown = identity(self.home / f"shown-{self._shown}.pem", chain, key)
        return Peer(self.port, self.home, shown=shown, ca=self.ca.path)

    def joiner(self, psk_identity: str, key: bytes) -> Peer:
        return Peer(self.port, self.home, psk_identity=psk_identity, psk_key=key)

    def hello(self, site: str) -> Request:
        message = self.schema.Hello(protocol=2, site=site, epoch=self.epoch, agent_version="probe", zone="UTC",
                                    interval_s=900, now_ms=time.time_ns() // 10**6, instance=os.urandom(8))
        return Request("post", HELLO, OCTETS, message.SerializeToString())

    def batch(self, site: str) -> Request:
        """One caller, who gave up after four seconds."""
        message = self.schema.Batch(protocol=2, site=site, epoch=self.epoch[:4], base_start=int(time.time()) // 900 - 8,
                                    base_revision=1)
        message.queues.add(number=1, name="sales", sl_method=1, sl_threshold_ms=20000)
        interval = message.intervals.add(queue=1, wait_abandoned=bytes([4 << 1]))
        interval.flow.entered = interval.flow.abandoned = 1
        return Request("post", SUMMARIES, OCTETS, message.SerializeToString())

    def live(self) -> Request:
        message = self.schema.Live(now_ms=time.time_ns() // 10**6, dirty=7, all=True)
        return Request("post", LIVE, OCTETS, message.SerializeToString())

    def data(self, site: str) -> list[Request]:
        """All that a site may send."""
        return [self.hello(site), self.batch(site), self.live()]

    # ---- what became of it ----

    def entered(self, site: str) -> int:
        rows = self.centre.rows("--site", site, "--by", "total", "--from", "2d", "--to", "now")
        return sum(row["entered"] for row in rows)

    def state(self, *except_for: str) -> tuple[dict[str, Any], dict[str, int]]:
        """What the collector knows of its sites and has of them, but for what changes by itself."""
        known = {name: {key: value for key, value in site.items() if key not in PASSING}
                 for name, site in self.centre.sites().items() if name not in except_for}
        rows = self.centre.rows("--by", "site", "--from", "2d", "--to", "now")
        return known, {row["site"]: row["entered"] for row in rows if row["site"] not in except_for}

    def settle(self) -> None:
        """What was done so far was meant to be done."""
        self._before = self.state()

    def assert_nothing_taken(self, *except_for: str) -> None:
        before, counts = self._before
        left = {name: site for name, site in before.items() if name not in except_for}
        assert self.state(*except_for) == (left, {name: n for name, n in counts.items() if name not in except_for})

    def mark(self) -> int:
        """Where its log ends now. Waits when it has said so much lately that it would leave lines out."""
        while True:
            now_s, text = time.monotonic(), self.daemon.said()
            lines = text.count(" refused: ")
            self._lines.append((now_s, lines))
            before = max((count for at_s, count in self._lines if now_s - at_s > LOG_WINDOW_S), default=0)
            if lines - before < LOG_LINES:
                return len(text)
            time.sleep(0.1)

    def wait_for_line(self, pattern: str, since: int = 0) -> str:
        return wait_for_line("the collector", self.daemon.said, pattern, since)


def wait_for_line(who: str, said: Any, pattern: str, since: int = 0) -> str:
    """The first line since then that has the pattern."""
    found: Optional[str] = None

    def there() -> bool:
        nonlocal found
        found = next((line for line in said()[since:].splitlines() if re.search(pattern, line)), None)
        return found is not None

    try:
        wait_for(f"{who} to say: {pattern}", there, LINE_PATIENCE_S)
    except BaseException:
        print(f"---- {who} said\n{said()[since:]}")
        raise
    assert found
    assert found.isprintable(), f"a log line with control characters: {found!r}"
    return found


def assert_refused(said: Said, count: int, code: str, text: str) -> None:
    """Every one of the requests, with that code and sentence."""
    assert said.connected, said
    answers = said.answers
    assert answers and {answer.code for answer in answers} == {code}, said
    assert len(answers) == count or said.closed, said
    assert re.search(text, answers[0].text), said


def assert_handshake_failed(said: Said, text: str) -> None:
    assert not said.connected and not said.answers, said
    assert re.search(f"{text}|{HUNG_UP}", said.closed), said
