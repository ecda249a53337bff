/* Who is first, and how long callers waited: held against the rows of the same question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/distribution_query.h"
#include "collector/query/kpi_query.h"
#include "collector/query/ranking_query.h"
#include "platform/base/status.h"
#include "tests/unit/query/desk.h"

static struct ranking_query ranking;

static void choose(struct desk *desk, const char *metric, bool highest, bool by_queue)
{
    ranking = (struct ranking_query){.query = &desk->query, .highest = highest, .by_queue = by_queue, .limit = 20};
    assert_true(series_field_find(slice_str(metric), &ranking.metric));
}

static int ask_ranking(struct desk *desk)
{
    return ranking_query(desk->scope, &ranking, desk->zone, &desk->document, &desk->why);
}

static int ask_distribution(struct desk *desk)
{
    return distribution_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why);
}

static void test_which_is_worst(void **state)
{
    unsigned field;
    (void)state;
    assert_true(series_field_find(slice_str("service_level"), &field) && !ranking_worst_is_highest(field));
    assert_true(series_field_find(slice_str("abandon_rate"), &field) && ranking_worst_is_highest(field));
    assert_true(series_field_find(slice_str("wait_p90_ms"), &field) && ranking_worst_is_highest(field));
}

static void test_order(void **state)
{
    struct desk *desk = *state;
    for (int highest = 0; highest < 2; highest++) {
        choose(desk, "abandon_rate", highest, true);
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
        assert_int_equal(ask_ranking(desk), 0);
        assert_string_equal(json_text(desk->document, "metric"), "abandon_rate");
        assert_string_equal(json_text(desk->document, "order"), highest ? "highest" : "lowest");
        assert_string_equal(json_text(desk->document, "of"), "queue");
        assert_int_equal(desk_int(desk->document, "compared"), 6);
        const struct json *rows = json_at(desk->document, "rows");
        assert_int_equal(json_count(rows, ""), 6);
        for (size_t i = 1; i < 6; i++) {
            double before = desk_number(json_item(rows, i - 1), "value");
            double value = desk_number(json_item(rows, i), "value");
            assert_true(highest ? before >= value : before <= value);
            assert_int_equal(desk_int(json_item(rows, i), "rank"), i + 1);
        }
        assert_int_equal(json_kind(rows, "0/spark"), JSON_NOTHING);
        assert_int_equal(json_kind(rows, "0/service_level/value"), json_kind(rows, "1/service_level/value"));
    }
}

static void test_same_as_the_rows(void **state)
{
    struct desk *desk = *state;
    int64_t sum = 0;
    choose(desk, "entered", true, false);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
    assert_int_equal(ask_ranking(desk), 0);
    struct json *board = desk->document;
    desk->document = NULL;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19", "by=site"), 0);
    assert_int_equal(kpi_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why), 0);
    for (size_t i = 0; i < json_count(board, "rows"); i++) {
        const struct json *item = json_item(json_at(board, "rows"), i);
        assert_string_equal(json_text(item, "queue"), "*");
        for (size_t r = 0; r < json_count(desk->document, "rows"); r++) {
            const struct json *row = json_item(json_at(desk->document, "rows"), r);
            if (strcmp(json_text(row, "site"), json_text(item, "site")) == 0) {
                assert_int_equal(desk_int(row, "entered"), desk_int(item, "value"));
                assert_int_equal(desk_int(row, "abandoned"), desk_int(item, "abandoned"));
                assert_true(desk_number(row, "asa_ms") <= desk_number(item, "asa_ms") &&
                            desk_number(row, "asa_ms") >= desk_number(item, "asa_ms"));
                sum += desk_int(item, "value");
            }
        }
    }
    json_free(board);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19", "by=total"), 0);
    assert_int_equal(kpi_query(desk->scope, &desk->query, desk->zone, &desk->document, &desk->why), 0);
    assert_int_equal(desk_int(desk->document, "rows/0/entered"), sum);
}

static void test_limit_and_ties(void **state)
{
    struct desk *desk = *state;
    choose(desk, "lost", true, true); /* of all of them the same: nobody is lost here */
    ranking.limit = 4;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
    assert_int_equal(ask_ranking(desk), 0);
    assert_int_equal(json_count(desk->document, "rows"), 4);
    assert_int_equal(desk_int(desk->document, "compared"), 6);
    for (size_t i = 1; i < 4; i++) {
        const struct json *rows = json_at(desk->document, "rows");
        const struct json *a = json_item(rows, i - 1);
        const struct json *b = json_item(rows, i);
        int order = strcmp(json_text(a, "site"), json_text(b, "site"));
        if (desk_int(a, "value") == desk_int(b, "value")) {
            assert_true(order < 0 || (order == 0 && strcmp(json_text(a, "queue"), json_text(b, "queue")) < 0));
        }
    }
    desk_done(desk);
    ranking.calls_min = 1000000000;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
    assert_int_equal(ask_ranking(desk), 0);
    assert_int_equal(json_count(desk->document, "rows"), 0);
    assert_int_equal(desk_int(desk->document, "compared"), 0);
    choose(desk, "waiting_max", true, false); /* of several queues there is none */
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
    assert_int_equal(ask_ranking(desk), 0);
    assert_int_equal(json_count(desk->document, "rows"), 0);
}

static void test_spark(void **state)
{
    struct desk *desk = *state;
    for (int by_queue = 0; by_queue < 2; by_queue++) {
        choose(desk, "entered", true, by_queue);
        ranking.spark = true;
        ranking.spark_grain = QUERY_BY_HOUR;
        assert_int_equal(DESK_ASK(desk, KPI_GROUP, "north", NULL, "from=2026-11-19", "to=2026-11-20"), 0);
        assert_int_equal(ask_ranking(desk), 0);
        const struct json *rows = json_at(desk->document, "rows");
        assert_int_equal(json_count(rows, ""), by_queue ? 4 : 2);
        for (size_t i = 0; i < json_count(rows, ""); i++) {
            const struct json *row = json_item(rows, i);
            const struct json *values = json_at(row, "spark/values");
            int64_t sum = 0;
            for (size_t point = 0; point < json_count(values, ""); point++) {
                sum += desk_int(json_item(values, point), "");
            }
            assert_int_equal(sum, desk_int(row, "value"));
            assert_string_equal(json_text(row, "spark/step"), "hour");
            assert_int_equal(json_count(row, "spark/start"), json_count(values, ""));
        }
    }
}

static void test_distribution(void **state)
{
    struct desk *desk = *state;
    static const char *const kinds[] = {"answered", "abandoned"};
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19", "service_level=12s"), 0);
    assert_int_equal(ask_distribution(desk), 0);
    assert_string_equal(json_text(desk->document, "queue"), "*");
    assert_int_equal(desk_int(desk->document, "settings/threshold_s"), 12);
    assert_true(json_bool(desk->document, "within/exact"));
    for (size_t k = 0; k < 2; k++) {
        char path[64];
        int64_t within = 0;
        int64_t count = 0;
        (void)snprintf(path, sizeof path, "wait_%s_ms/bins", kinds[k]);
        const struct json *bins = json_at(desk->document, path);
        for (size_t i = 0; i + 1 < json_count(bins, ""); i += 2) {
            int64_t in_bin = desk_int(json_item(bins, i + 1), "");
            count += in_bin;
            within += desk_int(json_item(bins, i), "") <= 12000 ? in_bin : 0;
        }
        (void)snprintf(path, sizeof path, "wait_%s_ms/count", kinds[k]);
        assert_int_equal(desk_int(desk->document, path), count);
        (void)snprintf(path, sizeof path, "within/%s", kinds[k]);
        assert_int_equal(desk_int(desk->document, path), within);
    }
    assert_int_equal(json_count(desk->document, "service_levels"), SL_METHOD_COUNT);
    assert_string_equal(json_text(desk->document, "service_levels/0/method"), "asterisk_sl");
    int64_t all = desk_int(desk->document, "counters/entered");
    int64_t apart = 0;
    static const char *const queues[] = {"queue=sales", "queue=support"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19", queues[i]), 0);
        assert_int_equal(ask_distribution(desk), 0);
        assert_string_equal(json_text(desk->document, "queue"), queues[i] + 6);
        apart += desk_int(desk->document, "counters/entered");
    }
    assert_int_equal(apart, all);
}

static void test_distribution_of_nothing(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-01-01", "to=2026-01-02", "service_level=1001ms"),
                     0);
    assert_int_equal(ask_distribution(desk), 0);
    assert_int_equal(desk_int(desk->document, "counters/entered"), 0);
    assert_int_equal(json_count(desk->document, "wait_answered_ms/bins"), 0);
    assert_int_equal(json_kind(desk->document, "service_levels/0/value"), JSON_NULL_VALUE);
    assert_false(json_bool(desk->document, "within/exact"));
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "queue=nobody"), 0);
    assert_int_equal(ask_distribution(desk), STATUS_NOT_FOUND);
    assert_string_equal(desk->why.text, "no queue 'nobody' is known here");
}

static void test_late(void **state)
{
    struct desk *desk = *state;
    choose(desk, "service_level", false, true);
    ranking.spark = true;
    ranking.spark_grain = QUERY_BY_DAY;
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
    desk_hurry(desk, ask_ranking);
    assert_int_equal(DESK_ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19"), 0);
    desk_hurry(desk, ask_distribution);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_is_worst),
        cmocka_unit_test_setup_teardown(test_order, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_same_as_the_rows, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_limit_and_ties, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_spark, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_distribution, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_distribution_of_nothing, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(test_late, desk_open, desk_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
