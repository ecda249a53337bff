/* Records that were damaged on the disk: seen, skipped, and mended where what is left tells how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/record.h"
#include "tests/unit/store/kit.h"

enum { LIMIT_BYTES = 16 << 20, SLOTS = 16 };

struct filled {
    struct store *store;
    struct kit_model *model;
    struct rng rng;
};

static void put(struct filled *self, uint32_t site, uint32_t queue, unsigned slot)
{
    struct kit_held *held = &self->model->held[site - 1][queue - 1][slot];
    struct kit_held came = {.there = true, .epoch = 1, .revision = held->revision + 1};
    kit_summary(&self->rng, 6, &came.sum);
    assert_int_equal(kit_model_put(self->model, site, queue, slot, &came), STORE_TAKEN);
    assert_int_equal(kit_put(self->store, site, queue, slot, &came), STORE_TAKEN);
    summary_deinit(&came.sum);
}

static void fill(struct filled *self)
{
    *self = (struct filled){.store = kit_open(LIMIT_BYTES), .rng = {8}};
    self->model = calloc(1, sizeof *self->model);
    assert_non_null(self->model);
    assert_int_equal(store_begin(self->store, KIT_NOW_MS), 0);
    kit_queues(self->store);
    for (uint32_t site = 1; site <= KIT_SITES; site++) {
        for (uint32_t queue = 1; queue <= KIT_QUEUES; queue++) {
            for (unsigned slot = 0; slot < SLOTS; slot++) {
                put(self, site, queue, slot);
            }
        }
    }
    assert_int_equal(store_end(self->store), 0);
}

static void empty(struct filled *self)
{
    store_close(self->store);
    kit_model_free(self->model);
}

/* From another process, while the store is open: what is damaged after it was looked over. */
static void damage(const char *db, struct record_key key)
{
    pid_t child = fork();
    if (child == 0) {
        kit_damage(db, record_key_slice(&key));
        _exit(0);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

/* The store is closed for it, and mends it when it opens. */
static void damage_closed(struct filled *self, const char *db, struct record_key key)
{
    store_close(self->store);
    kit_damage(db, record_key_slice(&key));
    self->store = kit_open(LIMIT_BYTES);
    assert_non_null(store_mended(self->store));
}

static void count_line(void *ctx, const char *line)
{
    *(unsigned *)ctx += strstr(line, "do not balance") == NULL;
}

static unsigned defects(struct store *store)
{
    unsigned count = 0;
    assert_true(store_check(store, count_line, &count) >= 0);
    return count;
}

static struct record_key interval_key(uint32_t site, unsigned slot, uint32_t queue)
{
    return record_key_3u32(site, (uint32_t)KIT_FIRST_S + slot * 900, queue);
}

static int see_interval(void *ctx, const struct store_interval *item)
{
    (void)item;
    (*(unsigned *)ctx)++;
    return 0;
}

/* The cells contain it, but it can no longer be read: what they contain is told by the others of its hour. */
static void a_damaged_interval_is_replaced_exactly(void **state)
{
    (void)state;
    struct filled self;
    fill(&self);
    kit_roll(self.store);
    struct record_key key = interval_key(2, 5, 1);
    damage("intervals", key);
    assert_true(defects(self.store) > 0);
    struct store_view *view = NULL;
    unsigned seen = 0;
    uint64_t bad = 0;
    assert_int_equal(store_view_begin(self.store, &view), 0);
    assert_int_equal(store_view_intervals(view, 2, 0, INT64_MAX, see_interval, &seen, &bad), 0);
    store_view_end(view);
    assert_int_equal(seen, KIT_QUEUES * SLOTS - 1);
    assert_int_equal(bad, 1);
    assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
    put(&self, 2, 1, 5);
    put(&self, 2, 1, 6);
    assert_int_equal(store_end(self.store), 0);
    kit_roll(self.store);
    assert_int_equal(defects(self.store), 0);
    kit_compare(self.store, self.model);
    empty(&self);
}

/* Damaged before the cells had it: it is gone, and is taken again when it comes again. */
static void a_damaged_interval_is_not_counted(void **state)
{
    (void)state;
    struct filled self;
    fill(&self);
    struct record_key key = interval_key(1, 2, 3);
    damage("intervals", key);
    kit_roll(self.store);
    assert_int_equal(defects(self.store), 0);
    assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
    put(&self, 1, 3, 2);
    assert_int_equal(store_end(self.store), 0);
    kit_roll(self.store);
    kit_compare(self.store, self.model);
    empty(&self);
}

/* Cells that are damaged are added up anew when something below them changes. */
static void damaged_cells_are_mended(void **state)
{
    (void)state;
    static const store_scope scopes[] = {1, STORE_ALL, STORE_ALL, STORE_GROUP_BIT | 1};
    static const uint32_t queues[] = {2, 2, STORE_QUEUE_TOTAL, 2};
    struct filled self;
    fill(&self);
    kit_roll(self.store);
    for (int i = 0; i < 4; i++) {
        struct record_key hour = record_key_3u32(scopes[i], (uint32_t)KIT_FIRST_S + 3600, queues[i]);
        struct record_key day = record_key_3u32(scopes[i], (uint32_t)KIT_FIRST_S, queues[i]);
        damage("hours", hour);
        damage("days", day);
    }
    assert_true(defects(self.store) >= 8);
    assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
    put(&self, 1, 2, 5);
    assert_int_equal(store_end(self.store), 0);
    kit_roll(self.store);
    assert_int_equal(defects(self.store), 0);
    kit_compare(self.store, self.model);
    empty(&self);
}

/* The index of the names gives it back. */
static void a_damaged_name_is_found_again(void **state)
{
    (void)state;
    struct filled self;
    fill(&self);
    damage_closed(&self, "names", record_key_u32(2));
    for (int i = 0; i < STORE_LOSS_COUNT; i++) {
        assert_int_equal(store_mended(self.store)->lost[i], 0);
    }
    assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
    assert_int_equal(store_queue_number(self.store, slice_str("sales")), 1);
    assert_int_equal(store_queue_number(self.store, slice_str("support")), 2);
    assert_int_equal(store_queue_number(self.store, slice_str("s\xc3\xa9")), 3);
    assert_int_equal(store_end(self.store), 0);
    empty(&self);
}

static int count_lost_interval(void *ctx, const struct store_event *event)
{
    assert_string_equal(event->kind, "damaged");
    assert_int_equal(event->at_ms, KIT_NOW_MS);
    *(unsigned *)ctx += strstr(event->text, "lost: 1 interval;") != NULL;
    return 0;
}

static unsigned events_of_a_lost_interval(struct store *store)
{
    struct store_view *view = NULL;
    unsigned found = 0;
    assert_int_equal(store_view_begin(store, &view), 0);
    assert_int_equal(store_view_events(view, 0, count_lost_interval, &found), 0);
    store_view_end(view);
    return found;
}

/* Mended when it opens: hours and days hold what the intervals that are left tell, and what comes again counts once. */
static void what_is_lost_is_told_and_taken_again(void **state)
{
    (void)state;
    struct filled self;
    fill(&self);
    kit_roll(self.store);
    damage_closed(&self, "intervals", interval_key(2, 5, 1));
    assert_int_equal(store_mended(self.store)->lost[STORE_LOST_INTERVALS], 1);
    assert_int_equal(events_of_a_lost_interval(self.store), 1);
    kit_roll(self.store);
    assert_int_equal(defects(self.store), 0);
    damage_closed(&self, "hours", record_key_3u32(STORE_ALL, (uint32_t)KIT_FIRST_S + 3600, 2));
    assert_int_equal(store_mended(self.store)->times, 2);
    kit_roll(self.store);
    assert_int_equal(defects(self.store), 0);
    assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
    put(&self, 2, 1, 5);
    assert_int_equal(store_end(self.store), 0);
    kit_roll(self.store);
    kit_compare(self.store, self.model);
    empty(&self);
}

/* In steps of so many intervals, between which intervals come and the store is closed and opened. */
static void adding_up_anew_goes_on_where_it_was(void **state)
{
    (void)state;
    struct filled self;
    unsigned steps = 0;
    kit_roll_limit = 25;
    fill(&self);
    kit_roll(self.store);
    damage_closed(&self, "hours", record_key_3u32(STORE_ALL, (uint32_t)KIT_FIRST_S + 3600, 2));
    for (bool more = true; more; steps++) {
        assert_int_equal(store_roll(self.store, &kit_layout, KIT_NOW_MS, &more), 0);
        assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
        for (unsigned i = 0; i < 6 && steps < 12; i++) {
            put(&self, 1 + (uint32_t)rng_below(&self.rng, KIT_SITES), 1 + (uint32_t)rng_below(&self.rng, KIT_QUEUES),
                (unsigned)rng_below(&self.rng, SLOTS + 8));
        }
        assert_int_equal(store_end(self.store), 0);
        if (steps % 3 == 1) {
            self.store = kit_reopen(self.store, LIMIT_BYTES);
        }
        more = more || steps < 12;
    }
    kit_roll(self.store);
    assert_int_equal(defects(self.store), 0);
    kit_compare(self.store, self.model);
    empty(&self);
    kit_roll_limit = 0;
}

static uint64_t intervals(struct store *store)
{
    struct store_view *view = NULL;
    struct store_facts facts = {0};
    assert_int_equal(store_view_begin(store, &view), 0);
    assert_int_equal(store_view_facts(view, &facts), 0);
    store_view_end(view);
    return facts.interval_count;
}

/* By their age all intervals are to go, but hours and days do not hold them yet. */
static void nothing_is_dropped_before_it_is_added_up(void **state)
{
    (void)state;
    struct filled self;
    bool more = true;
    fill(&self);
    kit_roll(self.store);
    damage_closed(&self, "hours", record_key_3u32(STORE_ALL, (uint32_t)KIT_FIRST_S + 3600, 2));
    store_close(self.store);
    const struct store_options options = {
        .dir = kit_dir.path, .limit_bytes = LIMIT_BYTES, .intervals_keep_ms = 60000, .now_ms = KIT_NOW_MS};
    assert_int_equal(store_open_writer(&options, &self.store), 0);
    uint64_t before = intervals(self.store);
    assert_true(before > 0);
    assert_int_equal(store_tend(self.store, KIT_NOW_MS, &more), 0);
    assert_false(more);
    assert_int_equal(intervals(self.store), before);
    kit_roll(self.store);
    for (more = true; more;) {
        assert_int_equal(store_tend(self.store, KIT_NOW_MS, &more), 0);
    }
    assert_int_equal(intervals(self.store), 0);
    empty(&self);
}

struct pick {
    uint64_t left;
    struct record_key key;
};

static int pick_record(void *ctx, struct slice key, struct slice value)
{
    struct pick *pick = ctx;
    if (value.len > 4 && key.len <= RECORD_KEY_MAX) {
        memcpy(pick->key.bytes, key.data, key.len);
        pick->key.len = key.len;
        pick->left -= pick->left > 0;
    }
    return pick->key.len > 0 && pick->left == 0;
}

/* LMDB trusts its own pages: what is damaged is inside the values. */
static void damage_any(struct filled *self)
{
    static const char *const dbs[] = {"names", "intervals", "pending", "hours", "days", "grouping"};
    const char *name = dbs[rng_below(&self->rng, sizeof dbs / sizeof dbs[0])];
    struct pick pick = {.left = rng_below(&self->rng, 60)};
    struct kv_options options = {.dir = kit_dir.path, .max_dbs = 20, .read_only = true};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    unsigned db;
    store_close(self->store);
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, name, false, &db), 0);
    assert_int_equal(kv_begin(kv, false, &txn), 0);
    assert_true(kv_each(txn, db, slice_make("", 0), pick_record, &pick) >= 0);
    kv_abort(txn);
    kv_close(kv);
    if (pick.key.len > 0) {
        kit_damage(name, record_key_slice(&pick.key));
    }
    self->store = kit_open(LIMIT_BYTES);
}

/* Any record of any database: reading, reading, rolling and checking end in a status. */
static void any_damage_ends_in_a_status(void **state)
{
    (void)state;
    for (int round = 0; round < 12; round++) {
        struct filled self;
        fill(&self);
        self.rng = (struct rng){31 + (uint64_t)round};
        if (round % 2 == 0) {
            kit_roll(self.store);
            assert_int_equal(store_begin(self.store, KIT_NOW_MS), 0);
            put(&self, 1, 1, 1);
            assert_int_equal(store_end(self.store), 0);
        }
        for (int hits = 0; hits < 6; hits++) {
            damage_any(&self);
        }
        bool more;
        (void)defects(self.store);
        (void)store_roll(self.store, &kit_layout, KIT_NOW_MS, &more);
        (void)store_recut(self.store, STORE_ALL, "x", &kit_layout);
        (void)store_remove_site(self.store, 2, &kit_layout);
        empty(&self);
        temp_dir_clear(&kit_dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_interval_is_replaced_exactly, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_interval_is_not_counted, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(damaged_cells_are_mended, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_name_is_found_again, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_is_lost_is_told_and_taken_again, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(adding_up_anew_goes_on_where_it_was, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_dropped_before_it_is_added_up, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(any_damage_ends_in_a_status, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
