/* By what cells were added up: the group of each site, the zone of each scope's days. */
#include <stdlib.h>
#include <string.h>

#include "collector/store/store_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

/* Index of the first entry that is not below `scope`. */
static size_t lower_bound(const struct store *store, store_scope scope)
{
    size_t low = 0;
    for (size_t left = store->grouping_count; left > 0;) {
        size_t half = left / 2;
        bool below = store->grouping[low + half].scope < scope;
        low = below ? low + half + 1 : low;
        left = below ? left - half - 1 : half;
    }
    return low;
}

const struct store_grouping_entry *store_grouping_find(const struct store *store, store_scope scope)
{
    size_t at = lower_bound(store, scope);
    bool found = at < store->grouping_count && store->grouping[at].scope == scope;
    return found ? &store->grouping[at] : NULL;
}

static int set_entry(struct store *store, const struct store_grouping_entry *entry)
{
    size_t at = lower_bound(store, entry->scope);
    if (at == store->grouping_count || store->grouping[at].scope != entry->scope) {
        struct store_grouping_entry *grown =
            grow_array(store->grouping, store->grouping_count, &store->grouping_cap, sizeof *grown);
        if (!grown) {
            return STATUS_NO_MEMORY;
        }
        store->grouping = grown;
        memmove(grown + at + 1, grown + at, (store->grouping_count - at) * sizeof *grown);
        store->grouping_count++;
    }
    store->grouping[at] = *entry;
    return 0;
}

static int load_entry(void *ctx, struct slice key, struct slice value)
{
    struct store *store = ctx;
    struct wire_reader payload;
    struct store_grouping_entry entry = {.scope = record_key_at_u32(key, 0)};
    int status = record_open(key, value, &payload);
    if (status == 0) {
        entry.group = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
        slice_copy(wire_get_bytes(&payload), entry.zone, sizeof entry.zone);
        status = payload.failed ? STATUS_CORRUPT : set_entry(store, &entry);
    }
    return status == STATUS_NO_MEMORY ? status : 0; /* a damaged one counts as unknown */
}

int store_grouping_load(struct store *store, struct kv_txn *txn)
{
    (void)pthread_mutex_lock(&store->grouping_lock);
    store->grouping_count = 0;
    int status = kv_each(txn, store->db[STORE_DB_GROUPING], slice_make("", 0), load_entry, store);
    (void)pthread_mutex_unlock(&store->grouping_lock);
    return status;
}

int store_grouping_put(struct store *store, const struct store_grouping_entry *entry)
{
    struct record_key key = record_key_u32(entry->scope);
    record_begin(&store->value);
    wire_put_varint(&store->value, entry->group);
    wire_put_bytes(&store->value, slice_str(entry->zone));
    int status = store_txn_put(store, STORE_DB_GROUPING, &key);
    if (status == 0) {
        (void)pthread_mutex_lock(&store->grouping_lock);
        status = set_entry(store, entry);
        (void)pthread_mutex_unlock(&store->grouping_lock);
    }
    return status;
}
