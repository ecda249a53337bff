/* kpi_plan: from which of the store's sums a span is put together: whole days where they fit, else whole hours, else
 * the single intervals. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_PLAN_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/time/zone.h"

/* Hours (UTC) whose cells are not to be used, each for one site, or for all (0). */
struct kpi_raw_hour {
    uint32_t site;
    int64_t hour_s;
};

struct kpi_raw {
    struct kpi_raw_hour *hours;
    size_t count;
    size_t cap;
};

int kpi_raw_add(struct kpi_raw *raw, uint32_t site, int64_t at_s);
void kpi_raw_sort(struct kpi_raw *raw); /* once, before it is asked */
void kpi_raw_deinit(struct kpi_raw *raw);

enum kpi_run_kind { KPI_RUN_DAYS, KPI_RUN_HOURS, KPI_RUN_INTERVALS };

struct kpi_run {
    enum kpi_run_kind kind;
    int64_t from_s;
    int64_t to_s;
    int64_t from_key_s; /* of cells, [from, to) */
    int64_t to_key_s;
};

struct kpi_plan {
    const struct zone *day_zone; /* by which days were cut; NULL: days are of no use */
    const struct zone *zone;     /* in force outside */
    const struct kpi_raw *raw;
    uint32_t raw_site;
    uint32_t grid_s;
    int64_t at_s;
    int64_t to_s;
    int64_t cells_from_s; /* cells are of use within these only */
    int64_t cells_to_s;
    int64_t day_start_s; /* the day that was looked at last */
    int64_t day_end_s;
    int64_t day_key_s;
};

/* For the span [from_s, to_s). Where an edge of it lies within intervals of grid_s, the first or last ones that begin
 * in the span are not those at the edge of any cell: around there, cells do not tell what waited. */
void kpi_plan_init(struct kpi_plan *plan, const struct kpi_raw *raw, uint32_t raw_site, uint32_t grid_s, int64_t from_s,
                   int64_t to_s);

/* Whole days may be used too: those that were cut by day_zone. `zone` is in force outside. */
void kpi_plan_use_days(struct kpi_plan *plan, const struct zone *day_zone, const struct zone *zone);

/* Runs in order of time, without gaps; neighbours of one kind are one run. */
bool kpi_plan_next(struct kpi_plan *plan, struct kpi_run *out);

#endif
