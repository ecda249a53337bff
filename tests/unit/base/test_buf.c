#include "platform/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/cleanup.h"

static void appends_in_order(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    assert_string_equal(buf_cstr(&buf), "");
    assert_int_equal(buf.len, 0);
    buf_append(&buf, "one", 3);
    buf_append(&buf, NULL, 0);
    buf_append_str(&buf, " two");
    buf_printf(&buf, " %d %s", 3, "four");
    assert_string_equal(buf_cstr(&buf), "one two 3 four");
    assert_int_equal(buf.len, 14);
    assert_true(slice_is(buf_slice(&buf), "one two 3 four"));
    assert_false(buf.failed);
    buf_deinit(&buf);
    assert_null(buf.data);
    buf_append_str(&buf, "again");
    assert_string_equal(buf_cstr(&buf), "again");
    buf_deinit(&buf);
}

static void grows_past_every_size(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    for (int i = 0; i < 5000; i++) {
        buf_printf(&buf, "%04d", i);
    }
    assert_int_equal(buf.len, 20000);
    for (int i = 0; i < 5000; i++) {
        char want[16];
        snprintf(want, sizeof want, "%04d", i);
        assert_memory_equal(buf.data + 4 * i, want, 4);
    }
    size_t cap = buf.cap;
    buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.cap, cap);
    uint8_t *at = buf_grow(&buf, cap);
    assert_non_null(at);
    assert_int_equal(buf.cap, cap);
    memset(at, 'x', cap);
    assert_int_equal(strlen(buf_cstr(&buf)), cap); /* the NUL needed room of its own */
    buf_deinit(&buf);
}

/* Sizes that no machine has: a failure that stays, and what was there before stays too. */
static void failure_sticks(void **state)
{
    (void)state;
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 2 + 2};
    for (size_t i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
        struct buf buf = BUF_INIT;
        buf_append_str(&buf, "abc");
        assert_null(buf_grow(&buf, absurd[i]));
        assert_true(buf.failed);
        buf_append_str(&buf, "def");
        buf_printf(&buf, "%d", 1);
        assert_null(buf_grow(&buf, 1));
        assert_int_equal(buf.len, 3);
        assert_memory_equal(buf.data, "abc", 3);
        assert_string_equal(buf_cstr(&buf), "");
        buf_reset(&buf);
        buf_append_str(&buf, "ghi");
        assert_string_equal(buf_cstr(&buf), "ghi");
        buf_deinit(&buf);
    }
}

static void note_end(int **seen)
{
    ++**seen;
}

static void cleanup_runs_at_the_end_of_the_scope(void **state)
{
    (void)state;
    int ends = 0;
    {
        CLEANUP(note_end) int *seen = &ends;
        CLEANUP(cleanup_free) char *memory = malloc(16); /* the leak checker is the judge */
        assert_non_null(memory);
        assert_int_equal(*seen, 0);
    }
    assert_int_equal(ends, 1);
}

static void slices_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(slice_is(slice_str(NULL), ""));
    assert_true(slice_equal(slice_make(NULL, 0), slice_str("")));
    assert_true(slice_is(slice_make("abc", 2), "ab"));
    assert_false(slice_is(slice_str("ab"), "abc"));
    assert_false(slice_is(slice_str("abc"), "ab"));
    assert_false(slice_equal(slice_make("a\0b", 3), slice_make("a\0c", 3)));
}

static void slices_are_copied_as_far_as_there_is_room(void **state)
{
    (void)state;
    char to[5] = "xxxx";
    slice_copy(slice_make(NULL, 0), to, sizeof to);
    assert_string_equal(to, "");
    slice_copy(slice_make("abcdef", 4), to, sizeof to);
    assert_string_equal(to, "abcd");
    slice_copy(slice_str("efghi"), to, sizeof to);
    assert_string_equal(to, "efgh");
    slice_copy(slice_str("i"), to, 1);
    assert_string_equal(to, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_in_order),        cmocka_unit_test(grows_past_every_size),
        cmocka_unit_test(failure_sticks),          cmocka_unit_test(cleanup_runs_at_the_end_of_the_scope),
        cmocka_unit_test(slices_compare_by_bytes), cmocka_unit_test(slices_are_copied_as_far_as_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
