"""The live view at the centre: agents beside a scripted manager, and what `ringside-collector live` says of now."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from ami_model import PbxModel
from ami_server import AmiServer
from branch import Agent, wait_for
from centre import Centre, Site

QUEUES = ("sales", "support")
SECRET = "s3cret"
PEOPLE = {"Ana": ("PJSIP/101", QUEUES), "Bea": ("PJSIP/102", ("sales",)), "Carl": ("PJSIP/103", ("support",))}
FIGURES = ("waiting", "talking", "held", "ready", "paused", "logged_in", "on_call")
COUNTED = ("waiting", "ready", "paused", "logged_in")
PRIVACY = 'privacy {{ operators = {shown} operators_to_centre = {sent} }}\n'


def office() -> PbxModel:
    model = PbxModel()
    for name, (interface, queues) in PEOPLE.items():
        for queue in queues:
            model.add_member(queue, name, interface, Status=1, Paused=0)
    return model


class Pbx:
    """What happens at a PBX, told by its manager."""

    def __init__(self, server: AmiServer) -> None:
        self.server = server
        self.callers = 0

    def join(self, queue: str) -> None:
        self.callers += 1
        call = f"17952849{self.callers:02}.{self.callers}"
        position = len(self.server.model.queue(queue).entries) + 1
        channel = {"Channel": f"PJSIP/trunk-{self.callers}", "Uniqueid": call, "Linkedid": call}
        self.server.send({"Event": "QueueCallerJoin", "Privilege": "agent,all", **channel, "CallerIDNum": "5551003",
                          "Queue": queue, "Position": position, "Count": position})

    def pause(self, name: str, queue: str, reason: str = "") -> None:
        fields = dict(self.server.model.queue(queue).members[PEOPLE[name][0]])
        interface = fields.pop("Location")
        del fields["Name"]
        self.server.send({"Event": "QueueMemberPause", "Privilege": "agent,all", "Queue": queue, "MemberName": name,
                          "Interface": interface, **fields, "Paused": "1", "PausedReason": reason,
                          "LastPause": str(int(time.time()))})

    def figures(self, queue: str) -> dict[str, int]:
        """By the model, with nobody in a call."""
        model = self.server.model.queue(queue)
        paused = sum(member["Paused"] == "1" for member in model.members.values())
        return {"waiting": len(model.entries), "ready": len(model.members) - paused, "paused": paused,
                "logged_in": len(model.members)}


class Place:
    """A centre, a site that joined it, and the PBX at the site."""

    def __init__(self, centre: Centre, site: Site, agent: Agent, server: AmiServer) -> None:
        self.centre, self.site, self.agent, self.server = centre, site, agent, server
        self.pbx = Pbx(server)

    def live(self, *options: str) -> dict[str, Any]:
        return self.centre.ask("live", *options)

    def row(self, queue: str, *options: str) -> Optional[dict[str, Any]]:
        return next((row for row in self.live(*options)["rows"] if row["queue"] == queue), None)

    def equals(self, queue: str) -> bool:
        row = self.row(queue)
        return row is not None and {name: row[name] for name in COUNTED} == self.pbx.figures(queue)

    def wait_for_model(self) -> None:
        for queue in QUEUES:
            wait_for(f"{queue} at the centre as the PBX has it", lambda queue=queue: self.equals(queue))

    def operators(self) -> dict[str, dict[str, Any]]:
        return {who["operator"]: who for who in self.live("--operators")["operators"]}


@contextmanager
def place(home: Path, privacy: str = "", **options: str) -> Iterator[Place]:
    with AmiServer(model=office(), timestamps=True, users={"agent": SECRET}) as server, Centre(home) as centre:
        site = Site(home / "madrid", "madrid", **options)
        secret = home / "secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        site.log.write_text("")
        pbx = f'source "pbx" {{ type = ami port = {server.port} user = agent secret_file = "{secret}" }}\n'
        site.config.write_text(site.config.read_text() + pbx + privacy)
        with centre.running():
            site.join(centre.port, centre.add("madrid"))
            with site.running() as agent:
                server.wait_for_snapshot()
                yield Place(centre, site, agent, server)
        site.close()


def test_the_centre_shows_what_is_now(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        there.wait_for_model()
        for queue in ("sales", "sales", "support"):
            there.pbx.join(queue)
        there.pbx.pause("Ana", "sales", "lunch")
        there.pbx.pause("Bea", "sales")
        there.wait_for_model()
        row = there.row("sales")
        assert row and (row["waiting"], row["ready"], row["paused"], row["logged_in"]) == (2, 0, 2, 2)
        assert (row["site"], row["talking"], row["held"], row["on_call"], row["stale"]) == ("madrid", 0, 0, 0, False)
        assert row["longest_wait_ms"] >= 0 and row["age_ms"] < 60000
        totals = there.live()["totals"]
        assert (totals["waiting"], totals["ready"], totals["paused"], totals["logged_in"]) == (3, 2, 1, 3)
        assert (totals["sites"], totals["sites_telling"], totals["sites_stale"]) == (1, 1, 0)
        only = there.live("--queue", "support")
        assert [row["queue"] for row in only["rows"]] == ["support"] and only["totals"]["logged_in"] == 2
        shown = there.centre.ask("site", "show", "madrid")["live"]
        assert {name: shown[name] for name in COUNTED} == {name: totals[name] for name in COUNTED}
        table = there.centre.command("live")
        assert "sales" in table and "total" in table
        header, *lines = there.centre.command("live", "--format", "csv").splitlines()
        assert header.startswith("site,group,queue,waiting,longest_wait_ms") and len(lines) == 2


def test_a_silent_site_shows_how_it_was(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        there.pbx.join("sales")
        there.wait_for_model()
        there.agent.stop()
        wait_for("the site to be stale", lambda: there.live()["totals"]["sites_stale"] == 1)
        row = there.row("sales")
        assert row and row["stale"] and (row["waiting"], row["ready"], row["logged_in"]) == (1, 2, 2)
        assert row["age_ms"] >= 0 and row["as_of"]
        assert all(there.live()["totals"][name] is None for name in FIGURES)
        assert "stale" in there.centre.command("live")
        later = there.row("sales")
        assert later and later["longest_wait_ms"] == row["longest_wait_ms"]  # nobody knows whether he still waits


@pytest.mark.parametrize("shown, sent, told", [("name", "yes", True), ("hash", "yes", True), ("name", "no", False),
                                               ("none", "yes", False)])
def test_operators_are_sent_where_the_site_allows_it(tmp_path: Path, shown: str, sent: str, told: bool) -> None:
    with place(tmp_path, PRIVACY.format(shown=shown, sent=sent)) as there:
        there.wait_for_model()
        there.pbx.pause("Bea", "sales", "coffee")
        there.wait_for_model()
        if not told:
            assert there.operators() == {}
            return
        wait_for("who is logged in", lambda: len(there.operators()) == len(PEOPLE))
        wait_for("who is paused", lambda: any(who["state"] == "paused" for who in there.operators().values()))
        operators = there.operators()
        assert (set(operators) == set(PEOPLE)) == (shown == "name")
        assert sorted(who["state"] for who in operators.values()) == ["paused", "ready", "ready"]
        assert [who["reason"] for who in operators.values() if who["reason"]] == ["coffee"]
        data = b"".join(path.read_bytes() for path in (tmp_path / "centre").rglob("*.mdb"))
        assert (b"Carl" in data) == (shown == "name")


def test_without_the_manager_operators_are_unknown(tmp_path: Path) -> None:
    with place(tmp_path, PRIVACY.format(shown="name", sent="yes")) as there:
        there.wait_for_model()
        wait_for("who is logged in", lambda: len(there.operators()) == len(PEOPLE))
        there.server.refuse_connections()
        there.server.drop_all()

        def unknown() -> bool:
            row = there.row("sales")
            return row is not None and row["ready"] is None and row["logged_in"] is None and not there.operators()

        wait_for("operators unknown", unknown)
        row = there.row("sales")
        assert row and row["waiting"] == 0 and not row["stale"]
        assert there.live()["totals"]["logged_in"] is None


def test_a_live_gap_leaves_the_figures_of_calls_whole(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        there.wait_for_model()
        now_s = int(time.time())
        with there.site.log.open("a", encoding="utf-8") as log:
            log.write(f"{now_s}|1.1|sales|NONE|ENTERQUEUE||5551003|1\n{now_s}|1.1|sales|NONE|ABANDON|1|1|0\n")
        there.server.drop_all()
        there.server.wait_for_snapshot()

        def gaps() -> list[str]:
            return [gap["kind"] for gap in there.centre.ask("site", "show", "madrid")["gaps"]]

        wait_for("the gap at the centre", lambda: "live" in gaps())
        wait_for("the call at the centre", lambda: any(row["entered"] for row in there.centre.rows()))
        assert "calls" not in gaps()
        assert all(row["complete"] for row in there.centre.rows())
