#include "platform/time/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/time/stamp.h"
#include "platform/time/zone.h"

#define NOW "2026-11-21T12:34:56+01:00" /* a Saturday */

static int64_t at(const char *text)
{
    int64_t at_ms = 0;
    assert_int_equal(stamp_parse(slice_str(text), &at_ms), 0);
    return at_ms;
}

static void check(const char *now, const char *word, const char *start, const char *end)
{
    int64_t at_ms = 0;
    assert_int_equal(when_parse(slice_str(word), at(now), false, &at_ms), 0);
    assert_int_equal(at_ms, at(start));
    assert_int_equal(when_parse(slice_str(word), at(now), true, &at_ms), 0);
    assert_int_equal(at_ms, at(end));
}

static void test_moments_are_their_own_end(void **state)
{
    (void)state;
    check(NOW, "now", NOW, NOW);
    check(NOW, "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z");
    check(NOW, "2026-11-20T10:00", "2026-11-20T10:00:00+01:00", "2026-11-20T10:00:00+01:00");
    check(NOW, "2026-07-20 10:00:30", "2026-07-20T10:00:30+02:00", "2026-07-20T10:00:30+02:00");
    check(NOW, "09:15", "2026-11-21T09:15:00+01:00", "2026-11-21T09:15:00+01:00");
    check(NOW, "23:59:59", "2026-11-21T23:59:59+01:00", "2026-11-21T23:59:59+01:00");
    check(NOW, "90m", "2026-11-21T11:04:56+01:00", "2026-11-21T11:04:56+01:00");
    check(NOW, "24h", "2026-11-20T12:34:56+01:00", "2026-11-20T12:34:56+01:00");
    check(NOW, "7d", "2026-11-14T12:34:56+01:00", "2026-11-14T12:34:56+01:00");
}

static void test_spans(void **state)
{
    (void)state;
    check(NOW, "2026-11-20", "2026-11-20T00:00:00+01:00", "2026-11-21T00:00:00+01:00");
    check(NOW, "today", "2026-11-21T00:00:00+01:00", "2026-11-22T00:00:00+01:00");
    check(NOW, "yesterday", "2026-11-20T00:00:00+01:00", "2026-11-21T00:00:00+01:00");
    check(NOW, "this-week", "2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00");
    check(NOW, "last-week", "2026-11-09T00:00:00+01:00", "2026-11-16T00:00:00+01:00");
    check(NOW, "this-month", "2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00");
    check(NOW, "last-month", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00");
}

static void test_edges_of_the_calendar(void **state)
{
    (void)state;
    const char *sunday = "2026-11-22T23:59:59+01:00";
    check(sunday, "this-week", "2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00");
    const char *monday = "2026-11-23T00:00:00+01:00";
    check(monday, "this-week", "2026-11-23T00:00:00+01:00", "2026-11-30T00:00:00+01:00");
    check(monday, "yesterday", "2026-11-22T00:00:00+01:00", "2026-11-23T00:00:00+01:00");
    const char *january = "2027-01-01T00:30:00+01:00";
    check(january, "last-month", "2026-12-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00");
    check(january, "yesterday", "2026-12-31T00:00:00+01:00", "2027-01-01T00:00:00+01:00");
    const char *changing = "2026-10-25T12:00:00+01:00"; /* a day of 25 hours */
    check(changing, "today", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00");
    check(changing, "24h", "2026-10-24T13:00:00+02:00", "2026-10-24T13:00:00+02:00");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const shapes[] = {"",     "7",    "tomorrow", "-7d",         "7 d",        "d",
                                         "9:15", "0915", "2026-11",  "2026-11-21T", "2026/11/21", "Today"};
    int64_t at_ms = 42;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        assert_int_equal(when_parse(slice_str(shapes[i]), at(NOW), false, &at_ms), STATUS_INVALID);
    }
    static const char *const values[] = {"2026-02-30", "24:00", "10:60", "2026-11-21T25:00", "99999999999d"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(when_parse(slice_str(values[i]), at(NOW), false, &at_ms), STATUS_RANGE);
    }
    assert_int_equal(at_ms, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments_are_their_own_end),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_edges_of_the_calendar),
        cmocka_unit_test(test_refused),
    };
    if (zone_set("Europe/Madrid") != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
