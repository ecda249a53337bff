#include "proto/alert/alert_metric.h"

#include <inttypes.h>
#include <math.h>

struct metric {
    const char *name;
    const char *words;
    enum alert_unit unit;
    enum alert_per per; /* finest */
    bool now;
    bool of_site;
    bool of_calls;
    bool lower_is_worse;
};

static const struct metric metrics[ALERT_METRIC_COUNT] = {
    [ALERT_SERVICE_LEVEL] = {"service_level", "service level", ALERT_UNIT_RATIO, ALERT_PER_QUEUE, .of_calls = true,
                             .lower_is_worse = true},
    [ALERT_ABANDON_RATE] = {"abandon_rate", "abandon rate", ALERT_UNIT_RATIO, ALERT_PER_QUEUE, .of_calls = true},
    [ALERT_ASA] = {"asa", "average speed of answer", ALERT_UNIT_MS, ALERT_PER_QUEUE, .of_calls = true},
    [ALERT_LONGEST_WAIT] = {"longest_wait", "longest wait", ALERT_UNIT_MS, ALERT_PER_QUEUE, .now = true},
    [ALERT_WAITING] = {"waiting", "callers waiting", ALERT_UNIT_COUNT, ALERT_PER_QUEUE, .now = true},
    [ALERT_NO_OPERATOR] = {"no_operator", "callers waiting with no operator ready", ALERT_UNIT_COUNT, ALERT_PER_QUEUE,
                           .now = true},
    [ALERT_SITE_SILENT] = {"site_silent", "site silent for", ALERT_UNIT_MS, ALERT_PER_SITE, .now = true,
                           .of_site = true},
    [ALERT_BACKLOG] = {"backlog", "backlog's age", ALERT_UNIT_MS, ALERT_PER_SITE, .now = true, .of_site = true},
    [ALERT_UNBALANCED] = {"unbalanced", "intervals out of balance", ALERT_UNIT_COUNT, ALERT_PER_QUEUE, .now = false},
    [ALERT_CLOCK_OFFSET] = {"clock_offset", "clock off by", ALERT_UNIT_MS, ALERT_PER_SITE, .now = true,
                            .of_site = true},
    [ALERT_CERTIFICATE] = {"certificate", "certificate's time left", ALERT_UNIT_MS, ALERT_PER_SITE, .now = true,
                           .of_site = true, .lower_is_worse = true},
    [ALERT_DISK] = {"disk", "disk used", ALERT_UNIT_RATIO, ALERT_PER_ALL, .now = true, .of_site = true},
};

const char *alert_metric_name(enum alert_metric metric)
{
    return (unsigned)metric < ALERT_METRIC_COUNT ? metrics[metric].name : NULL;
}

const char *alert_metric_words(enum alert_metric metric)
{
    return metrics[metric].words;
}

const char *alert_per_name(enum alert_per per)
{
    static const char *const names[] = {"queue", "site", "group", "all"};
    return (unsigned)per <= ALERT_PER_ALL ? names[per] : NULL;
}

const char *alert_severity_name(enum alert_severity severity)
{
    static const char *const names[] = {"info", "warning", "critical"};
    return (unsigned)severity <= ALERT_CRITICAL ? names[severity] : NULL;
}

bool alert_metric_is_now(enum alert_metric metric)
{
    return metrics[metric].now;
}

bool alert_metric_of_site(enum alert_metric metric)
{
    return metrics[metric].of_site;
}

bool alert_metric_lower_is_worse(enum alert_metric metric)
{
    return metrics[metric].lower_is_worse;
}

bool alert_metric_of_calls(enum alert_metric metric)
{
    return metrics[metric].of_calls;
}

enum alert_unit alert_metric_unit(enum alert_metric metric)
{
    return metrics[metric].unit;
}

enum alert_per alert_metric_per(enum alert_metric metric)
{
    return metrics[metric].per;
}

bool alert_metric_can_per(enum alert_metric metric, enum alert_per per)
{
    return metrics[metric].of_site ? per == metrics[metric].per : true;
}

static void put_time(double ms, struct buf *out)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
    int64_t left = (int64_t)(fabs(ms) < 9e15 ? fabs(ms) : 9e15);
    unsigned said = 0;
    buf_append_str(out, ms < 0 && left > 0 ? "-" : "");
    if (left < 1000) {
        buf_printf(out, "%" PRId64 "%s", left, left ? "ms" : "s");
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0] && said < 2; i++) {
        int64_t count = left / units[i].ms;
        left %= units[i].ms;
        if (count > 0) {
            buf_printf(out, "%s%" PRId64 "%s", said ? " " : "", count, units[i].name);
        }
        said += count > 0 || said > 0; /* "1h", not "1h 12s" */
    }
}

void alert_rule_value(enum alert_metric metric, double value, struct buf *out)
{
    if (!isfinite(value)) {
        buf_append_str(out, "unknown");
        return;
    }
    switch (metrics[metric].unit) {
    case ALERT_UNIT_RATIO: buf_printf(out, "%.4g %%", floor(value * 1000 + 0.5) / 10); return;
    case ALERT_UNIT_MS: put_time(value, out); return;
    case ALERT_UNIT_COUNT: buf_printf(out, "%.0f", value); return;
    }
}
