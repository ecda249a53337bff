/* watch_columns: columns of a list within a width: which of them there is room for, and how wide each is. Pure. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_COLUMNS_H
#define RINGSIDE_AGENT_CLI_WATCH_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/cli/watch_grid.h"

struct watch_column {
    const char *title;
    size_t least;        /* columns it needs; 0: it is not there at all */
    size_t most;         /* columns it can use */
    unsigned importance; /* 0: always there; else the highest goes first when there is no room */
    enum watch_align align;
    size_t width; /* as found; 0: left out */
    size_t x;
};

/* Columns stand one blank apart, from x to the end of the width. */
void watch_columns_fit(struct watch_column *columns, size_t count, size_t x, size_t width);

void watch_columns_heads(const struct watch_column *columns, size_t count, struct watch_grid *grid, size_t y);

/* Writes one cell; nothing when its column was left out. */
void watch_columns_put(const struct watch_column *column, struct watch_grid *grid, size_t y, const char *text,
                       enum watch_role role);

#endif
