/* What a look finds in the real store, by metric and by what is looked at as one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/alert/look.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "platform/time/stamp.h"
#include "platform/time/zone.h"
#include "tests/support/temp_dir.h"

#define NOW_MS INT64_C(1795284900000) /* a multiple of 900 s */
enum { NOW_S = 1795284900, INTERVAL_S = 900 };

static struct temp_dir store_dir;
static struct temp_dir registry_dir;
static struct store *store;
static struct registry *registry;

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    return site == 3 ? STORE_ALL : store_scope_group(1);
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    (void)scope;
    struct zone_date date = zone_date_of(at_s);
    return stamp_days_of(date.year, date.month, date.day);
}

static const struct store_layout layout = {NULL, group_of, day_of};

static void join_site(const char *id, const char *group)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const uint8_t key[REGISTRY_KEY_BYTES] = {2};
    struct registry_site site;
    const struct registry_invitation invitation = {
        .id = id, .group = group, .token_psk = psk, .token_expires_ms = NOW_MS, .now_ms = NOW_MS - 3600000};
    assert_int_equal(registry_invite(registry, &invitation, false, &site), 0);
    assert_int_equal(registry_enrol(registry, id, psk, key, "01", NOW_S + 86400, NOW_MS - 3600000), 0);
}

static void put_site(uint32_t site, int64_t seen_ms, const struct store_live_queue *rows, size_t count)
{
    const struct store_contact contact = {.last_seen_ms = seen_ms,
                                          .live_seen_ms = seen_ms,
                                          .live_ms = seen_ms,
                                          .online = true,
                                          .clock_offset_ms = -5000,
                                          .heartbeat_s = 60,
                                          .interval_s = INTERVAL_S,
                                          .oldest_backlog_s = NOW_S - 3 * INTERVAL_S,
                                          .lag_ms = -1};
    const struct queue_settings settings = {.sl_method = MEASURES_DEFAULT_SL_METHOD, .sl_threshold_ms = 20000};
    assert_int_equal(store_put_contact(store, site, &contact), 0);
    assert_int_equal(store_put_queue(store, site, 1, &settings), 0);
    assert_int_equal(store_put_queue(store, site, 2, &settings), 0);
    assert_int_equal(store_put_live(store, site, rows, count), 0);
}

/* `slow` of ten calls waited longer than the threshold; an interval may tell of a caller too many. */
static void put_calls(uint32_t site, uint32_t queue, int64_t start_s, uint32_t slow, bool balanced)
{
    struct summary sum = {.waiting_end = !balanced};
    static uint64_t revision;
    uint64_t held;
    uint32_t epoch = 0;
    const uint8_t epoch_id[LIMITS_EPOCH_BYTES] = {(uint8_t)site};
    sum.flow[FLOW_ENTERED] = sum.flow[FLOW_ANSWERED] = 10;
    sum.cohort[COHORT_ENTERED] = sum.cohort[COHORT_ANSWERED] = 10;
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, i < slow ? 60000 : 1000), 0);
    }
    assert_int_equal(store_epoch_adopt(store, site, epoch_id, &epoch), 0);
    const struct store_interval item = {.site = site,
                                        .queue = queue,
                                        .start_s = start_s,
                                        .interval_s = INTERVAL_S,
                                        .epoch = epoch,
                                        .revision = ++revision,
                                        .received_ms = NOW_MS,
                                        .sum = &sum};
    assert_true(store_put_interval(store, &item, &held) >= 0);
    summary_deinit(&sum);
}

/* a and b are in a group and here, c is in none and silent. */
static int setup(void **state)
{
    (void)state;
    const int64_t site_ms = NOW_MS - 5000; /* by the sites' clocks */
    const struct store_live_queue of_a[] = {{STORE_QUEUE_TOTAL, 0, 0, 0, -1, 5, 2, 1, 2},
                                            {1, 2, 3, site_ms - 30000, 1, 4, 0, 0, 2},
                                            {2, 1, 0, site_ms - 60000, 0, 3, 1, 1, 1}};
    const struct store_live_queue of_b[] = {{1, 3, 0, site_ms - 90000, 0, 7, 7, 0, 0}};
    assert_int_equal(zone_set("UTC"), 0);
    temp_dir_make(&store_dir);
    temp_dir_make(&registry_dir);
    const struct store_options options = {.dir = store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    assert_int_equal(registry_create(registry_dir.path), 0);
    assert_int_equal(registry_open(registry_dir.path, true, &registry), 0);
    assert_int_equal(store_open_writer(&options, &store), 0);
    join_site("a", "north");
    join_site("b", "north");
    join_site("c", "");
    assert_int_equal(store_begin(store, 1), 0);
    assert_int_equal(store_queue_number(store, slice_str("sales")), 1);
    assert_int_equal(store_queue_number(store, slice_str("support")), 2);
    put_site(1, NOW_MS - 100, of_a, 3);
    put_site(2, NOW_MS - 100, of_b, 1);
    put_site(3, NOW_MS - 2400000, NULL, 0);
    put_calls(1, 1, NOW_S - INTERVAL_S, 5, true);
    put_calls(1, 2, NOW_S - INTERVAL_S, 0, false);
    put_calls(1, 2, NOW_S - 2 * INTERVAL_S, 0, false);
    put_calls(2, 1, NOW_S - INTERVAL_S, 10, true);
    put_calls(2, 1, NOW_S - 4 * INTERVAL_S, 0, false); /* before the window */
    assert_int_equal(store_end(store), 0);
    static const store_scope cut[] = {STORE_ALL, 1, 2, 3, STORE_GROUP_BIT | 1};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        assert_int_equal(store_recut(store, cut[i], "UTC", &layout), 0);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    registry_close(registry);
    temp_dir_remove(&store_dir);
    temp_dir_remove(&registry_dir);
    return 0;
}

/* "a/sales=0.5(10);..." of one rule. */
static const char *found(const struct alert_rule *rule)
{
    static char text[500];
    char why[200];
    struct figures figures;
    const struct lookout_options options = {
        .store = store, .registry = registry, .zone = "UTC", .data_dir = store_dir.path, .idle_ms = 900000};
    struct look look = {.options = &options, .figures = &figures};
    text[0] = '\0';
    assert_int_equal(figures_init(&figures, rule, 1, NOW_MS), 0);
    assert_int_equal(look_gather(&look, why, sizeof why), 0);
    assert_string_equal(why, "");
    assert_false(figures.unknown[0]);
    for (size_t i = 0; i < figures.count; i++) {
        const struct figure *one = &figures.items[i];
        struct slice group = intern_name(figures.groups, one->group);
        struct slice queue = intern_name(figures.queues, one->queue);
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s/%.*s/%.*s=%g",
                       one->site ? figures.sites[one->site - 1].id : "", (int)group.len, group.len ? group.data : "",
                       (int)queue.len, queue.len ? queue.data : "", one->value);
        len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, one->calls ? "(%llu);" : ";", (unsigned long long)one->calls);
    }
    figures_deinit(&figures);
    return text;
}

static const char *of(enum alert_metric metric, enum alert_per per)
{
    const struct alert_rule rule = {
        .metric = metric, .per = per, .window_ms = alert_metric_is_now(metric) ? 0 : 2 * INTERVAL_S * 1000};
    return found(&rule);
}

static void test_service_level(void **state)
{
    (void)state;
    assert_string_equal(of(ALERT_SERVICE_LEVEL, ALERT_PER_QUEUE),
                        "a/north/sales=0.5(10);a/north/support=1(20);b/north/sales=0(10);");
    assert_string_equal(of(ALERT_SERVICE_LEVEL, ALERT_PER_SITE), "a/north/=0.833333(30);b/north/=0(10);");
    assert_string_equal(of(ALERT_SERVICE_LEVEL, ALERT_PER_GROUP), "/north/=0.625(40);");
    assert_string_equal(of(ALERT_SERVICE_LEVEL, ALERT_PER_ALL), "//=0.625(40);");
    assert_string_equal(of(ALERT_ASA, ALERT_PER_ALL), "//=23125(40);");
    assert_string_equal(of(ALERT_ABANDON_RATE, ALERT_PER_ALL), "//=0(40);");
}

static void test_only_what_the_patterns_say(void **state)
{
    (void)state;
    char *sales[] = {(char *)"sal*"};
    char *a[] = {(char *)"a"};
    const struct alert_rule rule = {
        .metric = ALERT_SERVICE_LEVEL, .per = ALERT_PER_ALL, .window_ms = 1800000, .queues = sales, .queue_count = 1};
    assert_string_equal(found(&rule), "//=0.25(20);");
    const struct alert_rule waiting = {.metric = ALERT_WAITING, .per = ALERT_PER_ALL, .sites = a, .site_count = 1};
    assert_string_equal(found(&waiting), "//=3;");
}

static void test_this_moment(void **state)
{
    (void)state;
    assert_string_equal(of(ALERT_WAITING, ALERT_PER_QUEUE),
                        "a/north/sales=2;a/north/support=1;b/north/sales=3;b/north/support=0;");
    assert_string_equal(of(ALERT_WAITING, ALERT_PER_GROUP), "/north/=6;");
    assert_string_equal(of(ALERT_LONGEST_WAIT, ALERT_PER_SITE), "a/north/=60000;b/north/=90000;");
    assert_string_equal(of(ALERT_NO_OPERATOR, ALERT_PER_QUEUE),
                        "a/north/sales=2;a/north/support=0;b/north/sales=0;b/north/support=0;");
    assert_string_equal(of(ALERT_NO_OPERATOR, ALERT_PER_ALL), "//=2;");
}

static void test_sites(void **state)
{
    (void)state;
    assert_string_equal(of(ALERT_SITE_SILENT, ALERT_PER_SITE), "a/north/=100;b/north/=100;c//=2.4e+06;");
    assert_string_equal(of(ALERT_BACKLOG, ALERT_PER_SITE), "a/north/=1.795e+06;b/north/=1.795e+06;");
    assert_string_equal(of(ALERT_CLOCK_OFFSET, ALERT_PER_SITE), "a/north/=5000;b/north/=5000;");
    assert_string_equal(of(ALERT_CERTIFICATE, ALERT_PER_SITE), "a/north/=8.64e+07;b/north/=8.64e+07;c//=8.64e+07;");
    assert_memory_equal(of(ALERT_DISK, ALERT_PER_ALL), "//=0.", 5);
}

static void test_books(void **state)
{
    (void)state;
    assert_string_equal(of(ALERT_UNBALANCED, ALERT_PER_QUEUE), "a/north/support=2;");
    assert_string_equal(of(ALERT_UNBALANCED, ALERT_PER_SITE), "a/north/=2;");
    assert_string_equal(of(ALERT_UNBALANCED, ALERT_PER_ALL), "//=2;");
}

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_out_of_time(void **state)
{
    (void)state;
    char why[200];
    struct figures figures;
    const struct alert_rule rules[] = {{.metric = ALERT_SERVICE_LEVEL, .window_ms = 1800000},
                                       {.metric = ALERT_WAITING}};
    const struct lookout_options options = {
        .store = store, .registry = registry, .zone = "UTC", .data_dir = store_dir.path, .idle_ms = 900000};
    struct look look = {.options = &options, .figures = &figures, .expired = at_once};
    assert_int_equal(figures_init(&figures, rules, 2, NOW_MS), 0);
    assert_int_equal(look_gather(&look, why, sizeof why), 0);
    assert_true(figures.unknown[0] && figures.unknown[1]);
    assert_true(why[0] != '\0');
    figures_deinit(&figures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_level), cmocka_unit_test(test_only_what_the_patterns_say),
        cmocka_unit_test(test_this_moment),   cmocka_unit_test(test_sites),
        cmocka_unit_test(test_books),         cmocka_unit_test(test_out_of_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
