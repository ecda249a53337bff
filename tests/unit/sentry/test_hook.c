#include "agent/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/log.h"
#include "tests/support/temp_dir.h"

struct bench {
    struct loop *loop;
    struct loop_timer *timer;
    struct runner *runner;
    struct hook *hook;
    struct temp_dir dir;
    char path[300];
    unsigned ticks;
    unsigned messages;
    bool patient; /* a message is no end */
    char message[512];
    char first[512];
};

static void on_message(void *ctx, enum log_level level, const char *text)
{
    struct bench *bench = ctx;
    (void)level;
    (void)snprintf(bench->message, sizeof bench->message, "%s", text);
    if (bench->messages++ == 0) {
        (void)snprintf(bench->first, sizeof bench->first, "%s", text);
    }
}

static void open_hook(struct bench *bench, const char *script, int64_t timeout_ms)
{
    FILE *file = fopen(bench->path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\ncd %s\n%s\n", bench->dir.path, script) > 0);
    assert_int_equal(fchmod(fileno(file), 0755), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(runner_start(bench->path, &bench->runner), 0);
    assert_int_equal(hook_new(bench->loop, bench->runner, bench->path, timeout_ms, &bench->hook), 0);
}

static void run(struct bench *bench, const char *news, int number)
{
    char rule[32];
    struct json *document = json_new_map();
    (void)snprintf(rule, sizeof rule, "rule %d", number);
    json_put_str(document, "news", news);
    json_put_str(document, "rule", rule);
    json_put_number(document, "value", 0.25);
    hook_run(bench->hook, document);
    json_free(document);
}

static void on_tick(void *ctx)
{
    struct bench *bench = ctx;
    char path[300];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/done", bench->dir.path);
    if (++bench->ticks > 2000 || stat(path, &info) == 0 || (bench->messages > 0 && !bench->patient)) {
        loop_stop(bench->loop);
    }
}

static void wait_until_done(struct bench *bench)
{
    assert_int_equal(loop_timer_start(bench->loop, 10, 10, on_tick, bench, &bench->timer), 0);
    loop_run(bench->loop);
    loop_timer_stop(bench->timer);
    assert_true(bench->ticks <= 2000);
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.ticks = 0};
    temp_dir_make(&bench.dir);
    (void)snprintf(bench.path, sizeof bench.path, "%s/hook", bench.dir.path);
    assert_int_equal(loop_new(&bench.loop), 0);
    log_set_sink(on_message, &bench);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    hook_free(bench->hook);
    runner_stop(bench->runner);
    loop_free(bench->loop);
    log_set_sink(NULL, NULL);
    temp_dir_remove(&bench->dir);
    return 0;
}

static size_t read_all(const struct bench *bench, char *out, size_t size)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/log", bench->dir.path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(out, 1, size - 1, file);
    out[len] = 0;
    (void)fclose(file);
    return len;
}

static void test_one_at_a_time_in_their_order(void **state)
{
    struct bench *bench = *state;
    char text[4096];
    open_hook(bench,
              "echo \"begin $2 $RINGSIDE_VALUE\" >> log; sleep 0.02; echo end >> log; "
              "case $2 in *3) touch done;; esac",
              10000);
    for (int i = 1; i <= 3; i++) {
        run(bench, "firing", i);
    }
    wait_until_done(bench);
    (void)read_all(bench, text, sizeof text);
    assert_string_equal(text, "begin rule 1 0.25\nend\nbegin rule 2 0.25\nend\nbegin rule 3 0.25\nend\n");
    assert_int_equal(bench->messages, 0);
}

static void test_too_many_leave_out_the_oldest_that_are_over(void **state)
{
    struct bench *bench = *state;
    char text[16384];
    open_hook(bench, "echo \"$1 $2\" >> log; case $2 in *199) touch done;; esac", 10000);
    for (int i = 1; i <= 10; i++) {
        run(bench, "resolved", i); /* the first runs at once, nine wait */
    }
    for (int i = 100; i < 160; i++) {
        run(bench, "firing", i);
    }
    run(bench, "firing", 199);
    assert_int_equal(bench->messages, 1);
    assert_non_null(strstr(bench->message, "is too slow"));
    bench->messages = 0;
    wait_until_done(bench);
    (void)read_all(bench, text, sizeof text);
    assert_non_null(strstr(text, "resolved rule 1\n"));
    for (int i = 2; i <= 10; i++) { /* 9 + 61 wait for 64 places: six had to go */
        char line[40];
        (void)snprintf(line, sizeof line, "resolved rule %d\n", i);
        assert_true((strstr(text, line) != NULL) == (i > 7));
    }
    for (int i = 100; i < 160; i++) {
        char line[40];
        (void)snprintf(line, sizeof line, "firing rule %d\n", i);
        assert_non_null(strstr(text, line));
    }
    bench->messages = 0;
}

static void test_among_firing_ones_the_oldest_goes(void **state)
{
    struct bench *bench = *state;
    open_hook(bench, "sleep 600", 60000);
    for (int i = 0; i < 3 * HOOK_WAITING_MAX; i++) {
        run(bench, "firing", i);
    }
    hook_free(bench->hook);
    bench->hook = NULL;
    assert_non_null(strstr(bench->message, "64 news were not told any more, 127 were left out"));
}

static void test_the_same_failure_is_said_once(void **state)
{
    struct bench *bench = *state;
    open_hook(bench, "case $2 in *4) touch done; exit 4;; esac; exit 3", 10000);
    for (int i = 1; i <= 4; i++) {
        run(bench, "firing", i);
    }
    bench->patient = true;
    wait_until_done(bench);
    hook_free(bench->hook); /* the fourth may still be on its way: then it is not told, or left out */
    bench->hook = NULL;
    assert_non_null(strstr(bench->first, "failed with exit status 3 (rule 1, firing)"));
    assert_true(bench->messages <= 2);
}

static void test_a_program_that_is_not_there(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(runner_start("/nowhere/hook", &bench->runner), 0);
    assert_int_equal(hook_new(bench->loop, bench->runner, "/nowhere/hook", 1000, &bench->hook), 0);
    run(bench, "firing", 1);
    run(bench, "resolved", 1);
    wait_until_done(bench); /* of the first; the second says the same */
    assert_int_equal(bench->messages, 1);
    assert_non_null(strstr(bench->message, "hook /nowhere/hook could not be started: "));
}

static void test_without_its_runner_it_is_told_once(void **state)
{
    struct bench *bench = *state;
    open_hook(bench, "kill -9 $PPID", 10000);
    for (int i = 1; i <= 3; i++) {
        run(bench, "firing", i);
    }
    wait_until_done(bench);
    assert_non_null(strstr(bench->message, "the process that runs it is gone"));
    run(bench, "firing", 4);
    assert_int_equal(bench->messages, 1);
    hook_free(bench->hook);
    bench->hook = NULL;
    assert_non_null(strstr(bench->message, "4 news were not told any more, 0 were left out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_at_a_time_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_leave_out_the_oldest_that_are_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_among_firing_ones_the_oldest_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_same_failure_is_said_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_program_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_its_runner_it_is_told_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
