#include "collector/alert/look.h"
#include "collector/query/kpi_walk.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 1000000 };

struct window {
    struct look *look;
    struct figures *figures;
    int64_t window_ms;
    struct figures_sums sums;
};

static uint64_t calls_of(enum alert_metric metric, const struct summary *sum)
{
    switch (metric) {
    case ALERT_SERVICE_LEVEL: return (uint64_t)sum->flow[FLOW_ANSWERED] + sum->flow[FLOW_ABANDONED];
    case ALERT_ASA: return sum->flow[FLOW_ANSWERED];
    default: return sum->flow[FLOW_ENTERED];
    }
}

static double value_of(enum alert_metric metric, const struct summary *sum, const struct queue_settings *by)
{
    double value = NAN;
    bool known = false;
    switch (metric) {
    case ALERT_SERVICE_LEVEL:
        known = measures_service_level(sum, (enum sl_method)by->sl_method, by->sl_threshold_ms, by->short_abandon_ms,
                                       &value);
        break;
    case ALERT_ABANDON_RATE: known = measures_abandon_rate(sum, &value); break;
    case ALERT_ASA: known = measures_mean_ms(&sum->duration[DURATION_WAIT_ANSWERED], &value); break;
    default: break;
    }
    return known ? value : NAN;
}

static bool judged_alike(const struct queue_settings *a, const struct queue_settings *b)
{
    return a->sl_method == b->sl_method && a->sl_threshold_ms == b->sl_threshold_ms &&
           a->short_abandon_ms == b->short_abandon_ms;
}

static int add_to_sum(struct window *window, uint32_t rule, uint32_t site, const struct kpi_row *row)
{
    struct figures_sum *sum;
    int status = figures_sums_at(&window->sums, window->figures, rule, site, &sum);
    if (status != 0) {
        return status;
    }
    if (!sum->any) {
        sum->any = true;
        sum->settings = *row->settings;
        return summary_copy(&sum->summary, row->sum);
    }
    sum->differ = sum->differ || !judged_alike(&sum->settings, row->settings);
    return summary_merge(&sum->summary, row->sum);
}

static bool is_of(const struct window *window, const struct alert_rule *rule)
{
    return rule->window_ms == window->window_ms && rule->metric != ALERT_UNBALANCED;
}

static int take_row(void *ctx, const struct kpi_row *row)
{
    struct window *window = ctx;
    struct figures *figures = window->figures;
    const struct figures_site *site = row->site ? figures_find(figures, row->site) : NULL;
    uint32_t queue = intern_put(figures->queues, row->queue);
    int status = 0;
    if (!site || queue == 0) {
        return 0;
    }
    uint32_t at = (uint32_t)(site - figures->sites) + 1;
    for (uint32_t i = 0; status == 0 && i < figures->rule_count; i++) {
        const struct alert_rule *rule = &figures->rules[i];
        if (!is_of(window, rule) || !figures_match(figures, i, at, queue)) {
            continue;
        }
        if (rule->per != ALERT_PER_QUEUE) {
            status = add_to_sum(window, i, at, row);
            continue;
        }
        status = figures_add(figures, &(struct figure){.rule = i,
                                                       .site = at,
                                                       .group = site->group_id,
                                                       .queue = queue,
                                                       .value = value_of(rule->metric, row->sum, row->settings),
                                                       .calls = calls_of(rule->metric, row->sum)});
    }
    return status;
}

/* Where the queues are judged differently, the default judges them together: as a total of kpi does. */
static int add_sums(struct window *window)
{
    int status = 0;
    struct queue_settings defaults = fields_default_settings();
    for (size_t i = 0; status == 0 && i < window->sums.count; i++) {
        struct figures_sum *sum = &window->sums.items[i];
        const struct alert_rule *rule = &window->figures->rules[sum->figure.rule];
        struct figure figure = sum->figure;
        if (rule->per == ALERT_PER_GROUP && figure.group == 0) {
            continue;
        }
        if (rule->metric != ALERT_UNBALANCED) {
            figure.value = value_of(rule->metric, &sum->summary, sum->differ ? &defaults : &sum->settings);
            figure.calls = calls_of(rule->metric, &sum->summary);
        }
        status = figures_add(window->figures, &figure);
    }
    return status;
}

static unsigned durations_of(enum alert_metric metric)
{
    switch (metric) {
    case ALERT_SERVICE_LEVEL:
        return 1U << DURATION_WAIT_ANSWERED | 1U << DURATION_WAIT_ABANDONED | 1U << DURATION_WAIT_EXIT |
               1U << DURATION_WAIT_KEY;
    case ALERT_ASA: return 1U << DURATION_WAIT_ANSWERED;
    default: return 0;
    }
}

static unsigned durations_wanted(const struct window *window)
{
    unsigned wanted = 0;
    for (size_t i = 0; i < window->figures->rule_count; i++) {
        const struct alert_rule *rule = &window->figures->rules[i];
        wanted |= is_of(window, rule) ? durations_of(rule->metric) : 0;
    }
    return wanted;
}

static int walk(struct window *window, struct query_why *why)
{
    const struct lookout_options *options = window->look->options;
    int64_t now_ms = window->figures->now_ms;
    struct kpi_centre centre = {.store = options->store,
                                .registry = options->registry,
                                .zone = options->zone,
                                .now_ms = now_ms,
                                .row_limit = ROWS_MAX,
                                .expired = window->look->expired,
                                .expired_ctx = window->look->expired_ctx};
    const struct kpi_walk_wish wish = {take_row, window, durations_wanted(window)};
    struct kpi_scope *scope = NULL;
    const struct zone *zone;
    struct query query;
    query_init(&query, REPORT_KPI);
    query.central = query.by_site = query.by_queue = true;
    query.has_from = query.has_to = true;
    query.from_ms = now_ms - window->window_ms;
    query.to_ms = now_ms;
    int status = kpi_scope_new(&centre, KPI_ALL, "", &scope, why);
    status = status == 0 ? kpi_scope_zone(scope, NULL, &zone, why) : status;
    status = status == 0 ? kpi_walk_some(scope, &query, zone, NULL, &wish, why) : status;
    kpi_scope_free(scope);
    return status;
}

int look_window(struct look *look, int64_t window_ms, struct query_why *why)
{
    struct window window = {.look = look, .figures = look->figures, .window_ms = window_ms};
    int status = figures_sums_init(&window.sums, look->figures->rule_count);
    status = status == 0 ? walk(&window, why) : status;
    status = status == 0 ? add_sums(&window) : status;
    figures_sums_deinit(&window.sums);
    return status;
}

/* ---- books that do not balance, counted interval by interval ---- */

struct books {
    struct window *window;
    struct store_view *view;
    uint32_t *queues; /* of this site, by the store's number: how many */
    size_t queue_count;
    uint32_t last;
};

static int take_interval(void *ctx, const struct store_interval *item)
{
    struct books *books = ctx;
    if (item->open || summary_balanced(item->sum)) {
        return 0;
    }
    uint32_t *queues = grow_table(books->queues, item->queue, &books->queue_count, sizeof *queues);
    if (!queues) {
        return STATUS_NO_MEMORY;
    }
    books->queues = queues;
    queues[item->queue]++;
    books->last = item->queue > books->last ? item->queue : books->last;
    return 0;
}

static int add_unbalanced(struct window *window, uint32_t site, uint32_t queue, uint32_t count)
{
    struct figures *figures = window->figures;
    int status = 0;
    for (uint32_t i = 0; status == 0 && i < figures->rule_count; i++) {
        const struct alert_rule *rule = &figures->rules[i];
        if (rule->metric != ALERT_UNBALANCED || rule->window_ms != window->window_ms ||
            !figures_match(figures, i, site, queue)) {
            continue;
        }
        struct figures_sum *sum;
        if (rule->per == ALERT_PER_QUEUE) {
            status = figures_add(figures, &(struct figure){.rule = i,
                                                           .site = site,
                                                           .group = figures->sites[site - 1].group_id,
                                                           .queue = queue,
                                                           .value = count});
            continue;
        }
        status = figures_sums_at(&window->sums, figures, i, site, &sum);
        if (status == 0) {
            sum->figure.value += count;
        }
    }
    return status;
}

static int add_books(struct books *books, uint32_t site)
{
    struct figures *figures = books->window->figures;
    int status = 0;
    for (uint32_t queue = 0; status == 0 && books->queues && queue <= books->last; queue++) {
        struct slice name = books->queues[queue] ? store_view_queue_name(books->view, queue) : slice_str("");
        uint32_t known = name.len ? intern_put(figures->queues, name) : 0;
        if (known != 0) {
            status = add_unbalanced(books->window, site, known, books->queues[queue]);
        }
        books->queues[queue] = 0;
    }
    books->last = 0;
    return status;
}

int look_unbalanced(struct look *look, int64_t window_ms)
{
    struct window window = {.look = look, .figures = look->figures, .window_ms = window_ms};
    struct books books = {.window = &window};
    int64_t to_s = look->figures->now_ms / 1000;
    int status = figures_sums_init(&window.sums, look->figures->rule_count);
    status = status == 0 ? store_view_begin(look->options->store, &books.view) : status;
    for (size_t i = 0; status == 0 && i < look->figures->site_count; i++) {
        status = store_view_intervals(books.view, look->figures->sites[i].number, to_s - window_ms / 1000, to_s,
                                      take_interval, &books, NULL);
        status = status == 0 ? add_books(&books, (uint32_t)i + 1) : status;
        if (status == 0 && look->expired && look->expired(look->expired_ctx)) {
            status = STATUS_LATE;
        }
    }
    status = status == 0 ? add_sums(&window) : status;
    if (books.view) {
        store_view_end(books.view);
    }
    free(books.queues);
    figures_sums_deinit(&window.sums);
    return status;
}
