/* bucket: how often somebody may ask: so many at once, so many a second in the long run. As many are remembered as
 * there are slots; of those that share one place the one longest unheard of is forgotten, which only ever forgives. */
#ifndef RINGSIDE_COLLECTOR_API_BUCKET_H
#define RINGSIDE_COLLECTOR_API_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_WAYS = 8, BUCKET_SETS = 512 };

struct bucket {
    uint64_t key; /* 0: free */
    double left;
    int64_t at_ms;
};

struct bucket_table {
    double per_s;
    double burst;
    struct bucket slots[BUCKET_SETS][BUCKET_WAYS];
};

/* Whether there is one left; takes it if `take`. Else *retry_s (at least 1) says when there will be one. A table with
 * per_s 0 refuses nobody. */
bool bucket_ask(struct bucket_table *table, uint64_t key, int64_t monotonic_ms, bool take, int *retry_s);

#endif
