/* clock: the machine's two clocks, read at the top of programs; stages get the time as an argument. */
#ifndef RINGSIDE_PLATFORM_TIME_CLOCK_H
#define RINGSIDE_PLATFORM_TIME_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);      /* since 1970-01-01T00:00:00Z; may be set back or forth */
int64_t clock_monotonic_ms(void); /* since some moment in the past; for timers and durations */

#endif
