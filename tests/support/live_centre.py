#!/usr/bin/env python3
"""The simulated centre of tests/sim, live, until SIGTERM says that the day is over: then no new call begins, those in
progress end without waiting for the clock, and the truth is written. Takes the options of sim.py."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sim"))

import sim


def main() -> int:
    args = sim.arguments(["--live", *sys.argv[1:]])
    over = False

    def end_of_day(*_: object) -> None:
        nonlocal over
        over = True

    signal.signal(signal.SIGTERM, end_of_day)
    centre = sim.make_centre(args)
    centre.open_up()
    if args.rotate_every:
        centre.push(centre.plan.start_s + args.rotate_every, centre.rotate, None, args.rotate_every)
    pace = sim.Pace(centre.plan.start_s, args.speed)
    centre.run(lambda _: over, lambda time_s: None if over else pace.wait_until(time_s))
    centre.finish()
    centre.log.close()
    truth = sim.truth_of(centre)
    truth["rotations"] = centre.log.rotations
    args.truth.write_text(json.dumps(truth))
    return 0


if __name__ == "__main__":
    sys.exit(main())
