/* follower: the daemon's queue_log source: reads the followed log in portions and feeds the pipeline, tells status how
 * it stands. Lives on the loop's thread. */
#ifndef RINGSIDE_AGENT_FOLLOWER_H
#define RINGSIDE_AGENT_FOLLOWER_H

#include <stdbool.h>

#include "agent/config.h"
#include "agent/keeper.h"
#include "agent/pipeline.h"
#include "agent/status/health.h"
#include "platform/loop/loop.h"

struct follower;

struct follower_options {
    const struct agent_source_config *source; /* borrowed, as all of these */
    struct loop *loop;
    struct keeper *keeper; /* outlives the follower, but does not call it after its stop */
    struct pipeline *pipeline;
    struct status_health *health;
    /* What was read of the log's end waits so long before it is taken, so that a live source, which tells of the same
     * calls a moment after they were written, is heard first. 0: it is taken at once. */
    int64_t hold_ms;
};

int follower_start(const struct follower_options *options, struct follower **out); /* returns owned */

/* How old what is not read yet may be; 0: everything is read; -1: not known, the log cannot be read. */
int64_t follower_lag_ms(const struct follower *follower);
bool follower_is_caught_up(const struct follower *follower); /* all that was written up to now is read */
void follower_stop(struct follower *follower);               /* the loop must not run any more; NULL is fine */

#endif
