#include "platform/base/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void names_get_dense_ids_in_order(void **state)
{
    (void)state;
    struct intern *names = NULL;
    assert_int_equal(intern_new(10, &names), 0);
    assert_int_equal(intern_put(names, slice_str("sales")), 1);
    assert_int_equal(intern_put(names, slice_str("support")), 2);
    assert_int_equal(intern_put(names, slice_str("sales")), 1);
    assert_int_equal(intern_put(names, slice_make("sales2", 5)), 1);
    assert_int_equal(intern_put(names, slice_make("a\0b", 3)), 3);
    assert_int_equal(intern_put(names, slice_make("a\0c", 3)), 4);
    assert_int_equal(intern_count(names), 4);
    assert_int_equal(intern_find(names, slice_str("support")), 2);
    assert_int_equal(intern_find(names, slice_str("suppor")), 0);
    assert_true(slice_is(intern_name(names, 2), "support"));
    assert_string_equal(intern_name(names, 2).data, "support");
    assert_int_equal(intern_name(names, 0).len, 0);
    assert_int_equal(intern_name(names, 5).len, 0);
    intern_free(names);
    intern_free(NULL);
}

static void the_bytes_are_copied(void **state)
{
    (void)state;
    struct intern *names = NULL;
    char name[8] = "queue";
    assert_int_equal(intern_new(10, &names), 0);
    assert_int_equal(intern_put(names, slice_str(name)), 1);
    name[0] = 'Q';
    assert_int_equal(intern_find(names, slice_str("queue")), 1);
    assert_int_equal(intern_find(names, slice_str("Queue")), 0);
    intern_free(names);
}

static void a_full_table_takes_no_new_name(void **state)
{
    (void)state;
    enum { MOST = 5000 };
    struct intern *names = NULL;
    char name[32];
    assert_int_equal(intern_new(MOST, &names), 0);
    for (uint32_t i = 1; i <= MOST; i++) {
        snprintf(name, sizeof name, "queue-%u", i);
        assert_int_equal(intern_put(names, slice_str(name)), i);
    }
    assert_int_equal(intern_put(names, slice_str("one too many")), 0);
    assert_int_equal(intern_find(names, slice_str("one too many")), 0);
    for (uint32_t i = 1; i <= MOST; i++) {
        snprintf(name, sizeof name, "queue-%u", i);
        assert_int_equal(intern_put(names, slice_str(name)), i);
        assert_true(slice_is(intern_name(names, i), name));
    }
    assert_int_equal(intern_count(names), MOST);
    intern_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_get_dense_ids_in_order),
        cmocka_unit_test(the_bytes_are_copied),
        cmocka_unit_test(a_full_table_takes_no_new_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
