#include <stdio.h>
#include <string.h>

#include "collector/api/endpoint_answers.h"
#include "collector/api/endpoint_reply.h"
#include "collector/api/endpoint_span.h"
#include "collector/api/endpoint_words.h"
#include "collector/query/distribution_query.h"
#include "collector/query/kpi_query.h"
#include "collector/query/overview_query.h"
#include "collector/query/ranking_query.h"
#include "platform/base/status.h"
#include "proto/paths.h"
#include "proto/report/render.h"

/* A question about figures on its way to the answer. */
struct figures {
    const struct endpoint_request *request;
    struct endpoint_answer *answer;
    struct endpoint_words words;
    struct kpi_centre centre;
    struct kpi_scope *scope;
    const struct zone *zone;
    struct query query;
    struct json *document;
};

static const uint32_t whose_words = ENDPOINT_WORD(WORD_SITE) | ENDPOINT_WORD(WORD_GROUP) | ENDPOINT_WORD(WORD_ALL) |
                                    ENDPOINT_WORD(WORD_ZONE) | ENDPOINT_WORD(WORD_SERVICE_LEVEL) |
                                    ENDPOINT_WORD(WORD_METHOD) | ENDPOINT_WORD(WORD_SHORT_ABANDON);

static const uint32_t common_words =
    whose_words | ENDPOINT_WORD(WORD_FROM) | ENDPOINT_WORD(WORD_TO) | ENDPOINT_WORD(WORD_QUEUE);

static const char *const grain_texts[] = {"interval", "hour", "day"};
static const enum query_grain grains[] = {QUERY_BY_INTERVAL, QUERY_BY_HOUR, QUERY_BY_DAY};
enum { GRAIN_COUNT = 3, GRAIN_HOUR = 1 };

/* ---- the question ---- */

static bool make_scope(struct figures *figures)
{
    struct query_why why = {""};
    const struct endpoint_words *words = &figures->words;
    bool site = words->given[WORD_SITE];
    bool group = words->given[WORD_GROUP];
    enum kpi_whose whose = site ? KPI_SITE : group ? KPI_GROUP : KPI_ALL;
    endpoint_centre(figures->request, &figures->centre);
    int status = kpi_scope_new(&figures->centre, whose,
                               site    ? words->site
                               : group ? words->group
                                       : NULL,
                               &figures->scope, &why);
    if (status != 0) {
        endpoint_reply_failure(figures->request, figures->answer, status, site ? "site" : "group", &why);
    }
    return status == 0;
}

/* The words for time are read by the zone that the answer is in. */
static bool use_zone(struct figures *figures)
{
    struct query_why why = {""};
    const struct endpoint_words *words = &figures->words;
    int status = kpi_scope_zone(figures->scope, words->given[WORD_ZONE] ? words->zone : NULL, &figures->zone, &why);
    if (status == STATUS_NOT_FOUND) {
        endpoint_refuse(figures->answer, 400, "zone", "%s", why.text);
    } else if (status != 0) {
        endpoint_reply_failure(figures->request, figures->answer, status, "zone", &why);
    } else {
        zone_use(figures->zone);
    }
    return status == 0;
}

/* As the command line reads it, so that both understand the same and refuse with the same sentence. */
static bool take(struct figures *figures, const char *name, struct slice value)
{
    struct query_why why = {""};
    int status = query_take(&figures->query, slice_str(name), value, figures->request->now_ms, &why);
    if (status != 0) {
        endpoint_reply_failure(figures->request, figures->answer, status, name, &why);
    }
    return status == 0;
}

static bool take_given(struct figures *figures, enum endpoint_word word)
{
    const struct endpoint_words *words = &figures->words;
    return !words->given[word] || take(figures, endpoint_word_name(word), words->values[word]);
}

static bool take_words(struct figures *figures)
{
    static const enum endpoint_word taken[] = {WORD_FROM,          WORD_TO,  WORD_SERVICE_LEVEL, WORD_METHOD,
                                               WORD_SHORT_ABANDON, WORD_BINS};
    struct query_why why = {""};
    query_init(&figures->query, REPORT_KPI);
    figures->query.central = true;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (!take_given(figures, taken[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < figures->words.queue_count; i++) {
        if (!take(figures, PATHS_QUERY_QUEUE, figures->words.queues[i])) {
            return false;
        }
    }
    if (query_check(&figures->query, &why) != 0) {
        endpoint_refuse(figures->answer, 400, PATHS_QUERY_FROM, "%s", why.text);
        return false;
    }
    return true;
}

/* With the question's zone in force, until end(), which is called whatever this says. */
static bool begin(struct figures *figures, uint32_t known, const struct endpoint_request *request,
                  struct endpoint_answer *out)
{
    *figures = (struct figures){.request = request, .answer = out};
    return endpoint_words_take(request, known, &figures->words, out) && make_scope(figures) && use_zone(figures) &&
           take_words(figures);
}

static void end(struct figures *figures)
{
    json_free(figures->document);
    kpi_scope_free(figures->scope);
    zone_use(NULL);
}

static bool is_short_enough(struct figures *figures, enum query_grain grain)
{
    return endpoint_span_check(figures->request, figures->scope, &figures->query, grain, figures->answer);
}

/* ---- the answer ---- */

static bool answered(struct figures *figures, int status, const struct query_why *why)
{
    if (status != 0) {
        endpoint_reply_failure(figures->request, figures->answer, status, PATHS_QUERY_QUEUE, why);
    }
    return status == 0;
}

static void set_times(struct figures *figures, bool complete)
{
    if (figures->answer->code == 200) {
        endpoint_span_times(&figures->query, complete, figures->request->now_ms, figures->answer);
    }
}

static void reply(struct figures *figures)
{
    bool complete = json_bool(figures->document, "complete");
    endpoint_reply_json(figures->answer, figures->document);
    figures->document = NULL;
    set_times(figures, complete);
}

/* ---- kpi and export ---- */

static void write_rows(struct figures *figures, enum render_format format)
{
    struct endpoint_answer *out = figures->answer;
    const struct render_style style = {.indent = false};
    int status = render(REPORT_KPI, format, figures->document, &style, &out->body);
    if (status == 0 && out->body.failed) {
        status = STATUS_NO_MEMORY;
    }
    if (status != 0) {
        endpoint_reply_failure(figures->request, out, status, NULL, NULL);
        return;
    }
    out->code = 200;
    out->type = format == RENDER_CSV ? ENDPOINT_CSV : ENDPOINT_JSON;
    set_times(figures, json_bool(figures->document, "complete"));
}

static bool ask_rows(struct figures *figures)
{
    struct query_why why = {""};
    if (!take_given(figures, WORD_BY) ||
        !is_short_enough(figures, figures->query.hour_of_week ? QUERY_BY_HOUR : figures->query.grain)) {
        return false;
    }
    int status = kpi_query(figures->scope, &figures->query, figures->zone, &figures->document, &why);
    return answered(figures, status, &why);
}

void endpoint_figures_kpi(const struct endpoint_request *request, struct endpoint_answer *out)
{
    static const char *const formats[] = {"json", "csv"};
    struct figures figures;
    size_t format = 0;
    uint32_t known = common_words | ENDPOINT_WORD(WORD_BY) | ENDPOINT_WORD(WORD_BINS) | ENDPOINT_WORD(WORD_FORMAT);
    if (begin(&figures, known, request, out) &&
        endpoint_words_choose(&figures.words, WORD_FORMAT, formats, 2, &format) && ask_rows(&figures)) {
        write_rows(&figures, format == 0 ? RENDER_JSON : RENDER_CSV);
    }
    end(&figures);
}

/* "2026-11-21" of a stamp at midnight, else "2026-11-21T1030". */
static void put_day(const struct json *document, const char *key, char *out, size_t size)
{
    const char *stamp = json_text(document, key);
    if (strlen(stamp) < sizeof "2026-11-21T10:30:00" - 1) {
        (void)snprintf(out, size, "%s", "now");
    } else if (strncmp(stamp + 11, "00:00", 5) == 0) {
        (void)snprintf(out, size, "%.10s", stamp);
    } else {
        (void)snprintf(out, size, "%.13s%.2s", stamp, stamp + 14);
    }
}

static void name_file(const struct figures *figures, struct endpoint_answer *out)
{
    char from[16];
    char to[16];
    const struct endpoint_words *words = &figures->words;
    const char *scope = words->given[WORD_SITE] ? words->site : words->given[WORD_GROUP] ? words->group : "all";
    put_day(figures->document, "from", from, sizeof from);
    put_day(figures->document, "to", to, sizeof to);
    (void)snprintf(out->file_name, sizeof out->file_name, "ringside-kpi-%.30s-%s-%s.csv", scope, from, to);
}

void endpoint_figures_export(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct figures figures;
    uint32_t known = common_words | ENDPOINT_WORD(WORD_BY) | ENDPOINT_WORD(WORD_BINS);
    if (begin(&figures, known, request, out) && ask_rows(&figures)) {
        write_rows(&figures, RENDER_CSV);
        if (out->code == 200) {
            name_file(&figures, out);
        }
    }
    end(&figures);
}

/* ---- columns ---- */

static bool take_fields(struct figures *figures, struct series_fields *fields)
{
    struct query_why why = {""};
    *fields = (struct series_fields){.count = 0};
    if (!figures->words.given[WORD_FIELDS]) {
        series_fields_usual(fields);
        return true;
    }
    if (series_fields_take(fields, figures->words.values[WORD_FIELDS], &why) != 0) {
        endpoint_refuse(figures->answer, 400, "fields", "%s", why.text[0] ? why.text : "fields names too many figures");
        return false;
    }
    return true;
}

static bool take_steps(struct figures *figures)
{
    static const char *const rows[] = {"total", "queue", "site", "site,queue"};
    size_t step = GRAIN_HOUR;
    size_t by = 0;
    if (!endpoint_words_choose(&figures->words, WORD_STEP, grain_texts, GRAIN_COUNT, &step) ||
        !endpoint_words_choose(&figures->words, WORD_BY, rows, sizeof rows / sizeof rows[0], &by)) {
        return false;
    }
    return take(figures, PATHS_QUERY_BY, slice_str(rows[by])) &&
           take(figures, PATHS_QUERY_BY, slice_str(grain_texts[step])) && is_short_enough(figures, grains[step]);
}

void endpoint_figures_timeseries(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct figures figures;
    struct series_fields fields;
    struct query_why why = {""};
    uint32_t known = common_words | ENDPOINT_WORD(WORD_STEP) | ENDPOINT_WORD(WORD_BY) | ENDPOINT_WORD(WORD_FIELDS);
    if (begin(&figures, known, request, out) && take_steps(&figures) && take_fields(&figures, &fields)) {
        int status = series_query(figures.scope, &figures.query, figures.zone, &fields, &figures.document, &why);
        if (answered(&figures, status, &why)) {
            reply(&figures);
        }
    }
    end(&figures);
}

void endpoint_figures_heatmap(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct figures figures;
    struct series_fields fields;
    struct query_why why = {""};
    if (begin(&figures, common_words | ENDPOINT_WORD(WORD_FIELDS), request, out) &&
        take(&figures, PATHS_QUERY_BY, slice_str("total,hour-of-week")) && is_short_enough(&figures, QUERY_BY_HOUR) &&
        take_fields(&figures, &fields)) {
        int status = series_week(figures.scope, &figures.query, figures.zone, &fields, &figures.document, &why);
        if (answered(&figures, status, &why)) {
            reply(&figures);
        }
    }
    end(&figures);
}

/* One queue is judged as it is set; several are one row. */
void endpoint_figures_distribution(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct figures figures;
    struct query_why why = {""};
    if (begin(&figures, common_words, request, out)) {
        figures.query.total = figures.query.queue_count != 1;
        int status = distribution_query(figures.scope, &figures.query, figures.zone, &figures.document, &why);
        if (answered(&figures, status, &why)) {
            reply(&figures);
        }
    }
    end(&figures);
}

/* ---- ranking ---- */

static bool take_metric(struct figures *figures, unsigned *out)
{
    struct slice name =
        figures->words.given[WORD_METRIC] ? figures->words.values[WORD_METRIC] : slice_str("service_level");
    if (series_field_find(name, out)) {
        return true;
    }
    struct buf known = BUF_INIT;
    for (unsigned field = 0; series_field_name(field); field++) {
        buf_printf(&known, "%s%s", field ? ", " : "", series_field_name(field));
    }
    endpoint_refuse(figures->answer, 400, "metric", "metric '%.*s' is unknown; known: %s",
                    (int)(name.len < 40 ? name.len : 40), name.data, buf_cstr(&known));
    buf_deinit(&known);
    return false;
}

static bool take_order(struct figures *figures, struct ranking_query *ranking)
{
    static const char *const orders[] = {"worst", "best", "highest", "lowest"};
    size_t order = 0;
    if (!endpoint_words_choose(&figures->words, WORD_ORDER, orders, 4, &order)) {
        return false;
    }
    bool worst_is_highest = ranking_worst_is_highest(ranking->metric);
    ranking->highest = order == 0 ? worst_is_highest : order == 1 ? !worst_is_highest : order == 2;
    return true;
}

static bool take_rows(struct figures *figures, struct ranking_query *ranking)
{
    static const char *const of[] = {"site", "queue"};
    size_t rows = 0;
    uint64_t limit = RANKING_ROWS_DEFAULT;
    ranking->calls_min = 1;
    if (!endpoint_words_choose(&figures->words, WORD_OF, of, 2, &rows) ||
        !endpoint_words_number(&figures->words, WORD_LIMIT, 1, RANKING_ROWS_MAX, &limit) ||
        !endpoint_words_number(&figures->words, WORD_CALLS_MIN, 0, UINT32_MAX, &ranking->calls_min)) {
        return false;
    }
    ranking->by_queue = rows == 1;
    ranking->limit = (uint32_t)limit;
    return true;
}

static bool take_spark(struct figures *figures, struct ranking_query *ranking)
{
    static const char *const steps[] = {"interval", "hour", "day", "none"};
    size_t step = GRAIN_COUNT;
    if (!endpoint_words_choose(&figures->words, WORD_SPARK, steps, GRAIN_COUNT + 1, &step)) {
        return false;
    }
    ranking->spark = step < GRAIN_COUNT;
    ranking->spark_grain = ranking->spark ? grains[step] : QUERY_WHOLE;
    return is_short_enough(figures, ranking->spark_grain);
}

void endpoint_figures_ranking(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct figures figures;
    struct ranking_query ranking = {.query = &figures.query};
    struct query_why why = {""};
    uint32_t known = common_words | ENDPOINT_WORD(WORD_METRIC) | ENDPOINT_WORD(WORD_ORDER) | ENDPOINT_WORD(WORD_OF) |
                     ENDPOINT_WORD(WORD_LIMIT) | ENDPOINT_WORD(WORD_CALLS_MIN) | ENDPOINT_WORD(WORD_SPARK);
    if (begin(&figures, known, request, out) && take_metric(&figures, &ranking.metric) &&
        take_order(&figures, &ranking) && take_rows(&figures, &ranking) && take_spark(&figures, &ranking)) {
        int status = ranking_query(figures.scope, &ranking, figures.zone, &figures.document, &why);
        if (answered(&figures, status, &why)) {
            reply(&figures);
            endpoint_span_times_of_much(&figures.query, request->now_ms, out);
        }
    }
    end(&figures);
}

/* ---- overview ---- */

/* What fires and waits, counted; nothing where the collector has no alerts. */
static void put_alerts(const struct api_alerts *alerts, struct json *out)
{
    struct json *state = alerts->state ? alerts->state(alerts->ctx) : NULL;
    int64_t firing = 0;
    int64_t pending = 0;
    int64_t critical = 0;
    if (!state) {
        return;
    }
    const struct json *list = json_at(state, "alerts");
    for (size_t i = 0; i < json_count(list, ""); i++) {
        const struct json *alert = json_item(list, i);
        bool fires = strcmp(json_text(alert, "phase"), "firing") == 0;
        firing += fires;
        pending += !fires;
        critical += fires && strcmp(json_text(alert, "severity"), "critical") == 0;
    }
    struct json *map = json_put_map(out, "alerts");
    json_put_int(map, "firing", firing);
    json_put_int(map, "pending", pending);
    json_put_int(map, "critical", critical);
    json_free(state);
}

void endpoint_figures_overview(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct figures figures;
    struct query_why why = {""};
    if (begin(&figures, whose_words, request, out)) {
        int status = overview_query(figures.scope, &figures.query, figures.zone, &figures.document, &why);
        if (answered(&figures, status, &why)) {
            put_alerts(&request->options->alerts, figures.document);
            endpoint_reply_now(out, figures.document);
            figures.document = NULL;
        }
    }
    end(&figures);
}
