#include "proto/alert/alert_watch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

enum { MINUTE = 60000 };
#define START_MS INT64_C(1795284900000)

static char *patterns[] = {"sales*"};
static struct alert_rule rules[2];
static struct alert_watch *watch;
static char news[1000];
static int64_t now_ms;

static int hear(void *ctx, enum alert_news what, const struct alert *alert)
{
    (void)ctx;
    size_t len = strlen(news);
    (void)snprintf(news + len, sizeof news - len, "%s %s %s;", what == ALERT_NEWS_FIRING ? "firing" : "resolved",
                   alert->subject.site, alert->subject.queue);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    rules[0] = (struct alert_rule){.name = (char *)"sl",
                                   .metric = ALERT_SERVICE_LEVEL,
                                   .below = true,
                                   .limit = 0.8,
                                   .window_ms = 30 * MINUTE,
                                   .calls_min = 20,
                                   .for_ms = 2 * MINUTE,
                                   .keep_ms = 3 * MINUTE,
                                   .queues = patterns,
                                   .queue_count = 1,
                                   .severity = ALERT_WARNING,
                                   .summary = (char *)""};
    rules[1] = (struct alert_rule){.name = (char *)"silent",
                                   .metric = ALERT_SITE_SILENT,
                                   .limit = 60000,
                                   .per = ALERT_PER_SITE,
                                   .severity = ALERT_CRITICAL,
                                   .summary = (char *)""};
    now_ms = START_MS;
    news[0] = '\0';
    return alert_watch_new(rules, 2, 3, hear, NULL, &watch);
}

static int end(void **state)
{
    (void)state;
    alert_calendar_deinit(&rules[0].calendar);
    alert_watch_free(watch);
    return 0;
}

static void figure(const char *site, const char *queue, double value, uint64_t calls)
{
    struct alert_subject subject = {.site = ""};
    (void)snprintf(subject.site, sizeof subject.site, "%s", site);
    (void)snprintf(subject.queue, sizeof subject.queue, "%s", queue);
    assert_int_equal(alert_watch_figure(watch, &rules[queue[0] ? 0 : 1], &subject, value, calls), 0);
}

/* A minute later, with one figure (NAN: none). */
static void minute(double value, uint64_t calls)
{
    alert_watch_begin(watch, now_ms += MINUTE);
    if (!isnan(value)) {
        figure("madrid", "sales", value, calls);
    }
    alert_watch_end(watch);
}

static int copy_alert(void *ctx, const struct alert *alert)
{
    *(struct alert *)ctx = *alert;
    return 0;
}

static struct alert only(void)
{
    struct alert alert = {.phase = ALERT_QUIET};
    assert_int_equal(alert_watch_each(watch, copy_alert, &alert), 0);
    return alert;
}

static void test_pending_firing_resolved(void **state)
{
    (void)state;
    minute(0.7, 50);
    assert_int_equal(only().phase, ALERT_PENDING);
    minute(0.6, 50);
    assert_string_equal(news, "");
    minute(0.5, 50);
    assert_string_equal(news, "firing madrid sales;");
    assert_true(only().worst == 0.5 && only().told);
    minute(0.9, 50);
    minute(0.7, 50); /* back: what was over begins anew */
    assert_int_equal(only().over_ms, 0);
    minute(0.9, 50);
    minute(0.9, 50);
    minute(0.9, 50);
    assert_string_equal(news, "firing madrid sales;");
    minute(0.9, 50);
    assert_string_equal(news, "firing madrid sales;resolved madrid sales;");
    assert_int_equal(only().phase, ALERT_QUIET);
}

static void test_what_does_not_count(void **state)
{
    (void)state;
    minute(0.1, 19); /* too few calls */
    minute(0.8, 50); /* the limit itself */
    alert_watch_begin(watch, now_ms += MINUTE);
    figure("madrid", "support", 0.1, 50); /* another queue */
    alert_watch_end(watch);
    assert_int_equal(only().phase, ALERT_QUIET);
    minute(0.7, 50);
    minute(0.7, 19);
    assert_int_equal(only().phase, ALERT_QUIET);
    for (int i = 0; i < 3; i++) {
        minute(0.7, 50);
    }
    for (int i = 0; i < 4; i++) {
        minute(0.7, 3); /* the queue closed for the night */
    }
    assert_string_equal(news, "firing madrid sales;resolved madrid sales;");
}

static void test_figures_that_are_not_known(void **state)
{
    (void)state;
    minute(0.7, 50);
    minute((double)NAN, 0);
    assert_int_equal(only().phase, ALERT_QUIET); /* pending is dropped */
    for (int i = 0; i < 3; i++) {
        minute(0.7, 50);
    }
    minute((double)NAN, 0);
    assert_true(only().phase == ALERT_FIRING && only().stale);
    minute(0.7, 50);
    assert_false(only().stale);
    for (int i = 0; i < 10; i++) { /* a store that cannot be read changes nothing */
        alert_watch_begin(watch, now_ms += MINUTE);
        alert_watch_unknown(watch, &rules[0]);
        alert_watch_end(watch);
    }
    assert_true(only().phase == ALERT_FIRING && !only().stale);
    now_ms += ALERT_STALE_MAX_MS;
    minute((double)NAN, 0);
    assert_string_equal(news, "firing madrid sales;resolved madrid sales;");
}

static void test_muted_by_hand(void **state)
{
    (void)state;
    minute(0.7, 50);
    assert_int_equal(alert_watch_mute(watch, "none", "", now_ms + MINUTE, "me", ""), STATUS_NOT_FOUND);
    assert_int_equal(alert_watch_mute(watch, "sl", "", now_ms, "me", ""), STATUS_RANGE);
    assert_int_equal(alert_watch_mute(watch, "sl", "paris", now_ms + 99 * MINUTE, "me", ""), 0);
    assert_int_equal(alert_watch_mute(watch, "sl", "madrid", now_ms + 5 * MINUTE, "me", "works"), 0);
    for (int i = 0; i < 4; i++) {
        minute(0.7, 50);
        assert_true(only().muted);
    }
    assert_string_equal(news, "");
    minute(0.7, 50);
    assert_string_equal(news, "firing madrid sales;"); /* told when it ends */
    assert_int_equal(alert_watch_mute(watch, NULL, NULL, now_ms + 99 * MINUTE, "me", ""), 0);
    for (int i = 0; i < 6; i++) {
        minute(0.9, 50);
    }
    assert_int_equal(only().phase, ALERT_QUIET);
    assert_string_equal(news, "firing madrid sales;");
    assert_int_equal(alert_watch_mute(watch, "", "", 0, "me", ""), 0);
    assert_int_equal(alert_watch_mute(watch, "", "", 0, "me", ""), STATUS_NOT_FOUND);
    minute(0.9, 50);
    assert_string_equal(news, "firing madrid sales;resolved madrid sales;");
}

static void test_muted_by_the_calendar(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    now_ms = INT64_C(1795219200000) + 7 * 60 * MINUTE + 55 * MINUTE; /* 07:55 UTC */
    assert_int_equal(zone_set("UTC"), 0);
    assert_int_equal(alert_calendar_take_hours(&rules[0].calendar, slice_str("daily 08:00-20:00"), &why), 0);
    for (int i = 0; i < 4; i++) {
        minute(0.7, 50);
        assert_true(only().muted);
    }
    assert_int_equal(only().phase, ALERT_FIRING);
    assert_string_equal(news, "");
    minute(0.7, 50); /* 08:00 */
    assert_string_equal(news, "firing madrid sales;");
    now_ms += 12 * 60 * MINUTE;
    minute(0.7, 50);
    assert_true(only().muted && only().told);
    for (int i = 0; i < 4; i++) {
        minute(0.9, 50);
    }
    now_ms += 12 * 60 * MINUTE;
    assert_string_equal(news, "firing madrid sales;");
    minute(0.9, 50);
    assert_string_equal(news, "firing madrid sales;resolved madrid sales;");
    buf_deinit(&why);
}

static void test_no_more_than_may_be(void **state)
{
    (void)state;
    alert_watch_begin(watch, now_ms);
    for (int i = 0; i < 5; i++) {
        char site[8];
        (void)snprintf(site, sizeof site, "s%d", i);
        figure(site, "", 90000, 0);
    }
    alert_watch_end(watch);
    assert_int_equal(alert_watch_left_out(watch), 2);
    assert_string_equal(news, "firing s0 ;firing s1 ;firing s2 ;");
    alert_watch_begin(watch, now_ms += MINUTE);
    for (int i = 1; i < 5; i++) {
        char site[8];
        (void)snprintf(site, sizeof site, "s%d", i);
        figure(site, "", i == 1 ? 0 : 90000, 0);
    }
    alert_watch_end(watch);
    assert_int_equal(alert_watch_left_out(watch), 2); /* s0 is stale, s1 goes at the end of this round */
}

static void test_the_same_id_whenever(void **state)
{
    (void)state;
    minute(0.7, 50);
    uint64_t id = only().id;
    alert_watch_free(watch);
    assert_int_equal(alert_watch_new(rules, 2, 3, hear, NULL, &watch), 0);
    minute(0.7, 50);
    assert_true(only().id == id);
}

static void test_document(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        minute(0.625, 41);
    }
    assert_int_equal(zone_set("UTC"), 0);
    struct json *out = json_new_map();
    alert_watch_put(watch, now_ms, out);
    assert_int_equal(json_count(out, "rules"), 2);
    assert_string_equal(json_text(out, "rules/0/below"), "80 %");
    assert_string_equal(json_text(out, "rules/1/above"), "1m");
    assert_string_equal(json_text(out, "alerts/0/phase"), "firing");
    assert_string_equal(json_text(out, "alerts/0/value_text"), "62.5 %");
    assert_string_equal(json_text(out, "alerts/0/text"),
                        "sales at madrid: service level 62.5 % below 80 % (last 30m, 41 calls)");
    assert_int_equal(json_kind(out, "alerts/0/group"), JSON_NULL_VALUE);
    assert_false(json_build_failed());
    json_free(out);
}

static void test_state_that_cannot_be_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}", "[]", "{\"version\":2,\"at_ms\":1,\"alerts\":[],\"mutes\":[]}",
                                      "{\"version\":1,\"at_ms\":1,\"alerts\":[{\"rule\":\"sl\"}],\"mutes\":[]}",
                                      "{\"version\":1,\"at_ms\":1,\"alerts\":[],\"mutes\":[{}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json *from = NULL;
        assert_int_equal(json_parse(slice_str(bad[i]), 1000, &from, NULL, 0), 0);
        assert_int_equal(alert_watch_restore(watch, from), STATUS_INVALID);
        json_free(from);
    }
    assert_int_equal(only().phase, ALERT_QUIET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pending_firing_resolved, begin, end),
        cmocka_unit_test_setup_teardown(test_what_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_figures_that_are_not_known, begin, end),
        cmocka_unit_test_setup_teardown(test_muted_by_hand, begin, end),
        cmocka_unit_test_setup_teardown(test_muted_by_the_calendar, begin, end),
        cmocka_unit_test_setup_teardown(test_no_more_than_may_be, begin, end),
        cmocka_unit_test_setup_teardown(test_the_same_id_whenever, begin, end),
        cmocka_unit_test_setup_teardown(test_document, begin, end),
        cmocka_unit_test_setup_teardown(test_state_that_cannot_be_read, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
