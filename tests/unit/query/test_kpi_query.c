/* What stands around the numbers: the head, what is missing, settings, what is refused; and which way was taken. */
#include "collector/query/kpi_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "proto/report/render.h"
#include "tests/unit/query/sums.h"

struct desk {
    struct store *store;
    struct kpi_centre centre;
    struct query_why why;
    struct json *document;
};

/* Two branches, busy on 2026-11-19 and 20, asked at noon of the 21st. */
static int open_desk(void **state)
{
    static struct desk desk;
    struct rng rng = {4};
    desk = (struct desk){.store = fake_centre_new()};
    struct store *store = desk.store;
    store->group_names[0] = "north";
    store->centre_day_zone = "Europe/Madrid";
    (void)fake_centre_queue(store, "sales");
    (void)fake_centre_queue(store, "support");
    static const char *const ids[] = {"madrid-01", "sevilla-02"};
    for (size_t i = 0; i < 2; i++) {
        const struct sums_branch branch = {.site =
                                               fake_centre_site(store, ids[i], 1, i ? "Asia/Kolkata" : "Europe/Madrid"),
                                           .interval_s = 900,
                                           .from_s = sums_at_s("2026-11-18T23:00:00Z"),
                                           .to_s = sums_at_s("2026-11-20T23:00:00Z"),
                                           .queues = 2};
        sums_add_branch(store, &rng, &branch);
        store->contacts[i].last_seen_ms = sums_at_s("2026-11-21T11:00:00Z") * 1000 - 20000;
    }
    desk.centre = (struct kpi_centre){.store = store,
                                      .registry = fake_centre_registry(store),
                                      .zone = "America/New_York",
                                      .now_ms = sums_at_s("2026-11-21T11:00:00Z") * 1000};
    *state = &desk;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;
    json_free(desk->document);
    fake_centre_free(desk->store);
    return 0;
}

/* The zone comes first; NULL: the one that is chosen. */
static int ask(struct desk *desk, enum kpi_whose whose, const char *name, const char *const *items)
{
    const char *zone = *items++;
    struct kpi_scope *scope = NULL;
    struct query query;
    const struct zone *found = NULL;
    json_free(desk->document);
    desk->document = NULL;
    int status = kpi_scope_new(&desk->centre, whose, name, &scope, &desk->why);
    status = status == 0 ? kpi_scope_zone(scope, zone, &found, &desk->why) : status;
    if (status == 0) {
        zone_use(found);
        query_init(&query, REPORT_KPI);
        query.central = true;
        for (; status == 0 && *items; items++) {
            status = query_take_item(&query, slice_str(*items), desk->centre.now_ms, &desk->why);
        }
        status = status == 0 ? kpi_query(scope, &query, found, &desk->document, &desk->why) : status;
    }
    kpi_scope_free(scope);
    zone_use(NULL);
    return status;
}

#define ASK(desk, whose, name, ...) ask(desk, whose, name, (const char *const[]){__VA_ARGS__, NULL})

static void expect_text(const struct desk *desk, const char *path, const char *expected)
{
    assert_string_equal(json_text(desk->document, path), expected);
}

static void test_head(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(ASK(desk, KPI_SITE, "madrid-01", NULL, "from=2026-11-20", "to=2026-11-20", "by=day"), 0);
    expect_text(desk, "site", "madrid-01");
    expect_text(desk, "scope/site", "madrid-01");
    expect_text(desk, "zone", "Europe/Madrid");
    expect_text(desk, "by", "queue,day");
    expect_text(desk, "from", "2026-11-20T00:00:00+01:00");
    expect_text(desk, "to", "2026-11-21T00:00:00+01:00");
    expect_text(desk, "as_of", "2026-11-21T12:00:00+01:00");
    assert_true(json_bool(desk->document, "complete"));
    assert_int_equal(json_count(desk->document, "rows"), 2);
    expect_text(desk, "rows/0/queue", "sales");
    expect_text(desk, "rows/0/start", "2026-11-20T00:00:00+01:00");
    assert_int_equal(desk->store->interval_reads + desk->store->hour_reads, 0); /* from days alone */
    assert_int_equal(ASK(desk, KPI_GROUP, "north", NULL, "by=site"), 0);
    expect_text(desk, "scope/group", "north");
    expect_text(desk, "zone", "America/New_York"); /* they share none */
    expect_text(desk, "by", "site,total");
    expect_text(desk, "rows/1/site", "sevilla-02");
    expect_text(desk, "rows/1/queue", "*");
    expect_text(desk, "from", "2026-11-18T18:00:00-05:00"); /* where data begins and ends */
    expect_text(desk, "to", "2026-11-20T18:00:00-05:00");
    assert_int_equal(json_kind(desk->document, "rows/1/waiting_max"), JSON_NULL_VALUE);
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "Asia/Kolkata", "by=site,queue,hour-of-week"), 0);
    assert_true(json_bool(desk->document, "scope/all"));
    expect_text(desk, "by", "site,queue,hour-of-week");
    expect_text(desk, "rows/0/weekday", "Thu");
    assert_int_equal(json_kind(desk->document, "rows/0/waiting_end"), JSON_NULL_VALUE);
}

static void test_the_shortest_way(void **state)
{
    struct desk *desk = *state;
    struct store *store = desk->store;
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=total,hour", "from=2026-11-19", "to=2026-11-20T22:00:00Z"), 0);
    assert_true(store->hour_reads >= 40 && store->hour_reads <= 46);
    assert_int_equal(store->interval_reads + store->day_reads, 0);
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "Asia/Kolkata", "from=2026-11-19", "to=2026-11-20"), 0);
    assert_true(store->interval_reads > 0 && store->interval_reads < 40); /* half an hour at either end */
}

static void test_gaps(void **state)
{
    struct desk *desk = *state;
    desk->store->gap_count = 2;
    desk->store->gap_sites[0] = 2;
    desk->store->gaps[0] = (struct store_gap){sums_at_s("2026-11-19T10:10:00Z") * 1000,
                                              sums_at_s("2026-11-19T11:00:00Z") * 1000, "log rotated away"};
    desk->store->gap_sites[1] = 1;
    desk->store->gaps[1] = (struct store_gap){5000, 5000, "long ago"};
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=total,hour", "from=2026-11-19T09:00", "to=2026-11-19T13:00"),
                     0);
    static const bool whole[] = {true, false, true, true};
    assert_int_equal(json_count(desk->document, "rows"), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(json_bool(json_item(json_at(desk->document, "rows"), i), "complete"), whole[i]);
    }
    assert_false(json_bool(desk->document, "complete"));
    assert_int_equal(json_count(desk->document, "gaps"), 1);
    expect_text(desk, "gaps/0/site", "sevilla-02");
    expect_text(desk, "gaps/0/reason", "log rotated away");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=site", "from=2026-11-19", "to=2026-11-19"), 0);
    assert_true(json_bool(desk->document, "rows/0/complete"));
    assert_false(json_bool(desk->document, "rows/1/complete"));
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "from=2026-11-19T11:00", "to=2026-11-19T20:00"), 0);
    assert_true(json_bool(desk->document, "complete")); /* the gap ends where the span begins */
}

static void test_a_silent_site(void **state)
{
    struct desk *desk = *state;
    desk->store->contacts[1].last_seen_ms = sums_at_s("2026-11-20T10:30:00Z") * 1000;
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=total,hour", "from=2026-11-20T09:00", "to=2026-11-20T12:00"),
                     0);
    assert_true(json_bool(desk->document, "rows/0/complete"));
    assert_false(json_bool(desk->document, "rows/1/complete"));
    assert_false(json_bool(desk->document, "rows/2/complete"));
    assert_int_equal(json_count(desk->document, "silent"), 1);
    expect_text(desk, "silent/0/site", "sevilla-02");
    expect_text(desk, "silent/0/since", "2026-11-20T10:30:00Z");
    desk->store->sites[1].state = REGISTRY_REVOKED; /* nobody waits for it any more */
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "from=2026-11-20", "to=2026-11-20"), 0);
    assert_true(json_bool(desk->document, "complete"));
}

/* Without a word since, nobody knows whether a quarter of an hour that is over is all here; one that runs never is. */
static void test_what_is_just_over(void **state)
{
    struct desk *desk = *state;
    struct fake_item *item = fake_centre_add(desk->store, 2, sums_at_s("2026-11-21T10:45:00Z"), 1, 900);
    item->now.flow[FLOW_BLOCKED] = 1;
    item->has_now = item->pending = true;
    struct fake_item *next = fake_centre_add(desk->store, 2, sums_at_s("2026-11-21T11:00:00Z"), 1, 900);
    next->now.flow[FLOW_BLOCKED] = 1;
    next->has_now = next->pending = true;
    static const struct {
        const char *seen;
        bool over;
        bool running;
    } cases[] = {{"2026-11-21T11:00:03Z", true, true},
                 {"2026-11-21T10:59:40Z", false, true},
                 {"2026-11-21T10:40:00Z", false, false}};
    desk->centre.now_ms = sums_at_s("2026-11-21T11:00:05Z") * 1000;
    for (size_t i = 0; i < 3; i++) {
        desk->store->contacts[1].last_seen_ms = sums_at_s(cases[i].seen) * 1000;
        assert_int_equal(ASK(desk, KPI_SITE, "sevilla-02", "UTC", "by=interval", "from=2026-11-21", "to=2026-11-21"),
                         0);
        assert_int_equal(json_count(desk->document, "rows"), 2);
        assert_int_equal(json_bool(desk->document, "rows/0/complete"), cases[i].over);
        assert_int_equal(json_bool(desk->document, "rows/1/complete"), cases[i].running);
    }
}

static void test_a_backlog(void **state)
{
    struct desk *desk = *state;
    struct store_contact *contact = &desk->store->contacts[0];
    contact->backlog = 3;
    contact->oldest_backlog_s = sums_at_s("2026-11-20T10:00:00Z");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=total,hour", "from=2026-11-20T09:00", "to=2026-11-20T11:00"),
                     0);
    assert_true(json_bool(desk->document, "rows/0/complete"));
    assert_false(json_bool(desk->document, "rows/1/complete"));
    expect_text(desk, "behind/0/site", "madrid-01");
    /* The running interval always has news. */
    contact->oldest_backlog_s = sums_at_s("2026-11-21T10:45:00Z");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "from=2026-11-20", "to=2026-11-21"), 0);
    assert_true(json_bool(desk->document, "complete"));
}

static struct fake_item *item_at(struct desk *desk, const char *stamp, uint32_t site, uint32_t queue)
{
    for (size_t i = 0; i < desk->store->count; i++) {
        struct fake_item *item = &desk->store->items[i];
        if (item->site == site && item->queue == queue && item->start_s == sums_at_s(stamp)) {
            return item;
        }
    }
    return NULL;
}

/* Of the first day only hours are left. */
static void test_dropped_intervals(void **state)
{
    struct desk *desk = *state;
    for (size_t i = 0; i < desk->store->count; i++) {
        struct fake_item *item = &desk->store->items[i];
        item->has_now = item->has_now && item->start_s >= sums_at_s("2026-11-20T00:00:00Z");
    }
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=total,hour", "from=2026-11-19", "to=2026-11-20T12:00"), 0);
    assert_true(json_bool(desk->document, "complete"));
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "Asia/Kolkata", "by=day", "from=2026-11-19", "to=2026-11-20"), 0);
    assert_false(json_bool(desk->document, "complete"));
    assert_true(json_bool(desk->document, "intervals_dropped"));
    assert_false(json_bool(desk->document, "rows/0/complete"));
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "Asia/Kolkata", "by=day", "from=2026-11-21", "to=2026-11-21"), 0);
    assert_true(json_bool(desk->document, "complete") && !json_bool(desk->document, "intervals_dropped"));
}

static void test_books_that_do_not_balance(void **state)
{
    struct desk *desk = *state;
    struct fake_item *item = NULL;
    for (int64_t at_s = sums_at_s("2026-11-19T10:00:00Z"); !item; at_s += 900) {
        char stamp[STAMP_MAX];
        item = item_at(desk, stamp_format(at_s * 1000, 0, stamp), 1, 1);
    }
    item->now.flow[FLOW_LOST]++;
    item->then.flow[FLOW_LOST]++;
    assert_int_equal(ASK(desk, KPI_SITE, "madrid-01", "UTC", "from=2026-11-19", "to=2026-11-19"), 0);
    assert_false(json_bool(desk->document, "rows/0/balanced"));
    assert_true(json_bool(desk->document, "rows/1/balanced"));
}

/* Each interval balances, but what waits at one's end does not begin in the next: nobody knows where the callers went.
 */
static void test_books_that_do_not_join(void **state)
{
    struct desk *desk = *state;
    struct fake_item *item = item_at(desk, "2026-11-20T22:45:00Z", 1, 1);
    assert_non_null(item);
    item->now.waiting_start += 2;
    item->now.waiting_end += 2;
    assert_int_equal(summary_copy(&item->then, &item->now), 0);
    assert_int_equal(ASK(desk, KPI_SITE, "madrid-01", "Europe/Madrid", "from=2026-11-20", "to=2026-11-20"), 0);
    assert_false(json_bool(desk->document, "rows/0/balanced"));
    desk->store->contacts[0].last_seen_ms = sums_at_s("2026-11-20T22:50:00Z") * 1000;
    assert_int_equal(ASK(desk, KPI_SITE, "madrid-01", "Europe/Madrid", "from=2026-11-20", "to=2026-11-20"), 0);
    assert_true(json_bool(desk->document, "rows/0/balanced")); /* more may come that explains it */
    assert_false(json_bool(desk->document, "rows/0/complete"));
}

static void tell(struct desk *desk, uint32_t site, uint32_t queue, int64_t threshold_ms, const char *label)
{
    struct queue_settings *settings = &desk->store->settings[site - 1][queue];
    *settings =
        (struct queue_settings){.sl_method = SL_AMAZON, .sl_threshold_ms = threshold_ms, .short_abandon_ms = 5000};
    (void)snprintf(settings->label, sizeof settings->label, "%s", label);
    desk->store->has_settings[site - 1][queue] = true;
}

static void expect_level(const struct desk *desk, const char *row, double threshold_s, const char *method)
{
    char path[80];
    double value = 0;
    (void)snprintf(path, sizeof path, "%s/service_level/threshold_s", row);
    assert_true(json_number(desk->document, path, &value));
    assert_float_equal(value, threshold_s, 0.001);
    (void)snprintf(path, sizeof path, "%s/service_level/method", row);
    expect_text(desk, path, method);
}

static void test_settings(void **state)
{
    struct desk *desk = *state;
    tell(desk, 1, 1, 30000, "Sales");
    tell(desk, 2, 1, 30000, "Ventas");
    tell(desk, 1, 2, 30000, "Support");
    tell(desk, 2, 2, 40000, "Support");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "from=2026-11-19", "to=2026-11-20"), 0);
    expect_level(desk, "rows/0", 30, "amazon");
    expect_level(desk, "rows/1", 20, "asterisk_sl"); /* they do not agree */
    assert_int_equal(json_kind(desk->document, "rows/0/label"), JSON_NOTHING);
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=site,queue", "from=2026-11-19", "to=2026-11-20"), 0);
    expect_level(desk, "rows/1", 30, "amazon");
    expect_level(desk, "rows/3", 40, "amazon");
    expect_text(desk, "rows/2/label", "Ventas");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=site", "from=2026-11-19", "to=2026-11-20"), 0);
    expect_level(desk, "rows/0", 30, "amazon");
    expect_level(desk, "rows/1", 20, "asterisk_sl");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=total", "queue=sales", "service_level=10s"), 0);
    expect_level(desk, "rows/0", 10, "amazon");
}

static void test_refusals(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(ASK(desk, KPI_SITE, "lima-09", NULL), STATUS_NOT_FOUND);
    assert_string_equal(desk->why.text, "there is no site 'lima-09'");
    assert_int_equal(ASK(desk, KPI_GROUP, "south", NULL), STATUS_NOT_FOUND);
    assert_string_equal(desk->why.text, "there is no group 'south'");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "Europe/Atlantis"), STATUS_NOT_FOUND);
    assert_string_equal(desk->why.text, "there is no time zone 'Europe/Atlantis'");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "queue=vip"), STATUS_NOT_FOUND);
    assert_string_equal(desk->why.text, "no queue 'vip' is known here");
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=hour,day"), STATUS_INVALID);
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=hour-of-week,hour"), STATUS_INVALID);
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=year"), STATUS_INVALID);
    assert_non_null(strstr(desk->why.text, "hour-of-week"));
    desk->centre.row_limit = 10;
    assert_int_equal(ASK(desk, KPI_ALL, NULL, NULL, "by=hour"), STATUS_FULL);
    assert_non_null(strstr(desk->why.text, "more than 10 rows"));
}

static void test_nothing_held(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "from=1990-01-01", "to=2026-01-01", "by=hour"), 0);
    assert_int_equal(json_count(desk->document, "rows"), 0);
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "from=1970-01-01", "to=9999-12-31"), 0); /* at once */
    assert_int_equal(json_count(desk->document, "rows"), 2);
    desk->store->site_count = 0;
    assert_int_equal(ASK(desk, KPI_ALL, NULL, "UTC", "by=day"), 0);
    assert_int_equal(json_count(desk->document, "rows"), 0);
}

static void test_rendered(void **state)
{
    struct desk *desk = *state;
    struct buf text = BUF_INIT;
    const struct render_style style = {.width = 100};
    desk->store->contacts[1].last_seen_ms = sums_at_s("2026-11-20T10:30:00Z") * 1000;
    assert_int_equal(ASK(desk, KPI_GROUP, "north", "UTC", "by=site,hour-of-week", "from=2026-11-20", "to=2026-11-20"),
                     0);
    assert_int_equal(render(REPORT_KPI, RENDER_TABLE, desk->document, &style, &text), 0);
    assert_non_null(strstr(buf_cstr(&text), "group north, 2 sites  2026-11-20 00:00 to 2026-11-21 00:00 UTC"));
    assert_non_null(strstr(buf_cstr(&text), "\nFri 09:00  madrid-01"));
    assert_non_null(
        strstr(buf_cstr(&text), "~ not all is here:\n  sevilla-02: not heard of since 2026-11-20 10:30:00"));
    buf_reset(&text);
    assert_int_equal(render(REPORT_KPI, RENDER_CSV, desk->document, &style, &text), 0);
    assert_int_equal(strncmp(buf_cstr(&text), "site,queue,hour_of_week,weekday,hour,entered,", 44), 0);
    buf_deinit(&text);
}

#define DESK_TEST(test) cmocka_unit_test_setup_teardown(test, open_desk, close_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(test_head),
        DESK_TEST(test_the_shortest_way),
        DESK_TEST(test_gaps),
        DESK_TEST(test_a_silent_site),
        DESK_TEST(test_what_is_just_over),
        DESK_TEST(test_a_backlog),
        DESK_TEST(test_dropped_intervals),
        DESK_TEST(test_books_that_do_not_balance),
        DESK_TEST(test_books_that_do_not_join),
        DESK_TEST(test_settings),
        DESK_TEST(test_refusals),
        DESK_TEST(test_nothing_held),
        DESK_TEST(test_rendered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
