#include <string.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

/* Legs that close this much earlier than those before them make the blocks unsorted: a walk by time reads them all. */
static const int64_t UNSORTED_MS = INT64_C(48) * 3600 * 1000;

static void fail(struct ledger *ledger, int status)
{
    if (status != 0 && ledger->failure == 0) {
        ledger->failure = status;
    }
}

static int copy_block(struct leg_block *to, const struct leg_block *from)
{
    struct buf rows = to->rows;
    buf_reset(&rows);
    buf_append(&rows, from->rows.data, from->rows.len);
    *to = *from;
    to->rows = rows;
    return rows.failed ? STATUS_NO_MEMORY : 0;
}

int ledger_begin(struct ledger *ledger, int64_t now_ms)
{
    int status = copy_block(&ledger->tail_before, &ledger->tail);
    if (status == 0) {
        status = kv_begin(ledger->kv, true, &ledger->txn);
    }
    if (status != 0) {
        return status;
    }
    ledger->before = ledger->state;
    ledger->failure = 0;
    ledger->tail_changed = false;
    ledger->state.committed_ms = now_ms;
    ledger->state.commits++;
    return 0;
}

static void put(struct ledger *ledger, enum ledger_db db, const struct record_key *key, bool append)
{
    if (ledger->failure != 0) {
        return;
    }
    int status = record_end(&ledger->value, key);
    if (status == 0) {
        struct slice value = buf_slice(&ledger->value);
        status = append ? kv_append(ledger->txn, ledger->db[db], record_key_slice(key), value)
                        : kv_put(ledger->txn, ledger->db[db], record_key_slice(key), value);
    }
    fail(ledger, status);
}

void ledger_put_open_leg(struct ledger *ledger, const struct call_leg *leg)
{
    struct record_key key = record_key_u64(leg->seq);
    record_begin(&ledger->value);
    leg_open_write(leg, &ledger->value);
    put(ledger, LEDGER_DB_OPEN_LEGS, &key, false);
}

void ledger_drop_open_leg(struct ledger *ledger, uint64_t seq)
{
    if (ledger->failure == 0) {
        struct record_key key = record_key_u64(seq);
        int status = kv_delete(ledger->txn, ledger->db[LEDGER_DB_OPEN_LEGS], record_key_slice(&key));
        fail(ledger, status == KV_END ? 0 : status);
    }
}

/* Stores the growing block under its number and returns the stored length. */
static size_t put_tail(struct ledger *ledger)
{
    struct record_key key = record_key_u64(ledger->state.next_block);
    record_begin(&ledger->value);
    leg_block_write(&ledger->tail, &ledger->value);
    put(ledger, LEDGER_DB_LEGS, &key, false);
    if (ledger->tail.min_end_ms < ledger->state.newest_end_ms - UNSORTED_MS) {
        ledger->state.legs_unsorted = true;
    }
    if (ledger->tail.max_end_ms > ledger->state.newest_end_ms) {
        ledger->state.newest_end_ms = ledger->tail.max_end_ms;
    }
    return ledger->value.len;
}

void ledger_add_closed_leg(struct ledger *ledger, const struct call_leg *leg)
{
    if (leg_block_full(&ledger->tail)) {
        ledger->state.leg_bytes += put_tail(ledger);
        ledger->state.leg_count += ledger->tail.count;
        ledger->state.next_block++;
        leg_block_clear(&ledger->tail);
    }
    leg_block_add(&ledger->tail, leg);
    ledger->tail_changed = true;
    if (ledger->tail.rows.failed) {
        fail(ledger, STATUS_NO_MEMORY);
    }
}

void ledger_put_interval(struct ledger *ledger, uint32_t queue, int64_t start_s, uint32_t revision,
                         const struct summary *summary)
{
    if (ledger->failure != 0 || start_s < 0 || start_s > (int64_t)UINT32_MAX) {
        fail(ledger, ledger->failure ? 0 : STATUS_RANGE);
        return;
    }
    struct ledger_state *state = &ledger->state;
    struct record_key key = record_key_u32_u32((uint32_t)start_s, queue);
    bool newest = (uint64_t)start_s >= state->newest_interval_s;
    struct slice old;
    if (revision > 1 && kv_get(ledger->txn, ledger->db[LEDGER_DB_INTERVALS], record_key_slice(&key), &old) == 0) {
        state->interval_bytes -= old.len < state->interval_bytes ? old.len : state->interval_bytes;
    } else {
        state->interval_count++;
    }
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, revision);
    summary_encode(summary, &ledger->value);
    put(ledger, LEDGER_DB_INTERVALS, &key, newest);
    state->interval_bytes += ledger->value.len;
    if (newest) {
        state->newest_interval_s = (uint64_t)start_s;
    }
    if (ledger->failure == 0) {
        struct slice nothing = slice_make("", 0);
        fail(ledger, newest ? kv_append(ledger->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(&key), nothing)
                            : kv_put(ledger->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(&key), nothing));
    }
}

void ledger_put_cursor(struct ledger *ledger, struct ledger_cursor_record *record)
{
    if (record->id == 0) {
        record->id = ledger->state.next_cursor++;
    }
    const struct ledger_cursor *cursor = &record->cursor;
    const struct ledger_position *position = &record->position;
    struct buf *value = &ledger->value;
    record_begin(value);
    wire_put_bytes(value, slice_str(cursor->source));
    wire_put_bytes(value, slice_str(cursor->path));
    wire_put_svarint(value, cursor->first_ms);
    wire_put_svarint(value, cursor->last_ms);
    wire_put_svarint(value, cursor->updated_ms);
    wire_put_varint(value, position->device);
    wire_put_varint(value, position->inode);
    wire_put_varint(value, position->offset);
    wire_put_varint(value, position->head_len);
    wire_put_varint(value, position->tail_len);
    wire_put_u64(value, position->head_hash);
    wire_put_u64(value, position->tail_hash);
    struct record_key key = record_key_u32(record->id);
    put(ledger, LEDGER_DB_CURSORS, &key, false);
}

void ledger_add_gap(struct ledger *ledger, const struct ledger_gap *gap)
{
    struct record_key key = record_key_u64_u32((uint64_t)gap->from_ms, ledger->state.next_gap++);
    record_begin(&ledger->value);
    wire_put_svarint(&ledger->value, gap->to_ms);
    wire_put_bytes(&ledger->value, slice_str(gap->reason));
    put(ledger, LEDGER_DB_GAPS, &key, false);
}

void ledger_put_queue_settings(struct ledger *ledger, uint32_t queue, const struct ledger_queue_settings *settings)
{
    struct record_key key = record_key_u8_u32('q', queue);
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, settings->sl_method);
    wire_put_svarint(&ledger->value, settings->sl_threshold_ms);
    wire_put_svarint(&ledger->value, settings->short_abandon_ms);
    put(ledger, LEDGER_DB_META, &key, false);
}

void ledger_put_progress(struct ledger *ledger, const struct ledger_progress *progress)
{
    ledger->state.progress = *progress;
}

static void put_name(struct ledger *ledger, enum ledger_name_kind kind, uint32_t id)
{
    struct record_key key = record_key_u8_u32((uint8_t)kind, id);
    record_begin(&ledger->value);
    if (kind == LEDGER_VERB) {
        wire_put_varint(&ledger->value, ledger->verb_counts[id]);
    }
    struct slice name = intern_name(ledger->names[kind], id);
    buf_append(&ledger->value, name.data, name.len);
    put(ledger, LEDGER_DB_NAMES, &key, false);
}

static void put_names(struct ledger *ledger)
{
    for (int kind = LEDGER_QUEUE; kind <= LEDGER_VERB; kind++) {
        bool all = kind == LEDGER_VERB && ledger->verbs_changed;
        uint32_t first = all ? 1 : ledger->names_stored[kind] + 1;
        for (uint32_t id = first; id <= intern_count(ledger->names[kind]); id++) {
            put_name(ledger, (enum ledger_name_kind)kind, id);
        }
    }
}

static void put_state(struct ledger *ledger)
{
    struct ledger_state stored = ledger->state;
    if (ledger->tail.count > 0) {
        struct ledger_state *state = &ledger->state;
        size_t bytes = ledger->tail_changed ? put_tail(ledger) : ledger->tail.rows.len + 16;
        stored = *state;
        stored.leg_bytes += bytes;
        stored.leg_count += ledger->tail.count;
        stored.next_block++;
    }
    if (ledger->failure == 0) {
        fail(ledger, ledger_state_put(ledger, ledger->txn, &stored));
    }
}

static int roll_back(struct ledger *ledger, int status)
{
    uint64_t quality[QUALITY_COUNT];
    memcpy(quality, ledger->state.quality, sizeof quality);
    ledger->state = ledger->before;
    memcpy(ledger->state.quality, quality, sizeof quality);
    struct leg_block tail = ledger->tail;
    ledger->tail = ledger->tail_before;
    ledger->tail_before = tail;
    return status;
}

int ledger_end(struct ledger *ledger)
{
    put_names(ledger);
    put_state(ledger);
    struct kv_txn *txn = ledger->txn;
    ledger->txn = NULL;
    if (ledger->failure != 0) {
        kv_abort(txn);
        return roll_back(ledger, ledger->failure);
    }
    int status = kv_commit(txn);
    if (status != 0) {
        return roll_back(ledger, status);
    }
    for (int kind = LEDGER_QUEUE; kind <= LEDGER_VERB; kind++) {
        ledger->names_stored[kind] = intern_count(ledger->names[kind]);
    }
    ledger->verbs_changed = false;
    return 0;
}
