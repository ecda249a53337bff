#include "platform/tls/mbed_internal.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <string.h>
#include <time.h>
#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_PSA_CRYPTO_C)
#include <psa/crypto.h>
#endif

#include "platform/base/status.h"
#include "platform/base/utf8.h"
#include "platform/tls/secret.h"

int mbed_start(void)
{
#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_PSA_CRYPTO_C)
    return psa_crypto_init() == PSA_SUCCESS ? 0 : STATUS_UNSUPPORTED;
#else
    return 0;
#endif
}

int mbed_random(void *context, unsigned char *out, size_t len)
{
    (void)context;
    return secret_random(out, len) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

/* An error is the sum of a high part, of the module that gives up, and a low part, of what it stands on. */
int mbed_status(int rc, int otherwise)
{
    static const int out_of_memory[] = {MBEDTLS_ERR_X509_ALLOC_FAILED, MBEDTLS_ERR_PK_ALLOC_FAILED,
                                        MBEDTLS_ERR_ECP_ALLOC_FAILED,  MBEDTLS_ERR_MD_ALLOC_FAILED,
                                        MBEDTLS_ERR_ASN1_ALLOC_FAILED, MBEDTLS_ERR_MPI_ALLOC_FAILED};
    if (rc >= 0) {
        return 0;
    }
    int low = -(-rc & 0x7f);
    int high = rc - low;
    for (size_t i = 0; i < sizeof out_of_memory / sizeof out_of_memory[0]; i++) {
        if (out_of_memory[i] == low || out_of_memory[i] == high) {
            return STATUS_NO_MEMORY;
        }
    }
    return otherwise;
}

enum { P256_PREFIX_BYTES = 27, P256_BYTES = P256_PREFIX_BYTES + 64 };

/* Told by the encoding, which has one spelling: SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 4, x,
 * y } }. The structures inside a key differ between the releases, and with the way they were built. */
static bool write_p256(const mbedtls_pk_context *pk, uint8_t out[P256_BYTES])
{
    static const uint8_t prefix[P256_PREFIX_BYTES] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    return mbedtls_pk_can_do(pk, MBEDTLS_PK_ECDSA) &&
           mbedtls_pk_write_pubkey_der((mbedtls_pk_context *)pk, out, P256_BYTES) == P256_BYTES &&
           memcmp(out, prefix, sizeof prefix) == 0;
}

bool mbed_is_p256(const mbedtls_pk_context *pk)
{
    uint8_t key[P256_BYTES];
    return write_p256(pk, key);
}

int mbed_key_hash(const mbedtls_pk_context *pk, uint8_t out[MBED_KEY_HASH_BYTES])
{
    uint8_t key[P256_BYTES];
    if (!write_p256(pk, key)) {
        return STATUS_UNSUPPORTED;
    }
    return secret_hash(slice_make((const char *)key, sizeof key), out);
}

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return utf8_valid(text);
}

int mbed_common_name(const mbedtls_x509_name *names, char out[MBED_NAME_MAX + 1])
{
    const mbedtls_x509_buf *found = NULL;
    memset(out, 0, MBED_NAME_MAX + 1);
    for (; names; names = names->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &names->oid) != 0) {
            continue;
        }
        if (found) {
            return STATUS_INVALID;
        }
        found = &names->val;
    }
    if (!found || found->len == 0) {
        return 0;
    }
    if (found->len > MBED_NAME_MAX) {
        return STATUS_RANGE;
    }
    if (!is_plain(slice_make((const char *)found->p, found->len))) {
        return STATUS_INVALID;
    }
    memcpy(out, found->p, found->len);
    return 0;
}

int mbed_put_name(mbedtls_asn1_named_data **names, struct slice oid, int tag, struct slice value)
{
    mbedtls_asn1_named_data *name =
        mbedtls_asn1_store_named_data(names, oid.data, oid.len, (const unsigned char *)value.data, value.len);
    if (!name) {
        return STATUS_NO_MEMORY;
    }
    name->val.tag = tag;
    return 0;
}

int mbed_put_common_name(mbedtls_asn1_named_data **names, const char *name)
{
    struct slice value = slice_str(name);
    if (value.len == 0 || value.len > MBED_NAME_MAX) {
        return STATUS_RANGE;
    }
    if (!is_plain(value)) {
        return STATUS_INVALID;
    }
    return mbed_put_name(names, slice_str(MBEDTLS_OID_AT_CN), MBEDTLS_ASN1_UTF8_STRING, value);
}

#if MBEDTLS_VERSION_NUMBER >= 0x03040000
int mbed_set_serial(mbedtls_x509write_cert *crt, uint8_t serial[MBED_SERIAL_BYTES])
{
    return mbed_status(mbedtls_x509write_crt_set_serial_raw(crt, serial, MBED_SERIAL_BYTES), STATUS_INVALID);
}
#else
int mbed_set_serial(mbedtls_x509write_cert *crt, uint8_t serial[MBED_SERIAL_BYTES])
{
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    int rc = mbedtls_mpi_read_binary(&number, serial, MBED_SERIAL_BYTES);
    if (rc == 0) {
        rc = mbedtls_x509write_crt_set_serial(crt, &number);
    }
    mbedtls_mpi_free(&number);
    return mbed_status(rc, STATUS_INVALID);
}
#endif

int64_t mbed_time_s(const mbedtls_x509_time *when)
{
    struct tm parts = {.tm_year = when->year - 1900,
                       .tm_mon = when->mon - 1,
                       .tm_mday = when->day,
                       .tm_hour = when->hour,
                       .tm_min = when->min,
                       .tm_sec = when->sec};
    return (int64_t)timegm(&parts);
}
