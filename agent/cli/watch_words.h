/* watch_words: numbers, spans and names of things as the picture says them. Pure. */
#ifndef RINGSIDE_AGENT_CLI_WATCH_WORDS_H
#define RINGSIDE_AGENT_CLI_WATCH_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "agent/cli/watch_grid.h"
#include "agent/cli/watch_model.h"

enum { WATCH_WORD_MAX = 32 };

/* Each writes into `out` and returns it. What is not told becomes "-". */
char *watch_words_count(int64_t count, char out[WATCH_WORD_MAX]);
char *watch_words_span(int64_t span_ms, char out[WATCH_WORD_MAX]); /* "0:07", "12:30", "1:02:03", "3d 04h" */
char *watch_words_share(double share, char out[WATCH_WORD_MAX]);   /* "82%" */
char *watch_words_clock(int64_t at_ms, int32_t offset_s, char out[WATCH_WORD_MAX]); /* "10:42:31" */

/* A span and its mark when it is over a queue's threshold; and what it is then. */
char *watch_words_wait(int64_t wait_ms, int64_t threshold_ms, char out[WATCH_WORD_MAX], enum watch_role *role);

/* A service level and its mark: "!" below 80 %, "!!" below 60 %. */
char *watch_words_level(double level, char out[WATCH_WORD_MAX], enum watch_role *role);

enum { WATCH_SPARK_BYTES = WATCH_TREND_MAX * 3 + 1 };

/* One character an interval, the last `width` of them: blocks, or tenths as digits without UTF-8. */
char *watch_words_spark(const struct watch_queue *queue, size_t width, bool utf8, char out[WATCH_SPARK_BYTES]);

/* What happened, for people; and whether it is something to look at. The kind itself when it is none we know. */
const char *watch_words_event(const char *kind, enum watch_role *role);
const char *watch_words_state(const char *state, enum watch_role *role); /* of an operator */

#endif
