/* access: who may ask over HTTP: bearer tokens, in the registry's environment. Of a token only its SHA-256 is kept. */
#ifndef RINGSIDE_COLLECTOR_REGISTRY_ACCESS_H
#define RINGSIDE_COLLECTOR_REGISTRY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/registry/registry.h"

enum access_role { ACCESS_VIEW = 1, ACCESS_ADMIN = 2 }; /* an admin may all that a viewer may */

enum { ACCESS_HASH_BYTES = 32 };

struct access_token {
    char name[REGISTRY_NAME_MAX + 1]; /* as registry_name_valid(); never given twice, revoked or not */
    enum access_role role;
    uint8_t hash[ACCESS_HASH_BYTES];
    int64_t created_ms;
    int64_t expires_ms; /* 0: never */
    int64_t revoked_ms; /* 0: it counts */
};

const char *access_role_str(enum access_role role); /* "view", "admin" */
bool access_role_find(const char *name, enum access_role *out);

/* One durable transaction each; registry_version() grows. */
int access_add(struct registry *registry, const struct access_token *token);    /* STATUS_BUSY: the name is taken,
                                                                                  STATUS_INVALID: it is none */
int access_revoke(struct registry *registry, const char *name, int64_t now_ms); /* STATUS_NOT_FOUND; again: 0 */

/* Whose hash it is, whatever its state. STATUS_NOT_FOUND, STATUS_CORRUPT. Any thread. */
int access_find(struct registry *registry, const uint8_t hash[ACCESS_HASH_BYTES], struct access_token *out);
typedef int (*access_fn)(void *ctx, const struct access_token *token);
int access_each(struct registry *registry, access_fn fn,
                void *ctx); /* by name; damaged ones: STATUS_CORRUPT in the end */

/* Whether it counts at that moment. */
bool access_valid(const struct access_token *token, int64_t now_ms);

#endif
