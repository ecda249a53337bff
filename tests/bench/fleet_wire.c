/* One batch of ten queue-intervals of 25 calls, to be counted on the wire by the caller. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/base/status.h"
#include "proto/paths.h"
#include "tests/bench/fleet.h"

enum { WIRE_QUEUES = 10, REVISION_SPREAD = 900 /* as commits of one interval spread */ };

static size_t count_of(const struct pool *pool, uint32_t calls)
{
    size_t count = 0;
    for (size_t i = 0; i < pool->count; i++) {
        count += pool->items[i].sum.flow[FLOW_ENTERED] == calls;
    }
    return count;
}

/* Of those with so many calls the one in this place. */
static const struct message_interval *find(const struct pool *pool, uint32_t calls, size_t place)
{
    size_t i = 0;
    while (pool->items[i].sum.flow[FLOW_ENTERED] != calls || place-- > 0) {
        i++;
    }
    return &pool->items[i];
}

/* The nth ten of those with so many calls, counted round, put side by side as one interval of queues 1 to 10. False:
 * there are not even ten. */
static bool choose(struct fleet *fleet, uint32_t calls, size_t nth, struct message_interval items[WIRE_QUEUES])
{
    const struct pool *pool = &fleet->pool;
    uint64_t base = 100000 + ++fleet->sites[0].revision * REVISION_SPREAD; /* above all that were sent before */
    size_t there = count_of(pool, calls);
    for (size_t i = 0; i < WIRE_QUEUES && there >= WIRE_QUEUES; i++) {
        items[i] = *find(pool, calls, (nth * WIRE_QUEUES + i) % there);
        items[i].start_s = pool->items[pool->count - 1].start_s;
        items[i].queue = (uint32_t)i + 1;
        items[i].revision = base + (uint64_t)(fleet_random(fleet) * REVISION_SPREAD);
    }
    return there >= WIRE_QUEUES;
}

static void print_list(const char *name, const uint32_t *values, size_t count)
{
    (void)printf("\"%s\": [", name);
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s%" PRIu32, i ? ", " : "", values[i]);
    }
    (void)printf("], ");
}

static void print_item(const struct message_interval *item)
{
    const struct summary *sum = &item->sum;
    (void)printf("{\"queue\": %" PRIu32 ", \"start_s\": %" PRId64 ", ", item->queue, item->start_s);
    print_list("flow", sum->flow, FLOW_COUNT);
    print_list("cohort", sum->cohort, COHORT_COUNT);
    const uint32_t waiting[] = {sum->waiting_start, sum->waiting_end, sum->waiting_max};
    print_list("waiting", waiting, 3);
    (void)printf("\"durations\": {");
    for (int i = 0; i < DURATION_COUNT; i++) {
        const struct duration_stat *stat = &sum->duration[i];
        (void)printf("%s\"%s\": {\"sum_ms\": %" PRIu64 ", \"max_ms\": %" PRIu32 ", \"bins\": [", i ? ", " : "",
                     summary_duration_names[i], stat->sum_ms, stat->max_ms);
        for (uint32_t n = 0; n < stat->hist.used; n++) {
            (void)printf("%s[%" PRId64 ", %" PRIu32 "]", n ? ", " : "", histogram_bin_upper(stat->hist.bins[n].bin),
                         stat->hist.bins[n].count);
        }
        (void)printf("]}");
    }
    (void)printf("}}");
}

void fleet_wire_send(struct fleet *fleet, uint32_t calls, size_t nth, bool names)
{
    struct message_interval items[WIRE_QUEUES] = {0};
    struct fleet_site *site = &fleet->sites[0];
    char id[LIMITS_SITE_MAX + 1];
    fleet_site_id(id, site->number);
    if (!choose(fleet, calls, nth, items) || !site->greeted) {
        pool_die("ten queue-intervals of so many calls, and a site that is connected", STATUS_NOT_FOUND);
    }
    /* Newest first is last first. */
    struct pool_batch batch = {.site = id, .items = items, .count = WIRE_QUEUES, .names = names};
    buf_reset(&fleet->out);
    (void)pool_encode(&fleet->pool, fleet->writer, &batch, LIMITS_PAYLOAD_MAX, &fleet->out);
    fleet_site_ask(site, FLEET_BATCH);
    (void)printf("{\"payload\": %zu, \"items\": [", fleet->out.len);
    for (size_t i = 0; i < WIRE_QUEUES; i++) {
        (void)printf("%s", i ? ", " : "");
        print_item(&items[i]);
    }
    (void)printf("]}\n");
}
