/* How the live file moves on, one way after the other: growing, renamed, truncated, deleted, forbidden. */
#include "platform/file/follow.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/file/tail.h"

static void test_missing_then_there(void **state)
{
    (void)state;
    tail_start();
    tail_expect("");
    assert_int_equal(follow_state(tail.follow), FOLLOW_MISSING);
    tail_add("queue_log", "");
    tail_expect("");
    assert_int_equal(follow_state(tail.follow), FOLLOW_READING);
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    assert_int_equal(follow_lag_bytes(tail.follow), 0);
    assert_int_equal(tail.begins, 1);
    assert_int_equal(tail.gaps, 0);
}

static void test_torn_line_is_held(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n101|");
    tail_expect("100|a\n");
    assert_int_equal(follow_lag_bytes(tail.follow), 4);
    tail_add("queue_log", "b");
    tail_expect("");
    tail_add("queue_log", "\n102|c\n");
    tail_expect("101|b\n102|c\n");
}

/* Nothing is forbidden to root, so there the reader has to be somebody else for once. */
static void expect_unprivileged(const char *expected)
{
    enum { NOBODY = 65534 };
    bool root = geteuid() == 0;
    assert_int_equal(chmod(tail.scratch.dir, 0755), 0);
    assert_int_equal(root ? seteuid(NOBODY) : 0, 0);
    tail_expect(expected);
    assert_int_equal(root ? seteuid(0) : 0, 0);
}

static void test_permission_lost_and_regained(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n");
    assert_int_equal(chmod(scratch_path(&tail.scratch, "queue_log"), 0), 0);
    expect_unprivileged("");
    assert_int_equal(follow_state(tail.follow), FOLLOW_DENIED);
    assert_int_equal(chmod(scratch_path(&tail.scratch, "queue_log"), 0644), 0);
    expect_unprivileged("100|a\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_READING);
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log", "101|b\n");
    assert_int_equal(chmod(scratch_path(&tail.scratch, "queue_log"), 0), 0);
    tail.now_ms += 2 * TAIL_GRACE_MS;
    expect_unprivileged("");
    assert_int_equal(follow_state(tail.follow), FOLLOW_DENIED);
    assert_int_equal(chmod(scratch_path(&tail.scratch, "queue_log"), 0644), 0);
    expect_unprivileged("");
    tail.now_ms += TAIL_GRACE_MS;
    expect_unprivileged("101|b\n");
    assert_int_equal(tail.gaps, 0);
}

static void test_rename_keeps_order_through_the_window(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log.0", "101|b\n"); /* the writer has not noticed */
    tail_expect("101|b\n");
    tail_add("queue_log", ""); /* logrotate's `create` */
    tail.now_ms += 2 * TAIL_GRACE_MS;
    tail_add("queue_log.0", "102|c\n");
    tail_expect("102|c\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_CATCHING_UP);
    tail_add("queue_log", "104|e\n"); /* reload */
    tail_expect("");
    tail.now_ms += TAIL_GRACE_MS / 2;
    tail_add("queue_log.0", "103|d\n"); /* a straggler: the grace time tail.begins anew */
    tail_expect("103|d\n");
    tail.now_ms += TAIL_GRACE_MS / 2;
    tail_expect("");
    tail.now_ms += TAIL_GRACE_MS / 2;
    tail_expect("104|e\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_READING);
    assert_int_equal(tail.begins, 2);
    assert_int_equal(tail.gaps, 0);
}

static void test_rename_without_a_new_file(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.moved-by-hand");
    tail.now_ms += 10 * TAIL_GRACE_MS;
    tail_add("queue_log.moved-by-hand", "101|b\n");
    tail_expect("101|b\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_MISSING);
    scratch_rename(&tail.scratch, "queue_log.moved-by-hand", "queue_log");
    tail_add("queue_log", "102|c\n");
    tail_expect("102|c\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_READING);
}

static void test_line_torn_for_good(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n101|");
    tail_expect("100|a\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log", "102|c\n");
    tail_expect_after_grace("102|c\n");
    assert_int_equal(tail.skipped_lines, 1);
    assert_int_equal(tail.gaps, 0);
}

static void test_copytruncate(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n101|b\n");
    tail_expect("100|a\n101|b\n");
    tail_add("queue_log", "102|c\n");
    scratch_copy(&tail.scratch, "queue_log", "queue_log.1");
    tail_expect("102|c\n"); /* the copy is there and nothing is truncated yet: it must not be read */
    tail_add("queue_log", "103|d\n");
    scratch_copy(&tail.scratch, "queue_log", "queue_log.1");
    scratch_truncate(&tail.scratch, "queue_log", 0);
    tail_expect("103|d\n"); /* from the copy */
    tail_add("queue_log", "104|e\n");
    tail_expect("104|e\n"); /* nobody writes to a copy: no grace */
    assert_int_equal(tail.gaps, 0);
}

static void test_copytruncate_and_longer_than_before(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n101|b\n");
    tail_expect("100|a\n101|b\n");
    for (int restarted = 0; restarted < 2; restarted++) {
        tail_add("queue_log", restarted ? "302|c\n" : "102|c\n");
        scratch_copy(&tail.scratch, "queue_log", restarted ? "queue_log.2" : "queue_log.1");
        scratch_compress(&tail.scratch, restarted ? "queue_log.2" : "queue_log.1");
        scratch_truncate(&tail.scratch, "queue_log", 0);
        tail_add("queue_log", restarted ? "400|x\n401|y\n402|z\n403|z\n404|z\n" : "200|x\n201|y\n202|z\n203|z\n");
        if (restarted) {
            tail_stop();
            tail_start();
        }
        tail_expect(restarted ? "302|c\n400|x\n401|y\n402|z\n403|z\n404|z\n" : "102|c\n200|x\n201|y\n202|z\n203|z\n");
    }
    assert_int_equal(tail.gaps, 0);
}

static void test_truncated_with_nothing_left(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n101|b\n");
    tail_expect("100|a\n101|b\n");
    scratch_truncate(&tail.scratch, "queue_log", 0);
    tail_expect("");
    tail_add("queue_log", "102|c\n");
    tail_expect("102|c\n");
    assert_int_equal(tail.gaps, 1);
    tail_add("queue_log", "103|d\n");
    tail_expect("103|d\n");
    assert_int_equal(tail.gaps, 1); /* told once */
}

static void test_deleted_and_made_again(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    scratch_unlink(&tail.scratch, "queue_log");
    tail_expect("");
    assert_int_equal(follow_state(tail.follow), FOLLOW_MISSING);
    tail_add("queue_log", "101|b\n");
    tail_expect_after_grace("101|b\n");
    assert_int_equal(tail.gaps, 0); /* we had it open to its end */
}

static void fill(const char *name, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char line[80];
        snprintf(line, sizeof line, "%u|1795284600.%u|sales|NONE|ENTERQUEUE||5551049|1\n", 1000 + i, i);
        tail_add(name, line);
    }
}

/* Edited by hand or cut by a crash: the same head, another middle. Nothing is read twice, and the doubt is told. */
static void test_altered_in_the_middle(void **state)
{
    (void)state;
    fill("queue_log", 0, 50);
    tail_start();
    struct follow_chunk chunk;
    while (follow_read(tail.follow, tail.now_ms, &chunk) == 0) {
        tail.position = chunk.after;
    }
    tail_stop();
    scratch_truncate(&tail.scratch, "queue_log", 2000);
    tail_add("queue_log", "...\n");
    tail_add("queue_log", "2000|x\n");
    tail_start();
    tail_expect(""); /* shorter than the tail.position: all of it counts as known */
    tail_add("queue_log", "2001|y\n");
    tail_expect("2001|y\n");
    assert_int_equal(tail.gaps, 1);
}

/* What is dropped up to the end of a line that was begun elsewhere does not stay behind as still to come. */
static void test_caught_up_after_the_middle_of_a_line(void **state)
{
    (void)state;
    enum { SHORTER, INSIDE, LONG, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        char dots[400];
        memset(dots, '.', sizeof dots);
        fill("queue_log", 0, 50);
        tail_start();
        struct follow_chunk chunk;
        while (follow_read(tail.follow, tail.now_ms, &chunk) == 0) {
            tail.position = chunk.after;
        }
        tail_stop();
        scratch_truncate(&tail.scratch, "queue_log", kind >= INSIDE ? (int64_t)tail.position.offset - 30 : 2000);
        dots[kind == LONG ? 399 : 40] = '\0';
        tail_add("queue_log", dots); /* the position is inside of this line, or behind all there is */
        tail_start();
        tail_expect("");
        assert_int_equal(follow_state(tail.follow), FOLLOW_READING);
        assert_int_equal(follow_lag_bytes(tail.follow), 0);
        tail_add("queue_log", "..");
        tail_expect("");
        assert_int_equal(follow_lag_bytes(tail.follow), 0);
        tail_add("queue_log", ".\n");
        tail_expect("");
        assert_int_equal(follow_lag_bytes(tail.follow), 0);
        tail_add("queue_log", "2000|x\n");
        tail_expect("2000|x\n");
        assert_int_equal(follow_lag_bytes(tail.follow), 0);
        tail_stop();
        tail.position.head_len = 0;
        scratch_unlink(&tail.scratch, "queue_log");
    }
}

/* Nor does an over-long line of which the end is not yet written. */
static void test_caught_up_within_a_long_line(void **state)
{
    (void)state;
    char dots[TAIL_LINE_MAX * 3];
    memset(dots, '.', sizeof dots);
    dots[sizeof dots - 1] = '\0';
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_add("queue_log", dots);
    tail_expect("100|a\n");
    assert_int_equal(follow_lag_bytes(tail.follow), 0);
    tail_stop();
    tail_start();
    tail_expect("");
    assert_int_equal(follow_lag_bytes(tail.follow), 0);
    tail_add("queue_log", "\n101|b\n");
    tail_expect("101|b\n");
    assert_int_equal(follow_lag_bytes(tail.follow), 0);
    assert_int_equal(tail.skipped_lines, 1);
}

static void test_replaced_by_a_copy_of_itself(void **state)
{
    (void)state;
    fill("queue_log", 0, 50);
    tail_start();
    struct follow_chunk chunk;
    while (follow_read(tail.follow, tail.now_ms, &chunk) == 0) {
    }
    scratch_copy(&tail.scratch, "queue_log", "new");
    scratch_rename(&tail.scratch, "new", "queue_log");
    tail_add("queue_log", "2000|x\n");
    tail_expect_after_grace("2000|x\n");
    assert_int_equal(tail.gaps, 0);
}

static void test_pipe_does_not_block(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(scratch_path(&tail.scratch, "queue_log"), 0600), 0);
    assert_int_equal(mkfifo(scratch_path(&tail.scratch, "queue_log.0"), 0600), 0);
    tail_start();
    tail_expect("");
    assert_int_equal(follow_state(tail.follow), FOLLOW_ERROR);
    scratch_unlink(&tail.scratch, "queue_log");
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_READING);
}

static bool is_woken(void)
{
    struct pollfd wait = {.fd = follow_fd(tail.follow), .events = POLLIN};
    bool woken = poll(&wait, 1, 0) == 1;
    follow_fd_drain(tail.follow);
    assert_int_equal(poll(&wait, 1, 0), 0);
    return woken;
}

static void test_descriptor_wakes(void **state)
{
    (void)state;
    tail_start();
    if (follow_fd(tail.follow) < 0) {
        skip();
    }
    tail_expect("");
    tail_add("queue_log", "");
    assert_true(is_woken()); /* made */
    tail_expect("");
    tail_add("queue_log", "100|a\n");
    assert_true(is_woken()); /* the first bytes of an empty file */
    tail_expect("100|a\n");
    (void)is_woken();
    tail_add("queue_log", "101|b\n");
    assert_true(is_woken()); /* more bytes */
    tail_expect("101|b\n");
    tail_add("something_else", "x\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    assert_true(is_woken());
    tail_add("queue_log.0", "102|c\n");
    assert_true(is_woken()); /* the renamed file is still listened to */
    tail_expect("102|c\n");
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    struct follow_options options = {.path = ""};
    assert_int_equal(follow_open(&options, NULL, 0, &tail.follow), STATUS_INVALID);
    options.path = NULL;
    assert_int_equal(follow_open(&options, NULL, 0, &tail.follow), STATUS_INVALID);
    options.path = "/tmp/";
    assert_int_equal(follow_open(&options, NULL, 0, &tail.follow), STATUS_INVALID);
    assert_null(tail.follow);
    tail_add("queue_log", "100|a\n");
    tail.position = (struct follow_position){.offset = UINT64_MAX, .head_len = 77777, .tail_len = 99999};
    tail_start(); /* a tail.position that no version ever wrote: start over, and say so */
    tail_expect("100|a\n");
    assert_int_equal(tail.gaps, 1);
    assert_string_equal(follow_state_str(FOLLOW_CATCHING_UP), "catching-up");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tail_setup, tail_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missing_then_there),
        TEST(test_torn_line_is_held),
        TEST(test_permission_lost_and_regained),
        TEST(test_rename_keeps_order_through_the_window),
        TEST(test_rename_without_a_new_file),
        TEST(test_line_torn_for_good),
        TEST(test_copytruncate),
        TEST(test_copytruncate_and_longer_than_before),
        TEST(test_truncated_with_nothing_left),
        TEST(test_deleted_and_made_again),
        TEST(test_altered_in_the_middle),
        TEST(test_caught_up_after_the_middle_of_a_line),
        TEST(test_caught_up_within_a_long_line),
        TEST(test_replaced_by_a_copy_of_itself),
        TEST(test_pipe_does_not_block),
        TEST(test_descriptor_wakes),
        TEST(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
