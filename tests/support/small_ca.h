/* small_ca: a collector's CA for tests of the sites' side. Failures fail the test at once. */
#ifndef RINGSIDE_TESTS_SUPPORT_SMALL_CA_H
#define RINGSIDE_TESTS_SUPPORT_SMALL_CA_H

#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/tls/authority.h"

struct small_ca {
    struct authority *authority;
    struct buf der; /* its certificate */
    struct buf pem;
};

void small_ca_make(struct small_ca *ca, int64_t not_before_s, int64_t not_after_s);
void small_ca_free(struct small_ca *ca);

/* The certificate that it issues for a request; appends DER. */
void small_ca_site(struct small_ca *ca, struct slice request, const char *site, int64_t not_before_s,
                   int64_t not_after_s, struct buf *out);

/* A collector's certificate for this host and its key, as one PEM file put in place by a rename; and the CA's. */
void small_ca_collector(struct small_ca *ca, const char *host, int64_t not_before_s, int64_t not_after_s,
                        const char *path);
void small_ca_write(const struct small_ca *ca, const char *path);

#endif
