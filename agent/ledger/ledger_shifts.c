#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

/* What operators did, and how they are to be shown. A shift's record: key start u32 (s) and operator u32, value as in
 * platform/kv/record.h with a shift (proto/shift.c) as its payload. Example, operator 3 in the interval that begins at
 * 2026-11-22 00:45 UTC (1795308300), ready for 15 minutes in queue 1:
 *
 *   key   6b023b0c 00000003
 *   value 01  01 02 880e 00 01 01 00  2fc4c742 */

int ledger_shift_open(struct slice key, struct slice value, int64_t *start_s, uint32_t *operator_id, struct shift *out)
{
    struct wire_reader payload;
    shift_clear(out);
    int status = key.len == 8 ? record_open(key, value, &payload) : STATUS_CORRUPT;
    if (status != 0) {
        return status;
    }
    *start_s = record_key_at_u32(key, 0);
    *operator_id = record_key_at_u32(key, 4);
    status = shift_decode(out, &payload);
    return status == 0 && wire_left(&payload) > 0 ? STATUS_CORRUPT : status;
}

int ledger_newest_shift(struct ledger *ledger, struct kv_txn *txn, uint64_t *start_s)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int status = kv_cursor_open(txn, ledger->db[LEDGER_DB_SHIFTS], &cursor);
    int step = status == 0 ? kv_cursor_last(cursor, &key, &value) : status;
    *start_s = step == 0 && key.len == 8 ? record_key_at_u32(key, 0) : step == 0 ? UINT32_MAX : 0;
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}

int ledger_load_shift(struct ledger *ledger, uint32_t operator_id, int64_t start_s, struct shift *out)
{
    if (start_s < 0 || start_s > (int64_t)UINT32_MAX) {
        return STATUS_RANGE;
    }
    if ((uint64_t)start_s > ledger->state.newest_shift_s) {
        return LEDGER_NONE; /* the common case: nothing so new is stored */
    }
    struct kv_txn *txn = NULL;
    int status = kv_begin(ledger->kv, false, &txn);
    if (status != 0) {
        return status;
    }
    struct record_key key = record_key_u32_u32((uint32_t)start_s, operator_id);
    struct slice value;
    status = kv_get(txn, ledger->db[LEDGER_DB_SHIFTS], record_key_slice(&key), &value);
    if (status == 0) {
        int64_t stored_start_s;
        uint32_t stored_operator;
        status = ledger_shift_open(record_key_slice(&key), value, &stored_start_s, &stored_operator, out);
        if (status == STATUS_CORRUPT || status == STATUS_VERSION || status == STATUS_INVALID) {
            ledger->quality[QUALITY_QUARANTINED]++;
            shift_clear(out);
            status = LEDGER_NONE;
        }
    } else if (status == KV_END) {
        status = LEDGER_NONE;
    }
    kv_abort(txn);
    return status;
}

void ledger_put_shift(struct ledger *ledger, uint32_t operator_id, int64_t start_s, const struct shift *shift)
{
    if (ledger->failure != 0 || start_s < 0 || start_s > (int64_t)UINT32_MAX) {
        ledger_fail(ledger, ledger->failure ? 0 : STATUS_RANGE);
        return;
    }
    struct record_key key = record_key_u32_u32((uint32_t)start_s, operator_id);
    if (shift_is_zero(shift)) {
        ledger->spent_bytes += LEDGER_PUT_BYTES_MAX;
        int status = kv_delete(ledger->txn, ledger->db[LEDGER_DB_SHIFTS], record_key_slice(&key));
        ledger_fail(ledger, status == KV_END ? 0 : status);
        return;
    }
    bool newest = (uint64_t)start_s > ledger->state.newest_shift_s;
    record_begin(&ledger->value);
    shift_encode(shift, &ledger->value);
    ledger_put(ledger, LEDGER_DB_SHIFTS, &key, newest);
    if (newest) {
        ledger->state.newest_shift_s = (uint64_t)start_s;
    }
}

struct shift_walk {
    int64_t to_s;
    ledger_shift_fn fn;
    void *ctx;
    uint64_t bad;
    struct shift shift;
    int result; /* what fn returned */
};

enum { WALK_STOP = 2 };

static int each_shift(void *ctx, struct slice key, struct slice value)
{
    struct shift_walk *self = ctx;
    if (key.len == 8 && (int64_t)record_key_at_u32(key, 0) >= self->to_s) {
        return WALK_STOP;
    }
    struct ledger_shift item = {.shift = &self->shift};
    int status = ledger_shift_open(key, value, &item.start_s, &item.operator_id, &self->shift);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != 0) {
        self->bad++;
        return 0;
    }
    self->result = self->fn(self->ctx, &item);
    return self->result == 0 ? 0 : WALK_STOP;
}

int ledger_view_shifts(struct ledger_view *view, int64_t from_s, int64_t to_s, ledger_shift_fn fn, void *ctx,
                       uint64_t *bad)
{
    if (view->ledger->no_shifts) {
        return 0;
    }
    struct shift_walk self = {.to_s = to_s, .fn = fn, .ctx = ctx};
    int64_t first = from_s < 0 ? 0 : from_s > (int64_t)UINT32_MAX ? (int64_t)UINT32_MAX : from_s;
    struct record_key key = record_key_u32((uint32_t)first);
    int status = kv_each(view->txn, view->ledger->db[LEDGER_DB_SHIFTS], record_key_slice(&key), each_shift, &self);
    shift_deinit(&self.shift);
    if (bad) {
        *bad += self.bad;
    }
    return status < 0 ? status : self.result;
}

void ledger_put_operators(struct ledger *ledger, enum ledger_operators shown)
{
    struct record_key key = record_key_text("operators");
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, shown);
    ledger_put(ledger, LEDGER_DB_META, &key, false);
}

enum ledger_operators ledger_view_operators(struct ledger_view *view)
{
    struct record_key key = record_key_text("operators");
    struct slice value;
    struct wire_reader payload;
    if (kv_get(view->txn, view->ledger->db[LEDGER_DB_META], record_key_slice(&key), &value) == KV_END) {
        return LEDGER_OPERATORS_NAMED;
    }
    if (record_open(record_key_slice(&key), value, &payload) != 0) {
        return LEDGER_OPERATORS_HIDDEN; /* what cannot be read may have forbidden it */
    }
    uint64_t shown = wire_get_varint(&payload);
    bool known = !payload.failed && shown <= LEDGER_OPERATORS_HIDDEN;
    return known ? (enum ledger_operators)shown : LEDGER_OPERATORS_HIDDEN;
}
