/* gaps: what of a span could not be seen. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_GAPS_H
#define RINGSIDE_AGENT_STATUS_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ledger/ledger.h"

struct gaps {
    struct ledger_gap *items;
    size_t count;
    size_t cap;
    int64_t from_s; /* those that touch [from_s, to_s) */
    int64_t to_s;
};

int gaps_load(struct gaps *gaps, struct ledger_view *view, int64_t from_s, int64_t to_s);
void gaps_deinit(struct gaps *gaps); /* zero-initialised is fine */

/* Whether calls may be missing in [from_s, to_s), and whether what only a live source tells may be: then a gap of
 * either kind counts, for who misses calls misses their holds as well. */
bool gaps_calls(const struct gaps *gaps, int64_t from_s, int64_t to_s);
bool gaps_live(const struct gaps *gaps, int64_t from_s, int64_t to_s);

const char *gaps_kind(const struct ledger_gap *gap); /* "calls", "live" */

#endif
