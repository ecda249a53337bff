"""What summaries cost on the wire: one batch, counted by a proxy, beside other forms; and a whole day."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator, Optional

import other_forms
from budgets import judged
from figure import MB, PEER, Beside, Figure, say
from fleet import Fleet, prepare, quick_dir

from centre import Centre
from proxy import Proxy

CALLS = 25
QUEUES = 10
BATCHES = 8
SETTLE_S = 0.15  # for the last bytes to pass a proxy or a network card

COAP_REQUEST, COAP_ANSWER = 4, 0  # bytes of options
TLS_RECORD, TLS_RECORD_MAX = 21, 16384
SEGMENT, SEGMENT_MAX, ACKS = 52, 1448, 2
ETHERNET = 14
JUDGED = {"with the live view": "live", "without": "quiet"}


def site_ledger(bin_dir: Path, sim: Any, home: Path, *options: str, days: int = 1) -> tuple[Path, Path]:
    """A day simulated and imported: log and ledger."""
    log, ledger = home / "queue_log", home / "ledger"
    start = (datetime.now(timezone.utc) - timedelta(days=days + 1)).replace(minute=0, second=0, microsecond=0)
    sim(log, start, "--days", str(days), "--queues", str(QUEUES), *options)
    subprocess.run([bin_dir / "ringside-agent", "import", "--ledger", ledger, "--site", "bench", log], check=True,
                   stdout=subprocess.DEVNULL)
    return log, ledger


# --- one batch


class Counted:
    """Bytes of each direction since the last look, by a proxy that breaks nothing."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.up = self.down = 0

    def since(self) -> tuple[int, int]:
        time.sleep(SETTLE_S)
        up, down = self.proxy.bytes_up - self.up, self.proxy.bytes_down - self.down
        self.up, self.down = self.proxy.bytes_up, self.proxy.bytes_down
        return up, down


def rows_of_calls(bin_dir: Path, ledger: Path, calls: int) -> list[dict[str, Any]]:
    command = [bin_dir / "ringside", "kpi", "--ledger", ledger, "--by", "interval,queue", "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [row for row in json.loads(done.stdout)["rows"] if row.get("entered") == calls]


def check_taken(answer: dict[str, Any]) -> None:
    if answer["answered"] != 1 or answer["refused"] or answer["waits"]:
        raise RuntimeError(f"a batch was not taken: {answer}")


def send(fleet: Fleet, counted: Counted, nth: int, names: bool) -> tuple[dict[str, Any], int, int]:
    fleet.begin("wire", CALLS, nth, int(names))
    sent = fleet.end()
    check_taken(fleet.end())
    return sent, *counted.since()


def batches(fleet: Fleet, counted: Counted, kind: str, judge: bool, from_nth: int) -> Iterator[Figure]:
    sent = [send(fleet, counted, nth, False) for nth in range(from_nth, from_nth + BATCHES)]
    up, down = (statistics.mean(one[at] for one in sent) for at in (1, 2))
    yield Figure(f"a queue-interval of {CALLS} calls, {kind}", (up + down) / QUEUES, "bytes")
    yield Figure("  the request alone", up / QUEUES, "bytes")
    yield Figure("  the largest of these batches", max(one[1] + one[2] for one in sent) / QUEUES, "bytes")
    payload = statistics.mean(one[0]["payload"] for one in sent)
    yield Figure("  its payload without CoAP and TLS", payload / QUEUES, "bytes")
    yield Figure("the answer to the batch", down, "bytes")
    queues = ["sales", "support", "VIP gold", "billing", "orders", "returns", "tech-support_2", "queue-8", "queue-9",
              "front"]
    forms = [other_forms.otlp(one[0]["items"], queues, "fleet-00001") for one in sent]
    ours = (up + down) / QUEUES
    plain = statistics.mean(map(len, forms)) / QUEUES
    packed = statistics.mean(len(gzip.compress(form, 9, mtime=0)) for form in forms) / QUEUES
    if judge:
        yield judged("wire", "interval", [(one[1] + one[2]) / QUEUES for one in sent],
                     Beside(PEER, "OTLP protobuf, no HTTP, no TLS", plain),
                     Beside(PEER, "OTLP protobuf, gzipped, no HTTP, no TLS", packed))
    yield Figure("  as OTLP protobuf (no HTTP, no TLS)", plain, "bytes")
    yield Figure("  as OTLP protobuf, gzipped", packed, "bytes")
    yield Figure("  ours to OTLP gzipped", 100 * ours / packed, "%")


def bench_wire(bin_dir: Path, sim: Any, home: Path, _args: argparse.Namespace) -> Iterator[Figure]:
    say("a batch on the wire")
    _, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", str(CALLS * QUEUES * 96), "--flat", days=3)
    with Centre(home) as centre:
        prepare(bin_dir, centre, home / "certificates", 1)
        with centre.running(), Proxy(centre.port, 0, share=0.0) as proxy, \
                Fleet(bin_dir, ledger, home / "certificates", centre, 1, 1, port=proxy.port) as fleet:
            counted = Counted(proxy)
            if fleet.do("connect", 0, 20)["greeted"] != 1:
                raise RuntimeError("the site was not greeted")
            up, down = counted.since()
            yield Figure("to connect and be greeted, up", up, "bytes")
            yield Figure("  down", down, "bytes")
            _, up, down = send(fleet, counted, 0, True)
            yield Figure("the first batch, with names, a queue", (up + down) / QUEUES, "bytes")
            yield from batches(fleet, counted, "whole seconds", True, 1)
            rows = rows_of_calls(bin_dir, ledger, CALLS)
            groups = [rows[at:at + QUEUES] for at in range(0, min(len(rows), BATCHES * QUEUES) - QUEUES + 1, QUEUES)]
            json_bytes = statistics.mean(map(other_forms.gzipped_json, groups)) / QUEUES
            yield Figure("  as kpi rows in JSON, gzipped (no bins)", json_bytes, "bytes")
            fleet.do("milliseconds")
            yield from batches(fleet, counted, "milliseconds", False, 1)


# --- a day


def coap_bytes(options: int, payload: int) -> int:
    body = options + (1 + payload if payload else 0)
    return 1 + (0 if body < 13 else 1 if body < 269 else 2 if body < 65805 else 4) + 1 + 8 + body


def wire_bytes(asked: int, answered: int) -> int:
    """The formula of bench_wire_day.c."""
    total = ACKS * SEGMENT
    for coap in (coap_bytes(COAP_REQUEST, asked), coap_bytes(COAP_ANSWER, answered)):
        stream = coap + -(-coap // TLS_RECORD_MAX) * TLS_RECORD
        total += stream + -(-stream // SEGMENT_MAX) * SEGMENT
    return total


class Cable:
    """A network namespace, and what passed the card that leads to it (Ethernet taken off)."""

    ADDRESS, OTHER = "10.231.77.1", "10.231.77.2"

    def __init__(self) -> None:
        self.name = f"rsb{os.getpid()}"
        self.bytes = self.packets = 0

    def __enter__(self) -> Cable:
        near, far = f"{self.name}a", f"{self.name}b"
        inside = ["ip", "netns", "exec", self.name]
        for command in (["ip", "netns", "add", self.name],
                        ["ip", "link", "add", near, "type", "veth", "peer", "name", far],
                        ["ip", "link", "set", far, "netns", self.name],
                        ["ip", "addr", "add", f"{self.ADDRESS}/30", "dev", near],
                        [*inside, "ip", "addr", "add", f"{self.OTHER}/30", "dev", far]):
            subprocess.run(command, check=True, capture_output=True)
        for command in (["sysctl", "-qw", f"net.ipv6.conf.{near}.disable_ipv6=1"],  # no chatter of its own
                        [*inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]):
            subprocess.run(command, check=False, capture_output=True)
        for command in ([*inside, "ip", "link", "set", far, "up"], ["ip", "link", "set", near, "up"]):
            subprocess.run(command, check=True, capture_output=True)
        self.near = near
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "link", "del", self.near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)

    def since(self) -> int:
        time.sleep(SETTLE_S)
        read = lambda what: int(Path(f"/sys/class/net/{self.near}/statistics/{what}").read_text())
        packets = read("rx_packets") + read("tx_packets")
        total = read("rx_bytes") + read("tx_bytes") - packets * ETHERNET
        passed, self.bytes = total - self.bytes, total
        return passed


@contextmanager
def cable() -> Iterator[Optional[Cable]]:
    try:
        with Cable() as made:
            yield made
    except (subprocess.CalledProcessError, FileNotFoundError) as failure:
        say(f"no network namespace here ({failure}): the formula is not checked against packets")
        yield None


def check_formula(bin_dir: Path, ledger: Path, home: Path) -> Iterator[Figure]:
    """Real packets of a few messages against what the formula says of them. The first figure: bytes to connect."""
    with cable() as link:
        if link is None:
            return
        with Centre(home, host=link.ADDRESS) as centre:
            prepare(bin_dir, centre, home / "certificates", 1)
            with centre.running(), Fleet(bin_dir, ledger, home / "certificates", centre, 1, 1,
                                         within=["ip", "netns", "exec", link.name]) as fleet:
                link.since()
                if fleet.do("connect", 0, 20)["greeted"] != 1:
                    raise RuntimeError("the site was not greeted")
                yield Figure("to connect and be greeted, IP and all", link.since(), "bytes")
                told = counted = 0
                for nth in range(BATCHES):
                    fleet.begin("wire", 1, nth, int(nth == 0))
                    told += wire_bytes(fleet.end()["payload"], 0)
                    check_taken(fleet.end())
                    counted += link.since()
                    time.sleep(0.3)
                yield Figure("packets counted to the formula", 100 * counted / told, "%")


def bench_wire_day(bin_dir: Path, sim: Any, home: Path, _args: argparse.Namespace) -> Iterator[Figure]:
    say("a branch's day on the wire")
    log, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", "1000")
    figures = list(check_formula(bin_dir, ledger, home))
    connect_bytes = figures[0].value if figures else 0.0
    for name, options, budget in (("with the live view", [], 3 * MB),
                                  ("with operators by name too", ["--board", "--operators"], 3 * MB),
                                  ("without", ["--no-live"], 0.3 * MB)):
        with tempfile.TemporaryDirectory(prefix="ringside-bench-", dir=quick_dir()) as quick:
            done = subprocess.run([bin_dir / "bench_wire_day", log, quick, *options], check=True, capture_output=True)
        day = json.loads(done.stdout)
        if day["backlog"]:
            raise RuntimeError(f"not everything was sent: {day}")
        kinds = {kind: day[kind] for kind in ("hello", "summaries", "live")}
        share = 86400 / day["seconds"]
        total = connect_bytes + share * sum(kind["wire"] for kind in kinds.values())
        if name in JUDGED:
            yield judged("wire-day", JUDGED[name], total / MB)
        yield Figure(f"a day of 10 queues, 1000 calls, {name}", total, "bytes", None if name in JUDGED else budget)
        yield Figure("  of it summaries", share * kinds["summaries"]["wire"], "bytes")
        yield Figure("  of it live view and heartbeats", share * kinds["live"]["wire"], "bytes")
        yield Figure("  without TCP and IP", share * sum(kind["stream"] for kind in kinds.values()), "bytes")
        yield Figure("  messages", share * sum(kind["messages"] for kind in kinds.values()), "")
    yield from figures
