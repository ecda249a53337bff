#include "collector/query/ranking_query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/query/kpi_walk.h"
#include "collector/query/query_document.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

struct ranked {
    char site[LIMITS_SITE_MAX + 1];
    char queue[LIMITS_QUEUE_NAME_MAX];
    size_t queue_len;
    double value;
    double level; /* NaN: none */
    double abandon_rate;
    double asa_ms;
    uint32_t entered;
    uint32_t answered;
    uint32_t abandoned;
    struct queue_settings settings;
    bool complete;
    bool balanced;
};

struct board {
    const struct ranking_query *ranking;
    size_t limit;
    int64_t compared;
    size_t count;
    struct ranked items[RANKING_ROWS_MAX + 1]; /* the first so far, best placed first */
};

bool ranking_worst_is_highest(unsigned metric)
{
    static const char *const low_is_bad[] = {"service_level", "answered"};
    const char *name = series_field_name(metric);
    for (size_t i = 0; name && i < sizeof low_is_bad / sizeof low_is_bad[0]; i++) {
        if (strcmp(name, low_is_bad[i]) == 0) {
            return false;
        }
    }
    return true;
}

static bool is_before(const struct board *board, double a, double b)
{
    return board->ranking->highest ? a > b : a < b;
}

static double named_value(const char *name, const struct kpi_row *row)
{
    unsigned field;
    double value;
    return series_field_find(slice_str(name), &field) && series_field_value(field, row, &value) ? value : (double)NAN;
}

static void fill(struct ranked *item, const struct kpi_row *row, double value)
{
    memset(item, 0, sizeof *item);
    (void)snprintf(item->site, sizeof item->site, "%s", row->site ? row->site : "");
    item->queue_len = row->queue.len < sizeof item->queue ? row->queue.len : sizeof item->queue;
    memcpy(item->queue, row->queue.data, item->queue_len);
    item->value = value;
    item->level = named_value("service_level", row);
    item->abandon_rate = named_value("abandon_rate", row);
    item->asa_ms = named_value("asa_ms", row);
    item->entered = row->sum->flow[FLOW_ENTERED];
    item->answered = row->sum->flow[FLOW_ANSWERED];
    item->abandoned = row->sum->flow[FLOW_ABANDONED];
    item->settings = *row->settings;
    item->complete = row->complete;
    item->balanced = row->balanced;
}

/* Rows come in the order of their names, so one that ties goes behind those before it. */
static int take_row(void *ctx, const struct kpi_row *row)
{
    struct board *board = ctx;
    double value = 0;
    if (row->sum->flow[FLOW_ENTERED] < board->ranking->calls_min ||
        !series_field_value(board->ranking->metric, row, &value)) {
        return 0;
    }
    board->compared++;
    size_t place = board->count;
    while (place > 0 && is_before(board, value, board->items[place - 1].value)) {
        place--;
    }
    if (place >= board->limit) {
        return 0;
    }
    memmove(&board->items[place + 1], &board->items[place], (board->count - place) * sizeof board->items[0]);
    fill(&board->items[place], row, value);
    board->count += board->count < board->limit;
    return 0;
}

/* What a row of the board shows beside the figure itself. */
static unsigned durations_shown(void)
{
    static const char *const shown[] = {"service_level", "asa_ms"};
    unsigned durations = 0;
    unsigned field;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        durations |= series_field_find(slice_str(shown[i]), &field) ? series_field_durations(field) : 0;
    }
    return durations;
}

/* All take part by their figure alone; the rest is then looked up of those on the board, which may move it by what came
 * in meanwhile: so they are ranked again. */
static int look_again(const struct kpi_scope *scope, struct board *board, const struct query *asked,
                      const struct zone *zone, struct query_why *why)
{
    const struct ranking_query *ranking = board->ranking;
    struct board *again = calloc(1, sizeof *again);
    int status = again ? 0 : STATUS_NO_MEMORY;
    if (again) {
        *again = (struct board){.ranking = ranking, .limit = board->limit, .compared = 0};
    }
    for (size_t i = 0; status == 0 && i < board->count; i++) {
        const struct ranked *item = &board->items[i];
        struct kpi_scope *one = NULL;
        struct query query = *asked;
        if (ranking->by_queue) {
            query.queues[0] = slice_make(item->queue, item->queue_len);
            query.queue_count = 1;
        }
        const struct kpi_walk_wish wish = {take_row, again,
                                           durations_shown() | series_field_durations(ranking->metric)};
        status = kpi_scope_narrow(scope, item->site, &one);
        status = status == 0 ? kpi_walk_some(one, &query, zone, NULL, &wish, why) : status;
        kpi_scope_free(one);
    }
    if (status == 0) {
        again->compared = board->compared;
        *board = *again;
    }
    free(again);
    return status;
}

/* ---- how it went ---- */

struct spark {
    const struct ranking_query *ranking;
    struct json *start;
    struct json *values;
};

static int take_point(void *ctx, const struct kpi_row *row)
{
    const struct spark *spark = ctx;
    char text[STAMP_MAX];
    double value = 0;
    bool exists = series_field_value(spark->ranking->metric, row, &value);
    json_add_text(spark->start, slice_str(zone_format(row->start_ms, text)));
    query_document_add(spark->values, exists ? value : (double)NAN);
    return 0;
}

static int put_spark(const struct kpi_scope *scope, const struct ranking_query *ranking, const struct zone *zone,
                     const struct ranked *item, struct json *out, struct query_why *why)
{
    struct kpi_scope *one = NULL;
    struct query query = *ranking->query;
    query.by_site = false;
    query.grain = ranking->spark_grain;
    query.total = !ranking->by_queue;
    query.by_queue = ranking->by_queue;
    if (ranking->by_queue) {
        query.queues[0] = slice_make(item->queue, item->queue_len);
        query.queue_count = 1;
    }
    int status = kpi_scope_narrow(scope, item->site, &one);
    if (status == 0) {
        struct json *map = json_put_map(out, "spark");
        json_put_str(map, "step", query_document_step(query.grain));
        struct spark spark = {ranking, json_put_list(map, "start"), json_put_list(map, "values")};
        const struct kpi_walk_wish wish = {take_point, &spark, series_field_durations(ranking->metric)};
        status = kpi_walk_some(one, &query, zone, NULL, &wish, why);
    }
    kpi_scope_free(one);
    return status;
}

/* ---- the document ---- */

static void put_item(const struct ranked *item, size_t rank, struct json *out)
{
    json_put_int(out, "rank", (int64_t)rank);
    json_put_str(out, "site", item->site);
    json_put_text(out, "queue", slice_make(item->queue, item->queue_len));
    if (item->settings.label[0]) {
        json_put_str(out, "label", item->settings.label);
    }
    query_document_put(out, "value", item->value);
    json_put_int(out, "entered", item->entered);
    json_put_int(out, "answered", item->answered);
    json_put_int(out, "abandoned", item->abandoned);
    query_document_put(out, "abandon_rate", item->abandon_rate);
    query_document_put(out, "asa_ms", item->asa_ms);
    struct json *level = query_document_level(out, "service_level", &item->settings);
    query_document_put(level, "value", item->level);
    json_put_bool(out, "complete", item->complete);
    json_put_bool(out, "balanced", item->balanced);
}

static int put_board(const struct kpi_scope *scope, const struct board *board, const struct zone *zone,
                     struct json *document, struct query_why *why)
{
    const struct ranking_query *ranking = board->ranking;
    json_put_str(document, "metric", series_field_name(ranking->metric));
    json_put_str(document, "order", ranking->highest ? "highest" : "lowest");
    json_put_str(document, "of", ranking->by_queue ? "queue" : "site");
    json_put_int(document, "calls_min", (int64_t)ranking->calls_min);
    json_put_int(document, "compared", board->compared);
    struct json *rows = json_put_list(document, "rows");
    int status = 0;
    for (size_t i = 0; status == 0 && i < board->count; i++) {
        struct json *row = json_add_map(rows);
        put_item(&board->items[i], i + 1, row);
        status = ranking->spark ? put_spark(scope, ranking, zone, &board->items[i], row, why) : 0;
    }
    return status;
}

int ranking_query(struct kpi_scope *scope, const struct ranking_query *ranking, const struct zone *zone,
                  struct json **out, struct query_why *why)
{
    struct board *board = calloc(1, sizeof *board);
    struct query query = *ranking->query;
    struct json *document = query_document_new();
    int status = STATUS_NO_MEMORY;
    why->text[0] = '\0';
    query.by_site = true;
    query.total = !ranking->by_queue;
    query.by_queue = ranking->by_queue;
    query.grain = QUERY_WHOLE;
    query.hour_of_week = false;
    if (board) {
        board->ranking = ranking;
        board->limit = ranking->limit < RANKING_ROWS_MAX ? ranking->limit : RANKING_ROWS_MAX;
        unsigned durations = series_field_durations(ranking->metric);
        const struct kpi_walk_wish wish = {take_row, board, durations};
        status = kpi_walk_some(scope, &query, zone, document, &wish, why);
        if (status == 0 && (durations_shown() & ~durations) != 0) {
            status = look_again(scope, board, &query, zone, why);
        }
        status = status == 0 ? put_board(scope, board, zone, document, why) : status;
    }
    free(board);
    return query_document_end(status, document, out, why);
}
