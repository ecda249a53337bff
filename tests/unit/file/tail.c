#include "tests/unit/file/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct tail tail;

int tail_setup(void **state)
{
    (void)state;
    tail = (struct tail){.got = BUF_INIT};
    scratch_make(&tail.scratch);
    return 0;
}

int tail_teardown(void **state)
{
    (void)state;
    tail_stop();
    buf_deinit(&tail.got);
    scratch_remove(&tail.scratch);
    return 0;
}

void tail_start(void)
{
    struct follow_options options = {.path = scratch_path(&tail.scratch, "queue_log"),
                                     .line_max = TAIL_LINE_MAX,
                                     .drain_grace_ms = TAIL_GRACE_MS,
                                     .rotated_at_start = tail.rotated_at_start};
    const struct follow_position *resume = tail.position.head_len > 0 ? &tail.position : NULL;
    assert_int_equal(follow_open(&options, resume, tail.now_ms, &tail.follow), 0);
}

void tail_stop(void)
{
    follow_close(tail.follow);
    tail.follow = NULL;
}

void tail_expect(const char *expected)
{
    struct follow_chunk chunk;
    int rc;
    buf_reset(&tail.got);
    while ((rc = follow_read(tail.follow, tail.now_ms, &chunk)) == 0) {
        buf_append(&tail.got, chunk.bytes.data, chunk.bytes.len);
        tail.gaps += chunk.gap;
        tail.begins += chunk.file_begins;
        tail.skipped_lines += chunk.skipped_lines;
        tail.position = chunk.after;
    }
    assert_int_equal(rc, FOLLOW_IDLE);
    assert_string_equal(buf_cstr(&tail.got), expected);
}

void tail_expect_after_grace(const char *expected)
{
    tail_expect("");
    tail.now_ms += TAIL_GRACE_MS;
    tail_expect(expected);
}

void tail_add(const char *name, const char *text)
{
    static int64_t tick;
    scratch_append(&tail.scratch, name, text);
    scratch_set_time(&tail.scratch, name, 1795284600, ++tick * 1000);
}
