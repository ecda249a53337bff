#include <stdlib.h>

#include "agent/sync/sync_internal.h"
#include "platform/base/utf8.h"

/* Of a queue that is not named, for all that is known. */
static const struct sync_standing idle = {.held = -1, .logged_in = -1, .ready = -1, .paused = -1, .on_call = -1};

struct sync_queue *sync_queue_at(struct sync *sync, uint32_t number)
{
    if (number > LIMITS_QUEUES_MAX) {
        return NULL;
    }
    if (number >= sync->queue_count) {
        size_t count = sync->queue_count == 0 ? 16 : sync->queue_count;
        while (count <= number) {
            count *= 2;
        }
        struct sync_queue *queues = realloc(sync->queues, count * sizeof *queues);
        if (!queues) {
            return NULL;
        }
        for (size_t i = sync->queue_count; i < count; i++) {
            queues[i] = (struct sync_queue){.now = idle, .told = idle};
        }
        sync->queues = queues;
        sync->queue_count = count;
    }
    return &sync->queues[number];
}

void sync_forget_names(struct sync *sync)
{
    for (size_t i = 0; i < sync->queue_count; i++) {
        sync->queues[i].named = 0;
    }
}

void sync_forget_told(struct sync *sync)
{
    sync_forget_names(sync);
    for (size_t i = 0; i < sync->queue_count; i++) {
        sync->queues[i].live_named = false;
        sync->queues[i].told = idle;
    }
    sync_forget_people(sync);
    sync->live_first = true;
}

struct slice sync_cut(struct slice text, size_t max)
{
    size_t len = 0;
    while (len < text.len) {
        size_t used;
        (void)utf8_next(slice_make(text.data + len, text.len - len), &used, NULL);
        if (len + used > max) {
            break;
        }
        len += used;
    }
    return slice_make(text.data, len);
}

static uint32_t to_u32(int64_t value)
{
    return value < 0 ? 0 : value > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

struct message_queue sync_queue_message(const struct sync *sync, struct ledger_view *view, uint32_t number,
                                        struct queue_settings *settings)
{
    *settings = (struct queue_settings){.sl_method = MEASURES_DEFAULT_SL_METHOD,
                                        .sl_threshold_ms = MEASURES_DEFAULT_SL_THRESHOLD_MS,
                                        .short_abandon_ms = MEASURES_DEFAULT_SHORT_ABANDON_MS};
    (void)ledger_view_queue_settings(view, number, settings);
    struct slice name = ledger_view_name(view, LEDGER_QUEUE, number);
    if (name.len == 0) { /* its record is damaged: the writer made a name up */
        name = intern_name(ledger_names(sync->options.ledger, LEDGER_QUEUE), number);
    }
    return (struct message_queue){.number = number,
                                  .name = sync_cut(name, LIMITS_QUEUE_NAME_MAX),
                                  .label = slice_str(settings->label),
                                  .sl_method = settings->sl_method,
                                  .sl_threshold_ms = to_u32(settings->sl_threshold_ms),
                                  .short_abandon_ms = to_u32(settings->short_abandon_ms)};
}
