#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/shift_internal.h"

#define TIME_FIELD(name)                                                                                               \
    {                                                                                                                  \
        offsetof(struct shift_queue, name), false                                                                      \
    }
#define COUNT_FIELD(name)                                                                                              \
    {                                                                                                                  \
        offsetof(struct shift_queue, count) + (name) * sizeof(uint32_t), true                                          \
    }

const struct shift_field shift_fields[SHIFT_FIELD_COUNT] = {
    TIME_FIELD(talk_ms), TIME_FIELD(ring_ms),       COUNT_FIELD(SHIFT_ANSWERED),    COUNT_FIELD(SHIFT_ENDED),
    TIME_FIELD(hold_ms), COUNT_FIELD(SHIFT_MISSED), COUNT_FIELD(SHIFT_TRANSFERRED),
};

uint64_t shift_field(const struct shift_queue *queue, const struct shift_field *field)
{
    const char *at = (const char *)queue + field->offset;
    uint64_t time_ms;
    uint32_t count;
    if (field->is_count) {
        memcpy(&count, at, sizeof count);
        return count;
    }
    memcpy(&time_ms, at, sizeof time_ms);
    return time_ms;
}

void shift_set_field(struct shift_queue *queue, const struct shift_field *field, uint64_t value)
{
    char *at = (char *)queue + field->offset;
    uint32_t count = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    memcpy(at, field->is_count ? (const void *)&count : (const void *)&value,
           field->is_count ? sizeof count : sizeof value);
}

bool shift_queue_is_zero(const struct shift_queue *queue)
{
    uint64_t any = queue->logged_in_ms | queue->paused_ms;
    for (size_t i = 0; i < SHIFT_FIELD_COUNT; i++) {
        any |= shift_field(queue, &shift_fields[i]);
    }
    return any == 0;
}

void shift_deinit(struct shift *shift)
{
    free(shift->reasons);
    free(shift->queues);
    *shift = (struct shift){0};
}

void shift_clear(struct shift *shift)
{
    memset(shift->state_ms, 0, sizeof shift->state_ms);
    shift->wrap_by_reason_ms = 0;
    shift->reason_count = 0;
    shift->queue_count = 0;
}

uint64_t shift_logged_in_ms(const struct shift *shift)
{
    uint64_t sum_ms = 0;
    for (int i = 0; i < SHIFT_STATE_COUNT; i++) {
        sum_ms += shift->state_ms[i];
    }
    return sum_ms;
}

size_t shift_used_reasons(const struct shift *shift)
{
    size_t count = 0;
    for (size_t i = 0; i < shift->reason_count; i++) {
        count += shift->reasons[i].paused_ms != 0;
    }
    return count;
}

size_t shift_used_queues(const struct shift *shift)
{
    size_t count = 0;
    for (size_t i = 0; i < shift->queue_count; i++) {
        count += !shift_queue_is_zero(&shift->queues[i]);
    }
    return count;
}

bool shift_is_zero(const struct shift *shift)
{
    return (shift_logged_in_ms(shift) | shift->wrap_by_reason_ms) == 0 && shift_used_reasons(shift) == 0 &&
           shift_used_queues(shift) == 0;
}

static bool queue_equal(const struct shift_queue *a, const struct shift_queue *b)
{
    bool equal = a->queue == b->queue && a->logged_in_ms == b->logged_in_ms && a->paused_ms == b->paused_ms;
    for (size_t i = 0; i < SHIFT_FIELD_COUNT; i++) {
        equal = equal && shift_field(a, &shift_fields[i]) == shift_field(b, &shift_fields[i]);
    }
    return equal;
}

static bool reasons_equal(const struct shift *a, const struct shift *b)
{
    size_t i = 0;
    size_t k = 0;
    for (;; i++, k++) {
        while (i < a->reason_count && a->reasons[i].paused_ms == 0) {
            i++;
        }
        while (k < b->reason_count && b->reasons[k].paused_ms == 0) {
            k++;
        }
        if (i == a->reason_count || k == b->reason_count) {
            return i == a->reason_count && k == b->reason_count;
        }
        if (a->reasons[i].reason != b->reasons[k].reason || a->reasons[i].paused_ms != b->reasons[k].paused_ms) {
            return false;
        }
    }
}

static bool queues_equal(const struct shift *a, const struct shift *b)
{
    size_t i = 0;
    size_t k = 0;
    for (;; i++, k++) {
        while (i < a->queue_count && shift_queue_is_zero(&a->queues[i])) {
            i++;
        }
        while (k < b->queue_count && shift_queue_is_zero(&b->queues[k])) {
            k++;
        }
        if (i == a->queue_count || k == b->queue_count) {
            return i == a->queue_count && k == b->queue_count;
        }
        if (!queue_equal(&a->queues[i], &b->queues[k])) {
            return false;
        }
    }
}

bool shift_equal(const struct shift *a, const struct shift *b)
{
    return memcmp(a->state_ms, b->state_ms, sizeof a->state_ms) == 0 && a->wrap_by_reason_ms == b->wrap_by_reason_ms &&
           reasons_equal(a, b) && queues_equal(a, b);
}

bool shift_occupancy(const struct shift *shift, double *out)
{
    uint64_t at_work_ms = shift->state_ms[SHIFT_TALK] + shift->state_ms[SHIFT_HOLD] + shift->state_ms[SHIFT_WRAP];
    uint64_t all_ms = at_work_ms + shift->state_ms[SHIFT_RING] + shift->state_ms[SHIFT_READY];
    if (all_ms == 0) {
        return false;
    }
    *out = (double)at_work_ms / (double)all_ms;
    return true;
}

int shift_add_state(struct shift *shift, enum shift_state state, uint64_t ms)
{
    if ((unsigned)state < SHIFT_STATE_COUNT) {
        shift->state_ms[state] += ms;
    }
    return 0;
}

/* Room for one more: the array has room for the next power of two, so that no capacity need be kept. */
static void *room_for_one(void *array, size_t count, size_t item_bytes)
{
    if ((count & (count - 1)) != 0) {
        return array;
    }
    return realloc(array, (count == 0 ? 1 : count * 2) * item_bytes);
}

int shift_add_reason(struct shift *shift, uint32_t reason, uint64_t ms)
{
    size_t at = shift->reason_count;
    while (at > 0 && shift->reasons[at - 1].reason >= reason) {
        at--;
    }
    if (at == shift->reason_count || shift->reasons[at].reason != reason) {
        struct shift_reason *reasons = room_for_one(shift->reasons, shift->reason_count, sizeof *reasons);
        if (!reasons) {
            return STATUS_NO_MEMORY;
        }
        memmove(reasons + at + 1, reasons + at, (shift->reason_count - at) * sizeof *reasons);
        reasons[at] = (struct shift_reason){.reason = reason};
        shift->reasons = reasons;
        shift->reason_count++;
    }
    shift->reasons[at].paused_ms += ms;
    return 0;
}

static size_t queue_place(const struct shift *shift, uint32_t queue)
{
    size_t low = 0;
    size_t high = shift->queue_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (shift->queues[mid].queue < queue) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

struct shift_queue *shift_queue(struct shift *shift, uint32_t queue)
{
    size_t at = queue_place(shift, queue);
    if (at < shift->queue_count && shift->queues[at].queue == queue) {
        return &shift->queues[at];
    }
    struct shift_queue *queues = room_for_one(shift->queues, shift->queue_count, sizeof *queues);
    if (!queues) {
        return NULL;
    }
    memmove(queues + at + 1, queues + at, (shift->queue_count - at) * sizeof *queues);
    queues[at] = (struct shift_queue){.queue = queue};
    shift->queues = queues;
    shift->queue_count++;
    return &queues[at];
}

static int merge_queue(struct shift *into, const struct shift_queue *from)
{
    struct shift_queue *queue = shift_queue(into, from->queue);
    if (!queue) {
        return STATUS_NO_MEMORY;
    }
    queue->logged_in_ms += from->logged_in_ms;
    queue->paused_ms += from->paused_ms;
    for (size_t i = 0; i < SHIFT_FIELD_COUNT; i++) {
        shift_set_field(queue, &shift_fields[i],
                        shift_field(queue, &shift_fields[i]) + shift_field(from, &shift_fields[i]));
    }
    return 0;
}

int shift_merge(struct shift *into, const struct shift *from)
{
    int status = 0;
    for (int i = 0; i < SHIFT_STATE_COUNT; i++) {
        into->state_ms[i] += from->state_ms[i];
    }
    into->wrap_by_reason_ms += from->wrap_by_reason_ms;
    for (size_t i = 0; i < from->reason_count && status == 0; i++) {
        status = shift_add_reason(into, from->reasons[i].reason, from->reasons[i].paused_ms);
    }
    for (size_t i = 0; i < from->queue_count && status == 0; i++) {
        status = merge_queue(into, &from->queues[i]);
    }
    return status;
}
