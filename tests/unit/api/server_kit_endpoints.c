#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/api/endpoint.h"
#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/json/json.h"
#include "platform/time/clock.h"
#include "tests/unit/api/server_kit.h"

atomic_uint kit_made;
atomic_uint kit_working;
atomic_bool kit_hold;
atomic_int kit_waiting;
atomic_uint kit_lives;
atomic_bool kit_live_gone;

void endpoint_refuse(struct endpoint_answer *out, int code, const char *where, const char *format, ...)
{
    char what[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    out->code = code;
    out->type = "application/json";
    buf_reset(&out->body);
    buf_printf(&out->body, "{\"error\":{\"code\":%d,\"what\":\"%s\",\"where\":\"%s\"}}", code, what,
               where ? where : "");
}

static uint64_t kit_item(const struct endpoint_request *request, const char *name)
{
    uint64_t value = 0;
    for (size_t i = 0; i < request->item_count; i++) {
        if (slice_is(request->items[i].name, name)) {
            (void)num_parse_u64(request->items[i].value, &value);
        }
    }
    return value;
}

static void kit_text(struct endpoint_answer *out, const char *text)
{
    out->code = 200;
    out->type = "text/plain";
    buf_append_str(&out->body, text);
}

static void kit_ok(const struct endpoint_request *request, struct endpoint_answer *out)
{
    (void)request;
    kit_text(out, "ok");
}

static void kit_about(const struct endpoint_request *request, struct endpoint_answer *out)
{
    kit_text(out, request->token ? request->token->name : "nobody");
}

static void kit_echo(const struct endpoint_request *request, struct endpoint_answer *out)
{
    kit_text(out, "");
    buf_printf(&out->body, "rest=%.*s;", (int)request->rest.len, request->rest.data);
    for (size_t i = 0; i < request->item_count; i++) {
        buf_printf(&out->body, "%.*s=%.*s;", (int)request->items[i].name.len, request->items[i].name.data,
                   (int)request->items[i].value.len, request->items[i].value.data);
    }
    buf_append(&out->body, request->body.data, request->body.len);
}

/* False: its time is over. */
static bool kit_work(const struct endpoint_request *request, struct endpoint_answer *out)
{
    int64_t until_ms = clock_monotonic_ms() + (int64_t)kit_item(request, "ms");
    atomic_fetch_add(&kit_working, 1);
    bool late = false;
    while (kit_item(request, "hold") && atomic_load(&kit_hold)) {
        kit_sleep(2);
    }
    while (!late && clock_monotonic_ms() < until_ms) {
        kit_sleep(2);
        late = clock_monotonic_ms() >= __atomic_load_n(&request->deadline_ms, __ATOMIC_RELAXED);
    }
    atomic_fetch_sub(&kit_working, 1);
    if (late) {
        endpoint_refuse(out, 503, NULL, "%s", status_str(STATUS_LATE));
    }
    return !late;
}

/* ?ms= (of work) &f= (fresh) &s= (stale) &code= &n= (bytes more) */
static void kit_count(const struct endpoint_request *request, struct endpoint_answer *out)
{
    if (!kit_work(request, out)) {
        return;
    }
    kit_text(out, "");
    buf_printf(&out->body, "made %u for %s", atomic_fetch_add(&kit_made, 1) + 1, access_role_str(request->token->role));
    size_t more = (size_t)kit_item(request, "n");
    uint8_t *at = more ? buf_grow(&out->body, more) : NULL;
    for (size_t i = 0; at && i < more; i++) {
        at[i] = (uint8_t)('a' + (i * i + i / 7) % 23);
    }
    out->fresh_ms = (int64_t)kit_item(request, "f");
    out->stale_ms = (int64_t)kit_item(request, "s");
    if (kit_item(request, "code")) {
        out->code = (int)kit_item(request, "code");
    }
    if (kit_item(request, "save")) {
        (void)snprintf(out->file_name, sizeof out->file_name, "ringside-kpi.csv");
    }
}

static void kit_fail(const struct endpoint_request *request, struct endpoint_answer *out)
{
    (void)request;
    (void)out;
}

static void kit_scrape(const struct endpoint_request *request, struct endpoint_answer *out)
{
    (void)metrics_write(request->metrics, request->now_ms, request->deadline_ms, &out->body);
    kit_text(out, "");
}

const struct endpoint endpoint_table[] = {
    {"GET", "/healthz", ENDPOINT_OPEN, true, kit_ok},
    {"GET", "/readyz", ENDPOINT_OPEN, true, kit_ok},
    {"GET", "/metrics", ENDPOINT_METRICS, false, kit_scrape},
    {"GET", "/api/v1/openapi.json", ENDPOINT_OPEN, true, kit_ok},
    {"GET", "/api/v1/about", ENDPOINT_VIEW, true, kit_about},
    {"GET", "/api/v1/echo", ENDPOINT_VIEW, false, kit_echo},
    {"GET", "/api/v1/sites", ENDPOINT_VIEW, false, kit_echo},
    {"GET", "/api/v1/sites/", ENDPOINT_VIEW, false, kit_echo},
    {"GET", "/api/v1/count", ENDPOINT_VIEW, false, kit_count},
    {"GET", "/api/v1/fail", ENDPOINT_VIEW, false, kit_fail},
    {"GET", "/api/v1/tokens", ENDPOINT_ADMIN, false, kit_echo},
    {"POST", "/api/v1/alerts/mute", ENDPOINT_ADMIN, false, kit_echo},
};
const size_t endpoint_count = sizeof endpoint_table / sizeof endpoint_table[0];

struct json *endpoint_live(const struct endpoint_request *request, struct endpoint_answer *out)
{
    static atomic_uint age;
    for (size_t i = 0; i < request->item_count; i++) {
        if (slice_is(request->items[i].name, "site") && slice_is(request->items[i].value, "nowhere")) {
            endpoint_refuse(out, 404, "site", "no such site");
            return NULL;
        }
    }
    if (atomic_load(&kit_live_gone)) {
        endpoint_refuse(out, 404, "site", "no such site any more");
        return NULL;
    }
    unsigned now = atomic_fetch_add(&age, 1);
    struct json *json = json_new_map();
    json_put_int(json, "as_of", now);
    struct json *row = json_add_map(json_put_list(json, "rows"));
    json_put_int(row, "waiting", atomic_load(&kit_waiting));
    json_put_int(row, "age_ms", now);
    /* Long enough that a reader who does not read is soon behind. */
    char filler[4096];
    for (size_t i = 0; i < sizeof filler; i++) {
        filler[i] = 'x';
    }
    json_put_text(json, "filler", slice_make(filler, sizeof filler));
    atomic_fetch_add(&kit_lives, 1);
    return json;
}
