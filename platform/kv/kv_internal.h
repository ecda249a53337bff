/* kv_internal: what kv.c and kv_cursor.c share. */
#ifndef RINGSIDE_PLATFORM_KV_KV_INTERNAL_H
#define RINGSIDE_PLATFORM_KV_KV_INTERNAL_H

#include <lmdb.h>

struct kv_txn {
    struct kv *kv;
    MDB_txn *txn;
};

int kv_status(int rc); /* an LMDB or errno code as a status; MDB_NOTFOUND becomes KV_END */

#endif
