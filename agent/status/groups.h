/* groups: intervals added up by queue and span of time (whole range, local day, local hour, interval). */
#ifndef RINGSIDE_AGENT_STATUS_GROUPS_H
#define RINGSIDE_AGENT_STATUS_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/report/query.h"
#include "proto/summary.h"

struct group {
    uint32_t queue;
    int64_t start_s; /* of the span; 0 for the whole range */
    int64_t end_s;   /* INT64_MAX for the whole range */
    struct summary sum;
};

struct groups {
    enum query_grain grain;
    uint32_t interval_s;
    uint32_t max; /* more groups than this are refused */
    struct group **items;
    uint32_t count;
    size_t cap;
    uint32_t *slots; /* index + 1 into items, open addressing, 0 is free */
    uint32_t mask;
    int64_t span_start_s; /* the span of the newest interval, since they come in order */
    int64_t span_end_s;
};

/* The span of that grain that holds a moment: [*start_s, *end_s); 0 and INT64_MAX for the whole range. */
void groups_span(enum query_grain grain, uint32_t interval_s, int64_t at_s, int64_t *start_s, int64_t *end_s);

int groups_init(struct groups *groups, enum query_grain grain, uint32_t interval_s, uint32_t max);
void groups_deinit(struct groups *groups); /* zero-initialised is fine */

/* Adds one interval; those of one queue must come in order of time. STATUS_FULL when it would begin a group more than
 * allowed, STATUS_NO_MEMORY. */
int groups_add(struct groups *groups, uint32_t queue, int64_t start_s, const struct summary *sum);

/* The group of a queue over the whole range; NULL when it has none. Borrowed. */
const struct group *groups_find_whole(const struct groups *groups, uint32_t queue);

/* All queues of a span in one group of queue 0. What waited at the ends adds up; the peaks need not coincide, so
 * waiting_max becomes their sum, which is an upper bound. */
int groups_join_queues(const struct groups *groups, struct groups *out);

#endif
