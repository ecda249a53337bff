#include "platform/base/utf8.h"

static bool continues(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The length that the first byte announces, and its payload; 0 for a byte that cannot begin a character. */
static size_t announced(uint8_t first, uint32_t *payload)
{
    if (first < 0x80) {
        *payload = first;
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        *payload = first & 0x1F;
        return 2;
    }
    if ((first & 0xF0) == 0xE0) {
        *payload = first & 0x0F;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        *payload = first & 0x07;
        return 4;
    }
    return 0;
}

uint32_t utf8_next(struct slice text, size_t *used, bool *valid)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *at = (const uint8_t *)text.data;
    uint32_t code = 0;
    size_t len = announced(at[0], &code);
    bool good = len > 0 && len <= text.len;
    for (size_t i = 1; good && i < len; i++) {
        good = continues(at[i]);
        code = code << 6 | (at[i] & 0x3F);
    }
    good = good && code >= smallest[len] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    if (valid) {
        *valid = good;
    }
    *used = good ? len : 1;
    return good ? code : UTF8_REPLACEMENT;
}

bool utf8_valid(struct slice text)
{
    bool valid = true;
    size_t used;
    for (size_t at = 0; valid && at < text.len; at += used) {
        (void)utf8_next(slice_make(text.data + at, text.len - at), &used, &valid);
    }
    return valid;
}

void utf8_repair(struct slice text, struct buf *out)
{
    size_t used;
    for (size_t at = 0; at < text.len; at += used) {
        bool valid;
        (void)utf8_next(slice_make(text.data + at, text.len - at), &used, &valid);
        if (valid) {
            buf_append(out, text.data + at, used);
        } else {
            buf_append_str(out, "\xEF\xBF\xBD");
        }
    }
}
