/* Hours and days follow the intervals. A roll takes marks in order of the hour and works upwards: the hours of sites,
 * of groups, of all; then the days. */
#include <string.h>

#include "collector/store/roller.h"
#include "platform/base/status.h"

enum { MARKS_LEAST = 64 };

static int read_then(struct slice key, struct slice value, struct roller_mark *mark)
{
    struct wire_reader payload;
    struct store_interval_form form = {.epoch = 0};
    if (value.len == 0) {
        return 0;
    }
    int status = record_open(key, value, &payload);
    status = status == 0 ? store_then_read(&payload, &form) : status;
    if (status == STATUS_CORRUPT || (status == 0 && form.summary.len == 0)) {
        mark->lost = true;
        return 0;
    }
    mark->then = form.summary;
    mark->then_interval_s = form.interval_s;
    return status;
}

/* An interval that is damaged is gone: the cells lose it, and it may come again. */
static int read_now(struct store *store, struct kv_cursor *intervals, struct roller_mark *mark)
{
    struct record_key key = record_key_3u32(mark->site, mark->start_s, mark->queue);
    struct slice value;
    struct wire_reader payload;
    struct store_interval_form form = {.epoch = 0};
    int status = kv_cursor_find(intervals, record_key_slice(&key), &value);
    if (status != 0) {
        return status == KV_END ? 0 : status;
    }
    status = record_open(record_key_slice(&key), value, &payload);
    status = status == 0 ? store_interval_read(&payload, &form) : status;
    if (status == STATUS_CORRUPT) {
        store->state.interval_count -= store->state.interval_count > 0;
        return store_txn_delete(store, STORE_DB_INTERVALS, &key);
    }
    if (status == 0) {
        mark->now = form.summary;
        mark->interval_s = form.interval_s;
    }
    return status;
}

/* By what its cells were added up so far; a site that is new here is of the group that it belongs to now. */
static int read_group(struct store *store, const struct store_layout *layout, struct roller_mark *mark)
{
    const struct store_grouping_entry *held = store_grouping_find(store, mark->site);
    if (held) {
        mark->group = held->group;
        return 0;
    }
    struct store_grouping_entry entry = {.scope = mark->site, .group = layout->group_of(layout->ctx, mark->site)};
    mark->group = entry.group;
    return store_grouping_put(store, &entry);
}

struct collecting {
    struct store_roller *roller;
    struct kv_cursor *intervals;
    size_t limit;
    bool more;
};

static int collect_mark(void *ctx, struct slice key, struct slice value)
{
    struct collecting *self = ctx;
    struct store_roller *roller = self->roller;
    struct roller_mark mark = {.site = record_key_at_u32(key, 4),
                               .queue = record_key_at_u32(key, 8),
                               .start_s = record_key_at_u32(key, 12),
                               .now = slice_make("", 0),
                               .then = slice_make("", 0)};
    if (roller->mark_count == self->limit) {
        self->more = true;
        return STORE_NONE;
    }
    const struct roller_mark *last = roller->mark_count ? &roller->marks[roller->mark_count - 1] : NULL;
    int status = read_then(key, value, &mark);
    status = status == 0 ? read_now(roller->store, self->intervals, &mark) : status;
    if (status == 0 && last && last->site == mark.site) {
        mark.group = last->group;
    } else if (status == 0) {
        status = read_group(roller->store, roller->layout, &mark);
    }
    return status == 0 ? roller_add_mark(roller, &mark) : status;
}

struct mark_drop {
    struct store *store;
    size_t left;
};

static int drop_mark(void *ctx, struct slice key, struct slice value)
{
    struct mark_drop *self = ctx;
    (void)value;
    if (self->left == 0) {
        return KV_END;
    }
    self->left--;
    self->store->state.marks_sum -= store_mark_hash(key);
    return KV_DROP;
}

/* The first ones. */
static int drop_marks(struct store *store, size_t count)
{
    struct mark_drop self = {.store = store, .left = count};
    int status = kv_sweep(store->txn, store->db[STORE_DB_PENDING], slice_make("", 0), drop_mark, &self);
    store->state.pending_count -= count < store->state.pending_count ? count : store->state.pending_count;
    return status == 0 && self.left > 0 ? STATUS_CORRUPT : status;
}

static int roll_sites(struct store_roller *roller)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < roller->mark_count; i++) {
        const struct roller_mark *mark = &roller->marks[i];
        struct roller_item item = {.scope = mark->site,
                                   .key_s = store_hour_of(mark->start_s),
                                   .queue = mark->queue,
                                   .source = (uint32_t)i,
                                   .is_mark = true};
        status = roller_add_item(roller, &item);
    }
    return status == 0 ? roller_run(roller, STORE_HOUR, true) : status;
}

/* An hour's part as one of the same hour of another scope. */
static int lift(struct store_roller *roller, size_t part, store_scope scope, bool total)
{
    const struct roller_part *from = &roller->parts[part];
    struct roller_item item = {.scope = scope,
                               .key_s = from->hour_s,
                               .queue = total ? STORE_QUEUE_TOTAL : from->queue,
                               .source = (uint32_t)part};
    return roller_add_item(roller, &item);
}

static int roll_groups(struct store_roller *roller, size_t sites_end)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < sites_end; i++) {
        if (roller->parts[i].group != STORE_ALL) {
            status = lift(roller, i, roller->parts[i].group, false);
        }
    }
    return status == 0 ? roller_run(roller, STORE_HOUR, true) : status;
}

/* From the groups' queues, and from the sites that are in none. */
static int roll_all(struct store_roller *roller, size_t sites_end, size_t groups_end)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < groups_end; i++) {
        bool of_group = i >= sites_end;
        if (of_group) {
            status = lift(roller, i, roller->parts[i].scope, true);
        }
        if (status == 0 && (of_group || roller->parts[i].group == STORE_ALL)) {
            status = lift(roller, i, STORE_ALL, false);
        }
    }
    return status == 0 ? roller_run(roller, STORE_HOUR, true) : status;
}

static int roll_total(struct store_roller *roller, size_t groups_end)
{
    size_t end = roller->part_count;
    int status = 0;
    for (size_t i = groups_end; status == 0 && i < end; i++) {
        if (roller->parts[i].scope == STORE_ALL) {
            status = lift(roller, i, STORE_ALL, true);
        }
    }
    return status == 0 ? roller_run(roller, STORE_HOUR, true) : status;
}

/* Where an hour lies in two days of a scope, its marks say which. */
static int split_hour(struct store_roller *roller, store_scope scope, const struct roller_part *part)
{
    int status = 0;
    for (size_t i = part->first_mark; status == 0 && i < part->mark_end; i++) {
        status = roller_add_mark_days(roller, scope, i);
    }
    return status;
}

static int roll_days(struct store_roller *roller, size_t sites_end)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < roller->part_count; i++) {
        struct roller_part part = roller->parts[i];
        if (roller_is_whole(roller, part.scope, part.hour_s)) {
            status = roller_add_day(roller, part.scope, i);
        } else if (i < sites_end) {
            status = split_hour(roller, part.scope, &part);
        }
        const store_scope above[] = {part.group, STORE_ALL};
        for (int k = part.group == STORE_ALL; status == 0 && i < sites_end && k < 2; k++) {
            if (!roller_is_whole(roller, above[k], part.hour_s)) {
                status = split_hour(roller, above[k], &part);
            }
        }
    }
    return status == 0 ? roller_run(roller, STORE_DAY, false) : status;
}

static int roll_up(struct store_roller *roller)
{
    int status = roll_sites(roller);
    size_t sites_end = roller->part_count;
    status = status == 0 ? roll_groups(roller, sites_end) : status;
    size_t groups_end = roller->part_count;
    status = status == 0 ? roll_all(roller, sites_end, groups_end) : status;
    status = status == 0 ? roll_total(roller, groups_end) : status;
    return status == 0 ? roll_days(roller, sites_end) : status;
}

static int collect(struct store_roller *roller, struct kv_txn *before, size_t limit, bool *more)
{
    struct store *store = roller->store;
    struct collecting collecting = {.roller = roller, .limit = limit};
    int status = kv_cursor_open(before, store->db[STORE_DB_INTERVALS], &collecting.intervals);
    if (status == 0) {
        status = kv_each(before, store->db[STORE_DB_PENDING], slice_make("", 0), collect_mark, &collecting);
    }
    kv_cursor_close(collecting.intervals);
    *more = collecting.more;
    return status < 0 ? status : 0;
}

/* One transaction over at most `limit` marks. */
static int roll(struct store *store, const struct store_layout *layout, int64_t now_ms, size_t limit, bool *more)
{
    struct kv_txn *before = NULL;
    int status = kv_begin(store->kv, false, &before);
    if (status != 0) {
        return status;
    }
    status = store_txn_begin(store, now_ms, true);
    if (status == 0) {
        struct store_roller *roller = NULL;
        status = roller_begin(store, layout, &roller);
        status = status == 0 ? collect(roller, before, limit, more) : status;
        status = status == 0 ? drop_marks(store, roller->mark_count) : status;
        status = status == 0 ? roll_up(roller) : status;
        if (roller) {
            roller_end(roller);
        }
        (void)store_txn_fail(store, status);
        status = store_end(store);
    }
    kv_abort(before);
    return status;
}

int store_roll(struct store *store, const struct store_layout *layout, int64_t now_ms, bool *more)
{
    *more = false;
    if (store->state.rebuild) {
        *more = true;
        return store_rebuild(store, layout);
    }
    if (store->state.pending_count == 0) {
        return 0;
    }
    size_t limit = store->options.roll_limit;
    int status = roll(store, layout, now_ms, limit, more);
    while (status == STATUS_FULL && limit > MARKS_LEAST) {
        limit /= 8;
        status = roll(store, layout, now_ms, limit, more);
    }
    return status;
}
