/* tzif: a file of the zone data (RFC 8536) read into a table. Bytes in, struct out. */
#ifndef RINGSIDE_PLATFORM_TIME_TZIF_H
#define RINGSIDE_PLATFORM_TIME_TZIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/time/rule.h"

struct tzif_change {
    int64_t at_s; /* from this second on */
    int32_t offset_s;
};

struct tzif {
    int32_t first_offset_s; /* before the first change */
    struct tzif_change *changes;
    size_t count;
    bool has_rule; /* what goes on behind the last change; else it stays as it was */
    struct rule rule;
};

/* Versions 1 to 4. STATUS_INVALID, STATUS_VERSION, STATUS_UNSUPPORTED (times that count leap seconds),
 * STATUS_NO_MEMORY. Owned: end with tzif_deinit(). */
int tzif_parse(struct slice bytes, struct tzif *out);
void tzif_deinit(struct tzif *tzif);

int32_t tzif_offset(const struct tzif *tzif, int64_t at_s);

#endif
