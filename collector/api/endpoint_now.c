#include <string.h>

#include "collector/api/endpoint_answers.h"
#include "collector/api/endpoint_reply.h"
#include "collector/api/endpoint_words.h"
#include "collector/query/live_query.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"

static const uint32_t live_words = ENDPOINT_WORD(WORD_SITE) | ENDPOINT_WORD(WORD_GROUP) | ENDPOINT_WORD(WORD_QUEUE) |
                                   ENDPOINT_WORD(WORD_OPERATORS) | ENDPOINT_WORD(WORD_LIMIT);

/* Who is logged in is told by name: to an admin only. */
static bool take_operators(const struct endpoint_request *request, struct endpoint_words *words, bool *out)
{
    static const char *const answers[] = {"no", "yes"};
    size_t answer = 0;
    if (!endpoint_words_choose(words, WORD_OPERATORS, answers, 2, &answer)) {
        return false;
    }
    *out = answer == 1;
    if (*out && (!request->token || request->token->role != ACCESS_ADMIN)) {
        endpoint_refuse(words->answer, 403, "operators", "operators are told of to tokens of the role admin only");
        return false;
    }
    return true;
}

static const char *where_of(const struct endpoint_words *words, const struct query_why *why)
{
    static const char queue[] = "there is no queue";
    bool is_queue = words->given[WORD_QUEUE] && strncmp(why->text, queue, sizeof queue - 1) == 0;
    return is_queue ? "queue" : words->given[WORD_SITE] ? "site" : "group";
}

static struct json *make(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    struct live_query query = {.now_ms = request->now_ms};
    struct store_view *view = NULL;
    struct json *document = NULL;
    struct query_why why = {""};
    if (!endpoint_words_take(request, live_words, &words, out) || !take_operators(request, &words, &query.operators)) {
        return NULL;
    }
    if (words.queue_count > 1) {
        endpoint_refuse(out, 400, "queue", "queue is given more than once");
        return NULL;
    }
    uint64_t limit = 0;
    if (!endpoint_words_number(&words, WORD_LIMIT, 1, LIVE_QUERY_LONGEST_MAX, &limit)) {
        return NULL;
    }
    query.longest = (uint32_t)limit;
    query.site = words.given[WORD_SITE] ? words.site : NULL;
    query.group = words.given[WORD_GROUP] ? words.group : NULL;
    query.queue = words.given[WORD_QUEUE] ? words.queue : NULL;
    (void)json_build_failed();
    int status = store_view_begin(request->options->store, &view);
    if (status == 0) {
        status = live_query(view, request->options->registry, &query, &document, &why);
        store_view_end(view);
    }
    if (status != 0) {
        json_free(document);
        endpoint_reply_failure(request, out, status, where_of(&words, &why), &why);
        return NULL;
    }
    return document;
}

struct json *endpoint_live(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_use_zone(request);
    struct json *document = make(request, out);
    zone_use(NULL);
    return document;
}

static bool asks_for_operators(const struct endpoint_request *request)
{
    for (size_t i = 0; i < request->item_count; i++) {
        if (slice_is(request->items[i].name, endpoint_word_name(WORD_OPERATORS))) {
            return true;
        }
    }
    return false;
}

void endpoint_now_live(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct json *document = endpoint_live(request, out);
    if (!document) {
        return;
    }
    if (asks_for_operators(request)) {
        endpoint_reply_json(out, document); /* never from the cache, which does not know who asks */
    } else {
        endpoint_reply_now(out, document);
    }
}
