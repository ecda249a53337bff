#include "agent/alert/sentry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/alert/figures.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

enum { SUBJECTS_MAX = 4096 };

struct sentry {
    struct sentry_options options;
    sentry_tell_fn fn;
    void *ctx;
    struct figures *figures;
    struct alert_watch *watch;
    uint64_t *told; /* whose firing was told, and not yet that it is over */
    size_t told_count;
    size_t told_cap;
    int64_t now_ms; /* of the newest look */
    bool telling;
};

/* ---- who was told ---- */

static bool is_told(const struct sentry *sentry, uint64_t id, size_t *at)
{
    for (*at = 0; *at < sentry->told_count; ++*at) {
        if (sentry->told[*at] == id) {
            return true;
        }
    }
    return false;
}

static int add_told(struct sentry *sentry, uint64_t id)
{
    uint64_t *told = grow_array(sentry->told, sentry->told_count, &sentry->told_cap, sizeof *told);
    if (!told) {
        return STATUS_NO_MEMORY;
    }
    sentry->told = told;
    told[sentry->told_count++] = id;
    return 0;
}

static void put_time(struct json *out, const char *key, int64_t at_ms)
{
    char text[STAMP_MAX];
    json_put_str(out, key, at_ms != 0 ? zone_format(at_ms, text) : NULL);
}

static void put_name(struct json *out, const char *key, const char *name)
{
    json_put_str(out, key, name[0] ? name : NULL);
}

static void put_news(const struct sentry *sentry, const char *news, const struct alert *alert, const char *text,
                     struct json *out)
{
    struct buf value = BUF_INIT;
    char id[17];
    (void)snprintf(id, sizeof id, "%016" PRIx64, alert->id);
    alert_rule_value(alert->rule->metric, alert->value, &value);
    json_put_str(out, "news", news);
    put_time(out, "at", sentry->now_ms);
    json_put_str(out, "id", id);
    json_put_str(out, "rule", alert->rule->name);
    json_put_str(out, "metric", alert_metric_name(alert->rule->metric));
    json_put_str(out, "severity", alert_severity_name(alert->rule->severity));
    json_put_str(out, "site", sentry->options.site);
    put_name(out, "queue", alert->subject.queue);
    json_put_number(out, "value", alert->value);
    json_put_str(out, "value_text", buf_cstr(&value));
    json_put_number(out, "worst", alert->worst);
    json_put_int(out, "calls", (int64_t)alert->calls);
    put_time(out, "begun", alert->begun_ms);
    put_name(out, "summary", alert->rule->summary);
    json_put_str(out, "text", text);
    buf_deinit(&value);
}

static void tell(const struct sentry *sentry, enum alert_news news, const struct alert *alert)
{
    const char *word = news == ALERT_NEWS_FIRING ? "firing" : "resolved";
    struct json *document = json_new_map();
    struct buf text = BUF_INIT;
    struct buf line = BUF_INIT;
    alert_text(alert, &text);
    put_news(sentry, word, alert, buf_cstr(&text), document);
    buf_printf(&line, "%s, %s (%s): %s", alert->rule->name, word, alert_severity_name(alert->rule->severity),
               buf_cstr(&text));
    if (alert->rule->summary[0]) {
        buf_printf(&line, "; %s", alert->rule->summary);
    }
    sentry->fn(sentry->ctx, buf_cstr(&line), document);
    buf_deinit(&line);
    buf_deinit(&text);
    json_free(document);
}

/* That something fires is told once it is so and somebody is to hear of it, which is not the moment at which it begins:
 * see tell_firing(). */
static int on_news(void *ctx, enum alert_news news, const struct alert *alert)
{
    struct sentry *sentry = ctx;
    size_t at;
    if (news == ALERT_NEWS_RESOLVED && is_told(sentry, alert->id, &at)) {
        sentry->told[at] = sentry->told[--sentry->told_count];
        tell(sentry, news, alert);
    }
    return 0;
}

static int tell_firing(void *ctx, const struct alert *alert)
{
    struct sentry *sentry = ctx;
    size_t at;
    if (alert->phase != ALERT_FIRING || alert->muted || is_told(sentry, alert->id, &at)) {
        return 0;
    }
    int status = add_told(sentry, alert->id);
    if (status == 0) {
        tell(sentry, ALERT_NEWS_FIRING, alert);
    }
    return status;
}

/* ---- life ---- */

int sentry_new(const struct sentry_options *options, sentry_tell_fn fn, void *ctx, struct sentry **out)
{
    struct sentry *sentry = calloc(1, sizeof *sentry);
    if (!sentry) {
        return STATUS_NO_MEMORY;
    }
    sentry->options = *options;
    sentry->fn = fn;
    sentry->ctx = ctx;
    int status = figures_new(options->rules, options->rule_count, options->site, &sentry->figures);
    if (status == 0) {
        status = alert_watch_new(options->rules, options->rule_count, SUBJECTS_MAX, on_news, sentry, &sentry->watch);
    }
    if (status != 0) {
        sentry_free(sentry);
        return status;
    }
    *out = sentry;
    return 0;
}

void sentry_free(struct sentry *sentry)
{
    if (sentry) {
        alert_watch_free(sentry->watch);
        figures_free(sentry->figures);
        free(sentry->told);
        free(sentry);
    }
}

/* ---- a look ---- */

static int load(struct sentry *sentry, int64_t now_ms)
{
    struct ledger_view *view = NULL;
    struct board_copy *board = NULL;
    bool wanted = sentry->options.board && figures_want_board(sentry->figures);
    int status = wanted ? board_copy(sentry->options.board, &board) : 0;
    if (status == 0) {
        status = ledger_view_begin(sentry->options.ledger, &view);
    }
    if (status == 0) {
        status = figures_load(sentry->figures, view, board, now_ms);
        ledger_view_end(view);
    }
    board_copy_free(board);
    return status;
}

int sentry_look(struct sentry *sentry, const struct sentry_vitals *vitals, int64_t now_ms)
{
    const struct sentry_options *options = &sentry->options;
    int status = load(sentry, now_ms);
    if (status != 0) {
        return status;
    }
    sentry->now_ms = now_ms;
    sentry->telling = options->when == SENTRY_ALWAYS || !vitals->centre_configured ||
                      (vitals->centre_lost_ms > 0 && vitals->centre_lost_ms >= options->offline_after_ms);
    alert_watch_begin(sentry->watch, now_ms);
    for (size_t i = 0; i < options->rule_count; i++) {
        int told = figures_tell(sentry->figures, &options->rules[i], vitals, sentry->watch);
        if (told != 0) {
            alert_watch_unknown(sentry->watch, &options->rules[i]);
            status = told;
        }
    }
    int left = figures_tell_left(sentry->figures, sentry->watch);
    status = status != 0 ? status : left;
    alert_watch_end(sentry->watch);
    int told = sentry->telling ? alert_watch_each(sentry->watch, tell_firing, sentry) : 0;
    return status != 0 ? status : told;
}

/* ---- what it came to ---- */

struct sum_work {
    const struct sentry *sentry;
    struct sentry_sum sum;
};

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    *hash ^= *hash >> 31;
}

static int take_alert(void *ctx, const struct alert *alert)
{
    struct sum_work *work = ctx;
    struct sentry_sum *sum = &work->sum;
    bool fires = alert->phase == ALERT_FIRING;
    size_t at;
    mix(&sum->version, alert->id);
    mix(&sum->version, (uint64_t)alert->since_ms);
    mix(&sum->version, (uint64_t)alert->over_ms);
    mix(&sum->version, (unsigned)alert->phase | (unsigned)alert->muted << 2U | (unsigned)alert->stale << 3U |
                           (unsigned)is_told(work->sentry, alert->id, &at) << 4U);
    sum->pending += !fires;
    sum->firing += fires;
    sum->critical += fires && alert->rule->severity == ALERT_CRITICAL;
    if (fires && !sum->worst[0]) {
        struct buf text = BUF_INIT;
        alert_text(alert, &text);
        (void)snprintf(sum->worst, sizeof sum->worst, "%.60s: %.190s", alert->rule->name, buf_cstr(&text));
        buf_deinit(&text);
    }
    return 0;
}

struct sentry_sum sentry_sum(struct sentry *sentry)
{
    struct sum_work work = {.sentry = sentry};
    (void)alert_watch_each(sentry->watch, take_alert, &work);
    return work.sum;
}

struct json *sentry_state(const struct sentry *sentry, int64_t now_ms)
{
    struct json *state = json_new_map();
    json_put_str(state, "site", sentry->options.site);
    json_put_str(state, "zone", zone_name());
    json_put_bool(state, "configured", true);
    json_put_str(state, "when", sentry->options.when == SENTRY_ALWAYS ? "always" : "offline");
    json_put_bool(state, "telling", sentry->telling);
    json_put_bool(state, "hook", sentry->options.hook);
    alert_watch_put(sentry->watch, now_ms, state);
    json_put_int(state, "left_out", (int64_t)alert_watch_left_out(sentry->watch));
    return state;
}

/* ---- kept over a restart ---- */

void sentry_save(const struct sentry *sentry, struct json *out)
{
    alert_watch_save(sentry->watch, json_put_map(out, "watch"));
    struct json *told = json_put_list(out, "told_here");
    for (size_t i = 0; i < sentry->told_count; i++) {
        char id[17];
        (void)snprintf(id, sizeof id, "%016" PRIx64, sentry->told[i]);
        json_add_text(told, slice_str(id));
    }
}

struct still_work {
    uint64_t id;
    bool there;
};

static int take_still(void *ctx, const struct alert *alert)
{
    struct still_work *still = ctx;
    still->there = still->there || (alert->phase == ALERT_FIRING && alert->id == still->id);
    return 0;
}

/* Of rules that are gone nobody will ever tell that it is over. */
static int take_told(struct sentry *sentry, const char *text)
{
    char *end;
    struct still_work still = {.id = strtoull(text, &end, 16)};
    int status = alert_watch_each(sentry->watch, take_still, &still);
    return status == 0 && still.there ? add_told(sentry, still.id) : status;
}

int sentry_restore(struct sentry *sentry, const struct json *from)
{
    const struct json *told = json_at(from, "told_here");
    int status = alert_watch_restore(sentry->watch, json_at(from, "watch"));
    sentry->told_count = 0;
    for (size_t i = 0; status == 0 && i < json_count(told, ""); i++) {
        status = take_told(sentry, json_text(json_item(told, i), ""));
    }
    return status;
}
