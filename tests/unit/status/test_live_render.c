/* What happens now, as text and as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "proto/report/render.h"
#include "proto/report/text.h"
#include "tests/unit/status/live_desk.h"

static struct desk desk;
static struct board *board;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk.ledger->names[LEDGER_QUEUE][DESK_SUPPORT] = "customer-support-second-level-madrid";
    desk.ledger->names[LEDGER_QUEUE][4] = "support";
    desk_interval(&desk, 0, "2026-11-21T10:00:00+01:00", DESK_SALES, 10, 6, 2, 16);
    desk_interval(&desk, 1, "2026-11-21T10:00:00+01:00", DESK_SUPPORT, 2, 2, 0, 4000);
    live_desk_board(&desk, &board);
    live_desk_look(&desk, board);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_deinit(&out);
    live_desk_look(&desk, NULL);
    board_free(board);
    desk_deinit(&desk);
    return 0;
}

static const char *rendered(enum report_kind kind, enum render_format format, const char *item)
{
    static const struct render_style plain = {.width = 80};
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, kind, &json, item, NULL), 0);
    buf_reset(&out);
    assert_int_equal(render(kind, format, json, &plain, &out), 0);
    return buf_cstr(&out);
}

static void expect_table(enum report_kind kind, const char *item, const char *expected)
{
    const char *text = rendered(kind, RENDER_TABLE, item);
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        assert_true(text_width(slice_make(line, len)) <= 80 || strncmp(line, "-> ", 3) == 0); /* hints run on */
        line += len + (line[len] == '\n');
    }
    assert_string_equal(buf_cstr(&out), expected);
}

static void test_live_table(void **state)
{
    (void)state;
    expect_table(REPORT_LIVE, NULL,
                 "madrid-01  2026-11-21 12:34:56 Europe/Madrid  live since 2026-11-21 11:34:56\n"
                 "2 waiting (longest 1:30), 1 talking; 4 logged in: 1 ready, 2 on a call, 1 paused\n"
                 "\n"
                 "Queue    Wait Oldest Talk Hold Ready Pause Staff Today Answ Aband     ASA     SL\n"
                 "custome…    0      -    0    0     0     0     0     2    2     0 1:06:41  0.0 %\n"
                 "new         0      -    0    0     1     0     1     0    0     0       -      -\n"
                 "sales       2   1:30    0    0     0     1     3    10    6     2    0:19 83.3 %\n"
                 "support     0      -    1    1     0     1     2     0    0     0       -      -\n"
                 "田中商店    0      -    0    0     0     0     0     0    0     0       -      -\n"
                 "\n"
                 "State    Queue    Wait  On call  Agent    Caller\n"
                 "waiting  sales    1:30        -  -        +34600000001\n"
                 "ringing  sales    0:30        -  Ana      +34600000001\n"
                 "held     support  0:20     4:00  Bo | Ng  +34600000001\n"
                 "\n"
                 "Agent    State   Since  Queue    Reason  Logged in\n"
                 "Ana      ring     0:03  sales    -            4h00\n"
                 "Bo | Ng  hold     0:06  support  -            4h00\n"
                 "Cy       paused  10:00  -        lunch        4h00\n"
                 "Di       ready   30:00  -        -             30m\n"
                 "\n"
                 "Last      What                  Queue    Agent    Wait  Talk  Detail\n"
                 "12:34:26  caller came           sales    -           -     -\n"
                 "12:33:56  caller refused        sales    -           -     -  FULL\n"
                 "12:33:26  caller came           sales    -           -     -\n"
                 "12:30:56  answered              support  Bo | Ng  0:20     -\n"
                 "12:30:36  caller came           support  -           -     -\n"
                 "12:24:56  paused                -        Cy          -     -  lunch\n"
                 "12:04:56  logged in             new      Di          -     -\n"
                 "11:34:56  connected to the PBX  -        -           -     -\n");
    expect_table(REPORT_LIVE, "queue=support",
                 "madrid-01  2026-11-21 12:34:56 Europe/Madrid  live since 2026-11-21 11:34:56\n"
                 "0 waiting, 1 talking; 2 logged in: 0 ready, 1 on a call, 1 paused\n"
                 "\n"
                 "Queue   Wait Oldest Talk Hold Ready Pause Staff Today Answ Aband ASA SL\n"
                 "support    0      -    1    1     0     1     2     0    0     0   -  -\n"
                 "\n"
                 "State  Queue    Wait  On call  Agent    Caller\n"
                 "held   support  0:20     4:00  Bo | Ng  +34600000001\n"
                 "\n"
                 "Agent    State   Since  Queue    Reason  Logged in\n"
                 "Bo | Ng  hold     0:06  support  -            4h00\n"
                 "Cy       paused  10:00  -        lunch        4h00\n"
                 "\n"
                 "Last      What                  Queue    Agent    Wait  Talk  Detail\n"
                 "12:30:56  answered              support  Bo | Ng  0:20     -\n"
                 "12:30:36  caller came           support  -           -     -\n"
                 "12:24:56  paused                -        Cy          -     -  lunch\n"
                 "11:34:56  connected to the PBX  -        -           -     -\n");
    expect_table(REPORT_QUEUES, NULL,
                 "madrid-01  2026-11-21 12:34:56 Europe/Madrid\n"
                 "service level: asterisk_sl within 20 s\n"
                 "\n"
                 "Queue      Wait Oldest Talk Ready Staff 1h Today Answ Aband Other     ASA     SL\n"
                 "customer-…    0      -    0     0     0  0     2    2     0     0 1:06:41  0.0 %\n"
                 "new           0      -    0     1     1  0     0    0     0     0       -      -\n"
                 "sales         2   1:30    0     0     3  0    10    6     2     0    0:19 83.3 %\n"
                 "support       0      -    1     0     2  0     0    0     0     0       -      -\n"
                 "田中商店      0      -    0     0     0  0     0    0     0     0       -      -\n");
    expect_table(REPORT_CALLS, "limit=2",
                 "madrid-01  2026-11-21 12:34:56 Europe/Madrid\n"
                 "3 open now\n"
                 "State    Queue    Entered   Wait  Talk  Agent    Caller\n"
                 "held     support  12:30:36  0:20  3:54  Bo | Ng  +34600000001\n"
                 "waiting  sales    12:33:26  1:30     -  -        +34600000001\n"
                 "\n"
                 "0 ended from 2026-11-21 11:34:56 to 2026-11-21 12:34:56, the newest:\n");
}

static void test_without_a_live_source(void **state)
{
    (void)state;
    static const struct health health = {.source_count = 2,
                                         .sources = {{.name = "log", .type = "queue_log", .state = "reading"},
                                                     {.name = "pbx", .type = "ami", .state = "waiting"}},
                                         .live = {.configured = true, .last_error = "connection refused"}};
    board_off(board, desk.now_ms - 300000);
    live_desk_look(&desk, board);
    desk.health = &health;
    expect_table(REPORT_LIVE, NULL,
                 "madrid-01  2026-11-21 12:34:56 Europe/Madrid  not live: waiting, from the log\n"
                 "-> pbx: not connected to the PBX since 2026-11-21T12:29:56+01:00: connection refused; operators, "
                 "holds and refused callers are not seen meanwhile\n"
                 "0 waiting, 0 talking\n"
                 "\n"
                 "Queue                      Wait Oldest Talk Hold Today Answ Aband     ASA     SL\n"
                 "customer-support-second-l…    0      -    0    0     2    2     0 1:06:41  0.0 %\n"
                 "sales                         0      -    0    0    10    6     2    0:19 83.3 %\n"
                 "support                       0      -    0    0     0    0     0       -      -\n"
                 "田中商店                      0      -    0    0     0    0     0       -      -\n"
                 "\n"
                 "Last      What                  Queue    Agent    Wait  Talk  Detail\n"
                 "12:34:26  caller came           sales    -           -     -\n"
                 "12:33:56  caller refused        sales    -           -     -  FULL\n"
                 "12:33:26  caller came           sales    -           -     -\n"
                 "12:30:56  answered              support  Bo | Ng  0:20     -\n"
                 "12:30:36  caller came           support  -           -     -\n"
                 "12:29:56  cut off from the PBX  -        -           -     -\n"
                 "12:24:56  paused                -        Cy          -     -  lunch\n"
                 "12:04:56  logged in             new      Di          -     -\n"
                 "11:34:56  connected to the PBX  -        -           -     -\n");
    desk.health = NULL;
    desk.live = NULL;
    expect_table(REPORT_LIVE, NULL,
                 "madrid-01  2026-11-21 12:34:56 Europe/Madrid  from the log\n"
                 "0 waiting, 0 talking\n"
                 "\n"
                 "Queue                      Wait Oldest Talk Hold Today Answ Aband     ASA     SL\n"
                 "customer-support-second-l…    0      -    0    0     2    2     0 1:06:41  0.0 %\n"
                 "sales                         0      -    0    0    10    6     2    0:19 83.3 %\n"
                 "support                       0      -    0    0     0    0     0       -      -\n"
                 "田中商店                      0      -    0    0     0    0     0       -      -\n");
}

static void test_csv_is_of_the_queues(void **state)
{
    (void)state;
    const char *text = rendered(REPORT_LIVE, RENDER_CSV, NULL);
    const char *header = "queue,label,waiting,longest_wait_ms,talking,held,logged_in,ready,paused,on_call,"
                         "today.entered,today.answered,today.abandoned,today.exits,today.blocked,today.lost,"
                         "today.asa_ms,today.aht_ms,today.abandon_rate,today.service_level.threshold_s,"
                         "today.service_level.method,today.service_level.value,today.longest_wait_ms\r\n";
    assert_int_equal(strncmp(text, header, strlen(header)), 0);
    assert_non_null(strstr(text, "\r\nsales,,2,90000,0,0,3,0,1,2,10,6,2,0,0,0,18500,60000,0.2,20,asterisk_sl,"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_live_table),
        CASE(test_without_a_live_source),
        CASE(test_csv_is_of_the_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
