/* The first byte says how the rest, a stream of CoAP messages, is cut into pieces. Cut or whole, the same is seen, and
 * never more than was announced. */
#include "platform/coap/frame.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_MAX = 65536 };

struct seen {
    enum frame_fault fault;
    size_t used;
    uint64_t frames;
    size_t left;
};

static struct seen follow(const uint8_t *data, size_t len, size_t piece)
{
    struct frame_track track = {.message_max = MESSAGE_MAX};
    struct seen seen = {FRAME_FINE, 0, 0, 0};
    while (seen.fault == FRAME_FINE && seen.used < len) {
        size_t want = len - seen.used < piece ? len - seen.used : piece;
        size_t used = 0;
        seen.fault = frame_follow(&track, data + seen.used, want, &used);
        FUZZ_CHECK(used <= want);
        FUZZ_CHECK(track.head_len <= FRAME_HEAD_MAX && track.left <= MESSAGE_MAX);
        seen.used += used;
        if (used < want) {
            break; /* the end of all */
        }
    }
    seen.frames = track.frames;
    seen.left = track.left;
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t piece = (size_t)data[0] % 17 + 1;
    const uint8_t *stream = data + 1;
    size_t len = size - 1;
    struct seen whole = follow(stream, len, len);
    struct seen cut = follow(stream, len, piece);
    FUZZ_CHECK(whole.fault == cut.fault);
    FUZZ_CHECK(whole.frames == cut.frames);
    FUZZ_CHECK(whole.fault != FRAME_FINE || (whole.used == cut.used && whole.left == cut.left));
    size_t first = frame_peek(stream, len);
    FUZZ_CHECK(first == 0 || first >= 2);
    return 0;
}
