/* fields: how reports write times, ratios, durations and settings.  */
#ifndef RINGSIDE_PROTO_REPORT_FIELDS_H
#define RINGSIDE_PROTO_REPORT_FIELDS_H

#include <stdint.h>

#include "platform/json/json.h"
#include "proto/measures.h"
#include "proto/report/query.h"
#include "proto/summary.h"

/* RFC 3339 in the zone of the process; null for 0. */
void fields_time(struct json *map, const char *key, int64_t at_ms);

/* A whole number is written as one. */
void fields_number(struct json *map, const char *key, double value);

/* A span of the site's time: 0 and above, else null. */
void fields_span(struct json *map, const char *key, int64_t value_ms);

/* {count,sum,mean,p50,p90,p95,p99,max}; what an empty set does not have is null. */
void fields_stat(struct json *map, const char *key, const struct duration_stat *stat);

/* The same with "bins": upper edge in ms and count of each occupied bin in turn, ascending. */
void fields_stat_bins(struct json *map, const char *key, const struct duration_stat *stat);

/* What a queue without settings of its own is judged by, and the same with what the query wishes put over it. */
struct queue_settings fields_default_settings(void);
struct queue_settings fields_settings(const struct queue_settings *own, const struct query *query);

/* "service_level": {threshold_s, method, value} and the rates that need no settings. */
void fields_service_level(struct json *map, const struct summary *sum, const struct queue_settings *settings);
void fields_ratios(struct json *map, const struct summary *sum);

#endif
