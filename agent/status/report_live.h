/* The parts of the report of what happens now. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_REPORT_LIVE_H
#define RINGSIDE_AGENT_STATUS_REPORT_LIVE_H

#include "agent/status/report_parts.h"
#include "agent/status/standing.h"
#include "agent/status/today.h"

struct live_queue {
    const char *name;
    const struct today_queue *today; /* NULL: the ledger does not know it yet */
    const struct board_queue *now;   /* NULL: nobody there */
};

struct live_work {
    const struct report_job *job;
    const struct report_cache *today;
    struct standing standing;
    bool hidden;               /* operators are not to be named */
    struct live_queue *queues; /* those asked for, by name */
    size_t queue_count;
};

const struct live_queue *live_find(const struct live_work *work, const char *name); /* NULL: not asked for */
const char *live_label(const struct live_queue *queue);                             /* NULL: none */
int64_t live_since(const struct live_work *work, int64_t at_ms);                    /* never negative */

/* Whether he is a member of a queue that was asked for; with all queues asked for everybody is. */
bool live_is_member(const struct live_work *work, const struct board_operator *who);

int live_put_callers(const struct live_work *work, struct json *out);
void live_put_operators(const struct live_work *work, struct json *out);
void live_put_events(const struct live_work *work, struct json *out);

#endif
