/* keeper: commits what the sources put into the pipeline: on time and when a batch is full, makes room in a full
 * ledger or holds the sources until there is, tends the ledger, and gives up when it cannot be written. One for all
 * sources of the daemon, on the loop's thread. */
#ifndef RINGSIDE_AGENT_KEEPER_H
#define RINGSIDE_AGENT_KEEPER_H

#include <stdbool.h>

#include "agent/config.h"
#include "agent/pipeline.h"
#include "agent/status/health.h"
#include "platform/loop/loop.h"

struct keeper;

struct keeper_options {
    const struct agent_config *config; /* borrowed, as all of these */
    struct loop *loop;
    struct pipeline *pipeline;
    struct status_health *health;
    void (*committed)(void *ctx);           /* something changed and is durable */
    void (*gave_up)(void *ctx, int status); /* the stages or the ledger failed for good: stop the process */
    void *ctx;
};

int keeper_start(const struct keeper_options *options, struct keeper **out); /* returns owned */
void keeper_stop(struct keeper *keeper);                                     /* commits what is pending; NULL is fine */

/* A source, called at each commit's time. before() may put into the pipeline (time that passed); room() says that the
 * ledger has room again after keeper_is_held(); trim() gives
 * back what memory it does not use now; NULL: it keeps none. */
struct keeper_client {
    void (*before)(void *ctx);
    void (*room)(void *ctx);
    void (*trim)(void *ctx);
    void *ctx;
};
enum { KEEPER_CLIENTS_MAX = 4 };
int keeper_add(struct keeper *keeper, const struct keeper_client *client); /* STATUS_FULL; stays until the stop */

void keeper_commit(struct keeper *keeper);         /* now */
void keeper_commit_if_full(struct keeper *keeper); /* when the pipeline wants it */

bool keeper_is_held(const struct keeper *keeper);    /* the ledger is full: take nothing */
bool keeper_is_stopped(const struct keeper *keeper); /* gave up: the process is about to end */

/* A stage failed: the process has to stop, to go on from the last commit. */
void keeper_give_up(struct keeper *keeper, const char *what, int status);

#endif
