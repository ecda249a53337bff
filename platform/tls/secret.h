/* secret: random bytes, hashes and derived keys, and memory that is wiped. */
#ifndef RINGSIDE_PLATFORM_TLS_SECRET_H
#define RINGSIDE_PLATFORM_TLS_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum { SECRET_HASH_BYTES = 32, SECRET_KEY_BYTES = 32 };

int secret_random(void *out, size_t len); /* from the operating system; STATUS_IO when it has none */
void secret_wipe(void *data, size_t len);
void secret_wipe_buf(struct buf *buf); /* wipes all that was ever in its memory, then buf_deinit() */
bool secret_equal(const void *a, const void *b, size_t len);           /* in constant time */
int secret_hash(struct slice message, uint8_t out[SECRET_HASH_BYTES]); /* SHA-256 */

/* HKDF-SHA-256 (RFC 5869) without salt: a key of `secret` for the purpose named by `info`. */
int secret_derive(struct slice secret, struct slice info, uint8_t out[SECRET_KEY_BYTES]);

#endif
