/* store_internal: what the store's own files share. docs/store.md tells how the databases hang together.
 *
 * Keys and values are records (platform/kv/record.h). Worked example: site 7, queue 1 = "sales", one call that gave up
 * after 2000 ms in the quarter of an hour from 2026-11-21 00:00 UTC (1795219200 = 6b00df00), first epoch, revision 3:
 *   intervals  00000007 6b00df00 00000001 : 01, 01 (epoch) 03 (revision) 90dea6b7bf68 (received) 880e (900 s << 1, not
 *              open), 01010501010401020400029811 (summary), 3c725441 (CRC)
 *   pending    6b00df00 00000007 00000001 6b00df00 : nothing, for the cells contain nothing of it
 * After a roll the mark is gone and there are cells (collector/rollup/cell.h) of site 7 and of all, by hour and day:
 *   hours      00000007 6b00df00 00000001 : 01, 0101010000000105010105010102d00fd00f049811, 02fd2fd7
 * Revision 4 with other content leaves a mark with what the cells contain:
 *   pending    6b00df00 00000007 00000001 6b00df00 : 01, 8407 (900 s) 01010501010401020400029811, bb5331ba */
#ifndef RINGSIDE_COLLECTOR_STORE_STORE_INTERNAL_H
#define RINGSIDE_COLLECTOR_STORE_STORE_INTERNAL_H

#include <pthread.h>

#include "collector/rollup/cell.h"
#include "collector/store/store_write.h"
#include "platform/base/buf.h"
#include "platform/base/intern.h"
#include "platform/base/wire.h"
#include "platform/kv/kv.h"
#include "platform/kv/record.h"

enum store_db {
    STORE_DB_META,       /* text key: state, damage, generation */
    STORE_DB_NAMES,      /* queue u32 -> name */
    STORE_DB_NAME_INDEX, /* name -> queue u32, without a check of its own: the name under it is compared */
    STORE_DB_EPOCHS,     /* site u32, number u32 -> 16 bytes, adopted */
    STORE_DB_QUEUES,     /* site u32, queue u32 -> settings */
    STORE_DB_INTERVALS,  /* site u32, start u32 (s), queue u32 -> store_interval form */
    STORE_DB_PENDING,    /* hour u32 (s), site u32, queue u32, start u32 -> what the cells contain of it, or nothing */
    STORE_DB_HOURS,      /* scope u32, hour u32 (s), queue u32 -> cell */
    STORE_DB_DAYS,       /* scope u32, 86400 * day u32, queue u32 -> cell */
    STORE_DB_CONTACTS,   /* site u32 */
    STORE_DB_GAPS,       /* site u32, from u64 (ms) -> to, reason */
    STORE_DB_EVENTS,     /* at u64 (ms), number u32 */
    STORE_DB_GROUPING,   /* scope u32 -> group, day zone */
    STORE_DB_LIVE,       /* site u32 -> its queues */
    STORE_DB_OPERATORS,  /* site u32 -> who is logged in there */
    STORE_DB_LIVE_GAPS,  /* as gaps, of what is not calls */
    STORE_DB_COUNT,
    STORE_DB_LATER = STORE_DB_LIVE /* these a store may lack that was never written by a collector with a live view */
};

extern const char *const store_db_names[STORE_DB_COUNT];

enum { STORE_HOUR_S = 3600, STORE_DAY_S = 86400, STORE_EVENTS_MAX = 10000, STORE_NAMES_MAX = 1 << 20 };
enum { STORE_ROLL_LIMIT = 50000 };
enum { STORE_NONE = 1 }; /* outcome: no such record */

/* Hours and days are added up anew: first they go, then all intervals are marked, roll_limit of them in each
 * transaction; until all are, nothing is rolled and nothing dropped by age. */
enum store_rebuild { STORE_REBUILD_NONE, STORE_REBUILD_DROP, STORE_REBUILD_MARK };

/* Rewritten with every commit. */
struct store_state {
    int64_t created_ms;
    int64_t committed_ms;
    uint64_t commits;
    uint64_t interval_count;
    uint64_t pending_count;
    uint64_t dropped_before_s; /* retention has been over the intervals that begin before this */
    uint64_t cells_dropped_before_s;
    uint32_t next_event;
    uint64_t event_count;
    enum store_rebuild rebuild; /* what the next roll does */
    uint32_t marked[3];         /* of the key of the first interval that is not marked yet */
    uint64_t marks_sum; /* of store_mark_hash() of all marks: those of new intervals have no check of their own */
    bool has_records;   /* as loaded, as the next: a version before these does not tell */
    uint64_t records[STORE_DB_COUNT]; /* of each database when this was written: what is lost is counted by it */
};

/* By what the cells of a scope were added up. */
struct store_grouping_entry {
    store_scope scope;
    store_scope group; /* of a site */
    char zone[64];
};

struct store_roller;

struct store {
    struct kv *kv;
    bool writable;
    bool lacks_later; /* none of STORE_DB_LATER and behind: read beside a collector of before */
    int lock_fd;
    unsigned db[STORE_DB_COUNT];
    struct store_options options;
    struct store_state state;
    uint8_t generation[LIMITS_STORE_BYTES];
    bool has_generation;
    struct intern *names;
    uint32_t names_stored;
    pthread_mutex_t grouping_lock;         /* other threads ask store_grouping(); only the writer changes it */
    struct store_grouping_entry *grouping; /* ascending by scope */
    size_t grouping_count;
    size_t grouping_cap;
    /* The transaction in progress: */
    struct kv_txn *txn;
    struct kv_cursor *intervals; /* opened when first needed */
    struct kv_cursor *pending;
    int failure; /* first failed put */
    uint64_t spent_bytes;
    uint64_t room_bytes; /* what its commit must leave */
    struct store_state before;
    struct buf value;
    struct buf other;
    struct store_roller *roller;
    bool mended;           /* this opening found it damaged */
    struct kv_loss damage; /* then: all that was ever lost */
    uint32_t tend_site;    /* where the next call of store_tend goes on */
};

struct store_view {
    struct store *store;
    struct kv_txn *txn;
    struct summary now;
    struct summary then;
};

/* The payload of an interval's record, and of a pending mark's (which has interval_s and summary only). */
struct store_interval_form {
    uint32_t epoch;
    uint64_t revision;
    bool open;
    uint32_t interval_s;
    int64_t received_ms;
    struct slice summary; /* bytes of summary_encode, borrowed */
};

/* Transactions: store_commit.c */
int store_txn_begin(struct store *store, int64_t now_ms, bool deletes);
int store_txn_put(struct store *store, enum store_db db, const struct record_key *key); /* of store->value */
int store_txn_delete(struct store *store, enum store_db db, const struct record_key *key);
int store_txn_fail(struct store *store, int status); /* returns it; the first one makes the commit fail */
int store_read(struct store *store, struct kv_txn *txn, enum store_db db, const struct record_key *key,
               struct wire_reader *payload); /* 0, STORE_NONE, or a failure */
int store_state_load(struct store *store, struct kv_txn *txn, struct store_state *out);
int store_state_open(struct slice key, struct slice value, struct store_state *out);
int store_state_put(struct store *store);

/* store.c */
int store_open_dbs(struct store *store, bool create);
uint64_t store_grow_bytes(uint64_t limit_bytes);

/* store_repair.c: looks the file over before it is opened and mends what is damaged: 0 or a failure. */
int store_repair(struct store *store);

/* store_damage.c: as kv_loss_load() and, within a transaction, kv_loss_add(). */
int store_damage_load(struct store *store, struct kv_txn *txn, struct kv_loss *out);
int store_damage_add(struct store *store, const struct kv_loss *damage, struct kv_loss *all);

/* store_generation.c: making puts it, within a transaction; loading finds none where there is none that can be read.
 * Renewed, every site owes what it has until it tells how it stands. */
int store_generation_make(struct store *store);
int store_generation_renew(struct store *store);
int store_generation_load(struct store *store, struct kv_txn *txn);

/* store_tend.c: the edge of what is kept for so long, in whole hours; 0: none. */
uint32_t store_edge_of(int64_t now_ms, int64_t keep_ms);

/* store_regroup.c: hours and days from the intervals that are there, as store_state.rebuild says: the next step, one
 * transaction. */
int store_rebuild(struct store *store, const struct store_layout *layout);

uint64_t store_mark_hash(struct slice key); /* store_put.c */

/* store_form.c */
void store_interval_write(const struct store_interval *interval, struct buf *out);
int store_interval_read(struct wire_reader *payload, struct store_interval_form *out);
int store_then_read(struct wire_reader *payload, struct store_interval_form *out);
void store_contact_write(const struct store_contact *contact, struct buf *out);
int store_contact_read(struct wire_reader *payload, struct store_contact *out);
void store_event_write(const struct store_event *event, struct buf *out);
int store_event_read(struct wire_reader *payload, struct store_event *out);
int store_gap_read(struct wire_reader *payload, struct store_gap *out);
int store_live_read(struct wire_reader *payload, store_live_queue_fn fn, void *ctx);
int store_operators_read(struct wire_reader *payload, uint32_t *more, store_live_operator_fn fn, void *ctx);
int store_settings_read(struct wire_reader *payload, struct queue_settings *out);
int store_summary_read(struct slice bytes, struct summary *out);

/* store_put.c: puts store->value unless just that is held: what did not change costs no page. */
int store_put_changed(struct store *store, enum store_db db, const struct record_key *key);

static inline uint32_t store_hour_of(uint32_t start_s)
{
    return start_s - start_s % STORE_HOUR_S;
}

/* store_group.c */
int store_grouping_load(struct store *store, struct kv_txn *txn);
const struct store_grouping_entry *store_grouping_find(const struct store *store, store_scope scope);
int store_grouping_put(struct store *store, const struct store_grouping_entry *entry); /* within a transaction */

void store_roller_free(struct store_roller *roller);

#endif
