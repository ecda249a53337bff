#include "platform/tls/keyed_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"

static struct keyed_hash *make(const void *key, size_t len, size_t remember)
{
    struct keyed_hash *hash = NULL;
    assert_int_equal(keyed_hash_new(key, len, remember, &hash), 0);
    return hash;
}

static void assert_digest(const void *key, size_t key_len, const void *message, size_t len, const char *expected_hex)
{
    struct keyed_hash *hash = make(key, key_len, 4);
    for (int again = 0; again < 2; again++) { /* a digest leaves nothing behind for the next one */
        uint8_t digest[KEYED_HASH_BYTES];
        assert_int_equal(keyed_hash_digest(hash, slice_make(message, len), digest), 0);
        char hex[2 * KEYED_HASH_BYTES + 1];
        for (int i = 0; i < KEYED_HASH_BYTES; i++) {
            (void)snprintf(hex + 2 * (ptrdiff_t)i, 3, "%02x", digest[i]);
        }
        assert_string_equal(hex, expected_hex);
    }
    keyed_hash_free(hash);
}

/* RFC 4231, section 4: test cases 1 to 4. (5 is truncated, 6 and 7 have keys longer than this takes.) */
static void agrees_with_rfc_4231(void **state)
{
    (void)state;
    char key[KEYED_HASH_KEY_MAX];
    char data[50];
    memset(key, 0x0b, 20);
    assert_digest(key, 20, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_digest("Jefe", 4, "what do ya want for nothing?", 28,
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 20);
    memset(data, 0xdd, 50);
    assert_digest(key, 20, data, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (int i = 0; i < 25; i++) {
        key[i] = (char)(i + 1);
    }
    memset(data, 0xcd, 50);
    assert_digest(key, 25, data, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

static void keys_have_a_largest_length(void **state)
{
    (void)state;
    static const char key[KEYED_HASH_KEY_MAX + 1];
    struct keyed_hash *hash = NULL;
    assert_int_equal(keyed_hash_new(key, KEYED_HASH_KEY_MAX + 1, 1, &hash), STATUS_RANGE);
    assert_null(hash);
    hash = make(key, KEYED_HASH_KEY_MAX, 1);
    keyed_hash_free(hash);
    hash = make(key, 0, 0); /* HMAC allows no key; and at least one answer is remembered */
    assert_int_equal(keyed_hash_48(hash, slice_str("")), UINT64_C(0xb613679a0814)); /* HMAC of nothing with no key */
    keyed_hash_free(hash);
    keyed_hash_free(NULL);
}

static uint64_t first_48(struct keyed_hash *hash, struct slice message)
{
    uint8_t digest[KEYED_HASH_BYTES];
    assert_int_equal(keyed_hash_digest(hash, message, digest), 0);
    uint64_t answer = 0;
    for (int i = 0; i < 6; i++) {
        answer = answer << 8 | digest[i];
    }
    return answer;
}

static void short_form_is_the_start_of_the_digest_remembered_or_not(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 7, 1000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct keyed_hash *hash = make("secret", 6, sizes[s]);
        for (unsigned i = 0; i < 3000; i++) {
            char number[64];
            /* few enough to meet again, of lengths on both sides of what is remembered */
            int len = snprintf(number, sizeof number, "+%0*u", (int)(1 + i % 40), i % 97);
            struct slice message = slice_make(number, (size_t)len);
            uint64_t answer = keyed_hash_48(hash, message);
            assert_true(answer == first_48(hash, message));
            assert_true(answer != 0 && answer >> 48 == 0);
        }
        keyed_hash_free(hash);
    }
}

static void prefixes_and_keys_make_a_difference(void **state)
{
    (void)state;
    struct keyed_hash *a = make("secret", 6, 1);
    struct keyed_hash *b = make("secret2", 7, 1);
    uint64_t one = keyed_hash_48(a, slice_str("0123"));
    assert_true(one != keyed_hash_48(a, slice_str("01234")));
    assert_true(one != keyed_hash_48(a, slice_make("0123\0", 5)));
    assert_true(one != keyed_hash_48(b, slice_str("0123")));
    assert_true(one == keyed_hash_48(a, slice_str("0123")));
    keyed_hash_free(a);
    keyed_hash_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_rfc_4231),
        cmocka_unit_test(keys_have_a_largest_length),
        cmocka_unit_test(short_form_is_the_start_of_the_digest_remembered_or_not),
        cmocka_unit_test(prefixes_and_keys_make_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
