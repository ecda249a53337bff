/* The texts that people type: addresses and tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/credentials/credentials.h"
#include "platform/base/status.h"
#include "platform/tls/secret.h"

static void addresses_that_are_right(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } right[] = {
        {"coaps+tcp://centre.example.org", "centre.example.org", 5684},
        {"coaps+tcp://centre.example.org/", "centre.example.org", 5684},
        {"COAPS+TCP://Centre:7000", "Centre", 7000},
        {"coaps+tcp://centre:65535/", "centre", 65535},
        {"coaps+tcp://192.0.2.1:1", "192.0.2.1", 1},
        {"coaps+tcp://[2001:db8::1]", "2001:db8::1", 5684},
        {"coaps+tcp://[::1]:9000", "::1", 9000},
        {"coaps+tcp://4all.example.", "4all.example.", 5684},
    };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct credentials_url url;
        struct credentials_why why = {"untouched"};
        assert_int_equal(credentials_url_parse(right[i].text, &url, &why), 0);
        assert_string_equal(url.host, right[i].host);
        assert_int_equal(url.port, right[i].port);
        assert_string_equal(why.text, "untouched");
    }
}

static void addresses_that_are_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "centre.example.org",
                                        "https://centre.example.org",
                                        "coap://centre",
                                        "coaps+tcp://",
                                        "coaps+tcp://:5684",
                                        "coaps+tcp:///",
                                        "coaps+tcp://centre:",
                                        "coaps+tcp://centre:0",
                                        "coaps+tcp://centre:65536",
                                        "coaps+tcp://centre:56x",
                                        "coaps+tcp://centre:+5",
                                        "coaps+tcp://centre/path",
                                        "coaps+tcp://user@centre",
                                        "coaps+tcp://2001:db8::1",
                                        "coaps+tcp://[2001:db8::1",
                                        "coaps+tcp://[centre]",
                                        "coaps+tcp://[::1]x",
                                        "coaps+tcp://1.2.3",
                                        "coaps+tcp://300.1.1.1",
                                        "coaps+tcp://-centre",
                                        "coaps+tcp://a..b",
                                        "coaps+tcp://cen tre",
                                        "coaps+tcp://centre\n",
                                        "coaps+tcp://c\xc3\xa9ntre"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct credentials_url url;
        struct credentials_why why = {""};
        assert_int_equal(credentials_url_parse(wrong[i], &url, &why), STATUS_INVALID);
        assert_true(strlen(why.text) > 10);
    }
    char text[400] = "coaps+tcp://";
    memset(text + 12, 'a', 320);
    struct credentials_url url;
    struct credentials_why why = {""};
    assert_int_equal(credentials_url_parse(text, &url, &why), STATUS_INVALID);
}

static void tokens(void **state)
{
    (void)state;
    /* 20 bytes of 00 44 32 14 c7 42 54 b6 35 cf 84 65 3a 56 d7 c6 75 be 77 df, which in base32 are the digits in order
     */
    static const uint8_t bytes[20] = {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf,
                                      0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf};
    static const char *const same[] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz234567",
                                       " ABCD-EFGH-IJKL-MNOP QRST-UVWX-YZ23-4567\r\n"};
    uint8_t want[32];
    assert_int_equal(
        secret_derive(slice_make((const char *)bytes, sizeof bytes), slice_str("ringside join branch-07"), want), 0);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        uint8_t psk[32] = {0};
        assert_int_equal(credentials_token_psk(slice_str(same[i]), "branch-07", psk), 0);
        assert_memory_equal(psk, want, sizeof want);
    }
    uint8_t other[32];
    assert_int_equal(credentials_token_psk(slice_str(same[0]), "branch-08", other), 0);
    assert_memory_not_equal(other, want, sizeof want);
    static const char *const wrong[] = {"",
                                        "ABCD",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ23456",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ2345677",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ234561",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ23456=",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ23456\xc3"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(credentials_token_psk(slice_str(wrong[i]), "branch-07", other), STATUS_INVALID);
    }
    assert_int_equal(credentials_token_psk(slice_make("ABCDEFGHIJKLMNO\0PQRSTUVWXYZ234567", 33), "branch-07", other),
                     STATUS_INVALID);
    char site[80];
    memset(site, 's', sizeof site - 1);
    site[sizeof site - 1] = 0;
    assert_int_equal(credentials_token_psk(slice_str(same[0]), site, other), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_right),
        cmocka_unit_test(addresses_that_are_wrong),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
