/* distribution_query: how long callers waited, as a whole: every occupied bin, and the service level at any threshold.
 *
 *     {about, "queue", "settings": {"threshold_s", "method", "short_abandon_s"},
 *      "counters": {the flow counters},
 *      "wait_answered_ms": {count, sum, mean, p50, p90, p95, p99, max, "bins": [upper edge ms, count, ...]},
 *      "wait_abandoned_ms", "wait_exit_ms" (timeout, empty, withdrawn), "wait_key_ms": {the same},
 *      "within": {"answered", "abandoned", "exact"}: callers whose wait was at most the threshold, and whether that
 *                is exact (the threshold is an edge of a bin),
 *      "service_levels": [{"method", "value"}]: every method at this threshold}
 */
#ifndef RINGSIDE_COLLECTOR_QUERY_DISTRIBUTION_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_DISTRIBUTION_QUERY_H

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "platform/time/zone.h"
#include "proto/report/query.h"

/* One row: the query joins all queues, or asks for one. Nothing held: counters of 0, no bins. */
int distribution_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
                       struct query_why *why);

#endif
