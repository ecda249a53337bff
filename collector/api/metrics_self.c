/* The families of the collector itself: store, ingest, HTTP interface, alerts, and these metrics. */
#include <stdio.h>

#include "collector/api/metrics_internal.h"
#include "collector/api/metrics_line.h"
#include "platform/base/cleanup.h"
#include "platform/json/json.h"
#include "platform/time/clock.h"

static void put_build(struct buf *out)
{
    metrics_line_family(out, "ringside_build_info", "gauge", "The collector's version, as a label; always 1.");
    metrics_line_int(out, "ringside_build_info", NULL, "version=\"" RINGSIDE_VERSION "\"", 1);
}

static void put_store(const struct store_facts *facts, struct buf *out)
{
    static const char name[] = "ringside_store_bytes";
    metrics_line_family(out, name, "gauge",
                        "The store: used by what it holds, the file on disk, and the limit that it may grow to.");
    metrics_line_int(out, name, NULL, "kind=\"used\"", (int64_t)facts->used_bytes);
    metrics_line_int(out, name, NULL, "kind=\"file\"", (int64_t)facts->file_bytes);
    metrics_line_int(out, name, NULL, "kind=\"limit\"", (int64_t)facts->limit_bytes);
    metrics_line_single(out, "ringside_store_commits_total", "counter", "Commits since the store was made.",
                        (int64_t)facts->commits);
    metrics_line_single(out, "ringside_store_intervals", "gauge", "Intervals held.", (int64_t)facts->interval_count);
    metrics_line_single(out, "ringside_store_pending_intervals", "gauge",
                        "Intervals that hours and days do not contain yet.", (int64_t)facts->pending_count);
}

static void put_damage(const struct kv_loss *damage, struct buf *out)
{
    static const char *const kinds[STORE_LOSS_COUNT] = {
        [STORE_LOST_INTERVALS] = "kind=\"intervals\"", [STORE_LOST_CELLS] = "kind=\"hours_and_days\"",
        [STORE_LOST_NAMES] = "kind=\"queue_names\"",   [STORE_LOST_EPOCHS] = "kind=\"epochs\"",
        [STORE_LOST_CONTACTS] = "kind=\"contacts\"",   [STORE_LOST_GAPS] = "kind=\"gaps\"",
        [STORE_LOST_EVENTS] = "kind=\"events\"",       [STORE_LOST_SETTINGS] = "kind=\"queue_settings\"",
        [STORE_LOST_LIVE] = "kind=\"live_views\"",     [STORE_LOST_STATE] = "kind=\"counts\""};
    static const char last[] = "ringside_store_damage_timestamp_seconds";
    static const char name[] = "ringside_store_lost_records_total";
    metrics_line_single(out, "ringside_store_damage_total", "counter",
                        "Times that the store's file was found damaged and mended, since the store was made.",
                        damage->times);
    metrics_line_family(out, last, "gauge", "When it was, the last time; absent while it never was.");
    if (damage->times > 0) {
        metrics_line_seconds(out, last, NULL, NULL, damage->at_ms);
    }
    metrics_line_family(out, name, "counter", "Records lost with it, by kind.");
    for (int i = 0; i < STORE_LOSS_COUNT; i++) {
        metrics_line_int(out, name, NULL, kinds[i], (int64_t)damage->lost[i]);
    }
}

static void put_ingest(const struct api_options *options, struct buf *out)
{
    struct api_vitals vitals = {0};
    if (!options->vitals) {
        return;
    }
    options->vitals(options->vitals_ctx, &vitals);
    metrics_line_single(out, "ringside_ingest_up", "gauge", "Whether sites can bring their summaries, 1 or 0.",
                        vitals.ingest_alive);
    metrics_line_single(out, "ringside_ingest_sessions", "gauge", "Connections of sites, open now.",
                        (int64_t)vitals.sessions);
}

/* ---- HTTP ---- */

static void put_durations(const struct metrics_server *server, struct buf *out)
{
    static const char *const edges[] = {"le=\"0.001\"", "le=\"0.005\"", "le=\"0.01\"", "le=\"0.05\"",
                                        "le=\"0.1\"",   "le=\"0.5\"",   "le=\"1\"",    "le=\"5\""};
    static const char name[] = "ringside_http_request_duration_seconds";
    uint64_t within = 0;
    metrics_line_family(out, name, "histogram", "How long answers took to make, those from the cache included.");
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        within += server->duration_within[i];
        metrics_line_int(out, "ringside_http_request_duration_seconds_bucket", NULL, edges[i], (int64_t)within);
    }
    uint64_t count = server->duration_count > within ? server->duration_count : within;
    metrics_line_int(out, "ringside_http_request_duration_seconds_bucket", NULL, "le=\"+Inf\"", (int64_t)count);
    buf_printf(out, "%s_sum %.6f\n", name, (double)server->duration_us_sum / 1e6);
    metrics_line_int(out, "ringside_http_request_duration_seconds_count", NULL, NULL, (int64_t)count);
}

static void put_requests(const struct metrics_server *server, struct buf *out)
{
    static const char *const codes[] = {NULL,           "code=\"1xx\"", "code=\"2xx\"",
                                        "code=\"3xx\"", "code=\"4xx\"", "code=\"5xx\""};
    static const char name[] = "ringside_http_requests_total";
    metrics_line_family(out, name, "counter", "Requests answered, by hundreds of the answer's code.");
    for (size_t i = 1; i < sizeof codes / sizeof codes[0]; i++) {
        metrics_line_int(out, name, NULL, codes[i], (int64_t)server->requests[i]);
    }
}

static void put_server(struct metrics *metrics, struct buf *out)
{
    static const char refusals[] = "ringside_http_refusals_total";
    static const char cache[] = "ringside_http_cache_requests_total";
    (void)pthread_mutex_lock(&metrics->server_lock);
    struct metrics_server server = metrics->server;
    (void)pthread_mutex_unlock(&metrics->server_lock);
    put_requests(&server, out);
    put_durations(&server, out);
    metrics_line_family(out, cache, "counter", "Questions that the cache could answer, or not.");
    metrics_line_int(out, cache, NULL, "result=\"hit\"", (int64_t)server.cache_hits);
    metrics_line_int(out, cache, NULL, "result=\"miss\"", (int64_t)server.cache_misses);
    metrics_line_family(out, refusals, "counter", "Requests refused: too many of them, or no good token.");
    metrics_line_int(out, refusals, NULL, "reason=\"rate\"", (int64_t)server.refused_rate);
    metrics_line_int(out, refusals, NULL, "reason=\"token\"", (int64_t)server.refused_token);
    metrics_line_single(out, "ringside_http_late_total", "counter", "Answers given up because they took too long.",
                        (int64_t)server.late);
    metrics_line_single(out, "ringside_http_connections", "gauge", "Connections open now.",
                        (int64_t)server.connections);
    metrics_line_single(out, "ringside_http_streams", "gauge", "Followers of this moment, now.",
                        (int64_t)server.streams);
}

/* ---- alerts ---- */

enum { SEVERITIES = 3, PHASES = 2 };
static const char *const severity_names[SEVERITIES] = {"info", "warning", "critical"};
static const char *const phase_names[PHASES] = {"pending", "firing"};

static int find_name(const char *const *names, int count, const char *name)
{
    int at = 0;
    while (at < count && !slice_is(slice_str(name), names[at])) {
        at++;
    }
    return at;
}

static void count_alerts(const struct json *alerts, int64_t counts[SEVERITIES][PHASES])
{
    for (size_t i = 0; i < json_count(alerts, ""); i++) {
        const struct json *alert = json_item(alerts, i);
        int severity = find_name(severity_names, SEVERITIES, json_text(alert, "severity"));
        int phase = find_name(phase_names, PHASES, json_text(alert, "phase"));
        if (severity < SEVERITIES && phase < PHASES) {
            counts[severity][phase]++;
        }
    }
}

static void put_receivers(const struct json *receivers, struct buf *out)
{
    static const char *const names[2] = {"ringside_alert_notices_waiting", "ringside_alert_delivery_failures_total"};
    static const char *const members[2] = {"waiting", "failures"};
    for (int family = 0; family < 2; family++) {
        metrics_line_family(out, names[family], family == 0 ? "gauge" : "counter",
                            family == 0 ? "Notices of alerts that wait to be delivered, by receiver."
                                        : "Deliveries of notices that failed, by receiver.");
        for (size_t i = 0; i < json_count(receivers, ""); i++) {
            const struct json *receiver = json_item(receivers, i);
            struct buf label = BUF_INIT;
            int64_t value = 0;
            metrics_line_label(&label, "receiver", slice_str(json_text(receiver, "receiver")));
            if (json_int(receiver, members[family], &value)) {
                metrics_line_int(out, names[family], NULL, buf_cstr(&label), value);
            }
            buf_deinit(&label);
        }
    }
}

static void put_alerts(const struct api_alerts *alerts, struct buf *out)
{
    int64_t counts[SEVERITIES][PHASES] = {{0}};
    char labels[64];
    struct json *state CLEANUP(json_cleanup) = alerts->state ? alerts->state(alerts->ctx) : NULL;
    if (!state) {
        return;
    }
    count_alerts(json_at(state, "alerts"), counts);
    metrics_line_family(out, "ringside_alerts", "gauge", "Alerts now, by severity and phase.");
    for (int severity = 0; severity < SEVERITIES; severity++) {
        for (int phase = 0; phase < PHASES; phase++) {
            (void)snprintf(labels, sizeof labels, "severity=\"%s\",phase=\"%s\"", severity_names[severity],
                           phase_names[phase]);
            metrics_line_int(out, "ringside_alerts", NULL, labels, counts[severity][phase]);
        }
    }
    put_receivers(json_at(state, "receivers"), out);
}

/* ---- of these metrics ---- */

static void put_own(const struct metrics *metrics, struct buf *out)
{
    static const char joined[] = "ringside_metrics_joined";
    metrics_line_family(out, joined, "gauge", "Queues and sites that have no series of their own, but are in _other.");
    metrics_line_int(out, joined, NULL, "kind=\"queues\"", (int64_t)metrics->joined_queues);
    metrics_line_int(out, joined, NULL, "kind=\"sites\"", (int64_t)metrics->joined_sites);
    metrics_line_single_seconds(out, "ringside_metrics_age_seconds", "gauge",
                                "How old the figures of sites and queues are.",
                                clock_monotonic_ms() - metrics->made_ms);
    metrics_line_single_seconds(out, "ringside_metrics_refresh_seconds", "gauge",
                                "How long it took to bring them up to date the last time.", metrics->took_ms);
    metrics_line_single(out, "ringside_metrics_refresh_failures_total", "counter",
                        "Times that they could not be brought up to date, mostly in time: then older ones were told.",
                        (int64_t)metrics->failures);
    metrics_line_single(out, "ringside_metrics_lowered_total", "counter",
                        "Times that a revision made a queue's figures less than was told: those told stay.",
                        (int64_t)metrics->lowered);
}

void metrics_self_text(struct metrics *metrics, struct buf *out)
{
    put_build(out);
    put_store(&metrics->facts, out);
    put_damage(&metrics->damage, out);
    put_ingest(metrics->options, out);
    put_server(metrics, out);
    put_alerts(&metrics->options->alerts, out);
    put_own(metrics, out);
}
