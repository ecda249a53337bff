#include "platform/service/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "tests/support/temp_dir.h"

enum { WAIT_MS = 20000 };

/* As the two ends have it between them: platform/service/runner_internal.h. */
struct raw_head {
    uint32_t timeout_ms;
    uint32_t args;
    uint32_t envs;
    uint32_t words_len;
    uint32_t input_len;
};

struct bench {
    struct temp_dir dir;
    char program[300];
    char out[300];
    struct runner *runner;
};

static void write_program(const struct bench *bench, const char *script)
{
    FILE *file = fopen(bench->program, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\nOUT=%s\n%s\n", bench->out, script) > 0);
    assert_int_equal(fchmod(fileno(file), 0755), 0);
    assert_int_equal(fclose(file), 0);
}

static void start(struct bench *bench, const char *script)
{
    write_program(bench, script);
    assert_int_equal(runner_start(bench->program, &bench->runner), 0);
}

static int run(struct bench *bench, const char *input, uint32_t timeout_ms)
{
    static const char *const args[] = {"an argument; $HOME", "2", NULL};
    static const char *const env[] = {"RINGSIDE_TEXT=a b \"c\" $d", NULL};
    const struct runner_task task = {
        .args = args, .env = env, .input = input, .input_len = input ? strlen(input) : 0, .timeout_ms = timeout_ms};
    return runner_run(bench->runner, &task);
}

static int await(const struct runner *runner)
{
    struct pollfd wait = {.fd = runner_fd(runner), .events = POLLIN};
    return poll(&wait, 1, WAIT_MS);
}

static struct runner_report result(struct bench *bench)
{
    struct runner_report report = {0};
    assert_int_equal(await(bench->runner), 1);
    assert_int_equal(runner_take(bench->runner, &report), 1);
    return report;
}

static void assert_ends(struct bench *bench, enum runner_end end, int number)
{
    struct runner_report report = result(bench);
    assert_int_equal(report.end, end);
    assert_int_equal(report.number, number);
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

static pid_t written_pid(const struct bench *bench)
{
    int pid = 0;
    for (unsigned i = 0; i < 1000 && pid == 0; i++) {
        FILE *file = fopen(bench->out, "re");
        if (file) {
            pid = fscanf(file, "%d\n", &pid) == 1 ? pid : 0;
            (void)fclose(file);
        }
        const struct timespec wait = {0, 10000000};
        (void)nanosleep(&wait, NULL);
    }
    assert_true(pid > 1);
    return pid;
}

static bool is_gone(pid_t pid)
{
    for (unsigned i = 0; i < 500; i++) { /* whoever adopted it has to wait for it */
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
        (void)nanosleep(&wait, NULL);
    }
    return false;
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.runner = NULL};
    temp_dir_make(&bench.dir);
    (void)snprintf(bench.program, sizeof bench.program, "%s/program", bench.dir.path);
    (void)snprintf(bench.out, sizeof bench.out, "%s/out", bench.dir.path);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    runner_stop(bench->runner);
    while (waitpid(-1, NULL, 0) > 0) {
    }
    temp_dir_remove(&bench->dir);
    return 0;
}

static void test_exit_status_is_told(void **state)
{
    struct bench *bench = *state;
    struct runner_report report;
    start(bench, "exit 7");
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_int_equal(run(bench, NULL, 0), STATUS_BUSY);
    assert_ends(bench, RUNNER_EXITED, 7);
    assert_int_equal(runner_take(bench->runner, &report), 0);
    assert_int_equal(run(bench, NULL, 0), 0); /* the next one */
    assert_ends(bench, RUNNER_EXITED, 7);
}

static void test_input_comes_whole_and_ends(void **state)
{
    struct bench *bench = *state;
    enum { LEN = RUNNER_MESSAGE_MAX - 1000 };
    char *input = malloc(LEN + 1);
    assert_non_null(input);
    memset(input, 'x', LEN);
    input[LEN] = 0;
    start(bench, "wc -c > $OUT");
    assert_int_equal(run(bench, input, 0), 0);
    free(input); /* it was copied */
    assert_ends(bench, RUNNER_EXITED, 0);
    char expected[32];
    (void)snprintf(expected, sizeof expected, "%d\n", LEN);
    assert_wrote(bench, expected);
}

static void test_what_is_too_large_is_refused_here(void **state)
{
    struct bench *bench = *state;
    char *input = calloc(1, RUNNER_MESSAGE_MAX + 1);
    assert_non_null(input);
    memset(input, 'x', RUNNER_MESSAGE_MAX);
    start(bench, "exit 0");
    assert_int_equal(run(bench, input, 0), STATUS_RANGE);
    free(input);
    const char *many[RUNNER_WORDS_MAX + 2] = {NULL};
    for (unsigned i = 0; i <= RUNNER_WORDS_MAX; i++) {
        many[i] = "x";
    }
    const struct runner_task task = {.args = many};
    assert_int_equal(runner_run(bench->runner, &task), STATUS_RANGE);
    assert_int_equal(run(bench, "fine", 0), 0);
    assert_ends(bench, RUNNER_EXITED, 0);
}

static void test_input_that_is_not_read_does_no_harm(void **state)
{
    struct bench *bench = *state;
    start(bench, "exit 0");
    assert_int_equal(run(bench, "never read", 0), 0);
    assert_ends(bench, RUNNER_EXITED, 0);
}

static void test_arguments_and_environment_are_exact(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(setenv("SECRET_OF_OURS", "1", 1), 0);
    start(bench, "echo \"$1|$2|$RINGSIDE_TEXT|$SECRET_OF_OURS|$PATH|$(pwd)\" > $OUT; ulimit -c >> $OUT");
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_ends(bench, RUNNER_EXITED, 0);
    assert_wrote(bench, "an argument; $HOME|2|a b \"c\" $d||/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
                        "/bin|/\n0\n");
}

/* LD_PRELOAD, PATH, ENV, ... would make another program of it. */
static void test_other_variables_than_ours_are_refused(void **state)
{
    struct bench *bench = *state;
    static const char *const bad[] = {"LD_PRELOAD=/tmp/x.so", "RINGSIDE_NOTHING", "", "PATH=/tmp", NULL};
    start(bench, "echo ran >> $OUT");
    for (size_t i = 0; bad[i]; i++) {
        const char *const env[] = {"RINGSIDE_A=1", bad[i], NULL};
        const struct runner_task task = {.env = env};
        assert_int_equal(runner_run(bench->runner, &task), 0);
        assert_ends(bench, RUNNER_REFUSED, 0);
    }
    assert_int_equal(access(bench->out, F_OK), -1);
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_ends(bench, RUNNER_EXITED, 0);
    assert_wrote(bench, "ran\n");
}

/* What a daemon that was taken over might send. */
static void test_messages_without_shape_are_refused(void **state)
{
    struct bench *bench = *state;
    struct {
        struct raw_head head;
        char words[8];
    } message;
    const struct raw_head bad[] = {{.args = 1, .words_len = 9},
                                   {.args = 1, .words_len = 8, .input_len = 1},
                                   {.args = RUNNER_WORDS_MAX + 1, .words_len = 8},
                                   {.envs = UINT32_MAX, .words_len = 8},
                                   {.args = 1, .words_len = 8},          /* no NUL */
                                   {.args = 0, .words_len = 8},          /* words that nobody counted */
                                   {.args = 1, .words_len = UINT32_MAX}, /* longer than all */
                                   {.args = 1, .input_len = UINT32_MAX}};
    start(bench, "echo ran >> $OUT");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        message.head = bad[i];
        memset(message.words, 'x', sizeof message.words);
        assert_int_equal(send(runner_fd(bench->runner), &message, sizeof message, 0), sizeof message);
        assert_ends(bench, RUNNER_REFUSED, 0);
    }
    assert_int_equal(send(runner_fd(bench->runner), "x", 1, 0), 1);
    assert_ends(bench, RUNNER_REFUSED, 0);
    assert_int_equal(access(bench->out, F_OK), -1);
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_ends(bench, RUNNER_EXITED, 0);
}

static void test_our_descriptors_stay_ours(void **state)
{
    struct bench *bench = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* without O_CLOEXEC, as some library might */
    start(bench, "ls /proc/self/fd | wc -l > $OUT");
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_ends(bench, RUNNER_EXITED, 0);
    assert_wrote(bench, "4\n"); /* 0, 1, 2 and that of ls itself */
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void test_signal_is_told(void **state)
{
    struct bench *bench = *state;
    start(bench, "kill -9 $$");
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_ends(bench, RUNNER_SIGNALLED, SIGKILL);
}

static void test_who_hangs_is_killed_with_its_children(void **state)
{
    struct bench *bench = *state;
    start(bench, "trap '' TERM; sleep 60 & echo $! > $OUT; wait");
    assert_int_equal(run(bench, NULL, 500), 0);
    assert_ends(bench, RUNNER_TIMED_OUT, 0);
    assert_true(is_gone(written_pid(bench)));
}

static void test_stop_kills_what_runs(void **state)
{
    struct bench *bench = *state;
    start(bench, "sleep 60 & echo $! > $OUT; wait");
    assert_int_equal(run(bench, NULL, 0), 0);
    pid_t grandchild = written_pid(bench);
    runner_stop(bench->runner);
    bench->runner = NULL;
    assert_true(is_gone(grandchild));
}

/* Nobody is left to stop it, and a service manager's SIGTERM alone does not. */
static void test_it_ends_with_the_daemon(void **state)
{
    struct bench *bench = *state;
    write_program(bench, "echo $PPID > $OUT; sleep 60");
    pid_t daemon = fork();
    if (daemon == 0) {
        struct runner *runner = NULL;
        const struct runner_task task = {.timeout_ms = 0};
        bool fine = runner_start(bench->program, &runner) == 0 && runner_run(runner, &task) == 0;
        (void)pause();
        _exit(fine);
    }
    pid_t serving = written_pid(bench);
    assert_int_equal(kill(serving, SIGTERM), 0);
    assert_int_equal(kill(serving, SIGINT), 0);
    const struct timespec wait = {0, 50000000};
    (void)nanosleep(&wait, NULL);
    assert_int_equal(kill(serving, 0), 0);
    assert_int_equal(kill(daemon, SIGKILL), 0);
    assert_int_equal(waitpid(daemon, NULL, 0), daemon);
    assert_true(is_gone(serving));
}

static void test_who_cannot_be_run_is_told(void **state)
{
    struct bench *bench = *state;
    start(bench, "exit 0");
    assert_int_equal(chmod(bench->program, 0644), 0);
    assert_int_equal(run(bench, NULL, 1000), 0);
    assert_ends(bench, RUNNER_NOT_STARTED, EACCES);
    assert_int_equal(unlink(bench->program), 0);
    assert_int_equal(run(bench, NULL, 1000), 0);
    assert_ends(bench, RUNNER_NOT_STARTED, ENOENT);
}

static void test_that_it_is_gone_is_told(void **state)
{
    struct bench *bench = *state;
    struct runner_report report;
    start(bench, "kill -9 $PPID; exec sleep 60");
    assert_int_equal(run(bench, NULL, 0), 0);
    assert_int_equal(await(bench->runner), 1);
    assert_int_equal(runner_take(bench->runner, &report), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exit_status_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_comes_whole_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_too_large_is_refused_here, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_that_is_not_read_does_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arguments_and_environment_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_variables_than_ours_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages_without_shape_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_our_descriptors_stay_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_hangs_is_killed_with_its_children, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_kills_what_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_ends_with_the_daemon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_cannot_be_run_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_that_it_is_gone_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
