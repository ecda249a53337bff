/* clerk: the collector's storing thread: decodes, admits and stores what the door hands in, many sites' messages in one
 * commit; keeps what is known of each site; brings hours and days up and drops what is too old in between. */
#ifndef RINGSIDE_COLLECTOR_INGEST_CLERK_H
#define RINGSIDE_COLLECTOR_INGEST_CLERK_H

#include "collector/ingest/desk.h"
#include "collector/ingest/ingest.h"

struct clerk;

int clerk_new(const struct ingest_options *options, struct desk *desk, struct clerk **out); /* borrows; returns owned */
void clerk_free(struct clerk *clerk); /* after clerk_run() has returned; NULL is fine */

/* In a thread of its own, until desk_stop() and everything handed in is stored. */
void clerk_run(struct clerk *clerk);

/* One round, for tests and simulations: what waits at the desk, in one commit; then a bounded piece of upkeep. True:
 * there is more upkeep. */
bool clerk_round(struct clerk *clerk, struct desk_list *jobs, int64_t wall_ms, int64_t now_ms);

int64_t clerk_turned_ms(struct clerk *clerk); /* any thread; monotonic, when it last came round */

struct clerk_counters {
    uint64_t commits;
    uint64_t intervals;
    uint64_t pending;
};
void clerk_counters(struct clerk *clerk, struct clerk_counters *out); /* any thread */

#endif
