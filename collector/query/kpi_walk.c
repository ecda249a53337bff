#include "collector/query/kpi_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/query/kpi_missing.h"
#include "collector/query/kpi_query.h"
#include "collector/query/kpi_queues.h"
#include "collector/query/kpi_slots.h"
#include "collector/query/kpi_span.h"
#include "collector/query/kpi_sum.h"
#include "collector/query/query_document.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

enum { HOUR_S = 3600, DAY_S = 86400, WEEK_HOURS = 168 };

struct work {
    struct kpi_scope *scope;
    const struct query *query;
    const struct zone *zone;
    struct store_view *view;
    struct query_why *why;
    bool total; /* one row for all queues */
    struct kpi_span span;
    int64_t end_s; /* of what is added up; see find_end() */
    struct kpi_queues queues;
    struct kpi_missing missing;
    struct kpi_sum sum;
    bool dropped; /* somewhere hours had to be taken apart whose intervals are gone */
    struct queue_settings total_settings;
    struct summary summary; /* of the row that is being written */
    const struct kpi_walk_wish *wish;
    uint32_t row_count;
};

/* A step of the answer: one slot, or with --by hour-of-week the same hour of several weeks. */
struct step {
    const struct kpi_slot *slots;
    size_t count;
    bool weekly;
    unsigned hour_of_week;
};

/* ---- rows ---- */

struct place {
    struct work *work;
    size_t at;
    struct slice name;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = shorter ? memcmp(a->name.data, b->name.data, shorter) : 0;
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static bool step_complete(const struct work *work, const struct step *step, uint32_t site)
{
    for (size_t i = 0; i < step->count; i++) {
        if (kpi_missing_touches(&work->missing, site, step->slots[i].from_s, step->slots[i].to_s)) {
            return false;
        }
    }
    return true;
}

/* The books of the whole row: every interval balances, and what waits at the end is what they say. Of a row that is
 * not whole, or still running, nobody knows what waits at its end. */
static bool step_balanced(const struct work *work, const struct step *step, uint32_t site, bool complete,
                          const struct cell_facts *facts)
{
    int64_t end_s = step->slots[step->count - 1].to_s;
    if (facts->unbalanced > 0 || step->weekly || !complete || !kpi_missing_settled(&work->missing, site, end_s)) {
        return facts->unbalanced == 0;
    }
    return (int64_t)facts->waiting_start + facts->waiting_net == (int64_t)facts->waiting_end;
}

/* Which site's settings, gaps and silence a row goes by; 0: those of all in the scope. */
static uint32_t one_site(const struct work *work, size_t site)
{
    bool single = work->scope->whose == KPI_SITE && work->scope->count == 1;
    return single ? work->scope->sites[0].number : site == SIZE_MAX ? 0 : work->scope->sites[site].number;
}

static struct queue_settings row_settings(struct work *work, uint32_t site, uint32_t queue)
{
    if (!work->total) {
        return kpi_queues_settings(&work->queues, site, queue);
    }
    return work->query->by_site ? kpi_queues_total_settings(&work->queues, site) : work->total_settings;
}

static int count_row(struct work *work)
{
    uint32_t limit = work->scope->centre->row_limit ? work->scope->centre->row_limit : KPI_QUERY_ROWS_MAX;
    if (work->row_count++ < limit) {
        return kpi_scope_late(work->scope);
    }
    (void)snprintf(work->why->text, sizeof work->why->text,
                   "more than %" PRIu32 " rows: ask for a shorter span, coarser rows or fewer sites and queues", limit);
    return STATUS_FULL;
}

static int put_row(struct work *work, const struct step *step, size_t site, const struct place *place, bool complete)
{
    struct cell *cell;
    struct cell_facts facts;
    uint32_t number = one_site(work, site);
    uint32_t queue = kpi_rows_queue(&work->sum.rows, place->at);
    int status = kpi_rows_cell(&work->sum.rows, queue, &cell);
    if (status == 0) {
        status = cell_summary(cell, &work->summary);
    }
    if (status != 0 || summary_is_zero(&work->summary)) {
        return status;
    }
    status = count_row(work);
    if (status != 0) {
        return status;
    }
    cell_facts(cell, &facts);
    struct queue_settings settings = row_settings(work, number, queue);
    bool grouped = work->query->grain != QUERY_WHOLE;
    const struct kpi_row row = {.site = site == SIZE_MAX ? NULL : work->scope->sites[site].id,
                                .queue = place->name,
                                .label = settings.label,
                                .start_ms = grouped ? step->slots[0].start_s * 1000 : 0,
                                .sum = &work->summary,
                                .settings = &settings,
                                .total = work->total || number == 0,
                                .short_abandon_asked = work->query->short_abandon_ms >= 0,
                                .bins = work->query->bins,
                                .balanced = step_balanced(work, step, number, complete, &facts),
                                .complete = complete,
                                .weekly = step->weekly,
                                .hour_of_week = step->hour_of_week};
    return work->wish->fn(work->wish->ctx, &row);
}

/* Writes the rows in the order of their names and empties them. */
static int put_rows(struct work *work, const struct step *step, size_t site)
{
    struct kpi_rows *rows = &work->sum.rows;
    if (rows->count == 0) {
        work->dropped = work->dropped || work->sum.dropped;
        work->sum.dropped = false;
        return 0;
    }
    struct place *places = calloc(rows->count, sizeof *places);
    if (!places) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < rows->count; i++) {
        places[i].at = i;
        places[i].name = work->total ? slice_str("*") : kpi_queues_name(&work->queues, kpi_rows_queue(rows, i));
    }
    qsort(places, rows->count, sizeof *places, compare_places);
    bool complete = !work->sum.dropped && step_complete(work, step, one_site(work, site));
    work->dropped = work->dropped || work->sum.dropped;
    work->sum.dropped = false;
    int status = 0;
    for (size_t i = 0; status == 0 && i < rows->count; i++) {
        status = put_row(work, step, site, &places[i], complete);
    }
    free(places);
    kpi_rows_clear(rows);
    return status;
}

static int put_step_of(struct work *work, const struct step *step, size_t site)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < step->count; i++) {
        status = kpi_sum_add(&work->sum, site, step->slots[i].from_s, step->slots[i].to_s);
    }
    return status == 0 ? put_rows(work, step, site) : status;
}

static int put_step(struct work *work, const struct step *step)
{
    if (!work->query->by_site) {
        return put_step_of(work, step, SIZE_MAX);
    }
    int status = 0;
    for (size_t site = 0; status == 0 && site < work->scope->count; site++) {
        status = put_step_of(work, step, site);
    }
    return status;
}

/* ---- steps ---- */

static int take_any(void *ctx, const struct store_interval *item)
{
    (void)ctx;
    (void)item;
    return 1;
}

/* A span that ends behind now, and behind everything that is held, may as well end with the running day or hour: then
 * the sums of that serve whole. Nothing is added by it. */
static int find_end(struct work *work)
{
    const struct kpi_scope *scope = work->scope;
    int64_t to_s = work->span.to_s;
    int status = 0;
    work->end_s = to_s;
    if (to_s <= scope->centre->now_ms / 1000) {
        return 0;
    }
    for (size_t i = 0; status == 0 && i < scope->count; i++) {
        status = kpi_scope_late(scope);
        if (status == 0) {
            status = store_view_intervals(work->view, scope->sites[i].number, to_s, INT64_MAX, take_any, NULL, NULL);
        }
    }
    if (status == 0) {
        work->end_s = work->sum.days ? zone_next_day_start(to_s - 1) : (to_s - 1) / HOUR_S * HOUR_S + HOUR_S;
    }
    return status < 0 ? status : 0;
}

/* Steps before and behind all data need no look. The one of the whole span keeps its edges clear of the data's. */
static void begin_slots(const struct work *work, enum query_grain grain, struct kpi_slots *out)
{
    int64_t clear_s = grain == QUERY_WHOLE ? DAY_S : 0;
    int64_t from_s = work->span.from_s;
    int64_t to_s = grain == QUERY_BY_INTERVAL ? work->span.to_s : work->end_s;
    from_s = work->span.first_s - clear_s > from_s ? work->span.first_s - clear_s : from_s;
    to_s = work->span.last_s < to_s ? work->span.last_s : to_s;
    kpi_slots_init(out, grain, work->scope->grid_s, from_s, to_s);
    if (grain == QUERY_WHOLE) {
        return;
    }
    /* What is cut off is no part of a step's own span: a step begins where it begins, or where the span does. */
    struct kpi_slots whole;
    struct kpi_slot first;
    kpi_slots_init(&whole, grain, work->scope->grid_s, from_s, INT64_MAX);
    if (from_s < to_s && kpi_slots_next(&whole, &first)) {
        out->at_s = first.start_s > work->span.from_s ? first.start_s : work->span.from_s;
    }
    struct kpi_slot last;
    kpi_slots_init(&whole, grain, work->scope->grid_s, to_s - 1, INT64_MAX);
    if (from_s < to_s && kpi_slots_next(&whole, &last)) {
        out->to_s = last.to_s < work->end_s ? last.to_s : work->end_s;
    }
}

static int put_slots(struct work *work)
{
    struct kpi_slots slots;
    struct kpi_slot slot;
    int status = 0;
    begin_slots(work, work->query->grain, &slots);
    while (status == 0 && kpi_slots_next(&slots, &slot)) {
        const struct step step = {.slots = &slot, .count = 1};
        status = put_step(work, &step);
    }
    return status;
}

struct week {
    struct kpi_slot *slots;
    size_t count;
    size_t cap;
};

/* The hours of the span, and behind them the same sorted by hour of the week. */
static int gather_week(struct work *work, struct week *week, size_t ends[WEEK_HOURS])
{
    struct kpi_slots slots;
    struct kpi_slot slot;
    size_t counts[WEEK_HOURS] = {0};
    begin_slots(work, QUERY_BY_HOUR, &slots);
    while (kpi_slots_next(&slots, &slot)) {
        struct kpi_slot *grown = grow_array(week->slots, week->count, &week->cap, sizeof *grown);
        if (!grown) {
            return STATUS_NO_MEMORY;
        }
        week->slots = grown;
        week->slots[week->count++] = slot;
        counts[kpi_slots_hour_of_week(slot.from_s)]++;
    }
    struct kpi_slot *sorted = calloc(week->count ? week->count : 1, sizeof *sorted);
    if (!sorted) {
        return STATUS_NO_MEMORY;
    }
    size_t end = 0;
    for (unsigned hour = 0; hour < WEEK_HOURS; hour++) {
        ends[hour] = end; /* begins here; moves on to its end below */
        end += counts[hour];
    }
    for (size_t i = 0; i < week->count; i++) {
        sorted[ends[kpi_slots_hour_of_week(week->slots[i].from_s)]++] = week->slots[i];
    }
    free(week->slots);
    week->slots = sorted;
    return 0;
}

static int put_week(struct work *work)
{
    struct week week = {0};
    size_t ends[WEEK_HOURS];
    int status = gather_week(work, &week, ends);
    for (unsigned hour = 0; status == 0 && hour < WEEK_HOURS; hour++) {
        size_t begin = hour > 0 ? ends[hour - 1] : 0;
        const struct step step = {
            .slots = week.slots + begin, .count = ends[hour] - begin, .weekly = true, .hour_of_week = hour};
        status = step.count > 0 ? put_step(work, &step) : 0;
    }
    free(week.slots);
    return status;
}

/* ---- the document ---- */

static void put_scope(struct json *out, const struct work *work)
{
    const struct kpi_scope *scope = work->scope;
    int64_t sites = 0;
    for (size_t i = 0; i < scope->count; i++) {
        sites += scope->sites[i].counts;
    }
    if (scope->whose == KPI_SITE) {
        json_put_str(out, "site", scope->name);
    }
    query_document_scope(out, scope);
    json_put_int(out, "sites", sites);
}

static void put_head(struct json *out, const struct work *work)
{
    static const char *const grains[] = {
        [QUERY_WHOLE] = "", [QUERY_BY_DAY] = ",day", [QUERY_BY_HOUR] = ",hour", [QUERY_BY_INTERVAL] = ",interval"};
    const struct query *query = work->query;
    char by[48];
    (void)snprintf(by, sizeof by, "%s%s%s", query->by_site ? "site," : "", work->total ? "total" : "queue",
                   query->hour_of_week ? ",hour-of-week" : grains[query->grain]);
    put_scope(out, work);
    fields_time(out, "from", work->span.from_s * 1000);
    fields_time(out, "to", work->span.to_s * 1000);
    fields_time(out, "as_of", work->scope->centre->now_ms);
    json_put_str(out, "zone", zone_name());
    json_put_str(out, "by", by);
    json_put_int(out, "interval_s", work->scope->grid_s);
}

static int prepare(struct work *work)
{
    const struct query *query = work->query;
    int status = kpi_queues_init(&work->queues, work->scope, query, work->view, work->why);
    status = status == 0 ? kpi_span_choose(work->scope, work->view, query, &work->span) : status;
    status = status == 0
                 ? kpi_missing_gather(work->scope, work->view, work->span.from_s, work->span.to_s, &work->missing)
                 : status;
    work->sum =
        (struct kpi_sum){.scope = work->scope,
                         .view = work->view,
                         .queues = &work->queues,
                         .zone = work->zone,
                         .total = work->total,
                         .by_site = query->by_site,
                         .durations = work->wish->durations,
                         .days = (query->grain == QUERY_WHOLE && !query->hour_of_week) || query->grain == QUERY_BY_DAY};
    status = status == 0 ? find_end(work) : status;
    status = status == 0 ? kpi_sum_init(&work->sum, work->span.from_s, work->end_s) : status;
    if (status == 0 && work->total && !query->by_site) {
        work->total_settings = kpi_queues_total_settings(&work->queues, one_site(work, SIZE_MAX));
    }
    return status;
}

static void put_tail(struct json *out, const struct work *work)
{
    bool touched = kpi_missing_touches(&work->missing, one_site(work, SIZE_MAX), work->span.from_s, work->span.to_s);
    json_put_int(out, "bad_records", (int64_t)work->sum.bad);
    json_put_bool(out, "complete", work->sum.bad == 0 && !work->dropped && !touched);
    json_put_bool(out, "intervals_dropped", work->dropped);
    kpi_missing_put(&work->missing, out);
}

static int answer(struct work *work, struct json *about)
{
    int status = prepare(work);
    if (status != 0) {
        return status;
    }
    if (about) {
        put_head(about, work);
    }
    status = work->query->hour_of_week ? put_week(work) : put_slots(work);
    if (status == 0 && about) {
        put_tail(about, work);
    }
    return status;
}

static int walk_once(struct work *work, struct json *about)
{
    int status = store_view_begin(work->scope->centre->store, &work->view);
    if (status != 0) {
        return status;
    }
    status = answer(work, about);
    kpi_sum_deinit(&work->sum);
    kpi_missing_deinit(&work->missing);
    kpi_queues_deinit(&work->queues);
    summary_deinit(&work->summary);
    store_view_end(work->view);
    return status;
}

static void explain(int status, struct query_why *why)
{
    if (status >= 0 || why->text[0]) {
        return;
    }
    const char *text = status == STATUS_CORRUPT ? "what the store holds contradicts itself: see its check"
                       : status == STATUS_LATE
                           ? "took longer than allowed: ask for a shorter span, coarser steps or fewer sites"
                           : status_str(status);
    (void)snprintf(why->text, sizeof why->text, "%s", text);
}

int kpi_walk(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json *about,
             kpi_walk_fn fn, void *ctx, struct query_why *why)
{
    const struct kpi_walk_wish wish = {fn, ctx, KPI_WALK_ALL_DURATIONS};
    return kpi_walk_some(scope, query, zone, about, &wish, why);
}

int kpi_walk_some(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json *about,
                  const struct kpi_walk_wish *wish, struct query_why *why)
{
    struct work work = {
        .scope = scope, .query = query, .zone = zone, .why = why, .total = query_joins_queues(query), .wish = wish};
    why->text[0] = '\0';
    zone_use(zone);
    int status = walk_once(&work, about);
    /* The grouping is read beside the view, not in it. */
    if (status == 0 && !kpi_scope_holds(scope)) {
        (void)snprintf(why->text, sizeof why->text, "groups or days are being rearranged: ask again");
        status = STATUS_BUSY;
    }
    explain(status, why);
    return status;
}
