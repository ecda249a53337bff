#include "tests/unit/store/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"

struct temp_dir kit_dir;
size_t kit_roll_limit;
store_scope kit_groups[KIT_SITES + 1];
int kit_offset_s[KIT_SCOPES];

static unsigned number_of(store_scope scope)
{
    return scope & STORE_GROUP_BIT ? 1 + KIT_SITES + (scope & ~STORE_GROUP_BIT) - 1 : scope;
}

store_scope kit_scope(unsigned number)
{
    return number <= KIT_SITES ? number : store_scope_group(number - KIT_SITES);
}

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    return kit_groups[site];
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    return (at_s + kit_offset_s[number_of(scope)]) / 86400;
}

struct store_layout kit_layout = {.group_of = group_of, .day_of = day_of};

int kit_setup(void **state)
{
    static const int offsets[KIT_SCOPES] = {3600, 0, 19800, -12600, 7200, 20700, -18000};
    (void)state;
    kit_roll_limit = 0;
    temp_dir_make(&kit_dir);
    memcpy(kit_offset_s, offsets, sizeof offsets);
    kit_groups[1] = store_scope_group(1);
    kit_groups[2] = store_scope_group(1);
    kit_groups[3] = store_scope_group(2);
    kit_groups[4] = STORE_ALL;
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    temp_dir_remove(&kit_dir);
    return 0;
}

struct store *kit_open(uint64_t limit_bytes)
{
    struct store_options options = {
        .dir = kit_dir.path, .limit_bytes = limit_bytes, .now_ms = KIT_NOW_MS, .roll_limit = kit_roll_limit};
    struct store *store = NULL;
    assert_int_equal(store_open_writer(&options, &store), 0);
    return store;
}

struct store *kit_reopen(struct store *store, uint64_t limit_bytes)
{
    store_close(store);
    return kit_open(limit_bytes);
}

void kit_queues(struct store *store)
{
    static const char *const names[KIT_QUEUES] = {"sales", "support", "s\xc3\xa9"};
    for (uint32_t i = 0; i < KIT_QUEUES; i++) {
        assert_int_equal(store_queue_number(store, slice_str(names[i])), i + 1);
    }
}

void kit_summary(struct rng *rng, unsigned calls, struct summary *out)
{
    summary_clear(out);
    out->waiting_start = (uint32_t)rng_below(rng, 3);
    out->waiting_max = (uint32_t)rng_below(rng, 9);
    for (unsigned i = 0; i < calls; i++) {
        bool answered = rng_chance(rng, 80);
        out->flow[FLOW_ENTERED]++;
        out->cohort[COHORT_ENTERED]++;
        out->flow[answered ? FLOW_ANSWERED : FLOW_ABANDONED]++;
        out->cohort[answered ? COHORT_ANSWERED : COHORT_ABANDONED]++;
        enum duration_kind kind = answered ? DURATION_WAIT_ANSWERED : DURATION_WAIT_ABANDONED;
        assert_int_equal(summary_add_duration(out, kind, (int64_t)rng_below(rng, 90) * 1000), 0);
        if (answered) {
            int64_t talk_ms = (int64_t)rng_below(rng, 600000);
            assert_int_equal(summary_add_duration(out, DURATION_TALK, talk_ms), 0);
            assert_int_equal(summary_add_duration(out, DURATION_HANDLE, talk_ms), 0);
        }
    }
    out->waiting_end = out->waiting_start + (rng_chance(rng, 10) ? 1 : 0);
}

int kit_put(struct store *store, uint32_t site, uint32_t queue, unsigned slot, const struct kit_held *came)
{
    uint64_t held_revision = 0;
    struct store_interval interval = {.site = site,
                                      .queue = queue,
                                      .start_s = KIT_FIRST_S + (int64_t)slot * 900,
                                      .interval_s = 900,
                                      .epoch = came->epoch,
                                      .revision = came->revision,
                                      .received_ms = KIT_NOW_MS,
                                      .open = came->open,
                                      .sum = &came->sum};
    return store_put_interval(store, &interval, &held_revision);
}

void kit_model_free(struct kit_model *model)
{
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        kit_model_remove(model, site);
    }
    free(model);
}

static void set(struct kit_held *to, const struct kit_held *from)
{
    struct summary keep = to->sum;
    *to = *from;
    to->sum = keep;
    assert_int_equal(summary_copy(&to->sum, &from->sum), 0);
}

void kit_model_copy(struct kit_model *to, const struct kit_model *from)
{
    struct kit_held *out = &to->held[0][0][0];
    const struct kit_held *in = &from->held[0][0][0];
    for (size_t i = 0; i < (size_t)KIT_SITES * KIT_QUEUES * KIT_SLOTS; i++) {
        set(&out[i], &in[i]);
    }
}

int kit_model_put(struct kit_model *model, uint32_t site, uint32_t queue, unsigned slot, const struct kit_held *came)
{
    struct kit_held *held = &model->held[site - 1][queue - 1][slot];
    bool newer =
        !held->there || came->epoch > held->epoch || (came->epoch == held->epoch && came->revision > held->revision);
    if (newer) {
        set(held, came);
        return STORE_TAKEN;
    }
    if (came->epoch < held->epoch || came->revision < held->revision) {
        return STORE_STALE;
    }
    if (!summary_equal(&came->sum, &held->sum)) {
        return STORE_CONFLICT;
    }
    if (held->open && !came->open) {
        set(held, came);
        return STORE_TAKEN;
    }
    return STORE_REPEATED;
}

void kit_model_remove(struct kit_model *model, uint32_t site)
{
    for (unsigned queue = 0; queue < KIT_QUEUES; queue++) {
        for (unsigned slot = 0; slot < KIT_SLOTS; slot++) {
            struct kit_held *held = &model->held[site - 1][queue][slot];
            summary_deinit(&held->sum);
            held->there = false;
        }
    }
}

static bool is_of(store_scope scope, uint32_t site)
{
    return scope == STORE_ALL || scope == site || scope == kit_groups[site];
}

struct cell_place {
    store_scope scope;
    enum store_grain grain;
    int64_t key_s;
    uint32_t queue;
};

static bool is_in(const struct cell_place *place, uint32_t site, uint32_t queue, int64_t start_s,
                  struct cell_part *part)
{
    if (!is_of(place->scope, site) || (place->queue != STORE_QUEUE_TOTAL && place->queue != queue)) {
        return false;
    }
    if (place->grain == STORE_HOUR) {
        part->at_start = start_s == place->key_s;
        part->at_end = start_s + 900 == place->key_s + 3600;
        return start_s >= place->key_s && start_s < place->key_s + 3600;
    }
    int64_t day = day_of(NULL, place->scope, start_s);
    part->at_start = day_of(NULL, place->scope, start_s - 1) != day;
    part->at_end = day_of(NULL, place->scope, start_s + 900) != day;
    return day * 86400 == place->key_s;
}

static void add_up(const struct kit_model *model, const struct cell_place *place, struct cell *out)
{
    cell_clear(out);
    unsigned from = place->grain == STORE_HOUR ? (unsigned)((place->key_s - KIT_FIRST_S) / 900) : 0;
    unsigned to = place->grain == STORE_HOUR ? from + 4 : KIT_SLOTS;
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
            for (unsigned slot = from; slot < to; slot++) {
                const struct kit_held *held = &model->held[site - 1][queue - 1][slot];
                struct cell_part part = {.sum = &held->sum};
                if (held->there && is_in(place, site, queue, KIT_FIRST_S + (int64_t)slot * 900, &part)) {
                    assert_int_equal(cell_add(out, &part), 0);
                }
            }
        }
    }
}

static int merge_stored(void *ctx, const struct store_cell *item)
{
    assert_int_equal(cell_merge_encoded(ctx, item->stored, true), 0);
    return 0;
}

/* Pending intervals, gathered once for all comparisons. */
struct pending_item {
    uint32_t site;
    uint32_t queue;
    int64_t start_s;
    bool has_then;
    struct summary now;
    struct summary then;
};
struct pending_list {
    struct pending_item *items;
    size_t count;
};

static int gather(void *ctx, const struct store_pending *item)
{
    struct pending_list *list = ctx;
    list->items = realloc(list->items, (list->count + 1) * sizeof *list->items);
    assert_non_null(list->items);
    struct pending_item *to = &list->items[list->count++];
    *to = (struct pending_item){
        .site = item->site, .queue = item->queue, .start_s = item->start_s, .has_then = item->then != NULL};
    assert_non_null(item->now);
    assert_int_equal(item->interval_s, 900);
    assert_int_equal(summary_copy(&to->now, item->now), 0);
    if (item->then) {
        assert_int_equal(summary_copy(&to->then, item->then), 0);
    }
    return 0;
}

/* Returns whether anything was pending for this cell. */
static bool add_pending(const struct pending_list *list, const struct cell_place *place, struct cell *cell)
{
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
        struct pending_item *item = &list->items[i];
        struct cell_part part = {.sum = &item->now};
        if (!is_in(place, item->site, item->queue, item->start_s, &part)) {
            continue;
        }
        any = true;
        assert_int_equal(cell_add(cell, &part), 0);
        part.sum = &item->then;
        if (item->has_then) {
            assert_true(cell_subtract(cell, &part) >= 0);
        }
    }
    return any;
}

static void assert_cells_equal(const struct cell_place *place, const struct cell *a, const struct cell *b)
{
    struct buf left = BUF_INIT;
    struct buf right = BUF_INIT;
    cell_encode(a, &left);
    cell_encode(b, &right);
    if (!slice_equal(buf_slice(&left), buf_slice(&right))) {
        struct cell_facts x;
        struct cell_facts y;
        cell_facts(a, &x);
        cell_facts(b, &y);
        fail_msg("scope %x grain %d key %lld queue %u: intervals %llu model %llu, start %llu %llu, end %llu %llu",
                 place->scope, place->grain, (long long)place->key_s, place->queue, (unsigned long long)x.intervals,
                 (unsigned long long)y.intervals, (unsigned long long)x.waiting_start,
                 (unsigned long long)y.waiting_start, (unsigned long long)x.waiting_end,
                 (unsigned long long)y.waiting_end);
    }
    buf_deinit(&left);
    buf_deinit(&right);
}

struct comparison {
    struct store_view *view;
    const struct kit_model *model;
    struct pending_list pending;
    struct cell *stored;
    struct cell *expected;
};

static void compare_cell(struct comparison *self, const struct cell_place *place)
{
    cell_clear(self->stored);
    add_up(self->model, place, self->expected);
    assert_int_equal(store_view_cells(self->view, place->scope, place->grain, place->key_s, place->key_s + 1,
                                      place->queue, merge_stored, self->stored, NULL),
                     0);
    if (add_pending(&self->pending, place, self->stored)) {
        cell_drop_maxima(self->stored);
        cell_drop_maxima(self->expected);
    }
    assert_cells_equal(place, self->stored, self->expected);
}

static void compare_scope(struct comparison *self, store_scope scope)
{
    bool is_site = scope != STORE_ALL && !(scope & STORE_GROUP_BIT);
    for (uint32_t queue = is_site; queue <= KIT_QUEUES; queue++) {
        for (int hour = 0; hour < KIT_HOURS; hour++) {
            struct cell_place place = {scope, STORE_HOUR, KIT_FIRST_S + hour * 3600, queue};
            compare_cell(self, &place);
        }
        for (int64_t day = KIT_FIRST_S / 86400 - 1; day <= KIT_FIRST_S / 86400 + 3; day++) {
            struct cell_place place = {scope, STORE_DAY, day * 86400, queue};
            compare_cell(self, &place);
        }
    }
}

struct interval_comparison {
    const struct kit_model *model;
    uint64_t seen;
};

static int compare_interval(void *ctx, const struct store_interval *item)
{
    struct interval_comparison *self = ctx;
    int64_t slot = (item->start_s - KIT_FIRST_S) / 900;
    assert_true(slot >= 0 && slot < KIT_SLOTS && item->queue >= 1 && item->queue <= KIT_QUEUES);
    const struct kit_held *held = &self->model->held[item->site - 1][item->queue - 1][slot];
    assert_true(held->there);
    assert_int_equal(item->epoch, held->epoch);
    assert_int_equal(item->revision, held->revision);
    assert_int_equal(item->open, held->open);
    assert_true(summary_equal(item->sum, &held->sum));
    self->seen++;
    return 0;
}

static uint64_t count(const struct kit_model *model)
{
    uint64_t there = 0;
    const struct kit_held *held = &model->held[0][0][0];
    for (size_t i = 0; i < (size_t)KIT_SITES * KIT_QUEUES * KIT_SLOTS; i++) {
        there += held[i].there;
    }
    return there;
}

static void compare_intervals(struct store_view *view, const struct kit_model *model)
{
    struct interval_comparison self = {.model = model};
    uint64_t bad = 0;
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        assert_int_equal(store_view_intervals(view, site, 0, INT64_MAX, compare_interval, &self, &bad), 0);
    }
    struct store_facts facts;
    assert_int_equal(store_view_facts(view, &facts), 0);
    assert_int_equal(bad, 0);
    assert_int_equal(self.seen, count(model));
    assert_int_equal(facts.interval_count, count(model));
}

void kit_compare(struct store *store, const struct kit_model *model)
{
    struct comparison self = {.model = model};
    uint64_t bad = 0;
    assert_int_equal(store_view_begin(store, &self.view), 0);
    compare_intervals(self.view, model);
    assert_int_equal(store_view_pending(self.view, 0, INT64_MAX, gather, &self.pending, &bad), 0);
    struct store_facts facts;
    assert_int_equal(store_view_facts(self.view, &facts), 0);
    assert_int_equal(facts.pending_count, self.pending.count);
    assert_int_equal(bad, 0);
    assert_int_equal(cell_new(&self.stored), 0);
    assert_int_equal(cell_new(&self.expected), 0);
    for (unsigned i = 0; i < KIT_SCOPES; i++) {
        compare_scope(&self, kit_scope(i));
    }
    for (size_t i = 0; i < self.pending.count; i++) {
        summary_deinit(&self.pending.items[i].now);
        summary_deinit(&self.pending.items[i].then);
    }
    free(self.pending.items);
    cell_free(self.stored);
    cell_free(self.expected);
    store_view_end(self.view);
}

static void see_line(void *ctx, const char *line)
{
    (void)ctx;
    if (!strstr(line, "do not balance")) {
        fail_msg("%s", line);
    }
}

void kit_check(struct store *store)
{
    assert_true(store_check(store, see_line, NULL) >= 0);
}

void kit_roll(struct store *store)
{
    bool more = true;
    while (more) {
        assert_int_equal(store_roll(store, &kit_layout, KIT_NOW_MS, &more), 0);
    }
}

static struct kv *open_raw(const char *name, unsigned *db)
{
    struct kv_options options = {.dir = kit_dir.path, .map_bytes = 1 << 20, .max_dbs = 20, .grow_bytes = 1 << 16};
    struct kv *kv = NULL;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, name, false, db), 0);
    return kv;
}

void kit_get_raw(const char *db, struct slice key, struct buf *out)
{
    unsigned handle;
    struct slice value;
    struct kv_txn *txn = NULL;
    struct kv *kv = open_raw(db, &handle);
    assert_int_equal(kv_begin(kv, false, &txn), 0);
    assert_int_equal(kv_get(txn, handle, key, &value), 0);
    buf_reset(out);
    buf_append(out, value.data, value.len);
    kv_abort(txn);
    kv_close(kv);
}

void kit_damage(const char *db, struct slice key)
{
    unsigned handle;
    struct buf value = BUF_INIT;
    struct kv_txn *txn = NULL;
    kit_get_raw(db, key, &value);
    assert_true(value.len > 4);
    value.data[value.len / 2] ^= 0x10;
    struct kv *kv = open_raw(db, &handle);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_put(txn, handle, key, buf_slice(&value)), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    buf_deinit(&value);
}
