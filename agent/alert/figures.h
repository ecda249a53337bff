/* figures: what the rules are held against, from one view of the ledger and, where it is on, the board. Inside the
 * alert stage only. */
#ifndef RINGSIDE_AGENT_ALERT_FIGURES_H
#define RINGSIDE_AGENT_ALERT_FIGURES_H

#include "agent/alert/sentry.h"
#include "proto/alert/alert_watch.h"

struct figures;

/* Borrows the rules. Returns owned. */
int figures_new(const struct alert_rule *rules, size_t count, const char *site, struct figures **out);
void figures_free(struct figures *figures); /* NULL is fine */

/* What is so now; `board` may be NULL or off. STATUS_NO_MEMORY or a failure of the ledger: then nothing is known. */
int figures_load(struct figures *figures, struct ledger_view *view, const struct board_copy *board, int64_t now_ms);

bool figures_want_board(const struct figures *figures); /* some rule is about this moment */

/* Tells the watch, between its begin and end, all figures of one rule that are known. STATUS_NO_MEMORY, STATUS_RANGE.
 */
int figures_tell(struct figures *figures, const struct alert_rule *rule, const struct sentry_vitals *vitals,
                 struct alert_watch *watch);

/* After all rules: a queue that only the board knew and that it no longer shows has nobody in it. */
int figures_tell_left(struct figures *figures, struct alert_watch *watch);

#endif
