#include "platform/tls/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    char hex[2 * SECRET_HASH_BYTES + 1];
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    }
    assert_string_equal(hex, expected);
}

/* RFC 5869, A.3: no salt, no info; the first 32 of its 42 bytes. */
static void derives_as_rfc_5869(void **state)
{
    (void)state;
    char secret[22];
    uint8_t key[SECRET_KEY_BYTES];
    memset(secret, 0x0b, sizeof secret);
    assert_int_equal(secret_derive(slice_make(secret, sizeof secret), slice_str(""), key), 0);
    assert_hex(key, sizeof key, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

static void purposes_give_different_keys(void **state)
{
    (void)state;
    uint8_t a[SECRET_KEY_BYTES];
    uint8_t b[SECRET_KEY_BYTES];
    struct slice secret = slice_str("token");
    assert_int_equal(secret_derive(secret, slice_str("one"), a), 0);
    assert_int_equal(secret_derive(secret, slice_str("two"), b), 0);
    assert_false(secret_equal(a, b, sizeof a));
    assert_int_equal(secret_derive(secret, slice_str("one"), b), 0);
    assert_true(secret_equal(a, b, sizeof a));
}

static void hashes_as_fips_180(void **state)
{
    (void)state;
    uint8_t hash[SECRET_HASH_BYTES];
    assert_int_equal(secret_hash(slice_str("abc"), hash), 0);
    assert_hex(hash, sizeof hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(secret_hash(slice_make(NULL, 0), hash), 0);
    assert_hex(hash, sizeof hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void random_bytes_are_filled_to_the_last(void **state)
{
    (void)state;
    enum { LEN = 1000 };
    uint8_t seen[LEN] = {0};
    uint8_t bytes[LEN + 1];
    for (int i = 0; i < 16; i++) { /* a byte stays 0 in all of them once in 2^128 */
        bytes[LEN] = 0x55;
        assert_int_equal(secret_random(bytes, LEN), 0);
        assert_int_equal(bytes[LEN], 0x55);
        for (int j = 0; j < LEN; j++) {
            seen[j] |= bytes[j];
        }
    }
    for (int j = 0; j < LEN; j++) {
        assert_int_not_equal(seen[j], 0);
    }
    assert_int_equal(secret_random(NULL, 0), 0);
}

static void equality_looks_at_every_byte(void **state)
{
    (void)state;
    uint8_t a[40] = {0};
    uint8_t b[40] = {0};
    assert_true(secret_equal(a, b, sizeof a));
    assert_true(secret_equal(NULL, NULL, 0));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 1;
        assert_false(secret_equal(a, b, sizeof a));
        assert_true(secret_equal(a, b, i));
        b[i] = 0;
    }
}

static void wiping_leaves_nothing(void **state)
{
    (void)state;
    static const char zero[16];
    char data[16] = "a key, a key, a";
    secret_wipe(data, sizeof data);
    assert_memory_equal(data, zero, sizeof data);
    secret_wipe(NULL, 0);
    struct buf buf = BUF_INIT;
    secret_wipe_buf(&buf);
    buf_append_str(&buf, "a key");
    secret_wipe_buf(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.len + buf.cap, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derives_as_rfc_5869),          cmocka_unit_test(purposes_give_different_keys),
        cmocka_unit_test(hashes_as_fips_180),           cmocka_unit_test(random_bytes_are_filled_to_the_last),
        cmocka_unit_test(equality_looks_at_every_byte), cmocka_unit_test(wiping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
