/* sentinel: the site's own alerts in the daemon: looks by a timer, writes what it finds to the log, has the hook run,
 * keeps what must outlive a restart beside the ledger and tells status. Lives on the loop's thread. */
#ifndef RINGSIDE_AGENT_SENTINEL_H
#define RINGSIDE_AGENT_SENTINEL_H

#include "agent/config.h"
#include "agent/ledger/ledger.h"
#include "agent/live/board.h"
#include "agent/status/health.h"
#include "platform/loop/loop.h"
#include "platform/service/runner.h"

struct sentinel;

struct sentinel_options {
    const struct agent_config *config; /* borrowed, as all of these */
    struct loop *loop;
    struct ledger *ledger;
    struct board *board; /* NULL: there is no live source */
    struct status_health *health;
    struct runner *runner;      /* of the hook; NULL: there is none */
    void (*changed)(void *ctx); /* status shows something else now */
    void *ctx;
};

int sentinel_start(const struct sentinel_options *options, struct sentinel **out); /* NULL without a rule */
void sentinel_stop(struct sentinel *sentinel);                                     /* NULL is fine */

#endif
