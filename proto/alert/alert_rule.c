#include "proto/alert/alert_rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/config/shape.h"
#include "platform/config/units.h"
#include "proto/alert/alert_limit.h"
#include "proto/alert/alert_metric.h"

enum { NAME_MAX_BYTES = 64, LIMIT_MAX_BYTES = 32, PATTERN_MAX_BYTES = 255, SUMMARY_MAX_BYTES = 500 };
enum { CALLS_MIN_DEFAULT = 20 };
#define WINDOW_DEFAULT_MS (30 * MS_MINUTE)

static const char *const per_words[] = {"auto", "queue", "site", "group", "all", NULL};

static const char *metric_word(size_t index)
{
    return index < ALERT_METRIC_COUNT ? alert_metric_name((enum alert_metric)index) : NULL;
}

static const char *severity_word(size_t index)
{
    return alert_severity_name((enum alert_severity)index);
}

int alert_rule_name_valid(const char *text, struct buf *why)
{
    bool made = config_shape_made_of(text, "-_. ", NAME_MAX_BYTES);
    return made ? 0 : config_shape_refuse(why, text, "is not a name for a rule");
}

static int validate_zone(const char *text, struct buf *why)
{
    return text[0] == '\0' ? 0 : config_shape_zone(text, why);
}

static int validate_hours(const char *text, struct buf *why)
{
    struct alert_calendar calendar = {0};
    int status = alert_calendar_take_hours(&calendar, slice_str(text), why);
    alert_calendar_deinit(&calendar);
    return status;
}

static int validate_mute(const char *text, struct buf *why)
{
    struct alert_calendar calendar = {0};
    int status = alert_calendar_take_mute(&calendar, slice_str(text), why);
    alert_calendar_deinit(&calendar);
    return status;
}

static int validate_line(const char *text, struct buf *why)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 32 || *c == 127) {
            buf_append_str(why, "holds a control character");
            return STATUS_INVALID;
        }
    }
    return 0;
}

const struct config_option alert_rule_options[ALERT_RULE_OPTIONS] = {
    {.name = "metric",
     .type = CONFIG_ENUM,
     .default_text = "service_level",
     .word_at = metric_word,
     .restart = true,
     .help = "what is watched; to be named (see docs/alerts.md for each)"},
    {.name = "above",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = LIMIT_MAX_BYTES,
     .restart = true,
     .allowed = "a share (80% or 0.8), a duration (3m) or a whole number, by the metric",
     .help = "trouble is a figure above this"},
    {.name = "below",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = LIMIT_MAX_BYTES,
     .restart = true,
     .allowed = "a share (80% or 0.8), a duration (3m) or a whole number, by the metric",
     .help = "trouble is a figure below this; one of above and below"},
    {.name = "window",
     .type = CONFIG_DURATION,
     .default_text = "0s",
     .min = 0,
     .max = 7 * MS_DAY,
     .restart = true,
     .allowed = "0s, or 1m to 7d",
     .help = "of the last so long is the figure (0s: 30m), where it is not one of this moment"},
    {.name = "calls_min",
     .type = CONFIG_INT,
     .default_text = "0",
     .min = 0,
     .max = 1000000,
     .unit = "calls",
     .restart = true,
     .help = "fewer in the window say nothing (0: 20), where the figure is made of calls"},
    {.name = "for",
     .type = CONFIG_DURATION,
     .default_text = "2m",
     .min = 0,
     .max = MS_DAY,
     .restart = true,
     .help = "so long it must be so before anybody is told"},
    {.name = "keep",
     .type = CONFIG_DURATION,
     .default_text = "2m",
     .min = 0,
     .max = MS_DAY,
     .restart = true,
     .help = "so long it must be over before that is told"},
    {.name = "per",
     .type = CONFIG_ENUM,
     .default_text = "auto",
     .words = per_words,
     .restart = true,
     .help = "what is looked at as one; auto: each queue of each site, or each site, as the metric is"},
    {.name = "severity",
     .type = CONFIG_ENUM,
     .default_text = "warning",
     .word_at = severity_word,
     .restart = true,
     .help = "how bad it is"},
    {.name = "sites",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = PATTERN_MAX_BYTES,
     .restart = true,
     .help = "only these; * and ? stand for what they usually do"},
    {.name = "groups",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = PATTERN_MAX_BYTES,
     .restart = true,
     .help = "only sites of these groups; patterns as well"},
    {.name = "queues",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = PATTERN_MAX_BYTES,
     .restart = true,
     .help = "only these; patterns as well"},
    {.name = "hours",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = 64,
     .validate = validate_hours,
     .restart = true,
     .allowed = "texts such as \"Mon-Fri 08:00-20:00\", \"Sat 09:00-13:00\", \"daily 22:00-06:00\"",
     .help = "nobody is told outside of these; none: always"},
    {.name = "zone",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = 64,
     .validate = validate_zone,
     .restart = true,
     .allowed = "a name such as Europe/Madrid, or empty",
     .help = "time zone of hours and mutes; empty: the program's own"},
    {.name = "mutes",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = 64,
     .validate = validate_mute,
     .restart = true,
     .allowed = "texts such as \"2026-12-25\", \"2026-12-24..2026-12-26\", "
                "\"2026-12-24T12:00..2026-12-27T08:00\", \"yearly 12-25\"",
     .help = "days and spans in which nobody is told"},
    {.name = "notify",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = 64,
     .restart = true,
     .help = "the receivers that are told; none: all there are"},
    {.name = "summary",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = SUMMARY_MAX_BYTES,
     .validate = validate_line,
     .restart = true,
     .help = "a sentence for people; empty: made from the rule"},
};

/* ---- reading ---- */

struct reading {
    const struct config_item *from;
    struct config_report *report;
    struct alert_rule *rule;
    bool wrong;
    int status;
};

static void __attribute__((format(printf, 3, 4)))
mistake(struct reading *reading, const char *option, const char *format, ...)
{
    struct buf text = BUF_INIT;
    char said[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(said, sizeof said, format, args);
    va_end(args);
    buf_printf(&text, "alert \"%s\".%s: %s", config_title(reading->from), option, said);
    int line = config_option_line(reading->from, option);
    (void)config_report_at(reading->report, line ? line : config_line(reading->from), "%s", buf_cstr(&text));
    buf_deinit(&text);
    reading->wrong = true;
}

static char *copy(struct reading *reading, const char *text)
{
    char *made = strdup(text);
    if (!made) {
        reading->status = STATUS_NO_MEMORY;
    }
    return made;
}

static void read_list(struct reading *reading, const char *option, char ***items, size_t *count)
{
    size_t wanted = config_list_count(reading->from, option);
    *items = calloc(wanted ? wanted : 1, sizeof **items);
    if (!*items) {
        reading->status = STATUS_NO_MEMORY;
        return;
    }
    for (*count = 0; *count < wanted; ++*count) {
        char *item = copy(reading, config_list_text(reading->from, option, *count));
        if (!item) {
            return;
        }
        (*items)[*count] = item;
    }
}

static void read_limit(struct reading *reading)
{
    struct alert_rule *rule = reading->rule;
    const char *above = config_text(reading->from, "above");
    const char *below = config_text(reading->from, "below");
    if ((above[0] == '\0') == (below[0] == '\0')) {
        mistake(reading, above[0] ? "below" : "above", "%s; allowed: exactly one of above and below, with %s",
                above[0] ? "stands beside above" : "there is no limit", alert_limit_allowed(rule->metric));
        return;
    }
    rule->below = below[0] != '\0';
    struct buf why = BUF_INIT;
    if (alert_limit_take(rule->metric, rule->below ? below : above, &rule->limit, &why) != 0) {
        mistake(reading, rule->below ? "below" : "above", "%s; allowed: %s (%s)", buf_cstr(&why),
                alert_limit_allowed(rule->metric), alert_metric_name(rule->metric));
    }
    buf_deinit(&why);
}

static void read_window(struct reading *reading)
{
    struct alert_rule *rule = reading->rule;
    const char *name = alert_metric_name(rule->metric);
    int64_t window_ms = config_number(reading->from, "window");
    int64_t calls_min = config_number(reading->from, "calls_min");
    bool now = alert_metric_is_now(rule->metric);
    if (now && window_ms != 0) {
        mistake(reading, "window", "%s is of this moment; allowed: 0s", name);
    } else if (!now && window_ms != 0 && window_ms < MS_MINUTE) {
        mistake(reading, "window", "is too short; allowed: 0s, or 1m to 7d");
    }
    if (calls_min != 0 && !alert_metric_of_calls(rule->metric)) {
        mistake(reading, "calls_min", "%s is not made of calls; allowed: 0", name);
    }
    rule->window_ms = now ? 0 : window_ms != 0 ? window_ms : WINDOW_DEFAULT_MS;
    rule->calls_min = !alert_metric_of_calls(rule->metric) ? 0
                      : calls_min != 0                     ? (uint64_t)calls_min
                                                           : CALLS_MIN_DEFAULT;
}

static void read_per(struct reading *reading)
{
    struct alert_rule *rule = reading->rule;
    int64_t word = config_number(reading->from, "per");
    enum alert_per finest = alert_metric_per(rule->metric);
    rule->per = word == 0 ? finest : (enum alert_per)(word - 1);
    if (!alert_metric_can_per(rule->metric, rule->per)) {
        mistake(reading, "per", "%s is not told of each %s; allowed: auto, %s", alert_metric_name(rule->metric),
                alert_per_name(rule->per), alert_per_name(finest));
    }
    if (alert_metric_of_site(rule->metric) && config_list_count(reading->from, "queues") != 0) {
        mistake(reading, "queues", "%s has no queues; allowed: none", alert_metric_name(rule->metric));
    }
}

static void read_calendar(struct reading *reading)
{
    struct alert_calendar *calendar = &reading->rule->calendar;
    const char *zone = config_text(reading->from, "zone");
    struct buf why = BUF_INIT;
    if (zone[0] != '\0' && zone_find(zone, &calendar->zone) != 0) {
        mistake(reading, "zone", "\"%s\" is not in this machine's zone data; allowed: a name such as Europe/Madrid",
                zone);
    }
    /* each passed the same function while it was read */
    for (size_t i = 0; i < config_list_count(reading->from, "hours"); i++) {
        struct slice text = slice_str(config_list_text(reading->from, "hours", i));
        if (alert_calendar_take_hours(calendar, text, &why) != 0) {
            reading->status = STATUS_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < config_list_count(reading->from, "mutes"); i++) {
        struct slice text = slice_str(config_list_text(reading->from, "mutes", i));
        if (alert_calendar_take_mute(calendar, text, &why) != 0) {
            reading->status = STATUS_NO_MEMORY;
        }
    }
    buf_deinit(&why);
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void read_notify(struct reading *reading, const char *const *receivers, size_t receiver_count)
{
    struct alert_rule *rule = reading->rule;
    read_list(reading, "notify", &rule->notify, &rule->notify_count);
    for (size_t i = 0; i < rule->notify_count; i++) {
        if (!receivers) {
            mistake(reading, "notify", "there are no receivers here; allowed: none");
            return;
        }
        if (!is_among(rule->notify[i], receivers, receiver_count)) {
            mistake(reading, "notify", "there is no receiver \"%s\"; allowed: the name of a section receiver",
                    rule->notify[i]);
        }
    }
}

int alert_rule_read(const struct config_item *from, const char *const *receivers, size_t receiver_count,
                    struct config_report *report, struct alert_rule *out)
{
    *out = (struct alert_rule){.line = config_line(from)};
    struct reading reading = {.from = from, .report = report, .rule = out};
    out->name = copy(&reading, config_title(from));
    out->metric = (enum alert_metric)config_number(from, "metric");
    if (config_option_line(from, "metric") == 0) {
        mistake(&reading, "metric", "is missing; allowed: one of service_level, abandon_rate, longest_wait and so on");
    } else {
        read_limit(&reading);
        read_window(&reading);
        read_per(&reading);
    }
    out->for_ms = config_number(from, "for");
    out->keep_ms = config_number(from, "keep");
    out->severity = (enum alert_severity)config_number(from, "severity");
    read_list(&reading, "sites", &out->sites, &out->site_count);
    read_list(&reading, "groups", &out->groups, &out->group_count);
    read_list(&reading, "queues", &out->queues, &out->queue_count);
    read_calendar(&reading);
    read_notify(&reading, receivers, receiver_count);
    out->summary = copy(&reading, config_text(from, "summary"));
    int status = reading.status != 0 ? reading.status : reading.wrong ? STATUS_INVALID : 0;
    if (status != 0) {
        alert_rule_deinit(out);
    }
    return status;
}

static void free_list(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i]);
    }
    free(items);
}

void alert_rule_deinit(struct alert_rule *rule)
{
    free(rule->name);
    free(rule->summary);
    free_list(rule->sites, rule->site_count);
    free_list(rule->groups, rule->group_count);
    free_list(rule->queues, rule->queue_count);
    free_list(rule->notify, rule->notify_count);
    alert_calendar_deinit(&rule->calendar);
    *rule = (struct alert_rule){0};
}

/* ---- whom it is about ---- */

/* In time that is at most the product of both lengths: after a mismatch only the last star is tried again. */
static bool fits(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *from = text;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool fits_any(char *const *patterns, size_t count, const char *text)
{
    for (size_t i = 0; text && i < count; i++) {
        if (fits(patterns[i], text)) {
            return true;
        }
    }
    return count == 0;
}

bool alert_rule_matches(const struct alert_rule *rule, const char *site, const char *group, const char *queue)
{
    return fits_any(rule->sites, rule->site_count, site) && fits_any(rule->groups, rule->group_count, group) &&
           fits_any(rule->queues, rule->queue_count, queue);
}

void alert_rule_explain(const struct alert_rule *rule, double value, uint64_t calls, struct buf *out)
{
    buf_printf(out, "%s ", alert_metric_words(rule->metric));
    alert_rule_value(rule->metric, value, out);
    bool passed = rule->below ? value < rule->limit : value > rule->limit;
    buf_printf(out, "%s %s ", passed ? "" : ", no longer", rule->below ? "below" : "above");
    alert_rule_value(rule->metric, rule->limit, out);
    if (rule->window_ms > 0) {
        buf_append_str(out, " (last ");
        alert_rule_value(ALERT_ASA, (double)rule->window_ms, out);
        if (alert_metric_of_calls(rule->metric)) {
            buf_printf(out, ", %" PRIu64 " call%s", calls, calls == 1 ? "" : "s");
        }
        buf_append_str(out, ")");
    }
}
