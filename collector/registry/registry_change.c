#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/registry/registry_internal.h"
#include "collector/registry/site_record.h"
#include "platform/base/status.h"

int registry_put_meta(struct registry *registry, struct kv_txn *txn, const char *name, uint64_t number)
{
    struct record_key key = record_key_text(name);
    struct buf value = BUF_INIT;
    record_begin(&value);
    wire_put_u64(&value, number);
    int status = record_put(txn, registry->meta, &key, &value);
    buf_deinit(&value);
    return status;
}

/* A damaged version goes on far above whatever it was: it only has to be another one, and to grow. */
static int grow_version(struct registry *registry, struct kv_txn *txn)
{
    uint64_t version = 0;
    int status = registry_read_meta(registry, txn, "version", &version);
    if (status == STATUS_CORRUPT) {
        version = (uint64_t)time(NULL) << 24;
    } else if (status != 0 && status != STATUS_NOT_FOUND) {
        return status;
    }
    return registry_put_meta(registry, txn, "version", version + 1);
}

/* The next number of a counter, used up. */
static int take_number(struct registry *registry, struct kv_txn *txn, const char *counter, uint32_t *out)
{
    uint64_t next = 1;
    int status = registry_read_meta(registry, txn, counter, &next);
    if (status == STATUS_NOT_FOUND) {
        status = 0;
    }
    if (status == 0 && next >= UINT32_C(0x7fffffff)) {
        status = STATUS_FULL;
    }
    if (status == 0) {
        status = registry_put_meta(registry, txn, counter, next + 1);
    }
    if (status == 0) {
        *out = (uint32_t)next;
    }
    return status;
}

int registry_put_site(struct registry *registry, struct kv_txn *txn, const struct registry_site *site)
{
    struct record_key key = record_key_u32(site->number);
    struct buf value = BUF_INIT;
    record_begin(&value);
    site_record_write(&value, site);
    int status = record_put(txn, registry->sites, &key, &value);
    if (value.data) {
        explicit_bzero(value.data, value.cap); /* a token's psk may be in it */
    }
    buf_deinit(&value);
    return status;
}

int registry_put_id(struct registry *registry, struct kv_txn *txn, const struct registry_site *site)
{
    struct buf value = BUF_INIT;
    wire_put_u32(&value, site->number);
    int status = value.failed ? STATUS_NO_MEMORY : kv_put(txn, registry->ids, slice_str(site->id), buf_slice(&value));
    buf_deinit(&value);
    return status;
}

/* Pages that a killed reader pinned are given back first: the daemon may be open for years. */
int registry_change_begin(struct registry *registry, struct kv_txn **out)
{
    (void)kv_reader_check(registry->kv);
    return kv_begin(registry->kv, true, out);
}

int registry_change_end(struct registry *registry, struct kv_txn *txn, int status)
{
    if (status == 0) {
        status = grow_version(registry, txn);
    }
    if (status != 0) {
        kv_abort(txn);
        return status;
    }
    return kv_commit(txn);
}

/* A site is read, changed by fn and written back, all in one transaction. fn: 0, UNCHANGED, or why not. */
enum { UNCHANGED = 1 };
typedef int (*change_fn)(const void *wish, struct registry_site *site);

static int change(struct registry *registry, const char *id, change_fn fn, const void *wish)
{
    struct kv_txn *txn = NULL;
    struct registry_site site;
    int status = registry_change_begin(registry, &txn);
    if (status != 0) {
        return status;
    }
    status = registry_read_id(registry, txn, slice_str(id), &site);
    if (status == 0) {
        status = fn(wish, &site);
    }
    if (status == UNCHANGED) {
        kv_abort(txn);
        return 0;
    }
    if (status == 0) {
        status = registry_put_site(registry, txn, &site);
    }
    return registry_change_end(registry, txn, status);
}

/* ---- inviting ---- */

static int group_number(struct registry *registry, struct kv_txn *txn, const char *name, uint32_t *out)
{
    struct buf value = BUF_INIT;
    int status = registry_read_group(registry, txn, slice_str(name), out);
    if (status != 0 || *out != 0) {
        return status;
    }
    status = take_number(registry, txn, "next-group", out);
    if (status == 0) {
        struct record_key key = record_key_u32(*out);
        record_begin(&value);
        wire_put_bytes(&value, slice_str(name));
        status = record_put(txn, registry->groups, &key, &value);
    }
    buf_deinit(&value);
    return status;
}

static int apply_group(struct registry *registry, struct kv_txn *txn, const char *group, struct registry_site *site)
{
    if (!group) {
        return 0;
    }
    (void)snprintf(site->group, sizeof site->group, "%s", group);
    site->group_number = 0;
    return group[0] ? group_number(registry, txn, group, &site->group_number) : 0;
}

static int apply_invitation(struct registry *registry, struct kv_txn *txn, const struct registry_invitation *invitation,
                            struct registry_site *site)
{
    site->changed_ms = invitation->now_ms;
    if (invitation->zone) {
        (void)snprintf(site->zone, sizeof site->zone, "%s", invitation->zone);
    }
    if (invitation->token_psk) {
        site->has_token = true;
        site->token_expires_ms = invitation->token_expires_ms;
        memcpy(site->token_psk, invitation->token_psk, sizeof site->token_psk);
    }
    int status = apply_group(registry, txn, invitation->group, site);
    return status == 0 ? registry_put_site(registry, txn, site) : status;
}

static int invite_new(struct registry *registry, struct kv_txn *txn, const struct registry_invitation *invitation,
                      struct registry_site *site)
{
    if (!invitation->token_psk) {
        return STATUS_NOT_FOUND;
    }
    *site = (struct registry_site){.state = REGISTRY_INVITED, .created_ms = invitation->now_ms};
    (void)snprintf(site->id, sizeof site->id, "%s", invitation->id);
    int status = take_number(registry, txn, "next-site", &site->number);
    if (status == 0) {
        status = registry_put_id(registry, txn, site);
    }
    return status == 0 ? apply_invitation(registry, txn, invitation, site) : status;
}

/* A token lets a revoked site in again, but the certificate that was revoked never counts any more. */
static void forgive(struct registry_site *site)
{
    site->state = REGISTRY_INVITED;
    site->has_key = false;
    site->has_next_key = false;
}

static int invite_known(struct registry *registry, struct kv_txn *txn, const struct registry_invitation *invitation,
                        bool again, struct registry_site *site)
{
    if (site->state == REGISTRY_REMOVED) {
        return STATUS_DENIED;
    }
    if (again && site->state == REGISTRY_REVOKED && invitation->token_psk) {
        forgive(site);
    }
    return again ? apply_invitation(registry, txn, invitation, site) : STATUS_BUSY;
}

static bool invitation_valid(const struct registry_invitation *invitation)
{
    return registry_name_valid(slice_str(invitation->id)) &&
           (!invitation->group || !invitation->group[0] || registry_name_valid(slice_str(invitation->group))) &&
           (!invitation->zone || strlen(invitation->zone) <= REGISTRY_NAME_MAX);
}

int registry_invite(struct registry *registry, const struct registry_invitation *invitation, bool again,
                    struct registry_site *out)
{
    struct kv_txn *txn = NULL;
    struct registry_site site;
    if (!invitation_valid(invitation)) {
        return STATUS_INVALID;
    }
    int status = registry_change_begin(registry, &txn);
    if (status != 0) {
        return status;
    }
    status = registry_read_id(registry, txn, slice_str(invitation->id), &site);
    if (status == STATUS_NOT_FOUND) {
        status = invite_new(registry, txn, invitation, &site);
    } else if (status == 0) {
        status = invite_known(registry, txn, invitation, again, &site);
    }
    status = registry_change_end(registry, txn, status);
    if (status == 0) {
        *out = site;
    }
    return status;
}

/* ---- certificates ---- */

struct key_wish {
    const uint8_t *token_psk;
    const uint8_t *key_hash;
    const char *serial;
    int64_t not_after_s;
    int64_t now_ms;
};

/* In constant time: one of them is a secret. */
static bool same_secret(const uint8_t *a, const uint8_t *b)
{
    unsigned difference = 0;
    for (size_t i = 0; i < REGISTRY_KEY_BYTES; i++) {
        difference |= (unsigned)(a[i] ^ b[i]);
    }
    return difference == 0;
}

static void end_token(struct registry_site *site)
{
    site->has_token = false;
    site->token_expires_ms = 0;
    explicit_bzero(site->token_psk, sizeof site->token_psk);
}

static void take_certificate(struct registry_site *site, const struct key_wish *wish)
{
    (void)snprintf(site->serial, sizeof site->serial, "%s", wish->serial);
    site->not_after_s = wish->not_after_s;
    site->changed_ms = wish->now_ms;
}

static int enrol(const void *ctx, struct registry_site *site)
{
    const struct key_wish *wish = ctx;
    if (site->state == REGISTRY_REMOVED || !site->has_token || site->token_expires_ms <= wish->now_ms ||
        !same_secret(site->token_psk, wish->token_psk)) {
        return STATUS_DENIED;
    }
    end_token(site);
    site->state = REGISTRY_JOINED;
    site->joined_ms = wish->now_ms;
    site->fresh = true;
    site->has_key = true;
    memcpy(site->key_hash, wish->key_hash, sizeof site->key_hash);
    site->has_next_key = false;
    take_certificate(site, wish);
    return 0;
}

int registry_enrol(struct registry *registry, const char *id, const uint8_t token_psk[REGISTRY_KEY_BYTES],
                   const uint8_t key_hash[REGISTRY_KEY_BYTES], const char *serial, int64_t not_after_s, int64_t now_ms)
{
    const struct key_wish wish = {
        .token_psk = token_psk, .key_hash = key_hash, .serial = serial, .not_after_s = not_after_s, .now_ms = now_ms};
    return change(registry, id, enrol, &wish);
}

static int renew(const void *ctx, struct registry_site *site)
{
    const struct key_wish *wish = ctx;
    if (site->state != REGISTRY_JOINED || !site->has_key) {
        return STATUS_DENIED;
    }
    site->has_next_key = true;
    memcpy(site->next_key_hash, wish->key_hash, sizeof site->next_key_hash);
    take_certificate(site, wish);
    return 0;
}

int registry_renew(struct registry *registry, const char *id, const uint8_t key_hash[REGISTRY_KEY_BYTES],
                   const char *serial, int64_t not_after_s, int64_t now_ms)
{
    const struct key_wish wish = {.key_hash = key_hash, .serial = serial, .not_after_s = not_after_s, .now_ms = now_ms};
    return change(registry, id, renew, &wish);
}

static int confirm(const void *ctx, struct registry_site *site)
{
    const struct key_wish *wish = ctx;
    if (site->has_next_key && memcmp(site->next_key_hash, wish->key_hash, sizeof site->next_key_hash) == 0) {
        memcpy(site->key_hash, site->next_key_hash, sizeof site->key_hash);
        site->has_next_key = false;
        site->changed_ms = wish->now_ms;
        return 0;
    }
    bool current = site->has_key && memcmp(site->key_hash, wish->key_hash, sizeof site->key_hash) == 0;
    return current ? UNCHANGED : STATUS_DENIED;
}

int registry_confirm_key(struct registry *registry, const char *id, const uint8_t key_hash[REGISTRY_KEY_BYTES],
                         int64_t now_ms)
{
    const struct key_wish wish = {.key_hash = key_hash, .now_ms = now_ms};
    return change(registry, id, confirm, &wish);
}

/* ---- the rest of a site's life ---- */

struct state_wish {
    enum registry_state state;
    int64_t now_ms;
};

static int set_state(const void *ctx, struct registry_site *site)
{
    const struct state_wish *wish = ctx;
    if (site->state == REGISTRY_REMOVED) {
        return wish->state == REGISTRY_REMOVED ? UNCHANGED : STATUS_DENIED;
    }
    if (wish->state == REGISTRY_JOINED && !site->has_key) {
        return STATUS_INVALID;
    }
    if (wish->state == REGISTRY_REVOKED || wish->state == REGISTRY_REMOVED) {
        end_token(site);
    }
    site->state = wish->state;
    site->changed_ms = wish->now_ms;
    return 0;
}

int registry_set_state(struct registry *registry, const char *id, enum registry_state state, int64_t now_ms)
{
    const struct state_wish wish = {.state = state, .now_ms = now_ms};
    return change(registry, id, set_state, &wish);
}

static int clear_fresh(const void *ctx, struct registry_site *site)
{
    (void)ctx;
    if (!site->fresh) {
        return UNCHANGED;
    }
    site->fresh = false;
    return 0;
}

int registry_clear_fresh(struct registry *registry, const char *id)
{
    return change(registry, id, clear_fresh, NULL);
}

int registry_forget(struct registry *registry, const char *id)
{
    struct kv_txn *txn = NULL;
    struct registry_site site;
    int status = registry_change_begin(registry, &txn);
    if (status != 0) {
        return status;
    }
    status = registry_read_id(registry, txn, slice_str(id), &site);
    if (status == 0) {
        status = kv_delete(txn, registry->ids, slice_str(id));
    }
    if (status == 0) {
        struct record_key key = record_key_u32(site.number);
        status = kv_delete(txn, registry->sites, record_key_slice(&key));
    }
    return registry_change_end(registry, txn, status);
}
