/* md5: the digest (RFC 1321) that old protocols ask for; here the challenge of Asterisk's manager interface. It
 * protects nothing by itself. */
#ifndef RINGSIDE_PLATFORM_TLS_MD5_H
#define RINGSIDE_PLATFORM_TLS_MD5_H

#include <stdint.h>

#include "platform/base/slice.h"

enum { MD5_BYTES = 16 };

/* All zero when the library has no MD5: whoever checks it refuses it. */
void md5_digest(struct slice bytes, uint8_t out[MD5_BYTES]);

#endif
