#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "proto/summary.h"
#include "tests/unit/proto/random_summary.h"

enum { CASES = 400, KINDS = 3 };

static void assert_same(const struct summary *a, const struct summary *b)
{
    struct buf left = BUF_INIT;
    struct buf right = BUF_INIT;
    summary_encode(a, &left);
    summary_encode(b, &right);
    assert_int_equal(left.len, right.len);
    assert_memory_equal(left.data, right.data, left.len);
    for (int i = 0; i < DURATION_COUNT; i++) {
        assert_int_equal(a->duration[i].hist.total, b->duration[i].hist.total);
    }
    buf_deinit(&left);
    buf_deinit(&right);
}

static void merge(struct summary *into, const struct summary *from)
{
    assert_int_equal(summary_merge(into, from), 0);
}

static void copy(struct summary *into, const struct summary *from)
{
    assert_int_equal(summary_copy(into, from), 0);
}

static void deinit(struct summary *sums, int count)
{
    for (int i = 0; i < count; i++) {
        summary_deinit(&sums[i]);
    }
}

static void merge_is_commutative_and_associative(void **state)
{
    (void)state;
    struct summary part[KINDS] = {0};
    struct summary got[2] = {0};
    struct summary right = {0};
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct rng rng = {seed};
        for (int i = 0; i < KINDS; i++) {
            random_summary(&rng, false, &part[i]);
        }
        copy(&got[0], &part[0]);
        merge(&got[0], &part[1]);
        copy(&got[1], &part[1]);
        merge(&got[1], &part[0]);
        assert_same(&got[0], &got[1]);
        merge(&got[0], &part[2]); /* (a + b) + c */
        copy(&right, &part[1]);
        merge(&right, &part[2]);
        copy(&got[1], &part[0]);
        merge(&got[1], &right); /* a + (b + c) */
        assert_same(&got[0], &got[1]);
        summary_clear(&right);
        merge(&right, &got[0]);
        assert_same(&right, &got[0]); /* 0 + a */
    }
    deinit(part, KINDS);
    deinit(got, 2);
    summary_deinit(&right);
}

static void merge_adds_what_waits_and_its_peaks(void **state)
{
    (void)state;
    struct summary a = {.waiting_start = 1, .waiting_end = 2, .waiting_max = 5};
    struct summary b = {.waiting_start = 10, .waiting_end = 20, .waiting_max = 50};
    merge(&a, &b);
    assert_int_equal(a.waiting_start, 11);
    assert_int_equal(a.waiting_end, 22);
    assert_int_equal(a.waiting_max, 55);
    b.waiting_max = UINT32_MAX;
    assert_int_equal(summary_merge(&a, &b), STATUS_RANGE);
}

/* Everything of `b` but the maxima that are larger in it. */
static void assert_same_but_maxima(struct summary *a, const struct summary *b)
{
    for (int i = 0; i < DURATION_COUNT; i++) {
        struct duration_stat *stat = &a->duration[i];
        assert_true(stat->max_ms >= b->duration[i].max_ms);
        if (stat->hist.used > 0 && stat->hist.bins[stat->hist.used - 1].bin + 1 < HISTOGRAM_BINS) {
            assert_true(stat->max_ms <= histogram_bin_upper(stat->hist.bins[stat->hist.used - 1].bin));
        }
        stat->max_ms = b->duration[i].max_ms;
    }
    assert_same(a, b);
}

static void subtract_takes_away_what_merge_added(void **state)
{
    (void)state;
    struct summary part[2] = {0};
    struct summary sum = {0};
    int certain = 0;
    int uncertain = 0;
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct rng rng = {seed};
        random_summary(&rng, false, &part[0]);
        if (seed % 3 == 0) {
            summary_clear(&part[1]);
            part[1].flow[FLOW_ENTERED] = 1;
            assert_int_equal(summary_add_duration(&part[1], DURATION_TALK, (int64_t)rng_below(&rng, 30000)), 0);
        } else {
            random_summary(&rng, false, &part[1]);
        }
        copy(&sum, &part[0]);
        merge(&sum, &part[1]);
        int status = summary_subtract(&sum, &part[1]);
        if (status == 0) {
            assert_same(&sum, &part[0]);
            certain++;
        } else {
            assert_int_equal(status, SUMMARY_MAXIMA);
            assert_same_but_maxima(&sum, &part[0]);
            uncertain++;
        }
        status = summary_subtract(&sum, &part[0]);
        assert_true(status == 0);
        assert_true(summary_is_zero(&sum));
    }
    assert_true(certain > CASES / 10 && uncertain > CASES / 10);
    deinit(part, 2);
    summary_deinit(&sum);
}

static void nothing_changes_when_something_would_fall_below_zero(void **state)
{
    (void)state;
    struct summary part[2] = {0};
    struct summary before = {0};
    for (uint64_t seed = 0; seed < CASES; seed++) {
        struct rng rng = {seed};
        random_summary(&rng, false, &part[0]);
        copy(&part[1], &part[0]);
        struct duration_stat *last = &part[1].duration[DURATION_HANDLE];
        if (last->hist.used > 0) { /* only the last histogram does not have what is to be taken away */
            last->hist.bins[0].count++;
            last->hist.total++;
        } else {
            part[1].flow[seed % FLOW_COUNT]++;
        }
        copy(&before, &part[0]);
        int status = summary_subtract(&part[0], &part[1]);
        assert_int_equal(status, STATUS_RANGE);
        assert_same(&part[0], &before);
    }
    deinit(part, 2);
    summary_deinit(&before);
}

static void every_part_is_guarded(void **state)
{
    (void)state;
    struct summary zero = {0};
    struct summary one = {0};
    uint32_t *const counters[] = {&one.flow[FLOW_SUSPECT], &one.cohort[COHORT_LOST], &one.waiting_start,
                                  &one.waiting_end, &one.waiting_max};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        *counters[i] = 1;
        assert_int_equal(summary_subtract(&zero, &one), STATUS_RANGE);
        assert_true(summary_is_zero(&zero));
        *counters[i] = 0;
    }
    one.duration[DURATION_HOLD].sum_ms = 1;
    assert_int_equal(summary_subtract(&zero, &one), STATUS_RANGE);
    one.duration[DURATION_HOLD].sum_ms = 0;
    assert_int_equal(summary_subtract(&zero, &one), 0);
}

static void a_summary_less_itself_is_zero(void **state)
{
    (void)state;
    struct rng rng = {5};
    struct summary sum = {0};
    random_summary(&rng, false, &sum);
    assert_false(summary_is_zero(&sum));
    assert_int_equal(summary_subtract(&sum, &sum), 0);
    assert_true(summary_is_zero(&sum));
    summary_deinit(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_is_commutative_and_associative),
        cmocka_unit_test(merge_adds_what_waits_and_its_peaks),
        cmocka_unit_test(subtract_takes_away_what_merge_added),
        cmocka_unit_test(nothing_changes_when_something_would_fall_below_zero),
        cmocka_unit_test(every_part_is_guarded),
        cmocka_unit_test(a_summary_less_itself_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
