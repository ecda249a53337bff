#include "platform/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Key 00 01 .. 0f, messages 00 01 ..: appendix A of the paper, and the first of the vectors published with it. */
static void the_published_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } known[] = {{0, UINT64_C(0x726fdb47dd0e0e31)},
                 {1, UINT64_C(0x74f839c593dc67fd)},
                 {2, UINT64_C(0x0d6c8009d9a94f5a)},
                 {15, UINT64_C(0xa129ca6149be45e5)}};
    uint8_t key[SIPHASH_KEY_BYTES];
    char message[16];
    for (int i = 0; i < 16; i++) {
        key[i] = (uint8_t)i;
        message[i] = (char)i;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(siphash(key, slice_make(message, known[i].len)) == known[i].hash);
    }
}

/* Each bit of key and message counts: of 64 bits some 32 turn, and in no case less than 10. */
static void every_bit_counts(void **state)
{
    (void)state;
    uint8_t key[SIPHASH_KEY_BYTES] = {7};
    char message[] = "+34910000000";
    const struct slice all = slice_make(message, sizeof message - 1);
    const uint64_t plain = siphash(key, all);
    for (unsigned bit = 0; bit < 8 * SIPHASH_KEY_BYTES; bit++) {
        key[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(__builtin_popcountll(siphash(key, all) ^ plain) >= 10);
        key[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (unsigned bit = 0; bit < 8 * all.len; bit++) {
        message[bit / 8] = (char)(message[bit / 8] ^ (1 << bit % 8));
        assert_true(__builtin_popcountll(siphash(key, all) ^ plain) >= 10);
        message[bit / 8] = (char)(message[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(siphash(key, slice_make(message, all.len - 1)) != plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_published_vectors), cmocka_unit_test(every_bit_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
