#include "agent/ledger/ledger_scan.h"

#include "platform/base/status.h"

static void raise_u64(uint64_t *to, uint64_t value)
{
    *to = value > *to ? value : *to;
}

static void raise_ms(int64_t *to, int64_t value)
{
    *to = value > *to ? value : *to;
}

static void raise_id(struct ledger_scan *scan, enum ledger_name_kind kind, uint32_t id)
{
    uint32_t most = kind == LEDGER_VERB ? LEDGER_VERBS_MAX : LEDGER_NAMES_MAX;
    if (id <= most && id > scan->largest_id[kind]) {
        scan->largest_id[kind] = id;
    }
}

static void see_leg(struct ledger_scan *scan, const struct call_leg *leg)
{
    raise_u64(&scan->newest_seq, leg->seq);
    raise_ms(&scan->newest_event_ms, leg->enter_ms);
    raise_ms(&scan->newest_event_ms, leg->connect_ms);
    raise_ms(&scan->newest_event_ms, leg->end_ms);
    raise_id(scan, LEDGER_QUEUE, leg->queue);
    raise_id(scan, LEDGER_OPERATOR, leg->operator_id);
}

static void widen_hole(struct ledger_scan *scan, int64_t from_ms, int64_t to_ms)
{
    scan->hole_from_ms = !scan->has_hole || from_ms < scan->hole_from_ms ? from_ms : scan->hole_from_ms;
    scan->hole_to_ms = !scan->has_hole || to_ms > scan->hole_to_ms ? to_ms : scan->hole_to_ms;
    scan->has_hole = true;
}

static int see_block(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    struct leg_block_reader block;
    struct wire_reader payload;
    uint64_t number = record_key_at_u64(key, 0);
    if (record_open(key, value, &payload) != 0 || leg_block_open(&block, payload) != 0) {
        return 0;
    }
    if (scan->last_block == 0 && number != 1) {
        scan->front_to_ms = block.max_end_ms;
    } else if (scan->last_block > 0 && number != scan->last_block + 1) {
        widen_hole(scan, scan->newest_end_ms < block.min_end_ms ? scan->newest_end_ms : block.min_end_ms,
                   block.max_end_ms);
    }
    struct call_leg leg;
    while (scan->each_leg && leg_block_next(&block, &leg) == 0) {
        see_leg(scan, &leg);
    }
    scan->last_block = number;
    scan->legs += block.count;
    scan->leg_bytes += value.len;
    scan->unsorted |= scan->newest_end_ms != 0 && block.max_end_ms < scan->newest_end_ms - LEDGER_UNSORTED_MS;
    raise_ms(&scan->newest_end_ms, block.max_end_ms);
    return 0;
}

static int see_open_leg(void *ctx, struct slice key, struct slice value)
{
    struct wire_reader payload;
    struct call_leg leg;
    if (record_open(key, value, &payload) == 0 && leg_open_read(&payload, &leg) == 0) {
        see_leg(ctx, &leg);
    }
    return 0;
}

static int see_interval(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    struct wire_reader summary;
    int64_t start_s;
    uint32_t queue;
    uint32_t revision;
    if (ledger_interval_open(key, value, &start_s, &queue, &revision, &summary) == 0) {
        scan->interval_bytes += value.len;
        scan->oldest_start_s = scan->records[LEDGER_DB_INTERVALS] == 0 ? start_s : scan->oldest_start_s;
        scan->records[LEDGER_DB_INTERVALS]++;
        raise_u64(&scan->newest_start_s, (uint64_t)start_s);
        raise_u64(&scan->newest_revision, revision);
        raise_id(scan, LEDGER_QUEUE, queue);
    }
    return 0;
}

static int see_mark(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    struct wire_reader refusal;
    scan->marks_sum += ledger_mark_hash(key);
    scan->refused += value.len > 0 && record_open(key, value, &refusal) == 0;
    return 0;
}

static int see_shift(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    (void)value;
    if (key.len == 8) {
        raise_u64(&scan->newest_shift_s, record_key_at_u32(key, 0));
        raise_id(scan, LEDGER_OPERATOR, record_key_at_u32(key, 4));
    }
    return 0;
}

static int see_cursor(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    struct ledger_cursor_record cursor;
    if (ledger_cursor_open(key, value, &cursor) == 0) {
        scan->last_cursor = cursor.id > scan->last_cursor ? cursor.id : scan->last_cursor;
        raise_ms(&scan->newest_event_ms, cursor.cursor.last_ms);
    }
    return 0;
}

static int see_gap(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    (void)value;
    if (key.len == 12) {
        uint32_t number = record_key_at_u32(key, 8);
        scan->last_gap = number > scan->last_gap ? number : scan->last_gap;
    }
    return 0;
}

static int see_name(void *ctx, struct slice key, struct slice value)
{
    struct ledger_scan *scan = ctx;
    (void)value;
    if (key.len == 5 && key.data[0] >= LEDGER_QUEUE && key.data[0] < LEDGER_KINDS_END) {
        enum ledger_name_kind kind = (enum ledger_name_kind)key.data[0];
        raise_id(scan, kind, record_key_at_u32(key, 1));
        scan->largest_name[kind] = scan->largest_id[kind];
    }
    return 0;
}

int ledger_scan(struct ledger *ledger, struct kv_txn *txn, bool legs, struct ledger_scan *out)
{
    static const kv_each_fn fns[LEDGER_DB_COUNT] = {
        [LEDGER_DB_NAMES] = see_name, [LEDGER_DB_CURSORS] = see_cursor,     [LEDGER_DB_OPEN_LEGS] = see_open_leg,
        [LEDGER_DB_LEGS] = see_block, [LEDGER_DB_INTERVALS] = see_interval, [LEDGER_DB_DIRTY] = see_mark,
        [LEDGER_DB_GAPS] = see_gap,   [LEDGER_DB_SHIFTS] = see_shift};
    *out = (struct ledger_scan){.each_leg = legs};
    int status = 0;
    for (int db = 0; db < LEDGER_DB_COUNT && status == 0; db++) {
        status = fns[db] ? kv_each(txn, ledger->db[db], slice_make("", 0), fns[db], out) : 0;
        if (status == 0) {
            status = kv_count(txn, ledger->db[db], &out->records[db]);
        }
    }
    return status;
}
