/* Room: on the disk ahead of a transaction, in the map for what must still be possible, inside the file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_internal.h"

int kv_reserve(MDB_env *env, uint64_t from, uint64_t to)
{
    mdb_filehandle_t fd;
    if (to <= from) {
        return 0;
    }
    if (mdb_env_get_fd(env, &fd) != 0) {
        return STATUS_IO;
    }
    int rc = posix_fallocate(fd, (off_t)from, (off_t)(to - from));
    return rc == EOPNOTSUPP || rc == EINVAL ? 0 : kv_status(rc);
}

/* Grows by twice what is wanted, so that not each transaction does. */
int kv_grow(struct kv *kv)
{
    MDB_envinfo info;
    int rc = mdb_env_info(kv->env, &info);
    if (rc != 0) {
        return kv_status(rc);
    }
    uint64_t used_bytes = ((uint64_t)info.me_last_pgno + 1) * kv->page_bytes;
    for (uint64_t ahead = 2; ahead > 0; ahead--) {
        uint64_t least = used_bytes + kv->grow_bytes;
        uint64_t wanted = used_bytes + ahead * kv->grow_bytes;
        least = least < info.me_mapsize ? least : info.me_mapsize;
        wanted = wanted < info.me_mapsize ? wanted : info.me_mapsize;
        if (kv->reserved_bytes >= least) {
            return 0;
        }
        rc = kv_reserve(kv->env, kv->reserved_bytes, wanted);
        if (rc == 0) {
            kv->reserved_bytes = wanted;
        }
    }
    return rc;
}

/* The disk is full: deleted records may have left room enough inside the file. */
int kv_room_inside(struct kv *kv)
{
    struct kv_txn *txn = NULL;
    int status = kv_txn_begin(kv, false, &txn);
    if (status != 0) {
        return status;
    }
    struct kv_usage usage = {0};
    status = kv_usage(txn, &usage);
    kv_abort(txn);
    if (status != 0) {
        return status;
    }
    return usage.file_bytes - usage.used_bytes >= kv->grow_bytes ? 0 : STATUS_FULL;
}

/* LMDB says EIO when a write came out short. */
bool kv_disk_is_full(struct kv *kv)
{
    mdb_filehandle_t fd;
    struct statvfs fs;
    return mdb_env_get_fd(kv->env, &fd) == 0 && fstatvfs(fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize < kv->grow_bytes;
}

/* A transaction that took more than was reserved may end with pages that it gave back and never wrote: the file must
 * not look as if it was cut short. */
void kv_cover(struct kv *kv)
{
    mdb_filehandle_t fd;
    struct stat st;
    MDB_envinfo info;
    if (mdb_env_info(kv->env, &info) != 0) {
        return;
    }
    uint64_t used_bytes = ((uint64_t)info.me_last_pgno + 1) * kv->page_bytes;
    if (used_bytes > kv->reserved_bytes && mdb_env_get_fd(kv->env, &fd) == 0 && fstat(fd, &st) == 0 &&
        (uint64_t)st.st_size < used_bytes) {
        (void)!ftruncate(fd, (off_t)used_bytes);
    }
}

static int try_room(MDB_txn *txn, unsigned db, uint64_t bytes, size_t value_bytes)
{
    int rc = 0;
    uint64_t number = UINT64_MAX;
    for (uint64_t taken = 0; rc == 0 && taken < bytes; taken += value_bytes, number--) {
        MDB_val key = {sizeof number, &number};
        MDB_val value = {value_bytes, NULL};
        rc = mdb_put(txn, db, &key, &value, MDB_RESERVE);
    }
    return rc;
}

int kv_room(struct kv_txn *txn, unsigned db, uint64_t spent_bytes, uint64_t bytes)
{
    MDB_envinfo info;
    int rc = mdb_env_info(txn->kv->env, &info);
    if (rc != 0) {
        return kv_status(rc);
    }
    uint64_t page_bytes = txn->kv->page_bytes;
    uint64_t used_bytes = ((uint64_t)info.me_last_pgno + 1) * page_bytes;
    if (used_bytes + spent_bytes + bytes <= info.me_mapsize) {
        return 0;
    }
    MDB_txn *trial;
    rc = mdb_txn_begin(txn->kv->env, txn->txn, 0, &trial);
    if (rc == 0) {
        rc = try_room(trial, db, bytes, 4 * page_bytes - 16);
        mdb_txn_abort(trial);
    }
    return kv_status(rc);
}

/* Pages on the free list, readable through its own database (number 0): each value is a list led by its length. */
static int free_pages(struct kv_txn *txn, uint64_t *out)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn->txn, 0, &cursor);
    if (rc != 0) {
        return kv_status(rc);
    }
    uint64_t pages = 0;
    MDB_val key;
    MDB_val value;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t count = 0;
        if (value.mv_size >= sizeof count) {
            memcpy(&count, value.mv_data, sizeof count);
        }
        pages += count;
    }
    mdb_cursor_close(cursor);
    *out = pages;
    return rc == MDB_NOTFOUND ? 0 : kv_status(rc);
}

int kv_usage(struct kv_txn *txn, struct kv_usage *out)
{
    MDB_envinfo info;
    int rc = mdb_env_info(txn->kv->env, &info);
    if (rc != 0) {
        return kv_status(rc);
    }
    uint64_t unused = 0;
    int status = free_pages(txn, &unused);
    if (status != 0) {
        return status;
    }
    uint64_t pages = (uint64_t)info.me_last_pgno + 1;
    out->map_bytes = info.me_mapsize;
    out->page_bytes = txn->kv->page_bytes;
    out->file_bytes = pages * txn->kv->page_bytes;
    out->used_bytes = (pages > unused ? pages - unused : 0) * txn->kv->page_bytes;
    return 0;
}
