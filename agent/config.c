#include "agent/config.h"

#include <stdlib.h>
#include <string.h>

#include "agent/config_table.h"
#include "platform/base/status.h"
#include "platform/config/config.h"

enum { HEARTBEAT_LIVE_MS = 30 * 1000, HEARTBEAT_MS = 300 * 1000, HEARTBEAT_MIN_MS = 100 };

/* Sticky: after the first failed allocation the rest is left empty and the status stays. */
static void copy(char **to, const char *text, int *status)
{
    *to = strdup(text);
    if (!*to) {
        *status = STATUS_NO_MEMORY;
    }
}

static void fill_site(struct agent_site_config *site, const struct config_item *from, int *status)
{
    copy(&site->id, config_text(from, "id"), status);
    site->id_default = config_option_line(from, "id") == 0;
    copy(&site->zone, config_text(from, "zone"), status);
}

static void fill_ledger(struct agent_ledger_config *ledger, const struct config_item *from, int *status)
{
    copy(&ledger->dir, config_text(from, "dir"), status);
    ledger->size_max_bytes = (uint64_t)config_number(from, "size_max");
    ledger->reserve_percent = (uint32_t)config_number(from, "reserve_percent");
    ledger->legs_keep_ms = config_number(from, "legs_keep");
    ledger->intervals_keep_ms = config_number(from, "intervals_keep");
    ledger->commit_interval_ms = config_number(from, "commit_interval");
    ledger->interval_s = (uint32_t)(config_number(from, "interval") / 1000);
    ledger->caller_numbers = (enum agent_caller_numbers)config_number(from, "caller_numbers");
}

static void fill_source(struct agent_source_config *source, const struct config_item *from, int *status)
{
    copy(&source->name, config_title(from), status);
    source->type = (enum agent_source_type)config_number(from, "type");
    copy(&source->path, config_text(from, "path"), status);
    source->rotated_at_start = config_yes(from, "rotated_at_start");
    source->drain_grace_ms = config_number(from, "drain_grace");
    source->poll_ms = config_number(from, "poll");
    copy(&source->asterisk_conf_dir, config_text(from, "asterisk_conf_dir"), status);
}

static void fill_queue(struct agent_queue_config *queue, const struct config_item *from, int *status)
{
    copy(&queue->name, config_title(from), status);
    copy(&queue->label, config_text(from, "label"), status);
    queue->service_level_ms = config_number(from, "service_level");
    queue->service_level_method = (enum sl_method)config_number(from, "service_level_method");
    queue->short_abandon_ms = config_number(from, "short_abandon");
    queue->ignore = config_yes(from, "ignore");
}

static void fill_status(struct agent_status_config *to, const struct config_item *from, int *status)
{
    char host[AGENT_LISTEN_HOST_MAX + 1];
    struct buf why = BUF_INIT;
    /* it passed the same function while it was read */
    if (agent_config_listen(config_text(from, "listen"), host, &to->port, &why) == 0) {
        to->enabled = host[0] != '\0';
        copy(&to->host, host, status);
    }
    buf_deinit(&why);
    to->observe_min_ms = config_number(from, "observe_min");
}

/* Without the live view the heartbeat is all that goes out in quiet hours, and five minutes tell as much. */
static int64_t heartbeat_of(const struct config_item *from)
{
    int64_t set_ms = config_number(from, "heartbeat");
    return set_ms != 0 ? set_ms : config_yes(from, "live") ? HEARTBEAT_LIVE_MS : HEARTBEAT_MS;
}

static void fill_collector(struct agent_collector_config *to, const struct config_item *from, int *status)
{
    copy(&to->url, config_text(from, "url"), status);
    copy(&to->credentials, config_text(from, "credentials"), status);
    to->live = config_yes(from, "live");
    to->live_interval_ms = config_number(from, "live_interval");
    to->heartbeat_ms = heartbeat_of(from);
    to->open_interval_ms = config_number(from, "open_interval");
    to->retry_max_ms = config_number(from, "retry_max");
}

static void fill_service(struct agent_service_config *service, const struct config_item *from, int *status)
{
    copy(&service->user, config_text(from, "user"), status);
    service->user_default = config_option_line(from, "user") == 0;
    service->nice = (int)config_number(from, "nice");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct agent_queue_config *)a)->name, ((const struct agent_queue_config *)b)->name);
}

static void fill_titled(struct agent_config *to, const struct config *from, int *status)
{
    to->source_count = config_count(from, "source");
    to->queue_count = config_count(from, "queue");
    to->sources = calloc(to->source_count, sizeof *to->sources);
    to->queues = calloc(to->queue_count, sizeof *to->queues);
    if (!to->sources || !to->queues) {
        *status = STATUS_NO_MEMORY;
        return;
    }
    for (size_t i = 0; i < to->source_count; i++) {
        fill_source(&to->sources[i], config_titled(from, "source", i), status);
    }
    for (size_t i = 0; i < to->queue_count; i++) {
        fill_queue(&to->queues[i], config_titled(from, "queue", i), status);
    }
    if (*status == 0) {
        qsort(to->queues, to->queue_count, sizeof *to->queues, by_name);
    }
}

static int fill(struct agent_config *to, const struct config *from)
{
    static const enum log_level levels[] = {LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};
    int status = 0;
    fill_site(&to->site, config_section(from, "site"), &status);
    fill_ledger(&to->ledger, config_section(from, "ledger"), &status);
    fill_titled(to, from, &status);
    fill_status(&to->status, config_section(from, "status"), &status);
    fill_collector(&to->collector, config_section(from, "collector"), &status);
    fill_service(&to->service, config_section(from, "service"), &status);
    to->log_level = levels[config_number(config_section(from, "log"), "level")];
    return status;
}

/* ---- what no single option can tell ---- */

static void check_keep(const struct config *from, struct config_report *report)
{
    const struct config_item *ledger = config_section(from, "ledger");
    if (config_number(ledger, "legs_keep") > config_number(ledger, "intervals_keep")) {
        int line = config_option_line(ledger, "legs_keep");
        (void)config_report_at(report, line ? line : config_option_line(ledger, "intervals_keep"),
                               "ledger.legs_keep: single calls would be kept longer than their intervals; allowed: up "
                               "to intervals_keep");
    }
}

static void check_heartbeat(const struct config *from, struct config_report *report)
{
    const struct config_item *collector = config_section(from, "collector");
    int line = config_option_line(collector, "heartbeat");
    if (config_yes(collector, "live") && heartbeat_of(collector) < config_number(collector, "live_interval")) {
        (void)config_report_at(report, line ? line : config_option_line(collector, "live_interval"),
                               "collector.heartbeat: the live view goes out less often; allowed: from live_interval");
    } else if (heartbeat_of(collector) < HEARTBEAT_MIN_MS) {
        (void)config_report_at(report, line, "collector.heartbeat: too often; allowed: 0s, or 100ms to 1h");
    }
}

/* Call ids are unique to one PBX, and one ledger is one PBX's. */
static void check_sources(const struct config *from, struct config_report *report)
{
    for (size_t i = 1; i < config_count(from, "source"); i++) {
        const struct config_item *source = config_titled(from, "source", i);
        (void)config_report_at(report, config_line(source),
                               "source \"%s\": there is a source already (\"%s\"); allowed: one source an agent",
                               config_title(source), config_title(config_titled(from, "source", 0)));
    }
}

/* Takes nothing; makes *out of what was read, or reports why not. */
static int make(const char *name, const struct config *from, bool from_file, agent_config_line_fn report, void *ctx,
                struct agent_config **out)
{
    struct config_report to = {.fn = report, .ctx = ctx, .file = name};
    check_keep(from, &to);
    check_sources(from, &to);
    check_heartbeat(from, &to);
    if (to.errors > 0) {
        return STATUS_INVALID;
    }
    struct agent_config *config = calloc(1, sizeof *config);
    if (!config) {
        return STATUS_NO_MEMORY;
    }
    int status = 0;
    config->from_file = from_file;
    copy(&config->path, name, &status);
    if (status == 0) {
        status = fill(config, from);
    }
    if (status != 0) {
        agent_config_free(config);
        return status;
    }
    *out = config;
    return 0;
}

int agent_config_read(const char *path, agent_config_line_fn report, void *ctx, struct config **raw,
                      struct agent_config **out)
{
    const char *name = path ? path : AGENT_CONFIG_PATH;
    struct config *read = NULL;
    bool from_file = true;
    int status = config_load(name, &agent_config_table, report, ctx, &read);
    if (status == STATUS_NOT_FOUND && path) {
        struct config_report to = {.fn = report, .ctx = ctx, .file = path};
        return config_report_at(&to, 0, "no such file; allowed: an existing file, or no -c for the defaults");
    }
    if (status == STATUS_NOT_FOUND) {
        from_file = false;
        status = config_parse_buffer(name, slice_str(""), &agent_config_table, report, ctx, &read);
    }
    if (status == 0) {
        status = make(name, read, from_file, report, ctx, out);
    }
    if (status == 0 && raw) {
        *raw = read;
    } else {
        config_free(read);
    }
    return status;
}

int agent_config_load(const char *path, agent_config_line_fn report, void *ctx, struct agent_config **out)
{
    return agent_config_read(path, report, ctx, NULL, out);
}

int agent_config_parse(const char *name, struct slice bytes, agent_config_line_fn report, void *ctx,
                       struct agent_config **out)
{
    struct config *read = NULL;
    int status = config_parse_buffer(name, bytes, &agent_config_table, report, ctx, &read);
    if (status == 0) {
        status = make(name, read, true, report, ctx, out);
    }
    config_free(read);
    return status;
}

void agent_config_free(struct agent_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; config->sources && i < config->source_count; i++) {
        free(config->sources[i].name);
        free(config->sources[i].path);
        free(config->sources[i].asterisk_conf_dir);
    }
    for (size_t i = 0; config->queues && i < config->queue_count; i++) {
        free(config->queues[i].name);
        free(config->queues[i].label);
    }
    free(config->sources);
    free(config->queues);
    free(config->site.id);
    free(config->site.zone);
    free(config->ledger.dir);
    free(config->status.host);
    free(config->collector.url);
    free(config->collector.credentials);
    free(config->service.user);
    free(config->path);
    free(config);
}

static int slice_order(struct slice a, const char *name)
{
    size_t len = strlen(name);
    int order = memcmp(a.data, name, a.len < len ? a.len : len);
    return order ? order : (a.len > len) - (a.len < len);
}

const struct agent_queue_config *agent_config_queue(const struct agent_config *config, struct slice name)
{
    size_t low = 0;
    size_t high = config->queue_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_order(name, config->queues[middle].name);
        if (order == 0) {
            return &config->queues[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return slice_is(name, "*") ? &config->queues[0] : agent_config_queue(config, slice_str("*"));
}

void agent_config_page(struct buf *out)
{
    config_page(&agent_config_table, out);
}
