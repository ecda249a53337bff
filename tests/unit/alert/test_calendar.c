#include "proto/alert/alert_calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"

static struct alert_calendar calendar;

static int clear(void **state)
{
    (void)state;
    alert_calendar_deinit(&calendar);
    return zone_set("UTC");
}

static void hours(const char *text)
{
    struct buf why = BUF_INIT;
    assert_int_equal(alert_calendar_take_hours(&calendar, slice_str(text), &why), 0);
    buf_deinit(&why);
}

static void mute(const char *text)
{
    struct buf why = BUF_INIT;
    assert_int_equal(alert_calendar_take_mute(&calendar, slice_str(text), &why), 0);
    buf_deinit(&why);
}

static bool counts(const char *stamp)
{
    int64_t at_ms;
    assert_int_equal(stamp_parse(slice_str(stamp), &at_ms), 0);
    return alert_calendar_counts(&calendar, at_ms);
}

static void test_none_is_always(void **state)
{
    (void)state;
    assert_true(counts("2026-11-21T03:00:00Z"));
}

static void test_hours_of_the_week(void **state)
{
    (void)state;
    hours("Mon-Fri 08:00-20:00");
    hours("Sat 09:00-13:00");
    assert_true(counts("2026-11-20T08:00:00Z")); /* a Friday */
    assert_false(counts("2026-11-20T07:59:59Z"));
    assert_true(counts("2026-11-20T19:59:59Z"));
    assert_false(counts("2026-11-20T20:00:00Z"));
    assert_true(counts("2026-11-21T12:00:00Z"));
    assert_false(counts("2026-11-21T13:00:00Z"));
    assert_false(counts("2026-11-22T12:00:00Z"));
}

static void test_into_the_next_day_and_week(void **state)
{
    (void)state;
    hours("Sun 22:00-06:00");
    assert_true(counts("2026-11-22T23:00:00Z"));
    assert_true(counts("2026-11-23T05:59:59Z")); /* Monday */
    assert_false(counts("2026-11-23T06:00:00Z"));
    assert_false(counts("2026-11-24T05:00:00Z"));
    alert_calendar_deinit(&calendar);
    hours("Sat-Mon");
    assert_true(counts("2026-11-22T00:00:00Z"));
    assert_true(counts("2026-11-23T23:59:59Z"));
    assert_false(counts("2026-11-24T00:00:00Z"));
}

static void test_days_and_spans(void **state)
{
    (void)state;
    mute("2026-12-24..2026-12-26");
    mute("2026-12-30T12:00..2026-12-31T08:00");
    mute("yearly 01-06");
    assert_true(counts("2026-12-23T23:59:59Z"));
    assert_false(counts("2026-12-24T00:00:00Z"));
    assert_false(counts("2026-12-26T23:59:59Z"));
    assert_true(counts("2026-12-27T00:00:00Z"));
    assert_true(counts("2026-12-30T11:59:59Z"));
    assert_false(counts("2026-12-31T07:59:59Z"));
    assert_true(counts("2026-12-31T08:00:00Z"));
    assert_false(counts("2031-01-06T12:00:00Z"));
    assert_true(counts("2031-01-07T00:00:00Z"));
}

/* In Madrid the night to 2026-03-29 has no 02:00..03:00, that to 2026-10-25 has it twice. */
static void test_clocks_that_change(void **state)
{
    (void)state;
    assert_int_equal(zone_find("Europe/Madrid", &calendar.zone), 0);
    hours("daily 22:00-06:00");
    assert_true(counts("2026-03-28T21:00:00Z"));
    assert_true(counts("2026-03-29T03:59:59Z")); /* 05:59 in summer */
    assert_false(counts("2026-03-29T04:00:00Z"));
    assert_true(counts("2026-10-24T20:00:00Z"));
    assert_true(counts("2026-10-25T04:59:59Z")); /* 05:59 in winter */
    assert_false(counts("2026-10-25T05:00:00Z"));
    alert_calendar_deinit(&calendar);
    assert_int_equal(zone_find("Europe/Madrid", &calendar.zone), 0);
    mute("2026-10-25");
    assert_true(counts("2026-10-24T21:59:59Z"));
    assert_false(counts("2026-10-24T22:00:00Z"));
    assert_false(counts("2026-10-25T22:59:59Z")); /* 25 hours */
    assert_true(counts("2026-10-25T23:00:00Z"));
}

static void test_the_thread_keeps_its_zone(void **state)
{
    (void)state;
    const struct zone *tokyo;
    assert_int_equal(zone_find("Asia/Tokyo", &tokyo), 0);
    assert_int_equal(zone_find("Europe/Madrid", &calendar.zone), 0);
    zone_use(tokyo);
    (void)counts("2026-11-21T12:00:00Z");
    assert_string_equal(zone_name(), "Asia/Tokyo");
    zone_use(NULL);
    (void)counts("2026-11-21T12:00:00Z");
    assert_string_equal(zone_name(), "UTC");
    zone_use(NULL);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const bad_hours[] = {"",
                                            "Mo",
                                            "Mon 8:00-9:00",
                                            "Mon 08:00",
                                            "Mon-",
                                            "daily 24:00-01:00",
                                            "Mon 08:00-08:00",
                                            "Mon 08:60-09:00",
                                            "Mon 08:00-25:00",
                                            "Mon-Fri 08:00-20:00 "};
    static const char *const bad_mutes[] = {"",
                                            "2026-02-30",
                                            "2026-13-01",
                                            "2026-12-26..2026-12-24",
                                            "2026-12-24T12:00",
                                            "yearly 13-01",
                                            "yearly 02-30",
                                            "2026-12-24T12:00..2026-12-24T12:00",
                                            "2026-12-24..",
                                            "26-12-24"};
    for (size_t i = 0; i < sizeof bad_hours / sizeof bad_hours[0]; i++) {
        struct buf why = BUF_INIT;
        assert_int_equal(alert_calendar_take_hours(&calendar, slice_str(bad_hours[i]), &why), STATUS_INVALID);
        assert_true(why.len > 0);
        buf_deinit(&why);
    }
    for (size_t i = 0; i < sizeof bad_mutes / sizeof bad_mutes[0]; i++) {
        struct buf why = BUF_INIT;
        assert_int_equal(alert_calendar_take_mute(&calendar, slice_str(bad_mutes[i]), &why), STATUS_INVALID);
        assert_true(why.len > 0);
        buf_deinit(&why);
    }
    assert_int_equal(calendar.hours_count + calendar.mute_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_none_is_always, clear, clear),
        cmocka_unit_test_setup_teardown(test_hours_of_the_week, clear, clear),
        cmocka_unit_test_setup_teardown(test_into_the_next_day_and_week, clear, clear),
        cmocka_unit_test_setup_teardown(test_days_and_spans, clear, clear),
        cmocka_unit_test_setup_teardown(test_clocks_that_change, clear, clear),
        cmocka_unit_test_setup_teardown(test_the_thread_keeps_its_zone, clear, clear),
        cmocka_unit_test_setup_teardown(test_what_is_refused, clear, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
