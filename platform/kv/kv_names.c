#include "platform/kv/kv_names.h"

#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/kv/kv_internal.h"

static size_t find_found(const struct kv_damage *damage, const char *name)
{
    size_t i = 0;
    while (i < damage->db_count && strcmp(damage->dbs[i].name, name) != 0) {
        i++;
    }
    return i;
}

static bool differ_in_one(const char *a, const char *b)
{
    size_t len = strlen(a);
    size_t differ = 0;
    for (size_t i = 0; i < len && strlen(b) == len; i++) {
        differ += a[i] != b[i];
    }
    return strlen(b) == len && differ == 1;
}

/* The name that this one was, where it is missing; NULL: it is one of ours, or nobody knows. */
static const char *true_name(const struct kv_repair_options *options, const struct kv_damage *damage, const char *found)
{
    const char *was = NULL;
    for (size_t i = 0; i < options->name_count; i++) {
        const char *name = options->names[i];
        if (strcmp(name, found) == 0) {
            return NULL;
        }
        if (differ_in_one(name, found) && find_found(damage, name) == damage->db_count) {
            was = name;
        }
    }
    return was;
}

static int copy_all(MDB_txn *txn, MDB_dbi from, MDB_dbi to)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_open(txn, from, &cursor);
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        rc = mdb_put(txn, to, &key, &value, 0);
    }
    if (cursor) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int rename_database(struct kv *kv, const char *from, const char *to)
{
    MDB_txn *txn = NULL;
    MDB_dbi old;
    MDB_dbi new;
    int rc = mdb_txn_begin(kv->env, NULL, 0, &txn);
    if (rc != 0) {
        return kv_status(rc);
    }
    rc = mdb_dbi_open(txn, from, 0, &old);
    rc = rc == 0 ? mdb_dbi_open(txn, to, MDB_CREATE, &new) : rc;
    rc = rc == 0 ? copy_all(txn, old, new) : rc;
    rc = rc == 0 ? mdb_drop(txn, old, 1) : rc;
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc == MDB_NOTFOUND ? 0 : kv_status(rc);
    }
    return kv_status(mdb_txn_commit(txn));
}

int kv_names_mend(const struct kv_repair_options *options, const char *place, struct kv_damage *damage)
{
    const struct kv_options open = {.dir = place, .map_bytes = options->map_bytes, .max_dbs = KV_DAMAGE_DBS_MAX * 2};
    int status = 0;
    for (size_t i = 0; i < damage->db_count && status == 0; i++) {
        const char *name = true_name(options, damage, damage->dbs[i].name);
        struct kv *kv = NULL;
        if (!name) {
            continue;
        }
        status = kv_open(&open, &kv);
        status = status == 0 ? rename_database(kv, damage->dbs[i].name, name) : status;
        kv_close(kv);
        (void)snprintf(damage->dbs[i].name, sizeof damage->dbs[i].name, "%s", name);
    }
    return status;
}

bool kv_names_are_wrong(const struct kv_repair_options *options, struct kv_damage *damage)
{
    for (size_t i = 0; i < damage->db_count; i++) {
        const char *name = true_name(options, damage, damage->dbs[i].name);
        if (name) {
            (void)snprintf(damage->what, sizeof damage->what, "the database %s has another name", name);
            return true;
        }
    }
    return false;
}
