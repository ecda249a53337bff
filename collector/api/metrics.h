/* metrics: the text that Prometheus reads (exposition format 0.0.4), docs/metrics.md. Counters of queues begin when the
 * collector starts and never go back while it runs. */
#ifndef RINGSIDE_COLLECTOR_API_METRICS_H
#define RINGSIDE_COLLECTOR_API_METRICS_H

#include <stdint.h>

#include "collector/api/api.h"
#include "platform/base/buf.h"

struct metrics;

/* What the server counts of itself. */
struct metrics_server {
    uint64_t requests[6]; /* by hundreds of the answer's code; [0] unused */
    uint64_t cache_hits;
    uint64_t cache_misses;
    uint64_t refused_rate;
    uint64_t refused_token;
    uint64_t late; /* given up */
    uint64_t connections;
    uint64_t streams;
    uint64_t duration_us_sum; /* of answers made, cache hits included */
    uint64_t duration_count;
    uint64_t duration_within[8]; /* at most 1, 5, 10, 50, 100, 500, 1000, 5000 ms; not cumulative */
};

int metrics_new(const struct api_options *options, int64_t now_ms, struct metrics **out);
void metrics_free(struct metrics *metrics); /* NULL is fine */

/* The server's own counters, copied in whenever they are asked for; any thread. */
void metrics_server_set(struct metrics *metrics, const struct metrics_server *server);

/* Any thread; one at a time works, the others wait. 0, STATUS_LATE (deadline_ms, monotonic), or a failure of the store.
 */
int metrics_write(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms, struct buf *out);

#endif
