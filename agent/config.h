/* config: the agent's settings, checked and typed. What may stand in the file, with limits and defaults, is the table
 * in config_table.c and the files of its parts; docs/config.md is made from it. */
#ifndef RINGSIDE_AGENT_CONFIG_H
#define RINGSIDE_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "platform/base/buf.h"
#include "platform/base/log.h"
#include "platform/base/slice.h"
#include "platform/config/daemon.h"
#include "platform/config/report.h"
#include "proto/alert/alert_rule.h"
#include "proto/measures.h"

#define AGENT_CONFIG_PATH "/etc/ringside/agent.conf"

/* How the number of a caller is kept. In the order of the words of ledger.caller_numbers. */
enum agent_caller_numbers { AGENT_CALLERS_HASH, AGENT_CALLERS_DROP, AGENT_CALLERS_KEEP };

struct agent_site_config {
    char *id;
    bool id_default; /* not set in the file */
    char *zone;      /* IANA name, or "local" */
};

struct agent_ledger_config {
    char *dir;
    uint64_t size_max_bytes;
    uint32_t reserve_percent;
    int64_t legs_keep_ms;
    int64_t intervals_keep_ms;
    int64_t commit_interval_ms;
    uint32_t interval_s;
    enum agent_caller_numbers caller_numbers;
};

/* In the order of the words of source.type. */
enum agent_source_type { AGENT_SOURCE_QUEUE_LOG, AGENT_SOURCE_AMI };

struct agent_source_config {
    char *name; /* the title */
    enum agent_source_type type;
    /* queue_log */
    char *path;
    bool rotated_at_start;
    int64_t drain_grace_ms;
    int64_t poll_ms;
    char *asterisk_conf_dir; /* "" when it is not to be looked at */
    /* ami */
    char *host;
    uint16_t port;
    char *user;
    char *secret_file;
    bool tls;
    char *tls_ca;   /* "": the server's certificate is not checked */
    char *tls_name; /* "": the host's name */
    int64_t snapshot_ms;
    int64_t retry_max_ms;
};

struct agent_queue_config {
    char *name;  /* the queue as the PBX names it, "*" for the defaults of all others */
    char *label; /* shown instead of the name; "" for the name itself */
    int64_t service_level_ms;
    enum sl_method service_level_method;
    int64_t short_abandon_ms;
    bool ignore;
};

struct agent_status_config {
    bool enabled; /* false: listen = none */
    char *host;   /* a loopback address without brackets; "" when not enabled */
    uint16_t port;
    int64_t observe_min_ms;
    int64_t live_min_ms;
};

struct agent_collector_config {
    char *url;         /* "": as stored when the box joined */
    char *credentials; /* directory */
    bool live;
    int64_t live_interval_ms;
    int64_t heartbeat_ms;
    int64_t open_interval_ms;
    int64_t retry_max_ms;
};

struct agent_operators_config {
    int64_t wrap_up_ms;  /* where the PBX does not tell a queue's own */
    char **wrap_reasons; /* pauses that stand for wrap-up, in whatever case */
    size_t wrap_reason_count;
};

/* How operators are shown. In the order of the words of privacy.operators. */
enum agent_operators_shown { AGENT_OPERATORS_NAME, AGENT_OPERATORS_HASH, AGENT_OPERATORS_NONE };

struct agent_privacy_config {
    enum agent_operators_shown operators;
    bool operators_to_centre;
};

/* When the site's own alerts are told. In the order of the words of alerting.when. */
enum agent_alerts_when { AGENT_ALERTS_OFFLINE, AGENT_ALERTS_ALWAYS };

struct agent_alerting_config {
    struct alert_rule *rules; /* `alert` sections */
    size_t rule_count;
    char *hook; /* program; "": none */
    enum agent_alerts_when when;
    int64_t offline_after_ms;
    int64_t pace_ms;
    int64_t hook_timeout_ms;
};

struct agent_config {
    char *path;     /* where it was looked for */
    bool from_file; /* false: no file, all defaults */
    struct agent_site_config site;
    struct agent_ledger_config ledger;
    struct agent_source_config *sources; /* at least one */
    size_t source_count;
    struct agent_queue_config *queues; /* by name, "*" among them */
    size_t queue_count;
    struct agent_operators_config operators;
    struct agent_privacy_config privacy;
    struct agent_status_config status;
    struct agent_collector_config collector;
    struct agent_alerting_config alerting;
    struct config_service service;
    enum log_level log_level;
};

/* Reads the file. path NULL means AGENT_CONFIG_PATH, which may be missing: then all defaults hold; a path that was
 * given must exist. Returns owned. 0; STATUS_INVALID with every defect reported; STATUS_NO_MEMORY. */
int agent_config_load(const char *path, config_report_fn report, void *ctx, struct agent_config **out);

/* The same for bytes in memory (tests, fuzzing); `name` stands for the file in messages. */
int agent_config_parse(const char *name, struct slice bytes, config_report_fn report, void *ctx,
                       struct agent_config **out);

void agent_config_free(struct agent_config *config); /* NULL is fine */

/* The settings of a queue by the PBX's name for it: its own section, or "*". Never NULL; borrowed. */
const struct agent_queue_config *agent_config_queue(const struct agent_config *config, struct slice name);

/* The source of this type; NULL when there is none. Borrowed. */
const struct agent_source_config *agent_config_source(const struct agent_config *config, enum agent_source_type type);

/* `ringside-agent check`: reads the file as agent_config_load() does and looks whether the machine fits it. Defects
 * and remarks go to err one a line, with `print` the effective settings to out as a file that would give the same.
 * 0: usable (remarks or not); 2: not. */
int agent_config_check(const char *path, FILE *out, FILE *err, bool print);

/* The reference page docs/config.md, appended. */
void agent_config_page(struct buf *out);

#endif
