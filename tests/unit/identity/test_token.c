#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/identity/identity.h"
#include "platform/base/status.h"

static void made_of_groups(void **state)
{
    (void)state;
    char token[IDENTITY_TOKEN_MAX];
    char other[IDENTITY_TOKEN_MAX];
    uint8_t psk[REGISTRY_KEY_BYTES];
    assert_int_equal(identity_token_make(token), 0);
    assert_int_equal(identity_token_make(other), 0);
    assert_string_not_equal(token, other);
    assert_int_equal(strlen(token), 39);
    for (size_t i = 0; i < 39; i++) {
        assert_non_null(strchr(i % 5 == 4 ? "-" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", token[i]));
    }
    assert_int_equal(identity_token_psk(slice_str(token), slice_str("a"), psk), 0);
}

/* The bytes 0 to 19, for site branch-07; the key by another HKDF (RFC 5869, no salt). */
static void known_key(void **state)
{
    (void)state;
    static const uint8_t want[] = {0xb8, 0xc1, 0xa1, 0x00, 0x45, 0xc8, 0x2e, 0x0d, 0x52, 0x67, 0x07,
                                   0x73, 0x42, 0x1a, 0x31, 0x69, 0xc5, 0x05, 0x54, 0xee, 0xd2, 0x98,
                                   0x21, 0xbe, 0x78, 0xe0, 0x83, 0xfd, 0xa3, 0xd1, 0x75, 0x55};
    static const char *const spellings[] = {"AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT",
                                            "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4IB-CEQT",
                                            " aaaq eaye auda ocaj\tbifq ydio b4ib ceqt\r\n"};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        uint8_t psk[REGISTRY_KEY_BYTES] = {0};
        assert_int_equal(identity_token_psk(slice_str(spellings[i]), slice_str("branch-07"), psk), 0);
        assert_memory_equal(psk, want, sizeof want);
    }
    uint8_t other[REGISTRY_KEY_BYTES];
    assert_int_equal(identity_token_psk(slice_str(spellings[0]), slice_str("branch-08"), other), 0);
    assert_memory_not_equal(other, want, sizeof want);
}

static void no_tokens(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "----",
                                        "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQ",
                                        "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTA",
                                        "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQ1",
                                        "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQ=",
                                        "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQ\xc3"};
    uint8_t psk[REGISTRY_KEY_BYTES];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(identity_token_psk(slice_str(texts[i]), slice_str("a"), psk), STATUS_INVALID);
    }
    assert_int_equal(identity_token_psk(slice_make("AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQ\0", 32), slice_str("a"), psk),
                     STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_of_groups),
        cmocka_unit_test(known_key),
        cmocka_unit_test(no_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
