#include "collector/query/kpi_span.h"

enum { DAY_S = 86400 };

static const int64_t short_span_ms = INT64_C(400) * DAY_S * 1000;

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

static int take_first_interval(void *ctx, const struct store_interval *item)
{
    struct kpi_span *span = ctx;
    span->first_s = item->start_s < span->first_s ? item->start_s : span->first_s;
    return 1;
}

static int take_first_cell(void *ctx, const struct store_cell *item)
{
    struct kpi_span *span = ctx;
    span->first_s = item->key_s < span->first_s ? item->key_s : span->first_s;
    return 1;
}

/* Where data begins. Hours may be kept for longer than their intervals. */
static int find_first(const struct kpi_scope *scope, struct store_view *view, struct kpi_span *span)
{
    int status = 0;
    span->first_s = INT64_MAX;
    for (size_t i = 0; status >= 0 && i < scope->count; i++) {
        uint32_t site = scope->sites[i].number;
        status = kpi_scope_late(scope);
        status = status < 0 ? status : store_view_intervals(view, site, 0, INT64_MAX, take_first_interval, span, NULL);
        if (status >= 0) {
            status = store_view_cells(view, store_scope_site(site), STORE_HOUR, 0, INT64_MAX, UINT32_MAX,
                                      take_first_cell, span, NULL);
        }
    }
    return status < 0 ? status : 0;
}

static int64_t newest_end(const struct kpi_scope *scope)
{
    int64_t newest_s = 0;
    for (size_t i = 0; i < scope->count; i++) {
        newest_s = scope->sites[i].newest_s > newest_s ? scope->sites[i].newest_s : newest_s;
    }
    return newest_s ? newest_s : scope->centre->now_ms / 1000;
}

int kpi_span_choose(const struct kpi_scope *scope, struct store_view *view, const struct query *query,
                    struct kpi_span *span)
{
    int64_t step_s = scope->grid_s;
    int64_t newest_s = newest_end(scope);
    int64_t now_s = scope->centre->now_ms / 1000;
    bool short_span = query->has_from && query->has_to && query->to_ms - query->from_ms < short_span_ms;
    int status = short_span ? 0 : find_first(scope, view, span);
    bool any = span->first_s < INT64_MAX;
    span->first_s = any ? floor_to(span->first_s, step_s) : floor_to(now_s, step_s);
    span->last_s = floor_to((newest_s > now_s ? newest_s : now_s) + DAY_S, step_s); /* nobody is a day ahead */
    span->from_s = query->has_from ? floor_to(floor_to(query->from_ms, 1000) / 1000, step_s) : span->first_s;
    span->to_s = floor_to(newest_s + step_s - 1, step_s);
    if (query->has_to) {
        span->to_s = floor_to(floor_to(query->to_ms + step_s * 1000 - 1, 1000) / 1000, step_s);
    }
    span->from_s = span->from_s < 0 ? 0 : span->from_s;
    span->to_s = span->to_s < span->from_s ? span->from_s : span->to_s;
    return status;
}
