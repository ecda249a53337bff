/* branch: a PBX and the agent beside it: follow, pipeline, ledger and the sync engine as they are, called in the order
 * in which follower, keeper and link call them. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_BRANCH_H
#define RINGSIDE_TESTS_PROOF_WORLD_BRANCH_H

#include "agent/pipeline.h"
#include "agent/sync/sync.h"
#include "tests/proof/world/disk.h"
#include "tests/proof/world/pbx.h"
#include "tests/proof/world/wire.h"

/* What the centre had of an interval when it was last looked at: it may only grow. */
struct branch_held {
    uint32_t epoch;
    uint64_t revision;
    bool acked; /* and the branch was told so */
};

struct branch {
    struct world *world;
    uint32_t number;
    char site[16];
    char ledger_dir[WORLD_PATH_MAX];
    struct agent_config *config;
    struct pbx pbx;
    struct rng rng;
    uint32_t site_number; /* the registry's */
    unsigned key;         /* of its certificate: each time it joins it gets another */
    /* the agent's process; all NULL while it is not there */
    struct pipeline *pipeline;
    struct follow *follow;
    struct sync *sync;
    struct conn *conn;
    size_t chunk_bytes;
    int64_t committed_ms;
    int64_t tended_ms;
    bool dying;            /* it is over as soon as the call that is under way returns */
    unsigned dies_in;      /* steps; 0: it does not */
    int64_t dead_ms;       /* for how long then */
    uint64_t last_commits; /* after so many of them nothing reaches its disk any more; 0: all do */
    bool hiccup;           /* but it is one alone that fails, and it lives on */
    uint64_t commits_before;
    struct world_timer read;
    struct world_timer commit;
    struct world_timer turn;
    struct world_timer start;
    int64_t turns_since_ms;
    unsigned turns; /* that the engine itself asked for, since then */
    struct message_arena *arena;
    struct disk_copy backup; /* of the ledger's file */
    /* the line */
    int64_t latency_ms;
    int64_t slow_until_ms;
    int64_t line_down_until_ms;
    enum wire_trap trap;
    bool refuses_requests;    /* the sending side says now and then that it is busy */
    unsigned refuse_next;     /* the collector answers the next request with this code */
    bool refuse_after;        /* but does what it asks for */
    int64_t busy_until_ms;    /* the collector has no room for this branch's messages */
    struct branch_held *held; /* [queue * pbx.slots + slot] */
    uint32_t sl_threshold_s;
};

struct branch *branch_new(struct world *world, uint32_t number);
void branch_free(struct branch *branch);

bool branch_is_up(const struct branch *branch);
void branch_start(struct branch *branch);
void branch_stop(struct branch *branch); /* as on SIGTERM */
void branch_kill(struct branch *branch); /* nothing of what was not committed stays */
void branch_start_at(struct branch *branch, int64_t at_ms);

void branch_freeze(struct branch *branch);
void branch_drain(struct branch *branch);
void branch_log_changed(void *ctx);

void branch_back_up(struct branch *branch);
void branch_put_back(struct branch *branch);                        /* while it is down */
void branch_lose_ledger(struct branch *branch);                     /* while it is down */
void branch_set_threshold(struct branch *branch, uint32_t seconds); /* from its next start on */

struct branch_held *branch_held(struct branch *branch, uint32_t queue, int64_t start_s); /* NULL: outside */

void branch_connected(struct branch *branch, struct conn *conn);
void branch_closed(struct branch *branch, struct conn *conn, const char *reason);
void branch_answered(struct branch *branch, uint64_t tag, unsigned code, uint32_t max_age_s, struct slice payload);

#endif
