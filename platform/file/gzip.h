/* gzip: one buffer packed into another, and unpacked. Any thread. */
#ifndef RINGSIDE_PLATFORM_FILE_GZIP_H
#define RINGSIDE_PLATFORM_FILE_GZIP_H

#include <stddef.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* Appends one gzip member; level 1 (fast) to 9 (small). STATUS_NO_MEMORY; then `out` is as it was. */
int gzip_pack(struct slice plain, int level, struct buf *out);

/* Appends what one member held. STATUS_CORRUPT (no member, a damaged one, or bytes behind it), STATUS_RANGE (more than
 * `max` bytes), STATUS_NO_MEMORY; then `out` is as it was. */
int gzip_unpack(struct slice packed, size_t max, struct buf *out);

#endif
