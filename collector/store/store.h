/* store: what the centre knows (LMDB): summaries of all sites as they came, hours and days added up from them,
 * contacts, events. One writer (the collector's store thread), any number of readers in any process.
 *
 * This header is the reading side; store_write.h the writing side. Sites and groups are numbers here; the registry has
 * their names. */
#ifndef RINGSIDE_COLLECTOR_STORE_STORE_H
#define RINGSIDE_COLLECTOR_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/kv/kv_loss.h"
#include "proto/limits.h"
#include "proto/measures.h"
#include "proto/shift.h"
#include "proto/summary.h"

struct store;
struct store_view; /* one consistent moment; keep it under 100 ms where a writer is at work */

/* Whose numbers: everybody's, a group's or a site's. Sites are numbered from 1. */
typedef uint32_t store_scope;
enum { STORE_ALL = 0 };
#define STORE_GROUP_BIT UINT32_C(0x80000000)
static inline store_scope store_scope_site(uint32_t site)
{
    return site;
}
static inline store_scope store_scope_group(uint32_t group)
{
    return STORE_GROUP_BIT | group;
}

enum { STORE_QUEUE_TOTAL = 0 }; /* all queues together; kept for STORE_ALL and groups, not for sites */

struct store_interval {
    uint32_t site;
    uint32_t queue; /* the store's number of the name */
    int64_t start_s;
    uint32_t interval_s;
    uint32_t epoch; /* the store's number of the site's epoch; a later one is higher */
    uint64_t revision;
    int64_t received_ms;
    bool open;
    const struct summary *sum; /* borrowed for the call */
};

/* What a site last said of itself, and what was counted of it. */
struct store_contact {
    int64_t last_seen_ms; /* collector's clock; 0: never */
    int64_t connected_ms; /* of the newest connection */
    int64_t ack_ms;       /* when its newest summary became durable here */
    bool online;
    char address[64];
    char agent_version[32];
    char zone[64]; /* as the agent is set */
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    uint32_t interval_s;
    int64_t clock_offset_ms; /* site's clock less ours */
    int64_t lag_ms;          /* reading its log; -1: not known */
    uint64_t backlog;        /* intervals that wait at the site */
    int64_t oldest_backlog_s;
    int64_t newest_start_s; /* of the intervals held */
    uint64_t taken;         /* intervals, since the site is known; as all below */
    uint64_t repeated;
    uint64_t stale;
    uint64_t conflicts;
    uint64_t refused;
    uint64_t unbalanced;
    uint64_t flood_refusals; /* messages turned away for coming too fast */
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t quality[64]; /* the agent's own counters, in its order */
    uint32_t quality_count;
    int64_t live_ms;  /* when it last told how it stands; 0: never, or it does not tell */
    uint32_t waiting; /* callers, in all queues, as of live_ms */
    uint32_t talking;
    int64_t oldest_enter_ms; /* when the one who waits longest entered, by the site's clock; 0: nobody waits */
    uint32_t site_refused;   /* summaries that the site keeps because they were refused */
    int64_t live_seen_ms;    /* when its live view was last told or left as it was; 0 as live_ms */
    uint32_t heartbeat_s;    /* it speaks at least so often; 0: not told */
};

/* What a site last told of a queue, or of its operators in all its queues (STORE_QUEUE_TOTAL: the callers are 0). -1:
 * not known. Moments are by the site's clock. */
enum { STORE_LIVE_QUEUES_MAX = 4096 }; /* of one site */
struct store_live_queue {
    uint32_t queue;
    uint32_t waiting;
    uint32_t talking;
    int64_t oldest_enter_ms; /* 0: nobody waits */
    int32_t held;
    int32_t logged_in;
    int32_t ready;
    int32_t paused;
    int32_t on_call;
};

struct store_live_operator {
    char name[LIMITS_OPERATOR_TEXT_MAX + 1];
    char reason[LIMITS_OPERATOR_TEXT_MAX + 1];
    enum shift_state state;
    int64_t since_ms; /* 0: not known */
    uint32_t queue;   /* of the call; 0: none */
};

struct store_event {
    int64_t at_ms;
    uint32_t site; /* 0: none */
    char kind[24]; /* "new-epoch", "two-boxes", "conflict", "refused", "clock", ... */
    char text[160];
};

struct store_gap {
    int64_t from_ms;
    int64_t to_ms;
    char reason[64];
};

struct store_facts {
    int64_t created_ms;
    int64_t committed_ms;
    uint64_t commits;
    uint64_t interval_count;
    uint64_t pending_count; /* intervals that hours and days do not contain yet */
    uint64_t used_bytes;
    uint64_t file_bytes;
    uint64_t limit_bytes;
};

/* 0, STATUS_NOT_FOUND (also while it is being made, or where that was cut short), STATUS_DENIED, STATUS_VERSION,
 * STATUS_CORRUPT, STATUS_IO. Returns owned. */
int store_open_readonly(const char *dir, struct store **out);
void store_close(struct store *store);

int store_view_begin(struct store *store, struct store_view **out); /* any thread */
void store_view_end(struct store_view *view);
int store_view_facts(struct store_view *view, struct store_facts *out);

struct slice store_view_queue_name(struct store_view *view, uint32_t queue); /* borrowed; empty: none */
uint32_t store_view_queue_find(struct store_view *view, struct slice name);  /* 0: none */
/* As the site last told; false: never. */
bool store_view_queue_settings(struct store_view *view, uint32_t site, uint32_t queue, struct queue_settings *out);
bool store_view_contact(struct store_view *view, uint32_t site, struct store_contact *out);

/* The walks call fn for each item in ascending order of time; fn returns 0 to go on, anything else ends the walk and is
 * returned. Records that fail their check are skipped and counted in *bad (may be NULL). */
typedef int (*store_interval_fn)(void *ctx, const struct store_interval *item);
int store_view_intervals(struct store_view *view, uint32_t site, int64_t from_s, int64_t to_s, store_interval_fn fn,
                         void *ctx, uint64_t *bad);

/* Stored cells (collector/rollup/cell.h) of a scope. Hours: key_s is the hour's first second (UTC). Days: key_s is
 * 86400 times the local date's days since 1970, local in the scope's own zone. `queue` UINT32_MAX: every queue but
 * STORE_QUEUE_TOTAL. */
struct store_cell {
    int64_t key_s;
    uint32_t queue;
    struct slice stored; /* borrowed for the call */
};
enum store_grain { STORE_HOUR, STORE_DAY };
typedef int (*store_cell_fn)(void *ctx, const struct store_cell *item);
int store_view_cells(struct store_view *view, store_scope scope, enum store_grain grain, int64_t from_key_s,
                     int64_t to_key_s, uint32_t queue, store_cell_fn fn, void *ctx, uint64_t *bad);

/* Intervals whose newest content is not in the cells yet: what they hold now (NULL: gone) and what the cells contain of
 * them (NULL: nothing). An exact answer from cells adds `now` and takes away `then`. In order of the hour they are in.
 */
struct store_pending {
    uint32_t site;
    uint32_t queue;
    int64_t start_s;
    uint32_t interval_s;
    const struct summary *now;
    const struct summary *then;
};
typedef int (*store_pending_fn)(void *ctx, const struct store_pending *item);
int store_view_pending(struct store_view *view, int64_t from_s, int64_t to_s, store_pending_fn fn, void *ctx,
                       uint64_t *bad);

/* What the site's live view last told, as of its contact's live_seen_ms; queues that are not told of are idle. *more:
 * operators beside those told by name. 0, what fn returned, or a failure; STORE_UNTOLD: the site does not tell. */
enum { STORE_UNTOLD = 1 };
typedef int (*store_live_queue_fn)(void *ctx, const struct store_live_queue *queue);
int store_view_live(struct store_view *view, uint32_t site, store_live_queue_fn fn, void *ctx);
typedef int (*store_live_operator_fn)(void *ctx, const struct store_live_operator *who);
int store_view_operators(struct store_view *view, uint32_t site, uint32_t *more, store_live_operator_fn fn, void *ctx);
typedef int (*store_queue_fn)(void *ctx, uint32_t queue); /* those that the site has told of, by number */
int store_view_queues(struct store_view *view, uint32_t site, store_queue_fn fn, void *ctx);

/* Of which time the site knows that it has not seen the calls; and of which it only lacks operators, holds and refused
 * callers. */
typedef int (*store_gap_fn)(void *ctx, const struct store_gap *gap);
int store_view_gaps(struct store_view *view, uint32_t site, store_gap_fn fn, void *ctx);
int store_view_live_gaps(struct store_view *view, uint32_t site, store_gap_fn fn, void *ctx);
/* Newest first. site 0: of all. */
typedef int (*store_event_fn)(void *ctx, const struct store_event *event);
int store_view_events(struct store_view *view, uint32_t site, store_event_fn fn, void *ctx);

/* What was lost with damaged files since the store was founded: the places in kv_loss.lost. */
enum store_loss {
    STORE_LOST_INTERVALS,
    STORE_LOST_CELLS, /* hours and days that no interval tells any more; the others are added up anew */
    STORE_LOST_NAMES,
    STORE_LOST_EPOCHS,
    STORE_LOST_CONTACTS,
    STORE_LOST_GAPS,
    STORE_LOST_EVENTS,
    STORE_LOST_SETTINGS, /* the sites tell them again */
    STORE_LOST_LIVE,     /* likewise */
    STORE_LOST_STATE,
    STORE_LOSS_COUNT
};
extern const char *const store_loss_names[STORE_LOSS_COUNT][2]; /* of one, of many */

bool store_view_damage(struct store_view *view, struct kv_loss *out); /* false: nothing was ever lost */
/* One line for people. */
void store_damage_tell(const struct kv_loss *damage, char *out, size_t size);

/* Verifies every record, the balance of each interval, and that cells (with what is pending) equal the sum of their
 * intervals where those are all still held. A line for each defect; returns their number or a failure. */
typedef void (*store_line_fn)(void *ctx, const char *line);
int64_t store_check(struct store *store, store_line_fn fn, void *ctx);

#endif
