#include "platform/tls/keypair.h"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/tls/keypair_internal.h"
#include "platform/tls/secret.h"

enum { KEY_PEM_MAX = 1024, REQUEST_MAX = 1024 };

static int new_keypair(struct keypair **out)
{
    int status = mbed_start();
    if (status != 0) {
        return status;
    }
    struct keypair *keypair = calloc(1, sizeof *keypair);
    if (!keypair) {
        return STATUS_NO_MEMORY;
    }
    mbedtls_pk_init(&keypair->pk);
    *out = keypair;
    return 0;
}

void keypair_free(struct keypair *keypair)
{
    if (keypair) {
        mbedtls_pk_free(&keypair->pk); /* wipes */
        free(keypair);
    }
}

int keypair_generate(struct keypair **out)
{
    struct keypair *keypair = NULL;
    int status = new_keypair(&keypair);
    if (status != 0) {
        return status;
    }
    int rc = mbedtls_pk_setup(&keypair->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (rc == 0) {
        rc = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(keypair->pk), mbed_random, NULL);
    }
    if (rc != 0) {
        keypair_free(keypair);
        return mbed_status(rc, STATUS_UNSUPPORTED);
    }
    *out = keypair;
    return 0;
}

/* The library takes PEM as a C string; other text it would try as DER, which is not what a caller means. */
static int parse_pem(mbedtls_pk_context *pk, struct slice pem)
{
    if (pem.len == 0 || !memmem(pem.data, pem.len, "-----BEGIN ", 11)) {
        return STATUS_INVALID;
    }
    char *text = malloc(pem.len + 1);
    if (!text) {
        return STATUS_NO_MEMORY;
    }
    memcpy(text, pem.data, pem.len);
    text[pem.len] = 0;
    int rc = mbed_pk_parse_key(pk, (const unsigned char *)text, pem.len + 1);
    secret_wipe(text, pem.len);
    free(text);
    if (rc != 0) {
        return mbed_status(rc, STATUS_INVALID);
    }
    return mbed_is_p256(pk) && mbed_pk_check_pair(pk, pk) == 0 ? 0 : STATUS_INVALID;
}

int keypair_from_pem(struct slice pem, struct keypair **out)
{
    struct keypair *keypair = NULL;
    int status = new_keypair(&keypair);
    if (status != 0) {
        return status;
    }
    status = parse_pem(&keypair->pk, pem);
    if (status != 0) {
        keypair_free(keypair);
        return status;
    }
    *out = keypair;
    return 0;
}

int keypair_to_pem(const struct keypair *keypair, struct buf *out)
{
    unsigned char text[KEY_PEM_MAX];
    int rc = mbedtls_pk_write_key_pem((mbedtls_pk_context *)&keypair->pk, text, sizeof text);
    if (rc == 0) {
        buf_append_str(out, (const char *)text);
    }
    secret_wipe(text, sizeof text);
    if (rc != 0) {
        return mbed_status(rc, STATUS_UNSUPPORTED);
    }
    return out->failed ? STATUS_NO_MEMORY : 0;
}

int keypair_hash(const struct keypair *keypair, uint8_t out[KEYPAIR_HASH_BYTES])
{
    return mbed_key_hash(&keypair->pk, out);
}

static int write_request(mbedtls_x509write_csr *writer, struct buf *out)
{
    unsigned char room[REQUEST_MAX];
    int len = mbedtls_x509write_csr_der(writer, room, sizeof room, mbed_random, NULL);
    if (len < 0) {
        return mbed_status(len, STATUS_UNSUPPORTED);
    }
    buf_append(out, room + sizeof room - len, (size_t)len);
    return out->failed ? STATUS_NO_MEMORY : 0;
}

int keypair_request(struct keypair *keypair, const char *name, struct buf *out)
{
    mbedtls_x509write_csr writer;
    mbedtls_x509write_csr_init(&writer);
    mbedtls_x509write_csr_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&writer, &keypair->pk);
    int status = mbed_put_common_name(&writer.subject, name);
    if (status == 0) {
        status = write_request(&writer, out);
    }
    mbedtls_x509write_csr_free(&writer);
    return status;
}

static bool is_strong(mbedtls_md_type_t digest)
{
    return digest == MBEDTLS_MD_SHA256 || digest == MBEDTLS_MD_SHA384 || digest == MBEDTLS_MD_SHA512;
}

static int verify_request(mbedtls_x509_csr *csr)
{
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(csr->sig_md);
    if (csr->sig_pk != MBEDTLS_PK_ECDSA || !is_strong(csr->sig_md) || !info ||
        mbedtls_md(info, csr->cri.p, csr->cri.len, hash) != 0) {
        return STATUS_INVALID;
    }
    int rc = mbedtls_pk_verify(&csr->pk, csr->sig_md, hash, mbedtls_md_get_size(info), csr->sig.p, csr->sig.len);
    return mbed_status(rc, STATUS_INVALID);
}

int keypair_request_parse(struct slice der, mbedtls_x509_csr *csr)
{
    mbedtls_x509_csr_init(csr);
    int status = mbed_start();
    if (status != 0) {
        return status;
    }
    int rc = mbedtls_x509_csr_parse_der(csr, (const unsigned char *)der.data, der.len);
    if (rc != 0) {
        return mbed_status(rc, STATUS_INVALID);
    }
    return mbed_is_p256(&csr->pk) ? verify_request(csr) : STATUS_UNSUPPORTED;
}

int keypair_request_read(struct slice der, struct keypair_request_facts *out)
{
    mbedtls_x509_csr csr;
    memset(out, 0, sizeof *out);
    int status = keypair_request_parse(der, &csr);
    if (status == 0) {
        status = mbed_common_name(&csr.subject, out->name);
    }
    if (status == 0) {
        status = mbed_key_hash(&csr.pk, out->key_hash);
    }
    mbedtls_x509_csr_free(&csr);
    return status;
}
