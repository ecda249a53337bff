#include "batch_frame.pb-c.h"
#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

enum { DEFAULT_INTERVAL_S = 900, INTERVAL_S_MAX = 86400, EPOCH_START_BYTES = 4 };

/* The intervals of a batch, still packed. Each is unpacked into what the arena has left after the batch. */
struct packed_intervals {
    struct message_arena *arena;
    size_t used;
    const ProtobufCBinaryData *items;
    bool lost; /* one could not be read at all: where the ones behind it belong is not known */
};

static int batch_get(const Ringside__BatchFrame *from, struct message_batch *out)
{
    out->interval_s = from->interval_seconds == 0 ? DEFAULT_INTERVAL_S : from->interval_seconds;
    out->epoch_len = from->protocol == 1 ? sizeof out->epoch : EPOCH_START_BYTES;
    out->queue_count = from->n_queues;
    out->interval_count = from->n_intervals;
    bool bad = out->interval_s > INTERVAL_S_MAX || from->n_intervals > LIMITS_BATCH_INTERVALS_MAX ||
               message_text_get(from->site, &out->site) != 0 ||
               message_bytes_get(from->epoch, out->epoch, out->epoch_len) != 0 ||
               message_i64_get(from->base_start, &out->start) != 0 ||
               message_i64_get(from->base_revision, &out->revision) != 0;
    return bad ? STATUS_INVALID : 0;
}

static int intervals_new(struct message_arena *arena, const Ringside__BatchFrame *from, void **out)
{
    struct packed_intervals *intervals = message_arena_array(arena, 1, sizeof *intervals);
    if (!intervals) {
        return STATUS_RANGE;
    }
    intervals->arena = arena;
    intervals->items = from->intervals;
    intervals->used = arena->used;
    *out = intervals;
    return 0;
}

int message_batch_decode(struct message_arena *arena, struct slice bytes, struct message_batch *out)
{
    *out = (struct message_batch){0};
    message_arena_rewind(arena, 0);
    int status = message_peek_protocol(bytes, &out->protocol);
    Ringside__BatchFrame *packed = NULL;
    if (status == 0) {
        status = message_unpack(arena, &ringside__batch_frame__descriptor, bytes, &packed);
    }
    if (status == 0) {
        status = batch_get(packed, out);
    }
    if (status == 0) {
        status = message_queues_get(arena, packed->queues, packed->n_queues, &out->queues);
    }
    return status != 0 ? status : intervals_new(arena, packed, &out->intervals);
}

/* Where the interval belongs. Starts are stored as 32 bits of seconds. */
static int advance(struct message_batch *batch, const Ringside__Interval *packed)
{
    int64_t start_s = 0;
    if (__builtin_add_overflow(batch->start, packed->start, &batch->start) ||
        __builtin_add_overflow(batch->revision, packed->revision, &batch->revision) ||
        __builtin_mul_overflow(batch->start, (int64_t)batch->interval_s, &start_s)) {
        return STATUS_RANGE;
    }
    return start_s < 0 || start_s > UINT32_MAX || batch->revision < 0 ? STATUS_INVALID : 0;
}

int message_batch_next(struct message_batch *batch, struct message_interval *out)
{
    if (batch->at == batch->interval_count) {
        return MESSAGE_END;
    }
    struct packed_intervals *intervals = batch->intervals;
    const ProtobufCBinaryData *item = &intervals->items[batch->at++];
    message_arena_rewind(intervals->arena, intervals->used);
    Ringside__Interval *packed = NULL;
    int status = intervals->lost ? STATUS_INVALID
                                 : message_unpack(intervals->arena, &ringside__interval__descriptor,
                                                  slice_make((const char *)item->data, item->len), &packed);
    int place = status == 0 ? advance(batch, packed) : STATUS_RANGE;
    intervals->lost = place == STATUS_RANGE;
    bool placed = place == 0;
    out->queue = packed ? packed->queue : 0;
    out->start_s = placed ? batch->start * (int64_t)batch->interval_s : 0;
    out->revision = placed ? (uint64_t)batch->revision : 0;
    out->open = packed && packed->open;
    status = placed ? message_interval_get(packed, &out->sum) : STATUS_INVALID;
    if (status != 0) {
        summary_clear(&out->sum);
    }
    return status;
}
