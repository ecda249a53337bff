#include "collector/query/kpi_plan.h"

#include <stdlib.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

static int64_t hour_of(int64_t at_s)
{
    int64_t into_s = at_s % HOUR_S;
    return at_s - (into_s < 0 ? into_s + HOUR_S : into_s);
}

int kpi_raw_add(struct kpi_raw *raw, uint32_t site, int64_t at_s)
{
    const struct kpi_raw_hour hour = {site, hour_of(at_s)};
    if (raw->count > 0 && raw->hours[raw->count - 1].site == site && raw->hours[raw->count - 1].hour_s == hour.hour_s) {
        return 0;
    }
    struct kpi_raw_hour *hours = grow_array(raw->hours, raw->count, &raw->cap, sizeof *hours);
    if (!hours) {
        return STATUS_NO_MEMORY;
    }
    raw->hours = hours;
    raw->hours[raw->count++] = hour;
    return 0;
}

static int compare_hours(const void *left, const void *right)
{
    const struct kpi_raw_hour *a = left;
    const struct kpi_raw_hour *b = right;
    if (a->site != b->site) {
        return a->site < b->site ? -1 : 1;
    }
    return (a->hour_s > b->hour_s) - (a->hour_s < b->hour_s);
}

void kpi_raw_sort(struct kpi_raw *raw)
{
    if (raw->count > 0) {
        qsort(raw->hours, raw->count, sizeof *raw->hours, compare_hours);
    }
}

void kpi_raw_deinit(struct kpi_raw *raw)
{
    free(raw->hours);
    *raw = (struct kpi_raw){0};
}

static bool raw_within(const struct kpi_raw *raw, uint32_t site, int64_t from_s, int64_t to_s)
{
    const struct kpi_raw_hour first = {site, hour_of(from_s)};
    size_t low = 0;
    size_t high = raw->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_hours(&raw->hours[middle], &first) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < raw->count && raw->hours[low].site == site && raw->hours[low].hour_s < to_s;
}

void kpi_plan_init(struct kpi_plan *plan, const struct kpi_raw *raw, uint32_t raw_site, uint32_t grid_s, int64_t from_s,
                   int64_t to_s)
{
    *plan = (struct kpi_plan){.raw = raw,
                              .raw_site = raw_site,
                              .grid_s = grid_s,
                              .at_s = from_s,
                              .to_s = to_s,
                              .cells_from_s = from_s % grid_s == 0 ? from_s : from_s + grid_s,
                              .cells_to_s = to_s % grid_s == 0 ? to_s : to_s - grid_s};
}

void kpi_plan_use_days(struct kpi_plan *plan, const struct zone *day_zone, const struct zone *zone)
{
    plan->day_zone = day_zone;
    plan->zone = zone;
}

static bool cells_fit(const struct kpi_plan *plan, int64_t from_s, int64_t to_s)
{
    return from_s >= plan->cells_from_s && to_s <= plan->cells_to_s &&
           !raw_within(plan->raw, plan->raw_site, from_s, to_s);
}

static void look_at_day(struct kpi_plan *plan)
{
    if (plan->day_end_s > plan->at_s) {
        return;
    }
    zone_use(plan->day_zone);
    struct zone_date date = zone_date_of(plan->at_s);
    plan->day_start_s = zone_local_day_start(plan->at_s);
    plan->day_end_s = zone_next_day_start(plan->at_s);
    plan->day_key_s = stamp_days_of(date.year, date.month, date.day) * DAY_S;
    zone_use(plan->zone);
}

/* A day whose edges lie within intervals does not know what waited there. */
static bool day_fits(const struct kpi_plan *plan)
{
    return plan->day_start_s == plan->at_s && plan->day_start_s % plan->grid_s == 0 &&
           plan->day_end_s % plan->grid_s == 0 && cells_fit(plan, plan->day_start_s, plan->day_end_s);
}

static struct kpi_run next_piece(struct kpi_plan *plan)
{
    int64_t at_s = plan->at_s;
    int64_t limit_s = plan->to_s;
    if (plan->day_zone) {
        look_at_day(plan);
        if (day_fits(plan)) {
            return (struct kpi_run){KPI_RUN_DAYS, at_s, plan->day_end_s, plan->day_key_s, plan->day_key_s + DAY_S};
        }
        limit_s = plan->day_end_s < limit_s ? plan->day_end_s : limit_s;
    }
    int64_t end_s = hour_of(at_s) + HOUR_S;
    if (at_s == hour_of(at_s) && end_s <= limit_s && cells_fit(plan, at_s, end_s)) {
        return (struct kpi_run){KPI_RUN_HOURS, at_s, end_s, at_s, end_s};
    }
    return (struct kpi_run){KPI_RUN_INTERVALS, at_s, end_s < limit_s ? end_s : limit_s, 0, 0};
}

bool kpi_plan_next(struct kpi_plan *plan, struct kpi_run *out)
{
    if (plan->at_s >= plan->to_s) {
        return false;
    }
    *out = next_piece(plan);
    plan->at_s = out->to_s;
    while (plan->at_s < plan->to_s) {
        struct kpi_run piece = next_piece(plan);
        if (piece.kind != out->kind) {
            break;
        }
        out->to_s = piece.to_s;
        out->to_key_s = piece.to_key_s;
        plan->at_s = piece.to_s;
    }
    return true;
}
