/* kpi_walk: the rows of a kpi answer one by one, before they are written down as anything: kpi_query makes a document
 * of them, others columns, ranks or metrics. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_WALK_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_WALK_H

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "platform/time/zone.h"
#include "proto/report/kpi_row.h"
#include "proto/report/query.h"

/* In the order of time, then of sites, then of the queues' names. The row and all that it points to are borrowed for
 * the call. 0 to go on; anything else ends the walk and is returned. */
typedef int (*kpi_walk_fn)(void *ctx, const struct kpi_row *row);

/* As kpi_query(), with the same failures. `about` (a map; NULL: not wanted) gets what a document says beside its rows:
 * scope, from, to, as_of, zone, by, interval_s, sites, complete, bad_records, intervals_dropped, gaps, silent, behind.
 * A failure leaves some of it there. */
int kpi_walk(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json *about,
             kpi_walk_fn fn, void *ctx, struct query_why *why);

/* A walk that needs only some of what a row has is shorter. */
struct kpi_walk_wish {
    kpi_walk_fn fn;
    void *ctx;
    unsigned
        durations; /* a bit (1 << DURATION_...) each: counts and percentiles of the others are not to be looked at */
};
enum { KPI_WALK_ALL_DURATIONS = (1 << DURATION_COUNT) - 1 };
int kpi_walk_some(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json *about,
                  const struct kpi_walk_wish *wish, struct query_why *why);

#endif
