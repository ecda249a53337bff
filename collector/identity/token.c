#include <string.h>

#include "collector/identity/identity.h"
#include "platform/base/status.h"
#include "platform/tls/secret.h"

enum { TOKEN_BYTES = 20, TOKEN_SIGNS = 32, GROUP_SIGNS = 4, SIGN_BITS = 5 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 6 */

int identity_token_make(char token[IDENTITY_TOKEN_MAX])
{
    uint8_t bytes[TOKEN_BYTES];
    int status = secret_random(bytes, sizeof bytes);
    if (status != 0) {
        return status;
    }
    size_t len = 0;
    for (size_t i = 0; i < TOKEN_SIGNS; i++) {
        size_t bit = i * SIGN_BITS;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        pair |= bit / 8 + 1 < TOKEN_BYTES ? bytes[bit / 8 + 1] : 0U;
        if (i > 0 && i % GROUP_SIGNS == 0) {
            token[len++] = '-';
        }
        token[len++] = alphabet[(pair >> (16 - SIGN_BITS - bit % 8)) & 31];
    }
    token[len] = '\0';
    secret_wipe(bytes, sizeof bytes);
    return 0;
}

/* 0..31; -1: no sign of the alphabet. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z') {
        return c - 'a';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static bool is_gap(char c)
{
    return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int decode(struct slice token, uint8_t out[TOKEN_BYTES])
{
    size_t signs = 0;
    memset(out, 0, TOKEN_BYTES);
    for (size_t i = 0; i < token.len; i++) {
        if (is_gap(token.data[i])) {
            continue;
        }
        int value = value_of(token.data[i]);
        if (value < 0 || signs == TOKEN_SIGNS) {
            return STATUS_INVALID;
        }
        for (size_t bit = 0; bit < SIGN_BITS; bit++) {
            size_t at = signs * SIGN_BITS + bit;
            unsigned one = ((unsigned)value >> (SIGN_BITS - 1 - bit)) & 1U;
            out[at / 8] = (uint8_t)(out[at / 8] | (one << (7 - at % 8)));
        }
        signs++;
    }
    return signs == TOKEN_SIGNS ? 0 : STATUS_INVALID;
}

int identity_token_psk(struct slice token, struct slice site, uint8_t psk[REGISTRY_KEY_BYTES])
{
    uint8_t bytes[TOKEN_BYTES];
    struct buf info = BUF_INIT;
    int status = decode(token, bytes);
    if (status == 0) {
        buf_append_str(&info, "ringside join ");
        buf_append(&info, site.data, site.len);
        status = info.failed ? STATUS_NO_MEMORY
                             : secret_derive(slice_make((const char *)bytes, sizeof bytes), buf_slice(&info), psk);
    }
    secret_wipe(bytes, sizeof bytes);
    buf_deinit(&info);
    return status;
}
