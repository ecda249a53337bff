/* scan: where the bars of a line are. One pass; never reads outside the line. */
#ifndef RINGSIDE_AGENT_SOURCE_SCAN_H
#define RINGSIDE_AGENT_SOURCE_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_BARS_MAX = 64, /* bars behind these are not looked for: they belong to the last field */
    SCAN_LINE_MAX = 65535
};

struct scan {
    uint32_t bars;
    uint32_t first_control; /* offset of the first byte below 32 other than a tab; the length when there is none */
    /* Ascending offsets; behind the last one stands the length of the line. The spare ones are written ahead. */
    uint16_t bar[SCAN_BARS_MAX + 8];
};

/* `len` is at most SCAN_LINE_MAX. */
void scan_line(const char *line, size_t len, struct scan *out);

/* Up to 64 bytes at once: bit i tells of byte i. Only the first `len` <= 64 bytes are read; the bits above are 0. */
struct scan_block {
    uint64_t bars;
    uint64_t controls;
};

struct scan_block scan_block(const char *at, size_t len);

#endif
