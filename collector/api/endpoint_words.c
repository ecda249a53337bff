#include "collector/api/endpoint_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "proto/paths.h"

enum { LIST_MAX = 1024, VALUE_MAX = 64, SHOWN_MAX = 40 };

static const struct {
    const char *name;
    size_t max; /* bytes of a value */
} table[WORD_COUNT] = {
    [WORD_SITE] = {"site", LIMITS_SITE_MAX},
    [WORD_GROUP] = {"group", ENDPOINT_NAME_MAX},
    [WORD_ALL] = {"all", VALUE_MAX},
    [WORD_FROM] = {PATHS_QUERY_FROM, VALUE_MAX},
    [WORD_TO] = {PATHS_QUERY_TO, VALUE_MAX},
    [WORD_QUEUE] = {PATHS_QUERY_QUEUE, LIMITS_QUEUE_NAME_MAX},
    [WORD_ZONE] = {"zone", ENDPOINT_NAME_MAX},
    [WORD_SERVICE_LEVEL] = {PATHS_QUERY_SERVICE_LEVEL, VALUE_MAX},
    [WORD_METHOD] = {PATHS_QUERY_SERVICE_LEVEL_METHOD, VALUE_MAX},
    [WORD_SHORT_ABANDON] = {PATHS_QUERY_SHORT_ABANDON, VALUE_MAX},
    [WORD_BY] = {PATHS_QUERY_BY, VALUE_MAX},
    [WORD_BINS] = {PATHS_QUERY_BINS, VALUE_MAX},
    [WORD_FORMAT] = {"format", VALUE_MAX},
    [WORD_STEP] = {"step", VALUE_MAX},
    [WORD_FIELDS] = {"fields", LIST_MAX},
    [WORD_METRIC] = {"metric", VALUE_MAX},
    [WORD_ORDER] = {"order", VALUE_MAX},
    [WORD_OF] = {"of", VALUE_MAX},
    [WORD_LIMIT] = {PATHS_QUERY_LIMIT, VALUE_MAX},
    [WORD_CALLS_MIN] = {"calls-min", VALUE_MAX},
    [WORD_SPARK] = {"spark", VALUE_MAX},
    [WORD_OPERATORS] = {"operators", VALUE_MAX},
};

const char *endpoint_word_name(enum endpoint_word word)
{
    return table[word].name;
}

static int shown(struct slice text)
{
    return (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX);
}

static bool refuse_unknown(struct endpoint_answer *answer, struct slice name, uint32_t known)
{
    struct buf list = BUF_INIT;
    char where[ENDPOINT_NAME_MAX + 1];
    for (unsigned word = 0; word < WORD_COUNT; word++) {
        if (known & ENDPOINT_WORD(word)) {
            buf_printf(&list, "%s%s", list.len ? ", " : "; it has ", table[word].name);
        }
    }
    (void)snprintf(where, sizeof where, "%.*s", (int)(name.len < sizeof where ? name.len : sizeof where - 1),
                   name.data);
    endpoint_refuse(answer, 400, where, "'%.*s' is no parameter of this path%s", shown(name), name.data,
                    buf_cstr(&list));
    buf_deinit(&list);
    return false;
}

static unsigned find(struct slice name)
{
    unsigned word = 0;
    while (word < WORD_COUNT && !slice_is(name, table[word].name)) {
        word++;
    }
    return word;
}

static bool value_is_fine(struct endpoint_answer *answer, unsigned word, struct slice value)
{
    const char *name = table[word].name;
    if (value.len == 0 && word != WORD_ALL) {
        endpoint_refuse(answer, 400, name, "%s is empty", name);
        return false;
    }
    if (value.len > table[word].max) {
        endpoint_refuse(answer, 400, name, "%s is longer than the %zu bytes that it may have", name, table[word].max);
        return false;
    }
    if (value.len > 0 && memchr(value.data, '\0', value.len)) {
        endpoint_refuse(answer, 400, name, "%s has a byte 0 in it", name);
        return false;
    }
    return true;
}

static bool take_queue(struct endpoint_words *words, struct slice value)
{
    if (words->queue_count == QUERY_QUEUES_MAX) {
        endpoint_refuse(words->answer, 400, "queue", "more than %d queues are named", QUERY_QUEUES_MAX);
        return false;
    }
    words->queues[words->queue_count++] = value;
    return true;
}

static bool take(struct endpoint_words *words, uint32_t known, const struct endpoint_item *item)
{
    unsigned word = find(item->name);
    if (word == WORD_COUNT || !(known & ENDPOINT_WORD(word))) {
        return refuse_unknown(words->answer, item->name, known);
    }
    if (!value_is_fine(words->answer, word, item->value)) {
        return false;
    }
    if (word == WORD_QUEUE) {
        words->given[word] = true;
        return take_queue(words, item->value);
    }
    if (words->given[word]) {
        endpoint_refuse(words->answer, 400, table[word].name, "%s is given more than once", table[word].name);
        return false;
    }
    words->given[word] = true;
    words->values[word] = item->value;
    return true;
}

static void copy(const struct endpoint_words *words, enum endpoint_word word, char *out)
{
    struct slice value = words->values[word];
    memcpy(out, value.len ? value.data : "", value.len);
    out[value.len] = '\0';
}

static bool whose_is_fine(struct endpoint_words *words)
{
    struct slice all = words->values[WORD_ALL];
    if (words->given[WORD_ALL] && all.len > 0 && !slice_is(all, "yes") && !slice_is(all, "true")) {
        endpoint_refuse(words->answer, 400, "all", "all '%.*s' is not allowed; allowed: yes", shown(all), all.data);
        return false;
    }
    if (words->given[WORD_SITE] + words->given[WORD_GROUP] + words->given[WORD_ALL] > 1) {
        endpoint_refuse(words->answer, 400, words->given[WORD_SITE] ? "site" : "group",
                        "only one of site, group and all");
        return false;
    }
    return true;
}

bool endpoint_words_take(const struct endpoint_request *request, uint32_t known, struct endpoint_words *out,
                         struct endpoint_answer *answer)
{
    *out = (struct endpoint_words){.answer = answer};
    for (size_t i = 0; i < request->item_count; i++) {
        if (!take(out, known, &request->items[i])) {
            return false;
        }
    }
    copy(out, WORD_SITE, out->site);
    copy(out, WORD_GROUP, out->group);
    copy(out, WORD_ZONE, out->zone);
    if (out->queue_count > 0) {
        memcpy(out->queue, out->queues[0].data, out->queues[0].len);
    }
    return whose_is_fine(out);
}

bool endpoint_words_choose(struct endpoint_words *words, enum endpoint_word word, const char *const texts[],
                           size_t count, size_t *out)
{
    struct slice value = words->values[word];
    struct buf allowed = BUF_INIT;
    if (!words->given[word]) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_is(value, texts[i])) {
            buf_deinit(&allowed);
            *out = i;
            return true;
        }
        buf_printf(&allowed, "%s%s", i ? " | " : "", texts[i]);
    }
    endpoint_refuse(words->answer, 400, table[word].name, "%s '%.*s' is not allowed; allowed: %s", table[word].name,
                    shown(value), value.data, buf_cstr(&allowed));
    buf_deinit(&allowed);
    return false;
}

bool endpoint_words_number(struct endpoint_words *words, enum endpoint_word word, uint64_t min, uint64_t max,
                           uint64_t *out)
{
    struct slice value = words->values[word];
    uint64_t number = 0;
    if (!words->given[word]) {
        return true;
    }
    if (num_parse_u64(value, &number) != 0 || number < min || number > max) {
        endpoint_refuse(words->answer, 400, table[word].name,
                        "%s '%.*s' is not allowed; allowed: a number from %" PRIu64 " to %" PRIu64, table[word].name,
                        shown(value), value.data, min, max);
        return false;
    }
    *out = number;
    return true;
}
