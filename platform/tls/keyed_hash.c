#include "platform/tls/keyed_hash.h"

#include <mbedtls/sha256.h>
#include <mbedtls/version.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/hash.h"
#include "platform/base/status.h"

#if MBEDTLS_VERSION_MAJOR < 3
#define sha256_starts mbedtls_sha256_starts_ret
#define sha256_update mbedtls_sha256_update_ret
#define sha256_finish mbedtls_sha256_finish_ret
#else
#define sha256_starts mbedtls_sha256_starts
#define sha256_update mbedtls_sha256_update
#define sha256_finish mbedtls_sha256_finish
#endif

enum { BLOCK_BYTES = 64, RECENT_MESSAGE_MAX = 23 };

struct recent {
    uint64_t answer; /* 0: free */
    uint8_t len;
    char message[RECENT_MESSAGE_MAX];
};

struct keyed_hash {
    mbedtls_sha256_context inner; /* after the inner pad */
    mbedtls_sha256_context outer; /* after the outer pad */
    mbedtls_sha256_context work;  /* of the message in hand: set up once, wiped with the rest */
    struct recent *recent;
    size_t recent_count;
};

static int start_pad(mbedtls_sha256_context *context, const uint8_t *key, size_t len, uint8_t pad)
{
    uint8_t block[BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < len; i++) {
        block[i] ^= key[i];
    }
    mbedtls_sha256_init(context);
    int rc = sha256_starts(context, 0);
    if (rc == 0) {
        rc = sha256_update(context, block, sizeof block);
    }
    explicit_bzero(block, sizeof block);
    return rc;
}

int keyed_hash_new(const void *key, size_t len, size_t remember, struct keyed_hash **out)
{
    if (len > KEYED_HASH_KEY_MAX) {
        return STATUS_RANGE;
    }
    struct keyed_hash *hash = calloc(1, sizeof *hash);
    if (!hash) {
        return STATUS_NO_MEMORY;
    }
    hash->recent_count = remember > 0 ? remember : 1;
    hash->recent = calloc(hash->recent_count, sizeof *hash->recent);
    mbedtls_sha256_init(&hash->work);
    bool failed = start_pad(&hash->inner, key, len, 0x36) != 0;
    failed |= start_pad(&hash->outer, key, len, 0x5c) != 0;
    if (failed || !hash->recent) {
        keyed_hash_free(hash);
        return failed ? STATUS_UNSUPPORTED : STATUS_NO_MEMORY;
    }
    *out = hash;
    return 0;
}

void keyed_hash_free(struct keyed_hash *hash)
{
    if (!hash) {
        return;
    }
    mbedtls_sha256_free(&hash->inner); /* wipes */
    mbedtls_sha256_free(&hash->outer);
    mbedtls_sha256_free(&hash->work);
    if (hash->recent) {
        explicit_bzero(hash->recent, hash->recent_count * sizeof *hash->recent);
    }
    free(hash->recent);
    free(hash);
}

int keyed_hash_digest(struct keyed_hash *hash, struct slice message, uint8_t out[KEYED_HASH_BYTES])
{
    mbedtls_sha256_context *work = &hash->work;
    mbedtls_sha256_clone(work, &hash->inner);
    int rc = sha256_update(work, (const uint8_t *)message.data, message.len);
    if (rc == 0) {
        rc = sha256_finish(work, out);
    }
    mbedtls_sha256_clone(work, &hash->outer);
    if (rc == 0) {
        rc = sha256_update(work, out, KEYED_HASH_BYTES);
    }
    if (rc == 0) {
        rc = sha256_finish(work, out);
    }
    return rc == 0 ? 0 : STATUS_UNSUPPORTED;
}

uint64_t keyed_hash_48(struct keyed_hash *hash, struct slice message)
{
    struct recent *recent = NULL;
    if (message.len <= RECENT_MESSAGE_MAX) {
        recent = &hash->recent[hash_bytes(message.data, message.len, 0) % hash->recent_count];
        if (recent->answer && recent->len == message.len && memcmp(recent->message, message.data, message.len) == 0) {
            return recent->answer;
        }
    }
    uint8_t digest[KEYED_HASH_BYTES];
    if (keyed_hash_digest(hash, message, digest) != 0) {
        return 0;
    }
    uint64_t answer = 0;
    for (int i = 0; i < 6; i++) {
        answer = answer << 8 | digest[i];
    }
    answer += answer == 0;
    if (recent) {
        recent->answer = answer;
        recent->len = (uint8_t)message.len;
        memcpy(recent->message, message.data, message.len);
    }
    return answer;
}
