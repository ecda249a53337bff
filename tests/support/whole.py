"""What one pass over all sites' logs would say, by the oracle: the measure for the centre's answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Iterable, Optional

import compare
import kpi_rows
from centre import Centre
from oracle import Oracle

THRESHOLDS_S = (1, 5, 20, 33, 120)


def merge(parts: Iterable[kpi_rows.Buckets], total: bool = False) -> kpi_rows.Buckets:
    """Several sites (or, with `total`, all their queues) as one."""
    whole: kpi_rows.Buckets = defaultdict(kpi_rows.Bucket)
    for part in parts:
        for (queue, start), bucket in part.items():
            into = whole["*" if total else queue, start]
            into.flow.update(bucket.flow)
            into.cohort.update(bucket.cohort)
            into.waiting_start += bucket.waiting_start
            into.waiting_end += bucket.waiting_end
            for kind, values in bucket.durations.items():
                into.durations[kind].extend(values)
    return whole


def rows_of(buckets: kpi_rows.Buckets, threshold_s: float = kpi_rows.DEFAULT_THRESHOLD_S) -> list[dict[str, Any]]:
    return [kpi_rows.row_json(queue, start, bucket, threshold_s=threshold_s)
            for (queue, start), bucket in buckets.items()]


def merged_differences(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """Peaks of several sites or queues need not coincide: there is no waiting_max to compare."""
    for row in expected:
        row["waiting_max"] = 0
    problems = [f"{row['queue']}: waiting_max {row['waiting_max']}" for row in found if row["waiting_max"] is not None]
    for row in found:
        row["waiting_max"] = max(row["waiting_start"], row["waiting_end"])
    return problems + compare.differences(expected, found, {"late_events": 1})


def bin_edge_ms(value_ms: int) -> int:
    """Up to 999 a value is its own bin; above, bins are three significant digits wide and closed above."""
    step = 1
    while value_ms > 999 * step:
        step *= 10
    return -(-value_ms // step) * step


class Whole:
    def __init__(self, centre: Centre, logs: dict[str, list[Path]], groups: dict[str, str], span: tuple[str, str],
                 interval_s: int = 900) -> None:
        self.centre = centre
        self.oracles = {site: Oracle(paths) for site, paths in logs.items()}
        self.groups = groups
        self.span = ("--from", span[0], "--to", span[1])
        self.interval_s = interval_s

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        return self.centre.rows(*arguments, *self.span)

    def _scopes(self) -> dict[tuple[str, ...], list[Oracle]]:
        scopes: dict[tuple[str, ...], list[Oracle]] = {("--all",): list(self.oracles.values())}
        for group in set(self.groups.values()):
            scopes["--group", group] = [oracle for site, oracle in self.oracles.items()
                                        if self.groups.get(site) == group]
        return scopes

    def site_problems(self, site: str) -> list[str]:
        oracle = self.oracles[site]
        problems: list[str] = []
        for by, span_s in (("queue,interval", self.interval_s), ("queue,hour", 3600), ("queue,day", 86400),
                           ("queue", None)):
            found = self.ask("--site", site, "--by", by)
            problems += [f"{site} by {by}: {line}"
                         for line in compare.differences(oracle.rows(span_s), found, oracle.quality)]
        return problems

    def bin_problems(self, scope: tuple[str, ...], oracles: list[Oracle]) -> list[str]:
        """Every bin of every histogram, counted by the rule of docs/protocol.md."""
        whole = merge([oracle.buckets(None) for oracle in oracles])
        problems: list[str] = []
        for row in self.ask(*scope, "--by", "queue", "--bins", "yes"):
            for kind in kpi_rows.DURATIONS:
                counts = Counter(bin_edge_ms(ms) for ms in whole[row["queue"], None].durations[kind])
                true = [number for pair in sorted(counts.items()) for number in pair]
                if row[f"{kind}_ms"]["bins"] != true:
                    problems.append(f"{scope} {row['queue']} {kind}: bins {row[f'{kind}_ms']['bins']} instead of {true}")
        return problems

    def scope_problems(self, scope: tuple[str, ...], oracles: list[Oracle]) -> list[str]:
        problems: list[str] = []
        steps: tuple[tuple[str, Optional[int]], ...] = (("queue,hour", 3600), ("queue,day", 86400), ("queue", None))
        for by, span_s in steps:
            parts = [oracle.buckets(span_s) for oracle in oracles]
            problems += [f"{scope} by {by}: {line}" for line in
                         merged_differences(rows_of(merge(parts)), self.ask(*scope, "--by", by))]
            total_by = by.replace("queue", "total")
            problems += [f"{scope} by {total_by}: {line}" for line in
                         merged_differences(rows_of(merge(parts, total=True)), self.ask(*scope, "--by", total_by))]
        whole = merge([oracle.buckets(None) for oracle in oracles])
        for threshold_s in THRESHOLDS_S:
            found = self.ask(*scope, "--by", "queue", "--service-level", f"{threshold_s}s")
            problems += [f"{scope} within {threshold_s} s: {line}"
                         for line in merged_differences(rows_of(whole, threshold_s), found)]
        return problems + self.bin_problems(scope, oracles)

    def problems(self) -> list[str]:
        found = [line for site in self.oracles for line in self.site_problems(site)]
        for scope, oracles in self._scopes().items():
            found += self.scope_problems(scope, oracles)
        return found
