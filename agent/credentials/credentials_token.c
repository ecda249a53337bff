#include <stdio.h>
#include <string.h>

#include "agent/credentials/credentials_internal.h"
#include "platform/base/status.h"
#include "platform/tls/secret.h"
#include "proto/limits.h"

enum { TOKEN_BYTES = 20, TOKEN_DIGITS = 32, DIGIT_BITS = 5 };

/* A digit of base32 (RFC 4648), or -1. */
static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static int decode(struct slice token, uint8_t out[TOKEN_BYTES])
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t digits = 0;
    size_t at = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (strchr(" \t\r\n-", token.data[i]) && token.data[i]) {
            continue;
        }
        int digit = digit_of(token.data[i]);
        if (digit < 0 || ++digits > TOKEN_DIGITS) {
            return STATUS_INVALID;
        }
        bits = bits << DIGIT_BITS | (uint32_t)digit;
        bit_count += DIGIT_BITS;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[at++] = (uint8_t)(bits >> bit_count);
        }
    }
    return digits == TOKEN_DIGITS ? 0 : STATUS_INVALID;
}

int credentials_token_psk(struct slice token, const char *site, uint8_t psk[32])
{
    uint8_t secret[TOKEN_BYTES];
    char info[sizeof "ringside join " + LIMITS_SITE_MAX];
    int len = snprintf(info, sizeof info, "ringside join %s", site);
    int status = len > 0 && (size_t)len < sizeof info ? decode(token, secret) : STATUS_INVALID;
    if (status == 0) {
        status = secret_derive(slice_make((const char *)secret, sizeof secret), slice_str(info), psk);
    }
    secret_wipe(secret, sizeof secret);
    return status;
}
