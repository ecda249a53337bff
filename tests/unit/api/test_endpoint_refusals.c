/* Questions that are refused: with which code, which parameter, and a sentence that says what is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/endpoint_reply.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/report/query.h"
#include "tests/support/rng.h"
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

/* ---- what fails here ---- */

static char logged[512];

static void keep_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)snprintf(logged, sizeof logged, "%s", text);
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        int status;
        int code;
        int retry_after_s;
        bool told;
    } cases[] = {{STATUS_NOT_FOUND, 404, 0, true}, {STATUS_INVALID, 400, 0, true}, {STATUS_RANGE, 400, 0, true},
                 {STATUS_FULL, 400, 0, true},      {STATUS_LATE, 503, 5, false},   {STATUS_BUSY, 503, 1, true},
                 {STATUS_CORRUPT, 500, 0, false},  {STATUS_IO, 500, 0, false},     {STATUS_NO_MEMORY, 500, 0, false}};
    const struct endpoint_request request = {.options = world_options()};
    const struct query_why why = {"a sentence about it"};
    log_set_sink(keep_line, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_answer answer = {.code = 200, .fresh_ms = 5, .stale_ms = 5, .file_name = "x"};
        buf_append_str(&answer.body, "half an answer");
        endpoint_reply_failure(&request, &answer, cases[i].status, "word", &why);
        assert_int_equal(answer.code, cases[i].code);
        assert_int_equal(answer.retry_after_s, cases[i].retry_after_s);
        assert_int_equal(strstr(buf_cstr(&answer.body), why.text) != NULL, cases[i].told);
        assert_memory_equal(buf_cstr(&answer.body), "{\"error\":{\"code\":", 17);
        assert_int_equal(answer.fresh_ms, 0);
        assert_string_equal(answer.file_name, "");
        buf_deinit(&answer.body);
    }
    log_set_sink(NULL, NULL);
    assert_non_null(strstr(logged, status_str(STATUS_CORRUPT))); /* the first; the others would only fill the log */
    assert_non_null(strstr(logged, why.text));
}

/* ---- any words ---- */

static const char *any_of(struct rng *rng, const char *const texts[], size_t count)
{
    return texts[rng_below(rng, count)];
}

static void add_words(struct rng *rng, char *target, size_t size)
{
    static const char *const names[] = {"site",   "group",  "all",          "from",          "to",
                                        "queue",  "zone",   "by",           "service_level", "service_level_method",
                                        "bins",   "format", "step",         "fields",        "metric",
                                        "order",  "of",     "limit",        "calls-min",     "spark",
                                        "colour", "",       "short_abandon"};
    static const char *const values[] = {"a",          "north",
                                         "yes",        "today",
                                         "2026-11-20", "2026-11-21T10:30:00Z",
                                         "7d",         "sales",
                                         "UTC",        "site",
                                         "total,hour", "20s",
                                         "33",         "amazon",
                                         "csv",        "day",
                                         "interval",   "entered,asa_ms",
                                         "queue",      "service_level",
                                         "worst",      "5",
                                         "0",          "-1",
                                         "none",       "99999999999999999999",
                                         "",           "site,queue,day",
                                         "%s%n%p",     "\xff",
                                         "now",        "1969-01-01",
                                         "0s",         "hour-of-week",
                                         "9999-12-31"};
    size_t words = rng_below(rng, 5);
    for (size_t i = 0; i < words; i++) {
        size_t len = strlen(target);
        (void)snprintf(target + len, size - len, "%c%s=%s", i ? '&' : '?',
                       any_of(rng, names, sizeof names / sizeof names[0]),
                       any_of(rng, values, sizeof values / sizeof values[0]));
    }
}

/* Whatever is asked: an answer, or a refusal that says why. */
static void any_words(void **state)
{
    (void)state;
    static const int codes[] = {200, 400, 403, 404};
    struct rng rng = {.state = 20261121};
    unsigned answered = 0;
    for (unsigned round = 0; round < 3000; round++) {
        const struct endpoint *endpoint = &endpoint_table[rng_below(&rng, endpoint_count)];
        char target[1024];
        (void)snprintf(target, sizeof target, "%s%s", endpoint->path,
                       endpoint->path[strlen(endpoint->path) - 1] == '/' ? "a" : "");
        add_words(&rng, target, sizeof target);
        int code = world_ask(endpoint->method, target);
        bool known = false;
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            known = known || code == codes[i];
        }
        if (!known || (code >= 400 && world_what()[0] == '\0')) {
            fail_msg("%s: %d %.300s", target, code, world_text());
        }
        answered += code == 200;
    }
    assert_true(answered > 500);
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
        cmocka_unit_test(failures),
        cmocka_unit_test(any_words),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
