#include "proto/measures.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void add(struct summary *sum, enum duration_kind kind, int64_t wait_s, int times)
{
    for (int i = 0; i < times; i++) {
        assert_int_equal(summary_add_duration(sum, kind, wait_s * 1000), 0);
    }
}

/* A = 10, At = 7, B = 6, Bt = 4, S = 2 (5 s), X = 3, Xt = 1, K = 2, Kt = 1, N = 25; T = 20 s. */
static struct summary example(void)
{
    struct summary sum = {0};
    sum.flow[FLOW_ENTERED] = 25;
    sum.flow[FLOW_ABANDONED] = 6;
    add(&sum, DURATION_WAIT_ANSWERED, 3, 5);
    add(&sum, DURATION_WAIT_ANSWERED, 20, 2);
    add(&sum, DURATION_WAIT_ANSWERED, 21, 3);
    add(&sum, DURATION_WAIT_ABANDONED, 5, 2);
    add(&sum, DURATION_WAIT_ABANDONED, 6, 2);
    add(&sum, DURATION_WAIT_ABANDONED, 60, 2);
    add(&sum, DURATION_WAIT_EXIT, 10, 1);
    add(&sum, DURATION_WAIT_EXIT, 120, 2);
    add(&sum, DURATION_WAIT_KEY, 20, 1);
    add(&sum, DURATION_WAIT_KEY, 40, 1);
    return sum;
}

static void assert_level(const struct summary *sum, enum sl_method method, int above, int below)
{
    double got = -1;
    assert_true(measures_service_level(sum, method, 20000, 5000, &got));
    double want = (double)above / below;
    if (got < want - 1e-12 || got > want + 1e-12) {
        fail_msg("%s: %.9f, not %d/%d", measures_sl_name(method), got, above, below);
    }
}

static void each_method_follows_its_formula(void **state)
{
    (void)state;
    struct summary sum = example();
    assert_level(&sum, SL_ASTERISK_SL, 7, 10);
    assert_level(&sum, SL_ASTERISK_SL2, 7 + 4 + 1, 10 + 6 + 3);
    assert_level(&sum, SL_AMAZON, 7 + 4, 25);
    assert_level(&sum, SL_GENESYS, 7, 16);
    assert_level(&sum, SL_GENESYS_FLOW_OUTS, 7, 21);
    assert_level(&sum, SL_GENESYS_NO_SHORT, 7, 14);
    assert_level(&sum, SL_GENESYS_FLOW_OUTS_NO_SHORT, 7, 19);
    assert_level(&sum, SL_GENESYS_NO_ABANDONS, 7, 10);
    assert_level(&sum, SL_GENESYS_FLOW_OUTS_NO_ABANDONS, 7, 15);
    assert_level(&sum, SL_UCCE_IGNORE, 7, 10 + 4 + 3 - 2);
    assert_level(&sum, SL_UCCE_NEGATIVE, 7, 10 + 4 + 3);
    assert_level(&sum, SL_UCCE_POSITIVE, 7 + 2, 10 + 4 + 3);
    assert_level(&sum, SL_UCCX_HANDLED, 7, 10);
    assert_level(&sum, SL_UCCX_WITHOUT_ABANDON, 7, 25 - 4);
    assert_level(&sum, SL_UCCX_POSITIVE, 7 + 4, 25);
    assert_level(&sum, SL_UCCX_NEGATIVE, 7, 25);
    assert_level(&sum, SL_WAZO_QOS, 7, 10);
    assert_level(&sum, SL_VICIDIAL_TMA, 7, 10);
    assert_level(&sum, SL_NEWVOICEMEDIA, 7, 10 + 6 + 2);
    summary_deinit(&sum);
}

/* A short threshold beyond T: every abandon within T is short, none is left to be credited or taken off. */
static void ucce_credits_no_negative_abandons(void **state)
{
    (void)state;
    struct summary sum = example();
    double ignore = -1;
    double positive = -1;
    assert_true(measures_service_level(&sum, SL_UCCE_IGNORE, 5000, 30000, &ignore));
    assert_true(measures_service_level(&sum, SL_UCCE_POSITIVE, 5000, 30000, &positive));
    assert_true(ignore == 5.0 / (10 + 2 + 5));
    assert_true(positive == ignore);
    summary_deinit(&sum);
}

static void nothing_below_the_line_is_absent(void **state)
{
    (void)state;
    struct summary sum = {0};
    double out = 42;
    for (int i = 0; i < SL_METHOD_COUNT; i++) {
        assert_false(measures_service_level(&sum, (enum sl_method)i, 20000, 5000, &out));
    }
    /* The door closed before anyone was counted in: N - Bt would be negative. */
    add(&sum, DURATION_WAIT_ABANDONED, 1, 2);
    sum.flow[FLOW_ENTERED] = 1;
    assert_false(measures_service_level(&sum, SL_UCCX_WITHOUT_ABANDON, 20000, 5000, &out));
    sum.flow[FLOW_ENTERED] = 0;
    assert_false(measures_service_level(&sum, SL_METHOD_COUNT, 20000, 5000, &out));
    assert_false(measures_abandon_rate(&sum, &out));
    assert_false(measures_mean_ms(&sum.duration[DURATION_TALK], &out));
    assert_true(out == 42);
    summary_deinit(&sum);
}

static void rates_and_means(void **state)
{
    (void)state;
    struct summary sum = example();
    double out = 0;
    assert_true(measures_abandon_rate(&sum, &out));
    assert_true(out == 6.0 / 25);
    assert_true(measures_mean_ms(&sum.duration[DURATION_WAIT_ANSWERED], &out));
    assert_true(out == (5 * 3 + 2 * 20 + 3 * 21) * 1000.0 / 10);
    assert_int_equal(measures_short_abandons(&sum, 4999), 0);
    assert_int_equal(measures_short_abandons(&sum, 5000), 2);
    assert_int_equal(measures_short_abandons(&sum, 6000), 4);
    summary_deinit(&sum);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < SL_METHOD_COUNT; i++) {
        assert_int_equal(measures_sl_find(measures_sl_name((enum sl_method)i)), i);
    }
    assert_int_equal(measures_sl_find("asterisk"), SL_METHOD_COUNT);
    assert_int_equal(measures_sl_find(""), SL_METHOD_COUNT);
    assert_int_equal(measures_sl_find("genesys_flow_outs_no_short"), SL_GENESYS_FLOW_OUTS_NO_SHORT);
    assert_string_equal(measures_sl_name(SL_METHOD_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_follows_its_formula),
        cmocka_unit_test(ucce_credits_no_negative_abandons),
        cmocka_unit_test(nothing_below_the_line_is_absent),
        cmocka_unit_test(rates_and_means),
        cmocka_unit_test(names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
