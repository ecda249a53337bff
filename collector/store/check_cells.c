/* Each hour of a site against what the cells contain of its intervals; each hour of a group or of all against its sites
 * and against its own queues, and so each day; all days of a scope against all its hours. Work grows with the number of
 * cells and not with their square: where there are many queues, an hour's are compared with the sites' in turns. */
#include "collector/store/check.h"
#include "platform/base/status.h"

enum { QUEUES_AT_ONCE = 64 };

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

/* What is damaged was told already. */
static int add_stored(struct slice key, struct slice value, bool keep_edges, struct cell *to)
{
    struct wire_reader payload;
    int status = record_open(key, value, &payload);
    if (status == 0) {
        status = cell_merge_encoded(to, slice_make((const char *)payload.pos, wire_left(&payload)), keep_edges);
    }
    return status == STATUS_CORRUPT ? 0 : status;
}

/* The cells of one scope and time: of one queue, or of all but the total. */
static int add_cells(struct checker *self, struct kv_cursor *cursor, store_scope scope, uint32_t key_s, uint32_t queue)
{
    struct slice key;
    struct slice value;
    bool all = queue == STORE_QUEUE_TOTAL;
    struct record_key from = record_key_3u32(scope, key_s, all ? 1 : queue);
    int status = kv_cursor_seek(cursor, record_key_slice(&from), &key, &value);
    while (status == 0 && record_key_at_u32(key, 0) == scope && record_key_at_u32(key, 4) == key_s &&
           (all || record_key_at_u32(key, 8) == queue)) {
        status = add_stored(key, value, true, self->expected);
        status = status == 0 ? kv_cursor_next(cursor, &key, &value) : status;
    }
    return status == KV_END ? 0 : status;
}

static int add_members(struct checker *self, store_scope scope, uint32_t hour_s, uint32_t queue)
{
    const struct store *store = self->store;
    int status = 0;
    for (size_t i = 0; status == 0 && i < store->grouping_count; i++) {
        const struct store_grouping_entry *entry = &store->grouping[i];
        if (is_site(entry->scope) && (scope == STORE_ALL || scope == entry->group)) {
            status = add_cells(self, self->hours, entry->scope, hour_s, queue);
        }
    }
    return status;
}

static void compare(struct checker *self, const char *db, const uint32_t at[3], const char *with)
{
    if (!is_same(self)) {
        check_report(self, "%s: scope %u key %u queue %u: not the sum of its %s", db, at[0], at[1], at[2], with);
    }
    cell_clear(self->expected);
}

static int check_site_hour(struct checker *self, const uint32_t at[3])
{
    struct site_hour of = {self, at[1], at[2]};
    const struct store_grouping_entry *entry = store_grouping_find(self->store, at[0]);
    check_expect_hour(self, STORE_ALL, at[1], at[2]);
    check_expect_hour(self, entry ? entry->group : STORE_ALL, at[1], STORE_QUEUE_TOTAL);
    if (at[1] < self->store->state.dropped_before_s) {
        return 0;
    }
    int status = below_intervals(self->store, self->txn, at[0], at[1], at[1] + STORE_HOUR_S, add_interval, &of);
    if (status == 0) {
        compare(self, "hours", at, "intervals");
    }
    return status;
}

static bool is_this_turn(const struct checker *self, const uint32_t at[3])
{
    uint32_t turns = 1 + self->names / QUEUES_AT_ONCE;
    return at[2] == STORE_QUEUE_TOTAL || (at[1] / STORE_HOUR_S + at[2]) % turns == 0;
}

static int check_above(struct checker *self, const uint32_t at[3])
{
    bool is_hour = self->db == STORE_DB_HOURS;
    struct kv_cursor *cursor = NULL;
    int status = 0;
    if (is_hour && is_this_turn(self, at)) {
        status = add_members(self, at[0], at[1], at[2]);
        if (status == 0) {
            compare(self, "hours", at, "sites");
        }
    }
    if (status == 0 && at[2] == STORE_QUEUE_TOTAL) {
        status = kv_cursor_open(self->txn, self->store->db[self->db], &cursor);
        status = status == 0 ? add_cells(self, cursor, at[0], at[1], STORE_QUEUE_TOTAL) : status;
        kv_cursor_close(cursor);
        if (status == 0) {
            compare(self, store_db_names[self->db], at, "queues");
        }
    }
    return status;
}

static int check_cell(void *ctx, struct slice key, struct slice value)
{
    struct checker *self = ctx;
    const uint32_t at[3] = {record_key_at_u32(key, 0), record_key_at_u32(key, 4), record_key_at_u32(key, 8)};
    bool is_of_site = is_site(at[0]);
    struct wire_reader payload;
    if (at[1] < self->store->state.cells_dropped_before_s || (is_of_site && self->db == STORE_DB_DAYS) ||
        record_open(key, value, &payload) != 0) {
        return 0;
    }
    cell_clear(self->expected);
    cell_clear(self->found);
    int status = add_stored(key, value, true, self->found);
    if (status != 0) {
        return status == STATUS_VERSION ? 0 : status;
    }
    return is_of_site ? check_site_hour(self, at) : check_above(self, at);
}

/* All of a scope's hours, or days: of its queues where it is a site, else of its total. */
struct span {
    struct checker *checker;
    store_scope scope;
    struct cell *to;
};

static int add_to_span(void *ctx, struct slice key, struct slice value)
{
    struct span *span = ctx;
    if (record_key_at_u32(key, 0) != span->scope) {
        return STORE_NONE;
    }
    bool is_meant = is_site(span->scope) || record_key_at_u32(key, 8) == STORE_QUEUE_TOTAL;
    return is_meant ? add_stored(key, value, false, span->to) : 0;
}

static int add_span(struct checker *self, enum store_db db, store_scope scope, struct cell *to)
{
    struct span span = {self, scope, to};
    struct record_key from = record_key_u32(scope);
    cell_clear(to);
    int status = kv_each(self->txn, self->store->db[db], record_key_slice(&from), add_to_span, &span);
    cell_drop_maxima(to); /* may outlive the intervals that had them, in an hour and not in its day */
    return status < 0 ? status : 0;
}

static int check_span(struct checker *self, store_scope scope)
{
    int status = add_span(self, STORE_DB_HOURS, scope, self->expected);
    status = status == 0 ? add_span(self, STORE_DB_DAYS, scope, self->found) : status;
    if (status == 0 && !is_same(self)) {
        check_report(self, "days: scope %u: all days are not all hours", scope);
    }
    return status;
}

static int check_spans(struct checker *self)
{
    struct slice key;
    struct slice value;
    uint32_t scope = 0;
    int status = 0;
    while (status == 0) {
        struct record_key from = record_key_u32(scope);
        status = kv_cursor_seek(self->hours, record_key_slice(&from), &key, &value);
        if (status == 0) {
            scope = record_key_at_u32(key, 0);
            status = check_span(self, scope);
            status = status == 0 && ++scope == 0 ? KV_END : status;
        }
    }
    return status == KV_END ? 0 : status;
}

int check_cells(struct checker *self)
{
    int status = 0;
    for (int i = 0; status == 0 && i < 2; i++) {
        self->db = i == 0 ? STORE_DB_HOURS : STORE_DB_DAYS;
        status = kv_each(self->txn, self->store->db[self->db], slice_make("", 0), check_cell, self);
    }
    bool dropped = self->store->state.cells_dropped_before_s > 0; /* hours and days then end at different edges */
    return status == 0 && !dropped ? check_spans(self) : status;
}
