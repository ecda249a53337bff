#include "platform/tls/md5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void check(const char *text, const char *expected)
{
    uint8_t digest[MD5_BYTES];
    char hex[2 * MD5_BYTES + 1];
    md5_digest(slice_str(text), digest);
    for (int i = 0; i < MD5_BYTES; i++) {
        (void)snprintf(hex + 2 * (ptrdiff_t)i, 3, "%02x", digest[i]);
    }
    assert_string_equal(hex, expected);
}

/* RFC 1321, A.5. */
static void test_known_answers(void **state)
{
    (void)state;
    check("", "d41d8cd98f00b204e9800998ecf8427e");
    check("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
    check("12345678901234567890123456789012345678901234567890123456789012345678901234567890",
          "57edf4a22be3c955ac49da2e2107b67a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
