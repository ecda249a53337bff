/* What EST's sen and sren answer (RFC 9148 4.5). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/identity/identity_internal.h"
#include "platform/base/status.h"

enum { MS_PER_SECOND = 1000, SECONDS_PER_DAY = 86400 };

__attribute__((format(printf, 3, 4))) static int refuse(int status, struct identity_why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return status;
}

static int read_request(const struct registry_site *site, struct slice request, struct identity_why *why)
{
    struct keypair_request_facts facts;
    switch (keypair_request_read(request, &facts)) {
    case 0: break;
    case STATUS_NO_MEMORY: return refuse(STATUS_NO_MEMORY, why, "out of memory");
    case STATUS_UNSUPPORTED:
        return refuse(STATUS_INVALID, why, "the key of the certificate request is not an ECDSA key on P-256");
    case STATUS_RANGE:
        return refuse(STATUS_INVALID, why, "the name in the certificate request is longer than a site id");
    default:
        return refuse(STATUS_INVALID, why,
                      "the body is no certificate request (PKCS#10), or not signed by its own key");
    }
    if (facts.name[0] && strcmp(facts.name, site->id) != 0) {
        return refuse(STATUS_INVALID, why, "the certificate request is for \"%.64s\", and this is site %s", facts.name,
                      site->id);
    }
    return 0;
}

static int issue(struct identity *identity, const struct registry_site *site, struct slice request, int64_t now_s,
                 struct buf *der, struct certificate_facts *facts, struct identity_why *why)
{
    identity_refresh(identity);
    int status = authority_issue_site(identity->authority, request, site->id, now_s - IDENTITY_BACKDATE_S,
                                      now_s + identity->options.site_life_s, der);
    if (status == 0) {
        status = certificate_read(buf_slice(der), facts);
    }
    return status == 0 ? 0 : refuse(status, why, "the certificate could not be made: %s", status_str(status));
}

static int hand_over(const struct buf *body, struct buf *out, struct identity_why *why)
{
    buf_append(out, body->data, body->len);
    return out->failed ? refuse(STATUS_NO_MEMORY, why, "out of memory") : 0;
}

static int answer(const struct buf *der, bool pkcs7, struct buf *out, struct identity_why *why)
{
    int status = 0;
    if (pkcs7) {
        status = certificate_to_pkcs7(buf_slice(der), out);
    } else {
        buf_append(out, der->data, der->len);
        status = out->failed ? STATUS_NO_MEMORY : 0;
    }
    return status == 0 ? 0 : refuse(status, why, "the answer could not be made: %s", status_str(status));
}

/* ---- joining ---- */

static int check_token(const struct registry_site *site, int64_t now_ms, struct identity_why *why)
{
    if (site->state == REGISTRY_REMOVED) {
        return refuse(STATUS_DENIED, why, "site %s is being removed", site->id);
    }
    if (!site->has_token) {
        return refuse(STATUS_DENIED, why, "site %s has no join token, or it was used", site->id);
    }
    return site->token_expires_ms > now_ms
               ? 0
               : refuse(STATUS_DENIED, why, "the join token of site %s has expired", site->id);
}

/* The one place where a token is used up: of two that come with it one gets here first. */
static int register_key(struct registry *registry, const struct registry_site *site,
                        const struct certificate_facts *facts, int64_t now_ms, struct identity_why *why)
{
    int status =
        registry_enrol(registry, site->id, site->token_psk, facts->key_hash, facts->serial, facts->not_after_s, now_ms);
    if (status == STATUS_DENIED || status == STATUS_NOT_FOUND) {
        return refuse(STATUS_DENIED, why, "the join token of site %s was used in the meantime, or is void", site->id);
    }
    return status == 0 ? 0 : refuse(status, why, "the registry of sites failed: %s", status_str(status));
}

int identity_enrol(struct identity *identity, struct registry *registry, const struct registry_site *site,
                   struct slice request, bool pkcs7, int64_t now_ms, struct buf *out, struct identity_why *why)
{
    struct certificate_facts facts = {.role = CERTIFICATE_OTHER};
    struct buf der = BUF_INIT;
    struct buf body = BUF_INIT;
    int status = check_token(site, now_ms, why);
    if (status == 0) {
        status = read_request(site, request, why);
    }
    if (status == 0) {
        status = issue(identity, site, request, now_ms / MS_PER_SECOND, &der, &facts, why);
    }
    if (status == 0) {
        status = answer(&der, pkcs7, &body, why); /* before the token is used up */
    }
    if (status == 0) {
        status = register_key(registry, site, &facts, now_ms, why);
    }
    if (status == 0) {
        status = hand_over(&body, out, why);
    }
    buf_deinit(&body);
    buf_deinit(&der);
    return status;
}

/* ---- renewing ---- */

static bool is_key(bool has, const uint8_t *key, const struct certificate_facts *shown)
{
    return has && memcmp(key, shown->key_hash, REGISTRY_KEY_BYTES) == 0;
}

static int check_shown(const struct registry_site *site, const struct certificate_facts *shown, int64_t grace_s,
                       int64_t now_s, struct identity_why *why)
{
    if (site->state != REGISTRY_JOINED) {
        return refuse(STATUS_DENIED, why, "site %s is %s", site->id, registry_state_str(site->state));
    }
    if (shown->role != CERTIFICATE_SITE || strcmp(shown->name, site->id) != 0) {
        return refuse(STATUS_DENIED, why, "the certificate shown is not one of site %s", site->id);
    }
    if (!is_key(site->has_key, site->key_hash, shown) && !is_key(site->has_next_key, site->next_key_hash, shown)) {
        return refuse(STATUS_DENIED, why, "the certificate shown is not the present one of site %s", site->id);
    }
    if (now_s > shown->not_after_s + grace_s) {
        return refuse(STATUS_DENIED, why,
                      "the certificate of site %s ended %" PRId64 " days ago, renewal is allowed for %" PRId64
                      ": it must join again",
                      site->id, (now_s - shown->not_after_s) / SECONDS_PER_DAY, grace_s / SECONDS_PER_DAY);
    }
    return 0;
}

/* A renewal by the key of the last one shows that it arrived; without this the key in use would be forgotten. */
static int register_next_key(struct registry *registry, const struct registry_site *site,
                             const struct certificate_facts *shown, const struct certificate_facts *facts,
                             int64_t now_ms, struct identity_why *why)
{
    int status = 0;
    if (!is_key(site->has_key, site->key_hash, shown)) {
        status = registry_confirm_key(registry, site->id, shown->key_hash, now_ms);
    }
    if (status == 0) {
        status = registry_renew(registry, site->id, facts->key_hash, facts->serial, facts->not_after_s, now_ms);
    }
    if (status == STATUS_DENIED || status == STATUS_NOT_FOUND) {
        return refuse(STATUS_DENIED, why, "site %s was revoked or joined again in the meantime", site->id);
    }
    return status == 0 ? 0 : refuse(status, why, "the registry of sites failed: %s", status_str(status));
}

// NOLINTNEXTLINE(readability-function-size): each of them comes from another place
int identity_renew(struct identity *identity, struct registry *registry, const struct registry_site *site,
                   const struct certificate_facts *shown, struct slice request, bool pkcs7, int64_t now_ms,
                   struct buf *out, struct identity_why *why)
{
    struct certificate_facts facts = {.role = CERTIFICATE_OTHER};
    struct buf der = BUF_INIT;
    struct buf body = BUF_INIT;
    int64_t now_s = now_ms / MS_PER_SECOND;
    int status = check_shown(site, shown, identity->options.grace_s, now_s, why);
    if (status == 0) {
        status = read_request(site, request, why);
    }
    if (status == 0) {
        status = issue(identity, site, request, now_s, &der, &facts, why);
    }
    if (status == 0) {
        status = answer(&der, pkcs7, &body, why);
    }
    if (status == 0) {
        status = register_next_key(registry, site, shown, &facts, now_ms, why);
    }
    if (status == 0) {
        status = hand_over(&body, out, why);
    }
    buf_deinit(&body);
    buf_deinit(&der);
    return status;
}
