/* overview_query: what one looks at first: the day so far, this moment, and who is missing.
 *
 *     {"as_of", "zone", "scope",
 *      "today": {"from", "to", "complete", "row": a kpi row of all queues (design 7), null: nothing yet},
 *      "live": {the totals of live_query, "worst": [{"site", "queue", "waiting", "longest_wait_ms"}]: where callers
 *               wait longest, at most ten},
 *      "sites": {"known", "joined", "online", "silent", "telling", "behind", "with_gaps", "unbalanced", "expiring"},
 *      "silent": [{"site", "last_seen", "last_seen_age_ms"}]: at most fifty, the longest silence first}
 *
 * "today" ends with the running hour. Of "sites", all in the scope that are not removed: "online" are those that are
 * connected and not silent, "telling" those whose live view counts, "behind" those that still have summaries to send,
 * "with_gaps" those with a gap of today, "unbalanced" those that ever sent an interval whose books do not balance,
 * "expiring" those whose certificate ends within a week, which is long after it should have been renewed. */
#ifndef RINGSIDE_COLLECTOR_QUERY_OVERVIEW_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_OVERVIEW_QUERY_H

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "platform/time/zone.h"
#include "proto/report/query.h"

/* `query` gives the settings (threshold, method); its span is today's. */
int overview_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
                   struct query_why *why);

#endif
