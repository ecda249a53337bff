/* watch_grid: a picture as cells, each a character and what it is. Nothing of a terminal is in it, so that a test can
 * look at it as text. Characters are as wide as the C library's wcwidth() says, which goes by the locale; without
 * UTF-8 everything beyond ASCII becomes "?". */
#ifndef RINGSIDE_AGENT_CLI_WATCH_GRID_H
#define RINGSIDE_AGENT_CLI_WATCH_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* What a cell is; how that looks is the terminal's matter. */
enum watch_role {
    WATCH_PLAIN,
    WATCH_FAINT,
    WATCH_STRONG,
    WATCH_HEAD, /* of a column or a part */
    WATCH_BAR,  /* first and last line */
    WATCH_GOOD,
    WATCH_WARN, /* never without a mark in the text */
    WATCH_BAD,
    WATCH_ROLE_COUNT
};

enum { WATCH_MARKS_MAX = 2 };

struct watch_cell {
    uint32_t code;                   /* 0: the right half of a wide character */
    uint32_t marks[WATCH_MARKS_MAX]; /* combining; 0: none */
    uint8_t role;
    bool selected;
};

struct watch_grid {
    size_t width;
    size_t height;
    bool utf8;
    struct watch_cell *cells;
};

enum watch_align { WATCH_LEFT, WATCH_RIGHT };

/* All blank. STATUS_NO_MEMORY. */
int watch_grid_init(struct watch_grid *grid, size_t width, size_t height, bool utf8);
void watch_grid_deinit(struct watch_grid *grid);

struct watch_cell *watch_grid_at(const struct watch_grid *grid, size_t x, size_t y);

/* How many columns the text takes. */
size_t watch_grid_width(const struct watch_grid *grid, struct slice text);

/* Writes into exactly `width` columns from x on, cut with "…" ("~" without UTF-8); what lies outside is left out. */
void watch_grid_put(struct watch_grid *grid, size_t x, size_t y, size_t width, struct slice text,
                    enum watch_align align, enum watch_role role);

/* The same from the left, as wide as it is but not beyond `end`; returns the column behind it. */
size_t watch_grid_say(struct watch_grid *grid, size_t x, size_t y, size_t end, const char *text, enum watch_role role);

void watch_grid_role(struct watch_grid *grid, size_t y, enum watch_role role); /* of a whole line */
void watch_grid_select(struct watch_grid *grid, size_t y);

/* Appends lines of text, blanks at their ends left out. */
void watch_grid_text(const struct watch_grid *grid, struct buf *out);

#endif
