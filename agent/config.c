#include "agent/config.h"

#include <stdlib.h>
#include <string.h>

#include "agent/config_alerts.h"
#include "agent/config_table.h"
#include "platform/base/status.h"
#include "platform/config/config.h"
#include "platform/config/program.h"

enum { AMI_PORT = 5038, AMI_TLS_PORT = 5039 }; /* Asterisk's defaults */
enum { HEARTBEAT_LIVE_MS = 30 * 1000, HEARTBEAT_MS = 300 * 1000, HEARTBEAT_MIN_MS = 100 };

static void fill_site(struct agent_site_config *site, const struct config_item *from, int *status)
{
    config_program_copy(&site->id, config_text(from, "id"), status);
    site->id_default = config_option_line(from, "id") == 0;
    config_program_copy(&site->zone, config_text(from, "zone"), status);
}

static void fill_ledger(struct agent_ledger_config *ledger, const struct config_item *from, int *status)
{
    config_program_copy(&ledger->dir, config_text(from, "dir"), status);
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
    config_program_copy(&source->name, config_title(from), status);
    source->type = (enum agent_source_type)config_number(from, "type");
    config_program_copy(&source->path, config_text(from, "path"), status);
    source->rotated_at_start = config_yes(from, "rotated_at_start");
    source->drain_grace_ms = config_number(from, "drain_grace");
    source->poll_ms = config_number(from, "poll");
    config_program_copy(&source->asterisk_conf_dir, config_text(from, "asterisk_conf_dir"), status);
    config_program_copy(&source->host, config_text(from, "host"), status);
    config_program_copy(&source->user, config_text(from, "user"), status);
    config_program_copy(&source->secret_file, config_text(from, "secret_file"), status);
    const char *ca = config_text(from, "tls_ca");
    config_program_copy(&source->tls_ca, strcmp(ca, "none") == 0 ? "" : ca, status);
    config_program_copy(&source->tls_name, config_text(from, "tls_name"), status);
    source->tls = config_yes(from, "tls");
    int64_t port = config_number(from, "port");
    source->port = (uint16_t)(port != 0 ? port : source->tls ? AMI_TLS_PORT : AMI_PORT);
    source->snapshot_ms = config_number(from, "snapshot");
    source->retry_max_ms = config_number(from, "retry_max");
}

static void fill_operators(struct agent_operators_config *to, const struct config_item *from, int *status)
{
    size_t count = config_list_count(from, "wrap_reasons");
    to->wrap_up_ms = config_number(from, "wrap_up");
    to->wrap_reasons = calloc(count ? count : 1, sizeof *to->wrap_reasons);
    if (!to->wrap_reasons) {
        *status = STATUS_NO_MEMORY;
        return;
    }
    for (; to->wrap_reason_count < count; to->wrap_reason_count++) {
        size_t at = to->wrap_reason_count;
        config_program_copy(&to->wrap_reasons[at], config_list_text(from, "wrap_reasons", at), status);
    }
}

static void fill_queue(struct agent_queue_config *queue, const struct config_item *from, int *status)
{
    config_program_copy(&queue->name, config_title(from), status);
    config_program_copy(&queue->label, config_text(from, "label"), status);
    queue->service_level_ms = config_number(from, "service_level");
    queue->service_level_method = (enum sl_method)config_number(from, "service_level_method");
    queue->short_abandon_ms = config_number(from, "short_abandon");
    queue->ignore = config_yes(from, "ignore");
}

static void fill_status(struct agent_status_config *to, const struct config_item *from, int *status)
{
    char host[CONFIG_SHAPE_HOST_MAX + 1];
    struct buf why = BUF_INIT;
    /* it passed the same function while it was read */
    if (agent_config_listen(config_text(from, "listen"), host, &to->port, &why) == 0) {
        to->enabled = host[0] != '\0';
        config_program_copy(&to->host, host, status);
    }
    buf_deinit(&why);
    to->observe_min_ms = config_number(from, "observe_min");
    to->live_min_ms = config_number(from, "live_min");
}

/* Without the live view the heartbeat is all that goes out in quiet hours, and five minutes tell as much. */
static int64_t heartbeat_of(const struct config_item *from)
{
    int64_t set_ms = config_number(from, "heartbeat");
    return set_ms != 0 ? set_ms : config_yes(from, "live") ? HEARTBEAT_LIVE_MS : HEARTBEAT_MS;
}

static void fill_collector(struct agent_collector_config *to, const struct config_item *from, int *status)
{
    config_program_copy(&to->url, config_text(from, "url"), status);
    config_program_copy(&to->credentials, config_text(from, "credentials"), status);
    to->live = config_yes(from, "live");
    to->live_interval_ms = config_number(from, "live_interval");
    to->heartbeat_ms = heartbeat_of(from);
    to->open_interval_ms = config_number(from, "open_interval");
    to->retry_max_ms = config_number(from, "retry_max");
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

static int fill(void *settings, const struct config *from, const char *path, bool from_file)
{
    struct agent_config *to = settings;
    int status = 0;
    to->from_file = from_file;
    config_program_copy(&to->path, path, &status);
    fill_site(&to->site, config_section(from, "site"), &status);
    fill_ledger(&to->ledger, config_section(from, "ledger"), &status);
    fill_titled(to, from, &status);
    fill_operators(&to->operators, config_section(from, "operators"), &status);
    const struct config_item *privacy = config_section(from, "privacy");
    to->privacy.operators = (enum agent_operators_shown)config_number(privacy, "operators");
    to->privacy.operators_to_centre = config_yes(privacy, "operators_to_centre");
    fill_status(&to->status, config_section(from, "status"), &status);
    fill_collector(&to->collector, config_section(from, "collector"), &status);
    config_alerts_fill(from, &to->alerting, &status);
    config_daemon_service(from, &to->service, &status);
    to->log_level = config_daemon_log_level(from);
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

/* Whoever can listen between two machines would learn who calls whom. */
static void check_ami(const struct config_item *source, struct config_report *report)
{
    const char *host = config_text(source, "host");
    bool local = agent_config_is_loopback(host) || strcmp(host, "localhost") == 0;
    int line = config_option_line(source, "host");
    if (!config_yes(source, "tls") && !local) {
        (void)config_report_at(report, line,
                               "source \"%s\".host: \"%s\" is another machine, and what is said would be readable on "
                               "the way; allowed: a loopback address, or tls = yes",
                               config_title(source), host);
    }
    line = config_option_line(source, "user");
    if (config_text(source, "user")[0] == '\0') {
        (void)config_report_at(report, line, "source \"%s\".user: is empty; allowed: 1 to 80 bytes",
                               config_title(source));
    }
    line = config_option_line(source, "secret_file");
    if (config_text(source, "secret_file")[0] == '\0') {
        (void)config_report_at(report, line, "source \"%s\".secret_file: is empty; allowed: an absolute path",
                               config_title(source));
    }
}

/* Call ids are unique to one PBX, and one ledger is one PBX's. */
static void check_sources(const struct config *from, struct config_report *report)
{
    const struct config_item *first[2] = {NULL, NULL};
    for (size_t i = 0; i < config_count(from, "source"); i++) {
        const struct config_item *source = config_titled(from, "source", i);
        enum agent_source_type type = (enum agent_source_type)config_number(source, "type");
        if (first[type]) {
            (void)config_report_at(report, config_line(source),
                                   "source \"%s\": there is a source of this type already (\"%s\"); allowed: one "
                                   "queue_log and one ami, of the same PBX",
                                   config_title(source), config_title(first[type]));
            continue;
        }
        first[type] = source;
        if (type == AGENT_SOURCE_AMI) {
            check_ami(source, report);
        }
    }
}

static void check(const struct config *from, struct config_report *report)
{
    config_check_types(from, report);
    check_keep(from, report);
    check_sources(from, report);
    check_heartbeat(from, report);
    config_alerts_check(from, report);
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
        free(config->sources[i].host);
        free(config->sources[i].user);
        free(config->sources[i].secret_file);
        free(config->sources[i].tls_ca);
        free(config->sources[i].tls_name);
    }
    for (size_t i = 0; config->queues && i < config->queue_count; i++) {
        free(config->queues[i].name);
        free(config->queues[i].label);
    }
    for (size_t i = 0; i < config->operators.wrap_reason_count; i++) {
        free(config->operators.wrap_reasons[i]);
    }
    free((void *)config->operators.wrap_reasons);
    config_alerts_deinit(&config->alerting);
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

static void free_settings(void *settings)
{
    agent_config_free(settings);
}

const struct config_program agent_config_program = {.table = &agent_config_table,
                                                    .size = sizeof(struct agent_config),
                                                    .check = check,
                                                    .fill = fill,
                                                    .free = free_settings};

int agent_config_load(const char *path, config_report_fn report, void *ctx, struct agent_config **out)
{
    void *settings = NULL;
    int status = config_program_load(&agent_config_program, path, report, ctx, &settings);
    if (status == 0) {
        *out = settings;
    }
    return status;
}

int agent_config_parse(const char *name, struct slice bytes, config_report_fn report, void *ctx,
                       struct agent_config **out)
{
    void *settings = NULL;
    int status = config_program_parse(&agent_config_program, name, bytes, report, ctx, &settings);
    if (status == 0) {
        *out = settings;
    }
    return status;
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

const struct agent_source_config *agent_config_source(const struct agent_config *config, enum agent_source_type type)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].type == type) {
            return &config->sources[i];
        }
    }
    return NULL;
}

void agent_config_page(struct buf *out)
{
    config_page(&agent_config_table, out);
}
