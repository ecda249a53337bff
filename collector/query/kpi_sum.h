/* kpi_sum: adds up what the store holds of some sites over some span, queue by queue. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_SUM_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/query/kpi_plan.h"
#include "collector/query/kpi_queues.h"
#include "collector/query/kpi_rows.h"
#include "collector/query/kpi_scope.h"

/* Hours may be kept for longer than the intervals they were added up from. */
struct kpi_sum_held {
    bool looked;
    int64_t from_s; /* only hours and days are held of [from_s, to_s) */
    int64_t to_s;
};

struct kpi_sum {
    const struct kpi_scope *scope;
    struct store_view *view;
    struct kpi_queues *queues;
    const struct zone *zone; /* in force */
    bool total;              /* one row for all queues */
    bool by_site;
    unsigned durations; /* of which the bins are wanted; all of them where sites are added up together */
    bool days;          /* steps are long enough for whole days */
    struct kpi_raw raw;
    struct kpi_rows rows;      /* row 0 is the total */
    struct kpi_sum_held *held; /* by place in the scope */
    bool dropped;              /* intervals were needed that are no longer there; the caller resets it */
    uint64_t bad;
    unsigned records; /* looked at, to ask for the time now and then */
};

/* Looks at what is pending in the span. Deinit in any case. */
int kpi_sum_init(struct kpi_sum *sum, int64_t from_s, int64_t to_s);
void kpi_sum_deinit(struct kpi_sum *sum);

/* Adds [from_s, to_s) to the rows: of one site (its place in the scope), or with SIZE_MAX of all. What waited at the
 * edges of the span is what waits at the edges of the rows. */
int kpi_sum_add(struct kpi_sum *sum, size_t site, int64_t from_s, int64_t to_s);

#endif
