/* What looks like something else: a compression under way, half a time, lines that were skipped and come once more.
 * Each was found by the proof with random schedules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/file/lines.h"
#include "tests/unit/file/tail.h"

/* NAME, a compression that has come as far as `plain`, and no further. */
static void pack_partly(const char *name, const char *plain)
{
    size_t len;
    scratch_gzip(&tail.scratch, name, plain, strlen(plain), false);
    char *data = scratch_read(&tail.scratch, name, &len);
    scratch_write(&tail.scratch, name, data, len - 8);
    free(data);
    tail_add(name, ""); /* which sets the time */
}

static void test_compression_under_way_is_no_gap(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_expect("100|a\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.1");
    pack_partly("queue_log.1.gz.tmp", "");
    tail_add("queue_log", "200|b\n");
    tail_expect_after_grace("200|b\n");
    assert_int_equal(tail.gaps, 0);
}

static void test_compression_under_way_is_no_new_file(void **state)
{
    (void)state;
    tail_start();
    tail_add("queue_log", "no time\nnor here\n");
    tail_expect("no time\nnor here\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.2");
    tail_add("queue_log", "still none\n");
    tail_expect_after_grace("still none\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.1");
    pack_partly("queue_log.2.gz", "no time\n"); /* later than queue_log.1, as far as files tell */
    tail_add("queue_log", "and none\n");
    tail_expect_after_grace("and none\n");
    assert_int_equal(tail.gaps, 0);
}

/* A file can be called as another one that is compressed begins. */
static void test_compressed_is_told_from_its_namesake(void **state)
{
    (void)state;
    tail.rotated_at_start = true;
    tail_add("queue_log-1", "BZh91AY&SY");
    tail_add("queue_log-1.1", "100|a\n");
    scratch_compress(&tail.scratch, "queue_log-1.1");
    tail_add("queue_log", "200|b\n");
    tail_start();
    tail_expect("100|a\n200|b\n");
}

/* Somebody died while writing a time, and the next one began with one of his own. */
static void test_two_times_run_together(void **state)
{
    (void)state;
    tail_add("queue_log", "1795284100|a\n");
    tail_start();
    tail_expect("1795284100|a\n");
    tail_stop();
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log.1", "17951795284200|b\n1795284201|c\n179528421795284202|d\n");
    tail_add("queue_log.2", "1795284300|e\n");
    tail_add("queue_log", "1795284400|f\n");
    tail_start();
    tail_expect("17951795284200|b\n1795284201|c\n179528421795284202|d\n1795284300|e\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("1795284400|f\n");
    assert_int_equal(tail.gaps, 0);
}

static void test_gap_is_told_where_it_is(void **state)
{
    (void)state;
    tail_add("queue_log", "100|a\n");
    tail_start();
    tail_expect("100|a\n");
    tail_stop();
    scratch_rename(&tail.scratch, "queue_log", "queue_log.3");
    tail_add("queue_log.2", "200|b\n");
    tail_add("queue_log.1.bz2", "BZh91AY&SY");
    tail_add("queue_log", "300|c\n");
    tail_start();
    tail_expect("200|b\n");
    assert_int_equal(tail.gaps, 0);
    tail_expect_after_grace("300|c\n");
    assert_int_equal(tail.gaps, 1);
}

static void test_last_time_may_stand_further_up(void **state)
{
    (void)state;
    tail_add("queue_log", "no time\n200|b\nno time\n");
    tail_start();
    tail_expect("no time\n200|b\nno time\n");
    tail_stop();
    scratch_unlink(&tail.scratch, "queue_log");
    tail_add("queue_log.0", "150|before\n");
    tail_add("queue_log.1", "300|c\n");
    tail_add("queue_log", "400|d\n");
    tail_start();
    tail_expect("300|c\n");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect("400|d\n");
    assert_int_equal(tail.gaps, 1);
}

/* Of the file that is gone one second is known: another one that begins in it may be the one before. */
static void test_file_of_the_same_second_stays_unread(void **state)
{
    (void)state;
    tail_add("queue_log", "200|a\n");
    tail_start();
    tail_expect("200|a\n");
    scratch_rename(&tail.scratch, "queue_log", "queue_log.0");
    tail_add("queue_log", "no time\n200|b\n");
    tail_expect_after_grace("no time\n200|b\n");
    tail_stop();
    scratch_unlink(&tail.scratch, "queue_log");
    tail_add("queue_log", "300|c\n");
    tail_start();
    tail_expect("300|c\n");
    assert_int_equal(tail.gaps, 1);
}

/* The long line was read and dropped when the log was truncated, and comes once more in the copy. */
static void test_skipped_line_is_counted_once(void **state)
{
    (void)state;
    char text[TAIL_LINE_MAX + 20];
    snprintf(text, sizeof text, "101|%0*d\n", TAIL_LINE_MAX, 0);
    tail_start();
    tail_add("queue_log", "100|a\n");
    tail_add("queue_log", text);
    struct follow_chunk chunk;
    assert_int_equal(follow_read(tail.follow, tail.now_ms, &chunk), 0);
    assert_int_equal(chunk.bytes.len, 6);
    scratch_copy(&tail.scratch, "queue_log", "queue_log.1");
    scratch_truncate(&tail.scratch, "queue_log", 0);
    tail_add("queue_log", "200|b\n");
    tail_expect("200|b\n");
    assert_int_equal(tail.skipped_lines, 1);
    assert_int_equal(tail.gaps, 0);
}

/* Between the look at a file and the first read it was truncated and written anew. */
static void test_begin_is_held_to_what_was_seen(void **state)
{
    (void)state;
    struct lines lines;
    struct input input;
    struct follow_chunk chunk;
    tail_add("log", "100|new\n200|b\n");
    assert_int_equal(lines_init(&lines, TAIL_LINE_MAX, 1000), 0);
    assert_int_equal(input_open(&input, scratch_path(&tail.scratch, "log"), true), 0);
    lines_begin(&lines, &input, slice_str("100|new\n20"));
    assert_int_equal(lines_next(&lines, &input, false, &chunk), 0);
    assert_true(slice_is(chunk.bytes, "100|new\n"));
    assert_int_equal(lines_next(&lines, &input, false, &chunk), 0);
    assert_true(slice_is(chunk.bytes, "200|b\n"));
    assert_int_equal(chunk.after.first_number, 100);
    lines_begin(&lines, &input, slice_str("100|old\n20"));
    assert_int_equal(lines_next(&lines, &input, false, &chunk), 0);
    assert_true(slice_is(chunk.bytes, "100|old\n"));
    assert_int_equal(lines_next(&lines, &input, false, &chunk), LINES_MOVED);
    input_close(&input);
    lines_deinit(&lines);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tail_setup, tail_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_compression_under_way_is_no_gap),
        TEST(test_compression_under_way_is_no_new_file),
        TEST(test_compressed_is_told_from_its_namesake),
        TEST(test_two_times_run_together),
        TEST(test_gap_is_told_where_it_is),
        TEST(test_last_time_may_stand_further_up),
        TEST(test_file_of_the_same_second_stays_unread),
        TEST(test_skipped_line_is_counted_once),
        TEST(test_begin_is_held_to_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
