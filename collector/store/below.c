/* What a cell should hold, told from the level below it: an hour of a site from intervals, an hour of a group or of all
 * from the sites' hours, a day from the hours of its scope, and from intervals where an hour lies in two days. */
#include "collector/store/roller.h"
#include "platform/base/status.h"

enum { ZONE_SPAN_S = 16 * 3600 /* no zone is further from UTC */ };

struct below {
    struct store_roller *roller;
    enum store_grain grain;
    store_scope scope;
    uint32_t key_s;
    uint32_t queue;
    bool maxima_only;
    struct cell *into;
};

/* What the cells contain of an interval: as it was when it was marked, or as it is where it is not. */
static int contained(struct store *store, struct kv_txn *txn, struct slice key, struct slice value,
                     struct store_interval_form *form)
{
    uint32_t start_s = record_key_at_u32(key, 4);
    struct record_key mark =
        record_key_4u32(store_hour_of(start_s), record_key_at_u32(key, 0), record_key_at_u32(key, 8), start_s);
    struct slice then;
    struct wire_reader payload;
    int status = kv_get(txn, store->db[STORE_DB_PENDING], record_key_slice(&mark), &then);
    if (status == KV_END) {
        status = record_open(key, value, &payload);
        return status == 0 ? store_interval_read(&payload, form) : status;
    }
    if (status != 0 || then.len == 0) {
        return status == 0 ? STORE_NONE : status;
    }
    status = record_open(record_key_slice(&mark), then, &payload);
    return status == 0 ? store_then_read(&payload, form) : status;
}

int below_intervals(struct store *store, struct kv_txn *txn, uint32_t site, uint32_t from_s, uint32_t to_s,
                    below_interval_fn fn, void *ctx)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct record_key from = record_key_3u32(site, from_s, 0);
    int status = kv_cursor_open(txn, store->db[STORE_DB_INTERVALS], &cursor);
    int step = status == 0 ? kv_cursor_seek(cursor, record_key_slice(&from), &key, &value) : status;
    while (step == 0 && record_key_at_u32(key, 0) == site && record_key_at_u32(key, 4) < to_s) {
        struct store_interval_form form;
        int found = contained(store, txn, key, value, &form);
        if (found == 0 && form.summary.len > 0) {
            found = fn(ctx, record_key_at_u32(key, 4), record_key_at_u32(key, 8), &form);
        }
        if (found < 0 && found != STATUS_CORRUPT) {
            step = found;
            break;
        }
        step = kv_cursor_next(cursor, &key, &value);
    }
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}

static bool is_wanted(const struct below *below, uint32_t queue)
{
    return below->queue == STORE_QUEUE_TOTAL || below->queue == queue;
}

static int add_interval(void *ctx, uint32_t start_s, uint32_t queue, const struct store_interval_form *form)
{
    struct below *below = ctx;
    struct store_roller *roller = below->roller;
    if (!is_wanted(below, queue) ||
        (below->grain == STORE_DAY && roller_day_key(roller, below->scope, start_s) != below->key_s)) {
        return 0;
    }
    int status = store_summary_read(form->summary, &roller->summary);
    if (status != 0) {
        return status;
    }
    if (below->maxima_only) {
        cell_raise_maxima(below->into, &roller->summary);
        return 0;
    }
    struct cell_part part = roller_edges(roller, below->grain, below->scope, below->key_s, start_s, form->interval_s);
    part.sum = &roller->summary;
    return cell_add(below->into, &part);
}

static int add_cell(struct below *below, uint32_t hour_s, struct slice stored)
{
    uint64_t start = 0;
    uint64_t end = 0;
    if (below->maxima_only) {
        return cell_raise_maxima_encoded(below->into, stored);
    }
    int status = cell_merge_encoded(below->into, stored, below->grain == STORE_HOUR);
    if (status == 0 && below->grain == STORE_DAY) {
        struct cell_part edges =
            roller_edges(below->roller, STORE_DAY, below->scope, below->key_s, hour_s, STORE_HOUR_S);
        status = cell_edges_encoded(stored, &start, &end);
        cell_add_edge(below->into, edges.at_start ? start : 0, edges.at_end ? end : 0);
    }
    return status;
}

/* The stored hours of one scope; of a site whose scope's total is wanted, of all its queues. */
static int add_hours(struct below *below, store_scope scope, uint32_t hour_s)
{
    struct store *store = below->roller->store;
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct record_key from = record_key_3u32(scope, hour_s, below->queue);
    int status = kv_cursor_open(store->txn, store->db[STORE_DB_HOURS], &cursor);
    int step = status == 0 ? kv_cursor_seek(cursor, record_key_slice(&from), &key, &value) : status;
    while (step == 0 && record_key_at_u32(key, 0) == scope && record_key_at_u32(key, 4) == hour_s) {
        struct wire_reader payload;
        bool site_of_total = scope != below->scope && below->queue == STORE_QUEUE_TOTAL;
        if (!site_of_total && record_key_at_u32(key, 8) != below->queue) {
            break;
        }
        status = record_open(key, value, &payload);
        if (status == 0) {
            status = add_cell(below, hour_s, slice_make((const char *)payload.pos, wire_left(&payload)));
        }
        if (status < 0 && status != STATUS_CORRUPT) {
            step = status;
            break;
        }
        step = kv_cursor_next(cursor, &key, &value);
    }
    kv_cursor_close(cursor);
    return step < 0 ? step : 0;
}

static bool is_site(store_scope scope)
{
    return scope != STORE_ALL && !(scope & STORE_GROUP_BIT);
}

static bool is_member(const struct below *below, const struct store_grouping_entry *entry)
{
    return is_site(entry->scope) &&
           (below->scope == STORE_ALL || below->scope == entry->scope || below->scope == entry->group);
}

static int add_split_hour(struct below *below, uint32_t hour_s)
{
    struct store *store = below->roller->store;
    int status = 0;
    for (size_t i = 0; status == 0 && i < store->grouping_count; i++) {
        const struct store_grouping_entry *entry = &store->grouping[i];
        if (is_member(below, entry)) {
            status =
                below_intervals(store, store->txn, entry->scope, hour_s, hour_s + STORE_HOUR_S, add_interval, below);
        }
    }
    return status;
}

/* Hours with intervals that are gone can no longer be split: they are wholly of the day in which they begin. */
static int add_day(struct below *below)
{
    const struct store_roller *roller = below->roller;
    uint32_t from_s = below->key_s > ZONE_SPAN_S ? below->key_s - ZONE_SPAN_S : 0;
    int status = 0;
    for (uint32_t hour_s = from_s; status == 0 && hour_s < below->key_s + STORE_DAY_S + ZONE_SPAN_S;
         hour_s += STORE_HOUR_S) {
        bool whole = roller_is_whole(roller, below->scope, hour_s) || hour_s < roller->store->state.dropped_before_s;
        if (!whole) {
            status = add_split_hour(below, hour_s);
        } else if (roller_day_key(roller, below->scope, hour_s) == below->key_s) {
            status = add_hours(below, below->scope, hour_s);
        }
    }
    return status;
}

static int add_hour(struct below *below)
{
    const struct store *store = below->roller->store;
    int status = 0;
    if (is_site(below->scope)) {
        return below_intervals(below->roller->store, store->txn, below->scope, below->key_s,
                               below->key_s + STORE_HOUR_S, add_interval, below);
    }
    for (size_t i = 0; status == 0 && i < store->grouping_count; i++) {
        if (is_member(below, &store->grouping[i])) {
            status = add_hours(below, store->grouping[i].scope, below->key_s);
        }
    }
    return status;
}

int below_add(struct store_roller *roller, enum store_grain grain, store_scope scope, uint32_t key_s, uint32_t queue,
              bool maxima_only, struct cell *into)
{
    struct below below = {.roller = roller,
                          .grain = grain,
                          .scope = scope,
                          .key_s = key_s,
                          .queue = queue,
                          .maxima_only = maxima_only,
                          .into = into};
    return grain == STORE_HOUR ? add_hour(&below) : add_day(&below);
}
