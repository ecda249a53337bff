/* The first byte of the input says which of the small messages the rest is (hello, its reply, the live view, the reply
 * to a batch). What is read is written again, and what is read of that is written the same. */
#include <string.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"

/* Reads `bytes` and appends what was read. */
typedef int again_fn(struct message_arena *arena, struct slice bytes, struct buf *out);

#define AGAIN(name, type)                                                                                              \
    static int name(struct message_arena *arena, struct slice bytes, struct buf *out)                                  \
    {                                                                                                                  \
        struct message_##type message;                                                                                 \
        int status = message_##type##_decode(arena, bytes, &message);                                                  \
        return status != 0 ? status : message_##type##_encode(&message, out);                                          \
    }
AGAIN(hello_again, hello)
AGAIN(hello_reply_again, hello_reply)
AGAIN(live_again, live)
AGAIN(batch_reply_again, batch_reply)

static again_fn *const kinds[] = {hello_again, hello_reply_again, live_again, batch_reply_again};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] >= sizeof kinds / sizeof *kinds) {
        return 0;
    }
    again_fn *again = kinds[data[0]];
    struct message_arena *arena = NULL;
    struct message_arena *large = NULL;
    struct buf first = BUF_INIT;
    struct buf second = BUF_INIT;
    FUZZ_CHECK(message_arena_new(size % 2 ? 3000 : LIMITS_ARENA_BYTES, &arena) == 0);
    FUZZ_CHECK(message_arena_new(LIMITS_ARENA_BYTES, &large) == 0);
    int status = again(arena, slice_make((const char *)data + 1, size - 1), &first);
    FUZZ_CHECK(status == 0 || status == STATUS_INVALID || status == STATUS_VERSION || status == STATUS_RANGE);
    if (status == 0) {
        FUZZ_CHECK(again(large, buf_slice(&first), &second) == 0);
        FUZZ_CHECK(slice_equal(buf_slice(&first), buf_slice(&second)));
    }
    buf_deinit(&first);
    buf_deinit(&second);
    message_arena_free(arena);
    message_arena_free(large);
    return 0;
}
