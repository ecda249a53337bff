#include "collector/api/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/api/feed_internal.h"
#include "collector/api/gate.h"
#include "platform/base/status.h"
#include "platform/json/json.h"
#include "platform/time/clock.h"

enum { FEED_FIRST_FRESH_MS = 1000, FEED_STACK_BYTES = 1024 * 1024 };

static void feed_first(const struct endpoint_request *request, struct endpoint_answer *out)
{
    for (size_t i = 0; i < request->item_count; i++) {
        struct slice name = request->items[i].name;
        if (!slice_is(name, "site") && !slice_is(name, "group") && !slice_is(name, "queue") &&
            !slice_is(name, "limit")) {
            char where[32];
            (void)snprintf(where, sizeof where, "%.*s", (int)(name.len < 31 ? name.len : 31), name.data);
            endpoint_refuse(out, 400, where, "unknown parameter");
            return;
        }
    }
    struct json *json = endpoint_live(request, out);
    if (!json) {
        return;
    }
    out->code = 200;
    out->type = "application/json";
    out->fresh_ms = FEED_FIRST_FRESH_MS;
    out->body.failed = json_write(json, 0, &out->body) != 0 || out->body.failed;
    json_free(json);
}

const struct endpoint feed_endpoint = {
    .method = "GET", .path = "/api/v1/live/stream", .access = ENDPOINT_VIEW, .answer = feed_first};

static void feed_let_go(struct feed *feed, struct feed_channel *channel)
{
    if (--channel->refs > 0) {
        return;
    }
    struct feed_channel **at = &feed->channels;
    while (*at != channel) {
        at = &(*at)->next;
    }
    *at = channel->next;
    question_unref(channel->question);
    body_unref(channel->newest);
    buf_deinit(&channel->key);
    free(channel);
}

static void feed_wake(struct feed_stream *stream)
{
    if (stream->resting) {
        stream->resting = false;
        stream->line.wake(stream->line.ctx);
    }
}

/* The lock is held, except while the document is made. */
static void feed_make(struct feed *feed, struct feed_channel *channel)
{
    struct endpoint_request request = {.options = feed->options.api,
                                       .metrics = feed->options.metrics,
                                       .items = channel->question->items,
                                       .item_count = channel->question->item_count,
                                       .now_ms = clock_wall_ms(),
                                       .deadline_ms = clock_monotonic_ms() + feed->options.api->budget_ms,
                                       .instance = feed->options.instance};
    struct endpoint_answer answer = {0};
    channel->refs++;
    feed->request = &request;
    (void)pthread_mutex_unlock(&feed->lock);
    feed_first(&request, &answer);
    uint64_t figures = answer.code == 200 ? feed_figures(buf_slice(&answer.body)) : 0;
    int code = answer.body.failed ? 500 : answer.code;
    struct body *body = body_new(&answer, false);
    (void)pthread_mutex_lock(&feed->lock);
    feed->request = NULL;
    if (body && code == 200 && figures != channel->figures) {
        struct body *before = channel->newest;
        channel->newest = body;
        channel->figures = figures;
        channel->version++;
        body = before;
    }
    channel->gone = channel->gone || code == 404;
    body_unref(body);
    feed_let_go(feed, channel);
}

static void feed_make_all(struct feed *feed)
{
    feed->round++;
    struct feed_channel *channel = feed->channels;
    while (channel && !feed->halted) {
        if (channel->round == feed->round) {
            channel = channel->next;
            continue;
        }
        channel->round = feed->round;
        feed_make(feed, channel);
        channel = feed->channels; /* they may have come and gone meanwhile */
    }
}

static void feed_tell_alerts(struct feed *feed)
{
    const struct api_alerts *alerts = &feed->options.api->alerts;
    if (!alerts->version || !alerts->state) {
        return;
    }
    /* Whoever keeps the alerts may be writing them down, and the thread that speaks HTTP waits for this lock. */
    (void)pthread_mutex_unlock(&feed->lock);
    uint64_t version = alerts->version(alerts->ctx);
    if (version == feed->alerts) {
        (void)pthread_mutex_lock(&feed->lock);
        return;
    }
    struct json *state = alerts->state(alerts->ctx);
    const struct json *list = json_at(state, "alerts");
    unsigned firing = 0;
    unsigned pending = 0;
    for (size_t i = 0; i < json_count(list, ""); i++) {
        const char *phase = json_text(json_item(list, i), "phase");
        firing += strcmp(phase, "firing") == 0;
        pending += strcmp(phase, "pending") == 0;
    }
    json_free(state);
    (void)pthread_mutex_lock(&feed->lock);
    feed->alerts = version;
    (void)snprintf(feed->alerts_text, sizeof feed->alerts_text, "{\"version\":%llu,\"firing\":%u,\"pending\":%u}",
                   (unsigned long long)version, firing, pending);
}

static void feed_look_at_tokens(struct feed *feed, int64_t now_ms)
{
    uint64_t version = registry_version(feed->options.api->registry);
    if (version == feed->registry_version && now_ms - feed->tokens_ms < feed->options.token_ms) {
        return;
    }
    feed->registry_version = version;
    feed->tokens_ms = now_ms;
    int64_t wall_ms = clock_wall_ms();
    for (struct feed_stream *stream = feed->streams; stream; stream = stream->next) {
        if (!gate_counts(feed->options.api->registry, stream->token, wall_ms)) {
            stream->over = true;
        }
    }
}

static void feed_wake_all(struct feed *feed, int64_t now_ms)
{
    for (struct feed_stream *stream = feed->streams; stream; stream = stream->next) {
        bool left = stream->line.gone && stream->line.gone(stream->line.ctx);
        stream->over = stream->over || stream->channel->gone || left;
        stream->beat = stream->beat || now_ms - stream->told_ms >= feed->options.beat_ms;
        if (stream->over || stream->beat || stream->version != stream->channel->version ||
            stream->alerts != feed->alerts) {
            feed_wake(stream);
        }
    }
}

static void feed_sleep(struct feed *feed)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + feed->options.tick_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    int rc = 0;
    while (!feed->halted && rc == 0) {
        rc = pthread_cond_timedwait(&feed->poke, &feed->lock, &until);
    }
}

static void *feed_thread(void *arg)
{
    struct feed *feed = arg;
    (void)pthread_mutex_lock(&feed->lock);
    while (!feed->halted) {
        if (!feed->streams) {
            (void)pthread_cond_wait(&feed->poke, &feed->lock);
            continue;
        }
        feed_sleep(feed);
        atomic_store(&feed->since_ms, clock_monotonic_ms());
        feed_make_all(feed);
        feed_tell_alerts(feed);
        int64_t now_ms = clock_monotonic_ms();
        feed_look_at_tokens(feed, now_ms);
        feed_wake_all(feed, now_ms);
        atomic_store(&feed->since_ms, 0);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    return NULL;
}

static int feed_start(struct feed *feed)
{
    pthread_condattr_t how;
    pthread_attr_t attr;
    (void)pthread_condattr_init(&how);
    (void)pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&feed->lock, NULL);
    (void)pthread_cond_init(&feed->poke, &how);
    (void)pthread_condattr_destroy(&how);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, FEED_STACK_BYTES);
    int rc = pthread_create(&feed->thread, &attr, feed_thread, feed);
    (void)pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : STATUS_NO_MEMORY;
}

int feed_new(const struct feed_options *options, struct feed **out)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        return STATUS_NO_MEMORY;
    }
    feed->options = *options;
    const struct api_alerts *alerts = &options->api->alerts;
    feed->alerts = alerts->version ? alerts->version(alerts->ctx) : 0;
    int status = feed_start(feed);
    if (status != 0) {
        (void)pthread_cond_destroy(&feed->poke);
        (void)pthread_mutex_destroy(&feed->lock);
        free(feed);
        return status;
    }
    *out = feed;
    return 0;
}

void feed_halt(struct feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    feed->halted = true;
    if (feed->request) {
        __atomic_store_n(&feed->request->deadline_ms, 1, __ATOMIC_RELAXED);
    }
    for (struct feed_stream *stream = feed->streams; stream; stream = stream->next) {
        feed_wake(stream);
    }
    (void)pthread_cond_broadcast(&feed->poke);
    (void)pthread_mutex_unlock(&feed->lock);
}

void feed_free(struct feed *feed)
{
    if (!feed) {
        return;
    }
    feed_halt(feed);
    (void)pthread_join(feed->thread, NULL);
    (void)pthread_cond_destroy(&feed->poke);
    (void)pthread_mutex_destroy(&feed->lock);
    free(feed);
}

uint32_t feed_count(struct feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    uint32_t count = feed->count;
    (void)pthread_mutex_unlock(&feed->lock);
    return count;
}

bool feed_full(struct feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    bool full = feed->halted || feed->count >= feed->options.api->streams_max;
    (void)pthread_mutex_unlock(&feed->lock);
    return full;
}

/* The lock is held. Takes the key. */
static struct feed_channel *feed_channel(struct feed *feed, struct question *question, struct body *first,
                                         struct buf *key)
{
    struct feed_channel *channel = feed->channels;
    while (channel && !slice_equal(buf_slice(&channel->key), buf_slice(key))) {
        channel = channel->next;
    }
    if (channel) {
        channel->refs++;
        return channel;
    }
    channel = calloc(1, sizeof *channel);
    if (channel) {
        channel->refs = 1;
        channel->question = question_ref(question);
        channel->newest = body_ref(first);
        channel->figures = feed_figures(buf_slice(&first->plain));
        channel->version = 1;
        channel->key = *key;
        *key = BUF_INIT;
        channel->next = feed->channels;
        feed->channels = channel;
    }
    return channel;
}

static int feed_join(struct feed *feed, struct feed_stream *stream, struct question *question, struct body *first)
{
    struct buf key = BUF_INIT;
    question_key(question, &key);
    (void)pthread_mutex_lock(&feed->lock);
    bool full = feed->halted || feed->count >= feed->options.api->streams_max;
    stream->channel = full || key.failed ? NULL : feed_channel(feed, question, first, &key);
    if (stream->channel) {
        stream->alerts = feed->alerts;
        stream->next = feed->streams;
        if (feed->streams) {
            feed->streams->prev = stream;
        }
        feed->streams = stream;
        feed->count++;
        (void)pthread_cond_signal(&feed->poke);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    buf_deinit(&key);
    return full ? STATUS_BUSY : stream->channel ? 0 : STATUS_NO_MEMORY;
}

int feed_open(struct feed *feed, struct question *question, const struct access_token *token, struct body *first,
              const struct feed_line *line, struct feed_stream **out)
{
    struct feed_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        return STATUS_NO_MEMORY;
    }
    stream->feed = feed;
    stream->line = *line;
    stream->told_ms = clock_monotonic_ms();
    memcpy(stream->token, token->hash, sizeof stream->token);
    int status = feed_join(feed, stream, question, first);
    if (status != 0) {
        free(stream);
        return status;
    }
    (void)atomic_fetch_add(&feed->options.meter->streams, 1);
    *out = stream;
    return 0;
}

void feed_close(struct feed_stream *stream)
{
    struct feed *feed = stream->feed;
    (void)pthread_mutex_lock(&feed->lock);
    *(stream->prev ? &stream->prev->next : &feed->streams) = stream->next;
    if (stream->next) {
        stream->next->prev = stream->prev;
    }
    feed->count--;
    feed_let_go(feed, stream->channel);
    (void)pthread_mutex_unlock(&feed->lock);
    (void)atomic_fetch_sub(&feed->options.meter->streams, 1);
    body_unref(stream->body);
    free(stream);
}

bool feed_alive(struct feed *feed, int64_t monotonic_ms, int64_t longest_ms)
{
    int64_t since_ms = atomic_load(&feed->since_ms);
    return since_ms == 0 || monotonic_ms - since_ms <= longest_ms;
}
