#include <string.h>

#include "collector/api/endpoint_answers.h"
#include "collector/api/endpoint_reply.h"
#include "collector/api/endpoint_words.h"
#include "collector/api/token_document.h"
#include "collector/query/names_query.h"
#include "platform/base/status.h"

static void reply(const struct endpoint_request *request, struct endpoint_answer *out, int status,
                  struct json *document, const char *where, const struct query_why *why)
{
    if (status != 0) {
        endpoint_reply_failure(request, out, status, where, why);
        return;
    }
    endpoint_reply_now(out, document);
}

static void answer_sites(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    struct kpi_centre centre;
    struct query_why why = {""};
    struct json *document = NULL;
    if (!endpoint_words_take(request, ENDPOINT_WORD(WORD_GROUP), &words, out)) {
        return;
    }
    endpoint_centre(request, &centre);
    const char *group = words.given[WORD_GROUP] ? words.group : NULL;
    int status = names_query_sites(&centre, request->options->idle_ms, group, &document, &why);
    reply(request, out, status, document, "group", &why);
}

/* Who asks decides what is told, and the cache does not know who asks: asked anew each time. */
static void answer_site(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    struct kpi_centre centre;
    struct query_why why = {""};
    struct json *document = NULL;
    char id[LIMITS_SITE_MAX + 1] = "";
    if (!endpoint_words_take(request, 0, &words, out)) {
        return;
    }
    if (!registry_name_valid(request->rest)) {
        endpoint_refuse(out, 404, "site", "there is no site '%.*s'",
                        (int)(request->rest.len < LIMITS_SITE_MAX ? request->rest.len : LIMITS_SITE_MAX),
                        request->rest.data);
        return;
    }
    memcpy(id, request->rest.data, request->rest.len);
    endpoint_centre(request, &centre);
    bool whole = request->token && request->token->role == ACCESS_ADMIN;
    int status = names_query_site(&centre, request->options->idle_ms, id, whole, &document, &why);
    if (status != 0) {
        endpoint_reply_failure(request, out, status, "site", &why);
        return;
    }
    endpoint_reply_json(out, document);
}

/* Of the whole centre: nothing can be asked for. */
static void answer_whole(const struct endpoint_request *request, struct endpoint_answer *out,
                         int (*query)(const struct kpi_centre *centre, struct json **document, struct query_why *why))
{
    struct endpoint_words words;
    struct kpi_centre centre;
    struct query_why why = {""};
    struct json *document = NULL;
    if (!endpoint_words_take(request, 0, &words, out)) {
        return;
    }
    endpoint_centre(request, &centre);
    int status = query(&centre, &document, &why);
    reply(request, out, status, document, NULL, &why);
}

static void answer_groups(const struct endpoint_request *request, struct endpoint_answer *out)
{
    answer_whole(request, out, names_query_groups);
}

static void answer_queues(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    struct kpi_centre centre;
    struct kpi_scope *scope = NULL;
    struct query_why why = {""};
    struct json *document = NULL;
    if (!endpoint_words_take(request, ENDPOINT_WORD(WORD_SITE) | ENDPOINT_WORD(WORD_GROUP), &words, out)) {
        return;
    }
    endpoint_centre(request, &centre);
    bool site = words.given[WORD_SITE];
    bool group = words.given[WORD_GROUP];
    int status = kpi_scope_new(&centre,
                               site    ? KPI_SITE
                               : group ? KPI_GROUP
                                       : KPI_ALL,
                               site    ? words.site
                               : group ? words.group
                                       : NULL,
                               &scope, &why);
    status = status == 0 ? names_query_queues(scope, &document, &why) : status;
    reply(request, out, status, document, site ? "site" : "group", &why);
    kpi_scope_free(scope);
}

static void answer_store(const struct endpoint_request *request, struct endpoint_answer *out)
{
    answer_whole(request, out, names_query_store);
}

static void answer_tokens(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    struct json *document = NULL;
    if (!endpoint_words_take(request, 0, &words, out)) {
        return;
    }
    int status = token_document(request->options->registry, request->now_ms, &document);
    if (status != 0) {
        json_free(document);
        endpoint_reply_failure(request, out, status, NULL, NULL);
        return;
    }
    endpoint_reply_json(out, document);
}

/* ---- in the centre's zone ---- */

void endpoint_names_sites(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_sites);
}

void endpoint_names_site(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_site);
}

void endpoint_names_groups(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_groups);
}

void endpoint_names_queues(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_queues);
}

void endpoint_names_store(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_store);
}

void endpoint_names_tokens(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_tokens);
}
