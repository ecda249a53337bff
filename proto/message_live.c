#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

enum { FIELD_QUEUES = 5, FIELD_LIVE = 6, FIELD_GAPS = 8, FIELD_OPERATORS = 11, FIELD_LIVE_GAPS = 15 };

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
    packed.held = known_put(queue->held);
    packed.logged_in = known_put(queue->logged_in);
    packed.on_call = known_put(queue->on_call);
    return message_pack_field(&packed.base, FIELD_LIVE, out);
}

/* The states in the order of storage, behind OFF. */
static Ringside__OperatorState state_put(enum shift_state state)
{
    return state == SHIFT_OFF ? RINGSIDE__OPERATOR_STATE__OFF : (Ringside__OperatorState)(state + 1);
}

static int state_get(Ringside__OperatorState state, enum shift_state *out)
{
    *out = SHIFT_OFF;
    if ((int)state < 0 || (int)state > SHIFT_STATE_COUNT) {
        return STATUS_INVALID;
    }
    *out = state == RINGSIDE__OPERATOR_STATE__OFF ? SHIFT_OFF : (enum shift_state)(state - 1);
    return 0;
}

static int operator_pack(const struct message_live_operator *who, int64_t now_ms, struct buf *out)
{
    struct message_text name;
    struct message_text reason;
    Ringside__LiveOperator packed = RINGSIDE__LIVE_OPERATOR__INIT;
    packed.name = message_text_put(&name, who->name);
    packed.state = state_put(who->state);
    packed.since = age_put(now_ms, who->since_ms);
    packed.queue = who->queue;
    packed.reason = message_text_put(&reason, who->reason);
    return message_pack_field(&packed.base, FIELD_OPERATORS, out);
}

static int gap_pack(const struct message_gap *gap, uint32_t number, struct buf *out)
{
    struct message_text reason;
    Ringside__Gap packed = RINGSIDE__GAP__INIT;
    packed.from_ms = (uint64_t)gap->from_ms;
    packed.to_ms = (uint64_t)gap->to_ms;
    packed.reason = message_text_put(&reason, gap->reason);
    return message_pack_field(&packed.base, number, out);
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
        status = gap_pack(&live->gaps[i], FIELD_GAPS, out);
    }
    for (size_t i = 0; status == 0 && i < live->operator_count; i++) {
        status = operator_pack(&live->operators[i], live->now_ms, out);
    }
    for (size_t i = 0; status == 0 && i < live->live_gap_count; i++) {
        status = gap_pack(&live->live_gaps[i], FIELD_LIVE_GAPS, out);
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
    packed.heartbeat_s = live->heartbeat_s;
    packed.operators_all = live->operators_all;
    packed.operators_unknown = live->operators_unknown;
    packed.operators_more = live->operators_more;
    int status = message_pack(&packed.base, out);
    return status != 0 ? status : lists_pack(live, out);
}

static int live_queue_get(const Ringside__LiveQueue *packed, int64_t now_ms, struct message_live_queue *out)
{
    out->queue = packed->queue;
    out->waiting = packed->waiting;
    out->talking = packed->talking;
    bool bad = age_get(now_ms, packed->oldest_wait, &out->oldest_enter_ms) != 0 ||
               known_get(packed->ready, &out->ready) != 0 || known_get(packed->paused, &out->paused) != 0 ||
               known_get(packed->held, &out->held) != 0 || known_get(packed->logged_in, &out->logged_in) != 0 ||
               known_get(packed->on_call, &out->on_call) != 0;
    return bad ? STATUS_INVALID : 0;
}

static int live_queues_get(struct message_arena *arena, const Ringside__Live *from, struct message_live *out)
{
    struct message_live_queue *queues = message_arena_array(arena, from->n_live, sizeof *queues);
    if (!queues) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < from->n_live; i++) {
        if (live_queue_get(from->live[i], out->now_ms, &queues[i]) != 0) {
            return STATUS_INVALID;
        }
    }
    out->live = queues;
    out->live_count = from->n_live;
    return 0;
}

static int operator_get(const Ringside__LiveOperator *packed, int64_t now_ms, struct message_live_operator *out)
{
    out->queue = packed->queue;
    bool bad = message_text_get(packed->name, &out->name) != 0 || message_text_get(packed->reason, &out->reason) != 0 ||
               state_get(packed->state, &out->state) != 0 || age_get(now_ms, packed->since, &out->since_ms) != 0;
    return bad ? STATUS_INVALID : 0;
}

static int operators_get(struct message_arena *arena, const Ringside__Live *from, struct message_live *out)
{
    struct message_live_operator *operators = message_arena_array(arena, from->n_operators, sizeof *operators);
    if (!operators) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < from->n_operators; i++) {
        if (operator_get(from->operators[i], out->now_ms, &operators[i]) != 0) {
            return STATUS_INVALID;
        }
    }
    out->operators = operators;
    out->operator_count = from->n_operators;
    return 0;
}

static int gaps_get(struct message_arena *arena, Ringside__Gap *const *from, size_t count,
                    const struct message_gap **out)
{
    if (count > LIMITS_GAPS_MAX) {
        return STATUS_INVALID;
    }
    struct message_gap *gaps = message_arena_array(arena, count, sizeof *gaps);
    if (!gaps) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < count; i++) {
        if (message_i64_get(from[i]->from_ms, &gaps[i].from_ms) != 0 ||
            message_i64_get(from[i]->to_ms, &gaps[i].to_ms) != 0 ||
            message_text_get(from[i]->reason, &gaps[i].reason) != 0) {
            return STATUS_INVALID;
        }
    }
    *out = gaps;
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
    out->heartbeat_s = from->heartbeat_s;
    out->operators_all = from->operators_all;
    out->operators_unknown = from->operators_unknown;
    out->operators_more = from->operators_more;
    out->gap_count = from->n_gaps;
    out->live_gap_count = from->n_live_gaps;
    bool bad = from->n_live > LIMITS_QUEUES_MAX || from->n_operators > LIMITS_OPERATORS_MAX ||
               from->n_quality > MESSAGE_QUALITY_MAX || message_i64_get(from->now_ms, &out->now_ms) != 0 ||
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
    if (status == 0) {
        status = operators_get(arena, packed, out);
    }
    if (status == 0) {
        status = gaps_get(arena, packed->gaps, packed->n_gaps, &out->gaps);
    }
    return status != 0 ? status : gaps_get(arena, packed->live_gaps, packed->n_live_gaps, &out->live_gaps);
}
