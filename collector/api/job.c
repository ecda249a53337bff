#include "collector/api/job.h"

#include <stdlib.h>
#include <string.h>

void line_put(struct line *line, struct job *job)
{
    job->next = NULL;
    if (line->last) {
        line->last->next = job;
    } else {
        line->first = job;
    }
    line->last = job;
    line->count++;
}

void line_take(struct line *line, struct job *job)
{
    struct job *before = NULL;
    for (struct job *at = line->first; at != job; at = at->next) {
        before = at;
    }
    *(before ? &before->next : &line->first) = job->next;
    if (line->last == job) {
        line->last = before;
    }
    line->count--;
}

void job_free(struct job *job)
{
    question_unref(job->question);
    buf_deinit(&job->body);
    buf_deinit(&job->key);
    free(job);
}

void job_take_token(struct job *job, const struct access_token *token)
{
    job->has_token = token != NULL;
    if (token) {
        job->token = *token;
    }
}

struct job *job_new(const struct worker_question *question)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        return NULL;
    }
    job->endpoint = question->endpoint;
    job->question = question_ref(question->question);
    job->rest = question->rest;
    job->pack = question->pack;
    buf_append(&job->body, question->body.data, question->body.len);
    job_take_token(job, question->token);
    if (job->body.failed) {
        job_free(job);
        return NULL;
    }
    return job;
}

bool job_is_of(const struct job *job, const uint8_t *hash)
{
    return memcmp(job->token.hash, hash, ACCESS_HASH_BYTES) == 0;
}

uint32_t line_count_of(const struct line *line, const struct access_token *token)
{
    static const uint8_t nobody[ACCESS_HASH_BYTES];
    uint32_t count = 0;
    for (const struct job *job = line->first; job; job = job->next) {
        count += job_is_of(job, token ? token->hash : nobody);
    }
    return count;
}
