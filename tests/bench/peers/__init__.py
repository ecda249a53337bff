"""Other programs beside ours, in the same run, with the same data. Each is a process of our own on loopback, with its
configuration in a temporary directory; one that is not installed or fails leaves a row that says so."""

from __future__ import annotations

from typing import Any, Callable

from peers.coap import bench_coap
from peers.mtail import bench_mtail
from peers.resident import bench_resident
from peers.series import bench_series
from peers.sqlite import bench_sqlite

PARTS: dict[str, Callable[..., Any]] = {"mtail": bench_mtail, "sqlite": bench_sqlite, "resident": bench_resident,
                                        "series": bench_series, "coap": bench_coap}
