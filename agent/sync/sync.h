/* sync: brings the ledger's dirty intervals to the collector and says that the site lives (design 4.5). State, not log:
 * what is dirty is asked of the ledger, newest first; only what is in flight is held in memory, however long the
 * collector is away.
 *
 * The engine does no I/O of its own and asks no clock: it is told what happened and what time it is, and makes requests
 * through a transport. So the daemon, the tests and a simulation drive the same code. Times are milliseconds: now_ms
 * monotonic, wall_ms for what is sent. */
#ifndef RINGSIDE_AGENT_SYNC_SYNC_H
#define RINGSIDE_AGENT_SYNC_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/ledger/ledger_write.h"
#include "agent/live/board.h"
#include "platform/base/slice.h"

struct sync;

enum sync_resource { SYNC_HELLO, SYNC_SUMMARIES, SYNC_LIVE };

struct sync_transport {
    void *ctx;
    void (*connect)(void *ctx); /* begins to; sync_connected() or sync_closed() follows */
    void (*close)(void *ctx);   /* hard; sync_closed() does not follow */
    /* 0, or a failure: then no answer will come. */
    int (*request)(void *ctx, enum sync_resource resource, struct slice payload, uint64_t tag);
};

struct sync_options {
    struct ledger *ledger; /* borrowed; the writer's handle, on its thread */
    struct board *board;   /* what is happening now, borrowed; NULL, or off: the ledger's open legs tell it */
    const char *site;
    const char *agent_version;
    const char *zone;
    uint8_t instance[8];
    bool live;            /* send the live view and open intervals; without: closed intervals and a heartbeat */
    bool operators;       /* the live view tells who they are and how they stand, of the board */
    int64_t live_min_ms;  /* a live view at most so often */
    int64_t heartbeat_ms; /* and at least so often */
    int64_t open_min_ms;  /* an open interval at most so often */
    int64_t retry_min_ms; /* reconnect: full jitter between 0 and min(retry_max, retry_min * 2^attempt) */
    int64_t retry_max_ms;
    uint32_t window;             /* batches in flight */
    uint32_t payload_max;        /* bytes of a message */
    double (*random)(void *ctx); /* 0 <= x < 1 */
    void *random_ctx;
    struct sync_transport transport;
};

/* How it stands, for status. */
enum sync_state {
    SYNC_WAITING, /* until the next attempt */
    SYNC_CONNECTING,
    SYNC_GREETING, /* connected, hello under way */
    SYNC_RUNNING,
    SYNC_HELD /* the collector asked us to wait (5.03), or does not serve our protocol */
};
struct sync_facts {
    enum sync_state state;
    int64_t state_since_ms; /* monotonic, as the next three; 0: never */
    int64_t retry_at_ms;
    int64_t acked_at_ms; /* an answer to anything */
    int64_t summary_acked_at_ms;
    uint64_t connects;
    uint64_t sent_intervals;
    uint64_t acked_intervals;
    uint64_t refused_intervals;
    uint64_t stale_answers;
    uint64_t resends; /* the collector turned out to have lost what it had */
    uint64_t resent_intervals;
    uint32_t in_flight;
    int64_t clock_offset_ms; /* ours less the collector's, as it told at hello; 0 before */
    char last_error[160];
};
const char *sync_state_str(enum sync_state state);

int sync_new(const struct sync_options *options, int64_t now_ms, struct sync **out); /* copies; returns owned */
void sync_free(struct sync *sync);

/* Does what is due. Returns in how many ms it wants to be called again. */
int64_t sync_turn(struct sync *sync, int64_t now_ms, int64_t wall_ms);

/* What happened; sync_turn() is due after each. */
void sync_committed(struct sync *sync, int64_t now_ms); /* the ledger has news */
bool sync_live_changed(struct sync *sync);              /* the board has; false: it was known, no turn is due */
void sync_set_lag(struct sync *sync, int64_t lag_ms);   /* how far reading the log is behind; -1: not known */
void sync_connected(struct sync *sync, int64_t now_ms, uint32_t payload_max);
void sync_closed(struct sync *sync, int64_t now_ms, const char *reason);
void sync_answered(struct sync *sync, int64_t now_ms, int64_t wall_ms, uint64_t tag, unsigned code, uint32_t max_age_s,
                   struct slice payload);

void sync_facts(const struct sync *sync, struct sync_facts *out);

#endif
