/* The rows one by one: the same as in the document, ended by whoever takes them, and given up when the time is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/kpi_query.h"
#include "platform/base/status.h"
#include "tests/unit/query/desk.h"

struct taken {
    const struct json *rows;
    size_t count;
    size_t end_at; /* SIZE_MAX: never */
};

static int take_row(void *ctx, const struct kpi_row *row)
{
    struct taken *taken = ctx;
    if (taken->count == taken->end_at) {
        return 7;
    }
    const struct json *same = json_item(taken->rows, taken->count++);
    if (taken->rows) {
        assert_int_equal(desk_int(same, "entered"), row->sum->flow[FLOW_ENTERED]);
        assert_int_equal(desk_int(same, "wait_answered_ms/sum"), row->sum->duration[DURATION_WAIT_ANSWERED].sum_ms);
        assert_true(slice_is(row->queue, json_text(same, "queue")));
        assert_string_equal(json_text(same, "site"), row->site ? row->site : "");
        assert_int_equal(json_bool(same, "complete"), row->complete);
        assert_int_equal(json_bool(same, "balanced"), row->balanced);
    }
    return 0;
}

static void test_same_as_the_document(void **state)
{
    static const char *const by[] = {"by=site,queue", "by=total,hour", "by=site,queue,day", "by=queue,hour-of-week"};
    struct desk *desk = *state;
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, by[i]), 0);
        assert_int_equal(kpi_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why), 0);
        struct taken taken = {json_at(desk->document, "rows"), 0, SIZE_MAX};
        assert_int_equal(kpi_walk(desk->scope, &desk->query, desk->zone, NULL, take_row, &taken, &desk->why), 0);
        assert_int_equal(taken.count, json_count(desk->document, "rows"));
        assert_true(taken.count > 0);
        desk_done(desk);
    }
}

static void test_ended_by_who_takes(void **state)
{
    struct desk *desk = *state;
    struct taken taken = {NULL, 0, 3};
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "by=site,queue,hour"), 0);
    assert_int_equal(kpi_walk(desk->scope, &desk->query, desk->zone, NULL, take_row, &taken, &desk->why), 7);
    assert_int_equal(taken.count, 3);
    assert_string_equal(desk->why.text, "");
}

static int answer(struct desk *desk)
{
    return kpi_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why);
}

static void test_late(void **state)
{
    static const char *const by[] = {"by=site,queue,hour", "by=total,interval", "by=total", "by=site,hour-of-week"};
    struct desk *desk = *state;
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, by[i]), 0);
        desk_hurry(desk, answer);
        assert_true(json_count(desk->document, "rows") > 0);
    }
}

/* A branch whose day runs, asked at seven minutes past nine in the evening; `ahead`: its clock is, by an hour. */
static void add_running(struct desk *desk, const char *id, bool ahead)
{
    struct rng rng = {5};
    const struct sums_branch branch = {.site = fake_centre_site(desk->store, id, 0, "Europe/Madrid"),
                                       .interval_s = 900,
                                       .from_s = sums_at_s("2026-11-18T23:00:00Z"),
                                       .to_s = sums_at_s(ahead ? "2026-11-20T21:15:00Z" : "2026-11-20T20:15:00Z"),
                                       .queues = 2};
    sums_add_branch(desk->store, &rng, &branch);
    desk->centre.now_ms = sums_at_s("2026-11-20T20:07:00Z") * 1000;
    desk->store->contacts[branch.site - 1].last_seen_ms = desk->centre.now_ms - 1000;
}

static int64_t entered_of(struct desk *desk, const char *id, const char *by)
{
    int64_t sum = 0;
    desk->store->interval_reads = desk->store->hour_reads = desk->store->day_reads = 0;
    assert_int_equal(DESK_ASK(desk, KPI_SITE, id, NULL, by, "from=2026-11-20", "to=2026-11-20T21:07:00"), 0);
    assert_int_equal(kpi_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why), 0);
    assert_string_equal(json_text(desk->document, "to"), "2026-11-20T21:15:00+01:00");
    for (size_t i = 0; i < json_count(desk->document, "rows"); i++) {
        const struct json *row = json_item(json_at(desk->document, "rows"), i);
        sum += desk_int(row, "entered");
        assert_true(json_bool(row, "complete") && json_bool(row, "balanced"));
    }
    return sum;
}

static void test_a_day_that_runs(void **state)
{
    static const char *const by[] = {"by=queue", "by=queue,day", "by=queue,hour"};
    struct desk *desk = *state;
    add_running(desk, "zamora-04", false);
    add_running(desk, "zaragoza-05", true);
    int64_t plain = entered_of(desk, "zamora-04", "by=queue,interval");
    int64_t plain_ahead = entered_of(desk, "zaragoza-05", "by=queue,interval");
    assert_true(plain > 0);
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        assert_int_equal(entered_of(desk, "zamora-04", by[i]), plain);
        assert_int_equal(desk->store->interval_reads, 0); /* nothing is held behind the end */
        assert_int_equal(desk->store->hour_reads == 0, i < 2);
        assert_int_equal(entered_of(desk, "zaragoza-05", by[i]), plain_ahead);
        assert_true(desk->store->interval_reads > 0);
    }
}

static int take_whole(void *ctx, const struct kpi_row *row)
{
    uint64_t *sums = ctx;
    sums[0] += row->sum->flow[FLOW_ENTERED];
    sums[1] += row->sum->duration[DURATION_WAIT_ANSWERED].hist.total;
    sums[2] += row->sum->duration[DURATION_TALK].sum_ms;
    return 0;
}

static void test_only_some_durations(void **state)
{
    static const char *const by[] = {"by=site", "by=site,queue,day", "by=total", "by=queue,hour"};
    struct desk *desk = *state;
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        uint64_t whole[3] = {0};
        uint64_t some[3] = {0};
        const struct kpi_walk_wish wish = {take_whole, some, 1U << DURATION_WAIT_ANSWERED};
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, by[i]), 0);
        assert_int_equal(kpi_walk(desk->scope, &desk->query, desk->zone, NULL, take_whole, whole, &desk->why), 0);
        assert_int_equal(kpi_walk_some(desk->scope, &desk->query, desk->zone, NULL, &wish, &desk->why), 0);
        assert_memory_equal(whole, some, sizeof whole);
        assert_true(whole[0] > 0 && whole[1] > 0 && whole[2] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_as_the_document, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_ended_by_who_takes, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_a_day_that_runs, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_only_some_durations, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_late, desk_open, desk_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
