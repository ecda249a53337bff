/* today: what the intervals say of the local day, queue by queue, and of the last hours one by one; kept from one
 * answer to the next while nothing was committed. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_TODAY_H
#define RINGSIDE_AGENT_STATUS_TODAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/status/report_parts.h"
#include "proto/measures.h"
#include "proto/summary.h"

enum { TODAY_POINTS = 16 };

struct today_point { /* one interval */
    uint32_t entered;
    uint32_t answered;
    bool has_level;
    double level;
};

struct today_queue {
    uint32_t id;
    char name[256];
    struct queue_settings settings;
    struct summary sum; /* of the day */
    struct today_point points[TODAY_POINTS];
};

struct report_cache {
    bool valid;
    uint64_t commits; /* of these it is true */
    int64_t day_s;
    int64_t open_s;             /* start of the interval that is open: the last of the points */
    struct today_queue *queues; /* by name; every one that the ledger knows */
    size_t count;
    size_t cap;
};

/* Makes it true of the job's view. 0, STATUS_NO_MEMORY, STATUS_RANGE or a failure of the ledger. */
int today_load(struct report_cache *today, const struct report_job *job);
void today_deinit(struct report_cache *today);

/* A queue's figures of the day as members of `today`; the longest wait counts who waits now. */
void today_put(struct json *today, const struct summary *sum, const struct queue_settings *settings,
               int64_t waiting_now_ms);

#endif
