#include "platform/tls/peer.h"

#include <mbedtls/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/tls/certificate_internal.h"

struct peer_anchor {
    mbedtls_x509_crt chain;
};

static const mbedtls_x509_crt_profile strict = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    .allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY),
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) | MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1),
};

enum {
    TIME_FLAGS = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE,
    WEAK_FLAGS = MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY
};

/* All certificates must be CAs: with others, an end certificate could be its own anchor. */
static int load_all(struct slice pem, mbedtls_x509_crt *chain)
{
    int status = 0;
    for (size_t i = 0; status == 0; i++) {
        struct buf der = BUF_INIT;
        status = certificate_from_pem(pem, i, &der);
        if (status == STATUS_NOT_FOUND && i > 0) {
            return 0; /* der is empty */
        }
        if (status == 0) {
            status = certificate_parse(buf_slice(&der), chain);
        }
        buf_deinit(&der);
    }
    return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
}

static bool all_authorities(const mbedtls_x509_crt *chain)
{
    while (chain && chain->ca_istrue) {
        chain = chain->next;
    }
    return !chain;
}

int peer_anchor_load(struct slice pem, struct peer_anchor **out)
{
    struct peer_anchor *anchor = calloc(1, sizeof *anchor);
    if (!anchor) {
        return STATUS_NO_MEMORY;
    }
    mbedtls_x509_crt_init(&anchor->chain);
    int status = load_all(pem, &anchor->chain);
    if (status == 0 && !all_authorities(&anchor->chain)) {
        status = STATUS_INVALID;
    }
    if (status != 0) {
        peer_anchor_free(anchor);
        return status;
    }
    *out = anchor;
    return 0;
}

void peer_anchor_free(struct peer_anchor *anchor)
{
    if (anchor) {
        mbedtls_x509_crt_free(&anchor->chain);
        free(anchor);
    }
}

const char *peer_verdict_str(enum peer_verdict verdict)
{
    switch (verdict) {
    case PEER_TRUSTED: return "it is trusted";
    case PEER_NO_CERTIFICATE: return "it showed no certificate";
    case PEER_OLD_TLS: return "it speaks a TLS older than 1.2";
    case PEER_UNKNOWN_CA: return "its certificate does not lead to a trusted CA";
    case PEER_EXPIRED: return "its certificate expired";
    case PEER_NOT_YET_VALID: return "its certificate is not valid yet";
    case PEER_WRONG_ROLE: return "its certificate is for another role";
    case PEER_WRONG_NAME: return "its certificate is for another host";
    case PEER_WEAK: return "its key or signature is too weak";
    }
    return "unknown";
}

struct verification {
    int64_t now_s;
    bool early;
    bool late;
};

/* Called for every certificate of the chain, the CA too. The library's own judgement of time goes by the machine's
 * clock and is taken back. */
static int judge_time(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    (void)depth;
    struct verification *verification = context;
    verification->early |= verification->now_s < mbed_time_s(&crt->valid_from);
    verification->late |= verification->now_s > mbed_time_s(&crt->valid_to);
    *flags &= ~(uint32_t)TIME_FLAGS;
    return 0;
}

static enum peer_verdict judge_use(const mbedtls_x509_crt *crt, enum certificate_role role, const char *host)
{
    if (role != (host ? CERTIFICATE_COLLECTOR : CERTIFICATE_SITE)) {
        return PEER_WRONG_ROLE;
    }
    return !host || certificate_is_for(crt, host) ? PEER_TRUSTED : PEER_WRONG_NAME;
}

static int judge_chain(const struct peer_anchor *anchor, const mbedtls_x509_crt *crt, const char *host,
                       struct verification *verification, struct peer *out)
{
    uint32_t flags = 0;
    int rc = mbedtls_x509_crt_verify_with_profile((mbedtls_x509_crt *)crt, (mbedtls_x509_crt *)&anchor->chain, NULL,
                                                  &strict, NULL, &flags, judge_time, verification);
    if (rc != 0 && rc != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        out->verdict = PEER_UNKNOWN_CA; /* a chain too long to follow */
        return mbed_status(rc, 0);
    }
    if (flags & WEAK_FLAGS) {
        out->verdict = PEER_WEAK;
    } else if (flags != 0) {
        out->verdict = PEER_UNKNOWN_CA;
    } else {
        out->verdict = judge_use(crt, out->facts.role, host);
    }
    if (out->verdict == PEER_TRUSTED && verification->early) {
        out->verdict = PEER_NOT_YET_VALID;
    }
    if (out->verdict == PEER_TRUSTED && verification->late) {
        out->verdict = PEER_EXPIRED;
    }
    return 0;
}

/* A certificate whose facts cannot be read (a name of a thousand bytes) has no role, and is judged like that. */
static int judge(const struct peer_anchor *anchor, const mbedtls_x509_crt *crt, bool old, const char *host,
                 int64_t now_s, struct peer *out)
{
    (void)certificate_facts_of(crt, &out->facts);
    if (old) {
        out->verdict = PEER_OLD_TLS;
        return 0;
    }
    struct verification verification = {.now_s = now_s};
    return judge_chain(anchor, crt, host, &verification, out);
}

static bool is_old(const mbedtls_ssl_context *session)
{
    const char *version = mbedtls_ssl_get_version(session);
    return strcmp(version, "TLSv1.2") != 0 && strcmp(version, "TLSv1.3") != 0;
}

int peer_judge(const struct peer_anchor *anchor, void *tls_session, const char *host, int64_t now_s, struct peer *out)
{
    const mbedtls_ssl_context *session = tls_session;
    const mbedtls_x509_crt *crt = session ? mbedtls_ssl_get_peer_cert(session) : NULL;
    *out = (struct peer){.verdict = PEER_NO_CERTIFICATE};
    return crt ? judge(anchor, crt, is_old(session), host, now_s, out) : 0;
}

int peer_judge_certificate(const struct peer_anchor *anchor, struct slice der, const char *host, int64_t now_s,
                           struct peer *out)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    *out = (struct peer){.verdict = PEER_NO_CERTIFICATE};
    int status = certificate_parse(der, &crt);
    if (status == 0) {
        status = judge(anchor, &crt, false, host, now_s, out);
    }
    mbedtls_x509_crt_free(&crt);
    return status == STATUS_INVALID ? 0 : status;
}
