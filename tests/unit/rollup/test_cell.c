#include "collector/rollup/cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/support/rng.h"

enum { PARTS = 60 };

struct parts {
    struct summary sums[PARTS];
    struct cell_part parts[PARTS];
};

/* Some sparse and whole seconds, some dense and in milliseconds, some of counts that need more than a byte. */
static void random_summary(struct rng *rng, struct summary *out)
{
    uint64_t kind = rng_below(rng, 4);
    for (int i = 0; i < FLOW_COUNT; i++) {
        out->flow[i] = rng_chance(rng, 40) ? (uint32_t)rng_below(rng, kind == 3 ? UINT32_MAX : 30) : 0;
    }
    for (int i = 0; i < COHORT_COUNT; i++) {
        out->cohort[i] = rng_chance(rng, 40) ? (uint32_t)rng_below(rng, 200) : 0;
    }
    out->waiting_start = (uint32_t)rng_below(rng, 5);
    out->waiting_end = (uint32_t)rng_below(rng, 5);
    out->waiting_max = (uint32_t)rng_below(rng, 12);
    for (int i = 0; i < DURATION_COUNT; i++) {
        for (uint64_t left = rng_below(rng, kind == 2 ? 400 : 12); left > 0; left--) {
            int64_t value = kind == 2 ? (int64_t)rng_below(rng, 700) : (int64_t)rng_below(rng, 4000) * 1000;
            assert_int_equal(summary_add_duration(out, (enum duration_kind)i, value), 0);
        }
        if (kind == 3 && out->duration[i].hist.used > 0) {
            uint32_t more = (uint32_t)rng_below(rng, UINT32_MAX / 2);
            assert_int_equal(histogram_add(&out->duration[i].hist, out->duration[i].max_ms, more), 0);
        }
    }
}

static struct parts *make_parts(struct rng *rng)
{
    struct parts *parts = calloc(1, sizeof *parts);
    assert_non_null(parts);
    for (int i = 0; i < PARTS; i++) {
        random_summary(rng, &parts->sums[i]);
        parts->parts[i] = (struct cell_part){&parts->sums[i], rng_chance(rng, 30), rng_chance(rng, 30)};
    }
    return parts;
}

static void free_parts(struct parts *parts)
{
    for (int i = 0; i < PARTS; i++) {
        summary_deinit(&parts->sums[i]);
    }
    free(parts);
}

static struct cell *new_cell(void)
{
    struct cell *cell = NULL;
    assert_int_equal(cell_new(&cell), 0);
    return cell;
}

static void assert_same(const struct cell *a, const struct cell *b)
{
    struct buf left = BUF_INIT;
    struct buf right = BUF_INIT;
    cell_encode(a, &left);
    cell_encode(b, &right);
    assert_int_equal(left.len, right.len);
    assert_memory_equal(left.data, right.data, left.len);
    assert_int_equal(cell_check_encoded(buf_slice(&left)), 0);
    buf_deinit(&left);
    buf_deinit(&right);
}

static void raise_of(struct cell *cell, const struct parts *parts, const bool *in)
{
    cell_drop_maxima(cell);
    for (int i = 0; i < PARTS; i++) {
        if (in[i]) {
            cell_raise_maxima(cell, &parts->sums[i]);
        }
    }
}

/* Adds and takes away in any order; what is left has the bytes of a clean sum, once the maxima are raised anew. */
static void any_order_leaves_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rng rng = {seed};
        struct parts *parts = make_parts(&rng);
        struct cell *cell = new_cell();
        struct cell *clean = new_cell();
        bool in[PARTS] = {false};
        bool fell = false;
        for (int step = 0; step < 600; step++) {
            size_t i = (size_t)rng_below(&rng, PARTS);
            int status = in[i] ? cell_subtract(cell, &parts->parts[i]) : cell_add(cell, &parts->parts[i]);
            assert_true(status == 0 || (in[i] && status == CELL_MAXIMA));
            fell |= status == CELL_MAXIMA;
            in[i] = !in[i];
        }
        for (int i = 0; i < PARTS; i++) {
            assert_int_equal(in[i] ? cell_add(clean, &parts->parts[i]) : 0, 0);
        }
        assert_true(fell);
        raise_of(cell, parts, in);
        assert_same(cell, clean);
        for (int i = 0; i < PARTS; i++) {
            assert_true(!in[i] || cell_subtract(cell, &parts->parts[i]) >= 0);
        }
        cell_clear(clean);
        assert_true(cell_is_empty(cell));
        assert_same(cell, clean);
        cell_free(cell);
        cell_free(clean);
        free_parts(parts);
    }
}

/* Without CELL_MAXIMA the maxima are those of what is left. */
static void maxima_are_exact_unless_it_is_said(void **state)
{
    (void)state;
    struct rng rng = {5};
    struct parts *parts = make_parts(&rng);
    for (int round = 0; round < 200; round++) {
        struct cell *cell = new_cell();
        bool in[PARTS] = {false};
        for (int i = 0; i < 6; i++) {
            size_t at = (size_t)rng_below(&rng, PARTS);
            assert_int_equal(in[at] ? 0 : cell_add(cell, &parts->parts[at]), 0);
            in[at] = true;
        }
        size_t out = (size_t)rng_below(&rng, PARTS);
        if (in[out] && cell_subtract(cell, &parts->parts[out]) == 0) {
            struct cell_maxima left;
            struct cell_maxima exact;
            in[out] = false;
            cell_maxima(cell, &left);
            raise_of(cell, parts, in);
            cell_maxima(cell, &exact);
            assert_memory_equal(&left, &exact, sizeof left);
        }
        cell_free(cell);
    }
    free_parts(parts);
}

static void merging_cells_is_adding_their_parts(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed < 30; seed++) {
        struct rng rng = {seed};
        struct parts *parts = make_parts(&rng);
        struct cell *whole = new_cell();
        struct cell *dense = new_cell();
        struct cell *stored = new_cell();
        struct cell *piece = new_cell();
        struct buf form = BUF_INIT;
        for (int i = 0; i < PARTS;) {
            cell_clear(piece);
            for (uint64_t left = 1 + rng_below(&rng, 9); left > 0 && i < PARTS; left--, i++) {
                assert_int_equal(cell_add(piece, &parts->parts[i]), 0);
                assert_int_equal(cell_add(whole, &parts->parts[i]), 0);
            }
            buf_reset(&form);
            cell_encode(piece, &form);
            assert_int_equal(cell_merge(dense, piece, true), 0);
            assert_int_equal(cell_merge_encoded(stored, buf_slice(&form), true), 0);
        }
        assert_same(dense, whole);
        assert_same(stored, whole);
        assert_true(cell_subtract_encoded(whole, buf_slice(&form), true) >= 0);
        assert_true(cell_subtract_encoded(dense, buf_slice(&form), true) >= 0);
        assert_same(dense, whole);
        uint64_t start = 0;
        uint64_t end = 0;
        struct cell_facts facts;
        cell_facts(piece, &facts);
        assert_int_equal(cell_edges_encoded(buf_slice(&form), &start, &end), 0);
        assert_true(start == facts.waiting_start && end == facts.waiting_end);
        cell_free(whole);
        cell_free(dense);
        cell_free(stored);
        cell_free(piece);
        buf_deinit(&form);
        free_parts(parts);
    }
}

/* So that the sum of all fits a summary. */
static bool is_small(const struct summary *sum)
{
    bool small = true;
    for (int k = 0; k < FLOW_COUNT; k++) {
        small &= sum->flow[k] < 1000;
    }
    for (int k = 0; k < DURATION_COUNT; k++) {
        small &= sum->duration[k].hist.total < 100000;
    }
    return small;
}

/* Of a stored form only some histograms: the rest is as it would be without them. */
static void some_durations_are_merged_alone(void **state)
{
    (void)state;
    const unsigned wanted = 1U << DURATION_WAIT_ANSWERED | 1U << DURATION_WAIT_ABANDONED;
    struct rng rng = {31};
    struct parts *parts = make_parts(&rng);
    struct cell *whole = new_cell();
    struct cell *some = new_cell();
    struct summary all = {0};
    struct summary few = {0};
    struct buf form = BUF_INIT;
    for (int i = 0; i < PARTS; i++) {
        const struct cell_part part = {&parts->sums[i], true, true};
        if (is_small(part.sum)) {
            assert_int_equal(cell_add(whole, &part), 0);
        }
    }
    cell_encode(whole, &form);
    assert_int_equal(cell_merge_encoded_some(some, buf_slice(&form), true, wanted), 0);
    assert_int_equal(cell_summary(whole, &all), 0);
    assert_int_equal(cell_summary(some, &few), 0);
    assert_memory_equal(all.flow, few.flow, sizeof all.flow);
    assert_memory_equal(all.cohort, few.cohort, sizeof all.cohort);
    assert_int_equal(all.waiting_end, few.waiting_end);
    for (int i = 0; i < DURATION_COUNT; i++) {
        assert_int_equal(all.duration[i].sum_ms, few.duration[i].sum_ms);
        assert_int_equal(all.duration[i].max_ms, few.duration[i].max_ms);
        assert_true(wanted >> i & 1 ? histogram_equal(&all.duration[i].hist, &few.duration[i].hist)
                                    : few.duration[i].hist.total == 0);
    }
    summary_deinit(&all);
    summary_deinit(&few);
    cell_free(whole);
    cell_free(some);
    buf_deinit(&form);
    free_parts(parts);
}

/* The dense form against summary_merge: counters, sums, histograms, maxima of durations. */
static void a_cell_is_the_merged_summary(void **state)
{
    (void)state;
    struct rng rng = {42};
    struct parts *parts = make_parts(&rng);
    struct cell *cell = new_cell();
    struct summary merged = {0};
    struct summary found = {0};
    for (int i = 0; i < PARTS; i++) {
        struct summary *sum = &parts->sums[i];
        if (is_small(sum)) {
            struct cell_part part = {sum, true, true};
            assert_int_equal(cell_add(cell, &part), 0);
            assert_int_equal(summary_merge(&merged, sum), 0);
        }
    }
    assert_int_equal(cell_summary(cell, &found), 0);
    assert_memory_equal(found.flow, merged.flow, sizeof found.flow);
    assert_memory_equal(found.cohort, merged.cohort, sizeof found.cohort);
    assert_int_equal(found.waiting_start, merged.waiting_start);
    for (int i = 0; i < DURATION_COUNT; i++) {
        assert_true(found.duration[i].sum_ms == merged.duration[i].sum_ms);
        assert_int_equal(found.duration[i].max_ms, merged.duration[i].max_ms);
        assert_true(histogram_equal(&found.duration[i].hist, &merged.duration[i].hist));
        assert_true(found.duration[i].hist.total == merged.duration[i].hist.total);
    }
    summary_deinit(&merged);
    summary_deinit(&found);
    cell_free(cell);
    free_parts(parts);
}

static void worked_example_is_right(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x01, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x01, 0x05,
                                       0x01, 0x01, 0x02, 0xd0, 0x0f, 0xd0, 0x0f, 0x04, 0x98, 0x11};
    struct summary sum = {.waiting_max = 1};
    sum.flow[FLOW_ENTERED] = sum.flow[FLOW_ABANDONED] = 1;
    sum.cohort[COHORT_ENTERED] = sum.cohort[COHORT_ABANDONED] = 1;
    assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ABANDONED, 2000), 0);
    struct cell *cell = new_cell();
    struct cell_part part = {&sum, false, false};
    assert_int_equal(cell_add(cell, &part), 0);
    struct buf form = BUF_INIT;
    cell_encode(cell, &form);
    assert_int_equal(form.len, sizeof expected);
    assert_memory_equal(form.data, expected, sizeof expected);
    buf_deinit(&form);
    cell_free(cell);
    summary_deinit(&sum);
}

static void more_than_there_is_is_refused(void **state)
{
    (void)state;
    struct rng rng = {77};
    struct parts *parts = make_parts(&rng);
    struct cell *cell = new_cell();
    struct buf form = BUF_INIT;
    assert_int_equal(cell_subtract(cell, &parts->parts[0]), STATUS_RANGE);
    cell_clear(cell);
    assert_int_equal(cell_add(cell, &parts->parts[1]), 0);
    assert_int_equal(cell_add(cell, &parts->parts[2]), 0);
    cell_encode(cell, &form);
    cell_clear(cell);
    assert_int_equal(cell_add(cell, &parts->parts[1]), 0);
    assert_int_equal(cell_subtract_encoded(cell, buf_slice(&form), true), STATUS_RANGE);
    cell_clear(cell);
    assert_true(cell_is_empty(cell));
    buf_deinit(&form);
    cell_free(cell);
    free_parts(parts);
}

/* Any bytes: a status, no harm, and clearing makes it as new. */
static void damaged_forms_are_refused(void **state)
{
    (void)state;
    struct rng rng = {9};
    struct parts *parts = make_parts(&rng);
    struct cell *cell = new_cell();
    struct cell *empty = new_cell();
    struct buf form = BUF_INIT;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(cell_add(cell, &parts->parts[i]), 0);
    }
    cell_encode(cell, &form);
    cell_clear(cell);
    for (size_t len = 0; len < form.len; len += 1 + len / 40) {
        char *cut = malloc(len + 1); /* so that the sanitizer sees a look behind its end */
        assert_non_null(cut);
        memcpy(cut, form.data, len);
        assert_int_equal(cell_merge_encoded(cell, slice_make(cut, len), true), STATUS_CORRUPT);
        cell_clear(cell);
        free(cut);
    }
    for (int round = 0; round < 3000; round++) {
        size_t at = (size_t)rng_below(&rng, form.len);
        uint8_t was = form.data[at];
        form.data[at] = (uint8_t)rng_next(&rng);
        int status = cell_merge_encoded(cell, buf_slice(&form), true);
        assert_true(status <= 0);
        assert_true(status != 0 || cell_check_encoded(buf_slice(&form)) == 0);
        if (round % 2 == 0) {
            (void)cell_subtract_encoded(cell, buf_slice(&form), true);
        }
        cell_clear(cell);
        form.data[at] = was;
    }
    assert_same(cell, empty);
    form.data[0] = 2;
    assert_int_equal(cell_merge_encoded(cell, buf_slice(&form), true), STATUS_VERSION);
    buf_deinit(&form);
    cell_free(cell);
    cell_free(empty);
    free_parts(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example_is_right),
        cmocka_unit_test(any_order_leaves_the_same_bytes),
        cmocka_unit_test(maxima_are_exact_unless_it_is_said),
        cmocka_unit_test(merging_cells_is_adding_their_parts),
        cmocka_unit_test(some_durations_are_merged_alone),
        cmocka_unit_test(a_cell_is_the_merged_summary),
        cmocka_unit_test(more_than_there_is_is_refused),
        cmocka_unit_test(damaged_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
