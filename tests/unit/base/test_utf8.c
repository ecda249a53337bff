#include "platform/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_repaired(const char *text, const char *want)
{
    /* Exact-size memory: a character cut off at the end must not be read further. */
    struct slice given = slice_str(text);
    size_t len = given.len;
    char *bytes = malloc(len ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, given.data, len);
    struct buf out = BUF_INIT;
    utf8_repair(slice_make(bytes, len), &out);
    assert_string_equal(buf_cstr(&out), want);
    assert_int_equal(utf8_valid(slice_make(bytes, len)), strcmp(text, want) == 0);
    assert_true(utf8_valid(buf_slice(&out)));
    buf_deinit(&out);
    free(bytes);
}

#define BAD "\xEF\xBF\xBD"

static void good_text_stays(void **state)
{
    (void)state;
    assert_repaired("", "");
    assert_repaired("Ana Souza\t\x01\x7f", "Ana Souza\t\x01\x7f");
    assert_repaired("Zoë Смирнов 田中太郎 🙂", "Zoë Смирнов 田中太郎 🙂");
    assert_repaired("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
                    "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
    assert_repaired("\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80");
}

static void bad_bytes_are_replaced_one_by_one(void **state)
{
    (void)state;
    assert_repaired("Zo\xEB", "Zo" BAD);  /* Latin-1 */
    assert_repaired("\x80", BAD);         /* a continuation alone */
    assert_repaired("\xC0\xAF", BAD BAD); /* overlong */
    assert_repaired("\xC1\xBF", BAD BAD);
    assert_repaired("\xE0\x9F\xBF", BAD BAD BAD);
    assert_repaired("\xF0\x8F\xBF\xBF", BAD BAD BAD BAD);
    assert_repaired("\xED\xA0\x80", BAD BAD BAD);         /* a surrogate */
    assert_repaired("\xF4\x90\x80\x80", BAD BAD BAD BAD); /* above U+10FFFF */
    assert_repaired("\xF5\x80", BAD BAD);
    assert_repaired("\xFF\xFE", BAD BAD);
    assert_repaired("a\xE2\x82", "a" BAD BAD); /* cut off */
    assert_repaired("a\xF0\x9F\x99", "a" BAD BAD BAD);
    assert_repaired("\xC3"
                    "a",
                    BAD "a");
}

static void code_points(void **state)
{
    (void)state;
    size_t used = 0;
    bool valid = false;
    assert_int_equal(utf8_next(slice_str("a"), &used, NULL), 'a');
    assert_int_equal(utf8_next(slice_str("\xF0\x9F\x99\x82x"), &used, &valid), 0x1F642);
    assert_int_equal(used, 4);
    assert_true(valid);
    assert_int_equal(utf8_next(slice_str("\xEBx"), &used, &valid), UTF8_REPLACEMENT);
    assert_int_equal(used, 1);
    assert_false(valid);
    assert_int_equal(utf8_next(slice_str(BAD), &used, &valid), UTF8_REPLACEMENT);
    assert_true(valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_stays),
        cmocka_unit_test(bad_bytes_are_replaced_one_by_one),
        cmocka_unit_test(code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
