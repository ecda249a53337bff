#include "platform/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The same bytes anywhere in memory, in a block of their own, give the same value; the sanitizer sees a read outside.
 */
static void depends_on_the_bytes_alone(void **state)
{
    (void)state;
    for (size_t len = 0; len < 40; len++) {
        char *a = malloc(len ? len : 1);
        char *b = malloc(len + 3);
        assert_non_null(a);
        assert_non_null(b);
        memset(a, 'q', len);
        memset(b, 'q', len + 3);
        assert_true(hash_bytes(a, len, 7) == hash_bytes(b + 3, len, 7));
        free(a);
        free(b);
    }
}

static void every_byte_the_length_and_the_seed_matter(void **state)
{
    (void)state;
    uint8_t bytes[40] = {0};
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint64_t before = hash_bytes(bytes, len, 1);
        assert_true(before != hash_bytes(bytes, len + 1, 1));
        assert_true(before != hash_bytes(bytes, len, 2));
        for (size_t at = 0; at < len; at++) {
            bytes[at] = 1;
            assert_true(before != hash_bytes(bytes, len, 1));
            bytes[at] = 0;
        }
    }
}

/* Call ids differ in a digit or two: a table twice their number must not fill unevenly. */
static void neighbours_spread_over_a_table(void **state)
{
    (void)state;
    enum { NAMES = 4096, SLOTS = 8192 };
    static unsigned load[SLOTS];
    unsigned most = 0;
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "1795284531.%d", i);
        unsigned *slot = &load[hash_bytes(name, (size_t)len, 0) % SLOTS];
        most = ++*slot > most ? *slot : most;
    }
    assert_in_range(most, 1, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depends_on_the_bytes_alone),
        cmocka_unit_test(every_byte_the_length_and_the_seed_matter),
        cmocka_unit_test(neighbours_spread_over_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
