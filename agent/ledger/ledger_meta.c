/* The records of the meta database that the ledger cannot do without: identity, secret, state. */
#include <string.h>
#include <sys/random.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

static int get_record(struct ledger *ledger, struct kv_txn *txn, enum ledger_db db, const struct record_key *key,
                      struct wire_reader *payload)
{
    struct slice value;
    int status = kv_get(txn, ledger->db[db], record_key_slice(key), &value);
    if (status != 0) {
        return status == KV_END ? LEDGER_NONE : status;
    }
    return record_open(record_key_slice(key), value, payload);
}

int ledger_identity_load(struct ledger *ledger, struct kv_txn *txn)
{
    struct record_key key = record_key_text("identity");
    struct wire_reader payload;
    int status = get_record(ledger, txn, LEDGER_DB_META, &key, &payload);
    if (status != 0) {
        return status;
    }
    struct ledger_identity identity = {.created_ms = 0};
    struct slice epoch = wire_get_bytes(&payload);
    struct slice site = wire_get_bytes(&payload);
    identity.created_ms = wire_get_svarint(&payload);
    identity.interval_s = (uint32_t)wire_get_varint_max(&payload, 86400);
    if (payload.failed || epoch.len != sizeof identity.epoch || identity.interval_s == 0) {
        return STATUS_CORRUPT;
    }
    memcpy(identity.epoch, epoch.data, epoch.len);
    slice_copy(site, identity.site, sizeof identity.site);
    ledger->identity = identity;
    return 0;
}

int ledger_state_load(struct ledger *ledger, struct kv_txn *txn, struct ledger_state *out)
{
    struct record_key key = record_key_text("state");
    struct slice value;
    int status = kv_get(txn, ledger->db[LEDGER_DB_META], record_key_slice(&key), &value);
    if (status != 0) {
        return status == KV_END ? LEDGER_NONE : status;
    }
    return ledger_state_open(record_key_slice(&key), value, out);
}

int ledger_state_open(struct slice key, struct slice value, struct ledger_state *out)
{
    struct wire_reader payload;
    int status = record_open(key, value, &payload);
    if (status != 0) {
        return status;
    }
    struct ledger_state state = {0};
    state.progress.newest_event_ms = wire_get_svarint(&payload);
    state.progress.next_seq = wire_get_varint(&payload);
    state.committed_ms = wire_get_svarint(&payload);
    uint64_t *const counts[] = {&state.commits,          &state.leg_count,      &state.leg_bytes,
                                &state.interval_count,   &state.interval_bytes, &state.next_block,
                                &state.newest_interval_s};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = wire_get_varint(&payload);
    }
    state.next_cursor = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
    state.next_gap = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
    state.newest_end_ms = wire_get_svarint(&payload);
    state.legs_unsorted = wire_get_u8(&payload) != 0;
    uint64_t stored = wire_get_varint(&payload);
    for (uint64_t i = 0; i < stored && !payload.failed; i++) {
        uint64_t count = wire_get_varint(&payload);
        if (i < QUALITY_COUNT) {
            state.quality[i] = count;
        }
    }
    state.refused = wire_left(&payload) > 0 ? wire_get_varint(&payload) : 0;
    state.has_records = wire_left(&payload) > 0;
    for (int db = 0; db < LEDGER_DB_COUNT && state.has_records; db++) {
        state.records[db] = wire_get_varint(&payload);
    }
    state.marks_sum = state.has_records ? wire_get_u64(&payload) : 0;
    if (payload.failed) {
        return STATUS_CORRUPT;
    }
    *out = state;
    return 0;
}

int ledger_state_put(struct ledger *ledger, struct kv_txn *txn, const struct ledger_state *state)
{
    struct buf *value = &ledger->value;
    record_begin(value);
    wire_put_svarint(value, state->progress.newest_event_ms);
    wire_put_varint(value, state->progress.next_seq);
    wire_put_svarint(value, state->committed_ms);
    const uint64_t counts[] = {state->commits,        state->leg_count,  state->leg_bytes,        state->interval_count,
                               state->interval_bytes, state->next_block, state->newest_interval_s};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        wire_put_varint(value, counts[i]);
    }
    wire_put_varint(value, state->next_cursor);
    wire_put_varint(value, state->next_gap);
    wire_put_svarint(value, state->newest_end_ms);
    wire_put_u8(value, state->legs_unsorted);
    wire_put_varint(value, QUALITY_COUNT);
    for (size_t i = 0; i < QUALITY_COUNT; i++) {
        wire_put_varint(value, state->quality[i]);
    }
    wire_put_varint(value, state->refused);
    for (int db = 0; db < LEDGER_DB_COUNT; db++) {
        uint64_t count = 0;
        int status = kv_count(txn, ledger->db[db], &count);
        if (status != 0) {
            return status;
        }
        wire_put_varint(value, count);
    }
    wire_put_u64(value, state->marks_sum);
    struct record_key key = record_key_text("state");
    return record_put(txn, ledger->db[LEDGER_DB_META], &key, value);
}

static int fill_random(void *to, size_t len)
{
    return getrandom(to, len, 0) == (ssize_t)len ? 0 : STATUS_IO;
}

int ledger_identity_make(struct ledger *ledger, struct kv_txn *txn)
{
    const struct ledger_options *options = &ledger->options;
    struct ledger_identity identity = {.created_ms = options->now_ms, .interval_s = options->interval_s};
    slice_copy(slice_str(options->site), identity.site, sizeof identity.site);
    int status = fill_random(identity.epoch, sizeof identity.epoch);
    if (status != 0) {
        return status;
    }
    struct buf *value = &ledger->value;
    record_begin(value);
    wire_put_bytes(value, slice_make((const char *)identity.epoch, sizeof identity.epoch));
    wire_put_bytes(value, slice_str(identity.site));
    wire_put_svarint(value, identity.created_ms);
    wire_put_varint(value, identity.interval_s);
    struct record_key key = record_key_text("identity");
    ledger->identity = identity;
    return record_put(txn, ledger->db[LEDGER_DB_META], &key, value);
}

int ledger_secret_make(struct ledger *ledger, struct kv_txn *txn)
{
    struct buf *value = &ledger->value;
    struct record_key key = record_key_text("secret");
    int status = fill_random(ledger->secret, sizeof ledger->secret);
    if (status != 0) {
        return status;
    }
    record_begin(value);
    wire_put_bytes(value, slice_make((const char *)ledger->secret, sizeof ledger->secret));
    return record_put(txn, ledger->db[LEDGER_DB_META], &key, value);
}

/* First start: identity, secret and an empty state in one transaction, so that a kill leaves all or nothing. */
int ledger_found(struct ledger *ledger)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(ledger->kv, true, &txn);
    if (status != 0) {
        return status;
    }
    status = ledger_identity_make(ledger, txn);
    if (status == 0) {
        status = ledger_secret_make(ledger, txn);
    }
    ledger->state =
        (struct ledger_state){.progress = {.next_seq = 1}, .next_block = 1, .next_cursor = 1, .next_gap = 1};
    if (status == 0) {
        status = ledger_state_put(ledger, txn, &ledger->state);
    }
    if (status != 0) {
        kv_abort(txn);
        return status;
    }
    return kv_commit(txn);
}

int ledger_secret_load(struct ledger *ledger, struct kv_txn *txn)
{
    struct record_key key = record_key_text("secret");
    struct wire_reader payload;
    int status = get_record(ledger, txn, LEDGER_DB_META, &key, &payload);
    if (status != 0) {
        return status;
    }
    struct slice secret = wire_get_bytes(&payload);
    if (payload.failed || secret.len != LEDGER_SECRET_BYTES) {
        return STATUS_CORRUPT;
    }
    memcpy(ledger->secret, secret.data, secret.len);
    return 0;
}
