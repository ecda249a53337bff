/* wire_board: the board of a day, as the manager interface would have told it: made from the day's queue_log, read
 * ahead, so that a phone rings before it is answered. Everybody whom the log names is logged in all day. */
#ifndef RINGSIDE_TESTS_BENCH_WIRE_BOARD_H
#define RINGSIDE_TESTS_BENCH_WIRE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/live/board.h"
#include "platform/base/slice.h"

struct wire_board;

/* Borrows the log. Ends the program when there is no memory. */
struct wire_board *wire_board_new(struct slice log);
void wire_board_free(struct wire_board *day);
struct board *wire_board(struct wire_board *day);

bool wire_board_until(struct wire_board *day, int64_t wall_ms); /* what happened until then; false: nothing did */

#endif
