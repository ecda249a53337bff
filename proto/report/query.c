#include "proto/report/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/time/when.h"
#include "proto/paths.h"

enum { QUERY_DURATION_MAX_MS = 24 * 3600 * 1000 };

struct query_option {
    const char *name;
    unsigned kinds; /* bit set of the reports that know it */
    int (*take)(struct query *query, struct slice value, int64_t now_ms);
    const char *allowed;
};

static const char *const kind_names[REPORT_KIND_COUNT] = {
    [REPORT_STATUS] = PATHS_STATUS, [REPORT_QUEUES] = PATHS_QUEUES, [REPORT_OPERATORS] = PATHS_OPERATORS,
    [REPORT_CALLS] = PATHS_CALLS,   [REPORT_KPI] = PATHS_KPI,       [REPORT_LIVE] = PATHS_NOW,
    [REPORT_ALERTS] = PATHS_ALERTS,
};

const char *query_kind_name(enum report_kind kind)
{
    return kind_names[kind];
}

enum report_kind query_kind_find(struct slice name)
{
    unsigned kind = 0;
    while (kind < REPORT_KIND_COUNT && !slice_is(name, kind_names[kind])) {
        kind++;
    }
    return (enum report_kind)kind;
}

void query_init(struct query *query, enum report_kind kind)
{
    *query = (struct query){
        .kind = kind,
        .sl_method = SL_METHOD_COUNT,
        .sl_threshold_ms = -1,
        .short_abandon_ms = -1,
        .limit = QUERY_LIMIT_DEFAULT,
    };
}

static int take_from(struct query *query, struct slice value, int64_t now_ms)
{
    int status = when_parse(value, now_ms, false, &query->from_ms);
    query->has_from = status == 0;
    return status;
}

static int take_to(struct query *query, struct slice value, int64_t now_ms)
{
    int status = when_parse(value, now_ms, true, &query->to_ms);
    query->has_to = status == 0;
    return status;
}

static int take_queue(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    if (query->queue_count == QUERY_QUEUES_MAX) {
        return STATUS_RANGE;
    }
    query->queues[query->queue_count++] = value;
    return 0;
}

static int take_by_word(struct query *query, struct slice word)
{
    static const struct {
        const char *word;
        enum query_grain grain;
        bool total;
    } words[] = {
        {"queue", QUERY_WHOLE, false},          {"total", QUERY_WHOLE, true},   {"day", QUERY_BY_DAY, false},
        {"interval", QUERY_BY_INTERVAL, false}, {"hour", QUERY_BY_HOUR, false},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_is(word, words[i].word)) {
            if (words[i].total && query->kind == REPORT_OPERATORS) {
                return STATUS_INVALID;
            }
            query->by_queue = query->by_queue || i == 0;
            query->grain = words[i].grain > query->grain ? words[i].grain : query->grain;
            query->total = query->total || words[i].total;
            return 0;
        }
    }
    return STATUS_INVALID;
}

/* The centre's own words. Of those for time one is enough: hours of the week and days do not go together. */
static int take_central_word(struct query *query, struct slice word)
{
    if (slice_is(word, "site")) {
        query->by_site = true;
        return 0;
    }
    if (slice_is(word, "hour-of-week")) {
        bool alone = query->grain == QUERY_WHOLE;
        query->hour_of_week = true;
        return alone ? 0 : STATUS_INVALID;
    }
    enum query_grain before = query->grain;
    query->by_queue = query->by_queue || slice_is(word, "queue");
    query->grain = QUERY_WHOLE;
    int status = take_by_word(query, word);
    if (query->grain == QUERY_WHOLE) {
        query->grain = before;
        return status;
    }
    return query->hour_of_week || (before != QUERY_WHOLE && before != query->grain) ? STATUS_INVALID : status;
}

static int take_by(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    for (;;) {
        const char *comma = value.len ? memchr(value.data, ',', value.len) : NULL;
        size_t len = comma ? (size_t)(comma - value.data) : value.len;
        struct slice word = slice_make(value.data, len);
        int status = query->central ? take_central_word(query, word) : take_by_word(query, word);
        if (status != 0 || !comma) {
            return status;
        }
        value = slice_make(comma + 1, value.len - len - 1);
    }
}

static int take_duration(struct slice value, int64_t *out_ms)
{
    int64_t duration_ms;
    int status = num_parse_duration_ms(value, &duration_ms);
    if (status == 0 && duration_ms > QUERY_DURATION_MAX_MS) {
        status = STATUS_RANGE;
    }
    if (status == 0) {
        *out_ms = duration_ms;
    }
    return status;
}

static int take_service_level(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    return take_duration(value, &query->sl_threshold_ms);
}

static int take_short_abandon(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    return take_duration(value, &query->short_abandon_ms);
}

static int take_method(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    char name[64];
    if (value.len >= sizeof name) {
        return STATUS_INVALID;
    }
    memcpy(name, value.data, value.len);
    name[value.len] = 0;
    query->sl_method = strlen(name) == value.len ? measures_sl_find(name) : SL_METHOD_COUNT;
    return query->sl_method == SL_METHOD_COUNT ? STATUS_INVALID : 0;
}

static int take_bins(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    query->bins = slice_is(value, "yes");
    return query->bins || slice_is(value, "no") ? 0 : STATUS_INVALID;
}

static int take_limit(struct query *query, struct slice value, int64_t now_ms)
{
    (void)now_ms;
    uint64_t limit;
    int status = num_parse_u64(value, &limit);
    if (status == 0 && (limit < 1 || limit > QUERY_LIMIT_MAX)) {
        status = STATUS_RANGE;
    }
    if (status == 0) {
        query->limit = (uint32_t)limit;
    }
    return status;
}

#define TIME_WORDS "2026-11-21T10:00:00Z, 2026-11-21, 10:00, now, today, yesterday, this-week, last-month, 90m or 7d"

#define BIT(kind) (1U << (kind))
#define SPANS (BIT(REPORT_KPI) | BIT(REPORT_CALLS) | BIT(REPORT_OPERATORS))

static const struct query_option options[] = {
    {PATHS_QUERY_FROM, SPANS, take_from, TIME_WORDS},
    {PATHS_QUERY_TO, SPANS, take_to, TIME_WORDS},
    {PATHS_QUERY_QUEUE, BIT(REPORT_KPI) | BIT(REPORT_CALLS) | BIT(REPORT_QUEUES) | BIT(REPORT_LIVE), take_queue,
     "at most 64 names"},
    {PATHS_QUERY_BY, BIT(REPORT_OPERATORS), take_by, "queue, interval, hour, day, with commas between"},
    {PATHS_QUERY_BY, BIT(REPORT_KPI), take_by, "queue, total, interval, hour, day, with commas between"},
    {PATHS_QUERY_SERVICE_LEVEL, BIT(REPORT_KPI), take_service_level, "a duration up to 24h such as 20s"},
    {PATHS_QUERY_SERVICE_LEVEL_METHOD, BIT(REPORT_KPI), take_method, "a method's name, see below"},
    {PATHS_QUERY_SHORT_ABANDON, BIT(REPORT_KPI), take_short_abandon, "a duration up to 24h such as 5s"},
    {PATHS_QUERY_BINS, BIT(REPORT_KPI), take_bins, "yes or no"},
    {PATHS_QUERY_LIMIT, BIT(REPORT_CALLS) | BIT(REPORT_LIVE), take_limit, "a number from 1 to 10000"},
};

__attribute__((format(printf, 3, 4))) static void why_add(struct query_why *why, size_t *used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(why->text + *used, sizeof why->text - *used, format, args);
    va_end(args);
    size_t room = sizeof why->text - 1 - *used;
    *used += len < 0 ? 0 : (size_t)len > room ? room : (size_t)len;
}

/* Bytes from outside, made fit for one line of an answer. */
static void why_add_quoted(struct query_why *why, size_t *used, struct slice text)
{
    char safe[41];
    size_t len = text.len < sizeof safe - 1 ? text.len : sizeof safe - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        safe[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    safe[len] = 0;
    why_add(why, used, "'%s'", safe);
}

static void explain_option(const struct query *query, struct slice name, struct query_why *why)
{
    size_t used = 0;
    why_add(why, &used, "%s has no option ", kind_names[query->kind]);
    why_add_quoted(why, &used, name);
    const char *lead = "; it has ";
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].kinds & BIT(query->kind)) {
            why_add(why, &used, "%s%s", lead, options[i].name);
            lead = ", ";
        }
    }
}

static void explain_value(const struct query *query, const struct query_option *option, struct slice value,
                          struct query_why *why)
{
    size_t used = 0;
    why_add(why, &used, "%s ", option->name);
    why_add_quoted(why, &used, value);
    if (option->take != take_method) {
        bool central = query->central && option->take == take_by;
        why_add(why, &used, " is not allowed; allowed: %s",
                central ? "queue, total, site, and one of interval, hour, day, hour-of-week, with commas between"
                        : option->allowed);
        return;
    }
    const char *lead = " is unknown; known: ";
    for (unsigned method = 0; method < SL_METHOD_COUNT; method++) {
        why_add(why, &used, "%s%s", lead, measures_sl_name((enum sl_method)method));
        lead = " ";
    }
}

int query_take(struct query *query, struct slice name, struct slice value, int64_t now_ms, struct query_why *why)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if ((options[i].kinds & BIT(query->kind)) && slice_is(name, options[i].name)) {
            int status = options[i].take(query, value, now_ms);
            if (status != 0) {
                explain_value(query, &options[i], value, why);
            }
            return status;
        }
    }
    explain_option(query, name, why);
    return STATUS_INVALID;
}

int query_take_item(struct query *query, struct slice item, int64_t now_ms, struct query_why *why)
{
    const char *equals = item.len ? memchr(item.data, '=', item.len) : NULL;
    size_t len = equals ? (size_t)(equals - item.data) : item.len;
    struct slice value = equals ? slice_make(equals + 1, item.len - len - 1) : slice_make("", 0);
    return query_take(query, slice_make(item.data, len), value, now_ms, why);
}

int query_check(const struct query *query, struct query_why *why)
{
    if (query->has_from && query->has_to && query->from_ms >= query->to_ms) {
        (void)snprintf(why->text, sizeof why->text, "the span is empty: from is not before to");
        return STATUS_INVALID;
    }
    return 0;
}

bool query_joins_queues(const struct query *query)
{
    return query->total || (query->by_site && !query->by_queue);
}

bool query_wants_queue(const struct query *query, struct slice name)
{
    for (size_t i = 0; i < query->queue_count; i++) {
        if (slice_equal(query->queues[i], name)) {
            return true;
        }
    }
    return query->queue_count == 0;
}
