#include "platform/kv/kv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/kv/kv_internal.h"

int kv_status(int rc)
{
    switch (rc) {
    case MDB_SUCCESS: return STATUS_OK;
    case MDB_NOTFOUND: return KV_END;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_DBS_FULL:
    case MDB_READERS_FULL:
    case ENOSPC:
    case EFBIG:
    case EDQUOT: return STATUS_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID: return STATUS_CORRUPT;
    case MDB_VERSION_MISMATCH: return STATUS_VERSION;
    case MDB_BAD_VALSIZE: return STATUS_RANGE;
    case ENOMEM: return STATUS_NO_MEMORY;
    case ENOENT: return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case EAGAIN:
    case EBUSY: return STATUS_BUSY;
    default: return STATUS_IO;
    }
}

/* Makes the file as long as the map, so that whatever is shorter is damage. Reserves its disk blocks too where that is
 * wanted: a full disk shows here then and never in a commit. */
static int extend(MDB_env *env, uint64_t map_bytes, bool preallocate)
{
    mdb_filehandle_t fd;
    struct stat st;
    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &st) != 0) {
        return STATUS_IO;
    }
    bool is_long = (uint64_t)st.st_size >= map_bytes;
    if (preallocate && !(is_long && (uint64_t)st.st_blocks * 512 >= map_bytes)) {
        int status = kv_reserve(env, 0, map_bytes);
        if (status != 0) {
            return status;
        }
        is_long = fstat(fd, &st) == 0 && (uint64_t)st.st_size >= map_bytes;
    }
    return is_long || ftruncate(fd, (off_t)map_bytes) == 0 ? 0 : kv_status(errno);
}

/* A file shorter than its own pages (cut short, badly copied) makes the machine fault on a page that is not there. */
static int check_pages(MDB_env *env, const MDB_envinfo *info, const MDB_stat *stat_now)
{
    mdb_filehandle_t fd;
    struct stat st;
    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &st) != 0) {
        return STATUS_IO;
    }
    uint64_t length = (uint64_t)st.st_size;
    bool whole = stat_now->ms_psize >= 512 && info->me_last_pgno < length / stat_now->ms_psize;
    return whole ? 0 : STATUS_CORRUPT;
}

static int open_env(const struct kv_options *options, const char *path, unsigned flags, MDB_env **out)
{
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(env, options->max_dbs);
    }
    if (rc == 0) {
        rc = mdb_env_set_maxreaders(env, 126);
    }
    if (rc == 0 && !options->read_only) {
        rc = mdb_env_set_mapsize(env, options->map_bytes);
    }
    if (rc == 0) {
        rc = mdb_env_open(env, path, flags, 0640);
    }
    if (rc != 0) {
        if (env) {
            mdb_env_close(env);
        }
        return kv_status(rc);
    }
    *out = env;
    return 0;
}

static int sync_directory(int at, const char *path)
{
    int dir = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return 0; /* one that may be passed through but not read: it is not ours */
    }
    int status = fsync(dir) == 0 ? 0 : kv_status(errno);
    (void)close(dir);
    return status;
}

/* The names of the file and of its directory, which may be as new: what a commit puts into a file that nobody finds
 * after a power failure is lost. At every opening, for whoever made them may not have come that far. */
static int sync_names(const char *dir)
{
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) {
        return 0;
    }
    int status = fsync(at) == 0 ? sync_directory(at, "..") : kv_status(errno);
    (void)close(at);
    return status;
}

/* Makes a new environment beside its place and renames it there, so that one half written is never taken for one that
 * was cut short. What an earlier try left is thrown away: it never held anything. */
static int make_env(const struct kv_options *options)
{
    char path[4096];
    char aside[4096];
    if (snprintf(path, sizeof path, "%s/data.mdb", options->dir) >= (int)sizeof path ||
        snprintf(aside, sizeof aside, "%s/data.mdb.new", options->dir) >= (int)sizeof aside) {
        return STATUS_RANGE;
    }
    if (access(path, F_OK) == 0) {
        return 0;
    }
    (void)unlink(aside);
    MDB_env *env = NULL;
    int status = open_env(options, aside, MDB_NOSUBDIR | MDB_NOLOCK, &env);
    if (status != 0) {
        return status;
    }
    status = kv_status(mdb_env_sync(env, 1));
    mdb_env_close(env);
    if (status == 0 && rename(aside, path) != 0) {
        status = kv_status(errno);
    }
    return status;
}

/* LMDB takes an empty file as a new environment, and looks at both meta pages before it checks anything. */
static int check_length(const struct kv_options *options)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/data.mdb", options->dir) >= (int)sizeof path) {
        return STATUS_RANGE;
    }
    struct stat st;
    if (stat(path, &st) != 0) {
        int status = kv_status(errno);
        return status == STATUS_NOT_FOUND && !options->read_only ? 0 : status;
    }
    if (st.st_size > 0 && st.st_size < 2 * 4096) {
        return STATUS_CORRUPT;
    }
    return st.st_size == 0 && options->read_only ? STATUS_NOT_FOUND : 0;
}

int kv_open(const struct kv_options *options, struct kv **out)
{
    int status = check_length(options);
    if (status == 0 && !options->read_only) {
        status = make_env(options);
        status = status == 0 ? sync_names(options->dir) : status;
    }
    if (status != 0) {
        return status;
    }
    /* MDB_NOTLS: a read transaction belongs to its object, not to the thread. MDB_NORDAHEAD: random access. */
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options->read_only ? MDB_RDONLY : 0U);
    MDB_env *env = NULL;
    status = open_env(options, options->dir, flags, &env);
    if (status == STATUS_DENIED && options->read_only) {
        status = open_env(options, options->dir, flags | MDB_NOLOCK, &env);
    }
    if (status != 0) {
        return status;
    }
    MDB_stat stat_now;
    MDB_envinfo info;
    struct kv *kv = calloc(1, sizeof *kv);
    if (!kv || mdb_env_stat(env, &stat_now) != 0 || mdb_env_info(env, &info) != 0) {
        status = kv ? STATUS_IO : STATUS_NO_MEMORY;
        goto fail;
    }
    status = check_pages(env, &info, &stat_now);
    kv->env = env;
    kv->page_bytes = stat_now.ms_psize;
    kv->grow_bytes = options->read_only || options->preallocate ? 0 : options->grow_bytes;
    if (status == 0 && kv->grow_bytes > 0) {
        (void)kv_grow(kv); /* without room it opens all the same, and reads */
    } else if (status == 0 && !options->read_only) {
        status = extend(env, info.me_mapsize, options->preallocate);
    }
    if (status != 0) {
        goto fail;
    }
    *out = kv;
    return 0;
fail:
    free(kv);
    mdb_env_close(env);
    return status;
}

void kv_close(struct kv *kv)
{
    if (kv) {
        mdb_env_close(kv->env);
        free(kv);
    }
}

int kv_db(struct kv *kv, const char *name, bool create, unsigned *out)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(kv->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        return kv_status(rc);
    }
    MDB_dbi dbi;
    rc = mdb_dbi_open(txn, name, create ? MDB_CREATE : 0, &dbi);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc == MDB_NOTFOUND ? STATUS_NOT_FOUND : kv_status(rc);
    }
    rc = mdb_txn_commit(txn);
    if (rc == 0) {
        *out = dbi;
    }
    return kv_status(rc);
}

int kv_txn_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct kv_txn *txn = malloc(sizeof *txn);
    if (!txn) {
        return STATUS_NO_MEMORY;
    }
    txn->kv = kv;
    int rc = mdb_txn_begin(kv->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn);
    if (rc != 0) {
        free(txn);
        return kv_status(rc);
    }
    *out = txn;
    return 0;
}

int kv_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    if (write && kv->grow_bytes > 0 && kv_grow(kv) != 0) {
        int status = kv_room_inside(kv);
        if (status != 0) {
            return status;
        }
    }
    return kv_txn_begin(kv, write, out);
}

int kv_begin_delete(struct kv *kv, struct kv_txn **out)
{
    if (kv->grow_bytes > 0) {
        (void)kv_grow(kv);
    }
    return kv_txn_begin(kv, true, out);
}

void kv_abort(struct kv_txn *txn)
{
    if (txn) {
        mdb_txn_abort(txn->txn);
        free(txn);
    }
}

int kv_commit(struct kv_txn *txn)
{
    MDB_txn *handle = txn->txn;
    struct kv *kv = txn->kv;
    free(txn);
    int rc = mdb_txn_commit(handle);
    if (kv->grow_bytes > 0 && rc == EIO && kv_disk_is_full(kv)) {
        return STATUS_FULL;
    }
    if (kv->grow_bytes > 0 && rc == 0) {
        kv_cover(kv);
    }
    return kv_status(rc);
}

static MDB_val to_val(struct slice bytes)
{
    /* LMDB's interface is not const correct; it does not write through keys and values that are put. */
    return (MDB_val){bytes.len, (void *)(uintptr_t)bytes.data};
}

int kv_get(struct kv_txn *txn, unsigned db, struct slice key, struct slice *value)
{
    MDB_val k = to_val(key);
    MDB_val v;
    int rc = mdb_get(txn->txn, db, &k, &v);
    if (rc == 0) {
        *value = slice_make(v.mv_data, v.mv_size);
    }
    return kv_status(rc);
}

static int put(struct kv_txn *txn, unsigned db, struct slice key, struct slice value, unsigned flags)
{
    MDB_val k = to_val(key);
    MDB_val v = to_val(value);
    return mdb_put(txn->txn, db, &k, &v, flags);
}

int kv_put(struct kv_txn *txn, unsigned db, struct slice key, struct slice value)
{
    return kv_status(put(txn, db, key, value, 0));
}

int kv_append(struct kv_txn *txn, unsigned db, struct slice key, struct slice value)
{
    int rc = put(txn, db, key, value, MDB_APPEND);
    if (rc == MDB_KEYEXIST) {
        rc = put(txn, db, key, value, 0); /* not the largest after all */
    }
    return kv_status(rc);
}

int kv_count(struct kv_txn *txn, unsigned db, uint64_t *out)
{
    MDB_stat stat;
    int rc = mdb_stat(txn->txn, db, &stat);
    if (rc == 0) {
        *out = stat.ms_entries;
    }
    return kv_status(rc);
}

int kv_delete(struct kv_txn *txn, unsigned db, struct slice key)
{
    MDB_val k = to_val(key);
    return kv_status(mdb_del(txn->txn, db, &k, NULL));
}

int kv_reader_check(struct kv *kv)
{
    int dead;
    return kv_status(mdb_reader_check(kv->env, &dead));
}

bool kv_is_dead(struct kv *kv)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn);
    if (rc == 0) {
        mdb_txn_abort(txn);
    }
    return rc == MDB_PANIC;
}
