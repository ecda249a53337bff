/* What the endpoints answer, for how long, to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/api/endpoint_world.h"

static void assert_times(int64_t fresh_ms, int64_t stale_ms)
{
    assert_int_equal(world_answer()->fresh_ms, fresh_ms);
    assert_int_equal(world_answer()->stale_ms, stale_ms);
}

/* ---- the process ---- */

static void about(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/about"), 200);
    assert_string_equal(json_text(world_document(), "version"), RINGSIDE_VERSION);
    assert_string_equal(json_text(world_document(), "instance"), "0123456789abcdef");
    assert_string_equal(json_text(world_document(), "now"), "2026-11-21T19:15:00+01:00");
    assert_string_equal(json_text(world_document(), "role"), "view");
    assert_string_equal(json_text(world_document(), "token"), "wall");
    assert_string_equal(json_text(world_document(), "token_expires"), "2026-11-22T19:15:00+01:00");
    assert_string_equal(json_text(world_document(), "zone"), "Europe/Madrid");
    assert_false(json_bool(world_document(), "features/alerts"));
    assert_int_equal(world_int("limits/rows_max"), 20000);
    assert_int_equal(world_int("limits/budget_ms"), 5000);
    assert_int_equal(json_kind(world_document(), "sandbox"), JSON_NULL_VALUE);
    const struct confinement confinement = {"yes", .calls = true, .files = true, .ports = true, .landlock = 5};
    world_options()->confinement = &confinement;
    assert_int_equal(world_get("/api/v1/about"), 200);
    world_options()->confinement = NULL;
    assert_string_equal(json_text(world_document(), "sandbox/setting"), "yes");
    assert_true(json_bool(world_document(), "sandbox/system_calls"));
    assert_true(json_bool(world_document(), "sandbox/files"));
    assert_true(json_bool(world_document(), "sandbox/tcp_ports"));
    assert_int_equal(world_int("sandbox/landlock"), 5);
    assert_times(0, 0);
    world_as(0);
    assert_int_equal(world_get("/api/v1/about"), 200);
    assert_int_equal(json_kind(world_document(), "role"), JSON_NULL_VALUE);
    world_as(ACCESS_VIEW);
}

static void health(void **state)
{
    (void)state;
    assert_int_equal(world_get("/healthz?whatever=1"), 200);
    assert_string_equal(world_text(), "ok\n");
    assert_int_equal(world_get("/readyz"), 200);
    assert_true(json_bool(world_document(), "ready"));
    world_options()->vitals = NULL;
    assert_int_equal(world_ask("GET", "/readyz"), 503);
    assert_true(json_bool(world_document(), "store"));
    assert_false(json_bool(world_document(), "ingest"));
    assert_false(json_bool(world_document(), "ready"));
    assert_int_equal(world_get("/metrics"), 200);
    assert_string_equal(world_text(), "ringside_up 1\n");
    assert_string_equal(world_answer()->type, "text/plain; version=0.0.4; charset=utf-8");
    assert_int_equal(world_get("/api/v1/openapi.json"), 200);
}

/* ---- names ---- */

static void names(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/sites"), 200);
    assert_int_equal(json_count(world_document(), "sites"), 3);
    assert_times(2000, 3000);
    assert_int_equal(world_get("/api/v1/sites?group=north"), 200);
    assert_int_equal(json_count(world_document(), "sites"), 2);
    assert_int_equal(world_get("/api/v1/groups"), 200);
    assert_int_equal(world_int("groups/0/sites"), 2);
    assert_int_equal(world_int("ungrouped"), 1);
    assert_int_equal(world_get("/api/v1/queues"), 200);
    assert_int_equal(json_count(world_document(), "queues"), 2);
    assert_int_equal(world_get("/api/v1/queues?site=a"), 200);
    assert_int_equal(world_int("queues/0/sites"), 1);
    assert_int_equal(world_get("/api/v1/store"), 200);
    assert_true(world_int("intervals") > 0);
}

static void a_site(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/sites/a"), 200);
    assert_string_equal(json_text(world_document(), "site"), "a");
    assert_int_equal(json_kind(world_document(), "address"), JSON_NOTHING);
    assert_int_equal(json_kind(world_document(), "key"), JSON_NOTHING);
    assert_int_equal(json_kind(world_document(), "events"), JSON_NOTHING);
    assert_times(0, 0); /* depends on who asks */
    world_as(ACCESS_ADMIN);
    assert_int_equal(world_get("/api/v1/sites/a"), 200);
    assert_string_equal(json_text(world_document(), "address"), "192.0.2.7");
    assert_int_equal(json_kind(world_document(), "events"), JSON_LIST);
    assert_times(0, 0);
    world_as(ACCESS_VIEW);
    world_refused("/api/v1/sites/nobody", 404, "site", "nobody");
    world_refused("/api/v1/sites/no body", 404, "site", "no body");
    world_refused("/api/v1/sites/a/b", 404, "site", "a/b");
}

static void tokens(void **state)
{
    (void)state;
    const struct access_token token = {.name = "wall", .role = ACCESS_VIEW, .hash = {7}, .created_ms = 1};
    assert_int_equal(access_add(world_options()->registry, &token), 0);
    assert_int_equal(world_get("/api/v1/tokens"), 200);
    assert_string_equal(json_text(world_document(), "tokens/0/name"), "wall");
    assert_true(json_bool(world_document(), "tokens/0/valid"));
    assert_null(strstr(world_text(), "0700"));
    assert_times(0, 0);
}

/* ---- figures ---- */

static void kpi(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/kpi"), 200);
    assert_int_equal(json_count(world_document(), "rows"), 2);
    assert_true(json_bool(world_document(), "scope/all"));
    assert_string_equal(json_text(world_document(), "zone"), "Europe/Madrid");
    int64_t entered = world_int("rows/0/entered");
    assert_times(2000, 3000);
    assert_int_equal(world_get("/api/v1/kpi?group=north&queue=sales&by=site&bins=yes"), 200);
    assert_int_equal(json_count(world_document(), "rows"), 2);
    assert_int_equal(json_kind(world_document(), "rows/0/wait_answered_ms/bins"), JSON_LIST);
    int64_t north = world_int("rows/0/entered") + world_int("rows/1/entered");
    assert_int_equal(world_get("/api/v1/kpi?site=c&queue=sales&zone=UTC"), 200);
    assert_string_equal(json_text(world_document(), "zone"), "UTC");
    assert_int_equal(north + world_int("rows/0/entered"), entered);
}

static void the_days_are_those_of_the_zone(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/kpi?from=2026-11-21&to=2026-11-21&by=total"), 200);
    assert_string_equal(json_text(world_document(), "from"), "2026-11-21T00:00:00+01:00");
    assert_string_equal(json_text(world_document(), "to"), "2026-11-22T00:00:00+01:00");
    assert_int_equal(world_get("/api/v1/kpi?from=2026-11-21&by=total&zone=Asia/Kolkata"), 200);
    assert_string_equal(json_text(world_document(), "from"), "2026-11-21T00:00:00+05:30");
}

static void what_has_settled_holds_longer(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/kpi?from=2026-11-20T10:00:00Z&to=2026-11-20T20:00:00Z"), 200);
    assert_true(json_bool(world_document(), "complete"));
    assert_times(30000, 300000);
    assert_int_equal(world_get("/api/v1/kpi?from=2026-11-20&to=2026-11-21T18:00:00Z"), 200);
    assert_times(2000, 3000); /* it touches the last hour */
    assert_int_equal(world_get("/api/v1/ranking"), 200);
    assert_times(10000, 120000);
    assert_int_equal(world_get("/api/v1/ranking?from=today"), 200);
    assert_times(2000, 3000);
}

static void csv(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/kpi?format=csv&by=site,day"), 200);
    assert_string_equal(world_answer()->type, "text/csv; charset=utf-8");
    assert_string_equal(world_answer()->file_name, "");
    assert_memory_equal(world_text(), "site,queue,", 11);
    assert_non_null(strstr(world_text(), "\r\na,*,2026-11-2"));
    assert_int_equal(world_get("/api/v1/export?group=north&from=2026-11-20&to=2026-11-21T10:30:00Z"), 200);
    assert_string_equal(world_answer()->type, "text/csv; charset=utf-8");
    assert_string_equal(world_answer()->file_name, "ringside-kpi-north-2026-11-20-2026-11-21T1130.csv");
}

static void series(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/timeseries?from=today"), 200);
    assert_string_equal(json_text(world_document(), "step"), "hour");
    assert_int_equal(json_count(world_document(), "series"), 1);
    assert_int_equal(json_count(world_document(), "series/0/start"), 20);
    assert_int_equal(world_get("/api/v1/timeseries?from=today&by=site,queue&step=interval&fields=entered,asa_ms"), 200);
    assert_int_equal(json_count(world_document(), "series"), 6);
    assert_int_equal(json_count(world_document(), "fields"), 2);
    assert_int_equal(json_count(world_document(), "series/0/asa_ms"), json_count(world_document(), "series/0/start"));
    assert_int_equal(world_get("/api/v1/heatmap?fields=entered"), 200);
    assert_int_equal(json_count(world_document(), "cells/entered"), 168);
}

static void distribution(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/distribution?service_level=10s"), 200);
    assert_string_equal(json_text(world_document(), "queue"), "*");
    assert_int_equal(world_int("settings/threshold_s"), 10);
    assert_int_equal(world_get("/api/v1/distribution?queue=sales"), 200);
    assert_string_equal(json_text(world_document(), "queue"), "sales");
    assert_int_equal(world_int("settings/threshold_s"), 20);
    assert_int_equal(world_get("/api/v1/distribution?queue=sales&queue=support"), 200);
    assert_string_equal(json_text(world_document(), "queue"), "*");
}

static void ranking(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/ranking?metric=abandon_rate&of=queue&limit=3&spark=hour&from=today"), 200);
    assert_int_equal(json_count(world_document(), "rows"), 3);
    assert_string_equal(json_text(world_document(), "order"), "highest"); /* worst */
    assert_string_equal(json_text(world_document(), "rows/0/spark/step"), "hour");
    assert_int_equal(world_get("/api/v1/ranking?metric=service_level&order=best"), 200);
    assert_string_equal(json_text(world_document(), "order"), "highest");
    assert_int_equal(world_get("/api/v1/ranking?metric=service_level"), 200);
    assert_string_equal(json_text(world_document(), "order"), "lowest");
    assert_int_equal(world_get("/api/v1/ranking?metric=entered&order=highest&calls-min=100000"), 200);
    assert_int_equal(json_count(world_document(), "rows"), 0);
    assert_int_equal(world_int("calls_min"), 100000);
}

/* ---- now ---- */

static void live(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/live?group=north&queue=sales"), 200);
    assert_int_equal(json_count(world_document(), "rows"), 2);
    assert_int_equal(world_int("totals/waiting"), 3);
    assert_string_equal(json_text(world_document(), "as_of"), "2026-11-21T19:15:00+01:00");
    assert_int_equal(json_kind(world_document(), "operators"), JSON_NOTHING);
    assert_times(2000, 3000);
    world_refused("/api/v1/live?operators=yes", 403, "operators", "admin");
    world_as(0);
    world_refused("/api/v1/live?operators=yes", 403, "operators", "admin");
    world_as(ACCESS_ADMIN);
    assert_int_equal(world_get("/api/v1/live?operators=yes&site=a"), 200);
    assert_string_equal(json_text(world_document(), "operators/0/operator"), "Ana");
    assert_times(0, 0);
    world_as(ACCESS_VIEW);
}

static void overview(void **state)
{
    (void)state;
    assert_int_equal(world_get("/api/v1/overview?service_level=10s"), 200);
    assert_int_equal(world_int("sites/joined"), 3);
    assert_int_equal(world_int("today/row/service_level/threshold_s"), 10);
    assert_int_equal(json_kind(world_document(), "alerts"), JSON_NOTHING);
    assert_times(2000, 3000);
}

/* ---- alerts ---- */

static struct {
    char rule[80];
    char site[80];
    int64_t until_ms;
    char by[80];
    char why[256];
    int status;
} muted;

static struct json *alerts_state(void *ctx)
{
    static const char text[] = "{\"alerts\": [{\"phase\": \"firing\", \"severity\": \"critical\"},"
                               " {\"phase\": \"firing\", \"severity\": \"warning\"}, {\"phase\": \"pending\"}]}";
    struct json *out = NULL;
    (void)ctx;
    (void)json_parse(slice_str(text), sizeof text, &out, NULL, 0);
    return out;
}

static int alerts_mute(void *ctx, const char *rule, const char *site, int64_t until_ms, const char *by, const char *why)
{
    (void)ctx;
    (void)snprintf(muted.rule, sizeof muted.rule, "%s", rule);
    (void)snprintf(muted.site, sizeof muted.site, "%s", site);
    (void)snprintf(muted.by, sizeof muted.by, "%s", by);
    (void)snprintf(muted.why, sizeof muted.why, "%s", why);
    muted.until_ms = until_ms;
    return muted.status;
}

static void alerts(void **state)
{
    (void)state;
    world_refused("/api/v1/alerts", 404, "", "no alerts");
    assert_int_equal(world_ask("POST", "/api/v1/alerts/mute"), 404);
    world_options()->alerts = (struct api_alerts){.state = alerts_state, .mute = alerts_mute};
    assert_int_equal(world_get("/api/v1/alerts"), 200);
    assert_int_equal(json_count(world_document(), "alerts"), 3);
    assert_times(0, 0); /* asked when it has just changed */
    assert_int_equal(world_get("/api/v1/overview"), 200);
    assert_int_equal(world_int("alerts/firing"), 2);
    assert_int_equal(world_int("alerts/pending"), 1);
    assert_int_equal(world_int("alerts/critical"), 1);
    assert_int_equal(world_get("/api/v1/about"), 200);
    assert_true(json_bool(world_document(), "features/alerts"));
}

static int mute(const char *body)
{
    world_body(body);
    return world_ask("POST", "/api/v1/alerts/mute");
}

static void mutes(void **state)
{
    (void)state;
    assert_int_equal(mute("{\"rule\": \"r\", \"site\": \"a\", \"until\": \"2026-11-21T20:00:00Z\", \"why\": \"w\"}"),
                     200);
    assert_string_equal(muted.rule, "r");
    assert_string_equal(muted.site, "a");
    assert_string_equal(muted.by, "wall");
    assert_string_equal(muted.why, "w");
    assert_int_equal(muted.until_ms, WORLD_NOW_MS + 105 * 60000);
    assert_int_equal(json_count(world_document(), "alerts"), 3);
    assert_times(0, 0);
    assert_int_equal(mute("{\"until\": null}"), 200);
    assert_int_equal(muted.until_ms, 0);
    assert_string_equal(muted.rule, "");
    muted.status = STATUS_NOT_FOUND;
    assert_int_equal(mute("{\"rule\": \"x\", \"until\": null}"), 404);
    assert_string_equal(json_text(world_document(), "error/where"), "rule");
    muted.status = 0;
}

static void mutes_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int code;
        const char *where;
    } cases[] = {
        {"", 400, ""},
        {"[]", 400, ""},
        {"{\"until\": null", 400, ""},
        {"{\"until\": null, \"until\": null}", 400, ""},
        {"{}", 400, "until"},
        {"{\"until\": 5}", 400, "until"},
        {"{\"until\": \"soon\"}", 400, "until"},
        {"{\"until\": \"2026-11-21T10:00:00Z\"}", 400, "until"},
        {"{\"until\": \"2036-11-21T10:00:00Z\"}", 400, "until"},
        {"{\"until\": null, \"rule\": 7}", 400, "rule"},
        {"{\"until\": null, \"why\": \"a\\nb\"}", 400, "why"},
        {"{\"until\": null, \"site\": \"nobody\"}", 404, "site"},
        {"{\"until\": null, \"by\": \"me\"}", 400, "by"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int code = mute(cases[i].body);
        if (code != cases[i].code || strcmp(json_text(world_document(), "error/where"), cases[i].where) != 0) {
            fail_msg("%s: %d %s", cases[i].body, code, world_text());
        }
    }
    char body[ENDPOINT_BODY_MAX + 100];
    memset(body, ' ', sizeof body);
    memcpy(body, "{\"until\": null}", 15);
    body[sizeof body - 1] = '\0';
    assert_int_equal(mute(body), 413);
}

/* ---- the description ---- */

struct walk {
    const struct json *paths;
    size_t described;
};

static bool is_served(const char *method, const char *path)
{
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct endpoint *one = &endpoint_table[i];
        size_t len = strlen(one->path);
        bool same = one->path[len - 1] == '/' ? strncmp(path, one->path, len) == 0 && path[len] == '{'
                                              : strcmp(path, one->path) == 0;
        if (same && strcasecmp(one->method, method) == 0) {
            return true;
        }
    }
    return false;
}

struct path_walk {
    struct walk *walk;
    const char *path;
};

static int look_at_method(void *ctx, const char *method, const struct json *operation)
{
    struct path_walk *at = ctx;
    (void)operation;
    if (strcmp(at->path, "/api/v1/live/stream") == 0) {
        return 0; /* the server's own */
    }
    if (!is_served(method, at->path)) {
        fail_msg("%s %s is described and not served", method, at->path);
    }
    at->walk->described++;
    return 0;
}

static int look_at_path(void *ctx, const char *path, const struct json *methods)
{
    struct path_walk at = {ctx, path};
    return json_each(methods, look_at_method, &at);
}

static void the_description_has_every_endpoint(void **state)
{
    (void)state;
    static char text[1 << 20];
    struct json *description = NULL;
    struct walk walk = {.described = 0};
    FILE *file = fopen(PROJECT_DIR "/collector/api/openapi.json", "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    assert_int_equal(json_parse(slice_make(text, len), sizeof text, &description, NULL, 0), 0);
    (void)json_each(json_at(description, "paths"), look_at_path, &walk);
    assert_int_equal(walk.described, endpoint_count);
    json_free(description);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(about),
        cmocka_unit_test(health),
        cmocka_unit_test(names),
        cmocka_unit_test(a_site),
        cmocka_unit_test(tokens),
        cmocka_unit_test(kpi),
        cmocka_unit_test(the_days_are_those_of_the_zone),
        cmocka_unit_test(what_has_settled_holds_longer),
        cmocka_unit_test(csv),
        cmocka_unit_test(series),
        cmocka_unit_test(distribution),
        cmocka_unit_test(ranking),
        cmocka_unit_test(live),
        cmocka_unit_test(overview),
        cmocka_unit_test(alerts),
        cmocka_unit_test(mutes),
        cmocka_unit_test(mutes_that_are_refused),
        cmocka_unit_test(the_description_has_every_endpoint),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
