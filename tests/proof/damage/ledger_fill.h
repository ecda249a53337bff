/* ledger_fill: a ledger with something of every kind in it. */
#ifndef RINGSIDE_TESTS_PROOF_DAMAGE_LEDGER_FILL_H
#define RINGSIDE_TESTS_PROOF_DAMAGE_LEDGER_FILL_H

#include "agent/ledger/ledger_write.h"
#include "tests/support/rng.h"

enum {
    MAP_BYTES = 8 << 20,
    QUEUES = 12,
    OPERATORS = 60,
    REASONS = 5,
    VERBS = 9,
    LEGS = 9000,
    OPEN_LEGS = 40,
    STARTS = 300,
    CURSORS = 7,
    GAPS = 30,
    REFUSED = 4,
    NAMES_ASKED = 80,
    PAGE = 4096
};
#define NOW_MS INT64_C(1795284531000)
#define FIRST_S (NOW_MS / 1000 / 900 * 900 - STARTS * 900)

/* The last two commits hold the same: where the newest is damaged, the one before has it all. */
void ledger_fill(struct ledger *ledger);

struct call_leg ledger_fill_leg(struct rng *rng, uint64_t seq, int64_t end_ms);
void ledger_fill_summary(struct rng *rng, struct summary *out);
void ledger_fill_must(bool holds, const char *what); /* ends the program */

#endif
