#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/tls/certificate.h"
#include "tests/unit/tls/kit.h"

static void certificates_come_back_from_pkcs7(void **state)
{
    (void)state;
    const struct buf *const certificates[] = {&kit.ca, &kit.site, &kit.collector};
    for (size_t i = 0; i < 3; i++) {
        struct buf pkcs7 = BUF_INIT;
        struct buf back = BUF_INIT;
        buf_append_str(&back, "x");
        assert_int_equal(certificate_to_pkcs7(buf_slice(certificates[i]), &pkcs7), 0);
        assert_int_equal(certificate_from_pkcs7(buf_slice(&pkcs7), &back), 0);
        assert_int_equal(back.len, 1 + certificates[i]->len);
        assert_memory_equal(back.data + 1, certificates[i]->data, certificates[i]->len);
        buf_deinit(&pkcs7);
        buf_deinit(&back);
    }
}

static void only_certificates_go_in(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    assert_int_equal(certificate_to_pkcs7(slice_make(NULL, 0), &out), STATUS_INVALID);
    assert_int_equal(certificate_to_pkcs7(slice_str("certificate"), &out), STATUS_INVALID);
    assert_int_equal(certificate_to_pkcs7(buf_slice(&kit.request), &out), STATUS_INVALID);
    assert_int_equal(out.len, 0);
}

static void damage_is_refused_or_harmless(void **state)
{
    (void)state;
    struct buf pkcs7 = BUF_INIT;
    struct buf out = BUF_INIT;
    assert_int_equal(certificate_to_pkcs7(buf_slice(&kit.site), &pkcs7), 0);
    assert_int_equal(certificate_from_pkcs7(slice_make(NULL, 0), &out), STATUS_INVALID);
    for (size_t len = 0; len < pkcs7.len; len++) {
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, pkcs7.data, len);
        assert_int_equal(certificate_from_pkcs7(slice_make(copy, len), &out), STATUS_INVALID);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * pkcs7.len; bit++) {
        pkcs7.data[bit / 8] = (uint8_t)(pkcs7.data[bit / 8] ^ 1U << bit % 8);
        buf_reset(&out);
        int status = certificate_from_pkcs7(buf_slice(&pkcs7), &out);
        assert_true(status == STATUS_INVALID ? out.len == 0 : status == 0 && out.len == kit.site.len);
        pkcs7.data[bit / 8] = (uint8_t)(pkcs7.data[bit / 8] ^ 1U << bit % 8);
    }
    buf_append(&pkcs7, "", 1);
    assert_int_equal(certificate_from_pkcs7(buf_slice(&pkcs7), &out), STATUS_INVALID);
    buf_deinit(&pkcs7);
    buf_deinit(&out);
}

/* The set of signers must be there, and empty. */
static void signed_contents_are_not_degenerate(void **state)
{
    (void)state;
    struct buf pkcs7 = BUF_INIT;
    struct buf out = BUF_INIT;
    assert_int_equal(certificate_to_pkcs7(buf_slice(&kit.site), &pkcs7), 0);
    assert_memory_equal(pkcs7.data + pkcs7.len - 2, "\x31\x00", 2);
    pkcs7.data[pkcs7.len - 2] = 0x30; /* no SET */
    assert_int_equal(certificate_from_pkcs7(buf_slice(&pkcs7), &out), STATUS_INVALID);
    buf_deinit(&pkcs7);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_come_back_from_pkcs7),
        cmocka_unit_test(only_certificates_go_in),
        cmocka_unit_test(damage_is_refused_or_harmless),
        cmocka_unit_test(signed_contents_are_not_degenerate),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
