#include <stdlib.h>
#include <string.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

static const int64_t BLOCK_SPAN_MS = INT64_C(7) * 24 * 3600 * 1000;

/* What every commit leaves free, so that giving up history always has pages to work with: a transaction that deletes
 * copies about ten, and what it frees serves the next but one. */
enum { ROOM_TO_DELETE_BYTES = 48 * 4096 };

void ledger_fail(struct ledger *ledger, int status)
{
    if (status != 0 && ledger->failure == 0) {
        ledger->failure = status;
    }
}

int ledger_begin(struct ledger *ledger, int64_t now_ms)
{
    int status = kv_begin(ledger->kv, true, &ledger->txn);
    if (status != 0) {
        return status;
    }
    ledger->before = ledger->state;
    ledger->failure = 0;
    ledger->spent_bytes = 0;
    ledger->state.committed_ms = now_ms;
    ledger->state.commits++;
    return 0;
}

void ledger_put(struct ledger *ledger, enum ledger_db db, const struct record_key *key, bool append)
{
    if (ledger->failure != 0) {
        return;
    }
    int status = record_end(&ledger->value, key);
    if (status == 0) {
        struct slice value = buf_slice(&ledger->value);
        ledger->spent_bytes += LEDGER_PUT_BYTES_MAX + value.len;
        status = append ? kv_append(ledger->txn, ledger->db[db], record_key_slice(key), value)
                        : kv_put(ledger->txn, ledger->db[db], record_key_slice(key), value);
    }
    ledger_fail(ledger, status);
}

void ledger_put_open_leg(struct ledger *ledger, const struct call_leg *leg)
{
    struct record_key key = record_key_u64(leg->seq);
    record_begin(&ledger->value);
    leg_open_write(leg, &ledger->value);
    ledger_put(ledger, LEDGER_DB_OPEN_LEGS, &key, false);
}

void ledger_drop_open_leg(struct ledger *ledger, uint64_t seq)
{
    if (ledger->failure == 0) {
        struct record_key key = record_key_u64(seq);
        ledger->spent_bytes += LEDGER_PUT_BYTES_MAX;
        int status = kv_delete(ledger->txn, ledger->db[LEDGER_DB_OPEN_LEGS], record_key_slice(&key));
        ledger_fail(ledger, status == KV_END ? 0 : status);
    }
}

/* A block goes when its newest leg is past its retention. It must not span much time, where calls are few or an old
 * history is imported, or its oldest legs outlive theirs by as much. */
static bool spans_enough(const struct ledger *ledger, const struct call_leg *leg)
{
    const struct leg_block *tail = &ledger->tail;
    int64_t span_ms = ledger->options.legs_keep_ms / 8;
    span_ms = span_ms < BLOCK_SPAN_MS ? span_ms : BLOCK_SPAN_MS;
    return span_ms > 0 && tail->count > 0 &&
           (leg->end_ms - tail->min_end_ms > span_ms || tail->max_end_ms - leg->end_ms > span_ms);
}

int ledger_add_closed_leg(struct ledger *ledger, const struct call_leg *leg)
{
    if (leg_block_full(&ledger->tail) || spans_enough(ledger, leg)) {
        struct leg_block *sealed =
            grow_array(ledger->sealed, ledger->sealed_count, &ledger->sealed_cap, sizeof *sealed);
        if (!sealed) {
            return STATUS_NO_MEMORY;
        }
        ledger->sealed = sealed;
        ledger->sealed[ledger->sealed_count++] = ledger->tail;
        leg_block_init(&ledger->tail);
    }
    leg_block_add(&ledger->tail, leg);
    ledger->tail_changed = true;
    return ledger->tail.rows.failed ? STATUS_NO_MEMORY : 0;
}

/* Stores a block under the next number, accounts for it in `state`. */
static void put_block(struct ledger *ledger, const struct leg_block *block, struct ledger_state *state)
{
    struct record_key key = record_key_u64(state->next_block++);
    record_begin(&ledger->value);
    leg_block_write(block, &ledger->value);
    ledger_put(ledger, LEDGER_DB_LEGS, &key, false);
    state->leg_count += block->count;
    state->leg_bytes += ledger->value.len;
    state->legs_unsorted |= block->max_end_ms < state->newest_end_ms - LEDGER_UNSORTED_MS;
    if (block->max_end_ms > state->newest_end_ms) {
        state->newest_end_ms = block->max_end_ms;
    }
}

void ledger_put_interval(struct ledger *ledger, uint32_t queue, int64_t start_s, const struct summary *summary)
{
    if (ledger->failure != 0 || start_s < 0 || start_s > (int64_t)UINT32_MAX) {
        ledger_fail(ledger, ledger->failure ? 0 : STATUS_RANGE);
        return;
    }
    struct ledger_state *state = &ledger->state;
    struct record_key key = record_key_u32_u32((uint32_t)start_s, queue);
    bool newest = (uint64_t)start_s >= state->newest_interval_s;
    bool may_be_stored = (uint64_t)start_s <= state->newest_interval_s;
    struct slice old;
    if (may_be_stored && kv_get(ledger->txn, ledger->db[LEDGER_DB_INTERVALS], record_key_slice(&key), &old) == 0) {
        state->interval_bytes -= old.len < state->interval_bytes ? old.len : state->interval_bytes;
    } else {
        state->interval_count++;
    }
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, state->commits);
    summary_encode(summary, &ledger->value);
    ledger_put(ledger, LEDGER_DB_INTERVALS, &key, newest);
    state->interval_bytes += ledger->value.len;
    if (newest) {
        state->newest_interval_s = (uint64_t)start_s;
    }
    if (ledger->failure == 0) {
        ledger->spent_bytes += LEDGER_PUT_BYTES_MAX;
        ledger_fail(ledger, ledger_mark_dirty(ledger, &key, may_be_stored, newest));
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
    wire_put_varint(value, position->first_number);
    wire_put_varint(value, position->last_number);
    struct record_key key = record_key_u32(record->id);
    ledger_put(ledger, LEDGER_DB_CURSORS, &key, false);
}

void ledger_add_gap(struct ledger *ledger, const struct ledger_gap *gap)
{
    struct record_key key = record_key_u64_u32((uint64_t)gap->from_ms, ledger->state.next_gap++);
    record_begin(&ledger->value);
    wire_put_svarint(&ledger->value, gap->to_ms);
    wire_put_bytes(&ledger->value, slice_str(gap->reason));
    if (gap->kind != LEDGER_GAP_CALLS) {
        wire_put_varint(&ledger->value, gap->kind);
    }
    ledger_put(ledger, LEDGER_DB_GAPS, &key, false);
}

void ledger_put_queue_settings(struct ledger *ledger, uint32_t queue, const struct queue_settings *settings)
{
    struct record_key key = record_key_u8_u32('q', queue);
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, settings->sl_method);
    wire_put_svarint(&ledger->value, settings->sl_threshold_ms);
    wire_put_svarint(&ledger->value, settings->short_abandon_ms);
    wire_put_bytes(&ledger->value, slice_str(settings->label));
    ledger_put(ledger, LEDGER_DB_META, &key, false);
}

void ledger_put_zone(struct ledger *ledger, const char *zone)
{
    struct record_key key = record_key_text("zone");
    record_begin(&ledger->value);
    wire_put_bytes(&ledger->value, slice_str(zone));
    ledger_put(ledger, LEDGER_DB_META, &key, false);
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
    ledger_put(ledger, LEDGER_DB_NAMES, &key, false);
}

static void put_names(struct ledger *ledger)
{
    for (int kind = LEDGER_QUEUE; kind < LEDGER_KINDS_END; kind++) {
        bool all = kind == LEDGER_VERB && ledger->verbs_changed;
        uint32_t first = all ? 1 : ledger->names_stored[kind] + 1;
        for (uint32_t id = first; id <= intern_count(ledger->names[kind]); id++) {
            put_name(ledger, (enum ledger_name_kind)kind, id);
        }
    }
}

/* The stored state speaks of the growing block as well; in memory that does not count until it is sealed. */
static void put_state(struct ledger *ledger, const struct ledger_state *whole)
{
    if (ledger->failure == 0) {
        ledger_fail(ledger, ledger_state_put(ledger, ledger->txn, whole));
    }
}

/* Returns the stored length of the growing block. */
static uint64_t put_legs_and_state(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->sealed_count; i++) {
        put_block(ledger, &ledger->sealed[i], &ledger->state);
    }
    struct ledger_state whole = ledger->state;
    if (ledger->tail.count > 0 && ledger->tail_changed) {
        put_block(ledger, &ledger->tail, &whole);
    } else if (ledger->tail.count > 0) {
        whole.next_block++;
        whole.leg_count += ledger->tail_stored_count;
        whole.leg_bytes += ledger->tail_stored_bytes;
    }
    put_state(ledger, &whole);
    return whole.leg_bytes - ledger->state.leg_bytes;
}

static void keep_room(struct ledger *ledger)
{
    if (ledger->failure == 0) {
        ledger_fail(ledger,
                    kv_room(ledger->txn, ledger->db[LEDGER_DB_META], ledger->spent_bytes, ROOM_TO_DELETE_BYTES));
    }
}

static void put_state_aside(struct ledger *ledger)
{
    struct ledger_state whole = ledger->state;
    whole.next_block += ledger->tail_stored_count > 0;
    whole.leg_count += ledger->tail_stored_count;
    whole.leg_bytes += ledger->tail_stored_bytes;
    put_state(ledger, &whole);
}

/* The commit that holds all that waited is durable. */
static void forget_waiting(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->sealed_count; i++) {
        leg_block_deinit(&ledger->sealed[i]);
    }
    ledger->sealed_count = 0;
    ledger->tail_changed = false;
    ledger->tail_stored_count = ledger->tail.count;
    for (int kind = LEDGER_QUEUE; kind < LEDGER_KINDS_END; kind++) {
        ledger->names_stored[kind] = intern_count(ledger->names[kind]);
    }
    ledger->verbs_changed = false;
}

int ledger_end(struct ledger *ledger)
{
    uint64_t tail_bytes = ledger->tail_stored_bytes;
    if (ledger->aside) {
        put_state_aside(ledger);
    } else {
        memcpy(ledger->state.quality, ledger->quality, sizeof ledger->quality);
        put_names(ledger);
        tail_bytes = put_legs_and_state(ledger);
    }
    if (!ledger->aside || ledger->spent_bytes > 0) {
        keep_room(ledger);
    }
    struct kv_txn *txn = ledger->txn;
    ledger->txn = NULL;
    int status = ledger->failure;
    if (status != 0) {
        kv_abort(txn);
    } else {
        status = kv_commit(txn);
    }
    if (status != 0) {
        ledger->state = ledger->before;
        return status;
    }
    ledger->tail_stored_bytes = tail_bytes;
    if (!ledger->aside) {
        forget_waiting(ledger);
    }
    return 0;
}

int ledger_begin_aside(struct ledger *ledger)
{
    int status = ledger_begin(ledger, ledger->state.committed_ms); /* it is no progress */
    ledger->aside = status == 0;
    return status;
}

int ledger_end_aside(struct ledger *ledger, int status)
{
    ledger_fail(ledger, status);
    status = ledger_end(ledger);
    ledger->aside = false;
    return status;
}
