#include "collector/api/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "platform/base/status.h"
#include "platform/time/clock.h"

enum { KEEPER_TICK_MS = 200, KEEPER_STACK_BYTES = 256 * 1024 };

struct keeper {
    struct conns *conns;
    struct worker_pool *pool;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t poke;
    bool stopping;
    atomic_llong seen_ms;
};

static void keeper_sleep(struct keeper *keeper)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += KEEPER_TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int rc = 0;
    while (!keeper->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&keeper->poke, &keeper->lock, &until);
    }
}

static void *keeper_thread(void *arg)
{
    struct keeper *keeper = arg;
    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping) {
        int64_t now_ms = clock_monotonic_ms();
        atomic_store(&keeper->seen_ms, now_ms);
        (void)pthread_mutex_unlock(&keeper->lock);
        conns_sweep(keeper->conns, now_ms);
        worker_ahead(keeper->pool, now_ms);
        (void)pthread_mutex_lock(&keeper->lock);
        keeper_sleep(keeper);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static int keeper_start(struct keeper *keeper)
{
    pthread_condattr_t how;
    pthread_attr_t attr;
    (void)pthread_condattr_init(&how);
    (void)pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&keeper->lock, NULL);
    (void)pthread_cond_init(&keeper->poke, &how);
    (void)pthread_condattr_destroy(&how);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, KEEPER_STACK_BYTES);
    int rc = pthread_create(&keeper->thread, &attr, keeper_thread, keeper);
    (void)pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : STATUS_NO_MEMORY;
}

static void keeper_end(struct keeper *keeper)
{
    (void)pthread_cond_destroy(&keeper->poke);
    (void)pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

int keeper_new(struct conns *conns, struct worker_pool *pool, struct keeper **out)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        return STATUS_NO_MEMORY;
    }
    keeper->conns = conns;
    keeper->pool = pool;
    atomic_init(&keeper->seen_ms, clock_monotonic_ms());
    int status = keeper_start(keeper);
    if (status != 0) {
        keeper_end(keeper);
        return status;
    }
    *out = keeper;
    return 0;
}

void keeper_free(struct keeper *keeper)
{
    if (!keeper) {
        return;
    }
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    (void)pthread_cond_broadcast(&keeper->poke);
    (void)pthread_mutex_unlock(&keeper->lock);
    (void)pthread_join(keeper->thread, NULL);
    keeper_end(keeper);
}

bool keeper_alive(struct keeper *keeper, int64_t monotonic_ms, int64_t longest_ms)
{
    return monotonic_ms - atomic_load(&keeper->seen_ms) <= longest_ms;
}
