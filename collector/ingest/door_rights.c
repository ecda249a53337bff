#include <stdarg.h>
#include <stdio.h>

#include "collector/ingest/door_internal.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"

enum { FORBIDDEN = 403, UNAVAILABLE = 503 };
enum { CONFIRM_RETRY_MS = 10 * 1000 };

__attribute__((format(printf, 2, 3))) static unsigned forbid(struct door_why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return FORBIDDEN;
}

int door_refresh(struct door *door, struct door_session *session)
{
    uint64_t version = registry_version(door->options->registry);
    if (version == session->version && version != 0) {
        return 0;
    }
    struct registry_site site = {0};
    int status = registry_find(door->options->registry, slice_str(session->site_id), &site);
    if (status != 0 && status != STATUS_NOT_FOUND) {
        return status;
    }
    session->site = site;
    session->version = version;
    return 0;
}

static unsigned joining_rights(const struct door_session *session, enum door_resource resource, struct door_why *why)
{
    if (resource != DOOR_CRTS && resource != DOOR_ENROLL) {
        return forbid(why, "a join token opens enrolment only");
    }
    const struct registry_site *site = &session->site;
    if (site->number == 0 || site->state == REGISTRY_REVOKED || site->state == REGISTRY_REMOVED) {
        return forbid(why, "site \"%s\" is not expected here", session->site_id);
    }
    if (!site->has_token || !secret_equal(site->token_psk, session->token_psk, sizeof session->token_psk)) {
        return forbid(why, "the token of site \"%s\" was used or replaced", session->site_id);
    }
    return 0;
}

static unsigned state_rights(const struct door_session *session, struct door_why *why)
{
    switch (session->site.state) {
    case REGISTRY_JOINED: return 0;
    case REGISTRY_INVITED: return forbid(why, "site \"%s\" has a token but has not joined with it", session->site_id);
    case REGISTRY_REVOKED: return forbid(why, "site \"%s\" is revoked", session->site_id);
    case REGISTRY_REMOVED: return forbid(why, "site \"%s\" was removed", session->site_id);
    }
    return forbid(why, "site \"%s\" is in a state that is not known here", session->site_id);
}

/* A durable change; one that fails is not tried again for each request. */
static void confirm(struct door *door, struct door_session *session, int64_t now_ms)
{
    int64_t at_ms = clock_monotonic_ms();
    if (session->confirmed_at_ms == 0 || at_ms - session->confirmed_at_ms >= CONFIRM_RETRY_MS) {
        struct registry_site *site = &session->site;
        session->confirmed_at_ms = at_ms;
        (void)registry_confirm_key(door->options->registry, site->id, site->next_key_hash, now_ms);
        (void)door_refresh(door, session);
    }
}

/* The key that counts, or the one issued by renewal, which counts alone from its first use on. */
static unsigned key_rights(struct door *door, struct door_session *session, int64_t now_ms, struct door_why *why)
{
    struct registry_site *site = &session->site;
    const uint8_t *shown = session->peer.facts.key_hash;
    if (site->has_next_key && secret_equal(shown, site->next_key_hash, REGISTRY_KEY_BYTES)) {
        confirm(door, session, now_ms);
        return 0;
    }
    if (site->has_key && secret_equal(shown, site->key_hash, REGISTRY_KEY_BYTES)) {
        return 0;
    }
    return forbid(why, "its certificate %s is not the one that counts for site \"%s\": replaced or joined anew",
                  session->peer.facts.serial, session->site_id);
}

static unsigned time_rights(const struct door *door, const struct door_session *session, enum door_resource resource,
                            int64_t now_ms, struct door_why *why)
{
    int64_t over_s = now_ms / 1000 - session->peer.facts.not_after_s;
    if (over_s <= 0) {
        return 0;
    }
    if (over_s > door->options->grace_s) {
        return forbid(why, "the certificate of site \"%s\" expired too long ago to be renewed: join again",
                      session->site_id);
    }
    if (resource != DOOR_REENROLL && resource != DOOR_CRTS) {
        return forbid(why, "the certificate of site \"%s\" expired: nothing but its renewal is open", session->site_id);
    }
    return 0;
}

static unsigned site_rights(struct door *door, struct door_session *session, enum door_resource resource,
                            int64_t now_ms, struct door_why *why)
{
    if (session->peer.verdict != PEER_TRUSTED && session->peer.verdict != PEER_EXPIRED) {
        return forbid(why, "%s", peer_verdict_str(session->peer.verdict));
    }
    if (resource == DOOR_ENROLL) {
        return forbid(why, "enrolment wants a join token; a certificate is renewed instead");
    }
    if (session->site.number == 0) {
        return forbid(why, "there is no site \"%s\" here", session->site_id);
    }
    unsigned code = state_rights(session, why);
    if (code == 0) {
        code = key_rights(door, session, now_ms, why);
    }
    return code != 0 ? code : time_rights(door, session, resource, now_ms, why);
}

unsigned door_rights(struct door *door, struct door_session *session, enum door_resource resource, int64_t now_ms,
                     struct door_why *why)
{
    if (door_refresh(door, session) != 0) {
        (void)forbid(why, "the registry cannot be read just now");
        return UNAVAILABLE;
    }
    return session->kind == DOOR_JOINING ? joining_rights(session, resource, why)
                                         : site_rights(door, session, resource, now_ms, why);
}
