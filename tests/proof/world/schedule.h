/* schedule: which faults a seed brings and when. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_SCHEDULE_H
#define RINGSIDE_TESTS_PROOF_WORLD_SCHEDULE_H

#include <stdio.h>

#include "tests/proof/world/world.h"

enum fault_kind {
    FAULT_LINE_DOWN,
    FAULT_LINE_SLOW,
    FAULT_CUT,
    FAULT_CUT_SILENTLY,
    FAULT_TRAP,
    FAULT_BUSY,
    FAULT_TURNED_AWAY,
    FAULT_CENTRE_KILLED,
    FAULT_CENTRE_MACHINE,
    FAULT_CENTRE_STOPPED,
    FAULT_STORE_LOST,
    FAULT_STORE_FULL,
    FAULT_STORE_HICCUP,
    FAULT_AGENT_KILLED,
    FAULT_AGENT_DIES_IN_COMMIT,
    FAULT_AGENT_STOPPED,
    FAULT_LEDGER_HICCUP,
    FAULT_LEDGER_PUT_BACK,
    FAULT_LEDGER_NEW,
    FAULT_BACKUP,
    FAULT_SETTINGS,
    FAULT_REVOKED,
    FAULT_ROTATED,
    FAULT_PACKED,
    FAULT_CLOCK,
    FAULT_PBX_KILLED,
    FAULT_PBX_STOPPED,
    FAULT_PBX_RELOADED,
    FAULT_CHECK, /* none: the books are looked at in between */
    FAULT_KINDS
};

const char *schedule_kind_str(enum fault_kind kind);

struct schedule *schedule_new(struct world *world);
void schedule_free(struct schedule *schedule);
void schedule_heal(struct schedule *schedule); /* all that is broken works again, from now on */
void schedule_print(const struct schedule *schedule, FILE *out);
void schedule_count(const struct schedule *schedule, uint64_t counts[FAULT_KINDS]); /* adds those that happened */

/* Leaves one fault of the list out, to see whether it matters. */
void schedule_leave_out(unsigned number);

#endif
