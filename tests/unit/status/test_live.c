/* What happens now: /live, and the other reports while a live source is connected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "tests/unit/status/live_desk.h"

static struct desk desk;
static struct board *board;

static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk_interval(&desk, 0, "2026-11-20T23:45:00+01:00", DESK_SALES, 5, 5, 0, 1);
    desk_interval(&desk, 1, "2026-11-21T08:45:00+01:00", DESK_SALES, 4, 2, 2, 10);
    desk_interval(&desk, 2, "2026-11-21T11:15:00+01:00", DESK_SALES, 2, 2, 0, 30);
    desk_interval(&desk, 3, "2026-11-21T12:30:00+01:00", DESK_SALES, 2, 0, 0, 0);
    struct call_leg *leg = fake_ledger_add_open(desk.ledger);
    *leg = (struct call_leg){.enter_ms = desk.now_ms - 80000,
                             .queue = DESK_SALES,
                             .caller = 0xfeed,
                             .contact = 7,
                             .missed = 2,
                             .call_id_len = 3,
                             .call_id = "1.1"};
    leg = fake_ledger_add_open(desk.ledger);
    *leg = (struct call_leg){.enter_ms = desk.now_ms - 50000,
                             .connect_ms = desk.now_ms - 40000,
                             .operator_id = 1,
                             .state = LEG_CONNECTED,
                             .queue = DESK_SUPPORT,
                             .call_id_len = 3,
                             .call_id = "1.0"};
    live_desk_board(&desk, &board);
    live_desk_look(&desk, board);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    live_desk_look(&desk, NULL);
    board_free(board);
    report_cache_free(desk.cache);
    desk_deinit(&desk);
    return 0;
}

static void test_head_and_totals(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, NULL), 0);
    assert_string_equal(json_text(json, "site"), "madrid-01");
    assert_int_equal(desk_int(json, "now_ms"), desk.now_ms);
    assert_string_equal(json_text(json, "health"), "ok");
    assert_true(json_bool(json, "source/live"));
    assert_string_equal(json_text(json, "source/since"), "2026-11-21T11:34:56+01:00");
    assert_int_equal(desk_int(json, "totals/waiting"), 2);
    assert_int_equal(desk_int(json, "totals/longest_wait_ms"), 90000);
    assert_int_equal(desk_int(json, "totals/talking"), 1);
    assert_int_equal(desk_int(json, "totals/logged_in"), 4);
    assert_int_equal(desk_int(json, "totals/ready"), 1);
    assert_int_equal(desk_int(json, "totals/paused"), 1);
    assert_int_equal(desk_int(json, "totals/on_call"), 2);
}

static void test_queues_of_ledger_and_board_by_name(void **state)
{
    (void)state;
    desk.ledger->has_settings[DESK_SALES] = true;
    desk.ledger->settings[DESK_SALES] = (struct queue_settings){SL_AMAZON, 20000, 2000, "Help desk"};
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, NULL), 0);
    assert_int_equal(json_count(json, "queues"), 4);
    assert_string_equal(json_text(json, "queues/0/queue"), "new"); /* only the board knows it */
    desk_assert_null(json, "queues/0/label");
    assert_int_equal(desk_int(json, "queues/0/ready"), 1);
    assert_int_equal(desk_int(json, "queues/0/today/entered"), 0);
    const struct json *sales = json_at(json, "queues/1");
    assert_string_equal(json_text(sales, "label"), "Help desk");
    assert_int_equal(desk_int(sales, "waiting"), 2);
    assert_int_equal(desk_int(sales, "longest_wait_ms"), 90000);
    assert_int_equal(desk_int(sales, "talking"), 0);
    assert_int_equal(desk_int(sales, "logged_in"), 3);
    assert_int_equal(desk_int(sales, "ready"), 0);
    assert_int_equal(desk_int(sales, "paused"), 1);
    assert_int_equal(desk_int(sales, "on_call"), 2);
    assert_int_equal(desk_int(sales, "today/entered"), 8); /* yesterday's five are out */
    assert_int_equal(desk_int(sales, "today/answered"), 4);
    assert_int_equal(desk_int(sales, "today/longest_wait_ms"), 90000);
    assert_string_equal(json_text(sales, "today/service_level/method"), "amazon");
    assert_int_equal(desk_int(json, "queues/2/held"), 1);
    desk_assert_null(json, "queues/2/longest_wait_ms");
    assert_string_equal(json_text(json, "queues/3/queue"), "田中商店");
}

static void test_the_trend_ends_with_the_open_interval(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, "queue=sales", NULL), 0);
    const struct json *trend = json_at(json, "queues/0/trend");
    assert_int_equal(json_count(trend, ""), 16);
    assert_string_equal(json_text(trend, "0/start"), "2026-11-21T08:45:00+01:00");
    assert_int_equal(desk_int(trend, "0/entered"), 4);
    assert_int_equal(desk_int(trend, "0/answered"), 2);
    assert_int_equal(desk_int(trend, "0/service_level"), 1);
    assert_int_equal(desk_int(trend, "1/entered"), 0);
    desk_assert_null(trend, "1/service_level");
    assert_int_equal(desk_int(trend, "10/service_level"), 0); /* within 20 s: none of two */
    assert_string_equal(json_text(trend, "15/start"), "2026-11-21T12:30:00+01:00");
    assert_int_equal(desk_int(trend, "15/entered"), 2);
}

static void test_callers(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, NULL), 0);
    assert_int_equal(json_count(json, "callers"), 3);
    assert_string_equal(json_text(json, "callers/0/state"), "waiting");
    assert_int_equal(desk_int(json, "callers/0/wait_ms"), 90000);
    assert_int_equal(desk_int(json, "callers/0/position"), 2);
    desk_assert_null(json, "callers/0/on_call_ms");
    desk_assert_null(json, "callers/0/operator");
    assert_string_equal(json_text(json, "callers/0/caller"), "+34600000001");
    assert_string_equal(json_text(json, "callers/1/state"), "ringing");
    assert_string_equal(json_text(json, "callers/1/operator"), "Ana");
    assert_string_equal(json_text(json, "callers/2/state"), "held");
    assert_int_equal(desk_int(json, "callers/2/wait_ms"), 20000);
    assert_int_equal(desk_int(json, "callers/2/on_call_ms"), 240000);
    assert_int_equal(desk_int(json, "callers_left_out"), 0);
}

static void test_operators(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, NULL), 0);
    assert_int_equal(json_count(json, "operators"), 4);
    assert_string_equal(json_text(json, "operators/0/operator"), "Ana");
    assert_string_equal(json_text(json, "operators/0/state"), "ring");
    assert_string_equal(json_text(json, "operators/1/state"), "hold");
    assert_string_equal(json_text(json, "operators/1/queue"), "support");
    assert_int_equal(desk_int(json, "operators/1/since_ms"), 6000);
    assert_int_equal(desk_int(json, "operators/1/logged_in_ms"), 4 * 3600000);
    assert_string_equal(json_text(json, "operators/2/reason"), "lunch");
    assert_string_equal(json_text(json, "operators/2/paused_in/1"), "support");
    desk_assert_null(json, "operators/2/queue");
    assert_string_equal(json_text(json, "operators/3/queues/0"), "new");
    assert_int_equal(json_count(json, "operators/3/paused_in"), 0);
}

static void test_events(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, NULL), 0);
    assert_string_equal(json_text(json, "events/0/kind"), "enter");
    assert_int_equal(desk_int(json, "events/0/ago_ms"), 30000);
    desk_assert_null(json, "events/0/operator");
    assert_string_equal(json_text(json, "events/1/kind"), "blocked");
    assert_string_equal(json_text(json, "events/1/text"), "FULL");
    assert_string_equal(json_text(json, "events/3/kind"), "connect");
    assert_int_equal(desk_int(json, "events/3/wait_ms"), 20000);
    const struct json *pause = json_at(json, "events/5");
    assert_string_equal(json_text(pause, "kind"), "pause");
    assert_string_equal(json_text(pause, "operator"), "Cy");
    assert_string_equal(json_text(pause, "text"), "lunch");
    desk_assert_null(pause, "queue");
}

static void test_one_queue_and_what_belongs_to_it(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, "queue=support", NULL), 0);
    assert_int_equal(json_count(json, "queues"), 1);
    assert_int_equal(json_count(json, "callers"), 1);
    assert_int_equal(json_count(json, "operators"), 2);
    assert_int_equal(desk_int(json, "totals/logged_in"), 2);
    assert_int_equal(desk_int(json, "totals/waiting"), 0);
    desk_assert_null(json, "totals/longest_wait_ms");
    for (size_t i = 0; i < json_count(json, "events"); i++) {
        const struct json *event = json_item(json_at(json, "events"), i);
        assert_true(json_kind(event, "queue") != JSON_TEXT || strcmp(json_text(event, "queue"), "support") == 0);
        assert_string_not_equal(json_text(event, "operator"), "Di");
    }
    CLEANUP(json_cleanup) struct json *fresh = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &fresh, "queue=new", "queue=sales", NULL), 0);
    assert_int_equal(json_count(fresh, "queues"), 2);
    struct json *none = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &none, "queue=salez", NULL), STATUS_NOT_FOUND);
    assert_string_equal(desk.why.text, "no queue 'salez' is known here");
}

static void test_lists_are_limited(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, "limit=1", NULL), 0);
    assert_int_equal(json_count(json, "callers"), 1);
    assert_int_equal(desk_int(json, "callers_left_out"), 2);
    assert_int_equal(json_count(json, "operators"), 1);
    assert_int_equal(desk_int(json, "operators_left_out"), 3);
    assert_int_equal(desk_int(json, "totals/waiting"), 2);
}

static void test_hidden_operators_have_no_name_anywhere(void **state)
{
    (void)state;
    desk.ledger->operators = LEDGER_OPERATORS_HIDDEN;
    static const enum report_kind kinds[] = {REPORT_LIVE, REPORT_CALLS, REPORT_OPERATORS, REPORT_QUEUES};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        CLEANUP(json_cleanup) struct json *json = NULL;
        struct buf text = BUF_INIT;
        assert_int_equal(desk_ask(&desk, kinds[i], &json, NULL), 0);
        assert_int_equal(json_write(json, 0, &text), 0);
        assert_null(strstr(buf_cstr(&text), "Ana"));
        assert_null(strstr(buf_cstr(&text), "Bo "));
        assert_null(strstr(buf_cstr(&text), "\"Cy\""));
        assert_null(strstr(buf_cstr(&text), "lunch"));
        assert_int_equal(json_count(json, "operators"), 0);
        buf_deinit(&text);
        if (kinds[i] == REPORT_LIVE) {
            assert_int_equal(desk_int(json, "totals/logged_in"), 4);
        } else if (kinds[i] == REPORT_OPERATORS) {
            assert_true(json_bool(json, "hidden"));
        }
    }
}

static void test_without_a_live_source_the_ledger_tells(void **state)
{
    (void)state;
    board_off(board, desk.now_ms - 1000);
    live_desk_look(&desk, board);
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &json, NULL), 0);
    assert_false(json_bool(json, "source/live"));
    desk_assert_null(json, "source/state");
    assert_string_equal(json_text(json, "source/since"), "2026-11-21T12:34:55+01:00");
    assert_int_equal(desk_int(json, "totals/waiting"), 1);
    assert_int_equal(desk_int(json, "totals/longest_wait_ms"), 80000);
    desk_assert_null(json, "totals/ready");
    assert_int_equal(json_count(json, "queues"), 3);
    desk_assert_null(json, "queues/0/logged_in");
    assert_int_equal(json_count(json, "operators"), 0);
    assert_int_equal(json_count(json, "callers"), 2);
    assert_string_equal(json_text(json, "callers/1/state"), "connected");
    assert_string_equal(json_text(json, "callers/1/operator"), "Ana");
    assert_string_equal(json_text(json, "events/0/kind"), "note");
    desk.live = NULL; /* from the ledger alone */
    CLEANUP(json_cleanup) struct json *alone = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &alone, NULL), 0);
    assert_int_equal(json_count(alone, "events"), 0);
    desk_assert_null(alone, "source/since");
}

static void test_figures_are_made_again_only_after_a_commit(void **state)
{
    (void)state;
    assert_int_equal(report_cache_new(&desk.cache), 0);
    CLEANUP(json_cleanup) struct json *first = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &first, NULL), 0);
    assert_int_equal(desk_int(first, "queues/1/today/entered"), 8);
    desk.sums[3].flow[FLOW_ENTERED]++;
    CLEANUP(json_cleanup) struct json *kept = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &kept, NULL), 0);
    assert_int_equal(desk_int(kept, "queues/1/today/entered"), 8);
    desk.ledger->facts.commits++;
    CLEANUP(json_cleanup) struct json *made = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &made, NULL), 0);
    assert_int_equal(desk_int(made, "queues/1/today/entered"), 9);
    desk.now_ms += 15 * 60000; /* another interval is open, committed or not */
    CLEANUP(json_cleanup) struct json *later = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_LIVE, &later, NULL), 0);
    assert_string_equal(json_text(later, "queues/1/trend/15/start"), "2026-11-21T12:45:00+01:00");
    assert_int_equal(desk_int(later, "queues/1/trend/14/entered"), 3);
}

static void test_queues_go_by_the_board(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_QUEUES, &json, NULL), 0);
    assert_true(json_bool(json, "live"));
    assert_int_equal(json_count(json, "queues"), 4);
    assert_string_equal(json_text(json, "queues/0/queue"), "new");
    assert_int_equal(desk_int(json, "queues/1/waiting"), 2);
    assert_int_equal(desk_int(json, "queues/1/longest_wait_ms"), 90000);
    assert_int_equal(desk_int(json, "queues/1/logged_in"), 3);
    assert_int_equal(desk_int(json, "queues/1/paused"), 1);
    assert_int_equal(desk_int(json, "queues/2/connected"), 1);
    CLEANUP(json_cleanup) struct json *fresh = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_QUEUES, &fresh, "queue=new", NULL), 0);
    assert_int_equal(desk_int(fresh, "queues/0/ready"), 1);
    desk.live = NULL;
    CLEANUP(json_cleanup) struct json *alone = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_QUEUES, &alone, NULL), 0);
    assert_false(json_bool(alone, "live"));
    desk_assert_null(alone, "queues/0/ready");
}

static void test_calls_go_by_the_board(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_CALLS, &json, NULL), 0);
    assert_true(json_bool(json, "live"));
    assert_int_equal(desk_int(json, "open_count"), 3);
    assert_string_equal(json_text(json, "open/0/state"), "held");
    assert_string_equal(json_text(json, "open/0/operator"), "Bo | Ng");
    assert_int_equal(desk_int(json, "open/0/wait_ms"), 20000);
    assert_int_equal(desk_int(json, "open/0/hold_ms"), 6000);
    assert_int_equal(desk_int(json, "open/0/talk_ms"), 234000);
    assert_string_equal(json_text(json, "open/1/call_id"), "1.1"); /* the ledger knows its leg */
    assert_string_equal(json_text(json, "open/1/caller"), "000000000000feed");
    assert_int_equal(desk_int(json, "open/1/missed"), 2);
    assert_int_equal(desk_int(json, "open/1/contact"), 7);
    assert_int_equal(desk_int(json, "open/1/position"), 2);
    assert_string_equal(json_text(json, "open/2/state"), "ringing");
    assert_string_equal(json_text(json, "open/2/operator"), "Ana");
    desk_assert_null(json, "open/2/caller");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_head_and_totals),
        CASE(test_queues_of_ledger_and_board_by_name),
        CASE(test_the_trend_ends_with_the_open_interval),
        CASE(test_callers),
        CASE(test_operators),
        CASE(test_events),
        CASE(test_one_queue_and_what_belongs_to_it),
        CASE(test_lists_are_limited),
        CASE(test_hidden_operators_have_no_name_anywhere),
        CASE(test_without_a_live_source_the_ledger_tells),
        CASE(test_figures_are_made_again_only_after_a_commit),
        CASE(test_queues_go_by_the_board),
        CASE(test_calls_go_by_the_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
