#include "proto/alert/alert_watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/alert/alert_watch_internal.h"

int alert_watch_new(const struct alert_rule *rules, size_t count, size_t max, alert_news_fn fn, void *ctx,
                    struct alert_watch **out)
{
    struct alert_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return STATUS_NO_MEMORY;
    }
    *watch = (struct alert_watch){.rules = rules, .rule_count = count, .max = max, .fn = fn, .ctx = ctx};
    watch->unknown = calloc(count ? count : 1, sizeof *watch->unknown);
    if (!watch->unknown) {
        free(watch);
        return STATUS_NO_MEMORY;
    }
    *out = watch;
    return 0;
}

static void free_mute(struct watch_mute *mute)
{
    free(mute->rule);
    free(mute->site);
    free(mute->by);
    free(mute->why);
}

void alert_watch_clear(struct alert_watch *watch)
{
    for (size_t i = 0; i < watch->mute_count; i++) {
        free_mute(&watch->mutes[i]);
    }
    free(watch->mutes);
    free(watch->entries);
    free(watch->slots);
    watch->mutes = NULL;
    watch->entries = NULL;
    watch->slots = NULL;
    watch->mute_count = watch->count = watch->cap = watch->slot_count = 0;
}

void alert_watch_free(struct alert_watch *watch)
{
    if (watch) {
        alert_watch_clear(watch);
        free(watch->unknown);
        free(watch);
    }
}

const struct alert_rule *alert_watch_rule(const struct alert_watch *watch, const char *name)
{
    for (size_t i = 0; i < watch->rule_count; i++) {
        if (strcmp(watch->rules[i].name, name) == 0) {
            return &watch->rules[i];
        }
    }
    return NULL;
}

/* ---- entries by their ids ---- */

/* FNV-1a with its NUL, so that names cannot run into each other: ids are stored and told, they must never change. */
static uint64_t mix(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

/* The group is a label that may change, unless it is what the alert is about. */
static bool same_subject(const struct alert_rule *rule, const struct alert_subject *a, const struct alert_subject *b)
{
    return strcmp(a->site, b->site) == 0 && strcmp(a->queue, b->queue) == 0 &&
           (rule->per != ALERT_PER_GROUP || strcmp(a->group, b->group) == 0);
}

static uint64_t id_of(const struct alert_rule *rule, const struct alert_subject *subject)
{
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), rule->name);
    hash = mix(hash, subject->site);
    hash = mix(hash, subject->queue);
    hash = mix(hash, rule->per == ALERT_PER_GROUP ? subject->group : "");
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint32_t *slot_of(const struct alert_watch *watch, uint64_t id)
{
    size_t at = (size_t)id & (watch->slot_count - 1);
    while (watch->slots[at] != 0 && watch->entries[watch->slots[at] - 1].alert.id != id) {
        at = (at + 1) & (watch->slot_count - 1);
    }
    return &watch->slots[at];
}

static void index_entries(struct alert_watch *watch)
{
    if (watch->slot_count > 0) {
        memset(watch->slots, 0, watch->slot_count * sizeof *watch->slots);
    }
    for (size_t i = 0; i < watch->count; i++) {
        *slot_of(watch, watch->entries[i].alert.id) = (uint32_t)i + 1;
    }
}

static bool make_room(struct alert_watch *watch)
{
    struct watch_entry *entries = grow_array(watch->entries, watch->count, &watch->cap, sizeof *entries);
    if (!entries) {
        return false;
    }
    watch->entries = entries;
    if (watch->slot_count >= (watch->count + 1) * 2) {
        return true;
    }
    size_t wanted = watch->slot_count ? watch->slot_count * 2 : 64;
    uint32_t *slots = calloc(wanted, sizeof *slots);
    if (!slots) {
        return false;
    }
    free(watch->slots);
    watch->slots = slots;
    watch->slot_count = wanted;
    index_entries(watch);
    return true;
}

int alert_watch_entry(struct alert_watch *watch, const struct alert_rule *rule, const struct alert_subject *subject,
                      bool make, struct watch_entry **out)
{
    *out = NULL;
    uint64_t id = id_of(rule, subject);
    uint32_t at = watch->slot_count ? *slot_of(watch, id) : 0;
    if (at != 0) {
        struct watch_entry *found = &watch->entries[at - 1];
        *out = found->alert.rule == rule && same_subject(rule, &found->alert.subject, subject) ? found : NULL;
        return 0;
    }
    if (!make || watch->count >= watch->max) {
        return 0;
    }
    if (!make_room(watch)) {
        return STATUS_NO_MEMORY;
    }
    struct watch_entry *entry = &watch->entries[watch->count++];
    *entry = (struct watch_entry){.alert = {.id = id, .rule = rule, .subject = *subject, .value = NAN, .worst = NAN}};
    *slot_of(watch, id) = (uint32_t)watch->count;
    *out = entry;
    return 0;
}

/* ---- mutes by hand ---- */

static bool mute_is_of(const struct watch_mute *mute, const char *rule, const char *site)
{
    return strcmp(mute->rule, rule) == 0 && strcmp(mute->site, site) == 0;
}

static void drop_mute(struct alert_watch *watch, size_t at)
{
    free_mute(&watch->mutes[at]);
    watch->mute_count--;
    memmove(&watch->mutes[at], &watch->mutes[at + 1], (watch->mute_count - at) * sizeof *watch->mutes);
}

static bool is_muted(const struct alert_watch *watch, const struct alert *alert)
{
    for (size_t i = 0; i < watch->mute_count; i++) {
        const struct watch_mute *mute = &watch->mutes[i];
        if ((mute->rule[0] == '\0' || strcmp(mute->rule, alert->rule->name) == 0) &&
            (mute->site[0] == '\0' || strcmp(mute->site, alert->subject.site) == 0) && mute->until_ms > watch->now_ms) {
            return true;
        }
    }
    return !alert_calendar_counts(&alert->rule->calendar, watch->now_ms);
}

int alert_watch_add_mute(struct alert_watch *watch, const char *rule, const char *site, int64_t until_ms,
                         const char *by, const char *why)
{
    if (watch->mute_count >= ALERT_MUTES_MAX) {
        return STATUS_FULL;
    }
    struct watch_mute *mutes = realloc(watch->mutes, (watch->mute_count + 1) * sizeof *mutes);
    if (!mutes) {
        return STATUS_NO_MEMORY;
    }
    watch->mutes = mutes;
    struct watch_mute mute = {.until_ms = until_ms};
    mute.rule = strdup(rule);
    mute.site = strdup(site);
    mute.by = strndup(by, ALERT_MUTE_TEXT_MAX);
    mute.why = strndup(why, ALERT_MUTE_TEXT_MAX);
    if (!mute.rule || !mute.site || !mute.by || !mute.why) {
        free_mute(&mute);
        return STATUS_NO_MEMORY;
    }
    mutes[watch->mute_count++] = mute;
    return 0;
}

static bool end_mute(struct alert_watch *watch, const char *rule, const char *site)
{
    for (size_t i = 0; i < watch->mute_count; i++) {
        if (mute_is_of(&watch->mutes[i], rule, site)) {
            drop_mute(watch, i);
            return true;
        }
    }
    return false;
}

int alert_watch_mute(struct alert_watch *watch, const char *rule, const char *site, int64_t until_ms, const char *by,
                     const char *why)
{
    rule = rule ? rule : "";
    site = site ? site : "";
    if (rule[0] != '\0' && !alert_watch_rule(watch, rule)) {
        return STATUS_NOT_FOUND;
    }
    if (until_ms != 0 && until_ms <= watch->now_ms) {
        return STATUS_RANGE;
    }
    bool ended = end_mute(watch, rule, site);
    int status = ended ? 0 : STATUS_NOT_FOUND;
    if (until_ms != 0) {
        status = alert_watch_add_mute(watch, rule, site, until_ms, by ? by : "", why ? why : "");
    }
    for (size_t i = 0; i < watch->count; i++) {
        watch->entries[i].alert.muted = is_muted(watch, &watch->entries[i].alert);
    }
    return status;
}

/* ---- rounds ---- */

void alert_watch_begin(struct alert_watch *watch, int64_t now_ms)
{
    watch->now_ms = now_ms;
    watch->left_out_now = 0;
    memset(watch->unknown, 0, watch->rule_count * sizeof *watch->unknown);
    for (size_t i = 0; i < watch->count; i++) {
        watch->entries[i].heard = false;
    }
    for (size_t i = watch->mute_count; i > 0; i--) {
        if (watch->mutes[i - 1].until_ms <= now_ms) {
            drop_mute(watch, i - 1);
        }
    }
}

static const char *told(const char *text)
{
    return text[0] ? text : NULL;
}

/* By what the subject is of: the figure of a group or of all is made of matching sites and queues already. */
static bool matches(const struct alert_rule *rule, const struct alert_subject *subject)
{
    struct alert_rule of = *rule;
    of.queue_count = rule->per == ALERT_PER_QUEUE ? rule->queue_count : 0;
    of.site_count = rule->per <= ALERT_PER_SITE ? rule->site_count : 0;
    of.group_count = rule->per <= ALERT_PER_GROUP ? rule->group_count : 0;
    return alert_rule_matches(&of, told(subject->site), told(subject->group), told(subject->queue));
}

static bool passes(const struct alert_rule *rule, double value, uint64_t calls)
{
    if (!isfinite(value) || calls < rule->calls_min) {
        return false;
    }
    return rule->below ? value < rule->limit : value > rule->limit;
}

static double worse_of(const struct alert_rule *rule, double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) ? b : a;
    }
    return (a < b) == rule->below ? a : b;
}

int alert_watch_figure(struct alert_watch *watch, const struct alert_rule *rule, const struct alert_subject *subject,
                       double value, uint64_t calls)
{
    if (!matches(rule, subject)) {
        return 0;
    }
    value = rule->metric == ALERT_CLOCK_OFFSET ? fabs(value) : value;
    bool passed = passes(rule, value, calls);
    struct watch_entry *entry;
    (void)alert_watch_entry(watch, rule, subject, passed, &entry); /* without memory: in the next round */
    if (!entry) {
        watch->left_out_now += passed;
        return 0;
    }
    struct alert *alert = &entry->alert;
    alert->subject = *subject;
    alert->value = value;
    alert->calls = calls;
    alert->worst = passed ? worse_of(rule, alert->worst, value) : alert->worst;
    alert->seen_ms = watch->now_ms;
    entry->heard = true;
    entry->passed = passed;
    return 0;
}

void alert_watch_unknown(struct alert_watch *watch, const struct alert_rule *rule)
{
    watch->unknown[rule - watch->rules] = true;
}

static void to_phase(struct alert *alert, enum alert_phase phase, int64_t now_ms)
{
    alert->phase = phase;
    alert->since_ms = now_ms;
    alert->over_ms = 0;
    alert->stale = false;
}

/* A clock that was set back must not hold an alert for as long as it was set back. */
static int64_t elapsed(int64_t *since_ms, int64_t now_ms)
{
    *since_ms = *since_ms > now_ms ? now_ms : *since_ms;
    return now_ms - *since_ms;
}

static void step_passed(struct alert *alert, int64_t now_ms)
{
    alert->over_ms = 0;
    if (alert->phase == ALERT_QUIET) {
        to_phase(alert, ALERT_PENDING, now_ms);
        alert->begun_ms = now_ms;
        alert->worst = alert->value;
    }
    if (alert->phase == ALERT_PENDING && elapsed(&alert->begun_ms, now_ms) >= alert->rule->for_ms) {
        to_phase(alert, ALERT_FIRING, now_ms);
    }
}

static void step_over(struct alert *alert, int64_t now_ms)
{
    if (alert->phase == ALERT_PENDING) {
        to_phase(alert, ALERT_QUIET, now_ms);
    } else if (alert->phase == ALERT_FIRING) {
        alert->over_ms = alert->over_ms ? alert->over_ms : now_ms;
        if (elapsed(&alert->over_ms, now_ms) >= alert->rule->keep_ms) {
            to_phase(alert, ALERT_QUIET, now_ms);
        }
    }
}

static void step_unheard(struct alert *alert, int64_t now_ms)
{
    bool gone = !matches(alert->rule, &alert->subject) || elapsed(&alert->seen_ms, now_ms) > ALERT_STALE_MAX_MS;
    if (alert->phase != ALERT_FIRING || gone) {
        to_phase(alert, ALERT_QUIET, now_ms);
        return;
    }
    alert->stale = true;
}

static void step(struct alert_watch *watch, struct watch_entry *entry)
{
    struct alert *alert = &entry->alert;
    if (entry->heard) {
        alert->stale = false;
        (entry->passed ? step_passed : step_over)(alert, watch->now_ms);
    } else if (!watch->unknown[alert->rule - watch->rules]) {
        step_unheard(alert, watch->now_ms);
    }
    alert->muted = is_muted(watch, alert);
    bool fires = alert->phase == ALERT_FIRING;
    if (!alert->muted && fires != alert->told) {
        alert->told = fires;
        int status = watch->fn(watch->ctx, fires ? ALERT_NEWS_FIRING : ALERT_NEWS_RESOLVED, alert);
        alert->told = status == 0 ? fires : !fires;
    }
}

void alert_watch_end(struct alert_watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->count; i++) {
        struct watch_entry *entry = &watch->entries[i];
        step(watch, entry);
        if (entry->alert.phase == ALERT_QUIET && !entry->alert.told) {
            continue;
        }
        if (kept != i) {
            watch->entries[kept] = *entry;
        }
        kept++;
    }
    if (kept != watch->count) {
        watch->count = kept;
        index_entries(watch);
    }
    watch->left_out = watch->left_out_now;
}

uint64_t alert_watch_left_out(const struct alert_watch *watch)
{
    return watch->left_out;
}
