#include <stdlib.h>
#include <string.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

int ledger_view_begin(struct ledger *ledger, struct ledger_view **out)
{
    struct ledger_view *view = calloc(1, sizeof *view);
    if (!view) {
        return STATUS_NO_MEMORY;
    }
    view->ledger = ledger;
    int status = kv_begin(ledger->kv, false, &view->txn);
    if (status != 0) {
        free(view);
        return status;
    }
    *out = view;
    return 0;
}

void ledger_view_end(struct ledger_view *view)
{
    if (view) {
        kv_abort(view->txn);
        free(view);
    }
}

static int walk(struct ledger_view *view, enum ledger_db db, const struct record_key *from, kv_each_fn each, void *ctx)
{
    struct slice at = from ? record_key_slice(from) : slice_make("", 0);
    return kv_each(view->txn, view->ledger->db[db], at, each, ctx);
}

struct slice ledger_view_name(struct ledger_view *view, enum ledger_name_kind kind, uint32_t id)
{
    struct record_key key = record_key_u8_u32((uint8_t)kind, id);
    struct slice value;
    struct wire_reader payload;
    if (kv_get(view->txn, view->ledger->db[LEDGER_DB_NAMES], record_key_slice(&key), &value) != 0 ||
        record_open(record_key_slice(&key), value, &payload) != 0) {
        return slice_make("", 0);
    }
    if (kind == LEDGER_VERB) {
        (void)wire_get_varint(&payload);
    }
    return slice_make((const char *)payload.pos, wire_left(&payload));
}

int ledger_interval_open(struct slice key, struct slice value, int64_t *start_s, uint32_t *queue, uint32_t *revision,
                         struct wire_reader *summary)
{
    if (key.len != 8) {
        return STATUS_CORRUPT;
    }
    int status = record_open(key, value, summary);
    if (status != 0) {
        return status;
    }
    *start_s = record_key_at_u32(key, 0);
    *queue = record_key_at_u32(key, 4);
    *revision = (uint32_t)wire_get_varint_max(summary, UINT32_MAX);
    return summary->failed ? STATUS_CORRUPT : 0;
}

struct interval_walk {
    int64_t to_s;
    ledger_interval_fn fn;
    void *ctx;
    uint64_t bad;
    struct summary summary;
    int result; /* what fn returned */
};

enum { WALK_STOP = 2 };

static int each_interval(void *ctx, struct slice key, struct slice value)
{
    struct interval_walk *self = ctx;
    if (key.len == 8 && (int64_t)record_key_at_u32(key, 0) >= self->to_s) {
        return WALK_STOP;
    }
    struct ledger_interval item = {.summary = &self->summary};
    struct wire_reader payload;
    int status = ledger_interval_open(key, value, &item.start_s, &item.queue, &item.revision, &payload);
    if (status == 0) {
        status = summary_decode(&self->summary, &payload);
    }
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != 0) {
        self->bad++;
        return 0;
    }
    if (summary_is_zero(&self->summary)) {
        return 0; /* what was counted there has been taken back */
    }
    self->result = self->fn(self->ctx, &item);
    return self->result == 0 ? 0 : WALK_STOP;
}

int ledger_view_intervals(struct ledger_view *view, int64_t from_s, int64_t to_s, ledger_interval_fn fn, void *ctx,
                          uint64_t *bad)
{
    struct interval_walk self = {.to_s = to_s, .fn = fn, .ctx = ctx};
    int64_t first = from_s < 0 ? 0 : from_s > (int64_t)UINT32_MAX ? (int64_t)UINT32_MAX : from_s;
    struct record_key key = record_key_u32((uint32_t)first);
    int status = walk(view, LEDGER_DB_INTERVALS, &key, each_interval, &self);
    summary_deinit(&self.summary);
    if (bad) {
        *bad += self.bad;
    }
    if (status < 0) {
        return status;
    }
    return self.result;
}

struct leg_walk {
    int64_t from_ms;
    int64_t to_ms;
    bool done; /* from the open legs: those that are over, else those that are not */
    ledger_leg_fn fn;
    void *ctx;
    uint64_t bad;
    int result;
};

static int give_leg(struct leg_walk *self, const struct call_leg *leg)
{
    self->result = self->fn(self->ctx, leg);
    return self->result == 0 ? 0 : WALK_STOP;
}

static int each_block(void *ctx, struct slice key, struct slice value)
{
    struct leg_walk *self = ctx;
    struct wire_reader payload;
    struct leg_block_reader block;
    int status = record_open(key, value, &payload);
    if (status == 0) {
        status = leg_block_open(&block, payload);
    }
    if (status != 0) {
        self->bad++;
        return 0;
    }
    if (block.max_end_ms < self->from_ms || block.min_end_ms >= self->to_ms) {
        return 0;
    }
    struct call_leg leg;
    while ((status = leg_block_next(&block, &leg)) == 0) {
        if (leg.end_ms >= self->from_ms && leg.end_ms < self->to_ms) {
            status = give_leg(self, &leg);
            if (status != 0) {
                return status;
            }
        }
    }
    self->bad += status != LEG_BLOCK_END;
    return 0;
}

static int each_open_leg(void *ctx, struct slice key, struct slice value)
{
    struct leg_walk *self = ctx;
    struct wire_reader payload;
    struct call_leg leg;
    int status = record_open(key, value, &payload);
    if (status == 0) {
        status = leg_open_read(&payload, &leg);
    }
    if (status != 0) {
        self->bad++;
        return 0;
    }
    if ((leg.state == LEG_DONE) != self->done) {
        return 0;
    }
    bool within = !self->done || (leg.end_ms >= self->from_ms && leg.end_ms < self->to_ms);
    return within ? give_leg(self, &leg) : 0;
}

static int count_leg(void *ctx, const struct call_leg *leg)
{
    (void)leg;
    (*(uint64_t *)ctx)++;
    return 0;
}

int ledger_view_facts(struct ledger_view *view, struct ledger_facts *out)
{
    struct ledger *ledger = view->ledger;
    struct ledger_state state;
    int status = ledger_state_load(ledger, view->txn, &state);
    if (status != 0) {
        return status == LEDGER_NONE ? STATUS_CORRUPT : status;
    }
    struct kv_usage usage;
    status = kv_usage(view->txn, &usage);
    struct leg_walk settling = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .done = true, .fn = count_leg};
    uint64_t settling_count = 0;
    settling.ctx = &settling_count;
    if (status == 0) {
        status = walk(view, LEDGER_DB_OPEN_LEGS, NULL, each_open_leg, &settling);
    }
    if (status != 0) {
        return status;
    }
    struct ledger_facts facts = {.created_ms = ledger->identity.created_ms,
                                 .committed_ms = state.committed_ms,
                                 .newest_event_ms = state.progress.newest_event_ms,
                                 .interval_s = ledger->identity.interval_s,
                                 .commits = state.commits,
                                 .leg_count = state.leg_count,
                                 .leg_bytes = state.leg_bytes,
                                 .settling_count = settling_count,
                                 .interval_count = state.interval_count,
                                 .interval_bytes = state.interval_bytes,
                                 .used_bytes = usage.used_bytes,
                                 .map_bytes = usage.map_bytes};
    memcpy(facts.epoch, ledger->identity.epoch, sizeof facts.epoch);
    memcpy(facts.site, ledger->identity.site, sizeof facts.site);
    memcpy(facts.quality, state.quality, sizeof facts.quality);
    *out = facts;
    return 0;
}

/* Blocks are in the order in which legs closed. From the newest back until a block ends well before the span begins:
 * a query for the last hour need not read months. */
static int first_block(struct ledger_view *view, int64_t from_ms, struct record_key *out)
{
    struct kv_cursor *cursor = NULL;
    int status = kv_cursor_open(view->txn, view->ledger->db[LEDGER_DB_LEGS], &cursor);
    struct slice key;
    struct slice value;
    *out = record_key_u64(0);
    for (status = status == 0 ? kv_cursor_last(cursor, &key, &value) : status; status == 0;
         status = kv_cursor_prev(cursor, &key, &value)) {
        struct wire_reader payload = wire_reader_make(value.data, value.len);
        struct leg_block_reader block;
        (void)wire_get_u8(&payload);
        if (leg_block_open(&block, payload) == 0 && block.max_end_ms + INT64_C(48) * 3600 * 1000 < from_ms) {
            *out = record_key_u64(record_key_at_u64(key, 0));
            break;
        }
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

int ledger_view_closed_legs(struct ledger_view *view, int64_t from_ms, int64_t to_ms, ledger_leg_fn fn, void *ctx,
                            uint64_t *bad)
{
    struct ledger_state state;
    int status = ledger_state_load(view->ledger, view->txn, &state);
    struct record_key key = record_key_u64(0);
    if (status == 0 && !state.legs_unsorted) {
        status = first_block(view, from_ms, &key);
    }
    struct leg_walk self = {.from_ms = from_ms, .to_ms = to_ms, .done = true, .fn = fn, .ctx = ctx};
    if (status == 0) {
        status = walk(view, LEDGER_DB_LEGS, &key, each_block, &self);
    }
    if (status == 0) {
        status = walk(view, LEDGER_DB_OPEN_LEGS, NULL, each_open_leg, &self);
    }
    if (bad) {
        *bad += self.bad;
    }
    return status < 0 ? status : self.result;
}

int ledger_view_open_legs(struct ledger_view *view, ledger_leg_fn fn, void *ctx, uint64_t *bad)
{
    struct leg_walk self = {.fn = fn, .ctx = ctx};
    int status = walk(view, LEDGER_DB_OPEN_LEGS, NULL, each_open_leg, &self);
    if (bad) {
        *bad += self.bad;
    }
    return status < 0 ? status : self.result;
}

struct pair_walk {
    int (*each)(void *self, struct slice key, struct slice value);
    union {
        ledger_verb_fn verb;
        ledger_cursor_fn cursor;
        ledger_gap_fn gap;
    } fn;
    void *ctx;
};

static int each_verb(void *ctx, struct slice key, struct slice value)
{
    struct pair_walk *self = ctx;
    struct wire_reader payload;
    if (key.len != 5 || key.data[0] != LEDGER_VERB || record_open(key, value, &payload) != 0) {
        return 0;
    }
    uint64_t count = wire_get_varint(&payload);
    return self->fn.verb(self->ctx, slice_make((const char *)payload.pos, wire_left(&payload)), count);
}

int ledger_view_unknown_verbs(struct ledger_view *view, ledger_verb_fn fn, void *ctx)
{
    struct pair_walk self = {.fn.verb = fn, .ctx = ctx};
    return walk(view, LEDGER_DB_NAMES, NULL, each_verb, &self);
}

int ledger_cursor_open(struct slice key, struct slice value, struct ledger_cursor_record *out)
{
    struct wire_reader payload;
    int status = key.len == 4 ? record_open(key, value, &payload) : STATUS_CORRUPT;
    if (status != 0) {
        return status;
    }
    struct ledger_cursor_record record = {.id = record_key_at_u32(key, 0)};
    slice_copy(wire_get_bytes(&payload), record.cursor.source, sizeof record.cursor.source);
    slice_copy(wire_get_bytes(&payload), record.cursor.path, sizeof record.cursor.path);
    record.cursor.first_ms = wire_get_svarint(&payload);
    record.cursor.last_ms = wire_get_svarint(&payload);
    record.cursor.updated_ms = wire_get_svarint(&payload);
    record.position.device = wire_get_varint(&payload);
    record.position.inode = wire_get_varint(&payload);
    record.position.offset = wire_get_varint(&payload);
    record.position.head_len = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
    record.position.tail_len = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX);
    record.position.head_hash = wire_get_u64(&payload);
    record.position.tail_hash = wire_get_u64(&payload);
    record.position.first_number = wire_get_varint(&payload);
    record.position.last_number = wire_get_varint(&payload);
    if (payload.failed) {
        return STATUS_CORRUPT;
    }
    record.cursor.offset = record.position.offset;
    *out = record;
    return 0;
}

static int each_cursor(void *ctx, struct slice key, struct slice value)
{
    struct pair_walk *self = ctx;
    struct ledger_cursor_record record;
    return ledger_cursor_open(key, value, &record) == 0 ? self->fn.cursor(self->ctx, &record.cursor) : 0;
}

int ledger_view_cursors(struct ledger_view *view, ledger_cursor_fn fn, void *ctx)
{
    struct pair_walk self = {.fn.cursor = fn, .ctx = ctx};
    return walk(view, LEDGER_DB_CURSORS, NULL, each_cursor, &self);
}

static int each_gap(void *ctx, struct slice key, struct slice value)
{
    struct pair_walk *self = ctx;
    struct wire_reader payload;
    if (key.len != 12 || record_open(key, value, &payload) != 0) {
        return 0;
    }
    struct ledger_gap gap = {.from_ms = (int64_t)record_key_at_u64(key, 0),
                             .to_ms = wire_get_svarint(&payload),
                             .number = record_key_at_u32(key, 8)};
    slice_copy(wire_get_bytes(&payload), gap.reason, sizeof gap.reason);
    uint64_t kind = wire_left(&payload) > 0 ? wire_get_varint(&payload) : LEDGER_GAP_CALLS;
    gap.kind = kind == LEDGER_GAP_LIVE ? LEDGER_GAP_LIVE : LEDGER_GAP_CALLS; /* a later kind may be the worse */
    return payload.failed ? 0 : self->fn.gap(self->ctx, &gap);
}

int ledger_view_gaps(struct ledger_view *view, ledger_gap_fn fn, void *ctx)
{
    struct pair_walk self = {.fn.gap = fn, .ctx = ctx};
    return walk(view, LEDGER_DB_GAPS, NULL, each_gap, &self);
}

bool ledger_view_queue_settings(struct ledger_view *view, uint32_t queue, struct queue_settings *out)
{
    struct record_key key = record_key_u8_u32('q', queue);
    struct slice value;
    struct wire_reader payload;
    if (kv_get(view->txn, view->ledger->db[LEDGER_DB_META], record_key_slice(&key), &value) != 0 ||
        record_open(record_key_slice(&key), value, &payload) != 0) {
        return false;
    }
    struct queue_settings settings = {.sl_method = (uint32_t)wire_get_varint_max(&payload, UINT32_MAX)};
    settings.sl_threshold_ms = wire_get_svarint(&payload);
    settings.short_abandon_ms = wire_get_svarint(&payload);
    slice_copy(wire_get_bytes(&payload), settings.label, sizeof settings.label);
    if (payload.failed) {
        return false;
    }
    *out = settings;
    return true;
}

bool ledger_view_zone(struct ledger_view *view, char *out, size_t size)
{
    struct record_key key = record_key_text("zone");
    struct slice value;
    struct wire_reader payload;
    if (kv_get(view->txn, view->ledger->db[LEDGER_DB_META], record_key_slice(&key), &value) != 0 ||
        record_open(record_key_slice(&key), value, &payload) != 0) {
        return false;
    }
    struct slice zone = wire_get_bytes(&payload);
    slice_copy(zone, out, size);
    return !payload.failed && zone.len > 0 && zone.len < size;
}
