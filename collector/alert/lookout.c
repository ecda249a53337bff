#include "collector/alert/lookout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/alert/bulletin.h"
#include "collector/alert/look.h"
#include "collector/alert/lookout_rounds.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"

enum { STATE_VERSION = 1, STATE_ALERTS_MAX_BYTES = 64 << 20, STATE_MODE = 0600 };
enum { KEEP_EVERY_MS = 10 * 60 * 1000, STOP_GRACE_MS = 2000, ALIVE_MS = 60 * 1000, HOLD_ROUNDS = 4 };
enum { BUDGET_MIN_MS = 10 * 1000 };

/* ---- what is told ---- */

/* All of it or NULL: one that lacks a part would be told as it is. */
static struct json *item_of(const struct lookout *lookout, enum alert_news news, const struct alert *alert, bool again)
{
    (void)json_build_failed();
    struct json *item = bulletin_item(news, alert, again, lookout->now_ms, lookout->options.url);
    if (json_build_failed()) {
        json_free(item);
        item = NULL;
    }
    return item;
}

static int take_news(void *ctx, enum alert_news news, const struct alert *alert)
{
    struct lookout *lookout = ctx;
    int status = outbox_add(lookout->outbox, alert->rule, item_of(lookout, news, alert, false));
    lookout->status = status != 0 ? status : lookout->status;
    lookout->dirty = true;
    return status;
}

struct again {
    struct lookout *lookout;
    size_t receiver;
    bool retell; /* to an Alertmanager: all that fires */
};

/* The moment at which it is due again lies between the last look and this one: nothing has to be kept for that. */
static bool is_due_again(const struct again *again, const struct alert *alert)
{
    const struct lookout *lookout = again->lookout;
    int64_t repeat_ms = lookout->options.receivers[again->receiver].repeat_ms;
    if (repeat_ms <= 0 || alert->muted || lookout->looked_ms < alert->since_ms) {
        return false;
    }
    return (lookout->looked_ms - alert->since_ms) / repeat_ms < (lookout->now_ms - alert->since_ms) / repeat_ms;
}

static int tell_again(void *ctx, const struct alert *alert)
{
    const struct again *again = ctx;
    struct lookout *lookout = again->lookout;
    const struct receiver *receiver = &lookout->options.receivers[again->receiver];
    if (alert->phase != ALERT_FIRING || !alert->told || !outbox_is_for(receiver, alert->rule) ||
        !(again->retell || is_due_again(again, alert))) {
        return 0;
    }
    struct json *item = item_of(lookout, ALERT_NEWS_FIRING, alert, true);
    lookout->dirty = lookout->dirty || !again->retell;
    return outbox_add_again(lookout->outbox, again->receiver, item, again->retell);
}

static int tell_all_again(struct lookout *lookout, int64_t monotonic_ms)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < lookout->options.receiver_count; i++) {
        struct again again = {.lookout = lookout, .receiver = i};
        bool manager = lookout->options.receivers[i].type == RECEIVER_ALERTMANAGER;
        again.retell = manager && outbox_retell_due(lookout->outbox, i, monotonic_ms);
        if (again.retell || !manager) {
            status = alert_watch_each(lookout->watch, tell_again, &again);
        }
    }
    return status;
}

/* ---- changes ---- */

static uint64_t mix(uint64_t hash, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ (words[i] >> shift & 0xff)) * UINT64_C(0x100000001b3);
        }
    }
    return hash;
}

struct digests {
    uint64_t kept;
    uint64_t all;
};

static int digest_alert(void *ctx, const struct alert *alert)
{
    struct digests *digests = ctx;
    const uint64_t state[] = {alert->id,    (uint64_t)alert->phase,    alert->muted,
                              alert->stale, (uint64_t)alert->since_ms, (uint64_t)alert->over_ms,
                              alert->told};
    uint64_t value;
    memcpy(&value, &alert->value, sizeof value);
    digests->kept = mix(digests->kept, state, sizeof state / sizeof *state);
    digests->all = mix(digests->all, state, sizeof state / sizeof *state);
    digests->all = mix(digests->all, &value, 1);
    return 0;
}

static void note_changes(struct lookout *lookout)
{
    struct digests digests = {.kept = 1, .all = 1};
    (void)alert_watch_each(lookout->watch, digest_alert, &digests);
    lookout->version += digests.all != lookout->digest || lookout->dirty;
    lookout->dirty = lookout->dirty || digests.kept != lookout->kept;
    lookout->digest = digests.all;
    lookout->kept = digests.kept;
}

/* ---- the file ---- */

static int write_state(struct lookout *lookout, struct buf *out)
{
    struct json *state = json_new_map();
    (void)json_build_failed();
    json_put_int(state, "version", STATE_VERSION);
    json_put_int(state, "looked_ms", lookout->looked_ms);
    alert_watch_save(lookout->watch, json_put_map(state, "watch"));
    outbox_save(lookout->outbox, json_put_map(state, "outbox"));
    int status = !state || json_build_failed() ? STATUS_NO_MEMORY : json_write(state, 1, out);
    json_free(state);
    return status;
}

void lookout_keep(struct lookout *lookout, int64_t now_ms)
{
    struct buf state = BUF_INIT;
    pthread_mutex_lock(&lookout->save_lock);
    pthread_mutex_lock(&lookout->lock);
    bool due = lookout->dirty || now_ms - lookout->kept_ms >= KEEP_EVERY_MS;
    uint64_t newest = outbox_newest(lookout->outbox);
    int status = due ? write_state(lookout, &state) : 0;
    lookout->dirty = false;
    pthread_mutex_unlock(&lookout->lock);
    if (due && status == 0) {
        status = atomic_replace(lookout->options.state_path, state.data, state.len, STATE_MODE);
    }
    pthread_mutex_lock(&lookout->lock);
    if (due) {
        (void)snprintf(lookout->keep_why, sizeof lookout->keep_why, status ? "what is to outlive a restart: %s" : "%s",
                       status ? status_str(status) : "");
        lookout->kept_ms = now_ms;
        lookout->dirty = lookout->dirty || status != 0;
    }
    outbox_release(lookout->outbox, newest); /* trouble is told also with a full disk */
    pthread_mutex_unlock(&lookout->lock);
    pthread_mutex_unlock(&lookout->save_lock);
    buf_deinit(&state);
}

static int restore(struct lookout *lookout, const struct json *state)
{
    int64_t version;
    if (!json_int(state, "version", &version) || version != STATE_VERSION ||
        !json_int(state, "looked_ms", &lookout->looked_ms)) {
        return STATUS_INVALID;
    }
    int status = alert_watch_restore(lookout->watch, json_at(state, "watch"));
    return status == 0 ? outbox_restore(lookout->outbox, json_at(state, "outbox")) : status;
}

static int make_parts(struct lookout *lookout)
{
    const struct lookout_options *options = &lookout->options;
    int status =
        alert_watch_new(options->rules, options->rule_count, LOOKOUT_ALERTS_MAX, take_news, lookout, &lookout->watch);
    return status == 0 ? outbox_new(options->receivers, options->receiver_count, &lookout->outbox) : status;
}

static void drop_parts(struct lookout *lookout)
{
    alert_watch_free(lookout->watch);
    outbox_free(lookout->outbox);
    lookout->watch = NULL;
    lookout->outbox = NULL;
}

/* Deliveries are texts within the text. */
static size_t state_max(const struct lookout *lookout)
{
    return STATE_ALERTS_MAX_BYTES + lookout->options.receiver_count * 2 * OUTBOX_BYTES_MAX;
}

/* A file that cannot be read is as none: the alerts there are will be found again. */
static int read_state(struct lookout *lookout)
{
    struct buf text = BUF_INIT;
    struct json *state = NULL;
    int status = atomic_read(lookout->options.state_path, state_max(lookout), &text);
    if (status == STATUS_NOT_FOUND) {
        return 0;
    }
    status = status == 0 ? json_parse(buf_slice(&text), state_max(lookout), &state, NULL, 0) : status;
    status = status == 0 ? restore(lookout, state) : status;
    if (status != 0 && status != STATUS_NO_MEMORY) { /* without memory there is nothing wrong with the file */
        (void)snprintf(lookout->read_why, sizeof lookout->read_why, "what was kept of alerts cannot be read: %s",
                       status_str(status));
        drop_parts(lookout);
        lookout->looked_ms = 0;
        status = make_parts(lookout);
    }
    json_free(state);
    buf_deinit(&text);
    return status;
}

/* ---- looking ---- */

struct patience {
    struct lookout *lookout;
    int64_t until_ms;
};

static bool out_of_patience(void *ctx)
{
    const struct patience *patience = ctx;
    int64_t now_ms = clock_monotonic_ms();
    patience->lookout->looker_ms = now_ms;
    return patience->lookout->giving_up || now_ms > patience->until_ms;
}

static int absorb(struct lookout *lookout, const struct figures *figures, int64_t monotonic_ms, const char *why)
{
    pthread_mutex_lock(&lookout->lock);
    lookout->now_ms = figures->now_ms;
    lookout->status = 0;
    (void)snprintf(lookout->look_why, sizeof lookout->look_why, "%s", why);
    int status = figures_watch(figures, lookout->watch);
    status = status == 0 ? tell_all_again(lookout, monotonic_ms) : status;
    int closed = outbox_close_round(lookout->outbox, figures->now_ms);
    status = status == 0 ? closed : status;
    note_changes(lookout);
    lookout->looked_ms = figures->now_ms;
    status = status == 0 ? lookout->status : status;
    pthread_mutex_unlock(&lookout->lock);
    return status;
}

int lookout_look(struct lookout *lookout, int64_t now_ms, int64_t monotonic_ms)
{
    struct figures figures;
    char why[LOOKOUT_WHY_MAX];
    int64_t budget_ms = lookout->options.pace_ms > BUDGET_MIN_MS ? lookout->options.pace_ms : BUDGET_MIN_MS;
    struct patience patience = {lookout, clock_monotonic_ms() + budget_ms};
    struct look look = {&lookout->options, &figures, out_of_patience, &patience};
    int status = figures_init(&figures, lookout->options.rules, lookout->options.rule_count, now_ms);
    status = status == 0 ? look_gather(&look, why, sizeof why) : status;
    if (status == 0 && !lookout->giving_up) {
        const struct zone *zone = NULL; /* the queries used those of the sites */
        (void)zone_find(lookout->options.zone, &zone);
        zone_use(zone);
        status = absorb(lookout, &figures, monotonic_ms, why);
        if (status == 0) { /* else what was told of it is not whole: the next round tells the rest, then it is kept */
            lookout_keep(lookout, now_ms);
        }
    }
    figures_deinit(&figures);
    return status;
}

static void sleep_until(struct lookout *lookout, int64_t at_ms)
{
    const struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    pthread_mutex_lock(&lookout->lock);
    while (!lookout->stopping && pthread_cond_timedwait(&lookout->wake, &lookout->lock, &at) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&lookout->lock);
}

static void *look_always(void *ctx)
{
    struct lookout *lookout = ctx;
    int64_t next_ms = clock_monotonic_ms();
    while (!lookout->giving_up) {
        lookout->looker_ms = clock_monotonic_ms();
        /* without memory this round is lost, not the alerts */
        (void)lookout_look(lookout, clock_wall_ms(), clock_monotonic_ms());
        telling_wake(lookout->telling);
        int64_t now_ms = clock_monotonic_ms();
        next_ms += lookout->options.pace_ms;
        next_ms = next_ms > now_ms ? next_ms : now_ms;
        lookout->looker_ms = now_ms;
        sleep_until(lookout, next_ms);
    }
    return NULL;
}

/* ---- for the telling thread ---- */

static bool take(void *ctx, size_t receiver, struct outbox_delivery *out)
{
    struct lookout *lookout = ctx;
    pthread_mutex_lock(&lookout->lock);
    bool taken = outbox_take(lookout->outbox, receiver, clock_wall_ms(), clock_monotonic_ms(), out);
    pthread_mutex_unlock(&lookout->lock);
    return taken;
}

static void done(void *ctx, size_t receiver, enum outbox_outcome outcome, const char *error)
{
    struct lookout *lookout = ctx;
    int64_t now_ms = clock_wall_ms();
    pthread_mutex_lock(&lookout->lock);
    outbox_done(lookout->outbox, receiver, outcome, error, now_ms, clock_monotonic_ms());
    lookout->version++;
    lookout->dirty = lookout->dirty || outcome != OUTBOX_FAILED;
    pthread_mutex_unlock(&lookout->lock);
    lookout_keep(lookout, now_ms);
}

static int64_t next_due(void *ctx)
{
    struct lookout *lookout = ctx;
    pthread_mutex_lock(&lookout->lock);
    int64_t next_ms = outbox_next_ms(lookout->outbox);
    pthread_mutex_unlock(&lookout->lock);
    return next_ms;
}

/* ---- beginning and end ---- */

int lookout_make(const struct lookout_options *options, struct lookout **out)
{
    struct lookout *lookout = calloc(1, sizeof *lookout);
    pthread_condattr_t attributes;
    if (!lookout) {
        return STATUS_NO_MEMORY;
    }
    lookout->options = *options;
    lookout->options.url = options->url ? options->url : "";
    lookout->options.name = options->name && options->name[0] ? options->name : "ringside";
    lookout->looker_ms = clock_monotonic_ms();
    (void)pthread_mutex_init(&lookout->lock, NULL);
    (void)pthread_mutex_init(&lookout->save_lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lookout->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    int status = make_parts(lookout);
    status = status == 0 ? read_state(lookout) : status;
    if (status != 0) {
        lookout_free(lookout);
        return status;
    }
    *out = lookout;
    return 0;
}

void lookout_free(struct lookout *lookout)
{
    drop_parts(lookout);
    (void)pthread_cond_destroy(&lookout->wake);
    (void)pthread_mutex_destroy(&lookout->lock);
    (void)pthread_mutex_destroy(&lookout->save_lock);
    free(lookout);
}

static int start_threads(struct lookout *lookout)
{
    int64_t slowest_ms = lookout->options.pace_ms > OUTBOX_RETELL_MS ? lookout->options.pace_ms : OUTBOX_RETELL_MS;
    const struct telling_options options = {.receivers = lookout->options.receivers,
                                            .receiver_count = lookout->options.receiver_count,
                                            .name = lookout->options.name,
                                            .hold_ms = HOLD_ROUNDS * slowest_ms};
    const struct telling_source source = {.take = take, .done = done, .next_ms = next_due, .ctx = lookout};
    int status = telling_start(&options, &source, &lookout->telling);
    if (status != 0) {
        return status;
    }
    lookout->looks = pthread_create(&lookout->looker, NULL, look_always, lookout) == 0;
    return lookout->looks ? 0 : STATUS_NO_MEMORY;
}

int lookout_start(const struct lookout_options *options, struct lookout **out)
{
    struct lookout *lookout;
    int status = lookout_make(options, &lookout);
    if (status != 0) {
        return status;
    }
    status = start_threads(lookout);
    if (status != 0) {
        lookout_stop(lookout);
        return status;
    }
    *out = lookout;
    return 0;
}

void lookout_stop(struct lookout *lookout)
{
    if (!lookout) {
        return;
    }
    lookout->giving_up = true;
    pthread_mutex_lock(&lookout->lock);
    lookout->stopping = true;
    outbox_hurry(lookout->outbox);
    pthread_cond_signal(&lookout->wake);
    pthread_mutex_unlock(&lookout->lock);
    if (lookout->looks) {
        (void)pthread_join(lookout->looker, NULL);
    }
    if (lookout->telling) {
        telling_stop(lookout->telling, STOP_GRACE_MS);
    }
    lookout_free(lookout);
}

bool lookout_alive(const struct lookout *lookout, int64_t monotonic_ms)
{
    int64_t looker_ms = lookout->looker_ms;
    return monotonic_ms - looker_ms <= lookout->options.pace_ms + ALIVE_MS &&
           monotonic_ms - telling_beat_ms(lookout->telling) <= ALIVE_MS;
}

/* ---- for others ---- */

struct json *lookout_state(struct lookout *lookout)
{
    struct json *out = json_new_map();
    pthread_mutex_lock(&lookout->lock);
    alert_watch_put(lookout->watch, lookout->looked_ms ? lookout->looked_ms : clock_wall_ms(), out);
    outbox_put_recent(lookout->outbox, json_put_list(out, "recent"));
    outbox_put_receivers(lookout->outbox, json_put_list(out, "receivers"));
    pthread_mutex_unlock(&lookout->lock);
    return out;
}

uint64_t lookout_version(struct lookout *lookout)
{
    pthread_mutex_lock(&lookout->lock);
    uint64_t version = lookout->version;
    pthread_mutex_unlock(&lookout->lock);
    return version;
}

int lookout_mute(struct lookout *lookout, const char *rule, const char *site, int64_t until_ms, const char *by,
                 const char *why)
{
    pthread_mutex_lock(&lookout->lock);
    int status = alert_watch_mute(lookout->watch, rule, site, until_ms, by, why);
    if (status == 0) {
        lookout->dirty = true;
        lookout->version++;
    }
    pthread_mutex_unlock(&lookout->lock);
    if (status == 0) {
        lookout_keep(lookout, clock_wall_ms());
    }
    return status;
}

void lookout_trouble(struct lookout *lookout, char *out, size_t size)
{
    pthread_mutex_lock(&lookout->lock);
    const char *why = lookout->read_why[0]   ? lookout->read_why
                      : lookout->look_why[0] ? lookout->look_why
                                             : lookout->keep_why;
    (void)snprintf(out, size, "%s", why);
    lookout->read_why[0] = '\0'; /* the first look writes the file anew: nothing is left of it to mend */
    pthread_mutex_unlock(&lookout->lock);
}
