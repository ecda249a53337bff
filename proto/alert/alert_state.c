#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/alert/alert_watch_internal.h"

enum { STATE_VERSION = 1 };

static const char *const phases[] = {"quiet", "pending", "firing"};

void alert_text(const struct alert *alert, struct buf *out)
{
    const struct alert_subject *subject = &alert->subject;
    if (subject->queue[0]) {
        buf_append_str(out, subject->queue);
        buf_append_str(out, subject->site[0] ? " at " : "");
    }
    if (subject->site[0]) {
        buf_append_str(out, subject->site);
    } else if (alert->rule->per == ALERT_PER_GROUP && subject->group[0]) {
        buf_printf(out, "group %s", subject->group);
    } else if (!subject->queue[0]) {
        buf_append_str(out, alert->rule->metric == ALERT_DISK ? "this machine" : "all sites");
    }
    buf_append_str(out, ": ");
    alert_rule_explain(alert->rule, alert->value, alert->calls, out);
}

/* ---- in order ---- */

static int by_weight(const void *left, const void *right)
{
    const struct alert *a = *(const struct alert *const *)left;
    const struct alert *b = *(const struct alert *const *)right;
    if (a->rule->severity != b->rule->severity) {
        return a->rule->severity > b->rule->severity ? -1 : 1;
    }
    if (a->phase != b->phase) {
        return a->phase > b->phase ? -1 : 1;
    }
    if (a->begun_ms != b->begun_ms) {
        return a->begun_ms < b->begun_ms ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

int alert_watch_each(struct alert_watch *watch, alert_fn fn, void *ctx)
{
    const struct alert **order = calloc(watch->count ? watch->count : 1, sizeof *order);
    size_t count = 0;
    int status = 0;
    if (!order) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->entries[i].alert.phase != ALERT_QUIET) {
            order[count++] = &watch->entries[i].alert;
        }
    }
    qsort(order, count, sizeof *order, by_weight);
    for (size_t i = 0; i < count && status == 0; i++) {
        status = fn(ctx, order[i]);
    }
    free(order);
    return status;
}

/* ---- as a document ---- */

static void put_time(struct json *out, const char *key, int64_t at_ms)
{
    char text[STAMP_MAX];
    json_put_str(out, key, at_ms != 0 ? zone_format(at_ms, text) : NULL);
}

static void put_name(struct json *out, const char *key, const char *name)
{
    json_put_str(out, key, name[0] ? name : NULL);
}

static void put_value_text(struct json *out, const char *key, enum alert_metric metric, double value)
{
    struct buf text = BUF_INIT;
    alert_rule_value(metric, value, &text);
    json_put_str(out, key, buf_cstr(&text));
    buf_deinit(&text);
}

static void put_rule(const struct alert_rule *rule, int64_t now_ms, struct json *out)
{
    json_put_str(out, "rule", rule->name);
    json_put_str(out, "metric", alert_metric_name(rule->metric));
    put_value_text(out, rule->below ? "below" : "above", rule->metric, rule->limit);
    json_put_str(out, "per", alert_per_name(rule->per));
    json_put_str(out, "severity", alert_severity_name(rule->severity));
    json_put_int(out, "window_ms", rule->window_ms);
    json_put_int(out, "for_ms", rule->for_ms);
    json_put_int(out, "calls_min", (int64_t)rule->calls_min);
    json_put_str(out, "summary", rule->summary);
    json_put_bool(out, "active", alert_calendar_counts(&rule->calendar, now_ms));
}

void alert_put(const struct alert *alert, struct json *out)
{
    struct buf text = BUF_INIT;
    char id[17];
    (void)snprintf(id, sizeof id, "%016" PRIx64, alert->id);
    json_put_str(out, "id", id);
    json_put_str(out, "rule", alert->rule->name);
    json_put_str(out, "severity", alert_severity_name(alert->rule->severity));
    json_put_str(out, "phase", phases[alert->phase]);
    put_name(out, "site", alert->subject.site);
    put_name(out, "group", alert->subject.group);
    put_name(out, "queue", alert->subject.queue);
    json_put_number(out, "value", alert->value);
    put_value_text(out, "value_text", alert->rule->metric, alert->value);
    json_put_number(out, "worst", alert->worst);
    json_put_int(out, "calls", (int64_t)alert->calls);
    put_time(out, "since", alert->since_ms);
    put_time(out, "begun", alert->begun_ms);
    put_time(out, "seen", alert->seen_ms);
    json_put_bool(out, "muted", alert->muted);
    json_put_bool(out, "stale", alert->stale);
    alert_text(alert, &text);
    json_put_str(out, "text", buf_cstr(&text));
    buf_deinit(&text);
}

static int add_alert(void *ctx, const struct alert *alert)
{
    alert_put(alert, json_add_map(ctx));
    return 0;
}

void alert_watch_put(const struct alert_watch *watch, int64_t now_ms, struct json *out)
{
    put_time(out, "as_of", now_ms);
    struct json *rules = json_put_list(out, "rules");
    for (size_t i = 0; i < watch->rule_count; i++) {
        put_rule(&watch->rules[i], now_ms, json_add_map(rules));
    }
    /* each() only reads */
    (void)alert_watch_each((struct alert_watch *)(uintptr_t)watch, add_alert, json_put_list(out, "alerts"));
    struct json *mutes = json_put_list(out, "mutes");
    for (size_t i = 0; i < watch->mute_count; i++) {
        const struct watch_mute *mute = &watch->mutes[i];
        struct json *one = json_add_map(mutes);
        put_name(one, "rule", mute->rule);
        put_name(one, "site", mute->site);
        put_time(one, "until", mute->until_ms);
        json_put_str(one, "by", mute->by);
        json_put_str(one, "why", mute->why);
    }
}

/* ---- kept over a restart ---- */

static void save_entry(const struct watch_entry *entry, struct json *out)
{
    const struct alert *alert = &entry->alert;
    json_put_str(out, "rule", alert->rule->name);
    json_put_str(out, "site", alert->subject.site);
    json_put_str(out, "group", alert->subject.group);
    json_put_str(out, "queue", alert->subject.queue);
    json_put_str(out, "phase", phases[alert->phase]);
    json_put_bool(out, "told", alert->told);
    json_put_bool(out, "muted", alert->muted);
    json_put_bool(out, "stale", alert->stale);
    json_put_number(out, "value", alert->value);
    json_put_number(out, "worst", alert->worst);
    json_put_int(out, "calls", (int64_t)alert->calls);
    json_put_int(out, "since_ms", alert->since_ms);
    json_put_int(out, "begun_ms", alert->begun_ms);
    json_put_int(out, "over_ms", alert->over_ms);
    json_put_int(out, "seen_ms", alert->seen_ms);
}

void alert_watch_save(const struct alert_watch *watch, struct json *out)
{
    json_put_int(out, "version", STATE_VERSION);
    json_put_int(out, "at_ms", watch->now_ms);
    struct json *alerts = json_put_list(out, "alerts");
    for (size_t i = 0; i < watch->count; i++) {
        save_entry(&watch->entries[i], json_add_map(alerts));
    }
    struct json *mutes = json_put_list(out, "mutes");
    for (size_t i = 0; i < watch->mute_count; i++) {
        struct json *one = json_add_map(mutes);
        json_put_str(one, "rule", watch->mutes[i].rule);
        json_put_str(one, "site", watch->mutes[i].site);
        json_put_int(one, "until_ms", watch->mutes[i].until_ms);
        json_put_str(one, "by", watch->mutes[i].by);
        json_put_str(one, "why", watch->mutes[i].why);
    }
}

static bool take_name(const struct json *from, const char *key, char *out, size_t size)
{
    const char *text = json_text(from, key);
    if (strlen(text) >= size) {
        return false;
    }
    (void)snprintf(out, size, "%s", text);
    return true;
}

static double number_of(const struct json *from, const char *key)
{
    double value;
    return json_number(from, key, &value) ? value : NAN;
}

static bool take_phase(const struct json *from, enum alert_phase *out)
{
    for (unsigned i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        if (strcmp(json_text(from, "phase"), phases[i]) == 0) {
            *out = (enum alert_phase)i;
            return true;
        }
    }
    return false;
}

static int restore_alert(struct alert_watch *watch, const struct json *from)
{
    struct alert_subject subject;
    struct alert read;
    int64_t calls;
    if (!take_name(from, "site", subject.site, sizeof subject.site) ||
        !take_name(from, "group", subject.group, sizeof subject.group) ||
        !take_name(from, "queue", subject.queue, sizeof subject.queue) || !take_phase(from, &read.phase) ||
        !json_int(from, "since_ms", &read.since_ms) || !json_int(from, "begun_ms", &read.begun_ms) ||
        !json_int(from, "over_ms", &read.over_ms) || !json_int(from, "seen_ms", &read.seen_ms) ||
        !json_int(from, "calls", &calls) || calls < 0) {
        return STATUS_INVALID;
    }
    const struct alert_rule *rule = alert_watch_rule(watch, json_text(from, "rule"));
    struct watch_entry *entry = NULL;
    int status = rule ? alert_watch_entry(watch, rule, &subject, true, &entry) : 0;
    if (!entry) {
        return status; /* 0: the rule is gone, or there are more than now may be */
    }
    struct alert *alert = &entry->alert;
    read.id = alert->id;
    read.rule = rule;
    read.subject = subject;
    read.calls = (uint64_t)calls;
    read.muted = json_bool(from, "muted");
    read.stale = json_bool(from, "stale");
    read.value = number_of(from, "value");
    read.worst = number_of(from, "worst");
    read.told = json_bool(from, "told");
    *alert = read;
    return 0;
}

static int restore_mute(struct alert_watch *watch, const struct json *from)
{
    int64_t until_ms;
    const char *rule = json_text(from, "rule");
    if (!json_int(from, "until_ms", &until_ms)) {
        return STATUS_INVALID;
    }
    if (rule[0] != '\0' && !alert_watch_rule(watch, rule)) {
        return 0;
    }
    return alert_watch_add_mute(watch, rule, json_text(from, "site"), until_ms, json_text(from, "by"),
                                json_text(from, "why"));
}

int alert_watch_restore(struct alert_watch *watch, const struct json *from)
{
    int64_t version;
    int64_t at_ms;
    if (!json_int(from, "version", &version) || version != STATE_VERSION || !json_int(from, "at_ms", &at_ms) ||
        json_kind(from, "alerts") != JSON_LIST || json_kind(from, "mutes") != JSON_LIST) {
        return STATUS_INVALID;
    }
    alert_watch_clear(watch);
    watch->now_ms = at_ms;
    int status = 0;
    const struct json *alerts = json_at(from, "alerts");
    for (size_t i = 0; status == 0 && i < json_count(alerts, ""); i++) {
        status = restore_alert(watch, json_item(alerts, i));
    }
    const struct json *mutes = json_at(from, "mutes");
    for (size_t i = 0; status == 0 && i < json_count(mutes, ""); i++) {
        status = restore_mute(watch, json_item(mutes, i));
    }
    if (status != 0) {
        alert_watch_clear(watch);
    }
    return status;
}
