#include "collector/query/series_query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/query/kpi_walk.h"
#include "collector/query/query_document.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

enum { WEEK_HOURS = 168 };

/* What a figure that does not exist is kept as. */
static double value_of(unsigned field, const struct kpi_row *row)
{
    double value = 0;
    return series_field_value(field, row, &value) ? value : (double)NAN;
}

static unsigned durations_of(const struct series_fields *fields)
{
    unsigned durations = 0;
    for (size_t i = 0; i < fields->count; i++) {
        durations |= series_field_durations(fields->items[i]);
    }
    return durations;
}

/* ---- over time ---- */

struct point {
    int64_t start_ms;
    bool complete;
    bool balanced;
};

struct series {
    char site[LIMITS_SITE_MAX + 1]; /* empty: of all together */
    char *queue;
    size_t queue_len;
    struct queue_settings settings;
    struct point *points;
    double *values; /* of all fields, point by point */
    size_t count;
    size_t cap;
};

struct chart {
    const struct series_fields *fields;
    struct series **items; /* by site, then the queue's name */
    size_t count;
    size_t cap;
};

static void series_free(struct series *series)
{
    if (series) {
        free(series->queue);
        free(series->points);
        free(series->values);
        free(series);
    }
}

static void chart_deinit(struct chart *chart)
{
    for (size_t i = 0; i < chart->count; i++) {
        series_free(chart->items[i]);
    }
    free(chart->items);
}

static int compare(const struct series *series, const struct kpi_row *row)
{
    int order = strcmp(series->site, row->site ? row->site : "");
    size_t shorter = series->queue_len < row->queue.len ? series->queue_len : row->queue.len;
    if (order == 0 && shorter > 0) {
        order = memcmp(series->queue, row->queue.data, shorter);
    }
    return order != 0 ? order : (series->queue_len > row->queue.len) - (series->queue_len < row->queue.len);
}

/* The first that is not before the row's. */
static size_t place_of(const struct chart *chart, const struct kpi_row *row)
{
    size_t low = 0;
    size_t count = chart->count;
    while (count > 0) {
        size_t half = count / 2;
        bool before = compare(chart->items[low + half], row) < 0;
        low = before ? low + half + 1 : low;
        count = before ? count - half - 1 : half;
    }
    return low;
}

static struct series *series_new(const struct kpi_row *row)
{
    struct series *series = calloc(1, sizeof *series);
    if (!series) {
        return NULL;
    }
    (void)snprintf(series->site, sizeof series->site, "%s", row->site ? row->site : "");
    series->queue = malloc(row->queue.len + 1);
    series->queue_len = row->queue.len;
    series->settings = *row->settings;
    if (!series->queue) {
        series_free(series);
        return NULL;
    }
    memcpy(series->queue, row->queue.data, row->queue.len);
    return series;
}

/* NULL: no memory. */
static struct series *series_for(struct chart *chart, const struct kpi_row *row)
{
    size_t place = place_of(chart, row);
    if (place < chart->count && compare(chart->items[place], row) == 0) {
        return chart->items[place];
    }
    struct series **items = grow_array(chart->items, chart->count, &chart->cap, sizeof *items);
    if (!items) {
        return NULL;
    }
    chart->items = items;
    struct series *series = series_new(row);
    if (series) {
        memmove(&items[place + 1], &items[place], (chart->count - place) * sizeof *items);
        items[place] = series;
        chart->count++;
    }
    return series;
}

static int make_room(struct series *series, size_t fields)
{
    size_t cap = series->cap;
    struct point *points = grow_array(series->points, series->count, &cap, sizeof *points);
    if (!points) {
        return STATUS_NO_MEMORY;
    }
    series->points = points;
    if (cap > series->cap && fields > 0) {
        double *values = realloc(series->values, cap * fields * sizeof *values);
        if (!values) {
            return STATUS_NO_MEMORY;
        }
        series->values = values;
    }
    series->cap = cap;
    return 0;
}

static int take_point(void *ctx, const struct kpi_row *row)
{
    struct chart *chart = ctx;
    const struct series_fields *fields = chart->fields;
    struct series *series = series_for(chart, row);
    if (!series || make_room(series, fields->count) != 0) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < fields->count; i++) {
        series->values[series->count * fields->count + i] = value_of(fields->items[i], row);
    }
    series->points[series->count++] = (struct point){row->start_ms, row->complete, row->balanced};
    return 0;
}

static void put_points(const struct series *series, struct json *out)
{
    struct json *start = json_put_list(out, "start");
    struct json *complete = json_put_list(out, "complete");
    struct json *balanced = json_put_list(out, "balanced");
    char text[STAMP_MAX];
    for (size_t i = 0; i < series->count; i++) {
        json_add_text(start, slice_str(zone_format(series->points[i].start_ms, text)));
        json_add_bool(complete, series->points[i].complete);
        json_add_bool(balanced, series->points[i].balanced);
    }
}

static void put_series(const struct series *series, const struct series_fields *fields, struct json *out)
{
    if (series->site[0]) {
        json_put_str(out, "site", series->site);
    }
    json_put_text(out, "queue", slice_make(series->queue, series->queue_len));
    if (series->settings.label[0]) {
        json_put_str(out, "label", series->settings.label);
    }
    (void)query_document_level(out, "settings", &series->settings);
    put_points(series, out);
    for (size_t i = 0; i < fields->count; i++) {
        struct json *list = json_put_list(out, series_field_name(fields->items[i]));
        for (size_t point = 0; point < series->count; point++) {
            query_document_add(list, series->values[point * fields->count + i]);
        }
    }
}

static void put_fields(const struct series_fields *fields, struct json *out)
{
    struct json *list = json_put_list(out, "fields");
    for (size_t i = 0; i < fields->count; i++) {
        json_add_text(list, slice_str(series_field_name(fields->items[i])));
    }
}

int series_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                 const struct series_fields *fields, struct json **out, struct query_why *why)
{
    struct chart chart = {.fields = fields};
    struct json *document = query_document_new();
    const struct kpi_walk_wish wish = {take_point, &chart, durations_of(fields)};
    int status = kpi_walk_some(scope, query, zone, document, &wish, why);
    json_put_str(document, "step", query_document_step(query->grain));
    put_fields(fields, document);
    struct json *list = json_put_list(document, "series");
    for (size_t i = 0; status == 0 && i < chart.count; i++) {
        put_series(chart.items[i], fields, json_add_map(list));
        status = kpi_scope_late(scope);
    }
    chart_deinit(&chart);
    return query_document_end(status, document, out, why);
}

/* ---- hours of the week ---- */

struct week {
    const struct series_fields *fields;
    bool any;
    struct queue_settings settings;
    bool held[WEEK_HOURS];
    bool complete[WEEK_HOURS];
    double values[SERIES_FIELDS_MAX][WEEK_HOURS];
};

static int take_hour(void *ctx, const struct kpi_row *row)
{
    struct week *week = ctx;
    unsigned hour = row->hour_of_week % WEEK_HOURS;
    week->any = true;
    week->settings = *row->settings;
    week->held[hour] = true;
    week->complete[hour] = row->complete;
    for (size_t i = 0; i < week->fields->count; i++) {
        week->values[i][hour] = value_of(week->fields->items[i], row);
    }
    return 0;
}

static void put_week(const struct week *week, struct json *out)
{
    struct json *cells = json_put_map(out, "cells");
    for (size_t i = 0; i < week->fields->count; i++) {
        struct json *list = json_put_list(cells, series_field_name(week->fields->items[i]));
        for (unsigned hour = 0; hour < WEEK_HOURS; hour++) {
            query_document_add(list, week->held[hour] ? week->values[i][hour] : (double)NAN);
        }
    }
    struct json *complete = json_put_list(cells, "complete");
    for (unsigned hour = 0; hour < WEEK_HOURS; hour++) {
        if (week->held[hour]) {
            json_add_bool(complete, week->complete[hour]);
        } else {
            json_add_null(complete);
        }
    }
}

int series_week(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                const struct series_fields *fields, struct json **out, struct query_why *why)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    struct week *week = calloc(1, sizeof *week);
    struct json *document = query_document_new();
    int status = STATUS_NO_MEMORY;
    why->text[0] = '\0';
    if (week) {
        week->fields = fields;
        const struct kpi_walk_wish wish = {take_hour, week, durations_of(fields)};
        status = kpi_walk_some(scope, query, zone, document, &wish, why);
    }
    if (status == 0) {
        put_fields(fields, document);
        struct json *names = json_put_list(document, "weekdays");
        for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
            json_add_text(names, slice_str(days[i]));
        }
        const struct queue_settings usual = fields_default_settings();
        const struct queue_settings asked = fields_settings(&usual, query);
        (void)query_document_level(document, "service_level", week->any ? &week->settings : &asked);
        put_week(week, document);
    }
    free(week);
    return query_document_end(status, document, out, why);
}
