#include "agent/status/kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_only_the_same_question_of_the_same_moment(void **state)
{
    (void)state;
    struct kept kept = {.made_ms = 0};
    struct buf question = BUF_INIT;
    struct buf other = BUF_INIT;
    struct buf body = BUF_INIT;
    struct buf taken = BUF_INIT;
    buf_append_str(&question, "queue=sales");
    buf_append_str(&other, "queue=support");
    buf_append_str(&body, "{}");
    const struct kept_moment moment = {.changes = 3, .commits = 5};
    assert_false(kept_take(&kept, &question, (struct kept_moment){.changes = 0}, 0, &taken)); /* nothing is kept yet */
    kept_put(&kept, &question, moment, 1000, &body);
    assert_false(kept_take(&kept, &other, moment, 1000, &taken));
    assert_false(kept_take(&kept, &question, (struct kept_moment){.changes = 4, .commits = 5}, 1000, &taken));
    assert_false(kept_take(&kept, &question, (struct kept_moment){.changes = 3, .commits = 6}, 1000, &taken));
    assert_false(kept_take(&kept, &question, moment, 1000 + KEPT_MS + 1, &taken));
    assert_int_equal(taken.len, 0);
    assert_true(kept_take(&kept, &question, moment, 1000 + KEPT_MS, &taken));
    assert_string_equal(buf_cstr(&taken), "{}");
    buf_deinit(&question);
    buf_deinit(&other);
    buf_deinit(&body);
    buf_deinit(&taken);
    kept_deinit(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_the_same_question_of_the_same_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
