#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pipeline.h"
#include "tests/support/temp_dir.h"

#define T INT64_C(1795284660000) /* a minute's edge */

enum { GAPS = 64 };

static struct temp_dir dir;
static struct agent_config *config;
static struct pipeline *pipeline;
static struct ledger_gap gaps[GAPS];
static size_t gap_count;

static void open_again(int64_t now_ms)
{
    const struct pipeline_options options = {.config = config, .now_ms = now_ms, .live = true};
    pipeline_close(pipeline);
    pipeline = NULL;
    assert_int_equal(pipeline_open(&options, &pipeline), 0);
}

static int setup(void **state)
{
    (void)state;
    char text[512];
    temp_dir_make(&dir);
    (void)snprintf(text, sizeof text,
                   "site { id = \"s\" } ledger { dir = \"%s\" size_max = 16MiB interval = 1m }\n"
                   "source \"pbx\" { type = ami user = \"u\" secret_file = \"/nowhere\" }\n",
                   dir.path);
    return agent_config_parse("a.conf", slice_str(text), NULL, NULL, &config);
}

static int teardown(void **state)
{
    (void)state;
    pipeline_close(pipeline);
    pipeline = NULL;
    agent_config_free(config);
    temp_dir_remove(&dir);
    return 0;
}

static int keep_gap(void *ctx, const struct ledger_gap *gap)
{
    (void)ctx;
    assert_true(gap_count < GAPS);
    gaps[gap_count++] = *gap;
    return 0;
}

static void look_at_gaps(void)
{
    struct ledger_view *view;
    gap_count = 0;
    assert_int_equal(ledger_view_begin(pipeline_ledger(pipeline), &view), 0);
    assert_int_equal(ledger_view_gaps(view, keep_gap, NULL), 0);
    ledger_view_end(view);
}

static void seen_until(int64_t at_ms)
{
    open_again(T);
    assert_int_equal(pipeline_live_on(pipeline, T), 0);
    assert_int_equal(pipeline_live_tick(pipeline, at_ms, false), 0);
    assert_int_equal(pipeline_live_off(pipeline, at_ms), 0);
    assert_int_equal(pipeline_commit(pipeline, at_ms), 0);
}

static void an_outage_is_told_once_also_over_restarts(void **state)
{
    (void)state;
    seen_until(T + 10000);
    for (int64_t at_ms = T + 11000; at_ms < T + 400000; at_ms += 1000) {
        assert_int_equal(pipeline_live_tick(pipeline, at_ms, false), 0);
        if (at_ms % 7000 == 0) {
            assert_int_equal(pipeline_commit(pipeline, at_ms), 0);
        }
        if (at_ms % 50000 == 0) {
            open_again(at_ms); /* without a commit: killed */
        }
    }
    assert_int_equal(pipeline_live_on(pipeline, T + 400000), 0);
    assert_int_equal(pipeline_commit(pipeline, T + 400000), 0);
    look_at_gaps();
    int64_t told_ms = T + 10000;
    for (size_t i = 0; i < gap_count; i++) {
        assert_int_equal(gaps[i].from_ms, told_ms);
        told_ms = gaps[i].to_ms;
    }
    assert_int_equal(told_ms, T + 400000);
    assert_true(gap_count > 4);
}

static void nothing_of_an_outage_is_left_out_while_nothing_can_be_committed(void **state)
{
    (void)state;
    seen_until(T + 10000);
    for (int64_t at_ms = T + 11000; at_ms < T + 30 * 60000; at_ms += 1000) {
        assert_int_equal(pipeline_live_tick(pipeline, at_ms, false), 0);
    }
    assert_int_equal(pipeline_commit(pipeline, T + 30 * 60000), 0);
    assert_int_equal(pipeline_live_on(pipeline, T + 30 * 60000), 0);
    assert_int_equal(pipeline_commit(pipeline, T + 30 * 60000), 0);
    look_at_gaps();
    int64_t sum_ms = 0;
    for (size_t i = 0; i < gap_count; i++) {
        sum_ms += gaps[i].to_ms - gaps[i].from_ms;
    }
    assert_int_equal(sum_ms, 30 * 60000 - 10000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_outage_is_told_once_also_over_restarts),
        CASE(nothing_of_an_outage_is_left_out_while_nothing_can_be_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
