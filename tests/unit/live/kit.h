/* kit: short ways to tell a board what happened. */
#ifndef RINGSIDE_TESTS_UNIT_LIVE_KIT_H
#define RINGSIDE_TESTS_UNIT_LIVE_KIT_H

#include "agent/live/board.h"

/* An event of a call; queue and operator may be NULL. */
struct call_event kit_event(enum event_kind kind, int64_t at_ms, const char *call_id, const char *queue,
                            const char *operator_name);
void kit_put(struct board *board, enum event_kind kind, int64_t at_ms, const char *call_id, const char *queue,
             const char *operator_name);

/* An operator of the queues "q1 q2 -q3", paused in those behind a minus. */
void kit_stand(struct board *board, const char *name, enum shift_state state, int64_t since_ms, const char *queues,
               const char *reason);

const struct board_queue *kit_queue(const struct board_copy *copy, const char *name); /* NULL: not there */

#endif
