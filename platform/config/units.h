/* units: what option tables count in. */
#ifndef RINGSIDE_PLATFORM_CONFIG_UNITS_H
#define RINGSIDE_PLATFORM_CONFIG_UNITS_H

#include <stdint.h>

#define MS_SECOND INT64_C(1000)
#define MS_MINUTE (60 * MS_SECOND)
#define MS_HOUR (60 * MS_MINUTE)
#define MS_DAY (24 * MS_HOUR)
#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
