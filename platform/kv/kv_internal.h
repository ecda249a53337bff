/* kv_internal: what the files of this room share. */
#ifndef RINGSIDE_PLATFORM_KV_KV_INTERNAL_H
#define RINGSIDE_PLATFORM_KV_KV_INTERNAL_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

struct kv {
    MDB_env *env;
    unsigned page_bytes;
    uint64_t grow_bytes;     /* 0: the file is as long as it may become */
    void *map;               /* where LMDB has the file; NULL: not found out yet, see kv_trim() */
    uint64_t reserved_bytes; /* of the file, from its beginning, that have their place on the disk */
};

struct kv_txn {
    struct kv *kv;
    MDB_txn *txn;
};

int kv_txn_begin(struct kv *kv, bool write, struct kv_txn **out);

/* kv_room.c */
int kv_reserve(MDB_env *env, uint64_t from, uint64_t to); /* 0 too where the file system cannot: the commit will tell */
int kv_grow(struct kv *kv);        /* has the file grow_bytes longer than what is used of it, or as long as the map */
int kv_room_inside(struct kv *kv); /* 0, or STATUS_FULL: less than grow_bytes are free inside the file */
bool kv_disk_is_full(struct kv *kv);
void kv_cover(struct kv *kv); /* after a commit: the file is as long as what is used of it */

int kv_status(int rc); /* an LMDB or errno code as a status; MDB_NOTFOUND becomes KV_END */

#endif
