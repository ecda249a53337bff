/* What one looks at first, over the real store and registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "collector/query/overview_query.h"
#include "platform/base/status.h"
#include "tests/unit/query/real_centre.h"

#define DAY_S (REAL_CENTRE_NOW_MS / 1000 - 18 * 3600 - 900) /* midnight */

static struct real_centre real;
static struct json *document;
static struct query_why why;
static long looks;

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
    zone_use(NULL);
    return 0;
}

static void put_interval(uint32_t site, uint32_t queue, int64_t start_s, uint32_t answered)
{
    struct summary sum = {.flow = {[FLOW_ENTERED] = answered, [FLOW_ANSWERED] = answered}};
    const struct store_interval item = {
        .site = site, .queue = queue, .start_s = start_s, .interval_s = 900, .epoch = 1, .revision = 1, .sum = &sum};
    uint64_t revision;
    for (uint32_t i = 0; i < answered; i++) {
        assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, i * 8000), 0);
    }
    assert_int_equal(store_put_interval(real.store, &item, &revision), STORE_TAKEN);
    summary_deinit(&sum);
}

/* a and b are there, c has been silent for an hour, d for two, e never spoke but has only just joined. */
static void fill(void)
{
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    const int64_t ages_ms[] = {1000, 2000, 3600000, 7200000};
    const struct queue_settings settings = {.sl_threshold_ms = 20000};
    const struct store_gap gap = {REAL_CENTRE_NOW_MS - 7000000, REAL_CENTRE_NOW_MS - 6000000, "no log"};
    const struct store_gap old = {REAL_CENTRE_NOW_MS - 700000000, REAL_CENTRE_NOW_MS - 600000000, "no log"};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(real_centre_join(&real, ids[i], i < 2 ? "north" : ""), i + 1);
    }
    assert_int_equal(store_begin(real.store, 1), 0);
    uint32_t sales = store_queue_number(real.store, slice_str("sales"));
    for (uint32_t i = 0; i < 4; i++) {
        const uint8_t epoch[LIMITS_EPOCH_BYTES] = {(uint8_t)(i + 1)};
        const struct store_live_queue live = {.queue = sales,
                                              .waiting = i + 1,
                                              .talking = 1,
                                              .oldest_enter_ms = REAL_CENTRE_NOW_MS - 10000 * (i + 1),
                                              .held = -1,
                                              .logged_in = -1,
                                              .ready = -1,
                                              .paused = -1,
                                              .on_call = -1};
        struct store_contact contact = real_centre_contact(REAL_CENTRE_NOW_MS - ages_ms[i]);
        uint32_t number;
        contact.live_ms = contact.live_seen_ms = contact.last_seen_ms;
        contact.unbalanced = i == 1;
        assert_int_equal(store_put_contact(real.store, i + 1, &contact), 0);
        assert_int_equal(store_put_queue(real.store, i + 1, sales, &settings), 0);
        assert_int_equal(store_put_live(real.store, i + 1, &live, 1), 0);
        assert_int_equal(store_epoch_adopt(real.store, i + 1, epoch, &number), 0);
        put_interval(i + 1, sales, DAY_S - 900, 3); /* yesterday */
        put_interval(i + 1, sales, DAY_S, i + 1);
        put_interval(i + 1, sales, DAY_S + 18 * 3600, 4); /* runs */
    }
    assert_int_equal(store_put_gap(real.store, 1, &gap), 0);
    assert_int_equal(store_put_gap(real.store, 2, &old), 0);
    assert_int_equal(store_end(real.store), 0);
}

static int ask(enum kpi_whose whose, const char *name)
{
    struct kpi_scope *scope = NULL;
    const struct zone *zone = NULL;
    struct query query;
    json_free(document);
    document = NULL;
    assert_int_equal(kpi_scope_new(&real.centre, whose, name, &scope, &why), 0);
    assert_int_equal(kpi_scope_zone(scope, "UTC", &zone, &why), 0);
    query_init(&query, REPORT_KPI);
    query.central = true;
    query.sl_threshold_ms = 10000;
    int status = overview_query(scope, &query, zone, &document, &why);
    kpi_scope_free(scope);
    return status;
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
    assert_int_equal(ask(KPI_ALL, NULL), 0);
    assert_int_equal(json_kind(document, "today/row"), JSON_NULL_VALUE);
    assert_int_equal(int_at("sites/known"), 0);
    assert_int_equal(json_count(document, "silent"), 0);
    assert_int_equal(json_kind(document, "live/waiting"), JSON_NULL_VALUE);
    assert_true(json_bool(document, "scope/all"));
}

static void test_all(void **state)
{
    (void)state;
    fill();
    assert_int_equal(ask(KPI_ALL, NULL), 0);
    assert_string_equal(json_text(document, "today/from"), "2026-11-21T00:00:00Z");
    assert_string_equal(json_text(document, "today/to"), "2026-11-21T19:00:00Z");
    assert_int_equal(int_at("today/row/entered"), 1 + 2 + 3 + 4 + 4 * 4);
    assert_int_equal(int_at("today/row/service_level/threshold_s"), 10);
    assert_false(json_bool(document, "today/complete"));
    assert_int_equal(int_at("live/waiting"), 3);
    assert_int_equal(int_at("live/longest_wait_ms"), 20000);
    assert_int_equal(int_at("live/sites"), 5);
    assert_int_equal(int_at("live/sites_telling"), 4);
    assert_int_equal(int_at("live/sites_stale"), 2);
    assert_int_equal(json_count(document, "live/worst"), 2);
    assert_string_equal(json_text(document, "live/worst/0/site"), "b");
    assert_string_equal(json_text(document, "live/worst/0/queue"), "sales");
    assert_int_equal(int_at("live/worst/1/longest_wait_ms"), 10000);
    assert_int_equal(int_at("sites/known"), 5);
    assert_int_equal(int_at("sites/joined"), 5);
    assert_int_equal(int_at("sites/online"), 2);
    assert_int_equal(int_at("sites/silent"), 2);
    assert_int_equal(int_at("sites/telling"), 2);
    assert_int_equal(int_at("sites/behind"), 0);
    assert_int_equal(int_at("sites/with_gaps"), 1);
    assert_int_equal(int_at("sites/unbalanced"), 1);
    assert_int_equal(int_at("sites/expiring"), 0);
    assert_int_equal(json_count(document, "silent"), 2);
    assert_string_equal(json_text(document, "silent/0/site"), "d");
    assert_int_equal(int_at("silent/1/last_seen_age_ms"), 3600000);
}

/* It speaks, and what it tells is of hours ago: late, not lost. */
static void test_late_log(void **state)
{
    (void)state;
    fill();
    struct store_contact contact = real_centre_contact(REAL_CENTRE_NOW_MS - 1000);
    contact.lag_ms = 3 * 3600000;
    contact.clock_offset_ms = -7200000;
    assert_int_equal(store_begin(real.store, 1), 0);
    assert_int_equal(store_put_contact(real.store, 1, &contact), 0);
    assert_int_equal(store_end(real.store), 0);
    assert_int_equal(ask(KPI_ALL, NULL), 0);
    assert_int_equal(int_at("sites/online"), 2);
    assert_int_equal(int_at("sites/silent"), 2);
    assert_int_equal(int_at("sites/behind"), 1);
    assert_int_equal(json_count(document, "silent"), 2);
    assert_string_equal(json_text(document, "silent/0/site"), "d");
}

static void test_group_and_site(void **state)
{
    (void)state;
    fill();
    assert_int_equal(ask(KPI_GROUP, "north"), 0);
    assert_int_equal(int_at("today/row/entered"), 1 + 2 + 4 * 2);
    assert_int_equal(int_at("sites/known"), 2);
    assert_string_equal(json_text(document, "scope/group"), "north");
    assert_int_equal(ask(KPI_SITE, "c"), 0);
    assert_int_equal(int_at("today/row/entered"), 3 + 4);
    assert_int_equal(int_at("sites/known"), 1);
    assert_int_equal(int_at("sites/silent"), 1);
}

static bool is_over(void *ctx)
{
    (void)ctx;
    return looks-- <= 0;
}

static void test_late(void **state)
{
    (void)state;
    int status = STATUS_LATE;
    long allowed;
    fill();
    real.centre.expired = is_over;
    for (allowed = 0; status == STATUS_LATE; allowed++) {
        looks = allowed;
        status = ask(KPI_ALL, NULL);
        if (status == STATUS_LATE) {
            assert_null(document);
            assert_non_null(strstr(why.text, "took longer than allowed"));
        }
    }
    assert_int_equal(status, 0);
    assert_true(allowed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_and_site, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
