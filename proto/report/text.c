#include "proto/report/text.h"

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/utf8.h"

struct range {
    uint32_t first;
    uint32_t last;
};

static bool within(uint32_t code, const struct range *ranges, size_t count)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last) {
            low = middle + 1;
        } else if (code < ranges[middle].first) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}

#define WITHIN(code, ranges) within(code, ranges, sizeof(ranges) / sizeof(ranges)[0])

/* The C library's wcwidth() depends on the locale of the process, which a daemon has none of. Blocks, not single
 * characters: a column off in a rare script is no harm. */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x2FFFD}, {0x30000, 0x3FFFD},
};
static const struct range combining[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200D},
    {0x20D0, 0x20FF}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};
/* Control characters, and those that turn the direction of what follows. */
static const struct range obeyed[] = {
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x061C, 0x061C}, {0x200E, 0x200F},
    {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF},
};

static size_t code_width(uint32_t code)
{
    if (code < 0x300) {
        return 1;
    }
    return WITHIN(code, combining) ? 0 : WITHIN(code, wide) ? 2 : 1;
}

size_t text_width(struct slice text)
{
    size_t width = 0;
    size_t used;
    for (size_t at = 0; at < text.len; at += used) {
        uint32_t code = utf8_next(slice_make(text.data + at, text.len - at), &used, NULL);
        width += WITHIN(code, obeyed) ? 1 : code_width(code);
    }
    return width;
}

/* Appends characters as long as they fit into `width`; returns the columns used. */
static size_t put_some(struct buf *out, struct slice text, size_t width)
{
    size_t total = 0;
    size_t used;
    for (size_t at = 0; at < text.len; at += used) {
        bool valid;
        uint32_t code = utf8_next(slice_make(text.data + at, text.len - at), &used, &valid);
        bool hidden = WITHIN(code, obeyed);
        size_t columns = hidden ? 1 : code_width(code);
        if (total + columns > width) {
            break;
        }
        total += columns;
        if (hidden) {
            buf_append_str(out, "?");
        } else if (valid) {
            buf_append(out, text.data + at, used);
        } else {
            buf_append_str(out, "\xEF\xBF\xBD");
        }
    }
    return total;
}

static void put_blanks(struct buf *out, size_t count)
{
    while (count-- > 0) {
        buf_append(out, " ", 1);
    }
}

void text_put(struct buf *out, struct slice text, size_t width, enum text_align align)
{
    size_t natural = text_width(text);
    if (natural > width) {
        size_t used = width > 0 ? put_some(out, text, width - 1) + 1 : 0;
        if (width > 0) {
            buf_append_str(out, "…");
        }
        put_blanks(out, width - used);
        return;
    }
    if (align == TEXT_RIGHT) {
        put_blanks(out, width - natural);
    }
    (void)put_some(out, text, SIZE_MAX);
    if (align == TEXT_LEFT) {
        put_blanks(out, width - natural);
    }
}

void text_put_plain(struct buf *out, struct slice text)
{
    (void)put_some(out, text, SIZE_MAX);
}
