#include "proto/report/fields.h"

#include <math.h>

#include "platform/time/zone.h"

void fields_time(struct json *map, const char *key, int64_t at_ms)
{
    char text[STAMP_MAX];
    json_put_str(map, key, at_ms == 0 ? NULL : zone_format(at_ms, text));
}

void fields_number(struct json *map, const char *key, double value)
{
    if (fabs(value) < 9e15 && value >= floor(value) && value <= floor(value)) {
        json_put_int(map, key, (int64_t)value);
    } else {
        json_put_number(map, key, value);
    }
}

void fields_span(struct json *map, const char *key, int64_t value_ms)
{
    if (value_ms < 0) {
        json_put_null(map, key);
    } else {
        json_put_int(map, key, value_ms);
    }
}

/* A bin's upper edge may lie above everything that was counted. */
static int64_t percentile_ms(const struct duration_stat *stat, double p)
{
    int64_t edge_ms = histogram_percentile(&stat->hist, p);
    return edge_ms > (int64_t)stat->max_ms ? (int64_t)stat->max_ms : edge_ms;
}

static struct json *put_stat(struct json *map, const char *key, const struct duration_stat *stat)
{
    struct json *out = json_put_map(map, key);
    bool empty = stat->hist.total == 0;
    double mean = 0;
    json_put_int(out, "count", (int64_t)stat->hist.total);
    json_put_int(out, "sum", (int64_t)stat->sum_ms);
    if (measures_mean_ms(stat, &mean)) {
        fields_number(out, "mean", mean);
    } else {
        json_put_null(out, "mean");
    }
    fields_span(out, "p50", percentile_ms(stat, 0.50));
    fields_span(out, "p90", percentile_ms(stat, 0.90));
    fields_span(out, "p95", percentile_ms(stat, 0.95));
    fields_span(out, "p99", percentile_ms(stat, 0.99));
    fields_span(out, "max", empty ? -1 : (int64_t)stat->max_ms);
    return out;
}

void fields_stat(struct json *map, const char *key, const struct duration_stat *stat)
{
    (void)put_stat(map, key, stat);
}

void fields_stat_bins(struct json *map, const char *key, const struct duration_stat *stat)
{
    struct json *bins = json_put_list(put_stat(map, key, stat), "bins");
    for (uint32_t i = 0; i < stat->hist.used; i++) {
        json_add_int(bins, histogram_bin_upper(stat->hist.bins[i].bin));
        json_add_int(bins, stat->hist.bins[i].count);
    }
}

struct queue_settings fields_default_settings(void)
{
    struct queue_settings settings = {.label = ""};
    settings.sl_method = MEASURES_DEFAULT_SL_METHOD;
    settings.sl_threshold_ms = MEASURES_DEFAULT_SL_THRESHOLD_MS;
    settings.short_abandon_ms = MEASURES_DEFAULT_SHORT_ABANDON_MS;
    return settings;
}

struct queue_settings fields_settings(const struct queue_settings *own, const struct query *query)
{
    struct queue_settings settings = *own;
    if (query->sl_method != SL_METHOD_COUNT) {
        settings.sl_method = query->sl_method;
    }
    if (query->sl_threshold_ms >= 0) {
        settings.sl_threshold_ms = query->sl_threshold_ms;
    }
    if (query->short_abandon_ms >= 0) {
        settings.short_abandon_ms = query->short_abandon_ms;
    }
    if (settings.sl_method >= SL_METHOD_COUNT) {
        settings.sl_method = MEASURES_DEFAULT_SL_METHOD; /* written by a version that knows more */
    }
    return settings;
}

void fields_service_level(struct json *map, const struct summary *sum, const struct queue_settings *settings)
{
    struct json *out = json_put_map(map, "service_level");
    enum sl_method method = (enum sl_method)settings->sl_method;
    double value = 0;
    fields_number(out, "threshold_s", (double)settings->sl_threshold_ms / 1000);
    json_put_str(out, "method", measures_sl_name(method));
    if (measures_service_level(sum, method, settings->sl_threshold_ms, settings->short_abandon_ms, &value)) {
        fields_number(out, "value", value);
    } else {
        json_put_null(out, "value");
    }
}

static void put_mean(struct json *map, const char *key, const struct duration_stat *stat)
{
    double mean = 0;
    if (measures_mean_ms(stat, &mean)) {
        fields_number(map, key, mean);
    } else {
        json_put_null(map, key);
    }
}

void fields_ratios(struct json *map, const struct summary *sum)
{
    double rate = 0;
    put_mean(map, "asa_ms", &sum->duration[DURATION_WAIT_ANSWERED]);
    put_mean(map, "aht_ms", &sum->duration[DURATION_HANDLE]);
    if (measures_abandon_rate(sum, &rate)) {
        fields_number(map, "abandon_rate", rate);
    } else {
        json_put_null(map, "abandon_rate");
    }
}
