#include <stdio.h>
#include <string.h>

#include "collector/api/feed_internal.h"
#include "platform/time/clock.h"

static void feed_say(struct feed_stream *stream, const char *event, const char *data, const char *end)
{
    int len = snprintf(stream->head, sizeof stream->head, "%sevent: %s\nid: %llu\ndata: %s%s",
                       stream->id == 0 ? "retry: 3000\n" : "", event, (unsigned long long)stream->id + 1, data, end);
    stream->id++;
    stream->head_len = len > 0 && (size_t)len < sizeof stream->head ? (size_t)len : 0;
}

static void feed_say_hello(struct feed_stream *stream)
{
    char data[160];
    (void)snprintf(data, sizeof data, "{\"instance\":\"%s\",\"version\":\"%s\"}", stream->feed->options.instance,
                   RINGSIDE_VERSION);
    stream->hello = true;
    feed_say(stream, "hello", data, "\n\n");
}

static void feed_say_live(struct feed_stream *stream)
{
    stream->version = stream->channel->version;
    stream->body = body_ref(stream->channel->newest);
    feed_say(stream, "live", "", "");
}

/* The lock is held. False: nothing to tell, or never again. */
static bool feed_next(struct feed_stream *stream)
{
    struct feed *feed = stream->feed;
    body_unref(stream->body);
    stream->body = NULL;
    stream->head_len = 0;
    stream->at = 0;
    if (stream->over || stream->bye) {
        stream->over = true;
        return false;
    }
    if (feed->halted) {
        stream->bye = true;
        feed_say(stream, "bye", "{}", "\n\n");
    } else if (!stream->hello) {
        feed_say_hello(stream);
    } else if (stream->alerts != feed->alerts) {
        stream->alerts = feed->alerts;
        feed_say(stream, "alerts", feed->alerts_text, "\n\n");
    } else if (stream->version != stream->channel->version) {
        feed_say_live(stream);
    } else if (stream->beat) {
        stream->head_len = (size_t)snprintf(stream->head, sizeof stream->head, ": \n\n");
    } else {
        return false;
    }
    stream->beat = false;
    stream->told_ms = clock_monotonic_ms();
    return true;
}

static size_t feed_copy(struct feed_stream *stream, struct slice piece, size_t begins, char *at, size_t room)
{
    size_t from = stream->at - begins;
    if (stream->at < begins || from >= piece.len) {
        return 0;
    }
    size_t len = piece.len - from < room ? piece.len - from : room;
    memcpy(at, piece.data + from, len);
    stream->at += len;
    return len;
}

static size_t feed_take(struct feed_stream *stream, char *at, size_t room)
{
    size_t len = feed_copy(stream, slice_make(stream->head, stream->head_len), 0, at, room);
    if (stream->body) {
        struct slice body = buf_slice(&stream->body->plain);
        len += feed_copy(stream, body, stream->head_len, at + len, room - len);
        len += feed_copy(stream, slice_str("\n\n"), stream->head_len + body.len, at + len, room - len);
    }
    return len;
}

int64_t feed_read(struct feed_stream *stream, char *at, size_t room)
{
    struct feed *feed = stream->feed;
    size_t len = feed_take(stream, at, room);
    if (len > 0) {
        return (int64_t)len;
    }
    (void)pthread_mutex_lock(&feed->lock);
    bool more = feed_next(stream);
    bool over = stream->over;
    if (!more && !over) {
        stream->resting = true;
        stream->line.rest(stream->line.ctx);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    if (over) {
        return FEED_END;
    }
    return more ? (int64_t)feed_take(stream, at, room) : 0;
}
