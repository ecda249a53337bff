/* manager: the daemon's live source: keeps a connection to Asterisk's manager interface (AMI), feeds what it tells into
 * the pipeline, tells status how it stands. Lives on the loop's thread and never blocks it. */
#ifndef RINGSIDE_AGENT_MANAGER_H
#define RINGSIDE_AGENT_MANAGER_H

#include <stdbool.h>

#include "agent/config.h"
#include "agent/keeper.h"
#include "agent/pipeline.h"
#include "agent/status/health.h"
#include "platform/loop/loop.h"

struct manager;

struct manager_options {
    const struct agent_source_config *source; /* borrowed, as all of these */
    struct loop *loop;
    struct keeper *keeper; /* outlives the manager, but does not call it after its stop */
    struct pipeline *pipeline;
    struct status_health *health;
    bool leads;                  /* there is no queue_log source */
    bool (*log_read)(void *ctx); /* whether the log is read to its end; not asked when it leads */
    void (*changed)(void *ctx);  /* something happened that whoever watches wants to see at once */
    void *ctx;
};

int manager_start(const struct manager_options *options, struct manager **out); /* returns owned */
bool manager_sees(const struct manager *manager); /* connected, and its first snapshot taken in */
void manager_stop(struct manager *manager);       /* before the keeper's stop; NULL is fine */

#endif
