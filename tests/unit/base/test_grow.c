#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "platform/base/grow.h"

static void keeps_what_it_holds_while_it_doubles(void **state)
{
    (void)state;
    uint32_t *array = NULL;
    size_t cap = 0;
    unsigned moves = 0;
    for (size_t count = 0; count < 100000; count++) {
        size_t before = cap;
        uint32_t *grown = grow_array(array, count, &cap, sizeof *grown);
        assert_non_null(grown);
        assert_true(cap > count);
        moves += cap != before;
        array = grown;
        array[count] = (uint32_t)count;
    }
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(array[i], i);
    }
    assert_true(moves < 20);
    free(array);
}

static void stays_where_there_is_room(void **state)
{
    (void)state;
    char room[4];
    size_t cap = sizeof room;
    assert_ptr_equal(grow_array(room, 3, &cap, 1), room);
    assert_int_equal(cap, sizeof room);
}

static void refuses_what_no_machine_has(void **state)
{
    (void)state;
    char *array = malloc(1);
    size_t cap = SIZE_MAX / 2 + 1;
    assert_null(grow_array(array, cap, &cap, 1));
    assert_true(cap == SIZE_MAX / 2 + 1);
    cap = SIZE_MAX / 8;
    assert_null(grow_array(array, cap, &cap, 64));
    assert_true(cap == SIZE_MAX / 8);
    free(array);
}

static void a_table_is_zero_where_it_is_new(void **state)
{
    (void)state;
    size_t count = 0;
    uint32_t *table = grow_table(NULL, 0, &count, sizeof *table);
    assert_non_null(table);
    assert_int_equal(count, 64);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(table[i], 0);
        table[i] = 7;
    }
    assert_ptr_equal(grow_table(table, 63, &count, sizeof *table), table);
    table = grow_table(table, 200, &count, sizeof *table);
    assert_non_null(table);
    assert_int_equal(count, 256);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(table[i], i < 64 ? 7 : 0);
    }
    assert_null(grow_table(table, GROW_NUMBERS_MAX, &count, sizeof *table));
    assert_int_equal(count, 256);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_it_holds_while_it_doubles),
        cmocka_unit_test(stays_where_there_is_room),
        cmocka_unit_test(refuses_what_no_machine_has),
        cmocka_unit_test(a_table_is_zero_where_it_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
