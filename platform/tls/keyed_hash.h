/* keyed_hash: HMAC-SHA-256 (RFC 2104, FIPS 180-4) for names that must not be readable at rest. Not thread safe. */
#ifndef RINGSIDE_PLATFORM_TLS_KEYED_HASH_H
#define RINGSIDE_PLATFORM_TLS_KEYED_HASH_H

#include <stdint.h>

#include "platform/base/slice.h"

enum { KEYED_HASH_BYTES = 32, KEYED_HASH_KEY_MAX = 64 };

struct keyed_hash;

/* Copies the key (at most KEYED_HASH_KEY_MAX bytes, else STATUS_RANGE). Remembers about `remember` recent answers (32
 * bytes each; at least 1): callers call again. Returns owned. */
int keyed_hash_new(const void *key, size_t len, size_t remember, struct keyed_hash **out);
void keyed_hash_free(struct keyed_hash *hash); /* wipes the key */

int keyed_hash_digest(struct keyed_hash *hash, struct slice message, uint8_t out[KEYED_HASH_BYTES]);

/* The first 48 bits of the digest, big-endian; never 0, so that 0 can mean "none". 0 only when hashing failed. */
uint64_t keyed_hash_48(struct keyed_hash *hash, struct slice message);

#endif
