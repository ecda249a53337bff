/* worker: the threads that make answers, what waits for them, and the cache of what they made. One lock over all of it,
 * never held while an answer is made. A question that is asked while the same one is worked on waits for that answer.
 */
#ifndef RINGSIDE_COLLECTOR_API_WORKER_H
#define RINGSIDE_COLLECTOR_API_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/body.h"
#include "collector/api/endpoint.h"
#include "collector/api/meter.h"
#include "collector/api/question.h"

struct worker_pool;

struct worker_options {
    const struct api_options *api;
    struct metrics *metrics;
    const char *instance;
    struct meter *meter;
    size_t cache_bytes_max;
    uint32_t queue_max; /* questions that wait for a thread */
};

/* One who waits. Both functions are called with the lock held and must not come back here: `rest` once it is in line,
 * `wake`, from any thread, when `answer` is there (owned by the waiter; NULL: out of memory). */
struct worker_waiter {
    struct worker_waiter *next;
    struct body *answer;
    void (*rest)(struct worker_waiter *waiter);
    void (*wake)(struct worker_waiter *waiter);
};

struct worker_question {
    const struct endpoint *endpoint; /* borrowed for the pool's life */
    struct question *question;
    struct slice rest; /* of the question's path */
    struct slice body;
    const struct access_token *token; /* NULL: none was asked for */
    bool pack;                        /* who asks takes packed answers */
};

int worker_new(const struct worker_options *options, struct worker_pool **out);

/* Answers those who wait with 503 and tells what is being made that its time is over; from now on nobody waits. */
void worker_halt(struct worker_pool *pool);
void worker_free(struct worker_pool *pool); /* halts and joins; NULL is fine */

/* 0 with waiter->answer set, WORKER_WAITS (then `wake` comes), STATUS_BUSY, STATUS_NO_MEMORY. */
enum { WORKER_WAITS = 1 };
int worker_ask(struct worker_pool *pool, const struct worker_question *question, struct worker_waiter *waiter,
               int64_t monotonic_ms);

/* Makes an answer here and now. Returns owned; NULL without memory. */
struct body *worker_make(struct worker_pool *pool, const struct worker_question *question, int64_t deadline_ms);

/* Lines up what will soon be asked for again and would be stale by then. */
void worker_ahead(struct worker_pool *pool, int64_t monotonic_ms);

bool worker_alive(struct worker_pool *pool, int64_t monotonic_ms, int64_t longest_ms);

#endif
