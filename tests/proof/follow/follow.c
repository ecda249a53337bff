/* The follower of a log against a world in which everything happens to the log that people and programs do to logs,
 * between the follower's calls and amid them: writing in every form, rotation by name, by number and by copy,
 * compression at every stage, deletion, links, permissions, restarts from the last position stored or an older one.
 * A seed is a schedule; one that fails is made shorter and printed. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/proof/follow/reader.h"
#include "tests/proof/follow/world.h"

enum { STEPS_MAX = 120, SEEDS_FULL = 100000, JOBS_MAX = 64, FAILURES_MAX = 3, HANG_S = 120 };

struct options {
    uint64_t seeds;
    uint64_t first;
    uint64_t jobs;
    const char *dir;
    bool verbose;
};

struct step {
    unsigned deed; /* of the reader, then of the world */
    uint64_t dice;
};

struct schedule {
    uint64_t seed;
    uint64_t dice;
    unsigned count;
    struct step steps[STEPS_MAX];
};

struct tally {
    struct world_stats stats;
    uint64_t done;
    uint64_t failures;
};

/* ---- one schedule ---- */

static const unsigned weights_rough[READER_DEEDS + WORLD_DEEDS] = {
    [READER_READ] = 24,
    [READER_READ_ALL] = 6,
    [READER_RESTART] = 8,
    [READER_WAIT] = 3,
    [READER_DEEDS + WORLD_WRITE] = 18,
    [READER_DEEDS + WORLD_WRITE_MUCH] = 2,
    [READER_DEEDS + WORLD_REOPEN] = 6,
    [READER_DEEDS + WORLD_ROTATE] = 9,
    [READER_DEEDS + WORLD_COPY] = 2,
    [READER_DEEDS + WORLD_TRUNCATE] = 3,
    [READER_DEEDS + WORLD_COPY_TRUNCATE] = 4,
    [READER_DEEDS + WORLD_COMPRESS] = 9,
    [READER_DEEDS + WORLD_DELETE_ROTATED] = 3,
    [READER_DEEDS + WORLD_DELETE_LIVE] = 1,
    [READER_DEEDS + WORLD_REPLACE_LIVE] = 2,
    [READER_DEEDS + WORLD_SWITCH_LINK] = 4,
    [READER_DEEDS + WORLD_HARD_LINK] = 1,
    [READER_DEEDS + WORLD_DENY] = 4,
    [READER_DEEDS + WORLD_MOVE_DIRECTORY] = 2,
};

/* In every other schedule nothing is destroyed, so that nothing may be missing at all. */
static bool is_rough(unsigned deed)
{
    return deed == READER_DEEDS + WORLD_DELETE_ROTATED || deed == READER_DEEDS + WORLD_DELETE_LIVE ||
           deed == READER_DEEDS + WORLD_REPLACE_LIVE || deed == READER_DEEDS + WORLD_TRUNCATE;
}

static unsigned pick_deed(struct rng *rng, bool gentle)
{
    for (;;) {
        uint64_t at = rng_below(rng, 111);
        for (unsigned deed = 0; deed < READER_DEEDS + WORLD_DEEDS; deed++) {
            if (at < weights_rough[deed]) {
                if (gentle && is_rough(deed)) {
                    break;
                }
                return deed;
            }
            at -= weights_rough[deed];
        }
    }
}

static void schedule_make(struct schedule *schedule, uint64_t seed)
{
    struct rng rng = {.state = seed};
    bool gentle = rng_chance(&rng, 50);
    *schedule = (struct schedule){.seed = seed, .dice = rng_next(&rng)};
    schedule->count = (unsigned)rng_between(&rng, 20, STEPS_MAX);
    for (unsigned i = 0; i < schedule->count; i++) {
        schedule->steps[i] = (struct step){.deed = pick_deed(&rng, gentle), .dice = rng_next(&rng)};
    }
}

static void do_step(struct world *world, struct reader *reader, unsigned number, const struct step *step)
{
    struct rng rng = {.state = step->dice};
    bool reads = step->deed < READER_DEEDS;
    if (world->loud) {
        printf("  step %u at %" PRId64 ": %s\n", number, reader->now_ms,
               reads ? reader_deed_str((enum reader_deed)step->deed)
                     : world_deed_str((enum world_deed)(step->deed - READER_DEEDS)));
    }
    if (reads) {
        reader_do(reader, (enum reader_deed)step->deed, &rng);
    } else {
        world_do(world, (enum world_deed)(step->deed - READER_DEEDS), &rng);
    }
}

/* False: it failed, and world->failure says how. */
static bool run(const struct schedule *schedule, const char *base, bool loud, struct world_stats *stats,
                char failure[512])
{
    static struct world world;
    static struct reader reader;
    world = (struct world){.seed = schedule->seed, .loud = loud, .can_deny = geteuid() != 0, .stats = stats};
    reader = (struct reader){.follow = NULL};
    (void)snprintf(world.base, sizeof world.base, "%s", base);
    if (setjmp(world.failed) == 0) {
        struct rng rng = {.state = schedule->dice};
        world_open(&world, &rng);
        reader_open(&reader, &world, &rng);
        for (unsigned i = 0; i < schedule->count; i++) {
            do_step(&world, &reader, i, &schedule->steps[i]);
        }
        world_settle(&world);
        if (loud) {
            printf("  the end\n");
        }
        reader_finish(&reader);
    }
    reader_close(&reader);
    world_close(&world);
    memcpy(failure, world.failure, sizeof world.failure);
    return world.failure[0] == 0;
}

/* Leaves steps out as long as it still fails. */
static void shrink(struct schedule *schedule, const char *base)
{
    struct world_stats stats = {0};
    char failure[512];
    for (unsigned width = schedule->count / 2; width > 0; width /= 2) {
        for (unsigned at = 0; at + width <= schedule->count;) {
            struct schedule less = *schedule;
            memmove(less.steps + at, less.steps + at + width, (less.count - at - width) * sizeof *less.steps);
            less.count -= width;
            if (run(&less, base, false, &stats, failure)) {
                at += width;
            } else {
                *schedule = less;
            }
        }
    }
}

static bool prove(uint64_t seed, const struct options *options, const char *base, struct world_stats *stats)
{
    struct schedule schedule;
    char failure[512];
    schedule_make(&schedule, seed);
    if (run(&schedule, base, options->verbose, stats, failure)) {
        return true;
    }
    printf("seed %" PRIu64 ": %s\n  again: proof_follow --seed %" PRIu64 " --verbose\n", seed, failure, seed);
    shrink(&schedule, base);
    printf("  in %u steps:\n", schedule.count);
    (void)run(&schedule, base, true, stats, failure);
    printf("  %s\n", failure);
    (void)fflush(stdout);
    return false;
}

/* ---- many ---- */

/* What is denied to others is not denied to root. */
static void become_nobody(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        (void)fprintf(stderr, "proof follow: root cannot be left; permissions are not tried\n");
    }
}

static char hang[80];

static void on_alarm(int number)
{
    (void)number;
    (void)!write(STDOUT_FILENO, hang, strlen(hang));
    _exit(3);
}

static void work(const struct options *options, uint64_t job, struct tally *tally)
{
    char base[64];
    (void)snprintf(base, sizeof base, "%s/ringside-follow-XXXXXX", options->dir);
    if (!mkdtemp(base)) {
        perror(options->dir);
        exit(2);
    }
    (void)signal(SIGALRM, on_alarm);
    for (uint64_t i = job; i < options->seeds && tally->failures < FAILURES_MAX; i += options->jobs) {
        (void)snprintf(hang, sizeof hang, "seed %" PRIu64 ": it does not come to an end\n", options->first + i);
        (void)alarm(HANG_S);
        tally->failures += !prove(options->first + i, options, base, &tally->stats);
        tally->done++;
    }
    (void)rmdir(base);
}

static int sum_up(const struct options *options, const struct tally *tallies)
{
    struct tally all = {0};
    for (uint64_t i = 0; i < options->jobs; i++) {
        const uint64_t *from = (const uint64_t *)&tallies[i];
        uint64_t *to = (uint64_t *)&all;
        for (size_t k = 0; k < sizeof all / sizeof *to; k++) {
            to[k] += from[k];
        }
    }
    bool holds = all.failures == 0 && all.done == options->seeds;
    printf("proof follow: %" PRIu64 " seeds, %" PRIu64 " lines (%" PRIu64 " of them destroyed, %" PRIu64
           " skipped), %" PRIu64 " rotations, %" PRIu64 " restarts, %" PRIu64 " gaps, %" PRIu64
           " events amid a read: %s\n",
           all.done, all.stats.lines, all.stats.gone, all.stats.skipped, all.stats.rotations, all.stats.restarts,
           all.stats.gaps, all.stats.amid, holds ? "all hold" : "FAILED");
    return holds ? 0 : 1;
}

static bool parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        struct {
            const char *name;
            uint64_t *at;
        } numbers[] = {{"--seeds", &options->seeds}, {"--first", &options->first}, {"--jobs", &options->jobs}};
        bool known = false;
        for (size_t k = 0; k < 3; k++) {
            if (strcmp(argv[i], numbers[k].name) == 0 && i + 1 < argc) {
                *numbers[k].at = strtoull(argv[++i], NULL, 10);
                known = true;
            }
        }
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            options->first = strtoull(argv[++i], NULL, 10);
            options->seeds = 1;
        } else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc) {
            options->dir = argv[++i];
        } else if (strcmp(argv[i], "--verbose") == 0) {
            options->verbose = true;
        } else if (!known) {
            return false;
        }
    }
    options->jobs = options->jobs < 1 ? 1 : options->jobs > JOBS_MAX ? JOBS_MAX : options->jobs;
    options->jobs = options->jobs > options->seeds && options->seeds > 0 ? options->seeds : options->jobs;
    return options->seeds > 0;
}

int main(int argc, char **argv)
{
    const char *chosen = getenv("TMPDIR");
    struct options options = {.seeds = SEEDS_FULL, .first = 1, .jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)};
    options.dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : chosen ? chosen : "/tmp";
    if (!parse(argc, argv, &options)) {
        (void)fprintf(stderr, "usage: proof_follow [--seeds N] [--first SEED] [--seed SEED] [--jobs N] [--dir DIR] "
                              "[--verbose]\n");
        return 2;
    }
    struct tally *tallies =
        mmap(NULL, sizeof *tallies * JOBS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    (void)umask(022);
    become_nobody();
    (void)fflush(stdout);
    for (uint64_t job = 0; job < options.jobs; job++) {
        if (fork() == 0) {
            work(&options, job, &tallies[job]);
            exit(0);
        }
    }
    bool ended = true;
    for (int status; wait(&status) > 0;) {
        ended = ended && status == 0;
    }
    int rc = sum_up(&options, tallies);
    return ended ? rc : 1;
}
