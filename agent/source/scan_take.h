/* scan_take: what the scanners of scan_sse2.c and scan_generic.c share: turning masks into offsets. */
#ifndef RINGSIDE_AGENT_SOURCE_SCAN_TAKE_H
#define RINGSIDE_AGENT_SOURCE_SCAN_TAKE_H

#include "agent/source/scan.h"

static inline void scan_take_bars(struct scan *out, uint64_t mask, size_t offset)
{
    uint32_t bars = out->bars;
    for (; mask != 0 && bars < SCAN_BARS_MAX; mask &= mask - 1) {
        out->bar[bars++] = (uint16_t)(offset + (size_t)__builtin_ctzll(mask));
    }
    out->bars = bars;
}

static inline void scan_take(struct scan *out, struct scan_block block, size_t offset, size_t len)
{
    scan_take_bars(out, block.bars, offset);
    if (block.controls != 0 && out->first_control == len) {
        out->first_control = (uint32_t)(offset + (size_t)__builtin_ctzll(block.controls));
    }
}

static inline void scan_begin(struct scan *out, size_t len)
{
    out->bars = 0;
    out->first_control = (uint32_t)len;
}

static inline void scan_end(struct scan *out, size_t len)
{
    out->bar[out->bars] = (uint16_t)len;
}

#endif
