/* alert_rule: what trouble is: a figure, a limit, for how long, of whom, at which hours. The same rules stand in the
 * collector's file and in an agent's; this is their option table, and what it is read into. */
#ifndef RINGSIDE_PROTO_ALERT_ALERT_RULE_H
#define RINGSIDE_PROTO_ALERT_ALERT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/config/config.h"
#include "platform/config/table.h"
#include "proto/alert/alert_calendar.h"

enum alert_metric {
    ALERT_SERVICE_LEVEL, /* 0..1, below; of the last `window` */
    ALERT_ABANDON_RATE,  /* 0..1 */
    ALERT_ASA,           /* ms */
    ALERT_LONGEST_WAIT,  /* ms, now */
    ALERT_WAITING,       /* callers, now */
    ALERT_NO_OPERATOR,   /* callers who wait while nobody is ready; now */
    ALERT_SITE_SILENT,   /* ms since its last word */
    ALERT_BACKLOG,       /* ms: age of the oldest summary that waits at the site */
    ALERT_UNBALANCED,    /* intervals of the last `window` whose books do not balance */
    ALERT_CLOCK_OFFSET,  /* ms, either way */
    ALERT_CERTIFICATE,   /* ms left, below */
    ALERT_DISK,          /* 0..1 of what may be used: store or ledger */
    ALERT_METRIC_COUNT
};

enum alert_per { ALERT_PER_QUEUE, ALERT_PER_SITE, ALERT_PER_GROUP, ALERT_PER_ALL };
enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL };

struct alert_rule {
    char *name; /* the section's title */
    enum alert_metric metric;
    bool below;   /* else above; strictly */
    double limit; /* as the metric is measured */
    int64_t window_ms;
    uint64_t calls_min; /* in the window; fewer: nothing is said */
    int64_t for_ms;     /* so long it must be so */
    int64_t keep_ms;    /* so long it must be over */
    enum alert_per per;
    enum alert_severity severity;
    char **sites; /* patterns with * and ?; none: all */
    size_t site_count;
    char **groups;
    size_t group_count;
    char **queues;
    size_t queue_count;
    struct alert_calendar calendar; /* outside of it nothing is said */
    char **notify;                  /* receivers; none: all there are */
    size_t notify_count;
    char *summary; /* text for people; empty: made from the rule */
    int line;      /* in the file */
};

const char *alert_metric_name(enum alert_metric metric); /* "service_level", ... NULL behind the last */
const char *alert_per_name(enum alert_per per);
const char *alert_severity_name(enum alert_severity severity);
bool alert_metric_is_now(enum alert_metric metric);  /* needs the live view, no window */
bool alert_metric_of_site(enum alert_metric metric); /* of a site (disk: of the machine), not of queues */
bool alert_metric_lower_is_worse(enum alert_metric metric);

/* Section `alert "NAME" { ... }`, an element of the tables of both daemons. */
enum { ALERT_RULE_OPTIONS = 17 };
extern const struct config_option alert_rule_options[ALERT_RULE_OPTIONS];
int alert_rule_name_valid(const char *text, struct buf *why);
#define ALERT_RULE_SECTION                                                                                             \
    {                                                                                                                  \
        .name = "alert", .help = "One rule: what trouble is, and who is told. May be repeated with other names.",      \
        .options = alert_rule_options, .option_count = ALERT_RULE_OPTIONS, .titled = true,                             \
        .title_help = "the rule's name", .title_allowed = "1 to 64 letters, digits, spaces, '-', '_', '.'",            \
        .title_validate = alert_rule_name_valid                                                                        \
    }

/* Reads one section. What is wrong beyond a single option's shape (a limit that does not fit the metric, a window for
 * a metric of now, a receiver that does not exist) is reported with its line. STATUS_INVALID, STATUS_NO_MEMORY. The
 * receivers known are `receivers`; NULL: the program has none and `notify` is not allowed. */
int alert_rule_read(const struct config_item *from, const char *const *receivers, size_t receiver_count,
                    struct config_report *report, struct alert_rule *out);
void alert_rule_deinit(struct alert_rule *rule);

/* Whether it is about this one. NULL: not told of (a rule with patterns for it then does not match). */
bool alert_rule_matches(const struct alert_rule *rule, const char *site, const char *group, const char *queue);

/* "service level 62 % below 80 % (last 30m, 41 calls)": for people, without its subject. */
void alert_rule_explain(const struct alert_rule *rule, double value, uint64_t calls, struct buf *out);
/* A figure as people write it: "62 %", "3m 20s", "14". */
void alert_rule_value(enum alert_metric metric, double value, struct buf *out);

#endif
