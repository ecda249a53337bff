#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

int message_queue_pack(const struct message_queue *queue, uint32_t number, struct buf *out)
{
    struct message_text name;
    struct message_text label;
    Ringside__Queue packed = RINGSIDE__QUEUE__INIT;
    packed.number = queue->number;
    packed.name = message_text_put(&name, queue->name);
    packed.label = message_text_put(&label, queue->label);
    packed.sl_method = queue->sl_method;
    packed.sl_threshold_ms = queue->sl_threshold_ms;
    packed.short_abandon_ms = queue->short_abandon_ms;
    return message_pack_field(&packed.base, number, out);
}

static int queue_get(const Ringside__Queue *from, struct message_queue *out)
{
    out->number = from->number;
    out->sl_method = from->sl_method;
    out->sl_threshold_ms = from->sl_threshold_ms;
    out->short_abandon_ms = from->short_abandon_ms;
    int status = message_text_get(from->name, &out->name);
    return status != 0 ? status : message_text_get(from->label, &out->label);
}

int message_queues_get(struct message_arena *arena, struct Ringside__Queue *const *items, size_t count,
                       const struct message_queue **out)
{
    if (count > LIMITS_QUEUES_MAX) {
        return STATUS_INVALID;
    }
    struct message_queue *queues = message_arena_array(arena, count, sizeof *queues);
    if (!queues) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < count; i++) {
        int status = queue_get(items[i], &queues[i]);
        if (status != 0) {
            return status;
        }
    }
    *out = queues;
    return 0;
}
