#include "proto/shift.h"

#include "platform/base/status.h"
#include "proto/shift_internal.h"

/* The stored form. Varints; a time is whole seconds << 1, or milliseconds << 1 | 1.
 *
 *   version (u8, 1)
 *   mask of what follows: bit 0 the wrap-up that a reason told, bit 1 + n the state n; a time for each
 *   number of reasons; each: its id less that of the one before less 1 (the first: its id), the time paused
 *   number of queues; each: its id as above, a mask, and for each bit a time or a number: bit 0 logged in, left out
 *   where it is as long as all states together; bit 1 paused, left out where it is as long as the state; then talk,
 *   ring, answered, ended, hold, missed, transferred
 *
 * What is zero is left out. Example, 15 minutes: ready 600 s, ring 4.25 s, talk 235.75 s, paused 60 s with reason 1; in
 * queue 1 two calls answered and ended, paused for 60 s; in queue 2 no call and paused for 90 s; logged in to both:
 *
 *   01                       version
 *   4e                       ready, ring, talk, paused (bits 1, 2, 3, 6)
 *   b009 b542 cde31c 78      1200 = 600 s; 8501 = 4250 ms; 471501 = 235750 ms; 120 = 60 s
 *   01  01 78                one reason: id 1, 60 s
 *   02                       two queues
 *   01 3c cde31c b542 02 02  id 1: talk 235750 ms, ring 4250 ms, 2 answered, 2 ended
 *   00 02 b401               id 1 + 0 + 1 = 2: paused 90 s */
enum { FORMAT_VERSION = 1 };

enum {
    WRAP_BIT = 1,
    STATE_BITS = 1 + SHIFT_STATE_COUNT,
    LOGGED_IN_BIT = 1,
    PAUSED_BIT = 2,
    QUEUE_BITS = 2 + SHIFT_FIELD_COUNT
};

/* A sum of all states must fit. */
static const uint64_t TIME_MAX_MS = UINT64_C(1) << 56;

const char *const shift_state_names[SHIFT_STATE_COUNT + 1] = {
    [SHIFT_READY] = "ready", [SHIFT_RING] = "ring", [SHIFT_TALK] = "talk",
    [SHIFT_HOLD] = "hold",   [SHIFT_WRAP] = "wrap", [SHIFT_PAUSED] = "paused",
    [SHIFT_BUSY] = "busy",   [SHIFT_OFF] = "off",   [SHIFT_UNAVAILABLE] = "unavailable",
};

static void put_time(struct buf *out, uint64_t ms)
{
    wire_put_varint(out, ms % 1000 == 0 ? ms / 1000 << 1 : ms << 1 | 1);
}

static bool get_time(struct wire_reader *reader, uint64_t *ms)
{
    uint64_t packed = wire_get_varint_strict(reader, TIME_MAX_MS << 1);
    *ms = packed & 1 ? packed >> 1 : (packed >> 1) * 1000;
    bool canonical = (*ms % 1000 == 0) == ((packed & 1) == 0);
    return !reader->failed && canonical && *ms <= TIME_MAX_MS;
}

/* A time that is written is not zero. */
static bool get_some_time(struct wire_reader *reader, uint64_t *ms)
{
    return get_time(reader, ms) && *ms != 0;
}

static void put_states(const struct shift *shift, struct buf *out)
{
    uint64_t mask = shift->wrap_by_reason_ms != 0 ? WRAP_BIT : 0;
    for (unsigned i = 0; i < SHIFT_STATE_COUNT; i++) {
        mask |= (uint64_t)(shift->state_ms[i] != 0) << (1 + i);
    }
    wire_put_varint(out, mask);
    if (mask & WRAP_BIT) {
        put_time(out, shift->wrap_by_reason_ms);
    }
    for (unsigned i = 0; i < SHIFT_STATE_COUNT; i++) {
        if (shift->state_ms[i] != 0) {
            put_time(out, shift->state_ms[i]);
        }
    }
}

/* Ids go up: only how far beyond the next one is written. */
static void put_id(struct buf *out, uint32_t id, uint64_t *next)
{
    wire_put_varint(out, id - *next);
    *next = (uint64_t)id + 1;
}

/* Most are logged in to all their queues alike, and pause in all of them. */
static void put_queue(const struct shift_queue *queue, uint64_t all_ms, uint64_t paused_ms, struct buf *out)
{
    uint64_t mask =
        (queue->logged_in_ms != all_ms ? LOGGED_IN_BIT : 0) | (queue->paused_ms != paused_ms ? PAUSED_BIT : 0);
    for (unsigned i = 0; i < SHIFT_FIELD_COUNT; i++) {
        mask |= (uint64_t)(shift_field(queue, &shift_fields[i]) != 0) << (2 + i);
    }
    wire_put_varint(out, mask);
    if (mask & LOGGED_IN_BIT) {
        put_time(out, queue->logged_in_ms);
    }
    if (mask & PAUSED_BIT) {
        put_time(out, queue->paused_ms);
    }
    for (unsigned i = 0; i < SHIFT_FIELD_COUNT; i++) {
        uint64_t value = shift_field(queue, &shift_fields[i]);
        if (value != 0 && shift_fields[i].is_count) {
            wire_put_varint(out, value);
        } else if (value != 0) {
            put_time(out, value);
        }
    }
}

void shift_encode(const struct shift *shift, struct buf *out)
{
    uint64_t all_ms = shift_logged_in_ms(shift);
    uint64_t next = 0;
    wire_put_u8(out, FORMAT_VERSION);
    put_states(shift, out);
    wire_put_varint(out, shift_used_reasons(shift));
    for (size_t i = 0; i < shift->reason_count; i++) {
        if (shift->reasons[i].paused_ms != 0) {
            put_id(out, shift->reasons[i].reason, &next);
            put_time(out, shift->reasons[i].paused_ms);
        }
    }
    next = 0;
    wire_put_varint(out, shift_used_queues(shift));
    for (size_t i = 0; i < shift->queue_count; i++) {
        if (!shift_queue_is_zero(&shift->queues[i])) {
            put_id(out, shift->queues[i].queue, &next);
            put_queue(&shift->queues[i], all_ms, shift->state_ms[SHIFT_PAUSED], out);
        }
    }
}

static int get_mask(struct wire_reader *reader, unsigned bits, uint64_t *mask)
{
    *mask = wire_get_varint_strict(reader, UINT64_MAX);
    if (reader->failed) {
        return STATUS_INVALID;
    }
    return *mask >> bits ? STATUS_VERSION : 0; /* the lists only grow: an unknown bit is a later one */
}

static int get_states(struct shift *shift, struct wire_reader *reader)
{
    uint64_t mask;
    int status = get_mask(reader, STATE_BITS, &mask);
    if (status == 0 && (mask & WRAP_BIT) && !get_some_time(reader, &shift->wrap_by_reason_ms)) {
        status = STATUS_INVALID;
    }
    for (unsigned i = 0; i < SHIFT_STATE_COUNT && status == 0; i++) {
        if ((mask >> (1 + i) & 1) && !get_some_time(reader, &shift->state_ms[i])) {
            status = STATUS_INVALID;
        }
    }
    return status;
}

static bool get_id(struct wire_reader *reader, uint64_t *next, uint32_t *id)
{
    if (*next > UINT32_MAX) {
        return false;
    }
    *id = (uint32_t)(wire_get_varint_strict(reader, UINT32_MAX - *next) + *next);
    *next = (uint64_t)*id + 1;
    return !reader->failed;
}

static int get_reasons(struct shift *shift, struct wire_reader *reader)
{
    uint64_t count = wire_get_varint_strict(reader, wire_left(reader) / 2);
    uint64_t next = 0;
    int status = reader->failed ? STATUS_INVALID : 0;
    for (uint64_t i = 0; i < count && status == 0; i++) {
        uint32_t id;
        uint64_t ms;
        if (!get_id(reader, &next, &id) || !get_some_time(reader, &ms)) {
            return STATUS_INVALID;
        }
        status = shift_add_reason(shift, id, ms);
    }
    return status;
}

/* A time that is left out where it is as `implied_ms`. */
static bool get_other_time(struct wire_reader *reader, uint64_t implied_ms, bool is_there, uint64_t *ms)
{
    *ms = implied_ms;
    return !is_there || (get_time(reader, ms) && *ms != implied_ms);
}

static int get_queue(struct shift_queue *queue, uint64_t all_ms, uint64_t paused_ms, struct wire_reader *reader)
{
    uint64_t mask;
    int status = get_mask(reader, QUEUE_BITS, &mask);
    if (status == 0 && (!get_other_time(reader, all_ms, mask & LOGGED_IN_BIT, &queue->logged_in_ms) ||
                        !get_other_time(reader, paused_ms, mask & PAUSED_BIT, &queue->paused_ms))) {
        status = STATUS_INVALID;
    }
    for (unsigned i = 0; i < SHIFT_FIELD_COUNT && status == 0; i++) {
        uint64_t value = 0;
        if (mask >> (2 + i) & 1) {
            bool good = shift_fields[i].is_count ? (value = wire_get_varint_strict(reader, UINT32_MAX)) != 0
                                                 : get_some_time(reader, &value);
            status = good ? 0 : STATUS_INVALID;
            shift_set_field(queue, &shift_fields[i], value);
        }
    }
    return status == 0 && shift_queue_is_zero(queue) ? STATUS_INVALID : status;
}

static int get_queues(struct shift *shift, struct wire_reader *reader)
{
    uint64_t all_ms = shift_logged_in_ms(shift);
    uint64_t count = wire_get_varint_strict(reader, wire_left(reader) / 2);
    uint64_t next = 0;
    int status = reader->failed ? STATUS_INVALID : 0;
    for (uint64_t i = 0; i < count && status == 0; i++) {
        uint32_t id;
        if (!get_id(reader, &next, &id)) {
            return STATUS_INVALID;
        }
        struct shift_queue *queue = shift_queue(shift, id);
        if (!queue) {
            return STATUS_NO_MEMORY;
        }
        status = get_queue(queue, all_ms, shift->state_ms[SHIFT_PAUSED], reader);
    }
    return status;
}

static int get_shift(struct shift *shift, struct wire_reader *reader)
{
    uint8_t version = wire_get_u8(reader);
    if (reader->failed) {
        return STATUS_INVALID;
    }
    int status = version == FORMAT_VERSION ? get_states(shift, reader) : STATUS_VERSION;
    if (status == 0) {
        status = get_reasons(shift, reader);
    }
    return status == 0 ? get_queues(shift, reader) : status;
}

int shift_decode(struct shift *shift, struct wire_reader *reader)
{
    shift_clear(shift);
    int status = get_shift(shift, reader);
    if (status != 0) {
        shift_clear(shift);
        reader->failed = true;
    }
    return status;
}
