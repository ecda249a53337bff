/* siphash: SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed hash of short messages: without the key nobody can tell
 * a message from its hash, nor find two with the same. A twentieth of the work of HMAC-SHA-256 on a caller's number.
 * Its values may be stored: they are the same on every machine. */
#ifndef RINGSIDE_PLATFORM_BASE_SIPHASH_H
#define RINGSIDE_PLATFORM_BASE_SIPHASH_H

#include <stdint.h>

#include "platform/base/slice.h"

enum { SIPHASH_KEY_BYTES = 16 };

uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], struct slice message);

#endif
