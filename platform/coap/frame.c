#include "platform/coap/frame.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* RFC 8323 3.2: a length below 13 stands in the first byte, a greater one follows it less these. */
enum { LENGTH_8 = 13, LENGTH_16 = 269, LENGTH_32 = 65805 };

/* RFC 7252 3.1: the four bits for a delta or a length, and its further bytes. */
static uint8_t split_number(size_t number, uint8_t more[2], size_t *more_len)
{
    if (number < LENGTH_8) {
        *more_len = 0;
        return (uint8_t)number;
    }
    if (number < LENGTH_16) {
        more[0] = (uint8_t)(number - LENGTH_8);
        *more_len = 1;
        return 13;
    }
    number -= LENGTH_16;
    more[0] = (uint8_t)(number >> 8);
    more[1] = (uint8_t)number;
    *more_len = 2;
    return 14;
}

void frame_option(struct frame_options *options, uint16_t number, struct slice value)
{
    assert(number >= options->last && value.len < LENGTH_32);
    uint8_t delta_more[2];
    uint8_t len_more[2];
    size_t delta_more_len;
    size_t len_more_len;
    uint8_t delta = split_number((size_t)(number - options->last), delta_more, &delta_more_len);
    uint8_t len = split_number(value.len, len_more, &len_more_len);
    uint8_t head = (uint8_t)(delta << 4 | len);
    options->last = number;
    buf_append(&options->bytes, &head, 1);
    buf_append(&options->bytes, delta_more, delta_more_len);
    buf_append(&options->bytes, len_more, len_more_len);
    buf_append(&options->bytes, value.data, value.len);
}

void frame_option_uint(struct frame_options *options, uint16_t number, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    size_t zeros = 0;
    while (zeros < sizeof bytes && bytes[zeros] == 0) {
        zeros++;
    }
    frame_option(options, number, slice_make((const char *)bytes + zeros, sizeof bytes - zeros));
}

static size_t body_bytes(const struct frame *frame)
{
    return frame->options.len + (frame->payload.len > 0 ? 1 + frame->payload.len : 0);
}

static size_t length_bytes(size_t body)
{
    return body < LENGTH_8 ? 0 : body < LENGTH_16 ? 1 : body < LENGTH_32 ? 2 : 4;
}

size_t frame_bytes(const struct frame *frame)
{
    size_t body = body_bytes(frame);
    return 2 + length_bytes(body) + frame->token.len + body;
}

static void put_head(struct buf *out, size_t body, size_t token_len, uint8_t code)
{
    static const size_t base[] = {0, LENGTH_8, LENGTH_16, 0, LENGTH_32};
    static const uint8_t nibble[] = {0, 13, 14, 0, 15};
    uint8_t head[FRAME_HEAD_MAX];
    size_t extra = length_bytes(body);
    head[0] = (uint8_t)((extra == 0 ? body : nibble[extra]) << 4 | token_len);
    for (size_t i = 0; i < extra; i++) {
        head[1 + i] = (uint8_t)((body - base[extra]) >> (8 * (extra - 1 - i)));
    }
    head[1 + extra] = code;
    buf_append(out, head, 2 + extra);
}

void frame_put(struct buf *out, const struct frame *frame)
{
    static const uint8_t payload_follows = 0xFF;
    assert(frame->token.len <= FRAME_TOKEN_MAX);
    put_head(out, body_bytes(frame), frame->token.len, frame->code);
    buf_append(out, frame->token.data, frame->token.len);
    buf_append(out, frame->options.data, frame->options.len);
    if (frame->payload.len > 0) {
        buf_append(out, &payload_follows, 1);
        buf_append(out, frame->payload.data, frame->payload.len);
    }
}

static size_t head_bytes(uint8_t first)
{
    unsigned length = first >> 4;
    return length < 13 ? 2 : length == 13 ? 3 : length == 14 ? 4 : 6;
}

/* What follows a complete head: token, options and payload. */
static uint64_t rest_bytes(const uint8_t *head)
{
    uint64_t token = head[0] & 0xF;
    switch (head[0] >> 4) {
    case 13: return token + head[1] + LENGTH_8;
    case 14: return token + ((uint64_t)head[1] << 8 | head[2]) + LENGTH_16;
    case 15:
        return token + ((uint64_t)head[1] << 24 | (uint64_t)head[2] << 16 | (uint64_t)head[3] << 8 | head[4]) +
               LENGTH_32;
    default: return token + (head[0] >> 4);
    }
}

size_t frame_peek(const uint8_t *data, size_t len)
{
    return len == 0 || len < head_bytes(data[0]) ? 0 : head_bytes(data[0]) + (size_t)rest_bytes(data);
}

static enum frame_fault begin_body(struct frame_track *track)
{
    uint64_t rest = rest_bytes(track->head);
    if ((track->head[0] & 0xF) > FRAME_TOKEN_MAX) {
        return FRAME_MALFORMED;
    }
    if (rest + track->head_len > track->message_max) {
        return FRAME_OVERSIZED;
    }
    track->code = track->head[track->head_len - 1];
    track->left = (size_t)rest;
    track->head_len = 0;
    track->frames++;
    return FRAME_FINE;
}

static bool is_last(const struct frame_track *track)
{
    return track->frames > 0 && track->head_len == 0 && track->left == 0 &&
           (track->code == FRAME_RELEASE || track->code == FRAME_ABORT);
}

enum frame_fault frame_follow(struct frame_track *track, const uint8_t *data, size_t len, size_t *used)
{
    enum frame_fault fault = FRAME_FINE;
    size_t at = 0;
    while (at < len && fault == FRAME_FINE && !is_last(track)) {
        if (track->left > 0) {
            size_t step = track->left < len - at ? track->left : len - at;
            track->left -= step;
            at += step;
            continue;
        }
        track->head[track->head_len++] = data[at++];
        if (track->head_len == head_bytes(track->head[0])) {
            fault = begin_body(track);
        }
    }
    *used = at;
    return fault;
}
