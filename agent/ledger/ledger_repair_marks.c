#include "agent/ledger/ledger_repair_marks.h"

#include <string.h>

static bool has_true_name(struct ledger *ledger, struct kv_txn *txn, uint32_t queue)
{
    struct record_key key = record_key_u8_u32(LEDGER_QUEUE, queue);
    struct slice value;
    struct wire_reader payload;
    if (kv_get(txn, ledger->db[LEDGER_DB_NAMES], record_key_slice(&key), &value) != 0 ||
        record_open(record_key_slice(&key), value, &payload) != 0) {
        return false;
    }
    struct slice name = slice_make((const char *)payload.pos, wire_left(&payload));
    size_t len = sizeof LEDGER_MADE_UP_NAME - 1;
    return name.len < len || memcmp(name.data, LEDGER_MADE_UP_NAME, len) != 0;
}

int ledger_repair_mark_all(struct ledger *ledger, struct kv_txn *txn)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct slice held;
    int step = kv_cursor_open(txn, ledger->db[LEDGER_DB_INTERVALS], &cursor);
    step = step == 0 ? kv_cursor_first(cursor, &key, &value) : step;
    while (step == 0) {
        struct record_key mark = record_key_u32_u32(ledger_key_u32(key, 0), ledger_key_u32(key, 4));
        bool marked = kv_get(txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(&mark), &held) == 0;
        if (!marked && key.len == 8 && has_true_name(ledger, txn, ledger_key_u32(key, 4))) {
            step = ledger_mark_dirty(ledger, &mark, false, false);
        }
        step = step == 0 ? kv_cursor_next(cursor, &key, &value) : step;
    }
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}

int ledger_repair_drop_marks(struct ledger *ledger, struct kv_txn *txn)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct slice interval;
    int step = kv_cursor_open(txn, ledger->db[LEDGER_DB_DIRTY], &cursor);
    step = step == 0 ? kv_cursor_first(cursor, &key, &value) : step;
    while (step == 0) {
        int found = kv_get(txn, ledger->db[LEDGER_DB_INTERVALS], key, &interval);
        if (found == KV_END) {
            ledger->state.refused -= value.len > 0 && ledger->state.refused > 0;
            ledger->state.marks_sum -= ledger_mark_hash(key);
        }
        step = found < 0 ? found : found == KV_END ? kv_cursor_delete(cursor) : 0;
        step = step == 0 ? kv_cursor_next(cursor, &key, &value) : step;
    }
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}
