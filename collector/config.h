/* config: the collector's settings, checked and typed. What may stand in the file, with limits and defaults, is the
 * table in config_table.c; docs/config-collector.md is made from it. */
#ifndef RINGSIDE_COLLECTOR_CONFIG_H
#define RINGSIDE_COLLECTOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "platform/base/buf.h"
#include "platform/base/log.h"
#include "platform/base/slice.h"
#include "platform/config/daemon.h"
#include "platform/config/report.h"

#define COLLECTOR_CONFIG_PATH "/etc/ringside/collector.conf"

/* The directory and what lies in it. */
struct collector_data_config {
    char *dir;
    char *identity_dir;
    char *registry_dir;
    char *store_dir;
};

struct collector_ingest_config {
    char *host; /* an address literal without brackets */
    uint16_t port;
    char **hosts; /* names and addresses for its certificate; none: the machine's own names */
    size_t host_count;
    uint32_t sessions_max;
    uint32_t handshakes_max;
    int64_t handshake_timeout_ms;
    int64_t idle_timeout_ms;
    uint64_t site_bytes_per_second;
    uint64_t site_bytes_burst;
    uint32_t site_messages_per_second;
    uint32_t site_messages_burst;
    uint64_t buffer_max_bytes; /* charged to one site at once */
    uint64_t buffer_total_bytes;
};

struct collector_store_config {
    uint64_t size_max_bytes;
    int64_t intervals_keep_ms; /* 0: for ever */
    int64_t cells_keep_ms;     /* 0: for ever */
    int64_t commit_interval_ms;
};

struct collector_identity_config {
    int64_t site_life_ms;
    int64_t collector_life_ms;
    int64_t ca_life_ms;
    int64_t grace_ms;
    int64_t token_life_ms;
};

struct collector_admit_config {
    int64_t oldest_ms; /* 0: no limit */
    int64_t ahead_ms;
};

/* How people and machines ask the centre. */
struct collector_api_config {
    char *host; /* an address literal without brackets; empty: nobody asks */
    uint16_t port;
    char *certificate; /* empty: plain HTTP, as the key */
    char *key;
    char *url;
    uint32_t workers;
    uint32_t connections_max;
    uint32_t address_connections_max;
    uint32_t streams_max;
    uint32_t requests_per_second;
    uint32_t requests_burst;
    int64_t budget_ms;
    uint32_t rows_max;
    bool metrics_open;
    uint32_t metrics_queues_max;
};

struct collector_alerting_config {
    int64_t pace_ms;
    char *state_path;
    struct alert_rule *rules;
    size_t rule_count;
    struct receiver *receivers;
    size_t receiver_count;
};

struct collector_config {
    char *path;     /* where it was looked for */
    bool from_file; /* false: no file, all defaults */
    struct collector_data_config data;
    struct collector_ingest_config ingest;
    struct collector_store_config store;
    struct collector_identity_config identity;
    char *zone; /* of the centre: cuts the days of groups and of all sites together */
    struct collector_admit_config admit;
    struct collector_api_config api;
    struct collector_alerting_config alerting;
    struct config_service service;
    enum log_level log_level;
};

/* Reads the file. path NULL means COLLECTOR_CONFIG_PATH, which may be missing: then all defaults hold; a path that was
 * given must exist. Returns owned. 0; STATUS_INVALID with every defect reported; STATUS_NO_MEMORY. */
int collector_config_load(const char *path, config_report_fn report, void *ctx, struct collector_config **out);

/* The same for bytes in memory (tests, fuzzing); `name` stands for the file in messages. */
int collector_config_parse(const char *name, struct slice bytes, config_report_fn report, void *ctx,
                           struct collector_config **out);

void collector_config_free(struct collector_config *config); /* NULL is fine */

/* `ringside-collector check`: reads the file as collector_config_load() does and looks whether the machine fits it.
 * Defects and remarks go to err one a line, with `print` the effective settings to out as a file that would give the
 * same. 0: usable (remarks or not); 2: not. */
int collector_config_check(const char *path, FILE *out, FILE *err, bool print);

/* The reference page docs/config-collector.md, appended. */
void collector_config_page(struct buf *out);

#endif
