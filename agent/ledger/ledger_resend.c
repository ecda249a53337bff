/* What the collector lost is sent again. Meta has under "centre" which of its stores the answers came from that took
 * the marks away; where another one answers, every interval is marked, some in each transaction, and the last one
 * writes the new store down. So an end in between changes nothing but that it begins anew. */
#include <string.h>

#include "agent/ledger/ledger_repair_marks.h"
#include "platform/base/status.h"

enum { INTERVALS_A_STEP = 1000 };

/* 0, LEDGER_NONE where none is known or can be read, or a failure. */
static int load_known(struct ledger *ledger, struct kv_txn *txn, uint8_t out[LIMITS_STORE_BYTES])
{
    struct record_key key = record_key_text("centre");
    struct slice value;
    struct wire_reader payload;
    int status = kv_get(txn, ledger->db[LEDGER_DB_META], record_key_slice(&key), &value);
    if (status < 0) {
        return status;
    }
    if (status == KV_END || record_open(record_key_slice(&key), value, &payload) != 0 ||
        wire_left(&payload) < LIMITS_STORE_BYTES) {
        return LEDGER_NONE;
    }
    memcpy(out, payload.pos, LIMITS_STORE_BYTES);
    return 0;
}

static void put_known(struct ledger *ledger, const uint8_t store[LIMITS_STORE_BYTES])
{
    struct record_key key = record_key_text("centre");
    record_begin(&ledger->value);
    buf_append(&ledger->value, store, LIMITS_STORE_BYTES);
    ledger_put(ledger, LEDGER_DB_META, &key, false);
}

int ledger_resend_begin(struct ledger *ledger, const uint8_t store[LIMITS_STORE_BYTES], struct ledger_resend *out)
{
    struct ledger_resend resend = {.start_s = INT64_MAX};
    uint8_t known[LIMITS_STORE_BYTES];
    struct kv_txn *txn = NULL;
    int status = kv_begin(ledger->kv, false, &txn);
    if (status == 0) {
        status = load_known(ledger, txn, known);
    }
    kv_abort(txn);
    if (status < 0) {
        return status;
    }
    memcpy(resend.store, store, sizeof resend.store);
    resend.under_way = status == LEDGER_NONE || memcmp(known, store, sizeof known) != 0;
    resend.marks = status == 0 && resend.under_way;
    *out = resend;
    return 0;
}

static int mark(struct ledger *ledger, struct slice key, struct ledger_resend *resend)
{
    if (key.len != 8) {
        return 0; /* damaged: it tells no place to go on at */
    }
    resend->start_s = record_key_at_u32(key, 0);
    resend->queue = record_key_at_u32(key, 4);
    if (!ledger_repair_has_true_name(ledger, ledger->txn, resend->queue)) {
        return 0;
    }
    struct record_key at = record_key_u32_u32((uint32_t)resend->start_s, resend->queue);
    ledger->spent_bytes += LEDGER_PUT_BYTES_MAX;
    resend->marked++;
    return ledger_mark_dirty(ledger, &at, true, false);
}

static int seek_before(struct kv_cursor *cursor, const struct ledger_resend *resend, struct slice *key)
{
    struct slice value;
    if (resend->start_s > (int64_t)UINT32_MAX) {
        return kv_cursor_last(cursor, key, &value);
    }
    struct record_key at = record_key_u32_u32((uint32_t)resend->start_s, resend->queue);
    int step = kv_cursor_seek(cursor, record_key_slice(&at), key, &value);
    return step == 0        ? kv_cursor_prev(cursor, key, &value)
           : step == KV_END ? kv_cursor_last(cursor, key, &value)
                            : step;
}

/* 0, KV_END when the oldest has been seen, or a failure. */
static int mark_some(struct ledger *ledger, struct ledger_resend *resend)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int step = kv_cursor_open(ledger->txn, ledger->db[LEDGER_DB_INTERVALS], &cursor);
    step = step == 0 ? seek_before(cursor, resend, &key) : step;
    for (int left = INTERVALS_A_STEP; step == 0 && left > 0;) {
        left -= key.len == 8;
        step = mark(ledger, key, resend);
        step = step == 0 ? kv_cursor_prev(cursor, &key, &value) : step;
    }
    kv_cursor_close(cursor);
    return step;
}

int ledger_resend_step(struct ledger *ledger, struct ledger_resend *resend)
{
    struct ledger_resend next = *resend;
    int status = ledger_begin_aside(ledger);
    if (status != 0) {
        return status;
    }
    int step = next.marks ? mark_some(ledger, &next) : KV_END;
    if (step == KV_END) {
        put_known(ledger, next.store);
        next.under_way = false;
    }
    status = ledger_end_aside(ledger, step < 0 ? step : 0);
    if (status == 0) {
        *resend = next;
    }
    return status;
}
