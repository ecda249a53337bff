#include "collector/config.h"

#include <stdlib.h>
#include <string.h>

#include "collector/config_alerts.h"
#include "collector/config_table.h"
#include "platform/base/status.h"
#include "platform/config/config.h"
#include "platform/config/program.h"

static void join(char **to, const char *dir, const char *name, int *status)
{
    if (asprintf(to, "%s/%s", dir, name) < 0) {
        *to = NULL;
        *status = STATUS_NO_MEMORY;
    }
}

static void fill_data(struct collector_data_config *data, const struct config_item *from, int *status)
{
    const char *dir = config_text(from, "dir");
    config_program_copy(&data->dir, dir, status);
    join(&data->identity_dir, dir, "identity", status);
    join(&data->registry_dir, dir, "registry", status);
    join(&data->store_dir, dir, "store", status);
}

static void fill_hosts(struct collector_ingest_config *ingest, const struct config_item *from, int *status)
{
    size_t count = config_list_count(from, "hosts");
    ingest->hosts = calloc(count + 1, sizeof *ingest->hosts);
    if (!ingest->hosts) {
        *status = STATUS_NO_MEMORY;
        return;
    }
    for (; ingest->host_count < count; ingest->host_count++) {
        config_program_copy(&ingest->hosts[ingest->host_count], config_list_text(from, "hosts", ingest->host_count),
                            status);
    }
}

static void fill_ingest(struct collector_ingest_config *ingest, const struct config_item *from, int *status)
{
    char host[CONFIG_SHAPE_HOST_MAX + 1] = "";
    struct buf why = BUF_INIT;
    /* it passed the same function while it was read */
    (void)collector_config_listen(config_text(from, "listen"), host, &ingest->port, &why);
    buf_deinit(&why);
    config_program_copy(&ingest->host, host, status);
    fill_hosts(ingest, from, status);
    ingest->sessions_max = (uint32_t)config_number(from, "sessions_max");
    ingest->handshakes_max = (uint32_t)config_number(from, "handshakes_max");
    ingest->handshake_timeout_ms = config_number(from, "handshake_timeout");
    ingest->idle_timeout_ms = config_number(from, "idle_timeout");
    ingest->site_bytes_per_second = (uint64_t)config_number(from, "site_bytes_per_second");
    ingest->site_bytes_burst = (uint64_t)config_number(from, "site_bytes_burst");
    ingest->site_messages_per_second = (uint32_t)config_number(from, "site_messages_per_second");
    ingest->site_messages_burst = (uint32_t)config_number(from, "site_messages_burst");
    ingest->buffer_max_bytes = (uint64_t)config_number(from, "buffer_max");
    ingest->buffer_total_bytes = (uint64_t)config_number(from, "buffer_total");
}

static void fill_store(struct collector_store_config *store, const struct config_item *from)
{
    store->size_max_bytes = (uint64_t)config_number(from, "size_max");
    store->intervals_keep_ms = config_number(from, "intervals_keep");
    store->cells_keep_ms = config_number(from, "cells_keep");
    store->commit_interval_ms = config_number(from, "commit_interval");
}

static void fill_identity(struct collector_identity_config *identity, const struct config_item *from)
{
    identity->site_life_ms = config_number(from, "site_life");
    identity->collector_life_ms = config_number(from, "collector_life");
    identity->ca_life_ms = config_number(from, "ca_life");
    identity->grace_ms = config_number(from, "grace");
    identity->token_life_ms = config_number(from, "token_life");
}

static void fill_api(struct collector_api_config *api, const struct config_item *from, int *status)
{
    char host[CONFIG_SHAPE_HOST_MAX + 1] = "";
    struct buf why = BUF_INIT;
    (void)collector_config_api_listen(config_text(from, "listen"), host, &api->port, &why);
    buf_deinit(&why);
    config_program_copy(&api->host, host, status);
    config_program_copy(&api->certificate, config_text(from, "certificate"), status);
    config_program_copy(&api->key, config_text(from, "key"), status);
    config_program_copy(&api->url, config_text(from, "url"), status);
    api->workers = (uint32_t)config_number(from, "workers");
    api->connections_max = (uint32_t)config_number(from, "connections_max");
    api->address_connections_max = (uint32_t)config_number(from, "address_connections_max");
    api->streams_max = (uint32_t)config_number(from, "streams_max");
    api->requests_per_second = (uint32_t)config_number(from, "requests_per_second");
    api->requests_burst = (uint32_t)config_number(from, "requests_burst");
    api->budget_ms = config_number(from, "budget");
    api->rows_max = (uint32_t)config_number(from, "rows_max");
    api->metrics_open = config_yes(from, "metrics_open");
    api->metrics_queues_max = (uint32_t)config_number(from, "metrics_queues_max");
}

static void pass_over(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

/* It passed the same functions when it was checked. */
static void fill_alerts(struct collector_alerting_config *alerting, const struct config *from, int *status)
{
    struct config_report silent = {.fn = pass_over, .file = ""};
    int read = config_alerts_read(from, &silent, alerting);
    *status = *status == 0 ? read : *status;
    alerting->pace_ms = config_number(config_section(from, "alerting"), "pace");
}

static int fill(void *settings, const struct config *from, const char *path, bool from_file)
{
    struct collector_config *to = settings;
    const struct config_item *admit = config_section(from, "admit");
    int status = 0;
    to->from_file = from_file;
    config_program_copy(&to->path, path, &status);
    fill_data(&to->data, config_section(from, "data"), &status);
    fill_ingest(&to->ingest, config_section(from, "ingest"), &status);
    fill_store(&to->store, config_section(from, "store"));
    fill_identity(&to->identity, config_section(from, "identity"));
    config_program_copy(&to->zone, config_text(config_section(from, "centre"), "zone"), &status);
    to->admit.oldest_ms = config_number(admit, "oldest");
    to->admit.ahead_ms = config_number(admit, "ahead");
    fill_api(&to->api, config_section(from, "api"), &status);
    join(&to->alerting.state_path, to->data.dir ? to->data.dir : "", "alerts.json", &status);
    fill_alerts(&to->alerting, from, &status);
    config_daemon_service(from, &to->service, &status);
    to->log_level = config_daemon_log_level(from);
    return status;
}

/* ---- what no single option can tell ---- */

/* Where the option stands, or the other one where it is a default. */
static int line_of(const struct config_item *item, const char *option, const char *other)
{
    int line = config_option_line(item, option);
    return line ? line : config_option_line(item, other);
}

static void check_buffers(const struct config *from, struct config_report *report)
{
    const struct config_item *ingest = config_section(from, "ingest");
    if (config_number(ingest, "buffer_total") < config_number(ingest, "buffer_max")) {
        (void)config_report_at(report, line_of(ingest, "buffer_total", "buffer_max"),
                               "ingest.buffer_total: less than one site may take; allowed: at least buffer_max");
    }
}

static void check_lives(const struct config *from, struct config_report *report)
{
    static const char *const lives[] = {"site_life", "collector_life"};
    const struct config_item *identity = config_section(from, "identity");
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        if (config_number(identity, lives[i]) > config_number(identity, "ca_life")) {
            (void)config_report_at(report, line_of(identity, lives[i], "ca_life"),
                                   "identity.%s: longer than the CA itself is valid; allowed: up to ca_life", lives[i]);
        }
    }
}

static void check_keep(const struct config *from, struct config_report *report)
{
    const struct config_item *store = config_section(from, "store");
    int64_t intervals = config_number(store, "intervals_keep");
    int64_t cells = config_number(store, "cells_keep");
    if (cells != 0 && (intervals == 0 || cells < intervals)) {
        (void)config_report_at(report, line_of(store, "cells_keep", "intervals_keep"),
                               "store.cells_keep: shorter than the intervals that hours and days are added up from; "
                               "allowed: 0, or at least intervals_keep");
    }
}

static void check_certificate(const struct config *from, struct config_report *report)
{
    const struct config_item *api = config_section(from, "api");
    bool certificate = config_text(api, "certificate")[0] != '\0';
    bool key = config_text(api, "key")[0] != '\0';
    if (certificate != key) {
        (void)config_report_at(report, line_of(api, "certificate", "key"),
                               "api.%s: is missing; allowed: certificate and key, or neither",
                               certificate ? "key" : "certificate");
    }
}

static void check_alerts(const struct config *from, struct config_report *report)
{
    struct collector_alerting_config read = {0};
    (void)config_alerts_read(from, report, &read);
    config_alerts_deinit(&read);
}

static void check(const struct config *from, struct config_report *report)
{
    check_alerts(from, report);
    check_certificate(from, report);
    check_buffers(from, report);
    check_lives(from, report);
    check_keep(from, report);
}

void collector_config_free(struct collector_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; config->ingest.hosts && i < config->ingest.host_count; i++) {
        free(config->ingest.hosts[i]);
    }
    free((void *)config->ingest.hosts);
    free(config->ingest.host);
    free(config->data.dir);
    free(config->data.identity_dir);
    free(config->data.registry_dir);
    free(config->data.store_dir);
    free(config->zone);
    config_alerts_deinit(&config->alerting);
    free(config->alerting.state_path);
    free(config->api.host);
    free(config->api.certificate);
    free(config->api.key);
    free(config->api.url);
    free(config->service.user);
    free(config->path);
    free(config);
}

static void free_settings(void *settings)
{
    collector_config_free(settings);
}

const struct config_program collector_config_program = {.table = &collector_config_table,
                                                        .size = sizeof(struct collector_config),
                                                        .check = check,
                                                        .fill = fill,
                                                        .free = free_settings};

int collector_config_load(const char *path, config_report_fn report, void *ctx, struct collector_config **out)
{
    void *settings = NULL;
    int status = config_program_load(&collector_config_program, path, report, ctx, &settings);
    if (status == 0) {
        *out = settings;
    }
    return status;
}

int collector_config_parse(const char *name, struct slice bytes, config_report_fn report, void *ctx,
                           struct collector_config **out)
{
    void *settings = NULL;
    int status = config_program_parse(&collector_config_program, name, bytes, report, ctx, &settings);
    if (status == 0) {
        *out = settings;
    }
    return status;
}

void collector_config_page(struct buf *out)
{
    config_page(&collector_config_table, out);
}
