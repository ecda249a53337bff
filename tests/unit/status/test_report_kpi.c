#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "tests/unit/status/desk.h"

static struct desk desk;

/* sales: 10:00, 10:15 and 11:00; support: 10:15. */
static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk_interval(&desk, 0, "2026-11-21T10:00:00+01:00", DESK_SALES, 10, 6, 2, 16);
    desk_interval(&desk, 1, "2026-11-21T10:15:00+01:00", DESK_SALES, 3, 4, 1, 10);
    desk_interval(&desk, 2, "2026-11-21T10:15:00+01:00", DESK_SUPPORT, 2, 2, 0, 40);
    desk_interval(&desk, 3, "2026-11-21T11:00:00+01:00", DESK_SALES, 1, 1, 0, 5);
    desk.sums[1].waiting_start = 2;
    desk.sums[1].waiting_end = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_deinit(&desk);
    return 0;
}

static double number_at(const struct json *json, const char *path)
{
    double value = -1;
    assert_true(json_number(json, path, &value));
    return value;
}

static void assert_near(double value, double expected)
{
    assert_true(value > expected - 1e-9 && value < expected + 1e-9);
}

static void test_everything_by_queue(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, NULL), 0);
    assert_string_equal(json_text(json, "site"), "madrid-01");
    assert_string_equal(json_text(json, "from"), "2026-11-21T10:00:00+01:00");
    assert_string_equal(json_text(json, "to"), "2026-11-21T11:15:00+01:00");
    assert_string_equal(json_text(json, "by"), "queue");
    assert_true(json_bool(json, "complete"));
    assert_int_equal(json_count(json, "rows"), 2);
    const struct json *sales = json_at(json, "rows/0");
    assert_string_equal(json_text(sales, "queue"), "sales");
    assert_int_equal(json_kind(sales, "start"), JSON_NOTHING);
    assert_int_equal(desk_int(sales, "entered"), 14);
    assert_int_equal(desk_int(sales, "answered"), 11);
    assert_int_equal(desk_int(sales, "abandoned"), 3);
    assert_int_equal(desk_int(sales, "abandoned_short"), 2);
    assert_int_equal(desk_int(sales, "waiting_start"), 0);
    assert_int_equal(desk_int(sales, "waiting_end"), 0);
    assert_int_equal(desk_int(sales, "waiting_max"), 10);
    assert_true(json_bool(sales, "balanced"));
    assert_true(json_bool(sales, "complete"));
    assert_int_equal(desk_int(sales, "cohort/entered"), 14);
    /* waits: 16..21, 10..13, 5 -> sum 111 + 46 + 5 */
    assert_int_equal(desk_int(sales, "wait_answered_ms/count"), 11);
    assert_int_equal(desk_int(sales, "wait_answered_ms/sum"), 162000);
    assert_int_equal(desk_int(sales, "wait_answered_ms/max"), 21000);
    assert_int_equal(desk_int(sales, "wait_answered_ms/p50"), 16000);
    assert_int_equal(desk_int(sales, "wait_answered_ms/p99"), 21000);
    assert_near(number_at(sales, "asa_ms"), 162000.0 / 11);
    assert_int_equal(desk_int(sales, "aht_ms"), 60000);
    assert_near(number_at(sales, "abandon_rate"), 3.0 / 14);
    assert_int_equal(desk_int(sales, "service_level/threshold_s"), 20);
    assert_string_equal(json_text(sales, "service_level/method"), "asterisk_sl");
    assert_near(number_at(sales, "service_level/value"), 10.0 / 11);
    const struct json *support = json_at(json, "rows/1");
    desk_assert_null(support, "wait_abandoned_ms/mean");
    desk_assert_null(support, "wait_abandoned_ms/p50");
    desk_assert_null(support, "wait_abandoned_ms/max");
    assert_int_equal(desk_int(support, "wait_abandoned_ms/count"), 0);
    assert_int_equal(desk_int(support, "service_level/value"), 0);
}

static void test_every_contract_field_is_there(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "queue",          "entered",          "answered",       "abandoned",         "abandoned_short",
        "exit_timeout",   "exit_empty",       "exit_key",       "withdrawn",         "blocked",
        "lost",           "lost_connected",   "transferred_in", "transferred_out",   "suspect",
        "ring_no_answer", "waiting_start",    "waiting_end",    "waiting_max",       "cohort",
        "asa_ms",         "wait_answered_ms", "talk_ms",        "wait_abandoned_ms", "hold_ms",
        "ring_ms",        "handle_ms",        "aht_ms",         "abandon_rate",      "balanced",
        "service_level",  "complete",         "cohort/lost",    "hold_ms/p95",       "ring_ms/count",
        "talk_ms/p90",
    };
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, NULL), 0);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        assert_int_not_equal(json_kind(json_at(json, "rows/0"), fields[i]), JSON_NOTHING);
    }
}

static void test_by_hour_and_interval_in_local_time(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *hours = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &hours, "by=hour", NULL), 0);
    assert_string_equal(json_text(hours, "by"), "queue,hour");
    assert_int_equal(json_count(hours, "rows"), 3);
    assert_string_equal(json_text(hours, "rows/0/start"), "2026-11-21T10:00:00+01:00");
    assert_string_equal(json_text(hours, "rows/1/queue"), "support");
    assert_string_equal(json_text(hours, "rows/1/start"), "2026-11-21T10:00:00+01:00");
    assert_string_equal(json_text(hours, "rows/2/start"), "2026-11-21T11:00:00+01:00");
    assert_int_equal(desk_int(hours, "rows/0/entered"), 13);
    CLEANUP(json_cleanup) struct json *slots = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &slots, "by=queue,interval", "queue=sales", NULL), 0);
    assert_int_equal(json_count(slots, "rows"), 3);
    assert_string_equal(json_text(slots, "rows/1/start"), "2026-11-21T10:15:00+01:00");
    assert_int_equal(desk_int(slots, "rows/0/waiting_end"), 2);
    assert_int_equal(desk_int(slots, "rows/1/waiting_start"), 2);
    assert_true(json_bool(slots, "rows/0/balanced"));
}

static void test_days_of_25_hours(void **state)
{
    (void)state;
    struct summary one = {.flow = {[FLOW_ENTERED] = 1, [FLOW_ANSWERED] = 1}};
    desk.ledger->interval_count = 0;
    int64_t start = desk_at_s("2026-10-24T00:00:00+02:00");
    for (int64_t at = start; at < start + 3 * 86400 + 3600; at += 900) {
        fake_ledger_add_interval(desk.ledger, at, DESK_SALES, &one);
    }
    CLEANUP(json_cleanup) struct json *days = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &days, "by=day", NULL), 0);
    assert_int_equal(json_count(days, "rows"), 3);
    assert_int_equal(desk_int(days, "rows/0/entered"), 96);
    assert_int_equal(desk_int(days, "rows/1/entered"), 100);
    assert_int_equal(desk_int(days, "rows/2/entered"), 96);
    assert_string_equal(json_text(days, "rows/2/start"), "2026-10-26T00:00:00+01:00");
    CLEANUP(json_cleanup) struct json *hours = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &hours, "by=hour", "from=2026-10-25", "to=2026-10-25", NULL), 0);
    assert_int_equal(json_count(hours, "rows"), 25);
    assert_string_equal(json_text(hours, "rows/2/start"), "2026-10-25T02:00:00+02:00");
    assert_string_equal(json_text(hours, "rows/3/start"), "2026-10-25T02:00:00+01:00");
}

static void test_the_span_is_widened_to_whole_intervals(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "from=10:20", "to=2026-11-21T10:29:59.001+01:00", NULL), 0);
    assert_string_equal(json_text(json, "from"), "2026-11-21T10:15:00+01:00");
    assert_string_equal(json_text(json, "to"), "2026-11-21T10:30:00+01:00");
    assert_int_equal(desk_int(json, "rows/0/entered"), 3);
    CLEANUP(json_cleanup) struct json *exact = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &exact, "from=10:15", "to=10:30", NULL), 0);
    assert_string_equal(json_text(exact, "from"), "2026-11-21T10:15:00+01:00");
    assert_string_equal(json_text(exact, "to"), "2026-11-21T10:30:00+01:00");
}

static void test_an_empty_ledger(void **state)
{
    (void)state;
    desk.ledger->interval_count = 0;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, NULL), 0);
    desk_assert_null(json, "from");
    desk_assert_null(json, "to");
    assert_int_equal(json_count(json, "rows"), 0);
    assert_true(json_bool(json, "complete"));
}

static void test_total_joins_the_queues(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "by=total,hour", NULL), 0);
    assert_string_equal(json_text(json, "by"), "total,hour");
    assert_int_equal(json_count(json, "rows"), 2);
    assert_string_equal(json_text(json, "rows/0/queue"), "*");
    assert_int_equal(desk_int(json, "rows/0/entered"), 15);
    desk_assert_null(json, "rows/0/waiting_max");
    assert_true(json_bool(json, "rows/0/balanced"));
    CLEANUP(json_cleanup) struct json *whole = NULL;
    desk.sums[2].waiting_start = 1;
    desk.sums[2].waiting_end = 1;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &whole, "by=total", NULL), 0);
    assert_int_equal(desk_int(whole, "rows/0/entered"), 16);
    assert_int_equal(desk_int(whole, "rows/0/waiting_start"), 1);
    assert_int_equal(desk_int(whole, "rows/0/waiting_end"), 1);
    assert_true(json_bool(whole, "rows/0/balanced"));
}

static void test_total_of_queues_with_their_own_settings(void **state)
{
    (void)state;
    desk.ledger->has_settings[DESK_SALES] = true;
    desk.ledger->settings[DESK_SALES] = (struct queue_settings){SL_AMAZON, 15000, 2000, ""};
    CLEANUP(json_cleanup) struct json *mixed = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &mixed, "by=total", NULL), 0);
    assert_string_equal(json_text(mixed, "rows/0/service_level/method"), "asterisk_sl");
    assert_int_equal(desk_int(mixed, "rows/0/service_level/threshold_s"), 20);
    desk.ledger->has_settings[DESK_SUPPORT] = true;
    desk.ledger->settings[DESK_SUPPORT] = desk.ledger->settings[DESK_SALES];
    CLEANUP(json_cleanup) struct json *same = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &same, "by=total", NULL), 0);
    assert_string_equal(json_text(same, "rows/0/service_level/method"), "amazon");
    assert_int_equal(desk_int(same, "rows/0/service_level/threshold_s"), 15);
}

static void test_wishes_recompute_from_the_histograms(void **state)
{
    (void)state;
    desk.ledger->has_settings[DESK_SALES] = true;
    desk.ledger->settings[DESK_SALES] = (struct queue_settings){SL_AMAZON, 15000, 2000, ""};
    CLEANUP(json_cleanup) struct json *stored = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &stored, "queue=sales", NULL), 0);
    assert_string_equal(json_text(stored, "rows/0/service_level/method"), "amazon");
    /* within 15 s: answered 10..13 and 5, abandoned 3, 13, 3 */
    assert_near(number_at(stored, "rows/0/service_level/value"), 8.0 / 14);
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "queue=sales", "service_level=12s",
                              "service_level_method=uccx_handled", "short_abandon=13s", NULL),
                     0);
    assert_string_equal(json_text(json, "rows/0/service_level/method"), "uccx_handled");
    assert_near(number_at(json, "rows/0/service_level/value"), 4.0 / 11);
    assert_int_equal(desk_int(json, "rows/0/abandoned_short"), 3);
    assert_int_equal(desk_int(json, "rows/0/cohort/abandoned_short"), 0);
    CLEANUP(json_cleanup) struct json *half = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &half, "service_level=2500ms", NULL), 0);
    assert_near(number_at(half, "rows/0/service_level/threshold_s"), 2.5);
}

static void test_what_does_not_balance_is_shown(void **state)
{
    (void)state;
    desk.sums[0].flow[FLOW_LOST] = 1;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "by=interval", NULL), 0);
    assert_false(json_bool(json, "rows/0/balanced"));
    assert_true(json_bool(json, "rows/1/balanced"));
}

static void test_gaps_and_bad_records_make_it_incomplete(void **state)
{
    (void)state;
    int64_t gap_ms = desk_at_s("2026-11-21T10:20:00+01:00") * 1000;
    desk.ledger->gaps[desk.ledger->gap_count++] =
        (struct ledger_gap){.from_ms = gap_ms, .to_ms = gap_ms, .reason = "rotated away"};
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "by=interval", NULL), 0);
    assert_false(json_bool(json, "complete"));
    assert_string_equal(json_text(json, "gaps/0/reason"), "rotated away");
    assert_true(json_bool(json, "rows/0/complete"));
    assert_false(json_bool(json, "rows/1/complete"));
    assert_false(json_bool(json, "rows/2/complete"));
    assert_true(json_bool(json, "rows/3/complete"));
    CLEANUP(json_cleanup) struct json *later = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &later, "from=11:00", NULL), 0);
    assert_true(json_bool(later, "complete"));
    desk.ledger->bad_intervals = 2;
    CLEANUP(json_cleanup) struct json *bad = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &bad, "from=11:00", NULL), 0);
    assert_false(json_bool(bad, "complete"));
    assert_int_equal(desk_int(bad, "bad_records"), 2);
}

static void test_gaps_of_the_live_source_alone_lose_no_call(void **state)
{
    (void)state;
    int64_t gap_ms = desk_at_s("2026-11-21T10:20:00+01:00") * 1000;
    desk.ledger->gaps[desk.ledger->gap_count++] =
        (struct ledger_gap){.from_ms = gap_ms, .to_ms = gap_ms + 1000, .kind = LEDGER_GAP_LIVE, .reason = "cut off"};
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "by=interval", NULL), 0);
    assert_true(json_bool(json, "complete"));
    assert_false(json_bool(json, "live_complete"));
    assert_string_equal(json_text(json, "gaps/0/kind"), "live");
    assert_true(json_bool(json, "rows/1/complete"));
    assert_false(json_bool(json, "rows/1/live_complete"));
    assert_true(json_bool(json, "rows/3/live_complete"));
    /* who misses calls misses their holds as well */
    desk.ledger->gaps[0].kind = LEDGER_GAP_CALLS;
    CLEANUP(json_cleanup) struct json *calls = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &calls, "by=interval", NULL), 0);
    assert_false(json_bool(calls, "complete"));
    assert_false(json_bool(calls, "rows/1/live_complete"));
    assert_string_equal(json_text(calls, "gaps/0/kind"), "calls");
}

static void test_unknown_queues_and_too_many_rows(void **state)
{
    (void)state;
    struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "queue=salez", NULL), STATUS_NOT_FOUND);
    assert_string_equal(desk.why.text, "no queue 'salez' is known here");
    desk.row_limit = 3;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "by=interval", NULL), STATUS_FULL);
    assert_non_null(strstr(desk.why.text, "more than 3 rows"));
    assert_null(json);
    CLEANUP(json_cleanup) struct json *idle = NULL; /* known, without a call in the span */
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &idle, "queue=田中商店", NULL), 0);
    assert_int_equal(json_count(idle, "rows"), 0);
}

static void test_a_ledger_that_cannot_be_read(void **state)
{
    (void)state;
    struct json *json = NULL;
    desk.ledger->view_status = STATUS_CORRUPT;
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, NULL), STATUS_CORRUPT);
    assert_non_null(strstr(desk.why.text, "the ledger could not be read"));
}

static void test_400_days_of_ten_queues_in_a_second(void **state)
{
    (void)state;
    desk.ledger->interval_count = 0;
    int64_t start = desk_at_s("2025-10-01T00:00:00+02:00");
    for (int64_t slot = 0; slot < INT64_C(400) * 96; slot++) {
        for (uint32_t queue = 1; queue <= 10; queue++) {
            fake_ledger_add_interval(desk.ledger, start + slot * 900, queue, &desk.sums[queue % 4]);
        }
    }
    struct timespec before;
    struct timespec after;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    assert_int_equal(desk_ask(&desk, REPORT_KPI, &json, "by=day", NULL), 0);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    assert_true(json_count(json, "rows") >= 4000);
    double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    print_message("400 days x 10 queues by day: %.2f s\n", seconds);
    assert_true(seconds < 3.0); /* ten times what a sanitized build takes */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_everything_by_queue),
        CASE(test_every_contract_field_is_there),
        CASE(test_by_hour_and_interval_in_local_time),
        CASE(test_days_of_25_hours),
        CASE(test_the_span_is_widened_to_whole_intervals),
        CASE(test_an_empty_ledger),
        CASE(test_total_joins_the_queues),
        CASE(test_total_of_queues_with_their_own_settings),
        CASE(test_wishes_recompute_from_the_histograms),
        CASE(test_what_does_not_balance_is_shown),
        CASE(test_gaps_and_bad_records_make_it_incomplete),
        CASE(test_gaps_of_the_live_source_alone_lose_no_call),
        CASE(test_unknown_queues_and_too_many_rows),
        CASE(test_a_ledger_that_cannot_be_read),
        CASE(test_400_days_of_ten_queues_in_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
