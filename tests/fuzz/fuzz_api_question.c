/* The input is what stands behind GET: a path with its parameters. It is taken apart, and asked of every endpoint that
 * has parameters, whose queries are stubs: what is looked at is how the words are read and refused. */
#include <string.h>

#include "collector/api/endpoint_answers.h"
#include "collector/api/question.h"
#include "collector/query/distribution_query.h"
#include "collector/query/kpi_query.h"
#include "collector/query/kpi_span.h"
#include "collector/query/live_query.h"
#include "collector/query/overview_query.h"
#include "collector/query/ranking_query.h"
#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"

static const int64_t now_ms = INT64_C(1795284900000);
static struct kpi_scope *const some_scope = (struct kpi_scope *)(uintptr_t)16; /* nobody looks into it */

/* ---- what the endpoints ask ---- */

void endpoint_centre(const struct endpoint_request *request, struct kpi_centre *out)
{
    *out = (struct kpi_centre){.now_ms = request->now_ms};
}

int store_view_begin(struct store *store, struct store_view **out)
{
    (void)store;
    *out = NULL;
    return STATUS_BUSY;
}

void store_view_end(struct store_view *view)
{
    FUZZ_CHECK(!view);
}

int kpi_span_choose(const struct kpi_scope *scope, struct store_view *view, const struct query *query,
                    struct kpi_span *span)
{
    (void)scope;
    (void)view;
    (void)query;
    (void)span;
    return STATUS_IO;
}

int kpi_scope_new(const struct kpi_centre *centre, enum kpi_whose whose, const char *name, struct kpi_scope **out,
                  struct query_why *why)
{
    (void)centre;
    FUZZ_CHECK((whose == KPI_ALL) == !name && (!name || (name[0] && strlen(name) <= LIMITS_SITE_MAX)));
    (void)snprintf(why->text, sizeof why->text, "there is no '%.40s'", name ? name : "");
    bool known = !name || strspn(name, "abcdefghijklmnopqrstuvwxyz-_.") == strlen(name);
    *out = known ? some_scope : NULL;
    return known ? 0 : STATUS_NOT_FOUND;
}

void kpi_scope_free(struct kpi_scope *scope)
{
    FUZZ_CHECK(!scope || scope == some_scope);
}

int kpi_scope_zone(const struct kpi_scope *scope, const char *asked, const struct zone **out, struct query_why *why)
{
    (void)scope;
    FUZZ_CHECK(!asked || asked[0]);
    int status = asked ? zone_find(asked, out) : zone_find("UTC", out);
    (void)snprintf(why->text, sizeof why->text, "%s", status ? "there is no zone of this name" : "");
    return status;
}

static int answer(struct kpi_scope *scope, const struct query *query, struct json **out)
{
    FUZZ_CHECK(scope == some_scope);
    FUZZ_CHECK(!query->has_from || !query->has_to || query->from_ms < query->to_ms);
    FUZZ_CHECK(query->queue_count <= QUERY_QUEUES_MAX);
    *out = json_new_map();
    return 0;
}

int kpi_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
              struct query_why *why)
{
    (void)zone;
    (void)why;
    return answer(scope, query, out);
}

int overview_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
                   struct query_why *why)
{
    return kpi_query(scope, query, zone, out, why);
}

int distribution_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone, struct json **out,
                       struct query_why *why)
{
    return kpi_query(scope, query, zone, out, why);
}

int series_query(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                 const struct series_fields *fields, struct json **out, struct query_why *why)
{
    FUZZ_CHECK(fields->count > 0 && fields->count <= SERIES_FIELDS_MAX);
    return kpi_query(scope, query, zone, out, why);
}

int series_week(struct kpi_scope *scope, const struct query *query, const struct zone *zone,
                const struct series_fields *fields, struct json **out, struct query_why *why)
{
    return series_query(scope, query, zone, fields, out, why);
}

bool ranking_worst_is_highest(unsigned metric)
{
    return metric % 2;
}

int ranking_query(struct kpi_scope *scope, const struct ranking_query *ranking, const struct zone *zone,
                  struct json **out, struct query_why *why)
{
    FUZZ_CHECK(ranking->limit > 0 && ranking->limit <= RANKING_ROWS_MAX && series_field_name(ranking->metric));
    return kpi_query(scope, ranking->query, zone, out, why);
}

int live_query(struct store_view *view, struct registry *registry, const struct live_query *query, struct json **out,
               struct query_why *why)
{
    (void)view;
    (void)registry;
    (void)query;
    (void)out;
    (void)why;
    return STATUS_IO;
}

/* ---- the question ---- */

/* Whoever refuses says so in a document that can be read. */
static void check_answer(struct endpoint_answer *out)
{
    struct json *document = NULL;
    int64_t code = 0;
    FUZZ_CHECK(!out->body.failed && strlen(out->file_name) < sizeof out->file_name);
    for (const char *at = out->file_name; *at; at++) {
        FUZZ_CHECK((unsigned char)*at > 32 && (unsigned char)*at < 127 && !strchr("\"\\/;", *at));
    }
    if (out->code != 200) {
        FUZZ_CHECK(out->code == 400 || out->code == 403 || out->code == 404 || out->code == 503);
        FUZZ_CHECK(json_parse(buf_slice(&out->body), out->body.len, &document, NULL, 0) == 0);
        FUZZ_CHECK(json_int(document, "error/code", &code) && code == out->code);
        FUZZ_CHECK(json_text(document, "error/what")[0] != '\0');
    }
    json_free(document);
    buf_deinit(&out->body);
}

static void ask_all(const struct question *question)
{
    static void (*const endpoints[])(const struct endpoint_request *request, struct endpoint_answer *out) = {
        endpoint_figures_kpi,          endpoint_figures_export,  endpoint_figures_timeseries, endpoint_figures_heatmap,
        endpoint_figures_distribution, endpoint_figures_ranking, endpoint_figures_overview,   endpoint_now_live};
    const struct api_options options = {.zone = "UTC", .budget_ms = 1000};
    const struct access_token token = {.role = ACCESS_ADMIN};
    const struct endpoint_request request = {.options = &options,
                                             .token = question->path.len % 2 ? &token : NULL,
                                             .items = question->items,
                                             .item_count = question->item_count,
                                             .now_ms = now_ms};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        struct endpoint_answer out = {0};
        endpoints[i](&request, &out);
        check_answer(&out);
    }
}

static void check_question(const struct question *question, const char *target)
{
    size_t bytes = 0;
    FUZZ_CHECK(question->item_count <= ENDPOINT_ITEMS_MAX && question->raw.len <= QUESTION_PATH_MAX);
    FUZZ_CHECK(question->path.len > 0 && question->path.len <= question->raw.len && question->path.data[0] == '/');
    for (size_t i = 0; i < question->item_count; i++) {
        bytes += question->items[i].name.len + question->items[i].value.len;
    }
    FUZZ_CHECK(bytes <= QUESTION_VALUES_MAX && bytes <= strlen(target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *target = malloc(size + 1);
    struct question *question = NULL;
    struct buf key = BUF_INIT;
    const char *why = NULL;
    FUZZ_CHECK(target);
    memcpy(target, data, size);
    target[size] = '\0';
    int code = question_new(target, &question, &why);
    if (code != 0) {
        FUZZ_CHECK((code == 400 || code == 414) && why && why[0]);
        free(target);
        return 0;
    }
    check_question(question, target);
    question_key(question, &key);
    FUZZ_CHECK(!key.failed && key.len >= question->path.len);
    ask_all(question);
    buf_deinit(&key);
    question_unref(question);
    free(target);
    return 0;
}
