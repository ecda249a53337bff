#include "collector/registry/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/registry/registry_internal.h"
#include "collector/registry/site_record.h"
#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"

enum { DATABASES = 5 };

const char *registry_state_str(enum registry_state state)
{
    switch (state) {
    case REGISTRY_INVITED: return "invited";
    case REGISTRY_JOINED: return "joined";
    case REGISTRY_REVOKED: return "revoked";
    case REGISTRY_REMOVED: return "removed";
    }
    return "unknown";
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool registry_name_valid(struct slice name)
{
    if (name.len == 0 || name.len > REGISTRY_NAME_MAX || !is_alnum(name.data[0])) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        char c = name.data[i];
        if (!is_alnum(c) && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return true;
}

/* ---- opening ---- */

bool registry_is_there(const char *dir)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/data.mdb", dir);
    return len > 0 && len < (int)sizeof path && access(path, F_OK) == 0;
}

static int open_databases(struct registry *registry, bool create)
{
    const struct {
        const char *name;
        unsigned *db;
    } databases[] = {
        {"sites", &registry->sites}, {"ids", &registry->ids}, {"groups", &registry->groups}, {"meta", &registry->meta}};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof databases / sizeof databases[0]; i++) {
        status = kv_db(registry->kv, databases[i].name, create, databases[i].db);
    }
    return status;
}

/* An environment may be older than tokens are. Whoever may write makes room for them. */
static int open_tokens(struct registry *registry, bool write)
{
    int status = kv_db(registry->kv, "tokens", false, &registry->tokens);
    if (status == STATUS_NOT_FOUND && write) {
        status = kv_db(registry->kv, "tokens", true, &registry->tokens);
    }
    registry->has_tokens = status == 0;
    return status == STATUS_NOT_FOUND ? 0 : status;
}

int registry_open_environment(struct registry *registry, const char *dir, bool create)
{
    const struct kv_options options = {.dir = dir, .map_bytes = REGISTRY_MAP_BYTES, .max_dbs = DATABASES};
    int status = kv_open(&options, &registry->kv);
    if (status == 0) {
        status = open_databases(registry, create);
    }
    return status == 0 ? open_tokens(registry, true) : status;
}

static int open_at(const char *dir, bool write, bool create, struct registry **out)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry) {
        return STATUS_NO_MEMORY;
    }
    const struct kv_options options = {
        .dir = dir, .map_bytes = REGISTRY_MAP_BYTES, .max_dbs = DATABASES, .read_only = !write, .preallocate = true};
    registry->lock_fd = -1;
    int status = write ? registry_lock(dir, false, &registry->lock_fd) : 0;
    if (status == 0 && registry_is_there(dir)) {
        status = kv_repair_may_read(dir);
    }
    if (status == 0) {
        status = kv_open(&options, &registry->kv);
    }
    while (status == STATUS_FULL && write && kv_repair_drop_oldest(dir) == 0) { /* it needs their room itself */
        status = kv_open(&options, &registry->kv);
    }
    if (status == 0) {
        status = open_databases(registry, create);
    }
    if (status == 0) {
        status = open_tokens(registry, write);
    }
    if (status != 0) {
        registry_close(registry);
        return status;
    }
    (void)kv_reader_check(registry->kv); /* what died with a reader's slot is nobody's any more */
    *out = registry;
    return 0;
}

/* One whose making was cut short lacks a database, so it never held anything: making goes on where it was. */
static bool is_half_made(const char *dir)
{
    struct registry *registry = NULL;
    int status = open_at(dir, false, false, &registry);
    registry_close(registry);
    return status == STATUS_NOT_FOUND;
}

int registry_create(const char *dir)
{
    if (registry_is_there(dir) && !is_half_made(dir)) {
        return STATUS_BUSY;
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return errno == ENOENT ? STATUS_NOT_FOUND : errno == EACCES || errno == EROFS ? STATUS_DENIED : STATUS_IO;
    }
    struct registry *registry = NULL;
    int status = open_at(dir, true, true, &registry);
    registry_close(registry);
    return status;
}

int registry_open(const char *dir, bool write, struct registry **out)
{
    /* opening for writing would make one */
    return registry_is_there(dir) ? open_at(dir, write, false, out) : STATUS_NOT_FOUND;
}

void registry_close(struct registry *registry)
{
    if (registry) {
        kv_close(registry->kv);
        if (registry->lock_fd >= 0) {
            (void)close(registry->lock_fd);
        }
        free(registry);
    }
}

bool registry_is_dead(struct registry *registry)
{
    return kv_is_dead(registry->kv);
}

/* ---- reading within a transaction ---- */

int registry_read_meta(struct registry *registry, struct kv_txn *txn, const char *name, uint64_t *out)
{
    struct record_key key = record_key_text(name);
    struct wire_reader payload;
    struct slice value;
    int status = kv_get(txn, registry->meta, record_key_slice(&key), &value);
    if (status == KV_END) {
        return STATUS_NOT_FOUND;
    }
    if (status == 0) {
        status = record_open(record_key_slice(&key), value, &payload);
    }
    if (status != 0) {
        return status;
    }
    *out = wire_get_u64(&payload);
    return payload.failed ? STATUS_CORRUPT : 0;
}

/* Leaves the name empty where there is none to be had: a site is a site without it. */
static void read_group_name(struct registry *registry, struct kv_txn *txn, struct registry_site *site)
{
    struct record_key key = record_key_u32(site->group_number);
    struct wire_reader payload;
    struct slice value;
    if (site->group_number == 0 || kv_get(txn, registry->groups, record_key_slice(&key), &value) != 0 ||
        record_open(record_key_slice(&key), value, &payload) != 0) {
        return;
    }
    struct slice name = wire_get_bytes(&payload);
    if (!payload.failed && registry_name_valid(name)) {
        memcpy(site->group, name.data, name.len);
        site->group[name.len] = '\0';
    }
}

int registry_read_number(struct registry *registry, struct kv_txn *txn, uint32_t number, struct registry_site *out)
{
    struct record_key key = record_key_u32(number);
    struct wire_reader payload;
    struct slice value;
    int status = kv_get(txn, registry->sites, record_key_slice(&key), &value);
    if (status == KV_END) {
        return STATUS_NOT_FOUND;
    }
    if (status == 0) {
        status = record_open(record_key_slice(&key), value, &payload);
    }
    if (status == 0) {
        status = site_record_read(&payload, out);
    }
    if (status == 0) {
        out->number = number;
        read_group_name(registry, txn, out);
    }
    return status;
}

static int read_indexed(struct registry *registry, struct kv_txn *txn, struct slice id, struct slice value,
                        struct registry_site *out)
{
    struct wire_reader reader = wire_reader_make(value.data, value.len);
    uint32_t number = wire_get_u32(&reader);
    struct registry_site site;
    int status = reader.failed ? STATUS_CORRUPT : registry_read_number(registry, txn, number, &site);
    if (status == STATUS_NOT_FOUND || (status == 0 && !slice_is(id, site.id))) {
        status = STATUS_CORRUPT;
    }
    if (status == 0) {
        *out = site;
    }
    return status;
}

int registry_read_id(struct registry *registry, struct kv_txn *txn, struct slice id, struct registry_site *out)
{
    struct slice value;
    if (!registry_name_valid(id)) {
        return STATUS_NOT_FOUND;
    }
    int status = kv_get(txn, registry->ids, id, &value);
    if (status == KV_END) {
        return STATUS_NOT_FOUND;
    }
    return status == 0 ? read_indexed(registry, txn, id, value, out) : status;
}

struct group_search {
    struct slice name;
    uint32_t number;
};

static int compare_group(void *ctx, struct slice key, struct slice value)
{
    struct group_search *search = ctx;
    struct wire_reader number = wire_reader_make(key.data, key.len);
    struct wire_reader payload;
    if (record_open(key, value, &payload) == 0 && slice_equal(wire_get_bytes(&payload), search->name)) {
        search->number = wire_get_u32(&number);
    }
    return search->number != 0;
}

int registry_read_group(struct registry *registry, struct kv_txn *txn, struct slice name, uint32_t *number)
{
    struct group_search search = {.name = name};
    int status = kv_each(txn, registry->groups, slice_str(""), compare_group, &search);
    *number = search.number;
    return status < 0 ? status : 0;
}

/* ---- reading ---- */

uint64_t registry_version(struct registry *registry)
{
    struct kv_txn *txn = NULL;
    uint64_t version = 0;
    int status = kv_begin(registry->kv, false, &txn);
    if (status == 0) {
        status = registry_read_meta(registry, txn, "version", &version);
    }
    kv_abort(txn);
    if (status == 0 || status == STATUS_NOT_FOUND) {
        return version;
    }
    /* not to be read: always another one, so that nobody trusts what he read before */
    return UINT64_MAX - atomic_fetch_add(&registry->unreadable, 1);
}

int registry_find(struct registry *registry, struct slice id, struct registry_site *out)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(registry->kv, false, &txn);
    if (status == 0) {
        status = registry_read_id(registry, txn, id, out);
    }
    kv_abort(txn);
    return status;
}

int registry_find_number(struct registry *registry, uint32_t number, struct registry_site *out)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(registry->kv, false, &txn);
    if (status == 0) {
        status = registry_read_number(registry, txn, number, out);
    }
    kv_abort(txn);
    return status;
}

uint32_t registry_group_find(struct registry *registry, struct slice name)
{
    struct kv_txn *txn = NULL;
    uint32_t number = 0;
    if (name.len > 0 && kv_begin(registry->kv, false, &txn) == 0) {
        (void)registry_read_group(registry, txn, name, &number);
    }
    kv_abort(txn);
    return number;
}

struct walk {
    struct registry *registry;
    struct kv_txn *txn;
    registry_site_fn fn;
    void *ctx;
    bool damaged;
};

static int visit(void *ctx, struct slice key, struct slice value)
{
    struct walk *walk = ctx;
    struct registry_site site;
    if (read_indexed(walk->registry, walk->txn, key, value, &site) != 0) {
        walk->damaged = true;
        return 0;
    }
    return walk->fn(walk->ctx, &site);
}

int registry_each(struct registry *registry, registry_site_fn fn, void *ctx)
{
    struct walk walk = {.registry = registry, .fn = fn, .ctx = ctx};
    int status = kv_begin(registry->kv, false, &walk.txn);
    if (status == 0) {
        status = kv_each(walk.txn, registry->ids, slice_str(""), visit, &walk);
    }
    kv_abort(walk.txn);
    return status == 0 && walk.damaged ? STATUS_CORRUPT : status;
}
