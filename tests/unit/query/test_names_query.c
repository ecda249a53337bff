/* Which sites, groups and queues there are, over the real store and registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/names_query.h"
#include "platform/base/status.h"
#include "proto/quality.h"
#include "tests/unit/query/real_centre.h"

static struct real_centre real;
static struct json *document;
static struct query_why why;

static int setup(void **state)
{
    (void)state;
    real_centre_open(&real);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_free(document);
    document = NULL;
    real_centre_close(&real);
    return 0;
}

static void fill(void)
{
    const struct queue_settings usual = {.sl_threshold_ms = 20000, .label = "Sales"};
    const struct queue_settings other = {.sl_threshold_ms = 30000};
    const struct store_gap gaps[] = {{REAL_CENTRE_NOW_MS - 9000000, REAL_CENTRE_NOW_MS - 8000000, "log lost"},
                                     {REAL_CENTRE_NOW_MS - 600000, REAL_CENTRE_NOW_MS - 5000, "no log"}};
    uint32_t b = real_centre_join(&real, "b", "north");
    uint32_t a = real_centre_join(&real, "a", "north");
    uint32_t c = real_centre_join(&real, "c", "");
    assert_int_equal(store_begin(real.store, 1), 0);
    uint32_t sales = store_queue_number(real.store, slice_str("sales"));
    uint32_t billing = store_queue_number(real.store, slice_str("billing"));
    struct store_contact contact = real_centre_contact(REAL_CENTRE_NOW_MS - 1000);
    contact.unbalanced = 3;
    contact.quality[QUALITY_UNKNOWN_VERBS] = 5;
    contact.quality_count = QUALITY_CLOCK_STEPS;
    assert_int_equal(store_put_contact(real.store, a, &contact), 0);
    contact = real_centre_contact(REAL_CENTRE_NOW_MS - 3600000);
    assert_int_equal(store_put_contact(real.store, b, &contact), 0);
    assert_int_equal(store_put_queue(real.store, a, sales, &usual), 0);
    assert_int_equal(store_put_queue(real.store, b, sales, &usual), 0);
    assert_int_equal(store_put_queue(real.store, a, billing, &usual), 0);
    assert_int_equal(store_put_queue(real.store, c, billing, &other), 0);
    assert_int_equal(store_put_gap(real.store, a, &gaps[0]), 0);
    assert_int_equal(store_put_gap(real.store, a, &gaps[1]), 0);
    assert_int_equal(store_end(real.store), 0);
}

static int64_t int_at(const char *path)
{
    int64_t value = -99;
    (void)json_int(document, path, &value);
    return value;
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct kpi_scope *scope = NULL;
    assert_int_equal(names_query_sites(&real.centre, 60000, NULL, &document, &why), 0);
    assert_int_equal(json_count(document, "sites"), 0);
    assert_int_equal(json_kind(document, "sites"), JSON_LIST);
    json_free(document);
    assert_int_equal(names_query_groups(&real.centre, &document, &why), 0);
    assert_int_equal(json_kind(document, "groups"), JSON_LIST);
    assert_int_equal(int_at("ungrouped"), 0);
    json_free(document);
    assert_int_equal(kpi_scope_new(&real.centre, KPI_ALL, NULL, &scope, &why), 0);
    assert_int_equal(names_query_queues(scope, &document, &why), 0);
    assert_int_equal(json_kind(document, "queues"), JSON_LIST);
    kpi_scope_free(scope);
}

static void test_sites(void **state)
{
    (void)state;
    fill();
    assert_int_equal(names_query_sites(&real.centre, 60000, NULL, &document, &why), 0);
    assert_int_equal(json_count(document, "sites"), 3);
    assert_string_equal(json_text(document, "sites/0/site"), "a");
    assert_true(json_bool(document, "sites/0/online"));
    assert_false(json_bool(document, "sites/0/silent"));
    assert_false(json_bool(document, "sites/0/behind"));
    assert_int_equal(int_at("sites/0/gaps"), 2);
    assert_int_equal(int_at("sites/0/gaps_open"), 1);
    assert_string_equal(json_text(document, "sites/0/last_gap/reason"), "no log");
    assert_int_equal(int_at("sites/0/unbalanced"), 3);
    assert_int_equal(int_at("sites/0/unknown_verbs"), 5);
    assert_int_equal(json_kind(document, "sites/0/clock_steps"), JSON_NULL_VALUE); /* an older agent */
    assert_int_equal(int_at("sites/0/interval_s"), 900);
    assert_true(json_bool(document, "sites/1/silent"));
    assert_false(json_bool(document, "sites/1/online"));
    assert_int_equal(json_kind(document, "sites/1/last_gap"), JSON_NULL_VALUE);
    assert_int_equal(json_kind(document, "sites/2/unbalanced"), JSON_NULL_VALUE); /* never spoke */
    struct store_contact late = real_centre_contact(REAL_CENTRE_NOW_MS - 1000);
    late.lag_ms = 3 * 3600000; /* reads an old log: not silent */
    assert_int_equal(store_begin(real.store, 1), 0);
    assert_int_equal(store_put_contact(real.store, 2, &late), 0);
    assert_int_equal(store_end(real.store), 0);
    json_free(document);
    assert_int_equal(names_query_sites(&real.centre, 60000, NULL, &document, &why), 0);
    assert_string_equal(json_text(document, "sites/0/site"), "a");
    assert_true(json_bool(document, "sites/0/behind"));
    assert_false(json_bool(document, "sites/0/silent"));
    json_free(document);
    assert_int_equal(names_query_sites(&real.centre, 60000, "north", &document, &why), 0);
    assert_int_equal(json_count(document, "sites"), 2);
    json_free(document);
    document = NULL;
    assert_int_equal(names_query_sites(&real.centre, 60000, "nowhere", &document, &why), STATUS_NOT_FOUND);
    assert_string_equal(why.text, "there is no group 'nowhere'");
}

static void test_one_site(void **state)
{
    static const char *const inside[] = {"address", "key", "next_key", "certificate_serial", "events"};
    (void)state;
    fill();
    assert_int_equal(names_query_site(&real.centre, 60000, "a", true, &document, &why), 0);
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        assert_int_not_equal(json_kind(document, inside[i]), JSON_NOTHING);
    }
    assert_int_equal(json_count(document, "gaps"), 2);
    json_free(document);
    assert_int_equal(names_query_site(&real.centre, 60000, "a", false, &document, &why), 0);
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        assert_int_equal(json_kind(document, inside[i]), JSON_NOTHING);
    }
    assert_int_equal(json_count(document, "gaps"), 2);
    assert_int_equal(int_at("quality/unknown_verbs"), 5);
    json_free(document);
    document = NULL;
    assert_int_equal(names_query_site(&real.centre, 60000, "zz", false, &document, &why), STATUS_NOT_FOUND);
    assert_string_equal(why.text, "there is no site 'zz'");
}

static void test_groups_and_queues(void **state)
{
    (void)state;
    struct kpi_scope *scope = NULL;
    fill();
    assert_int_equal(names_query_groups(&real.centre, &document, &why), 0);
    assert_int_equal(json_count(document, "groups"), 1);
    assert_string_equal(json_text(document, "groups/0/group"), "north");
    assert_int_equal(int_at("groups/0/sites"), 2);
    assert_int_equal(int_at("ungrouped"), 1);
    json_free(document);
    assert_int_equal(kpi_scope_new(&real.centre, KPI_ALL, NULL, &scope, &why), 0);
    assert_int_equal(names_query_queues(scope, &document, &why), 0);
    kpi_scope_free(scope);
    assert_int_equal(json_count(document, "queues"), 2);
    assert_string_equal(json_text(document, "queues/0/queue"), "billing");
    assert_int_equal(int_at("queues/0/sites"), 2);
    assert_int_equal(json_kind(document, "queues/0/service_level"), JSON_NULL_VALUE); /* they differ */
    assert_int_equal(json_kind(document, "queues/0/label"), JSON_NULL_VALUE);
    assert_string_equal(json_text(document, "queues/1/label"), "Sales");
    assert_int_equal(int_at("queues/1/service_level/threshold_s"), 20);
    json_free(document);
    assert_int_equal(kpi_scope_new(&real.centre, KPI_SITE, "c", &scope, &why), 0);
    assert_int_equal(names_query_queues(scope, &document, &why), 0);
    kpi_scope_free(scope);
    assert_int_equal(json_count(document, "queues"), 1);
    assert_int_equal(int_at("queues/0/service_level/threshold_s"), 30);
}

static void test_store(void **state)
{
    (void)state;
    fill();
    assert_int_equal(names_query_store(&real.centre, &document, &why), 0);
    assert_true(int_at("used_bytes") > 0 && int_at("limit_bytes") == 64 << 20);
    assert_int_equal(int_at("intervals"), 0);
    assert_int_equal(int_at("pending"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sites, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_site, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups_and_queues, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
