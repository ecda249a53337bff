#include "platform/kv/kv_salvage.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/kv_internal.h"
#include "platform/kv/kv_walk.h"

/* What one transaction holds in memory before it is written. */
enum { BATCH_BYTES = 8 << 20, RECORD_BYTES = 32 };

struct writer {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi[KV_DAMAGE_DBS_MAX];
    size_t opened; /* databases */
    uint64_t pending_bytes;
    bool in_order; /* records come in the order of their keys */
};

static int writer_open(struct writer *writer, const char *path, uint64_t map_bytes)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return kv_status(errno);
    }
    int rc = mdb_env_create(&writer->env);
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(writer->env, KV_DAMAGE_DBS_MAX);
    }
    if (rc == 0) {
        rc = mdb_env_set_mapsize(writer->env, (size_t)map_bytes);
    }
    if (rc == 0) {
        rc = mdb_env_open(writer->env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0640);
    }
    return kv_status(rc);
}

static int writer_commit(struct writer *writer)
{
    MDB_txn *txn = writer->txn;
    writer->txn = NULL;
    writer->pending_bytes = 0;
    return txn ? kv_status(mdb_txn_commit(txn)) : 0;
}

/* Goes on in the transaction there is, unless that holds enough. */
static int writer_begin(struct writer *writer)
{
    int status = writer->pending_bytes >= BATCH_BYTES ? writer_commit(writer) : 0;
    if (status == 0 && !writer->txn) {
        status = kv_status(mdb_txn_begin(writer->env, NULL, 0, &writer->txn));
    }
    return status;
}

/* Databases up to this one, also those that turn out to be empty. */
static int writer_databases(struct writer *writer, const struct kv_damage *out, size_t count)
{
    int status = 0;
    while (status == 0 && writer->opened < count) {
        size_t i = writer->opened++;
        status = kv_status(mdb_dbi_open(writer->txn, out->dbs[i].name, MDB_CREATE, &writer->dbi[i]));
    }
    return status;
}

static int writer_take(struct walk *walk, size_t db, struct slice key, struct slice value)
{
    struct writer *writer = walk->take_ctx;
    int status = writer_begin(writer);
    if (status == 0) {
        status = writer_databases(writer, walk->out, db + 1);
    }
    if (status != 0) {
        return status;
    }
    MDB_val k = {key.len, (void *)(uintptr_t)key.data};
    MDB_val v = {value.len, (void *)(uintptr_t)value.data};
    int rc = mdb_put(writer->txn, writer->dbi[db], &k, &v, writer->in_order ? MDB_APPEND : MDB_NOOVERWRITE);
    writer->pending_bytes += key.len + value.len + RECORD_BYTES;
    return rc == MDB_KEYEXIST ? KV_HELD : kv_status(rc);
}

static int writer_end(struct writer *writer, const struct kv_damage *out)
{
    int status = writer_begin(writer);
    if (status == 0) {
        status = writer_databases(writer, out, out->db_count);
    }
    if (status == 0) {
        status = writer_commit(writer);
    }
    return status == 0 ? kv_status(mdb_env_sync(writer->env, 1)) : status;
}

static int save(struct walk *walk, struct writer *writer, int fd, uint64_t file_bytes)
{
    int status = walk_environment(walk, fd, file_bytes);
    writer->in_order = false;
    if (status == 0) {
        status = walk_orphans(walk);
    }
    status = walk->starved ? STATUS_NO_MEMORY : status;
    if (status == 0) {
        walk_balance(walk);
        status = writer_end(writer, walk->out);
    }
    return status == KV_DAMAGED ? STATUS_CORRUPT : status;
}

int kv_salvage(const char *dir, const struct kv_look *look, const char *path, uint64_t map_bytes, struct kv_damage *out)
{
    int fd = -1;
    uint64_t file_bytes = 0;
    struct writer writer = {.in_order = true};
    struct kv_look whole_look = {KV_DEPTH_RECORDS, look->whole, look->ctx};
    struct walk walk = {.look = &whole_look, .out = out, .take = writer_take, .take_ctx = &writer};
    *out = (struct kv_damage){.readable = false};
    int status = walk_open(dir, &fd, &file_bytes);
    if (status != 0) {
        return status;
    }
    status = writer_open(&writer, path, map_bytes);
    if (status == 0) {
        status = save(&walk, &writer, fd, file_bytes);
    }
    if (writer.txn) {
        mdb_txn_abort(writer.txn);
    }
    if (writer.env) {
        mdb_env_close(writer.env);
    }
    if (status != 0) {
        (void)unlink(path);
    }
    walk_deinit(&walk);
    (void)close(fd);
    return status;
}
