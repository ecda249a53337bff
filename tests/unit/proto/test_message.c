#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/base/utf8.h"
#include "platform/base/wire.h"
#include "proto/message.h"

static struct message_arena *arena_new(size_t limit)
{
    struct message_arena *arena = NULL;
    assert_int_equal(message_arena_new(limit, &arena), 0);
    return arena;
}

static struct message_hello good_hello(void)
{
    return (struct message_hello){.protocol = 2,
                                  .site = slice_str("berlin"),
                                  .agent_version = slice_str("0.1"),
                                  .zone = slice_str("UTC"),
                                  .interval_s = 900,
                                  .now_ms = 5};
}

static int decode_hello(const struct buf *bytes, struct message_hello *out)
{
    struct message_arena *arena = arena_new(4096);
    int status = message_hello_decode(arena, buf_slice(bytes), out);
    message_arena_free(arena);
    return status;
}

static int hello_status(const struct message_hello *hello)
{
    struct buf bytes = BUF_INIT;
    struct message_hello got;
    assert_int_equal(message_hello_encode(hello, &bytes), 0);
    int status = decode_hello(&bytes, &got);
    buf_deinit(&bytes);
    return status;
}

static void a_protocol_that_is_not_served_is_told(void **state)
{
    (void)state;
    static const uint32_t others[] = {0, 3, UINT32_MAX};
    struct message_hello hello = good_hello();
    assert_int_equal(hello_status(&hello), 0);
    hello.protocol = 1;
    assert_int_equal(hello_status(&hello), 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct buf bytes = BUF_INIT;
        struct message_hello got;
        hello.protocol = others[i];
        assert_int_equal(message_hello_encode(&hello, &bytes), 0);
        /* What follows may be anything that still is a message. */
        buf_append(&bytes, "\x12\x03\xff\xff\xff\x1a\x00", 7);
        assert_int_equal(decode_hello(&bytes, &got), STATUS_VERSION);
        assert_int_equal(got.protocol, others[i]);
        buf_deinit(&bytes);
    }
}

static void a_hello_that_no_agent_writes_is_refused(void **state)
{
    (void)state;
    struct message_hello hello = good_hello();
    hello.now_ms = -1;
    assert_int_equal(hello_status(&hello), STATUS_INVALID);
    hello = good_hello();
    hello.first_start_s = INT64_MIN;
    assert_int_equal(hello_status(&hello), STATUS_INVALID);

    static const char *const tails[] = {"\x1a\x03...",      "\x4a\x00", "\x12\x01\xff",
                                        "\x2a\x02\xc3\x28", "\x3f",     "\x12\x7f"};
    static const size_t lengths[] = {5, 2, 3, 4, 1, 2};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct buf bytes = BUF_INIT;
        struct message_hello got;
        hello = good_hello();
        assert_int_equal(message_hello_encode(&hello, &bytes), 0);
        buf_append(&bytes, tails[i], lengths[i]);
        assert_int_equal(decode_hello(&bytes, &got), STATUS_INVALID);
        buf_deinit(&bytes);
    }
}

static int decode_reply(const struct buf *bytes, struct message_hello_reply *out)
{
    struct message_arena *arena = NULL;
    assert_int_equal(message_arena_new(LIMITS_ARENA_BYTES, &arena), 0);
    int status = message_hello_reply_decode(arena, buf_slice(bytes), out);
    message_arena_free(arena);
    return status;
}

/* Eight bytes or none: then it does not tell. */
static void a_reply_tells_of_its_store_or_not(void **state)
{
    (void)state;
    struct message_hello_reply told = {
        .protocol = 2, .now_ms = 5, .has_store = true, .store = {0, 1, 2, 3, 4, 5, 6, 0}};
    struct message_hello_reply got;
    struct buf bytes = BUF_INIT;
    assert_int_equal(message_hello_reply_encode(&told, &bytes), 0);
    assert_int_equal(decode_reply(&bytes, &got), 0);
    assert_true(got.has_store);
    assert_memory_equal(got.store, told.store, sizeof told.store);
    told.has_store = false;
    for (size_t len = 0; len < 20; len++) {
        const char tail[2] = {'\x2a', (char)len};
        buf_reset(&bytes);
        assert_int_equal(message_hello_reply_encode(&told, &bytes), 0);
        buf_append(&bytes, tail, sizeof tail);
        buf_append(&bytes, "01234567890123456789", len);
        assert_int_equal(decode_reply(&bytes, &got), len == 0 || len == 8 ? 0 : STATUS_INVALID);
        assert_true(got.has_store == (len > 0));
    }
    buf_deinit(&bytes);
}

static void text_is_cut_and_repaired_by_its_writer(void **state)
{
    (void)state;
    char text[600];
    for (size_t i = 0; i < sizeof text; i += 3) { /* three bytes each: 255 is their end */
        text[i] = '\xe2';
        text[i + 1] = '\x82';
        text[i + 2] = '\xac';
    }
    struct message_hello hello = good_hello();
    hello.site = slice_make(text, sizeof text);
    hello.zone = slice_make("a\0b\xff", 4);
    hello.agent_version = slice_make(text + 1, 500);
    struct buf bytes = BUF_INIT;
    struct message_hello got;
    struct message_arena *arena = arena_new(4096);
    assert_int_equal(message_hello_encode(&hello, &bytes), 0);
    assert_int_equal(message_hello_decode(arena, buf_slice(&bytes), &got), 0);
    assert_true(slice_equal(got.site, slice_make(text, 255)));
    assert_true(slice_is(got.zone, "a?b?"));
    assert_true(utf8_valid(got.agent_version) && got.agent_version.len > 250);
    message_arena_free(arena);
    buf_deinit(&bytes);
}

static void memory_has_a_limit(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        buf_append(&bytes, "\x32\x00", 2); /* an idle queue in the live view */
    }
    struct message_live live;
    struct message_arena *small = arena_new(20000);
    struct message_arena *large = arena_new(LIMITS_ARENA_BYTES);
    assert_int_equal(message_live_decode(small, buf_slice(&bytes), &live), STATUS_RANGE);
    assert_int_equal(message_live_decode(large, buf_slice(&bytes), &live), 0);
    assert_int_equal(live.live_count, 1000);
    assert_int_equal(message_live_decode(small, slice_make("", 0), &live), 0); /* and is whole again */
    message_arena_free(small);
    message_arena_free(large);
    message_arena_free(NULL);
    buf_deinit(&bytes);
}

/* However little memory there is, the answer is one of three, and with enough it is the message. */
static void every_limit_is_survived(void **state)
{
    (void)state;
    const uint64_t quality[3] = {1, 2, 3};
    const struct message_queue queues[2] = {{.number = 1, .name = slice_str("a")},
                                            {.number = 2, .name = slice_str("b")}};
    const struct message_live_queue view[20] = {{.queue = 1}};
    const struct message_gap gaps[1] = {{1, 2, slice_str("why")}};
    const struct message_live_operator operators[5] = {{slice_str("Ana"), SHIFT_PAUSED, 3, 1, slice_str("lunch")}};
    const struct message_live live = {.now_ms = 9,
                                      .queues = queues,
                                      .queue_count = 2,
                                      .live = view,
                                      .live_count = 20,
                                      .quality = quality,
                                      .quality_count = 3,
                                      .gaps = gaps,
                                      .gap_count = 1,
                                      .operators = operators,
                                      .operator_count = 5,
                                      .live_gaps = gaps,
                                      .live_gap_count = 1};
    struct buf bytes = BUF_INIT;
    assert_int_equal(message_live_encode(&live, &bytes), 0);
    size_t enough = 0;
    for (size_t limit = 0; limit < 10000; limit += 16) {
        struct message_arena *arena = arena_new(limit);
        struct message_live got;
        int status = message_live_decode(arena, buf_slice(&bytes), &got);
        assert_true(status == 0 || (status == STATUS_RANGE && enough == 0));
        enough = status == 0 && enough == 0 ? limit : enough;
        message_arena_free(arena);
    }
    assert_true(enough > 1000);
    buf_deinit(&bytes);
}

static int live_status(const char *bytes, size_t len)
{
    struct message_live live;
    struct message_arena *arena = arena_new(65536);
    int status = message_live_decode(arena, slice_make(bytes, len), &live);
    message_arena_free(arena);
    return status;
}

static void a_live_view_that_no_agent_writes_is_refused(void **state)
{
    (void)state;
    assert_int_equal(live_status("", 0), 0);
    assert_int_equal(live_status("\x08\x05", 2), 0);
    assert_int_equal(live_status("\x08\x05\x5a\x02\x10\x08", 6), 0);              /* an operator that is unavailable */
    assert_int_equal(live_status("\x08\x05\x5a\x02\x10\x09", 6), STATUS_INVALID); /* a state that there is not */
    assert_int_equal(live_status("\x08\x05\x5a\x02\x18\x0c", 6), STATUS_INVALID); /* since 5 ms ago, at 5 */
    assert_int_equal(live_status("\x08\x05\x5a\x03\x0a\x01\xff", 7), STATUS_INVALID); /* a name that is no text */
    assert_int_equal(live_status("\x08\x05\x32\x06\x40\xff\xff\xff\xff\x0f", 10),
                     STATUS_INVALID); /* logged in: 2^32 - 2 */
    assert_int_equal(live_status("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), STATUS_INVALID); /* 2^64 - 1 ms */
    assert_int_equal(live_status("\x08\x05\x32\x02\x18\x0a", 6), 0);                      /* 4 ms ago, at 1 */
    assert_int_equal(live_status("\x08\x05\x32\x02\x18\x0c", 6), STATUS_INVALID);         /* 5 ms ago: at 0 */
    assert_int_equal(live_status("\x32\x06\x28\x80\x80\x80\x80\x08", 8), STATUS_INVALID); /* 2^31 operators */
    assert_int_equal(live_status("\x32\x06\x28\xff\xff\xff\xff\x07", 8), 0);
    assert_int_equal(live_status("\x42\x02\x08", 3), STATUS_INVALID);
    struct buf many = BUF_INIT;
    for (int i = 0; i <= LIMITS_GAPS_MAX; i++) {
        buf_append(&many, "\x42\x00", 2);
    }
    assert_int_equal(live_status((const char *)many.data, many.len), STATUS_INVALID);
    assert_int_equal(live_status((const char *)many.data, many.len - 2), 0);
    buf_reset(&many);
    for (int i = 0; i <= MESSAGE_QUALITY_MAX; i++) {
        buf_append(&many, "\x38\x01", 2); /* unpacked, as a decoder must take it too */
    }
    assert_int_equal(live_status((const char *)many.data, many.len), STATUS_INVALID);
    assert_int_equal(live_status((const char *)many.data, many.len - 2), 0);
    buf_deinit(&many);
}

static void an_unknown_outcome_is_refused(void **state)
{
    (void)state;
    struct message_batch_reply reply;
    struct message_arena *arena = arena_new(4096);
    assert_int_equal(message_batch_reply_decode(arena, slice_make("", 0), &reply), 0);
    assert_int_equal(reply.item_count, 0);
    assert_false(reply.names_missing);
    assert_int_equal(message_batch_reply_decode(arena, slice_make("\x0a\x02\x10\x03", 4), &reply), 0);
    assert_int_equal(reply.items[0].outcome, MESSAGE_REFUSED);
    assert_int_equal(message_batch_reply_decode(arena, slice_make("\x0a\x02\x10\x04", 4), &reply), STATUS_INVALID);
    message_arena_free(arena);
}

static void an_empty_reply_is_empty(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT;
    assert_int_equal(message_batch_reply_encode(&(struct message_batch_reply){0}, &bytes), 0);
    assert_int_equal(bytes.len, 0);
    buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_protocol_that_is_not_served_is_told),
        cmocka_unit_test(a_hello_that_no_agent_writes_is_refused),
        cmocka_unit_test(a_reply_tells_of_its_store_or_not),
        cmocka_unit_test(text_is_cut_and_repaired_by_its_writer),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(every_limit_is_survived),
        cmocka_unit_test(a_live_view_that_no_agent_writes_is_refused),
        cmocka_unit_test(an_unknown_outcome_is_refused),
        cmocka_unit_test(an_empty_reply_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
