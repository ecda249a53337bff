#include "platform/tls/md5.h"

#include <mbedtls/md5.h>
#include <mbedtls/version.h>
#include <string.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define md5_of mbedtls_md5_ret
#else
#define md5_of mbedtls_md5
#endif

void md5_digest(struct slice bytes, uint8_t out[MD5_BYTES])
{
    if (md5_of((const unsigned char *)bytes.data, bytes.len, out) != 0) {
        memset(out, 0, MD5_BYTES);
    }
}
