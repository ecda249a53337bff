#include "tests/unit/tls/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct kit kit;
const char *const kit_hosts[KIT_HOSTS] = {"centre.example", "*.example.org", "192.0.2.7", "2001:db8::7", "short"};

int kit_setup(void **state)
{
    (void)state;
    assert_int_equal(keypair_generate(&kit.ca_key), 0);
    assert_int_equal(keypair_generate(&kit.site_key), 0);
    assert_int_equal(keypair_generate(&kit.collector_key), 0);
    assert_int_equal(
        authority_create(kit.ca_key, "Test CA", KIT_NOW_S - 1826 * KIT_DAY_S, KIT_NOW_S + 1826 * KIT_DAY_S, &kit.ca),
        0);
    assert_int_equal(certificate_to_pem(buf_slice(&kit.ca), &kit.ca_pem), 0);
    assert_int_equal(keypair_to_pem(kit.ca_key, &kit.key_pem), 0);
    assert_int_equal(authority_open(buf_slice(&kit.ca_pem), buf_slice(&kit.key_pem), &kit.authority), 0);
    assert_int_equal(keypair_request(kit.site_key, "asked-for", &kit.request), 0);
    assert_int_equal(authority_issue_site(kit.authority, buf_slice(&kit.request), "branch-1", KIT_NOW_S - KIT_DAY_S,
                                          KIT_NOW_S + 30 * KIT_DAY_S, &kit.site),
                     0);
    assert_int_equal(authority_issue_collector(kit.authority, kit.collector_key, kit_hosts, KIT_HOSTS,
                                               KIT_NOW_S - KIT_DAY_S, KIT_NOW_S + 30 * KIT_DAY_S, &kit.collector),
                     0);
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    authority_free(kit.authority);
    keypair_free(kit.ca_key);
    keypair_free(kit.site_key);
    keypair_free(kit.collector_key);
    buf_deinit(&kit.ca);
    buf_deinit(&kit.ca_pem);
    buf_deinit(&kit.key_pem);
    buf_deinit(&kit.request);
    buf_deinit(&kit.site);
    buf_deinit(&kit.collector);
    return 0;
}

static int digit_value(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, digit);
    return at && digit ? (int)(at - digits) : -1;
}

/* The samples are well-formed: what is no base64 is a line feed or padding. */
struct buf kit_der(const char *pem)
{
    struct buf out = BUF_INIT;
    unsigned bits = 0;
    int count = 0;
    for (const char *at = strchr(pem, '\n') + 1; *at != '-'; at++) {
        int value = digit_value(*at);
        if (value >= 0) {
            bits = bits << 6 | (unsigned)value;
            count += 6;
        }
        if (count >= 8) {
            count -= 8;
            uint8_t byte = (uint8_t)(bits >> count);
            buf_append(&out, &byte, 1);
        }
    }
    return out;
}
