#include "platform/loop/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"

/* A child writes what a test looks at into the file $OUT. */
struct bench {
    struct loop *loop;
    struct loop_timer *guard;
    struct loop_timer *timer;
    struct loop_process *process;
    char out[64];
    char out_env[80];
    unsigned calls;
    enum loop_process_end how;
    int number;
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
    bench = (struct bench){.out = "/tmp/loop-process-XXXXXX"};
    int fd = mkstemp(bench.out);
    assert_true(fd >= 0);
    close(fd);
    (void)snprintf(bench.out_env, sizeof bench.out_env, "OUT=%s", bench.out);
    assert_int_equal(loop_new(&bench.loop), 0);
    assert_int_equal(loop_timer_start(bench.loop, 20000, 0, on_guard, &bench, &bench.guard), 0);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    loop_free(bench->loop);
    (void)unlink(bench->out);
    assert_false(bench->timed_out);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left, running or not waited for */
    return 0;
}

static void on_over(void *ctx, enum loop_process_end how, int number)
{
    struct bench *bench = ctx;
    bench->calls++;
    bench->how = how;
    bench->number = number;
    loop_stop(bench->loop);
}

static int start(struct bench *bench, const char *script, const char *input, uint64_t timeout_ms)
{
    char *args[] = {"sh", "-c", (char *)script, "name", "an argument; $HOME", NULL};
    char *env[] = {"PATH=/usr/bin:/bin", bench->out_env, "TEXT=a b \"c\" $d", NULL};
    const struct loop_process_options options = {.file = "/bin/sh",
                                                 .args = args,
                                                 .env = env,
                                                 .input = input,
                                                 .input_len = input ? strlen(input) : 0,
                                                 .timeout_ms = timeout_ms};
    return loop_process_start(bench->loop, &options, on_over, bench, &bench->process);
}

static void assert_wrote(const struct bench *bench, const char *expected)
{
    char text[4096] = "";
    FILE *file = fopen(bench->out, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    (void)fclose(file);
    assert_string_equal(text, expected);
}

static void test_exit_status_is_told_once(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(start(bench, "exit 7", NULL, 0), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->how, LOOP_PROCESS_EXITED);
    assert_int_equal(bench->number, 7);
    assert_int_equal(bench->calls, 1);
    loop_process_stop(bench->process);
}

static void test_input_comes_whole_and_ends(void **state)
{
    struct bench *bench = *state;
    char *input = malloc(300001);
    assert_non_null(input);
    memset(input, 'x', 300000);
    input[300000] = 0;
    assert_int_equal(start(bench, "wc -c > $OUT", input, 0), 0);
    free(input); /* it was copied */
    loop_run(bench->loop);
    assert_int_equal(bench->how, LOOP_PROCESS_EXITED);
    assert_int_equal(bench->number, 0);
    assert_wrote(bench, "300000\n");
}

static void test_input_that_is_not_read_does_no_harm(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(start(bench, "exit 0", "never read", 0), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->number, 0);
}

static void test_arguments_and_environment_are_exact(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(setenv("SECRET_OF_OURS", "1", 1), 0);
    assert_int_equal(start(bench, "{ echo \"$1|$TEXT|$SECRET_OF_OURS|$(pwd)\"; } > $OUT", NULL, 0), 0);
    loop_run(bench->loop);
    assert_wrote(bench, "an argument; $HOME|a b \"c\" $d||/\n");
}

static void test_our_descriptors_stay_ours(void **state)
{
    struct bench *bench = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* without O_CLOEXEC, as some library might */
    assert_int_equal(start(bench, "ls /proc/self/fd | wc -l > $OUT", NULL, 0), 0);
    loop_run(bench->loop);
    assert_wrote(bench, "4\n"); /* 0, 1, 2 and that of ls itself */
    close(ends[0]);
    close(ends[1]);
}

static void test_signal_is_told(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(start(bench, "kill -9 $$", NULL, 0), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->how, LOOP_PROCESS_SIGNALLED);
    assert_int_equal(bench->number, SIGKILL);
}

static bool is_gone(pid_t pid)
{
    for (unsigned i = 0; i < 200; i++) { /* whoever adopted it has to wait for it */
        char path[64];
        char line[256] = "";
        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "re");
        if (!file) {
            return true;
        }
        bool read = fgets(line, sizeof line, file) != NULL;
        (void)fclose(file);
        const char *behind = strrchr(line, ')');
        if (!read || (behind && behind[1] == ' ' && behind[2] == 'Z')) {
            return true;
        }
        const struct timespec wait = {0, 10000000};
        nanosleep(&wait, NULL);
    }
    return false;
}

static pid_t grandchild(const struct bench *bench)
{
    int pid = 0;
    FILE *file = fopen(bench->out, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    assert_true(pid > 1);
    return pid;
}

static void test_who_hangs_is_killed_with_its_children(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(start(bench, "trap '' TERM; sleep 600 & echo $! > $OUT; wait", NULL, 500), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->how, LOOP_PROCESS_TIMED_OUT);
    assert_int_equal(bench->calls, 1);
    assert_true(is_gone(grandchild(bench)));
}

static void on_soon(void *ctx)
{
    struct bench *bench = ctx;
    loop_process_stop(bench->process);
    loop_timer_restart(bench->timer, 200);
    loop_stop(bench->loop);
}

static void test_stop_kills_and_is_silent(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(start(bench, "sleep 600", NULL, 0), 0);
    assert_int_equal(loop_timer_start(bench->loop, 50, 0, on_soon, bench, &bench->timer), 0);
    loop_run(bench->loop);
    loop_timer_stop(bench->guard);
    loop_timer_stop(bench->timer);
    loop_run(bench->loop); /* until the killed one was waited for: no other watch is left */
    assert_int_equal(bench->calls, 0);
}

static void test_loop_free_kills_what_runs(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(start(bench, "sleep 600", NULL, 60000), 0);
    assert_int_equal(bench->calls, 0); /* teardown looks for what is left */
}

static void test_who_cannot_be_run_is_told_at_once(void **state)
{
    struct bench *bench = *state;
    char *args[] = {"x", NULL};
    char *env[] = {NULL};
    struct loop_process_options options = {.file = "/nowhere/at/all", .args = args, .env = env};
    assert_int_equal(loop_process_start(bench->loop, &options, on_over, bench, &bench->process), STATUS_NOT_FOUND);
    options.file = bench->out; /* not executable */
    assert_int_equal(loop_process_start(bench->loop, &options, on_over, bench, &bench->process), STATUS_DENIED);
    assert_int_equal(bench->calls, 0);
}

static void on_over_restart(void *ctx, enum loop_process_end how, int number)
{
    struct bench *bench = ctx;
    (void)how;
    assert_int_equal(number, 0);
    loop_process_stop(bench->process);
    if (++bench->calls == 5) {
        loop_stop(bench->loop);
        return;
    }
    char *args[] = {"true", NULL};
    char *env[] = {NULL};
    const struct loop_process_options options = {.file = "/bin/true", .args = args, .env = env, .timeout_ms = 10000};
    assert_int_equal(loop_process_start(bench->loop, &options, on_over_restart, bench, &bench->process), 0);
}

static void test_the_next_may_begin_from_the_call(void **state)
{
    struct bench *bench = *state;
    char *args[] = {"true", NULL};
    char *env[] = {NULL};
    const struct loop_process_options options = {.file = "/bin/true", .args = args, .env = env};
    assert_int_equal(loop_process_start(bench->loop, &options, on_over_restart, bench, &bench->process), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->calls, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exit_status_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_comes_whole_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_that_is_not_read_does_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arguments_and_environment_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_our_descriptors_stay_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_hangs_is_killed_with_its_children, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_kills_and_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_free_kills_what_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_cannot_be_run_is_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_next_may_begin_from_the_call, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
