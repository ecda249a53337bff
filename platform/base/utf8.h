/* utf8: text from outside is bytes until proved otherwise. */
#ifndef RINGSIDE_PLATFORM_BASE_UTF8_H
#define RINGSIDE_PLATFORM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum { UTF8_REPLACEMENT = 0xFFFD };

/* The code point at the front of `text` (not empty), and how many bytes it takes. Bytes that are no well-formed UTF-8
 * (RFC 3629: overlong forms, surrogates and values above U+10FFFF are not) give U+FFFD, one byte at a time; *valid
 * tells, when it is not NULL. */
uint32_t utf8_next(struct slice text, size_t *used, bool *valid);

bool utf8_valid(struct slice text);
void utf8_repair(struct slice text, struct buf *out); /* appends, every bad byte replaced by U+FFFD */

#endif
