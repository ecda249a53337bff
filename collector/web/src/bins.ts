// bins: distributions of durations as the collector sends them ("bins": upper edge in ms and count of each occupied
// bin in turn, ascending), counted by the same rules as proto/histogram.c, so that a figure computed here is the one
// that the collector would answer. No imports, no DOM.

export type Bins = readonly number[];

const EXACT_MAX_MS = 999; // up to here each millisecond is its own bin
const LARGEST_EDGE_MS = 999_000_000;
const DBL_EPSILON = 2 ** -52;

// The upper edge of the bin that a value belongs to: three significant digits, rounded up.
export function binUpper(valueMs: number): number {
  if (valueMs <= EXACT_MAX_MS) {
    return Math.max(0, Math.ceil(valueMs));
  }
  if (valueMs > LARGEST_EDGE_MS) {
    return LARGEST_EDGE_MS;
  }
  let width = 10;
  while (Math.ceil(valueMs / width) > 999) {
    width *= 10;
  }
  return Math.ceil(valueMs / width) * width;
}

// Whether counts within this limit are exact: it is the edge of a bin.
export function isExactLimit(limitMs: number): boolean {
  return limitMs >= 0 && binUpper(limitMs) === limitMs;
}

export function countAll(bins: Bins): number {
  let count = 0;
  for (let i = 1; i < bins.length; i += 2) {
    count += bins[i]!;
  }
  return count;
}

// How many values are <= limit. A bin counts only if all of it is within the limit: never overstated.
export function countWithin(bins: Bins, limitMs: number): number {
  let count = 0;
  for (let i = 0; i + 1 < bins.length && bins[i]! <= limitMs; i += 2) {
    count += bins[i + 1]!;
  }
  return count;
}

// Nearest rank: the upper edge of the bin that holds the ceil(p * total)-th smallest value, 0 < p <= 1, not above the
// largest value where that is known; null when there is none.
export function percentile(bins: Bins, p: number, maxMs?: number | null): number | null {
  const total = countAll(bins);
  if (total === 0) {
    return null;
  }
  const rank = rankOf(p, total);
  let seen = 0;
  let i = 0;
  for (; i + 2 < bins.length; i += 2) {
    seen += bins[i + 1]!;
    if (seen >= rank) {
      break;
    }
  }
  const edge = bins[i]!;
  return maxMs != null && edge > maxMs ? maxMs : edge;
}

// 0.07 * 100 is 7.000000000000001 in binary: what is a whole number but for rounding is that number.
function rankOf(p: number, total: number): number {
  if (p >= 1) {
    return total;
  }
  if (p <= 0) {
    return 1;
  }
  const exact = p * total;
  const whole = Math.floor(exact);
  return whole === 0 || exact - whole > exact * 4 * DBL_EPSILON ? whole + 1 : whole;
}

export function mergeBins(a: Bins, b: Bins): number[] {
  const out: number[] = [];
  let i = 0;
  let k = 0;
  while (i < a.length || k < b.length) {
    const left = i < a.length ? a[i]! : Infinity;
    const right = k < b.length ? b[k]! : Infinity;
    const edge = Math.min(left, right);
    out.push(edge, (left === edge ? a[i + 1]! : 0) + (right === edge ? b[k + 1]! : 0));
    i += left === edge ? 2 : 0;
    k += right === edge ? 2 : 0;
  }
  return out;
}

// Counts between edges, for a chart: out[n] counts the bins whose upper edge is in (edges[n - 1], edges[n]]; the last
// entry, one more than there are edges, counts what is above them all. Edges ascend.
export function regroup(bins: Bins, edgesMs: readonly number[]): number[] {
  const out = new Array<number>(edgesMs.length + 1).fill(0);
  let at = 0;
  for (let i = 0; i + 1 < bins.length; i += 2) {
    while (at < edgesMs.length && bins[i]! > edgesMs[at]!) {
      at++;
    }
    out[at]! += bins[i + 1]!;
  }
  return out;
}
