/* Which store this is, as branches are told: random bytes in meta under "generation", made with the store and made anew
 * when it lost what only they can tell again. */
#include <string.h>
#include <sys/random.h>

#include "collector/store/store_internal.h"
#include "platform/base/status.h"

int store_generation_make(struct store *store)
{
    struct record_key key = record_key_text("generation");
    store->has_generation = false;
    if (getrandom(store->generation, sizeof store->generation, 0) != (ssize_t)sizeof store->generation) {
        return store_txn_fail(store, STATUS_IO);
    }
    record_begin(&store->value);
    buf_append(&store->value, store->generation, sizeof store->generation);
    int status = store_txn_put(store, STORE_DB_META, &key);
    store->has_generation = status == 0;
    return status;
}

int store_generation_load(struct store *store, struct kv_txn *txn)
{
    struct record_key key = record_key_text("generation");
    struct wire_reader payload;
    int status = store_read(store, txn, STORE_DB_META, &key, &payload);
    store->has_generation = status == 0 && wire_left(&payload) == sizeof store->generation;
    if (store->has_generation) {
        memcpy(store->generation, payload.pos, sizeof store->generation);
    }
    return status == STATUS_IO || status == STATUS_NO_MEMORY ? status : 0;
}

const uint8_t *store_generation(const struct store *store)
{
    return store->has_generation ? store->generation : NULL;
}

/* Until a site has told anew what waits there, its figures are not whole. */
static int owe(struct store *store, struct slice key, struct slice value)
{
    struct wire_reader payload;
    struct store_contact contact;
    struct record_key site = record_key_u32(record_key_at_u32(key, 0));
    if (record_open(key, value, &payload) != 0 || store_contact_read(&payload, &contact) != 0) {
        return 0;
    }
    int64_t edge_s = store_edge_of(store->options.now_ms, store->options.intervals_keep_ms);
    edge_s = edge_s > 0 ? edge_s : STORE_HOUR_S;
    if (contact.backlog == 0 || contact.oldest_backlog_s > edge_s) {
        contact.oldest_backlog_s = edge_s;
    }
    contact.backlog += contact.backlog == 0;
    record_begin(&store->value);
    store_contact_write(&contact, &store->value);
    return store_txn_put(store, STORE_DB_CONTACTS, &site);
}

static int owe_all(struct store *store)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int status = kv_cursor_open(store->txn, store->db[STORE_DB_CONTACTS], &cursor);
    status = status == 0 ? kv_cursor_first(cursor, &key, &value) : status;
    while (status == 0) {
        uint32_t site = record_key_at_u32(key, 0);
        struct record_key next = record_key_u32(site + 1);
        status = owe(store, key, value);
        if (status == 0) {
            status = site == UINT32_MAX ? KV_END : kv_cursor_seek(cursor, record_key_slice(&next), &key, &value);
        }
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

int store_generation_renew(struct store *store)
{
    int status = store_generation_make(store);
    return status == 0 ? owe_all(store) : status;
}

int store_renew(struct store *store, int64_t now_ms)
{
    int status = store_begin(store, now_ms);
    if (status != 0) {
        return status;
    }
    (void)store_generation_renew(store);
    status = store_end(store);
    store->has_generation &= status == 0; /* which one it has is not known then */
    return status;
}
