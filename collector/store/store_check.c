/* Reads everything and compares the levels: each record against its own check, each hour of a site against what the
 * cells contain of its intervals, each hour of a group or of all against its sites, all days of a scope against all its
 * hours. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/roller.h"
#include "platform/base/status.h"

struct checker {
    struct store *store;
    struct kv_txn *txn;
    store_line_fn fn;
    void *ctx;
    int64_t defects;
    enum store_db db;
    uint64_t intervals;
    uint64_t pending;
    struct summary summary;
    struct cell *expected;
    struct cell *found;
    struct buf expected_form;
    struct buf found_form;
    struct kv_cursor *others;
};

static void report(struct checker *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void report(struct checker *self, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    self->defects++;
    if (self->fn) {
        self->fn(self->ctx, line);
    }
}

static void expect_hour(struct checker *self, store_scope scope, uint32_t hour_s, uint32_t queue)
{
    struct record_key key = record_key_3u32(scope, hour_s, queue);
    struct slice value;
    if (kv_cursor_find(self->others, record_key_slice(&key), &value) == KV_END) {
        report(self, "hours: scope %u hour %u queue %u: is missing", scope, hour_s, queue);
    }
}

static int check_interval(struct checker *self, struct slice key, struct wire_reader payload)
{
    struct store_interval_form form;
    int status = store_interval_read(&payload, &form);
    status = status == 0 ? store_summary_read(form.summary, &self->summary) : status;
    self->intervals++;
    uint32_t site = record_key_at_u32(key, 0);
    uint32_t start_s = record_key_at_u32(key, 4);
    uint32_t queue = record_key_at_u32(key, 8);
    struct record_key mark = record_key_4u32(store_hour_of(start_s), site, queue, start_s);
    struct slice then;
    bool is_contained = kv_get(self->txn, self->store->db[STORE_DB_PENDING], record_key_slice(&mark), &then) == KV_END;
    if (is_contained && start_s >= self->store->state.cells_dropped_before_s) {
        expect_hour(self, site, store_hour_of(start_s), queue);
    }
    if (status == 0 && !summary_balanced(&self->summary)) {
        report(self, "intervals: site %u start %u queue %u: the books do not balance", site, start_s, queue);
    }
    return status;
}

static int check_mark(struct checker *self, struct slice key, struct slice value)
{
    struct wire_reader payload;
    struct store_interval_form form;
    self->pending++;
    if (value.len == 0) {
        return 0;
    }
    int status = record_open(key, value, &payload);
    status = status == 0 ? store_then_read(&payload, &form) : status;
    return status == 0 && form.summary.len > 0 ? store_summary_read(form.summary, &self->summary) : status;
}

static int check_payload(struct checker *self, struct slice key, struct wire_reader payload)
{
    struct store_contact contact;
    struct store_event event;
    struct store_gap gap;
    struct queue_settings settings;
    switch (self->db) {
    case STORE_DB_INTERVALS: return check_interval(self, key, payload);
    case STORE_DB_HOURS:
    case STORE_DB_DAYS: return cell_check_encoded(slice_make((const char *)payload.pos, wire_left(&payload)));
    case STORE_DB_QUEUES: return store_settings_read(&payload, &settings);
    case STORE_DB_CONTACTS: return store_contact_read(&payload, &contact);
    case STORE_DB_EVENTS: return store_event_read(&payload, &event);
    case STORE_DB_GAPS: return store_gap_read(&payload, &gap);
    default: return 0;
    }
}

static int check_record(void *ctx, struct slice key, struct slice value)
{
    struct checker *self = ctx;
    struct wire_reader payload;
    int status = 0;
    if (self->db == STORE_DB_PENDING) {
        status = check_mark(self, key, value);
    } else if (self->db != STORE_DB_NAME_INDEX) {
        status = record_open(key, value, &payload);
        status = status == 0 ? check_payload(self, key, payload) : status;
    }
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != 0) {
        report(self, "%s: key %08x %08x %08x: %s", store_db_names[self->db], record_key_at_u32(key, 0),
               record_key_at_u32(key, 4), record_key_at_u32(key, 8), status_str(status));
    }
    return 0;
}

static bool is_site(store_scope scope)
{
    return scope != STORE_ALL && !(scope & STORE_GROUP_BIT);
}

static bool is_same(struct checker *self)
{
    buf_reset(&self->expected_form);
    buf_reset(&self->found_form);
    cell_encode(self->expected, &self->expected_form);
    cell_encode(self->found, &self->found_form);
    return slice_equal(buf_slice(&self->expected_form), buf_slice(&self->found_form));
}

struct site_hour {
    struct checker *checker;
    uint32_t hour_s;
    uint32_t queue;
};

static int add_interval(void *ctx, uint32_t start_s, uint32_t queue, const struct store_interval_form *form)
{
    struct site_hour *of = ctx;
    struct checker *self = of->checker;
    if (queue != of->queue) {
        return 0;
    }
    int status = store_summary_read(form->summary, &self->summary);
    struct cell_part part = {.sum = &self->summary,
                             .at_start = start_s == of->hour_s,
                             .at_end = (int64_t)start_s + form->interval_s == (int64_t)of->hour_s + STORE_HOUR_S};
    return status == 0 ? cell_add(self->expected, &part) : status;
}

static int add_stored(struct kv_cursor *cursor, store_scope scope, uint32_t key_s, uint32_t queue, struct cell *to)
{
    struct record_key key = record_key_3u32(scope, key_s, queue);
    struct slice value;
    struct wire_reader payload;
    int status = kv_cursor_find(cursor, record_key_slice(&key), &value);
    if (status == 0) {
        status = record_open(record_key_slice(&key), value, &payload);
    }
    if (status == 0) {
        status = cell_merge_encoded(to, slice_make((const char *)payload.pos, wire_left(&payload)), true);
    }
    return status == KV_END || status == STATUS_CORRUPT ? 0 : status;
}

/* Of a group or of all: from the queues' cells of its members; the total from the scope's own queues. */
static int add_members(struct checker *self, store_scope scope, uint32_t hour_s, uint32_t queue)
{
    const struct store *store = self->store;
    int status = 0;
    for (size_t i = 0; status == 0 && i < store->grouping_count; i++) {
        const struct store_grouping_entry *entry = &store->grouping[i];
        if (is_site(entry->scope) && (scope == STORE_ALL || scope == entry->group)) {
            status = add_stored(self->others, entry->scope, hour_s, queue, self->expected);
        }
    }
    return status;
}

static int add_queues(struct checker *self, store_scope scope, uint32_t hour_s)
{
    struct record_key from = record_key_3u32(scope, hour_s, 1);
    struct slice key;
    struct slice value;
    struct wire_reader payload;
    int status = kv_cursor_seek(self->others, record_key_slice(&from), &key, &value);
    while (status == 0 && record_key_at_u32(key, 0) == scope && record_key_at_u32(key, 4) == hour_s) {
        if (record_open(key, value, &payload) == 0) {
            status =
                cell_merge_encoded(self->expected, slice_make((const char *)payload.pos, wire_left(&payload)), true);
        }
        status = status == 0 ? kv_cursor_next(self->others, &key, &value) : status;
    }
    return status == KV_END || status == STATUS_CORRUPT ? 0 : status;
}

static int check_hour(void *ctx, struct slice key, struct slice value)
{
    struct checker *self = ctx;
    store_scope scope = record_key_at_u32(key, 0);
    uint32_t hour_s = record_key_at_u32(key, 4);
    uint32_t queue = record_key_at_u32(key, 8);
    struct wire_reader payload;
    bool is_told = is_site(scope) ? hour_s >= self->store->state.dropped_before_s
                                  : hour_s >= self->store->state.cells_dropped_before_s;
    if (!is_told || record_open(key, value, &payload) != 0) {
        return 0;
    }
    cell_clear(self->expected);
    cell_clear(self->found);
    int status = cell_merge_encoded(self->found, slice_make((const char *)payload.pos, wire_left(&payload)), true);
    if (status != 0) {
        return 0; /* told already */
    }
    if (is_site(scope)) {
        struct site_hour of = {self, hour_s, queue};
        status = below_intervals(self->store, self->txn, scope, hour_s, hour_s + STORE_HOUR_S, add_interval, &of);
    } else {
        status = queue == STORE_QUEUE_TOTAL ? add_queues(self, scope, hour_s) : add_members(self, scope, hour_s, queue);
    }
    if (status == 0 && !is_same(self)) {
        report(self, "hours: scope %u hour %u queue %u: not the sum of what is below", scope, hour_s, queue);
    }
    return status;
}

/* Each queue of each scope: all its days against all its hours. What waits at the edges differs: an hour has its own.
 */
struct span {
    struct checker *checker;
    store_scope scope;
    uint32_t queue;
    struct cell *to;
};

static int add_to_span(void *ctx, struct slice key, struct slice value)
{
    struct span *span = ctx;
    struct wire_reader payload;
    if (record_key_at_u32(key, 0) != span->scope) {
        return STORE_NONE;
    }
    if (record_key_at_u32(key, 8) != span->queue || record_open(key, value, &payload) != 0) {
        return 0;
    }
    int status = cell_merge_encoded(span->to, slice_make((const char *)payload.pos, wire_left(&payload)), false);
    return status == STATUS_CORRUPT ? 0 : status;
}

static int add_span(struct checker *self, enum store_db db, store_scope scope, uint32_t queue, struct cell *to)
{
    struct span span = {self, scope, queue, to};
    struct record_key from = record_key_u32(scope);
    int status = kv_each(self->txn, self->store->db[db], record_key_slice(&from), add_to_span, &span);
    return status < 0 ? status : 0;
}

static int check_span(struct checker *self, store_scope scope, uint32_t queue)
{
    cell_clear(self->expected);
    cell_clear(self->found);
    int status = add_span(self, STORE_DB_HOURS, scope, queue, self->expected);
    status = status == 0 ? add_span(self, STORE_DB_DAYS, scope, queue, self->found) : status;
    cell_drop_maxima(self->expected); /* may outlive the intervals that had them, in the one and not in the other */
    cell_drop_maxima(self->found);
    if (status == 0 && !is_same(self)) {
        report(self, "days: scope %u queue %u: all days are not all hours", scope, queue);
    }
    return status;
}

/* Each scope's queues, by its hours and days. The first cell of a queue stands for it. */
struct queue_list {
    struct checker *checker;
    store_scope scope;
    uint32_t *queues;
    size_t count;
    size_t cap;
};

static int compare_queues(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int flush_queues(struct queue_list *list)
{
    int status = 0;
    if (list->count > 0) {
        qsort(list->queues, list->count, sizeof *list->queues, compare_queues);
    }
    for (size_t i = 0; status == 0 && i < list->count; i++) {
        if (i == 0 || list->queues[i] != list->queues[i - 1]) {
            status = check_span(list->checker, list->scope, list->queues[i]);
        }
    }
    list->count = 0;
    return status;
}

static int list_queue(void *ctx, struct slice key, struct slice value)
{
    struct queue_list *list = ctx;
    (void)value;
    if (record_key_at_u32(key, 0) != list->scope) {
        int status = flush_queues(list);
        if (status != 0) {
            return status;
        }
        list->scope = record_key_at_u32(key, 0);
    }
    uint32_t queue = record_key_at_u32(key, 8);
    for (size_t i = list->count; i > 0 && list->count - i < 256; i--) {
        if (list->queues[i - 1] == queue) {
            return 0;
        }
    }
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        uint32_t *queues = realloc(list->queues, cap * sizeof *queues);
        if (!queues) {
            return STATUS_NO_MEMORY;
        }
        list->queues = queues;
        list->cap = cap;
    }
    list->queues[list->count++] = queue;
    return 0;
}

static int check_days(struct checker *self)
{
    struct queue_list list = {.checker = self};
    int status = 0;
    if (self->store->state.cells_dropped_before_s == 0) { /* later on, hours and days end at different edges */
        status = kv_each(self->txn, self->store->db[STORE_DB_HOURS], slice_make("", 0), list_queue, &list);
        status = status == 0 ? flush_queues(&list) : status;
    }
    free(list.queues);
    return status;
}

static int check_all(struct checker *self)
{
    struct store *store = self->store;
    int status = 0;
    for (int db = 0; db < STORE_DB_COUNT && status == 0; db++) {
        self->db = (enum store_db)db;
        status = kv_each(self->txn, store->db[db], slice_make("", 0), check_record, self);
    }
    struct store_state state;
    if (status == 0 && store_state_load(store, self->txn, &state) != 0) {
        report(self, "meta: state: does not read");
    } else if (status == 0) {
        if (state.interval_count != self->intervals || state.pending_count != self->pending) {
            report(self, "meta: %llu intervals and %llu pending found, %llu and %llu accounted for",
                   (unsigned long long)self->intervals, (unsigned long long)self->pending,
                   (unsigned long long)state.interval_count, (unsigned long long)state.pending_count);
        }
        store->state = store->writable ? store->state : state;
    }
    status = status == 0 ? kv_each(self->txn, store->db[STORE_DB_HOURS], slice_make("", 0), check_hour, self) : status;
    return status == 0 ? check_days(self) : status;
}

static int make(struct checker *self)
{
    struct store *store = self->store;
    int status = cell_new(&self->expected);
    status = status == 0 ? cell_new(&self->found) : status;
    status = status == 0 ? kv_begin(store->kv, false, &self->txn) : status;
    if (status == 0 && !store->writable) {
        status = store_grouping_load(store, self->txn);
    }
    return status == 0 ? kv_cursor_open(self->txn, store->db[STORE_DB_HOURS], &self->others) : status;
}

int64_t store_check(struct store *store, store_line_fn fn, void *ctx)
{
    struct checker self = {.store = store, .fn = fn, .ctx = ctx};
    int status = make(&self);
    status = status == 0 ? check_all(&self) : status;
    kv_cursor_close(self.others);
    kv_abort(self.txn);
    cell_free(self.expected);
    cell_free(self.found);
    summary_deinit(&self.summary);
    buf_deinit(&self.expected_form);
    buf_deinit(&self.found_form);
    return status != 0 ? status : self.defects;
}
