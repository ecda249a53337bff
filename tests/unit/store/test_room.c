/* A map that is full, and what is past its keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/store/kit.h"

enum { SMALL_BYTES = 3 << 20 };

static int put_many(struct store *store, struct rng *rng, uint32_t site, int64_t start_s, unsigned count)
{
    struct summary sum = {0};
    int status = store_begin(store, KIT_NOW_MS);
    if (status != 0) {
        return status;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t held;
        kit_summary(rng, 20, &sum);
        struct store_interval interval = {.site = site,
                                          .queue = 1 + i % KIT_QUEUES,
                                          .start_s = start_s + i / KIT_QUEUES * 900,
                                          .interval_s = 900,
                                          .epoch = 1,
                                          .revision = 1,
                                          .sum = &sum};
        (void)store_put_interval(store, &interval, &held);
    }
    summary_deinit(&sum);
    return store_end(store);
}

static uint64_t intervals_in(struct store *store, uint64_t *pending)
{
    struct store_view *view = NULL;
    struct store_facts facts;
    assert_int_equal(store_view_begin(store, &view), 0);
    assert_int_equal(store_view_facts(view, &facts), 0);
    store_view_end(view);
    if (pending) {
        *pending = facts.pending_count;
    }
    return facts.interval_count;
}

static int tend(struct store *store, int64_t now_ms)
{
    bool more = true;
    int status = 0;
    for (int calls = 0; more && status == 0; calls++) {
        assert_true(calls < 1000);
        status = store_tend(store, now_ms, &more);
    }
    return status;
}

/* Puts until it is full; it still reads, rolls, deletes, and then takes more. Twice, with a new start in between. */
static void a_full_map_goes_on_when_there_is_room(void **state)
{
    (void)state;
    struct store_options options = {
        .dir = kit_dir.path, .limit_bytes = SMALL_BYTES, .now_ms = KIT_NOW_MS, .intervals_keep_ms = 86400000};
    struct rng rng = {5};
    struct store *store = NULL;
    int64_t start_s = KIT_FIRST_S;
    options.cells_keep_ms = options.intervals_keep_ms;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_open_writer(&options, &store), 0);
        uint64_t before = intervals_in(store, NULL);
        int status = 0;
        unsigned commits = 0;
        for (; status == 0 && commits < 1000; commits++, start_s += 3600) {
            status = put_many(store, &rng, 1 + commits % KIT_SITES, start_s, 12);
            if (status == 0 && commits % 4 == 3) {
                kit_roll(store);
            }
        }
        assert_int_equal(status, STATUS_FULL);
        assert_true(commits > 20);
        assert_int_equal(intervals_in(store, NULL), before + (commits - 1) * 12);
        store_close(store);
        assert_int_equal(store_open_writer(&options, &store), 0); /* full as it is */
        kit_check(store);
        kit_roll(store);
        kit_check(store);
        uint64_t pending;
        assert_int_equal(intervals_in(store, &pending), before + (commits - 1) * 12);
        assert_int_equal(pending, 0);
        start_s += 86400 * 2;
        assert_int_equal(tend(store, start_s * 1000), 0);
        assert_int_equal(intervals_in(store, NULL), 0);
        kit_check(store);
        store_close(store);
    }
}

static int count_cell(void *ctx, const struct store_cell *item)
{
    (void)item;
    (*(unsigned *)ctx)++;
    return 0;
}

static unsigned cells_in(struct store *store, store_scope scope, enum store_grain grain)
{
    struct store_view *view = NULL;
    unsigned count = 0;
    assert_int_equal(store_view_begin(store, &view), 0);
    assert_int_equal(store_view_cells(view, scope, grain, 0, INT64_MAX, UINT32_MAX, count_cell, &count, NULL), 0);
    store_view_end(view);
    return count;
}

/* A gap of each of two sites that begins just before a moment, and one that begins at it. */
static void put_gaps(struct store *store, int64_t edge_ms)
{
    assert_int_equal(store_begin(store, KIT_NOW_MS), 0);
    for (uint32_t site = 1; site <= 2; site++) {
        for (int i = -1; i <= 0; i++) {
            const struct store_gap gap = {edge_ms + i, edge_ms + 5, "log missing"};
            assert_int_equal(store_put_gap(store, site, &gap), 0);
            assert_int_equal(store_put_live_gap(store, site, &gap), 0);
        }
    }
    assert_int_equal(store_end(store), 0);
}

struct gaps_seen {
    int64_t edge_ms;
    unsigned before;
    unsigned from;
};

static int see_gap(void *ctx, const struct store_gap *gap)
{
    struct gaps_seen *seen = ctx;
    *(gap->from_ms < seen->edge_ms ? &seen->before : &seen->from) += 1;
    return 0;
}

static void check_gaps(struct store *store, int64_t edge_ms, unsigned before)
{
    struct gaps_seen seen = {.edge_ms = edge_ms};
    struct store_view *view = NULL;
    assert_int_equal(store_view_begin(store, &view), 0);
    for (uint32_t site = 1; site <= 2; site++) {
        assert_int_equal(store_view_gaps(view, site, see_gap, &seen), 0);
        assert_int_equal(store_view_live_gaps(view, site, see_gap, &seen), 0);
    }
    store_view_end(view);
    assert_int_equal(seen.before, before);
    assert_int_equal(seen.from, 4);
}

/* Intervals go without touching cells, but never before the cells have them; what is gone is not taken again. Gaps go
 * with the cells. */
static void retention_waits_for_the_cells(void **state)
{
    (void)state;
    struct store_options options = {.dir = kit_dir.path, .limit_bytes = 16 << 20, .now_ms = KIT_NOW_MS};
    struct rng rng = {6};
    struct store *store = NULL;
    options.intervals_keep_ms = 3600000;
    options.cells_keep_ms = INT64_C(400) * 86400000;
    assert_int_equal(store_open_writer(&options, &store), 0);
    assert_int_equal(put_many(store, &rng, 1, KIT_FIRST_S, 96), 0);
    int64_t now_ms = (KIT_FIRST_S + 4 * 3600) * 1000 + 1;
    int64_t edge_ms = (KIT_FIRST_S + 4 * 3600 + 86400) * 1000; /* a day more than the cells are kept, in the end */
    put_gaps(store, edge_ms);
    assert_int_equal(tend(store, now_ms), 0);
    assert_int_equal(intervals_in(store, NULL), 96);
    kit_roll(store);
    unsigned hours = cells_in(store, STORE_ALL, STORE_HOUR);
    assert_int_equal(tend(store, now_ms), 0);
    assert_int_equal(intervals_in(store, NULL), 96 - 3 * 12);
    assert_int_equal(cells_in(store, STORE_ALL, STORE_HOUR), hours);
    kit_check(store);
    assert_int_equal(put_many(store, &rng, 2, KIT_FIRST_S, 36), 0);
    assert_int_equal(intervals_in(store, NULL), 96 - 3 * 12); /* stale, each of them */
    check_gaps(store, edge_ms, 4);
    assert_int_equal(tend(store, now_ms + INT64_C(401) * 86400000), 0);
    check_gaps(store, edge_ms, 0);
    assert_int_equal(intervals_in(store, NULL), 0);
    assert_int_equal(cells_in(store, STORE_ALL, STORE_HOUR), 0);
    assert_int_equal(cells_in(store, 1, STORE_DAY), 0);
    kit_check(store);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_map_goes_on_when_there_is_room, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(retention_waits_for_the_cells, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
