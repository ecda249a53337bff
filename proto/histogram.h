/* histogram: counts of durations in bins of at most 1 % width that add up, subtract, and never understate.
 *
 * Values are milliseconds. A value v <= 999 is its own bin. Above, a bin is three significant decimal digits wide and
 * closed above: v belongs to the smallest m * 10^e >= v with 100 <= m <= 999. So every whole second up to 999 s is a
 * bin edge, and so is every ten seconds up to 9990 s: counts at such thresholds are exact.
 *
 * On the wire: occupied bins in ascending order, each a varint of (delta << 1 | count > 1), followed by a varint of
 * the count when it is more than one. The first delta is the bin number itself, every later one the distance to the
 * bin before, less one. Worked example: 2000 ms once and 5000 ms three times are bins 1100 and 1400:
 * varint(1100 << 1) = 98 11, varint(299 << 1 | 1) = d7 04, varint(3) = 03. */
#ifndef RINGSIDE_PROTO_HISTOGRAM_H
#define RINGSIDE_PROTO_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/wire.h"

/* Bins 0..999 are the values themselves, then 900 bins a decade: bin = 1000 + (e - 1) * 900 + (m - 100), e >= 1.
 * The last decade ends at 999 * 10^6 ms (11.5 days); a larger value counts in the last bin. */
enum { HISTOGRAM_BINS = 1000 + 6 * 900 };

struct histogram_bin {
    uint32_t bin;
    uint32_t count;
};

/* Occupied bins, ascending. Zero-initialised is empty. */
struct histogram {
    struct histogram_bin *bins;
    uint32_t used;
    uint32_t cap;
    uint64_t total; /* sum of all counts */
};

uint32_t histogram_bin_of(int64_t value_ms); /* negative counts as 0 */
int64_t histogram_bin_upper(uint32_t bin);   /* the largest value of the bin, ms */

/* What all values together can add up to, from the bins they are in, ms. Of the last bin, which holds everything beyond
 * it too, its nominal edge counts. */
void histogram_sum_bounds(const struct histogram *hist, double *lowest_ms, double *highest_ms);

void histogram_deinit(struct histogram *hist); /* frees; empty and usable afterwards */
void histogram_clear(struct histogram *hist);  /* empties, keeps the memory */

/* Each returns 0, STATUS_NO_MEMORY, or STATUS_RANGE when the count of a bin would pass 32 bits or go below zero. On
 * failure nothing changed. */
int histogram_add(struct histogram *hist, int64_t value_ms, uint32_t count);
int histogram_merge(struct histogram *into, const struct histogram *from);
int histogram_subtract(struct histogram *from, const struct histogram *what);
int histogram_copy(struct histogram *into, const struct histogram *from);

/* How many values are <= limit_ms. Exact when limit_ms is a bin edge (see above); otherwise the bin that holds the
 * limit counts only if its upper edge is within it, so the answer never overstates. */
uint64_t histogram_count_within(const struct histogram *hist, int64_t limit_ms);

/* Nearest rank: the upper edge of the bin that holds the ceil(p * total)-th smallest value, 0 < p <= 1;
 * -1 when empty. At most 1 % above the true value, never below. */
int64_t histogram_percentile(const struct histogram *hist, double p);

bool histogram_equal(const struct histogram *a, const struct histogram *b);

/* The occupied bins as above, without a length; the caller frames it. */
void histogram_encode(const struct histogram *hist, struct buf *out);

/* Reads bins to the end of `reader` (frame it first). STATUS_INVALID for anything that encode would not have written
 * (bin out of range, count 0 or 1 spelled out, trailing bits), STATUS_NO_MEMORY. *hist is emptied first. */
int histogram_decode(struct histogram *hist, struct wire_reader *reader);

#endif
