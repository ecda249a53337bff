/* rule: when clocks change year after year, as a POSIX TZ string says it: "CET-1CEST,M3.5.0,M10.5.0/3". It is the
 * footer of zone data (RFC 8536 3.3), with its hours of -167 to 167, and a possible value of the TZ variable. */
#ifndef RINGSIDE_PLATFORM_TIME_RULE_H
#define RINGSIDE_PLATFORM_TIME_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/slice.h"

enum rule_day_kind {
    RULE_DAY_JULIAN, /* Jn: 1..365, the 29th of February is never counted */
    RULE_DAY_ZERO,   /* n: 0..365, it is counted */
    RULE_DAY_WEEK    /* Mm.w.d: the w-th weekday d (0 is Sunday) of month m; w 5 is the last */
};

struct rule_change {
    enum rule_day_kind kind;
    unsigned day; /* of the year, or the weekday */
    unsigned week;
    unsigned month;
    int32_t second; /* of that day, by the clock in force before the change; may be outside the day */
};

struct rule {
    int32_t standard_s; /* seconds east of UTC */
    int32_t summer_s;
    bool changes; /* false: always standard */
    struct rule_change to_summer;
    struct rule_change to_standard;
};

/* 0 or STATUS_INVALID. Names of zones are checked for their shape and dropped. */
int rule_parse(struct slice text, struct rule *out);

int32_t rule_offset(const struct rule *rule, int64_t at_s);

#endif
