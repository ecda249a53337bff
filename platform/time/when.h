/* when: the words in which people say a time on a command line or in a query.
 *
 *   2026-11-21T10:00:00Z   an RFC 3339 stamp, any offset
 *   2026-11-21             that local day
 *   2026-11-21T10:00       local time of that day (also with a space; seconds may follow)
 *   10:00, 10:00:30        local time today
 *   now                    this moment
 *   90m 24h 7d 2w          exactly that long ago; 7d is 7 times 24 hours, not seven midnights
 *   today yesterday this-week last-week this-month last-month     local; weeks begin on Monday
 *
 * Words for a span (a day, a week, a month) mean its start; asked for the end, its end. So
 * `--from last-week --to last-week` is the whole of last week, and `--to 2026-11-30` includes the 30th. */
#ifndef RINGSIDE_PLATFORM_TIME_WHEN_H
#define RINGSIDE_PLATFORM_TIME_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/slice.h"

/* 0, STATUS_INVALID (not one of the forms above) or STATUS_RANGE (a day or hour that does not exist). */
int when_parse(struct slice text, int64_t now_ms, bool end, int64_t *out_ms);

#endif
