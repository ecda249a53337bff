#include "platform/coap/stream.h"

#include <errno.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/coap/library.h"

enum {
    RECORD_MAX = 16384,      /* of TLS; a message shares its records with no other */
    OUT_MESSAGES = 4,        /* so many of the largest may wait for a peer */
    STUCK_FRAMES_MAX = 1024, /* so many may come from a peer that does not read */
    KEEP_BYTES = 4096        /* a buffer larger than this is given back when it is empty */
};

/* libcoap's own, and what it calls instead of them, under the names that the linker's --wrap gives them. */
ssize_t tls_write(coap_session_t *session, const uint8_t *data, size_t len) __asm__("__real_coap_tls_write");
ssize_t tls_read(coap_session_t *session, uint8_t *data, size_t len) __asm__("__real_coap_tls_read");
ssize_t instead_of_write(coap_session_t *session, const uint8_t *data, size_t len) __asm__("__wrap_coap_tls_write");
ssize_t instead_of_read(coap_session_t *session, uint8_t *data, size_t len) __asm__("__wrap_coap_tls_read");

void stream_init(struct stream *stream, coap_session_t *session, size_t message_max, struct stream **dirty_list)
{
    *stream = (struct stream){.session = session,
                              .in = {.message_max = message_max},
                              .out_max = OUT_MESSAGES * message_max,
                              .dirty_list = dirty_list};
}

void stream_deinit(struct stream *stream)
{
    for (struct stream **at = stream->dirty_list; stream->dirty && *at; at = &(*at)->dirty_next) {
        if (*at == stream) {
            *at = stream->dirty_next;
            break;
        }
    }
    stream->dirty = false;
    buf_deinit(&stream->out);
}

void stream_shut(struct stream *stream, enum stream_fault fault)
{
    if (stream->fault == STREAM_FINE) {
        stream->fault = fault;
    }
    stream->shut = true;
}

size_t stream_pending(const struct stream *stream)
{
    return stream->out.len - stream->sent;
}

static void mark_dirty(struct stream *stream)
{
    if (!stream->dirty) {
        stream->dirty = true;
        stream->dirty_next = *stream->dirty_list;
        *stream->dirty_list = stream;
    }
}

/* Whether `len` more may wait. A peer that has read all may be sent a message of any size. */
static bool make_room(struct stream *stream, size_t len)
{
    if (stream->shut) {
        return false;
    }
    if (stream_pending(stream) > 0 && stream_pending(stream) + len > stream->out_max) {
        stream_shut(stream, STREAM_UNREAD);
        mark_dirty(stream);
        return false;
    }
    return true;
}

static bool after_append(struct stream *stream)
{
    mark_dirty(stream);
    if (stream->out.failed) {
        stream_shut(stream, STREAM_NO_MEMORY);
    }
    return !stream->out.failed;
}

bool stream_put(struct stream *stream, const struct frame *frame)
{
    if (!make_room(stream, frame_bytes(frame))) {
        return false;
    }
    frame_put(&stream->out, frame);
    return after_append(stream);
}

/* How much to offer to TLS: no more than one record, no more than one message, and the same again when it was stuck. */
static size_t next_piece(struct stream *stream)
{
    if (stream->stuck > 0) {
        return stream->stuck;
    }
    if (stream->frame_left == 0) {
        size_t whole = frame_peek(stream->out.data + stream->sent, stream_pending(stream));
        stream->frame_left = whole > 0 && whole <= stream_pending(stream) ? whole : stream_pending(stream);
    }
    return stream->frame_left < RECORD_MAX ? stream->frame_left : RECORD_MAX;
}

static void drop_sent(struct stream *stream)
{
    if (stream_pending(stream) > 0) {
        if (stream->sent > stream->out.len / 2) {
            memmove(stream->out.data, stream->out.data + stream->sent, stream_pending(stream));
            stream->out.len -= stream->sent;
            stream->sent = 0;
        }
        return;
    }
    stream->sent = 0;
    buf_reset(&stream->out);
    if (stream->out.cap > KEEP_BYTES) {
        buf_deinit(&stream->out);
    }
}

int stream_flush(struct stream *stream)
{
    while (!stream->shut && stream_pending(stream) > 0) {
        size_t piece = next_piece(stream);
        ssize_t taken = tls_write(stream->session, stream->out.data + stream->sent, piece);
        if (taken < 0) {
            stream_shut(stream, STREAM_FINE);
        } else if (taken == 0) {
            stream->frames_at_stuck = stream->stuck > 0 ? stream->frames_at_stuck : stream->in.frames;
            stream->stuck = piece;
            break;
        } else {
            stream->stuck = 0;
            stream->sent += (size_t)taken;
            stream->frame_left -= (size_t)taken;
            stream->out_bytes += (size_t)taken;
        }
    }
    if (stream->shut) {
        return STATUS_IO;
    }
    drop_sent(stream);
    return stream_pending(stream) > 0 ? 1 : 0;
}

/* Follows the new bytes. Returns how many of them libcoap may see, or -1 when the session has to end. */
static ssize_t admit(struct stream *stream, const uint8_t *data, size_t len)
{
    size_t used;
    enum frame_fault fault = frame_follow(&stream->in, data, len, &used);
    if (fault != FRAME_FINE) {
        stream_shut(stream, fault == FRAME_OVERSIZED ? STREAM_OVERSIZED : STREAM_MALFORMED);
        return -1;
    }
    if (used < len || (stream->in.head_len == 0 && stream->in.left == 0 &&
                       (stream->in.code == FRAME_RELEASE || stream->in.code == FRAME_ABORT))) {
        stream_shut(stream, STREAM_RELEASED);
    } else if (stream->stuck > 0 && stream->in.frames - stream->frames_at_stuck > STUCK_FRAMES_MAX) {
        stream_shut(stream, STREAM_UNREAD);
        return -1;
    }
    return (ssize_t)used;
}

/* Of a head in two pieces libcoap 4.3.1 keeps the first byte and forgets the others of the first piece. */
static void remember_head(struct stream *stream)
{
#if LIBCOAP_VERSION == 4003001U
    if (stream->in.head_len > 1) {
        stream->again_len = (size_t)stream->in.head_len - 1;
        memcpy(stream->again, stream->in.head + 1, stream->again_len);
        stream->in.head_len = 1;
        stream->in_bytes -= stream->again_len;
    }
#else
    (void)stream;
#endif
}

__attribute__((used)) ssize_t instead_of_read(coap_session_t *session, uint8_t *data, size_t len)
{
    struct stream *stream = coap_session_get_app_data(session);
    if (!stream || stream->shut) {
        return -1;
    }
    library_forget(); /* what is warned of from here on is about this session */
    size_t again = stream->again_len;
    memcpy(data, stream->again, again);
    ssize_t got = tls_read(session, data + again, len - again);
    if (got <= 0 || stream->shut) {
        return stream->shut ? -1 : got;
    }
    stream->again_len = 0;
    size_t all = again + (size_t)got;
    got = admit(stream, data, all);
    if (got > 0) {
        stream->in_bytes += (size_t)got;
        remember_head(stream);
    }
    return got;
}

__attribute__((used)) ssize_t instead_of_write(coap_session_t *session, const uint8_t *data, size_t len)
{
    struct stream *stream = coap_session_get_app_data(session);
    if (stream && stream->shut) {
        /* It goes nowhere, and whoever shut the stream ends the session. A failure must not be told: while libcoap
         * makes a session it would free the TLS context, hand it out all the same, and free it again. */
        return (ssize_t)len;
    }
    if (!stream || !make_room(stream, len)) {
        return -1;
    }
    buf_append(&stream->out, data, len);
    return after_append(stream) ? (ssize_t)len : -1;
}
