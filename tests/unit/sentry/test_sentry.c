/* Who is told, when, and what is remembered of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/sentry/desk.h"

static void stop_waiting(struct desk *desk)
{
    desk->ledger->open_count = 0;
}

static void test_firing_and_resolved_are_told_once(void **state)
{
    struct desk *desk = *state;
    struct alert_rule *rule = desk_rule(desk, "waiting", ALERT_WAITING, 0);
    rule->for_ms = rule->keep_ms = 30000;
    rule->summary = (char *)(uintptr_t) "call the shift lead";
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk_pass(desk, 15000);
    desk_hears_nothing(desk);
    desk_pass(desk, 15000);
    const struct desk_told *told = desk_hears(desk, "firing", "waiting", "sales");
    assert_string_equal(told->line,
                        "waiting, firing (warning): sales at madrid-01: callers waiting 1 above 0; call the "
                        "shift lead");
    desk_pass(desk, 15000);
    stop_waiting(desk);
    desk_pass(desk, 15000);
    desk_hears_nothing(desk);
    desk_pass(desk, 30000);
    desk_hears(desk, "resolved", "waiting", "sales");
    desk_pass(desk, 15000);
    desk_hears_nothing(desk);
}

static void test_while_the_centre_is_there_it_tells(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk->options.when = SENTRY_OFFLINE;
    desk->vitals = (struct sentry_vitals){.centre_configured = true};
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk->vitals.centre_lost_ms = 59999;
    desk_pass(desk, 15000);
    desk_hears_nothing(desk);
    assert_int_equal(sentry_sum(desk->sentry).firing, 1);
    desk->vitals.centre_lost_ms = 60000;
    desk_pass(desk, 1);
    desk_hears(desk, "firing", "waiting", "sales"); /* it began long before */
    desk->vitals.centre_lost_ms = 0;
    desk_waits(desk, DESK_SUPPORT, desk->now_ms);
    desk_pass(desk, 15000);
    desk_hears_nothing(desk);
    stop_waiting(desk);
    desk_pass(desk, 15000);
    desk_hears(desk, "resolved", "waiting", "sales"); /* for it was told that it fires; support was not */
    desk_hears_nothing(desk);
}

static void test_a_site_without_a_centre_always_tells(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk->options.when = SENTRY_OFFLINE;
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk_hears(desk, "firing", "waiting", "sales");
}

static void test_even_with_no_patience_a_centre_that_is_there_tells(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk->options.when = SENTRY_OFFLINE;
    desk->options.offline_after_ms = 0;
    desk->vitals = (struct sentry_vitals){.centre_configured = true};
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk_hears_nothing(desk);
    desk->vitals.centre_lost_ms = 1;
    desk_look(desk);
    desk_hears(desk, "firing", "waiting", "sales");
}

static void test_outside_of_its_hours_a_rule_is_silent(void **state)
{
    struct desk *desk = *state;
    struct alert_rule *rule = desk_rule(desk, "waiting", ALERT_WAITING, 0);
    struct alert_hours hour = {.from_min = 0, .to_min = 1}; /* a minute on Mondays */
    rule->calendar.hours = &hour;
    rule->calendar.hours_count = 1;
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk_hears_nothing(desk);
    rule->calendar.hours_count = 0;
    desk_pass(desk, 15000);
    desk_hears(desk, "firing", "waiting", "sales");
}

static void test_when_the_calls_stop_so_does_the_alert(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "rate", ALERT_ABANDON_RATE, 0.5)->calls_min = 1;
    desk_interval(desk, 0, DESK_SALES, 0, 3, 0);
    desk_look(desk);
    desk_hears(desk, "firing", "rate", "sales");
    desk_pass(desk, 3 * 3600000);
    assert_false(desk_hears(desk, "resolved", "rate", "sales")->known);
    desk_hears_nothing(desk);
}

static void test_a_ledger_that_cannot_be_read_changes_nothing(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk_hears(desk, "firing", "waiting", "sales");
    stop_waiting(desk);
    desk->ledger->view_status = STATUS_IO;
    assert_int_equal(sentry_look(desk->sentry, &desk->vitals, desk->now_ms + 15000), STATUS_IO);
    assert_int_equal(sentry_sum(desk->sentry).firing, 1);
    desk_hears_nothing(desk);
    desk->ledger->view_status = 0;
    desk_pass(desk, 30000);
    desk_hears(desk, "resolved", "waiting", "sales");
}

static struct json *saved(const struct desk *desk)
{
    struct json *state = json_new_map();
    sentry_save(desk->sentry, state);
    return state;
}

static void test_what_was_told_is_known_after_a_restart(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk_rule(desk, "gone", ALERT_WAITING, 0);
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    desk_hears(desk, "firing", "waiting", "sales");
    desk_hears(desk, "firing", "gone", "sales");
    struct json *state_before = saved(desk);
    desk->rule_count = 1; /* the other was taken out of the file */
    desk_open(desk);
    assert_int_equal(sentry_restore(desk->sentry, state_before), 0);
    json_free(state_before);
    desk_pass(desk, 15000);
    desk_hears_nothing(desk);
    stop_waiting(desk);
    desk_pass(desk, 15000);
    desk_hears(desk, "resolved", "waiting", "sales");
    desk_hears_nothing(desk);
}

static void test_time_that_ran_before_a_restart_counts(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0)->for_ms = 60000;
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_look(desk);
    struct json *state_before = saved(desk);
    desk_open(desk);
    assert_int_equal(sentry_restore(desk->sentry, state_before), 0);
    json_free(state_before);
    desk_pass(desk, 60000);
    desk_hears(desk, "firing", "waiting", "sales");
}

static void test_a_state_that_is_none_of_ours_is_refused(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "1",
                                        "{\"watch\":{}}",
                                        "{\"watch\":{\"version\":1,\"at_ms\":1,\"alerts\":{},\"mutes\":[]}}",
                                        "{\"watch\":7,\"told_here\":[\"zz\",3,null]}"};
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk_waits(desk, DESK_SALES, desk->now_ms);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json *json = NULL;
        assert_int_equal(json_parse(slice_str(texts[i]), 1000, &json, NULL, 0), 0);
        desk_open(desk);
        assert_int_equal(sentry_restore(desk->sentry, json), STATUS_INVALID);
        json_free(json);
        desk_look(desk);
        desk_hears(desk, "firing", "waiting", "sales");
    }
}

static void test_the_document_and_the_sum(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "late", ALERT_WAITING, 0)->for_ms = 60000;
    desk_rule(desk, "now", ALERT_WAITING, 0)->severity = ALERT_CRITICAL;
    desk_waits(desk, DESK_SALES, desk->now_ms);
    desk_open(desk);
    uint64_t quiet = sentry_sum(desk->sentry).version;
    desk_look(desk);
    struct sentry_sum sum = sentry_sum(desk->sentry);
    assert_int_not_equal(sum.version, quiet);
    assert_int_equal(sum.firing, 1);
    assert_int_equal(sum.critical, 1);
    assert_int_equal(sum.pending, 1);
    assert_string_equal(sum.worst, "now: sales at madrid-01: callers waiting 1 above 0");
    desk_pass(desk, 15000);
    assert_true(sentry_sum(desk->sentry).version == sum.version); /* nothing new */
    struct json *document = sentry_state(desk->sentry, desk->now_ms);
    assert_string_equal(json_text(document, "site"), "madrid-01");
    assert_true(json_bool(document, "configured"));
    assert_true(json_bool(document, "telling"));
    assert_int_equal(json_count(document, "rules"), 2);
    assert_int_equal(json_count(document, "alerts"), 2);
    assert_string_equal(json_text(document, "alerts/0/rule"), "now");
    assert_string_equal(json_text(document, "alerts/1/phase"), "pending");
    json_free(document);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, desk_setup, desk_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_firing_and_resolved_are_told_once),
        CASE(test_while_the_centre_is_there_it_tells),
        CASE(test_a_site_without_a_centre_always_tells),
        CASE(test_even_with_no_patience_a_centre_that_is_there_tells),
        CASE(test_outside_of_its_hours_a_rule_is_silent),
        CASE(test_when_the_calls_stop_so_does_the_alert),
        CASE(test_a_ledger_that_cannot_be_read_changes_nothing),
        CASE(test_what_was_told_is_known_after_a_restart),
        CASE(test_time_that_ran_before_a_restart_counts),
        CASE(test_a_state_that_is_none_of_ours_is_refused),
        CASE(test_the_document_and_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
