#include "platform/loop/loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include "platform/base/status.h"
#include "platform/loop/loop_internal.h"

/* Each watch has its libuv handle first; handle.data is the watch. */

struct loop_timer {
    uv_timer_t handle;
    loop_fn fn;
    void *ctx;
};

struct loop_fd {
    uv_poll_t handle;
    loop_fd_fn fn;
    void *ctx;
};

struct loop_signal {
    uv_signal_t handle;
    loop_signal_fn fn;
    void *ctx;
};

struct loop_async {
    uv_async_t handle;
    loop_fn fn;
    void *ctx;
};

struct loop_again {
    uv_idle_t handle;
    loop_again_fn fn;
    void *ctx;
};

int loop_status(int error)
{
    switch (error) {
    case 0: return 0;
    case UV_ENOMEM: return STATUS_NO_MEMORY;
    case UV_EPERM: /* epoll's word for a regular file */
    case UV_EINVAL:
    case UV_ENOSYS: return STATUS_UNSUPPORTED;
    default: return STATUS_IO;
    }
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_close(void *watch)
{
    uv_handle_t *handle = watch;
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_closed);
    }
}

/* ---- the loop ---- */

int loop_new(struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return STATUS_NO_MEMORY;
    }
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        free(loop);
        return loop_status(rc);
    }
    *out = loop;
    return 0;
}

static void close_left_over(uv_handle_t *handle, void *unused)
{
    (void)unused;
    loop_close(handle);
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    while (loop->resolves) {
        loop_resolve_stop(loop->resolves);
    }
    uv_walk(&loop->uv, close_left_over, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
    free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

int64_t loop_now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

/* ---- timers ---- */

static void on_timer(uv_timer_t *handle)
{
    struct loop_timer *timer = handle->data;
    timer->fn(timer->ctx);
}

int loop_timer_start(struct loop *loop, uint64_t first_ms, uint64_t repeat_ms, loop_fn fn, void *ctx,
                     struct loop_timer **out)
{
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (!timer) {
        return STATUS_NO_MEMORY;
    }
    timer->fn = fn;
    timer->ctx = ctx;
    uv_timer_init(&loop->uv, &timer->handle);
    timer->handle.data = timer;
    uv_update_time(&loop->uv); /* libuv counts from the beginning of the round, which may be long ago */
    uv_timer_start(&timer->handle, on_timer, first_ms, repeat_ms);
    *out = timer;
    return 0;
}

int loop_timer_restart(struct loop_timer *timer, uint64_t first_ms)
{
    uv_update_time(timer->handle.loop);
    return loop_status(uv_timer_start(&timer->handle, on_timer, first_ms, uv_timer_get_repeat(&timer->handle)));
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer) {
        loop_close(timer);
    }
}

/* ---- descriptors ---- */

static void on_ready(uv_poll_t *handle, int error, int events)
{
    struct loop_fd *watch = handle->data;
    int ready = (events & UV_READABLE ? LOOP_READABLE : 0) | (events & UV_WRITABLE ? LOOP_WRITABLE : 0);
    watch->fn(watch->ctx, error != 0 ? LOOP_READABLE | LOOP_WRITABLE : ready);
}

int loop_fd_change(struct loop_fd *watch, int events)
{
    int wanted = (events & LOOP_READABLE ? UV_READABLE : 0) | (events & LOOP_WRITABLE ? UV_WRITABLE : 0);
    return loop_status(wanted ? uv_poll_start(&watch->handle, wanted, on_ready) : uv_poll_stop(&watch->handle));
}

int loop_fd_watch(struct loop *loop, int fd, int events, loop_fd_fn fn, void *ctx, struct loop_fd **out)
{
    struct loop_fd *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return STATUS_NO_MEMORY;
    }
    watch->fn = fn;
    watch->ctx = ctx;
    int rc = loop_status(uv_poll_init(&loop->uv, &watch->handle, fd));
    if (rc != 0) {
        free(watch);
        return rc;
    }
    watch->handle.data = watch;
    rc = loop_fd_change(watch, events);
    if (rc != 0) {
        loop_close(watch);
        return rc;
    }
    *out = watch;
    return 0;
}

void loop_fd_stop(struct loop_fd *watch)
{
    if (watch) {
        loop_close(watch);
    }
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct loop_signal *watch = handle->data;
    watch->fn(watch->ctx, signal_number);
}

int loop_signal_watch(struct loop *loop, int signal_number, loop_signal_fn fn, void *ctx, struct loop_signal **out)
{
    struct loop_signal *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return STATUS_NO_MEMORY;
    }
    watch->fn = fn;
    watch->ctx = ctx;
    int rc = loop_status(uv_signal_init(&loop->uv, &watch->handle));
    if (rc != 0) {
        free(watch);
        return rc;
    }
    watch->handle.data = watch;
    rc = loop_status(uv_signal_start(&watch->handle, on_signal, signal_number));
    if (rc != 0) {
        loop_close(watch);
        return rc;
    }
    *out = watch;
    return 0;
}

void loop_signal_stop(struct loop_signal *watch)
{
    if (watch) {
        loop_close(watch);
    }
}

/* ---- wake-ups ---- */

static void on_async(uv_async_t *handle)
{
    struct loop_async *async = handle->data;
    async->fn(async->ctx);
}

int loop_async_new(struct loop *loop, loop_fn fn, void *ctx, struct loop_async **out)
{
    struct loop_async *async = calloc(1, sizeof *async);
    if (!async) {
        return STATUS_NO_MEMORY;
    }
    async->fn = fn;
    async->ctx = ctx;
    async->handle.data = async;
    int rc = loop_status(uv_async_init(&loop->uv, &async->handle, on_async));
    if (rc != 0) {
        free(async);
        return rc;
    }
    *out = async;
    return 0;
}

void loop_async_send(struct loop_async *async)
{
    uv_async_send(&async->handle);
}

void loop_async_free(struct loop_async *async)
{
    if (async) {
        loop_close(async);
    }
}

/* ---- long work ---- */

static void on_again(uv_idle_t *handle)
{
    struct loop_again *again = handle->data;
    if (again->fn(again->ctx) == LOOP_DONE && !uv_is_closing((uv_handle_t *)handle)) {
        uv_idle_stop(handle);
    }
}

int loop_again_new(struct loop *loop, loop_again_fn fn, void *ctx, struct loop_again **out)
{
    struct loop_again *again = calloc(1, sizeof *again);
    if (!again) {
        return STATUS_NO_MEMORY;
    }
    again->fn = fn;
    again->ctx = ctx;
    uv_idle_init(&loop->uv, &again->handle);
    again->handle.data = again;
    *out = again;
    return 0;
}

void loop_again_start(struct loop_again *again)
{
    uv_idle_start(&again->handle, on_again);
}

void loop_again_free(struct loop_again *again)
{
    if (again) {
        loop_close(again);
    }
}
