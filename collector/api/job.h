/* job: a question that is worked on, or known from before, and the line in which those stand that wait for a thread.
 * Without lock: the pool's is held, or nobody else knows the job. */
#ifndef RINGSIDE_COLLECTOR_API_JOB_H
#define RINGSIDE_COLLECTOR_API_JOB_H

#include "collector/api/cache.h"
#include "collector/api/worker.h"

enum job_place { JOB_IDLE, JOB_QUEUED, JOB_AHEAD, JOB_RUNNING };

struct job {
    struct cache_entry entry; /* first: the cache knows it by that */
    bool shared;              /* in the cache's table */
    enum job_place place;
    const struct endpoint *endpoint;
    struct question *question;
    struct slice rest;
    struct buf body;
    struct buf key;
    struct access_token token;
    bool has_token;
    bool pack;
    int64_t queued_ms;
    struct worker_waiter *waiters;
    struct job *next; /* in line */
};

struct line {
    struct job *first;
    struct job *last;
    uint32_t count;
};

struct job *job_new(const struct worker_question *question); /* returns owned; NULL without memory */
void job_free(struct job *job);
void job_take_token(struct job *job, const struct access_token *token); /* of who asked last */
bool job_is_of(const struct job *job, const uint8_t *hash);             /* all zero: of nobody */

void line_put(struct line *line, struct job *job);
void line_take(struct line *line, struct job *job);
uint32_t line_count_of(const struct line *line, const struct access_token *token); /* NULL: of nobody */

#endif
