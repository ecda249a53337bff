/* What zone.c and the zones beside the process's own share. */
#ifndef RINGSIDE_PLATFORM_TIME_ZONE_INTERNAL_H
#define RINGSIDE_PLATFORM_TIME_ZONE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/time/zone.h"

enum { ZONE_NAME_MAX = 128, ZONE_PATH_MAX = 512 };

/* A name as those of the zone data: no way out of its directory. */
bool zone_name_is_plain(const char *name);

/* Where the file of that name is. False: the path would be too long. */
bool zone_path(const char *name, char out[ZONE_PATH_MAX]);

/* TZ as the process got it, whatever zone_set() made of it; NULL: not set. */
const char *zone_inherited_tz(void);

/* What the system calls its own zone, by that TZ or by where /etc/localtime points; empty where it does not say. */
void zone_local_name(const char *tz, char out[ZONE_NAME_MAX]);

int32_t zone_table_offset(const struct zone *zone, int64_t at_s);

#endif
