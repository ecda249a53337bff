/* series_query: key figures over time as columns, for charts: an array a figure instead of an object a row.
 *
 *     {what kpi_walk tells about the answer,
 *      "step": "interval" | "hour" | "day",
 *      "fields": [...],
 *      "series": [{"site", "queue", "label", "settings": {"threshold_s", "method"},
 *                  "start": [RFC 3339, ...], "complete": [bool, ...], "balanced": [bool, ...],
 *                  "entered": [...], ...one array a field}]}
 *
 * "site" only when asked by site, "label" only where there is one; "queue" is "*" for all queues together. Every array
 * is as long as "start"; a step in which nothing is held has no entry. A ratio or percentile that does not exist is
 * null. */
#ifndef RINGSIDE_COLLECTOR_QUERY_SERIES_QUERY_H
#define RINGSIDE_COLLECTOR_QUERY_SERIES_QUERY_H

#include "collector/query/kpi_scope.h"
#include "platform/base/slice.h"
#include "platform/json/json.h"
#include "platform/time/zone.h"
#include "proto/report/kpi_row.h"
#include "proto/report/query.h"

/* A figure of a row by its name: each flow counter (summary_flow_names), waiting_start, waiting_end, waiting_max,
 * service_level, abandon_rate, asa_ms, aht_ms, and of the answered waits wait_mean_ms, wait_p50_ms, wait_p90_ms,
 * wait_p95_ms, wait_p99_ms, wait_max_ms; of the abandoned abandon_p50_ms, abandon_p90_ms; talk_mean_ms. */
enum { SERIES_FIELDS_MAX = 40 };
struct series_fields {
    unsigned items[SERIES_FIELDS_MAX]; /* numbers of fields, for series_field_name() */
    size_t count;
};

const char *series_field_name(unsigned field); /* NULL behind the last */
bool series_field_find(struct slice name, unsigned *out);
bool series_field_is_ratio(unsigned field); /* 0..1 */

/* The durations that the figure is made from: bits 1 << DURATION_... */
unsigned series_field_durations(unsigned field);

/* The figure of that row; false: it does not exist. */
bool series_field_value(unsigned field, const struct kpi_row *row, double *out);

/* Appends the fields of a list "entered,answered". STATUS_INVALID (why->text says which and what is allowed),
 * STATUS_FULL.
 */
int series_fields_take(struct series_fields *fields, struct slice list, struct query_why *why);
void series_fields_usual(struct series_fields *fields); /* entered, answered, abandoned, service_level, asa_ms, ... */

/* The query has a grain; failures as of kpi_query(). Returns owned. */
int series_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                 const struct series_fields *fields, struct json **out, struct query_why *why);

/* Hour of the week: 168 entries each, Monday midnight first.
 *
 *     {about, "fields", "weekdays": ["Mon", ...], "service_level": {"threshold_s", "method"},
 *      "cells": {"entered": [168], ..., "complete": [168]}}
 *
 * Null where nothing is held. The query has hour_of_week and total set. */
int series_week(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                const struct series_fields *fields, struct json **out, struct query_why *why);

#endif
