/* The input is what a peer may hand over before it is known: a certificate, a PKCS#7 or a request, DER. All readers get
 * it. */
#include <string.h>

#include "platform/base/status.h"
#include "platform/base/utf8.h"
#include "platform/tls/certificate.h"
#include "platform/tls/keypair.h"
#include "tests/fuzz/fuzz.h"

static void check_name(const char *name, size_t size)
{
    size_t len = strnlen(name, size);
    FUZZ_CHECK(len < size && utf8_valid(slice_make(name, len)));
}

/* What is read survives PEM and PKCS#7. */
static void check_forms(struct slice der)
{
    struct buf form = BUF_INIT;
    struct buf back = BUF_INIT;
    FUZZ_CHECK(certificate_to_pem(der, &form) == 0);
    FUZZ_CHECK(certificate_from_pem(buf_slice(&form), 0, &back) == 0 && slice_equal(buf_slice(&back), der));
    buf_reset(&form);
    buf_reset(&back);
    FUZZ_CHECK(certificate_to_pkcs7(der, &form) == 0);
    FUZZ_CHECK(certificate_from_pkcs7(buf_slice(&form), &back) == 0 && slice_equal(buf_slice(&back), der));
    buf_deinit(&form);
    buf_deinit(&back);
}

static void check_certificate(struct slice der)
{
    struct certificate_facts facts;
    int status = certificate_read(der, &facts);
    FUZZ_CHECK(status == 0 || status == STATUS_INVALID);
    FUZZ_CHECK(status == 0 || (facts.name[0] == 0 && facts.role == CERTIFICATE_OTHER));
    check_name(facts.name, sizeof facts.name);
    FUZZ_CHECK(strspn(facts.serial, "0123456789abcdef") == strnlen(facts.serial, sizeof facts.serial));
    (void)certificate_names(der, "centre.example");
    (void)certificate_names(der, "192.0.2.7");
    if (status == 0) {
        check_forms(der);
    }
}

static void check_pkcs7(struct slice der)
{
    struct buf certificate = BUF_INIT;
    int status = certificate_from_pkcs7(der, &certificate);
    FUZZ_CHECK(status == 0 || (status == STATUS_INVALID && certificate.len == 0));
    if (status == 0) {
        FUZZ_CHECK(certificate.len < der.len);
        check_certificate(buf_slice(&certificate));
    }
    buf_deinit(&certificate);
}

static void check_request(struct slice der)
{
    struct keypair_request_facts facts;
    int status = keypair_request_read(der, &facts);
    FUZZ_CHECK(status == 0 || status == STATUS_INVALID || status == STATUS_UNSUPPORTED || status == STATUS_RANGE);
    check_name(facts.name, sizeof facts.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice der = slice_make((const char *)data, size);
    check_certificate(der);
    check_pkcs7(der);
    check_request(der);
    return 0;
}
