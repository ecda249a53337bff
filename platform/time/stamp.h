/* stamp: points in time as text, RFC 3339. Times are milliseconds since 1970-01-01T00:00:00Z. */
#ifndef RINGSIDE_PLATFORM_TIME_STAMP_H
#define RINGSIDE_PLATFORM_TIME_STAMP_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

enum { STAMP_MAX = 40 }; /* room for any stamp with its NUL */

/* Days since 1970-01-01 of a civil date (proleptic Gregorian), and back. */
int64_t stamp_days_of(int64_t year, unsigned month, unsigned day);
void stamp_civil_of(int64_t days, int64_t *year, unsigned *month, unsigned *day);
unsigned stamp_month_days(int64_t year, unsigned month); /* 28..31; month 1..12 */

/* "2026-11-21T10:00:00Z", "2026-11-21 11:00:00.250+01:00", t and z in lower case as well; digits beyond milliseconds
 * are cut; second 60 is the moment after second 59. 0, STATUS_INVALID, STATUS_RANGE (no such day or hour). */
int stamp_parse(struct slice text, int64_t *out_ms);

/* The stamp with the given offset from UTC (0 gives Z); milliseconds appear only when there are any. The years 0 to
 * 9999 fit; anything outside is held at the edge. Returns `out`. */
char *stamp_format(int64_t at_ms, int32_t offset_s, char out[STAMP_MAX]);

#endif
