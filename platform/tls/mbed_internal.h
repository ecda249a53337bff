/* mbed: what the files of this room share of mbedTLS, and where its releases 2.28 and 3.6 differ. Internal. */
#ifndef RINGSIDE_PLATFORM_TLS_MBED_INTERNAL_H
#define RINGSIDE_PLATFORM_TLS_MBED_INTERNAL_H

#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#include <mbedtls/x509.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

#if MBEDTLS_VERSION_MAJOR < 3
#define mbed_pk_parse_key(pk, data, len) mbedtls_pk_parse_key(pk, data, len, NULL, 0)
#define mbed_pk_check_pair(public, private) mbedtls_pk_check_pair(public, private)
#else
#define mbed_pk_parse_key(pk, data, len) mbedtls_pk_parse_key(pk, data, len, NULL, 0, mbed_random, NULL)
#define mbed_pk_check_pair(public, private) mbedtls_pk_check_pair(public, private, mbed_random, NULL)
#endif

enum { MBED_NAME_MAX = 64, MBED_KEY_HASH_BYTES = 32, MBED_SERIAL_BYTES = 16 };

/* Once before the library is used; cheap when it was done. */
int mbed_start(void);

/* The library's random source: the kernel's, so that no state is shared after a fork. `context` is not used. */
int mbed_random(void *context, unsigned char *out, size_t len);

/* A status for what the library answered: 0, STATUS_NO_MEMORY, or `otherwise`. */
int mbed_status(int rc, int otherwise);

/* Whether it is a key on P-256, named and not compressed; and the SHA-256 of its SubjectPublicKeyInfo. */
bool mbed_is_p256(const mbedtls_pk_context *pk);
int mbed_key_hash(const mbedtls_pk_context *pk, uint8_t out[MBED_KEY_HASH_BYTES]);

/* The CN, "" when there is none. STATUS_RANGE: longer than MBED_NAME_MAX. STATUS_INVALID: several, no UTF-8, or with
 * control characters. */
int mbed_common_name(const mbedtls_x509_name *names, char out[MBED_NAME_MAX + 1]);

/* Sets the subject or issuer that is to be written, without the escapes that the library's own text form has. */
int mbed_put_name(mbedtls_asn1_named_data **names, struct slice oid, int tag, struct slice value);
int mbed_put_common_name(mbedtls_asn1_named_data **names, const char *name); /* STATUS_RANGE: empty or too long */

int mbed_set_serial(mbedtls_x509write_cert *crt, uint8_t serial[MBED_SERIAL_BYTES]);

int64_t mbed_time_s(const mbedtls_x509_time *when);

#endif
