#include "collector/query/kpi_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "collector/query/kpi_slots.h"
#include "platform/time/stamp.h"

static int64_t at(const char *stamp)
{
    int64_t at_ms = 0;
    assert_int_equal(stamp_parse(slice_str(stamp), &at_ms), 0);
    return at_ms / 1000;
}

static const struct zone *use(const char *name)
{
    const struct zone *zone = NULL;
    assert_int_equal(zone_find(name, &zone), 0);
    zone_use(zone);
    return zone;
}

static void expect(struct kpi_plan *plan, enum kpi_run_kind kind, const char *from, const char *to)
{
    struct kpi_run run;
    assert_true(kpi_plan_next(plan, &run));
    assert_int_equal(run.kind, kind);
    assert_int_equal(run.from_s, at(from));
    assert_int_equal(run.to_s, at(to));
}

static void expect_end(struct kpi_plan *plan)
{
    struct kpi_run run;
    assert_false(kpi_plan_next(plan, &run));
}

static void test_days_hours_and_intervals(void **state)
{
    (void)state;
    const struct zone *utc = use("UTC");
    struct kpi_raw raw = {0};
    struct kpi_plan plan;
    kpi_plan_init(&plan, &raw, 0, 900, at("2026-10-24T15:30:00+02:00"), at("2026-10-28T01:15:00+01:00"));
    kpi_plan_use_days(&plan, use("Europe/Madrid"), utc);
    expect(&plan, KPI_RUN_INTERVALS, "2026-10-24T15:30:00+02:00", "2026-10-24T16:00:00+02:00");
    expect(&plan, KPI_RUN_HOURS, "2026-10-24T16:00:00+02:00", "2026-10-25T00:00:00+02:00");
    struct kpi_run run;
    assert_true(kpi_plan_next(&plan, &run));
    assert_int_equal(run.kind, KPI_RUN_DAYS);
    assert_int_equal(run.to_s - run.from_s, (25 + 24 + 24) * 3600);
    assert_int_equal(run.from_key_s, at("2026-10-25T00:00:00Z"));
    assert_int_equal(run.to_key_s, at("2026-10-28T00:00:00Z"));
    expect(&plan, KPI_RUN_HOURS, "2026-10-28T00:00:00+01:00", "2026-10-28T01:00:00+01:00");
    expect(&plan, KPI_RUN_INTERVALS, "2026-10-28T01:00:00+01:00", "2026-10-28T01:15:00+01:00");
    expect_end(&plan);
    assert_string_equal(zone_name(), "UTC");
}

static void test_raw_hours_are_left_to_intervals(void **state)
{
    (void)state;
    const struct zone *utc = use("UTC");
    struct kpi_raw raw = {0};
    struct kpi_plan plan;
    assert_int_equal(kpi_raw_add(&raw, 7, at("2026-10-02T05:15:00Z")), 0);
    assert_int_equal(kpi_raw_add(&raw, 7, at("2026-10-02T05:30:00Z")), 0);
    assert_int_equal(kpi_raw_add(&raw, 3, at("2026-10-01T05:30:00Z")), 0);
    assert_int_equal(raw.count, 2);
    kpi_raw_sort(&raw);
    kpi_plan_init(&plan, &raw, 7, 900, at("2026-10-01T00:00:00Z"), at("2026-10-04T00:00:00Z"));
    kpi_plan_use_days(&plan, utc, utc);
    expect(&plan, KPI_RUN_DAYS, "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z");
    expect(&plan, KPI_RUN_HOURS, "2026-10-02T00:00:00Z", "2026-10-02T05:00:00Z");
    expect(&plan, KPI_RUN_INTERVALS, "2026-10-02T05:00:00Z", "2026-10-02T06:00:00Z");
    expect(&plan, KPI_RUN_HOURS, "2026-10-02T06:00:00Z", "2026-10-03T00:00:00Z");
    expect(&plan, KPI_RUN_DAYS, "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z");
    expect_end(&plan);
    kpi_raw_deinit(&raw);
}

static void test_edges_within_long_intervals(void **state)
{
    (void)state;
    struct kpi_raw raw = {0};
    struct kpi_plan plan;
    (void)use("UTC");
    kpi_plan_init(&plan, &raw, 0, 3600, at("2026-10-01T18:30:00Z"), at("2026-10-02T18:30:00Z"));
    expect(&plan, KPI_RUN_INTERVALS, "2026-10-01T18:30:00Z", "2026-10-01T20:00:00Z");
    expect(&plan, KPI_RUN_HOURS, "2026-10-01T20:00:00Z", "2026-10-02T17:00:00Z");
    expect(&plan, KPI_RUN_INTERVALS, "2026-10-02T17:00:00Z", "2026-10-02T18:30:00Z");
    expect_end(&plan);
}

static void expect_hours(const char *zone, const char *from, const char *to, const char *const *starts)
{
    struct kpi_slots slots;
    struct kpi_slot slot;
    char text[STAMP_MAX];
    (void)use(zone);
    kpi_slots_init(&slots, QUERY_BY_HOUR, 900, at(from), at(to));
    for (; *starts; starts++) {
        assert_true(kpi_slots_next(&slots, &slot));
        assert_string_equal(zone_format(slot.start_s * 1000, text), *starts);
    }
    assert_false(kpi_slots_next(&slots, &slot));
}

static void test_hours_where_clocks_change(void **state)
{
    (void)state;
    static const char *const autumn[] = {"2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00",
                                         "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00", NULL};
    expect_hours("Europe/Madrid", "2026-10-25T01:30:00+02:00", "2026-10-25T04:00:00+01:00", autumn);
    static const char *const spring[] = {"2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", NULL};
    expect_hours("Europe/Madrid", "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00", spring);
    static const char *const howe_back[] = {"2026-04-05T01:00:00+11:00", "2026-04-05T01:30:00+10:30",
                                            "2026-04-05T02:00:00+10:30", NULL};
    expect_hours("Australia/Lord_Howe", "2026-04-05T01:00:00+11:00", "2026-04-05T03:00:00+10:30", howe_back);
    expect_hours("Australia/Lord_Howe", "2026-04-05T01:45:00+10:30", "2026-04-05T03:00:00+10:30", howe_back + 1);
    static const char *const howe_forth[] = {"2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00",
                                             "2026-10-04T03:00:00+11:00", NULL};
    expect_hours("Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", "2026-10-04T04:00:00+11:00", howe_forth);
    static const char *const kathmandu[] = {"2026-10-04T01:00:00+05:45", "2026-10-04T02:00:00+05:45", NULL};
    expect_hours("Asia/Kathmandu", "2026-10-04T01:15:00+05:45", "2026-10-04T02:30:00+05:45", kathmandu);
}

static void test_hours_of_the_week(void **state)
{
    (void)state;
    (void)use("Europe/Madrid");
    assert_int_equal(kpi_slots_hour_of_week(at("2026-11-16T00:00:00+01:00")), 0); /* a Monday */
    assert_int_equal(kpi_slots_hour_of_week(at("2026-11-22T23:59:59+01:00")), 167);
    assert_int_equal(kpi_slots_hour_of_week(at("2026-11-18T09:30:00+01:00")), 2 * 24 + 9);
    (void)use("Asia/Kolkata");
    assert_int_equal(kpi_slots_hour_of_week(at("2026-11-15T18:30:00Z")), 0);
}

static int stop_using(void **state)
{
    (void)state;
    zone_use(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_days_hours_and_intervals, stop_using),
        cmocka_unit_test_teardown(test_raw_hours_are_left_to_intervals, stop_using),
        cmocka_unit_test_teardown(test_edges_within_long_intervals, stop_using),
        cmocka_unit_test_teardown(test_hours_where_clocks_change, stop_using),
        cmocka_unit_test_teardown(test_hours_of_the_week, stop_using),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
