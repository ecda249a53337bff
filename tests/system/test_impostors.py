"""Somebody else answers where the collector should be: the agent says so, not again and again, and tells nothing."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Optional

import pytest

from branch import PATIENCE_S, wait_for
from centre import Centre, Site

ATTEMPTS = 5  # the same thing is said once, however often it happens


class Impostor:
    """Listens in the collector's place and keeps what it is told."""

    def __init__(self, port: int, context: Optional[ssl.SSLContext]) -> None:
        self.context = context
        self.attempts = 0
        self.told = b""
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Impostor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(5)
                self._talk(caller)
            self.attempts += 1

    def _talk(self, caller: socket.socket) -> None:
        try:
            if self.context is None:
                caller.sendall(b"SSH-2.0-somebody else\r\n")
                caller.recv(4096)
                return
            with self.context.wrap_socket(caller, server_side=True) as line:
                while part := line.recv(4096):
                    self.told += part
        except OSError:
            pass


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def with_another_sites_certificate(home: Path, _: Site) -> ssl.SSLContext:
    return server_context(home / "other" / "credentials" / "identity.pem")


def with_the_sites_own_certificate(_: Path, site: Site) -> ssl.SSLContext:
    return server_context(site.credentials / "identity.pem")


def self_signed(home: Path, _: Site) -> ssl.SSLContext:
    certificate = home / "self.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate,
                    "-out", home / "self.crt"], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (home / "self.crt").read_text())
    return server_context(certificate)


def with_old_tls(home: Path, site: Site) -> ssl.SSLContext:
    context = self_signed(home, site)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context


def no_tls(_home: Path, _site: Site) -> None:
    return None


@pytest.mark.filterwarnings("ignore:ssl.OP_NO")
@pytest.mark.parametrize("who, says", [
    (with_another_sites_certificate, "its certificate"),
    (with_the_sites_own_certificate, "its certificate"),
    (self_signed, "its certificate does not come from the CA"),
    (with_old_tls, "it speaks no TLS 1.2"),
    (no_tls, "what it sent is not TLS"),
])
def test_impostor(tmp_path: Path, who: Callable[[Path, Site], Optional[ssl.SSLContext]], says: str) -> None:
    with Centre(tmp_path) as centre:
        site = Site(tmp_path / "mine", "branch-07", retry_max="200ms")
        other = Site(tmp_path / "other", "branch-08")
        with centre.running():
            site.join(centre.port, centre.add(site.name))
            other.join(centre.port, centre.add(other.name))
        now = int(time.time()) - 3600
        site.log.write_text(f"{now}|1.1|sales|NONE|ENTERQUEUE||600|1\n{now + 9}|1.1|sales|NONE|ABANDON|1|1|9\n")
        with Impostor(centre.port, who(tmp_path, site)) as impostor, site.running() as agent:
            wait_for("some attempts", lambda: impostor.attempts >= ATTEMPTS)
            said = [line for line in agent.said().splitlines() if line.startswith("sync:")]
            assert impostor.told == b""
        assert len(set(said)) == len(said) <= 2, said
        assert all(line.startswith("sync: no connection to coaps+tcp://127.0.0.1:") for line in said), said
        assert any(says in line for line in said), said
        with centre.running(), site.running():
            wait_for("the summaries at the right one", lambda: site.backlog() == 0)
        assert sum(row["abandoned"] for row in centre.rows("--site", "branch-07", "--from", "24h")) == 1
        site.close()
        other.close()
