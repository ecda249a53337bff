/* look: gathers the figures of all rules, each kind of them in one pass. What cannot be read makes its rules unknown
 * for this once; nothing here fails but for memory. */
#ifndef RINGSIDE_COLLECTOR_ALERT_LOOK_H
#define RINGSIDE_COLLECTOR_ALERT_LOOK_H

#include "collector/alert/figures.h"
#include "collector/alert/lookout.h"

struct look {
    const struct lookout_options *options;
    struct figures *figures;
    bool (*expired)(void *ctx); /* NULL: takes the time it takes */
    void *expired_ctx;
};

int look_gather(struct look *look, char *why, size_t why_size); /* why: what could not be read, empty: all could */

/* Of this moment, in one view of the store; of windows, one query for each length. A failure is that of the store. */
int look_now(struct look *look);
int look_window(struct look *look, int64_t window_ms, struct query_why *why);
int look_unbalanced(struct look *look, int64_t window_ms);

#endif
