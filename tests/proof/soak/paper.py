"""A queue_log that is written in portions and rotated in every way that logrotate and people have."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

KINDS = ("rename", "copytruncate", "gzip", "create", "rename and gzip")
KEPT = 6


class Paper:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = self.rotations = 0
        self._serial = 0
        self._rotated: list[tuple[Path, int]] = []  # oldest first, with the lines written up to its end
        self._file = open(path, "ab", buffering=0)

    def write(self, rows: list[bytes]) -> None:
        self._file.write(b"".join(rows))
        self.lines += len(rows)

    def _next(self) -> Path:
        self._serial += 1
        return self.path.with_name(f"{self.path.name}-{self._serial:05d}")

    def _compress(self, index: int) -> None:
        plain, lines = self._rotated[index]
        if plain.suffix == ".gz":
            return
        packed, part = plain.with_name(plain.name + ".gz"), plain.with_name(plain.name + ".gz.tmp")
        with gzip.open(part, "wb", compresslevel=1) as out:
            out.write(plain.read_bytes())
        stat = plain.stat()
        os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        os.rename(part, packed)
        plain.unlink()
        self._rotated[index] = packed, lines

    def rotate(self, kind: str, late: list[bytes]) -> None:
        """`late` rows still go to the old file, as far as there is one."""
        target = self._next()
        self.rotations += 1
        if kind == "copytruncate":
            self.write(late)
            target.write_bytes(self.path.read_bytes())
            os.truncate(self.path, 0)
        else:
            os.rename(self.path, target)
            if kind == "create":
                self.path.touch()
            self.write(late)
            self._file.close()
            self._file = open(self.path, "ab", buffering=0)
        self._rotated.append((target, self.lines))
        if kind == "gzip" and len(self._rotated) > 1:  # the one before: delaycompress
            self._compress(-2)
        elif kind == "rename and gzip":
            self._compress(-1)

    def forget(self, lines_read: int) -> None:
        """The oldest go, as far as they were read."""
        while len(self._rotated) > KEPT and self._rotated[0][1] <= lines_read:
            self._rotated.pop(0)[0].unlink()

    def close(self) -> None:
        self._file.close()
