/* proof_world: several agents, a collector and the network between them in one process and virtual time; faults from a
 * schedule; conservation, integrity and liveness looked at in between and at the end. A seed tells everything. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/log.h"
#include "tests/proof/world/disk.h"
#include "tests/proof/world/schedule.h"
#include "tests/proof/world/world.h"
#include "tests/support/faults/faults.h"

enum { SEEDS_FULL = 1000, AGAIN_EACH = 50 /* so many seeds: one runs twice */ };

struct options {
    uint64_t first;
    uint64_t seeds;
    bool verbose;
    bool check_determinism; /* every seed runs twice */
    bool list;
    const char *without; /* as given */
};

struct sums {
    uint64_t seeds;
    struct world_tally tally;
    uint64_t faults[FAULT_KINDS];
};

static void on_log(void *ctx, enum log_level level, const char *text)
{
    (void)level;
    if (*(const bool *)ctx) {
        (void)printf("               | %s\n", text);
    }
}

static void add_tally(struct world_tally *to, const struct world_tally *from)
{
    to->virtual_ms += from->virtual_ms;
    to->branch_ms += from->branch_ms;
    to->events += from->events;
    to->calls += from->calls;
    to->rows += from->rows;
    to->commits += from->commits;
    to->connects += from->connects;
    to->requests += from->requests;
    to->answers += from->answers;
    to->lost += from->lost;
    to->late += from->late;
    to->acks += from->acks;
    to->scans += from->scans;
    to->kills += from->kills;
}

static void print_failure(const struct world *world, const struct options *options)
{
    char stamp[32];
    world_stamp(world, world->failed_ms, stamp);
    (void)printf("proof world: seed %llu: at %s: %s\n", (unsigned long long)world->seed, stamp, world->why);
    (void)printf("%zu branches, %u queues, intervals of %u s, faults until %lld s:\n", world->plan.branch_count,
                 world->plan.queue_count, world->plan.interval_s, (long long)(world->plan.span_ms / 1000));
    schedule_print(world->schedule, stdout);
    (void)printf("again: proof_world --seed %llu --verbose%s%s\n", (unsigned long long)world->seed,
                 options->without ? " --without " : "", options->without ? options->without : "");
}

/* Directories in memory where there is such a place. */
static void make_root(char root[64])
{
    (void)snprintf(root, 64, "%s/ringside-world-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(root));
}

/* Returns the digest; *fine: nothing was wrong. */
static uint64_t run(uint64_t seed, const struct options *options, struct sums *sums, bool *fine)
{
    char root[64];
    make_root(root);
    faults_watch(root);
    struct world *world = world_zeroed(1, sizeof *world);
    world->seed = seed;
    world->verbose = options->verbose;
    world->dir = root;
    *fine = world_run(world);
    if (!*fine) {
        print_failure(world, options);
    } else if (options->list) {
        (void)printf("seed %llu:\n", (unsigned long long)seed);
        schedule_print(world->schedule, stdout);
    }
    uint64_t digest = world->digest;
    if (sums) {
        sums->seeds++;
        add_tally(&sums->tally, &world->tally);
        schedule_count(world->schedule, sums->faults);
    }
    world_free(world);
    faults_watch(NULL);
    disk_remove_tree(root);
    return digest;
}

static bool run_seed(uint64_t seed, const struct options *options, struct sums *sums)
{
    bool fine;
    uint64_t digest = run(seed, options, sums, &fine);
    if (fine && (options->check_determinism || seed % AGAIN_EACH == 1)) {
        uint64_t again = run(seed, options, NULL, &fine);
        if (fine && again != digest) {
            (void)printf("proof world: seed %llu: two runs of it differ (%016llx, %016llx)\n"
                         "again: proof_world --seed %llu --check-determinism\n",
                         (unsigned long long)seed, (unsigned long long)digest, (unsigned long long)again,
                         (unsigned long long)seed);
            fine = false;
        }
    }
    return fine;
}

static void print_sums(const struct sums *sums)
{
    const struct world_tally *t = &sums->tally;
    (void)printf("faults:");
    for (int i = 0; i < FAULT_KINDS; i++) {
        (void)printf("%s %s %llu", i ? "," : "", schedule_kind_str((enum fault_kind)i),
                     (unsigned long long)sums->faults[i]);
    }
    (void)printf("\nevents %llu, calls %llu, rows %llu, agents' commits %llu, connections %llu, requests %llu, answers "
                 "%llu, messages lost %llu, requests of a connection that was over %llu, acknowledgements looked up "
                 "%llu, processes killed %llu\n",
                 (unsigned long long)t->events, (unsigned long long)t->calls, (unsigned long long)t->rows,
                 (unsigned long long)t->commits, (unsigned long long)t->connects, (unsigned long long)t->requests,
                 (unsigned long long)t->answers, (unsigned long long)t->lost, (unsigned long long)t->late,
                 (unsigned long long)t->acks, (unsigned long long)t->kills);
    (void)printf("proof world: %llu seeds, %.1f days (%.1f of branches), %llu messages: all hold\n",
                 (unsigned long long)sums->seeds, (double)t->virtual_ms / 86400e3, (double)t->branch_ms / 86400e3,
                 (unsigned long long)t->requests + t->answers);
}

static void leave_out(const char *list)
{
    for (const char *at = list; *at; at++) {
        char *end;
        schedule_leave_out((unsigned)strtoul(at, &end, 10));
        at = *end == ',' ? end : end - 1;
    }
}

static bool read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){.first = 1, .seeds = SEEDS_FULL};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--verbose") == 0) {
            options->verbose = true;
        } else if (strcmp(argv[i], "--check-determinism") == 0) {
            options->check_determinism = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            options->list = true;
        } else if (value && strcmp(argv[i], "--seeds") == 0) {
            options->seeds = strtoull(argv[++i], NULL, 10);
        } else if (value && strcmp(argv[i], "--first") == 0) {
            options->first = strtoull(argv[++i], NULL, 10);
        } else if (value && strcmp(argv[i], "--seed") == 0) {
            options->first = strtoull(argv[++i], NULL, 10);
            options->seeds = 1;
        } else if (value && strcmp(argv[i], "--without") == 0) {
            options->without = argv[++i];
            leave_out(options->without);
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    struct sums sums = {0};
    if (!read_options(argc, argv, &options)) {
        (void)fprintf(stderr, "proof_world [--seeds N] [--first SEED] [--seed SEED] [--verbose] [--list] "
                              "[--check-determinism] [--without FAULT,...]\n");
        return 2;
    }
    log_set_sink(on_log, &options.verbose);
    for (uint64_t i = 0; i < options.seeds; i++) {
        if (!run_seed(options.first + i, &options, &sums)) {
            return 1;
        }
    }
    print_sums(&sums);
    return 0;
}
