/* alert_calendar: hours of the week in which something counts, less days and spans in which it does not, in a time zone
 * of its own. */
#ifndef RINGSIDE_PROTO_ALERT_ALERT_CALENDAR_H
#define RINGSIDE_PROTO_ALERT_ALERT_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/time/zone.h"

struct alert_hours { /* by the clock on the wall: minutes of the week, Monday midnight is 0; may pass the week's end */
    uint32_t from_min;
    uint32_t to_min;
};

/* Times of the local clock, so that it is the zone in force that decides when they are. */
struct alert_span {
    struct zone_date from;
    struct zone_date to; /* whole days: the last of them */
    int32_t from_s;      /* of the day; -1: whole days */
    int32_t to_s;
    bool yearly; /* the day `from` of every year */
};

struct alert_calendar {
    const struct zone *zone;   /* NULL: the one in force */
    struct alert_hours *hours; /* none: always */
    size_t hours_count;
    struct alert_span *mutes;
    size_t mute_count;
};

/* "Mon-Fri 08:00-20:00", "Sat 09:00-13:00", "daily 22:00-06:00" (into the next day), "Sun". STATUS_INVALID. */
int alert_calendar_take_hours(struct alert_calendar *calendar, struct slice text, struct buf *why);
/* "2026-12-25", "2026-12-24..2026-12-26" (whole local days), "2026-12-24T12:00..2026-12-27T08:00", "yearly 12-25". */
int alert_calendar_take_mute(struct alert_calendar *calendar, struct slice text, struct buf *why);
void alert_calendar_deinit(struct alert_calendar *calendar);

bool alert_calendar_counts(const struct alert_calendar *calendar, int64_t at_ms);

#endif
