/* kpi_query: the key figures of a site, a group or all sites over a span of time, as one document (docs/kpis.md section
 * 11). The answer is the one that a single pass over all intervals held would give; hours and days that the store has
 * added up already are used where they fit, what is pending is put on top. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_QUERY_H

#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "platform/time/zone.h"
#include "proto/report/query.h"

enum { KPI_QUERY_ROWS_MAX = 20000 };

/* The query's times were read with `zone` in force on this thread (zone_use); it is in force afterwards as well.
 * 0; STATUS_NOT_FOUND (no such queue), STATUS_FULL (too many rows), STATUS_BUSY (groups or days are being rearranged:
 * ask again), STATUS_CORRUPT, STATUS_NO_MEMORY, each with why->text written. Returns owned. */
int kpi_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
              struct query_why *why);

#endif
