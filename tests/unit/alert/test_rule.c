#include "proto/alert/alert_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static const struct config_section sections[] = {ALERT_RULE_SECTION};
static const struct config_table table = {
    .title = "t", .intro = "", .path = "/none", .sections = sections, .section_count = 1};
static char said[2000];

static void collect(void *ctx, const char *line)
{
    (void)ctx;
    size_t len = strlen(said);
    (void)snprintf(said + len, sizeof said - len, "%s\n", line);
}

/* Reads the first rule of the text. */
static int read_with(const char *text, const char *const *receivers, size_t count, struct alert_rule *out)
{
    struct config *config = NULL;
    struct config_report report = {.fn = collect, .file = "t.conf"};
    said[0] = '\0';
    int status = config_parse_buffer("t.conf", slice_str(text), &table, collect, NULL, &config);
    if (status == 0) {
        status = alert_rule_read(config_titled(config, "alert", 0), receivers, count, &report, out);
    }
    config_free(config);
    return status;
}

static int read_rule(const char *text, struct alert_rule *out)
{
    static const char *const receivers[] = {"ops", "desk"};
    return read_with(text, receivers, 2, out);
}

static void test_a_rule_with_everything(void **state)
{
    (void)state;
    struct alert_rule rule;
    assert_int_equal(read_rule("\nalert \"sl low\" { metric = service_level below = \"80%\" window = 1h calls_min = 5\n"
                               "for = 5m keep = 10m per = group severity = critical sites = { \"mad*\", \"b?n\" }\n"
                               "groups = { \"spain\" } queues = { \"sales*\" } hours = { \"Mon-Fri 08:00-20:00\" }\n"
                               "zone = \"Europe/Madrid\" mutes = { \"2026-12-25\", \"yearly 01-01\" }\n"
                               "notify = { \"ops\" } summary = \"Too slow\" }",
                               &rule),
                     0);
    assert_string_equal(rule.name, "sl low");
    assert_true(rule.below);
    assert_true(rule.limit > 0.7999 && rule.limit < 0.8001);
    assert_int_equal(rule.window_ms, 3600000);
    assert_int_equal(rule.calls_min, 5);
    assert_int_equal(rule.for_ms, 300000);
    assert_int_equal(rule.keep_ms, 600000);
    assert_int_equal(rule.per, ALERT_PER_GROUP);
    assert_int_equal(rule.severity, ALERT_CRITICAL);
    assert_int_equal(rule.calendar.hours_count, 5);
    assert_int_equal(rule.calendar.mute_count, 2);
    assert_string_equal(zone_text(rule.calendar.zone), "Europe/Madrid");
    assert_string_equal(rule.notify[0], "ops");
    assert_int_equal(rule.line, 2);
    assert_true(alert_rule_matches(&rule, "madrid", "spain", "sales-2"));
    assert_true(alert_rule_matches(&rule, "bcn", "spain", "sales"));
    assert_false(alert_rule_matches(&rule, "bcnx", "spain", "sales"));
    assert_false(alert_rule_matches(&rule, "madrid", "france", "sales"));
    assert_false(alert_rule_matches(&rule, "madrid", NULL, "sales"));
    alert_rule_deinit(&rule);
}

static void test_defaults_by_metric(void **state)
{
    (void)state;
    struct alert_rule rule;
    assert_int_equal(read_rule("alert \"a\" { metric = abandon_rate above = 0.1 }", &rule), 0);
    assert_int_equal(rule.per, ALERT_PER_QUEUE);
    assert_int_equal(rule.window_ms, 1800000);
    assert_int_equal(rule.calls_min, 20);
    assert_int_equal(rule.for_ms, 120000);
    alert_rule_deinit(&rule);
    assert_int_equal(read_rule("alert \"a\" { metric = site_silent above = 3m }", &rule), 0);
    assert_int_equal(rule.per, ALERT_PER_SITE);
    assert_int_equal(rule.window_ms, 0);
    assert_int_equal(rule.calls_min, 0);
    assert_true(rule.limit == 180000);
    alert_rule_deinit(&rule);
    assert_int_equal(read_rule("alert \"a\" { metric = waiting below = 3 }", &rule), 0);
    assert_true(rule.below && rule.limit == 3);
    alert_rule_deinit(&rule);
}

/* Each with what is said of it: where, and what is allowed. */
static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"alert \"a\" { above = 3 }", "t.conf:1: alert \"a\".metric: is missing; allowed:"},
        {"alert \"a\" { metric = waitin above = 3 }", "did you mean waiting?"},
        {"alert \"a\" { metric = waiting }", "t.conf:1: alert \"a\".above: there is no limit; allowed: exactly one"},
        {"alert \"a\" { metric = waiting above = 3\nbelow = 1 }", "t.conf:2: alert \"a\".below: stands beside above"},
        {"alert \"a\" { metric = waiting above = 3m }", "\"3m\" is not a whole number; allowed: a whole number"},
        {"alert \"a\" { metric = longest_wait above = \"80%\" }", "is not a duration; allowed: a duration such as"},
        {"alert \"a\" { metric = service_level below = 80 }", "is more than all, or its % is missing"},
        {"alert \"a\" { metric = service_level below = \"101%\" }", "is more than all"},
        {"alert \"a\" { metric = service_level below = \"-1\" }", "is no share of the whole"},
        {"alert \"a\" { metric = waiting above = 3 window = 30m }", "waiting is of this moment; allowed: 0s"},
        {"alert \"a\" { metric = asa above = 3s window = 30s }", "too short; allowed: 0s, or 1m to 7d"},
        {"alert \"a\" { metric = disk above = 0.9 calls_min = 3 }", "disk is not made of calls; allowed: 0"},
        {"alert \"a\" { metric = disk above = 0.9 per = site }", "alert \"a\".per: disk is not told of each site"},
        {"alert \"a\" { metric = backlog above = 9m queues = { \"x\" } }", "backlog has no queues; allowed: none"},
        {"alert \"a\" { metric = waiting above = 3 hours = { \"Mo 8-9\" } }", "says no hours of the week; allowed:"},
        {"alert \"a\" { metric = waiting above = 3 mutes = { \"soon\" } }", "says no days or span; allowed:"},
        {"alert \"a\" { metric = waiting above = 3 zone = \"Mars/Base\" }", "is not in this machine's zone data"},
        {"alert \"a\" { metric = waiting above = 3 notify = { \"nobody\" } }", "there is no receiver \"nobody\""},
        {"alert \"a/b\" { metric = waiting above = 3 }", "is not a name for a rule; allowed: 1 to 64 letters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct alert_rule rule;
        assert_int_equal(read_rule(cases[i].text, &rule), STATUS_INVALID);
        if (!strstr(said, cases[i].said)) {
            fail_msg("%s\nsaid: %swanted: %s", cases[i].text, said, cases[i].said);
        }
        assert_non_null(strstr(said, "t.conf:"));
        assert_non_null(strstr(said, "; allowed: "));
    }
    struct alert_rule rule;
    const char *text = "alert \"a\" { metric = waiting above = 3 notify = { \"ops\" } }";
    assert_int_equal(read_with(text, NULL, 0, &rule), STATUS_INVALID);
    assert_non_null(strstr(said, "there are no receivers here"));
}

static void expect_text(enum alert_metric metric, double value, const char *text)
{
    struct buf out = BUF_INIT;
    alert_rule_value(metric, value, &out);
    assert_string_equal(buf_cstr(&out), text);
    buf_deinit(&out);
}

static void test_figures_as_people_write_them(void **state)
{
    (void)state;
    expect_text(ALERT_SERVICE_LEVEL, 0.62, "62 %");
    expect_text(ALERT_SERVICE_LEVEL, 0.6249, "62.5 %");
    expect_text(ALERT_LONGEST_WAIT, 200000, "3m 20s");
    expect_text(ALERT_LONGEST_WAIT, 3600000, "1h");
    expect_text(ALERT_LONGEST_WAIT, 3612000, "1h");
    expect_text(ALERT_LONGEST_WAIT, 250, "250ms");
    expect_text(ALERT_LONGEST_WAIT, 0, "0s");
    expect_text(ALERT_CERTIFICATE, -90000, "-1m 30s");
    expect_text(ALERT_WAITING, 14, "14");
    struct alert_rule rule;
    struct buf out = BUF_INIT;
    assert_int_equal(read_rule("alert \"a\" { metric = service_level below = \"80%\" }", &rule), 0);
    alert_rule_explain(&rule, 0.62, 41, &out);
    assert_string_equal(buf_cstr(&out), "service level 62 % below 80 % (last 30m, 41 calls)");
    buf_deinit(&out);
    alert_rule_deinit(&rule);
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool fits;
    } cases[] = {{"*", "", true},    {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxbyy", false},
                 {"?", "", false},   {"*a?", "aaab", true},      {"abc", "ABC", false},
                 {"**x", "x", true}, {"a*", "ba", false},        {"*.*", "10.0", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *pattern = strdup(cases[i].pattern);
        const struct alert_rule rule = {.sites = &pattern, .site_count = 1};
        assert_int_equal(alert_rule_matches(&rule, cases[i].text, NULL, NULL), cases[i].fits);
        free(pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rule_with_everything),
        cmocka_unit_test(test_defaults_by_metric),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_figures_as_people_write_them),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
