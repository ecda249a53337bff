#include "proto/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"

/* xorshift64*: the same numbers in every run. */
static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

/* Spread over all magnitudes up to 6 days; often small whole seconds, as in a queue_log. */
static int64_t random_value(void)
{
    uint64_t r = random_next();
    if (r % 3 == 0) {
        return (int64_t)(random_next() % 600) * 1000;
    }
    return (int64_t)(random_next() % ((uint64_t)1 << (1 + r % 29)));
}

static struct histogram random_histogram(int values)
{
    struct histogram hist = {0};
    for (int i = 0; i < values; i++) {
        assert_int_equal(histogram_add(&hist, random_value(), 1 + (uint32_t)(random_next() % 3)), 0);
    }
    return hist;
}

static void assert_bytes(const struct histogram *hist, const void *bytes, size_t len)
{
    struct buf out = BUF_INIT;
    histogram_encode(hist, &out);
    assert_false(out.failed);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, bytes, len);
    buf_deinit(&out);
}

static void assert_same_bytes(const struct histogram *a, const struct histogram *b)
{
    struct buf out = BUF_INIT;
    histogram_encode(b, &out);
    assert_bytes(a, out.data, out.len);
    buf_deinit(&out);
    assert_true(histogram_equal(a, b));
    assert_int_equal(a->total, b->total);
}

static int decode(const void *bytes, size_t len)
{
    struct histogram hist = {0};
    struct wire_reader reader = wire_reader_make(bytes, len);
    int status = histogram_decode(&hist, &reader);
    if (status != 0) {
        assert_int_equal(hist.used, 0);
        assert_int_equal(hist.total, 0);
    }
    histogram_deinit(&hist);
    return status;
}

/* The definition in words, searched for by trying: the smallest m * 10^e >= v with 100 <= m <= 999. */
static int64_t upper_by_definition(int64_t v)
{
    if (v <= 999) {
        return v;
    }
    for (int64_t power = 10;; power *= 10) {
        if (v <= 999 * power) {
            int64_t m = v / power + (v % power != 0);
            return (m < 100 ? 100 : m) * power;
        }
    }
}

static void bins_follow_the_definition(void **state)
{
    (void)state;
    for (int64_t v = 0; v <= 1200000; v++) {
        assert_int_equal(histogram_bin_upper(histogram_bin_of(v)), upper_by_definition(v));
    }
    random_state = 1;
    for (int i = 0; i < 300000; i++) {
        int64_t v = (int64_t)(random_next() % 999000001);
        assert_int_equal(histogram_bin_upper(histogram_bin_of(v)), upper_by_definition(v));
    }
}

static void every_bin_holds_its_own_edge(void **state)
{
    (void)state;
    int64_t before = -1;
    for (uint32_t bin = 0; bin < HISTOGRAM_BINS; bin++) {
        int64_t upper = histogram_bin_upper(bin);
        assert_true(upper > before);
        assert_int_equal(histogram_bin_of(upper), bin);
        if (upper > 0) {
            assert_int_equal(histogram_bin_of(before + 1), bin);
        }
        before = upper;
    }
}

/* Each bin alone, twice over: from one above the edge before it to its own. */
static void sums_lie_between_what_the_bins_can_hold(void **state)
{
    (void)state;
    for (uint32_t bin = 0; bin < HISTOGRAM_BINS; bin++) {
        struct histogram hist = {0};
        double lowest_ms;
        double highest_ms;
        assert_int_equal(histogram_add(&hist, histogram_bin_upper(bin), 2), 0);
        histogram_sum_bounds(&hist, &lowest_ms, &highest_ms);
        assert_true(lowest_ms == 2.0 * (double)(bin == 0 ? 0 : histogram_bin_upper(bin - 1) + 1));
        assert_true(highest_ms == 2.0 * (double)histogram_bin_upper(bin));
        histogram_deinit(&hist);
    }
}

static void values_outside_the_bins_go_to_the_ends(void **state)
{
    (void)state;
    assert_int_equal(histogram_bin_of(-1), 0);
    assert_int_equal(histogram_bin_of(INT64_MIN), 0);
    assert_int_equal(histogram_bin_of(999000000), HISTOGRAM_BINS - 1);
    assert_int_equal(histogram_bin_of(999000001), HISTOGRAM_BINS - 1);
    assert_int_equal(histogram_bin_of(INT64_MAX), HISTOGRAM_BINS - 1);
    assert_int_equal(histogram_bin_upper(UINT32_MAX), 999000000);
}

static void encodes_the_worked_example(void **state)
{
    (void)state;
    struct histogram hist = {0};
    assert_int_equal(histogram_add(&hist, 5000, 2), 0);
    assert_int_equal(histogram_add(&hist, 2000, 1), 0);
    assert_int_equal(histogram_add(&hist, 5000, 1), 0);
    assert_int_equal(histogram_add(&hist, 7000, 0), 0);
    assert_bytes(&hist, "\x98\x11\xd7\x04\x03", 5);
    histogram_clear(&hist);
    assert_bytes(&hist, "", 0);
    histogram_deinit(&hist);
}

static void a_hundred_waits_take_the_promised_bytes(void **state)
{
    (void)state;
    random_state = 7;
    struct histogram fine = {0};
    struct histogram coarse = {0};
    for (int i = 0; i < 100; i++) {
        int64_t wait_ms = (int64_t)(random_next() % 60000 + random_next() % 60000) / 2;
        assert_int_equal(histogram_add(&fine, wait_ms, 1), 0);
        assert_int_equal(histogram_add(&coarse, wait_ms / 1000 * 1000, 1), 0);
    }
    struct buf out = BUF_INIT;
    histogram_encode(&fine, &out);
    assert_in_range(out.len, 80, 125);
    buf_reset(&out);
    histogram_encode(&coarse, &out);
    assert_in_range(out.len, 60, 110);
    buf_deinit(&out);
    histogram_deinit(&fine);
    histogram_deinit(&coarse);
}

static void decode_gives_back_what_was_encoded(void **state)
{
    (void)state;
    random_state = 2;
    for (int round = 0; round < 200; round++) {
        struct histogram hist = random_histogram(round);
        struct buf out = BUF_INIT;
        histogram_encode(&hist, &out);
        struct histogram back = random_histogram(5);
        struct wire_reader reader = wire_reader_make(out.data, out.len);
        assert_int_equal(histogram_decode(&back, &reader), 0);
        assert_same_bytes(&back, &hist);
        buf_deinit(&out);
        histogram_deinit(&back);
        histogram_deinit(&hist);
    }
}

static void a_full_histogram_round_trips(void **state)
{
    (void)state;
    struct histogram hist = {0};
    for (uint32_t bin = 0; bin < HISTOGRAM_BINS; bin++) {
        assert_int_equal(histogram_add(&hist, histogram_bin_upper(bin), UINT32_MAX), 0);
    }
    assert_int_equal(hist.total, (uint64_t)HISTOGRAM_BINS * UINT32_MAX);
    struct buf out = BUF_INIT;
    histogram_encode(&hist, &out);
    struct histogram back = {0};
    struct wire_reader reader = wire_reader_make(out.data, out.len);
    assert_int_equal(histogram_decode(&back, &reader), 0);
    assert_same_bytes(&back, &hist);
    buf_deinit(&out);
    histogram_deinit(&back);
    histogram_deinit(&hist);
}

static void decode_refuses_every_other_spelling(void **state)
{
    (void)state;
    assert_int_equal(decode("", 0), 0);
    assert_int_equal(decode("\x02", 1), 0);
    assert_int_equal(decode("\xfe\x63", 2), 0);                              /* the last bin, 6399 */
    assert_int_equal(decode("\x80\x64", 2), STATUS_INVALID);                 /* bin 6400 */
    assert_int_equal(decode("\xfe\x63\x00", 3), STATUS_INVALID);             /* a bin behind the last */
    assert_int_equal(decode("\x03\x00", 2), STATUS_INVALID);                 /* count 0 */
    assert_int_equal(decode("\x03\x01", 2), STATUS_INVALID);                 /* count 1 spelled out */
    assert_int_equal(decode("\x03", 1), STATUS_INVALID);                     /* the count is missing */
    assert_int_equal(decode("\x82\x00", 2), STATUS_INVALID);                 /* longer than needed */
    assert_int_equal(decode("\x03\x82\x00", 3), STATUS_INVALID);             /* the same in a count */
    assert_int_equal(decode("\x82", 1), STATUS_INVALID);                     /* ends within a varint */
    assert_int_equal(decode("\x03\xff\xff\xff\xff\x0f", 6), 0);              /* count 2^32 - 1 */
    assert_int_equal(decode("\x03\x80\x80\x80\x80\x10", 6), STATUS_INVALID); /* count 2^32 */
    assert_int_equal(decode("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10), STATUS_INVALID);
    assert_int_equal(decode("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), STATUS_INVALID);
}

static void merge_is_commutative_and_associative(void **state)
{
    (void)state;
    random_state = 3;
    for (int round = 0; round < 300; round++) {
        struct histogram a = random_histogram((int)(random_next() % 60));
        struct histogram b = random_histogram((int)(random_next() % 60));
        struct histogram c = random_histogram((int)(random_next() % 60));
        struct histogram left = {0};
        struct histogram right = {0};
        assert_int_equal(histogram_copy(&left, &a), 0);
        assert_int_equal(histogram_merge(&left, &b), 0);
        assert_int_equal(histogram_merge(&left, &c), 0);
        assert_int_equal(histogram_copy(&right, &c), 0);
        assert_int_equal(histogram_merge(&right, &b), 0);
        assert_int_equal(histogram_merge(&right, &a), 0);
        assert_same_bytes(&left, &right);
        assert_int_equal(left.total, a.total + b.total + c.total);

        assert_int_equal(histogram_subtract(&left, &b), 0);
        assert_int_equal(histogram_merge(&a, &c), 0);
        assert_same_bytes(&left, &a);
        assert_int_equal(histogram_subtract(&left, &a), 0);
        assert_bytes(&left, "", 0);
        histogram_deinit(&a);
        histogram_deinit(&b);
        histogram_deinit(&c);
        histogram_deinit(&left);
        histogram_deinit(&right);
    }
}

static void merge_and_subtract_take_themselves(void **state)
{
    (void)state;
    random_state = 4;
    struct histogram hist = random_histogram(40);
    uint64_t total = hist.total;
    assert_int_equal(histogram_copy(&hist, &hist), 0);
    assert_int_equal(histogram_merge(&hist, &hist), 0);
    assert_int_equal(hist.total, 2 * total);
    assert_int_equal(histogram_subtract(&hist, &hist), 0);
    assert_int_equal(hist.used, 0);
    assert_int_equal(hist.total, 0);
    histogram_deinit(&hist);
}

static void subtract_below_zero_changes_nothing(void **state)
{
    (void)state;
    struct histogram from = {0};
    struct histogram what = {0};
    struct histogram before = {0};
    assert_int_equal(histogram_add(&from, 1000, 2), 0);
    assert_int_equal(histogram_add(&from, 3000, 5), 0);
    assert_int_equal(histogram_copy(&before, &from), 0);
    assert_int_equal(histogram_add(&what, 1000, 1), 0);
    assert_int_equal(histogram_add(&what, 3000, 6), 0);
    assert_int_equal(histogram_subtract(&from, &what), STATUS_RANGE);
    assert_same_bytes(&from, &before);
    histogram_clear(&what);
    assert_int_equal(histogram_add(&what, 2000, 1), 0);
    assert_int_equal(histogram_subtract(&from, &what), STATUS_RANGE);
    assert_same_bytes(&from, &before);
    histogram_clear(&what);
    assert_int_equal(histogram_add(&what, 4000, 1), 0);
    assert_int_equal(histogram_subtract(&from, &what), STATUS_RANGE);
    assert_same_bytes(&from, &before);
    histogram_deinit(&from);
    histogram_deinit(&what);
    histogram_deinit(&before);
}

static void counts_past_32_bits_change_nothing(void **state)
{
    (void)state;
    struct histogram a = {0};
    struct histogram b = {0};
    assert_int_equal(histogram_add(&a, 1000, UINT32_MAX), 0);
    assert_int_equal(histogram_add(&a, 1000, 1), STATUS_RANGE);
    assert_int_equal(histogram_add(&b, 500, 1), 0);
    assert_int_equal(histogram_add(&b, 1000, 1), 0);
    assert_int_equal(histogram_merge(&a, &b), STATUS_RANGE);
    assert_int_equal(a.used, 1);
    assert_int_equal(a.total, UINT32_MAX);
    histogram_deinit(&a);
    histogram_deinit(&b);
}

static int compare_values(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void percentiles_are_never_below_and_at_most_one_percent_above(void **state)
{
    (void)state;
    enum { MOST = 400 };
    int64_t values[MOST];
    random_state = 5;
    for (int round = 0; round < 300; round++) {
        struct histogram hist = {0};
        size_t n = 1 + random_next() % MOST;
        for (size_t i = 0; i < n; i++) {
            values[i] = random_value();
            assert_int_equal(histogram_add(&hist, values[i], 1), 0);
        }
        qsort(values, n, sizeof values[0], compare_values);
        for (size_t percent = 1; percent <= 100; percent++) {
            int64_t truth = values[(percent * n + 99) / 100 - 1];
            int64_t got = histogram_percentile(&hist, (double)percent / 100);
            assert_true(got >= truth);
            assert_true(truth <= 999 ? got == truth : (got - truth) * 100 < truth);
        }
        histogram_deinit(&hist);
    }
}

static void percentile_takes_any_p(void **state)
{
    (void)state;
    struct histogram hist = {0};
    assert_int_equal(histogram_percentile(&hist, 0.5), -1);
    for (int64_t v = 1; v <= 100; v++) {
        assert_int_equal(histogram_add(&hist, v, 1), 0);
    }
    assert_int_equal(histogram_percentile(&hist, 0.07), 7); /* 0.07 * 100 > 7 in binary */
    assert_int_equal(histogram_percentile(&hist, 0.071), 8);
    assert_int_equal(histogram_percentile(&hist, 1e-9), 1);
    assert_int_equal(histogram_percentile(&hist, 0), 1);
    assert_int_equal(histogram_percentile(&hist, -1), 1);
    assert_int_equal(histogram_percentile(&hist, 0.0 / 0.0), 1);
    assert_int_equal(histogram_percentile(&hist, 1), 100);
    assert_int_equal(histogram_percentile(&hist, 2), 100);
    histogram_deinit(&hist);
}

static void thresholds_at_edges_are_exact(void **state)
{
    (void)state;
    enum { VALUES = 3000 };
    int64_t values[VALUES];
    struct histogram hist = {0};
    random_state = 6;
    for (int i = 0; i < VALUES; i++) {
        values[i] = (int64_t)(random_next() % (i % 2 ? 1000000 : 10000000));
        assert_int_equal(histogram_add(&hist, values[i], 1), 0);
    }
    qsort(values, VALUES, sizeof values[0], compare_values);
    uint64_t truth = 0;
    for (int64_t limit_s = 0; limit_s <= 9990; limit_s += limit_s < 999 ? 1 : limit_s == 999 ? 1 : 10) {
        while (truth < VALUES && values[truth] <= limit_s * 1000) {
            truth++;
        }
        assert_int_equal(histogram_count_within(&hist, limit_s * 1000), truth);
    }
    histogram_deinit(&hist);
}

static void thresholds_between_edges_never_overstate(void **state)
{
    (void)state;
    struct histogram hist = {0};
    assert_int_equal(histogram_add(&hist, 20010, 1), 0); /* in the bin that ends at 20100 */
    assert_int_equal(histogram_count_within(&hist, 20000), 0);
    assert_int_equal(histogram_count_within(&hist, 20050), 0);
    assert_int_equal(histogram_count_within(&hist, 20100), 1);
    assert_int_equal(histogram_count_within(&hist, INT64_MAX), 1);
    assert_int_equal(histogram_count_within(&hist, -1), 0);
    assert_int_equal(histogram_add(&hist, 0, 1), 0);
    assert_int_equal(histogram_count_within(&hist, 0), 1);
    histogram_deinit(&hist);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_follow_the_definition),
        cmocka_unit_test(every_bin_holds_its_own_edge),
        cmocka_unit_test(sums_lie_between_what_the_bins_can_hold),
        cmocka_unit_test(values_outside_the_bins_go_to_the_ends),
        cmocka_unit_test(encodes_the_worked_example),
        cmocka_unit_test(a_hundred_waits_take_the_promised_bytes),
        cmocka_unit_test(decode_gives_back_what_was_encoded),
        cmocka_unit_test(a_full_histogram_round_trips),
        cmocka_unit_test(decode_refuses_every_other_spelling),
        cmocka_unit_test(merge_is_commutative_and_associative),
        cmocka_unit_test(merge_and_subtract_take_themselves),
        cmocka_unit_test(subtract_below_zero_changes_nothing),
        cmocka_unit_test(counts_past_32_bits_change_nothing),
        cmocka_unit_test(percentiles_are_never_below_and_at_most_one_percent_above),
        cmocka_unit_test(percentile_takes_any_p),
        cmocka_unit_test(thresholds_at_edges_are_exact),
        cmocka_unit_test(thresholds_between_edges_never_overstate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
