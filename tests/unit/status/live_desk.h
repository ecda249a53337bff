/* live_desk: the desk with a live source: three callers, four operators, and what they did last.
 *
 * sales: +34600000001 waits since 12:33:26 (90 s), 1.2 rings at Ana since a moment and waits since 12:34:26 (30 s);
 * support: 1.3 talks to Bo since 12:30:56 (4 min), on hold for 6 s, waited 20 s. Ana READY->RING, Bo HOLD, Cy paused
 * for lunch in both queues for 10 min, Di ready in a queue "new" that no commit has told of. */
#ifndef RINGSIDE_TESTS_UNIT_STATUS_LIVE_DESK_H
#define RINGSIDE_TESTS_UNIT_STATUS_LIVE_DESK_H

#include "tests/unit/status/desk.h"

void live_desk_board(const struct desk *desk, struct board **out);
void live_desk_look(struct desk *desk, struct board *board); /* desk->live; freed by the next, or with board NULL */

#endif
