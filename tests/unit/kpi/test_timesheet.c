#include "agent/kpi/timesheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/support/rng.h"

enum { STORE_MAX = 9000 };

struct stored {
    uint32_t operator_id;
    int64_t start_s;
    struct shift shift;
};

/* What has been saved, as a ledger would hold it. */
struct store {
    struct timesheet *sheet;
    struct stored *items;
    size_t count;
    size_t put;
    size_t loads;
    int load_fails;
    int put_fails;
};

static struct stored *find(struct store *store, uint32_t operator_id, int64_t start_s)
{
    for (size_t i = 0; i < store->count; i++) {
        if (store->items[i].operator_id == operator_id && store->items[i].start_s == start_s) {
            return &store->items[i];
        }
    }
    return NULL;
}

static int load(void *ctx, uint32_t operator_id, int64_t start_s, struct shift *out)
{
    struct store *store = ctx;
    assert_true(shift_is_zero(out));
    store->loads++;
    if (store->load_fails != 0) {
        return store->load_fails;
    }
    const struct stored *item = find(store, operator_id, start_s);
    return item ? shift_merge(out, &item->shift) : TIMESHEET_NEW;
}

static int put(void *ctx, const struct timesheet_item *item)
{
    struct store *store = ctx;
    if (store->put_fails != 0) {
        return store->put_fails;
    }
    struct stored *stored = find(store, item->operator_id, item->start_s);
    if (!stored) {
        assert_true(store->count < STORE_MAX);
        stored = &store->items[store->count++];
        *stored = (struct stored){.operator_id = item->operator_id, .start_s = item->start_s};
    }
    shift_clear(&stored->shift);
    assert_int_equal(shift_merge(&stored->shift, item->shift), 0);
    store->put++;
    return 0;
}

static void open_sheet(struct store *store, int64_t interval_s)
{
    struct timesheet_options options = {.interval_ms = interval_s * 1000, .load = load, .ctx = store};
    assert_int_equal(timesheet_new(&options, &store->sheet), 0);
}

static void begin(struct store *store, int64_t interval_s)
{
    *store = (struct store){.items = calloc(STORE_MAX, sizeof(struct stored))};
    assert_non_null(store->items);
    open_sheet(store, interval_s);
}

static void commit(struct store *store)
{
    assert_int_equal(timesheet_save(store->sheet, put, store), 0);
    timesheet_saved(store->sheet);
    assert_int_equal(timesheet_dirty_count(store->sheet), 0);
}

static void end(struct store *store)
{
    timesheet_free(store->sheet);
    for (size_t i = 0; i < store->count; i++) {
        shift_deinit(&store->items[i].shift);
    }
    free(store->items);
}

static int state(struct store *store, enum shift_state what, uint32_t queue, int64_t from_ms, int64_t to_ms)
{
    return timesheet_state(store->sheet, 1, what, queue, 0, false, from_ms, to_ms);
}

static void spans_are_cut_at_the_edges(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 900);
    assert_int_equal(state(&store, SHIFT_TALK, 7, 899500, 1800001), 0);
    assert_int_equal(timesheet_dirty_count(store.sheet), 3);
    commit(&store);
    assert_int_equal(find(&store, 1, 0)->shift.state_ms[SHIFT_TALK], 500);
    assert_int_equal(find(&store, 1, 900)->shift.state_ms[SHIFT_TALK], 900000);
    assert_int_equal(find(&store, 1, 900)->shift.queues[0].talk_ms, 900000);
    assert_int_equal(find(&store, 1, 1800)->shift.state_ms[SHIFT_TALK], 1);
    assert_int_equal(state(&store, SHIFT_READY, 0, 1800001, 2700000), 0); /* up to an edge: not beyond */
    commit(&store);
    assert_int_equal(store.count, 3);
    end(&store);
}

static void each_kind_counts_where_it_belongs(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 900);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_RING, 2, 0, false, 0, 10), 0);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_HOLD, 2, 0, false, 10, 30), 0);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_WRAP, 2, 0, false, 30, 70), 0);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_WRAP, 0, 9, true, 70, 150), 0);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_PAUSED, 0, 9, false, 150, 310), 0);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_PAUSED, 0, 0, false, 310, 630), 0);
    assert_int_equal(timesheet_state(store.sheet, 5, SHIFT_OFF, 0, 0, false, 630, 900), 0);
    assert_int_equal(timesheet_member(store.sheet, 5, 2, false, 0, 600), 0);
    assert_int_equal(timesheet_member(store.sheet, 5, 3, true, 0, 500), 0);
    assert_int_equal(timesheet_count(store.sheet, 5, 2, SHIFT_ANSWERED, 899999), 0);
    assert_int_equal(timesheet_count(store.sheet, 5, 2, SHIFT_ANSWERED, 900000), 0);
    assert_int_equal(timesheet_count(store.sheet, 5, 2, SHIFT_TRANSFERRED, 0), 0);
    commit(&store);
    const struct shift *shift = &find(&store, 5, 0)->shift;
    assert_int_equal(shift_logged_in_ms(shift), 630);
    assert_int_equal(shift->state_ms[SHIFT_WRAP], 120);
    assert_int_equal(shift->wrap_by_reason_ms, 80);
    assert_int_equal(shift->reason_count, 2);
    assert_int_equal(shift->reasons[0].paused_ms, 320);
    assert_int_equal(shift->reasons[1].paused_ms, 160);
    assert_int_equal(shift->queue_count, 2);
    assert_int_equal(shift->queues[0].ring_ms, 10);
    assert_int_equal(shift->queues[0].hold_ms, 20);
    assert_int_equal(shift->queues[0].logged_in_ms, 600);
    assert_int_equal(shift->queues[0].count[SHIFT_ANSWERED], 1);
    assert_int_equal(shift->queues[0].count[SHIFT_TRANSFERRED], 1);
    assert_int_equal(shift->queues[1].paused_ms, 500);
    assert_int_equal(find(&store, 5, 900)->shift.queues[0].count[SHIFT_ANSWERED], 1);
    end(&store);
}

static void only_the_end_of_an_absurd_span_counts(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 3600);
    int64_t to_ms = INT64_C(1795284000000);
    assert_int_equal(state(&store, SHIFT_READY, 0, 1, to_ms), 0);
    assert_int_equal(timesheet_dirty_count(store.sheet), 7 * 24);
    commit(&store);
    uint64_t sum_ms = 0;
    for (size_t i = 0; i < store.count; i++) {
        sum_ms += shift_logged_in_ms(&store.items[i].shift);
    }
    assert_int_equal(sum_ms, TIMESHEET_SPAN_MAX_MS);
    assert_int_equal(state(&store, SHIFT_READY, 0, 5000, 5000), 0);
    assert_int_equal(state(&store, SHIFT_READY, 0, 5000, 4000), 0);
    assert_int_equal(state(&store, SHIFT_READY, 0, -9000, -1), 0);
    assert_int_equal(timesheet_count(store.sheet, 1, 1, SHIFT_ENDED, -1), 0);
    assert_int_equal(timesheet_dirty_count(store.sheet), 0);
    assert_int_equal(state(&store, SHIFT_READY, 0, -5000, 20), 0);
    assert_int_equal(timesheet_dirty_count(store.sheet), 1);
    end(&store);
}

/* The same time told twice, by an agent that was started again after its clock was set back. */
static void an_interval_never_holds_more_than_its_length(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 900);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(state(&store, SHIFT_READY, 0, 0, 500000), 0);
        assert_int_equal(timesheet_member(store.sheet, 1, 4, false, 0, 500000), 0);
    }
    assert_int_equal(timesheet_state(store.sheet, 1, SHIFT_PAUSED, 0, 1, false, 0, 10), 0);
    commit(&store);
    const struct shift *shift = &find(&store, 1, 0)->shift;
    assert_int_equal(shift_logged_in_ms(shift), 900000);
    assert_int_equal(shift->queues[0].logged_in_ms, 900000);
    assert_int_equal(shift->reasons[0].paused_ms, 0);
    end(&store);
}

static void a_failed_load_counts_nothing(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 900);
    store.load_fails = STATUS_IO;
    assert_int_equal(state(&store, SHIFT_READY, 0, 0, 1000), STATUS_IO);
    assert_int_equal(timesheet_count(store.sheet, 1, 1, SHIFT_ENDED, 5), STATUS_IO);
    store.load_fails = 0;
    assert_int_equal(state(&store, SHIFT_READY, 0, 0, 1000), 0);
    store.load_fails = STATUS_IO;
    assert_int_equal(state(&store, SHIFT_READY, 0, 1000, 901000), STATUS_IO); /* half of it could have been */
    store.load_fails = 0;
    commit(&store);
    assert_int_equal(shift_logged_in_ms(&find(&store, 1, 0)->shift), 1000);
    assert_null(find(&store, 1, 900));
    end(&store);
}

static void a_failed_save_is_tried_again(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 900);
    assert_int_equal(state(&store, SHIFT_READY, 0, 0, 2000000), 0);
    store.put_fails = STATUS_FULL;
    assert_int_equal(timesheet_save(store.sheet, put, &store), STATUS_FULL);
    assert_int_equal(timesheet_dirty_count(store.sheet), 3);
    store.put_fails = 0;
    commit(&store);
    assert_int_equal(store.put, 3);
    commit(&store);
    assert_int_equal(store.put, 3); /* nothing changed since */
    end(&store);
}

static int in_order(void *ctx, const struct timesheet_item *item)
{
    struct timesheet_item *last = ctx;
    assert_true(item->start_s > last->start_s ||
                (item->start_s == last->start_s && item->operator_id > last->operator_id));
    *last = *item;
    return 0;
}

static void they_are_saved_in_order_and_old_ones_leave(void **unused)
{
    (void)unused;
    struct store store;
    begin(&store, 900);
    for (int64_t n = 0; n < 200; n++) {
        for (uint32_t id = 300; id > 0; id--) {
            assert_int_equal(timesheet_state(store.sheet, id, SHIFT_READY, 0, 0, false, n * 300000, (n + 1) * 300000),
                             0);
        }
        struct timesheet_item last = {.start_s = -1};
        assert_int_equal(timesheet_save(store.sheet, in_order, &last), 0);
        timesheet_saved(store.sheet);
    }
    size_t loads = store.loads;
    assert_int_equal(loads, 67 * 300); /* each once: those that are worked on stay */
    assert_int_equal(state(&store, SHIFT_READY, 0, 0, 1), 0);
    assert_int_equal(store.loads, loads + 1); /* and an old one is read again */
    end(&store);
}

/* Spans in any order and of any interval, with restarts in between: all of the time, to the millisecond. */
static void random_spans_add_up(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng rng = {seed};
        static const int64_t lengths_s[] = {60, 300, 900, 1800, 3600, 7};
        struct store store;
        int64_t interval_s = lengths_s[rng_below(&rng, 6)];
        begin(&store, interval_s);
        uint64_t sums[4][SHIFT_STATE_COUNT] = {{0}};
        int64_t now_ms[4];
        for (int i = 0; i < 4; i++) {
            now_ms[i] = rng_between(&rng, 0, 9999999);
        }
        for (int i = 0; i < 120; i++) {
            uint32_t id = (uint32_t)rng_below(&rng, 4);
            enum shift_state what = (enum shift_state)rng_below(&rng, SHIFT_STATE_COUNT);
            int64_t long_ms = rng_between(&rng, 1, rng_chance(&rng, 80) ? 20000 : 3000 * interval_s);
            assert_int_equal(timesheet_state(store.sheet, id, what, 3, 4, true, now_ms[id], now_ms[id] + long_ms), 0);
            sums[id][what] += (uint64_t)long_ms;
            now_ms[id] += long_ms + (rng_chance(&rng, 10) ? rng_between(&rng, 0, 100000) : 0);
            if (rng_chance(&rng, 20)) {
                commit(&store);
            }
            if (rng_chance(&rng, 5)) {
                commit(&store);
                timesheet_free(store.sheet);
                open_sheet(&store, interval_s);
            }
        }
        commit(&store);
        for (size_t i = 0; i < store.count; i++) {
            const struct shift *shift = &store.items[i].shift;
            assert_true(shift_logged_in_ms(shift) <= (uint64_t)interval_s * 1000);
            for (int k = 0; k < SHIFT_STATE_COUNT; k++) {
                sums[store.items[i].operator_id][k] -= shift->state_ms[k];
            }
        }
        static const uint64_t zero[4][SHIFT_STATE_COUNT];
        assert_memory_equal(sums, zero, sizeof zero);
        end(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_cut_at_the_edges),
        cmocka_unit_test(each_kind_counts_where_it_belongs),
        cmocka_unit_test(only_the_end_of_an_absurd_span_counts),
        cmocka_unit_test(an_interval_never_holds_more_than_its_length),
        cmocka_unit_test(a_failed_load_counts_nothing),
        cmocka_unit_test(a_failed_save_is_tried_again),
        cmocka_unit_test(they_are_saved_in_order_and_old_ones_leave),
        cmocka_unit_test(random_spans_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
