/* `ringside` from its arguments to its output, over a fake ledger and over a served one. */
#include "agent/cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/status/server.h"
#include "platform/time/zone.h"
#include "tests/unit/status/desk.h"

static struct desk desk;
static char *out_text;
static char *err_text;

static int setup(void **state)
{
    (void)state;
    desk_init(&desk);
    desk_interval(&desk, 0, "2026-11-21T10:00:00+01:00", DESK_SALES, 10, 6, 2, 16);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(out_text);
    free(err_text);
    out_text = NULL;
    err_text = NULL;
    desk_deinit(&desk);
    return 0;
}

static int run_at(const char *agent, const char *line)
{
    char copy[500];
    char *argv[50] = {(char *)(uintptr_t) "ringside"};
    int argc = 1;
    size_t out_size;
    size_t err_size;
    free(out_text);
    free(err_text);
    struct cli_world world = {.out = open_memstream(&out_text, &out_size),
                              .err = open_memstream(&err_text, &err_size),
                              .agent = agent,
                              .width = 80,
                              .now_ms = desk.now_ms};
    assert_true(world.out && world.err && strlen(line) < sizeof copy);
    (void)strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    int code = cli_run(argc, argv, &world);
    (void)fclose(world.out);
    (void)fclose(world.err);
    return code;
}

static int run(const char *line)
{
    return run_at(NULL, line);
}

static void assert_one_line_on_stderr(const char *part)
{
    assert_string_equal(out_text, "");
    assert_true(strncmp(err_text, "ringside: ", 10) == 0);
    assert_ptr_equal(strchr(err_text, '\n'), err_text + strlen(err_text) - 1);
    assert_non_null(strstr(err_text, part));
}

static void test_reports_from_a_ledger(void **state)
{
    (void)state;
    assert_int_equal(run("kpi --ledger /var/lib/ringside --zone Europe/Madrid"), 0);
    assert_string_equal(err_text, "");
    assert_non_null(strstr(out_text, "madrid-01  2026-11-21 10:00 to 2026-11-21 10:15 Europe/Madrid\n"));
    assert_int_equal(run("kpi --ledger /x --zone UTC --format json --by hour"), 0);
    assert_non_null(strstr(out_text, "\"start\": \"2026-11-21T09:00:00Z\""));
    desk.ledger->zone = "Asia/Tokyo"; /* the site's own, unless another is asked for */
    assert_int_equal(run("kpi --ledger /x"), 0);
    assert_non_null(strstr(out_text, " Asia/Tokyo\n"));
    assert_int_equal(run("kpi --ledger /x --zone UTC"), 0);
    assert_non_null(strstr(out_text, " UTC\n"));
    desk.ledger->zone = "Europe/Atlantis"; /* not known on this machine */
    assert_int_equal(run("kpi --ledger /x"), 0);
    assert_int_equal(run("queues --ledger /x --format csv"), 0);
    assert_true(strncmp(out_text, "queue,waiting,", 14) == 0);
    assert_int_equal(run("status --ledger /x"), 0);
    assert_int_equal(run("operators --ledger /x"), 0);
    assert_int_equal(run("calls --ledger /x --limit 5"), 0);
}

static void test_wrong_usage_is_2(void **state)
{
    (void)state;
    assert_int_equal(run("kpi --ledger /x --service-level soon"), 2);
    assert_one_line_on_stderr("--service-level 'soon' is not allowed; allowed: a duration");
    assert_int_equal(run("kpi --ledger /x --by month"), 2);
    assert_one_line_on_stderr("--by 'month' is not allowed");
    assert_int_equal(run("status --ledger /x --limit 5"), 2);
    assert_one_line_on_stderr("--limit: status has no option 'limit'");
    assert_int_equal(run("kpi --ledger /x --from now --to yesterday"), 2);
    assert_one_line_on_stderr("from is not before to");
    assert_int_equal(run("frobnicate"), 2);
    assert_one_line_on_stderr("unknown command 'frobnicate'");
    assert_int_equal(run("kpi --ledger /x --zone Europe/Atlantis"), 2);
    assert_one_line_on_stderr("there is no such time zone");
}

static void test_failures_are_1(void **state)
{
    (void)state;
    assert_int_equal(run("kpi --ledger /nowhere"), 1);
    assert_one_line_on_stderr("/nowhere: there is no ledger");
    assert_int_equal(run("kpi --ledger /x --queue salez"), 1);
    assert_one_line_on_stderr("no queue 'salez' is known here");
    assert_int_equal(run("kpi --agent coap://127.0.0.1:1"), 1);
    assert_one_line_on_stderr("is ringside-agent running? --ledger DIR reads its ledger without it");
}

static void test_urls_that_are_none(void **state)
{
    (void)state;
    assert_int_equal(run("kpi --agent localhost"), 2);
    assert_one_line_on_stderr("is no URL such as coap://127.0.0.1:5683");
    assert_int_equal(run("kpi --agent coaps://localhost"), 2);
    assert_one_line_on_stderr("only coap:// is spoken here");
}

static void test_ledger_check(void **state)
{
    (void)state;
    assert_int_equal(run("ledger check --ledger /x"), 0);
    assert_non_null(strstr(out_text, "100 records, 20 calls, 10 intervals: 0 defects"));
    desk.ledger->defects[0] = "legs: block 7: checksum";
    desk.ledger->defect_count = 1;
    assert_int_equal(run("ledger check --ledger /x"), 1);
    assert_true(strncmp(out_text, "legs: block 7: checksum\n", 24) == 0);
}

static void test_help_and_version(void **state)
{
    (void)state;
    assert_int_equal(run("help"), 0);
    assert_non_null(strstr(out_text, "usage: ringside COMMAND"));
    assert_int_equal(run("version"), 0);
    assert_true(strncmp(out_text, "ringside ", 9) == 0);
}

static int64_t desk_now_ms(void)
{
    return desk.now_ms;
}

/* Both ways must print the same to the byte (status apart: only the agent knows its health). */
static void test_agent_and_ledger_say_the_same(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "kpi",
        "kpi --by interval --format csv",
        "kpi --from 10:00 --to 10:15 --queue sales --service-level 18s --service-level-method amazon --format json",
        "queues",
        "queues --queue 田中商店 --format json",
        "calls --format json",
        "operators",
    };
    struct status_health *health = NULL;
    assert_int_equal(status_health_new(0, &health), 0);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct status_server *server = NULL;
        const struct status_server_options options = {.host = "127.0.0.1",
                                                      .observe_min_ms = 1000,
                                                      .ledger = desk.ledger,
                                                      .health = health,
                                                      .now_ms = desk_now_ms};
        assert_int_equal(status_server_start(&options, &server), 0);
        char url[64];
        (void)snprintf(url, sizeof url, "coap://127.0.0.1:%u", status_server_port(server));
        char line[300];
        assert_int_equal(run_at(url, lines[i]), 0);
        char *served = strdup(out_text);
        status_server_stop(server);
        (void)snprintf(line, sizeof line, "%s --ledger /x", lines[i]);
        assert_int_equal(run(line), 0);
        assert_string_equal(served, out_text);
        free(served);
    }
    status_health_free(health);
}

static void test_what_the_agent_refuses(void **state)
{
    (void)state;
    struct status_server *server = NULL;
    struct status_health *health = NULL;
    assert_int_equal(status_health_new(0, &health), 0);
    const struct status_server_options options = {
        .host = "127.0.0.1", .observe_min_ms = 1000, .ledger = desk.ledger, .health = health, .now_ms = desk_now_ms};
    assert_int_equal(status_server_start(&options, &server), 0);
    char line[100];
    (void)snprintf(line, sizeof line, "kpi --queue salez --agent coap://127.0.0.1:%u", status_server_port(server));
    assert_int_equal(run(line), 1);
    assert_one_line_on_stderr("no queue 'salez' is known here");
    status_server_stop(server);
    status_health_free(health);
}

static void test_output_that_cannot_be_written(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        skip();
    }
    size_t err_size;
    const struct cli_world world = {
        .out = full, .err = open_memstream(&err_text, &err_size), .width = 80, .now_ms = desk.now_ms};
    char *argv[] = {(char *)(uintptr_t) "ringside", (char *)(uintptr_t) "help"};
    assert_int_equal(cli_run(2, argv, &world), 1);
    (void)fclose(world.err);
    (void)fclose(full);
    assert_non_null(strstr(err_text, "the output could not be written"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reports_from_a_ledger),
        CASE(test_wrong_usage_is_2),
        CASE(test_failures_are_1),
        CASE(test_urls_that_are_none),
        CASE(test_ledger_check),
        CASE(test_help_and_version),
        CASE(test_agent_and_ledger_say_the_same),
        CASE(test_what_the_agent_refuses),
        CASE(test_output_that_cannot_be_written),
    };
    if (setenv("TZ", "Europe/Madrid", 1) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
