#include "collector/api/meter.h"

#include <time.h>

static const int64_t meter_bounds_us[METER_BOUNDS] = {1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000};

void meter_add(atomic_ullong *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void meter_answered(struct meter *meter, int code, int64_t took_us)
{
    meter_add(&meter->requests[code >= 100 && code < 600 ? code / 100 : 5]);
    meter_add(&meter->duration_count);
    atomic_fetch_add_explicit(&meter->duration_us_sum, (unsigned long long)took_us, memory_order_relaxed);
    int i = 0;
    while (i < METER_BOUNDS && took_us > meter_bounds_us[i]) {
        i++;
    }
    if (i < METER_BOUNDS) {
        meter_add(&meter->duration_within[i]);
    }
}

int64_t meter_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t meter_get(atomic_ullong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void meter_copy(struct meter *meter, struct metrics_server *out)
{
    *out = (struct metrics_server){0};
    for (int i = 0; i < 6; i++) {
        out->requests[i] = meter_get(&meter->requests[i]);
    }
    for (int i = 0; i < METER_BOUNDS; i++) {
        out->duration_within[i] = meter_get(&meter->duration_within[i]);
    }
    out->cache_hits = meter_get(&meter->cache_hits);
    out->cache_misses = meter_get(&meter->cache_misses);
    out->refused_rate = meter_get(&meter->refused_rate);
    out->refused_token = meter_get(&meter->refused_token);
    out->late = meter_get(&meter->late);
    out->connections = meter_get(&meter->connections);
    out->streams = meter_get(&meter->streams);
    out->duration_us_sum = meter_get(&meter->duration_us_sum);
    out->duration_count = meter_get(&meter->duration_count);
}
