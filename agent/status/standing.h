/* standing: who waits and talks now: from the board while it is on, else from the ledger's open legs, in the same form
 * either way. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_STANDING_H
#define RINGSIDE_AGENT_STATUS_STANDING_H

#include "agent/status/report_parts.h"

struct standing {
    bool live;                      /* from the board: operators are known as well */
    const struct board_copy *board; /* borrowed from the job or from `made`; its events are not those of the board */
    struct board_copy *made;
};

int standing_load(struct standing *standing, const struct report_job *job);
void standing_deinit(struct standing *standing);

bool standing_is_live(const struct report_job *job);

/* NULL when there is none of this name. */
const struct board_queue *standing_queue(const struct board_copy *board, struct slice name);
const struct board_operator *standing_operator(const struct board_copy *board, struct slice name);

/* The caller that this operator talks to; NULL: none. */
const struct board_caller *standing_talk(const struct board_copy *board, const char *operator_name);

#endif
