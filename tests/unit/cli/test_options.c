#include "agent/cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static struct cli_options options;
static struct query_why why;

/* Words divided by blanks, the program's name in front. */
static int parse(const char *line)
{
    static char copy[2000];
    char *argv[200] = {(char *)(uintptr_t) "ringside"};
    int argc = 1;
    (void)strncpy(copy, line, sizeof copy - 1);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return options_parse(argc, argv, NULL, &options, &why);
}

static void test_commands(void **state)
{
    (void)state;
    assert_int_equal(parse("kpi"), 0);
    assert_int_equal(options.command, CLI_REPORT);
    assert_int_equal(options.kind, REPORT_KPI);
    assert_string_equal(options.agent, "coap://127.0.0.1:5683");
    assert_null(options.ledger);
    assert_int_equal(options.format, RENDER_TABLE);
    assert_int_equal(parse("ledger check --ledger /x"), 0);
    assert_int_equal(options.command, CLI_CHECK);
    assert_int_equal(parse("help"), 0);
    assert_int_equal(options.command, CLI_HELP);
    assert_int_equal(parse("help kpi"), 0);
    assert_int_equal(parse("kpi --help"), 0);
    assert_int_equal(options.command, CLI_HELP);
    assert_int_equal(parse("--version"), 0);
    assert_int_equal(options.command, CLI_VERSION);
}

static void test_options_in_both_forms_and_any_place(void **state)
{
    (void)state;
    assert_int_equal(parse("--format=json kpi --from yesterday --to=now --queue a --queue=b=c --service-level 20s "
                           "--service-level-method amazon --short-abandon=5s --by hour --agent coap://[::1]:99"),
                     0);
    assert_int_equal(options.format, RENDER_JSON);
    assert_string_equal(options.agent, "coap://[::1]:99");
    static const char *const expected[][2] = {{"from", "yesterday"},    {"to", "now"},
                                              {"queue", "a"},           {"queue", "b=c"},
                                              {"service_level", "20s"}, {"service_level_method", "amazon"},
                                              {"short_abandon", "5s"},  {"by", "hour"}};
    assert_int_equal(options.item_count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < options.item_count; i++) {
        assert_string_equal(options.items[i].name, expected[i][0]);
        assert_string_equal(options.items[i].value, expected[i][1]);
    }
}

static void test_the_environment_is_a_default(void **state)
{
    (void)state;
    char *argv[] = {(char *)(uintptr_t) "ringside", (char *)(uintptr_t) "status"};
    assert_int_equal(options_parse(2, argv, "coap://10.0.0.1", &options, &why), 0);
    assert_string_equal(options.agent, "coap://10.0.0.1");
    assert_int_equal(options_parse(2, argv, "", &options, &why), 0);
    assert_string_equal(options.agent, "coap://127.0.0.1:5683");
}

static void test_wrong_usage_is_explained(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "what shall it be?"},
        {"kpis", "unknown command 'kpis'"},
        {"kpi --frm now", "unknown option '--frm'"},
        {"kpi -f now", "unknown option '-f'"},
        {"kpi --from", "--from needs a value"},
        {"kpi --format xml", "--format 'xml' is not allowed; allowed: table, json, csv"},
        {"kpi sales", "unexpected 'sales' behind the command"},
        {"kpi a b c", "'c' is too much"},
        {"ledger", "ledger knows only: ledger check --ledger DIR"},
        {"ledger repair", "ledger knows only"},
        {"ledger check", "ledger check needs --ledger DIR"},
        {"ledger check --ledger /x --queue a", "ledger check takes only --ledger"},
        {"kpi --zone UTC", "--zone goes with --ledger"},
        {"kpi --a-very-long-option-name-that-is-none=1", "unknown option"},
        {"status --", "unknown option '--'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        why.text[0] = 0;
        assert_int_equal(parse(cases[i][0]), STATUS_INVALID);
        assert_non_null(strstr(why.text, cases[i][1]));
        assert_null(strchr(why.text, '\n'));
    }
}

static void test_too_many_options(void **state)
{
    (void)state;
    char line[2000] = "kpi";
    for (int i = 0; i <= CLI_ITEMS_MAX; i++) {
        (void)strcat(line, " --queue=x");
    }
    assert_int_equal(parse(line), STATUS_INVALID);
    assert_string_equal(why.text, "too many options");
}

static void test_help_fits_a_terminal_and_names_everything(void **state)
{
    (void)state;
    for (const char *line = options_help(); *line;) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 80);
        line += len + 1;
    }
    for (unsigned kind = 0; kind < REPORT_KIND_COUNT; kind++) {
        assert_non_null(strstr(options_help(), query_kind_name((enum report_kind)kind)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_options_in_both_forms_and_any_place),
        cmocka_unit_test(test_the_environment_is_a_default),
        cmocka_unit_test(test_wrong_usage_is_explained),
        cmocka_unit_test(test_too_many_options),
        cmocka_unit_test(test_help_fits_a_terminal_and_names_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
