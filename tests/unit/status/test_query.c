#include "proto/report/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/time/stamp.h"
#include "platform/time/zone.h"

static struct query query;
static struct query_why why;
static int64_t now_ms;

static int setup(void **state)
{
    (void)state;
    query_init(&query, REPORT_KPI);
    why.text[0] = 0;
    return zone_set("UTC") || stamp_parse(slice_str("2026-11-21T12:00:00Z"), &now_ms);
}

static int take(const char *item)
{
    return query_take_item(&query, slice_str(item), now_ms, &why);
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < REPORT_KIND_COUNT; kind++) {
        assert_int_equal(query_kind_find(slice_str(query_kind_name((enum report_kind)kind))), kind);
    }
    assert_int_equal(query_kind_find(slice_str("kp")), REPORT_KIND_COUNT);
}

static void test_everything_kpi_takes(void **state)
{
    (void)state;
    assert_int_equal(take("from=yesterday"), 0);
    assert_int_equal(take("to=yesterday"), 0);
    assert_int_equal(take("queue=sales"), 0);
    assert_int_equal(take("queue=a=b&c"), 0);
    assert_int_equal(take("by=queue,hour,total"), 0);
    assert_int_equal(take("by=day"), 0);
    assert_int_equal(take("service_level=30s"), 0);
    assert_int_equal(take("service_level_method=amazon"), 0);
    assert_int_equal(take("short_abandon=500ms"), 0);
    assert_int_equal(query_check(&query, &why), 0);
    assert_int_equal(query.to_ms - query.from_ms, 86400000);
    assert_int_equal(query.queue_count, 2);
    assert_true(query_wants_queue(&query, slice_str("a=b&c")));
    assert_false(query_wants_queue(&query, slice_str("sale")));
    assert_int_equal(query.grain, QUERY_BY_HOUR);
    assert_true(query.total);
    assert_int_equal(query.sl_threshold_ms, 30000);
    assert_int_equal(query.sl_method, SL_AMAZON);
    assert_int_equal(query.short_abandon_ms, 500);
}

static void test_nothing_asked_is_everything(void **state)
{
    (void)state;
    assert_true(query_wants_queue(&query, slice_str("any")));
    assert_false(query.has_from || query.has_to || query.total);
    assert_int_equal(query.grain, QUERY_WHOLE);
    assert_int_equal(query.sl_method, SL_METHOD_COUNT);
    assert_int_equal(query_check(&query, &why), 0);
}

static void test_refusals_say_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        int status;
        const char *says;
    } cases[] = {
        {"colour=red", STATUS_INVALID, "kpi has no option 'colour'; it has from, to, queue, by"},
        {"limit=5", STATUS_INVALID, "kpi has no option 'limit'"},
        {"", STATUS_INVALID, "kpi has no option ''"},
        {"from=tomorrow", STATUS_INVALID, "from 'tomorrow' is not allowed; allowed: 2026-11-21T10:00:00Z"},
        {"from", STATUS_INVALID, "from '' is not allowed"},
        {"by=month", STATUS_INVALID, "queue, total, interval, hour, day"},
        {"by=", STATUS_INVALID, "by ''"},
        {"by=hour,", STATUS_INVALID, "by 'hour,'"},
        {"service_level=-1s", STATUS_INVALID, "service_level '-1s'"},
        {"service_level=25h", STATUS_RANGE, "up to 24h"},
        {"service_level_method=erlang", STATUS_INVALID, "known: asterisk_sl asterisk_sl2 amazon genesys"},
        {"short_abandon=soon", STATUS_INVALID, "short_abandon 'soon'"},
        {"from=\x1b[31m\xff", STATUS_INVALID, "from '?[31m?'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(take(cases[i].item), cases[i].status);
        assert_non_null(strstr(why.text, cases[i].says));
    }
    assert_int_equal(query.sl_method, SL_METHOD_COUNT);
    assert_int_equal(query.sl_threshold_ms, -1);
}

static void test_reports_know_their_own_options(void **state)
{
    (void)state;
    query_init(&query, REPORT_CALLS);
    assert_int_equal(take("limit=5"), 0);
    assert_int_equal(query.limit, 5);
    assert_int_equal(take("limit=0"), STATUS_RANGE);
    assert_int_equal(take("limit=10001"), STATUS_RANGE);
    assert_int_equal(take("by=hour"), STATUS_INVALID);
    query_init(&query, REPORT_STATUS);
    assert_int_equal(take("from=now"), STATUS_INVALID);
    query_init(&query, REPORT_QUEUES);
    assert_int_equal(take("queue=x"), 0);
    query_init(&query, REPORT_LIVE);
    assert_int_equal(take("queue=x"), 0);
    assert_int_equal(take("limit=7"), 0);
    assert_int_equal(take("by=hour"), STATUS_INVALID);
    assert_string_equal(why.text, "live has no option 'by'; it has queue, limit");
}

static void test_operators_by_time_and_queue(void **state)
{
    (void)state;
    query_init(&query, REPORT_OPERATORS);
    assert_int_equal(take("from=yesterday"), 0);
    assert_int_equal(take("by=queue,day"), 0);
    assert_true(query.by_queue);
    assert_int_equal(query.grain, QUERY_BY_DAY);
    assert_int_equal(take("by=total"), STATUS_INVALID);
    assert_string_equal(why.text,
                        "by 'total' is not allowed; allowed: queue, interval, hour, day, with commas between");
    assert_int_equal(take("service_level=20s"), STATUS_INVALID);
    assert_string_equal(why.text, "operators has no option 'service_level'; it has from, to, by");
}

static void test_an_empty_span_is_refused(void **state)
{
    (void)state;
    assert_int_equal(take("from=now"), 0);
    assert_int_equal(take("to=yesterday"), 0);
    assert_int_equal(query_check(&query, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "from is not before to"));
}

static void test_too_many_queues(void **state)
{
    (void)state;
    for (int i = 0; i < QUERY_QUEUES_MAX; i++) {
        assert_int_equal(take("queue=x"), 0);
    }
    assert_int_equal(take("queue=x"), STATUS_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names, setup),
        cmocka_unit_test_setup(test_everything_kpi_takes, setup),
        cmocka_unit_test_setup(test_nothing_asked_is_everything, setup),
        cmocka_unit_test_setup(test_refusals_say_what_is_allowed, setup),
        cmocka_unit_test_setup(test_reports_know_their_own_options, setup),
        cmocka_unit_test_setup(test_operators_by_time_and_queue, setup),
        cmocka_unit_test_setup(test_an_empty_span_is_refused, setup),
        cmocka_unit_test_setup(test_too_many_queues, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
