"""Scenario files: rows of a queue_log in, KPI fields out.

    # What it shows, in a line or two.
    log: +0|NONE|NONE|NONE|QUEUESTART|
    log: +5|c1|sales|NONE|ENTERQUEUE||5551|1
    file: queue_log.1                                  the log lines that follow go into another file
    raw: +7|c1|\\x00|{x*9000}                           as log, with \\x escapes and {repeated*characters}
    expect: sales entered=1 wait_answered_ms.sum=3000  fields of the queue's row over the whole log
    expect@+900: "my queue" waiting_start=1            fields of the interval that holds this time
    none@+900: sales                                   no row, or one of zeros
    level: sales genesys 20s 5s 0.75                   service level: method, threshold, short abandon, value
    quality: orphan_ends=1                             quality counters of `ringside status`
    legs: c1=completed_caller c2=abandoned             outcomes of the legs, in the order they entered (oracle only)

Times are seconds after ten o'clock UTC of a day thirty days ago, or [H:]MM:SS after it (`+24:00:00`); a time without
a sign is absolute. A field's value is a number, true, false or null."""

from __future__ import annotations

import json
import re
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

DAY_S = 86400
INTERVAL_S = 900

_REPEAT = re.compile(rb"\{(.)\*(\d+)\}")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


@dataclass
class Expectation:
    line: int
    queue: str
    at_s: Optional[int]  # None: over the whole log
    fields: dict[str, Any]  # empty: nothing happened


@dataclass
class Level:
    line: int
    queue: str
    method: str
    threshold: str
    short: str
    value: Optional[float]


@dataclass
class Scenario:
    title: str = ""
    files: dict[str, list[bytes]] = field(default_factory=dict)
    expectations: list[Expectation] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    quality: dict[str, int] = field(default_factory=dict)
    legs: list[tuple[str, str]] = field(default_factory=list)

    def write(self, directory: Path) -> list[Path]:
        """The logs, in the reverse of the order they were written: an import must find the right one."""
        paths = []
        for name, rows in self.files.items():
            path = directory / name
            path.write_bytes(b"".join(row + b"\n" for row in rows))
            paths.append(path)
        return paths[::-1]


def base_s() -> int:
    """Recent enough for every retention, whenever the tests run, and the same all day."""
    return int(time.time()) // DAY_S * DAY_S - 30 * DAY_S + 10 * 3600


def _seconds(text: str, base: int) -> int:
    if text[0] not in "+-":
        return int(text)
    seconds = 0
    for part in text[1:].split(":"):
        seconds = seconds * 60 + int(part)
    return base + seconds if text[0] == "+" else base - seconds


def _row(text: str, base: int) -> bytes:
    stamp, bar, rest = text.partition("|")
    if bar and stamp[:1] in ("+", "-") and stamp[1:].replace(":", "").isdigit():
        stamp = str(_seconds(stamp, base))
    return (stamp + bar + rest).encode()


def _raw(text: str, base: int) -> bytes:
    row = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), _row(text, base))
    return _REPEAT.sub(lambda found: found[1] * int(found[2]), row)


def _pairs(words: list[str]) -> dict[str, Any]:
    return {name: json.loads(value) for name, _, value in (word.partition("=") for word in words)}


def _take(scenario: Scenario, key: str, text: str, base: int, line: int) -> None:
    key, _, at = key.partition("@")
    at_s = _seconds(at, base) // INTERVAL_S * INTERVAL_S if at else None
    words = shlex.split(text) if key not in ("log", "raw") else []
    if key in ("log", "raw"):
        if not scenario.files:
            scenario.files["queue_log"] = []
        rows = scenario.files[next(reversed(scenario.files))]
        rows.append(_row(text, base) if key == "log" else _raw(text, base))
    elif key == "file":
        scenario.files[text] = []
    elif key == "expect":
        scenario.expectations.append(Expectation(line, words[0], at_s, _pairs(words[1:])))
    elif key == "none":
        scenario.expectations.append(Expectation(line, words[0], at_s, {}))
    elif key == "level":
        scenario.levels.append(Level(line, *words[:4], json.loads(words[4])))
    elif key == "quality":
        scenario.quality.update(_pairs(words))
    elif key == "legs":
        scenario.legs += [tuple(word.split("=")) for word in words]
    else:
        raise ValueError(f"unknown key {key!r}")


def load(path: Path) -> Scenario:
    scenario, base = Scenario(), base_s()
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text.startswith("#"):
            scenario.title += text[1:].strip() + " "
        elif text.strip():
            key, _, rest = text.partition(": ") if ": " in text else text.partition(":")
            try:
                _take(scenario, key, rest, base, number)
            except (ValueError, TypeError, IndexError) as error:
                raise ValueError(f"{path.name}:{number}: {error}") from error
    if not scenario.title or not scenario.files or not scenario.expectations:
        raise ValueError(f"{path.name}: needs a title, log rows and expectations")
    return scenario


def field_of(row: dict[str, Any], name: str) -> Any:
    """`cohort.entered`, `wait_answered_ms.p95`, `entered`."""
    value: Any = row
    for part in name.split("."):
        value = value[part]
    return value
