/* hash: a fast 64-bit hash for tables in memory (multiply-and-fold, in the manner of wyhash). Not for security and
 * not for storage: its values may change with any version. Seed it per process where input is hostile. */
#ifndef RINGSIDE_PLATFORM_BASE_HASH_H
#define RINGSIDE_PLATFORM_BASE_HASH_H

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

static inline uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *at = data;
    uint64_t h = seed ^ (len * UINT64_C(0x9e3779b97f4a7c15));
    size_t left = len;
    for (; left >= 8; left -= 8, at += 8) {
        h = hash_fold(h ^ hash_load(at, 8), UINT64_C(0xa0761d6478bd642f));
    }
    if (left > 0) {
        uint64_t tail = left >= 4 ? hash_load(at, 4) | hash_load(at + left - 4, 4) << 32
                                  : (uint64_t)at[0] | (uint64_t)at[left / 2] << 8 | (uint64_t)at[left - 1] << 16;
        h = hash_fold(h ^ tail, UINT64_C(0xe7037ed1a0b428db));
    }
    return hash_fold(h, UINT64_C(0x8ebc6af09c88c6e3));
}

#endif
