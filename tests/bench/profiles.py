"""Where the instructions of the two hot paths go, by callgrind: importing a log, and storing the batches of many sites.

    ./dev bench profile [--profile-lines N]

Instructions hardly depend on how busy the machine is, so two profiles may be held against each other, to within some
percent: the store is gone through as time passes. A function's cost is its own and that of what the compiler put inside
it. callgrind knows no SHA or AVX-512 instructions: a library that has a path for them is seen on its other one."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator, Sequence

from figure import Figure, say
from wire import CALLS, QUEUES, site_ledger

TOP = 15
DAYS_AGO = 60
SITES, INTERVALS = 100, 20
ROUND_MS = 10  # about what a round of so many sites takes: how often hours are added up depends on the time
ROUND = "clerk_round*"  # what is counted of bench_ingest: not the making of the batches
COST = re.compile(r"^ *([\d,]+) \([ \d.]+%\) +(.*)$")
TOTAL = "PROGRAM TOTALS"


@dataclass
class Profile:
    total: int
    functions: Counter  # instructions by "function (library)"
    units: int
    unit: str

    def text(self, title: str, top: int = TOP) -> str:
        lines = [f"{title}: {self.total / 1e6:.1f} M instructions, {self.total / self.units:.0f} a {self.unit} "
                 f"({self.units} of them)", f"{'share':>7}  {'a ' + self.unit:>20}  function"]
        lines += [f"{100 * cost / self.total:6.2f}%  {cost / self.units:20.1f}  {name}"
                  for name, cost in self.functions.most_common(top)]
        return "\n".join(lines) + "\n"


def read_annotated(text: str) -> tuple[int, Counter]:
    """Of callgrind_annotate: "count (share) file:function [object]", a function once for each file that it took lines
    from, the object not for every one of them."""
    total, functions, objects = 0, Counter(), {}
    for line in text.splitlines():
        if not (found := COST.match(line)):
            continue
        cost, what = int(found[1].replace(",", "")), found[2]
        if what == TOTAL:
            total = cost
            continue
        place, _, rest = what.rpartition(" [")
        name = (place or what).rpartition(":")[2]
        library = Path(rest.rstrip("]")).name if place else ""
        if ".so" in library:
            objects[name] = library.partition(".so")[0]
        functions[name] += cost
    return total, Counter({f"{name} ({objects[name]})" if name in objects else name: cost
                           for name, cost in functions.items()})


def callgrind(out: Path, command: Sequence[Any], *options: str) -> tuple[int, Counter, str]:
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *options, *command],
                          check=True, capture_output=True, text=True)
    told = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", out], check=True, capture_output=True,
                          text=True)
    return *read_annotated(told.stdout), done.stdout


def profile_import(bin_dir: Path, sim: Any, home: Path, lines: int) -> Profile:
    log = home / "import_log"
    start = (datetime.now(timezone.utc) - timedelta(days=DAYS_AGO)).replace(minute=0, second=0, microsecond=0)
    sim(log, start, "--lines", str(lines), "--calls-per-day", "8000", "--queues", "10", "--days", "3650")
    say(f"importing {lines} lines under callgrind")
    total, functions, _ = callgrind(home / "import.callgrind", [bin_dir / "ringside-agent", "import", "--ledger",
                                                                home / "imported", "--site", "bench", log])
    return Profile(total, functions, log.read_bytes().count(b"\n"), "line")


def profile_ingest(bin_dir: Path, sim: Any, home: Path, pattern: str) -> Profile:
    _, ledger = site_ledger(bin_dir, sim, home, "--calls-per-day", str(CALLS * QUEUES * 96), "--flat")
    directory = home / "centre"
    directory.mkdir()
    say(f"storing {pattern} batches under callgrind")
    total, functions, said = callgrind(
        home / "ingest.callgrind", [bin_dir / "bench_ingest", ledger, directory, "--pattern", pattern,
                                    "--sites", str(SITES), "--intervals", str(INTERVALS), "--round-ms", str(ROUND_MS)],
        f"--toggle-collect={ROUND}")
    if not total:
        raise RuntimeError(f"no call of {ROUND} was seen: the compiler took it in")
    shutil.rmtree(directory)
    shutil.rmtree(ledger)
    return Profile(total, functions, json.loads(said)["intervals"], "queue-interval")


def bench_profile(bin_dir: Path, sim: Any, home: Path, args: argparse.Namespace) -> Iterator[Figure]:
    if not shutil.which("valgrind"):
        say("no valgrind here (platform/setup bench installs it): no profiles")
        return
    done = profile_import(bin_dir, sim, home, args.profile_lines)
    print(done.text("import"))
    yield Figure("import, instructions a line", done.total / done.units, "")
    for pattern in ("live", "backlog"):
        done = profile_ingest(bin_dir, sim, home, pattern)
        print(done.text(f"ingest, {pattern}"))
        yield Figure(f"ingest, {pattern}, instructions a queue-interval", done.total / done.units, "")
