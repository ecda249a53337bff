/* peer: who is at the other end of a TLS session, judged after the handshake from the session itself. libcoap's own
 * certificate callback does not run for certificates that verify (libcoap#2060), so nothing is left to it. */
#ifndef RINGSIDE_PLATFORM_TLS_PEER_H
#define RINGSIDE_PLATFORM_TLS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/tls/certificate.h"

struct peer_anchor; /* the CA certificates that are trusted */

int peer_anchor_load(struct slice pem, struct peer_anchor **out); /* STATUS_INVALID: no certificate; returns owned */
void peer_anchor_free(struct peer_anchor *anchor);

enum peer_verdict {
    PEER_TRUSTED,        /* chain, role and time are right */
    PEER_NO_CERTIFICATE, /* none was shown: a PSK session, or an anonymous peer */
    PEER_OLD_TLS,        /* older than TLS 1.2 */
    PEER_UNKNOWN_CA,     /* does not lead to the anchor: another CA, self-signed, or a part of the chain is missing */
    PEER_EXPIRED,        /* all right but for this */
    PEER_NOT_YET_VALID,
    PEER_WRONG_ROLE, /* a site's certificate where a collector's is due, or the other way round */
    PEER_WRONG_NAME, /* a collector's certificate for another host */
    PEER_WEAK        /* key or signature are not P-256 with SHA-256 or better */
};

struct peer {
    enum peer_verdict verdict;
    struct certificate_facts facts; /* zero when there is no certificate */
};

const char *peer_verdict_str(enum peer_verdict verdict); /* for log lines: "its certificate expired", ... */

/* `tls_session` is what coap's hub and uplink hand out (an mbedtls_ssl_context). `host` for a client that looks at its
 * server, NULL for a server that looks at a site. 0, or STATUS_NO_MEMORY. Every certificate of the chain costs a
 * signature check, some milliseconds: once a session, not once a request. */
int peer_judge(const struct peer_anchor *anchor, void *tls_session, const char *host, int64_t now_s, struct peer *out);

/* The same for a certificate at hand (DER); one that cannot be read is PEER_NO_CERTIFICATE. */
int peer_judge_certificate(const struct peer_anchor *anchor, struct slice der, const char *host, int64_t now_s,
                           struct peer *out);

#endif
