#include "agent/live/board_internal.h"

#include <string.h>

/* Joining five queues is one thing that an operator does, told in five messages. */
enum { TOGETHER_MS = 2000, LOOKED_BACK = 32 };

struct board_event *live_events_add(struct live_events *events, enum event_kind kind, int64_t at_ms)
{
    struct board_event *event = &events->items[events->added++ % BOARD_EVENTS];
    event->kind = kind;
    event->at_ms = at_ms;
    event->queue[0] = 0;
    event->operator_name[0] = 0;
    event->text[0] = 0;
    event->wait_ms = -1;
    event->talk_ms = -1;
    return event;
}

struct board_event *live_events_recent(struct live_events *events, enum event_kind kind, const char *operator_name,
                                       int64_t at_ms)
{
    for (uint64_t back = 1; back <= LOOKED_BACK && back <= events->added; back++) {
        struct board_event *event = &events->items[(events->added - back) % BOARD_EVENTS];
        if (event->kind == kind && event->at_ms >= at_ms - TOGETHER_MS &&
            strcmp(event->operator_name, operator_name) == 0) {
            return event;
        }
    }
    return NULL;
}
