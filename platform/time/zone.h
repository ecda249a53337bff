/* zone: the one time zone of the process, by way of libc, and other zones beside it, a thread at a time. Set the
 * process's own once, before other threads run; the rest may be called from any thread. A local day is what a wall
 * clock calls a day: 23 or 25 hours long where the clocks change. */
#ifndef RINGSIDE_PLATFORM_TIME_ZONE_H
#define RINGSIDE_PLATFORM_TIME_ZONE_H

#include <stdint.h>

#include "platform/time/stamp.h"

/* "local" (what the system is set to; so is an unset zone), "UTC", or a name of the zone data such as
 * "Europe/Madrid". STATUS_NOT_FOUND when there is no such zone: libc would take it for UTC without a word. */
int zone_set(const char *name);

/* The name of the zone in force ("Europe/Madrid"); an abbreviation where the system does not say. Borrowed; valid
 * until zone_set() or, of a zone of zone_use(), for ever. */
const char *zone_name(void);

int32_t zone_offset(int64_t at_s); /* seconds east of UTC at that moment */

/* The first second of the local day that holds at_s, and of the one after. */
int64_t zone_local_day_start(int64_t at_s);
int64_t zone_next_day_start(int64_t at_s);

/* The start of the local clock hour that holds at_s. */
int64_t zone_local_hour_start(int64_t at_s);

struct zone_date {
    int64_t year;
    unsigned month;
    unsigned day;
};

struct zone_date zone_date_of(int64_t at_s);

/* The first second of that day; of the next one that exists, where a zone skipped the day. */
int64_t zone_date_start(struct zone_date date);

/* The moment at which a local clock shows that many seconds after midnight: the first of two where the hour happens
 * twice, and the moment of the jump where it does not happen. */
int64_t zone_moment(struct zone_date date, int32_t second_of_day);

/* RFC 3339 with the zone's offset at that moment. Returns `out`. */
char *zone_format(int64_t at_ms, char out[STAMP_MAX]);

/* Other zones, read from the zone data of the system (not by libc). A zone is immutable, found once and kept until the
 * process ends; both functions may be called from any thread. The name is one as for zone_set(); "local" is what the
 * process got, whatever zone_set() did since. Zone data that counts leap seconds ("right/...") is not there. Borrowed.
 */
struct zone;
int zone_find(const char *name, const struct zone **out); /* STATUS_NOT_FOUND, STATUS_NO_MEMORY */
const char *zone_text(const struct zone *zone);

/* Everything above zone_find(), asked from this thread, is about this zone from now on; NULL: the process's own again.
 * What works by it follows: when.h, the times that reports write. */
void zone_use(const struct zone *zone);

#endif
