/* Sources with whole seconds fill few of the bins: numbered among those that end on a whole second, neighbours are
 * closer, and most distances take one byte instead of two. */
#include "platform/base/status.h"
#include "proto/message_internal.h"

/* The bins that end on a whole second, in order: 0; every hundredth of 1..9.99 s; every tenth of 10..99.9 s; all from
 * 100 s on. So up to 999 the coarse number is the number of seconds. */
enum {
    BIN_1S = 1000,
    BIN_10S = 1900,
    BIN_100S = 2800,
    COARSE_10S = 10,
    COARSE_100S = 100,
    COARSE_BINS = HISTOGRAM_BINS - BIN_100S + COARSE_100S
};

static bool is_coarse(uint32_t bin)
{
    if (bin >= BIN_10S) {
        return bin >= BIN_100S || (bin - BIN_10S) % 10 == 0;
    }
    return bin == 0 || (bin >= BIN_1S && (bin - BIN_1S) % 100 == 0);
}

static uint32_t coarse_of(uint32_t bin)
{
    if (bin >= BIN_100S) {
        return bin - BIN_100S + COARSE_100S;
    }
    if (bin >= BIN_10S) {
        return (bin - BIN_10S) / 10 + COARSE_10S;
    }
    return bin == 0 ? 0 : (bin - BIN_1S) / 100 + 1;
}

static uint32_t bin_of(uint32_t coarse)
{
    if (coarse >= COARSE_100S) {
        return coarse - COARSE_100S + BIN_100S;
    }
    if (coarse >= COARSE_10S) {
        return (coarse - COARSE_10S) * 10 + BIN_10S;
    }
    return coarse == 0 ? 0 : (coarse - 1) * 100 + BIN_1S;
}

bool message_bins_are_coarse(const struct histogram *hist)
{
    for (uint32_t i = 0; i < hist->used; i++) {
        if (!is_coarse(hist->bins[i].bin)) {
            return false;
        }
    }
    return true;
}

int message_bins_put(const struct histogram *hist, bool coarse, struct histogram *scratch, struct buf *out)
{
    if (coarse) {
        int status = histogram_copy(scratch, hist);
        if (status != 0) {
            return status;
        }
        for (uint32_t i = 0; i < scratch->used; i++) {
            scratch->bins[i].bin = coarse_of(scratch->bins[i].bin);
        }
        hist = scratch;
    }
    histogram_encode(hist, out);
    return out->failed ? STATUS_NO_MEMORY : 0;
}

int message_bins_get(struct slice bytes, bool coarse, struct histogram *out)
{
    struct wire_reader reader = wire_reader_make(bytes.data, bytes.len);
    int status = histogram_decode(out, &reader);
    if (status != 0 || !coarse || out->used == 0) {
        return status;
    }
    if (out->bins[out->used - 1].bin >= COARSE_BINS) {
        histogram_clear(out);
        return STATUS_INVALID;
    }
    for (uint32_t i = 0; i < out->used; i++) {
        out->bins[i].bin = bin_of(out->bins[i].bin);
    }
    return 0;
}

uint64_t message_bins_edges(const struct histogram *hist)
{
    uint64_t edges = 0;
    for (uint32_t i = 0; i < hist->used; i++) {
        edges += (uint64_t)histogram_bin_upper(hist->bins[i].bin) * hist->bins[i].count;
    }
    return edges;
}
