#include "platform/file/fingerprint.h"

#include <stdbool.h>

uint64_t fingerprint_add(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

uint64_t fingerprint_number(struct slice text)
{
    enum { DIGITS_MAX = 10 }; /* more is two times run together where a line was torn, and not the year 2286 */
    uint64_t number = 0;
    size_t digits = 0;
    while (digits < text.len && is_digit(text.data[digits])) {
        if (digits == DIGITS_MAX) {
            return 0;
        }
        number = number * 10 + (uint64_t)(text.data[digits] - '0');
        digits++;
    }
    return digits < text.len ? number : 0;
}
