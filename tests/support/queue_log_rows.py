"""Rows of queue_log files, read the slow and obvious way. Part of the test oracle; see oracle.py."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

ENDS_TALKING = ("COMPLETEAGENT", "COMPLETECALLER", "BLINDTRANSFER", "ATTENDEDTRANSFER", "TRANSFER")
TRANSFERS = ("BLINDTRANSFER", "ATTENDEDTRANSFER", "TRANSFER")
ENDS_WAITING = ("ABANDON", "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY", "WITHDRAW")
BLOCKED = ("FULL", "JOINEMPTY", "CLOSED", "DIVERT_CA_RATIO", "DIVERT_HOLDTIME")
NOTES = (
    "RINGCANCELED", "AGENTDUMP", "SYSCOMPAT", "ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL",
    "UNPAUSEALL", "PENALTY", "RINGINUSE", "AGENTLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGIN", "AGENTCALLBACKLOGOFF",
    "OUTCALL", "DID", "CALLSTATUS", "INFO", "WRAPUPSTART", "WRAPUPSTARTS",
)
KNOWN = frozenset(
    ENDS_TALKING + ENDS_WAITING + BLOCKED + NOTES
    + ("ENTERQUEUE", "CONNECT", "RINGNOANSWER", "CALLERONHOLD", "CALLEROFFHOLD", "QUEUESTART", "CONFIGRELOAD")
)
NO_CALL = frozenset(("", "NONE", "MANAGER", "CLI", "REALTIME"))

LINE_MAX = 8191
YEAR_2000 = 946684800
DAY_S = 86400

_NUMBER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Row(NamedTuple):
    time_s: int
    call_id: str  # empty when the row is of no call
    queue: str
    operator: str
    verb: str
    params: tuple[str, ...]


class BadRow(NamedTuple):
    why: str  # the quality counter that it belongs to


def number(text: str) -> Optional[int]:
    """A whole number with an optional sign, or None."""
    return int(text) if _NUMBER.match(text) else None


def _numeric(*texts: str) -> bool:
    return all(number(text) is not None for text in texts)


def _fits(verb: str, params: tuple[str, ...]) -> bool:
    """Whether params have the verb's full form: only asked where a `|` in a name has shifted the columns."""
    if verb == "CONNECT":
        return len(params) == 3 and _numeric(params[0], params[2])
    if verb in ("COMPLETEAGENT", "COMPLETECALLER"):
        return len(params) in (2, 3) and _numeric(*params)
    if verb in TRANSFERS:
        return len(params) >= 5 and _numeric(*params[-3:])
    if verb == "ABANDON":  # the other exits never carry a name
        return len(params) in (1, 3) and _numeric(*params)
    if verb in ("RINGNOANSWER", "RINGCANCELED"):
        return len(params) == 1 and _numeric(*params)
    return verb in ("PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "ADDMEMBER", "REMOVEMEMBER", "AGENTDUMP",
                    "PENALTY", "RINGINUSE", "CALLERONHOLD", "CALLEROFFHOLD")


def _split(fields: list[str]) -> tuple[str, str, tuple[str, ...]]:
    """Operator, verb and params; the operator's name may hold pipes."""
    if fields[4] not in KNOWN:
        for place in range(5, len(fields)):
            params = tuple(fields[place + 1:])
            if fields[place] in KNOWN and _fits(fields[place], params):
                return "|".join(fields[3:place]), fields[place], params
    return fields[3], fields[4], tuple(fields[5:])


def parse(line: bytes, now_s: float) -> Row | BadRow | None:
    """One line without its line feed; None when it is empty."""
    line = line.removesuffix(b"\r")
    if not line:
        return None
    if len(line) > LINE_MAX:
        return BadRow("long_lines")
    fields = line.decode("utf-8", "surrogateescape").split("|")
    if len(fields) < 5 or not fields[0].isascii() or not fields[0].isdigit() or not fields[4]:
        return BadRow("bad_lines")
    if _CONTROL.search("|".join(fields[:5])):
        return BadRow("bad_lines")
    time_s = int(fields[0])
    if time_s < YEAR_2000 or time_s > now_s + DAY_S:
        return BadRow("refused_times")
    operator, verb, params = _split(fields)
    call_id = "" if fields[1] in NO_CALL else fields[1]
    queue = "" if fields[2] == "NONE" else fields[2]
    return Row(time_s, call_id, queue, "" if operator == "NONE" else operator, verb, params)


def _open(path: Path):
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")


def _first_time(path: Path, now_s: float) -> int:
    with _open(path) as file:
        for line in file:
            row = parse(line.rstrip(b"\n"), now_s)
            if isinstance(row, Row):
                return row.time_s
    return 0


def read(paths: list[Path], now_s: float) -> Iterator[Row | BadRow]:
    """All rows of the files, files in the order of their first time whatever order they are given in."""
    for path in sorted(paths, key=lambda item: _first_time(item, now_s)):
        with _open(path) as file:
            for line in file:
                row = parse(line.rstrip(b"\n"), now_s)
                if row is not None:
                    yield row
