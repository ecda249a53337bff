/* A token as a value of the database "tokens", whose key is the first 16 bytes of its hash:
 *
 *     bytes name, u8 role, 32 hash, u64 created, u64 expires, u64 revoked (ms)
 *
 * within platform/kv/record's frame. Bytes behind that are a later version's and are ignored. */
#include "collector/registry/access.h"

#include <stdlib.h>
#include <string.h>

#include "collector/registry/registry_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

const char *access_role_str(enum access_role role)
{
    switch (role) {
    case ACCESS_VIEW: return "view";
    case ACCESS_ADMIN: return "admin";
    }
    return "unknown";
}

bool access_role_find(const char *name, enum access_role *out)
{
    static const enum access_role roles[] = {ACCESS_VIEW, ACCESS_ADMIN};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(name, access_role_str(roles[i])) == 0) {
            *out = roles[i];
            return true;
        }
    }
    return false;
}

bool access_valid(const struct access_token *token, int64_t now_ms)
{
    return token->revoked_ms == 0 && (token->expires_ms == 0 || now_ms < token->expires_ms);
}

/* ---- records ---- */

static struct record_key key_of(const uint8_t hash[ACCESS_HASH_BYTES])
{
    struct record_key key = {.len = RECORD_KEY_MAX};
    memcpy(key.bytes, hash, RECORD_KEY_MAX);
    return key;
}

static int put_token(struct registry *registry, struct kv_txn *txn, const struct access_token *token)
{
    struct record_key key = key_of(token->hash);
    struct buf value = BUF_INIT;
    record_begin(&value);
    wire_put_bytes(&value, slice_str(token->name));
    wire_put_u8(&value, (uint8_t)token->role);
    buf_append(&value, token->hash, sizeof token->hash);
    wire_put_u64(&value, (uint64_t)token->created_ms);
    wire_put_u64(&value, (uint64_t)token->expires_ms);
    wire_put_u64(&value, (uint64_t)token->revoked_ms);
    int status = record_put(txn, registry->tokens, &key, &value);
    buf_deinit(&value);
    return status;
}

static void get_hash(struct wire_reader *reader, uint8_t out[ACCESS_HASH_BYTES])
{
    if (reader->failed || wire_left(reader) < ACCESS_HASH_BYTES) {
        reader->failed = true;
        return;
    }
    memcpy(out, reader->pos, ACCESS_HASH_BYTES);
    reader->pos += ACCESS_HASH_BYTES;
}

static int read_token(struct slice key, struct slice value, struct access_token *out)
{
    struct wire_reader payload;
    struct access_token token = {.created_ms = 0};
    int status = record_open(key, value, &payload);
    if (status != 0) {
        return status;
    }
    struct slice name = wire_get_bytes(&payload);
    uint8_t role = wire_get_u8(&payload);
    get_hash(&payload, token.hash);
    token.role = (enum access_role)role;
    token.created_ms = (int64_t)wire_get_u64(&payload);
    token.expires_ms = (int64_t)wire_get_u64(&payload);
    token.revoked_ms = (int64_t)wire_get_u64(&payload);
    if (payload.failed || !registry_name_valid(name) || role < ACCESS_VIEW || role > ACCESS_ADMIN ||
        key.len != RECORD_KEY_MAX || memcmp(key.data, token.hash, RECORD_KEY_MAX) != 0) {
        return STATUS_CORRUPT;
    }
    memcpy(token.name, name.data, name.len);
    token.name[name.len] = '\0';
    *out = token;
    return 0;
}

/* ---- all of them ---- */

struct tokens {
    struct access_token *items;
    size_t count;
    size_t cap;
    bool damaged;
};

static int keep(void *ctx, struct slice key, struct slice value)
{
    struct tokens *tokens = ctx;
    struct access_token token;
    if (read_token(key, value, &token) != 0) {
        tokens->damaged = true;
        return 0;
    }
    struct access_token *grown = grow_array(tokens->items, tokens->count, &tokens->cap, sizeof *grown);
    if (!grown) {
        return STATUS_NO_MEMORY;
    }
    tokens->items = grown;
    tokens->items[tokens->count++] = token;
    return 0;
}

static int gather(struct registry *registry, struct kv_txn *txn, struct tokens *out)
{
    return registry->has_tokens ? kv_each(txn, registry->tokens, slice_str(""), keep, out) : 0;
}

static const struct access_token *find_name(const struct tokens *tokens, const char *name)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (strcmp(tokens->items[i].name, name) == 0) {
            return &tokens->items[i];
        }
    }
    return NULL;
}

static int compare_names(const void *left, const void *right)
{
    const struct access_token *a = left;
    const struct access_token *b = right;
    return strcmp(a->name, b->name);
}

int access_each(struct registry *registry, access_fn fn, void *ctx)
{
    struct tokens tokens = {.count = 0};
    struct kv_txn *txn = NULL;
    int status = kv_begin(registry->kv, false, &txn);
    if (status == 0) {
        status = gather(registry, txn, &tokens);
    }
    kv_abort(txn);
    if (status == 0 && tokens.count > 1) {
        qsort(tokens.items, tokens.count, sizeof *tokens.items, compare_names);
    }
    for (size_t i = 0; status == 0 && i < tokens.count; i++) {
        status = fn(ctx, &tokens.items[i]);
    }
    free(tokens.items);
    return status == 0 && tokens.damaged ? STATUS_CORRUPT : status;
}

/* ---- one ---- */

int access_find(struct registry *registry, const uint8_t hash[ACCESS_HASH_BYTES], struct access_token *out)
{
    struct record_key key = key_of(hash);
    struct access_token token;
    struct slice value;
    struct kv_txn *txn = NULL;
    if (!registry->has_tokens) {
        return STATUS_NOT_FOUND;
    }
    int status = kv_begin(registry->kv, false, &txn);
    if (status == 0) {
        status = kv_get(txn, registry->tokens, record_key_slice(&key), &value);
    }
    if (status == 0) {
        status = read_token(record_key_slice(&key), value, &token);
    } else if (status == KV_END) {
        status = STATUS_NOT_FOUND;
    }
    kv_abort(txn);
    if (status == 0 && memcmp(token.hash, hash, sizeof token.hash) != 0) {
        return STATUS_NOT_FOUND;
    }
    if (status == 0) {
        *out = token;
    }
    return status;
}

/* A hash that is taken is that of the same token. */
static int add(struct registry *registry, struct kv_txn *txn, const struct access_token *token)
{
    struct tokens tokens = {.count = 0};
    struct record_key key = key_of(token->hash);
    struct slice value;
    int status = gather(registry, txn, &tokens);
    if (status == 0 && find_name(&tokens, token->name)) {
        status = STATUS_BUSY;
    }
    if (status == 0) {
        status = kv_get(txn, registry->tokens, record_key_slice(&key), &value);
        status = status == KV_END ? 0 : status == 0 ? STATUS_BUSY : status;
    }
    free(tokens.items);
    return status == 0 ? put_token(registry, txn, token) : status;
}

int access_add(struct registry *registry, const struct access_token *token)
{
    struct kv_txn *txn = NULL;
    if (!registry_name_valid(slice_str(token->name)) || token->role < ACCESS_VIEW || token->role > ACCESS_ADMIN) {
        return STATUS_INVALID;
    }
    if (!registry->has_tokens) {
        return STATUS_DENIED; /* open for reading */
    }
    int status = registry_change_begin(registry, &txn);
    if (status != 0) {
        return status;
    }
    return registry_change_end(registry, txn, add(registry, txn, token));
}

/* Again it says 0 and stays as it is. */
enum { UNCHANGED = 1 };

static int revoke(struct registry *registry, struct kv_txn *txn, const char *name, int64_t now_ms)
{
    struct tokens tokens = {.count = 0};
    int status = gather(registry, txn, &tokens);
    const struct access_token *found = find_name(&tokens, name);
    if (status == 0 && !found) {
        status = STATUS_NOT_FOUND;
    } else if (status == 0 && found->revoked_ms != 0) {
        status = UNCHANGED;
    }
    if (status == 0) {
        struct access_token token = *found;
        token.revoked_ms = now_ms;
        status = put_token(registry, txn, &token);
    }
    free(tokens.items);
    return status;
}

int access_revoke(struct registry *registry, const char *name, int64_t now_ms)
{
    struct kv_txn *txn = NULL;
    if (!registry->has_tokens) {
        return STATUS_NOT_FOUND;
    }
    int status = registry_change_begin(registry, &txn);
    if (status != 0) {
        return status;
    }
    status = registry_change_end(registry, txn, revoke(registry, txn, name, now_ms));
    return status == UNCHANGED ? 0 : status;
}
