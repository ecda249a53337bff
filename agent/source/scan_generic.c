#include <string.h>

#include "agent/source/scan_take.h"

#define EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Byte 0 in the low bits, whatever the machine's order. */
static uint64_t load_eight(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

/* The top bit of every byte that is zero. Exact: no carry leaves a byte. */
static uint64_t zero_bytes(uint64_t word)
{
    uint64_t low_bits = EVERY_BYTE(0x7f);
    return ~(((word & low_bits) + low_bits) | word | low_bits);
}

/* Top bits of the eight bytes as the low eight bits, byte 0 first. */
static uint64_t gather(uint64_t top_bits)
{
    return (top_bits >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static void put(struct scan_block *block, uint64_t word, size_t shift)
{
    uint64_t bars = zero_bytes(word ^ EVERY_BYTE('|'));
    uint64_t low = zero_bytes(word & EVERY_BYTE(0xe0));
    uint64_t tabs = zero_bytes(word ^ EVERY_BYTE('\t'));
    if ((bars | low) == 0) {
        return;
    }
    block->bars |= gather(bars) << shift;
    block->controls |= gather(low & ~tabs) << shift;
}

struct scan_block scan_block(const char *at, size_t len)
{
    struct scan_block block = {0, 0};
    size_t done = 0;
    for (; done + 8 <= len; done += 8) {
        put(&block, load_eight(at + done), done);
    }
    if (done < len) {
        char tail[8];
        memset(tail, ' ', sizeof tail);
        memcpy(tail, at + done, len - done);
        put(&block, load_eight(tail), done);
    }
    return block;
}

void scan_line(const char *line, size_t len, struct scan *out)
{
    scan_begin(out, len);
    for (size_t offset = 0; offset < len; offset += 64) {
        size_t left = len - offset;
        scan_take(out, scan_block(line + offset, left < 64 ? left : 64), offset, len);
    }
    scan_end(out, len);
}
