/* bench_store: what an interval costs the centre's store on one core, from a decoded summary to durable hours and days.
 *
 *   bench_store DIR [WHAT]    a directory that does not exist yet, on the disk to be measured; it is removed again
 *
 * backlog: sites that were away send 40 intervals of 10 queues each, 50 sites a commit, hours follow each fifth commit.
 * live:    one interval of 10 queues of every site a commit, twice (open, then closed), hours follow.
 * query:   720 hours of all sites' total, six histograms of about 1,500 bins each, added up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "collector/rollup/cell.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "tests/support/rng.h"

enum {
    SITES = 1000,
    QUEUES = 10,
    BACKLOG = 40,
    SITES_A_COMMIT = 50,
    GROUPS = 20,
    SUMMARIES = 997,
    CALLS = 25,
    COMMITS_A_ROLL = 5
};
#define FIRST_S INT64_C(1795219200)

static struct summary summaries[SUMMARIES];
static struct store *store;

static void must(int status, const char *what)
{
    if (status < 0) {
        (void)fprintf(stderr, "bench_store: %s: %s\n", what, status_str(status));
        exit(1);
    }
}

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    return store_scope_group(1 + site % GROUPS);
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    (void)scope;
    return (at_s + 3600) / 86400;
}

static const struct store_layout layout = {.group_of = group_of, .day_of = day_of};

struct clocks {
    double wall_s;
    double cpu_s;
};

static struct clocks now(void)
{
    struct timespec ts;
    struct rusage usage;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    (void)getrusage(RUSAGE_SELF, &usage);
    return (struct clocks){(double)ts.tv_sec + (double)ts.tv_nsec / 1e9,
                           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6};
}

static void add_since(struct clocks *sum, const struct clocks *from)
{
    struct clocks to = now();
    sum->wall_s += to.wall_s - from->wall_s;
    sum->cpu_s += to.cpu_s - from->cpu_s;
}

static void duration(struct rng *rng, struct summary *sum, enum duration_kind kind, uint64_t below_s)
{
    (void)summary_add_duration(sum, kind,
                               (int64_t)(rng_below(rng, below_s) * rng_below(rng, below_s) / below_s) * 1000);
}

static void make_summaries(void)
{
    struct rng rng = {7};
    for (size_t i = 0; i < SUMMARIES; i++) {
        struct summary *sum = &summaries[i];
        sum->waiting_max = 3;
        for (int call = 0; call < CALLS; call++) {
            sum->flow[FLOW_ENTERED]++;
            bool answered = rng_chance(&rng, 88);
            sum->flow[answered ? FLOW_ANSWERED : FLOW_ABANDONED]++;
            duration(&rng, sum, answered ? DURATION_WAIT_ANSWERED : DURATION_WAIT_ABANDONED, 120);
            if (answered) {
                duration(&rng, sum, DURATION_RING, 20);
                duration(&rng, sum, DURATION_TALK, 900);
            }
        }
        (void)summary_copy(sum, sum);
        sum->cohort[COHORT_ENTERED] = sum->flow[FLOW_ENTERED];
        sum->cohort[COHORT_ANSWERED] = sum->flow[FLOW_ANSWERED];
        sum->cohort[COHORT_ABANDONED] = sum->flow[FLOW_ABANDONED];
        struct duration_stat *handle = &sum->duration[DURATION_HANDLE];
        const struct duration_stat *talk = &sum->duration[DURATION_TALK];
        handle->sum_ms = talk->sum_ms;
        handle->max_ms = talk->max_ms;
        (void)histogram_copy(&handle->hist, &talk->hist);
    }
}

static void put(uint32_t site, uint32_t queue, int64_t start_s, uint64_t revision, bool open)
{
    uint64_t held;
    size_t which = (size_t)(site * 31 + queue * 7 + (uint32_t)(start_s / 900) * 3 + (uint32_t)open) % SUMMARIES;
    struct store_interval interval = {.site = site,
                                      .queue = queue,
                                      .start_s = start_s,
                                      .interval_s = 900,
                                      .epoch = 1,
                                      .revision = revision,
                                      .received_ms = start_s * 1000,
                                      .open = open,
                                      .sum = &summaries[which]};
    must(store_put_interval(store, &interval, &held), "put");
}

static void roll(struct clocks *spent)
{
    struct clocks from = now();
    for (bool more = true; more;) {
        must(store_roll(store, &layout, 0, &more), "roll");
    }
    add_since(spent, &from);
}

static void print(const char *what, const struct clocks *puts, const struct clocks *rolls, size_t count)
{
    double n = (double)count;
    printf("%-8s %7zu intervals: put+commit %5.2f us (%5.2f us CPU), roll %5.2f us (%5.2f us CPU), together %6.0f/s of "
           "CPU, %6.0f/s by the clock\n",
           what, count, puts->wall_s / n * 1e6, puts->cpu_s / n * 1e6, rolls->wall_s / n * 1e6, rolls->cpu_s / n * 1e6,
           n / (puts->cpu_s + rolls->cpu_s), n / (puts->wall_s + rolls->wall_s));
}

static void backlog(void)
{
    struct clocks puts = {0};
    struct clocks rolls = {0};
    for (uint32_t first = 1; first <= SITES; first += SITES_A_COMMIT) {
        struct clocks from = now();
        must(store_begin(store, 0), "begin");
        for (uint32_t site = first; site < first + SITES_A_COMMIT; site++) {
            for (int slot = 0; slot < BACKLOG; slot++) {
                for (uint32_t queue = 1; queue <= QUEUES; queue++) {
                    put(site, queue, FIRST_S + slot * 900, 1, false);
                }
            }
        }
        must(store_end(store), "end");
        add_since(&puts, &from);
        if ((first / SITES_A_COMMIT) % COMMITS_A_ROLL == COMMITS_A_ROLL - 1) {
            roll(&rolls);
        }
    }
    print("backlog", &puts, &rolls, (size_t)SITES * QUEUES * BACKLOG);
}

static void live(void)
{
    struct clocks puts = {0};
    struct clocks rolls = {0};
    for (int round = 0; round < 2; round++) {
        struct clocks from = now();
        must(store_begin(store, 0), "begin");
        for (uint32_t site = 1; site <= SITES; site++) {
            for (uint32_t queue = 1; queue <= QUEUES; queue++) {
                put(site, queue, FIRST_S + BACKLOG * 900, 1 + (uint64_t)round, round == 0);
            }
        }
        must(store_end(store), "end");
        add_since(&puts, &from);
        roll(&rolls);
    }
    print("live", &puts, &rolls, (size_t)SITES * QUEUES * 2);
}

struct reading {
    struct cell *sum;
    size_t cells;
    size_t bytes;
};

static int read_cell(void *ctx, const struct store_cell *item)
{
    struct reading *reading = ctx;
    reading->cells++;
    reading->bytes += item->stored.len;
    return cell_merge_encoded(reading->sum, item->stored, false);
}

/* Hours with 1,500 bins in each of six histograms: one interval of one site is enough to make one. */
static void fill_hours(void)
{
    static const enum duration_kind kinds[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_RING,
                                               DURATION_TALK,          DURATION_HOLD,           DURATION_HANDLE};
    struct summary wide = {.waiting_max = 1};
    struct rng rng = {11};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (int value = 0; value < 6000; value++) {
            int64_t at_ms = (int64_t)(rng_below(&rng, 1000) * rng_below(&rng, 2000)) * 10;
            (void)summary_add_duration(&wide, kinds[i], at_ms / (i == 2 ? 20 : 1));
        }
    }
    printf("query    histograms of");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        printf(" %u", wide.duration[kinds[i]].hist.used);
    }
    printf(" bins\n");
    struct clocks ignored = {0};
    for (int hour = 0; hour < 720; hour++) {
        uint64_t held;
        struct store_interval interval = {.site = 1,
                                          .queue = 1,
                                          .start_s = FIRST_S + 864000 + hour * 3600,
                                          .interval_s = 900,
                                          .epoch = 1,
                                          .revision = 1,
                                          .sum = &wide};
        must(store_begin(store, 0), "begin");
        must(store_put_interval(store, &interval, &held), "put");
        must(store_end(store), "end");
        if (hour % 40 == 39) {
            roll(&ignored);
        }
    }
    roll(&ignored);
    summary_deinit(&wide);
}

static void query(void)
{
    fill_hours();
    struct reading reading = {0};
    struct clocks spent = {0};
    must(cell_new(&reading.sum), "cell");
    for (int round = 0; round < 3; round++) {
        struct store_view *view = NULL;
        reading.cells = 0;
        reading.bytes = 0;
        struct clocks from = now();
        must(store_view_begin(store, &view), "view");
        must(store_view_cells(view, STORE_ALL, STORE_HOUR, FIRST_S + 864000, FIRST_S + 864000 + 720 * 3600,
                              STORE_QUEUE_TOTAL, read_cell, &reading, NULL),
             "cells");
        store_view_end(view);
        spent = (struct clocks){0};
        add_since(&spent, &from);
    }
    printf("query    %zu hours, %zu bytes: %.1f ms\n", reading.cells, reading.bytes, spent.wall_s * 1e3);
    cell_free(reading.sum);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) {
        (void)fprintf(stderr, "usage: bench_store DIR [backlog|live|query]\n");
        return 2;
    }
    struct store_options options = {.dir = argv[1], .limit_bytes = UINT64_C(4) << 30};
    must(store_open_writer(&options, &store), "open");
    make_summaries();
    if (argc == 2 || strcmp(argv[2], "backlog") == 0) {
        backlog();
    }
    if (argc == 2 || strcmp(argv[2], "live") == 0) {
        live();
    }
    if (argc == 2 || strcmp(argv[2], "query") == 0) {
        query();
    }
    store_close(store);
    static const char *const files[] = {"data.mdb", "lock.mdb", "writer.lock"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], files[i]);
        (void)unlink(path);
    }
    (void)rmdir(argv[1]);
    for (size_t i = 0; i < SUMMARIES; i++) {
        summary_deinit(&summaries[i]);
    }
    return 0;
}
