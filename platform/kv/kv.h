/* kv: LMDB behind our own types. The one room that includes lmdb.h.
 *
 * Rules it keeps (lmdb.h, field guide 4): disk space is reserved before it is written to, for the whole map or ahead of
 * each write transaction, so a full disk does not hit a commit; MDB_NOSYNC is never used; a transaction that failed to
 * commit is gone; read transactions are short. */
#ifndef RINGSIDE_PLATFORM_KV_KV_H
#define RINGSIDE_PLATFORM_KV_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

struct kv;
struct kv_txn;
struct kv_cursor;

enum {
    KV_END = 1,  /* outcome: no (more) record; get and cursor calls */
    KV_HELD = 2, /* outcome: there is a record under this key; kv_cursor_add */
    KV_DROP = 4  /* what the function of kv_sweep() says of a record: it goes */
};

struct kv_options {
    const char *dir;    /* must exist */
    uint64_t map_bytes; /* size of the map and the file; content that needs more wins; ignored when read-only */
    unsigned max_dbs;
    bool read_only;   /* opens an existing environment; falls back to no lock file where it may not write */
    bool preallocate; /* reserve the disk space of the whole map now */
    /* Otherwise, when not 0: the file grows ahead of its content. Before a write transaction begins, at least this much
     * beyond what is used is reserved on the disk. */
    uint64_t grow_bytes;
};

/* 0, STATUS_NOT_FOUND, STATUS_DENIED, STATUS_FULL (no disk for the map), STATUS_CORRUPT, STATUS_VERSION, STATUS_IO.
 * Returns owned. */
int kv_open(const struct kv_options *options, struct kv **out);
void kv_close(struct kv *kv);

/* Opens (creates when write) a named database and returns its handle; call once each, before other threads run. */
int kv_db(struct kv *kv, const char *name, bool create, unsigned *out);

/* Where the file grows ahead and the disk has no room for that, a write transaction begins only if as much is free
 * inside the file: else STATUS_FULL. */
int kv_begin(struct kv *kv, bool write, struct kv_txn **out);
/* A write transaction that deletes: begins with what room there is. */
int kv_begin_delete(struct kv *kv, struct kv_txn **out);
void kv_abort(struct kv_txn *txn); /* NULL is fine */
int kv_commit(struct kv_txn *txn); /* takes the transaction whatever it returns; STATUS_FULL, STATUS_IO */

/* Values are borrowed until the transaction ends or writes. KV_END when there is no such key. */
int kv_get(struct kv_txn *txn, unsigned db, struct slice key, struct slice *value);
int kv_put(struct kv_txn *txn, unsigned db, struct slice key, struct slice value);    /* STATUS_FULL when the map is */
int kv_append(struct kv_txn *txn, unsigned db, struct slice key, struct slice value); /* key must be the largest */
int kv_delete(struct kv_txn *txn, unsigned db, struct slice key);                     /* KV_END when there was none */

/* Whether a write transaction leaves room for `bytes` more in values of a few pages: 0 or STATUS_FULL. Tries it out and
 * takes it back, unless what the file never used is room enough even after `spent_bytes`, the most that this
 * transaction can have taken. `db` is any database of it. */
int kv_room(struct kv_txn *txn, unsigned db, uint64_t spent_bytes, uint64_t bytes);

int kv_cursor_open(struct kv_txn *txn, unsigned db, struct kv_cursor **out);
void kv_cursor_close(struct kv_cursor *cursor);
int kv_cursor_first(struct kv_cursor *cursor, struct slice *key, struct slice *value);
int kv_cursor_last(struct kv_cursor *cursor, struct slice *key, struct slice *value);
int kv_cursor_seek(struct kv_cursor *cursor, struct slice at, struct slice *key, struct slice *value); /* >= at */
int kv_cursor_next(struct kv_cursor *cursor, struct slice *key, struct slice *value);
int kv_cursor_prev(struct kv_cursor *cursor, struct slice *key, struct slice *value);
int kv_cursor_find(struct kv_cursor *cursor, struct slice key, struct slice *value); /* this key; else KV_END */
/* As kv_put; a cursor finds the place sooner where keys come nearly in order. */
int kv_cursor_put(struct kv_cursor *cursor, struct slice key, struct slice value);
/* 0, or KV_HELD and what is held, which stays. */
int kv_cursor_add(struct kv_cursor *cursor, struct slice key, struct slice value, struct slice *held);
int kv_cursor_delete(struct kv_cursor *cursor); /* the record the cursor is at; next() goes on behind it */

/* Calls fn for each record from the first one at or behind `from` on (empty: from the very first), in order of the
 * keys; what fn returns other than 0 ends the walk and is passed on. fn must not write to this database. */
typedef int (*kv_each_fn)(void *ctx, struct slice key, struct slice value);
int kv_each(struct kv_txn *txn, unsigned db, struct slice from, kv_each_fn fn, void *ctx);

/* The same within a write transaction, where fn tells which records go: 0 (it stays), KV_DROP (it is deleted), KV_END
 * (it and all behind it stay; kv_sweep() returns 0), or a failure, which ends the walk and is passed on. */
int kv_sweep(struct kv_txn *txn, unsigned db, struct slice from, kv_each_fn fn, void *ctx);

int kv_count(struct kv_txn *txn, unsigned db, uint64_t *out); /* records in a database; asks, does not walk */

struct kv_usage {
    uint64_t map_bytes;
    uint64_t file_bytes; /* high-water mark of pages times the page size */
    uint64_t used_bytes; /* without free pages, as of the given transaction */
    uint64_t page_bytes;
};
int kv_usage(struct kv_txn *txn, struct kv_usage *out);
int kv_reader_check(struct kv *kv); /* clears slots of dead readers */
void kv_trim(struct kv *kv);        /* unmaps what was looked at, else it stays resident; not in two threads at once */

/* After a commit of which LMDB does not know whether it happened (its meta page could not be written) it begins nothing
 * more, not even to read: whoever holds it has to close it and open it again. */
bool kv_is_dead(struct kv *kv);

#endif
