/* What the authority and the judge of peers need of a parsed certificate. Internal to this room. */
#ifndef RINGSIDE_PLATFORM_TLS_CERTIFICATE_INTERNAL_H
#define RINGSIDE_PLATFORM_TLS_CERTIFICATE_INTERNAL_H

#include "platform/tls/certificate.h"
#include "platform/tls/mbed_internal.h"

/* Exactly one certificate, appended to the chain `crt`, which the caller initialised and frees. */
int certificate_parse(struct slice der, mbedtls_x509_crt *crt);

int certificate_facts_of(const mbedtls_x509_crt *crt, struct certificate_facts *out);
bool certificate_is_for(const mbedtls_x509_crt *crt, const char *host); /* as certificate_names() */

#endif
