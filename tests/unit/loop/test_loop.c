#include "platform/loop/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"

struct bench {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_timer *guard;
    struct loop_fd *fd;
    struct loop_signal *signal;
    struct loop_async *async;
    struct loop_again *again;
    int pipe[2];
    unsigned timer_calls;
    unsigned again_calls;
    unsigned again_limit;
    unsigned fd_calls;
    unsigned async_calls;
    int signal_number;
    bool timed_out;
};

static void on_guard(void *ctx)
{
    struct bench *bench = ctx;
    bench->timed_out = true;
    loop_stop(bench->loop);
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.pipe = {-1, -1}};
    assert_int_equal(loop_new(&bench.loop), 0);
    assert_int_equal(loop_timer_start(bench.loop, 10000, 0, on_guard, &bench, &bench.guard), 0);
    assert_int_equal(pipe2(bench.pipe, O_CLOEXEC | O_NONBLOCK), 0);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    loop_free(bench->loop); /* frees what a test left behind */
    close(bench->pipe[0]);
    close(bench->pipe[1]);
    assert_false(bench->timed_out);
    return 0;
}

static void pause_ms(long wait_ms)
{
    struct timespec wait = {0, wait_ms * 1000000};
    nanosleep(&wait, NULL);
}

static void on_third_tick_stop(void *ctx)
{
    struct bench *bench = ctx;
    if (++bench->timer_calls == 3) {
        loop_timer_stop(bench->timer);
        loop_stop(bench->loop);
    }
}

static void test_timer_repeats_and_stops_itself(void **state)
{
    struct bench *bench = *state;
    int64_t begin_ms = loop_now_ms();
    assert_int_equal(loop_timer_start(bench->loop, 20, 10, on_third_tick_stop, bench, &bench->timer), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->timer_calls, 3);
    assert_true(loop_now_ms() - begin_ms >= 38);
}

static void on_tick_stop(void *ctx)
{
    struct bench *bench = ctx;
    bench->timer_calls++;
    loop_stop(bench->loop);
}

static void test_timer_without_repeat_rests_until_restarted(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(loop_timer_start(bench->loop, 0, 0, on_tick_stop, bench, &bench->timer), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->timer_calls, 1);
    int64_t begin_ms = loop_now_ms();
    pause_ms(15); /* the loop's own idea of now is old: the timer must count from the true one */
    assert_int_equal(loop_timer_restart(bench->timer, 20), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->timer_calls, 2);
    assert_true(loop_now_ms() - begin_ms >= 34);
    loop_timer_stop(bench->timer);
}

static void test_run_ends_when_nothing_is_left(void **state)
{
    struct bench *bench = *state;
    loop_timer_stop(bench->guard);
    assert_int_equal(loop_again_new(bench->loop, NULL, NULL, &bench->again), 0); /* rests: does not hold the loop */
    loop_run(bench->loop);
}

static void on_fd(void *ctx, int ready)
{
    struct bench *bench = ctx;
    char byte;
    assert_int_equal(ready, LOOP_READABLE);
    assert_int_equal(read(bench->pipe[0], &byte, 1), 1);
    if (++bench->fd_calls == 2) {
        loop_fd_stop(bench->fd);
        loop_stop(bench->loop);
    }
}

static void test_descriptor(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(loop_fd_watch(bench->loop, bench->pipe[0], LOOP_READABLE, on_fd, bench, &bench->fd), 0);
    assert_int_equal(write(bench->pipe[1], "abc", 3), 3);
    loop_run(bench->loop);
    assert_int_equal(bench->fd_calls, 2);
}

static void on_broken(void *ctx, int ready)
{
    struct bench *bench = ctx;
    char byte;
    assert_true(ready & LOOP_READABLE);
    assert_int_equal(read(bench->pipe[0], &byte, 1), 0);
    bench->fd_calls++;
    loop_stop(bench->loop);
}

static void test_descriptor_that_breaks_or_cannot_be_watched(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(loop_fd_watch(bench->loop, bench->pipe[0], LOOP_READABLE, on_broken, bench, &bench->fd), 0);
    close(bench->pipe[1]);
    bench->pipe[1] = -1;
    loop_run(bench->loop);
    assert_int_equal(bench->fd_calls, 1);
    loop_fd_stop(bench->fd);

    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct loop_fd *none = NULL;
    assert_int_equal(loop_fd_watch(bench->loop, file, LOOP_READABLE, on_broken, bench, &none), STATUS_UNSUPPORTED);
    assert_null(none);
    close(file);
}

static void on_signal(void *ctx, int signal_number)
{
    struct bench *bench = ctx;
    bench->signal_number = signal_number;
    loop_stop(bench->loop);
}

static void test_signal(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(loop_signal_watch(bench->loop, SIGTERM, on_signal, bench, &bench->signal), 0);
    raise(SIGTERM);
    loop_run(bench->loop);
    assert_int_equal(bench->signal_number, SIGTERM);
    loop_signal_stop(bench->signal);
    assert_int_equal(loop_signal_watch(bench->loop, 0, on_signal, bench, &bench->signal), STATUS_UNSUPPORTED);
}

static void on_async(void *ctx)
{
    struct bench *bench = ctx;
    bench->async_calls++;
    loop_stop(bench->loop);
}

static void *send_from_outside(void *ctx)
{
    struct bench *bench = ctx;
    pause_ms(5);
    loop_async_send(bench->async);
    return NULL;
}

static void test_wake_from_another_thread(void **state)
{
    struct bench *bench = *state;
    pthread_t thread;
    assert_int_equal(loop_async_new(bench->loop, on_async, bench, &bench->async), 0);
    assert_int_equal(pthread_create(&thread, NULL, send_from_outside, bench), 0);
    loop_run(bench->loop);
    pthread_join(thread, NULL);
    assert_int_equal(bench->async_calls, 1);
    loop_async_free(bench->async);
}

static int on_portion(void *ctx)
{
    struct bench *bench = ctx;
    pause_ms(2);
    return ++bench->again_calls < bench->again_limit ? LOOP_MORE : LOOP_DONE;
}

/* Work that never ends must starve neither timers nor descriptors. */
static void test_long_work_leaves_room(void **state)
{
    struct bench *bench = *state;
    bench->again_limit = UINT32_MAX;
    assert_int_equal(loop_again_new(bench->loop, on_portion, bench, &bench->again), 0);
    loop_again_start(bench->again);
    assert_int_equal(loop_fd_watch(bench->loop, bench->pipe[0], LOOP_READABLE, on_fd, bench, &bench->fd), 0);
    assert_int_equal(write(bench->pipe[1], "ab", 2), 2);
    loop_run(bench->loop);
    assert_int_equal(bench->fd_calls, 2);
    assert_int_equal(loop_timer_start(bench->loop, 5, 5, on_third_tick_stop, bench, &bench->timer), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->timer_calls, 3);
    assert_true(bench->again_calls >= 5);
}

static void test_work_rests_when_done_and_starts_again(void **state)
{
    struct bench *bench = *state;
    bench->again_limit = 3;
    assert_int_equal(loop_again_new(bench->loop, on_portion, bench, &bench->again), 0);
    loop_again_start(bench->again);
    loop_again_start(bench->again);
    assert_int_equal(loop_timer_start(bench->loop, 30, 0, on_tick_stop, bench, &bench->timer), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->again_calls, 3);
    loop_again_start(bench->again);
    assert_int_equal(loop_timer_restart(bench->timer, 10), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->again_calls, 4);
}

static int free_itself(void *ctx)
{
    struct bench *bench = ctx;
    bench->again_calls++;
    loop_again_free(bench->again);
    loop_stop(bench->loop);
    return LOOP_MORE;
}

static void test_work_may_free_itself(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(loop_again_new(bench->loop, free_itself, bench, &bench->again), 0);
    loop_again_start(bench->again);
    loop_run(bench->loop);
    assert_int_equal(loop_timer_start(bench->loop, 5, 0, on_tick_stop, bench, &bench->timer), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->again_calls, 1);
}

static void test_stops_take_null(void **state)
{
    (void)state;
    loop_timer_stop(NULL);
    loop_fd_stop(NULL);
    loop_signal_stop(NULL);
    loop_async_free(NULL);
    loop_again_free(NULL);
    loop_resolve_stop(NULL);
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timer_repeats_and_stops_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_without_repeat_rests_until_restarted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run_ends_when_nothing_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptor_that_breaks_or_cannot_be_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wake_from_another_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_work_leaves_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work_rests_when_done_and_starts_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work_may_free_itself, setup, teardown),
        cmocka_unit_test(test_stops_take_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
