/* Every point at which the collector meets the disk or asks for memory, one after the other, failing, torn or the last
 * thing that the process does; after each a restart, and the totals. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/proof/centre_run.h"
#include "tests/proof/centre_work.h"
#include "tests/support/faults/faults.h"

/* A point and what happens there. */
struct plan {
    enum faults_point point;
    enum faults_kind kind;
    int error;
    bool sticky;
};

static const struct plan plans[] = {
    {FAULTS_WRITE, FAULTS_FAIL, EIO, false},       {FAULTS_WRITE, FAULTS_FAIL, ENOSPC, true},
    {FAULTS_WRITE, FAULTS_FAIL_AFTER, EIO, false}, {FAULTS_WRITE, FAULTS_TEAR, ENOSPC, false},
    {FAULTS_WRITE, FAULTS_CUT, 0, false},          {FAULTS_WRITE, FAULTS_CUT_WITHIN, 0, false},
    {FAULTS_WRITE, FAULTS_CUT_AFTER, 0, false},    {FAULTS_SYNC, FAULTS_FAIL, EIO, false},
    {FAULTS_SYNC, FAULTS_FAIL_AFTER, EIO, false},  {FAULTS_SYNC, FAULTS_CUT, 0, false},
    {FAULTS_SYNC, FAULTS_CUT_AFTER, 0, false},     {FAULTS_NAME, FAULTS_FAIL, ENOSPC, false},
    {FAULTS_NAME, FAULTS_FAIL, EIO, true},         {FAULTS_NAME, FAULTS_CUT, 0, false},
    {FAULTS_NAME, FAULTS_CUT_AFTER, 0, false},     {FAULTS_SPACE, FAULTS_FAIL, ENOSPC, false},
    {FAULTS_SPACE, FAULTS_FAIL, ENOSPC, true},     {FAULTS_SPACE, FAULTS_CUT, 0, false},
    {FAULTS_SPACE, FAULTS_CUT_AFTER, 0, false},    {FAULTS_OPEN, FAULTS_FAIL, EMFILE, false},
    {FAULTS_OPEN, FAULTS_FAIL, EIO, true},         {FAULTS_COMMIT, FAULTS_FAIL, EIO, false},
    {FAULTS_COMMIT, FAULTS_FAIL, ENOSPC, true},    {FAULTS_COMMIT, FAULTS_FAIL_AFTER, EIO, false},
    {FAULTS_COMMIT, FAULTS_CUT, 0, false},         {FAULTS_COMMIT, FAULTS_CUT_AFTER, 0, false},
    {FAULTS_ALLOCATE, FAULTS_FAIL, ENOMEM, false},
};
enum { PLANS = sizeof plans / sizeof plans[0] };

/* Making keys asks for memory tens of thousands of times, in a library's arithmetic: of these, so many are tried. */
enum { IDENTITY_ALLOCATIONS = 400 };

enum world { WORLD_CENTRE, WORLD_IDENTITY, WORLDS };
static const char *const world_names[WORLDS] = {"centre", "identity"};
static void (*const world_begin[WORLDS])(struct model *model) = {model_begin_points, model_begin_identity};

struct options {
    uint64_t points; /* of each plan; 0: all */
    int only;        /* a plan; -1: all */
    int world;       /* -1: both */
    uint64_t number; /* of a point; 0: all */
    bool verbose;
};

struct proof {
    struct run run;
    struct options options;
    enum world world;
    uint64_t passed[FAULTS_POINTS]; /* in a run without faults */
    int64_t blocks;                 /* likewise: what the process keeps for good */
    uint64_t points;
    uint64_t by_point[FAULTS_POINTS];
    uint64_t stopped;
    uint64_t cut;
    uint64_t failures;
};

struct one {
    const struct plan *plan; /* NULL: without faults */
    uint64_t number;
};

static enum run_end work_with_fault(struct run *run, void *ctx)
{
    const struct one *one = ctx;
    struct model *model = run->model;
    faults_watch(run->root);
    if (one->plan) {
        faults_arm(one->plan->point, one->number, one->plan->kind, one->plan->error, one->plan->sticky);
    }
    faults_allocations_on();
    int result = work_run(model, run_place(run), faults_disarm);
    faults_allocations_off();
    model->blocks = faults_blocks_held();
    model->fired = one->plan && faults_fired();
    for (int i = 0; i < FAULTS_POINTS; i++) {
        model->counts[i] = faults_passed((enum faults_point)i);
    }
    faults_watch(NULL);
    return result == WORK_COMPLETE ? RUN_COMPLETE : RUN_STOPPED;
}

static bool is_cut(const struct plan *plan)
{
    return plan->kind == FAULTS_CUT || plan->kind == FAULTS_CUT_WITHIN || plan->kind == FAULTS_CUT_AFTER;
}

static bool tell(struct proof *proof, int plan, uint64_t number)
{
    proof->failures++;
    (void)printf("%s: %s %s%s, number %" PRIu64
                 ": %s\n  again: proof_points_collector --world %d --plan %d --number %" PRIu64 "\n",
                 world_names[proof->world], faults_point_str(plans[plan].point), faults_kind_str(plans[plan].kind),
                 plans[plan].sticky ? " from then on" : "", number, proof->run.model->why, (int)proof->world, plan,
                 number);
    (void)fflush(stdout);
    return false;
}

/* One point. *fired: there was one of that number. */
static bool try_point(struct proof *proof, int which, uint64_t number, bool *fired)
{
    const struct plan *plan = &plans[which];
    struct one one = {.plan = plan, .number = number};
    struct run *run = &proof->run;
    world_begin[proof->world](run->model);
    run->model->may_not_read = plan->point == FAULTS_OPEN;
    run_clear(run);
    enum run_end end = run_apart(run, work_with_fault, &one);
    *fired = end == RUN_CUT || run->model->fired;
    if (end == RUN_FAILED || (end == RUN_CUT && !is_cut(plan)) || (end == RUN_STOPPED && !*fired)) {
        return tell(proof, which, number);
    }
    if (end != RUN_CUT && run->model->blocks > proof->blocks) {
        (void)snprintf(run->model->why, sizeof run->model->why, "%" PRId64 " blocks of memory leaked",
                       run->model->blocks - proof->blocks);
        return tell(proof, which, number);
    }
    if (run_finish(run) != RUN_COMPLETE) {
        return tell(proof, which, number);
    }
    proof->stopped += end == RUN_STOPPED;
    proof->cut += end == RUN_CUT;
    return true;
}

/* All points of a plan until one does not come any more; or so many, spread over all. */
static void try_plan(struct proof *proof, int which)
{
    uint64_t all = proof->passed[plans[which].point];
    uint64_t wanted = proof->options.points;
    if (proof->world == WORLD_IDENTITY && plans[which].point == FAULTS_ALLOCATE && wanted == 0) {
        wanted = IDENTITY_ALLOCATIONS;
    }
    uint64_t stride = wanted > 0 && all > wanted ? all / wanted : 1;
    uint64_t first = stride > 1 ? 1 + (uint64_t)which * 7 % stride : 1;
    bool fired = true;
    uint64_t tried = 0;
    for (uint64_t number = first; fired; number += stride) {
        (void)try_point(proof, which, number, &fired);
        tried += fired;
        if ((wanted > 0 && tried >= wanted) || proof->failures > 20) {
            break;
        }
    }
    proof->points += tried;
    proof->by_point[plans[which].point] += tried;
    if (proof->options.verbose) {
        (void)printf("%-8s %2d %-10s %-12s%s: %" PRIu64 " points\n", world_names[proof->world], which,
                     faults_point_str(plans[which].point), faults_kind_str(plans[which].kind),
                     plans[which].sticky ? " (stays)" : "", tried);
        (void)fflush(stdout);
    }
}

/* Without faults: how many points there are, and what the process keeps. */
static bool try_clean(struct proof *proof)
{
    struct one one = {0};
    struct run *run = &proof->run;
    world_begin[proof->world](run->model);
    run_clear(run);
    enum run_end end = run_apart(run, work_with_fault, &one);
    if (end == RUN_COMPLETE && run->model->again == 0) {
        proof->blocks = run->model->blocks;
        memcpy(proof->passed, run->model->counts, sizeof proof->passed);
        end = run_finish(run);
    }
    if (end != RUN_COMPLETE) {
        (void)printf("without any fault: %s\n", run->model->why);
        return false;
    }
    return true;
}

static void sum_up(const struct proof *proof)
{
    (void)printf("proof points_collector: %" PRIu64 " points (", proof->points);
    for (int i = 0; i < FAULTS_POINTS; i++) {
        (void)printf("%s%s %" PRIu64, i ? ", " : "", faults_point_str((enum faults_point)i), proof->by_point[i]);
    }
    (void)printf("), %" PRIu64 " ends of the process, %" PRIu64 " restarts asked for: ", proof->cut, proof->stopped);
    if (proof->failures > 0) {
        (void)printf("%" PRIu64 " do not hold\n", proof->failures);
    } else {
        (void)printf("all hold\n");
    }
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: proof_points_collector [--seeds POINTS-OF-EACH-KIND] [--world N] [--plan N "
                          "[--number N]] [--verbose]\n");
    return 2;
}

static bool read_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.only = -1, .world = -1};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0) {
            out->verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && more) {
            out->points = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--plan") == 0 && more) {
            out->only = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--world") == 0 && more) {
            out->world = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--number") == 0 && more) {
            out->number = strtoull(argv[++i], NULL, 10);
        } else {
            return false;
        }
    }
    return out->only < PLANS;
}

static bool try_world(struct proof *proof, enum world world)
{
    bool fired;
    proof->world = world;
    if (!try_clean(proof)) {
        return false;
    }
    for (int i = 0; proof->options.verbose && i < FAULTS_POINTS; i++) {
        (void)printf("%-8s %s: %" PRIu64 " passages without faults\n", world_names[world],
                     faults_point_str((enum faults_point)i), proof->passed[i]);
    }
    if (proof->options.number > 0 && proof->options.only >= 0) {
        proof->points += try_point(proof, proof->options.only, proof->options.number, &fired);
        return true;
    }
    for (int which = 0; which < PLANS; which++) {
        if (proof->options.only < 0 || proof->options.only == which) {
            try_plan(proof, which);
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct proof proof;
    if (!read_options(argc, argv, &proof.options)) {
        return usage();
    }
    int error = run_begin(&proof.run);
    if (error != 0) {
        (void)fprintf(stderr, "a place for the proof: %s\n", strerror(error));
        return 1;
    }
    bool good = true;
    for (int world = 0; world < WORLDS && good; world++) {
        good = (proof.options.world >= 0 && proof.options.world != world) || try_world(&proof, (enum world)world);
    }
    sum_up(&proof);
    run_end(&proof.run);
    return good && proof.failures == 0 ? 0 : 1;
}
