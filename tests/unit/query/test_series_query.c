/* Columns over time and over the week: their shape, and that they say the same as the rows do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/kpi_query.h"
#include "collector/query/series_query.h"
#include "platform/base/status.h"
#include "tests/unit/query/desk.h"

static struct series_fields fields;

static void choose(const char *list)
{
    struct query_why why = {""};
    fields = (struct series_fields){.count = 0};
    assert_int_equal(series_fields_take(&fields, slice_str(list), &why), 0);
}

static int ask_series(struct desk *desk)
{
    return series_query(desk->scope, &desk->query, desk->zone, &fields, &desk->document, &desk->why);
}

static int ask_week(struct desk *desk)
{
    return series_week(desk->scope, &desk->query, desk->zone, &fields, &desk->document, &desk->why);
}

static int64_t sum_of(const struct json *list)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_count(list, ""); i++) {
        sum += json_kind(json_item(list, i), "") == JSON_INT ? desk_int(json_item(list, i), "") : 0;
    }
    return sum;
}

static int64_t total_of(struct desk *desk, const char *field)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_count(desk->document, "series"); i++) {
        sum += sum_of(json_at(json_item(json_at(desk->document, "series"), i), field));
    }
    return sum;
}

static void test_names_of_figures(void **state)
{
    struct query_why why = {""};
    unsigned field;
    (void)state;
    for (unsigned i = 0; series_field_name(i); i++) {
        assert_true(series_field_find(slice_str(series_field_name(i)), &field));
        assert_int_equal(field, i);
    }
    assert_false(series_field_find(slice_str(""), &field));
    assert_true(series_field_find(slice_str("abandon_rate"), &field) && series_field_is_ratio(field));
    assert_true(series_field_find(slice_str("asa_ms"), &field) && !series_field_is_ratio(field));
    choose("entered,answered,entered");
    assert_int_equal(fields.count, 2); /* once is enough */
    assert_int_equal(series_fields_take(&fields, slice_str("entered,nonsense"), &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "'nonsense' is no figure; there are entered, answered"));
    assert_int_equal(series_fields_take(&fields, slice_str(""), &why), STATUS_INVALID);
    assert_int_equal(series_fields_take(&fields, slice_str("entered,"), &why), STATUS_INVALID);
    series_fields_usual(&fields);
    assert_true(fields.count > 0);
}

static void test_shape(void **state)
{
    struct desk *desk = *state;
    choose("entered,service_level,waiting_max,wait_p90_ms");
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour", "from=2026-11-19", "to=2026-11-20"), 0);
    assert_int_equal(ask_series(desk), 0);
    assert_string_equal(json_text(desk->document, "step"), "hour");
    assert_string_equal(json_text(desk->document, "fields/1"), "service_level");
    assert_string_equal(json_text(desk->document, "from"), "2026-11-19T00:00:00+01:00");
    assert_int_equal(json_count(desk->document, "series"), 1);
    const struct json *series = json_at(desk->document, "series/0");
    assert_string_equal(json_text(series, "queue"), "*");
    assert_int_equal(json_kind(series, "site"), JSON_NOTHING);
    assert_string_equal(json_text(series, "start/0"), "2026-11-19T00:00:00+01:00");
    static const char *const columns[] = {"complete",      "balanced",    "entered",
                                          "service_level", "waiting_max", "wait_p90_ms"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        assert_int_equal(json_count(series, columns[i]), json_count(series, "start"));
    }
    assert_int_equal(json_kind(series, "waiting_max/0"), JSON_NULL_VALUE); /* of several queues there is none */
    assert_true(desk_number(desk->document, "series/0/settings/threshold_s") > 0);
}

static void compare_with_rows(struct desk *desk)
{
    struct json *columns = desk->document;
    desk->document = NULL;
    assert_int_equal(kpi_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why), 0);
    const struct json *rows = json_at(desk->document, "rows");
    size_t points = 0;
    for (size_t i = 0; i < json_count(columns, "series"); i++) {
        const struct json *series = json_item(json_at(columns, "series"), i);
        size_t at = 0;
        for (size_t r = 0; r < json_count(rows, ""); r++) {
            const struct json *row = json_item(rows, r);
            if (strcmp(json_text(row, "site"), json_text(series, "site")) != 0 ||
                strcmp(json_text(row, "queue"), json_text(series, "queue")) != 0) {
                continue;
            }
            assert_string_equal(json_text(row, "start"), json_text(json_item(json_at(series, "start"), at), ""));
            assert_int_equal(desk_int(row, "entered"), desk_int(json_item(json_at(series, "entered"), at), ""));
            assert_int_equal(json_kind(row, "asa_ms") == JSON_NULL_VALUE,
                             json_kind(json_item(json_at(series, "asa_ms"), at), "") == JSON_NULL_VALUE);
            at++;
        }
        assert_int_equal(at, json_count(series, "start"));
        points += at;
    }
    assert_int_equal(points, json_count(rows, ""));
    json_free(columns);
}

static void test_as_the_rows(void **state)
{
    static const char *const by[] = {"by=total,interval", "by=queue,hour", "by=site,hour", "by=site,queue,day"};
    struct desk *desk = *state;
    choose("entered,asa_ms");
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, by[i]), 0);
        assert_int_equal(ask_series(desk), 0);
        assert_int_equal(json_count(desk->document, "series"), i == 0 ? 1 : i == 1 ? 2 : i == 2 ? 3 : 6);
        compare_with_rows(desk);
    }
}

static void test_sums_agree(void **state)
{
    static const char *const by[] = {"by=total,interval", "by=total,hour", "by=total,day", "by=site,hour",
                                     "by=site,queue,interval"};
    struct desk *desk = *state;
    int64_t whole = 0;
    choose("entered");
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, by[i]), 0);
        assert_int_equal(ask_series(desk), 0);
        int64_t sum = total_of(desk, "entered");
        whole = i == 0 ? sum : whole;
        assert_int_equal(sum, whole);
    }
    assert_true(whole > 0);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour-of-week"), 0);
    assert_int_equal(ask_week(desk), 0);
    assert_int_equal(sum_of(json_at(desk->document, "cells/entered")), whole);
    int64_t north = 0;
    assert_int_equal(DESK_ASK(desk, KPI_GROUP, "north", NULL, "by=total,hour"), 0);
    assert_int_equal(ask_series(desk), 0);
    north = total_of(desk, "entered");
    assert_int_equal(DESK_ASK(desk, KPI_SITE, "malaga-03", NULL, "by=total,hour"), 0);
    assert_int_equal(ask_series(desk), 0);
    assert_int_equal(north + total_of(desk, "entered"), whole);
}

static void test_nothing_held(void **state)
{
    struct desk *desk = *state;
    choose("entered,service_level");
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour", "from=2026-01-01", "to=2026-01-02"), 0);
    assert_int_equal(ask_series(desk), 0);
    assert_int_equal(json_kind(desk->document, "series"), JSON_LIST);
    assert_int_equal(json_count(desk->document, "series"), 0);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour-of-week", "from=2026-01-01", "to=2026-01-02"),
                     0);
    assert_int_equal(ask_week(desk), 0);
    assert_int_equal(json_count(desk->document, "cells/entered"), 168);
    assert_int_equal(json_kind(desk->document, "cells/entered/0"), JSON_NULL_VALUE);
    assert_int_equal(json_kind(desk->document, "cells/complete/167"), JSON_NULL_VALUE);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour", "queue=nobody"), 0);
    assert_int_equal(ask_series(desk), STATUS_NOT_FOUND);
    assert_null(desk->document);
}

static void test_week(void **state)
{
    struct desk *desk = *state;
    choose("entered,abandon_rate,waiting_end");
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour-of-week"), 0);
    assert_int_equal(ask_week(desk), 0);
    assert_string_equal(json_text(desk->document, "weekdays/0"), "Mon");
    assert_int_equal(json_count(desk->document, "weekdays"), 7);
    assert_int_equal(json_kind(desk->document, "cells/entered/0"), JSON_NULL_VALUE);   /* no Monday */
    assert_int_equal(json_kind(desk->document, "cells/entered/72"), JSON_INT);         /* Thursday, midnight */
    assert_int_equal(json_kind(desk->document, "cells/entered/119"), JSON_INT);        /* Friday, eleven at night */
    assert_int_equal(json_kind(desk->document, "cells/entered/120"), JSON_NULL_VALUE); /* Saturday */
    assert_int_equal(json_kind(desk->document, "cells/waiting_end/72"), JSON_NULL_VALUE);
    assert_int_equal(json_kind(desk->document, "cells/complete/72"), JSON_BOOL);
    assert_true(desk_number(desk->document, "service_level/threshold_s") > 0);
}

static int64_t entered_at(struct desk *desk, const char *start)
{
    const struct json *series = json_at(desk->document, "series/0");
    for (size_t i = 0; i < json_count(series, "start"); i++) {
        if (strcmp(json_text(json_item(json_at(series, "start"), i), ""), start) == 0) {
            return desk_int(json_item(json_at(series, "entered"), i), "");
        }
    }
    fail_msg("nothing at %s", start);
    return 0;
}

/* A day of 25 hours: two of them are the same hour of the week. */
static void test_week_when_clocks_change(void **state)
{
    struct desk *desk = *state;
    struct rng rng = {3};
    const struct sums_branch branch = {.site = fake_centre_site(desk->store, "zamora-04", 0, "Europe/Madrid"),
                                       .interval_s = 900,
                                       .from_s = sums_at_s("2026-10-24T22:00:00Z"),
                                       .to_s = sums_at_s("2026-10-25T23:00:00Z"),
                                       .queues = 1};
    sums_add_branch(desk->store, &rng, &branch);
    choose("entered");
    assert_int_equal(DESK_ASK(desk, KPI_SITE, "zamora-04", NULL, "by=total,hour"), 0);
    assert_int_equal(ask_series(desk), 0);
    int64_t twice = entered_at(desk, "2026-10-25T02:00:00+02:00") + entered_at(desk, "2026-10-25T02:00:00+01:00");
    int64_t before = entered_at(desk, "2026-10-25T01:00:00+02:00");
    assert_int_equal(DESK_ASK(desk, KPI_SITE, "zamora-04", NULL, "by=total,hour-of-week"), 0);
    assert_int_equal(ask_week(desk), 0);
    assert_int_equal(desk_int(desk->document, "cells/entered/146"), twice); /* Sunday, two o'clock */
    assert_int_equal(desk_int(desk->document, "cells/entered/145"), before);
}

static void test_limits_and_time(void **state)
{
    struct desk *desk = *state;
    choose("entered,asa_ms,wait_p99_ms");
    desk->centre.row_limit = 10;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour"), 0);
    assert_int_equal(ask_series(desk), STATUS_FULL);
    assert_non_null(strstr(desk->why.text, "more than 10 rows"));
    assert_null(desk->document);
    desk->centre.row_limit = 0;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=site,queue,hour"), 0);
    desk_hurry(desk, ask_series);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=total,hour-of-week"), 0);
    desk_hurry(desk, ask_week);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_figures),
        cmocka_unit_test_setup_teardown(test_shape, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_as_the_rows, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_sums_agree, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_nothing_held, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_week, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_week_when_clocks_change, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_limits_and_time, desk_open, desk_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
