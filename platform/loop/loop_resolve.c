#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "platform/base/status.h"
#include "platform/loop/loop_internal.h"

enum { HOST_MAX = 256, ADDRESSES_MAX = 32 };

/* A lookup may take half a minute when no name server answers, and nothing can call it back. So it has a detached
 * thread of its own, not one of libuv's pool, which a process that ends would wait for; and it is shared: whoever lets
 * go of it last frees it. */
struct lookup {
    pthread_mutex_t lock;
    struct loop_resolve *waiting; /* NULL: nobody any more */
    unsigned holders;
    char host[HOST_MAX];
    int status;
    size_t count;
    struct loop_address addresses[ADDRESSES_MAX];
};

struct loop_resolve {
    uv_async_t handle;
    struct loop *loop;
    struct loop_resolve *next;
    struct loop_resolve *before;
    loop_resolve_fn fn;
    void *ctx;
    bool told;
    struct lookup *lookup;
};

static void let_go(struct lookup *lookup, bool by_waiter)
{
    (void)pthread_mutex_lock(&lookup->lock);
    if (by_waiter) {
        lookup->waiting = NULL;
    }
    bool last = --lookup->holders == 0;
    (void)pthread_mutex_unlock(&lookup->lock);
    if (last) {
        (void)pthread_mutex_destroy(&lookup->lock);
        free(lookup);
    }
}

static int resolve_status(int error)
{
    switch (error) {
    case 0: return 0;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY: return STATUS_NOT_FOUND;
    default: return STATUS_IO;
    }
}

static void take_address(struct lookup *lookup, const struct addrinfo *info)
{
    struct loop_address address = {0};
    if (lookup->count == ADDRESSES_MAX ||
        getnameinfo(info->ai_addr, info->ai_addrlen, address.text, sizeof address.text, NULL, 0, NI_NUMERICHOST) != 0) {
        return;
    }
    for (size_t i = 0; i < lookup->count; i++) {
        if (strcmp(lookup->addresses[i].text, address.text) == 0) {
            return;
        }
    }
    lookup->addresses[lookup->count++] = address;
}

static void look_up(struct lookup *lookup, int flags)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;
    lookup->status = resolve_status(getaddrinfo(lookup->host, NULL, &hints, &list));
    for (const struct addrinfo *info = list; lookup->status == 0 && info; info = info->ai_next) {
        take_address(lookup, info);
    }
    if (list) {
        freeaddrinfo(list);
    }
    if (lookup->status == 0 && lookup->count == 0) {
        lookup->status = STATUS_NOT_FOUND;
    }
}

static void *run_lookup(void *ctx)
{
    struct lookup *lookup = ctx;
    look_up(lookup, 0);
    (void)pthread_mutex_lock(&lookup->lock);
    if (lookup->waiting) {
        (void)uv_async_send(&lookup->waiting->handle);
    }
    (void)pthread_mutex_unlock(&lookup->lock);
    let_go(lookup, false);
    return NULL;
}

/* The signals stay with the threads that expect them. */
static int start_thread(struct lookup *lookup)
{
    sigset_t all;
    sigset_t before;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) {
        return STATUS_NO_MEMORY;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    lookup->holders++;
    int error = pthread_create(&thread, &attributes, run_lookup, lookup);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    if (error != 0) {
        lookup->holders--; /* no thread shares it */
        return STATUS_NO_MEMORY;
    }
    return 0;
}

static void on_found(uv_async_t *handle)
{
    struct loop_resolve *resolve = handle->data;
    if (resolve->told) {
        return;
    }
    resolve->told = true;
    uv_unref((uv_handle_t *)handle);
    struct lookup *lookup = resolve->lookup;
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->holders++; /* fn may stop us */
    (void)pthread_mutex_unlock(&lookup->lock);
    resolve->fn(resolve->ctx, lookup->status, lookup->addresses, lookup->count);
    let_go(lookup, false);
}

static int lookup_new(const char *host, struct loop_resolve *waiting, struct lookup **out)
{
    if (strlen(host) >= HOST_MAX) {
        return STATUS_NOT_FOUND;
    }
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        return STATUS_NO_MEMORY;
    }
    (void)pthread_mutex_init(&lookup->lock, NULL);
    (void)snprintf(lookup->host, sizeof lookup->host, "%s", host);
    lookup->waiting = waiting;
    lookup->holders = 1;
    *out = lookup;
    return 0;
}

static void link_in(struct loop *loop, struct loop_resolve *resolve)
{
    resolve->loop = loop;
    resolve->next = loop->resolves;
    if (resolve->next) {
        resolve->next->before = resolve;
    }
    loop->resolves = resolve;
}

static void link_out(struct loop_resolve *resolve)
{
    *(resolve->before ? &resolve->before->next : &resolve->loop->resolves) = resolve->next;
    if (resolve->next) {
        resolve->next->before = resolve->before;
    }
}

int loop_resolve_start(struct loop *loop, const char *host, loop_resolve_fn fn, void *ctx, struct loop_resolve **out)
{
    struct loop_resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve) {
        return STATUS_NO_MEMORY;
    }
    resolve->fn = fn;
    resolve->ctx = ctx;
    resolve->handle.data = resolve;
    int status = lookup_new(host, resolve, &resolve->lookup);
    if (status == 0) {
        status = loop_status(uv_async_init(&loop->uv, &resolve->handle, on_found));
    }
    if (status != 0) {
        if (resolve->lookup) {
            let_go(resolve->lookup, true);
        }
        free(resolve);
        return status;
    }
    link_in(loop, resolve);
    look_up(resolve->lookup, AI_NUMERICHOST);
    if (resolve->lookup->status == 0) {
        (void)snprintf(resolve->lookup->addresses[0].text, sizeof resolve->lookup->addresses[0].text, "%s", host);
        (void)uv_async_send(&resolve->handle);
    } else {
        status = start_thread(resolve->lookup);
    }
    if (status != 0) {
        loop_resolve_stop(resolve);
        return status;
    }
    *out = resolve;
    return 0;
}

void loop_resolve_stop(struct loop_resolve *resolve)
{
    if (resolve) {
        link_out(resolve);
        let_go(resolve->lookup, true);
        loop_close(resolve);
    }
}
