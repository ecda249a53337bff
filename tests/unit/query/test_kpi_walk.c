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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_as_the_document, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_ended_by_who_takes, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_late, desk_open, desk_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
