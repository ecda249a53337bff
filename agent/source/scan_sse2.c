#include <emmintrin.h>
#include <string.h>

#include "agent/source/scan.h"

struct masks {
    uint32_t bars;
    uint32_t controls;
};

static struct masks masks_of(const void *sixteen)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)sixteen);
    __m128i bars = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('|'));
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(31)), bytes);
    __m128i tabs = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    return (struct masks){(uint32_t)_mm_movemask_epi8(bars), (uint32_t)_mm_movemask_epi8(_mm_andnot_si128(tabs, low))};
}

static void put(struct scan_block *block, struct masks masks, size_t shift)
{
    block->bars |= (uint64_t)masks.bars << shift;
    block->controls |= (uint64_t)masks.controls << shift;
}

struct scan_block scan_block(const char *at, size_t len)
{
    struct scan_block block = {0, 0};
    size_t done = 0;
    for (; done + 16 <= len; done += 16) {
        put(&block, masks_of(at + done), done);
    }
    if (done == len) {
        return block;
    }
    if (len >= 16) {
        put(&block, masks_of(at + len - 16), len - 16); /* overlaps: the same bits once more */
        return block;
    }
    char tail[16];
    memset(tail, ' ', sizeof tail);
    memcpy(tail, at, len);
    put(&block, masks_of(tail), 0);
    return block;
}
