/* authority: the collector's own small CA (ECDSA P-256, X.509 v3, RFC 5280). Not thread safe. */
#ifndef RINGSIDE_PLATFORM_TLS_AUTHORITY_H
#define RINGSIDE_PLATFORM_TLS_AUTHORITY_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/tls/keypair.h"

struct authority;

/* A self-signed CA certificate (pathlen 0, keyCertSign) for the key; appends DER. */
int authority_create(struct keypair *keypair, const char *name, int64_t not_before_s, int64_t not_after_s,
                     struct buf *out);

/* STATUS_INVALID: no CA certificate, or the key is not its key. Returns owned. */
int authority_open(struct slice certificate_pem, struct slice key_pem, struct authority **out);
void authority_free(struct authority *authority);

/* A random serial of 128 bits; critical key usage; subject key and authority key identifiers. Both append DER and cut
 * not_after_s to the CA's own. A site's: the request's key (the request must verify), CN=site whatever the request
 * says, clientAuth; what keypair_request_read() says of a bad one. A collector's: serverAuth, the host names and
 * address literals as subjectAltName (STATUS_INVALID: none, or one that is neither). STATUS_RANGE: a name or a time
 * that cannot be written, or not_before_s is not before the end. */
int authority_issue_site(struct authority *authority, struct slice request, const char *site, int64_t not_before_s,
                         int64_t not_after_s, struct buf *out);
int authority_issue_collector(struct authority *authority, const struct keypair *keypair, const char *const *hosts,
                              size_t host_count, int64_t not_before_s, int64_t not_after_s, struct buf *out);

#endif
