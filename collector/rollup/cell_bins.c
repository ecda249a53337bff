/* A histogram's bytes in the stored form of a cell. Sparse ones as on the wire; dense ones packed, which has neither
 * branches nor a chain of dependent loads for each bin. */
#include <string.h>

#include "collector/rollup/cell_internal.h"
#include "platform/base/status.h"
#include "platform/base/wire.h"

enum { BIN_BYTES_MAX = 2 + WIRE_VARINT_MAX, WORD_HEAD_BYTES = 9 };

/* No count is larger, so that the sum of a word's counts does not wrap. */
#define COUNT_MAX (CELL_SUM_MAX >> 7)

enum bins_use { BINS_ADD, BINS_SUBTRACT, BINS_CHECK };

/* Nearly all take a byte or two. */
static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* `used` bins: room for all of them, so that nothing is looked at in between. */
static void put_sparse(struct buf *out, const struct cell_stat *stat, uint32_t used)
{
    uint32_t base = 0;
    uint8_t *start = buf_grow(out, (size_t)used * BIN_BYTES_MAX);
    if (!start) {
        return;
    }
    uint8_t *at = start;
    for (struct cell_walk walk = {0}; cell_walk_next(stat, &walk);) {
        uint64_t count = stat->bins[walk.bin];
        if (count == 0) {
            continue;
        }
        at = put_varint(at, (uint64_t)(walk.bin - base) << 1 | (count > 1));
        if (count > 1) {
            at = put_varint(at, count);
        }
        base = walk.bin + 1;
    }
    out->len -= (size_t)used * BIN_BYTES_MAX - (size_t)(at - start);
}

/* Inline: the library's goes through a table where the processor's own is not taken for granted. */
static inline uint32_t count_bits(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* Big-endian, `width` bytes: a constant wherever these are called from, so that each is one instruction or two. */
static inline __attribute__((always_inline)) uint64_t load_number(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static inline __attribute__((always_inline)) void store_number(uint8_t *at, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        at[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

static inline __attribute__((always_inline)) uint8_t *pack_word(uint8_t *at, const uint64_t *bins, uint64_t bits,
                                                                unsigned width)
{
    for (; bits != 0; bits &= bits - 1, at += width) {
        store_number(at, bins[__builtin_ctzll(bits)], width);
    }
    return at;
}

static uint8_t *pack_word_of(uint8_t *at, const uint64_t *bins, uint64_t bits, unsigned width)
{
    switch (width) {
    case 1: return pack_word(at, bins, bits, 1);
    case 2: return pack_word(at, bins, bits, 2);
    case 4: return pack_word(at, bins, bits, 4);
    default: return pack_word(at, bins, bits, 8);
    }
}

/* The touched bins of a word that are not back at zero. */
static uint64_t occupied(const struct cell_stat *stat, uint32_t word)
{
    if (!stat->has_zeros) {
        return stat->touched[word];
    }
    uint64_t bits = 0;
    const uint64_t *bins = stat->bins + (size_t)word * 64;
    for (uint64_t left = stat->touched[word]; left != 0; left &= left - 1) {
        unsigned bin = (unsigned)__builtin_ctzll(left);
        bits |= (uint64_t)(bins[bin] != 0) << bin;
    }
    return bits;
}

static void put_packed(struct buf *out, const struct cell_stat *stat, unsigned width)
{
    uint32_t next = 0;
    wire_put_u8(out, (uint8_t)width);
    for (uint32_t word = 0; (word = cell_next_word(stat, word)) < CELL_WORDS; word++) {
        uint64_t bits = occupied(stat, word);
        if (bits == 0) {
            continue;
        }
        size_t bytes = WORD_HEAD_BYTES + (size_t)count_bits(bits) * width;
        uint8_t *at = buf_grow(out, bytes);
        if (!at) {
            return;
        }
        *at = (uint8_t)(word - next); /* CELL_WORDS fits a varint of one byte */
        store_number(at + 1, bits, 8);
        (void)pack_word_of(at + WORD_HEAD_BYTES, stat->bins + (size_t)word * 64, bits, width);
        next = word + 1;
    }
}

_Static_assert(CELL_WORDS < 128, "the distance between words is a varint of one byte");

struct shape {
    uint32_t words;
    uint32_t bins;
};

static struct shape shape_of(const struct cell_stat *stat)
{
    struct shape shape = {0};
    for (uint32_t word = 0; (word = cell_next_word(stat, word)) < CELL_WORDS; word++) {
        uint64_t bits = occupied(stat, word);
        shape.bins += count_bits(bits);
        shape.words += bits != 0;
    }
    return shape;
}

/* Bytes that the largest count takes: 1, 2, 4 or 8. */
static unsigned width_of(const struct cell_stat *stat)
{
    uint64_t any = 0;
    for (struct cell_walk walk = {0}; cell_walk_next(stat, &walk);) {
        any |= stat->bins[walk.bin];
    }
    return any <= UINT8_MAX ? 1 : any <= UINT16_MAX ? 2 : any <= UINT32_MAX ? 4 : 8;
}

bool cell_bins_put(struct buf *out, const struct cell_stat *stat)
{
    struct shape shape = shape_of(stat);
    if (shape.bins == 0) {
        return false;
    }
    if (shape.bins < WORD_HEAD_BYTES * shape.words) {
        put_sparse(out, stat, shape.bins);
        return false;
    }
    put_packed(out, stat, width_of(stat));
    return true;
}

/* Reads a varint of more than one byte; 0 (which no count is) when it is none. */
static uint64_t get_long(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    return 0;
}

/* One bin behind `base`, 0 or STATUS_CORRUPT. Most distances and counts take one byte. */
static inline __attribute__((always_inline)) int next_bin(const uint8_t **at, const uint8_t *end, uint32_t base,
                                                          uint32_t *bin, uint64_t *count)
{
    uint32_t head = *(*at)++;
    if (head >= 0x80) {
        if (*at == end || **at >= 0x80) {
            return STATUS_CORRUPT;
        }
        head = (head & 0x7f) | (uint32_t) * (*at)++ << 7;
    }
    *bin = base + (head >> 1);
    *count = 1;
    if (head & 1) {
        *count = *at < end && **at < 0x80 ? *(*at)++ : get_long(at, end);
    }
    return *bin<HISTOGRAM_BINS && * count>(head & 1) && *count <= COUNT_MAX ? 0 : STATUS_CORRUPT;
}

/* Bins come in ascending order: a word's bits are set together. */
static inline void touch_word(struct cell_stat *stat, uint32_t word, uint64_t bits)
{
    stat->touched[word] |= bits;
    stat->touched_words[word / 64] |= (uint64_t)(bits != 0) << word % 64;
}

static int add_sparse(struct cell_stat *stat, const struct cell_bins *from)
{
    uint64_t total = 0;
    uint64_t bits = 0;
    uint32_t word = 0;
    uint32_t base = 0;
    int status = 0;
    for (const uint8_t *at = from->at; at < from->end;) {
        uint32_t bin;
        uint64_t count;
        status = next_bin(&at, from->end, base, &bin, &count);
        if (status != 0) {
            break;
        }
        if (bin / 64 != word) {
            touch_word(stat, word, bits);
            word = bin / 64;
            bits = 0;
        }
        bits |= UINT64_C(1) << bin % 64;
        stat->bins[bin] += count;
        total += count;
        if (total > CELL_SUM_MAX) {
            status = STATUS_RANGE;
            break;
        }
        base = bin + 1;
    }
    touch_word(stat, word, bits);
    stat->total += total;
    return status == 0 && stat->total > CELL_SUM_MAX ? STATUS_RANGE : status;
}

static int subtract_sparse(struct cell_stat *stat, const struct cell_bins *what, bool check)
{
    uint32_t base = 0;
    for (const uint8_t *at = what->at; at < what->end;) {
        uint32_t bin;
        uint64_t count;
        if (next_bin(&at, what->end, base, &bin, &count) != 0) {
            return STATUS_CORRUPT;
        }
        if (!check && stat->bins[bin] < count) {
            return STATUS_RANGE;
        }
        if (!check) {
            stat->bins[bin] -= count;
            stat->total -= count;
        }
        base = bin + 1;
    }
    return 0;
}

/* The counts of one word. *wrong collects what cannot be: a count of zero, one too large, or less than is taken. */
static inline __attribute__((always_inline)) uint64_t use_word(uint64_t *bins, uint64_t bits, const uint8_t *at,
                                                               unsigned width, enum bins_use use, uint64_t *wrong)
{
    uint64_t total = 0;
    for (; bits != 0; bits &= bits - 1, at += width) {
        uint64_t count = load_number(at, width);
        *wrong |= count == 0;
        if (width == 8) {
            *wrong |= count > COUNT_MAX;
        }
        if (use == BINS_ADD) {
            bins[__builtin_ctzll(bits)] += count;
        } else if (use == BINS_SUBTRACT) {
            uint64_t *bin = &bins[__builtin_ctzll(bits)];
            *wrong |= *bin < count;
            *bin -= count;
        }
        total += count;
    }
    return total;
}

static inline __attribute__((always_inline)) int use_packed(struct cell_stat *stat, const struct cell_bins *from,
                                                            unsigned width, enum bins_use use)
{
    uint32_t next = 0;
    uint64_t wrong = 0;
    for (const uint8_t *at = from->at + 1; at < from->end;) {
        if (from->end - at < WORD_HEAD_BYTES) {
            return STATUS_CORRUPT;
        }
        uint32_t word = next + *at;
        uint64_t bits = load_number(at + 1, 8);
        size_t bytes = (size_t)count_bits(bits) * width;
        at += WORD_HEAD_BYTES;
        if (word >= CELL_WORDS || bits == 0 || bytes > (size_t)(from->end - at)) {
            return STATUS_CORRUPT;
        }
        if (use == BINS_ADD) {
            touch_word(stat, word, bits);
        }
        uint64_t *bins = use == BINS_CHECK ? NULL : stat->bins + (size_t)word * 64;
        uint64_t total = use_word(bins, bits, at, width, use, &wrong);
        if (use == BINS_ADD) {
            stat->total += total;
            wrong |= stat->total > CELL_SUM_MAX;
        } else if (use == BINS_SUBTRACT) {
            stat->total -= total;
        }
        if (wrong != 0) {
            return use == BINS_CHECK ? STATUS_CORRUPT : STATUS_RANGE;
        }
        at += bytes;
        next = word + 1;
    }
    return 0;
}

static inline __attribute__((always_inline)) int use_packed_of(struct cell_stat *stat, const struct cell_bins *from,
                                                               enum bins_use use)
{
    switch (from->at < from->end ? *from->at : 0) {
    case 1: return use_packed(stat, from, 1, use);
    case 2: return use_packed(stat, from, 2, use);
    case 4: return use_packed(stat, from, 4, use);
    case 8: return use_packed(stat, from, 8, use);
    default: return STATUS_CORRUPT;
    }
}

int cell_bins_add(struct cell_stat *stat, const struct cell_bins *bins)
{
    return bins->packed ? use_packed_of(stat, bins, BINS_ADD) : add_sparse(stat, bins);
}

int cell_bins_subtract(struct cell_stat *stat, const struct cell_bins *bins)
{
    stat->has_zeros = true;
    return bins->packed ? use_packed_of(stat, bins, BINS_SUBTRACT) : subtract_sparse(stat, bins, false);
}

int cell_bins_check(const struct cell_bins *bins)
{
    return bins->packed ? use_packed_of(NULL, bins, BINS_CHECK) : subtract_sparse(NULL, bins, true);
}
