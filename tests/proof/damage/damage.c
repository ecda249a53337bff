#include "tests/proof/damage/damage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILD_LIMIT_S = 20 };

int64_t damage_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool damage_wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "wrong: ");
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    return false;
}

int damage_arguments(struct damage_run *run, int argc, char **argv, const char *name, uint64_t seeds)
{
    *run = (struct damage_run){.name = name, .seeds = seeds, .first = 1};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0) {
            run->verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && has_value) {
            run->seeds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--first") == 0 && has_value) {
            run->first = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && has_value) {
            run->first = strtoull(argv[++i], NULL, 10);
            run->seeds = 1;
        } else {
            (void)fprintf(stderr, "usage: proof_%s [--seeds N] [--first SEED] [--seed SEED] [--verbose]\n", name);
            return 2;
        }
    }
    temp_dir_make(&run->dir);
    return 0;
}

void damage_take(struct damage_run *run, size_t used)
{
    run->length = temp_dir_size(&run->dir, "data.mdb");
    run->used = used;
    run->bytes = malloc(used);
    if (!run->bytes) {
        abort();
    }
    temp_dir_read(&run->dir, "data.mdb", 0, run->bytes, used);
}

void damage_restore(const struct damage_run *run)
{
    temp_dir_clear(&run->dir);
    temp_dir_truncate(&run->dir, "data.mdb", run->length);
    temp_dir_write(&run->dir, "data.mdb", 0, run->bytes, run->used);
}

void damage_flip(const struct damage_run *run, size_t at, uint8_t bits)
{
    uint8_t byte = (uint8_t)(run->bytes[at] ^ bits);
    temp_dir_write(&run->dir, "data.mdb", at, &byte, 1);
}

bool damage_child(damage_fn fn, void *ctx, unsigned limit_s, struct damage_seen *seen)
{
    struct damage_seen *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        abort();
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(limit_s);
        bool holds = fn(ctx, shared);
        (void)fflush(NULL);
        _exit(holds ? 0 : 1);
    }
    int result = -1;
    bool ended = child > 0 && waitpid(child, &result, 0) == child;
    *seen = *shared;
    (void)munmap(shared, sizeof *shared);
    if (!ended || !WIFEXITED(result)) {
        return damage_wrong("ended by signal %d%s", WIFSIGNALED(result) ? WTERMSIG(result) : 0,
                            WIFSIGNALED(result) && WTERMSIG(result) == SIGALRM ? " (it hangs)" : "");
    }
    return WEXITSTATUS(result) == 0;
}

int damage_seeds(const struct damage_run *run, damage_fn fn, void *ctx, struct damage_tally *tally)
{
    tally->opened_us = calloc(run->seeds + 1, sizeof *tally->opened_us);
    if (!tally->opened_us) {
        abort();
    }
    for (uint64_t seed = run->first; seed < run->first + run->seeds; seed++) {
        struct rng rng = {seed * 7919};
        struct damage_seen seen = {.mended = false};
        size_t at = (size_t)rng_below(&rng, run->used);
        uint8_t bits = (uint8_t)rng_between(&rng, 1, 255);
        damage_restore(run);
        damage_flip(run, at, bits);
        bool holds = damage_child(fn, ctx, CHILD_LIMIT_S, &seen);
        if (run->verbose || !holds) {
            (void)printf("seed %" PRIu64 ": byte %zu (page %zu, %zu) ^ %02x: %s%s, %" PRIu64 " lost\n", seed, at,
                         at / 4096, at % 4096, bits, seen.mended ? "mended" : "nothing lost",
                         seen.anew ? ", began anew" : "", seen.lost);
        }
        if (!holds) {
            (void)printf("again: proof_%s --seed %" PRIu64 " --verbose\n", run->name, seed);
            return 1;
        }
        tally->mended += seen.mended;
        tally->anew += seen.anew;
        tally->inexact += seen.mended && !seen.exact && !seen.anew;
        tally->lost += seen.lost;
        if (seen.mended) {
            tally->opened_us[tally->count++] = seen.opened_us;
        }
    }
    return 0;
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void damage_sum_up(const struct damage_run *run, struct damage_tally *tally, const char *cases)
{
    double median = 0;
    double most = 0;
    if (tally->count > 0) {
        qsort(tally->opened_us, tally->count, sizeof *tally->opened_us, compare_times);
        size_t middle = tally->count / 2;
        median = (double)tally->opened_us[middle] / 1000;
        most = (double)tally->opened_us[tally->count - 1] / 1000;
    }
    (void)printf("proof %s: %" PRIu64 " seeds (%.1f MB in use), %" PRIu64 " mended (%" PRIu64 " of them anew, %" PRIu64
                 " not told exactly), %" PRIu64 " records lost and told, running again in %.1f ms (median), %.1f ms "
                 "(most); %s: all hold\n",
                 run->name, run->seeds, (double)run->used / 1e6, tally->mended, tally->anew, tally->inexact,
                 tally->lost, median, most, cases);
    free(tally->opened_us);
}
