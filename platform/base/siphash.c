#include "platform/base/siphash.h"

#include <stddef.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void round_of(struct state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

/* Little-endian, as the algorithm is defined. */
static inline uint64_t load(const uint8_t *at, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)at[i] << (8 * i);
    }
    return word;
}

static inline void take_word(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    round_of(s);
    round_of(s);
    s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], struct slice message)
{
    uint64_t k0 = load(key, 8);
    uint64_t k1 = load(key + 8, 8);
    /* "somepseudorandomlygeneratedbytes" */
    struct state s = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                      k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    const uint8_t *at = (const uint8_t *)message.data;
    size_t left = message.len;
    for (; left >= 8; left -= 8, at += 8) {
        take_word(&s, load(at, 8));
    }
    take_word(&s, load(at, left) | (uint64_t)message.len << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; i++) {
        round_of(&s);
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
