#include "proto/histogram.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

enum {
    EXACT_BINS = 1000,    /* 0..999: the values themselves */
    DECADE_BINS = 900,    /* m = 100..999 */
    FIRST_CAP = 4,        /* most queue-intervals see few distinct waits */
    BIN_BYTES_MAX = 2 + 5 /* on the wire: delta << 1 needs at most 14 bits, a count 32 */
};

_Static_assert(HISTOGRAM_BINS < 1 << 13, "a delta with its flag must fit two varint bytes");

/* Constant divisors, so that each is a multiplication. */
uint32_t histogram_bin_of(int64_t value_ms)
{
    if (value_ms <= 999) {
        return value_ms > 0 ? (uint32_t)value_ms : 0;
    }
    if (value_ms > 999000000) {
        return HISTOGRAM_BINS - 1;
    }
    uint32_t v = (uint32_t)value_ms;
    if (v <= 99900) {
        return v <= 9990 ? 900 + (v + 9) / 10 : 1800 + (v + 99) / 100;
    }
    if (v <= 9990000) {
        return v <= 999000 ? 2700 + (v + 999) / 1000 : 3600 + (v + 9999) / 10000;
    }
    return v <= 99900000 ? 4500 + (v + 99999) / 100000 : 5400 + (v + 999999) / 1000000;
}

static const int64_t power_of_ten[] = {10, 100, 1000, 10000, 100000, 1000000};

int64_t histogram_bin_upper(uint32_t bin)
{
    if (bin < EXACT_BINS) {
        return bin;
    }
    uint32_t above = (bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1) - EXACT_BINS;
    return (100 + above % DECADE_BINS) * power_of_ten[above / DECADE_BINS];
}

/* The first bin of a decade is as wide as those before it. */
void histogram_sum_bounds(const struct histogram *hist, double *lowest_ms, double *highest_ms)
{
    double lowest = 0;
    double highest = 0;
    for (uint32_t i = 0; i < hist->used; i++) {
        uint32_t bin = hist->bins[i].bin;
        double count = (double)hist->bins[i].count;
        if (bin < EXACT_BINS) {
            lowest += count * (double)bin;
            highest += count * (double)bin;
            continue;
        }
        uint32_t above = bin - EXACT_BINS;
        int64_t step = power_of_ten[above / DECADE_BINS];
        int64_t upper = (100 + above % DECADE_BINS) * step;
        int64_t width = above % DECADE_BINS == 0 ? step / 10 : step;
        lowest += count * (double)(upper - width + 1);
        highest += count * (double)upper;
    }
    *lowest_ms = lowest;
    *highest_ms = highest;
}

void histogram_deinit(struct histogram *hist)
{
    free(hist->bins);
    *hist = (struct histogram){0};
}

void histogram_clear(struct histogram *hist)
{
    hist->used = 0;
    hist->total = 0;
}

static int reserve(struct histogram *hist, uint32_t need)
{
    if (need <= hist->cap) {
        return 0;
    }
    uint32_t cap = hist->cap ? hist->cap : FIRST_CAP;
    while (cap < need) {
        cap *= 2;
    }
    struct histogram_bin *bins = realloc(hist->bins, cap * sizeof *bins);
    if (!bins) {
        return STATUS_NO_MEMORY;
    }
    hist->bins = bins;
    hist->cap = cap;
    return 0;
}

/* Index of the first bin that is not below `bin`; `used` when there is none. */
static uint32_t lower_bound(const struct histogram *hist, uint32_t bin)
{
    uint32_t low = 0;
    uint32_t left = hist->used;
    while (left > 0) {
        uint32_t half = left / 2;
        bool below = hist->bins[low + half].bin < bin;
        low = below ? low + half + 1 : low;
        left = below ? left - half - 1 : half;
    }
    return low;
}

int histogram_add(struct histogram *hist, int64_t value_ms, uint32_t count)
{
    if (count == 0) {
        return 0;
    }
    uint32_t bin = histogram_bin_of(value_ms);
    uint32_t at = lower_bound(hist, bin);
    if (at < hist->used && hist->bins[at].bin == bin) {
        if (count > UINT32_MAX - hist->bins[at].count) {
            return STATUS_RANGE;
        }
        hist->bins[at].count += count;
        hist->total += count;
        return 0;
    }
    int status = reserve(hist, hist->used + 1);
    if (status != 0) {
        return status;
    }
    memmove(hist->bins + at + 1, hist->bins + at, (hist->used - at) * sizeof *hist->bins);
    hist->bins[at] = (struct histogram_bin){bin, count};
    hist->used++;
    hist->total += count;
    return 0;
}

/* How many bins the sum of both occupies; 0 when a count of the sum would not fit (and neither is empty). */
static uint32_t merged_bins(const struct histogram *a, const struct histogram *b)
{
    uint32_t i = 0;
    uint32_t j = 0;
    uint32_t bins = 0;
    for (; i < a->used && j < b->used; bins++) {
        uint32_t left = a->bins[i].bin;
        uint32_t right = b->bins[j].bin;
        if (left == right && a->bins[i].count > UINT32_MAX - b->bins[j].count) {
            return 0;
        }
        i += left <= right;
        j += right <= left;
    }
    return bins + (a->used - i) + (b->used - j);
}

int histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->used == 0) {
        return 0;
    }
    uint32_t need = merged_bins(into, from);
    if (need == 0) {
        return STATUS_RANGE;
    }
    uint64_t added = from->total; /* read before `into` changes: both may be the same */
    int status = reserve(into, need);
    if (status != 0) {
        return status;
    }
    /* From the top down, so that no bin of `into` is overwritten before it has moved. */
    uint32_t i = into->used;
    uint32_t j = from->used;
    for (uint32_t k = need; j > 0; k--) {
        struct histogram_bin next = from->bins[j - 1];
        if (i > 0 && into->bins[i - 1].bin > next.bin) {
            next = into->bins[--i];
        } else {
            if (i > 0 && into->bins[i - 1].bin == next.bin) {
                next.count += into->bins[--i].count;
            }
            j--;
        }
        into->bins[k - 1] = next;
    }
    into->used = need;
    into->total += added;
    return 0;
}

/* Whether every bin of `what` is in `from` with at least that count. */
static bool contains(const struct histogram *from, const struct histogram *what)
{
    uint32_t i = 0;
    for (uint32_t j = 0; j < what->used; j++) {
        while (i < from->used && from->bins[i].bin < what->bins[j].bin) {
            i++;
        }
        if (i == from->used || from->bins[i].bin != what->bins[j].bin || from->bins[i].count < what->bins[j].count) {
            return false;
        }
    }
    return true;
}

int histogram_subtract(struct histogram *from, const struct histogram *what)
{
    if (!contains(from, what)) {
        return STATUS_RANGE;
    }
    if (from == what) {
        histogram_clear(from);
        return 0;
    }
    uint32_t kept = 0;
    uint32_t j = 0;
    for (uint32_t i = 0; i < from->used; i++) {
        struct histogram_bin bin = from->bins[i];
        if (j < what->used && what->bins[j].bin == bin.bin) {
            bin.count -= what->bins[j++].count;
        }
        if (bin.count > 0) {
            from->bins[kept++] = bin;
        }
    }
    from->used = kept;
    from->total -= what->total;
    return 0;
}

int histogram_copy(struct histogram *into, const struct histogram *from)
{
    if (into == from) {
        return 0;
    }
    int status = reserve(into, from->used);
    if (status != 0) {
        return status;
    }
    if (from->used > 0) {
        memcpy(into->bins, from->bins, from->used * sizeof *into->bins);
    }
    into->used = from->used;
    into->total = from->total;
    return 0;
}

uint64_t histogram_count_within(const struct histogram *hist, int64_t limit_ms)
{
    if (limit_ms < 0) {
        return 0;
    }
    uint32_t bin = histogram_bin_of(limit_ms);
    uint32_t end = lower_bound(hist, histogram_bin_upper(bin) <= limit_ms ? bin + 1 : bin);
    uint64_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        count += hist->bins[i].count;
    }
    return count;
}

int64_t histogram_percentile(const struct histogram *hist, double p)
{
    if (hist->total == 0) {
        return -1;
    }
    uint64_t rank = 1;
    if (p >= 1) {
        rank = hist->total;
    } else if (p > 0) {
        /* 0.07 * 100 is 7.000000000000001 in binary: what is a whole number but for rounding is that number. */
        double exact = p * (double)hist->total;
        rank = (uint64_t)exact;
        if (rank == 0 || exact - (double)rank > exact * 4 * DBL_EPSILON) {
            rank++;
        }
    }
    uint64_t seen = 0;
    uint32_t i = 0;
    for (; i + 1 < hist->used; i++) {
        seen += hist->bins[i].count;
        if (seen >= rank) {
            break;
        }
    }
    return histogram_bin_upper(hist->bins[i].bin);
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
    return a->used == b->used && (a->used == 0 || memcmp(a->bins, b->bins, a->used * sizeof *a->bins) == 0);
}

void histogram_encode(const struct histogram *hist, struct buf *out)
{
    size_t before = out->len;
    uint8_t *start = buf_grow(out, (size_t)hist->used * BIN_BYTES_MAX);
    if (!start) {
        return;
    }
    uint8_t *at = start;
    uint32_t base = 0;
    for (uint32_t i = 0; i < hist->used; i++) {
        const struct histogram_bin *bin = &hist->bins[i];
        at += wire_varint_at(at, (bin->bin - base) << 1 | (bin->count > 1));
        if (bin->count > 1) {
            at += wire_varint_at(at, bin->count);
        }
        base = bin->bin + 1;
    }
    out->len = before + (size_t)(at - start);
}

static int decode_bins(struct histogram *hist, struct wire_reader *reader)
{
    uint32_t base = 0;
    while (wire_left(reader) > 0) {
        uint64_t head = wire_get_varint_strict(reader, UINT32_MAX);
        uint64_t count = head & 1 ? wire_get_varint_strict(reader, UINT32_MAX) : 1;
        if (reader->failed || head >> 1 >= HISTOGRAM_BINS - base || count < 1 + (head & 1)) {
            return STATUS_INVALID;
        }
        int status = reserve(hist, hist->used + 1);
        if (status != 0) {
            return status;
        }
        uint32_t bin = base + (uint32_t)(head >> 1);
        hist->bins[hist->used++] = (struct histogram_bin){bin, (uint32_t)count};
        hist->total += count;
        base = bin + 1;
    }
    return reader->failed ? STATUS_INVALID : 0;
}

int histogram_decode(struct histogram *hist, struct wire_reader *reader)
{
    histogram_clear(hist);
    int status = decode_bins(hist, reader);
    if (status != 0) {
        histogram_clear(hist);
        reader->failed = true;
    }
    return status;
}
