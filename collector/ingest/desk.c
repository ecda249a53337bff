#include "collector/ingest/desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

struct desk {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct desk_list jobs;
    struct desk_list answers;
    uint64_t *closings;
    size_t closing_count;
    size_t closing_cap;
    uint64_t buffered_bytes;
    bool stopped;
    void (*answers_wait)(void *ctx);
    void *ctx;
};

void desk_list_push(struct desk_list *list, struct desk_job *job)
{
    job->next = NULL;
    if (list->last) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
    list->count++;
}

struct desk_job *desk_list_pop(struct desk_list *list)
{
    struct desk_job *job = list->first;
    if (job) {
        list->first = job->next;
        list->last = list->first ? list->last : NULL;
        list->count--;
        job->next = NULL;
    }
    return job;
}

void desk_list_clear(struct desk_list *list)
{
    struct desk_job *job;
    while ((job = desk_list_pop(list))) {
        desk_job_free(job);
    }
}

void desk_job_free(struct desk_job *job)
{
    if (job) {
        free(job->payload);
        buf_deinit(&job->answer);
        free(job);
    }
}

static void list_join(struct desk_list *into, struct desk_list *from)
{
    if (!from->first) {
        return;
    }
    if (into->last) {
        into->last->next = from->first;
    } else {
        into->first = from->first;
    }
    into->last = from->last;
    into->count += from->count;
    *from = (struct desk_list){0};
}

int desk_new(void (*answers_wait)(void *ctx), void *ctx, struct desk **out)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (!desk) {
        return STATUS_NO_MEMORY;
    }
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&desk->lock, NULL) != 0) {
        free(desk);
        return STATUS_NO_MEMORY;
    }
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&desk->work, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (failed != 0) {
        (void)pthread_mutex_destroy(&desk->lock);
        free(desk);
        return STATUS_NO_MEMORY;
    }
    desk->answers_wait = answers_wait;
    desk->ctx = ctx;
    *out = desk;
    return 0;
}

void desk_free(struct desk *desk)
{
    if (!desk) {
        return;
    }
    desk_list_clear(&desk->jobs);
    desk_list_clear(&desk->answers);
    free(desk->closings);
    (void)pthread_cond_destroy(&desk->work);
    (void)pthread_mutex_destroy(&desk->lock);
    free(desk);
}

size_t desk_job_bytes(const struct desk_job *job)
{
    return sizeof *job + job->payload_len;
}

bool desk_hand_in(struct desk *desk, struct desk_job *job)
{
    (void)pthread_mutex_lock(&desk->lock);
    bool taken = !desk->stopped;
    if (taken) {
        desk->buffered_bytes += desk_job_bytes(job);
        desk_list_push(&desk->jobs, job);
        (void)pthread_cond_signal(&desk->work);
    }
    (void)pthread_mutex_unlock(&desk->lock);
    if (!taken) {
        desk_job_free(job);
    }
    return taken;
}

struct desk_list desk_collect(struct desk *desk)
{
    (void)pthread_mutex_lock(&desk->lock);
    struct desk_list list = desk->answers;
    desk->answers = (struct desk_list){0};
    (void)pthread_mutex_unlock(&desk->lock);
    return list;
}

uint64_t desk_buffered_bytes(struct desk *desk)
{
    (void)pthread_mutex_lock(&desk->lock);
    uint64_t bytes = desk->buffered_bytes;
    (void)pthread_mutex_unlock(&desk->lock);
    return bytes;
}

static struct timespec deadline_in(int64_t wait_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += wait_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

struct desk_list desk_take(struct desk *desk, int64_t wait_ms)
{
    (void)pthread_mutex_lock(&desk->lock);
    if (wait_ms > 0 && !desk->jobs.first && !desk->stopped) {
        struct timespec at = deadline_in(wait_ms);
        int woken = 0;
        while (woken == 0 && !desk->jobs.first && !desk->stopped) {
            woken = pthread_cond_timedwait(&desk->work, &desk->lock, &at);
        }
    }
    struct desk_list list = desk->jobs;
    desk->jobs = (struct desk_list){0};
    (void)pthread_mutex_unlock(&desk->lock);
    return list;
}

void desk_return(struct desk *desk, struct desk_list *jobs)
{
    uint64_t bytes = 0;
    for (const struct desk_job *job = jobs->first; job; job = job->next) {
        bytes += desk_job_bytes(job);
    }
    bool any = jobs->first != NULL;
    (void)pthread_mutex_lock(&desk->lock);
    desk->buffered_bytes -= bytes;
    list_join(&desk->answers, jobs);
    (void)pthread_mutex_unlock(&desk->lock);
    if (any) {
        desk->answers_wait(desk->ctx);
    }
}

void desk_close(struct desk *desk, uint64_t session)
{
    (void)pthread_mutex_lock(&desk->lock);
    uint64_t *closings = grow_array(desk->closings, desk->closing_count, &desk->closing_cap, sizeof *desk->closings);
    if (closings) { /* else the session's own idle time ends it */
        desk->closings = closings;
        desk->closings[desk->closing_count++] = session;
    }
    (void)pthread_mutex_unlock(&desk->lock);
}

bool desk_next_closing(struct desk *desk, uint64_t *session)
{
    (void)pthread_mutex_lock(&desk->lock);
    bool any = desk->closing_count > 0;
    if (any) {
        *session = desk->closings[--desk->closing_count];
    }
    (void)pthread_mutex_unlock(&desk->lock);
    return any;
}

void desk_stop(struct desk *desk)
{
    (void)pthread_mutex_lock(&desk->lock);
    desk->stopped = true;
    (void)pthread_cond_broadcast(&desk->work);
    (void)pthread_mutex_unlock(&desk->lock);
}

bool desk_stopped(struct desk *desk)
{
    (void)pthread_mutex_lock(&desk->lock);
    bool stopped = desk->stopped;
    (void)pthread_mutex_unlock(&desk->lock);
    return stopped;
}
