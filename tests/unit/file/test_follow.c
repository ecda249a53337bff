/* Each way in which a log moves on, one by one. Lines begin with a number, as those of queue_log do. */
#include "platform/file/follow.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "tests/unit/file/scratch.h"

enum { GRACE_MS = 10000 };

static struct scratch scratch;
static struct follow *follow;
static int64_t now_ms;
static struct buf got;
static unsigned gaps;
static unsigned begins;
static uint64_t skipped_lines;
static struct follow_position position; /* the one a caller would have stored */
static bool rotated_at_start;

static int setup(void **state)
{
    (void)state;
    scratch_make(&scratch);
    follow = NULL;
    now_ms = 0;
    got = BUF_INIT;
    gaps = begins = 0;
    skipped_lines = 0;
    position = (struct follow_position){0};
    rotated_at_start = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    follow_close(follow);
    follow = NULL;
    buf_deinit(&got);
    scratch_remove(&scratch);
    return 0;
}

static void start(void)
{
    struct follow_options options = {
        .path = scratch_path(&scratch, "queue_log"), .line_max = 200, .rotated_at_start = rotated_at_start};
    assert_int_equal(follow_open(&options, position.head_len > 0 ? &position : NULL, now_ms, &follow), 0);
}

static void stop(void)
{
    follow_close(follow);
    follow = NULL;
}

/* Reads all there is; what came since the last call must be `expected`. */
static void expect(const char *expected)
{
    struct follow_chunk chunk;
    int rc;
    buf_reset(&got);
    while ((rc = follow_read(follow, now_ms, &chunk)) == 0) {
        buf_append(&got, chunk.bytes.data, chunk.bytes.len);
        gaps += chunk.gap;
        begins += chunk.file_begins;
        skipped_lines += chunk.skipped_lines;
        position = chunk.after;
    }
    assert_int_equal(rc, FOLLOW_IDLE);
    assert_string_equal(buf_cstr(&got), expected);
}

static void expect_after_grace(const char *expected)
{
    expect(""); /* not before */
    now_ms += GRACE_MS;
    expect(expected);
}

static void add(const char *name, const char *text)
{
    static int64_t tick;
    scratch_append(&scratch, name, text);
    scratch_set_time(&scratch, name, 1795284600, ++tick * 1000);
}

static void test_missing_then_there(void **state)
{
    (void)state;
    start();
    expect("");
    assert_int_equal(follow_state(follow), FOLLOW_MISSING);
    add("queue_log", "");
    expect("");
    assert_int_equal(follow_state(follow), FOLLOW_READING);
    add("queue_log", "100|a\n");
    expect("100|a\n");
    assert_int_equal(follow_lag_bytes(follow), 0);
    assert_int_equal(begins, 1);
    assert_int_equal(gaps, 0);
}

static void test_torn_line_is_held(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n101|");
    expect("100|a\n");
    assert_int_equal(follow_lag_bytes(follow), 4);
    add("queue_log", "b");
    expect("");
    add("queue_log", "\n102|c\n");
    expect("101|b\n102|c\n");
}

/* Nothing is forbidden to root, so there the reader has to be somebody else for once. */
static void expect_unprivileged(const char *expected)
{
    enum { NOBODY = 65534 };
    bool root = geteuid() == 0;
    assert_int_equal(chmod(scratch.dir, 0755), 0);
    assert_int_equal(root ? seteuid(NOBODY) : 0, 0);
    expect(expected);
    assert_int_equal(root ? seteuid(0) : 0, 0);
}

static void test_permission_lost_and_regained(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n");
    assert_int_equal(chmod(scratch_path(&scratch, "queue_log"), 0), 0);
    expect_unprivileged("");
    assert_int_equal(follow_state(follow), FOLLOW_DENIED);
    assert_int_equal(chmod(scratch_path(&scratch, "queue_log"), 0644), 0);
    expect_unprivileged("100|a\n");
    assert_int_equal(follow_state(follow), FOLLOW_READING);
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log", "101|b\n");
    assert_int_equal(chmod(scratch_path(&scratch, "queue_log"), 0), 0);
    now_ms += 2 * GRACE_MS;
    expect_unprivileged("");
    assert_int_equal(follow_state(follow), FOLLOW_DENIED);
    assert_int_equal(chmod(scratch_path(&scratch, "queue_log"), 0644), 0);
    expect_unprivileged("");
    now_ms += GRACE_MS;
    expect_unprivileged("101|b\n");
    assert_int_equal(gaps, 0);
}

static void test_rename_keeps_order_through_the_window(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n");
    expect("100|a\n");
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log.0", "101|b\n"); /* the writer has not noticed */
    expect("101|b\n");
    add("queue_log", ""); /* logrotate's `create` */
    now_ms += 2 * GRACE_MS;
    add("queue_log.0", "102|c\n");
    expect("102|c\n");
    assert_int_equal(follow_state(follow), FOLLOW_CATCHING_UP);
    add("queue_log", "104|e\n"); /* reload */
    expect("");
    now_ms += GRACE_MS / 2;
    add("queue_log.0", "103|d\n"); /* a straggler: the grace time begins anew */
    expect("103|d\n");
    now_ms += GRACE_MS / 2;
    expect("");
    now_ms += GRACE_MS / 2;
    expect("104|e\n");
    assert_int_equal(follow_state(follow), FOLLOW_READING);
    assert_int_equal(begins, 2);
    assert_int_equal(gaps, 0);
}

static void test_rename_without_a_new_file(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n");
    expect("100|a\n");
    scratch_rename(&scratch, "queue_log", "queue_log.moved-by-hand");
    now_ms += 10 * GRACE_MS;
    add("queue_log.moved-by-hand", "101|b\n");
    expect("101|b\n");
    assert_int_equal(follow_state(follow), FOLLOW_MISSING);
    scratch_rename(&scratch, "queue_log.moved-by-hand", "queue_log");
    add("queue_log", "102|c\n");
    expect("102|c\n");
    assert_int_equal(follow_state(follow), FOLLOW_READING);
}

static void test_line_torn_for_good(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n101|");
    expect("100|a\n");
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log", "102|c\n");
    expect_after_grace("102|c\n");
    assert_int_equal(skipped_lines, 1);
    assert_int_equal(gaps, 0);
}

/* Several rotations missed while down, in the three manners of Asterisk and that of logrotate. */
static void chain(const char *first, const char *second, const char *third, bool compressed)
{
    add("queue_log", "100|a\n");
    start();
    expect("100|a\n");
    stop();
    add("queue_log", "101|b\n");
    scratch_rename(&scratch, "queue_log", first);
    add(second, "101|c\n102|d\n");
    add(third, "103|e\n");
    if (compressed) {
        scratch_compress(&scratch, first);
        scratch_compress(&scratch, second);
    }
    add("queue_log", "104|f\n");
    start();
    expect("101|b\n101|c\n102|d\n103|e\n");
    assert_int_equal(follow_state(follow), FOLLOW_CATCHING_UP);
    now_ms += GRACE_MS;
    expect("104|f\n");
    assert_int_equal(gaps, 0);
    assert_int_equal(begins, 1 + 3);
}

static void test_chain_sequential(void **state)
{
    (void)state;
    chain("queue_log.0", "queue_log.1", "queue_log.2", false);
}

static void test_chain_rotate(void **state)
{
    (void)state;
    chain("queue_log.2", "queue_log.1", "queue_log.0", true);
}

static void test_chain_timestamp(void **state)
{
    (void)state;
    chain("queue_log.1795284610", "queue_log.1795284620", "queue_log.1795284630", false);
}

static void test_chain_dateext(void **state)
{
    (void)state;
    chain("queue_log-20261119", "queue_log-20261120", "queue_log-20261121", true);
}

/* The position is that of the newest chunk only: a death in the middle of the chain must not cost or double a line. */
static void test_death_within_a_chain(void **state)
{
    (void)state;
    add("queue_log", "100|a\n");
    start();
    expect("100|a\n");
    stop();
    scratch_rename(&scratch, "queue_log", "queue_log.3");
    add("queue_log.2", "101|b\n102|c\n");
    add("queue_log.1", "103|d\n");
    scratch_compress(&scratch, "queue_log.2");
    add("queue_log", "104|e\n");
    static const char *const rest[] = {"101|b\n102|c\n", "103|d\n", "104|e\n"};
    for (size_t i = 0; i < 3; i++) {
        start();
        struct follow_chunk chunk;
        int rc = follow_read(follow, now_ms, &chunk);
        if (rc == FOLLOW_IDLE) {
            now_ms += GRACE_MS;
            rc = follow_read(follow, now_ms, &chunk);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(chunk.bytes.len, strlen(rest[i]));
        assert_memory_equal(chunk.bytes.data, rest[i], chunk.bytes.len);
        assert_false(chunk.gap);
        position = chunk.after;
        stop();
    }
    start();
    expect("");
}

static void test_rotated_at_start(void **state)
{
    (void)state;
    add("queue_log.1", "100|a\n");
    add("queue_log.0", "101|b\n");
    scratch_compress(&scratch, "queue_log.1");
    add("queue_log", "102|c\n");
    add("queue_log_other", "90|x\n");
    start(); /* without the option only what comes from now on */
    expect("102|c\n");
    stop();
    position = (struct follow_position){0};
    rotated_at_start = true;
    start();
    expect("100|a\n101|b\n");
    now_ms += GRACE_MS;
    expect("102|c\n");
    assert_int_equal(gaps, 0);
}

static void test_copytruncate(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n101|b\n");
    expect("100|a\n101|b\n");
    add("queue_log", "102|c\n");
    scratch_copy(&scratch, "queue_log", "queue_log.1");
    expect("102|c\n"); /* the copy is there and nothing is truncated yet: it must not be read */
    add("queue_log", "103|d\n");
    scratch_copy(&scratch, "queue_log", "queue_log.1");
    scratch_truncate(&scratch, "queue_log", 0);
    expect("103|d\n"); /* from the copy */
    add("queue_log", "104|e\n");
    expect("104|e\n"); /* nobody writes to a copy: no grace */
    assert_int_equal(gaps, 0);
}

static void test_copytruncate_and_longer_than_before(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n101|b\n");
    expect("100|a\n101|b\n");
    for (int restarted = 0; restarted < 2; restarted++) {
        add("queue_log", restarted ? "302|c\n" : "102|c\n");
        scratch_copy(&scratch, "queue_log", restarted ? "queue_log.2" : "queue_log.1");
        scratch_compress(&scratch, restarted ? "queue_log.2" : "queue_log.1");
        scratch_truncate(&scratch, "queue_log", 0);
        add("queue_log", restarted ? "400|x\n401|y\n402|z\n403|z\n404|z\n" : "200|x\n201|y\n202|z\n203|z\n");
        if (restarted) {
            stop();
            start();
        }
        expect(restarted ? "302|c\n400|x\n401|y\n402|z\n403|z\n404|z\n" : "102|c\n200|x\n201|y\n202|z\n203|z\n");
    }
    assert_int_equal(gaps, 0);
}

static void test_truncated_with_nothing_left(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n101|b\n");
    expect("100|a\n101|b\n");
    scratch_truncate(&scratch, "queue_log", 0);
    expect("");
    add("queue_log", "102|c\n");
    expect("102|c\n");
    assert_int_equal(gaps, 1);
    add("queue_log", "103|d\n");
    expect("103|d\n");
    assert_int_equal(gaps, 1); /* told once */
}

static void test_deleted_and_made_again(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n");
    expect("100|a\n");
    scratch_unlink(&scratch, "queue_log");
    expect("");
    assert_int_equal(follow_state(follow), FOLLOW_MISSING);
    add("queue_log", "101|b\n");
    expect_after_grace("101|b\n");
    assert_int_equal(gaps, 0); /* we had it open to its end */
}

/* While down: what comes after our file is read, what came before is not read again, and the loss is told. */
static void test_our_file_is_gone(void **state)
{
    (void)state;
    add("queue_log.0", "100|a\n");
    add("queue_log.1", "200|b\n");
    add("queue_log", "300|c\n301|d\n");
    start();
    expect("300|c\n301|d\n");
    stop();
    scratch_unlink(&scratch, "queue_log");
    add("queue_log.2", "400|e\n");
    add("queue_log", "500|f\n");
    start();
    expect("400|e\n");
    now_ms += GRACE_MS;
    expect("500|f\n");
    assert_int_equal(gaps, 1);
}

static void test_same_inode_is_no_proof(void **state)
{
    (void)state;
    start();
    add("queue_log", "100|a\n");
    expect("100|a\n");
    stop();
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    scratch_compress(&scratch, "queue_log.0");
    add("queue_log", "200|b\n201|c\n");
    struct stat meta;
    assert_int_equal(stat(scratch_path(&scratch, "queue_log"), &meta), 0);
    position.inode = (uint64_t)meta.st_ino; /* as if the number had been given out again */
    position.device = (uint64_t)meta.st_dev;
    start();
    expect("200|b\n201|c\n"); /* a compressed file has no writer: no grace */
    assert_int_equal(gaps, 0);
}

static void test_hard_links_and_copies_are_read_once(void **state)
{
    (void)state;
    rotated_at_start = true;
    add("queue_log.0", "100|a\n");
    assert_int_equal(link(scratch_path(&scratch, "queue_log.0"), scratch_path(&scratch, "queue_log.0-link")), 0);
    add("queue_log.1", "101|b\n102|c\n");
    add("queue_log.bak", "101|b\n"); /* a copy made too early */
    scratch_copy(&scratch, "queue_log.1", "queue_log.1-again");
    scratch_compress(&scratch, "queue_log.1-again");
    add("queue_log", "103|d\n");
    assert_int_equal(link(scratch_path(&scratch, "queue_log"), scratch_path(&scratch, "queue_log.9")), 0);
    start();
    expect("100|a\n101|b\n102|c\n");
    now_ms += GRACE_MS;
    expect("103|d\n");
    assert_int_equal(gaps, 0);
}

static void test_excerpt_is_no_rotation(void **state)
{
    (void)state;
    start();
    add("queue_log", "1000|a\n2000|b\n3000|c\n");
    expect("1000|a\n2000|b\n3000|c\n");
    add("queue_log.excerpt", "2000|b\n");
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log", "3000|d\n");
    expect_after_grace("3000|d\n");
}

/* The clock was an hour ahead and is right again: which of the files beside the live one were read cannot be told. */
static void test_clock_set_back(void **state)
{
    (void)state;
    add("queue_log", "9000|a\n");
    start();
    expect("9000|a\n");
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log", "5400|b\n");
    expect_after_grace("5400|b\n"); /* seen happening: nothing is in doubt */
    assert_int_equal(gaps, 0);
    scratch_rename(&scratch, "queue_log", "queue_log.1");
    add("queue_log", "5500|c\n");
    expect_after_grace("5500|c\n"); /* .0 of the future is not read again */
    assert_int_equal(gaps, 0);
}

static void test_clock_set_back_while_down(void **state)
{
    (void)state;
    add("queue_log", "9000|a\n");
    start();
    expect("9000|a\n");
    stop();
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log.1", "5400|b\n");
    add("queue_log", "5500|c\n");
    start();
    expect_after_grace("5500|c\n");
    assert_int_equal(gaps, 1);
}

static void test_link_led_elsewhere(void **state)
{
    (void)state;
    add("first.log", "100|a\n");
    assert_int_equal(symlink("first.log", scratch_path(&scratch, "queue_log")), 0);
    start();
    expect("100|a\n");
    add("first.log", "101|b\n");
    add("second.log", "102|c\n");
    scratch_unlink(&scratch, "queue_log");
    assert_int_equal(symlink("second.log", scratch_path(&scratch, "queue_log")), 0);
    expect("101|b\n");
    now_ms += GRACE_MS;
    expect("102|c\n");
    /* the target is rotated beside itself */
    add("second.log", "103|d\n");
    stop();
    scratch_rename(&scratch, "second.log", "second.log.1");
    add("second.log", "104|e\n");
    start();
    expect("103|d\n");
    now_ms += GRACE_MS;
    expect("104|e\n");
    assert_int_equal(gaps, 0);
}

/* Two rotations within one second give files that begin, or even are, the same. */
static void test_same_first_line(void **state)
{
    (void)state;
    add("queue_log", "100|NONE|NONE|NONE|CONFIGRELOAD|\n");
    start();
    expect("100|NONE|NONE|NONE|CONFIGRELOAD|\n");
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    add("queue_log", "100|NONE|NONE|NONE|CONFIGRELOAD|\n100|a\n");
    expect_after_grace("100|a\n");
    assert_int_equal(gaps, 0);
}

static void fill(const char *name, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char line[80];
        snprintf(line, sizeof line, "%u|1795284600.%u|sales|NONE|ENTERQUEUE||5551049|1\n", 1000 + i, i);
        add(name, line);
    }
}

/* Edited by hand or cut by a crash: the same head, another middle. Nothing is read twice, and the doubt is told. */
static void test_altered_in_the_middle(void **state)
{
    (void)state;
    fill("queue_log", 0, 50);
    start();
    buf_reset(&got);
    struct follow_chunk chunk;
    while (follow_read(follow, now_ms, &chunk) == 0) {
        position = chunk.after;
    }
    stop();
    scratch_truncate(&scratch, "queue_log", 2000);
    add("queue_log", "...\n");
    add("queue_log", "2000|x\n");
    start();
    expect(""); /* shorter than the position: all of it counts as known */
    add("queue_log", "2001|y\n");
    expect("2001|y\n");
    assert_int_equal(gaps, 1);
}

static void test_replaced_by_a_copy_of_itself(void **state)
{
    (void)state;
    fill("queue_log", 0, 50);
    start();
    struct follow_chunk chunk;
    while (follow_read(follow, now_ms, &chunk) == 0) {
    }
    scratch_copy(&scratch, "queue_log", "new");
    scratch_rename(&scratch, "new", "queue_log");
    add("queue_log", "2000|x\n");
    expect_after_grace("2000|x\n");
    assert_int_equal(gaps, 0);
}

static void test_broken_gzip_is_a_gap_and_not_the_end(void **state)
{
    (void)state;
    rotated_at_start = true;
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "queue_log.1.gz" : "queue_log.0.gz";
        scratch_gzip(&scratch, name, i ? "200|c\n201|d\n" : "100|a\n101|b\n", 12, false);
        size_t len;
        char *data = scratch_read(&scratch, name, &len);
        scratch_write(&scratch, name, data, len - 8 - 3); /* in the middle of the second line */
        free(data);
    }
    add("queue_log", "300|e\n");
    start();
    expect("100|a\n200|c\n300|e\n");
    assert_int_equal(gaps, 2);
}

static void test_foreign_compression_is_a_gap(void **state)
{
    (void)state;
    add("queue_log", "100|a\n");
    start();
    expect("100|a\n");
    stop();
    scratch_rename(&scratch, "queue_log", "queue_log.2");
    add("queue_log.1.bz2", "BZh91AY&SY");
    add("queue_log", "300|c\n");
    start();
    expect_after_grace("300|c\n");
    assert_int_equal(gaps, 1);
}

static void test_pipe_does_not_block(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(scratch_path(&scratch, "queue_log"), 0600), 0);
    assert_int_equal(mkfifo(scratch_path(&scratch, "queue_log.0"), 0600), 0);
    start();
    expect("");
    assert_int_equal(follow_state(follow), FOLLOW_ERROR);
    scratch_unlink(&scratch, "queue_log");
    add("queue_log", "100|a\n");
    expect("100|a\n");
    assert_int_equal(follow_state(follow), FOLLOW_READING);
}

static bool is_woken(void)
{
    struct pollfd wait = {.fd = follow_fd(follow), .events = POLLIN};
    bool woken = poll(&wait, 1, 0) == 1;
    follow_fd_drain(follow);
    assert_int_equal(poll(&wait, 1, 0), 0);
    return woken;
}

static void test_descriptor_wakes(void **state)
{
    (void)state;
    start();
    if (follow_fd(follow) < 0) {
        skip();
    }
    expect("");
    add("queue_log", "");
    assert_true(is_woken()); /* made */
    expect("");
    add("queue_log", "100|a\n");
    assert_true(is_woken()); /* the first bytes of an empty file */
    expect("100|a\n");
    (void)is_woken();
    add("queue_log", "101|b\n");
    assert_true(is_woken()); /* more bytes */
    expect("101|b\n");
    add("something_else", "x\n");
    scratch_rename(&scratch, "queue_log", "queue_log.0");
    assert_true(is_woken());
    add("queue_log.0", "102|c\n");
    assert_true(is_woken()); /* the renamed file is still listened to */
    expect("102|c\n");
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    struct follow_options options = {.path = ""};
    assert_int_equal(follow_open(&options, NULL, 0, &follow), STATUS_INVALID);
    options.path = NULL;
    assert_int_equal(follow_open(&options, NULL, 0, &follow), STATUS_INVALID);
    options.path = "/tmp/";
    assert_int_equal(follow_open(&options, NULL, 0, &follow), STATUS_INVALID);
    assert_null(follow);
    add("queue_log", "100|a\n");
    position = (struct follow_position){.offset = UINT64_MAX, .head_len = 77777, .tail_len = 99999};
    start(); /* a position that no version ever wrote: start over, and say so */
    expect("100|a\n");
    assert_int_equal(gaps, 1);
    assert_string_equal(follow_state_str(FOLLOW_CATCHING_UP), "catching-up");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missing_then_there),
        TEST(test_torn_line_is_held),
        TEST(test_permission_lost_and_regained),
        TEST(test_rename_keeps_order_through_the_window),
        TEST(test_rename_without_a_new_file),
        TEST(test_line_torn_for_good),
        TEST(test_chain_sequential),
        TEST(test_chain_rotate),
        TEST(test_chain_timestamp),
        TEST(test_chain_dateext),
        TEST(test_death_within_a_chain),
        TEST(test_rotated_at_start),
        TEST(test_copytruncate),
        TEST(test_copytruncate_and_longer_than_before),
        TEST(test_truncated_with_nothing_left),
        TEST(test_deleted_and_made_again),
        TEST(test_our_file_is_gone),
        TEST(test_same_inode_is_no_proof),
        TEST(test_hard_links_and_copies_are_read_once),
        TEST(test_excerpt_is_no_rotation),
        TEST(test_clock_set_back),
        TEST(test_clock_set_back_while_down),
        TEST(test_link_led_elsewhere),
        TEST(test_same_first_line),
        TEST(test_altered_in_the_middle),
        TEST(test_replaced_by_a_copy_of_itself),
        TEST(test_broken_gzip_is_a_gap_and_not_the_end),
        TEST(test_foreign_compression_is_a_gap),
        TEST(test_pipe_does_not_block),
        TEST(test_descriptor_wakes),
        TEST(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
