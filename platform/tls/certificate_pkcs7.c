/* RFC 5652, degenerate SignedData: nothing signed and nobody signing, only certificates.
 *
 * ContentInfo ::= SEQUENCE { id-signedData, [0] SignedData }
 * SignedData  ::= SEQUENCE { version, SET OF digests, SEQUENCE { id-data }, [0] certificates, [1] lists OPTIONAL,
 *                            SET OF signers } */
#include <string.h>

#include "platform/base/status.h"
#include "platform/tls/certificate_internal.h"
#include "platform/tls/der.h"

enum {
    SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE,
    SET = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET,
    FIELD_0 = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED,
    FIELD_1 = FIELD_0 | 1
};

static const char signed_data[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
static const char data[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

static bool is_certificate(struct slice der)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    bool is = certificate_parse(der, &crt) == 0;
    mbedtls_x509_crt_free(&crt);
    return is;
}

int certificate_to_pkcs7(struct slice der, struct buf *out)
{
    if (!is_certificate(der)) {
        return STATUS_INVALID;
    }
    struct buf content = BUF_INIT;
    struct buf fields = BUF_INIT;
    struct buf type = BUF_INIT;
    struct buf info = BUF_INIT;
    der_put(&fields, MBEDTLS_ASN1_INTEGER, slice_str("\1"));
    der_put(&fields, SET, slice_str(""));
    der_put(&type, MBEDTLS_ASN1_OID, slice_str(data));
    der_put(&fields, SEQUENCE, buf_slice(&type));
    der_put(&fields, FIELD_0, der);
    der_put(&fields, SET, slice_str(""));
    der_put(&content, SEQUENCE, buf_slice(&fields));
    der_put(&info, MBEDTLS_ASN1_OID, slice_str(signed_data));
    der_put(&info, FIELD_0, buf_slice(&content));
    bool failed = fields.failed || type.failed || content.failed || info.failed;
    if (!failed) {
        der_put(out, SEQUENCE, buf_slice(&info));
    }
    buf_deinit(&content);
    buf_deinit(&fields);
    buf_deinit(&type);
    buf_deinit(&info);
    return failed || out->failed ? STATUS_NO_MEMORY : 0;
}

/* Takes the element with this tag off the front of *in: its content, and with its head in *whole (NULL: not wanted). */
static bool take(struct slice *in, int tag, struct slice *content, struct slice *whole)
{
    unsigned char *at = (unsigned char *)in->data;
    const unsigned char *end = at + in->len;
    size_t len = 0;
    if (in->len == 0 || mbedtls_asn1_get_tag(&at, end, &len, tag) != 0) {
        return false;
    }
    struct slice rest = slice_make((const char *)at + len, (size_t)(end - at) - len);
    if (whole) {
        *whole = slice_make(in->data, in->len - rest.len);
    }
    *content = slice_make((const char *)at, len);
    *in = rest;
    return true;
}

static bool take_only(struct slice in, int tag, struct slice *content)
{
    return take(&in, tag, content, NULL) && in.len == 0;
}

static bool find_signed_data(struct slice pkcs7, struct slice *out)
{
    struct slice info;
    struct slice type;
    struct slice content;
    return take_only(pkcs7, SEQUENCE, &info) && take(&info, MBEDTLS_ASN1_OID, &type, NULL) &&
           slice_is(type, signed_data) && take_only(info, FIELD_0, &content) && take_only(content, SEQUENCE, out);
}

static bool find_certificates(struct slice fields, struct slice *out)
{
    struct slice version;
    struct slice digests;
    struct slice encapsulated;
    struct slice type;
    struct slice lists;
    struct slice signers;
    if (!take(&fields, MBEDTLS_ASN1_INTEGER, &version, NULL) || !take(&fields, SET, &digests, NULL) ||
        !take(&fields, SEQUENCE, &encapsulated, NULL) || !take_only(encapsulated, MBEDTLS_ASN1_OID, &type) ||
        !slice_is(type, data) || !take(&fields, FIELD_0, out, NULL)) {
        return false;
    }
    (void)take(&fields, FIELD_1, &lists, NULL);
    return take_only(fields, SET, &signers) && signers.len == 0;
}

int certificate_from_pkcs7(struct slice pkcs7, struct buf *out)
{
    struct slice fields;
    struct slice certificates;
    struct slice content;
    struct slice first;
    if (!find_signed_data(pkcs7, &fields) || !find_certificates(fields, &certificates) ||
        !take(&certificates, SEQUENCE, &content, &first) || !is_certificate(first)) {
        return STATUS_INVALID;
    }
    buf_append(out, first.data, first.len);
    return out->failed ? STATUS_NO_MEMORY : 0;
}
