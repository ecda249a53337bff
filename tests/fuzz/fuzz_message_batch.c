/* The input is one batch. What is read of it is written again, and read the same. */
#include <string.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"

static void check_same(const struct message_interval *a, const struct message_interval *b)
{
    FUZZ_CHECK(a->queue == b->queue && a->start_s == b->start_s && a->revision == b->revision && a->open == b->open);
    FUZZ_CHECK(summary_equal(&a->sum, &b->sum));
}

/* A batch of this interval alone. */
static void check_again(const struct message_batch *batch, const struct message_interval *interval)
{
    struct message_batch_head head = {
        .protocol = batch->protocol, .site = batch->site, .interval_s = batch->interval_s};
    struct message_batch_writer *writer = NULL;
    struct message_arena *arena = NULL;
    struct buf bytes = BUF_INIT;
    struct message_batch again;
    struct message_interval got = {0};
    memcpy(head.epoch, batch->epoch, batch->epoch_len);
    FUZZ_CHECK(message_batch_writer_new(&writer) == 0 && message_arena_new(LIMITS_ARENA_BYTES, &arena) == 0);
    message_batch_begin(writer, &head);
    FUZZ_CHECK(message_batch_add(writer, interval, SIZE_MAX) == 0);
    FUZZ_CHECK(message_batch_end(writer, &bytes) == 0);
    FUZZ_CHECK(message_batch_decode(arena, buf_slice(&bytes), &again) == 0 && again.interval_count == 1);
    FUZZ_CHECK(message_batch_next(&again, &got) == 0);
    check_same(&got, interval);
    summary_deinit(&got.sum);
    buf_deinit(&bytes);
    message_arena_free(arena);
    message_batch_writer_free(writer);
}

static void check_intervals(struct message_batch *batch)
{
    struct message_interval interval = {0};
    size_t count = 0;
    int status;
    for (; (status = message_batch_next(batch, &interval)) != MESSAGE_END; count++) {
        FUZZ_CHECK(status == 0 || status == STATUS_INVALID);
        if (status != 0) {
            FUZZ_CHECK(summary_is_zero(&interval.sum));
        } else if (count < 16) {
            check_again(batch, &interval);
        }
    }
    FUZZ_CHECK(count == batch->interval_count && count <= LIMITS_BATCH_INTERVALS_MAX);
    summary_deinit(&interval.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Little memory as well as enough, so that running out of it happens anywhere. */
    struct message_arena *arena = NULL;
    FUZZ_CHECK(message_arena_new(size % 2 ? 3000 : LIMITS_ARENA_BYTES, &arena) == 0);
    struct message_batch batch;
    int status = message_batch_decode(arena, slice_make((const char *)data, size), &batch);
    FUZZ_CHECK(status == 0 || status == STATUS_INVALID || status == STATUS_VERSION || status == STATUS_RANGE);
    if (status == 0) {
        check_intervals(&batch);
    }
    message_arena_free(arena);
    return 0;
}
