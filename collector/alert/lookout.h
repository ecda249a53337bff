/* lookout: watches the centre's figures by the rules of the configuration and tells the receivers. Two threads of its
 * own: one looks (queries), one tells (libcurl); neither ever holds up ingest or the HTTP server. */
#ifndef RINGSIDE_COLLECTOR_ALERT_LOOKOUT_H
#define RINGSIDE_COLLECTOR_ALERT_LOOKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "platform/config/config.h"
#include "platform/config/table.h"
#include "platform/json/json.h"
#include "proto/alert/alert_rule.h"

enum receiver_type { RECEIVER_WEBHOOK, RECEIVER_ALERTMANAGER };

/* Section `receiver "NAME" { ... }` of the collector's file. */
struct receiver {
    char *name;
    enum receiver_type type;
    char *url;
    char *secret_file; /* webhook: key of the signature; empty: not signed */
    char *bearer_file; /* token of an Authorization header; empty: none */
    char *ca_file;     /* empty: the system's */
    int64_t timeout_ms;
    int64_t repeat_ms; /* webhook: firing alerts are told again after that; 0: once. Alertmanager: each minute anyway */
    int64_t retry_max_ms;
};

enum { RECEIVER_OPTIONS = 8 };
extern const struct config_option receiver_options[RECEIVER_OPTIONS];
int receiver_name_valid(const char *text, struct buf *why);
/* An element of the collector's table, as ALERT_RULE_SECTION. */
#define RECEIVER_SECTION                                                                                               \
    {                                                                                                                  \
        .name = "receiver", .help = "Who is told of alerts. May be repeated with other names.",                        \
        .options = receiver_options, .option_count = RECEIVER_OPTIONS, .titled = true,                                 \
        .title_help = "the receiver's name", .title_allowed = "1 to 64 letters, digits, '-', '_', '.'",                \
        .title_validate = receiver_name_valid                                                                          \
    }
int receiver_read(const struct config_item *from, struct config_report *report, struct receiver *out);
void receiver_deinit(struct receiver *receiver);

struct lookout_options {
    const struct alert_rule *rules;
    size_t rule_count;
    const struct receiver *receivers;
    size_t receiver_count;
    struct store *store;
    struct registry *registry;
    const char *zone;       /* centre.zone */
    const char *state_path; /* what outlives a restart */
    const char *data_dir;   /* whose disk it is */
    int64_t pace_ms;        /* between two looks */
    int64_t idle_ms;        /* as everywhere */
    const char *url;        /* of the dashboard, for links; empty: none */
    const char *name;       /* of this collector, as receivers see it; NULL or empty: "ringside" */
};

struct lookout;
int lookout_start(const struct lookout_options *options, struct lookout **out); /* borrows; returns owned */
void lookout_stop(struct lookout *lookout); /* tries to tell what waits for at most two seconds; NULL is fine */
bool lookout_alive(const struct lookout *lookout, int64_t monotonic_ms);

/* What went wrong when it last looked or wrote its file, for the log; empty: nothing. That its file could not be read
 * at the beginning is told once. */
void lookout_trouble(struct lookout *lookout, char *out, size_t size);

/* For the HTTP server; any thread. A mute's failures are those of alert_watch_mute(). */
struct json *lookout_state(struct lookout *lookout);
uint64_t lookout_version(struct lookout *lookout);
int lookout_mute(struct lookout *lookout, const char *rule, const char *site, int64_t until_ms, const char *by,
                 const char *why);

#endif
