/* site_check: what a ledger holds at the end of a proof's run, and whether that is right: by itself, by the oracle of
 * site_log.h, by what one clean pass came to, and by what was told to those outside. */
#ifndef RINGSIDE_TESTS_PROOF_SITE_CHECK_H
#define RINGSIDE_TESTS_PROOF_SITE_CHECK_H

#include "platform/base/buf.h"
#include "tests/proof/site_life.h"

struct site_why {
    char text[512];
};

struct site_found {
    struct buf intervals; /* as text, a line each: start, queue, content in hex */
    struct buf legs;      /* sorted */
    uint64_t lines;
    uint64_t shed_intervals;
    uint64_t shed_legs;
};

/* Right after a failure: the ledger opens where one was told to be, nothing in it is damaged, all that was told to be
 * durable is there, and each interval waits for the collector or is held there as it is. */
bool site_is_whole(const struct site *site, struct site_why *why);

/* At the end: the totals are the oracle's. `found` is filled in for site_same(). */
bool site_is_right(const struct site *site, struct site_found *found, struct site_why *why);
bool site_same(const struct site_found *found, const struct site_found *clean, struct site_why *why);
void site_found_free(struct site_found *found);

#endif
