/* watch_layout: the whole picture as a grid of cells, from what is known and what is looked at. Pure. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_LAYOUT_H
#define RINGSIDE_AGENT_CLI_WATCH_LAYOUT_H

#include <stdint.h>

#include "agent/cli/watch_grid.h"
#include "agent/cli/watch_model.h"
#include "agent/cli/watch_view.h"

enum watch_link {
    WATCH_LINK_CONNECTING, /* nothing came yet */
    WATCH_LINK_ANSWERS,
    WATCH_LINK_LOST /* no answer, or none that can be read; what is shown is the last one */
};

struct watch_picture {
    const struct watch_model *model; /* NULL: none yet */
    int64_t counted_ms;              /* how far waits have run on since the model came; stands when paused or lost */
    int64_t clock_ms;                /* how long ago the model came */
    int64_t silent_ms;               /* how long ago the agent gave its last sign of life */
    enum watch_link link;
    const char *trouble; /* one sentence when lost */
    const char *agent;   /* its URL */
};

/* Draws into the grid, which is blank; keeps view->top in bounds and notes view->page. */
void watch_layout(const struct watch_picture *picture, struct watch_view *view, struct watch_grid *grid);

#endif
