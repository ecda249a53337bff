#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

enum { FIELD_QUEUES = 5, FIELD_LIVE = 6, FIELD_GAPS = 8 };

/* How long before `now` something was, plus one, so that 0 can say that it was not; what lies ahead stays negative. */
static int64_t age_put(int64_t now, int64_t then)
{
    int64_t age = 0;
    if (then <= 0 || __builtin_sub_overflow(now, then, &age)) {
        return 0;
    }
    return age < 0 ? age : age + (age < INT64_MAX);
}

static int age_get(int64_t now, int64_t age, int64_t *out)
{
    *out = 0;
    if (age == 0) {
        return 0;
    }
    if (__builtin_sub_overflow(now, age > 0 ? age - 1 : age, out) || *out <= 0) {
        *out = 0;
        return STATUS_INVALID;
    }
    return 0;
}

static uint32_t known_put(int32_t count)
{
    return count < 0 ? 0 : (uint32_t)count + 1;
}

static int known_get(uint32_t count, int32_t *out)
{
    *out = count > INT32_MAX ? -1 : (int32_t)count - 1;
    return count > INT32_MAX ? STATUS_INVALID : 0;
}

static int live_queue_pack(const struct message_live_queue *queue, int64_t now_ms, struct buf *out)
{
    Ringside__LiveQueue packed = RINGSIDE__LIVE_QUEUE__INIT;
    packed.queue = queue->queue;
    packed.waiting = queue->waiting;
    packed.oldest_wait = age_put(now_ms, queue->oldest_enter_ms);
    packed.talking = queue->talking;
    packed.ready = known_put(queue->ready);
    packed.paused = known_put(queue->paused);
    return message_pack_field(&packed.base, FIELD_LIVE, out);
}

static int gap_pack(const struct message_gap *gap, struct buf *out)
{
    struct message_text reason;
    Ringside__Gap packed = RINGSIDE__GAP__INIT;
    packed.from_ms = (uint64_t)gap->from_ms;
    packed.to_ms = (uint64_t)gap->to_ms;
    packed.reason = message_text_put(&reason, gap->reason);
    return message_pack_field(&packed.base, FIELD_GAPS, out);
}

static int lists_pack(const struct message_live *live, struct buf *out)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < live->queue_count; i++) {
        status = message_queue_pack(&live->queues[i], FIELD_QUEUES, out);
    }
    for (size_t i = 0; status == 0 && i < live->live_count; i++) {
        status = live_queue_pack(&live->live[i], live->now_ms, out);
    }
    for (size_t i = 0; status == 0 && i < live->gap_count; i++) {
        status = gap_pack(&live->gaps[i], out);
    }
    return status;
}

int message_live_encode(const struct message_live *live, struct buf *out)
{
    Ringside__Live packed = RINGSIDE__LIVE__INIT;
    packed.now_ms = (uint64_t)live->now_ms;
    packed.dirty = live->dirty;
    packed.oldest_dirty = age_put(live->now_ms / 1000, live->oldest_dirty_s);
    packed.lag_ms = live->lag_ms;
    packed.n_quality = live->quality_count;
    packed.quality = (uint64_t *)live->quality;
    packed.all = live->all;
    packed.refused = live->refused;
    int status = message_pack(&packed.base, out);
    return status != 0 ? status : lists_pack(live, out);
}

static int live_queues_get(struct message_arena *arena, const Ringside__Live *from, struct message_live *out)
{
    struct message_live_queue *queues = message_arena_array(arena, from->n_live, sizeof *queues);
    if (!queues) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < from->n_live; i++) {
        const Ringside__LiveQueue *packed = from->live[i];
        queues[i].queue = packed->queue;
        queues[i].waiting = packed->waiting;
        queues[i].talking = packed->talking;
        if (age_get(out->now_ms, packed->oldest_wait, &queues[i].oldest_enter_ms) != 0 ||
            known_get(packed->ready, &queues[i].ready) != 0 || known_get(packed->paused, &queues[i].paused) != 0) {
            return STATUS_INVALID;
        }
    }
    out->live = queues;
    out->live_count = from->n_live;
    return 0;
}

static int gaps_get(struct message_arena *arena, const Ringside__Live *from, struct message_live *out)
{
    if (from->n_gaps > LIMITS_GAPS_MAX) {
        return STATUS_INVALID;
    }
    struct message_gap *gaps = message_arena_array(arena, from->n_gaps, sizeof *gaps);
    if (!gaps) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < from->n_gaps; i++) {
        const Ringside__Gap *packed = from->gaps[i];
        if (message_i64_get(packed->from_ms, &gaps[i].from_ms) != 0 ||
            message_i64_get(packed->to_ms, &gaps[i].to_ms) != 0 ||
            message_text_get(packed->reason, &gaps[i].reason) != 0) {
            return STATUS_INVALID;
        }
    }
    out->gaps = gaps;
    out->gap_count = from->n_gaps;
    return 0;
}

static int live_get(const Ringside__Live *from, struct message_live *out)
{
    out->dirty = from->dirty;
    out->lag_ms = from->lag_ms;
    out->all = from->all;
    out->refused = from->refused;
    out->quality = from->quality;
    out->quality_count = from->n_quality;
    bool bad = from->n_live > LIMITS_QUEUES_MAX || from->n_quality > MESSAGE_QUALITY_MAX ||
               message_i64_get(from->now_ms, &out->now_ms) != 0 ||
               age_get(out->now_ms / 1000, from->oldest_dirty, &out->oldest_dirty_s) != 0;
    return bad ? STATUS_INVALID : 0;
}

int message_live_decode(struct message_arena *arena, struct slice bytes, struct message_live *out)
{
    *out = (struct message_live){0};
    message_arena_rewind(arena, 0);
    Ringside__Live *packed = NULL;
    int status = message_unpack(arena, &ringside__live__descriptor, bytes, &packed);
    if (status == 0) {
        status = live_get(packed, out);
    }
    if (status == 0) {
        status = message_queues_get(arena, packed->queues, packed->n_queues, &out->queues);
        out->queue_count = packed->n_queues;
    }
    if (status == 0) {
        status = live_queues_get(arena, packed, out);
    }
    return status != 0 ? status : gaps_get(arena, packed, out);
}
