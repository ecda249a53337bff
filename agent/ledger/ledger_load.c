#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

/* What the writer reads back: at start, and an old interval that a late row reopens. */

struct load_walk {
    struct ledger *ledger;
    ledger_leg_fn leg;
    ledger_cursor_record_fn cursor;
    void *ctx;
};

static int load_all(struct load_walk *self, enum ledger_db db, kv_each_fn each)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(self->ledger->kv, false, &txn);
    if (status == 0) {
        status = kv_each(txn, self->ledger->db[db], slice_make("", 0), each, self);
    }
    kv_abort(txn);
    return status;
}

static int each_leg(void *ctx, struct slice key, struct slice value)
{
    struct load_walk *self = ctx;
    struct wire_reader payload;
    struct call_leg leg;
    int status = record_open(key, value, &payload);
    if (status == 0) {
        status = leg_open_read(&payload, &leg);
    }
    if (status != 0) {
        self->ledger->quality[QUALITY_QUARANTINED]++;
        return 0;
    }
    return self->leg(self->ctx, &leg);
}

int ledger_load_open_legs(struct ledger *ledger, ledger_leg_fn fn, void *ctx)
{
    struct load_walk self = {.ledger = ledger, .leg = fn, .ctx = ctx};
    return load_all(&self, LEDGER_DB_OPEN_LEGS, each_leg);
}

static int each_cursor(void *ctx, struct slice key, struct slice value)
{
    struct load_walk *self = ctx;
    struct ledger_cursor_record record;
    if (ledger_cursor_open(key, value, &record) != 0) {
        self->ledger->quality[QUALITY_QUARANTINED]++;
        return 0;
    }
    return self->cursor(self->ctx, &record);
}

int ledger_load_cursors(struct ledger *ledger, ledger_cursor_record_fn fn, void *ctx)
{
    struct load_walk self = {.ledger = ledger, .cursor = fn, .ctx = ctx};
    return load_all(&self, LEDGER_DB_CURSORS, each_cursor);
}

int ledger_load_interval(struct ledger *ledger, uint32_t queue, int64_t start_s, struct summary *out)
{
    if (start_s < 0 || start_s > (int64_t)UINT32_MAX) {
        return STATUS_RANGE;
    }
    if ((uint64_t)start_s > ledger->state.newest_interval_s) {
        return LEDGER_NONE; /* the common case: nothing so new is stored */
    }
    struct kv_txn *txn = NULL;
    int status = kv_begin(ledger->kv, false, &txn);
    if (status != 0) {
        return status;
    }
    struct record_key key = record_key_u32_u32((uint32_t)start_s, queue);
    struct slice value;
    status = kv_get(txn, ledger->db[LEDGER_DB_INTERVALS], record_key_slice(&key), &value);
    if (status == KV_END) {
        kv_abort(txn);
        return LEDGER_NONE;
    }
    struct wire_reader payload;
    int64_t stored_start;
    uint32_t stored_queue;
    uint32_t revision;
    if (status == 0) {
        status = ledger_interval_open(record_key_slice(&key), value, &stored_start, &stored_queue, &revision, &payload);
    }
    if (status == 0) {
        status = summary_decode(out, &payload);
    }
    kv_abort(txn);
    if (status == STATUS_CORRUPT || status == STATUS_VERSION || status == STATUS_INVALID) {
        ledger->quality[QUALITY_QUARANTINED]++;
        summary_clear(out);
        return LEDGER_NONE;
    }
    return status;
}
