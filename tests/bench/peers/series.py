"""Prometheus and VictoriaMetrics, holding the series that an exporter of the same figures would have told them."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

from figure import Beside, Figure, compared, peer, say
from fleet import Centre, prepare
from peers.tool import Running, attempt, disk_bytes, program, rounds, version
from ports import free_tcp_port
from wire import QUEUES

PATIENCE_S = 120
HOUR_S = 3600
LESS = ("A sample a series each 15 minutes, where exporters are asked each minute or oftener: fifteen times fewer than "
        "usual. Waits are in 8 fixed buckets, so that a percentile is a guess within one. Ours are whole distributions "
        "of waits, talk and handling, and hours and days of sites, groups and all added up beforehand.")
SUM = "sum(increase(queue_entered_total[1h]))"
P90 = "histogram_quantile(0.9, sum by (le) (increase(queue_wait_seconds_bucket[1h])))"
# title, field of ours, question to a peer
QUESTIONS = (("  calls of all sites by hour, HTTP", "entered", SUM),
             ("  90th percentile of the wait by hour, HTTP", "wait_p90_ms", P90))


def fetch(url: str, *, body: Optional[Path] = None, **parameters: Any) -> bytes:
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    with open(body or "/dev/null", "rb") as given:
        request = urllib.request.Request(url + query, data=given if body else None)
        if body:
            request.add_header("Content-Length", str(body.stat().st_size))
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read()


@dataclass
class Store:
    """A time-series database that answers as Prometheus does."""

    name: str
    package: str
    running: Running
    url: str
    bytes: int
    filled_s: float
    took_ms: dict[str, list[float]] = field(default_factory=lambda: {question: [] for _, question, _ in QUESTIONS})

    def ask(self, question: str, from_s: int, to_s: int) -> list[Any]:
        found = json.loads(fetch(f"{self.url}/api/v1/query_range", query=question, start=from_s + HOUR_S, end=to_s,
                                 step=HOUR_S, nocache=1))
        return found["data"]["result"][0]["values"]

    def time(self, key: str, question: str, from_s: int, to_s: int) -> None:
        began = time.perf_counter()
        if not self.ask(question, from_s, to_s):
            raise RuntimeError("no answer")
        self.took_ms[key].append(1000 * (time.perf_counter() - began))

    def total(self, at_s: int) -> int:
        found = json.loads(fetch(f"{self.url}/api/v1/query", query="sum(queue_entered_total)", time=at_s, nocache=1))
        return int(float(found["data"]["result"][0]["value"][1]))


def wait_ready(running: Running, url: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        running.check()
        try:
            fetch(url)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def prometheus(home: Path, files: Path) -> Store:
    data = home / "tsdb"
    began = time.monotonic()
    daemon = program("prometheus")
    subprocess.run([program("promtool"), "tsdb", "create-blocks-from", "openmetrics", *BLOCKS, files / "series.om",
                    data], check=True, capture_output=True)
    filled_s, held = time.monotonic() - began, disk_bytes(data)
    (home / "prometheus.yml").write_text("global: {}\n")
    port = free_tcp_port()
    running = Running([daemon, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={data}",
                       "--storage.tsdb.retention.time=10y", f"--web.listen-address=127.0.0.1:{port}"],
                      home / "prometheus.log")
    return ready(Store("Prometheus", "prometheus", running, f"http://127.0.0.1:{port}", held, filled_s), "/-/ready")


def victoria(home: Path, files: Path) -> Store:
    port = free_tcp_port()
    data = home / "victoria"
    running = Running([program("victoria-metrics"), f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}",
                       "-retentionPeriod=10y", "-search.disableCache"], home / "victoria.log")
    store = ready(Store("VictoriaMetrics", "victoria-metrics", running, f"http://127.0.0.1:{port}", 0, 0), "/health")
    try:
        began = time.monotonic()
        fetch(f"{store.url}/api/v1/import", body=files / "series.jsonl")
        fetch(f"{store.url}/internal/force_flush")
        store.filled_s = time.monotonic() - began
        fetch(f"{store.url}/internal/force_merge")
        time.sleep(MERGE_S)
        store.bytes = disk_bytes(data)
    except BaseException:
        running.__exit__()
        raise
    return store


MERGE_S = 5
BLOCKS = ("--max-block-duration=768h",)  # few large ones: with many small ones it reads all the text for each
STORES: tuple[tuple[str, str, Callable[[Path, Path], Store]], ...] = (
    ("Prometheus", "prometheus", prometheus), ("VictoriaMetrics", "victoria-metrics", victoria))


def ready(store: Store, path: str) -> Store:
    try:
        wait_ready(store.running, store.url + path)
    except BaseException:
        store.running.__exit__()
        raise
    return store


@dataclass
class Ours:
    centre: Centre
    token: str
    took_ms: dict[str, list[float]] = field(default_factory=lambda: {question: [] for _, question, _ in QUESTIONS})

    def ask(self, fields: str, from_s: int, to_s: int) -> dict[str, Any]:
        times = [datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") for at_s in (from_s, to_s)]
        return self.centre.get(f"/api/v1/timeseries?from={times[0]}&to={times[1]}&step=hour&fields={fields}",
                               self.token)

    def time(self, fields: str, from_s: int, to_s: int) -> None:
        began = time.perf_counter()
        self.ask(fields, from_s, to_s)
        self.took_ms[fields].append(1000 * (time.perf_counter() - began))


@contextmanager
def filled(bin_dir: Path, home: Path, args: argparse.Namespace) -> Iterator[tuple[Centre, dict[str, Any]]]:
    with Centre(home, size_max="16GiB", api="requests_per_second = 100000\nrequests_burst = 100000") as centre:
        prepare(bin_dir, centre, home / "certificates", args.series_sites)
        say(f"a centre of {args.series_sites} sites with {args.series_days} days, and its series as files")
        built = subprocess.run([bin_dir / "bench_centre", centre.data, str(args.series_sites), str(QUEUES),
                                str(args.series_days), home], check=True, capture_output=True, text=True)
        yield centre, json.loads(built.stdout)


def spans(built: dict[str, Any], count: int) -> list[tuple[int, int]]:
    """Each begins an hour later, so that no answer is one that was kept."""
    first_s = -(-built["from_s"] // HOUR_S) * HOUR_S
    last_s = built["to_s"] // HOUR_S * HOUR_S
    return [(first_s + number * HOUR_S, last_s) for number in range(count)]


def interleaved(ours: Ours, stores: list[Store], gone: dict[str, Beside], built: dict[str, Any], count: int) -> None:
    """The first round warms up."""
    parts = spans(built, count + 1)
    for number in rounds(len(parts), "questions over HTTP"):
        for _, fields, question in QUESTIONS:
            ours.time(fields, *parts[number])
            for store in stores:
                if store.name not in gone:
                    _, failed = attempt(store.name, lambda: store.time(fields, question, *parts[number]))
                    if failed:
                        gone[store.name] = failed
    for asked in (ours, *stores):
        asked.took_ms = {key: took[1:] for key, took in asked.took_ms.items()}


def same_total(ours: Ours, store: Store, built: dict[str, Any]) -> None:
    answer = ours.ask("entered", built["from_s"], built["to_s"])
    expected = sum(value for value in answer["series"][0]["entered"] if value)
    found = store.total(built["to_s"])
    if found != expected:
        raise ValueError(f"it holds {found} calls, ours {expected}")


def bench_series(bin_dir: Path, _sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    with filled(bin_dir, home, args) as (centre, built):
        stores: list[Store] = []
        gone: dict[str, Beside] = {}
        try:
            for name, _, fill in STORES:
                say(f"{name} takes {built['samples']} samples of {built['series']} series")
                store, failed = attempt(name, lambda: fill(home, home))
                if failed:
                    gone[name] = failed
                else:
                    stores.append(store)
            with centre.running():
                ours = Ours(centre, centre.token("bench"))
                for store in stores:
                    _, failed = attempt(store.name, lambda: same_total(ours, store, built))
                    if failed:
                        gone[store.name] = failed
                interleaved(ours, stores, gone, built, args.peer_runs)
        finally:
            for store in stores:
                store.running.__exit__()
        yield from figures(built, ours, stores, gone, args)


def figures(built: dict[str, Any], ours: Ours, stores: list[Store], gone: dict[str, Beside],
            args: argparse.Namespace) -> Iterator[Figure]:
    def beside(value: Callable[[Store], list[float]], note: str = "") -> list[Beside]:
        return [gone.get(store.name) or peer(store.name, version(store.package), value(store), note)
                for store in stores] + [gone[name] for name, _, _ in STORES if all(one.name != name for one in stores)]

    title = f"{args.series_sites} sites, {args.series_days} days by 15 min"
    yield compared(f"{title}: bytes on disk", "MB", [built["used_bytes"] / 1e6],
                   *beside(lambda store: [store.bytes / 1e6], LESS))
    for name, fields, _ in QUESTIONS:
        yield compared(name, "ms", ours.took_ms[fields], *beside(lambda store: store.took_ms[fields]))
