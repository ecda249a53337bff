/* kpi_span: from when to when an answer goes, and where in it there can be anything. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_SPAN_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_SPAN_H

#include "collector/query/kpi_scope.h"

struct kpi_span {
    int64_t from_s;
    int64_t to_s;
    int64_t first_s; /* nothing is held before; 0: not looked at */
    int64_t last_s;  /* nor from here on */
};

/* The asked-for span, widened outward to whole intervals; an end that nobody asked for is where the data ends. */
int kpi_span_choose(const struct kpi_scope *scope, struct store_view *view, const struct query *query,
                    struct kpi_span *span);

#endif
