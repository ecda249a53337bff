/* CoAP messages on a stream: what is written is what is followed, in whatever pieces it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "platform/coap/frame.h"

enum { MESSAGE_MAX = 128 * 1024 };

static void put(struct buf *out, uint8_t code, size_t payload_len)
{
    static char payload[MESSAGE_MAX];
    struct frame_options options = {0};
    frame_option(&options, 11, slice_str("echo"));
    frame_option_uint(&options, 12, 0);
    frame_option_uint(&options, 14, 300);
    const struct frame frame = {.code = code,
                                .token = slice_str("token123"),
                                .options = buf_slice(&options.bytes),
                                .payload = slice_make(payload, payload_len)};
    size_t before = out->len;
    frame_put(out, &frame);
    assert_int_equal(out->len - before, frame_bytes(&frame));
    assert_int_equal(frame_peek(out->data + before, out->len - before), frame_bytes(&frame));
    buf_deinit(&options.bytes);
}

static void test_bytes(void **state)
{
    static const uint8_t small[] = {0x98, 0x45, 't', 'o', 'k', 'e',  'n',  '1',  '2', '3',
                                    0xB4, 'e',  'c', 'h', 'o', 0x10, 0x22, 0x01, 0x2C};
    struct buf out = BUF_INIT;
    (void)state;
    put(&out, 0x45, 0);
    assert_int_equal(out.len, sizeof small);
    assert_memory_equal(out.data, small, sizeof small);
    buf_deinit(&out);
}

/* Around each size at which the head grows. */
static void test_lengths(void **state)
{
    static const size_t edges[] = {2, 3, 4, 258, 259, 260, 65794, 65795, 65796};
    struct buf out = BUF_INIT;
    struct frame_track track = {.message_max = MESSAGE_MAX};
    size_t used;
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        put(&out, 2, edges[i]);
    }
    assert_int_equal(frame_follow(&track, out.data, out.len, &used), FRAME_FINE);
    assert_int_equal(used, out.len);
    assert_int_equal(track.frames, sizeof edges / sizeof *edges);
    assert_int_equal(track.left, 0);
    assert_int_equal(track.head_len, 0);
    buf_deinit(&out);
}

/* Less than `end`, always the same sequence. */
static size_t some(size_t end)
{
    static uint32_t state = 1;
    state = state * 1664525U + 1013904223U;
    return (state >> 8) % end;
}

static void test_pieces(void **state)
{
    struct buf out = BUF_INIT;
    struct frame_track track = {.message_max = MESSAGE_MAX};
    size_t used;
    (void)state;
    for (int i = 0; i < 200; i++) {
        put(&out, 2, some(700));
    }
    for (size_t at = 0; at < out.len; at += used) {
        size_t piece = some(9) + 1;
        piece = piece < out.len - at ? piece : out.len - at;
        assert_int_equal(frame_follow(&track, out.data + at, piece, &used), FRAME_FINE);
        assert_int_equal(used, piece);
    }
    assert_int_equal(track.frames, 200);
    assert_int_equal(track.left, 0);
    buf_deinit(&out);
}

static void test_refused(void **state)
{
    static const uint8_t giant[] = {0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    static const uint8_t token[] = {0x09, 0x02};
    struct frame_track track = {.message_max = 1000};
    struct buf out = BUF_INIT;
    size_t used;
    (void)state;
    assert_int_equal(frame_follow(&track, giant, sizeof giant, &used), FRAME_OVERSIZED);
    track = (struct frame_track){.message_max = 1000};
    assert_int_equal(frame_follow(&track, token, sizeof token, &used), FRAME_MALFORMED);
    put(&out, 2, 900);
    size_t whole = out.len;
    track = (struct frame_track){.message_max = whole};
    assert_int_equal(frame_follow(&track, out.data, out.len, &used), FRAME_FINE);
    track = (struct frame_track){.message_max = whole - 1};
    assert_int_equal(frame_follow(&track, out.data, out.len, &used), FRAME_OVERSIZED);
    buf_deinit(&out);
}

static void test_nothing_after_release(void **state)
{
    static const uint8_t bytes[] = {0x00, 0xE2, 0x00, FRAME_RELEASE, 0x00, 0xE2};
    struct frame_track track = {.message_max = 1000};
    size_t used;
    (void)state;
    assert_int_equal(frame_follow(&track, bytes, sizeof bytes, &used), FRAME_FINE);
    assert_int_equal(used, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nothing_after_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
