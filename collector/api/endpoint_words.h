/* endpoint_words: what a question says beside its path, word by word: known ones only, single ones once, within their
 * lengths. What is wrong is refused with 400 and the word's name. */
#ifndef RINGSIDE_COLLECTOR_API_ENDPOINT_WORDS_H
#define RINGSIDE_COLLECTOR_API_ENDPOINT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/endpoint.h"
#include "proto/limits.h"
#include "proto/report/query.h"

enum endpoint_word {
    WORD_SITE,
    WORD_GROUP,
    WORD_ALL,
    WORD_FROM,
    WORD_TO,
    WORD_QUEUE, /* the only one that may come again */
    WORD_ZONE,
    WORD_SERVICE_LEVEL,
    WORD_METHOD,
    WORD_SHORT_ABANDON,
    WORD_BY,
    WORD_BINS,
    WORD_FORMAT,
    WORD_STEP,
    WORD_FIELDS,
    WORD_METRIC,
    WORD_ORDER,
    WORD_OF,
    WORD_LIMIT,
    WORD_CALLS_MIN,
    WORD_SPARK,
    WORD_OPERATORS,
    WORD_COUNT
};

#define ENDPOINT_WORD(word) (UINT32_C(1) << (word))

enum { ENDPOINT_NAME_MAX = 64 };

struct endpoint_words {
    struct endpoint_answer *answer; /* that is refused */
    bool given[WORD_COUNT];
    struct slice values[WORD_COUNT]; /* borrowed from the request */
    struct slice queues[QUERY_QUEUES_MAX];
    size_t queue_count;
    char site[ENDPOINT_NAME_MAX + 1]; /* empty: not given, as the next two */
    char group[ENDPOINT_NAME_MAX + 1];
    char zone[ENDPOINT_NAME_MAX + 1];
    char queue[LIMITS_QUEUE_NAME_MAX + 1]; /* the first one */
};

const char *endpoint_word_name(enum endpoint_word word);

/* `known`: bit set of the words that the path has. All of these: false, and the answer refused. */
bool endpoint_words_take(const struct endpoint_request *request, uint32_t known, struct endpoint_words *out,
                         struct endpoint_answer *answer);

/* One of these texts; *out stays as it is where the word is not given. */
bool endpoint_words_choose(struct endpoint_words *words, enum endpoint_word word, const char *const texts[],
                           size_t count, size_t *out);
bool endpoint_words_number(struct endpoint_words *words, enum endpoint_word word, uint64_t min, uint64_t max,
                           uint64_t *out);

#endif
