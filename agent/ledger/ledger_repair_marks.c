#include "agent/ledger/ledger_repair_marks.h"

#include <string.h>

bool ledger_repair_has_true_name(struct ledger *ledger, struct kv_txn *txn, uint32_t queue)
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

struct marking {
    struct ledger *ledger;
    struct kv_txn *txn;
};

static int mark_interval(void *ctx, struct slice key, struct slice value)
{
    const struct marking *self = ctx;
    struct ledger *ledger = self->ledger;
    struct record_key mark = record_key_u32_u32(record_key_at_u32(key, 0), record_key_at_u32(key, 4));
    struct slice held;
    (void)value;
    bool marked = kv_get(self->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(&mark), &held) == 0;
    bool wanted = !marked && key.len == 8 && ledger_repair_has_true_name(ledger, self->txn, record_key_at_u32(key, 4));
    return wanted ? ledger_mark_dirty(ledger, &mark, false, false) : 0;
}

int ledger_repair_mark_all(struct ledger *ledger, struct kv_txn *txn)
{
    struct marking self = {.ledger = ledger, .txn = txn};
    return kv_each(txn, ledger->db[LEDGER_DB_INTERVALS], slice_make("", 0), mark_interval, &self);
}

static int drop_mark(void *ctx, struct slice key, struct slice value)
{
    const struct marking *self = ctx;
    struct ledger *ledger = self->ledger;
    struct slice interval;
    int found = kv_get(self->txn, ledger->db[LEDGER_DB_INTERVALS], key, &interval);
    if (found != KV_END) {
        return found;
    }
    ledger->state.refused -= value.len > 0 && ledger->state.refused > 0;
    ledger->state.marks_sum -= ledger_mark_hash(key);
    return KV_DROP;
}

int ledger_repair_drop_marks(struct ledger *ledger, struct kv_txn *txn)
{
    struct marking self = {.ledger = ledger, .txn = txn};
    return kv_sweep(txn, ledger->db[LEDGER_DB_DIRTY], slice_make("", 0), drop_mark, &self);
}
