/* The collector's disk without power: a random script of sites' messages and commands, the power fails at a random
 * moment and the disk keeps some of what was not synced, or none of it, or half of a write; a restart on what is left,
 * a few times over; then the totals. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "tests/proof/centre_check.h"
#include "tests/proof/centre_run.h"
#include "tests/proof/centre_work.h"
#include "tests/support/faults/faults.h"
#include "tests/support/rng.h"

enum { SEEDS = 10000, CUTS_MAX = 3, FAILURES_MAX = 20 };

struct proof {
    struct run run;
    uint64_t first;
    uint64_t seeds;
    bool verbose;
    uint64_t cuts;
    uint64_t at_end; /* of these, when all was done */
    uint64_t by_style[FAULTS_STYLES];
    uint64_t failures;
};

struct cut {
    enum faults_point point;
    uint64_t number;
    enum faults_style style;
    uint64_t seed;
    char to[128];
};

static const char *const styles[FAULTS_STYLES] = {"none kept", "any kept", "prefix kept"};

/* Where a script of the usual length gets to. */
static void choose(struct rng *rng, struct cut *out)
{
    static const struct {
        enum faults_point point;
        unsigned passages;
    } places[] = {{FAULTS_WRITE, 300}, {FAULTS_SYNC, 90}, {FAULTS_NAME, 25}, {FAULTS_COMMIT, 90}, {FAULTS_SPACE, 8}};
    uint64_t which = rng_below(rng, 10);
    which = which < 5 ? 0 : which < 8 ? 1 : which < 9 ? 3 : rng_chance(rng, 60) ? 2 : 4;
    out->point = places[which].point;
    out->number = 1 + rng_below(rng, places[which].passages);
    out->style = (enum faults_style)rng_below(rng, FAULTS_STYLES);
    out->seed = rng_next(rng);
}

static enum run_end work_until_cut(struct run *run, void *ctx)
{
    const struct cut *cut = ctx;
    struct model *model = run->model;
    if (!centre_check_durable(model, run_place(run))) {
        return RUN_FAILED;
    }
    faults_watch(run_place(run));
    int status = faults_platter_begin();
    if (status != 0) {
        (void)snprintf(model->why, sizeof model->why, "platter: %s", status_str(status));
        return RUN_FAILED;
    }
    faults_platter_cut_at(cut->point, cut->number, cut->to, cut->seed, cut->style);
    if (work_run(model, run_place(run), NULL) != WORK_COMPLETE) {
        return RUN_FAILED;
    }
    status = faults_platter_cut(cut->to, cut->seed, cut->style);
    faults_platter_end();
    faults_watch(NULL);
    if (status != 0) {
        (void)snprintf(model->why, sizeof model->why, "platter: %s", status_str(status));
        return RUN_FAILED;
    }
    return RUN_COMPLETE;
}

static void tell(struct proof *proof, uint64_t seed, unsigned cuts, const struct cut *cut)
{
    proof->failures++;
    (void)printf("seed %" PRIu64 ", after %u cuts, the last before %s %" PRIu64 " (%s), at step %u: %s\n"
                 "  again: proof_power_collector --seed %" PRIu64 "\n",
                 seed, cuts, faults_point_str(cut->point), cut->number, styles[cut->style], proof->run.model->next,
                 proof->run.model->why, seed);
    (void)fflush(stdout);
}

static void try_seed(struct proof *proof, uint64_t seed)
{
    struct run *run = &proof->run;
    struct rng rng = {.state = seed};
    struct cut cut = {.number = 0};
    unsigned done = 0;
    unsigned cuts = 1 + (unsigned)rng_below(&rng, CUTS_MAX);
    model_begin_random(run->model, rng_next(&rng));
    run_clear(run);
    for (bool good = true; good && done < cuts; done++) {
        choose(&rng, &cut);
        (void)snprintf(cut.to, sizeof cut.to, "%s/%u", run->root, run->place + 1);
        enum run_end end = run_apart(run, work_until_cut, &cut);
        good = end == RUN_CUT || end == RUN_COMPLETE;
        if (!good) {
            tell(proof, seed, done, &cut);
            run_remove(cut.to);
            return;
        }
        proof->cuts++;
        proof->at_end += end == RUN_COMPLETE;
        proof->by_style[cut.style]++;
        run_next_place(run);
    }
    if (run_finish(run) != RUN_COMPLETE) {
        tell(proof, seed, done, &cut);
    }
}

static bool read_options(int argc, char **argv, struct proof *out)
{
    out->first = 1;
    out->seeds = SEEDS;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0) {
            out->verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && more) {
            out->seeds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--first") == 0 && more) {
            out->first = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            out->first = strtoull(argv[++i], NULL, 10);
            out->seeds = 1;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct proof proof;
    if (!read_options(argc, argv, &proof)) {
        (void)fprintf(stderr, "usage: proof_power_collector [--seeds N] [--first SEED] [--seed SEED] [--verbose]\n");
        return 2;
    }
    int error = run_begin(&proof.run);
    if (error != 0) {
        (void)fprintf(stderr, "a place for the proof: %s\n", strerror(error));
        return 1;
    }
    for (uint64_t i = 0; i < proof.seeds && proof.failures < FAILURES_MAX; i++) {
        if (proof.verbose) {
            (void)printf("seed %" PRIu64 "\n", proof.first + i);
        }
        try_seed(&proof, proof.first + i);
    }
    run_end(&proof.run);
    (void)printf("proof power_collector: %" PRIu64 " seeds, %" PRIu64 " cuts (%" PRIu64 " none kept, %" PRIu64
                 " any kept, %" PRIu64 " prefix kept; %" PRIu64 " after the last step): ",
                 proof.seeds, proof.cuts, proof.by_style[FAULTS_NONE_KEPT], proof.by_style[FAULTS_ANY_KEPT],
                 proof.by_style[FAULTS_PREFIX_KEPT], proof.at_end);
    if (proof.failures > 0) {
        (void)printf("%" PRIu64 " do not hold\n", proof.failures);
    } else {
        (void)printf("all hold\n");
    }
    return proof.failures > 0;
}
