#include "collector/alert/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/tls/keyed_hash.h"
#include "platform/tls/secret.h"

enum { LINE_MAX_BYTES = 4096 };

/* NULL: it can be used. */
static const char *cut_line(struct buf *line)
{
    if (line->len == 0) {
        return "is empty";
    }
    for (size_t i = 0; i < line->len; i++) {
        if (line->data[i] == '\n' || (line->data[i] == '\r' && i + 1 < line->len && line->data[i + 1] == '\n')) {
            line->len = i;
            break;
        }
        if (line->data[i] < 32 || line->data[i] == 127) {
            return "has control characters in its first line";
        }
    }
    return line->len > 0 ? NULL : "has an empty first line";
}

int signature_line(const char *path, const char *what, struct buf *out, char *why, size_t why_size)
{
    int status = atomic_read(path, LINE_MAX_BYTES, out);
    if (status != 0) {
        (void)snprintf(why, why_size, "the %s file cannot be read: %s", what, status_str(status));
        return status;
    }
    const char *fault = cut_line(out);
    if (fault) {
        (void)snprintf(why, why_size, "the %s file %s", what, fault);
    }
    return fault ? STATUS_INVALID : 0;
}

/* RFC 2104: a key longer than a block stands for its hash. */
static int hash_of(struct slice key, struct keyed_hash **out)
{
    uint8_t shorter[SECRET_HASH_BYTES];
    if (key.len <= KEYED_HASH_KEY_MAX) {
        return keyed_hash_new(key.data, key.len, 1, out);
    }
    int status = secret_hash(key, shorter);
    status = status == 0 ? keyed_hash_new(shorter, sizeof shorter, 1, out) : status;
    secret_wipe(shorter, sizeof shorter);
    return status;
}

int signature_make(struct slice key, int64_t at_s, struct slice body, char out[SIGNATURE_MAX])
{
    struct keyed_hash *hash = NULL;
    struct buf message = BUF_INIT;
    uint8_t digest[KEYED_HASH_BYTES];
    buf_printf(&message, "%" PRId64 ".", at_s);
    buf_append(&message, body.data, body.len);
    int status = message.failed ? STATUS_NO_MEMORY : hash_of(key, &hash);
    status = status == 0 ? keyed_hash_digest(hash, buf_slice(&message), digest) : status;
    if (status == 0) {
        int at = snprintf(out, SIGNATURE_MAX, "t=%" PRId64 ",v1=", at_s);
        for (size_t i = 0; i < sizeof digest; i++, at += 2) {
            (void)snprintf(out + at, SIGNATURE_MAX - (size_t)at, "%02x", digest[i]);
        }
    }
    keyed_hash_free(hash);
    buf_deinit(&message);
    return status;
}
