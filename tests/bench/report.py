"""The report: one table to read, one document for programs."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Optional, Sequence

from budgets import BUDGETS, unjudged
from figure import LIMIT, PEER, Beside, Figure

SCHEMA = 1
WIDTH = 120
NAME = 51
BUSY_LOAD = 0.5  # before anything is measured


def number(value: Optional[float]) -> str:
    if value is None:
        return "-"
    if abs(value) >= 1e5:
        return f"{value / 1e6:.2f} M" if abs(value) >= 1e6 else f"{value / 1e3:.0f} k"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4f}" if abs(value) < 0.001 else f"{value:.3g}"


def wanted(figure: Figure) -> str:
    return "" if figure.budget is None else f"{'>=' if figure.at_least else '<='} {number(figure.budget)}"


def ratio_text(ratio: Optional[float]) -> str:
    if ratio is None:
        return ""
    digits = 0 if ratio >= 100 else 1 if ratio >= 10 else 2 if ratio >= 0.1 else 3
    return f"{ratio:.{digits}f}"


# --- details


def show(figures: Sequence[Figure]) -> str:
    lines = [f"{'what':<52} {'measured':>10} {'budget':>12} {'ratio':>7}  unit"]
    for figure in figures:
        mark = "  MISSED" if figure.met is False else ""
        lines.append(f"{figure.name:<52} {number(figure.value):>10} {wanted(figure):>12} "
                     f"{ratio_text(figure.ratio):>7}  {figure.unit}{mark}")
    return "\n".join(lines) + "\n"


# --- the table


def row_line(name: str, unit: str, values: Sequence[Optional[float]], budget: str, ratio: Optional[float],
         word: str) -> str:
    measured, least, most = values
    spread = least is not None and most is not None and least != most
    cells = [f"{name:<{NAME}.{NAME}}", f"{unit:<11.11}", f"{number(measured):>9}",
             f"{number(least) if spread else '':>9}", f"{number(most) if spread else '':>9}", f"{budget:>10}",
             f"{ratio_text(ratio):>6}", word]
    return " ".join(cells).rstrip()


def versioned(beside: Beside) -> str:
    return f"{beside.name} {beside.version}".rstrip()


def beside_lines(figure: Figure) -> list[str]:
    lines, said = [], set()
    for beside in figure.beside:
        name = f"  {'limit: ' if beside.kind == LIMIT else ''}{versioned(beside)}"
        if beside.value is None:
            lines.append(f"{name + ': ' + beside.note:.{WIDTH}}")
            continue
        better = figure.better_than(beside)
        word = "" if beside.kind == LIMIT or better is None else "better" if better else "worse"
        lines.append(row_line(name, "", (beside.value, beside.least, beside.most), "", figure.ratio_to(beside), word))
        if beside.note and beside.note not in said:
            said.add(beside.note)
            lines += wrapped(beside.note, "      ")
    return lines


def wrapped(text: str, indent: str) -> list[str]:
    lines, current = [], indent
    for word in text.split():
        if len(current) + 1 + len(word) > WIDTH and current.strip():
            lines.append(current.rstrip())
            current = indent
        current += word + " "
    return [*lines, current.rstrip()]


def head(title: str, last: str) -> str:
    return (f"{title:<{NAME}} {'unit':<11} {'measured':>9} {'least':>9} {'most':>9} {last:>10} {'ratio':>6}").rstrip()


def figure_lines(figure: Figure) -> list[str]:
    word = {None: "", True: "met", False: "MISSED"}[figure.met]
    return [row_line(figure.name, figure.unit, (figure.value, figure.least, figure.most), wanted(figure), figure.ratio,
                 word), *beside_lines(figure)]


def judged_lines(figures: Sequence[Figure], whole: bool) -> list[str]:
    lines = []
    for row in BUDGETS:
        found = [figure for figure in figures if figure.row == row]
        for figure in found:
            lines += figure_lines(figure)
        if not found and whole:
            lines.append(f"{BUDGETS[row].title}: not measured")
    return lines


def spelt_out(figures: Sequence[Figure]) -> list[Figure]:
    """Those that belong to the one above, by its name too."""
    above, out = "", []
    for figure in figures:
        if figure.name.startswith(" "):
            own = figure.name.strip()
            out.append(replace(figure, name=f"{above:.{max(0, NAME - len(own) - 2)}}: {own}"))
        else:
            above = figure.name
            out.append(figure)
    return out


def summary(judged: Sequence[Figure], figures: Sequence[Figure], whole: bool) -> str:
    asked = [figure for figure in judged if figure.met is not None]
    missed = [BUDGETS[figure.row].title for figure in asked if not figure.met]
    absent = [BUDGETS[row].title for row in unjudged(figures)] if whole else []
    return (f"{sum(figure.met is True for figure in asked)} of {len(asked)} figures meet their budget"
            + (f"; missed: {', '.join(dict.fromkeys(missed))}" if missed else "")
            + (f"; not measured: {', '.join(absent)}" if absent else ""))


def table(figures: Sequence[Figure], facts: dict[str, Any], *, whole: bool = True) -> str:
    """Budgets first, as measured, with the limits of the machine below each; then what peers do. `ratio` is measured to
    budget, or measured to what stands in that line. `whole`: every budget was to be measured."""
    peers = [figure for figure in figures if figure.row == "peers"]
    further = [figure for figure in spelt_out(figures) if not figure.row and figure.met is False]
    judged = [figure for figure in figures if figure.row in BUDGETS]
    lines = [head("budgets", "budget"), *judged_lines(figures, whole), ""] if judged or whole else []
    if peers:
        lines += [head("beside peers, in the same run", ""), *(line for one in peers for line in figure_lines(one)), ""]
    if further:
        lines += [head("other goals that were missed", "budget"),
                  *(line for one in further for line in figure_lines(one)), ""]
    lines += [*([summary(judged, figures, whole)] if judged or whole else []),
              f"{facts['processor']}, {facts['cores']} cores, {facts['memory_mb']} MB, Linux {facts['kernel']}; "
              f"size: {facts['size']}" + (f"; others kept it busy: load {facts['load']}" if facts["load"] > BUSY_LOAD
                                          else "")]
    return "\n".join(lines) + "\n"


# --- the document


def memory_mb() -> int:
    found = re.search(r"^MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 // 1000000 if found else 0


def processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def machine(size: str) -> dict[str, Any]:
    """Neither a host's name nor a path."""
    return {"processor": processor(), "cores": len(os.sched_getaffinity(0)), "memory_mb": memory_mb(),
            "kernel": platform.release(), "load": round(os.getloadavg()[0], 2), "size": size}


def beside_document(figure: Figure, beside: Beside) -> dict[str, Any]:
    return {"kind": beside.kind, "name": beside.name, "version": beside.version, "median": beside.value,
            "min": beside.least, "max": beside.most, "runs": list(beside.runs), "ratio": figure.ratio_to(beside),
            "better": figure.better_than(beside) if beside.kind == PEER else None, "note": beside.note}


def figure_document(figure: Figure) -> dict[str, Any]:
    return {"name": figure.name.strip(), "row": figure.row, "unit": figure.unit, "median": figure.value,
            "min": figure.least, "max": figure.most, "runs": list(figure.runs), "budget": figure.budget,
            "direction": None if figure.budget is None else "at least" if figure.at_least else "at most",
            "ratio": figure.ratio, "met": figure.met,
            "beside": [beside_document(figure, beside) for beside in figure.beside]}


def document(figures: Sequence[Figure], facts: dict[str, Any], parts: dict[str, Any],
             sizes: dict[str, Any]) -> dict[str, Any]:
    return {"schema": SCHEMA, "at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": facts,
            "parts": parts, "sizes": sizes,
            "budgets": [{"key": row, "title": budget.title, "promise": budget.promise,
                         "figures": [figure_document(figure) for figure in figures if figure.row == row],
                         "met": all_met([figure.met for figure in figures if figure.row == row])}
                        for row, budget in BUDGETS.items()],
            "peers": [figure_document(figure) for figure in figures if figure.row == "peers"],
            "details": [figure_document(figure) for figure in figures if not figure.row]}


def all_met(met: list[Optional[bool]]) -> Optional[bool]:
    """None: nothing was measured. A figure without a budget of its own does not count."""
    asked = [one for one in met if one is not None]
    return all(asked) if asked else None
