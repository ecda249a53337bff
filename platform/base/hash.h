/* hash: a fast 64-bit hash for tables in memory (multiply-and-fold, in the manner of wyhash). Not for security and
 * not for storage: its values may change with any version. Seed it per process where input is hostile. */
#ifndef RINGSIDE_PLATFORM_BASE_HASH_H
#define RINGSIDE_PLATFORM_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    memcpy(&value, at, n);
    return value;
}

/* The bytes of a run of less than 8 as one number; not unique without the length. */
static inline uint64_t hash_short(const uint8_t *at, size_t len)
{
    if (len >= 4) {
        return hash_load(at, 4) | hash_load(at + len - 4, 4) << 32;
    }
    return len == 0 ? 0 : (uint64_t)at[0] | (uint64_t)at[len / 2] << 8 | (uint64_t)at[len - 1] << 16;
}

/* Whether two runs of the same length are equal; in place, for the short keys that tables compare all the time. */
static inline bool hash_same(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    if (len < 8) {
        return hash_short(x, len) == hash_short(y, len);
    }
    uint64_t differ = hash_load(x + len - 8, 8) ^ hash_load(y + len - 8, 8);
    for (size_t i = 0; i + 8 < len; i += 8) {
        differ |= hash_load(x + i, 8) ^ hash_load(y + i, 8);
    }
    return differ == 0;
}

static inline uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *at = data;
    uint64_t h = seed ^ (len * UINT64_C(0x9e3779b97f4a7c15));
    size_t left = len;
    for (; left >= 8; left -= 8, at += 8) {
        h = hash_fold(h ^ hash_load(at, 8), UINT64_C(0xa0761d6478bd642f));
    }
    if (left > 0) {
        h = hash_fold(h ^ hash_short(at, left), UINT64_C(0xe7037ed1a0b428db));
    }
    return hash_fold(h, UINT64_C(0x8ebc6af09c88c6e3));
}

#endif
