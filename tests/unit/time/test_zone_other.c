/* Zones beside the process's own: the same answers as libc gives, whichever thread asks. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/time/rule.h"
#include "platform/time/when.h"
#include "platform/time/zone.h"

static int64_t at(const char *text)
{
    int64_t at_ms = 0;
    assert_int_equal(stamp_parse(slice_str(text), &at_ms), 0);
    return at_ms / 1000;
}

static const struct zone *use(const char *name)
{
    const struct zone *zone = NULL;
    assert_int_equal(zone_find(name, &zone), 0);
    zone_use(zone);
    assert_string_equal(zone_name(), name);
    return zone;
}

static int stop_using(void **state)
{
    (void)state;
    zone_use(NULL);
    return 0;
}

static void expect_day(const char *noon, const char *start, const char *next)
{
    assert_int_equal(zone_local_day_start(at(noon)), at(start));
    assert_int_equal(zone_next_day_start(at(noon)), at(next));
    assert_int_equal(zone_date_start(zone_date_of(at(noon))), at(start));
}

static void compare_span(const char *name, const char *from, const char *to, int64_t step_s)
{
    const struct zone *zone = NULL;
    assert_int_equal(zone_set(name), 0);
    assert_int_equal(zone_find(name, &zone), 0);
    for (int64_t t = at(from); t < at(to); t += step_s) {
        zone_use(NULL);
        int32_t expected = zone_offset(t);
        zone_use(zone);
        if (zone_offset(t) != expected) {
            char text[STAMP_MAX];
            fail_msg("%s at %s: %d, libc says %d", name, stamp_format(t * 1000, 0, text), zone_offset(t), expected);
        }
    }
    zone_use(NULL);
}

static void test_every_hour_of_years_as_libc_says(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "UTC",
        "Europe/Madrid",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Africa/Casablanca",
        "America/Sao_Paulo",
        "Antarctica/Troll",
        "Europe/Dublin",
        "America/St_Johns",
    };
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        compare_span(zones[i], "2010-12-25T00:00:00Z", "2013-01-10T00:00:00Z", 1800);
        compare_span(zones[i], "2025-12-25T00:00:00Z", "2028-01-10T00:00:00Z", 1800);
        compare_span(zones[i], "2037-06-01T00:00:00Z", "2039-01-10T00:00:00Z", 1800);
        compare_span(zones[i], "1990-01-01T00:00:00Z", "2100-01-01T00:00:00Z", 5 * 86400 + 3600);
    }
}

/* Every file below a directory of the zone data that libc takes as well. */
static void compare_directory(const char *root, const char *below)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, below);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[300];
        (void)snprintf(name, sizeof name, "%s/%s", below, entry->d_name);
        const struct zone *zone = NULL;
        if (entry->d_name[0] != '.' && zone_set(name) == 0) {
            assert_int_equal(zone_find(name, &zone), 0);
            compare_span(name, "1975-01-01T00:00:00Z", "2060-01-01T00:00:00Z", 17 * 86400 + 5 * 3600);
        }
    }
    (void)closedir(dir);
}

static void test_all_zones_as_libc_says(void **state)
{
    (void)state;
    static const char *const parts[] = {"Africa",    "America", "Antarctica", "Asia",   "Atlantic",
                                        "Australia", "Europe",  "Indian",     "Pacific"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        compare_directory("/usr/share/zoneinfo", parts[i]);
    }
}

static void test_unknown_zones(void **state)
{
    (void)state;
    const struct zone *zone = NULL;
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    const char *const bad[] = {
        "Europe/Atlantis", "",        "/etc/passwd",    "../../../etc/passwd", "Europe", "zone.tab", "+1",
        "CET-1CEST;",      long_name, "Europe//Madrid", "Europe/Madrid/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(zone_find(bad[i], &zone), STATUS_NOT_FOUND);
        assert_null(zone);
    }
}

static void test_found_once(void **state)
{
    (void)state;
    const struct zone *first = use("Europe/Madrid");
    assert_string_equal(zone_text(first), "Europe/Madrid");
    assert_ptr_equal(use("Europe/Madrid"), first);
    assert_ptr_not_equal(use("Asia/Kolkata"), first);
}

static void test_local_is_what_the_process_got(void **state)
{
    (void)state;
    const struct zone *zone = NULL;
    assert_int_equal(zone_set("Asia/Tokyo"), 0);
    assert_int_equal(zone_find("local", &zone), 0);
    assert_string_equal(zone_text(zone), "America/New_York"); /* set in main() */
    zone_use(zone);
    assert_int_equal(zone_offset(at("2026-07-01T00:00:00Z")), -4 * 3600);
    zone_use(NULL);
    assert_int_equal(zone_offset(at("2026-07-01T00:00:00Z")), 9 * 3600);
    assert_string_equal(zone_name(), "Asia/Tokyo");
}

static void test_days_of_all_lengths(void **state)
{
    (void)state;
    (void)use("Europe/Madrid");
    expect_day("2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"); /* 23 h */
    expect_day("2026-10-25T12:00:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"); /* 25 h */
    (void)use("Australia/Lord_Howe");
    expect_day("2026-10-04T12:00:00+11:00", "2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00"); /* 23.5 h */
    expect_day("2026-04-05T12:00:00+10:30", "2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:30"); /* 24.5 h */
    (void)use("Antarctica/Troll");
    expect_day("2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00+02:00"); /* 22 h */
    (void)use("America/Sao_Paulo");
    expect_day("2018-11-04T12:00:00-02:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"); /* no 0:00 */
    expect_day("2018-02-17T12:00:00-02:00", "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00"); /* 23:00 twice */
    (void)use("Pacific/Apia"); /* there was no 2011-12-30 */
    expect_day("2011-12-29T12:00:00-10:00", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00");
    assert_int_equal(zone_date_start((struct zone_date){2011, 12, 30}), at("2011-12-31T00:00:00+14:00"));
    (void)use("Africa/Casablanca"); /* Ramadan of 2026 */
    assert_int_equal(zone_offset(at("2026-02-20T12:00:00Z")), 0);
    assert_int_equal(zone_offset(at("2026-05-20T12:00:00Z")), 3600);
    (void)use("Asia/Kathmandu");
    expect_day("2026-11-21T12:00:00+05:45", "2026-11-21T00:00:00+05:45", "2026-11-22T00:00:00+05:45");
}

static void test_moments(void **state)
{
    (void)state;
    (void)use("Australia/Lord_Howe");
    assert_int_equal(zone_moment((struct zone_date){2026, 10, 4}, 2 * 3600 + 600), at("2026-10-04T02:30:00+11:00"));
    assert_int_equal(zone_moment((struct zone_date){2026, 4, 5}, 3600 + 2400), at("2026-04-05T01:40:00+11:00"));
    assert_int_equal(zone_local_hour_start(at("2026-04-05T10:20:00+10:30")), at("2026-04-05T10:00:00+10:30"));
}

static void test_words_go_by_the_zone_in_force(void **state)
{
    (void)state;
    int64_t out_ms = 0;
    int64_t now_ms = at("2026-11-21T20:00:00Z") * 1000;
    assert_int_equal(zone_set("UTC"), 0);
    (void)use("Asia/Kolkata");
    assert_int_equal(when_parse(slice_str("today"), now_ms, false, &out_ms), 0);
    assert_int_equal(out_ms / 1000, at("2026-11-22T00:00:00+05:30"));
    zone_use(NULL);
    assert_int_equal(when_parse(slice_str("today"), now_ms, false, &out_ms), 0);
    assert_int_equal(out_ms / 1000, at("2026-11-21T00:00:00Z"));
}

struct asker {
    const char *zone;
    int32_t summer_s;
    unsigned wrong;
};

static void *ask_often(void *ctx)
{
    struct asker *asker = ctx;
    for (int i = 0; i < 2000; i++) {
        const struct zone *zone = NULL;
        if (zone_find(asker->zone, &zone) != 0) {
            asker->wrong++;
            continue;
        }
        zone_use(zone);
        asker->wrong += zone_offset(INT64_C(1782900000)) != asker->summer_s; /* in July of 2026 */
        asker->wrong += strcmp(zone_name(), asker->zone) != 0;
    }
    return NULL;
}

static void test_threads_have_zones_of_their_own(void **state)
{
    (void)state;
    struct asker askers[] = {{"Europe/Madrid", 7200, 0}, {"Asia/Kolkata", 19800, 0}, {"America/Chicago", -18000, 0}};
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].wrong, 0);
    }
}

static void test_rules(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC0",          "<+0330>-3:30",         "EST5EDT",
                                       "AAA-1BBB-2:30", "XXX3EDT4,0/0,J365/23", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"};
    static const char *const bad[] = {"",
                                      "AB1",
                                      "UTC",
                                      "UTC25",
                                      "<AB>1",
                                      "<ABC1",
                                      "CET-1CE,",
                                      "CET-1CEST,M13.1.0,M1.1.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,J0,J365",
                                      "CET-1CEST,M3.5.0/168,M10.5.0",
                                      "CET-1CEST,366,1",
                                      "CET-1 "};
    struct rule rule;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(rule_parse(slice_str(good[i]), &rule), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(rule_parse(slice_str(bad[i]), &rule), STATUS_INVALID);
    }
    assert_int_equal(rule_parse(slice_str("XXX3EDT4,0/0,J365/23"), &rule), 0); /* summer all the year */
    for (int64_t t = at("2026-12-30T00:00:00Z"); t < at("2027-01-03T00:00:00Z"); t += 900) {
        assert_int_equal(rule_offset(&rule, t), -4 * 3600);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_hour_of_years_as_libc_says, stop_using),
        cmocka_unit_test_teardown(test_all_zones_as_libc_says, stop_using),
        cmocka_unit_test_teardown(test_unknown_zones, stop_using),
        cmocka_unit_test_teardown(test_found_once, stop_using),
        cmocka_unit_test_teardown(test_local_is_what_the_process_got, stop_using),
        cmocka_unit_test_teardown(test_days_of_all_lengths, stop_using),
        cmocka_unit_test_teardown(test_moments, stop_using),
        cmocka_unit_test_teardown(test_words_go_by_the_zone_in_force, stop_using),
        cmocka_unit_test_teardown(test_threads_have_zones_of_their_own, stop_using),
        cmocka_unit_test(test_rules),
    };
    if (setenv("TZ", "America/New_York", 1) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
