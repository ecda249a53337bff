/* certificate: what an X.509 certificate says, and PEM. */
#ifndef RINGSIDE_PLATFORM_TLS_CERTIFICATE_H
#define RINGSIDE_PLATFORM_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* Told by basic constraints and extended key usage: a CA; serverAuth: a collector; clientAuth alone: a site. */
enum certificate_role { CERTIFICATE_OTHER, CERTIFICATE_CA, CERTIFICATE_COLLECTOR, CERTIFICATE_SITE };

struct certificate_facts {
    char name[65]; /* the CN, "" without one; of a site's certificate its site id */
    enum certificate_role role;
    int64_t not_before_s;
    int64_t not_after_s;
    char serial[41];      /* hexadecimal, lower case */
    uint8_t key_hash[32]; /* SHA-256 of the SubjectPublicKeyInfo */
};

int certificate_read(struct slice der, struct certificate_facts *out); /* STATUS_INVALID */
int certificate_to_pem(struct slice der, struct buf *out);             /* appends */

/* The index-th certificate of a PEM text (other blocks, keys, are passed over). STATUS_NOT_FOUND; STATUS_INVALID: a
 * block that is no base64. What is in the block is not looked at. Appends DER. */
int certificate_from_pem(struct slice pem, size_t index, struct buf *out);

/* Whether it is meant for this host: a DNS name (case does not matter, a leading "*." covers one label) or an address
 * literal, by its subjectAltName (RFC 6125); the CN is not looked at. */
bool certificate_names(struct slice der, const char *host);

/* PKCS#7 certs-only (RFC 5652 degenerate SignedData, as EST answers /crts): from one certificate; and the first one of
 * it. Appends. STATUS_INVALID. */
int certificate_to_pkcs7(struct slice der, struct buf *out);
int certificate_from_pkcs7(struct slice pkcs7, struct buf *out);

#endif
