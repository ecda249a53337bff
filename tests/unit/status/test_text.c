#include "proto/report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/report/table.h"

static void assert_put(struct slice text, size_t width, enum text_align align, const char *expected)
{
    struct buf out = BUF_INIT;
    text_put(&out, text, width, align);
    assert_string_equal(buf_cstr(&out), expected);
    assert_int_equal(text_width(buf_slice(&out)), width);
    buf_deinit(&out);
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(text_width(slice_str("")), 0);
    assert_int_equal(text_width(slice_str("sales")), 5);
    assert_int_equal(text_width(slice_str("Peña")), 4);
    assert_int_equal(text_width(slice_str("Pen\u0303a")), 4);
    assert_int_equal(text_width(slice_str("田中")), 4);
    assert_int_equal(text_width(slice_str("한국")), 4);
    assert_int_equal(text_width(slice_str("📞")), 2);
    assert_int_equal(text_width(slice_str("Продажи")), 7);
    assert_int_equal(text_width(slice_make("a\xff", 2)), 2);
}

static void test_padding_and_cutting(void **state)
{
    (void)state;
    assert_put(slice_str("ab"), 4, TEXT_LEFT, "ab  ");
    assert_put(slice_str("ab"), 4, TEXT_RIGHT, "  ab");
    assert_put(slice_str("abcdef"), 4, TEXT_LEFT, "abc…");
    assert_put(slice_str("abcdef"), 1, TEXT_LEFT, "…");
    assert_put(slice_str("abcdef"), 0, TEXT_LEFT, "");
    assert_put(slice_str("田中商店"), 8, TEXT_RIGHT, "田中商店");
    assert_put(slice_str("田中商店"), 6, TEXT_LEFT, "田中… ");
    assert_put(slice_str("田中商店"), 5, TEXT_LEFT, "田中…");
}

static void test_nothing_reaches_the_terminal_that_it_would_obey(void **state)
{
    (void)state;
    assert_put(slice_str("\x1b[2Jx\n\t"), 8, TEXT_LEFT, "?[2Jx?? ");
    assert_put(slice_str("a\u202Eb\xC2\x9B"
                         "c"),
               5, TEXT_LEFT, "a?b?c");
    assert_put(slice_make("caf\xe9", 4), 4, TEXT_LEFT, "caf\xEF\xBF\xBD");
}

static void test_table_fits(void **state)
{
    (void)state;
    static const struct table_column columns[] = {
        {"Queue", TEXT_LEFT, true}, {"Calls", TEXT_RIGHT, false}, {"SL", TEXT_RIGHT, false}};
    struct table table;
    table_init(&table, columns, 3);
    table_cell_str(&table, "a-very-long-queue-name");
    table_cell_str(&table, "7");
    table_cell_str(&table, "93.1 %");
    table_cell_str(&table, "");
    table_cell_str(&table, "1234567");
    table_cell_str(&table, "-");
    struct buf out = BUF_INIT;
    table_write(&table, 60, false, &out);
    assert_string_equal(buf_cstr(&out), "Queue                     Calls      SL\n"
                                        "a-very-long-queue-name        7  93.1 %\n"
                                        "                        1234567       -\n");
    buf_reset(&out);
    table_write(&table, 24, false, &out);
    assert_string_equal(buf_cstr(&out), "Queue       Calls     SL\n"
                                        "a-very-l…       7 93.1 %\n"
                                        "          1234567      -\n");
    buf_deinit(&out);
    table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_padding_and_cutting),
        cmocka_unit_test(test_nothing_reaches_the_terminal_that_it_would_obey),
        cmocka_unit_test(test_table_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
