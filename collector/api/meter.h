/* meter: what the server counts of itself; any thread. */
#ifndef RINGSIDE_COLLECTOR_API_METER_H
#define RINGSIDE_COLLECTOR_API_METER_H

#include <stdatomic.h>
#include <stdint.h>

#include "collector/api/metrics.h"

enum { METER_BOUNDS = 8 };

struct meter {
    atomic_ullong requests[6];
    atomic_ullong cache_hits;
    atomic_ullong cache_misses;
    atomic_ullong refused_rate;
    atomic_ullong refused_token;
    atomic_ullong late;
    atomic_ullong connections; /* open now */
    atomic_ullong streams;     /* open now */
    atomic_ullong duration_us_sum;
    atomic_ullong duration_count;
    atomic_ullong duration_within[METER_BOUNDS];
};

void meter_add(atomic_ullong *counter);
void meter_answered(struct meter *meter, int code, int64_t took_us);
int64_t meter_now_us(void); /* monotonic */
void meter_copy(struct meter *meter, struct metrics_server *out);

#endif
