#include "agent/source/scan.h"

static void take_bars(uint64_t bars, size_t offset, struct scan *out)
{
    for (; bars != 0 && out->bars < SCAN_BARS_MAX; bars &= bars - 1) {
        out->bar[out->bars++] = (uint16_t)(offset + (size_t)__builtin_ctzll(bars));
    }
}

void scan_line(const char *line, size_t len, struct scan *out)
{
    out->bars = 0;
    out->first_control = (uint32_t)len;
    for (size_t offset = 0; offset < len; offset += 64) {
        struct scan_block block = scan_block(line + offset, len - offset < 64 ? len - offset : 64);
        take_bars(block.bars, offset, out);
        if (block.controls != 0 && out->first_control == len) {
            out->first_control = (uint32_t)(offset + (size_t)__builtin_ctzll(block.controls));
        }
    }
    out->bar[out->bars] = (uint16_t)len;
}
