#include "agent/sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/alert/sentry.h"
#include "agent/hook.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/time/clock.h"

enum { FIRST_MS = 1000, STATE_MAX_BYTES = 4 << 20, STATE_MODE = 0640 };

struct sentinel {
    struct sentinel_options options;
    struct sentry *sentry;
    struct hook *hook; /* NULL: none is set */
    struct loop_timer *timer;
    char *state_path;
    int64_t started_ms; /* monotonic */
    uint64_t version;   /* of what was kept and told to status last */
    bool kept;
    int look_status; /* of the newest look, and of the newest write of the state: each failure is said once */
    int keep_status;
};

static void say(int *before, int status, const char *what)
{
    if (status != 0 && status != *before) {
        log_write(LOG_WARNING, "alert", "%s: %s", what, status_str(status));
    }
    *before = status;
}

/* ---- telling ---- */

static enum log_level level_of(const struct json *news)
{
    const char *severity = json_text(news, "severity");
    if (strcmp(json_text(news, "news"), "firing") != 0 || strcmp(severity, "info") == 0) {
        return LOG_NOTICE;
    }
    return strcmp(severity, "critical") == 0 ? LOG_ERROR : LOG_WARNING;
}

static void on_tell(void *ctx, const char *line, const struct json *document)
{
    struct sentinel *sentinel = ctx;
    log_write(level_of(document), "alert", "%s", line);
    if (sentinel->hook) {
        hook_run(sentinel->hook, document);
    }
}

/* ---- what outlives a restart ---- */

static int keep(struct sentinel *sentinel)
{
    struct buf text = BUF_INIT;
    struct json *state = json_new_map();
    (void)json_build_failed();
    sentry_save(sentinel->sentry, state);
    int status = !state || json_build_failed() ? STATUS_NO_MEMORY : json_write(state, 0, &text);
    if (status == 0) {
        buf_append_str(&text, "\n");
        status = text.failed ? STATUS_NO_MEMORY : atomic_replace(sentinel->state_path, text.data, text.len, STATE_MODE);
    }
    json_free(state);
    buf_deinit(&text);
    return status;
}

/* Without it everything begins anew, as at the first start: what fires is told once more. STATUS_NO_MEMORY: it can be
 * there and whole. */
static int restore(struct sentinel *sentinel)
{
    struct buf text = BUF_INIT;
    struct json *state = NULL;
    char why[120] = "";
    int status = atomic_read(sentinel->state_path, STATE_MAX_BYTES, &text);
    if (status == 0) {
        status = json_parse(buf_slice(&text), STATE_MAX_BYTES, &state, why, sizeof why);
    }
    if (status == 0) {
        status = sentry_restore(sentinel->sentry, state);
    }
    if (status != 0 && status != STATUS_NOT_FOUND && status != STATUS_NO_MEMORY) {
        log_write(LOG_WARNING, "alert", "%s: %s: alerts begin anew", sentinel->state_path,
                  why[0] ? why : status_str(status));
    }
    json_free(state);
    buf_deinit(&text);
    return status == STATUS_NO_MEMORY ? status : 0;
}

/* ---- looking ---- */

/* While the link runs the centre is there; else it was last when it answered. */
static int64_t lost_ms(const struct sentinel *sentinel, const struct health_centre *centre, int64_t now_ms)
{
    int64_t up_ms = clock_monotonic_ms() - sentinel->started_ms;
    int64_t silent_ms = centre->acked_ms ? now_ms - centre->acked_ms : up_ms;
    int64_t lost = silent_ms < up_ms ? silent_ms : up_ms;
    if (strcmp(centre->state, "running") == 0) {
        return 0;
    }
    return lost > 0 ? lost : 1;
}

static struct sentry_vitals vitals_of(const struct sentinel *sentinel, const struct health *health, int64_t now_ms)
{
    const struct health_centre *centre = &health->centre;
    return (struct sentry_vitals){.centre_configured = centre->wanted,
                                  .centre_lost_ms = lost_ms(sentinel, centre, now_ms),
                                  .certificate_end_ms = centre->certificate_not_after_s * 1000,
                                  .clock_offset_ms = centre->clock_offset_ms};
}

static void publish(struct sentinel *sentinel, const struct sentry_sum *sum, int64_t now_ms)
{
    struct buf text = BUF_INIT;
    struct json *state = sentry_state(sentinel->sentry, now_ms);
    struct health_alerts alerts = {
        .configured = true, .firing = sum->firing, .pending = sum->pending, .critical = sum->critical};
    (void)snprintf(alerts.worst, sizeof alerts.worst, "%s", sum->worst);
    if (json_write(state, 0, &text) == 0) {
        status_health_set_alerts(sentinel->options.health, &alerts, buf_slice(&text));
    }
    json_free(state);
    buf_deinit(&text);
}

static void on_time(void *ctx)
{
    struct sentinel *sentinel = ctx;
    struct health health;
    int64_t now_ms = clock_wall_ms();
    status_health_copy(sentinel->options.health, &health);
    const struct sentry_vitals vitals = vitals_of(sentinel, &health, now_ms);
    int status = sentry_look(sentinel->sentry, &vitals, now_ms);
    say(&sentinel->look_status, status, "the figures could not be looked at");
    const struct sentry_sum sum = sentry_sum(sentinel->sentry);
    publish(sentinel, &sum, now_ms);
    if (!sentinel->kept || sum.version != sentinel->version) {
        sentinel->version = sum.version;
        status = keep(sentinel);
        sentinel->kept = status == 0;
        say(&sentinel->keep_status, status, sentinel->state_path);
        sentinel->options.changed(sentinel->options.ctx);
    }
}

/* ---- life ---- */

static int make_sentry(struct sentinel *sentinel)
{
    const struct agent_config *config = sentinel->options.config;
    const struct agent_alerting_config *alerting = &config->alerting;
    const struct sentry_options options = {
        .rules = alerting->rules,
        .rule_count = alerting->rule_count,
        .site = config->site.id,
        .hook = alerting->hook[0] != '\0',
        .when = alerting->when == AGENT_ALERTS_ALWAYS ? SENTRY_ALWAYS : SENTRY_OFFLINE,
        .offline_after_ms = alerting->offline_after_ms,
        .ledger = sentinel->options.ledger,
        .board = sentinel->options.board,
    };
    return sentry_new(&options, on_tell, sentinel, &sentinel->sentry);
}

static int start(struct sentinel *sentinel)
{
    const struct agent_config *config = sentinel->options.config;
    const struct agent_alerting_config *alerting = &config->alerting;
    if (asprintf(&sentinel->state_path, "%s/alerts.json", config->ledger.dir) < 0) {
        sentinel->state_path = NULL;
        return STATUS_NO_MEMORY;
    }
    int status = make_sentry(sentinel);
    if (status == 0 && sentinel->options.runner) {
        status = hook_new(sentinel->options.loop, sentinel->options.runner, alerting->hook, alerting->hook_timeout_ms,
                          &sentinel->hook);
    }
    if (status == 0) {
        status = restore(sentinel);
    }
    if (status == 0) {
        status = loop_timer_start(sentinel->options.loop, FIRST_MS, (uint64_t)alerting->pace_ms, on_time, sentinel,
                                  &sentinel->timer);
    }
    return status;
}

int sentinel_start(const struct sentinel_options *options, struct sentinel **out)
{
    *out = NULL;
    if (options->config->alerting.rule_count == 0) {
        return 0;
    }
    struct sentinel *sentinel = calloc(1, sizeof *sentinel);
    if (!sentinel) {
        return STATUS_NO_MEMORY;
    }
    sentinel->options = *options;
    sentinel->started_ms = clock_monotonic_ms();
    int status = start(sentinel);
    if (status != 0) {
        sentinel_stop(sentinel);
        return status;
    }
    *out = sentinel;
    return 0;
}

void sentinel_stop(struct sentinel *sentinel)
{
    if (sentinel) {
        loop_timer_stop(sentinel->timer);
        hook_free(sentinel->hook);
        sentry_free(sentinel->sentry);
        free(sentinel->state_path);
        free(sentinel);
    }
}
