/* watch_view: what of the picture is looked at: screen, selection, order. Changed by keys. Pure. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_VIEW_H
#define RINGSIDE_AGENT_CLI_WATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/cli/watch_model.h"

enum watch_screen {
    WATCH_QUEUES,
    WATCH_QUEUE, /* the selected one in detail */
    WATCH_OPERATORS,
    WATCH_EVENTS,
    WATCH_HELP
};

enum watch_sort { WATCH_BY_NAME, WATCH_BY_WAITING, WATCH_BY_LONGEST, WATCH_BY_SERVICE_LEVEL, WATCH_SORT_COUNT };

/* Keys that are no character. */
enum watch_key {
    WATCH_KEY_UP = 0x110000,
    WATCH_KEY_DOWN,
    WATCH_KEY_PAGE_UP,
    WATCH_KEY_PAGE_DOWN,
    WATCH_KEY_HOME,
    WATCH_KEY_END,
    WATCH_KEY_ENTER,
    WATCH_KEY_BACK
};

struct watch_view {
    enum watch_screen screen;
    enum watch_screen before_help;
    enum watch_sort sort;
    bool reverse;
    bool paused;
    char *selected; /* queue, by its name, so that it stays when the order changes; NULL: the first */
    size_t top;     /* first row shown; the layout keeps it in bounds */
    size_t page;    /* rows that fit, as the layout found */
};

void watch_view_deinit(struct watch_view *view);

/* False when the user wants to leave. `model` may be NULL. */
bool watch_view_key(struct watch_view *view, const struct watch_model *model, int key);

/* The model's queues in the order of the view: indices, as many as there are queues. */
void watch_view_order(const struct watch_view *view, const struct watch_model *model, size_t *out);

/* Where in `order` the selected queue is; the first when it is gone. */
size_t watch_view_selected(const struct watch_view *view, const struct watch_model *model, const size_t *order);

const char *watch_view_sort_name(enum watch_sort sort);

#endif
