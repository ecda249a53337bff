/* frame: CoAP messages as they lie on a stream (RFC 8323 section 3.2): writing them, and following where one ends and
 * the next begins. Bytes only, no I/O. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_FRAME_H
#define RINGSIDE_PLATFORM_COAP_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum { FRAME_HEAD_MAX = 6, FRAME_TOKEN_MAX = 8 };
enum { FRAME_RELEASE = 7 << 5 | 4, FRAME_ABORT = 7 << 5 | 5 }; /* codes as they are sent: class << 5 | detail */

/* Options of one message, in the order of their numbers. */
struct frame_options {
    struct buf bytes;
    uint16_t last;
};

void frame_option(struct frame_options *options, uint16_t number, struct slice value);
void frame_option_uint(struct frame_options *options, uint16_t number, uint32_t value); /* RFC 7252 3.2: no zeros */

struct frame {
    uint8_t code;
    struct slice token; /* FRAME_TOKEN_MAX bytes at most */
    struct slice options;
    struct slice payload;
};

size_t frame_bytes(const struct frame *frame);
void frame_put(struct buf *out, const struct frame *frame); /* appends */

/* The whole length of the message that begins here; 0: its head is not complete. */
size_t frame_peek(const uint8_t *data, size_t len);

enum frame_fault {
    FRAME_FINE,
    FRAME_OVERSIZED, /* announces more than message_max */
    FRAME_MALFORMED  /* no CoAP: a token length that does not exist */
};

/* Follows a stream that comes in pieces. */
struct frame_track {
    size_t message_max; /* whole messages, head included */
    uint8_t head[FRAME_HEAD_MAX];
    uint8_t head_len; /* how much of the next head has been seen */
    uint8_t code;     /* of the message that came last or comes now */
    size_t left;      /* of the body that comes now */
    uint64_t frames;  /* begun so far */
};

/* Takes the piece up to its end, or to the end of a Release or Abort: nothing after it counts. *used says how far. */
enum frame_fault frame_follow(struct frame_track *track, const uint8_t *data, size_t len, size_t *used);

#endif
