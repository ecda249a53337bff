"""The central view under load: what a page of the dashboard asks for, by many clients at once, without and with sites
that send their figures meanwhile."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from browser import drive
from figure import MB, Figure, say
from fleet import Centre, Fleets, prepare
from procfs import cpu_s, memory
from wire import CALLS, QUEUES, site_ledger

CLIENTS, PAUSE_MS, BATCH_MS, WARM_S, FIRST_S = 20, 1000, 1000, 5, 3
P99_MS, RESIDENT_MB, PAINT_MS = 50, 300, 1000
# What the overview asks for when it is opened.
PAGE = ("/api/v1/overview",
        "/api/v1/timeseries?from=today&step=hour&fields=entered,answered,abandoned,service_level,asa_ms",
        "/api/v1/heatmap?from=28d&fields=entered,service_level",
        "/api/v1/ranking?from=today&metric=service_level&of=site&limit=10&spark=hour",
        "/api/v1/ranking?from=today&metric=service_level&of=queue&limit=10",
        "/api/v1/live")
MONTH = ("/api/v1/overview",
         "/api/v1/timeseries?from=30d&step=hour&fields=entered,answered,abandoned,service_level,asa_ms",
         "/api/v1/heatmap?from=30d&fields=entered,answered,abandoned,service_level",
         "/api/v1/ranking?from=30d&metric=service_level&of=site&limit=10&spark=day",
         "/api/v1/ranking?from=30d&metric=abandon_rate&of=queue&limit=10")


class Load:
    def __init__(self, bin_dir: Path, centre: Centre, seconds: int) -> None:
        self.bin_dir, self.centre, self.seconds = bin_dir, centre, seconds
        self.token = centre.token("bench")
        self.port = centre.url.rpartition(":")[2]

    def _run(self, paths: tuple[str, ...], clients: int, seconds: int, pause_ms: int) -> str:
        return subprocess.run([self.bin_dir / "bench_http", "127.0.0.1", self.port, self.token, str(clients),
                               str(seconds), str(pause_ms), *paths], check=True, capture_output=True, text=True).stdout

    def ask(self, paths: tuple[str, ...], *, clients: int = CLIENTS, pause_ms: int = PAUSE_MS) -> dict[str, Any]:
        """Somebody has been looking for some seconds when the others come; what the very first waits is `cold`."""
        self._run(paths, 1, FIRST_S, pause_ms)
        said = self._run(paths, clients, self.seconds, pause_ms)
        found: dict[str, Any] = json.loads(said)
        if found["failures"] or not found["requests"]:
            raise RuntimeError(f"some requests failed: {said}")
        return found

    def once_ms(self, path: str) -> float:
        """The first asker waits for the answer to be made."""
        began = time.monotonic()
        self.centre.get(path, self.token)
        return 1000 * (time.monotonic() - began)


def paint(load: Load, home: Path) -> Iterator[Figure]:
    say("the overview in a headless Chromium")
    told = drive("../bench/paint.mjs", load.centre.url, view=load.token, home=home)
    yield Figure("overview over 30 days in Chromium: first paint", told["painted_ms"], "ms", PAINT_MS)
    yield Figure("  the figures of its tiles there", told["figures_ms"], "ms", PAINT_MS)
    yield Figure("  both charts drawn", told["charts_ms"], "ms", PAINT_MS)
    yield Figure("  bytes of all files and answers, packed", told["bytes"] / 1e3, "kB")


def shown(name: str, found: dict[str, Any], budget: float | None) -> Iterator[Figure]:
    yield Figure(f"{name}: a request, p50", found["requests"]["p50"], "ms")
    yield Figure("  p99", found["requests"]["p99"], "ms", budget)
    yield Figure("  worst", found["requests"]["max"], "ms")
    yield Figure("  a page of them, p99", found["pages"]["p99"], "ms")
    yield Figure("  requests", found["requests"]["count"], "")


@contextmanager
def centre_of(bin_dir: Path, home: Path, args: argparse.Namespace) -> Iterator[tuple[Centre, dict[str, Any]]]:
    with Centre(home, size_max="16GiB", api="requests_per_second = 100000\nrequests_burst = 100000") as centre:
        prepare(bin_dir, centre, home / "certificates", args.api_sites)
        say(f"a centre of {args.api_sites} sites with {args.api_days} days is built")
        built = subprocess.run([bin_dir / "bench_centre", centre.data, str(args.api_sites), str(QUEUES),
                                str(args.api_days)], check=True, capture_output=True, text=True)
        yield centre, json.loads(built.stdout)


def bench_api(bin_dir: Path, sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    _, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", str(CALLS * QUEUES * 96), "--flat")
    with centre_of(bin_dir, home, args) as (centre, built):
        yield Figure("intervals in the store", built["intervals"], "")
        with centre.running() as daemon:
            load = Load(bin_dir, centre, args.api_seconds)
            for path in dict.fromkeys(PAGE + MONTH):
                yield Figure(f"cold: {path.removeprefix('/api/v1/')[:46]}", load.once_ms(path), "ms")
            yield from paint(load, home)
            say("without sites that send")
            yield from shown(f"overview, {CLIENTS} clients, nobody sends", load.ask(PAGE), P99_MS)
            yield from shown("30 days, the same", load.ask(MONTH), P99_MS)
            with Fleets(bin_dir, ledger, home / "certificates", centre, args.api_sites) as fleets:
                fleets.do("connect", 20, 60)
                say(f"with {args.api_sites} sites that send")
                for fleet in fleets.fleets:
                    fleet.begin("live", WARM_S + 2 * (args.api_seconds + FIRST_S) + WARM_S, 5000, BATCH_MS)
                time.sleep(WARM_S)
                before_s, began = cpu_s(daemon.process.pid), time.monotonic()
                yield from shown(f"overview, {CLIENTS} clients, sites send", load.ask(PAGE), P99_MS)
                yield from shown("30 days, the same", load.ask(MONTH), P99_MS)
                busy = (cpu_s(daemon.process.pid) - before_s) / (time.monotonic() - began)
                held = memory(daemon.process.pid)
                sent = [fleet.end() for fleet in fleets.fleets]
                say(json.dumps(sent))
            yield Figure("  of a core, the collector meanwhile", 100 * busy, "%")
            yield Figure("collector, anonymous memory", held["anonymous"] / MB, "MB", RESIDENT_MB)
            yield Figure("  resident, with pages of the store's file", held["resident"] / MB, "MB", RESIDENT_MB)
            flat_out = load.ask(PAGE[:1], pause_ms=0)
            yield Figure(f"one answer from the cache, {CLIENTS} clients without a pause",
                         flat_out["requests"]["count"] / args.api_seconds, "1/s")
