/* Operators: figures from legs and from shifts, how they stand, and their tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "proto/report/render.h"
#include "proto/report/text.h"
#include "tests/unit/status/live_desk.h"

enum { ANA = 1, BO = 2, EVE = 3, LUNCH = 1, SHIFTS = 4, MINUTE = 60000 };

static struct desk desk;
static struct board *board;
static struct shift shifts[SHIFTS];

static void add_shift(int slot, const char *stamp, uint32_t who)
{
    fake_ledger_add_shift(desk.ledger, desk_at_s(stamp), who, &shifts[slot]);
}

static void state_of(int slot, enum shift_state which, uint64_t ms)
{
    assert_int_equal(shift_add_state(&shifts[slot], which, ms), 0);
}

/* Ana: 11:00 to 11:30; Bo from 11:15 on. */
static void make_shifts(void)
{
    state_of(0, SHIFT_READY, 10 * MINUTE);
    state_of(0, SHIFT_PAUSED, 5 * MINUTE);
    assert_int_equal(shift_add_reason(&shifts[0], LUNCH, 4 * MINUTE), 0);
    assert_int_equal(shift_add_reason(&shifts[0], 0, MINUTE), 0);
    struct shift_queue *sales = shift_queue(&shifts[0], DESK_SALES);
    sales->logged_in_ms = 15 * MINUTE;
    sales->count[SHIFT_MISSED] = 2;
    add_shift(0, "2026-11-21T11:00:00+01:00", ANA);
    state_of(1, SHIFT_TALK, 6 * MINUTE);
    state_of(1, SHIFT_HOLD, 2 * MINUTE);
    state_of(1, SHIFT_RING, MINUTE);
    state_of(1, SHIFT_WRAP, 3 * MINUTE);
    state_of(1, SHIFT_BUSY, MINUTE);
    state_of(1, SHIFT_UNAVAILABLE, 2 * MINUTE);
    shifts[1].wrap_by_reason_ms = MINUTE;
    sales = shift_queue(&shifts[1], DESK_SALES);
    sales->logged_in_ms = 15 * MINUTE;
    sales->talk_ms = 6 * MINUTE;
    sales->count[SHIFT_ANSWERED] = 1;
    struct shift_queue *support = shift_queue(&shifts[1], DESK_SUPPORT);
    support->logged_in_ms = 10 * MINUTE;
    support->count[SHIFT_MISSED] = 1;
    add_shift(1, "2026-11-21T11:15:00+01:00", ANA);
    state_of(2, SHIFT_READY, 15 * MINUTE);
    add_shift(2, "2026-11-21T11:15:00+01:00", BO);
    state_of(3, SHIFT_READY, 15 * MINUTE); /* yesterday's */
    desk.ledger->shift_count = 0;
    add_shift(3, "2026-11-20T23:45:00+01:00", ANA);
    add_shift(0, "2026-11-21T11:00:00+01:00", ANA);
    add_shift(1, "2026-11-21T11:15:00+01:00", ANA);
    add_shift(2, "2026-11-21T11:15:00+01:00", BO);
}

static void add_call(uint32_t who, uint32_t queue, const char *answered, const char *ended, int64_t talk_ms)
{
    struct call_leg *leg = fake_ledger_add_closed(desk.ledger);
    *leg = (struct call_leg){.operator_id = who,
                             .queue = queue,
                             .connect_ms = desk_at_s(answered) * 1000,
                             .end_ms = desk_at_s(ended) * 1000,
                             .talk_ms = talk_ms,
                             .state = LEG_DONE,
                             .outcome = LEG_COMPLETED_CALLER};
}

static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk.ledger->names[LEDGER_REASON][LUNCH] = "lunch";
    desk.ledger->names[LEDGER_OPERATOR][EVE] = "Eve";
    make_shifts();
    add_call(ANA, DESK_SALES, "2026-11-21T11:14:00+01:00", "2026-11-21T11:21:00+01:00", 7 * MINUTE);
    add_call(EVE, DESK_SUPPORT, "2026-11-21T11:20:00+01:00", "2026-11-21T11:22:00+01:00", 2 * MINUTE);
    live_desk_board(&desk, &board);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < SHIFTS; i++) {
        shift_deinit(&shifts[i]);
    }
    live_desk_look(&desk, NULL);
    board_free(board);
    desk_deinit(&desk);
    return 0;
}

/* All states are told, and add up to what he was logged in. */
static void assert_adds_up(const struct json *row)
{
    static const char *const states[] = {"ready_ms", "ring_ms",   "talk_time_ms", "hold_time_ms",
                                         "wrap_ms",  "paused_ms", "busy_ms",      "unavailable_ms"};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        sum += desk_int(row, states[i]);
    }
    assert_int_equal(sum, desk_int(row, "logged_in_ms"));
}

static void test_today(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, NULL), 0);
    assert_string_equal(json_text(json, "by"), "operator");
    assert_string_equal(json_text(json, "today_from"), "2026-11-21T00:00:00+01:00");
    assert_int_equal(json_count(json, "operators"), 3);
    const struct json *ana = json_at(json, "operators/0");
    desk_assert_null(ana, "state"); /* not live, and on no call */
    assert_int_equal(desk_int(ana, "answered"), 1);
    assert_int_equal(desk_int(ana, "talk_ms"), 7 * MINUTE);
    assert_int_equal(desk_int(ana, "talk_time_ms"), 6 * MINUTE);
    assert_int_equal(desk_int(ana, "hold_time_ms"), 2 * MINUTE);
    assert_int_equal(desk_int(ana, "logged_in_ms"), 30 * MINUTE);
    assert_int_equal(desk_int(ana, "wrap_by_reason_ms"), MINUTE);
    assert_int_equal(desk_int(ana, "missed"), 3);
    double occupancy = 0;
    assert_true(json_number(ana, "occupancy", &occupancy));
    assert_true(occupancy > 0.4999 && occupancy < 0.5001); /* 11 of 22 minutes */
    assert_adds_up(ana);
    assert_int_equal(json_count(ana, "paused_reasons"), 2);
    desk_assert_null(ana, "paused_reasons/0/reason");
    assert_int_equal(desk_int(ana, "paused_reasons/0/ms"), MINUTE);
    assert_string_equal(json_text(ana, "paused_reasons/1/reason"), "lunch");
    assert_string_equal(json_text(ana, "queues/0/queue"), "sales");
    assert_int_equal(desk_int(ana, "queues/0/logged_in_ms"), 30 * MINUTE);
    assert_int_equal(desk_int(ana, "queues/0/missed"), 2);
    assert_int_equal(desk_int(ana, "queues/0/answered"), 1);
    assert_string_equal(json_text(ana, "queues/1/queue"), "support");
    assert_true(json_bool(ana, "complete"));
    const struct json *eve = json_at(json, "operators/2"); /* was on a call, nobody saw her time */
    assert_int_equal(desk_int(eve, "answered"), 1);
    assert_int_equal(desk_int(eve, "logged_in_ms"), 0);
    desk_assert_null(eve, "occupancy");
}

static void test_where_nobody_ever_told_their_time_is_not_known(void **state)
{
    (void)state;
    desk.ledger->shift_count = 0;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, NULL), 0);
    assert_int_equal(json_count(json, "operators"), 2);
    static const char *const keys[] = {"logged_in_ms", "ready_ms", "occupancy", "missed", "queues", "paused_reasons"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        desk_assert_null(json_at(json, "operators/0"), keys[i]);
    }
    assert_int_equal(desk_int(json, "operators/0/talk_ms"), 7 * MINUTE);
}

static void test_how_they_stand(void **state)
{
    (void)state;
    live_desk_look(&desk, board);
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, NULL), 0);
    assert_true(json_bool(json, "live"));
    assert_int_equal(json_count(json, "operators"), 5);
    assert_string_equal(json_text(json, "operators/0/operator"), "Ana");
    assert_string_equal(json_text(json, "operators/0/state"), "ring");
    assert_string_equal(json_text(json, "operators/0/queue"), "sales");
    desk_assert_null(json, "operators/0/on_call_ms");
    assert_int_equal(desk_int(json, "operators/0/state_ms"), 3000);
    assert_string_equal(json_text(json, "operators/1/state"), "held");
    assert_int_equal(desk_int(json, "operators/1/on_call_ms"), 240000);
    assert_int_equal(desk_int(json, "operators/1/state_ms"), 6000);
    assert_string_equal(json_text(json, "operators/2/operator"), "Cy"); /* no commit has told of him */
    assert_string_equal(json_text(json, "operators/2/reason"), "lunch");
    assert_int_equal(desk_int(json, "operators/2/logged_in_ms"), 0);
    assert_string_equal(json_text(json, "operators/4/operator"), "Eve");
    assert_string_equal(json_text(json, "operators/4/state"), "off");
    /* how they stand now is nothing of yesterday's */
    CLEANUP(json_cleanup) struct json *before = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &before, "from=yesterday", "to=yesterday", NULL), 0);
    assert_int_equal(json_count(before, "operators"), 1);
    desk_assert_null(before, "operators/0/state");
    assert_int_equal(desk_int(before, "operators/0/logged_in_ms"), 15 * MINUTE);
    assert_string_equal(json_text(before, "to"), "2026-11-21T00:00:00+01:00");
}

static void test_by_interval(void **state)
{
    (void)state;
    desk.ledger->gaps[desk.ledger->gap_count++] =
        (struct ledger_gap){.from_ms = desk_at_s("2026-11-21T11:20:00+01:00") * 1000,
                            .to_ms = desk_at_s("2026-11-21T11:21:00+01:00") * 1000,
                            .kind = LEDGER_GAP_LIVE};
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, "by=interval", NULL), 0);
    assert_string_equal(json_text(json, "by"), "operator,interval");
    assert_int_equal(json_count(json, "operators"), 4);
    const struct json *first = json_at(json, "operators/0");
    assert_string_equal(json_text(first, "start"), "2026-11-21T11:00:00+01:00");
    assert_string_equal(json_text(first, "operator"), "Ana");
    assert_int_equal(desk_int(first, "answered"), 1); /* at 11:14 */
    assert_int_equal(desk_int(first, "talk_ms"), 0);  /* ended at 11:21 */
    assert_true(json_bool(first, "complete"));
    const struct json *second = json_at(json, "operators/1");
    assert_string_equal(json_text(second, "start"), "2026-11-21T11:15:00+01:00");
    assert_int_equal(desk_int(second, "answered"), 0);
    assert_int_equal(desk_int(second, "talk_ms"), 7 * MINUTE);
    assert_false(json_bool(second, "complete"));
    for (size_t i = 0; i < 4; i++) {
        assert_adds_up(json_item(json_at(json, "operators"), i));
    }
    CLEANUP(json_cleanup) struct json *days = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &days, "by=day", "from=yesterday", NULL), 0);
    assert_string_equal(json_text(days, "operators/0/start"), "2026-11-20T00:00:00+01:00");
    assert_int_equal(desk_int(days, "operators/0/logged_in_ms"), 15 * MINUTE);
    assert_int_equal(desk_int(days, "operators/1/logged_in_ms"), 30 * MINUTE);
    struct json *none = NULL;
    desk.row_limit = 2;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &none, "by=interval", NULL), STATUS_FULL);
    assert_non_null(strstr(desk.why.text, "more than 2 rows"));
}

static void test_by_queue(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, "by=queue", NULL), 0);
    assert_int_equal(json_count(json, "operators"), 3);
    assert_string_equal(json_text(json, "operators/0/queue"), "sales");
    assert_int_equal(desk_int(json, "operators/0/logged_in_ms"), 30 * MINUTE);
    assert_int_equal(desk_int(json, "operators/0/answered"), 1);
    assert_int_equal(desk_int(json, "operators/0/missed"), 2);
    assert_string_equal(json_text(json, "operators/1/operator"), "Ana");
    assert_string_equal(json_text(json, "operators/1/queue"), "support");
    assert_int_equal(desk_int(json, "operators/1/logged_in_ms"), 10 * MINUTE);
    assert_string_equal(json_text(json, "operators/2/operator"), "Eve");
    struct json *none = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &none, "by=total", NULL), STATUS_INVALID);
    assert_string_equal(desk.why.text,
                        "by 'total' is not allowed; allowed: queue, interval, hour, day, with commas between");
}

static void expect_table(const char *item, const char *expected)
{
    static const struct render_style plain = {.width = 80};
    CLEANUP(json_cleanup) struct json *json = NULL;
    struct buf out = BUF_INIT;
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, item, NULL), 0);
    assert_int_equal(render(REPORT_OPERATORS, RENDER_TABLE, json, &plain, &out), 0);
    for (const char *line = buf_cstr(&out); *line;) {
        size_t len = strcspn(line, "\n");
        assert_true(text_width(slice_make(line, len)) <= 80);
        line += len + (line[len] == '\n');
    }
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void test_tables(void **state)
{
    (void)state;
    live_desk_look(&desk, board);
    expect_table(NULL, "madrid-01  2026-11-21 12:34:56 Europe/Madrid, today\n"
                       "\n"
                       "Agent   State         Since  In Ready Talk Hold Wrap Pause Occ Answ Miss\n"
                       "Ana     ring             3s 30m   10m   6m   2m   3m    5m 50%    1    3\n"
                       "Bo | Ng held             6s 15m   15m    0    0    0     0  0%    0    0\n"
                       "Cy      paused: lunch   10m   0     0    0    0    0     0   -    0    0\n"
                       "Di      ready           30m   0     0    0    0    0     0   -    0    0\n"
                       "Eve     off               -   0     0    0    0    0     0   -    1    0\n");
    expect_table("by=interval", "madrid-01  2026-11-21 12:34:56 Europe/Madrid, today\n"
                                "\n"
                                "Start        Agent     In  Ready  Talk  Hold  Wrap  Pause  Occ  Answ  Miss\n"
                                "11-21 11:00  Ana      15m    10m     0     0     0     5m   0%     1     2\n"
                                "11-21 11:15  Ana      15m      0    6m    2m    3m      0  92%     0     1\n"
                                "11-21 11:15  Bo | Ng  15m    15m     0     0     0      0   0%     0     0\n"
                                "11-21 11:15  Eve        0      0     0     0     0      0    -     1     0\n");
    expect_table("by=queue", "madrid-01  2026-11-21 12:34:56 Europe/Madrid, today\n"
                             "\n"
                             "Agent  Queue     In  Pause  Ring  Talk  Hold   AHT  Answ  Miss\n"
                             "Ana    sales    30m      0     0    6m     0  7:00     1     2\n"
                             "Ana    support  10m      0     0     0     0     -     0     1\n"
                             "Eve    support    0      0     0     0     0  2:00     1     0\n");
    desk.live = NULL;
    desk.ledger->shift_count = 0;
    expect_table(NULL, "madrid-01  2026-11-21 12:34:56 Europe/Madrid, today\n"
                       "\n"
                       "Agent  State  Queue  On call  Answered  Talk  Hold   AHT\n"
                       "Ana    -      -            -         1  7:00  0:00  7:00\n"
                       "Eve    -      -            -         1  2:00  0:00  2:00\n");
    desk.ledger->operators = LEDGER_OPERATORS_HIDDEN;
    expect_table(NULL, "madrid-01  2026-11-21 12:34:56 Europe/Madrid\noperators are not shown at this site\n");
}

static void test_csv_has_all_figures(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    struct buf out = BUF_INIT;
    const struct render_style style = {.width = 80};
    assert_int_equal(desk_ask(&desk, REPORT_OPERATORS, &json, NULL), 0);
    assert_int_equal(render(REPORT_OPERATORS, RENDER_CSV, json, &style, &out), 0);
    const char *header = "operator,state,queue,on_call_ms,state_ms,reason,answered,talk_ms,hold_ms,aht_ms,"
                         "logged_in_ms,ready_ms,ring_ms,talk_time_ms,hold_time_ms,wrap_ms,wrap_by_reason_ms,"
                         "paused_ms,busy_ms,unavailable_ms,occupancy,missed,complete\r\n";
    assert_int_equal(strncmp(buf_cstr(&out), header, strlen(header)), 0);
    assert_non_null(strstr(buf_cstr(&out), "\r\nAna,,,,,,1,420000,0,420000,1800000,600000,60000,360000,120000,180000,"
                                           "60000,300000,60000,120000,0.5,3,true\r\n"));
    buf_deinit(&out);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_today),
        CASE(test_where_nobody_ever_told_their_time_is_not_known),
        CASE(test_how_they_stand),
        CASE(test_by_interval),
        CASE(test_by_queue),
        CASE(test_tables),
        CASE(test_csv_has_all_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
