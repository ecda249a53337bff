/* ledger_write: the writing side of the ledger. One process at a time holds it (a lock on DIR/writer.lock).
 *
 * A commit is one LMDB transaction: begin, any number of puts, end. A put that fails makes end() fail; after a failed
 * commit nothing of it has happened, in memory neither, and the caller still has its changes to try again. */
#ifndef RINGSIDE_AGENT_LEDGER_LEDGER_WRITE_H
#define RINGSIDE_AGENT_LEDGER_LEDGER_WRITE_H

#include "agent/ledger/ledger.h"
#include "platform/base/intern.h"
#include "proto/limits.h"

enum { LEDGER_NONE = 1 }; /* outcome: no such record */

enum { LEDGER_SECRET_BYTES = 32, LEDGER_NAMES_MAX = 65535, LEDGER_VERBS_MAX = 1000 };

struct ledger_options {
    const char *dir; /* created (0750) when its parent exists */
    const char *site;
    uint64_t map_bytes;
    unsigned reserve_percent; /* of the map, kept free so that deleting always works */
    uint32_t interval_s;      /* of a new ledger; an existing one keeps its own */
    int64_t legs_keep_ms;     /* 0: for ever */
    int64_t intervals_keep_ms;
    int64_t now_ms; /* wall clock */
};

/* 0; STATUS_BUSY (another writer), STATUS_DENIED, STATUS_FULL (no disk for the map), STATUS_CORRUPT, STATUS_VERSION (a
 * later version wrote it: left as it is), STATUS_IO. A ledger of another site id is STATUS_INVALID. A damaged file is
 * mended first, see ledger_mended(). Returns owned. */
int ledger_open_writer(const struct ledger_options *options, struct ledger **out);

/* Where opening found its file damaged: what was lost, by now and before; NULL: it was sound. */
const struct kv_loss *ledger_mended(const struct ledger *ledger);

/* A cursor whose source has this name stands for those that were lost: what the ledger holds up to its last_ms was read
 * from logs that it does not know any more. */
extern const char ledger_lost_source[];

uint32_t ledger_interval_s(const struct ledger *ledger);
const uint8_t *ledger_secret(const struct ledger *ledger); /* LEDGER_SECRET_BYTES, for the callers' keyed hash */
struct intern *ledger_names(struct ledger *ledger, enum ledger_name_kind kind); /* new names go with the next commit */
uint64_t *ledger_quality(struct ledger *ledger);                  /* QUALITY_COUNT counters; go with the next commit */
void ledger_count_verb(struct ledger *ledger, struct slice verb); /* an unknown verb, by name */

/* Where tracking stood at the last commit. */
struct ledger_progress {
    int64_t newest_event_ms;
    uint64_t next_seq;
};
struct ledger_progress ledger_progress(const struct ledger *ledger);
int ledger_load_open_legs(struct ledger *ledger, ledger_leg_fn fn, void *ctx); /* in order of seq, done ones too */

/* What is stored for an interval; LEDGER_NONE when nothing is. A damaged record counts as quarantined and as none. */
int ledger_load_interval(struct ledger *ledger, uint32_t queue, int64_t start_s, struct summary *out);

/* The same for what is stored of an operator's interval. */
int ledger_load_shift(struct ledger *ledger, uint32_t operator_id, int64_t start_s, struct shift *out);

/* A position in a file, as plain numbers so that the ledger needs not know how files are followed. */
struct ledger_position {
    uint64_t device;
    uint64_t inode;
    uint64_t offset;
    uint64_t head_hash;
    uint64_t tail_hash;
    uint32_t head_len;
    uint32_t tail_len;
    uint64_t first_number;
    uint64_t last_number;
};
struct ledger_cursor_record {
    uint32_t id; /* 0: give it a new one on put, written back */
    struct ledger_cursor cursor;
    struct ledger_position position;
};
typedef int (*ledger_cursor_record_fn)(void *ctx, const struct ledger_cursor_record *record);
int ledger_load_cursors(struct ledger *ledger, ledger_cursor_record_fn fn, void *ctx);

/* At any time, a transaction open or not: the leg (copied) goes with the next commit that succeeds. */
int ledger_add_closed_leg(struct ledger *ledger, const struct call_leg *leg);

int ledger_begin(struct ledger *ledger, int64_t now_ms);
void ledger_put_open_leg(struct ledger *ledger, const struct call_leg *leg);
void ledger_drop_open_leg(struct ledger *ledger, uint64_t seq);
/* As a new revision, which is to be sent; call in order of (start, queue). */
void ledger_put_interval(struct ledger *ledger, uint32_t queue, int64_t start_s, const struct summary *summary);
/* Call in order of (start, operator). One that is all zero is dropped. */
void ledger_put_shift(struct ledger *ledger, uint32_t operator_id, int64_t start_s, const struct shift *shift);
void ledger_put_operators(struct ledger *ledger, enum ledger_operators shown);
void ledger_put_cursor(struct ledger *ledger, struct ledger_cursor_record *record);
void ledger_add_gap(struct ledger *ledger, const struct ledger_gap *gap);
void ledger_put_queue_settings(struct ledger *ledger, uint32_t queue, const struct queue_settings *settings);
void ledger_put_zone(struct ledger *ledger, const char *zone);
void ledger_put_progress(struct ledger *ledger, const struct ledger_progress *progress);
/* Durable on 0; STATUS_FULL, STATUS_IO, ...: nothing happened (but set ids of new cursors back to 0). STATUS_FULL comes
 * while there is still room to delete. */
int ledger_end(struct ledger *ledger);

/* What the collector answered. A mark goes only if the interval still has this revision. Each call is a transaction of
 * its own, durable on 0, that takes nothing else along; not within begin/end. */
enum ledger_ack_kind {
    LEDGER_ACKED,
    LEDGER_REFUSED_ACK, /* kept and marked with the reason, until its content changes; a damaged record has revision 0
                         */
    LEDGER_SURPASSED    /* the collector holds a higher revision of this ledger, or other content under this one: it was
                           put back to an older state. An interval not above `held_revision` or still at `revision` gets
                           a new one above both, as do all that are written from now on */
};
struct ledger_ack {
    enum ledger_ack_kind kind;
    int64_t start_s;
    uint32_t queue;
    uint32_t revision;
    uint64_t held_revision;
    char reason[128];
};
int ledger_acknowledge(struct ledger *ledger, const struct ledger_ack *acks, size_t count);

/* The collector has told which store it has. Where the ledger knew it by another one, that is lost, and every interval
 * is to be sent again, refused ones too; but those of a queue whose name is lost here, which could come to stand there
 * twice. Where it knew none, the store is only noted. Beginning reads; each step is a transaction as above that marks a
 * bounded number, newest first, and the last one notes the store. Given up in between, it has to begin anew. */
struct ledger_resend {
    uint8_t store[LIMITS_STORE_BYTES];
    bool under_way; /* there is a step to do */
    bool marks;     /* another one was known */
    uint64_t marked;
    int64_t start_s; /* the next step goes on before this one */
    uint32_t queue;
};
int ledger_resend_begin(struct ledger *ledger, const uint8_t store[LIMITS_STORE_BYTES], struct ledger_resend *out);
int ledger_resend_step(struct ledger *ledger, struct ledger_resend *resend); /* on failure as if it had not been */

/* Drops what is past its retention, and the oldest legs, then intervals, when the map fills up; a bounded amount of
 * work a call, each piece its own small transaction. Legs go by whole blocks: late by an eighth of their retention or
 * by a week, whichever is less. 0, or a failure. *more tells that another call has work. */
int ledger_tend(struct ledger *ledger, int64_t now_ms, bool *more);

void ledger_trim(struct ledger *ledger); /* unmaps what was read of the file, see kv_trim() */

/* Gives up legs, then intervals, for at least `bytes` of room now; LEDGER_NONE when there is nothing left to give. */
int ledger_shed(struct ledger *ledger, uint64_t bytes);

#endif
