#include "tests/unit/proto/random_summary.h"

#include <stdlib.h>

static uint32_t random_counter(struct rng *rng, bool extreme)
{
    if (extreme && rng_chance(rng, 10)) {
        return UINT32_MAX - (uint32_t)rng_below(rng, 3);
    }
    return rng_chance(rng, 60) ? (uint32_t)rng_below(rng, rng_chance(rng, 80) ? 30 : 70000) : 0;
}

static int64_t random_value(struct rng *rng, bool extreme, bool whole_seconds)
{
    static const int64_t upto[] = {0, 999, 90000, 600000, 3600000, 90000000};
    int64_t value = rng_between(rng, 0, upto[rng_below(rng, sizeof upto / sizeof *upto)]);
    if (extreme && rng_chance(rng, 5)) {
        value = rng_between(rng, 999000000, UINT32_MAX);
    }
    return whole_seconds ? value / 1000 * 1000 : value;
}

/* Counts, sums and maxima as no add could make them in the time of a test. */
static void stretch(struct rng *rng, struct duration_stat *stat)
{
    for (uint32_t i = 0; i < stat->hist.used; i++) {
        if (rng_chance(rng, 50)) {
            stat->hist.total -= stat->hist.bins[i].count;
            stat->hist.bins[i].count = UINT32_MAX;
            stat->hist.total += UINT32_MAX;
        }
    }
    stat->sum_ms = rng_chance(rng, 50) ? INT64_MAX - rng_below(rng, 5) : rng_below(rng, 5);
    stat->max_ms = rng_chance(rng, 50) ? UINT32_MAX : (uint32_t)rng_below(rng, UINT32_MAX);
}

static void random_durations(struct rng *rng, bool extreme, struct summary *sum, enum duration_kind kind)
{
    bool whole_seconds = rng_chance(rng, 50);
    for (uint64_t n = rng_chance(rng, 60) ? 1 + rng_below(rng, 30) : 0; n > 0; n--) {
        if (summary_add_duration(sum, kind, random_value(rng, extreme, whole_seconds)) != 0) {
            abort();
        }
    }
    if (extreme && sum->duration[kind].hist.used > 0 && rng_chance(rng, 10)) {
        stretch(rng, &sum->duration[kind]);
    }
}

void random_summary(struct rng *rng, bool extreme, struct summary *sum)
{
    summary_clear(sum);
    for (int i = 0; i < FLOW_COUNT; i++) {
        sum->flow[i] = random_counter(rng, extreme);
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        sum->cohort[i] = rng_chance(rng, 70) ? sum->flow[summary_flow_of_cohort[i]] : random_counter(rng, extreme);
    }
    sum->waiting_start = random_counter(rng, extreme);
    sum->waiting_end = random_counter(rng, extreme);
    sum->waiting_max = random_counter(rng, extreme);
    for (int i = 0; i < DURATION_COUNT; i++) {
        random_durations(rng, extreme, sum, (enum duration_kind)i);
    }
    struct duration_stat *handle = &sum->duration[DURATION_HANDLE];
    if (rng_chance(rng, 50)) {
        const struct duration_stat *talk = &sum->duration[DURATION_TALK];
        handle->sum_ms = talk->sum_ms;
        handle->max_ms = talk->max_ms;
        if (histogram_copy(&handle->hist, &talk->hist) != 0) {
            abort();
        }
    }
}

static void add(struct rng *rng, struct summary *sum, enum duration_kind kind, int64_t from_s, int64_t to_s, bool whole)
{
    int64_t value = whole ? 1000 * rng_between(rng, from_s, to_s) : rng_between(rng, 1000 * from_s, 1000 * to_s);
    bool failed = summary_add_duration(sum, kind, value) != 0;
    if (kind == DURATION_TALK) {
        failed |= summary_add_duration(sum, DURATION_HANDLE, value) != 0;
    }
    if (failed) {
        abort();
    }
}

void random_ordinary(struct rng *rng, bool whole_seconds, struct summary *sum)
{
    summary_clear(sum);
    sum->flow[FLOW_ENTERED] = sum->cohort[COHORT_ENTERED] = 25;
    sum->flow[FLOW_ANSWERED] = sum->cohort[COHORT_ANSWERED] = 22;
    sum->flow[FLOW_ABANDONED] = sum->cohort[COHORT_ABANDONED] = 3;
    sum->flow[FLOW_ABANDONED_SHORT] = sum->cohort[COHORT_ABANDONED_SHORT] = 1;
    sum->flow[FLOW_RING_NO_ANSWER] = (uint32_t)rng_between(rng, 1, 9);
    sum->waiting_max = (uint32_t)rng_between(rng, 1, 4);
    if (rng_chance(rng, 50)) { /* somebody was waiting at an edge */
        sum->waiting_start = 1;
        sum->flow[FLOW_ANSWERED]++;
        sum->cohort[COHORT_ENTERED]++;
    }
    for (int i = 0; i < 22; i++) {
        add(rng, sum, DURATION_WAIT_ANSWERED, 1, 90, whole_seconds);
        add(rng, sum, DURATION_RING, 2, 15, whole_seconds);
        add(rng, sum, DURATION_TALK, 20, 600, whole_seconds);
    }
    for (int i = 0; i < 3; i++) {
        add(rng, sum, DURATION_WAIT_ABANDONED, 2, 60, whole_seconds);
    }
}
