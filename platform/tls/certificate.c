#include "platform/tls/certificate.h"

#include <mbedtls/pem.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/tls/certificate_internal.h"
#include "platform/tls/secret.h"

#define PEM_HEADER "-----BEGIN CERTIFICATE-----"
#define PEM_FOOTER "-----END CERTIFICATE-----"

int certificate_parse(struct slice der, mbedtls_x509_crt *crt)
{
    int status = mbed_start();
    if (status != 0) {
        return status;
    }
    int rc = mbedtls_x509_crt_parse_der(crt, (const unsigned char *)der.data, der.len);
    if (rc != 0) {
        return mbed_status(rc, STATUS_INVALID);
    }
    while (crt->next) {
        crt = crt->next;
    }
    return crt->raw.len == der.len ? 0 : STATUS_INVALID; /* the library passes over bytes behind it */
}

static bool signs(const mbedtls_x509_crt *crt)
{
    return !(crt->ext_types & MBEDTLS_X509_EXT_KEY_USAGE) || (crt->key_usage & MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
}

static enum certificate_role role_of(const mbedtls_x509_crt *crt)
{
    if (crt->ca_istrue) {
        return CERTIFICATE_CA;
    }
    if (!(crt->ext_types & MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE) || !signs(crt)) {
        return CERTIFICATE_OTHER;
    }
    bool server = false;
    bool client = false;
    bool other = false;
    for (const mbedtls_x509_sequence *use = &crt->ext_key_usage; use; use = use->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_SERVER_AUTH, &use->buf) == 0) {
            server = true;
        } else if (MBEDTLS_OID_CMP(MBEDTLS_OID_CLIENT_AUTH, &use->buf) == 0) {
            client = true;
        } else {
            other = true;
        }
    }
    if (server) {
        return CERTIFICATE_COLLECTOR;
    }
    return client && !other ? CERTIFICATE_SITE : CERTIFICATE_OTHER;
}

/* Without the zero that keeps the number positive. */
static int put_serial(const mbedtls_x509_buf *serial, char out[41])
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = serial->p;
    size_t len = serial->len;
    while (len > 1 && *at == 0) {
        at++;
        len--;
    }
    if (len > 20) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[at[i] >> 4];
        out[2 * i + 1] = digits[at[i] & 15];
    }
    return 0;
}

int certificate_facts_of(const mbedtls_x509_crt *crt, struct certificate_facts *out)
{
    memset(out, 0, sizeof *out);
    out->role = role_of(crt);
    out->not_before_s = mbed_time_s(&crt->valid_from);
    out->not_after_s = mbed_time_s(&crt->valid_to);
    int status =
        mbed_common_name(&crt->subject, out->name) == 0 ? put_serial(&crt->serial, out->serial) : STATUS_INVALID;
    if (status == 0) {
        status = secret_hash(slice_make((const char *)crt->pk_raw.p, crt->pk_raw.len), out->key_hash);
    }
    if (status != 0) {
        memset(out, 0, sizeof *out);
    }
    return status;
}

int certificate_read(struct slice der, struct certificate_facts *out)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    memset(out, 0, sizeof *out);
    int status = certificate_parse(der, &crt);
    if (status == 0) {
        status = certificate_facts_of(&crt, out);
    }
    mbedtls_x509_crt_free(&crt);
    return status;
}

int certificate_to_pem(struct slice der, struct buf *out)
{
    if (der.len == 0 || der.len > SIZE_MAX / 4) {
        return STATUS_INVALID;
    }
    size_t size = der.len * 2 + 256; /* base64 takes four thirds and a line feed every 64 */
    CLEANUP(cleanup_free) unsigned char *text = malloc(size);
    if (!text) {
        return STATUS_NO_MEMORY;
    }
    size_t used = 0;
    int rc = mbedtls_pem_write_buffer(PEM_HEADER "\n", PEM_FOOTER "\n", (const unsigned char *)der.data, der.len, text,
                                      size, &used);
    if (rc != 0) {
        return mbed_status(rc, STATUS_INVALID);
    }
    buf_append_str(out, (const char *)text);
    return out->failed ? STATUS_NO_MEMORY : 0;
}

/* The block at or behind *at, which moves behind it. */
static int next_block(const char **at, mbedtls_pem_context *block)
{
    size_t used = 0;
    int rc = mbedtls_pem_read_buffer(block, PEM_HEADER, PEM_FOOTER, (const unsigned char *)*at, NULL, 0, &used);
    if (rc == MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT) {
        return STATUS_NOT_FOUND;
    }
    if (rc != 0) {
        return rc == MBEDTLS_ERR_PEM_ALLOC_FAILED ? STATUS_NO_MEMORY : STATUS_INVALID;
    }
    *at += used;
    return 0;
}

int certificate_from_pem(struct slice pem, size_t index, struct buf *out)
{
    CLEANUP(cleanup_free) char *text = calloc(1, pem.len + 1);
    if (!text) {
        return STATUS_NO_MEMORY;
    }
    if (pem.len > 0) {
        memcpy(text, pem.data, pem.len);
    }
    const char *at = text;
    int status = 0;
    for (size_t i = 0; i <= index && status == 0; i++) {
        mbedtls_pem_context block;
        mbedtls_pem_init(&block);
        status = next_block(&at, &block);
        if (status == 0 && i == index) {
            buf_append(out, block.buf, block.buflen);
        }
        mbedtls_pem_free(&block);
    }
    secret_wipe(text, pem.len); /* a key may stand beside the certificates */
    return status == 0 && out->failed ? STATUS_NO_MEMORY : status;
}
