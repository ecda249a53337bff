#include <emmintrin.h>
#include <string.h>

#include "agent/source/scan_take.h"

struct masks {
    uint32_t bars;
    uint32_t controls;
};

static inline struct masks masks_of(const void *sixteen)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)sixteen);
    __m128i bars = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('|'));
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(31)), bytes);
    __m128i tabs = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    return (struct masks){(uint32_t)_mm_movemask_epi8(bars), (uint32_t)_mm_movemask_epi8(_mm_andnot_si128(tabs, low))};
}

static inline void put(struct scan_block *block, struct masks masks, size_t shift)
{
    block->bars |= (uint64_t)masks.bars << shift;
    block->controls |= (uint64_t)masks.controls << shift;
}

static inline struct scan_block full_block(const char *at)
{
    struct scan_block block = {0, 0};
    put(&block, masks_of(at), 0);
    put(&block, masks_of(at + 16), 16);
    put(&block, masks_of(at + 32), 32);
    put(&block, masks_of(at + 48), 48);
    return block;
}

/* The last `len` < 64 bytes. With 16 or more before their end (`before` stand in front) the last load reaches back over
 * bytes that were seen; their bits fall out. */
static inline struct scan_block last_block(const char *at, size_t len, size_t before)
{
    struct scan_block block = {0, 0};
    size_t done = 0;
    for (; done + 16 <= len; done += 16) {
        put(&block, masks_of(at + done), done);
    }
    size_t rest = len - done;
    if (rest == 0) {
        return block;
    }
    if (before + len >= 16) {
        struct masks masks = masks_of(at + len - 16);
        put(&block, (struct masks){masks.bars >> (16 - rest), masks.controls >> (16 - rest)}, done);
        return block;
    }
    char tail[16];
    memset(tail, ' ', sizeof tail);
    memcpy(tail, at + done, rest);
    put(&block, masks_of(tail), done);
    return block;
}

struct scan_block scan_block(const char *at, size_t len)
{
    return len == 64 ? full_block(at) : last_block(at, len, 0);
}

void scan_line(const char *line, size_t len, struct scan *out)
{
    scan_begin(out, len);
    size_t offset = 0;
    for (; offset + 64 <= len; offset += 64) {
        scan_take(out, full_block(line + offset), offset, len);
    }
    if (offset < len) {
        scan_take(out, last_block(line + offset, len - offset, offset), offset, len);
    }
    scan_end(out, len);
}
