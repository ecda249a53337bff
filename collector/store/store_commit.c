/* Transactions of the writer, the record of the state, and what every commit leaves free. */
#include <string.h>

#include "collector/store/store_internal.h"
#include "platform/base/status.h"

/* Puts leave room to roll, rolling leaves room to delete: so a full map is never stuck. */
static const uint64_t ROOM_TO_ROLL_MAX = UINT64_C(32) << 20;
static const uint64_t ROOM_TO_DELETE_MAX = UINT64_C(4) << 20;
enum { PUT_BYTES_MAX = 3 * 4096 /* pages a put or a delete copies on its way down */ };

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int store_txn_fail(struct store *store, int status)
{
    if (status < 0 && store->failure == 0) {
        store->failure = status;
    }
    return status;
}

int store_txn_begin(struct store *store, int64_t now_ms, bool deletes)
{
    int status = deletes ? kv_begin_delete(store->kv, &store->txn) : kv_begin(store->kv, true, &store->txn);
    if (status != 0) {
        return status;
    }
    store->before = store->state;
    store->failure = 0;
    store->spent_bytes = 0;
    uint64_t limit = store->options.limit_bytes;
    store->room_bytes = deletes ? less(limit / 64, ROOM_TO_DELETE_MAX) : less(limit / 12, ROOM_TO_ROLL_MAX);
    store->state.committed_ms = now_ms;
    store->state.commits++;
    return 0;
}

int store_begin(struct store *store, int64_t now_ms)
{
    return store_txn_begin(store, now_ms, false);
}

int store_txn_put(struct store *store, enum store_db db, const struct record_key *key)
{
    if (store->failure != 0) {
        return store->failure;
    }
    store->spent_bytes += PUT_BYTES_MAX + store->value.len;
    return store_txn_fail(store, record_put(store->txn, store->db[db], key, &store->value));
}

int store_txn_delete(struct store *store, enum store_db db, const struct record_key *key)
{
    store->spent_bytes += PUT_BYTES_MAX;
    int status = kv_delete(store->txn, store->db[db], record_key_slice(key));
    return store_txn_fail(store, status == KV_END ? 0 : status);
}

int store_read(struct store *store, struct kv_txn *txn, enum store_db db, const struct record_key *key,
               struct wire_reader *payload)
{
    struct slice value;
    int status = kv_get(txn, store->db[db], record_key_slice(key), &value);
    if (status != 0) {
        return status == KV_END ? STORE_NONE : status;
    }
    return record_open(record_key_slice(key), value, payload);
}

int store_state_load(struct store *store, struct kv_txn *txn, struct store_state *out)
{
    struct record_key key = record_key_text("state");
    struct slice value;
    int status = kv_get(txn, store->db[STORE_DB_META], record_key_slice(&key), &value);
    if (status != 0) {
        return status == KV_END ? STORE_NONE : status;
    }
    return store_state_open(record_key_slice(&key), value, out);
}

int store_state_open(struct slice key, struct slice value, struct store_state *out)
{
    struct wire_reader payload;
    int status = record_open(key, value, &payload);
    if (status != 0) {
        return status;
    }
    struct store_state state = {0};
    state.created_ms = wire_get_svarint(&payload);
    state.committed_ms = wire_get_svarint(&payload);
    uint64_t *const counts[] = {&state.commits,          &state.interval_count,         &state.pending_count,
                                &state.dropped_before_s, &state.cells_dropped_before_s, &state.event_count};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = wire_get_varint(&payload);
    }
    state.next_event = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
    state.has_records = wire_left(&payload) > 0;
    for (int db = 0; db < STORE_DB_COUNT && state.has_records; db++) {
        state.records[db] = wire_get_varint(&payload);
    }
    state.marks_sum = state.has_records ? wire_get_u64(&payload) : 0;
    state.rebuild = state.has_records ? (enum store_rebuild)wire_get_u8(&payload) : STORE_REBUILD_NONE;
    for (int i = 0; i < 3 && state.rebuild == STORE_REBUILD_MARK; i++) {
        state.marked[i] = wire_get_u32(&payload);
    }
    if (payload.failed || state.rebuild > STORE_REBUILD_MARK) {
        return STATUS_CORRUPT;
    }
    *out = state;
    return 0;
}

int store_state_put(struct store *store)
{
    const struct store_state *state = &store->state;
    const uint64_t counts[] = {state->commits,          state->interval_count,         state->pending_count,
                               state->dropped_before_s, state->cells_dropped_before_s, state->event_count};
    record_begin(&store->value);
    wire_put_svarint(&store->value, state->created_ms);
    wire_put_svarint(&store->value, state->committed_ms);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        wire_put_varint(&store->value, counts[i]);
    }
    wire_put_varint(&store->value, state->next_event);
    for (int db = 0; db < STORE_DB_COUNT; db++) {
        uint64_t count = 0;
        int status = kv_count(store->txn, store->db[db], &count);
        if (status != 0) {
            return store_txn_fail(store, status);
        }
        wire_put_varint(&store->value, count);
    }
    wire_put_u64(&store->value, state->marks_sum);
    wire_put_u8(&store->value, (uint8_t)state->rebuild);
    for (int i = 0; i < 3 && state->rebuild == STORE_REBUILD_MARK; i++) {
        wire_put_u32(&store->value, state->marked[i]);
    }
    struct record_key key = record_key_text("state");
    return store_txn_put(store, STORE_DB_META, &key);
}

static void put_names(struct store *store)
{
    for (uint32_t number = store->names_stored + 1; number <= intern_count(store->names); number++) {
        struct slice name = intern_name(store->names, number);
        struct record_key key = record_key_u32(number);
        record_begin(&store->value);
        buf_append(&store->value, name.data, name.len);
        if (store_txn_put(store, STORE_DB_NAMES, &key) != 0) {
            return;
        }
        (void)store_txn_fail(store, kv_put(store->txn, store->db[STORE_DB_NAME_INDEX], name, record_key_slice(&key)));
    }
}

static void close_cursors(struct store *store)
{
    kv_cursor_close(store->intervals);
    kv_cursor_close(store->pending);
    store->intervals = NULL;
    store->pending = NULL;
}

/* Nothing of the transaction has happened: neither in memory. But for a commit that is on the disk although the disk
 * said that it failed: what is there tells. */
static void undo(struct store *store)
{
    struct store_state state;
    store->state = store->before;
    struct kv_txn *txn = NULL;
    if (kv_begin(store->kv, false, &txn) == 0) {
        store->state = store_state_load(store, txn, &state) == 0 ? state : store->before;
        (void)store_grouping_load(store, txn);
    }
    kv_abort(txn);
}

void store_abort(struct store *store)
{
    struct kv_txn *txn = store->txn;
    if (txn) {
        close_cursors(store);
        store->txn = NULL;
        kv_abort(txn);
        undo(store);
    }
}

int store_end(struct store *store)
{
    if (store->failure == 0) {
        put_names(store);
    }
    if (store->failure == 0) {
        (void)store_state_put(store);
    }
    if (store->failure == 0) {
        uint64_t spent_bytes = store->spent_bytes;
        (void)store_txn_fail(store, kv_room(store->txn, store->db[STORE_DB_META], spent_bytes, store->room_bytes));
    }
    int status = store->failure;
    if (status != 0) {
        store_abort(store);
        return status;
    }
    close_cursors(store);
    struct kv_txn *txn = store->txn;
    store->txn = NULL;
    status = kv_commit(txn);
    if (status != 0) {
        undo(store);
        return status;
    }
    store->names_stored = intern_count(store->names);
    return 0;
}
