/* endpoint_span: how long a span may be for what is asked of it, and for how long its figures hold. */
#ifndef RINGSIDE_COLLECTOR_API_ENDPOINT_SPAN_H
#define RINGSIDE_COLLECTOR_API_ENDPOINT_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/api/endpoint.h"
#include "proto/report/query.h"

/* Days in steps of an interval, and of an hour. */
enum { ENDPOINT_SPAN_INTERVAL_DAYS = 92, ENDPOINT_SPAN_HOUR_DAYS = 800 };

/* False: refused. The request's zone is in force. */
bool endpoint_span_check(const struct endpoint_request *request, const struct kpi_scope *scope,
                         const struct query *query, enum query_grain grain, struct endpoint_answer *answer);

/* What has settled does not change any more; what touches the last hour, or lacks something, does. */
void endpoint_span_times(const struct query *query, bool complete, int64_t now_ms, struct endpoint_answer *out);

/* The same where it takes long to make: of more than a day. */
void endpoint_span_times_of_much(const struct query *query, int64_t now_ms, struct endpoint_answer *out);

#endif
