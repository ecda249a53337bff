/* centre: the daemon's way to its collector: starts the link with what the configuration says and tells status how it
 * stands. Lives on the loop's thread. */
#ifndef RINGSIDE_AGENT_CENTRE_H
#define RINGSIDE_AGENT_CENTRE_H

#include "agent/config.h"
#include "agent/ledger/ledger_write.h"
#include "agent/live/board.h"
#include "agent/status/health.h"
#include "platform/loop/loop.h"

struct centre;

struct centre_options {
    const struct agent_config *config; /* borrowed, as all of these */
    struct loop *loop;
    struct ledger *ledger;
    struct board *board; /* NULL: there is no live source */
    struct status_health *health;
    void (*changed)(void *ctx); /* status shows something else now */
    void *ctx;
};

int centre_start(const struct centre_options *options, struct centre **out); /* returns owned */
void centre_stop(struct centre *centre);                                     /* NULL is fine */

/* After a commit; how far reading the log is behind, -1: not known. NULL is fine. */
void centre_committed(struct centre *centre, int64_t lag_ms);

/* The board shows something else now. Cheap, however often; NULL is fine. */
void centre_live_changed(struct centre *centre);

#endif
