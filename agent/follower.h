/* follower: the daemon's source: reads the followed log in portions and feeds the pipeline, commits on time, tells
 * status how it stands. Lives on the loop's thread. */
#ifndef RINGSIDE_AGENT_FOLLOWER_H
#define RINGSIDE_AGENT_FOLLOWER_H

#include "agent/config.h"
#include "agent/pipeline.h"
#include "agent/status/health.h"
#include "platform/loop/loop.h"

struct follower;

struct follower_options {
    const struct agent_config *config; /* borrowed, as all of these */
    struct loop *loop;
    struct pipeline *pipeline;
    struct status_health *health;
    void (*committed)(void *ctx);           /* something changed and is durable */
    void (*gave_up)(void *ctx, int status); /* the stages or the ledger failed for good: stop the process */
    void *ctx;
};

int follower_start(const struct follower_options *options, struct follower **out); /* returns owned */

/* How old what is not read yet may be; 0: everything is read; -1: not known, the log cannot be read. */
int64_t follower_lag_ms(const struct follower *follower);
void follower_stop(struct follower *follower); /* commits what is pending; NULL is fine */

#endif
