#include "collector/query/kpi_slots.h"

#include "platform/time/zone.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

void kpi_slots_init(struct kpi_slots *slots, enum query_grain grain, uint32_t grid_s, int64_t from_s, int64_t to_s)
{
    *slots = (struct kpi_slots){.grain = grain, .grid_s = grid_s, .at_s = from_s, .from_s = from_s, .to_s = to_s};
}

/* The moment in (from_s, to_s] from which on the offset is that of to_s. */
static int64_t change_between(int64_t from_s, int64_t to_s)
{
    int32_t offset_s = zone_offset(to_s);
    while (to_s - from_s > 1) {
        int64_t middle_s = from_s + (to_s - from_s) / 2;
        if (zone_offset(middle_s) == offset_s) {
            to_s = middle_s;
        } else {
            from_s = middle_s;
        }
    }
    return to_s;
}

static int64_t hour_start(int64_t at_s)
{
    int64_t start_s = zone_local_hour_start(at_s);
    return zone_offset(start_s) == zone_offset(at_s) ? start_s : change_between(start_s, at_s);
}

static int64_t hour_end(int64_t at_s)
{
    int64_t end_s = zone_local_hour_start(at_s) + HOUR_S;
    return zone_offset(end_s) == zone_offset(at_s) ? end_s : change_between(at_s, end_s);
}

static void step_of(const struct kpi_slots *slots, int64_t at_s, int64_t *start_s, int64_t *end_s)
{
    *start_s = slots->from_s;
    *end_s = slots->to_s;
    switch (slots->grain) {
    case QUERY_WHOLE: break;
    case QUERY_BY_DAY:
        *start_s = zone_local_day_start(at_s);
        *end_s = zone_next_day_start(at_s);
        break;
    case QUERY_BY_HOUR:
        *start_s = hour_start(at_s);
        *end_s = hour_end(at_s);
        break;
    case QUERY_BY_INTERVAL:
        *start_s = at_s - at_s % slots->grid_s;
        *end_s = *start_s + slots->grid_s;
        break;
    }
}

bool kpi_slots_next(struct kpi_slots *slots, struct kpi_slot *out)
{
    if (slots->at_s >= slots->to_s) {
        return false;
    }
    int64_t end_s;
    step_of(slots, slots->at_s, &out->start_s, &end_s);
    out->from_s = slots->at_s;
    out->to_s = end_s < slots->to_s ? end_s : slots->to_s;
    slots->at_s = out->to_s;
    return true;
}

unsigned kpi_slots_hour_of_week(int64_t at_s)
{
    int64_t local_s = at_s + zone_offset(at_s);
    int64_t days = local_s / DAY_S - (local_s % DAY_S < 0);
    int64_t weekday = (days % 7 + 10) % 7; /* 1970-01-01 was a Thursday */
    return (unsigned)(weekday * 24 + (local_s - days * DAY_S) / HOUR_S);
}
