/* credentials: what a site holds to be known at the centre: DIR/identity.pem (certificate and private key in one file,
 * 0600, so that one rename changes both), DIR/ca.pem, DIR/collector.url (where it joined). Made by joining, renewed by
 * themselves. The private key never leaves the box. */
#ifndef RINGSIDE_AGENT_CREDENTIALS_CREDENTIALS_H
#define RINGSIDE_AGENT_CREDENTIALS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/tls/peer.h"

enum { CREDENTIALS_URL_MAX = 300, CREDENTIALS_HOST_MAX = 256 };

struct credentials_why {
    char text[240];
};

/* coaps+tcp://HOST[:PORT]; HOST a name, an IPv4 or a bracketed IPv6 literal. STATUS_INVALID with why. */
struct credentials_url {
    char host[CREDENTIALS_HOST_MAX];
    uint16_t port;
};
int credentials_url_parse(const char *text, struct credentials_url *out, struct credentials_why *why);

struct credentials; /* what is on disk now; not thread safe */

/* STATUS_NOT_FOUND: this box has not joined. STATUS_INVALID, STATUS_DENIED, STATUS_IO with why. Returns owned. */
int credentials_open(const char *dir, struct credentials **out, struct credentials_why *why);
void credentials_close(struct credentials *credentials);
bool credentials_changed(const struct credentials *credentials); /* the files are others now: close and open again */

const char *credentials_identity_path(const struct credentials *credentials);
const char *credentials_ca_path(const struct credentials *credentials);
const char *credentials_url(const struct credentials *credentials); /* "": none stored */
const struct certificate_facts *credentials_facts(const struct credentials *credentials);
const struct peer_anchor *credentials_anchor(const struct credentials *credentials);

/* When to renew: at two thirds of the certificate's life, `jitter` (0..1) of a twentieth of its life later. */
int64_t credentials_renew_at_s(const struct credentials *credentials, double jitter);
bool credentials_expired(const struct credentials *credentials, int64_t now_s);

/* Renewal: a new key and its request; then the certificate that came back for it (DER), checked (our key, our site, the
 * CA) and put in place by one rename. */
struct credentials_renewal;
int credentials_renewal_begin(const struct credentials *credentials, struct credentials_renewal **out,
                              struct buf *request);
int credentials_renewal_finish(struct credentials_renewal *renewal, struct slice certificate, int64_t now_s,
                               struct credentials_why *why);
void credentials_renewal_free(struct credentials_renewal *renewal);

/* Joining: the same with the CA's certificate, received over the PSK connection, and the URL. Creates DIR (0700). */
int credentials_join_begin(const char *dir, const char *site, struct credentials_renewal **out, struct buf *request);
int credentials_join_finish(struct credentials_renewal *renewal, struct slice ca, struct slice certificate,
                            const char *url, int64_t now_s, struct credentials_why *why);

/* The PSK of a join token, as the collector derives it: HKDF-SHA-256 of the token's 20 bytes, info "ringside join "
 * and the site id. Blanks, dashes and case of the base32 text do not matter. STATUS_INVALID: no token. */
int credentials_token_psk(struct slice token, const char *site, uint8_t psk[32]);

#endif
