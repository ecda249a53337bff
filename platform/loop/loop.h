/* loop: one thread waits here for timers, descriptors, signals and wake-ups from other threads (libuv underneath).
 *
 * Every watch is made by a function that returns it owned and ended by its own stop function, which takes it, may be
 * called from any callback (its own too) and after which the callback is not called again. loop_free() ends those that
 * are left. Callbacks run one at a time, from loop_run(). Everything is for the loop's thread only, except
 * loop_async_send(). All failures: STATUS_NO_MEMORY, STATUS_IO, STATUS_UNSUPPORTED; then nothing was made. */
#ifndef RINGSIDE_PLATFORM_LOOP_LOOP_H
#define RINGSIDE_PLATFORM_LOOP_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_fd;
struct loop_signal;
struct loop_async;
struct loop_again;

typedef void (*loop_fn)(void *ctx);

int loop_new(struct loop **out);   /* returns owned */
void loop_free(struct loop *loop); /* not from a callback; NULL is fine */
void loop_run(struct loop *loop);  /* returns after loop_stop(), or when no watch is left; may be called again */
void loop_stop(struct loop *loop); /* loop_run() returns when the callbacks of this round are done */
int64_t loop_now_ms(void);         /* monotonic, read anew each time */

/* Calls fn after first_ms and, unless repeat_ms is 0, every repeat_ms from then on. A timer without repeat rests after
 * its call until it is restarted or stopped. Late rounds do not pile up: after a stall fn is called once. */
int loop_timer_start(struct loop *loop, uint64_t first_ms, uint64_t repeat_ms, loop_fn fn, void *ctx,
                     struct loop_timer **out);
int loop_timer_restart(struct loop_timer *timer, uint64_t first_ms); /* counts anew from now, keeps the repeat */
void loop_timer_stop(struct loop_timer *timer);                      /* NULL is fine, as for all the stops below */

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };

/* `ready` holds those of the two that are so; both when the descriptor is broken, so that a read or write shows the
 * error. Level triggered. The descriptor is borrowed: it stays open at least until loop_fd_stop(). Regular files cannot
 * be watched (STATUS_UNSUPPORTED). */
typedef void (*loop_fd_fn)(void *ctx, int ready);
int loop_fd_watch(struct loop *loop, int fd, int events, loop_fd_fn fn, void *ctx, struct loop_fd **out);
int loop_fd_change(struct loop_fd *watch, int events); /* 0 events: rests */
void loop_fd_stop(struct loop_fd *watch);

/* The signal no longer has its default effect while it is watched. */
typedef void (*loop_signal_fn)(void *ctx, int signal_number);
int loop_signal_watch(struct loop *loop, int signal_number, loop_signal_fn fn, void *ctx, struct loop_signal **out);
void loop_signal_stop(struct loop_signal *watch);

/* A call from another thread: fn runs in the loop's thread at least once after the last loop_async_send(); several
 * sends may become one call. No send may be under way when it is freed. */
int loop_async_new(struct loop *loop, loop_fn fn, void *ctx, struct loop_async **out);
void loop_async_send(struct loop_async *async); /* any thread, and signal handlers */
void loop_async_free(struct loop_async *async);

/* Long work in small portions: once started, fn is called once in each round of the loop, between timers and
 * descriptors, which thus never wait longer than one portion; until it returns LOOP_DONE. It rests then (and from the
 * beginning) until it is started (again); to start it while it works is fine. */
enum { LOOP_DONE = 0, LOOP_MORE = 1 };
typedef int (*loop_again_fn)(void *ctx);
int loop_again_new(struct loop *loop, loop_again_fn fn, void *ctx, struct loop_again **out);
void loop_again_start(struct loop_again *again);
void loop_again_free(struct loop_again *again);

/* Looks up a host's addresses without blocking the loop. A literal comes back as it is. fn is called once: 0 and at
 * least one address, in the order of the system's resolver (each once), or STATUS_NOT_FOUND, STATUS_IO. The watch rests
 * after that and is ended with its stop function, before or after. */
struct loop_resolve;
struct loop_address {
    char text[64]; /* IPv4 or IPv6 literal, with a zone index where it has one */
};
typedef void (*loop_resolve_fn)(void *ctx, int status, const struct loop_address *addresses, size_t count);
int loop_resolve_start(struct loop *loop, const char *host, loop_resolve_fn fn, void *ctx, struct loop_resolve **out);
void loop_resolve_stop(struct loop_resolve *resolve);

#endif
