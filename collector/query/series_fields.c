/* Which figures of a row there are by name, and what they are. */
#include <stdio.h>
#include <string.h>

#include "collector/query/series_query.h"
#include "platform/base/status.h"
#include "proto/measures.h"

/* Behind the flow counters. */
enum own_field {
    WAITING_START = FLOW_COUNT,
    WAITING_END,
    WAITING_MAX,
    SERVICE_LEVEL,
    ABANDON_RATE,
    ASA,
    AHT,
    STATS /* from here on by the table */
};

enum part { MEAN, PERCENTILE, MAXIMUM };

struct stat_field {
    const char *name;
    enum duration_kind kind;
    enum part part;
    double p;
};

static const struct stat_field stats[] = {
    {"wait_mean_ms", DURATION_WAIT_ANSWERED, MEAN, 0},
    {"wait_p50_ms", DURATION_WAIT_ANSWERED, PERCENTILE, 0.50},
    {"wait_p90_ms", DURATION_WAIT_ANSWERED, PERCENTILE, 0.90},
    {"wait_p95_ms", DURATION_WAIT_ANSWERED, PERCENTILE, 0.95},
    {"wait_p99_ms", DURATION_WAIT_ANSWERED, PERCENTILE, 0.99},
    {"wait_max_ms", DURATION_WAIT_ANSWERED, MAXIMUM, 0},
    {"abandon_p50_ms", DURATION_WAIT_ABANDONED, PERCENTILE, 0.50},
    {"abandon_p90_ms", DURATION_WAIT_ABANDONED, PERCENTILE, 0.90},
    {"talk_mean_ms", DURATION_TALK, MEAN, 0},
};

enum { FIELDS = STATS + sizeof stats / sizeof stats[0] };
_Static_assert((int)FIELDS <= (int)SERIES_FIELDS_MAX, "every field fits a list");

const char *series_field_name(unsigned field)
{
    static const char *const own[] = {[WAITING_START - FLOW_COUNT] = "waiting_start",
                                      [WAITING_END - FLOW_COUNT] = "waiting_end",
                                      [WAITING_MAX - FLOW_COUNT] = "waiting_max",
                                      [SERVICE_LEVEL - FLOW_COUNT] = "service_level",
                                      [ABANDON_RATE - FLOW_COUNT] = "abandon_rate",
                                      [ASA - FLOW_COUNT] = "asa_ms",
                                      [AHT - FLOW_COUNT] = "aht_ms"};
    if (field >= FIELDS) {
        return NULL;
    }
    return field < FLOW_COUNT ? summary_flow_names[field]
           : field < STATS    ? own[field - FLOW_COUNT]
                              : stats[field - STATS].name;
}

bool series_field_find(struct slice name, unsigned *out)
{
    for (unsigned field = 0; field < FIELDS; field++) {
        if (slice_is(name, series_field_name(field))) {
            *out = field;
            return true;
        }
    }
    return false;
}

bool series_field_is_ratio(unsigned field)
{
    return field == SERVICE_LEVEL || field == ABANDON_RATE;
}

unsigned series_field_durations(unsigned field)
{
    switch (field) {
    case SERVICE_LEVEL:
        return 1U << DURATION_WAIT_ANSWERED | 1U << DURATION_WAIT_ABANDONED | 1U << DURATION_WAIT_EXIT |
               1U << DURATION_WAIT_KEY;
    case FLOW_ABANDONED_SHORT: return 1U << DURATION_WAIT_ABANDONED;
    case ASA: return 1U << DURATION_WAIT_ANSWERED;
    case AHT: return 1U << DURATION_HANDLE;
    default: return field >= STATS && field < FIELDS ? 1U << stats[field - STATS].kind : 0;
    }
}

/* A bin's upper edge may lie above everything that was counted. */
static bool percentile(const struct duration_stat *stat, double p, double *out)
{
    int64_t edge_ms = histogram_percentile(&stat->hist, p);
    *out = (double)(edge_ms > (int64_t)stat->max_ms ? (int64_t)stat->max_ms : edge_ms);
    return edge_ms >= 0;
}

static bool stat_value(const struct stat_field *field, const struct duration_stat *stat, double *out)
{
    if (field->part == MEAN) {
        return measures_mean_ms(stat, out);
    }
    if (field->part == PERCENTILE) {
        return percentile(stat, field->p, out);
    }
    *out = stat->max_ms;
    return stat->hist.total > 0;
}

static double flow_value(unsigned field, const struct kpi_row *row)
{
    bool asked = field == FLOW_ABANDONED_SHORT && row->short_abandon_asked;
    return asked ? (double)measures_short_abandons(row->sum, row->settings->short_abandon_ms)
                 : (double)row->sum->flow[field];
}

bool series_field_value(unsigned field, const struct kpi_row *row, double *out)
{
    const struct summary *sum = row->sum;
    const struct queue_settings *settings = row->settings;
    switch (field) {
    case WAITING_START: *out = sum->waiting_start; return !row->weekly;
    case WAITING_END: *out = sum->waiting_end; return !row->weekly;
    case WAITING_MAX: *out = sum->waiting_max; return !row->total;
    case SERVICE_LEVEL:
        return measures_service_level(sum, (enum sl_method)settings->sl_method, settings->sl_threshold_ms,
                                      settings->short_abandon_ms, out);
    case ABANDON_RATE: return measures_abandon_rate(sum, out);
    case ASA: return measures_mean_ms(&sum->duration[DURATION_WAIT_ANSWERED], out);
    case AHT: return measures_mean_ms(&sum->duration[DURATION_HANDLE], out);
    default: break;
    }
    if (field < FLOW_COUNT) {
        *out = flow_value(field, row);
        return true;
    }
    const struct stat_field *stat = field < FIELDS ? &stats[field - STATS] : NULL;
    return stat && stat_value(stat, &sum->duration[stat->kind], out);
}

static bool has(const struct series_fields *fields, unsigned field)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->items[i] == field) {
            return true;
        }
    }
    return false;
}

static int refuse(struct slice name, struct query_why *why)
{
    size_t room = sizeof why->text;
    size_t len = (size_t)snprintf(why->text, room, "'%.*s' is no figure; there are ",
                                  (int)(name.len > 40 ? 40 : name.len), name.data);
    for (unsigned field = 0; field < FIELDS; field++) {
        const char *next = series_field_name(field);
        if (len + strlen(next) + sizeof ", ..., " > room) {
            (void)snprintf(why->text + len, room - len, ", ...");
            break;
        }
        len += (size_t)snprintf(why->text + len, room - len, "%s%s", field ? ", " : "", next);
    }
    return STATUS_INVALID;
}

static int take(struct series_fields *fields, struct slice name, struct query_why *why)
{
    unsigned field;
    if (!series_field_find(name, &field)) {
        return refuse(name, why);
    }
    if (has(fields, field)) {
        return 0; /* one array is enough */
    }
    if (fields->count == SERIES_FIELDS_MAX) {
        return STATUS_FULL;
    }
    fields->items[fields->count++] = field;
    return 0;
}

int series_fields_take(struct series_fields *fields, struct slice list, struct query_why *why)
{
    int status = 0;
    for (bool more = true; status == 0 && more;) {
        const char *comma = list.len > 0 ? memchr(list.data, ',', list.len) : NULL;
        size_t len = comma ? (size_t)(comma - list.data) : list.len;
        status = take(fields, slice_make(list.data, len), why);
        more = comma != NULL;
        list = slice_make(list.data + len + more, list.len - len - more);
    }
    return status;
}

void series_fields_usual(struct series_fields *fields)
{
    static const unsigned usual[] = {FLOW_ENTERED, FLOW_ANSWERED, FLOW_ABANDONED, ABANDON_RATE, SERVICE_LEVEL, ASA,
                                     AHT};
    *fields = (struct series_fields){.count = sizeof usual / sizeof usual[0]};
    memcpy(fields->items, usual, sizeof usual);
}
