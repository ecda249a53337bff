#include "collector/api/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/job.h"
#include "collector/api/metrics.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"

enum { WORKER_ENTRIES_MAX = 8192, WORKER_REST_MS = 1000, WORKER_RETRY_S = 2, WORKER_STACK_BYTES = 1024 * 1024 };
enum { WORKER_BODIES_MAX = 192 * 1024 * 1024 }; /* beside the cache */

struct worker {
    struct worker_pool *pool;
    pthread_t thread;
    struct job *job;
    struct endpoint_request *request; /* of the job; to end its time */
    atomic_llong since_ms;            /* 0: rests */
};

struct worker_pool {
    struct worker_options options;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool halted;
    struct cache cache;
    struct line asked;
    uint8_t last[ACCESS_HASH_BYTES]; /* whose question was taken last; zero: nobody's */
    struct line ahead;               /* nobody waits for these: only when nothing else is to be done */
    uint32_t count;
    struct worker workers[];
};

static void job_drop(struct cache_entry *entry)
{
    job_free((struct job *)entry);
}

/* Who may see more is told more: the roles do not share answers. */
static void worker_key(const struct worker_question *question, struct buf *out)
{
    uint8_t role = question->token ? (uint8_t)question->token->role : 0;
    buf_append(out, &role, 1);
    question_key(question->question, out);
}

static struct body *worker_refusal(const char *what)
{
    struct endpoint_answer answer = {0};
    endpoint_refuse(&answer, 503, NULL, "%s", what);
    answer.retry_after_s = WORKER_RETRY_S;
    return body_new(&answer, false);
}

static void worker_check(struct endpoint_answer *answer)
{
    if (answer->code == 0 || answer->body.failed) {
        endpoint_refuse(answer, 500, NULL, "the answer could not be made");
    }
    if (answer->code == 503 && answer->retry_after_s == 0) {
        answer->retry_after_s = WORKER_RETRY_S;
    }
}

static void worker_answer(struct worker_pool *pool, const struct worker_question *question,
                          struct endpoint_request *request, struct endpoint_answer *answer)
{
    request->options = pool->options.api;
    request->metrics = pool->options.metrics;
    request->token = question->token;
    request->rest = question->rest;
    request->items = question->question->items;
    request->item_count = question->question->item_count;
    request->body = question->body;
    request->now_ms = clock_wall_ms();
    request->instance = pool->options.instance;
    if (question->endpoint->access == ENDPOINT_METRICS) {
        struct metrics_server server;
        meter_copy(pool->options.meter, &server);
        metrics_server_set(pool->options.metrics, &server);
    }
    question->endpoint->answer(request, answer);
    worker_check(answer);
}

struct body *worker_make(struct worker_pool *pool, const struct worker_question *question, int64_t deadline_ms)
{
    struct endpoint_request request = {.deadline_ms = deadline_ms};
    struct endpoint_answer answer = {0};
    worker_answer(pool, question, &request, &answer);
    return body_new(&answer, question->pack);
}

static void worker_wake(struct job *job, struct body *body)
{
    struct worker_waiter *waiter = job->waiters;
    job->waiters = NULL;
    while (waiter) {
        struct worker_waiter *next = waiter->next;
        waiter->answer = body ? body_ref(body) : NULL;
        waiter->wake(waiter);
        waiter = next;
    }
}

/* The lock is held. The job is given up, or stays in the cache as what is known about its question. */
static void worker_done(struct worker_pool *pool, struct job *job, struct body *body,
                        const struct endpoint_answer *times)
{
    int64_t now_ms = clock_monotonic_ms();
    int code = body ? body->code : 503;
    worker_wake(job, body);
    job->place = JOB_IDLE;
    job->entry.making = false;
    if (!job->shared) {
        job_free(job);
    } else if (body && code == 200 && times->fresh_ms > 0 && !pool->halted) {
        job->entry.fresh_ms = times->fresh_ms;
        job->entry.stale_ms = times->stale_ms > 0 ? times->stale_ms : 0;
        cache_fill(&pool->cache, &job->entry, body, now_ms);
    } else if (code < 500 || cache_age(&job->entry, now_ms) == CACHE_NONE) {
        cache_remove(&pool->cache, &job->entry);
    } else {
        job->entry.rest_ms = now_ms + WORKER_REST_MS;
    }
}

/* The lock is held, except while the answer is made. */
static void worker_run(struct worker *worker, struct job *job)
{
    struct worker_pool *pool = worker->pool;
    struct access_token token = job->token;
    struct worker_question question = {.endpoint = job->endpoint,
                                       .question = job->question,
                                       .rest = job->rest,
                                       .body = buf_slice(&job->body),
                                       .token = job->has_token ? &token : NULL};
    int64_t deadline_ms = job->queued_ms + pool->options.api->budget_ms;
    struct endpoint_request request = {.deadline_ms = deadline_ms};
    struct endpoint_answer answer = {0};
    int64_t now_ms = clock_monotonic_ms();
    job->place = JOB_RUNNING;
    worker->job = job;
    worker->request = &request;
    atomic_store(&worker->since_ms, now_ms);
    bool pack = job->pack || job->shared;
    (void)pthread_mutex_unlock(&pool->lock);
    if (now_ms >= deadline_ms) {
        endpoint_refuse(&answer, 503, NULL, "too busy to begin with this in time");
        worker_check(&answer);
    } else {
        worker_answer(pool, &question, &request, &answer);
    }
    struct body *body = body_new(&answer, pack);
    if (!body || body->code == 503) {
        meter_add(&pool->options.meter->late);
    }
    (void)pthread_mutex_lock(&pool->lock);
    worker->job = NULL;
    worker->request = NULL;
    atomic_store(&worker->since_ms, 0);
    worker_done(pool, job, body, &answer);
    body_unref(body);
}

/* How much is done for this one's asker already. */
static uint32_t worker_weight(const struct worker_pool *pool, const struct job *job)
{
    uint32_t weight = job_is_of(job, pool->last);
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct job *other = pool->workers[i].job;
        weight += other && job_is_of(other, job->token.hash) ? 2 : 0;
    }
    return weight;
}

/* The lock is held. Askers take turns: one with many long questions in line keeps others waiting for one of them. */
static struct job *worker_next(struct worker_pool *pool)
{
    struct job *next = pool->asked.first;
    uint32_t least = next ? worker_weight(pool, next) : 0;
    for (struct job *job = next; job && least > 0; job = job->next) {
        uint32_t weight = worker_weight(pool, job);
        if (weight < least) {
            least = weight;
            next = job;
        }
    }
    if (!next) {
        return pool->ahead.first;
    }
    memcpy(pool->last, next->token.hash, sizeof pool->last);
    return next;
}

/* The lock is held. A quarter of the line is not for one asker alone; and those who take long answers slowly keep them
 * in memory meanwhile. */
static bool worker_line_is_full(const struct worker_pool *pool, const struct access_token *token)
{
    if (body_bytes_alive() > pool->options.cache_bytes_max + WORKER_BODIES_MAX) {
        return true;
    }
    uint32_t most = pool->options.queue_max - pool->options.queue_max / 4;
    if (pool->asked.count < most || pool->asked.count >= pool->options.queue_max) {
        return pool->asked.count >= pool->options.queue_max;
    }
    return line_count_of(&pool->asked, token) >= most;
}

static void *worker_thread(void *arg)
{
    struct worker *worker = arg;
    struct worker_pool *pool = worker->pool;
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->halted) {
        struct job *job = worker_next(pool);
        if (!job) {
            (void)pthread_cond_wait(&pool->work, &pool->lock);
            continue;
        }
        line_take(job->place == JOB_AHEAD ? &pool->ahead : &pool->asked, job);
        worker_run(worker, job);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static int worker_start(struct worker_pool *pool)
{
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
    uint32_t wanted = pool->options.api->workers ? pool->options.api->workers : 1;
    while (pool->count < wanted) {
        struct worker *worker = &pool->workers[pool->count];
        worker->pool = pool;
        if (pthread_create(&worker->thread, &attr, worker_thread, worker) != 0) {
            break;
        }
        pool->count++;
    }
    (void)pthread_attr_destroy(&attr);
    return pool->count == wanted ? 0 : STATUS_NO_MEMORY;
}

int worker_new(const struct worker_options *options, struct worker_pool **out)
{
    uint32_t workers = options->api->workers ? options->api->workers : 1;
    struct worker_pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->workers[0]);
    if (!pool) {
        return STATUS_NO_MEMORY;
    }
    pool->options = *options;
    uint64_t seed;
    int status = secret_random(&seed, sizeof seed);
    status =
        status == 0 ? cache_init(&pool->cache, options->cache_bytes_max, WORKER_ENTRIES_MAX, seed, job_drop) : status;
    if (status != 0) {
        free(pool);
        return status;
    }
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    status = worker_start(pool);
    if (status != 0) {
        worker_free(pool);
        return status;
    }
    *out = pool;
    return 0;
}

static void worker_empty(struct worker_pool *pool, struct line *line, struct body *body)
{
    static const struct endpoint_answer never = {0};
    while (line->first) {
        struct job *job = line->first;
        line_take(line, job);
        worker_done(pool, job, body, &never);
    }
}

void worker_halt(struct worker_pool *pool)
{
    struct body *body = worker_refusal("the collector is stopping");
    (void)pthread_mutex_lock(&pool->lock);
    pool->halted = true;
    worker_empty(pool, &pool->asked, body);
    worker_empty(pool, &pool->ahead, body);
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->workers[i].job) {
            worker_wake(pool->workers[i].job, body);
            /* Long ago: the endpoint looks at it now and then, and gives up. 0 would be no deadline. */
            __atomic_store_n(&pool->workers[i].request->deadline_ms, 1, __ATOMIC_RELAXED);
        }
    }
    (void)pthread_cond_broadcast(&pool->work);
    (void)pthread_mutex_unlock(&pool->lock);
    body_unref(body);
}

void worker_free(struct worker_pool *pool)
{
    if (!pool) {
        return;
    }
    worker_halt(pool);
    for (uint32_t i = 0; i < pool->count; i++) {
        (void)pthread_join(pool->workers[i].thread, NULL);
    }
    cache_deinit(&pool->cache);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void worker_line_up(struct worker_pool *pool, struct job *job, enum job_place place, int64_t now_ms)
{
    job->place = place;
    job->queued_ms = now_ms;
    job->entry.making = true;
    line_put(place == JOB_AHEAD ? &pool->ahead : &pool->asked, job);
    (void)pthread_cond_signal(&pool->work);
}

static int worker_wait(struct worker_pool *pool, struct job *job, struct worker_waiter *waiter, int64_t now_ms)
{
    if (job->place == JOB_AHEAD) {
        line_take(&pool->ahead, job);
        worker_line_up(pool, job, JOB_QUEUED, now_ms);
    }
    waiter->next = job->waiters;
    job->waiters = waiter;
    waiter->rest(waiter);
    return WORKER_WAITS;
}

/* A question that nobody works on. */
static int worker_begin(struct worker_pool *pool, const struct worker_question *question, struct buf *key,
                        struct worker_waiter *waiter, int64_t now_ms)
{
    if (worker_line_is_full(pool, question->token)) {
        return STATUS_BUSY;
    }
    struct job *job = job_new(question);
    if (!job) {
        return STATUS_NO_MEMORY;
    }
    if (key) {
        job->key = *key;
        *key = BUF_INIT;
        job->entry.key = buf_slice(&job->key);
        job->entry.making = true;
        job->shared = true;
        cache_add(&pool->cache, &job->entry);
        cache_asked(&pool->cache, &job->entry, now_ms);
    }
    worker_line_up(pool, job, JOB_QUEUED, now_ms);
    return worker_wait(pool, job, waiter, now_ms);
}

static int worker_ask_shared(struct worker_pool *pool, const struct worker_question *question, struct buf *key,
                             struct worker_waiter *waiter, int64_t now_ms)
{
    struct job *job = (struct job *)cache_find(&pool->cache, buf_slice(key));
    if (!job) {
        meter_add(&pool->options.meter->cache_misses);
        return worker_begin(pool, question, key, waiter, now_ms);
    }
    cache_asked(&pool->cache, &job->entry, now_ms);
    job_take_token(job, question->token);
    enum cache_age age = cache_age(&job->entry, now_ms);
    bool line_full = worker_line_is_full(pool, question->token);
    if (age != CACHE_NONE) {
        meter_add(&pool->options.meter->cache_hits);
        waiter->answer = body_ref(job->entry.body);
        if (age == CACHE_STALE && !job->entry.making && !line_full && now_ms >= job->entry.rest_ms) {
            worker_line_up(pool, job, JOB_AHEAD, now_ms);
        }
        return 0;
    }
    meter_add(&pool->options.meter->cache_misses);
    if (!job->entry.making) {
        if (line_full) {
            return STATUS_BUSY;
        }
        worker_line_up(pool, job, JOB_QUEUED, now_ms);
    }
    return worker_wait(pool, job, waiter, now_ms);
}

int worker_ask(struct worker_pool *pool, const struct worker_question *question, struct worker_waiter *waiter,
               int64_t monotonic_ms)
{
    bool shared = strcmp(question->endpoint->method, "GET") == 0;
    struct buf key = BUF_INIT;
    if (shared) {
        worker_key(question, &key);
        if (key.failed) {
            buf_deinit(&key);
            return STATUS_NO_MEMORY;
        }
    }
    (void)pthread_mutex_lock(&pool->lock);
    int status = STATUS_BUSY;
    if (!pool->halted) {
        status = shared ? worker_ask_shared(pool, question, &key, waiter, monotonic_ms)
                        : worker_begin(pool, question, NULL, waiter, monotonic_ms);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    buf_deinit(&key);
    return status;
}

void worker_ahead(struct worker_pool *pool, int64_t monotonic_ms)
{
    (void)pthread_mutex_lock(&pool->lock);
    for (struct cache_entry *entry = pool->cache.newest; entry && !pool->halted; entry = entry->older) {
        if (monotonic_ms - entry->asked_ms > CACHE_WANTED_MS ||
            pool->asked.count + pool->ahead.count >= pool->options.queue_max / 2) {
            break;
        }
        if (cache_due(entry, monotonic_ms)) {
            worker_line_up(pool, (struct job *)entry, JOB_AHEAD, monotonic_ms);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

bool worker_alive(struct worker_pool *pool, int64_t monotonic_ms, int64_t longest_ms)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        int64_t since_ms = atomic_load(&pool->workers[i].since_ms);
        if (since_ms != 0 && monotonic_ms - since_ms > longest_ms) {
            return false;
        }
    }
    return true;
}
