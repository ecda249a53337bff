#include "proto/report/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "proto/report/text.h"
#include "tests/unit/status/desk.h"

static struct desk desk;
static struct buf out;
static const struct render_style plain = {.width = 80};

static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk.ledger->names[LEDGER_QUEUE][DESK_SUPPORT] = "customer-support-second-level-madrid";
    desk_interval(&desk, 0, "2026-11-21T10:00:00+01:00", DESK_SALES, 10, 6, 2, 16);
    desk_interval(&desk, 1, "2026-11-21T10:00:00+01:00", DESK_SUPPORT, 2, 2, 0, 4000);
    desk_interval(&desk, 2, "2026-11-21T11:00:00+01:00", DESK_TANAKA, 1, 1, 0, 5);
    struct call_leg *leg = fake_ledger_add_open(desk.ledger);
    *leg = (struct call_leg){.enter_ms = desk.now_ms - 61000, .queue = DESK_TANAKA, .caller = 0xfeed, .contact = 1};
    leg = fake_ledger_add_closed(desk.ledger);
    *leg = (struct call_leg){.enter_ms = desk.now_ms - 600000,
                             .connect_ms = desk.now_ms - 590000,
                             .end_ms = desk.now_ms - 60000,
                             .wait_ms = 10000,
                             .talk_ms = 530000,
                             .operator_id = 2,
                             .queue = DESK_SALES,
                             .state = LEG_DONE,
                             .outcome = LEG_COMPLETED_OPERATOR};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_deinit(&out);
    desk_deinit(&desk);
    return 0;
}

static const char *rendered(enum report_kind kind, enum render_format format, const char *item)
{
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, kind, &json, item, NULL), 0);
    buf_reset(&out);
    assert_int_equal(render(kind, format, json, &plain, &out), 0);
    return buf_cstr(&out);
}

static void assert_no_line_wider_than_80(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        assert_true(text_width(slice_make(text, len)) <= 80);
        assert_true(len == 0 || text[len - 1] != ' ');
        text += len + (text[len] == '\n');
    }
}

static void test_kpi_table(void **state)
{
    (void)state;
    const char *text = rendered(REPORT_KPI, RENDER_TABLE, NULL);
    assert_no_line_wider_than_80(text);
    assert_string_equal(text, "madrid-01  2026-11-21 10:00 to 2026-11-21 11:15 Europe/Madrid\n"
                              "service level: asterisk_sl within 20 s\n"
                              "\n"
                              "Queue                  Calls Answ Aband Other     ASA  AHT Longest Aband%     SL\n"
                              "customer-support-seco…     2    2     0     0 1:06:41 1:00 1:06:41  0.0 %  0.0 %\n"
                              "sales                     10    6     2     0    0:19 1:00    0:21 20.0 % 83.3 %\n"
                              "田中商店                   1    1     0     0    0:05 1:00    0:05  0.0 %  100 %\n");
}

static void test_every_table_fits_80_columns(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < REPORT_KIND_COUNT; kind++) {
        assert_no_line_wider_than_80(rendered((enum report_kind)kind, RENDER_TABLE, NULL));
    }
    assert_no_line_wider_than_80(rendered(REPORT_KPI, RENDER_TABLE, "by=interval"));
    assert_no_line_wider_than_80(rendered(REPORT_KPI, RENDER_TABLE, "by=day"));
}

static void test_start_column_is_local(void **state)
{
    (void)state;
    assert_non_null(strstr(rendered(REPORT_KPI, RENDER_TABLE, "by=hour"), "\n11-21 10:00 "));
    assert_non_null(strstr(rendered(REPORT_KPI, RENDER_TABLE, "by=day"), "\n2026-11-21 "));
}

static void test_settings_that_differ_are_told_by_queue(void **state)
{
    (void)state;
    desk.ledger->has_settings[DESK_SALES] = true;
    desk.ledger->settings[DESK_SALES] = (struct queue_settings){SL_AMAZON, 15500, 2000, ""};
    const char *text = rendered(REPORT_KPI, RENDER_TABLE, NULL);
    assert_non_null(strstr(text, "sales amazon within 15.5 s; 田中商店 asterisk_sl within 20 s"));
}

static void test_a_label_stands_for_the_name(void **state)
{
    (void)state;
    desk.ledger->has_settings[DESK_SALES] = true;
    desk.ledger->settings[DESK_SALES] = (struct queue_settings){SL_AMAZON, 15000, 2000, "Help desk"};
    assert_non_null(strstr(rendered(REPORT_KPI, RENDER_TABLE, NULL), "\nHelp desk "));
    assert_null(strstr(rendered(REPORT_KPI, RENDER_TABLE, NULL), "\nsales "));
    assert_non_null(strstr(rendered(REPORT_QUEUES, RENDER_TABLE, NULL), "\nHelp desk "));
    const char *json = rendered(REPORT_KPI, RENDER_JSON, NULL);
    assert_non_null(strstr(json, "\"queue\":\"sales\""));
    assert_non_null(strstr(json, "\"label\":\"Help desk\""));
}

static void test_marks_and_their_legend(void **state)
{
    (void)state;
    const char *text = rendered(REPORT_KPI, RENDER_TABLE, NULL);
    assert_null(strchr(text, '!'));
    assert_null(strchr(text, '~'));
    desk.sums[0].flow[FLOW_LOST] = 3;
    int64_t gap_ms = desk_at_s("2026-11-21T10:05:00+01:00") * 1000;
    desk.ledger->gaps[desk.ledger->gap_count++] =
        (struct ledger_gap){.from_ms = gap_ms, .to_ms = gap_ms + 60000, .reason = "truncated"};
    text = rendered(REPORT_KPI, RENDER_TABLE, NULL);
    assert_non_null(strstr(text, " 83.3 % ! ~\n"));
    assert_non_null(strstr(text, "! the books do not balance"));
    assert_non_null(strstr(text, "2026-11-21 10:05:00 to 2026-11-21 10:06:00: truncated"));
}

static void test_empty_reports_say_so(void **state)
{
    (void)state;
    assert_non_null(strstr(rendered(REPORT_KPI, RENDER_TABLE, "from=2026-11-21T12:00"), "no calls in this span"));
    assert_non_null(strstr(rendered(REPORT_CALLS, RENDER_TABLE, "from=10m"), "1 open now"));
}

static void test_colour_only_when_asked(void **state)
{
    (void)state;
    assert_null(strchr(rendered(REPORT_STATUS, RENDER_TABLE, NULL), '\x1b'));
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    const struct render_style colourful = {.width = 80, .colour = true};
    buf_reset(&out);
    assert_int_equal(render(REPORT_STATUS, RENDER_TABLE, json, &colourful, &out), 0);
    assert_non_null(strstr(buf_cstr(&out), "\x1b[1;32mok\x1b[0m"));
}

static void test_names_cannot_drive_the_terminal(void **state)
{
    (void)state;
    desk.ledger->names[LEDGER_QUEUE][DESK_SALES] = "sa\x1b]0;pwn\x07les";
    for (unsigned kind = 0; kind < REPORT_KIND_COUNT; kind++) {
        assert_null(strchr(rendered((enum report_kind)kind, RENDER_TABLE, NULL), '\x1b'));
    }
}

static void test_csv(void **state)
{
    (void)state;
    desk.ledger->names[LEDGER_QUEUE][DESK_SALES] = "sales, \"EU\"";
    const char *text = rendered(REPORT_KPI, RENDER_CSV, NULL);
    assert_non_null(strstr(text, "queue,entered,answered,abandoned,abandoned_short,"));
    assert_non_null(strstr(text, ",cohort.entered,"));
    assert_non_null(strstr(text, ",wait_answered_ms.p90,"));
    assert_non_null(strstr(text, "\r\n\"sales, \"\"EU\"\"\",10,6,2,1,"));
    assert_non_null(strstr(text, ",asterisk_sl,"));
    size_t header_fields = 1;
    size_t row_fields = 1;
    for (const char *c = text; *c != '\r'; c++) {
        header_fields += *c == ',';
    }
    const char *last = strstr(text, "\r\n田中商店");
    assert_non_null(last);
    for (const char *c = last + 2; *c != '\r'; c++) {
        row_fields += *c == ',';
    }
    assert_int_equal(header_fields, row_fields);
}

static void test_csv_of_calls_names_the_list(void **state)
{
    (void)state;
    const char *text = rendered(REPORT_CALLS, RENDER_CSV, NULL);
    assert_true(strncmp(text, "list,state,queue,entered,", 25) == 0);
    assert_non_null(strstr(text, "\r\nopen,waiting,田中商店,"));
    assert_non_null(strstr(text, "\r\nclosed,,sales,"));
}

static void test_status_shows_the_confinement(void **state)
{
    (void)state;
    static const struct {
        struct confinement given;
        const char *line;
    } cases[] = {
        {{"yes", true, true, true, 7}, "\nconfined     system calls, files (Landlock 7), TCP ports\n"},
        {{"yes", true, true, false, 3}, "\nconfined     system calls, files (Landlock 3)\n"},
        {{"yes", true, false, false, 0}, "\nconfined     system calls\n"},
        {{"yes", false, true, true, 4}, "\nconfined     files (Landlock 4), TCP ports\n"},
        {{"yes", false, false, false, 0}, "\nconfined     nothing (service.sandbox = yes)\n"},
        {{"no", false, false, false, 0}, "\nconfined     nothing (service.sandbox = no)\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct health health = {.confinement = cases[i].given};
        desk.health = &health;
        assert_non_null(strstr(rendered(REPORT_STATUS, RENDER_TABLE, NULL), cases[i].line));
    }
    desk.health = NULL;
    assert_null(strstr(rendered(REPORT_STATUS, RENDER_TABLE, NULL), "confined"));
}

static void test_csv_of_status_is_pairs(void **state)
{
    (void)state;
    const char *text = rendered(REPORT_STATUS, RENDER_CSV, NULL);
    assert_true(strncmp(text, "name,value\r\nsite,madrid-01\r\nstate,ok\r\n", 37) == 0);
    assert_non_null(strstr(text, "\r\nquality.lines,0\r\n"));
}

static void test_senml(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *pack = NULL;
    const char *text = rendered(REPORT_QUEUES, RENDER_SENML, NULL);
    assert_int_equal(json_parse(slice_str(text), 100000, &pack, NULL, 0), 0);
    assert_string_equal(json_text(pack, "0/bn"), "madrid-01/customer-support-second-level-madrid/");
    int64_t value = 0;
    assert_true(json_int(pack, "0/bt", &value));
    assert_int_equal(value, desk.now_ms / 1000);
    assert_string_equal(json_text(pack, "0/n"), "waiting");
    assert_string_equal(json_text(pack, "0/u"), "count");
    bool found = false;
    for (size_t i = 0; i < json_count(pack, ""); i++) {
        found = found ||
                strcmp(json_text(json_item(pack, i), "bn"), "madrid-01/:E7:94:B0:E4:B8:AD:E5:95:86:E5:BA:97/") == 0;
        double number;
        assert_true(json_number(json_item(pack, i), "v", &number));
        assert_true(json_kind(json_item(pack, i), "n") == JSON_TEXT);
    }
    assert_true(found);
    assert_non_null(strstr(rendered(REPORT_KPI, RENDER_SENML, "by=hour"), "\"n\":\"asa\",\"u\":\"s\""));
}

static void test_senml_is_for_measurements_only(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *json = NULL;
    assert_int_equal(desk_ask(&desk, REPORT_STATUS, &json, NULL), 0);
    assert_int_equal(render(REPORT_STATUS, RENDER_SENML, json, &plain, &out), STATUS_UNSUPPORTED);
}

static void test_a_document_of_another_version_is_no_crash(void **state)
{
    (void)state;
    static const char hollow[] = "{\"rows\":[1,null,{}],\"queues\":[{}],\"operators\":[[]],\"open\":[{}],"
                                 "\"closed\":[{}],\"open_count\":1,\"closed_count\":1}";
    static const char *const strange[] = {"{}", "[]", "3", hollow};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        CLEANUP(json_cleanup) struct json *json = NULL;
        assert_int_equal(json_parse(slice_str(strange[i]), 1000, &json, NULL, 0), 0);
        for (unsigned kind = 0; kind < REPORT_KIND_COUNT; kind++) {
            assert_int_equal(render((enum report_kind)kind, RENDER_TABLE, json, &plain, &out), 0);
            assert_int_equal(render((enum report_kind)kind, RENDER_CSV, json, &plain, &out), 0);
        }
        assert_int_equal(render(REPORT_KPI, RENDER_SENML, json, &plain, &out), 0);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_kpi_table),
        CASE(test_every_table_fits_80_columns),
        CASE(test_start_column_is_local),
        CASE(test_settings_that_differ_are_told_by_queue),
        CASE(test_a_label_stands_for_the_name),
        CASE(test_marks_and_their_legend),
        CASE(test_empty_reports_say_so),
        CASE(test_colour_only_when_asked),
        CASE(test_names_cannot_drive_the_terminal),
        CASE(test_csv),
        CASE(test_csv_of_calls_names_the_list),
        CASE(test_csv_of_status_is_pairs),
        CASE(test_status_shows_the_confinement),
        CASE(test_senml),
        CASE(test_senml_is_for_measurements_only),
        CASE(test_a_document_of_another_version_is_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
