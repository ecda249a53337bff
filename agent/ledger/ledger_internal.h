/* ledger_internal: what the ledger's own files share. */
#ifndef RINGSIDE_AGENT_LEDGER_LEDGER_INTERNAL_H
#define RINGSIDE_AGENT_LEDGER_LEDGER_INTERNAL_H

#include "agent/ledger/ledger_write.h"
#include "agent/ledger/leg_block.h"
#include "platform/kv/record.h"

enum ledger_db {
    LEDGER_DB_META,      /* text key: identity, secret, state, zone, damage, centre; "q" + queue id: that queue's
                            settings */
    LEDGER_DB_NAMES,     /* kind u8, id u32 -> name; of verbs: varint count, name */
    LEDGER_DB_CURSORS,   /* id u32 -> source, path, position, times */
    LEDGER_DB_OPEN_LEGS, /* seq u64 -> leg_open form */
    LEDGER_DB_LEGS,      /* block number u64 -> leg_block payload */
    LEDGER_DB_INTERVALS, /* start u32 (s), queue u32 -> varint revision, summary */
    LEDGER_DB_DIRTY,     /* start u32 (s), queue u32 -> nothing: this interval has not been acknowledged; or, where the
                            collector refused it: varint revision, reason */
    LEDGER_DB_GAPS,      /* from u64 (ms), number u32 -> svarint to, reason, varint kind (none: calls) */
    LEDGER_DB_SHIFTS,    /* start u32 (s), operator u32 -> shift */
    LEDGER_DB_COUNT
};

extern const char *const ledger_db_names[LEDGER_DB_COUNT];

enum {
    LEDGER_KINDS_END = LEDGER_REASON + 1,
    LEDGER_PUT_BYTES_MAX = 3 * 4096 /* pages a put or a delete copies on its way down */
};

/* A block all of whose legs ended this much before some in earlier blocks makes the blocks unsorted: a walk by time
 * reads them all. */
#define LEDGER_UNSORTED_MS (INT64_C(48) * 3600 * 1000)

struct ledger_identity {
    uint8_t epoch[16];
    char site[65];
    int64_t created_ms;
    uint32_t interval_s;
};

/* Rewritten with every commit. */
struct ledger_state {
    struct ledger_progress progress;
    int64_t committed_ms;
    uint64_t commits;
    uint64_t leg_count;
    uint64_t leg_bytes;
    uint64_t interval_count;
    uint64_t interval_bytes;
    uint64_t next_block;
    uint64_t newest_interval_s; /* largest interval start stored */
    uint32_t next_cursor;
    uint32_t next_gap;
    int64_t newest_end_ms; /* largest end time in a leg block */
    bool legs_unsorted;    /* a block was added whose legs are all much older than some before it */
    uint64_t quality[QUALITY_COUNT];
    uint64_t refused;                  /* dirty marks with a reason */
    uint64_t newest_shift_s;           /* largest start of a shift stored; found at start, not stored */
    uint64_t marks_sum;                /* of ledger_mark_hash() of all marks: they have no check of their own */
    bool has_records;                  /* as loaded, as the next: a version before these does not tell */
    uint64_t records[LEDGER_DB_COUNT]; /* of each database when this was written: what is lost is counted by it */
};

struct ledger {
    struct kv *kv;
    bool writable;
    int lock_fd;
    unsigned db[LEDGER_DB_COUNT];
    bool no_shifts; /* opened for reading, made by a version that knew none: as if there were none in it */
    struct ledger_identity identity;
    struct ledger_options options;
    uint8_t secret[LEDGER_SECRET_BYTES];
    struct intern *names[LEDGER_KINDS_END];
    uint32_t names_stored[LEDGER_KINDS_END];
    uint64_t verb_counts[LEDGER_VERBS_MAX + 1];
    bool verbs_changed;
    struct ledger_state state;       /* as committed, the growing block left out */
    uint64_t quality[QUALITY_COUNT]; /* as counted; becomes the state's with the next commit */
    /* The transaction in progress: */
    struct kv_txn *txn;
    int failure;          /* first failed put */
    uint64_t spent_bytes; /* the most that its puts can have taken of the map */
    bool aside;           /* it is none of the callers' commits: what waits for one must not go along */
    struct ledger_state before;
    /* Legs wait here for the next commit, packed already; they stay when it fails. */
    struct leg_block tail; /* the last, growing block, as stored plus what waits */
    bool tail_changed;
    uint64_t tail_stored_count; /* legs in the growing block's stored form, 0: not stored yet */
    uint64_t tail_stored_bytes;
    struct leg_block *sealed; /* blocks that became full since */
    size_t sealed_count;
    size_t sealed_cap;
    struct buf value;
    uint64_t tend_from;    /* block at which tending goes on looking where they are unsorted */
    bool mended;           /* this opening found it damaged */
    struct kv_loss damage; /* then: all that was ever lost */
};

struct ledger_view {
    struct ledger *ledger;
    struct kv_txn *txn;
};

/* ledger_meta.c. Loading: 0, LEDGER_NONE, STATUS_CORRUPT, STATUS_VERSION; making: new ones at random, put into `txn`.
 */
int ledger_identity_load(struct ledger *ledger, struct kv_txn *txn);
int ledger_identity_make(struct ledger *ledger, struct kv_txn *txn);
int ledger_secret_load(struct ledger *ledger, struct kv_txn *txn);
int ledger_secret_make(struct ledger *ledger, struct kv_txn *txn);
int ledger_found(struct ledger *ledger); /* a new ledger's meta records */
int ledger_state_load(struct ledger *ledger, struct kv_txn *txn, struct ledger_state *out);
int ledger_state_open(struct slice key, struct slice value, struct ledger_state *out);
int ledger_state_put(struct ledger *ledger, struct kv_txn *txn, const struct ledger_state *state);

/* Within begin/end: as kv_put() of what ledger->value holds, with failure and room accounted for. */
void ledger_fail(struct ledger *ledger, int status);
void ledger_put(struct ledger *ledger, enum ledger_db db, const struct record_key *key, bool append);

/* A transaction beside the callers' commits: takes nothing along that waits for one. Between both, as begin/end. */
int ledger_begin_aside(struct ledger *ledger);
int ledger_end_aside(struct ledger *ledger, int status); /* gives up and returns status unless 0 */

/* ledger_repair.c: looks the file over before it is opened and mends what is damaged: 0 or a failure. */
int ledger_repair(struct ledger *ledger);
int ledger_open_dbs(struct ledger *ledger, bool create);

/* ledger_damage.c: as kv_loss_load() and kv_loss_add(). */
int ledger_damage_load(struct ledger *ledger, struct kv_txn *txn, struct kv_loss *out);
int ledger_damage_add(struct ledger *ledger, struct kv_txn *txn, const struct kv_loss *damage);
uint64_t ledger_mark_hash(struct slice key);
int ledger_mark_dirty(struct ledger *ledger, const struct record_key *key, bool may_exist, bool append);
int ledger_mark_drop(struct ledger *ledger, const struct record_key *key);

int ledger_interval_open(struct slice key, struct slice value, int64_t *start_s, uint32_t *queue, uint32_t *revision,
                         struct wire_reader *summary);
/* Whether record (key, value) is a shift, and which; its content goes to *out, which is cleared before. */
int ledger_shift_open(struct slice key, struct slice value, int64_t *start_s, uint32_t *operator_id, struct shift *out);
int ledger_newest_shift(struct ledger *ledger, struct kv_txn *txn, uint64_t *start_s);
int ledger_cursor_open(struct slice key, struct slice value, struct ledger_cursor_record *out);

#endif
