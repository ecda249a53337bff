/* tally: what a queue's counters need of its intervals: flows, sums of durations, and waits in a few wide buckets. So
 * small that those of all queues of all sites can be kept. Tallies add and subtract; nothing in them is a maximum. */
#ifndef RINGSIDE_COLLECTOR_QUERY_TALLY_H
#define RINGSIDE_COLLECTOR_QUERY_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/registry/registry.h"
#include "collector/store/store.h"
#include "platform/time/zone.h"
#include "proto/summary.h"

/* Waits up to 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600 s, each beyond the one before; and longer ones. The
 * limits are edges of the histogram's bins, so the counts are exact. */
enum { TALLY_BUCKETS = 13 };
extern const int64_t tally_bucket_s[TALLY_BUCKETS - 1];

struct tally {
    int64_t flow[FLOW_COUNT];
    int64_t sum_ms[DURATION_COUNT];
    int64_t wait_answered[TALLY_BUCKETS];
    int64_t wait_abandoned[TALLY_BUCKETS];
    int64_t unbalanced; /* intervals whose own books do not balance */
};

/* A tally as numbers in a row, for whoever does the same to each. */
enum { TALLY_NUMBERS = sizeof(struct tally) / sizeof(int64_t) };
static inline int64_t *tally_numbers(struct tally *tally)
{
    return (int64_t *)tally;
}

void tally_add(struct tally *sum, const struct tally *more);
void tally_subtract(struct tally *sum, const struct tally *less);
void tally_add_summary(struct tally *sum, const struct summary *more);
void tally_subtract_summary(struct tally *sum, const struct summary *less);

/* Whose days the store's days of that site are: as they were cut, or will be when nothing was yet. */
struct tally_days {
    const struct zone *zone;
    char name[64];
};
void tally_days_of(struct store *store, const struct registry_site *site, const char *told_zone,
                   const char *centre_zone, struct tally_days *out);

/* A day's key (as of the store's day cells), and its first second. */
int64_t tally_day_key(const struct tally_days *days, int64_t at_s);
int64_t tally_day_start(const struct tally_days *days, int64_t key_s);

/* Memory to read cells with, used again from site to site. Zero-initialised is fine. */
struct cell;
struct tally_scratch {
    struct cell *cell;
    struct summary sum;
};
void tally_scratch_deinit(struct tally_scratch *scratch);

/* What the cells of one site say from that key on, cell by cell; what is pending is not in it. Damaged cells are passed
 * over: the store's own check tells of them. */
typedef int (*tally_fn)(void *ctx, uint32_t queue, int64_t key_s, const struct tally *tally);
int tally_cells(struct store_view *view, struct tally_scratch *scratch, uint32_t site, enum store_grain grain,
                int64_t from_key_s, tally_fn fn, void *ctx);

#endif
