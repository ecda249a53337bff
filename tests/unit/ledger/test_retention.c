#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "tests/unit/ledger/kit.h"

static struct ledger *open_keeping(int64_t legs_keep_ms, int64_t intervals_keep_ms)
{
    struct ledger_options options = kit_options(UINT64_C(16) << 20);
    options.legs_keep_ms = legs_keep_ms;
    options.intervals_keep_ms = intervals_keep_ms;
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open_writer(&options, &ledger), 0);
    return ledger;
}

struct ends {
    int64_t oldest_ms;
    uint64_t newer; /* ended at or after `from_ms` */
    int64_t from_ms;
};

static int see_end(void *ctx, const struct call_leg *leg)
{
    struct ends *ends = ctx;
    ends->oldest_ms = leg->end_ms < ends->oldest_ms ? leg->end_ms : ends->oldest_ms;
    ends->newer += leg->end_ms >= ends->from_ms;
    return 0;
}

static struct ends see_ends(struct ledger *ledger, int64_t from_ms)
{
    struct ends ends = {.oldest_ms = INT64_MAX, .from_ms = from_ms};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_closed_legs(view, 0, INT64_MAX, see_end, &ends, NULL), 0);
    ledger_view_end(view);
    return ends;
}

static void legs_go_after_their_time_and_not_before(void **state)
{
    (void)state;
    const int64_t day_ms = KIT_DAY_MS;
    const int64_t paces_ms[] = {day_ms / 400, day_ms / 20, 3 * day_ms}; /* a busy site, a quiet one, a silent one */
    for (size_t i = 0; i < 3; i++) {
        struct rng rng = {i + 1};
        uint64_t seq = 0;
        struct ledger *ledger = open_keeping(90 * day_ms, 0);
        int64_t end_ms = KIT_NOW_MS + 150 * day_ms;
        for (int64_t at_ms = KIT_NOW_MS; at_ms < end_ms; at_ms += 15 * day_ms) {
            kit_add_span(ledger, &rng, &seq, at_ms, at_ms + 15 * day_ms, paces_ms[i]);
            int64_t now_ms = at_ms + 15 * day_ms;
            kit_tend(ledger, now_ms, 1);
            int64_t keep_ms = now_ms - 90 * day_ms;
            struct ends ends = see_ends(ledger, keep_ms);
            assert_true(ends.oldest_ms >= keep_ms - 8 * day_ms);
            int64_t since_ms = keep_ms > KIT_NOW_MS ? keep_ms : KIT_NOW_MS;
            assert_true(ends.newer >= (uint64_t)((now_ms - since_ms) / paces_ms[i]));
            assert_int_equal(kit_check(ledger).facts.quality[QUALITY_SHED_LEGS], 0);
            ledger_close(ledger);
            ledger = open_keeping(90 * day_ms, 0);
        }
        kit_tend(ledger, end_ms + 80 * day_ms, 1);
        assert_true(kit_check(ledger).facts.leg_count > 0);
        kit_tend(ledger, end_ms + 91 * day_ms, 1); /* no call since: the last block goes as well */
        assert_int_equal(kit_check(ledger).facts.leg_count, 0);
        kit_add_span(ledger, &rng, &seq, end_ms, end_ms + 10 * day_ms, day_ms);
        assert_int_equal(kit_check(ledger).facts.leg_count, 10);
        ledger_close(ledger);
        temp_dir_clear(&kit_dir);
    }
}

static void imported_history_goes_after_its_time_too(void **state)
{
    (void)state;
    const int64_t day_ms = KIT_DAY_MS;
    struct rng rng = {4};
    uint64_t seq = 0;
    struct ledger *ledger = open_keeping(90 * day_ms, 0);
    kit_add_span(ledger, &rng, &seq, KIT_NOW_MS - 30 * day_ms, KIT_NOW_MS, day_ms / 3000);
    kit_add_span(ledger, &rng, &seq, KIT_NOW_MS - 300 * day_ms, KIT_NOW_MS - 30 * day_ms, day_ms / 100);
    ledger_close(ledger);
    ledger = open_keeping(90 * day_ms, 0);
    kit_tend(ledger, KIT_NOW_MS, 20); /* once a minute, each looks at some blocks */
    struct ends ends = see_ends(ledger, KIT_NOW_MS - 90 * day_ms);
    assert_true(ends.oldest_ms >= KIT_NOW_MS - 98 * day_ms);
    assert_int_equal(ends.newer, 30 * 3000 + 60 * 100);
    assert_int_equal(kit_check(ledger).facts.quality[QUALITY_SHED_LEGS], 0);
    ledger_close(ledger);
}

/* Where blocks are in order of time, a question about the newest calls does not look at the oldest block: damage there
 * goes unnoticed. Restarts in between change nothing of that. */
static void few_calls_in_many_days_are_still_in_order(void **state)
{
    (void)state;
    struct rng rng = {4};
    uint64_t seq = 0;
    int64_t at_ms = KIT_NOW_MS;
    struct ledger *ledger = kit_open(UINT64_C(4) << 20);
    for (unsigned i = 0; i < 60; i++, at_ms += INT64_C(20) * KIT_DAY_MS) {
        kit_add_span(ledger, &rng, &seq, at_ms, at_ms + INT64_C(20) * KIT_DAY_MS, KIT_DAY_MS / 2);
        ledger = kit_reopen(ledger, UINT64_C(4) << 20);
    }
    ledger_close(ledger);
    kit_put_raw("legs", slice_make("\0\0\0\0\0\0\0\1", 8), slice_str("damage"));
    ledger = kit_open_readonly();
    struct ledger_view *view = NULL;
    struct ends ends = {.oldest_ms = INT64_MAX};
    uint64_t bad = 0;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_closed_legs(view, at_ms - KIT_DAY_MS, at_ms, see_end, &ends, &bad), 0);
    assert_int_equal(ends.newer, 2);
    assert_int_equal(bad, 0);
    assert_int_equal(ledger_view_closed_legs(view, 0, at_ms, see_end, &ends, &bad), 0);
    assert_int_equal(bad, 1);
    ledger_view_end(view);
    ledger_close(ledger);
}

static int count_interval(void *ctx, const struct ledger_interval *item)
{
    struct ends *ends = ctx;
    ends->newer++;
    ends->oldest_ms = item->start_s * 1000 < ends->oldest_ms ? item->start_s * 1000 : ends->oldest_ms;
    return 0;
}

static void intervals_go_after_their_time(void **state)
{
    (void)state;
    const int64_t day_s = KIT_DAY_MS / 1000;
    const int64_t start_s = KIT_NOW_MS / 1000 / day_s * day_s;
    struct ledger *ledger = open_keeping(0, 30 * (int64_t)KIT_DAY_MS);
    struct rng rng = {2};
    struct summary sum = {0};
    for (int64_t i = 0; i < 60; i++) {
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        for (uint32_t queue = 1; queue <= 100; queue++) {
            kit_summary(&rng, 2, &sum);
            ledger_put_interval(ledger, queue, start_s + i * day_s, &sum);
        }
        assert_int_equal(ledger_end(ledger), 0);
    }
    summary_deinit(&sum);
    kit_tend(ledger, (start_s + 60 * day_s) * 1000, 1);
    assert_int_equal(kit_check(ledger).facts.interval_count, 30 * 100);
    struct ends ends = {.oldest_ms = INT64_MAX};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_intervals(view, 0, INT64_MAX, count_interval, &ends, NULL), 0);
    ledger_view_end(view);
    assert_int_equal(ends.newer, 30 * 100);
    assert_true(ends.oldest_ms == (start_s + 30 * day_s) * 1000);
    assert_int_equal(kit_check(ledger).facts.quality[QUALITY_SHED_INTERVALS], 0);
    struct ledger_check_result check = kit_check(ledger).check;
    /* an interval and its dirty mark go together: beside both, meta's three records */
    assert_int_equal(check.records, 2 * 30 * 100 + 3);
    ledger_close(ledger);
}

static int count_gap(void *ctx, const struct ledger_gap *gap)
{
    struct ends *ends = ctx;
    ends->newer++;
    ends->oldest_ms = gap->from_ms < ends->oldest_ms ? gap->from_ms : ends->oldest_ms;
    return 0;
}

static void gaps_go_with_their_intervals(void **state)
{
    (void)state;
    const int64_t day_s = KIT_DAY_MS / 1000;
    const int64_t start_s = KIT_NOW_MS / 1000 / day_s * day_s;
    struct ledger *ledger = open_keeping(0, 30 * (int64_t)KIT_DAY_MS);
    struct rng rng = {3};
    struct summary sum = {0};
    kit_summary(&rng, 2, &sum);
    for (int64_t i = 0; i < 60; i++) {
        struct ledger_gap gap = {.from_ms = (start_s + i * day_s) * 1000, .reason = "test"};
        gap.to_ms = gap.from_ms + 1000;
        assert_int_equal(ledger_begin(ledger, KIT_NOW_MS), 0);
        ledger_put_interval(ledger, 1, start_s + i * day_s, &sum);
        ledger_add_gap(ledger, &gap);
        assert_int_equal(ledger_end(ledger), 0);
    }
    summary_deinit(&sum);
    kit_tend(ledger, (start_s + 60 * day_s) * 1000, 1);
    struct ends ends = {.oldest_ms = INT64_MAX};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(ledger, &view), 0);
    assert_int_equal(ledger_view_gaps(view, count_gap, &ends), 0);
    ledger_view_end(view);
    assert_int_equal(ends.newer, 30);
    assert_true(ends.oldest_ms == (start_s + 30 * day_s) * 1000);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(legs_go_after_their_time_and_not_before, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(imported_history_goes_after_its_time_too, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(few_calls_in_many_days_are_still_in_order, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(intervals_go_after_their_time, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(gaps_go_with_their_intervals, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
