/* What the authority needs of a key and of a request. Internal to this room. */
#ifndef RINGSIDE_PLATFORM_TLS_KEYPAIR_INTERNAL_H
#define RINGSIDE_PLATFORM_TLS_KEYPAIR_INTERNAL_H

#include "platform/tls/keypair.h"
#include "platform/tls/mbed_internal.h"

struct keypair {
    mbedtls_pk_context pk;
};

/* Parses and verifies. STATUS_INVALID, STATUS_UNSUPPORTED as keypair_request_read(). `csr` is initialised by this;
 * mbedtls_x509_csr_free() it, whatever is returned. */
int keypair_request_parse(struct slice der, mbedtls_x509_csr *csr);

#endif
