#include <stdlib.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

/* A call does a bounded piece of work: deleting copies pages too, and the loop must come back soon. */
enum { BLOCKS_A_CALL = 64, INTERVALS_A_CALL = 2000 };

struct dropped {
    uint64_t blocks;
    uint64_t damaged;
    uint64_t legs;
    uint64_t leg_bytes;
    uint64_t intervals;
    uint64_t interval_bytes;
    uint64_t shifts;
    uint64_t shift_bytes;
};

static bool block_facts(struct slice key, struct slice value, uint64_t *count, int64_t *max_end_ms)
{
    struct wire_reader payload;
    struct leg_block_reader block;
    if (record_open(key, value, &payload) != 0 || leg_block_open(&block, payload) != 0) {
        return false;
    }
    *count = block.count;
    *max_end_ms = block.max_end_ms;
    return true;
}

/* Deletes leg blocks from number `from` on: those that ended before `before_ms`, until `bytes` are given up. The
 * growing block stays. A damaged block counts as old. */
static int drop_blocks(struct ledger *ledger, uint64_t from, int64_t before_ms, uint64_t bytes, struct dropped *out)
{
    struct kv_cursor *cursor = NULL;
    int status = kv_cursor_open(ledger->txn, ledger->db[LEDGER_DB_LEGS], &cursor);
    struct record_key first = record_key_u64(from);
    struct slice key;
    struct slice value;
    int step = status == 0 ? kv_cursor_seek(cursor, record_key_slice(&first), &key, &value) : status;
    for (int seen = 0; step == 0 && seen < BLOCKS_A_CALL && out->leg_bytes < bytes; seen++) {
        uint64_t count = 0;
        int64_t max_end_ms = INT64_MIN;
        bool good = block_facts(key, value, &count, &max_end_ms);
        if (record_key_at_u64(key, 0) >= ledger->state.next_block) {
            break;
        }
        if (max_end_ms < before_ms) {
            out->leg_bytes += value.len;
            out->legs += count;
            out->damaged += !good;
            out->blocks++;
            step = kv_cursor_delete(cursor);
        } else if (!ledger->state.legs_unsorted) {
            break;
        }
        step = step == 0 ? kv_cursor_next(cursor, &key, &value) : step;
    }
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}

/* A damaged block does not say how many legs went with it: count those that are left. */
static int recount(struct ledger *ledger)
{
    struct ledger_state *state = &ledger->state;
    struct kv_cursor *cursor = NULL;
    int step = kv_cursor_open(ledger->txn, ledger->db[LEDGER_DB_LEGS], &cursor);
    struct slice key;
    struct slice value;
    state->leg_count = 0;
    state->leg_bytes = 0;
    for (step = step == 0 ? kv_cursor_first(cursor, &key, &value) : step;
         step == 0 && record_key_at_u64(key, 0) < state->next_block; step = kv_cursor_next(cursor, &key, &value)) {
        uint64_t count = 0;
        int64_t max_end_ms;
        (void)block_facts(key, value, &count, &max_end_ms);
        state->leg_count += count;
        state->leg_bytes += value.len;
    }
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}

static int drop_interval(struct ledger *ledger, struct kv_cursor *cursor, struct slice *key, struct slice *value,
                         struct dropped *out)
{
    struct record_key copy = record_key_u32_u32(record_key_at_u32(*key, 0), record_key_at_u32(*key, 4));
    out->interval_bytes += value->len;
    out->intervals++;
    int step = kv_cursor_delete(cursor);
    step = step == 0 ? ledger_mark_drop(ledger, &copy) : step;
    return step == 0 ? kv_cursor_next(cursor, key, value) : step;
}

static int drop_shift(struct kv_cursor *cursor, struct slice *key, struct slice *value, struct dropped *out)
{
    out->shift_bytes += value->len;
    out->shifts++;
    int step = kv_cursor_delete(cursor);
    return step == 0 ? kv_cursor_next(cursor, key, value) : step;
}

/* One database of two that are gone through side by side, oldest first. */
struct side {
    struct kv_cursor *cursor;
    int step;
    struct slice key;
    struct slice value;
};

static void open_side(struct ledger *ledger, enum ledger_db db, struct side *side)
{
    side->step = kv_cursor_open(ledger->txn, ledger->db[db], &side->cursor);
    side->step = side->step == 0 ? kv_cursor_first(side->cursor, &side->key, &side->value) : side->step;
}

static bool is_before(const struct side *side, int64_t before_s)
{
    return side->step == 0 && (int64_t)record_key_at_u32(side->key, 0) < before_s;
}

/* Intervals of queues and of operators. What is of the same time goes together. */
static int drop_intervals(struct ledger *ledger, int64_t before_s, uint64_t bytes, struct dropped *out)
{
    struct side intervals = {0};
    struct side shifts = {0};
    open_side(ledger, LEDGER_DB_INTERVALS, &intervals);
    open_side(ledger, LEDGER_DB_SHIFTS, &shifts);
    while (out->intervals + out->shifts < INTERVALS_A_CALL && out->interval_bytes + out->shift_bytes < bytes &&
           intervals.step >= 0 && shifts.step >= 0) {
        bool interval = is_before(&intervals, before_s);
        bool shift = is_before(&shifts, before_s);
        if (shift && (!interval || record_key_at_u32(shifts.key, 0) < record_key_at_u32(intervals.key, 0))) {
            shifts.step = drop_shift(shifts.cursor, &shifts.key, &shifts.value, out);
        } else if (interval) {
            intervals.step = drop_interval(ledger, intervals.cursor, &intervals.key, &intervals.value, out);
        } else {
            break;
        }
    }
    kv_cursor_close(intervals.cursor);
    kv_cursor_close(shifts.cursor);
    return intervals.step < 0 ? intervals.step : shifts.step < 0 ? shifts.step : 0;
}

struct limits {
    uint64_t from_block;
    int64_t legs_before_ms;
    int64_t intervals_before_s;
    uint64_t bytes;
};

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void subtract(struct ledger *ledger, const struct dropped *dropped)
{
    struct ledger_state *state = &ledger->state;
    state->leg_count = less(state->leg_count, dropped->legs);
    state->leg_bytes = less(state->leg_bytes, dropped->leg_bytes);
    state->interval_count = less(state->interval_count, dropped->intervals);
    state->interval_bytes = less(state->interval_bytes, dropped->interval_bytes);
}

static int drop_if_old_gap(void *ctx, struct slice key, struct slice value)
{
    const int64_t *before_s = ctx;
    (void)value;
    return (int64_t)(record_key_at_u64(key, 0) / 1000) < *before_s ? KV_DROP : KV_END;
}

/* Gaps say of which time the intervals are not whole: they go with them. */
static int drop_gaps(struct ledger *ledger, int64_t before_s)
{
    return kv_sweep(ledger->txn, ledger->db[LEDGER_DB_GAPS], slice_make("", 0), drop_if_old_gap, &before_s);
}

/* One transaction that drops what is older than the limits; shed tells that it is given up before its time. */
static int drop(struct ledger *ledger, const struct limits *limits, bool shed, struct dropped *out)
{
    int status = ledger_begin_aside(ledger);
    if (status != 0) {
        return status;
    }
    status = drop_blocks(ledger, limits->from_block, limits->legs_before_ms, limits->bytes, out);
    if (status == 0 && out->blocks == 0) {
        status = drop_intervals(ledger, limits->intervals_before_s, limits->bytes, out);
    }
    if (status == 0 && !shed && limits->intervals_before_s > 0) {
        status = drop_gaps(ledger, limits->intervals_before_s);
    }
    subtract(ledger, out);
    if (status == 0 && out->damaged > 0) {
        status = recount(ledger);
    }
    if (shed) {
        ledger->state.quality[QUALITY_SHED_LEGS] += out->legs;
        ledger->state.quality[QUALITY_SHED_INTERVALS] += out->intervals + out->shifts;
    }
    status = ledger_end_aside(ledger, status);
    if (status == 0 && shed) {
        ledger->quality[QUALITY_SHED_LEGS] += out->legs;
        ledger->quality[QUALITY_SHED_INTERVALS] += out->intervals + out->shifts;
    }
    return status;
}

/* Room that is used counts up to here; what is above is the reserve that deleting itself needs. */
static uint64_t room_limit(const struct ledger *ledger, uint64_t map_bytes)
{
    return map_bytes / 100 * (100 - ledger->options.reserve_percent);
}

static int read_usage(struct ledger *ledger, struct kv_usage *out)
{
    struct kv_txn *txn = NULL;
    int status = kv_begin(ledger->kv, false, &txn);
    if (status == 0) {
        status = kv_usage(txn, out);
    }
    kv_abort(txn);
    return status;
}

int ledger_shed(struct ledger *ledger, uint64_t bytes)
{
    uint64_t given = 0;
    while (given < bytes) {
        struct dropped dropped = {0};
        struct limits limits = {0, INT64_MAX, INT64_MAX, bytes - given};
        int status = drop(ledger, &limits, true, &dropped);
        if (status != 0) {
            return status;
        }
        if (dropped.blocks + dropped.intervals + dropped.shifts == 0) {
            return given > 0 ? 0 : LEDGER_NONE;
        }
        given += dropped.leg_bytes + dropped.interval_bytes + dropped.shift_bytes;
    }
    return 0;
}

/* The first leg block past its retention. The oldest tells for all, unless the blocks are unsorted: then each call
 * looks at some and the next goes on behind them. */
static bool find_due_block(struct ledger *ledger, struct kv_cursor *cursor, int64_t before_ms)
{
    struct record_key from = record_key_u64(ledger->state.legs_unsorted ? ledger->tend_from : 0);
    struct slice key;
    struct slice value;
    int limit = ledger->state.legs_unsorted ? BLOCKS_A_CALL : 1;
    int step = kv_cursor_seek(cursor, record_key_slice(&from), &key, &value);
    ledger->tend_from = 0;
    for (; step == 0 && record_key_at_u64(key, 0) < ledger->state.next_block; limit--) {
        uint64_t count;
        int64_t max_end_ms = INT64_MIN;
        ledger->tend_from = record_key_at_u64(key, 0);
        (void)block_facts(key, value, &count, &max_end_ms);
        if (max_end_ms < before_ms) {
            return true;
        }
        if (limit <= 1) {
            return false;
        }
        step = kv_cursor_next(cursor, &key, &value);
    }
    ledger->tend_from = 0; /* round */
    return false;
}

static int is_first_due(struct ledger *ledger, struct kv_txn *txn, enum ledger_db db, int64_t before_s, bool *due)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int status = kv_cursor_open(txn, ledger->db[db], &cursor);
    if (status == 0 && kv_cursor_first(cursor, &key, &value) == 0) {
        *due |= (int64_t)record_key_at_u32(key, 0) < before_s;
    }
    kv_cursor_close(cursor);
    return status;
}

/* Whether a leg block, interval or shift is past its retention; cheap, so that tending an idle ledger is. */
static int is_due(struct ledger *ledger, int64_t legs_before_ms, int64_t intervals_before_s, bool *due)
{
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    int status = kv_begin(ledger->kv, false, &txn);
    if (status != 0) {
        return status;
    }
    status = kv_cursor_open(txn, ledger->db[LEDGER_DB_LEGS], &cursor);
    if (status == 0) {
        *due = find_due_block(ledger, cursor, legs_before_ms);
    }
    kv_cursor_close(cursor);
    if (status == 0) {
        status = is_first_due(ledger, txn, LEDGER_DB_INTERVALS, intervals_before_s, due);
    }
    if (status == 0) {
        status = is_first_due(ledger, txn, LEDGER_DB_SHIFTS, intervals_before_s, due);
    }
    kv_abort(txn);
    return status;
}

/* The growing block is as old as the others once nothing was added to it for so long. As stored it counts as full
 * from now on, which changes nothing in the file. */
static void seal_old_tail(struct ledger *ledger, int64_t before_ms)
{
    struct ledger_state *state = &ledger->state;
    if (ledger->tail.count == 0 || ledger->tail_changed || ledger->sealed_count > 0 ||
        ledger->tail.max_end_ms >= before_ms) {
        return;
    }
    state->next_block++;
    state->leg_count += ledger->tail_stored_count;
    state->leg_bytes += ledger->tail_stored_bytes;
    ledger->tail_stored_count = 0;
    ledger->tail_stored_bytes = 0;
    leg_block_clear(&ledger->tail);
}

int ledger_tend(struct ledger *ledger, int64_t now_ms, bool *more)
{
    *more = false;
    const struct ledger_options *options = &ledger->options;
    int64_t legs_before_ms = options->legs_keep_ms > 0 ? now_ms - options->legs_keep_ms : INT64_MIN;
    int64_t intervals_before_s = options->intervals_keep_ms > 0 ? (now_ms - options->intervals_keep_ms) / 1000 : 0;
    bool due = false;
    seal_old_tail(ledger, legs_before_ms);
    int status = is_due(ledger, legs_before_ms, intervals_before_s, &due);
    if (status == 0 && due) {
        struct dropped dropped = {0};
        uint64_t from = ledger->state.legs_unsorted ? ledger->tend_from : 0;
        struct limits limits = {from, legs_before_ms, intervals_before_s, UINT64_MAX};
        status = drop(ledger, &limits, false, &dropped);
        *more = dropped.blocks + dropped.intervals + dropped.shifts > 0;
    }
    struct kv_usage usage;
    if (status == 0) {
        status = read_usage(ledger, &usage);
    }
    if (status == 0 && usage.used_bytes > room_limit(ledger, usage.map_bytes)) {
        status = ledger_shed(ledger, usage.used_bytes - room_limit(ledger, usage.map_bytes) + usage.map_bytes / 50);
        *more = status == 0;
        status = status == LEDGER_NONE ? 0 : status;
    }
    return status;
}

void ledger_trim(struct ledger *ledger)
{
    kv_trim(ledger->kv);
}
