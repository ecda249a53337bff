/* watch_draw: the terminal. Puts a grid on it with as few bytes as curses can, and takes keys. There is one terminal,
 * so there is one of this. It is given back as it was: at the end, and when the process dies of a fault. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_DRAW_H
#define RINGSIDE_AGENT_CLI_WATCH_DRAW_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/cli/watch_grid.h"

/* Takes the terminal of standard input and output over. STATUS_UNSUPPORTED: its type is unknown, or can do too
 * little. */
int watch_draw_start(bool colour);
void watch_draw_end(void); /* also when it was never started */

bool watch_draw_utf8(void); /* by the locale of the environment */
void watch_draw_size(size_t *width, size_t *height);
void watch_draw_show(const struct watch_grid *grid);

/* The next key, a character or one of enum watch_key, or one of these. */
enum { WATCH_DRAW_NO_KEY = -1, WATCH_DRAW_RESIZED = -2 };
int watch_draw_key(void);

#endif
