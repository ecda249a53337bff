#include "collector/api/conns.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "platform/base/status.h"

struct conn_entry {
    struct conn_entry *next;
    struct conn_entry *prev;
    int fd;
    enum conns_phase phase;
    int64_t since_ms;
};

struct conns {
    pthread_mutex_t lock;
    struct conns_limits limits;
    struct conn_entry *first;
};

int conns_new(const struct conns_limits *limits, struct conns **out)
{
    struct conns *conns = calloc(1, sizeof *conns);
    if (!conns) {
        return STATUS_NO_MEMORY;
    }
    conns->limits = *limits;
    (void)pthread_mutex_init(&conns->lock, NULL);
    *out = conns;
    return 0;
}

void conns_free(struct conns *conns)
{
    if (conns) {
        (void)pthread_mutex_destroy(&conns->lock);
        free(conns);
    }
}

struct conn_entry *conns_open(struct conns *conns, int fd, int64_t monotonic_ms)
{
    struct conn_entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        return NULL;
    }
    entry->fd = fd;
    entry->since_ms = monotonic_ms;
    (void)pthread_mutex_lock(&conns->lock);
    entry->next = conns->first;
    if (conns->first) {
        conns->first->prev = entry;
    }
    conns->first = entry;
    (void)pthread_mutex_unlock(&conns->lock);
    return entry;
}

void conns_close(struct conns *conns, struct conn_entry *entry)
{
    (void)pthread_mutex_lock(&conns->lock);
    *(entry->prev ? &entry->prev->next : &conns->first) = entry->next;
    if (entry->next) {
        entry->next->prev = entry->prev;
    }
    (void)pthread_mutex_unlock(&conns->lock);
    free(entry);
}

void conns_set(struct conns *conns, struct conn_entry *entry, enum conns_phase phase, int64_t monotonic_ms)
{
    (void)pthread_mutex_lock(&conns->lock);
    entry->phase = phase;
    entry->since_ms = monotonic_ms;
    (void)pthread_mutex_unlock(&conns->lock);
}

static int64_t conns_limit(const struct conns *conns, enum conns_phase phase)
{
    switch (phase) {
    case CONNS_ASKING: return conns->limits.asking_ms;
    case CONNS_TAKING: return conns->limits.taking_ms;
    case CONNS_WAITING:
    case CONNS_FOLLOWING: break;
    }
    return INT64_MAX;
}

void conns_sweep(struct conns *conns, int64_t monotonic_ms)
{
    (void)pthread_mutex_lock(&conns->lock);
    for (struct conn_entry *entry = conns->first; entry; entry = entry->next) {
        if (monotonic_ms - entry->since_ms > conns_limit(conns, entry->phase)) {
            /* The thread that speaks HTTP sees its end and closes it. */
            (void)shutdown(entry->fd, SHUT_RDWR);
        }
    }
    (void)pthread_mutex_unlock(&conns->lock);
}
