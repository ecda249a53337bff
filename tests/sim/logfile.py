"""Where the simulated PBX writes: a queue_log that may be rotated under its reader, and noise among its rows."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Optional

ROTATIONS = ("sequential", "rename", "copytruncate", "timestamp")
YEAR_2000 = 946684800


class LogFile:
    """Appends rows. Buffered unless `live`: then every row is written through at once, as Asterisk flushes."""

    def __init__(self, path: Path, live: bool, rotation: str = "sequential") -> None:
        self.path = path
        self.live = live
        self.rotation = rotation
        self.lines = 0
        self.rotations = 0
        self._rows: list[bytes] = []
        self._text: list[str] = []
        self.add = self._text.append if not live else self._add_live
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab", buffering=0)

    def _add_live(self, row: str) -> None:
        self._text.append(row)
        self.flush()

    def add_bytes(self, row: bytes) -> None:
        """A row that is not text; keeps its place among the others."""
        self.flush()
        self._file.write(row + b"\n")
        self.lines += 1

    def pending(self) -> int:
        return self.lines + len(self._text)

    def flush(self) -> None:
        if self._text:
            count = len(self._text)
            self._text.append("")
            self._file.write("\n".join(self._text).encode())
            self._text.clear()
            self.lines += count

    def rotate(self, stamp: int) -> None:
        """The moved part. Rows go on into the moved file until reopen(), as between logrotate's rename and its
        `logger reload`; copytruncate needs none."""
        self.flush()
        self.rotations += 1
        if self.rotation == "copytruncate":
            self._shift()
            shutil.copyfile(self.path, self._numbered(1))
            os.truncate(self.path, 0)
        elif self.rotation == "rename":
            self._shift()
            os.rename(self.path, self._numbered(1))
        else:
            os.rename(self.path, self._free(stamp if self.rotation == "timestamp" else 0))

    def reopen(self) -> None:
        self.flush()
        self._file.close()
        self._file = open(self.path, "ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _free(self, number: int) -> Path:
        while self._numbered(number).exists():
            number += 1
        return self._numbered(number)

    def _shift(self) -> None:
        last = 1
        while self._numbered(last).exists():
            last += 1
        for number in range(last, 1, -1):
            os.rename(self._numbered(number - 1), self._numbered(number))

    def close(self) -> None:
        self.flush()
        self._file.close()


class Noise:
    """Lines that a hostile or broken box might write, each counted under the quality counter it must raise."""

    def __init__(self, seed: int, log: LogFile, long_lines: bool = False) -> None:
        self._rng = random.Random(seed)
        self._log = log
        self._long_lines = long_lines
        self.quality: Counter = Counter()
        self.unknown_verbs: Counter = Counter()

    def due(self) -> bool:
        return self._rng.random() < 0.02

    def late_s(self) -> Optional[int]:
        """How far back a late row goes, when one is to be written."""
        return self._rng.randrange(600, 5 * 3600) if self._rng.random() < 0.1 else None

    def write(self, stamp: int) -> None:
        kinds = [self._binary, self._nul, self._short, self._no_time, self._unknown, self._past, self._future,
                 self._empty_verb]
        if self._long_lines:
            kinds.append(self._long)
        self._rng.choice(kinds)(stamp)

    def _bad(self, row: bytes, why: str) -> None:
        self._log.add_bytes(row)
        self.quality[why] += 1

    def _binary(self, _stamp: int) -> None:
        junk = self._rng.randbytes(self._rng.randrange(1, 300)).replace(b"\n", b"|").replace(b"\r", b"?")
        self._bad(b"\xff" + junk, "bad_lines")

    def _nul(self, stamp: int) -> None:
        self._bad(b"%d|%d.1|sales\0\0|NONE|ENTERQUEUE||5551|1" % (stamp, stamp), "bad_lines")

    def _short(self, stamp: int) -> None:
        self._bad(b"%d|NONE|sales" % stamp, "bad_lines")

    def _no_time(self, _stamp: int) -> None:
        self._bad(b"yesterday|1.1|sales|NONE|ENTERQUEUE||5551|1", "bad_lines")

    def _empty_verb(self, stamp: int) -> None:
        self._bad(b"%d|%d.1|sales|NONE||1|1" % (stamp, stamp), "bad_lines")

    def _unknown(self, stamp: int) -> None:
        verb = self._rng.choice(("SURVEY", "NPS", "X-CUSTOM"))
        self._log.add(f"{stamp}|{stamp}.1|sales|Ana Souza|{verb}|5|very good")
        self.quality["unknown_verbs"] += 1
        self.unknown_verbs[verb] += 1

    def _past(self, stamp: int) -> None:
        self._bad(b"%d|1.1|sales|NONE|ENTERQUEUE||5551|1" % self._rng.randrange(1, YEAR_2000), "refused_times")

    def _future(self, stamp: int) -> None:
        self._bad(b"%d|1.2|sales|NONE|QUEUESTART|" % self._rng.randrange(32503680000, 33000000000), "refused_times")

    def _long(self, stamp: int) -> None:
        row = b"%d|%d.9|sales|NONE|ENTERQUEUE||" % (stamp, stamp)
        self._bad(row + b"5" * (10 * 1024 * 1024), "long_lines")
