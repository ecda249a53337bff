/* store_write: the writing side of the store. One process at a time (a lock on DIR/writer.lock), one thread.
 *
 * A commit is one transaction: begin, puts, end; many sites' batches share one (group commit). A put that fails makes
 * end() fail; after a failed commit nothing of it has happened. Hours and days follow behind: a put leaves the interval
 * pending, with what the cells contain of it, and store_roll() brings the cells up in transactions of its own. So a
 * crash at any point leaves cells and pending marks that together are exact. */
#ifndef RINGSIDE_COLLECTOR_STORE_STORE_WRITE_H
#define RINGSIDE_COLLECTOR_STORE_STORE_WRITE_H

#include "collector/store/store.h"

struct store_options {
    const char *dir;           /* created (0750) when its parent exists */
    uint64_t limit_bytes;      /* the file may grow to this; room is reserved on the disk before it is written to */
    int64_t intervals_keep_ms; /* 0: for ever */
    int64_t cells_keep_ms;     /* hours and days; 0: for ever */
    size_t roll_limit;         /* intervals a call of store_roll(); 0: 50000 */
    int64_t now_ms;
};

/* 0; STATUS_BUSY (another writer), STATUS_DENIED, STATUS_FULL, STATUS_CORRUPT, STATUS_VERSION, STATUS_IO. A damaged
 * file is mended first, see store_mended(). Owned. */
int store_open_writer(const struct store_options *options, struct store **out);
/* Where opening found its file damaged: what was lost, by now and before; NULL: it was sound. Until the first
 * store_roll() hours and days may hold more than their intervals, or less. */
const struct kv_loss *store_mended(const struct store *store);

/* LIMITS_STORE_BYTES at random, others from when the store lost intervals or gaps: branches that know it by others send
 * everything again. NULL: there was no room to write them down. */
const uint8_t *store_generation(const struct store *store);
/* As if it had lost some, for who knows that it has: it was put back to an older copy. A transaction of its own. */
int store_renew(struct store *store, int64_t now_ms);

int store_begin(struct store *store, int64_t now_ms);
int store_end(struct store *store); /* durable on 0; STATUS_FULL (map or disk), STATUS_IO: nothing happened */
void store_abort(struct store *store);

/* Numbers of names, given when first asked for; within a transaction. 0: no room for more names. */
uint32_t store_queue_number(struct store *store, struct slice name);

/* A site's epochs: known ones have numbers from 1 in the order in which they were adopted. */
enum { STORE_UNKNOWN = 1 };
int store_epoch_find(
    struct store *store, uint32_t site, const uint8_t *epoch, size_t len, uint32_t *number,
    bool *newest); /* 0 or STORE_UNKNOWN; `len` 4 looks at the first bytes only. In or out of a transaction */
/* The newest one keeps its number; any other, an older one that comes back too, gets the next. */
int store_epoch_adopt(struct store *store, uint32_t site, const uint8_t epoch[LIMITS_EPOCH_BYTES], uint32_t *number);

/* Upsert by (site, queue, start): a later epoch wins over an earlier one, within an epoch the higher revision. */
enum store_outcome {
    STORE_TAKEN = 0,
    STORE_REPEATED = 1, /* held already, the same */
    STORE_STALE = 2,    /* a higher revision, or a later epoch, is held */
    STORE_CONFLICT = 3, /* the same revision with other content: what is held stays */
    STORE_DROPPED = 4   /* it begins before what retention dropped: it may have been here, and counted */
};
/* A store_outcome, or a failure. *held_revision is set for STALE and CONFLICT. */
int store_put_interval(struct store *store, const struct store_interval *interval, uint64_t *held_revision);

int store_put_queue(struct store *store, uint32_t site, uint32_t queue, const struct queue_settings *settings);
int store_put_contact(struct store *store, uint32_t site, const struct store_contact *contact);
int store_put_gap(struct store *store, uint32_t site, const struct store_gap *gap); /* the same again does nothing */
int store_put_live_gap(struct store *store, uint32_t site, const struct store_gap *gap);
int store_put_event(struct store *store, const struct store_event *event); /* the newest 10000 are kept */

/* A site's live view as a whole, queues by number; NULL: it does not tell. The same again does nothing. */
int store_put_live(struct store *store, uint32_t site, const struct store_live_queue *queues, size_t count);
int store_put_operators(struct store *store, uint32_t site, const struct store_live_operator *operators, size_t count,
                        uint32_t more);

/* How cells hang together; borrowed for the call, from the store's thread. */
struct store_layout {
    void *ctx;
    store_scope (*group_of)(void *ctx, uint32_t site);             /* STORE_ALL: in no group */
    int64_t (*day_of)(void *ctx, store_scope scope, int64_t at_s); /* local date as days since 1970 */
};

/* Works off a bounded part of what is pending, oldest hours of all sites together, in one transaction. *more: there is
 * more. Not within begin/end. It costs least when it lags: an interval alone costs ten times one of 100,000 that are
 * pending together; but not without end, for a full map must have room left to roll. */
int store_roll(struct store *store, const struct store_layout *layout, int64_t now_ms, bool *more);

/* Drops what is past its keep, a bounded amount a call. */
int store_tend(struct store *store, int64_t now_ms, bool *more);

/* The site belongs to another group than its cells were added to (or to none), its day or that of a scope is cut by
 * another zone, or the site is gone with all its data. Each is one transaction; exact if it succeeds, else nothing
 * happened. store_grouping() tells what the cells were added up by: 0, or STORE_UNKNOWN when nothing was yet;
 * `day_zone` is any text that the caller gave to store_recut(), empty before; any thread may ask. A site that is new to
 * store_roll() goes by layout->group_of(); from then on only store_regroup() moves it. */
int store_grouping(struct store *store, store_scope scope, store_scope *group, char day_zone[64]);
int store_regroup(struct store *store, uint32_t site, store_scope group, const struct store_layout *layout);
int store_recut(struct store *store, store_scope scope, const char *day_zone, const struct store_layout *layout);
int store_remove_site(struct store *store, uint32_t site, const struct store_layout *layout);

#endif
