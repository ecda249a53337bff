/* Sites that move to another group or go, and days that are cut by another zone. Each takes the hours of the cells as
 * parts and lets the roller bring up what stands above them. */
#include <stdio.h>
#include <string.h>

#include "collector/store/roller.h"
#include "platform/base/status.h"

int store_grouping(struct store *store, store_scope scope, store_scope *group, char day_zone[64])
{
    (void)pthread_mutex_lock(&store->grouping_lock);
    const struct store_grouping_entry *held = store_grouping_find(store, scope);
    if (held) {
        *group = held->group;
        memcpy(day_zone, held->zone, sizeof held->zone);
    }
    (void)pthread_mutex_unlock(&store->grouping_lock);
    return held ? 0 : STORE_UNKNOWN;
}

/* What is under way: parts of one scope, added to (or taken from) others. */
struct regroup {
    struct store_roller *roller;
    struct kv_txn *before;
    store_scope from;
    uint32_t end_s; /* hours from here on are left out; 0: none */
    bool taken;     /* else given */
    int status;     /* within a walk */
};

static int add_hour_part(void *ctx, struct slice key, struct slice value)
{
    struct regroup *self = ctx;
    struct wire_reader payload;
    if (record_key_at_u32(key, 0) != self->from || (self->end_s > 0 && record_key_at_u32(key, 4) >= self->end_s)) {
        return STORE_NONE;
    }
    if (record_open(key, value, &payload) != 0) {
        return 0; /* what it held cannot be told; what is above it is told of it by store_check() */
    }
    struct slice stored = slice_make((const char *)payload.pos, wire_left(&payload));
    struct slice nothing = slice_make("", 0);
    struct roller_part part = {.scope = self->from,
                               .hour_s = record_key_at_u32(key, 4),
                               .queue = record_key_at_u32(key, 8),
                               .plus = self->taken ? nothing : stored,
                               .minus = self->taken ? stored : nothing};
    return roller_add_part(self->roller, &part);
}

static int add_hour_parts(struct regroup *self)
{
    struct store *store = self->roller->store;
    struct record_key from = record_key_3u32(self->from, 0, 0);
    int status = kv_each(self->before, store->db[STORE_DB_HOURS], record_key_slice(&from), add_hour_part, self);
    return status < 0 ? status : 0;
}

static int add_split_mark(void *ctx, uint32_t start_s, uint32_t queue, const struct store_interval_form *form)
{
    struct regroup *self = ctx;
    struct roller_mark mark = {.site = self->from,
                               .queue = queue,
                               .start_s = start_s,
                               .interval_s = form->interval_s,
                               .then_interval_s = form->interval_s,
                               .now = self->taken ? slice_make("", 0) : form->summary,
                               .then = self->taken ? form->summary : slice_make("", 0)};
    return roller_add_mark(self->roller, &mark);
}

/* Hours with intervals that are gone count wholly to the day in which they begin, as in below.c. */
static bool is_whole(const struct store_roller *roller, store_scope scope, uint32_t hour_s)
{
    return roller_is_whole(roller, scope, hour_s) || hour_s < roller->store->state.dropped_before_s;
}

/* The intervals of one site's hour that lies in two days of `scope`. */
static int split_site_hour(struct regroup *self, store_scope scope, uint32_t site, uint32_t hour_s)
{
    struct store_roller *roller = self->roller;
    struct regroup of_site = *self;
    size_t first = roller->mark_count;
    of_site.from = site;
    int status =
        below_intervals(roller->store, self->before, site, hour_s, hour_s + STORE_HOUR_S, add_split_mark, &of_site);
    for (size_t i = first; status == 0 && i < roller->mark_count; i++) {
        status = roller_add_mark_days(roller, scope, i);
    }
    return status;
}

static int lift(struct store_roller *roller, size_t part, store_scope scope)
{
    const struct roller_part *from = &roller->parts[part];
    struct roller_item item = {.scope = scope, .key_s = from->hour_s, .queue = from->queue, .source = (uint32_t)part};
    int status = roller_add_item(roller, &item);
    item.queue = STORE_QUEUE_TOTAL;
    return status == 0 ? roller_add_item(roller, &item) : status;
}

/* A site's hours as parts of the hours above. */
static int move_hours(struct store_roller *roller, const store_scope *to, size_t count)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < roller->part_count; i++) {
        for (size_t k = 0; status == 0 && k < count; k++) {
            status = lift(roller, i, to[k]);
        }
    }
    return status == 0 ? roller_run(roller, STORE_HOUR, false) : status;
}

static int lift_day(struct store_roller *roller, size_t part, store_scope scope)
{
    const struct roller_part *from = &roller->parts[part];
    struct roller_item item = {.scope = scope,
                               .key_s = roller_day_key(roller, scope, from->hour_s),
                               .queue = from->queue,
                               .source = (uint32_t)part};
    int status = roller_add_item(roller, &item);
    item.queue = STORE_QUEUE_TOTAL;
    return status == 0 ? roller_add_item(roller, &item) : status;
}

static int move_days(struct regroup *self, const store_scope *to, size_t count)
{
    struct store_roller *roller = self->roller;
    int status = 0;
    for (size_t k = 0; status == 0 && k < count; k++) {
        uint32_t split_s = UINT32_MAX;
        for (size_t i = 0; status == 0 && i < roller->part_count; i++) {
            uint32_t hour_s = roller->parts[i].hour_s;
            if (is_whole(roller, to[k], hour_s)) {
                status = lift_day(roller, i, to[k]);
            } else if (hour_s != split_s) { /* once for all its queues */
                split_s = hour_s;
                status = split_site_hour(self, to[k], self->from, hour_s);
            }
        }
    }
    return status == 0 ? roller_run(roller, STORE_DAY, false) : status;
}

/* Adds a site's hours to the scopes, or takes them away. */
static int move_site(struct store *store, struct kv_txn *before, const struct store_layout *layout, uint32_t site,
                     bool taken, const store_scope *to, size_t count)
{
    struct regroup self = {.before = before, .from = site, .taken = taken};
    int status = roller_begin(store, layout, &self.roller);
    status = status == 0 ? add_hour_parts(&self) : status;
    status = status == 0 ? move_hours(self.roller, to, count) : status;
    status = status == 0 ? move_days(&self, to, count) : status;
    if (self.roller) {
        roller_end(self.roller);
    }
    return status;
}

typedef int (*change_fn)(struct store *store, struct kv_txn *before, const struct store_layout *layout, void *ctx);

/* One transaction; `before` shows what was when it began. */
static int change(struct store *store, const struct store_layout *layout, change_fn fn, void *ctx)
{
    struct kv_txn *before = NULL;
    int status = kv_begin(store->kv, false, &before);
    if (status != 0) {
        return status;
    }
    status = store_txn_begin(store, store->state.committed_ms, true);
    if (status == 0) {
        (void)store_txn_fail(store, fn(store, before, layout, ctx));
        status = store_end(store);
    }
    kv_abort(before);
    return status;
}

static struct store_grouping_entry entry_of(const struct store *store, store_scope scope)
{
    const struct store_grouping_entry *held = store_grouping_find(store, scope);
    return held ? *held : (struct store_grouping_entry){.scope = scope};
}

struct regroup_order {
    uint32_t site;
    store_scope group;
};

static int regroup(struct store *store, struct kv_txn *before, const struct store_layout *layout, void *ctx)
{
    const struct regroup_order *order = ctx;
    struct store_grouping_entry entry = entry_of(store, order->site);
    store_scope old = entry.group;
    int status = 0;
    if (old == order->group) {
        return store_grouping_put(store, &entry);
    }
    entry.group = order->group; /* before the cells: what is added up anew goes by it */
    status = store_grouping_put(store, &entry);
    if (status == 0 && old != STORE_ALL) {
        status = move_site(store, before, layout, order->site, true, &old, 1);
    }
    if (status == 0 && order->group != STORE_ALL) {
        status = move_site(store, before, layout, order->site, false, &order->group, 1);
    }
    return status;
}

int store_regroup(struct store *store, uint32_t site, store_scope group, const struct store_layout *layout)
{
    struct regroup_order order = {.site = site, .group = group};
    return change(store, layout, regroup, &order);
}

/* The records whose key begins with this number. */
struct scope_drop {
    uint32_t scope;
    uint64_t dropped;
};

static int drop_if_of_scope(void *ctx, struct slice key, struct slice value)
{
    struct scope_drop *self = ctx;
    (void)value;
    bool is_of_it = record_key_at_u32(key, 0) == self->scope;
    self->dropped += is_of_it;
    return is_of_it ? KV_DROP : KV_END;
}

static int drop_scope(struct store *store, enum store_db db, struct scope_drop *self)
{
    struct record_key from = record_key_u32(self->scope);
    return kv_sweep(store->txn, store->db[db], record_key_slice(&from), drop_if_of_scope, self);
}

struct recut_order {
    store_scope scope;
    const char *zone;
};

static int split_hours_of(struct regroup *self, uint32_t hour_s)
{
    struct store *store = self->roller->store;
    store_scope scope = self->from;
    int status = 0;
    for (size_t i = 0; status == 0 && i < store->grouping_count; i++) {
        const struct store_grouping_entry *entry = &store->grouping[i];
        bool is_site = entry->scope != STORE_ALL && !(entry->scope & STORE_GROUP_BIT);
        if (is_site && (scope == STORE_ALL || scope == entry->scope || scope == entry->group)) {
            status = split_site_hour(self, scope, entry->scope, hour_s);
        }
    }
    return status;
}

static int cut_days(struct regroup *self)
{
    struct store_roller *roller = self->roller;
    uint32_t split_s = UINT32_MAX;
    int status = 0;
    for (size_t i = 0; status == 0 && i < roller->part_count; i++) {
        uint32_t hour_s = roller->parts[i].hour_s;
        if (is_whole(roller, self->from, hour_s)) {
            status = roller_add_day(roller, self->from, i);
        } else if (hour_s != split_s) {
            split_s = hour_s;
            status = split_hours_of(self, hour_s);
        }
    }
    return status == 0 ? roller_run(roller, STORE_DAY, false) : status;
}

static int recut(struct store *store, struct kv_txn *before, const struct store_layout *layout, void *ctx)
{
    const struct recut_order *order = ctx;
    struct store_grouping_entry entry = entry_of(store, order->scope);
    bool is_new_site =
        entry.scope != STORE_ALL && !(entry.scope & STORE_GROUP_BIT) && !store_grouping_find(store, entry.scope);
    if (is_new_site) {
        entry.group = layout->group_of(layout->ctx, entry.scope);
    }
    (void)snprintf(entry.zone, sizeof entry.zone, "%s", order->zone);
    struct scope_drop days = {.scope = order->scope};
    struct regroup self = {.before = before, .from = order->scope};
    int status = store_grouping_put(store, &entry);
    status = status == 0 ? drop_scope(store, STORE_DB_DAYS, &days) : status;
    status = status == 0 ? roller_begin(store, layout, &self.roller) : status;
    status = status == 0 ? add_hour_parts(&self) : status;
    status = status == 0 ? cut_days(&self) : status;
    if (self.roller) {
        roller_end(self.roller);
    }
    return status;
}

int store_recut(struct store *store, store_scope scope, const char *day_zone, const struct store_layout *layout)
{
    struct recut_order order = {.scope = scope, .zone = day_zone};
    return change(store, layout, recut, &order);
}

static int drop_if_not_before(void *ctx, struct slice key, struct slice value)
{
    const uint32_t *from_s = ctx;
    (void)value;
    return record_key_at_u32(key, 4) >= *from_s ? KV_DROP : 0;
}

/* Deletes the records whose second number is not below that. */
static int drop_from(struct store *store, enum store_db db, uint32_t from_s)
{
    return kv_sweep(store->txn, store->db[db], slice_make("", 0), drop_if_not_before, &from_s);
}

/* What days hold of hours whose intervals are gone. */
static int cut_old_days(struct store *store, struct kv_txn *before, const struct store_layout *layout)
{
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    uint32_t scope = 0;
    int status = kv_cursor_open(before, store->db[STORE_DB_HOURS], &cursor);
    while (status == 0 && store->state.dropped_before_s > 0) {
        struct record_key from = record_key_u32(scope);
        status = kv_cursor_seek(cursor, record_key_slice(&from), &key, &value);
        if (status != 0) {
            break;
        }
        struct regroup self = {
            .before = before, .from = record_key_at_u32(key, 0), .end_s = (uint32_t)store->state.dropped_before_s};
        status = roller_begin(store, layout, &self.roller);
        status = status == 0 ? add_hour_parts(&self) : status;
        status = status == 0 ? cut_days(&self) : status;
        if (self.roller) {
            roller_end(self.roller);
        }
        scope = self.from + 1;
        status = status == 0 && scope == 0 ? KV_END : status;
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

/* As if the interval had just come; nothing of it is in the cells, also where it came again since they went. */
static int mark_again(struct store *store, struct slice key)
{
    uint32_t start_s = record_key_at_u32(key, 4);
    struct slice held;
    if (start_s < store->state.dropped_before_s) {
        return 0;
    }
    struct record_key mark =
        record_key_4u32(store_hour_of(start_s), record_key_at_u32(key, 0), record_key_at_u32(key, 8), start_s);
    int status = kv_get(store->txn, store->db[STORE_DB_PENDING], record_key_slice(&mark), &held);
    if (status == KV_END) {
        store->state.pending_count++;
        store->state.marks_sum += store_mark_hash(record_key_slice(&mark));
    }
    return status < 0 ? status
                      : kv_put(store->txn, store->db[STORE_DB_PENDING], record_key_slice(&mark), slice_make("", 0));
}

/* From where it stopped. */
static int mark_some(struct store *store, struct kv_txn *before, const struct store_layout *layout, void *ctx)
{
    uint32_t *marked = store->state.marked;
    struct record_key from = record_key_3u32(marked[0], marked[1], marked[2]);
    struct kv_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    (void)layout;
    (void)ctx;
    store->room_bytes = 0; /* rolling gives it back */
    int status = kv_cursor_open(before, store->db[STORE_DB_INTERVALS], &cursor);
    status = status == 0 ? kv_cursor_seek(cursor, record_key_slice(&from), &key, &value) : status;
    for (size_t i = 0; status == 0 && i < store->options.roll_limit; i++) {
        status = mark_again(store, key);
        status = status == 0 ? kv_cursor_next(cursor, &key, &value) : status;
    }
    for (size_t i = 0; status == 0 && i < 3; i++) {
        marked[i] = record_key_at_u32(key, 4 * i);
    }
    if (status == KV_END) {
        store->state.rebuild = STORE_REBUILD_NONE;
    }
    kv_cursor_close(cursor);
    return status == KV_END ? 0 : status;
}

/* Hours are kept that intervals cannot tell any more; all others go, and the days with them. What they contained is
 * told again by the intervals. */
static int drop_told(struct store *store, struct kv_txn *before, const struct store_layout *layout, void *ctx)
{
    (void)ctx;
    store->room_bytes = 0;
    int status = drop_from(store, STORE_DB_HOURS, (uint32_t)store->state.dropped_before_s);
    status = status == 0 ? drop_from(store, STORE_DB_DAYS, 0) : status;
    status = status == 0 ? drop_from(store, STORE_DB_PENDING, 0) : status;
    store->state.pending_count = 0;
    store->state.marks_sum = 0;
    status = status == 0 ? cut_old_days(store, before, layout) : status;
    store->state.rebuild = STORE_REBUILD_MARK;
    memset(store->state.marked, 0, sizeof store->state.marked);
    return status;
}

int store_rebuild(struct store *store, const struct store_layout *layout)
{
    return change(store, layout, store->state.rebuild == STORE_REBUILD_DROP ? drop_told : mark_some, NULL);
}

struct site_marks {
    struct store *store;
    uint32_t site;
};

static int drop_mark_of(void *ctx, struct slice key, struct slice value)
{
    const struct site_marks *self = ctx;
    struct store *store = self->store;
    uint32_t start_s = record_key_at_u32(key, 4);
    (void)value;
    if (record_key_at_u32(key, 0) != self->site) {
        return KV_END;
    }
    struct record_key mark = record_key_4u32(store_hour_of(start_s), self->site, record_key_at_u32(key, 8), start_s);
    int status = kv_delete(store->txn, store->db[STORE_DB_PENDING], record_key_slice(&mark));
    if (status == 0) {
        store->state.pending_count--;
        store->state.marks_sum -= store_mark_hash(record_key_slice(&mark));
    }
    return status == KV_END ? 0 : status;
}

/* Marks are ordered by the hour: those of one site lie where its intervals say. */
static int drop_marks_of(struct store *store, struct kv_txn *before, uint32_t site)
{
    struct site_marks self = {.store = store, .site = site};
    struct record_key from = record_key_u32(site);
    int status = kv_each(before, store->db[STORE_DB_INTERVALS], record_key_slice(&from), drop_mark_of, &self);
    return status == KV_END ? 0 : status;
}

static int drop_site(struct store *store, struct kv_txn *before, uint32_t site)
{
    static const enum store_db of_a_site[] = {STORE_DB_EPOCHS,    STORE_DB_QUEUES,   STORE_DB_HOURS,    STORE_DB_DAYS,
                                              STORE_DB_GAPS,      STORE_DB_CONTACTS, STORE_DB_GROUPING, STORE_DB_LIVE,
                                              STORE_DB_OPERATORS, STORE_DB_LIVE_GAPS};
    struct scope_drop intervals = {.scope = site};
    struct scope_drop others = {.scope = site};
    uint64_t *count = &store->state.interval_count;
    int status = drop_marks_of(store, before, site);
    status = status == 0 ? drop_scope(store, STORE_DB_INTERVALS, &intervals) : status;
    *count -= intervals.dropped < *count ? intervals.dropped : *count;
    for (size_t i = 0; status == 0 && i < sizeof of_a_site / sizeof of_a_site[0]; i++) {
        status = drop_scope(store, of_a_site[i], &others);
    }
    return status == 0 ? store_grouping_load(store, store->txn) : status;
}

/* Its own records go first: what is added up anew then is without it. */
static int remove_site(struct store *store, struct kv_txn *before, const struct store_layout *layout, void *ctx)
{
    uint32_t site = *(const uint32_t *)ctx;
    struct store_grouping_entry entry = entry_of(store, site);
    const store_scope above[] = {STORE_ALL, entry.group};
    int status = drop_site(store, before, site);
    size_t count = entry.group == STORE_ALL ? 1 : 2;
    return status == 0 ? move_site(store, before, layout, site, true, above, count) : status;
}

int store_remove_site(struct store *store, uint32_t site, const struct store_layout *layout)
{
    return change(store, layout, remove_site, &site);
}
