/* What was missed while nobody looked is found among the rotated files, in order and once. */
#include "platform/file/follow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/file/tail.h"

/* Several rotations missed while down, in the three manners of Asterisk and that of logrotate. */
static void chain(const char *first, const char *second, const char *third, bool compressed)
{
    tail_add("queue_log", "100|a\n");
    tail_start();
    tail_expect("100|a\n");
    tail_stop();
    tail_add("queue_log", "101|b\n");
    scratch_rename(&tail.scratch, "queue_log", first);
    tail_add(second, "101|c\n102|d\n");
    tail_add(third, "103|e\n");
    if (compressed) {
        scratch_compress(&tail.scratch, first);
        scratch_compress(&tail.scratch, second);
    }
    tail_add("queue_log", "104|f\n");
    tail_start();
    tail_expect("101|b\n101|c\n102|d\n103|e\n");
    assert_int_equal(follow_state(tail.follow), FOLLOW_CATCHING_UP);
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("104|f\n");
    assert_int_equal(tail.gaps, 0);
    assert_int_equal(tail.begins, 1 + 3);
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

/* The tail.position is that of the newest chunk only: a death in the middle of the chain must not cost or double a
 * line. */
static void test_death_within_a_chain(void **state)
{
    (void)state;
    tail_add("queue_log", "100|a\n");
    tail_start();
    tail_expect("100|a\n");
    tail_stop();
    scratch_rename(&tail.scratch, "queue_log", "queue_log.3");
    tail_add("queue_log.2", "101|b\n102|c\n");
    tail_add("queue_log.1", "103|d\n");
    scratch_compress(&tail.scratch, "queue_log.2");
    tail_add("queue_log", "104|e\n");
    static const char *const rest[] = {"101|b\n102|c\n", "103|d\n", "104|e\n"};
    for (size_t i = 0; i < 3; i++) {
        tail_start();
        struct follow_chunk chunk;
        int rc = follow_read(tail.follow, tail.now_ms, &chunk);
        if (rc == FOLLOW_IDLE) {
            tail.now_ms += TAIL_GRACE_MS;
            rc = follow_read(tail.follow, tail.now_ms, &chunk);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(chunk.bytes.len, strlen(rest[i]));
        assert_memory_equal(chunk.bytes.data, rest[i], chunk.bytes.len);
        assert_false(chunk.gap);
        tail.position = chunk.after;
        tail_stop();
    }
    tail_start();
    tail_expect("");
}

static void test_rotated_at_start(void **state)
{
    (void)state;
    tail_add("queue_log.1", "100|a\n");
    tail_add("queue_log.0", "101|b\n");
    scratch_compress(&tail.scratch, "queue_log.1");
    tail_add("queue_log", "102|c\n");
    tail_add("queue_log_other", "90|x\n");
    tail_start(); /* without the option only what comes from now on */
    tail_expect("102|c\n");
    tail_stop();
    tail.position = (struct follow_position){0};
    tail.rotated_at_start = true;
    tail_start();
    tail_expect("100|a\n101|b\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("102|c\n");
    assert_int_equal(tail.gaps, 0);
}

/* While down: what comes after our file is read, what came before is not read again, and the loss is told. */
static void test_our_file_is_gone(void **state)
{
    (void)state;
    tail_add("queue_log.0", "100|a\n");
    tail_add("queue_log.1", "200|b\n");
    tail_add("queue_log", "300|c\n301|d\n");
    tail_start();
    tail_expect("300|c\n301|d\n");
    tail_stop();
    scratch_unlink(&tail.scratch, "queue_log");
    tail_add("queue_log.2", "400|e\n");
    tail_add("queue_log", "500|f\n");
    tail_start();
    tail_expect("400|e\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("500|f\n");
    assert_int_equal(tail.gaps, 1);
}

static void test_same_inode_is_no_proof(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    tail_stop();
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    scratch_compress(&tail.scratch, "queue_log.0");
    tail_add("queue_log", "200|b\n201|c\n");
    struct stat meta;
    assert_int_equal(stat(scratch_path(&tail.scratch, "queue_log"), &meta), 0);
    tail.position.inode = (uint64_t)meta.st_ino; /* as if the number had been given out again */
    tail.position.device = (uint64_t)meta.st_dev;
    tail_start();
    tail_expect("200|b\n201|c\n"); /* a compressed file has no writer: no grace */
    assert_int_equal(tail.gaps, 0);
}

static void test_hard_links_and_copies_are_read_once(void **state)
{
    (void)state;
    tail.rotated_at_start = true;
    tail_add("queue_log.0", "100|a\n");
    assert_int_equal(link(scratch_path(&tail.scratch, "queue_log.0"), scratch_path(&tail.scratch, "queue_log.0-link")),
                     0);
    tail_add("queue_log.1", "101|b\n102|c\n");
    tail_add("queue_log.bak", "101|b\n"); /* a copy made too early */
    scratch_copy(&tail.scratch, "queue_log.1", "queue_log.1-again");
    scratch_compress(&tail.scratch, "queue_log.1-again");
    scratch_compress(&tail.scratch, "queue_log.1");
    tail_add("queue_log", "103|d\n");
    assert_int_equal(link(scratch_path(&tail.scratch, "queue_log"), scratch_path(&tail.scratch, "queue_log.9")), 0);
    tail_start();
    tail_expect("100|a\n101|b\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("102|c\n103|d\n");
    assert_int_equal(tail.gaps, 0);
}

static void test_excerpt_is_no_rotation(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "1000|a\n2000|b\n3000|c\n");
    tail_expect("1000|a\n2000|b\n3000|c\n");
    tail_add("queue_log.excerpt", "2000|b\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log", "3000|d\n");
    tail_expect_after_grace("3000|d\n");
}

/* The clock was an hour ahead and is right again: which of the files beside the live one were read cannot be told. */
static void test_clock_set_back(void **state)
{
    (void)state;
    tail_add("queue_log", "9000|a\n");
    tail_start();
    tail_expect("9000|a\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log", "5400|b\n");
    tail_expect_after_grace("5400|b\n"); /* seen happening: nothing is in doubt */
    assert_int_equal(tail.gaps, 0);
    scratch_rename(&tail.scratch, "queue_log", "queue_log.1");
    tail_add("queue_log", "5500|c\n");
    tail_expect_after_grace("5500|c\n"); /* .0 of the future is not read again */
    assert_int_equal(tail.gaps, 0);
}

static void test_clock_set_back_while_down(void **state)
{
    (void)state;
    tail_add("queue_log", "9000|a\n");
    tail_start();
    tail_expect("9000|a\n");
    tail_stop();
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log.1", "5400|b\n");
    tail_add("queue_log", "5500|c\n");
    tail_start();
    tail_expect_after_grace("5500|c\n");
    assert_int_equal(tail.gaps, 1);
}

static void test_link_led_elsewhere(void **state)
{
    (void)state;
    tail_add("first.log", "100|a\n");
    assert_int_equal(symlink("first.log", scratch_path(&tail.scratch, "queue_log")), 0);
    tail_start();
    tail_expect("100|a\n");
    tail_add("first.log", "101|b\n");
    tail_add("second.log", "102|c\n");
    scratch_unlink(&tail.scratch, "queue_log");
    assert_int_equal(symlink("second.log", scratch_path(&tail.scratch, "queue_log")), 0);
    tail_expect("101|b\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("102|c\n");
    /* the target is rotated beside itself */
    tail_add("second.log", "103|d\n");
    tail_stop();
    scratch_rename(&tail.scratch, "second.log", "second.log.1");
    tail_add("second.log", "104|e\n");
    tail_start();
    tail_expect("103|d\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("104|e\n");
    assert_int_equal(tail.gaps, 0);
}

/* Two rotations within one second give files that begin, or even are, the same. */
static void test_same_first_line(void **state)
{
    (void)state;
    tail_add("queue_log", "100|NONE|NONE|NONE|CONFIGRELOAD|\n");
    tail_start();
    tail_expect("100|NONE|NONE|NONE|CONFIGRELOAD|\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log", "100|NONE|NONE|NONE|CONFIGRELOAD|\n100|a\n");
    tail_expect_after_grace("100|a\n");
    assert_int_equal(tail.gaps, 0);
}

static void test_broken_gzip_is_a_gap_and_not_the_end(void **state)
{
    (void)state;
    tail.rotated_at_start = true;
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "queue_log.1.gz" : "queue_log.0.gz";
        scratch_gzip(&tail.scratch, name, i ? "200|c\n201|d\n" : "100|a\n101|b\n", 12, false);
        size_t len;
        char *data = scratch_read(&tail.scratch, name, &len);
        scratch_write(&tail.scratch, name, data, len - 8 - 3); /* in the middle of the second line */
        free(data);
    }
    tail_add("queue_log", "300|e\n");
    tail_start();
    tail_expect("100|a\n200|c\n300|e\n");
    assert_int_equal(tail.gaps, 2);
}

static void test_foreign_compression_is_a_gap(void **state)
{
    (void)state;
    tail_add("queue_log", "100|a\n");
    tail_start();
    tail_expect("100|a\n");
    tail_stop();
    scratch_rename(&tail.scratch, "queue_log", "queue_log.2");
    tail_add("queue_log.1.bz2", "BZh91AY&SY");
    tail_add("queue_log", "300|c\n");
    tail_start();
    tail_expect_after_grace("300|c\n");
    assert_int_equal(tail.gaps, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tail_setup, tail_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chain_sequential),
        TEST(test_chain_rotate),
        TEST(test_chain_timestamp),
        TEST(test_chain_dateext),
        TEST(test_death_within_a_chain),
        TEST(test_rotated_at_start),
        TEST(test_our_file_is_gone),
        TEST(test_same_inode_is_no_proof),
        TEST(test_hard_links_and_copies_are_read_once),
        TEST(test_excerpt_is_no_rotation),
        TEST(test_clock_set_back),
        TEST(test_clock_set_back_while_down),
        TEST(test_link_led_elsewhere),
        TEST(test_same_first_line),
        TEST(test_broken_gzip_is_a_gap_and_not_the_end),
        TEST(test_foreign_compression_is_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
