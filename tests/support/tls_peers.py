"""Certificates, requests and peers that no program of ours would make: put together byte by byte (RFC 5280, RFC 2986),
signed by openssl(1), shown to a collector by coaps-probe.

    ca = Authority.at(centre.data / "identity")
    key = Key(tmp_path)
    shown = identity(tmp_path / "shown.pem", [ca.certificate("alpha", key, SITE)], key)
    Peer(centre.port, identity=shown, ca=ca.path).ask(Request("post", "/h", 42, hello))
"""

from __future__ import annotations

import itertools
import os
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Optional, Sequence, Union

from branch import PATIENCE_S
from ringside import bin_dir

DAY_S = 86400

# ---- DER ----


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 0x80 else b""
    if not length:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + body


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    body = bytes([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, 0x80 | number & 0x7F)
        body += bytes(digits)
    return tlv(6, body)


def elements(der: bytes) -> list[bytes]:
    """What a constructed element holds, each with its tag and length."""
    def split(at: int) -> tuple[int, int]:
        length = der[at + 1]
        if length < 0x80:
            return at + 2, length
        count = length & 0x7F
        return at + 2 + count, int.from_bytes(der[at + 2:at + 2 + count], "big")

    at, size = split(0)
    end, found = at + size, []
    while at < end:
        body, length = split(at)
        found.append(der[at:body + length])
        at = body + length
    return found


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bits(value: bytes, unused: int = 0) -> bytes:
    return tlv(3, bytes([unused]), value)


def stamp(time_s: float) -> bytes:
    return tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time_s)).encode())


def name(*common_names: Union[str, bytes]) -> bytes:
    texts = (text if isinstance(text, bytes) else text.encode() for text in common_names)
    return sequence(*(tlv(0x31, sequence(oid("2.5.4.3"), tlv(0x0C, text))) for text in texts))


# ---- extensions ----


def extension(dotted: str, value: bytes, critical: bool = False) -> bytes:
    return sequence(oid(dotted), tlv(1, b"\xff") if critical else b"", tlv(4, value))


def is_authority(yes: bool) -> bytes:
    return extension("2.5.29.19", sequence(tlv(1, b"\xff") if yes else b""), critical=True)


SIGNS = extension("2.5.29.15", bits(b"\x80", 7), critical=True)
SIGNS_CERTIFICATES = extension("2.5.29.15", bits(b"\x04", 2), critical=True)
IS_CLIENT = extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.2")))
IS_SERVER = extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1")))


def hosts(*names: str) -> bytes:
    return extension("2.5.29.17", sequence(*(tlv(0x82, host.encode()) for host in names)))


SITE = (is_authority(False), SIGNS, IS_CLIENT)
AUTHORITY = (is_authority(True), SIGNS_CERTIFICATES)
COLLECTOR = (is_authority(False), SIGNS, IS_SERVER, hosts("localhost"))

# ---- keys and signatures ----

SIGNATURES = {"sha256": "1.2.840.10045.4.3.2", "sha1": "1.2.840.10045.4.1"}
RSA_SHA256 = "1.2.840.113549.1.1.11"


def openssl(*arguments: object, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, check=True,
                          timeout=PATIENCE_S).stdout


class Key:
    numbers = itertools.count(1)

    def __init__(self, directory: Path, kind: str = "P-256") -> None:
        self.path = directory / f"key-{next(self.numbers)}-{os.getpid()}.pem"
        self.kind = kind
        how = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "RSA" else \
            ["EC", "-pkeyopt", f"ec_paramgen_curve:{kind}"]
        self.path.write_bytes(openssl("genpkey", "-algorithm", *how))
        self._public = b""

    @classmethod
    def of(cls, path: Path) -> Key:
        """One that is there, in a file of its own or behind a certificate."""
        key = cls.__new__(cls)
        key.path, key.kind, key._public = path, "P-256", b""
        return key

    @property
    def pem(self) -> str:
        text = self.path.read_text()
        return text[text.index("-----BEGIN", text.find("END CERTIFICATE") + 1):]

    @property
    def public(self) -> bytes:
        """SubjectPublicKeyInfo."""
        if not self._public:
            self._public = openssl("pkey", "-pubout", "-outform", "DER", given=self.pem.encode())
        return self._public

    def algorithm(self, digest: str) -> bytes:
        return sequence(oid(RSA_SHA256), tlv(5)) if self.kind == "RSA" else sequence(oid(SIGNATURES[digest]))

    def sign(self, body: bytes, digest: str = "sha256") -> bytes:
        """`body` with algorithm and signature behind it, as certificates and requests have them."""
        signature = openssl("dgst", f"-{digest}", "-sign", self.path, given=body)
        return sequence(body, self.algorithm(digest), bits(signature))


def request(subject: bytes, key: Key) -> bytes:
    """PKCS#10."""
    return key.sign(sequence(integer(0), subject, key.public, tlv(0xA0)))


# ---- certificates ----


def to_der(path: Path) -> bytes:
    text = path.read_text()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE"):text.index(end) + len(end)] + "\n")


def subject_of(der: bytes) -> bytes:
    return elements(elements(der)[0])[5]


def public_of(der: bytes) -> bytes:
    return elements(elements(der)[0])[6]


@dataclass
class Authority:
    """Whoever signs. `path` is its certificate, for those who are to trust it."""
    subject: bytes
    key: Key
    path: Path

    @classmethod
    def at(cls, directory: Path) -> Authority:
        """A collector's own."""
        path = directory / "ca.pem"
        return cls(subject_of(to_der(path)), Key.of(directory / "ca.key"), path)

    @classmethod
    def made(cls, directory: Path, subject: bytes) -> Authority:
        directory.mkdir(parents=True, exist_ok=True)
        authority = cls(subject, Key(directory), directory / "ca.pem")
        authority.path.write_text(ssl.DER_cert_to_PEM_cert(authority.certificate(subject, authority.key, AUTHORITY)))
        return authority

    def below(self, directory: Path, subject: bytes) -> tuple[Authority, bytes]:
        """An intermediate one, and its certificate."""
        authority = Authority(subject, Key(directory), self.path)
        return authority, self.certificate(subject, authority.key, AUTHORITY)

    def certificate(self, subject: Union[str, bytes], key: Union[Key, bytes], extensions: Sequence[bytes] = SITE, *,
                    begins_s: float = -DAY_S, ends_s: float = 30 * DAY_S, digest: str = "sha256") -> bytes:
        """DER; times are relative to now."""
        now_s = time.time()
        public = key if isinstance(key, bytes) else key.public
        body = sequence(tlv(0xA0, integer(2)), integer(int.from_bytes(os.urandom(16), "big") | 1 << 127),
                        self.key.algorithm(digest), self.subject,
                        sequence(stamp(now_s + begins_s), stamp(now_s + ends_s)),
                        subject if isinstance(subject, bytes) else name(subject), public,
                        tlv(0xA3, sequence(*extensions)))
        return self.key.sign(body, digest)


def identity(path: Path, chain: Sequence[bytes], key: Key) -> Path:
    """The file that programs of ours are given: certificates, then the key; renamed into place."""
    text = "".join(map(ssl.DER_cert_to_PEM_cert, chain)) + key.pem
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(0o600)
    new.rename(path)
    return path


# ---- talking ----


@dataclass
class Request:
    method: str
    path: str
    format: int = -1
    payload: bytes = b""


@dataclass
class Answer:
    code: str
    format: int
    payload: bytes

    @property
    def text(self) -> str:
        return self.payload.decode(errors="replace")


@dataclass
class Said:
    """What coaps-probe saw."""
    connected: bool = False
    judged: str = ""
    answers: list[Answer] = field(default_factory=list)
    closed: str = ""

    @classmethod
    def read(cls, lines: Iterator[str]) -> Said:
        said = cls()
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "connected":
                said.connected = True
            elif word in ("judged", "closed"):
                setattr(said, word, rest)
            else:
                number, _, payload = rest.partition(" ")
                said.answers.append(Answer(word, int(number), bytes.fromhex(payload)))
        return said

    @property
    def code(self) -> str:
        """The last answer's; "" without one."""
        return self.answers[-1].code if self.answers else ""

    @property
    def text(self) -> str:
        """Why not: the last answer's text, or why the connection ended."""
        return self.answers[-1].text if self.answers else self.closed


class Peer:
    """Somebody who connects to `port` with a certificate or a key."""
    numbers = itertools.count(1)

    def __init__(self, port: int, directory: Path, *, shown: Optional[Path] = None, ca: Optional[Path] = None,
                 psk_identity: str = "", psk_key: bytes = b"", host: str = "localhost") -> None:
        self.directory = directory
        self.options: list[object] = ["--port", port, "--host", host]
        if shown:
            self.options += ["--identity", shown, "--ca", ca]
        else:
            self.options += ["--psk-identity", psk_identity, "--psk-key", psk_key.hex()]

    def _command(self, requests: Sequence[Request], more: Sequence[object]) -> list[str]:
        words: list[object] = []
        for item in requests:
            place: object = "-"
            if item.payload:
                place = self.directory / f"payload-{next(self.numbers)}"
                Path(str(place)).write_bytes(item.payload)
            words += [item.method, item.path, item.format, place]
        return [str(word) for word in (bin_dir() / "coaps-probe", *self.options, *more, "--", *words)]

    def ask(self, *requests: Request, accept: int = -1) -> Said:
        done = subprocess.run(self._command(requests, ["--accept", accept]), capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        assert done.returncode in (0, 1), done.stderr
        return Said.read(iter(done.stdout.splitlines()))

    def stay(self, *requests: Request) -> subprocess.Popen[str]:
        """Asks, and waits until the other end closes; read its output with Said.read()."""
        return subprocess.Popen(self._command(requests, ["--stay"]), stdout=subprocess.PIPE, text=True)


class Impostor:
    """A TLS server with a certificate of our choice. It hears what it is told and answers nothing."""

    def __init__(self, shown: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_ciphers("ALL:@SECLEVEL=0")
        self._context.load_cert_chain(shown)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.visits = 0
        self.heard = b""  # of all, within TLS
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            try:
                peer.settimeout(PATIENCE_S)
                with self._context.wrap_socket(peer, server_side=True) as tls:
                    while part := tls.recv(4096):
                        self.heard += part
            except OSError:  # as the peer ends it
                pass
            finally:
                peer.close()
                self.visits += 1

    def close(self) -> None:
        self._listener.close()
