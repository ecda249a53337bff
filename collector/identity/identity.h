/* identity: the collector's own certificates on disk, join tokens, and enrolment: what EST's paths answer (RFC 9148).
 *
 * DIR holds ca.pem, ca.key, collector.pem (certificate and key in one file, so that one rename changes both); private
 * ones are 0600. */
#ifndef RINGSIDE_COLLECTOR_IDENTITY_IDENTITY_H
#define RINGSIDE_COLLECTOR_IDENTITY_IDENTITY_H

#include <stdint.h>

#include "collector/registry/registry.h"
#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/tls/peer.h"

enum { IDENTITY_TOKEN_MAX = 48 };

struct identity_options {
    const char *dir;
    int64_t site_life_s;      /* of a site's certificate */
    int64_t collector_life_s; /* of the collector's own */
    int64_t grace_s;          /* how long after its end a site's certificate may still be renewed */
};

/* Makes CA and the collector's certificate for these hosts (DNS names, address literals). STATUS_BUSY: there is one. */
int identity_create(const struct identity_options *options, const char *const *hosts, size_t host_count, int64_t now_s);

struct identity; /* not thread safe */
int identity_open(const struct identity_options *options, struct identity **out);
void identity_close(struct identity *identity);

const char *identity_ca_path(const struct identity *identity);
const char *identity_collector_path(const struct identity *identity);
const struct peer_anchor *identity_anchor(struct identity *identity,
                                          int64_t now_s); /* ca.pem, read anew when it changed */

/* Renews the collector's own certificate when two thirds of its life are over. 1: done now. */
int identity_tend(struct identity *identity, int64_t now_s);

/* A one-time token (160 random bits, base32 in groups) and the PSK derived from it and the site id. */
int identity_token_make(char token[IDENTITY_TOKEN_MAX]);
int identity_token_psk(struct slice token, struct slice site,
                       uint8_t psk[REGISTRY_KEY_BYTES]); /* blanks, dashes and case do not matter */

/* The answers. Each returns 0 with the body, or STATUS_DENIED / STATUS_INVALID with one sentence in `why`. */
struct identity_why {
    char text[200];
};
int identity_crts(struct identity *identity, bool pkcs7, struct buf *out);
int identity_enrol(struct identity *identity, struct registry *registry, const struct registry_site *site,
                   struct slice request, bool pkcs7, int64_t now_ms, struct buf *out, struct identity_why *why);
int identity_renew(struct identity *identity, struct registry *registry, const struct registry_site *site,
                   const struct certificate_facts *shown, struct slice request, bool pkcs7, int64_t now_ms,
                   struct buf *out, struct identity_why *why);

#endif
