/* ledger_repair_marks: which intervals of a mended ledger wait for the collector. */
#ifndef RINGSIDE_AGENT_LEDGER_LEDGER_REPAIR_MARKS_H
#define RINGSIDE_AGENT_LEDGER_LEDGER_REPAIR_MARKS_H

#include "agent/ledger/ledger_internal.h"

#define LEDGER_MADE_UP_NAME "damaged-" /* and the number: stands for a name that is lost */

/* Whether the queue still has the name under which the collector knows it. */
bool ledger_repair_has_true_name(struct ledger *ledger, struct kv_txn *txn, uint32_t queue);

/* Removes the marks of intervals that are gone. */
int ledger_repair_drop_marks(struct ledger *ledger, struct kv_txn *txn);

/* All intervals wait again, but for those of a queue whose name is lost: the collector has them under that name, and
 * would count them twice. */
int ledger_repair_mark_all(struct ledger *ledger, struct kv_txn *txn);

#endif
