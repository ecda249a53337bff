/* Reads everything: each record against its own check and form, each interval's books, the counts; then the cells. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/store/check.h"
#include "platform/base/status.h"

void check_report(struct checker *self, const char *format, ...)
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

void check_expect_hour(struct checker *self, store_scope scope, uint32_t hour_s, uint32_t queue)
{
    struct record_key key = record_key_3u32(scope, hour_s, queue);
    struct slice value;
    if (kv_cursor_find(self->hours, record_key_slice(&key), &value) == KV_END) {
        check_report(self, "hours: scope %u hour %u queue %u: is missing", scope, hour_s, queue);
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
        check_expect_hour(self, site, store_hour_of(start_s), queue);
    }
    if (status == 0 && !summary_balanced(&self->summary)) {
        check_report(self, "intervals: site %u start %u queue %u: the books do not balance", site, start_s, queue);
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
    uint32_t more;
    switch (self->db) {
    case STORE_DB_INTERVALS: return check_interval(self, key, payload);
    case STORE_DB_HOURS:
    case STORE_DB_DAYS: return cell_check_encoded(slice_make((const char *)payload.pos, wire_left(&payload)));
    case STORE_DB_QUEUES: return store_settings_read(&payload, &settings);
    case STORE_DB_CONTACTS: return store_contact_read(&payload, &contact);
    case STORE_DB_EVENTS: return store_event_read(&payload, &event);
    case STORE_DB_LIVE: return store_live_read(&payload, NULL, NULL);
    case STORE_DB_OPERATORS: return store_operators_read(&payload, &more, NULL, NULL);
    case STORE_DB_LIVE_GAPS:
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
        self->names += self->db == STORE_DB_NAMES;
        status = record_open(key, value, &payload);
        status = status == 0 ? check_payload(self, key, payload) : status;
    }
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != 0) {
        check_report(self, "%s: key %08x %08x %08x: %s", store_db_names[self->db], record_key_at_u32(key, 0),
                     record_key_at_u32(key, 4), record_key_at_u32(key, 8), status_str(status));
    }
    return 0;
}

static int check_all(struct checker *self)
{
    struct store *store = self->store;
    int status = 0;
    int count = store->lacks_later ? STORE_DB_LATER : STORE_DB_COUNT;
    for (int db = 0; db < count && status == 0; db++) {
        self->db = (enum store_db)db;
        status = kv_each(self->txn, store->db[db], slice_make("", 0), check_record, self);
    }
    struct store_state state;
    if (status == 0 && store_state_load(store, self->txn, &state) != 0) {
        check_report(self, "meta: state: does not read");
    } else if (status == 0) {
        if (state.interval_count != self->intervals || state.pending_count != self->pending) {
            check_report(self, "meta: %llu intervals and %llu pending found, %llu and %llu accounted for",
                         (unsigned long long)self->intervals, (unsigned long long)self->pending,
                         (unsigned long long)state.interval_count, (unsigned long long)state.pending_count);
        }
        store->state = store->writable ? store->state : state;
    }
    return status == 0 ? check_cells(self) : status;
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
    return status == 0 ? kv_cursor_open(self->txn, store->db[STORE_DB_HOURS], &self->hours) : status;
}

int64_t store_check(struct store *store, store_line_fn fn, void *ctx)
{
    struct checker self = {.store = store, .fn = fn, .ctx = ctx};
    int status = make(&self);
    status = status == 0 ? check_all(&self) : status;
    kv_cursor_close(self.hours);
    kv_abort(self.txn);
    cell_free(self.expected);
    cell_free(self.found);
    summary_deinit(&self.summary);
    buf_deinit(&self.expected_form);
    buf_deinit(&self.found_form);
    return status != 0 ? status : self.defects;
}
