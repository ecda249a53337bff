/* series_files: what an exporter of the same figures would have told a time-series database, as files that such a one
 * takes in: OpenMetrics text and JSON lines. Counters and a histogram of waits with fixed buckets for each queue of
 * each site, one sample a step. */
#ifndef RINGSIDE_TESTS_BENCH_SERIES_FILES_H
#define RINGSIDE_TESTS_BENCH_SERIES_FILES_H

#include <stdint.h>

enum { SERIES_BUCKETS = 8, SERIES_NONE = UINT16_MAX };
extern const int series_bounds_s[SERIES_BUCKETS - 1]; /* the last bucket has no bound */

/* What an interval adds. */
struct series_change {
    uint32_t entered;
    uint32_t answered;
    uint32_t abandoned;
    uint32_t talk_s;
    uint32_t wait_s;
    uint32_t buckets[SERIES_BUCKETS]; /* of waits, each with those below */
};

struct series_plan {
    uint32_t sites;
    uint32_t queues;
    uint32_t steps;
    uint32_t step_s;
    int64_t from_s;
    const struct series_change *changes;
    const uint16_t *chosen; /* by step, site, queue: a change, or SERIES_NONE */
};

void series_change_wait(struct series_change *change, int64_t wait_s);

/* DIR/series.om and DIR/series.jsonl. Returns the number of series, 0 when a file cannot be written. */
uint64_t series_files_write(const struct series_plan *plan, const char *dir);

#endif
