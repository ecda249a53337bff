/* identity: the collector's own certificates on disk, join tokens, and enrolment: what EST's paths answer (RFC 9148).
 *
 * DIR (0700) holds ca.pem, ca.key, collector.pem (certificate and key in one file, so that one rename changes both),
 * and hosts (the names in it, one a line); private ones are 0600. New files renamed into place are taken up at once. */
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
    int64_t ca_life_s;        /* of a CA that is made */
    int64_t grace_s;          /* how long after its end a site's certificate may still be renewed */
};

/* Makes CA and the collector's certificate for these hosts (DNS names, address literals); all or nothing. The parent of
 * DIR must exist. STATUS_BUSY: there is one, or DIR is not empty; STATUS_INVALID: a host that no certificate can name.
 * Certificates begin a day before now: clocks of boxes are wrong. */
int identity_create(const struct identity_options *options, const char *const *hosts, size_t host_count, int64_t now_s);

struct identity; /* not thread safe */
/* STATUS_NOT_FOUND: none was made. STATUS_INVALID: the key is not the CA's, or there is no CA in the files. */
int identity_open(const struct identity_options *options, struct identity **out);
void identity_close(struct identity *identity);

const char *identity_ca_path(const struct identity *identity);
const char *identity_collector_path(const struct identity *identity);
const struct peer_anchor *identity_anchor(struct identity *identity,
                                          int64_t now_s); /* ca.pem, read anew when it changed */

/* Renews the collector's own certificate (with a new key) when two thirds of its life are over or it cannot be read. 1:
 * done now. */
int identity_tend(struct identity *identity, int64_t now_s);
int identity_reissue(struct identity *identity, const char *const *hosts, size_t host_count, int64_t now_s);

/* What the sites call the collector: the first of the hosts that it was made for. STATUS_NOT_FOUND. */
enum { IDENTITY_HOST_MAX = 253 };
int identity_first_host(const char *dir, char out[IDENTITY_HOST_MAX + 1]);

/* A one-time token (160 random bits, base32 in groups) and the PSK derived from it and the site id. */
int identity_token_make(char token[IDENTITY_TOKEN_MAX]);
int identity_token_psk(struct slice token, struct slice site,
                       uint8_t psk[REGISTRY_KEY_BYTES]); /* blanks, dashes and case do not matter */

/* The answers. Each returns 0 with the body appended, or a failure with one sentence in `why`: STATUS_INVALID (the
 * request), STATUS_DENIED (the site), or what the registry could not do. `request` is PKCS#10 (DER).
 *
 * Enrolling uses the token up: `site` must be as it was when the session's key was looked up, for its token_psk is the
 * one that must still be good. Renewing: `shown` is the certificate of the session, already judged to be trusted or
 * expired only. */
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
