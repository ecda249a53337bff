/* fingerprint: what a file is known by. FNV-1a 64, because it is small and its values may be stored for years. */
#ifndef RINGSIDE_PLATFORM_FILE_FINGERPRINT_H
#define RINGSIDE_PLATFORM_FILE_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

#define FINGERPRINT_START UINT64_C(0xcbf29ce484222325) /* of no bytes */

/* Continues from `hash`: hashing a run in pieces equals hashing it whole. */
uint64_t fingerprint_add(uint64_t hash, const void *data, size_t len);

/* The decimal number that the text begins with, as long as something that is not a digit follows it; else 0. */
uint64_t fingerprint_number(struct slice text);

#endif
