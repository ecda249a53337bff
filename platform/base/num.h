/* num: strict text to number. The whole slice must be the number; nothing is skipped, nothing rounded.
 * All return 0, STATUS_INVALID (not a number of that form) or STATUS_RANGE (does not fit); *out only on 0. */
#ifndef RINGSIDE_PLATFORM_BASE_NUM_H
#define RINGSIDE_PLATFORM_BASE_NUM_H

#include <stdint.h>

#include "platform/base/slice.h"

int num_parse_u64(struct slice text, uint64_t *out);
int num_parse_i64(struct slice text, int64_t *out); /* one leading '-' allowed */

/* "250ms", "20s", "5m", "2h", "7d", "1w"; a bare number is seconds. No sign, no spaces. Result in milliseconds. */
int num_parse_duration_ms(struct slice text, int64_t *out);

/* "4096", "64k", "16M", "2G" with an optional "B" or "iB"; factors of 1024. Result in bytes. */
int num_parse_bytes(struct slice text, uint64_t *out);

#endif
