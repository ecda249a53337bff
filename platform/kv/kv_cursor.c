#include <stdlib.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_internal.h"

struct kv_cursor {
    MDB_cursor *cursor;
};

int kv_cursor_open(struct kv_txn *txn, unsigned db, struct kv_cursor **out)
{
    struct kv_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor) {
        return STATUS_NO_MEMORY;
    }
    int rc = mdb_cursor_open(txn->txn, db, &cursor->cursor);
    if (rc != 0) {
        free(cursor);
        return kv_status(rc);
    }
    *out = cursor;
    return 0;
}

void kv_cursor_close(struct kv_cursor *cursor)
{
    if (cursor) {
        mdb_cursor_close(cursor->cursor);
        free(cursor);
    }
}

static int move(struct kv_cursor *cursor, MDB_cursor_op op, struct slice at, struct slice *key, struct slice *value)
{
    MDB_val k = {at.len, (void *)(uintptr_t)at.data};
    MDB_val v;
    int rc = mdb_cursor_get(cursor->cursor, &k, &v, op);
    if (rc == 0) {
        *key = slice_make(k.mv_data, k.mv_size);
        *value = slice_make(v.mv_data, v.mv_size);
    }
    return kv_status(rc);
}

int kv_cursor_first(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    return move(cursor, MDB_FIRST, slice_make("", 0), key, value);
}

int kv_cursor_last(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    return move(cursor, MDB_LAST, slice_make("", 0), key, value);
}

int kv_cursor_seek(struct kv_cursor *cursor, struct slice at, struct slice *key, struct slice *value)
{
    return move(cursor, MDB_SET_RANGE, at, key, value);
}

int kv_cursor_next(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    /* After a delete MDB_NEXT itself knows (C_DEL) that the cursor is already at the following record. */
    return move(cursor, MDB_NEXT, slice_make("", 0), key, value);
}

int kv_cursor_prev(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    return move(cursor, MDB_PREV, slice_make("", 0), key, value);
}

int kv_cursor_find(struct kv_cursor *cursor, struct slice key, struct slice *value)
{
    struct slice found;
    return move(cursor, MDB_SET_KEY, key, &found, value);
}

static int put(struct kv_cursor *cursor, struct slice key, struct slice value, unsigned flags, struct slice *held)
{
    MDB_val k = {key.len, (void *)(uintptr_t)key.data};
    MDB_val v = {value.len, (void *)(uintptr_t)value.data};
    int rc = mdb_cursor_put(cursor->cursor, &k, &v, flags);
    if (rc == MDB_KEYEXIST) {
        *held = slice_make(v.mv_data, v.mv_size);
        return KV_HELD;
    }
    return kv_status(rc);
}

int kv_cursor_put(struct kv_cursor *cursor, struct slice key, struct slice value)
{
    struct slice held;
    return put(cursor, key, value, 0, &held);
}

int kv_cursor_add(struct kv_cursor *cursor, struct slice key, struct slice value, struct slice *held)
{
    return put(cursor, key, value, MDB_NOOVERWRITE, held);
}

int kv_cursor_delete(struct kv_cursor *cursor)
{
    return kv_status(mdb_cursor_del(cursor->cursor, 0));
}

static int walk(struct kv_txn *txn, unsigned db, struct slice from, bool drops, kv_each_fn fn, void *ctx)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn->txn, db, &cursor);
    if (rc != 0) {
        return kv_status(rc);
    }
    MDB_val key = {from.len, (void *)(uintptr_t)from.data};
    MDB_val value = {0, NULL};
    int status = 0;
    rc = mdb_cursor_get(cursor, &key, &value, from.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
    while (rc == 0 && status == 0) {
        status = fn(ctx, slice_make(key.mv_data, key.mv_size), slice_make(value.mv_data, value.mv_size));
        if (drops && status == KV_DROP) {
            status = kv_status(mdb_cursor_del(cursor, 0));
        }
        rc = status == 0 ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT) : 0;
    }
    mdb_cursor_close(cursor);
    return status != 0 || rc == MDB_NOTFOUND ? status : kv_status(rc);
}

int kv_each(struct kv_txn *txn, unsigned db, struct slice from, kv_each_fn fn, void *ctx)
{
    return walk(txn, db, from, false, fn, ctx);
}

int kv_sweep(struct kv_txn *txn, unsigned db, struct slice from, kv_each_fn fn, void *ctx)
{
    int status = walk(txn, db, from, true, fn, ctx);
    return status == KV_END ? 0 : status;
}
