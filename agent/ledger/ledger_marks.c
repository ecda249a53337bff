#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

/* Dirty marks: an empty value waits to be sent; one that the collector refused tells why. A refusal that is damaged
 * waits to be sent again, which can do no harm. */

/* No collector of ours holds such a revision of anything; following it there would leave no room to go on. */
static const uint64_t HELD_REVISION_MAX = UINT32_MAX / 2;

/* Marks are keys with nothing under them: their sum tells one that turned into another. */
uint64_t ledger_mark_hash(struct slice key)
{
    uint64_t z = record_key_at_u64(key, 0) + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void uncount_refused(struct ledger *ledger)
{
    ledger->state.refused -= ledger->state.refused > 0;
}

/* What stands at a mark; KV_END: nothing. */
static int get_mark(struct ledger *ledger, const struct record_key *key, bool *refused)
{
    struct slice value;
    int status = kv_get(ledger->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(key), &value);
    *refused = status == 0 && value.len > 0;
    return status;
}

int ledger_mark_dirty(struct ledger *ledger, const struct record_key *key, bool may_exist, bool append)
{
    bool refused = false;
    int status = may_exist ? get_mark(ledger, key, &refused) : KV_END;
    if (status < 0 || (status == 0 && !refused)) {
        return status;
    }
    if (refused) {
        uncount_refused(ledger);
    } else {
        ledger->state.marks_sum += ledger_mark_hash(record_key_slice(key));
    }
    struct slice nothing = slice_make("", 0);
    return append ? kv_append(ledger->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(key), nothing)
                  : kv_put(ledger->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(key), nothing);
}

int ledger_mark_drop(struct ledger *ledger, const struct record_key *key)
{
    bool refused;
    int status = get_mark(ledger, key, &refused);
    if (status != 0) {
        return status == KV_END ? 0 : status;
    }
    if (refused) {
        uncount_refused(ledger);
    }
    ledger->state.marks_sum -= ledger_mark_hash(record_key_slice(key));
    return kv_delete(ledger->txn, ledger->db[LEDGER_DB_DIRTY], record_key_slice(key));
}

static int put_refusal(struct ledger *ledger, const struct record_key *key, const struct ledger_ack *ack)
{
    bool refused;
    int status = get_mark(ledger, key, &refused);
    if (status != 0) {
        return status == KV_END ? 0 : status;
    }
    ledger->state.refused += !refused;
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, ack->revision);
    wire_put_bytes(&ledger->value, slice_make(ack->reason, strnlen(ack->reason, sizeof ack->reason - 1)));
    ledger_put(ledger, LEDGER_DB_DIRTY, key, false);
    return 0;
}

/* Stores the same content under a revision above all that this ledger and the collector know. */
static int raise_revision(struct ledger *ledger, const struct record_key *key, size_t old_bytes,
                          struct wire_reader summary, uint64_t held)
{
    struct ledger_state *state = &ledger->state;
    if (state->commits <= held) {
        state->commits = held + 1;
    }
    record_begin(&ledger->value);
    wire_put_varint(&ledger->value, state->commits);
    buf_append(&ledger->value, summary.pos, wire_left(&summary));
    ledger_put(ledger, LEDGER_DB_INTERVALS, key, false);
    state->interval_bytes += ledger->value.len;
    state->interval_bytes -= old_bytes < state->interval_bytes ? old_bytes : state->interval_bytes;
    return ledger->failure == 0 ? ledger_mark_dirty(ledger, key, true, false) : ledger->failure;
}

static int refuse_absurd(struct ledger *ledger, const struct record_key *key, const struct ledger_ack *ack)
{
    struct ledger_ack refusal = *ack;
    (void)snprintf(refusal.reason, sizeof refusal.reason, "the collector says that it holds revision %llu",
                   (unsigned long long)ack->held_revision);
    return put_refusal(ledger, key, &refusal);
}

static int acknowledge(struct ledger *ledger, const struct ledger_ack *ack)
{
    if (ack->start_s < 0 || ack->start_s > (int64_t)UINT32_MAX) {
        return STATUS_RANGE;
    }
    struct record_key key = record_key_u32_u32((uint32_t)ack->start_s, ack->queue);
    struct slice value;
    int status = kv_get(ledger->txn, ledger->db[LEDGER_DB_INTERVALS], record_key_slice(&key), &value);
    if (status != 0) {
        return status == KV_END ? ledger_mark_drop(ledger, &key) : status; /* its time was over meanwhile */
    }
    int64_t start_s;
    uint32_t queue;
    uint32_t revision = 0;
    struct wire_reader summary;
    bool damaged = ledger_interval_open(record_key_slice(&key), value, &start_s, &queue, &revision, &summary) != 0;
    revision = damaged ? 0 : revision;
    bool same = revision == ack->revision;
    switch (ack->kind) {
    case LEDGER_ACKED: return same && !damaged ? ledger_mark_drop(ledger, &key) : 0;
    case LEDGER_REFUSED_ACK: return same ? put_refusal(ledger, &key, ack) : 0;
    case LEDGER_SURPASSED: break;
    }
    if (damaged || (!same && revision > ack->held_revision)) {
        return 0;
    }
    return ack->held_revision > HELD_REVISION_MAX
               ? refuse_absurd(ledger, &key, ack)
               : raise_revision(ledger, &key, value.len, summary, ack->held_revision);
}

int ledger_acknowledge(struct ledger *ledger, const struct ledger_ack *acks, size_t count)
{
    if (count == 0) {
        return 0;
    }
    int status = ledger_begin_aside(ledger);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < count && status == 0; i++) {
        status = acknowledge(ledger, &acks[i]);
    }
    return ledger_end_aside(ledger, status);
}

/* The walk over marks from the newest back. */
struct dirty_walk {
    struct ledger_view *view;
    struct kv_cursor *cursor;
    struct slice key;
    struct slice value;
};

static int dirty_seek(struct dirty_walk *self, int64_t start_s, uint32_t queue)
{
    if (start_s < 0) {
        return KV_END;
    }
    if (start_s > (int64_t)UINT32_MAX) {
        return kv_cursor_last(self->cursor, &self->key, &self->value);
    }
    struct record_key at = record_key_u32_u32((uint32_t)start_s, queue);
    int step = kv_cursor_seek(self->cursor, record_key_slice(&at), &self->key, &self->value);
    return step == 0        ? kv_cursor_prev(self->cursor, &self->key, &self->value)
           : step == KV_END ? kv_cursor_last(self->cursor, &self->key, &self->value)
                            : step;
}

static bool is_refusal(struct slice key, struct slice value, struct wire_reader *payload)
{
    return value.len > 0 && record_open(key, value, payload) == 0;
}

static int open_dirty(struct ledger_view *view, struct slice key, struct summary *sum, struct ledger_dirty *out)
{
    struct slice value;
    struct wire_reader payload;
    struct ledger_interval *item = &out->interval;
    int status = kv_get(view->txn, view->ledger->db[LEDGER_DB_INTERVALS], key, &value);
    if (status == 0) {
        status = ledger_interval_open(key, value, &item->start_s, &item->queue, &item->revision, &payload);
    }
    if (status == 0) {
        status = summary_decode(sum, &payload);
    }
    if (status == STATUS_NO_MEMORY || status == STATUS_IO) {
        return status;
    }
    if (status != 0) {
        item->start_s = record_key_at_u32(key, 0);
        item->queue = record_key_at_u32(key, 4);
    } else {
        item->summary = sum;
    }
    return 0;
}

int ledger_view_dirty(struct ledger_view *view, int64_t start_s, uint32_t queue, ledger_dirty_fn fn, void *ctx,
                      uint64_t *bad)
{
    struct dirty_walk walk = {.view = view};
    struct summary sum = {0};
    int result = 0;
    int step = kv_cursor_open(view->txn, view->ledger->db[LEDGER_DB_DIRTY], &walk.cursor);
    if (step == 0) {
        step = dirty_seek(&walk, start_s, queue);
    }
    for (; step == 0 && result == 0; step = kv_cursor_prev(walk.cursor, &walk.key, &walk.value)) {
        struct ledger_dirty item = {.interval = {.start_s = 0}};
        struct wire_reader refusal;
        if (walk.key.len != 8 || is_refusal(walk.key, walk.value, &refusal)) {
            continue;
        }
        result = open_dirty(view, walk.key, &sum, &item);
        if (result == 0) {
            if (bad) {
                *bad += !item.interval.summary;
            }
            result = fn(ctx, &item);
        }
    }
    kv_cursor_close(walk.cursor);
    summary_deinit(&sum);
    return result != 0 ? result : step < 0 ? step : 0;
}

struct refusal_walk {
    ledger_refusal_fn fn;
    void *ctx;
};

static int each_refusal(void *ctx, struct slice key, struct slice value)
{
    const struct refusal_walk *self = ctx;
    struct wire_reader payload;
    if (key.len != 8 || !is_refusal(key, value, &payload)) {
        return 0;
    }
    struct ledger_refusal refusal = {.start_s = record_key_at_u32(key, 0), .queue = record_key_at_u32(key, 4)};
    refusal.revision = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
    slice_copy(wire_get_bytes(&payload), refusal.reason, sizeof refusal.reason);
    return self->fn(self->ctx, &refusal);
}

int ledger_view_refusals(struct ledger_view *view, ledger_refusal_fn fn, void *ctx)
{
    struct refusal_walk self = {.fn = fn, .ctx = ctx};
    return kv_each(view->txn, view->ledger->db[LEDGER_DB_DIRTY], slice_make("", 0), each_refusal, &self);
}

enum { FOUND = 1 };

static int find_dirty(void *ctx, struct slice key, struct slice value)
{
    struct wire_reader refusal;
    if (key.len != 8 || is_refusal(key, value, &refusal)) {
        return 0;
    }
    *(int64_t *)ctx = record_key_at_u32(key, 0);
    return FOUND;
}

int ledger_view_backlog(struct ledger_view *view, struct ledger_backlog *out)
{
    struct ledger *ledger = view->ledger;
    struct ledger_state state;
    struct ledger_backlog backlog = {0};
    uint64_t marks = 0;
    int status = ledger_state_load(ledger, view->txn, &state);
    if (status == 0) {
        status = kv_count(view->txn, ledger->db[LEDGER_DB_DIRTY], &marks);
    }
    if (status != 0) {
        return status == LEDGER_NONE ? STATUS_CORRUPT : status;
    }
    backlog.refused = state.refused < marks ? state.refused : marks;
    backlog.dirty = marks - backlog.refused;
    if (backlog.dirty > 0) {
        status =
            kv_each(view->txn, ledger->db[LEDGER_DB_DIRTY], slice_make("", 0), find_dirty, &backlog.oldest_start_s);
    }
    if (status < 0) {
        return status;
    }
    *out = backlog;
    return 0;
}
