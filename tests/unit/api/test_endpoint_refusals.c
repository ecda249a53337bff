/* Questions that are refused: with which code, which parameter, and a sentence that says what is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/time/clock.h"
#include "proto/report/query.h"
#include "tests/unit/api/endpoint_world.h"

static const char *const figures[] = {"/api/v1/kpi",     "/api/v1/export",       "/api/v1/timeseries",
                                      "/api/v1/heatmap", "/api/v1/distribution", "/api/v1/ranking",
                                      "/api/v1/overview"};
enum { FIGURES = sizeof figures / sizeof figures[0], WITHOUT_SPAN = FIGURES - 1 };

static void refused_everywhere(size_t paths, const char *query, int code, const char *where, const char *what)
{
    char target[2048];
    for (size_t i = 0; i < paths; i++) {
        (void)snprintf(target, sizeof target, "%s?%s", figures[i], query);
        world_refused(target, code, where, what);
    }
}

static void common_words(void **state)
{
    (void)state;
    refused_everywhere(FIGURES, "site=a&group=north", 400, "site", "only one of");
    refused_everywhere(FIGURES, "group=north&all=yes", 400, "group", "only one of");
    refused_everywhere(FIGURES, "all=maybe", 400, "all", "allowed");
    refused_everywhere(FIGURES, "site=a&site=b", 400, "site", "more than once");
    refused_everywhere(FIGURES, "site=", 400, "site", "empty");
    refused_everywhere(FIGURES, "site=nobody", 404, "site", "nobody");
    refused_everywhere(FIGURES, "group=nobody", 404, "group", "nobody");
    refused_everywhere(FIGURES, "zone=Mars/North", 400, "zone", "Mars/North");
    refused_everywhere(FIGURES, "service_level=soon", 400, "service_level", "20s");
    refused_everywhere(FIGURES, "service_level_method=best", 400, "service_level_method", "asterisk_sl");
    refused_everywhere(FIGURES, "short_abandon=25h", 400, "short_abandon", "24h");
    refused_everywhere(FIGURES, "colour=red", 400, "colour", "it has site, group");
    refused_everywhere(FIGURES, "Site=a", 400, "Site", "no parameter");
    refused_everywhere(WITHOUT_SPAN, "from=soon", 400, "from", "yesterday");
    refused_everywhere(WITHOUT_SPAN, "to=2026-13-01", 400, "to", "2026-13-01");
    refused_everywhere(WITHOUT_SPAN, "from=today&from=today", 400, "from", "more than once");
    refused_everywhere(WITHOUT_SPAN, "from=2026-11-21&to=2026-11-20", 400, "from", "empty");
    refused_everywhere(WITHOUT_SPAN, "queue=nobody", 404, "queue", "nobody");
    refused_everywhere(1, "queue=", 400, "queue", "empty");
    world_refused("/api/v1/overview?from=today", 400, "from", "no parameter");
    world_refused("/api/v1/overview?queue=sales", 400, "queue", "no parameter");
}

static void words_of_their_own(void **state)
{
    (void)state;
    world_refused("/api/v1/kpi?by=colour", 400, "by", "hour-of-week");
    world_refused("/api/v1/kpi?by=hour,day", 400, "by", "allowed");
    world_refused("/api/v1/kpi?by=hour&by=site", 400, "by", "more than once");
    world_refused("/api/v1/kpi?bins=perhaps", 400, "bins", "yes or no");
    world_refused("/api/v1/kpi?format=xml", 400, "format", "json | csv");
    world_refused("/api/v1/export?format=csv", 400, "format", "no parameter");
    world_refused("/api/v1/timeseries?step=week", 400, "step", "interval | hour | day");
    world_refused("/api/v1/timeseries?by=hour", 400, "by", "total | queue | site | site,queue");
    world_refused("/api/v1/timeseries?fields=entered,colour", 400, "fields", "colour");
    world_refused("/api/v1/heatmap?fields=,", 400, "fields", "");
    world_refused("/api/v1/heatmap?step=day", 400, "step", "no parameter");
    world_refused("/api/v1/ranking?metric=colour", 400, "metric", "service_level");
    world_refused("/api/v1/ranking?order=random", 400, "order", "worst | best");
    world_refused("/api/v1/ranking?of=group", 400, "of", "site | queue");
    world_refused("/api/v1/ranking?limit=0", 400, "limit", "from 1 to 100");
    world_refused("/api/v1/ranking?limit=101", 400, "limit", "from 1 to 100");
    world_refused("/api/v1/ranking?limit=many", 400, "limit", "from 1 to 100");
    world_refused("/api/v1/ranking?calls-min=-1", 400, "calls-min", "from 0");
    world_refused("/api/v1/ranking?spark=week", 400, "spark", "none");
    world_refused("/api/v1/live?operators=perhaps", 400, "operators", "no | yes");
    world_refused("/api/v1/live?site=a&group=north", 400, "site", "only one of");
    world_refused("/api/v1/live?queue=sales&queue=support", 400, "queue", "more than once");
    world_refused("/api/v1/live?queue=nobody", 404, "queue", "nobody");
    world_refused("/api/v1/live?site=nobody", 404, "site", "nobody");
    world_refused("/api/v1/live?group=nobody", 404, "group", "nobody");
    world_refused("/api/v1/sites?group=nobody", 404, "group", "nobody");
    world_refused("/api/v1/queues?site=nobody", 404, "site", "nobody");
}

static void paths_without_parameters(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/v1/about", "/api/v1/sites/a", "/api/v1/groups",
                                        "/api/v1/store", "/api/v1/tokens",  "/api/v1/alerts"};
    char target[128];
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        (void)snprintf(target, sizeof target, "%s?x=1", paths[i]);
        world_refused(target, 400, "x", "no parameter");
    }
}

static void long_values(void **state)
{
    (void)state;
    char target[4096] = "/api/v1/kpi?site=";
    memset(target + strlen(target), 'x', 65);
    world_refused(target, 400, "site", "longer than the 64 bytes");
    (void)snprintf(target, sizeof target, "/api/v1/kpi?queue=%0300d", 0);
    world_refused(target, 400, "queue", "longer than the 255 bytes");
    (void)snprintf(target, sizeof target, "/api/v1/kpi?%0300d=1", 0);
    assert_int_equal(world_ask("GET", target), 400);
    assert_int_equal(strlen(json_text(world_document(), "error/where")), 64);
    size_t len = (size_t)snprintf(target, sizeof target, "/api/v1/kpi?queue=a");
    for (int i = 0; i < QUERY_QUEUES_MAX; i++) {
        len += (size_t)snprintf(target + len, sizeof target - len, "&queue=a");
    }
    world_refused(target, 400, "queue", "more than 64");
}

static void hostile_bytes(void **state)
{
    (void)state;
    world_refused("/api/v1/kpi?site=\xff\xfe", 404, "site", "");
    world_refused("/api/v1/kpi?\"<script>=1", 400, "\"<script>", "no parameter");
    world_refused("/api/v1/kpi?from=%s%n", 400, "from", "%s%n");
}

static void spans_that_are_too_long(void **state)
{
    (void)state;
    world_refused("/api/v1/kpi?from=2026-01-01&by=interval", 400, "from", "92 days");
    world_refused("/api/v1/kpi?from=2020-01-01&by=hour", 400, "from", "800 days");
    world_refused("/api/v1/kpi?from=2020-01-01&by=hour-of-week", 400, "from", "800 days");
    world_refused("/api/v1/export?from=2020-01-01&by=hour", 400, "from", "800 days");
    world_refused("/api/v1/timeseries?from=2026-01-01&step=interval", 400, "from", "92 days");
    world_refused("/api/v1/timeseries?from=2020-01-01", 400, "from", "800 days");
    world_refused("/api/v1/timeseries?to=2031-01-01", 400, "from", "800 days");
    world_refused("/api/v1/heatmap?from=2020-01-01", 400, "from", "800 days");
    world_refused("/api/v1/ranking?from=2026-01-01&spark=interval", 400, "from", "92 days");
    assert_int_equal(world_get("/api/v1/timeseries?from=2020-01-01&step=day"), 200);
    assert_int_equal(world_get("/api/v1/timeseries?step=interval"), 200); /* from where the data begins */
}

static void too_many_rows(void **state)
{
    (void)state;
    world_options()->rows_max = 10;
    world_refused("/api/v1/kpi?by=interval", 400, "", "more than 10 rows");
    world_refused("/api/v1/timeseries?step=interval", 400, "", "more than 10 rows");
    world_options()->rows_max = 20000;
}

static void out_of_time(void **state)
{
    (void)state;
    world_deadline(clock_monotonic_ms() - 1);
    world_refused("/api/v1/kpi?by=interval", 503, "", "5000 ms");
    assert_int_equal(world_answer()->retry_after_s, 5);
    world_refused("/api/v1/ranking?spark=interval", 503, "", "5000 ms");
    world_deadline(clock_monotonic_ms() + 60000);
    assert_int_equal(world_get("/api/v1/kpi?by=interval"), 200);
    world_deadline(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_words),
        cmocka_unit_test(words_of_their_own),
        cmocka_unit_test(paths_without_parameters),
        cmocka_unit_test(long_values),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(spans_that_are_too_long),
        cmocka_unit_test(too_many_rows),
        cmocka_unit_test(out_of_time),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
