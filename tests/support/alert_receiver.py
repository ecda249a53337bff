"""A receiver of alerts: keeps what it is told, and answers as the test wants it to. Checks signatures on its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Optional


@dataclass
class Told:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def delivery(self) -> str:
        return self.headers["ringside-delivery"]

    def is_signed(self, key: bytes) -> bool:
        parts = dict(part.split("=", 1) for part in self.headers["ringside-signature"].split(","))
        wanted = hmac.new(key, parts["t"].encode() + b"." + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, parts["v1"])


@dataclass
class Receiver:
    """Answers, in turn: a status code, "cut" (not a byte), "hang" (until let go), "redirect" (to itself), "flood" (an
    answer without end). Then 200. With a certificate (and its key) in a file: by TLS, as localhost."""

    answers: list[str] = field(default_factory=list)
    certificate: Optional[Path] = None

    def __post_init__(self) -> None:
        self.told: list[Told] = []
        self.let_go = threading.Event()
        self._lock = threading.Lock()
        self._server: Optional[ThreadingHTTPServer] = None

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.take(self)

            def do_GET(self) -> None:
                receiver.take(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server
        port = self._server.server_address[1]
        return f"https://localhost:{port}/hook" if self.certificate else f"http://127.0.0.1:{port}/hook"

    def take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            answer = self.answers.pop(0) if self.answers else "200"
            self.told.append(Told(request.path, headers, body, answer))
        try:
            self._answer(request, answer)
        except OSError:
            request.close_connection = True

    def _answer(self, request: BaseHTTPRequestHandler, answer: str) -> None:
        if answer in ("cut", "hang"):
            if answer == "hang":
                self.let_go.wait()
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
            return
        request.send_response({"redirect": 302, "flood": 200}.get(answer) or int(answer))
        if answer == "redirect":
            request.send_header("Location", self.url + "/elsewhere")
        if answer == "flood":
            request.end_headers()
            request.close_connection = True
            while not self.let_go.is_set():
                request.wfile.write(bytes(65536))
            return
        request.send_header("Content-Length", "0")
        request.end_headers()

    def taken(self) -> list[Told]:
        """What was answered with success, in order."""
        return [told for told in self.told if told.answer in ("200", "flood")]

    def news(self) -> list[tuple[str, str, Optional[str]]]:
        """(news, site, queue) of what was taken, each delivery once."""
        seen: set[str] = set()
        found = []
        for told in self.taken():
            if told.delivery not in seen:
                seen.add(told.delivery)
                found += [(alert["news"], alert["site"], alert["queue"]) for alert in told.document["alerts"]]
        return found
