"""This moment over HTTP, once and as a stream: a scripted manager at a site, its agent, a real collector."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

from branch import PATIENCE_S, wait_for
from openapi import Description
from test_centre_live import PRIVACY, Place, place

DESCRIPTION = Description.load(Path(__file__).resolve().parents[2] / "collector" / "api" / "openapi.json")
LIVE = DESCRIPTION.document["components"]["schemas"]["Live"]


class Stream:
    """Server-sent events, one at a time."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.answer = answer

    def event(self) -> tuple[str, Any]:
        name, data = "", ""
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            field, _, value = line.partition(":")
            if field == "event":
                name = value.strip()
            elif field == "data":
                data += value.strip()
            elif not line and name:
                return name, json.loads(data) if data else None
            assert self.answer.fp is not None, "the stream ended"

    def until(self, waiting: int) -> dict[str, Any]:
        """The next picture with that many callers who wait."""
        while True:
            name, told = self.event()
            assert name == "live", name
            faults = DESCRIPTION.faults(told, LIVE)
            assert not faults, "\n".join(faults)
            if told["totals"]["waiting"] == waiting:
                return told


@contextmanager
def stream(there: Place, token: str, words: str = "") -> Iterator[Stream]:
    at = urlsplit(there.centre.url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/api/v1/live/stream" + words, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type", "").startswith("text/event-stream")
        yield Stream(answer)
    finally:
        connection.close()


def test_the_same_as_the_command_line(tmp_path: Path) -> None:
    with place(tmp_path, PRIVACY.format(shown="name", sent="yes")) as there:
        admin = there.centre.token("boss", "--role", "admin")
        viewer = there.centre.token("wall")
        there.pbx.join("sales")
        there.pbx.pause("Ana", "support", "lunch")
        there.wait_for_model()
        wait_for("who is logged in", lambda: len(there.operators()) == 3)
        code, headers, body = there.centre.http("/api/v1/live?operators=yes", admin)
        DESCRIPTION.check_answer("GET", "/api/v1/live", code, headers["content-type"], body)
        told = json.loads(body)
        assert {who["operator"] for who in told["operators"]} == {"Ana", "Bea", "Carl"} == set(there.operators())

        def steady(document: dict[str, Any]) -> Any:
            return sorted((row["queue"], row["waiting"], row["ready"], row["paused"]) for row in document["rows"])

        assert steady(told) == steady(there.live()) == steady(there.centre.get("/api/v1/live", viewer))
        assert "operators" not in there.centre.get("/api/v1/live?operators=no", viewer)
        assert there.centre.http("/api/v1/live?operators=yes", viewer)[0] == 403
        only = there.centre.get("/api/v1/live?site=madrid&queue=support", viewer)
        assert [row["queue"] for row in only["rows"]] == ["support"]


def test_a_stream_tells_what_changes(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        viewer = there.centre.token("wall")
        there.wait_for_model()
        with stream(there, viewer, "?site=madrid") as following, stream(there, viewer, "?queue=support") as other:
            name, hello = following.event()
            assert name == "hello"
            assert hello["instance"] == there.centre.get("/api/v1/about", viewer)["instance"]
            assert other.event()[0] == "hello"
            following.until(waiting=0)
            other.until(waiting=0)
            there.pbx.join("sales")
            assert [row["waiting"] for row in following.until(waiting=1)["rows"] if row["queue"] == "sales"] == [1]
            there.pbx.join("support")
            following.until(waiting=2)
            assert [row["queue"] for row in other.until(waiting=1)["rows"]] == ["support"]


def test_a_stream_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        viewer = there.centre.token("wall")
        wait_for("the token to count", lambda: there.centre.http("/api/v1/about", viewer)[0] == 200)
        for words, code in (("?site=nobody", 404), ("?colour=red", 400), ("?site=madrid&group=north", 400)):
            got, headers, body = there.centre.http("/api/v1/live/stream" + words, viewer)
            assert got == code, body
            DESCRIPTION.check_answer("GET", "/api/v1/live/stream", got, headers["content-type"], body)
        assert there.centre.http("/api/v1/live/stream")[0] == 401
