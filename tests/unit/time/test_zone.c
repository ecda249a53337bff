#include "platform/time/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static int64_t at(const char *text)
{
    int64_t at_ms = 0;
    assert_int_equal(stamp_parse(slice_str(text), &at_ms), 0);
    return at_ms / 1000;
}

static void use(const char *zone)
{
    assert_int_equal(zone_set(zone), 0);
    assert_string_equal(zone_name(), zone);
}

static void test_unknown_zones_are_refused(void **state)
{
    (void)state;
    use("Europe/Madrid");
    static const char *const bad[] = {"Europe/Atlantis", "", "/etc/passwd", "../etc/passwd", "Europe", "CET-1CEST;"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(zone_set(bad[i]), STATUS_NOT_FOUND);
    }
    assert_string_equal(zone_name(), "Europe/Madrid");
    assert_int_equal(zone_offset(at("2026-07-01T00:00:00Z")), 7200);
}

static void test_local_is_what_the_process_got(void **state)
{
    (void)state;
    use("Asia/Tokyo");
    assert_int_equal(zone_set("local"), 0);
    assert_string_equal(zone_name(), "America/New_York"); /* set in main() */
    assert_int_equal(zone_offset(at("2026-07-01T00:00:00Z")), -4 * 3600);
}

static void test_days_have_23_24_or_25_hours(void **state)
{
    (void)state;
    use("Europe/Madrid");
    int64_t spring = at("2026-03-29T00:00:00+01:00");
    assert_int_equal(zone_local_day_start(at("2026-03-29T12:00:00+02:00")), spring);
    assert_int_equal(zone_next_day_start(spring) - spring, 23 * 3600);
    int64_t autumn = at("2026-10-25T00:00:00+02:00");
    assert_int_equal(zone_local_day_start(at("2026-10-25T23:59:59+01:00")), autumn);
    assert_int_equal(zone_next_day_start(autumn) - autumn, 25 * 3600);
    int64_t plain = at("2026-11-21T00:00:00+01:00");
    assert_int_equal(zone_local_day_start(plain), plain);
    assert_int_equal(zone_local_day_start(plain - 1), plain - 86400);
    assert_int_equal(zone_next_day_start(plain), plain + 86400);
}

static void test_a_year_of_days_is_seamless(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Madrid", "Africa/Cairo",       "America/Havana",
                                        "Asia/Beirut",   "America/St_Johns",   "Asia/Kathmandu",
                                        "UTC",           "Australia/Lord_Howe"};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        use(zones[i]);
        int64_t start = zone_local_day_start(at("2025-01-01T12:00:00Z"));
        for (int day = 0; day < 730; day++) {
            int64_t next = zone_next_day_start(start);
            assert_true(next - start >= 23 * 3600 && next - start <= 25 * 3600);
            assert_int_equal(zone_local_day_start(next - 1), start);
            assert_int_equal(zone_local_day_start(next), next);
            assert_int_equal(zone_date_start(zone_date_of(start)), start);
            start = next;
        }
    }
}

static void test_midnight_that_does_not_exist(void **state)
{
    (void)state;
    use("Africa/Cairo"); /* 2025-04-25 00:00 became 01:00 */
    int64_t start = zone_date_start((struct zone_date){2025, 4, 25});
    assert_int_equal(start, at("2025-04-24T22:00:00Z"));
    assert_int_equal(zone_next_day_start(start) - start, 23 * 3600);
}

static void test_a_day_that_was_skipped(void **state)
{
    (void)state;
    use("Pacific/Apia"); /* there was no 2011-12-30 */
    int64_t start = zone_date_start((struct zone_date){2011, 12, 30});
    assert_int_equal(start, at("2011-12-31T00:00:00+14:00"));
    assert_int_equal(zone_next_day_start(at("2011-12-29T12:00:00-10:00")), start);
}

static void test_hours_of_half_hour_zones(void **state)
{
    (void)state;
    use("Asia/Kathmandu"); /* UTC+5:45 */
    assert_int_equal(zone_local_hour_start(at("2026-11-21T10:44:59+05:45")), at("2026-11-21T10:00:00+05:45"));
    assert_int_equal(zone_local_hour_start(at("2026-11-21T04:15:00Z")), at("2026-11-21T04:15:00Z"));
}

static void test_moments(void **state)
{
    (void)state;
    use("Europe/Madrid");
    struct zone_date spring = {2026, 3, 29};
    struct zone_date autumn = {2026, 10, 25};
    assert_int_equal(zone_moment(spring, 9 * 3600), at("2026-03-29T09:00:00+02:00"));
    assert_int_equal(zone_moment(spring, 2 * 3600 + 1800), at("2026-03-29T03:00:00+02:00"));
    assert_int_equal(zone_moment(autumn, 2 * 3600 + 1800), at("2026-10-25T02:30:00+02:00"));
    assert_int_equal(zone_moment(autumn, 3 * 3600), at("2026-10-25T03:00:00+01:00"));
    assert_int_equal(zone_moment(autumn, 0), at("2026-10-25T00:00:00+02:00"));
}

static void test_format(void **state)
{
    (void)state;
    char text[STAMP_MAX];
    use("Europe/Madrid");
    assert_string_equal(zone_format(at("2026-11-21T10:00:00Z") * 1000, text), "2026-11-21T11:00:00+01:00");
    assert_string_equal(zone_format(at("2026-07-21T10:00:00Z") * 1000, text), "2026-07-21T12:00:00+02:00");
    use("UTC");
    assert_string_equal(zone_format(at("2026-07-21T10:00:00Z") * 1000, text), "2026-07-21T10:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_zones_are_refused),
        cmocka_unit_test(test_local_is_what_the_process_got),
        cmocka_unit_test(test_days_have_23_24_or_25_hours),
        cmocka_unit_test(test_a_year_of_days_is_seamless),
        cmocka_unit_test(test_midnight_that_does_not_exist),
        cmocka_unit_test(test_a_day_that_was_skipped),
        cmocka_unit_test(test_hours_of_half_hour_zones),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_format),
    };
    if (setenv("TZ", "America/New_York", 1) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
