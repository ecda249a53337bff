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

/* ---- holds beside a log ---- */

static int setup_with_log(void **state)
{
    (void)state;
    char text[512];
    temp_dir_make(&dir);
    (void)snprintf(text, sizeof text,
                   "site { id = \"s\" } ledger { dir = \"%s\" size_max = 16MiB interval = 1m }\n"
                   "source \"log\" { path = /nowhere/queue_log }\n"
                   "source \"pbx\" { type = ami user = \"u\" secret_file = \"/nowhere\" }\n",
                   dir.path);
    return agent_config_parse("a.conf", slice_str(text), NULL, NULL, &config);
}

static void tell(enum event_kind kind, int64_t at_ms)
{
    const struct call_event event = {.kind = kind,
                                     .at_ms = at_ms,
                                     .call_id = slice_str("1.1"),
                                     .queue = slice_str("sales"),
                                     .operator_name = slice_str("Ana"),
                                     .wait_ms = EVENT_UNKNOWN,
                                     .talk_ms = EVENT_UNKNOWN,
                                     .ring_ms = EVENT_UNKNOWN};
    assert_int_equal(pipeline_live_put(pipeline, &event, at_ms), 0);
}

static void take_row(int64_t at_ms, const char *rest)
{
    char line[256] = "";
    int len = snprintf(line, sizeof line - 64, "%lld|1.1|sales|%s\n", (long long)(at_ms / 1000), rest);
    const struct follow_chunk chunk = {.bytes = slice_make(line, (size_t)len), .path = "/nowhere/queue_log"};
    assert_int_equal(pipeline_take(pipeline, "log", &chunk, at_ms + 7200000), 0);
}

struct holds {
    uint64_t sum_ms;
    uint64_t count;
};

static int add_holds(void *ctx, const struct ledger_interval *item)
{
    struct holds *holds = ctx;
    holds->sum_ms += item->summary->duration[DURATION_HOLD].sum_ms;
    holds->count += item->summary->duration[DURATION_HOLD].hist.total;
    return 0;
}

static void assert_holds(uint64_t count, uint64_t sum_ms)
{
    struct ledger_view *view;
    struct ledger_facts facts;
    struct holds holds = {0};
    assert_int_equal(pipeline_commit(pipeline, T + 7200000), 0);
    assert_int_equal(ledger_view_begin(pipeline_ledger(pipeline), &view), 0);
    assert_int_equal(ledger_view_intervals(view, 0, INT64_MAX, add_holds, &holds, NULL), 0);
    assert_int_equal(ledger_view_facts(view, &facts), 0);
    ledger_view_end(view);
    assert_int_equal(holds.count, count);
    assert_int_equal(holds.sum_ms, sum_ms);
    assert_int_equal(facts.quality[QUALITY_LATE_EVENTS], 0);
}

static void holds_of_a_call_that_the_log_tells_late(void **state)
{
    (void)state;
    open_again(T);
    assert_int_equal(pipeline_live_on(pipeline, T), 0);
    tell(EVENT_HOLD, T + 70000);
    tell(EVENT_UNHOLD, T + 74500);
    take_row(T + 1000, "NONE|ENTERQUEUE||555|1");
    take_row(T + 3000, "Ana|CONNECT|2|1.2|1");
    take_row(T + 20000, "NONE|PAUSE|late by a minute still");
    take_row(T + 90000, "Ana|COMPLETECALLER|2|87|1");
    assert_holds(1, 4500);
}

/* Nothing waits for the end of the call where the log already told so much. */
static void a_hold_that_came_before_the_answer_is_tracked_with_it(void **state)
{
    (void)state;
    open_again(T);
    assert_int_equal(pipeline_live_on(pipeline, T), 0);
    tell(EVENT_HOLD, T + 5000);
    tell(EVENT_UNHOLD, T + 6000);
    take_row(T + 1000, "NONE|ENTERQUEUE||555|1");
    take_row(T + 3000, "Ana|CONNECT|2|1.2|1");
    assert_holds(1, 1000);
}

static void a_hold_waits_a_quarter_of_an_hour_for_the_log(void **state)
{
    (void)state;
    open_again(T);
    assert_int_equal(pipeline_live_on(pipeline, T), 0);
    tell(EVENT_HOLD, T + 70000);
    tell(EVENT_UNHOLD, T + 74500);
    assert_int_equal(pipeline_live_tick(pipeline, T + 75000 + 15 * 60000, false), 0);
    take_row(T + 1000, "NONE|ENTERQUEUE||555|1");
    take_row(T + 3000, "Ana|CONNECT|2|1.2|1");
    take_row(T + 90000, "Ana|COMPLETECALLER|2|87|1");
    assert_holds(0, 0);
}

static void a_hold_of_a_quiet_hour_is_tracked_at_once(void **state)
{
    (void)state;
    open_again(T);
    assert_int_equal(pipeline_live_on(pipeline, T), 0);
    take_row(T + 1000, "NONE|ENTERQUEUE||555|1");
    take_row(T + 3000, "Ana|CONNECT|2|1.2|1");
    assert_int_equal(pipeline_live_tick(pipeline, T + 600000, true), 0);
    tell(EVENT_HOLD, T + 600500);
    assert_int_equal(pipeline_live_tick(pipeline, T + 604000, true), 0);
    tell(EVENT_UNHOLD, T + 604500);
    assert_holds(1, 4000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_outage_is_told_once_also_over_restarts),
        CASE(nothing_of_an_outage_is_left_out_while_nothing_can_be_committed),
        cmocka_unit_test_setup_teardown(holds_of_a_call_that_the_log_tells_late, setup_with_log, teardown),
        cmocka_unit_test_setup_teardown(a_hold_that_came_before_the_answer_is_tracked_with_it, setup_with_log,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hold_waits_a_quarter_of_an_hour_for_the_log, setup_with_log, teardown),
        cmocka_unit_test_setup_teardown(a_hold_of_a_quiet_hour_is_tracked_at_once, setup_with_log, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
