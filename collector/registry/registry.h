/* registry: which sites there are, what they may do and by which key they are known. An LMDB environment of its own,
 * small and seldom written, by the daemon and by `ringside-collector site ...` beside it. */
#ifndef RINGSIDE_COLLECTOR_REGISTRY_REGISTRY_H
#define RINGSIDE_COLLECTOR_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "proto/limits.h"

struct registry;

enum registry_state {
    REGISTRY_INVITED = 1, /* added, has not joined yet */
    REGISTRY_JOINED = 2,
    REGISTRY_REVOKED = 3, /* its certificate no longer counts; its data stays */
    REGISTRY_REMOVED = 4  /* its data is being deleted; then the record goes */
};

enum { REGISTRY_KEY_BYTES = 32, REGISTRY_NAME_MAX = 64 };

struct registry_site {
    uint32_t number; /* from 1, never given twice */
    char id[LIMITS_SITE_MAX + 1];
    enum registry_state state;
    char group[REGISTRY_NAME_MAX + 1]; /* empty: none */
    uint32_t group_number;             /* from 1; 0: none */
    char zone[REGISTRY_NAME_MAX + 1];  /* empty: as its agent says */
    int64_t created_ms;
    int64_t joined_ms;
    int64_t changed_ms;
    bool has_key;
    uint8_t key_hash[REGISTRY_KEY_BYTES]; /* SHA-256 of the public key of its certificate */
    bool has_next_key;                    /* issued by renewal and not seen in use yet; both count until it is */
    uint8_t next_key_hash[REGISTRY_KEY_BYTES];
    char serial[41];
    int64_t not_after_s;
    bool has_token;
    int64_t token_expires_ms;
    uint8_t token_psk[REGISTRY_KEY_BYTES]; /* derived from the token, which itself is stored nowhere */
    bool fresh; /* joined (again) since: the next epoch that it shows is its ledger, whatever there was before */
};

const char *registry_state_str(enum registry_state state);

/* A site id or group: 1..64 of letters, digits, '-', '_', '.', beginning with a letter or digit. */
bool registry_name_valid(struct slice name);

struct registry_damage {
    bool anew;      /* nothing of it could be read */
    char aside[64]; /* the damaged file, kept in the directory */
    char what[160];
    bool exact;               /* else at least so many: */
    uint64_t lost_sites;      /* whose record is lost: revoked now, under their number, until they join again */
    uint64_t forgotten_sites; /* of which not even the id is left */
    uint64_t lost_tokens;     /* access tokens */
    uint64_t lost_groups;     /* names; a made-up one stands for each that is in use */
    uint64_t lost_settings;
};
/* Before it is opened by the daemon: looks the file over and mends what is damaged. 0 (sound, not there, or open for
 * writing elsewhere), REGISTRY_MENDED and what was lost, STATUS_VERSION, STATUS_FULL, STATUS_DENIED, STATUS_IO. */
enum { REGISTRY_MENDED = 1 };
int registry_mend(const char *dir, int64_t now_ms, struct registry_damage *out);
void registry_damage_tell(const struct registry_damage *damage, char *out, size_t size); /* one line for people */

int registry_create(const char *dir); /* makes DIR (0700) too: it holds keys of tokens; STATUS_BUSY: there is one */
/* STATUS_CORRUPT: its file is damaged. */
int registry_open(const char *dir, bool write, struct registry **out);
void registry_close(struct registry *registry);

/* A change failed in a way after which nothing can be read or changed until it is opened again (kv_is_dead()). */
bool registry_is_dead(struct registry *registry);

/* Grows with every change by any process; cheap to ask. */
uint64_t registry_version(struct registry *registry);

/* Any thread. STATUS_NOT_FOUND; STATUS_CORRUPT: its record fails its check. */
int registry_find(struct registry *registry, struct slice id, struct registry_site *out);
int registry_find_number(struct registry *registry, uint32_t number, struct registry_site *out);
typedef int (*registry_site_fn)(void *ctx, const struct registry_site *site);
/* In order of the ids. Damaged records are passed over and make it STATUS_CORRUPT in the end. */
int registry_each(struct registry *registry, registry_site_fn fn, void *ctx);
/* 0 when there is no group of that name. */
uint32_t registry_group_find(struct registry *registry, struct slice name);

/* Changes: each is one durable transaction. STATUS_NOT_FOUND: no such site. */
struct registry_invitation {
    const char *id;
    const char *group;        /* NULL: as it is (none for a new site); empty: none */
    const char *zone;         /* likewise */
    const uint8_t *token_psk; /* NULL: no token */
    int64_t token_expires_ms;
    int64_t now_ms;
};
/* Adds a site, or gives a known one a new token (and what else is not NULL); a revoked one is invited again by that.
 * STATUS_BUSY when it exists and `again` is not set; STATUS_NOT_FOUND (a new one needs a token), STATUS_INVALID (its id
 * or group), STATUS_DENIED (being removed). */
int registry_invite(struct registry *registry, const struct registry_invitation *invitation, bool again,
                    struct registry_site *out);

/* The token is used up by this. STATUS_DENIED: no token, or it expired, or was used in between. */
int registry_enrol(struct registry *registry, const char *id, const uint8_t token_psk[REGISTRY_KEY_BYTES],
                   const uint8_t key_hash[REGISTRY_KEY_BYTES], const char *serial, int64_t not_after_s, int64_t now_ms);
/* The new key counts beside the present one until it is seen. STATUS_DENIED: not joined. */
int registry_renew(struct registry *registry, const char *id, const uint8_t key_hash[REGISTRY_KEY_BYTES],
                   const char *serial, int64_t not_after_s, int64_t now_ms);
/* The next key was seen in use: the one before no longer counts. STATUS_DENIED: neither is this key. */
int registry_confirm_key(struct registry *registry, const char *id, const uint8_t key_hash[REGISTRY_KEY_BYTES],
                         int64_t now_ms);
/* Revoking and removing end a token too. STATUS_DENIED: being removed, which nothing ends but registry_forget();
 * STATUS_INVALID: joined without a key. */
int registry_set_state(struct registry *registry, const char *id, enum registry_state state, int64_t now_ms);
int registry_clear_fresh(struct registry *registry, const char *id);
int registry_forget(struct registry *registry, const char *id); /* after its data is gone */

#endif
