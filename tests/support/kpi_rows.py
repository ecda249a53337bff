"""KPI rows from facts, as docs/kpis.md sections 3 to 7 and 9 say. Part of the test oracle; percentiles are the true
nearest-rank values, not those of a histogram."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Callable, Iterable, Optional

from queue_log_legs import Facts

FLOW = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key", "withdrawn",
        "blocked", "lost", "lost_connected", "transferred_in", "transferred_out", "ring_no_answer", "suspect")
COHORT = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key",
          "withdrawn", "lost", "transferred_in", "transferred_out")
WAITING = ("waiting_start", "waiting_end", "waiting_max")
DURATIONS = ("wait_answered", "wait_abandoned", "talk", "hold", "ring", "handle")
PERCENTS = (50, 90, 95, 99)
LEAVING = ("answered", "abandoned", "exit_timeout", "exit_empty", "exit_key", "withdrawn", "lost")

DEFAULT_THRESHOLD_S = 20
DEFAULT_SHORT_S = 5
DEFAULT_METHOD = "asterisk_sl"


@dataclass
class Waits:
    """The letters of docs/kpis.md section 7."""

    a: int
    at: int
    b: int
    bt: int
    x: int
    xt: int
    k: int
    kt: int
    n: int
    s: int

    @property
    def f(self) -> int:
        return self.x + self.k

    @property
    def bt_long(self) -> int:
        return max(0, self.bt - min(self.s, self.bt))

    @property
    def events(self) -> int:
        return self.a + (self.b - self.s) + (self.f - self.xt - self.kt)


SERVICE_LEVELS: dict[str, Callable[[Waits], tuple[int, int]]] = {
    "asterisk_sl": lambda w: (w.at, w.a),
    "asterisk_sl2": lambda w: (w.at + w.bt + w.xt, w.a + w.b + w.x),
    "amazon": lambda w: (w.at + w.bt, w.n),
    "genesys": lambda w: (w.at, w.a + w.b),
    "genesys_flow_outs": lambda w: (w.at, w.a + w.b + w.f),
    "genesys_no_short": lambda w: (w.at, w.a + w.b - w.s),
    "genesys_flow_outs_no_short": lambda w: (w.at, w.a + w.b + w.f - w.s),
    "genesys_no_abandons": lambda w: (w.at, w.a),
    "genesys_flow_outs_no_abandons": lambda w: (w.at, w.a + w.f),
    "ucce_ignore": lambda w: (w.at, w.events - w.bt_long),
    "ucce_negative": lambda w: (w.at, w.events),
    "ucce_positive": lambda w: (w.at + w.bt_long, w.events),
    "uccx_handled": lambda w: (w.at, w.a),
    "uccx_without_abandon": lambda w: (w.at, w.n - w.bt),
    "uccx_positive": lambda w: (w.at + w.bt, w.n),
    "uccx_negative": lambda w: (w.at, w.n),
    "wazo_qos": lambda w: (w.at, w.a),
    "vicidial_tma": lambda w: (w.at, w.a),
    "newvoicemedia": lambda w: (w.at, w.a + w.b + w.k),
}


@dataclass
class Bucket:
    """One queue over one span."""

    flow: Counter = field(default_factory=Counter)
    cohort: Counter = field(default_factory=Counter)
    waiting_start: int = 0
    waiting_end: int = 0
    waiting_max: int = 0
    durations: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def is_zero(self) -> bool:
        return not (any(self.flow.values()) or any(self.cohort.values()) or any(self.durations.values())
                    or self.waiting_start or self.waiting_end or self.waiting_max)

    def balanced(self) -> bool:
        left = sum(self.flow[name] for name in LEAVING)
        return self.waiting_start + self.flow["entered"] == left + self.waiting_end

    def service_level(self, method: str, threshold_s: float, short_s: float) -> Optional[float]:
        def count(kind: str, limit_s: Optional[float] = None) -> int:
            return sum(1 for ms in self.durations[kind] if limit_s is None or ms <= limit_s * 1000)

        waits = Waits(
            a=count("wait_answered"), at=count("wait_answered", threshold_s),
            b=count("wait_abandoned"), bt=count("wait_abandoned", threshold_s),
            x=count("wait_exit"), xt=count("wait_exit", threshold_s),
            k=count("wait_key"), kt=count("wait_key", threshold_s),
            n=self.flow["entered"], s=count("wait_abandoned", short_s))
        above, below = SERVICE_LEVELS[method](waits)
        return above / below if below > 0 else None


Buckets = dict[tuple[str, Optional[int]], Bucket]  # by queue and start of the span, seconds; None: all of it


def _fill_counts(facts: Facts, short_s: float, start_of: Callable[[int], Optional[int]]) -> Buckets:
    buckets: Buckets = defaultdict(Bucket)
    for at_s, queue, counter in facts.flow:
        buckets[queue, start_of(at_s)].flow[counter] += 1
    for enter_s, queue, counter in facts.cohort:
        if counter in COHORT:
            buckets[queue, start_of(enter_s)].cohort[counter] += 1
    for at_s, enter_s, queue, wait_ms in facts.short_candidates:
        if wait_ms <= short_s * 1000:
            buckets[queue, start_of(at_s)].flow["abandoned_short"] += 1
            buckets[queue, start_of(enter_s)].cohort["abandoned_short"] += 1
    for at_s, queue, kind, value_ms in facts.durations:
        buckets[queue, start_of(at_s)].durations[kind].append(value_ms)
    return buckets


def _fill_waiting(buckets: Buckets, facts: Facts, span_s: Optional[int]) -> None:
    changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at_s, queue, change in facts.waiting:
        changes[queue].append((at_s, change))
    for queue, steps in changes.items():
        steps.sort(key=lambda step: step[0])  # stable: the log's order within a second
        if span_s is None:
            _run_bucket(buckets[queue, None], 0, [change for _, change in steps])
        else:
            _run_spans(buckets, queue, steps, span_s, facts.newest_s)


def _run_spans(buckets: Buckets, queue: str, steps: list[tuple[int, int]], span_s: int, newest_s: int) -> None:
    by_start: dict[int, list[int]] = defaultdict(list)
    for at_s, change in steps:
        by_start[at_s // span_s * span_s].append(change)
    starts = sorted(by_start)
    beyond = max(starts[-1], newest_s // span_s * span_s) + span_s
    waiting = 0
    for start, following in zip(starts, starts[1:] + [beyond]):
        waiting = _run_bucket(buckets[queue, start], waiting, by_start[start])
        quiet = start + span_s
        while waiting and quiet < following:  # nothing happened, but somebody waits
            _run_bucket(buckets[queue, quiet], waiting, [])
            quiet += span_s


def _run_bucket(bucket: Bucket, waiting: int, steps: list[int]) -> int:
    bucket.waiting_start = bucket.waiting_max = waiting
    for change in steps:
        waiting += change
        bucket.waiting_max = max(bucket.waiting_max, waiting)
    bucket.waiting_end = waiting
    return waiting


def buckets_of(facts: Facts, span_s: Optional[int], short_s: float = DEFAULT_SHORT_S) -> Buckets:
    """span_s None: one bucket a queue over everything; else a multiple of a minute, cut in UTC."""
    buckets = _fill_counts(facts, short_s, lambda at_s: None if span_s is None else at_s // span_s * span_s)
    _fill_waiting(buckets, facts, span_s)
    return {key: bucket for key, bucket in buckets.items() if not bucket.is_zero()}


def percentile(ordered: list[int], percent: int) -> int:
    """Nearest rank: the ceil(percent / 100 * n)-th smallest."""
    return ordered[-(-len(ordered) * percent // 100) - 1]


def duration_json(values: Iterable[int]) -> dict[str, Any]:
    ordered = sorted(values)
    out: dict[str, Any] = {"count": len(ordered), "sum": sum(ordered)}
    out["mean"] = sum(ordered) / len(ordered) if ordered else None
    for percent in PERCENTS:
        out[f"p{percent}"] = percentile(ordered, percent) if ordered else None
    out["max"] = ordered[-1] if ordered else None
    return out


def rfc3339(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def row_json(queue: str, start_s: Optional[int], bucket: Bucket, method: str = DEFAULT_METHOD,
             threshold_s: float = DEFAULT_THRESHOLD_S, short_s: float = DEFAULT_SHORT_S) -> dict[str, Any]:
    row: dict[str, Any] = {"queue": queue}
    if start_s is not None:
        row["start"] = rfc3339(start_s)
    row.update({name: bucket.flow[name] for name in FLOW})
    row.update({name: getattr(bucket, name) for name in WAITING})
    row["cohort"] = {name: bucket.cohort[name] for name in COHORT}
    row.update({f"{kind}_ms": duration_json(bucket.durations[kind]) for kind in DURATIONS})
    row["asa_ms"] = row["wait_answered_ms"]["mean"]
    row["aht_ms"] = row["handle_ms"]["mean"]
    entered = bucket.flow["entered"]
    row["abandon_rate"] = bucket.flow["abandoned"] / entered if entered else None
    row["service_level"] = {"threshold_s": threshold_s, "method": method,
                            "value": bucket.service_level(method, threshold_s, short_s)}
    row["balanced"] = bucket.balanced()
    return row
