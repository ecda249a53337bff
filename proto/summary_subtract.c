#include "platform/base/status.h"
#include "proto/summary.h"

static bool covers(const uint32_t *from, const uint32_t *what, int count)
{
    for (int i = 0; i < count; i++) {
        if (from[i] < what[i]) {
            return false;
        }
    }
    return true;
}

static void take(uint32_t *from, const uint32_t *what, int count)
{
    for (int i = 0; i < count; i++) {
        from[i] -= what[i];
    }
}

/* Everything but the histograms, which check themselves. */
static bool covers_all(const struct summary *from, const struct summary *what)
{
    for (int i = 0; i < DURATION_COUNT; i++) {
        if (from->duration[i].sum_ms < what->duration[i].sum_ms) {
            return false;
        }
    }
    return covers(from->flow, what->flow, FLOW_COUNT) && covers(from->cohort, what->cohort, COHORT_COUNT) &&
           from->waiting_start >= what->waiting_start && from->waiting_end >= what->waiting_end &&
           from->waiting_max >= what->waiting_max;
}

static int take_histograms(struct summary *from, const struct summary *what)
{
    for (int i = 0; i < DURATION_COUNT; i++) {
        int status = histogram_subtract(&from->duration[i].hist, &what->duration[i].hist);
        if (status != 0) {
            while (--i >= 0) {
                /* Cannot fail: the memory is still there, and the counts were these. */
                histogram_merge(&from->duration[i].hist, &what->duration[i].hist);
            }
            return status;
        }
    }
    return 0;
}

/* The maximum of what is left, after the histogram: 0 when it is certain. Above the last bin there is no edge. */
static int lower_maximum(struct duration_stat *stat, uint32_t taken_ms)
{
    if (stat->hist.used == 0) {
        stat->max_ms = 0;
        return 0;
    }
    if (stat->max_ms == 0 || taken_ms != stat->max_ms) {
        return 0;
    }
    uint32_t top = stat->hist.bins[stat->hist.used - 1].bin;
    int64_t edge_ms = histogram_bin_upper(top);
    if (top + 1 < HISTOGRAM_BINS && stat->max_ms > edge_ms) {
        stat->max_ms = (uint32_t)edge_ms;
    }
    return SUMMARY_MAXIMA;
}

int summary_subtract(struct summary *from, const struct summary *what)
{
    if (from == what) {
        summary_clear(from);
        return 0;
    }
    if (!covers_all(from, what)) {
        return STATUS_RANGE;
    }
    int status = take_histograms(from, what);
    if (status != 0) {
        return status;
    }
    take(from->flow, what->flow, FLOW_COUNT);
    take(from->cohort, what->cohort, COHORT_COUNT);
    from->waiting_start -= what->waiting_start;
    from->waiting_end -= what->waiting_end;
    from->waiting_max -= what->waiting_max;
    for (int i = 0; i < DURATION_COUNT; i++) {
        from->duration[i].sum_ms -= what->duration[i].sum_ms;
        int outcome = lower_maximum(&from->duration[i], what->duration[i].max_ms);
        status = outcome > 0 ? outcome : status;
    }
    return status;
}
