#include "collector/alert/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/support/temp_dir.h"

static struct temp_dir dir;

static int make(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* printf '1795284900.{"a":1}' | openssl dgst -sha256 -hmac key */
static void test_as_openssl_makes_it(void **state)
{
    (void)state;
    char made[SIGNATURE_MAX];
    assert_int_equal(signature_make(slice_str("key"), 1795284900, slice_str("{\"a\":1}"), made), 0);
    assert_string_equal(made, "t=1795284900,v1=20e4674caf3a63a4e669ac6e041461bc4bfffd269ab9ad2f1e63e2bcd1c5e5fc");
    char longer[101];
    memset(longer, 'k', 100);
    longer[100] = '\0';
    assert_int_equal(signature_make(slice_str(longer), 1795284900, slice_str("{\"a\":1}"), made), 0);
    assert_string_equal(made, "t=1795284900,v1=949a4d215c28b8819c2c14e5a206d5c6b733d9520a96eae4765ffea14754e59d");
}

static void expect_line(const char *content, const char *line, const char *said)
{
    char why[100] = "";
    struct buf out = BUF_INIT;
    temp_dir_truncate(&dir, "key", 0);
    temp_dir_write(&dir, "key", 0, content, strlen(content));
    int status = signature_line(temp_dir_file(&dir, "key"), "key", &out, why, sizeof why);
    assert_int_equal(status, line ? 0 : STATUS_INVALID);
    assert_string_equal(why, said);
    assert_true(!line || slice_is(buf_slice(&out), line));
    buf_deinit(&out);
}

static void test_first_line_of_a_file(void **state)
{
    (void)state;
    expect_line("key", "key", "");
    expect_line("key\nmore\n", "key", "");
    expect_line("a key\r\n", "a key", "");
    expect_line("", NULL, "the key file is empty");
    expect_line("\n", NULL, "the key file has an empty first line");
    expect_line("k\tey\n", NULL, "the key file has control characters in its first line");
    char why[100];
    struct buf out = BUF_INIT;
    assert_int_equal(signature_line(temp_dir_file(&dir, "none"), "token", &out, why, sizeof why), STATUS_NOT_FOUND);
    assert_string_equal(why, "the token file cannot be read: not found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_openssl_makes_it),
                                       cmocka_unit_test_setup_teardown(test_first_line_of_a_file, make, drop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
