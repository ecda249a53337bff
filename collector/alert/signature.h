/* signature: what proves to a receiver that it was this collector that told it, and when. */
#ifndef RINGSIDE_COLLECTOR_ALERT_SIGNATURE_H
#define RINGSIDE_COLLECTOR_ALERT_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum { SIGNATURE_MAX = 128 };

/* The first line of a file, which is a key or a token, into an empty `out`. STATUS_NOT_FOUND, STATUS_DENIED,
 * STATUS_INVALID (empty, or with control characters), ...; `why` then says so of the `what` file. Wipe `out` with
 * secret_wipe_buf(). */
int signature_line(const char *path, const char *what, struct buf *out, char *why, size_t why_size);

/* "t=UNIX,v1=HEX": HMAC-SHA-256 of "UNIX.BODY" by the key. */
int signature_make(struct slice key, int64_t at_s, struct slice body, char out[SIGNATURE_MAX]);

#endif
