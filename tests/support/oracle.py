#!/usr/bin/env python3
"""The independent oracle: KPI rows from queue_log files by docs/kpis.md and nothing else.

It shares no code with the agent, keeps every value, and is allowed to be slow. Prints the JSON of
`ringside kpi --format json`, with the true nearest-rank percentiles, and the quality counters beside."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

import kpi_rows
from queue_log_legs import Leg, Tracker
from queue_log_rows import read

SPANS_S = {"hour": 3600, "day": 86400}


class Oracle:
    """Reads the files once; rows can then be asked for in any grouping."""

    def __init__(self, paths: list[Path], now_s: Optional[float] = None) -> None:
        tracker = Tracker()
        tracker.take_all(read(list(paths), time.time() if now_s is None else now_s))
        self.facts = tracker.facts
        self.legs: list[Leg] = tracker.legs

    @property
    def quality(self) -> dict[str, int]:
        return dict(self.facts.quality)

    def buckets(self, span_s: Optional[int] = None, short_s: float = kpi_rows.DEFAULT_SHORT_S) -> kpi_rows.Buckets:
        return kpi_rows.buckets_of(self.facts, span_s, short_s)

    def rows(self, span_s: Optional[int] = None, method: str = kpi_rows.DEFAULT_METHOD,
             threshold_s: float = kpi_rows.DEFAULT_THRESHOLD_S,
             short_s: float = kpi_rows.DEFAULT_SHORT_S) -> list[dict[str, Any]]:
        """Rows as in docs/kpis.md section 9, by time and queue."""
        found = sorted(self.buckets(span_s, short_s).items(), key=lambda item: (item[0][1] or 0, item[0][0]))
        return [kpi_rows.row_json(queue, start, bucket, method, threshold_s, short_s)
                for (queue, start), bucket in found]

    def document(self, site: str, span_s: Optional[int], interval_s: int, **options: Any) -> dict[str, Any]:
        starts = [start for _, start in self.buckets(interval_s)]
        return {
            "site": site,
            "from": kpi_rows.rfc3339(min(starts)) if starts else None,
            "to": kpi_rows.rfc3339(max(starts) + interval_s) if starts else None,
            "rows": self.rows(span_s, **options),
            "quality": self.quality,
        }


def span_of(by: str, interval_s: int) -> Optional[int]:
    parts = by.split(",")
    if "interval" in parts:
        return interval_s
    return next((span for name, span in SPANS_S.items() if name in parts), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG")
    parser.add_argument("--by", default="queue", help="queue | queue,interval | queue,hour | queue,day")
    parser.add_argument("--interval", type=int, default=900, help="seconds of an interval")
    parser.add_argument("--site", default="test")
    parser.add_argument("--service-level-method", default=kpi_rows.DEFAULT_METHOD, choices=kpi_rows.SERVICE_LEVELS)
    parser.add_argument("--service-level", type=float, default=kpi_rows.DEFAULT_THRESHOLD_S, help="seconds")
    parser.add_argument("--short-abandon", type=float, default=kpi_rows.DEFAULT_SHORT_S, help="seconds")
    args = parser.parse_args()
    document = Oracle(args.logs).document(
        args.site, span_of(args.by, args.interval), args.interval, method=args.service_level_method,
        threshold_s=args.service_level, short_s=args.short_abandon)
    json.dump(document, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
