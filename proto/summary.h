/* summary: one interval of one queue as plain numbers. Everything in it is additive over time and sites, except the
 * maxima (merge takes the larger) and waiting_start/waiting_end (see kpis.md: over a span, the first and the last). */
#ifndef RINGSIDE_PROTO_SUMMARY_H
#define RINGSIDE_PROTO_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/histogram.h"

/* Flow: each thing counts in the interval in which it happened. The order is the storage order: append only. */
enum flow_counter {
    FLOW_ENTERED,
    FLOW_ANSWERED,
    FLOW_ABANDONED,
    FLOW_ABANDONED_SHORT, /* of abandoned: waited no longer than the queue's short-abandon threshold */
    FLOW_EXIT_TIMEOUT,
    FLOW_EXIT_EMPTY,
    FLOW_EXIT_KEY,
    FLOW_WITHDRAWN,
    FLOW_BLOCKED,         /* refused at the door; not part of entered */
    FLOW_LOST,            /* was waiting when the PBX died, or its end was never seen */
    FLOW_LOST_CONNECTED,  /* was talking then: answered, the length unknown */
    FLOW_TRANSFERRED_IN,  /* of entered: came by transfer from an operator */
    FLOW_TRANSFERRED_OUT, /* of answered: left by transfer */
    FLOW_RING_NO_ANSWER,
    FLOW_SUSPECT, /* durations kept out of sums and histograms (clock steps, absurd values) */
    FLOW_COUNT
};

/* Cohort: the same outcomes by the interval in which the caller entered. Append only. */
enum cohort_counter {
    COHORT_ENTERED,
    COHORT_ANSWERED,
    COHORT_ABANDONED,
    COHORT_ABANDONED_SHORT,
    COHORT_EXIT_TIMEOUT,
    COHORT_EXIT_EMPTY,
    COHORT_EXIT_KEY,
    COHORT_WITHDRAWN,
    COHORT_LOST,
    COHORT_TRANSFERRED_IN,
    COHORT_TRANSFERRED_OUT,
    COHORT_COUNT
};

/* Durations, each counted in the interval in which it ended. Append only. */
enum duration_kind {
    DURATION_WAIT_ANSWERED,
    DURATION_WAIT_ABANDONED,
    DURATION_WAIT_EXIT, /* waits that ended by timeout, empty or withdraw (asterisk_sl2, ucce_* need them) */
    DURATION_WAIT_KEY,  /* waits that ended by a key */
    DURATION_RING,      /* the answered rings */
    DURATION_TALK,      /* conversation without hold */
    DURATION_HOLD,      /* single holds */
    DURATION_HANDLE,    /* talk + hold of a leg (+ wrap-up where a source knows it) */
    DURATION_COUNT
};

struct duration_stat {
    uint64_t sum_ms;
    uint32_t max_ms;
    struct histogram hist; /* hist.total is the count */
};

struct summary {
    uint32_t flow[FLOW_COUNT];
    uint32_t cohort[COHORT_COUNT];
    uint32_t waiting_start; /* callers waiting when the interval began */
    uint32_t waiting_end;   /* callers waiting when it ended, or now in the open one */
    uint32_t waiting_max;   /* most callers waiting at once */
    struct duration_stat duration[DURATION_COUNT];
};

extern const enum flow_counter summary_flow_of_cohort[COHORT_COUNT]; /* the flow counter of the same name */

extern const char *const summary_flow_names[FLOW_COUNT]; /* JSON field names of design 7 */
extern const char *const summary_cohort_names[COHORT_COUNT];
extern const char *const summary_duration_names[DURATION_COUNT]; /* with the unit: "wait_answered_ms" */

void summary_deinit(struct summary *sum); /* frees; zero and usable afterwards */
void summary_clear(struct summary *sum);  /* all zero, keeps the memory */
bool summary_is_zero(const struct summary *sum);
bool summary_equal(const struct summary *a, const struct summary *b);

/* Adds one duration; negative counts as 0. 0, STATUS_NO_MEMORY, or STATUS_RANGE (then nothing changed). */
int summary_add_duration(struct summary *sum, enum duration_kind kind, int64_t value_ms);

/* Adds `from` (an interval that follows, of the same queue) to `into`: counters, sums and histograms add, maxima take
 * the larger, waiting_start stays that of `into` and waiting_end becomes that of `from`; for an empty `into` call
 * summary_copy. 0, STATUS_NO_MEMORY, or STATUS_RANGE when a counter would pass its width; on failure *into is fit for
 * nothing but clear, copy or deinit. */
int summary_append(struct summary *into, const struct summary *from);
int summary_copy(struct summary *into, const struct summary *from);

/* Adds another site's or queue's summary of the same span: as summary_append, but what waited at both ends adds up, and
 * so do the peaks (an upper bound, for they need not coincide). Commutative and associative, bit for bit. */
int summary_merge(struct summary *into, const struct summary *from);

/* Takes away what summary_merge added: counters, sums, histograms, waiting_*. The maxima of durations cannot be taken
 * away: SUMMARY_MAXIMA (positive) when one of `what` equals that of `from`, which then stays (at most the upper edge of
 * the highest bin left). STATUS_RANGE when something would fall below zero: then nothing changed. */
enum { SUMMARY_MAXIMA = 1 };
int summary_subtract(struct summary *from, const struct summary *what);

/* waiting_start + entered = answered + abandoned + exits + withdrawn + lost + waiting_end */
bool summary_balanced(const struct summary *sum);

/* The stored form: a version byte; a byte that tells what is left out because it follows from the rest (1: the cohort
 * counters equal the flow counters, 2: handle equals talk); a varint mask of the flow counters that are not zero and a
 * varint for each; the same for the cohort counters and for waiting_start, waiting_end, waiting_max; a mask of the
 * durations, and for each: a varint of the sum (whole seconds << 1, or milliseconds << 1 | 1), a signed varint of how
 * far the maximum is below the upper edge of the highest bin, the length of the histogram's bytes, and those bytes.
 * Decode reads one summary and leaves the reader behind it. It refuses what encode would not have written:
 * STATUS_INVALID; STATUS_VERSION (a version, counter or duration this one does not know); STATUS_NO_MEMORY. On failure
 * *sum is zero. */
void summary_encode(const struct summary *sum, struct buf *out);
int summary_decode(struct summary *sum, struct wire_reader *reader);

#endif
