#include "collector/query/kpi_sum.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

/* Records between two looks at the clock: some hundred microseconds. */
enum { HOUR_S = 3600, RECORDS_A_LOOK = 64 };

/* A span that is being added, and the part of it that comes from one place. */
struct adding {
    struct kpi_sum *sum;
    int64_t from_s;
    int64_t to_s;
    struct kpi_run run;
    unsigned durations; /* of which the bins are added */
};

static int look_at_clock(struct kpi_sum *sum)
{
    return sum->records++ % RECORDS_A_LOOK == 0 ? kpi_scope_late(sum->scope) : 0;
}

/* The cells of the scope as a whole serve when it is asked about as a whole and they hold just its sites. */
static bool is_wide(const struct kpi_sum *sum)
{
    return sum->scope->whose != KPI_SITE && !sum->by_site && sum->scope->grouped;
}

static bool maxima_fell(const struct summary *then, const struct summary *now)
{
    static const struct summary nothing;
    const struct summary *left = now ? now : &nothing;
    bool fell = then->waiting_max > left->waiting_max;
    for (int i = 0; !fell && i < DURATION_COUNT; i++) {
        fell = then->duration[i].max_ms > left->duration[i].max_ms;
    }
    return fell;
}

/* One site's pending hours are read from its intervals. For many sites together that would be a long way: there `now`
 * is added and `then` taken away, except where a maximum may have gone with `then`, which a sum cannot tell. */
static int note_pending(void *ctx, const struct store_pending *item)
{
    struct kpi_sum *sum = ctx;
    int status = look_at_clock(sum);
    if (status != 0 || !kpi_scope_find(sum->scope, item->site)) {
        return status;
    }
    if (!is_wide(sum)) {
        return kpi_raw_add(&sum->raw, item->site, item->start_s);
    }
    return item->then && maxima_fell(item->then, item->now) ? kpi_raw_add(&sum->raw, 0, item->start_s) : 0;
}

static int64_t hour_of(int64_t at_s)
{
    return at_s - at_s % HOUR_S;
}

int kpi_sum_init(struct kpi_sum *sum, int64_t from_s, int64_t to_s)
{
    sum->raw = (struct kpi_raw){0};
    memset(&sum->rows, 0, sizeof sum->rows);
    sum->bad = 0;
    sum->dropped = false;
    sum->held = calloc(sum->scope->count + 1, sizeof *sum->held);
    if (!sum->held) {
        return STATUS_NO_MEMORY;
    }
    int status = store_view_pending(sum->view, hour_of(from_s), hour_of(to_s + HOUR_S - 1), note_pending, sum, NULL);
    kpi_raw_sort(&sum->raw);
    return status;
}

void kpi_sum_deinit(struct kpi_sum *sum)
{
    kpi_raw_deinit(&sum->raw);
    kpi_rows_deinit(&sum->rows);
    free(sum->held);
    sum->held = NULL;
}

static int cell_for(struct kpi_sum *sum, uint32_t queue, struct cell **out)
{
    return kpi_rows_cell(&sum->rows, sum->total ? 0 : queue, out);
}

/* What the store holds contradicts itself. */
static int corrupt_if_range(int status)
{
    return status == STATUS_RANGE ? STATUS_CORRUPT : status;
}

static int take_cell(void *ctx, const struct store_cell *item)
{
    const struct adding *adding = ctx;
    const struct kpi_run *run = &adding->run;
    struct cell *cell;
    int64_t step_s = run->kind == KPI_RUN_DAYS ? 24 * HOUR_S : HOUR_S;
    if (item->queue != STORE_QUEUE_TOTAL && !kpi_queues_wants(adding->sum->queues, item->queue)) {
        return 0;
    }
    bool first = run->from_s == adding->from_s && item->key_s == run->from_key_s;
    bool last = run->to_s == adding->to_s && item->key_s + step_s == run->to_key_s;
    uint64_t waiting_start = 0;
    uint64_t waiting_end = 0;
    int status = look_at_clock(adding->sum);
    status = status == 0 ? cell_for(adding->sum, item->queue, &cell) : status;
    if (status == 0 && first != last) {
        status = cell_edges_encoded(item->stored, &waiting_start, &waiting_end);
    }
    if (status == 0) {
        status = cell_merge_encoded_some(cell, item->stored, first && last, adding->durations);
    }
    if (status == 0 && first != last) {
        cell_add_edge(cell, first ? waiting_start : 0, last ? waiting_end : 0);
    }
    return corrupt_if_range(status);
}

/* Edges that lie within an interval go by the first and last one that begin in the span. */
static struct cell_part part_of(const struct adding *adding, const struct summary *sum, int64_t start_s,
                                int64_t interval_s)
{
    return (struct cell_part){
        .sum = sum, .at_start = start_s - adding->from_s < interval_s, .at_end = adding->to_s - start_s <= interval_s};
}

static int take_pending(void *ctx, const struct store_pending *item)
{
    const struct adding *adding = ctx;
    struct kpi_sum *sum = adding->sum;
    struct cell *cell;
    int status = look_at_clock(sum);
    if (status != 0 || item->start_s < adding->run.from_s || item->start_s >= adding->run.to_s ||
        !kpi_scope_find(sum->scope, item->site) || !kpi_queues_wants(sum->queues, item->queue)) {
        return status;
    }
    status = cell_for(sum, item->queue, &cell);
    if (status == 0 && item->then) {
        const struct cell_part part = part_of(adding, item->then, item->start_s, item->interval_s);
        status = cell_subtract(cell, &part);
        status = status == CELL_MAXIMA ? 0 : status; /* it did not go: see note_pending() */
    }
    if (status == 0 && item->now) {
        const struct cell_part part = part_of(adding, item->now, item->start_s, item->interval_s);
        status = cell_add(cell, &part);
    }
    return corrupt_if_range(status);
}

static int take_interval(void *ctx, const struct store_interval *item)
{
    const struct adding *adding = ctx;
    struct kpi_sum *sum = adding->sum;
    struct cell *cell;
    int status = look_at_clock(sum);
    if (status != 0 || item->start_s < adding->run.from_s || !kpi_queues_wants(sum->queues, item->queue)) {
        return status;
    }
    status = cell_for(sum, item->queue, &cell);
    if (status == 0) {
        const struct cell_part part = part_of(adding, item->sum, item->start_s, item->interval_s);
        status = cell_add(cell, &part);
    }
    return corrupt_if_range(status);
}

static int add_cells(struct adding *adding, store_scope scope, bool wide)
{
    struct kpi_sum *sum = adding->sum;
    const struct kpi_run *run = &adding->run;
    enum store_grain grain = run->kind == KPI_RUN_DAYS ? STORE_DAY : STORE_HOUR;
    bool all = wide && sum->total && sum->queues->query->queue_count == 0;
    uint32_t queue = all ? STORE_QUEUE_TOTAL : sum->queues->only;
    int status =
        store_view_cells(sum->view, scope, grain, run->from_key_s, run->to_key_s, queue, take_cell, adding, &sum->bad);
    if (status == 0 && wide) {
        status = store_view_pending(sum->view, hour_of(run->from_s), hour_of(run->to_s + HOUR_S - 1), take_pending,
                                    adding, &sum->bad);
    }
    return status;
}

static int take_first_interval(void *ctx, const struct store_interval *item)
{
    struct kpi_sum_held *held = ctx;
    held->to_s = item->start_s;
    return 1;
}

static int take_first_hour(void *ctx, const struct store_cell *item)
{
    struct kpi_sum_held *held = ctx;
    held->from_s = item->key_s;
    return 1;
}

/* Notes when the run reaches into a time of which the site's intervals were dropped, but not its hours. */
static int note_dropped(struct adding *adding, const struct kpi_site *site)
{
    struct kpi_sum *sum = adding->sum;
    struct kpi_sum_held *held = &sum->held[site - sum->scope->sites];
    int status = 0;
    if (!held->looked) {
        *held = (struct kpi_sum_held){true, INT64_MAX, INT64_MAX};
        status = store_view_intervals(sum->view, site->number, 0, INT64_MAX, take_first_interval, held, NULL);
        if (status >= 0) {
            status = store_view_cells(sum->view, store_scope_site(site->number), STORE_HOUR, 0, INT64_MAX, UINT32_MAX,
                                      take_first_hour, held, NULL);
        }
    }
    bool dropped = held->from_s < hour_of(held->to_s);
    sum->dropped = sum->dropped || (dropped && adding->run.from_s < held->to_s && adding->run.to_s > held->from_s);
    return status < 0 ? status : 0;
}

static int add_intervals(struct adding *adding, const struct kpi_site *sites, size_t count)
{
    struct kpi_sum *sum = adding->sum;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = look_at_clock(sum);
        if (status == 0) {
            status = store_view_intervals(sum->view, sites[i].number, adding->run.from_s, adding->run.to_s,
                                          take_interval, adding, &sum->bad);
        }
        status = status == 0 ? note_dropped(adding, &sites[i]) : status;
    }
    return status;
}

/* Sites together (wide), or one site. */
static int add_span(struct adding *adding, store_scope scope, const char *day_zone, const struct kpi_site *sites,
                    size_t count, bool wide)
{
    struct kpi_sum *sum = adding->sum;
    const struct zone *cut = NULL;
    /* "local" may mean something else to whoever cut the days. */
    bool cut_known = sum->days && day_zone[0] && strcmp(day_zone, "local") != 0 && zone_find(day_zone, &cut) == 0;
    struct kpi_plan plan;
    kpi_plan_init(&plan, &sum->raw, wide ? 0 : scope, sum->scope->grid_s, adding->from_s, adding->to_s);
    if (cut_known) {
        kpi_plan_use_days(&plan, cut, sum->zone);
    }
    int status = 0;
    while (status == 0 && kpi_plan_next(&plan, &adding->run)) {
        status = adding->run.kind == KPI_RUN_INTERVALS ? add_intervals(adding, sites, count)
                                                       : add_cells(adding, scope, wide);
    }
    return status;
}

int kpi_sum_add(struct kpi_sum *sum, size_t site, int64_t from_s, int64_t to_s)
{
    const struct kpi_scope *scope = sum->scope;
    struct adding adding = {.sum = sum, .from_s = from_s, .to_s = to_s, .durations = sum->durations};
    int late = look_at_clock(sum);
    if (late != 0) {
        return late;
    }
    if (is_wide(sum)) { /* what is pending is taken away again */
        adding.durations = ~0U;
        return add_span(&adding, scope->scope, scope->day_zone, scope->sites, scope->count, true);
    }
    int status = 0;
    for (size_t i = site == SIZE_MAX ? 0 : site; status == 0 && i < scope->count && (site == SIZE_MAX || i == site);
         i++) {
        const struct kpi_site *one = &scope->sites[i];
        status = add_span(&adding, store_scope_site(one->number), one->day_zone, one, 1, false);
    }
    return status;
}
