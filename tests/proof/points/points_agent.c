/* The agent at every point: the n-th write, sync, name, reservation, open, commit and allocation of a whole life meets
 * each kind of fault, for each n until a life passes without meeting it. Nothing but what was injected ends the
 * process, nothing leaks, and the next life, without faults, comes to the totals of one clean pass and of the oracle.
 *
 * A seed is the number of one such life. With --seeds N, N of them: all kinds in turn, each at some of its points. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/proof/site_args.h"
#include "tests/proof/site_check.h"
#include "tests/proof/site_join.h"
#include "tests/support/faults/faults.h"
#include "tests/support/rng.h"

enum {
    INPUT_SEED = 6,
    CALLS = 60,
    MAP_BYTES = 512 * 1024,
    LIVES = 4,
    SECONDS_MAX = 60, /* of one life: an endless one is a defect */
    GAVE_UP = 1,
    NOT_RIGHT = 2,
    FAILURES_SHOWN = 20,
};

struct spec {
    enum faults_point point;
    enum faults_kind kind;
    int error;
    bool sticky;
};

static const struct spec specs[] = {
    {FAULTS_WRITE, FAULTS_FAIL, EIO, false},
    {FAULTS_WRITE, FAULTS_FAIL, ENOSPC, false},
    {FAULTS_WRITE, FAULTS_FAIL, ENOSPC, true},
    {FAULTS_WRITE, FAULTS_TEAR, EIO, false},
    {FAULTS_WRITE, FAULTS_FAIL_AFTER, EIO, false},
    {FAULTS_WRITE, FAULTS_CUT, 0, false},
    {FAULTS_WRITE, FAULTS_CUT_WITHIN, 0, false},
    {FAULTS_WRITE, FAULTS_CUT_AFTER, 0, false},
    {FAULTS_SYNC, FAULTS_FAIL, EIO, false},
    {FAULTS_SYNC, FAULTS_FAIL, EIO, true},
    {FAULTS_SYNC, FAULTS_FAIL_AFTER, EIO, false},
    {FAULTS_SYNC, FAULTS_CUT, 0, false},
    {FAULTS_SYNC, FAULTS_CUT_AFTER, 0, false},
    {FAULTS_NAME, FAULTS_FAIL, ENOSPC, false},
    {FAULTS_NAME, FAULTS_FAIL, EACCES, true},
    {FAULTS_NAME, FAULTS_FAIL_AFTER, EIO, false},
    {FAULTS_NAME, FAULTS_CUT, 0, false},
    {FAULTS_NAME, FAULTS_CUT_AFTER, 0, false},
    {FAULTS_SPACE, FAULTS_FAIL, ENOSPC, false},
    {FAULTS_SPACE, FAULTS_FAIL, ENOSPC, true},
    {FAULTS_SPACE, FAULTS_FAIL, EIO, false},
    {FAULTS_SPACE, FAULTS_CUT, 0, false},
    {FAULTS_SPACE, FAULTS_CUT_AFTER, 0, false},
    {FAULTS_OPEN, FAULTS_FAIL, EMFILE, false},
    {FAULTS_OPEN, FAULTS_FAIL, EIO, true},
    {FAULTS_OPEN, FAULTS_FAIL_AFTER, EINTR, false},
    {FAULTS_OPEN, FAULTS_CUT, 0, false},
    {FAULTS_COMMIT, FAULTS_FAIL, EIO, false},
    {FAULTS_COMMIT, FAULTS_FAIL, ENOSPC, false},
    {FAULTS_COMMIT, FAULTS_FAIL, EIO, true},
    {FAULTS_COMMIT, FAULTS_FAIL_AFTER, EIO, false},
    {FAULTS_COMMIT, FAULTS_CUT, 0, false},
    {FAULTS_COMMIT, FAULTS_CUT_AFTER, 0, false},
    {FAULTS_ALLOCATE, FAULTS_FAIL, ENOMEM, false},
    {FAULTS_ALLOCATE, FAULTS_FAIL, ENOMEM, true},
};
enum { SPECS = sizeof specs / sizeof specs[0] };

/* What of the agent meets the faults. */
enum part { LEDGER, CREDENTIALS, PARTS };
static const char *const part_names[PARTS] = {"ledger", "credentials"};

struct proof {
    struct site_args args;
    char base[64];
    char root[80];
    struct site site;
    struct site_log input;
    struct site_found clean;
    struct site_join join;
    struct site_why *why; /* shared with the processes */
    uint64_t passed[PARTS][FAULTS_POINTS];
    int64_t blocks_held[PARTS];
    uint64_t runs;
    uint64_t met;
    uint64_t cuts;
    uint64_t points[FAULTS_POINTS]; /* different ones that were met */
    uint64_t failures;
};

static void fresh(struct proof *proof)
{
    char path[128];
    site_remove(proof->root);
    (void)snprintf(path, sizeof path, "%s/log", proof->root);
    if (mkdir(proof->root, 0700) != 0 || mkdir(path, 0700) != 0) {
        perror(proof->root);
        exit(2);
    }
    memset(proof->site.outside, 0, sizeof *proof->site.outside);
    memset(proof->join.outside, 0, sizeof *proof->join.outside);
    proof->why->text[0] = '\0';
}

static int run_part(struct proof *proof, enum part part, unsigned lives)
{
    return part == LEDGER ? site_run(&proof->site, lives) : site_join_run(&proof->join, lives);
}

static bool is_part_whole(struct proof *proof, enum part part)
{
    return part == LEDGER ? site_is_whole(&proof->site, proof->why) : site_join_is_whole(&proof->join, proof->why);
}

/* The life that meets the fault; in a process of its own. */
static int live(struct proof *proof, enum part part, const struct spec *spec, uint64_t number)
{
    struct site_outside *outside = proof->site.outside;
    (void)alarm(SECONDS_MAX);
    faults_watch(proof->root);
    faults_allocations_on();
    if (spec) {
        faults_arm(spec->point, number, spec->kind, spec->error, spec->sticky);
    }
    int status = run_part(proof, part, LIVES);
    outside->blocks_held = faults_blocks_held();
    outside->fired = spec && faults_fired();
    faults_disarm();
    faults_allocations_off();
    for (int i = 0; i < FAULTS_POINTS; i++) {
        outside->passed[i] = faults_passed((enum faults_point)i);
    }
    if (status != 0) {
        (void)snprintf(proof->why->text, sizeof proof->why->text, "gave up: %d", status);
    }
    return status == 0 ? 0 : GAVE_UP;
}

/* The life after it. */
static int live_on(struct proof *proof, enum part part)
{
    struct site_found found = {0};
    (void)alarm(SECONDS_MAX);
    proof->why->text[0] = '\0';
    bool fine = is_part_whole(proof, part);
    int status = fine ? run_part(proof, part, 1) : 0;
    if (fine && status == 0 && part == LEDGER) {
        status = site_send_all(&proof->site);
    }
    if (status != 0) {
        (void)snprintf(proof->why->text, sizeof proof->why->text, "the next life does not get to its end: %d", status);
        return NOT_RIGHT;
    }
    fine = fine && is_part_whole(proof, part);
    if (fine && part == LEDGER) {
        fine = site_is_right(&proof->site, &found, proof->why) &&
               (proof->clean.lines == 0 || site_same(&found, &proof->clean, proof->why));
        site_found_free(&found);
    }
    return fine ? 0 : NOT_RIGHT;
}

/* Runs one of both in a process of its own. How it ended, as wait() tells. */
static int in_a_process(struct proof *proof, enum part part, const struct spec *spec, uint64_t number, bool on)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        exit(on ? live_on(proof, part) : live(proof, part, spec, number));
    }
    int ended = -1;
    while (child > 0 && waitpid(child, &ended, 0) != child) {
    }
    return ended;
}

static bool wrong(struct proof *proof, const char *what, int ended)
{
    char reason[sizeof proof->why->text];
    (void)snprintf(reason, sizeof reason, "%s", proof->why->text);
    (void)snprintf(proof->why->text, sizeof proof->why->text, "%s (%s %d)%s%.400s", what,
                   WIFSIGNALED(ended) ? "signal" : "exit", WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended),
                   reason[0] ? ": " : "", reason);
    return false;
}

/* One fault. *met: whether the life got there. */
static bool meet(struct proof *proof, enum part part, const struct spec *spec, uint64_t number, bool *met)
{
    struct site_outside *outside = proof->site.outside;
    fresh(proof);
    int ended = in_a_process(proof, part, spec, number, false);
    bool cut = WIFEXITED(ended) && WEXITSTATUS(ended) == FAULTS_EXIT;
    *met = cut || outside->fired;
    bool gave_up = WIFEXITED(ended) && WEXITSTATUS(ended) == GAVE_UP;
    if (!cut && !(WIFEXITED(ended) && (WEXITSTATUS(ended) == 0 || (gave_up && spec->sticky)))) {
        return wrong(proof, "the life with the fault ended otherwise", ended);
    }
    if (!cut && outside->blocks_held != proof->blocks_held[part]) {
        (void)snprintf(proof->why->text, sizeof proof->why->text, "%" PRId64 " blocks are held, %" PRId64 " without",
                       outside->blocks_held, proof->blocks_held[part]);
        return false;
    }
    proof->cuts += cut;
    ended = in_a_process(proof, part, NULL, 0, true);
    return (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) || wrong(proof, "the life after it", ended);
}

static void tell(const struct proof *proof, enum part part, const struct spec *spec, uint64_t number, uint64_t seed)
{
    (void)printf("%s: %s %" PRIu64 " %s%s%s%s: %s\n  proof_points_agent --seed %" PRIu64 "\n", part_names[part],
                 faults_point_str(spec->point), number, faults_kind_str(spec->kind), spec->error ? " " : "",
                 spec->error ? strerror(spec->error) : "", spec->sticky ? " from then on" : "", proof->why->text, seed);
}

static bool run_one(struct proof *proof, enum part part, const struct spec *spec, uint64_t number, uint64_t seed)
{
    bool met = false;
    bool fine = meet(proof, part, spec, number, &met);
    proof->runs++;
    proof->met += met;
    if (!fine) {
        proof->failures++;
        tell(proof, part, spec, number, seed);
    } else if (proof->args.verbose) {
        (void)printf("%" PRIu64 " %s %s %" PRIu64 " %s%s\n", seed, part_names[part], faults_point_str(spec->point),
                     number, faults_kind_str(spec->kind), met ? "" : ": not met");
    }
    return met;
}

/* A life without faults: what the others are measured by. */
static bool run_clean(struct proof *proof, enum part part)
{
    fresh(proof);
    int ended = in_a_process(proof, part, NULL, 0, false);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
        return wrong(proof, "a life without faults", ended);
    }
    memcpy(proof->passed[part], proof->site.outside->passed, sizeof proof->passed[part]);
    proof->blocks_held[part] = proof->site.outside->blocks_held;
    ended = in_a_process(proof, part, NULL, 0, true);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
        return wrong(proof, "the life after one without faults", ended);
    }
    return part != LEDGER || site_is_right(&proof->site, &proof->clean, proof->why);
}

/* Making a key takes tens of thousands of allocations: from the 300th on, a fiftieth of them stands for the rest. */
static uint64_t next_number(enum part part, const struct spec *spec, uint64_t number)
{
    bool many = part == CREDENTIALS && spec->point == FAULTS_ALLOCATE && number > 300;
    return number + (many ? number / 50 : 1);
}

/* Every n, and then on until one is not met. A seed counts n up within a kind, kinds within a part. */
static void run_all(struct proof *proof)
{
    uint64_t seed = 0;
    for (int part = 0; part < PARTS; part++) {
        for (size_t i = 0; i < SPECS; i++) {
            bool met = true;
            bool first = i == 0 || specs[i - 1].point != specs[i].point;
            for (uint64_t number = 1; met && proof->failures < FAILURES_SHOWN;
                 number = next_number((enum part)part, &specs[i], number)) {
                met = run_one(proof, (enum part)part, &specs[i], number, seed + number - 1);
                proof->points[specs[i].point] += first && met;
            }
            seed += proof->passed[part][specs[i].point] + 1;
        }
    }
}

static void find_seed(const struct proof *proof, uint64_t seed, enum part *part, size_t *spec, uint64_t *number)
{
    for (int p = 0; p < PARTS; p++) {
        for (size_t i = 0; i < SPECS; i++) {
            uint64_t size = proof->passed[p][specs[i].point] + 1;
            if (seed < size) {
                *part = (enum part)p;
                *spec = i;
                *number = seed + 1;
                return;
            }
            seed -= size;
        }
    }
}

static uint64_t seed_of(const struct proof *proof, enum part part, size_t spec, uint64_t number)
{
    uint64_t seed = number - 1;
    for (int p = 0; p <= (int)part; p++) {
        for (size_t i = 0; i < (p < (int)part ? SPECS : spec); i++) {
            seed += proof->passed[p][specs[i].point] + 1;
        }
    }
    return seed;
}

/* All kinds in turn, each time at another of its passages; every fifth at the credentials. */
static void run_some(struct proof *proof)
{
    struct rng rng = {proof->args.first};
    for (uint64_t i = 0; i < proof->args.count && proof->failures < FAILURES_SHOWN; i++) {
        enum part part = i % 5 == 4 ? CREDENTIALS : LEDGER;
        size_t spec = (size_t)((proof->args.first + i) % SPECS);
        uint64_t passed = proof->passed[part][specs[spec].point];
        if (passed == 0) {
            continue;
        }
        uint64_t number = 1 + rng_below(&rng, passed);
        uint64_t seed = seed_of(proof, part, spec, number);
        proof->points[specs[spec].point] += run_one(proof, part, &specs[spec], number, seed);
    }
}

static void run_seed(struct proof *proof, uint64_t seed)
{
    enum part part = LEDGER;
    size_t spec = 0;
    uint64_t number = 1;
    find_seed(proof, seed, &part, &spec, &number);
    proof->points[specs[spec].point] += run_one(proof, part, &specs[spec], number, seed);
}

static void set_up(struct proof *proof)
{
    site_make_base(proof->base, sizeof proof->base);
    (void)snprintf(proof->root, sizeof proof->root, "%s/root", proof->base);
    (void)snprintf(proof->site.ledger, sizeof proof->site.ledger, "%s/ledger", proof->root);
    (void)snprintf(proof->site.log, sizeof proof->site.log, "%s/log/queue_log", proof->root);
    site_log_make(&proof->input, INPUT_SEED, CALLS);
    proof->site.input = &proof->input;
    proof->site.config = site_config(proof->site.ledger, proof->site.log, MAP_BYTES);
    proof->site.outside = site_outside_new();
    proof->site.rotate_at = proof->input.line_count / 2;
    site_join_set_up(&proof->join, proof->root);
    proof->why = mmap(NULL, sizeof *proof->why, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (proof->why == MAP_FAILED) {
        abort();
    }
}

static void tear_down(struct proof *proof)
{
    site_remove(proof->base);
    site_found_free(&proof->clean);
    site_log_free(&proof->input);
    site_join_tear_down(&proof->join);
    agent_config_free(proof->site.config);
}

static void sum_up(const struct proof *proof)
{
    (void)printf("proof points_agent: %" PRIu64 " lives with a fault, %" PRIu64 " met it, %" PRIu64
                 " ended by it; points:",
                 proof->runs, proof->met, proof->cuts);
    uint64_t points = 0;
    for (int i = 0; i < FAULTS_POINTS; i++) {
        (void)printf(" %s %" PRIu64, faults_point_str((enum faults_point)i), proof->points[i]);
        points += proof->points[i];
    }
    (void)printf(", together %" PRIu64 ": ", points);
    (void)(proof->failures > 0 ? printf("%" PRIu64 " FAILED\n", proof->failures) : printf("all hold\n"));
}

int main(int argc, char **argv)
{
    static struct proof proof;
    if (!site_args_read(argc, argv, &proof.args)) {
        return 2;
    }
    set_up(&proof);
    bool clean = run_clean(&proof, LEDGER) && run_clean(&proof, CREDENTIALS);
    for (int i = 0; clean && proof.args.verbose && i < FAULTS_POINTS; i++) {
        (void)printf("a clean life passes %s %" PRIu64 " times, joining %" PRIu64 " times\n",
                     faults_point_str((enum faults_point)i), proof.passed[LEDGER][i], proof.passed[CREDENTIALS][i]);
    }
    if (!clean) {
        (void)printf("proof points_agent: %s\n", proof.why->text);
    } else if (proof.args.count == UINT64_MAX) {
        run_all(&proof);
    } else if (proof.args.count == 1) {
        run_seed(&proof, proof.args.first);
    } else {
        run_some(&proof);
    }
    if (clean) {
        sum_up(&proof);
    }
    tear_down(&proof);
    return clean && proof.failures == 0 ? 0 : 1;
}
