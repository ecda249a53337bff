/* kpi_slots: the steps into which a span is cut: the whole of it, local days, local hours, intervals. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_SLOTS_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/report/query.h"

struct kpi_slot {
    int64_t start_s; /* of the whole step, also where the span begins within it */
    int64_t from_s;  /* what of the step lies in the span */
    int64_t to_s;
};

struct kpi_slots {
    enum query_grain grain;
    uint32_t grid_s; /* the length of intervals */
    int64_t at_s;
    int64_t from_s;
    int64_t to_s;
};

/* Days and hours are those of the zone in force while the slots are walked. Where clocks change by half an hour, hours
 * of 30 minutes come about: no moment belongs to two hours. */
void kpi_slots_init(struct kpi_slots *slots, enum query_grain grain, uint32_t grid_s, int64_t from_s, int64_t to_s);
bool kpi_slots_next(struct kpi_slots *slots, struct kpi_slot *out);

/* 0..167 by the clock on the wall at that moment; 0 is Monday, from midnight to one. */
unsigned kpi_slots_hour_of_week(int64_t at_s);

#endif
