/* stream: what lies between libcoap's messages and its TLS, one for each TLS session, found by the session's app data,
 * which points to it.
 *
 * libcoap 4.3.1 cannot send a message that does not fit one TLS record: it goes on at the wrong place (it subtracts
 * what was written from the address, where it should add), and nothing makes it go on at all while the socket is
 * writable. It forgets bytes of a head that comes in two pieces, and it connects to the peer again to answer a Ping
 * that follows a Release. So its two ways to TLS, coap_tls_read() and coap_tls_write(), lead through here (by --wrap of
 * the linker): all that goes out is gathered in one bounded buffer and written by stream_flush(), outside of libcoap's
 * callbacks; what comes in is followed message by message before libcoap takes memory for it. */
#ifndef RINGSIDE_PLATFORM_COAP_STREAM_H
#define RINGSIDE_PLATFORM_COAP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/coap/frame.h"
#include "platform/coap/library_internal.h"

enum stream_fault {
    STREAM_FINE,
    STREAM_OVERSIZED, /* a message larger than message_max was announced */
    STREAM_MALFORMED, /* no CoAP */
    STREAM_UNREAD,    /* the peer does not read what it is sent, or asks for too much at once */
    STREAM_RELEASED,  /* the peer said goodbye (RFC 8323 5.5, 5.6) */
    STREAM_NO_MEMORY
};

struct stream {
    coap_session_t *session; /* borrowed; NULL: none yet */
    struct buf out;
    size_t sent;  /* bytes of `out` that TLS has taken */
    size_t stuck; /* how much TLS was offered when the socket was full: it wants the same again */
    size_t frame_left;
    struct frame_track in;
    uint8_t again[FRAME_HEAD_MAX]; /* bytes of a head that libcoap forgets, to be given once more */
    size_t again_len;
    size_t out_max;
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t frames_at_stuck;
    enum stream_fault fault;
    bool shut; /* nothing goes in or out any more */
    bool dirty;
    struct stream *dirty_next;
    struct stream **dirty_list; /* of the owner: streams with something to write */
};

void stream_init(struct stream *stream, coap_session_t *session, size_t message_max, struct stream **dirty_list);
void stream_deinit(struct stream *stream); /* leaves the list */

bool stream_put(struct stream *stream, const struct frame *frame); /* false: shut, or too much is waiting already */
size_t stream_pending(const struct stream *stream);

/* Writes what the socket takes. 0: all of it; 1: the rest has to wait; STATUS_IO: the connection is gone or has to go.
 * Not from libcoap's callbacks. */
int stream_flush(struct stream *stream);
void stream_shut(struct stream *stream, enum stream_fault fault); /* the first fault stays */

#endif
