/* bench_centre DATA SITES QUEUES DAYS [DIR]: fills a collector's store, whose registry has that many sites already
 * (`fleet prepare`), with so many days that end now: forty 15-minute intervals a day, in spells around the clock, 14
 * calls each; into DIR go the same figures as a time-series database takes them (series_files.h). Prints one JSON
 * object: intervals, seconds, bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/registry/registry.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "tests/bench/series_files.h"
#include "tests/support/rng.h"

enum {
    TEMPLATES = 512,
    CALLS = 14,
    BATCH = 50000,
    INTERVAL_S = 900,
    DAY_S = 86400,
    SPELL = 12, /* intervals, of which the first ones have calls */
    BUSY = 5
};

static struct summary templates[TEMPLATES];
static struct series_change changes[TEMPLATES];
static uint16_t *chosen; /* by interval, site, queue; NULL when nobody asks */

static void must(int status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "bench_centre: %s: %s\n", what, status_str(status));
        exit(1);
    }
}

static store_scope group_of(void *ctx, uint32_t site)
{
    struct registry_site found;
    return registry_find_number(ctx, site, &found) == 0 && found.group_number ? store_scope_group(found.group_number)
                                                                              : STORE_ALL;
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    (void)scope;
    return at_s / DAY_S;
}

/* Nobody waits from one interval into the next, so every one of them balances. */
static void make_templates(void)
{
    struct rng rng = {1};
    for (int i = 0; i < TEMPLATES; i++) {
        struct summary *sum = &templates[i];
        struct series_change *change = &changes[i];
        for (int call = 0; call < CALLS; call++) {
            bool answered = !rng_chance(&rng, 8);
            int64_t wait_s = rng_between(&rng, 0, 9) * rng_between(&rng, 0, 9);
            sum->flow[FLOW_ENTERED]++;
            sum->flow[answered ? FLOW_ANSWERED : FLOW_ABANDONED]++;
            sum->cohort[COHORT_ENTERED]++;
            sum->cohort[answered ? COHORT_ANSWERED : COHORT_ABANDONED]++;
            must(summary_add_duration(sum, answered ? DURATION_WAIT_ANSWERED : DURATION_WAIT_ABANDONED, wait_s * 1000),
                 "template");
            change->entered++;
            change->answered += answered;
            change->abandoned += !answered;
            if (answered) {
                series_change_wait(change, wait_s);
                int64_t talk_s = 10 + rng_between(&rng, 0, 30) * rng_between(&rng, 0, 30);
                change->talk_s += (uint32_t)talk_s;
                must(summary_add_duration(sum, DURATION_TALK, talk_s * 1000), "template");
                must(summary_add_duration(sum, DURATION_HANDLE, talk_s * 1000), "template");
            }
        }
        sum->waiting_max = 3;
    }
}

static void put_site(struct store *store, uint32_t site, uint32_t queues, int64_t now_ms)
{
    static const struct queue_settings settings = {.sl_threshold_ms = 20000, .short_abandon_ms = 5000};
    const uint8_t epoch[LIMITS_EPOCH_BYTES] = {1};
    const struct store_contact contact = {.last_seen_ms = now_ms,
                                          .connected_ms = now_ms,
                                          .ack_ms = now_ms,
                                          .online = true,
                                          .agent_version = "0.1.0",
                                          .zone = "UTC",
                                          .interval_s = INTERVAL_S,
                                          .newest_start_s = now_ms / 1000 / INTERVAL_S * INTERVAL_S - INTERVAL_S};
    uint32_t number;
    must(store_epoch_adopt(store, site, epoch, &number), "epoch");
    must(store_put_contact(store, site, &contact), "contact");
    for (uint32_t queue = 1; queue <= queues; queue++) {
        must(store_put_queue(store, site, queue, &settings), "queue");
    }
}

static uint64_t put_intervals(struct store *store, uint32_t sites, uint32_t queues, int64_t from_s, int64_t to_s)
{
    struct rng rng = {2};
    uint64_t count = 0;
    size_t slot = 0;
    must(store_begin(store, 1), "begin");
    for (int64_t at_s = from_s; at_s < to_s; at_s += INTERVAL_S) {
        if (at_s / INTERVAL_S % SPELL >= BUSY) {
            slot += (size_t)sites * queues;
            continue;
        }
        for (uint32_t site = 1; site <= sites; site++) {
            for (uint32_t queue = 1; queue <= queues; queue++) {
                uint64_t held;
                uint64_t which = rng_below(&rng, TEMPLATES);
                const struct store_interval item = {.site = site,
                                                    .queue = queue,
                                                    .start_s = at_s,
                                                    .interval_s = INTERVAL_S,
                                                    .epoch = 1,
                                                    .revision = 1,
                                                    .sum = &templates[which]};
                must(store_put_interval(store, &item, &held), "interval");
                if (chosen) {
                    chosen[slot] = (uint16_t)which;
                }
                slot++;
                if (++count % BATCH == 0) {
                    must(store_end(store), "commit");
                    must(store_begin(store, 1), "begin");
                }
            }
        }
    }
    must(store_end(store), "commit");
    return count;
}

static void roll_all(struct store *store, const struct store_layout *layout)
{
    bool more = true;
    while (more) {
        must(store_roll(store, layout, 1, &more), "roll");
    }
}

static void name_queues(struct store *store, uint32_t queues)
{
    for (uint32_t i = 1; i <= queues; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "queue-%02" PRIu32, i);
        must(store_queue_number(store, slice_str(name)) == 0 ? STATUS_FULL : 0, "name");
    }
}

/* Days have been cut by this zone from the start: the collector finds nothing to rearrange. */
static void settle(struct store *store, const struct store_layout *layout, uint32_t sites)
{
    must(store_recut(store, STORE_ALL, "UTC", layout), "recut");
    for (uint32_t site = 1; site <= sites; site++) {
        must(store_recut(store, store_scope_site(site), "UTC", layout), "recut");
    }
}

static void choose_nothing(size_t slots)
{
    chosen = malloc(slots * sizeof *chosen);
    must(chosen ? 0 : STATUS_NO_MEMORY, "room for what is chosen");
    for (size_t i = 0; i < slots; i++) {
        chosen[i] = SERIES_NONE;
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    struct store *store;
    struct registry *registry;
    struct store_view *view;
    struct store_facts facts;
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: bench_centre DATA SITES QUEUES DAYS [DIR]\n");
        return 2;
    }
    uint32_t sites = (uint32_t)atoi(argv[2]);
    uint32_t queues = (uint32_t)atoi(argv[3]);
    int64_t now_ms = clock_wall_ms();
    int64_t to_s = now_ms / 1000 / INTERVAL_S * INTERVAL_S;
    int64_t from_s = (to_s / DAY_S - atoi(argv[4]) + 1) * DAY_S;
    uint32_t steps = (uint32_t)((to_s - from_s) / INTERVAL_S);
    if (argc == 6) {
        choose_nothing((size_t)steps * sites * queues);
    }
    (void)snprintf(path, sizeof path, "%s/registry", argv[1]);
    must(registry_open(path, false, &registry), "registry");
    (void)snprintf(path, sizeof path, "%s/store", argv[1]);
    const struct store_options options = {.dir = path, .limit_bytes = UINT64_C(16) << 30, .now_ms = now_ms};
    const struct store_layout layout = {registry, group_of, day_of};
    must(store_open_writer(&options, &store), "store");
    make_templates();
    int64_t began_ms = clock_monotonic_ms();
    must(store_begin(store, now_ms), "begin");
    name_queues(store, queues);
    for (uint32_t site = 1; site <= sites; site++) {
        put_site(store, site, queues, now_ms);
    }
    must(store_end(store), "commit");
    settle(store, &layout, sites);
    uint64_t count = put_intervals(store, sites, queues, from_s, to_s);
    roll_all(store, &layout);
    must(store_view_begin(store, &view), "view");
    must(store_view_facts(view, &facts), "facts");
    store_view_end(view);
    printf("{\"intervals\": %" PRIu64 ", \"took_s\": %.1f, \"used_bytes\": %" PRIu64 ", \"pending\": %" PRIu64, count,
           (double)(clock_monotonic_ms() - began_ms) / 1000, facts.used_bytes, facts.pending_count);
    if (argc == 6) {
        const struct series_plan plan = {sites, queues, steps, INTERVAL_S, from_s, changes, chosen};
        uint64_t series = series_files_write(&plan, argv[5]);
        must(series > 0 ? 0 : STATUS_IO, argv[5]);
        printf(", \"series\": %" PRIu64 ", \"samples\": %" PRIu64 ", \"from_s\": %" PRId64 ", \"to_s\": %" PRId64,
               series, series * steps, from_s, to_s);
    }
    printf("}\n");
    free(chosen);
    store_close(store);
    registry_close(registry);
    return 0;
}
