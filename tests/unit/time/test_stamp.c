#include "platform/time/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/base/status.h"

static int64_t parsed(const char *text)
{
    int64_t at_ms = -1;
    assert_int_equal(stamp_parse(slice_str(text), &at_ms), 0);
    return at_ms;
}

static void test_parse(void **state)
{
    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("2026-11-21T10:00:00Z"), INT64_C(1795255200000));
    assert_int_equal(parsed("2026-11-21t10:00:00z"), INT64_C(1795255200000));
    assert_int_equal(parsed("2026-11-21 11:00:00+01:00"), INT64_C(1795255200000));
    assert_int_equal(parsed("2026-11-21T04:30:00-05:30"), INT64_C(1795255200000));
    assert_int_equal(parsed("2026-11-21T10:00:00.25Z"), INT64_C(1795255200250));
    assert_int_equal(parsed("2026-11-21T10:00:00.123999Z"), INT64_C(1795255200123));
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
    assert_int_equal(parsed("2024-02-29T00:00:00Z"), INT64_C(1709164800000));
    assert_int_equal(parsed("1969-12-31T23:59:59.999Z"), -1);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "",
        "2026-11-21",
        "2026-11-21T10:00Z",
        "2026-11-21T10:00:00",
        "2026-11-21T10:00:00ZZ",
        "2026-11-21T10:00:00+0100",
        "2026-11-21T10:00:00.Z",
        " 2026-11-21T10:00:00Z",
        "26-11-21T10:00:00Z",
        "2026-11-21T10:00:00+24:00",
    };
    static const char *const values[] = {
        "2026-13-21T10:00:00Z", "2026-02-29T10:00:00Z", "2026-00-21T10:00:00Z",
        "2026-11-00T10:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z",
    };
    int64_t at_ms = 42;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        assert_int_equal(stamp_parse(slice_str(shapes[i]), &at_ms), STATUS_INVALID);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(stamp_parse(slice_str(values[i]), &at_ms), STATUS_RANGE);
    }
    assert_int_equal(at_ms, 42);
}

static void test_format(void **state)
{
    (void)state;
    char text[STAMP_MAX];
    assert_string_equal(stamp_format(INT64_C(1795255200000), 0, text), "2026-11-21T10:00:00Z");
    assert_string_equal(stamp_format(INT64_C(1795255200007), 3600, text), "2026-11-21T11:00:00.007+01:00");
    assert_string_equal(stamp_format(INT64_C(1795255200000), -12600, text), "2026-11-21T06:30:00-03:30");
    assert_string_equal(stamp_format(-1, 0, text), "1969-12-31T23:59:59.999Z");
    assert_string_equal(stamp_format(INT64_MAX, 3600, text), "9999-12-31T23:59:59.999+01:00");
    assert_string_equal(stamp_format(INT64_MIN, -3600, text), "0000-01-01T00:00:00-01:00");
}

static void test_every_day_of_eight_centuries(void **state)
{
    (void)state;
    int64_t expected = stamp_days_of(1600, 1, 1);
    assert_int_equal(expected, -135140);
    for (int64_t year = 1600; year < 2400; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= stamp_month_days(year, month); day++, expected++) {
                int64_t back_year;
                unsigned back_month;
                unsigned back_day;
                assert_int_equal(stamp_days_of(year, month, day), expected);
                stamp_civil_of(expected, &back_year, &back_month, &back_day);
                assert_true(back_year == year && back_month == month && back_day == day);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_every_day_of_eight_centuries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
