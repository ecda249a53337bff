"""The dashboard's own arithmetic (collector/web/src/bins.ts, levels.ts), run in node and held against figures computed
here from the single waits by the formulas of docs/kpis.md 7."""

import json
import math
import random
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "collector" / "web"
ESBUILD = WEB / "node_modules" / ".bin" / "esbuild"

pytestmark = pytest.mark.skipif(
    not ESBUILD.exists() or shutil.which("node") is None, reason="the dashboard's packages are not installed"
)

ENTRY = """
import { readFileSync } from 'node:fs';
import * as bins from './src/bins';
import * as levels from './src/levels';
const todo = JSON.parse(readFileSync(0, 'utf8'));
const out = todo.map((one) => {
  const counts = one.counts;
  return {
    levels: levels.LEVEL_METHODS.map((m) => [m, levels.levelOf(m, counts, one.limit, one.short)]),
    within: bins.countWithin(counts.answered, one.limit),
    short: levels.shortAbandons(counts, one.short),
    exact: bins.isExactLimit(one.limit),
    percentiles: one.ranks.map((p) => bins.percentile(counts.answered, p, one.max)),
    merged: bins.mergeBins(counts.answered, counts.abandoned),
    upper: one.values.map(bins.binUpper),
    grouped: bins.regroup(counts.answered, one.edges),
    formulas: levels.LEVEL_METHODS.map((m) => ['en', 'zh'].map((l) => levels.levelFormula(m, l, one.limit, one.short))),
  };
});
console.log(JSON.stringify(out));
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The modules as one file that node runs."""
    out = tmp_path_factory.mktemp("web") / "levels.mjs"
    subprocess.run(
        [ESBUILD, "--bundle", "--platform=node", "--format=esm", "--loader=ts", f"--outfile={out}", "--log-level=error"],
        input=ENTRY,
        text=True,
        check=True,
        cwd=WEB,
    )
    return out


def compute(program, todo):
    done = subprocess.run(["node", program], input=json.dumps(todo), text=True, capture_output=True, check=True)
    return json.loads(done.stdout)


def upper(value):
    """The smallest number of three significant digits that is not below the value (whole below 1000)."""
    if value < 1000:
        return max(value, 0)
    if value > 999_000_000:
        return 999_000_000
    digits = len(str(value))
    scale = 10 ** (digits - 3)
    return -(-value // scale) * scale  # 9991 rounds up to 10000, an edge of the next decade


def to_bins(waits):
    counts = {}
    for wait in waits:
        counts[upper(wait)] = counts.get(upper(wait), 0) + 1
    return [number for edge in sorted(counts) for number in (edge, counts[edge])]


def within(waits, limit):
    """A wait counts if all of its bin is within the limit."""
    return sum(1 for wait in waits if upper(wait) <= limit)


def levels(case):
    """docs/kpis.md 7, letter by letter."""
    limit, short = case["limit"], case["short"]
    A, B, X, K = (len(case[kind]) for kind in ("answered", "abandoned", "exits", "keys"))
    At, Bt, Xt, Kt = (within(case[kind], limit) for kind in ("answered", "abandoned", "exits", "keys"))
    S = within(case["abandoned"], short)
    N, F, Ft = case["entered"], X + K, Xt + Kt
    B1 = B - S
    Bt1 = max(0, Bt - min(S, Bt))
    L = A + B1 + (F - Ft)
    plain = (At, A)
    return {
        "asterisk_sl": plain,
        "asterisk_sl2": (At + Bt + Xt, A + B + X),
        "amazon": (At + Bt, N),
        "genesys": (At, A + B),
        "genesys_flow_outs": (At, A + B + F),
        "genesys_no_short": (At, A + B - S),
        "genesys_flow_outs_no_short": (At, A + B + F - S),
        "genesys_no_abandons": plain,
        "genesys_flow_outs_no_abandons": (At, A + F),
        "ucce_ignore": (At, L - Bt1),
        "ucce_negative": (At, L),
        "ucce_positive": (At + Bt1, L),
        "uccx_handled": plain,
        "uccx_without_abandon": (At, N - Bt),
        "uccx_positive": (At + Bt, N),
        "uccx_negative": (At, N),
        "wazo_qos": plain,
        "vicidial_tma": plain,
        "newvoicemedia": (At, A + B + K),
    }


def some_waits(rng, most):
    top = rng.choice([800, 5_000, 90_000, 3_600_000, 2_000_000_000])
    whole_seconds = rng.random() < 0.5
    waits = [int(min(rng.expovariate(4 / top), top)) for _ in range(rng.randrange(most))]
    return [wait // 1000 * 1000 for wait in waits] if whole_seconds else waits


def a_case(rng):
    case = {kind: some_waits(rng, most) for kind, most in
            (("answered", 300), ("abandoned", 80), ("exits", 30), ("keys", 20))}
    came = sum(len(case[kind]) for kind in ("answered", "abandoned", "exits", "keys"))
    case["entered"] = max(0, came + rng.randrange(-5, 20))
    case["limit"] = rng.choice([rng.randrange(1, 301) * 1000, rng.randrange(0, 4_000_000), rng.randrange(0, 1000)])
    case["short"] = rng.choice([0, 5000, rng.randrange(0, 40) * 1000, rng.randrange(0, 500_000)])
    return case


def question(case, rng):
    waits = {kind: to_bins(case[kind]) for kind in ("answered", "abandoned", "exits", "keys")}
    return {
        "counts": {
            "entered": case["entered"],
            "answered": waits["answered"],
            "abandoned": waits["abandoned"],
            "exits": {"count": len(case["exits"]), "bins": waits["exits"]},
            "keys": {"count": len(case["keys"]), "bins": waits["keys"]},
        },
        "limit": case["limit"],
        "short": case["short"],
        "max": max(case["answered"], default=None),
        "ranks": [0.07, 0.5, 0.9, 0.95, 0.99, 1],
        "values": [rng.randrange(0, 10 ** rng.randrange(1, 11)) for _ in range(50)] + [0, 999, 1000, 1001, 9990, 9991],
        "edges": [1000, 5000, 20_000, 60_000, 600_000],
    }


@pytest.fixture(scope="module")
def answered(program):
    rng = random.Random(20261122)
    cases = [a_case(rng) for _ in range(400)]
    todo = [question(case, rng) for case in cases]
    return list(zip(cases, todo, compute(program, todo)))


def test_every_method_is_the_formula_of_the_documentation(answered):
    for case, _, got in answered:
        want = levels(case)
        assert [name for name, _ in got["levels"]] == list(want)
        for name, level in got["levels"]:
            above, below = want[name]
            assert (level["above"], level["below"]) == (above, below), (name, case)
            value = float(Fraction(above, below)) if below > 0 else None
            assert level["value"] == value, (name, case)


def test_counts_within_never_overstate_and_are_exact_at_edges(answered):
    for case, _, got in answered:
        waits, limit = case["answered"], case["limit"]
        true = sum(1 for wait in waits if wait <= limit)
        assert got["within"] == within(waits, limit) <= true
        assert got["exact"] == (upper(limit) == limit)
        if got["exact"]:
            assert got["within"] == true
        assert got["short"] == within(case["abandoned"], case["short"])


def test_percentiles_are_the_nearest_rank(answered):
    for case, todo, got in answered:
        waits = sorted(case["answered"])
        for p, value in zip(todo["ranks"], got["percentiles"]):
            if not waits:
                assert value is None
                continue
            rank = math.ceil(Fraction(str(p)) * len(waits))
            assert value == min(upper(waits[rank - 1]), waits[-1])


def test_bins_merge_and_regroup(answered):
    for case, todo, got in answered:
        assert got["merged"] == to_bins(case["answered"] + case["abandoned"])
        assert got["upper"] == [upper(value) for value in todo["values"]]
        groups = [0] * (len(todo["edges"]) + 1)
        for wait in case["answered"]:
            groups[sum(1 for edge in todo["edges"] if upper(wait) > edge)] += 1
        assert got["grouped"] == groups


def test_what_is_not_known_is_not_guessed(program):
    case = {"answered": [4000, 30000], "abandoned": [2000], "entered": 5, "limit": 20000, "short": 5000}
    todo = question(case | {"exits": [1000], "keys": []}, random.Random(1))
    todo["counts"]["exits"] = {"count": 1, "bins": None}
    todo["counts"]["keys"] = None
    (got,) = compute(program, [todo])
    values = dict(got["levels"])
    assert values["asterisk_sl"]["value"] == 0.5
    for name in ("asterisk_sl2", "genesys_flow_outs", "ucce_negative", "newvoicemedia"):
        assert values[name] is None
    todo["counts"]["keys"] = {"count": 1, "bins": None}
    (got,) = compute(program, [todo])
    values = dict(got["levels"])
    assert values["genesys_flow_outs"] == {"above": 1, "below": 5, "value": 0.2}
    assert values["ucce_negative"] is None


def test_every_formula_is_told_in_both_languages(answered):
    _, todo, got = answered[0]
    for english, chinese in got["formulas"]:
        for text in (english, chinese):
            assert " / " in text and "{" not in text and "undefined" not in text
        assert f"{todo['limit'] / 1000:g} s" in english
        assert any("一" <= letter <= "鿿" for letter in chinese)
