/* live_query: what is happening at the sites now, as a document.
 *
 *     {"as_of",
 *      "rows": [{"site", "group", "queue", "waiting", "longest_wait_ms", "talking", "held", "ready", "paused",
 *                "logged_in", "on_call", "as_of", "age_ms", "stale"}],
 *      "totals": {the figures, of sites that are not stale; "sites", "sites_telling", "sites_stale"},
 *      "operators": [{"site", "operator", "state", "since", "in_state_ms", "queue", "reason", "as_of", "age_ms",
 *                     "stale"}], "operators_more": those not told of by name}
 *
 * What is not known is null. An operator of several queues counts once in totals, unless one queue alone is asked for.
 */
#ifndef RINGSIDE_COLLECTOR_QUERY_LIVE_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_LIVE_QUERY_H

#include "collector/query/live_site.h"
#include "proto/report/query.h"

struct live_query {
    const char *site;  /* NULL: any */
    const char *group; /* NULL: any */
    const char *queue; /* NULL: all */
    bool operators;
    uint32_t longest; /* 0: every queue; else at most so many rows (LIVE_QUERY_LONGEST_MAX): where callers wait now, the
                         longest wait first. Totals are of all the same */
    int64_t now_ms;
};
enum { LIVE_QUERY_LONGEST_MAX = 100 };

/* STATUS_NOT_FOUND: no such site, group or queue, told in why. The document is owned. */
int live_query(struct store_view *view, struct registry *registry, const struct live_query *query, struct json **out,
               struct query_why *why);

#endif
