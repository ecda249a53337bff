#include <stdlib.h>
#include <string.h>

#include "collector/store/store.h"
#include "collector/store/store_internal.h"
#include "platform/base/status.h"

int store_view_begin(struct store *store, struct store_view **out)
{
    struct store_view *view = calloc(1, sizeof *view);
    if (!view) {
        return STATUS_NO_MEMORY;
    }
    view->store = store;
    int status = kv_begin(store->kv, false, &view->txn);
    if (status != 0) {
        free(view);
        return status;
    }
    *out = view;
    return 0;
}

void store_view_end(struct store_view *view)
{
    if (view) {
        kv_abort(view->txn);
        summary_deinit(&view->now);
        summary_deinit(&view->then);
        free(view);
    }
}

static int read_record(struct store_view *view, enum store_db db, const struct record_key *key,
                       struct wire_reader *payload)
{
    return store_read(view->store, view->txn, db, key, payload);
}

int store_view_facts(struct store_view *view, struct store_facts *out)
{
    struct store_state state;
    struct kv_usage usage;
    int status = store_state_load(view->store, view->txn, &state);
    status = status == STORE_NONE ? STATUS_CORRUPT : status;
    status = status == 0 ? kv_usage(view->txn, &usage) : status;
    if (status == 0) {
        *out = (struct store_facts){.created_ms = state.created_ms,
                                    .committed_ms = state.committed_ms,
                                    .commits = state.commits,
                                    .interval_count = state.interval_count,
                                    .pending_count = state.pending_count,
                                    .used_bytes = usage.used_bytes,
                                    .file_bytes = usage.file_bytes,
                                    .limit_bytes = usage.map_bytes};
    }
    return status;
}

struct slice store_view_queue_name(struct store_view *view, uint32_t queue)
{
    struct record_key key = record_key_u32(queue);
    struct wire_reader payload;
    if (read_record(view, STORE_DB_NAMES, &key, &payload) != 0) {
        return slice_make("", 0);
    }
    return slice_make((const char *)payload.pos, wire_left(&payload));
}

uint32_t store_view_queue_find(struct store_view *view, struct slice name)
{
    struct slice value;
    if (name.len == 0 || name.len > LIMITS_QUEUE_NAME_MAX ||
        kv_get(view->txn, view->store->db[STORE_DB_NAME_INDEX], name, &value) != 0) {
        return 0;
    }
    uint32_t queue = record_key_at_u32(value, 0);
    return slice_equal(store_view_queue_name(view, queue), name) ? queue : 0;
}

bool store_view_queue_settings(struct store_view *view, uint32_t site, uint32_t queue, struct queue_settings *out)
{
    struct record_key key = record_key_u32_u32(site, queue);
    struct wire_reader payload;
    return read_record(view, STORE_DB_QUEUES, &key, &payload) == 0 && store_settings_read(&payload, out) == 0;
}

bool store_view_contact(struct store_view *view, uint32_t site, struct store_contact *out)
{
    struct record_key key = record_key_u32(site);
    struct wire_reader payload;
    return read_record(view, STORE_DB_CONTACTS, &key, &payload) == 0 && store_contact_read(&payload, out) == 0;
}

/* Seconds as they stand in a key: what no key can be is cut to what can. */
static uint32_t key_seconds(int64_t at_s)
{
    return at_s < 0 ? 0 : at_s > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)at_s;
}

/* What the walks have in common; each knows the rest of its own. */
struct walk {
    struct store_view *view;
    uint32_t site;
    int64_t from_s;
    int64_t to_s;
    store_interval_fn interval_fn;
    store_pending_fn pending_fn;
    store_gap_fn gap_fn;
    store_queue_fn queue_fn;
    void *ctx;
    uint64_t bad;
    int outcome; /* of fn: what ended the walk */
};

enum { WALK_OVER = 1 };

static int step(struct walk *walk, int outcome)
{
    walk->outcome = outcome;
    return outcome != 0 ? WALK_OVER : 0;
}

/* Of one damaged record the others know nothing; what concerns all ends the walk. */
static int skip(struct walk *walk, int status)
{
    if (status == STATUS_NO_MEMORY || status == STATUS_IO) {
        return status;
    }
    walk->bad++;
    return 0;
}

static int run(struct walk *walk, enum store_db db, const struct record_key *from, kv_each_fn each, uint64_t *bad)
{
    struct store_view *view = walk->view;
    int status = kv_each(view->txn, view->store->db[db], record_key_slice(from), each, walk);
    if (bad) {
        *bad += walk->bad;
    }
    return status < 0 ? status : walk->outcome;
}

static int each_interval(void *ctx, struct slice key, struct slice value)
{
    struct walk *walk = ctx;
    struct summary *sum = &walk->view->now;
    uint32_t start_s = record_key_at_u32(key, 4);
    if (record_key_at_u32(key, 0) != walk->site || start_s >= walk->to_s) {
        return WALK_OVER;
    }
    struct wire_reader payload;
    struct store_interval_form form;
    int status = record_open(key, value, &payload);
    status = status == 0 ? store_interval_read(&payload, &form) : status;
    status = status == 0 ? store_summary_read(form.summary, sum) : status;
    if (status != 0) {
        return skip(walk, status);
    }
    struct store_interval item = {.site = walk->site,
                                  .queue = record_key_at_u32(key, 8),
                                  .start_s = start_s,
                                  .interval_s = form.interval_s,
                                  .epoch = form.epoch,
                                  .revision = form.revision,
                                  .received_ms = form.received_ms,
                                  .open = form.open,
                                  .sum = sum};
    return step(walk, walk->interval_fn(walk->ctx, &item));
}

int store_view_intervals(struct store_view *view, uint32_t site, int64_t from_s, int64_t to_s, store_interval_fn fn,
                         void *ctx, uint64_t *bad)
{
    struct walk walk = {.view = view, .site = site, .to_s = to_s, .interval_fn = fn, .ctx = ctx};
    struct record_key from = record_key_3u32(site, key_seconds(from_s), 0);
    return run(&walk, STORE_DB_INTERVALS, &from, each_interval, bad);
}

static int read_now(struct store_view *view, uint32_t site, uint32_t start_s, uint32_t queue,
                    struct store_interval_form *form)
{
    struct record_key key = record_key_3u32(site, start_s, queue);
    struct wire_reader payload;
    int status = read_record(view, STORE_DB_INTERVALS, &key, &payload);
    status = status == 0 ? store_interval_read(&payload, form) : status;
    return status == 0 ? store_summary_read(form->summary, &view->now) : status;
}

static int read_then(struct store_view *view, struct slice key, struct slice value)
{
    struct wire_reader payload;
    struct store_interval_form form;
    int status = record_open(key, value, &payload);
    status = status == 0 ? store_then_read(&payload, &form) : status;
    return status == 0 ? store_summary_read(form.summary, &view->then) : status;
}

static int each_pending(void *ctx, struct slice key, struct slice value)
{
    struct walk *walk = ctx;
    struct store_view *view = walk->view;
    struct store_pending item = {
        .site = record_key_at_u32(key, 4), .queue = record_key_at_u32(key, 8), .start_s = record_key_at_u32(key, 12)};
    if (record_key_at_u32(key, 0) >= walk->to_s) {
        return WALK_OVER;
    }
    if (item.start_s < walk->from_s || item.start_s >= walk->to_s) {
        return 0;
    }
    struct store_interval_form form = {.epoch = 0};
    int now = read_now(view, item.site, (uint32_t)item.start_s, item.queue, &form);
    int then = value.len == 0 ? STORE_NONE : read_then(view, key, value);
    if (now < 0 || then < 0) {
        return skip(walk, now < 0 ? now : then);
    }
    item.interval_s = form.interval_s;
    item.now = now == 0 ? &view->now : NULL;
    item.then = then == 0 ? &view->then : NULL;
    return step(walk, walk->pending_fn(walk->ctx, &item));
}

int store_view_pending(struct store_view *view, int64_t from_s, int64_t to_s, store_pending_fn fn, void *ctx,
                       uint64_t *bad)
{
    struct walk walk = {.view = view, .from_s = from_s, .to_s = to_s, .pending_fn = fn, .ctx = ctx};
    struct record_key from = record_key_4u32(store_hour_of(key_seconds(from_s)), 0, 0, 0);
    return run(&walk, STORE_DB_PENDING, &from, each_pending, bad);
}

static int each_gap(void *ctx, struct slice key, struct slice value)
{
    struct walk *walk = ctx;
    struct wire_reader payload;
    struct store_gap gap = {.from_ms = (int64_t)record_key_at_u64(key, 4)};
    if (record_key_at_u32(key, 0) != walk->site) {
        return WALK_OVER;
    }
    int status = record_open(key, value, &payload);
    status = status == 0 ? store_gap_read(&payload, &gap) : status;
    return status != 0 ? skip(walk, status) : step(walk, walk->gap_fn(walk->ctx, &gap));
}

int store_view_gaps(struct store_view *view, uint32_t site, store_gap_fn fn, void *ctx)
{
    struct walk walk = {.view = view, .site = site, .gap_fn = fn, .ctx = ctx};
    struct record_key from = record_key_u32_u64(site, 0);
    return run(&walk, STORE_DB_GAPS, &from, each_gap, NULL);
}

int store_view_live_gaps(struct store_view *view, uint32_t site, store_gap_fn fn, void *ctx)
{
    struct walk walk = {.view = view, .site = site, .gap_fn = fn, .ctx = ctx};
    struct record_key from = record_key_u32_u64(site, 0);
    return view->store->lacks_later ? 0 : run(&walk, STORE_DB_LIVE_GAPS, &from, each_gap, NULL);
}

static int each_queue(void *ctx, struct slice key, struct slice value)
{
    struct walk *walk = ctx;
    (void)value;
    return record_key_at_u32(key, 0) != walk->site ? WALK_OVER
                                                   : step(walk, walk->queue_fn(walk->ctx, record_key_at_u32(key, 4)));
}

int store_view_queues(struct store_view *view, uint32_t site, store_queue_fn fn, void *ctx)
{
    struct walk walk = {.view = view, .site = site, .queue_fn = fn, .ctx = ctx};
    struct record_key from = record_key_u32_u32(site, 0);
    return run(&walk, STORE_DB_QUEUES, &from, each_queue, NULL);
}

static int open_cursor(struct store_view *view, enum store_db db, struct kv_cursor **out)
{
    return kv_cursor_open(view->txn, view->store->db[db], out);
}

int store_view_events(struct store_view *view, uint32_t site, store_event_fn fn, void *ctx)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    int status = open_cursor(view, STORE_DB_EVENTS, &cursor);
    status = status == 0 ? kv_cursor_last(cursor, &key, &value) : status;
    while (status == 0) {
        struct wire_reader payload;
        struct store_event event = {.at_ms = (int64_t)record_key_at_u64(key, 0)};
        bool good = record_open(key, value, &payload) == 0 && store_event_read(&payload, &event) == 0;
        int outcome = good && (site == 0 || event.site == site) ? fn(ctx, &event) : 0;
        if (outcome != 0) {
            kv_cursor_close(cursor);
            return outcome;
        }
        status = kv_cursor_prev(cursor, &key, &value);
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

/* Where the walk goes on behind a record: at the next one, or, when one queue is wanted, where that could be next. */
static int next_cell(struct kv_cursor *cursor, uint32_t queue, struct slice *key, struct slice *value)
{
    if (queue == UINT32_MAX) {
        return kv_cursor_next(cursor, key, value);
    }
    uint32_t scope = record_key_at_u32(*key, 0);
    uint32_t at_s = record_key_at_u32(*key, 4);
    struct record_key to = record_key_3u32(scope, record_key_at_u32(*key, 8) < queue ? at_s : at_s + 1, queue);
    return kv_cursor_seek(cursor, record_key_slice(&to), key, value);
}

static bool is_wanted(uint32_t queue, uint32_t wanted)
{
    return wanted == UINT32_MAX ? queue != STORE_QUEUE_TOTAL : queue == wanted;
}

/* Returns what fn returned. */
static int show_cell(struct slice key, struct slice value, store_cell_fn fn, void *ctx, uint64_t *bad)
{
    struct wire_reader payload;
    if (record_open(key, value, &payload) != 0) {
        *bad += 1;
        return 0;
    }
    struct store_cell item = {.key_s = record_key_at_u32(key, 4),
                              .queue = record_key_at_u32(key, 8),
                              .stored = slice_make((const char *)payload.pos, wire_left(&payload))};
    return fn(ctx, &item);
}

// NOLINTNEXTLINE(readability-function-size): nine things say which cells, and each caller knows them all
int store_view_cells(struct store_view *view, store_scope scope, enum store_grain grain, int64_t from_key_s,
                     int64_t to_key_s, uint32_t queue, store_cell_fn fn, void *ctx, uint64_t *bad)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct record_key from = record_key_3u32(scope, key_seconds(from_key_s), queue == UINT32_MAX ? 0 : queue);
    uint64_t ignored = 0;
    int outcome = 0;
    int status = open_cursor(view, grain == STORE_HOUR ? STORE_DB_HOURS : STORE_DB_DAYS, &cursor);
    status = status == 0 ? kv_cursor_seek(cursor, record_key_slice(&from), &key, &value) : status;
    while (status == 0 && record_key_at_u32(key, 0) == scope && (int64_t)record_key_at_u32(key, 4) < to_key_s) {
        if (is_wanted(record_key_at_u32(key, 8), queue)) {
            outcome = show_cell(key, value, fn, ctx, bad ? bad : &ignored);
        }
        if (outcome != 0) {
            break;
        }
        status = next_cell(cursor, queue, &key, &value);
    }
    kv_cursor_close(cursor);
    return status < 0 ? status : outcome;
}
