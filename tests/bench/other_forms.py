"""The same numbers as others would send them: OTLP metrics (opentelemetry/proto/metrics/v1, protobuf) and JSON.

OTLP as its SDKs make it by default where it does best: delta temporality, one data point for each counter that is not
zero, one exponential histogram of at most 160 buckets at the finest scale that fits for each kind of duration. What our
own form leaves out as following from the rest (cohort counters that equal flow, handle that equals talk) is left out
here too."""

from __future__ import annotations

import gzip
import json
import math
import struct
from typing import Any, Iterable

BUCKETS_MAX = 160  # of the SDKs' default
SCALE_MAX = 20
DELTA = 1

FLOW = ("entered", "answered", "abandoned", "abandoned_short", "ring_no_answer", "exit_timeout", "exit_empty",
        "exit_key", "withdrawn", "lost", "transferred_in", "transferred_out", "blocked", "lost_connected", "suspect")
COHORT = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key", "withdrawn",
          "lost", "transferred_in", "transferred_out")


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""


def fixed(field: int, value: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def message(field: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def attribute(field: int, key: str, value: str) -> bytes:
    return message(field, text(1, key), message(2, text(1, value)))


def times(item: dict[str, Any], interval_s: int) -> bytes:
    start_ns = item["start_s"] * 1_000_000_000
    return fixed(2, start_ns) + fixed(3, start_ns + interval_s * 1_000_000_000)


def point(item: dict[str, Any], interval_s: int, names: dict[str, str], value: int) -> bytes:
    return message(1, times(item, interval_s), fixed(6, value), *(attribute(7, *name) for name in names.items()))


def buckets(bins: list[list[int]]) -> tuple[int, int, int, list[int]]:
    """Scale, zeros, offset, counts."""
    zeros = sum(count for upper, count in bins if upper == 0)
    values = [(upper, count) for upper, count in bins if upper > 0]
    for scale in range(SCALE_MAX, -11, -1):
        places = [(math.ceil(math.log2(upper) * 2.0 ** scale) - 1, count) for upper, count in values]
        if not places:
            return 0, zeros, 0, []
        low, high = min(places)[0], max(places)[0]
        if high - low < BUCKETS_MAX:
            counts = [0] * (high - low + 1)
            for place, count in places:
                counts[place - low] += count
            return scale, zeros, low, counts
    raise ValueError("no scale fits")


def distribution(item: dict[str, Any], interval_s: int, queue: str, stat: dict[str, Any]) -> bytes:
    scale, zeros, offset, counts = buckets(stat["bins"])
    total = sum(count for _, count in stat["bins"])
    return message(1, attribute(1, "queue", queue), times(item, interval_s), fixed(4, total), double(5, stat["sum_ms"]),
                   number(6, zigzag(scale)), fixed(7, zeros) if zeros else b"",
                   message(8, number(1, zigzag(offset)), message(2, *(varint(count) for count in counts))),
                   double(13, stat["max_ms"]))


def metric(name: str, unit: str, kind: int, points: Iterable[bytes], *more: bytes) -> bytes:
    return message(2, text(1, name), text(3, unit), message(kind, *points, *more))


def otlp(items: list[dict[str, Any]], queues: list[str], site: str, interval_s: int = 900) -> bytes:
    """ExportMetricsServiceRequest."""
    flow, cohort, waiting = [], [], []
    kinds: dict[str, list[bytes]] = {}
    for item, queue in zip(items, queues):
        values = dict(zip(FLOW, item["flow"]))
        for name, value in values.items():
            if value:
                flow.append(point(item, interval_s, {"queue": queue, "outcome": name}, value))
        for name, value in zip(COHORT, item["cohort"]):
            if value != values[name]:
                cohort.append(point(item, interval_s, {"queue": queue, "outcome": name}, value))
        for name, value in zip(("start", "end", "max"), item["waiting"]):
            if value:
                waiting.append(point(item, interval_s, {"queue": queue, "at": name}, value))
        talk = item["durations"]["talk_ms"]
        for name, stat in item["durations"].items():
            if stat["bins"] and not (name == "handle_ms" and stat == talk):
                kinds.setdefault(name, []).append(distribution(item, interval_s, queue, stat))
    metrics = [metric("queue.calls", "1", 7, flow, number(2, DELTA), number(3, 1))]
    if cohort:
        metrics.append(metric("queue.cohort", "1", 7, cohort, number(2, DELTA), number(3, 1)))
    if waiting:
        metrics.append(metric("queue.waiting", "1", 5, waiting))
    metrics += [metric(f"queue.{name.removesuffix('_ms')}", "ms", 10, points, number(2, DELTA))
                for name, points in kinds.items()]
    resource = message(1, attribute(1, "service.name", "ringside-agent"), attribute(1, "site", site))
    return message(1, resource, message(2, message(1, text(1, "ringside")), *metrics))


def gzipped_json(rows: Any) -> int:
    return len(gzip.compress(json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode(), 9, mtime=0))
