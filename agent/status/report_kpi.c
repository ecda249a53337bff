#include "agent/status/report_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/status/filter.h"
#include "agent/status/gaps.h"
#include "agent/status/groups.h"
#include "agent/status/settings.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"
#include "proto/report/kpi_row.h"

enum { ROWS_MAX = 100000 };

static const int64_t far_future_s = INT64_C(253402300800); /* the year 10000 */

struct kpi_work {
    const struct report_job *job;
    struct filter filter;
    struct groups groups;
    struct gaps gaps;
    int64_t from_s; /* on interval edges */
    int64_t to_s;
    int64_t first_s; /* what was met, when anything was */
    int64_t last_s;
    bool met;
};

struct kpi_item {
    const struct group *group;
    struct slice name;
};

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* The asked-for span, widened outward to whole intervals. */
static void choose_span(struct kpi_work *work)
{
    const struct query *query = work->job->query;
    int64_t step_s = work->job->facts.interval_s;
    work->from_s = query->has_from ? floor_to(floor_to(query->from_ms, 1000) / 1000, step_s) : 0;
    work->to_s = far_future_s;
    if (query->has_to) {
        work->to_s = floor_to(floor_to(query->to_ms + step_s * 1000 - 1, 1000) / 1000, step_s);
    }
}

static int take_interval(void *ctx, const struct ledger_interval *item)
{
    struct kpi_work *work = ctx;
    if (!work->met) {
        work->met = true;
        work->first_s = item->start_s;
    }
    work->last_s = item->start_s;
    return filter_wants(&work->filter, item->queue)
               ? groups_add(&work->groups, item->queue, item->start_s, item->summary)
               : 0;
}

static int compare_rows(const void *left, const void *right)
{
    const struct kpi_item *a = left;
    const struct kpi_item *b = right;
    if (a->group->start_s != b->group->start_s) {
        return a->group->start_s < b->group->start_s ? -1 : 1;
    }
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = shorter ? memcmp(a->name.data, b->name.data, shorter) : 0;
    if (order == 0) {
        order = (a->name.len > b->name.len) - (a->name.len < b->name.len);
    }
    return order != 0 ? order : (a->group->queue > b->group->queue) - (a->group->queue < b->group->queue);
}

/* All queues together go by the settings that they share; where they do not, by the defaults. */
static struct queue_settings total_settings(const struct kpi_work *work)
{
    const struct query *query = work->job->query;
    struct ledger_view *view = work->job->env->view;
    struct queue_settings shared = settings_of(view, 0, query);
    for (uint32_t i = 0; i < work->groups.count; i++) {
        struct queue_settings one = settings_of(view, work->groups.items[i]->queue, query);
        if (i == 0) {
            shared = one;
        } else if (one.sl_method != shared.sl_method || one.sl_threshold_ms != shared.sl_threshold_ms ||
                   one.short_abandon_ms != shared.short_abandon_ms) {
            return settings_of(view, 0, query);
        }
    }
    return shared;
}

static void put_row(struct json *rows, const struct kpi_work *work, const struct kpi_item *item,
                    const struct queue_settings *settings)
{
    const struct query *query = work->job->query;
    bool grouped = query->grain != QUERY_WHOLE;
    int64_t from_s = grouped ? item->group->start_s : work->from_s;
    int64_t to_s = grouped ? item->group->end_s : work->to_s;
    struct kpi_row row = {.queue = item->name,
                          .start_ms = grouped ? item->group->start_s * 1000 : 0,
                          .sum = &item->group->sum,
                          .settings = settings,
                          .total = query->total,
                          .short_abandon_asked = query->short_abandon_ms >= 0,
                          .bins = query->bins,
                          .balanced = summary_balanced(&item->group->sum),
                          .complete = !gaps_calls(&work->gaps, from_s, to_s),
                          .live = gaps_live(&work->gaps, from_s, to_s) ? KPI_ROW_LIVE_PARTLY : KPI_ROW_LIVE_WHOLE};
    struct queue_settings own;
    if (!query->total && ledger_view_queue_settings(work->job->env->view, item->group->queue, &own)) {
        row.label = own.label;
    }
    kpi_row_put(json_add_map(rows), &row);
}

static int put_rows(struct json *out, struct kpi_work *work)
{
    struct json *rows = json_put_list(out, "rows");
    bool total = work->job->query->total;
    struct queue_settings settings = {0};
    struct groups joined = {0};
    const struct groups *groups = &work->groups;
    struct kpi_item *items = NULL;
    int status = 0;
    if (total) {
        settings = total_settings(work);
        status = groups_join_queues(groups, &joined);
        groups = &joined;
    }
    if (status == 0 && groups->count > 0) {
        items = calloc(groups->count, sizeof *items);
        status = items ? 0 : STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; status == 0 && i < groups->count; i++) {
        items[i].group = groups->items[i];
        items[i].name =
            total ? slice_str("*") : ledger_view_name(work->job->env->view, LEDGER_QUEUE, groups->items[i]->queue);
    }
    if (status == 0 && items) {
        qsort(items, groups->count, sizeof *items, compare_rows);
        for (uint32_t i = 0; i < groups->count; i++) {
            if (!total) {
                settings = settings_of(work->job->env->view, items[i].group->queue, work->job->query);
            }
            put_row(rows, work, &items[i], &settings);
        }
    }
    free(items);
    groups_deinit(&joined);
    return status;
}

static void put_head(struct json *out, const struct kpi_work *work, uint64_t bad)
{
    static const char *const grains[] = {
        [QUERY_WHOLE] = "", [QUERY_BY_DAY] = ",day", [QUERY_BY_HOUR] = ",hour", [QUERY_BY_INTERVAL] = ",interval"};
    const struct query *query = work->job->query;
    char by[32];
    (void)snprintf(by, sizeof by, "%s%s", query->total ? "total" : "queue", grains[query->grain]);
    fields_time(out, "from", work->from_s * 1000);
    fields_time(out, "to", work->to_s == far_future_s ? 0 : work->to_s * 1000);
    fields_time(out, "as_of", work->job->env->now_ms);
    json_put_str(out, "zone", zone_name());
    json_put_str(out, "by", by);
    json_put_int(out, "interval_s", work->job->facts.interval_s);
    json_put_int(out, "bad_records", (int64_t)bad);
    json_put_bool(out, "complete", bad == 0 && !gaps_calls(&work->gaps, work->from_s, work->to_s));
    json_put_bool(out, "live_complete", bad == 0 && work->gaps.count == 0);
    struct json *gaps = json_put_list(out, "gaps");
    for (size_t i = 0; i < work->gaps.count; i++) {
        struct json *gap = json_add_map(gaps);
        fields_time(gap, "from", work->gaps.items[i].from_ms);
        fields_time(gap, "to", work->gaps.items[i].to_ms);
        json_put_str(gap, "kind", gaps_kind(&work->gaps.items[i]));
        json_put_str(gap, "reason", work->gaps.items[i].reason);
    }
}

static int gather(struct kpi_work *work, uint64_t *bad)
{
    const struct report_job *job = work->job;
    uint32_t limit = job->env->row_limit ? job->env->row_limit : ROWS_MAX;
    int status = groups_init(&work->groups, job->query->grain, job->facts.interval_s, limit);
    if (status == 0) {
        status = ledger_view_intervals(job->env->view, work->from_s, work->to_s, take_interval, work, bad);
    }
    if (status == STATUS_FULL) {
        (void)snprintf(job->why->text, sizeof job->why->text,
                       "more than %" PRIu32 " rows: ask for a shorter span or coarser rows, or read the ledger itself",
                       limit);
    }
    if (status == 0) {
        status = filter_check(&work->filter, job->why);
    }
    if (status != 0) {
        return status;
    }
    /* An end that nobody asked for is where the data ends. */
    if (!job->query->has_from) {
        work->from_s = work->met ? work->first_s : 0;
    }
    if (!job->query->has_to && work->met) {
        work->to_s = work->last_s + job->facts.interval_s;
    }
    return gaps_load(&work->gaps, job->env->view, work->from_s, work->to_s);
}

int report_kpi(const struct report_job *job, struct json *out)
{
    struct kpi_work work = {.job = job};
    uint64_t bad = 0;
    if (job->facts.interval_s == 0) {
        return STATUS_CORRUPT;
    }
    filter_init(&work.filter, job->query, job->env->view);
    choose_span(&work);
    int status = gather(&work, &bad);
    if (status == 0) {
        put_head(out, &work, bad);
        status = put_rows(out, &work);
    }
    groups_deinit(&work.groups);
    filter_deinit(&work.filter);
    gaps_deinit(&work.gaps);
    return status;
}
