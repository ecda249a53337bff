#include "collector/api/endpoint.h"

#include <unistd.h>

#include "collector/api/asset.h"
#include "collector/api/endpoint_answers.h"
#include "collector/api/endpoint_reply.h"
#include "collector/api/endpoint_words.h"
#include "collector/api/metrics.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { HOST_NAME_MAX_BYTES = 256, OPENAPI_FRESH_MS = 600000 };

/* ---- the process itself ---- */

static void put_token(struct json *out, const struct access_token *token)
{
    json_put_str(out, "role", token ? access_role_str(token->role) : NULL);
    json_put_str(out, "token", token ? token->name : NULL);
    fields_time(out, "token_expires", token ? token->expires_ms : 0);
}

static void answer_about(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    char name[HOST_NAME_MAX_BYTES + 1] = "";
    if (!endpoint_words_take(request, 0, &words, out)) {
        return;
    }
    if (gethostname(name, HOST_NAME_MAX_BYTES) != 0) {
        name[0] = '\0';
    }
    struct json *document = json_new_map();
    json_put_str(document, "version", RINGSIDE_VERSION);
    json_put_str(document, "instance", request->instance);
    json_put_str(document, "name", name);
    json_put_str(document, "zone", zone_name());
    fields_time(document, "now", request->now_ms);
    put_token(document, request->token);
    struct json *features = json_put_map(document, "features");
    json_put_bool(features, "alerts", request->options->alerts.state != NULL);
    confinement_put(document, "sandbox", request->options->confinement);
    struct json *limits = json_put_map(document, "limits");
    json_put_int(limits, "rows_max", request->options->rows_max);
    json_put_int(limits, "budget_ms", request->options->budget_ms);
    endpoint_reply_json(out, document);
}

static void about(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_about);
}

static void healthz(const struct endpoint_request *request, struct endpoint_answer *out)
{
    (void)request;
    out->code = 200;
    out->type = ENDPOINT_PLAIN;
    buf_append_str(&out->body, "ok\n");
}

static void readyz(const struct endpoint_request *request, struct endpoint_answer *out)
{
    const struct api_options *options = request->options;
    struct api_vitals vitals = {.ingest_alive = false};
    struct store_view *view = NULL;
    bool store = options->store && store_view_begin(options->store, &view) == 0;
    if (view) {
        store_view_end(view);
    }
    if (options->vitals) {
        options->vitals(options->vitals_ctx, &vitals);
    }
    bool ready = store && vitals.ingest_alive;
    struct json *document = json_new_map();
    json_put_bool(document, "ready", ready);
    json_put_bool(document, "store", store);
    json_put_bool(document, "ingest", vitals.ingest_alive);
    endpoint_reply_json(out, document);
    out->code = out->code == 200 && !ready ? 503 : out->code;
}

static void openapi(const struct endpoint_request *request, struct endpoint_answer *out)
{
    (void)request;
    out->code = 200;
    out->type = ENDPOINT_JSON;
    out->fresh_ms = OPENAPI_FRESH_MS; /* packing it each time is more than the thread that speaks HTTP should do */
    buf_append(&out->body, asset_openapi, asset_openapi_len);
}

static void prometheus(const struct endpoint_request *request, struct endpoint_answer *out)
{
    int status = metrics_write(request->metrics, request->now_ms, request->deadline_ms, &out->body);
    if (status == 0 && out->body.failed) {
        status = STATUS_NO_MEMORY;
    }
    if (status != 0) {
        endpoint_reply_failure(request, out, status, NULL, NULL);
        return;
    }
    out->code = 200;
    out->type = "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- the table ---- */

const struct endpoint endpoint_table[] = {
    {"GET", "/api/v1/about", ENDPOINT_VIEW, true, about},
    {"GET", "/api/v1/overview", ENDPOINT_VIEW, false, endpoint_figures_overview},
    {"GET", "/api/v1/sites", ENDPOINT_VIEW, false, endpoint_names_sites},
    {"GET", "/api/v1/sites/", ENDPOINT_VIEW, false, endpoint_names_site},
    {"GET", "/api/v1/groups", ENDPOINT_VIEW, false, endpoint_names_groups},
    {"GET", "/api/v1/queues", ENDPOINT_VIEW, false, endpoint_names_queues},
    {"GET", "/api/v1/kpi", ENDPOINT_VIEW, false, endpoint_figures_kpi},
    {"GET", "/api/v1/export", ENDPOINT_VIEW, false, endpoint_figures_export},
    {"GET", "/api/v1/timeseries", ENDPOINT_VIEW, false, endpoint_figures_timeseries},
    {"GET", "/api/v1/heatmap", ENDPOINT_VIEW, false, endpoint_figures_heatmap},
    {"GET", "/api/v1/distribution", ENDPOINT_VIEW, false, endpoint_figures_distribution},
    {"GET", "/api/v1/ranking", ENDPOINT_VIEW, false, endpoint_figures_ranking},
    {"GET", "/api/v1/live", ENDPOINT_VIEW, false, endpoint_now_live},
    {"GET", "/api/v1/alerts", ENDPOINT_VIEW, false, endpoint_alerts_state},
    {"POST", "/api/v1/alerts/mute", ENDPOINT_ADMIN, false, endpoint_alerts_mute},
    {"GET", "/api/v1/tokens", ENDPOINT_ADMIN, false, endpoint_names_tokens},
    {"GET", "/api/v1/store", ENDPOINT_VIEW, false, endpoint_names_store},
    {"GET", "/api/v1/openapi.json", ENDPOINT_OPEN, false, openapi},
    {"GET", "/healthz", ENDPOINT_OPEN, true, healthz},
    {"GET", "/readyz", ENDPOINT_OPEN, false, readyz},
    {"GET", "/metrics", ENDPOINT_METRICS, false, prometheus},
};

const size_t endpoint_count = sizeof endpoint_table / sizeof endpoint_table[0];

/* ---- what they share ---- */

static bool expired(void *ctx)
{
    const struct endpoint_request *request = ctx;
    return request->deadline_ms != 0 && clock_monotonic_ms() >= request->deadline_ms;
}

void endpoint_centre(const struct endpoint_request *request, struct kpi_centre *out)
{
    *out = (struct kpi_centre){.store = request->options->store,
                               .registry = request->options->registry,
                               .zone = request->options->zone,
                               .now_ms = request->now_ms,
                               .row_limit = request->options->rows_max,
                               .expired = expired,
                               .expired_ctx = (void *)request};
}
