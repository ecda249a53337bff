/* What the rules are held against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/event/event.h"
#include "platform/base/status.h"
#include "tests/unit/sentry/desk.h"

static void assert_told(struct desk *desk, const char *rule, const char *queue, double value)
{
    const struct desk_told *told = desk_hears(desk, "firing", rule, queue);
    assert_true(told->known);
    assert_true(told->value > value - 1e-9 && told->value < value + 1e-9);
}

static void test_service_level_goes_by_each_queues_own_settings(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "level", ALERT_SERVICE_LEVEL, 1.5)->below = true;
    desk->ledger->settings[DESK_SUPPORT] =
        (struct queue_settings){.sl_method = SL_ASTERISK_SL, .sl_threshold_ms = 60000, .short_abandon_ms = 5000};
    desk->ledger->has_settings[DESK_SUPPORT] = true;
    desk_interval(desk, 1, DESK_SALES, 3, 1, 40000);
    desk_interval(desk, 1, DESK_SUPPORT, 3, 1, 40000);
    desk_look(desk);
    assert_told(desk, "level", "sales", 0);
    assert_told(desk, "level", "support", 1);
    desk_hears_nothing(desk);
}

static void test_window_reaches_back_over_whole_intervals(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "rate", ALERT_ABANDON_RATE, 0)->window_ms = 30 * 60000;
    desk_rule(desk, "long", ALERT_ABANDON_RATE, 0)->window_ms = 3600000;
    desk_interval(desk, 4, DESK_SALES, 0, 4, 0); /* begins just within the hour's first interval */
    desk_interval(desk, 3, DESK_SALES, 0, 10, 0);
    desk_interval(desk, 2, DESK_SALES, 1, 1, 1000);
    desk_interval(desk, 0, DESK_SALES, 2, 0, 1000);
    desk_look(desk);
    assert_told(desk, "rate", "sales", 0.25);
    assert_told(desk, "long", "sales", 15.0 / 18);
    desk_hears_nothing(desk);
}

static void test_a_site_is_all_its_queues_together(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "asa", ALERT_ASA, 0)->per = ALERT_PER_SITE;
    desk_rule(desk, "level", ALERT_SERVICE_LEVEL, 0)->per = ALERT_PER_SITE;
    desk_interval(desk, 0, DESK_SALES, 1, 0, 10000);
    desk_interval(desk, 0, DESK_SUPPORT, 3, 0, 30000);
    desk_look(desk);
    assert_told(desk, "asa", "", 25000);
    assert_told(desk, "level", "", 0.25);
    desk_hears_nothing(desk);
}

static void test_queues_of_a_rule_are_those_that_fit(void **state)
{
    static char *only[] = {(char *)(uintptr_t) "su*"};
    struct desk *desk = *state;
    for (int per = ALERT_PER_QUEUE; per <= ALERT_PER_SITE; per++) {
        struct alert_rule *rule = desk_rule(desk, per == ALERT_PER_QUEUE ? "one" : "all", ALERT_ASA, 0);
        rule->queues = only;
        rule->queue_count = 1;
        rule->per = (enum alert_per)per;
    }
    desk_interval(desk, 0, DESK_SALES, 1, 0, 10000);
    desk_interval(desk, 0, DESK_SUPPORT, 1, 0, 30000);
    desk_look(desk);
    assert_told(desk, "one", "support", 30000);
    assert_told(desk, "all", "", 30000);
    desk_hears_nothing(desk);
}

static void test_intervals_out_of_balance_are_counted(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "books", ALERT_UNBALANCED, 0);
    desk_rule(desk, "site", ALERT_UNBALANCED, 1)->per = ALERT_PER_SITE;
    desk_interval(desk, 0, DESK_SALES, 1, 0, 10000)->waiting_end = 1; /* not over yet */
    desk_interval(desk, 1, DESK_SALES, 1, 0, 10000)->waiting_end = 1;
    desk_interval(desk, 1, DESK_SUPPORT, 1, 0, 10000)->waiting_start = 5;
    desk_look(desk);
    assert_told(desk, "books", "sales", 1);
    assert_told(desk, "books", "support", 1);
    assert_told(desk, "site", "", 2);
    desk_hears_nothing(desk);
}

static void test_too_few_calls_say_nothing(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "rate", ALERT_ABANDON_RATE, 0.1)->calls_min = 5;
    desk_interval(desk, 0, DESK_SALES, 0, 4, 0);
    desk_interval(desk, 0, DESK_SUPPORT, 0, 5, 0);
    desk_look(desk);
    assert_told(desk, "rate", "support", 1);
    desk_hears_nothing(desk);
}

static void test_this_moment_without_a_live_source_is_the_ledgers(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk_rule(desk, "longest", ALERT_LONGEST_WAIT, 0);
    desk_rule(desk, "both", ALERT_WAITING, 0)->per = ALERT_PER_SITE;
    desk_rule(desk, "worst", ALERT_LONGEST_WAIT, 0)->per = ALERT_PER_SITE;
    desk_rule(desk, "nobody", ALERT_NO_OPERATOR, 0);
    desk_rule(desk, "none here", ALERT_NO_OPERATOR, 0)->per = ALERT_PER_SITE;
    desk_waits(desk, DESK_SALES, desk->now_ms - 5000);
    desk_waits(desk, DESK_SALES, desk->now_ms - 90000);
    desk_waits(desk, DESK_SUPPORT, desk->now_ms - 7000);
    struct call_leg *talks = fake_ledger_add_open(desk->ledger);
    *talks = (struct call_leg){.queue = DESK_SUPPORT, .enter_ms = 1, .connect_ms = 2, .state = LEG_CONNECTED};
    desk_look(desk);
    assert_told(desk, "waiting", "sales", 2);
    assert_told(desk, "waiting", "support", 1);
    assert_told(desk, "longest", "sales", 90000);
    assert_told(desk, "longest", "support", 7000);
    assert_told(desk, "both", "", 3);
    assert_told(desk, "worst", "", 90000);
    desk_hears_nothing(desk); /* operators are not known */
}

static void put(struct desk *desk, enum event_kind kind, const char *call_id, const char *queue, int64_t at_ms)
{
    const struct call_event event = {.kind = kind,
                                     .at_ms = at_ms,
                                     .call_id = slice_str(call_id),
                                     .queue = slice_str(queue),
                                     .wait_ms = EVENT_UNKNOWN,
                                     .talk_ms = EVENT_UNKNOWN,
                                     .ring_ms = EVENT_UNKNOWN,
                                     .position = EVENT_UNKNOWN,
                                     .original_position = EVENT_UNKNOWN};
    assert_int_equal(board_put(desk->board, &event), 0);
}

static void enter(struct desk *desk, const char *call_id, const char *queue, int64_t at_ms)
{
    put(desk, EVENT_ENTER, call_id, queue, at_ms);
}

static void leave(struct desk *desk, const char *call_id, const char *queue, int64_t at_ms)
{
    put(desk, EVENT_ABANDON, call_id, queue, at_ms);
}

static void test_this_moment_is_the_boards_while_it_is_on(void **state)
{
    struct desk *desk = *state;
    const struct board_options options = {.keep_number = false};
    const struct board_stand_member sales = {slice_str("sales"), false};
    const struct board_stand ana = {.name = slice_str("Ana"),
                                    .interface = slice_str("PJSIP/1"),
                                    .state = SHIFT_READY,
                                    .since_ms = desk->now_ms,
                                    .members = &sales,
                                    .member_count = 1};
    assert_int_equal(board_new(&options, &desk->board), 0);
    board_on(desk->board, desk->now_ms - 60000);
    enter(desk, "1.1", "sales", desk->now_ms - 30000);
    enter(desk, "1.2", "unheard of", desk->now_ms - 20000);
    enter(desk, "1.3", "unheard of", desk->now_ms - 10000);
    assert_int_equal(board_stand(desk->board, &ana), 0);
    desk_waits(desk, DESK_SUPPORT, desk->now_ms - 7000); /* the board knows better */
    desk_rule(desk, "waiting", ALERT_WAITING, 0);
    desk_rule(desk, "nobody", ALERT_NO_OPERATOR, 0);
    desk_rule(desk, "none here", ALERT_NO_OPERATOR, 0)->per = ALERT_PER_SITE;
    desk_look(desk);
    assert_told(desk, "waiting", "sales", 1);
    assert_told(desk, "waiting", "unheard of", 2);
    assert_told(desk, "nobody", "unheard of", 2);
    assert_told(desk, "none here", "", 2);
    desk_hears_nothing(desk);
    leave(desk, "1.2", "unheard of", desk->now_ms);
    leave(desk, "1.3", "unheard of", desk->now_ms);
    desk_pass(desk, 1000);
    desk_hears(desk, "resolved", "waiting", "unheard of");
    desk_hears(desk, "resolved", "nobody", "unheard of");
    desk_hears(desk, "resolved", "none here", "");
    desk_hears_nothing(desk);
    board_off(desk->board, desk->now_ms);
    desk_look(desk);
    desk_hears(desk, "firing", "waiting", "support");
    desk_hears(desk, "resolved", "waiting", "sales");
    desk_hears_nothing(desk); /* operators are not known */
}

static void test_vitals(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "silent", ALERT_SITE_SILENT, 0);
    desk_rule(desk, "backlog", ALERT_BACKLOG, 0);
    desk_rule(desk, "clock", ALERT_CLOCK_OFFSET, 1000);
    desk_rule(desk, "certificate", ALERT_CERTIFICATE, 1e9)->below = true;
    desk_rule(desk, "disk", ALERT_DISK, 0.5)->per = ALERT_PER_ALL;
    desk->ledger->facts.used_bytes = 3;
    desk->ledger->facts.map_bytes = 4;
    desk->ledger->backlog = (struct ledger_backlog){.dirty = 2, .oldest_start_s = desk->now_ms / 1000 - 2000};
    desk->vitals = (struct sentry_vitals){.centre_configured = true,
                                          .centre_lost_ms = 70000,
                                          .certificate_end_ms = desk->now_ms + 5000,
                                          .clock_offset_ms = -4000};
    desk_look(desk);
    assert_told(desk, "silent", "", 70000);
    assert_told(desk, "backlog", "", 1100000); /* since the interval was over */
    assert_told(desk, "clock", "", 4000);
    assert_told(desk, "certificate", "", 5000);
    assert_told(desk, "disk", "", 0.75);
    desk_hears_nothing(desk);
}

static void test_a_site_without_a_centre_misses_none(void **state)
{
    struct desk *desk = *state;
    desk_rule(desk, "silent", ALERT_SITE_SILENT, 0);
    desk_rule(desk, "backlog", ALERT_BACKLOG, 0);
    desk_rule(desk, "certificate", ALERT_CERTIFICATE, 1e9)->below = true;
    desk->ledger->backlog = (struct ledger_backlog){.dirty = 2, .oldest_start_s = 900};
    desk->vitals.centre_lost_ms = 70000;
    desk_look(desk);
    desk_hears_nothing(desk);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, desk_setup, desk_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_service_level_goes_by_each_queues_own_settings),
        CASE(test_window_reaches_back_over_whole_intervals),
        CASE(test_a_site_is_all_its_queues_together),
        CASE(test_queues_of_a_rule_are_those_that_fit),
        CASE(test_intervals_out_of_balance_are_counted),
        CASE(test_too_few_calls_say_nothing),
        CASE(test_this_moment_without_a_live_source_is_the_ledgers),
        CASE(test_this_moment_is_the_boards_while_it_is_on),
        CASE(test_vitals),
        CASE(test_a_site_without_a_centre_misses_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
