/* The input is the bytes of an AMI connection behind one byte that says in which pieces they come. */
#include <stdbool.h>
#include <string.h>

#include "agent/source/ami_frame.h"
#include "platform/base/hash.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/rng.h"

/* What was heard, as one number. */
struct heard {
    uint64_t hash;
    uint64_t told;
};

static void mix(struct heard *heard, struct slice text, uint64_t kind)
{
    heard->hash = hash_bytes(text.data, text.len, heard->hash + kind);
}

static void check_text(struct slice text)
{
    FUZZ_CHECK(text.len <= AMI_LINE_MAX);
    FUZZ_CHECK(!memchr(text.data, '\n', text.len) && !memchr(text.data, 0, text.len));
}

static int on_banner(void *ctx, struct slice line)
{
    check_text(line);
    FUZZ_CHECK(line.len > 0 && line.len <= AMI_BANNER_MAX);
    mix(ctx, line, 1);
    return 0;
}

static int on_message(void *ctx, const struct ami_message *message)
{
    struct heard *heard = ctx;
    FUZZ_CHECK(message->count > 0 && message->count <= AMI_HEADERS_MAX);
    for (size_t i = 0; i < message->count; i++) {
        const struct ami_header *header = &message->headers[i];
        check_text(header->name);
        check_text(header->value);
        FUZZ_CHECK(header->name.len > 0 && !memchr(header->name.data, ':', header->name.len));
        mix(heard, header->name, 2);
        mix(heard, header->value, 3);
    }
    FUZZ_CHECK(slice_equal(message->event, ami_get(message, "event")));
    FUZZ_CHECK(slice_equal(message->response, ami_get(message, "RESPONSE")));
    heard->hash += (uint64_t)ami_number(message, "ListItems", -1);
    int64_t at_ms = ami_time_ms(message, 0);
    FUZZ_CHECK(at_ms == 0); /* all times from 2000 on are more than a day ahead of 1970 */
    heard->told++;
    return 0;
}

static bool on_wanted(void *ctx, struct slice event)
{
    (void)ctx;
    FUZZ_CHECK(event.len <= AMI_LINE_MAX && !memchr(event.data, '\n', event.len)); /* NULs are not looked for yet */
    return event.len % 4 != 3;
}

static struct heard hear(struct slice bytes, uint64_t seed, struct ami_frame_counters *counters)
{
    struct heard heard = {0};
    struct ami_frame_sink sink = {on_banner, on_message, on_wanted, &heard};
    struct ami_frame *frame = NULL;
    struct rng rng = {seed};
    FUZZ_CHECK(ami_frame_new(&frame) == 0);
    for (size_t at = 0; at < bytes.len;) {
        size_t left = bytes.len - at;
        size_t len = seed ? 1 + rng_below(&rng, seed % 64 + 1) : left;
        len = len < left ? len : left;
        char *piece = malloc(len); /* so that a read behind it is seen, and one of it later */
        FUZZ_CHECK(piece);
        memcpy(piece, bytes.data + at, len);
        FUZZ_CHECK(ami_frame_take(frame, slice_make(piece, len), &sink) == 0);
        free(piece);
        at += len;
    }
    *counters = *ami_frame_counters(frame);
    FUZZ_CHECK(heard.told <= counters->messages);
    ami_frame_free(frame);
    return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice bytes = slice_make((const char *)data + 1, size - 1);
    struct ami_frame_counters whole_counters;
    struct ami_frame_counters cut_counters;
    struct heard whole = hear(bytes, 0, &whole_counters);
    struct heard cut = hear(bytes, (uint64_t)data[0] + 1, &cut_counters);
    FUZZ_CHECK(whole.hash == cut.hash && whole.told == cut.told);
    FUZZ_CHECK(whole_counters.messages == cut_counters.messages && whole_counters.bad == cut_counters.bad);
    return 0;
}
