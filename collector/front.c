#include "collector/front.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/alert/lookout.h"
#include "collector/api/api.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

enum { TROUBLE_MAX = 256, HOST_NAME_MAX_BYTES = 255 };

struct front {
    _Atomic(struct ingest *) ingest; /* NULL: not started yet */
    struct lookout *lookout;
    struct api *api;
    char name[HOST_NAME_MAX_BYTES + 1];
    char trouble[TROUBLE_MAX]; /* of the lookout, as last logged */
};

static struct json *alerts_state(void *ctx)
{
    return lookout_state(ctx);
}

static uint64_t alerts_version(void *ctx)
{
    return lookout_version(ctx);
}

static int alerts_mute(void *ctx, const char *rule, const char *site, int64_t until_ms, const char *by, const char *why)
{
    return lookout_mute(ctx, rule, site, until_ms, by, why);
}

static void vitals(void *ctx, struct api_vitals *out)
{
    struct front *front = ctx;
    struct ingest *ingest = atomic_load(&front->ingest);
    struct ingest_counters counters = {0};
    *out = (struct api_vitals){0};
    if (ingest) {
        ingest_counters(ingest, &counters);
        out->ingest_alive = ingest_alive(ingest, clock_monotonic_ms());
        out->sessions = counters.sessions;
    }
}

static int start_lookout(struct front *front, const struct collector_config *config, struct store *store,
                         struct registry *registry)
{
    const struct collector_alerting_config *alerting = &config->alerting;
    if (alerting->rule_count == 0) {
        return 0;
    }
    const struct lookout_options options = {.rules = alerting->rules,
                                            .rule_count = alerting->rule_count,
                                            .receivers = alerting->receivers,
                                            .receiver_count = alerting->receiver_count,
                                            .store = store,
                                            .registry = registry,
                                            .zone = config->zone,
                                            .state_path = alerting->state_path,
                                            .data_dir = config->data.dir,
                                            .pace_ms = alerting->pace_ms,
                                            .idle_ms = config->ingest.idle_timeout_ms,
                                            .url = config->api.url,
                                            .name = front->name};
    if (gethostname(front->name, HOST_NAME_MAX_BYTES) != 0) {
        front->name[0] = '\0';
    }
    int status = lookout_start(&options, &front->lookout);
    if (status != 0) {
        log_write(LOG_ERROR, "alert", "starting: %s", status_str(status));
    }
    return status;
}

static int start_api(struct front *front, const struct collector_config *config, const struct confinement *confinement,
                     struct store *store, struct registry *registry)
{
    const struct collector_api_config *api = &config->api;
    if (!api->host[0]) {
        return 0;
    }
    struct api_options options = {.host = api->host,
                                  .port = api->port,
                                  .certificate = api->certificate,
                                  .key = api->key,
                                  .workers = api->workers,
                                  .connections_max = api->connections_max,
                                  .address_connections_max = api->address_connections_max,
                                  .streams_max = api->streams_max,
                                  .requests_per_s = (double)api->requests_per_second,
                                  .requests_burst = (double)api->requests_burst,
                                  .budget_ms = api->budget_ms,
                                  .rows_max = api->rows_max,
                                  .metrics_open = api->metrics_open,
                                  .metrics_series_max = api->metrics_queues_max,
                                  .idle_ms = config->ingest.idle_timeout_ms,
                                  .zone = config->zone,
                                  .confinement = confinement,
                                  .store = store,
                                  .registry = registry,
                                  .vitals = vitals,
                                  .vitals_ctx = front};
    if (front->lookout) {
        options.alerts = (struct api_alerts){
            .ctx = front->lookout, .state = alerts_state, .version = alerts_version, .mute = alerts_mute};
    }
    int status = api_start(&options, &front->api);
    if (status != 0) {
        return status; /* it said why */
    }
    bool brackets = strchr(api->host, ':') != NULL;
    log_write(LOG_NOTICE, "api", "%s://%s%s%s:%u/", api->certificate[0] ? "https" : "http", brackets ? "[" : "",
              api->host, brackets ? "]" : "", api_port(front->api));
    return 0;
}

int front_start(const struct collector_config *config, const struct confinement *confinement, struct store *store,
                struct registry *registry, struct front **out)
{
    struct front *front = calloc(1, sizeof *front);
    if (!front) {
        return STATUS_NO_MEMORY;
    }
    int status = start_lookout(front, config, store, registry);
    if (status == 0) {
        status = start_api(front, config, confinement, store, registry);
    }
    if (status != 0) {
        front_stop(front);
        return status;
    }
    *out = front;
    return 0;
}

void front_set_ingest(struct front *front, struct ingest *ingest)
{
    atomic_store(&front->ingest, ingest);
}

bool front_alive(const struct front *front, int64_t monotonic_ms)
{
    return (!front->api || api_alive(front->api, monotonic_ms)) &&
           (!front->lookout || lookout_alive(front->lookout, monotonic_ms));
}

void front_tend(struct front *front)
{
    char trouble[TROUBLE_MAX];
    if (!front->lookout) {
        return;
    }
    lookout_trouble(front->lookout, trouble, sizeof trouble);
    if (strcmp(trouble, front->trouble) == 0) {
        return;
    }
    if (trouble[0]) {
        log_write(LOG_WARNING, "alert", "%s", trouble);
    } else {
        log_write(LOG_NOTICE, "alert", "well again");
    }
    memcpy(front->trouble, trouble, sizeof trouble);
}

void front_stop(struct front *front)
{
    if (!front) {
        return;
    }
    api_stop(front->api);
    lookout_stop(front->lookout);
    free(front);
}
