#include "collector/query/distribution_query.h"

#include "collector/query/kpi_walk.h"
#include "collector/query/query_document.h"
#include "proto/report/fields.h"

struct distribution {
    struct json *document;
    bool any;
};

static void put_counters(struct json *out, const struct kpi_row *row)
{
    struct json *counters = json_put_map(out, "counters");
    for (int i = 0; i < FLOW_COUNT; i++) {
        bool asked = i == FLOW_ABANDONED_SHORT && row->short_abandon_asked;
        json_put_int(counters, summary_flow_names[i],
                     asked ? (int64_t)measures_short_abandons(row->sum, row->settings->short_abandon_ms)
                           : (int64_t)row->sum->flow[i]);
    }
}

static void put_settings(struct json *out, const struct queue_settings *settings)
{
    struct json *map = json_put_map(out, "settings");
    fields_number(map, "threshold_s", (double)settings->sl_threshold_ms / 1000);
    json_put_str(map, "method", measures_sl_name((enum sl_method)settings->sl_method));
    fields_number(map, "short_abandon_s", (double)settings->short_abandon_ms / 1000);
}

static void put_within(struct json *out, const struct summary *sum, int64_t threshold_ms)
{
    struct json *within = json_put_map(out, "within");
    const struct histogram *answered = &sum->duration[DURATION_WAIT_ANSWERED].hist;
    const struct histogram *abandoned = &sum->duration[DURATION_WAIT_ABANDONED].hist;
    json_put_int(within, "answered", (int64_t)histogram_count_within(answered, threshold_ms));
    json_put_int(within, "abandoned", (int64_t)histogram_count_within(abandoned, threshold_ms));
    json_put_bool(within, "exact", histogram_bin_upper(histogram_bin_of(threshold_ms)) == threshold_ms);
}

static void put_levels(struct json *out, const struct kpi_row *row)
{
    const struct queue_settings *settings = row->settings;
    struct json *levels = json_put_list(out, "service_levels");
    for (int method = 0; method < SL_METHOD_COUNT; method++) {
        struct json *item = json_add_map(levels);
        double value = 0;
        json_put_str(item, "method", measures_sl_name((enum sl_method)method));
        if (measures_service_level(row->sum, (enum sl_method)method, settings->sl_threshold_ms,
                                   settings->short_abandon_ms, &value)) {
            fields_number(item, "value", value);
        } else {
            json_put_null(item, "value");
        }
    }
}

static int take_row(void *ctx, const struct kpi_row *row)
{
    struct distribution *distribution = ctx;
    struct json *out = distribution->document;
    static const enum duration_kind waits[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_WAIT_EXIT,
                                               DURATION_WAIT_KEY};
    distribution->any = true;
    json_put_text(out, "queue", row->queue);
    put_settings(out, row->settings);
    put_counters(out, row);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        fields_stat_bins(out, summary_duration_names[waits[i]], &row->sum->duration[waits[i]]);
    }
    put_within(out, row->sum, row->settings->sl_threshold_ms);
    put_levels(out, row);
    return 0;
}

/* Nothing is held: the same document, of nothing. */
static void take_nothing(struct distribution *distribution, const struct query *query)
{
    static const struct summary nothing;
    const struct queue_settings usual = fields_default_settings();
    const struct queue_settings settings = fields_settings(&usual, query);
    const struct kpi_row row = {
        .queue = query->queue_count == 1 ? query->queues[0] : slice_str("*"), .sum = &nothing, .settings = &settings};
    (void)take_row(distribution, &row);
}

int distribution_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
                       struct query_why *why)
{
    struct distribution distribution = {.document = query_document_new()};
    struct query whole = *query;
    whole.by_site = false;
    whole.total = query->queue_count != 1;
    whole.by_queue = !whole.total;
    whole.grain = QUERY_WHOLE;
    whole.hour_of_week = false;
    int status = kpi_walk(scope, &whole, zone, distribution.document, take_row, &distribution, why);
    if (status == 0 && !distribution.any) {
        take_nothing(&distribution, &whole);
    }
    return query_document_end(status, distribution.document, out, why);
}
