#!/usr/bin/env python3
"""Simulates call centres: writes a queue_log as Asterisk would, and the truth about it as JSON.

    sim.py --days 7 --calls-per-day 2000 --seed 1 --out queue_log --truth truth.json
    sim.py --lines 2000000 --calls-per-day 60000 --out queue_log
    sim.py --live --speed 600 --rotate-every 3600 --rotation rename --out /tmp/q/queue_log
    sim.py --live --follow-clock --flat --operators 8 --queues 3 --talk 12 --calls-per-day 40000 --out queue_log

The truth is the simulator's own book-keeping by the definitions of docs/kpis.md; it never reads the log back."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from centre import Centre
from logfile import ROTATIONS, LogFile, Noise
from manager import ManagedCentre, open_server
from people import DAY_S, Plan

FLUSH_ROWS = 50000


def truth_of(centre: Centre) -> dict[str, Any]:
    noise = centre.noise
    quality = {"restarts": centre.restarts, **(noise.quality if noise else {})}
    return {
        "seed": centre.plan.seed,
        "interval_s": centre.plan.interval_s,
        "lines": centre.log.lines,
        "quality": quality,
        "unknown_verbs": dict(noise.unknown_verbs) if noise else {},
        "queues": {queue.name: {str(start): slot.to_json() for start, slot in sorted(queue.books.slots.items())}
                   for queue in centre.people.queues},
    }


def stopper(centre: Centre, days: float, lines: int) -> Callable[[float], bool]:
    """Says when no new call may begin. Near the wanted number of lines, room is left for the calls in progress."""
    end_s = centre.plan.start_s + days * DAY_S
    log, calls = centre.log, centre.calls

    def done(time_s: float) -> bool:
        written = log.pending()
        if written - log.lines > FLUSH_ROWS:
            log.flush()
        if lines:
            return written + 2 * len(calls) >= lines
        return time_s >= end_s

    return done


class Pace:
    """Holds simulated time to the wall clock, times a factor."""

    def __init__(self, start_s: float, speed: float) -> None:
        self._start_s = start_s
        self._speed = speed
        self._began = time.time()

    def wait_until(self, time_s: float) -> None:
        ahead_s = (time_s - self._start_s) / self._speed - (time.time() - self._began)
        if ahead_s > 0:
            time.sleep(ahead_s)


def parse_start(text: str) -> int:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())


def arguments(argv: Optional[list[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="the queue_log to append to")
    add("--truth", type=Path, help="where the truth goes, JSON")
    add("--seed", type=int, default=1)
    add("--start", default="2026-03-02", help="ISO time, UTC unless it says otherwise (default %(default)s, a Monday)")
    add("--days", type=float, default=1.0)
    add("--lines", type=int, default=0, help="stop near this many lines instead, with all calls over")
    add("--calls-per-day", type=float, default=1000.0)
    add("--queues", type=int, default=4)
    add("--operators", type=int, default=0, help="0: as many as the load needs")
    add("--talk", type=float, default=150.0, help="median talk, seconds")
    add("--patience", type=float, default=110.0, help="mean patience, seconds")
    add("--interval", type=int, default=900, help="interval of the truth, seconds")
    add("--flat", action="store_true", help="no day shape: the same rate at all hours, everybody on shift")
    add("--holds", action="store_true", help="write CALLERONHOLD and CALLEROFFHOLD rows")
    add("--plain", action="store_true", help="only rows that Asterisk itself writes")
    add("--restart-every", type=float, default=3.5, help="days between PBX restarts, 0 for none")
    add("--noise", type=int, metavar="SEED", help="mix in bad lines and late rows")
    add("--noise-long", action="store_true", help="among them lines of 10 MB")
    add("--live", action="store_true", help="write row by row, paced by the wall clock")
    add("--speed", type=float, default=1.0, help="simulated seconds a second")
    add("--follow-clock", action="store_true", help="timestamps are the present time")
    add("--manager", type=Path, metavar="FILE",
        help="tell the same as Asterisk's manager interface, to user ringside with secret simulated, on a port of "
             "loopback that is written to FILE")
    add("--rotate-every", type=float, default=0, help="simulated seconds between rotations")
    add("--rotation", choices=ROTATIONS, default="sequential")
    return parser.parse_args(argv)


def write_port(path: Path, port: int) -> None:
    """Whoever waits for the file finds it whole."""
    part = path.with_suffix(".part")
    part.write_text(f"{port}\n")
    os.rename(part, path)


def make_centre(args: argparse.Namespace, server: Any = None) -> Centre:
    start_s = int(time.time()) if args.follow_clock else parse_start(args.start)
    plan = Plan(
        seed=args.seed, start_s=start_s, calls_per_day=args.calls_per_day, queue_count=args.queues,
        operator_count=args.operators, talk_median_s=args.talk, patience_mean_s=args.patience,
        interval_s=args.interval, flat=args.flat, holds=args.holds, extras=not args.plain,
        restart_every_s=args.restart_every * DAY_S)
    log = LogFile(args.out, args.live, args.rotation)
    noise = Noise(args.noise, log, args.noise_long) if args.noise is not None else None
    return ManagedCentre(plan, log, noise, server) if server else Centre(plan, log, noise)


def simulate(args: argparse.Namespace) -> Centre:
    with open_server() if args.manager else nullcontext() as server:
        centre = make_centre(args, server)
        centre.open_up()
        if args.manager:
            write_port(args.manager, server.port)
        return work(args, centre)


def work(args: argparse.Namespace, centre: Centre) -> Centre:
    if args.rotate_every:
        centre.push(centre.plan.start_s + args.rotate_every, centre.rotate, None, args.rotate_every)
    pace = Pace(centre.plan.start_s, 1.0 if args.follow_clock else args.speed) if args.live else None
    days = float("inf") if args.live and not args.lines and args.days == 1.0 else args.days
    centre.run(stopper(centre, days, args.lines), pace.wait_until if pace else None)
    centre.finish()
    centre.log.close()
    if args.truth:
        args.truth.write_text(json.dumps(truth_of(centre)))
    return centre


def main(argv: Optional[list[str]] = None) -> int:
    args = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    began = time.monotonic()
    try:
        centre = simulate(args)
    except KeyboardInterrupt:
        return 0
    if sys.stderr.isatty():
        print(f"{centre.log.lines} lines in {time.monotonic() - began:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
