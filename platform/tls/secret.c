#include "platform/tls/secret.h"

#include <errno.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <sys/random.h>

#include "platform/base/status.h"

int secret_random(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return STATUS_IO;
        }
        at += got;
        len -= (size_t)got;
    }
    return 0;
}

void secret_wipe(void *data, size_t len)
{
    if (len > 0) {
        mbedtls_platform_zeroize(data, len);
    }
}

void secret_wipe_buf(struct buf *buf)
{
    secret_wipe(buf->data, buf->cap);
    buf_deinit(buf);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || mbedtls_ct_memcmp(a, b, len) == 0;
}

int secret_hash(struct slice message, uint8_t out[SECRET_HASH_BYTES])
{
    int rc =
        mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), (const unsigned char *)message.data, message.len, out);
    return rc == 0 ? 0 : STATUS_UNSUPPORTED;
}

int secret_derive(struct slice secret, struct slice info, uint8_t out[SECRET_KEY_BYTES])
{
    int rc = mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), NULL, 0, (const unsigned char *)secret.data,
                          secret.len, (const unsigned char *)info.data, info.len, out, SECRET_KEY_BYTES);
    return rc == 0 ? 0 : STATUS_UNSUPPORTED;
}
