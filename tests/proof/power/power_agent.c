/* The agent and the power: at some write, sync, name, reservation or commit of a life the power fails, and the next
 * life finds what a disk could hold then: of what was not synced nothing, any of it, or a beginning. Of the log that
 * the PBX writes, which nobody syncs, the end may be gone too, also one that was counted. However often that happens:
 * the ledger opens, what was told to be durable is there, each interval waits for the collector or is held there as it
 * is, and when the log was read to its end all totals are those of the input. */
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
    SEEDS = 10000,
    MAP_BYTES = 512 * 1024,
    CUTS_MAX = 3,
    SECONDS_MAX = 60,
    NOT_RIGHT = 2,
    HEAD_BYTES = 1024, /* by so much a file is known where its end is gone */
    FAILURES_SHOWN = 10,
    JOINS = 16, /* every so many seeds it is a site that joins */
};

/* Where the power fails, and how often a life passes there at most. */
static const struct {
    enum faults_point point;
    uint64_t passed;
} moments[] = {{FAULTS_WRITE, 120}, {FAULTS_WRITE, 120}, {FAULTS_SYNC, 36}, {FAULTS_COMMIT, 32},
               {FAULTS_COMMIT, 12}, {FAULTS_NAME, 6},    {FAULTS_SPACE, 4}, {FAULTS_SYNC, 8}};
enum { MOMENTS = sizeof moments / sizeof moments[0] };

struct proof {
    struct site_args args;
    char base[64];
    char root[80];
    char cut[80];
    struct site site;
    struct site_log input;
    struct site_join join;
    struct site_why *why; /* shared with the processes */
    struct rng rng;
    bool joins;
    uint64_t cuts[FAULTS_STYLES];
    uint64_t at_end; /* of them, when all was done */
    uint64_t log_cuts;
    uint64_t log_losses; /* of them, of lines that were counted */
    uint64_t failures;
};

static void fresh(struct proof *proof)
{
    site_remove(proof->root);
    site_remove(proof->cut);
    (void)unlink(proof->site.log);
    char old[SITE_PATH_MAX + 8];
    (void)snprintf(old, sizeof old, "%s.1", proof->site.log);
    (void)unlink(old);
    if (mkdir(proof->root, 0700) != 0) {
        perror(proof->root);
        exit(2);
    }
    memset(proof->site.outside, 0, sizeof *proof->site.outside);
    memset(proof->join.outside, 0, sizeof *proof->join.outside);
    proof->why->text[0] = '\0';
}

static int run(struct proof *proof)
{
    return proof->joins ? site_join_run(&proof->join, 1) : site_run(&proof->site, 1);
}

static bool is_whole(struct proof *proof)
{
    return proof->joins ? site_join_is_whole(&proof->join, proof->why) : site_is_whole(&proof->site, proof->why);
}

struct cut {
    size_t moment;
    uint64_t number;
    uint64_t seed;
    enum faults_style style;
};

/* Looks at what the life before left, then lives. */
static void begin(struct proof *proof)
{
    (void)alarm(SECONDS_MAX);
    if (!is_whole(proof)) {
        exit(NOT_RIGHT);
    }
}

/* A life that the power ends: at the moment, or when all is done. Does not return. */
static void live(struct proof *proof, const struct cut *cut)
{
    begin(proof);
    faults_watch(proof->root);
    if (faults_platter_begin() != 0) {
        _exit(NOT_RIGHT);
    }
    faults_platter_cut_at(moments[cut->moment].point, cut->number, proof->cut, cut->seed, cut->style);
    int status = run(proof);
    if (status != 0) {
        (void)snprintf(proof->why->text, sizeof proof->why->text, "a life without faults failed: %d", status);
        _exit(NOT_RIGHT);
    }
    status = faults_platter_cut(proof->cut, cut->seed, cut->style);
    faults_platter_end();
    faults_watch(NULL);
    exit(status == 0 ? 0 : NOT_RIGHT);
}

/* The last life, on a disk that stays. */
static void live_on(struct proof *proof)
{
    struct site_found found = {0};
    begin(proof);
    int status = run(proof);
    if (status == 0 && !proof->joins) {
        status = site_send_all(&proof->site);
    }
    if (status != 0) {
        (void)snprintf(proof->why->text, sizeof proof->why->text, "the last life does not get to its end: %d", status);
        exit(NOT_RIGHT);
    }
    bool fine = is_whole(proof);
    if (fine && !proof->joins) {
        fine = site_is_right(&proof->site, &found, proof->why);
        site_found_free(&found);
    }
    exit(fine ? 0 : NOT_RIGHT);
}

/* A life in a process of its own: until the cut, or (NULL) the last. */
static int in_a_process(struct proof *proof, const struct cut *cut)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0 && cut) {
        live(proof, cut);
    } else if (child == 0) {
        live_on(proof);
    }
    int ended = -1;
    while (child > 0 && waitpid(child, &ended, 0) != child) {
    }
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
}

/* ---- the log ---- */

static uint64_t lines_counted(const struct site *site)
{
    struct ledger *ledger = NULL;
    struct ledger_view *view = NULL;
    struct ledger_facts facts = {0};
    if (ledger_open_readonly(site->ledger, &ledger) != 0) {
        return 0;
    }
    if (ledger_view_begin(ledger, &view) == 0) {
        (void)ledger_view_facts(view, &facts);
        ledger_view_end(view);
    }
    ledger_close(ledger);
    return facts.quality[QUALITY_LINES];
}

static uint64_t bytes_of(const struct site *site, uint64_t first, uint64_t end)
{
    uint64_t bytes = 0;
    for (uint64_t i = first; i < end; i++) {
        bytes += strlen(site->input->lines[i].text) + 1;
    }
    return bytes;
}

/* The end of the live file is gone. Lines that were counted are not written again, the others are: in both cases what
 * the input amounts to is to be counted. */
static void lose_log(struct proof *proof, bool last)
{
    struct site *site = &proof->site;
    struct site_outside *outside = site->outside;
    uint64_t counted = lines_counted(site);
    uint64_t first = outside->rotations > 0 ? site->rotate_at : 0;
    uint64_t least = counted > first ? counted : first;
    if (least > outside->lines_written) {
        return;
    }
    uint64_t kept = (uint64_t)rng_between(&proof->rng, (int64_t)least, (int64_t)outside->lines_written);
    if (last && rng_chance(&proof->rng, 60)) {
        uint64_t some = (uint64_t)rng_between(&proof->rng, (int64_t)first, (int64_t)least);
        if (some < counted && bytes_of(site, first, some) >= HEAD_BYTES + 128) {
            kept = some;
            outside->log_lost = true;
            proof->log_losses++;
        }
    }
    proof->log_cuts += kept < outside->lines_written;
    outside->lines_written = kept < least ? least : kept;
    if (truncate(site->log, (off_t)bytes_of(site, first, kept)) != 0 && kept > first) {
        perror(site->log);
        exit(2);
    }
}

/* ---- one seed ---- */

static bool wrong(struct proof *proof, const char *what, int ended)
{
    char reason[sizeof proof->why->text];
    (void)snprintf(reason, sizeof reason, "%s", proof->why->text);
    (void)snprintf(proof->why->text, sizeof proof->why->text, "%s (%d)%s%.400s", what, ended, reason[0] ? ": " : "",
                   reason);
    return false;
}

static bool cut_once(struct proof *proof, unsigned number, bool last)
{
    struct cut cut = {.moment = (size_t)rng_below(&proof->rng, MOMENTS),
                      .seed = rng_next(&proof->rng),
                      .style = (enum faults_style)rng_below(&proof->rng, FAULTS_STYLES)};
    cut.number = 1 + rng_below(&proof->rng, proof->joins ? 9 : moments[cut.moment].passed / (number + 1));
    int ended = in_a_process(proof, &cut);
    if (ended != FAULTS_EXIT && ended != 0) {
        return wrong(proof, "a life", ended);
    }
    proof->cuts[cut.style]++;
    proof->at_end += ended == 0;
    site_remove(proof->root);
    if (rename(proof->cut, proof->root) != 0) {
        perror(proof->cut);
        exit(2);
    }
    if (proof->args.verbose) {
        (void)printf("  power fails at %s %" PRIu64 "%s, style %d\n", faults_point_str(moments[cut.moment].point),
                     cut.number, ended == 0 ? " (at the end)" : "", (int)cut.style);
    }
    if (!proof->joins && rng_chance(&proof->rng, 40)) {
        lose_log(proof, last);
    }
    return true;
}

static bool run_seed(struct proof *proof, uint64_t seed)
{
    proof->rng = (struct rng){seed * 2654435761U + 1};
    proof->joins = seed % JOINS == JOINS - 1;
    fresh(proof);
    site_log_make(&proof->input, seed, (unsigned)rng_between(&proof->rng, 15, 45));
    proof->site.input = &proof->input;
    proof->site.rotate_at = rng_chance(&proof->rng, 70) ? 1 + rng_below(&proof->rng, proof->input.line_count - 1) : 0;
    unsigned cuts = 1 + (unsigned)rng_below(&proof->rng, CUTS_MAX);
    bool fine = true;
    for (unsigned i = 0; i < cuts && fine; i++) {
        fine = cut_once(proof, i, i + 1 == cuts);
    }
    if (fine) {
        int ended = in_a_process(proof, NULL);
        fine = ended == 0 || wrong(proof, "the last life", ended);
    }
    site_log_free(&proof->input);
    return fine;
}

static void set_up(struct proof *proof)
{
    site_make_base(proof->base, sizeof proof->base);
    (void)snprintf(proof->root, sizeof proof->root, "%s/root", proof->base);
    (void)snprintf(proof->cut, sizeof proof->cut, "%s/cut", proof->base);
    (void)snprintf(proof->site.ledger, sizeof proof->site.ledger, "%s/ledger", proof->root);
    (void)snprintf(proof->site.log, sizeof proof->site.log, "%s/queue_log", proof->base);
    proof->site.config = site_config(proof->site.ledger, proof->site.log, MAP_BYTES);
    proof->site.outside = site_outside_new();
    site_join_set_up(&proof->join, proof->root);
    proof->why = mmap(NULL, sizeof *proof->why, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (proof->why == MAP_FAILED) {
        abort();
    }
}

int main(int argc, char **argv)
{
    static struct proof proof;
    if (!site_args_read(argc, argv, &proof.args)) {
        return 2;
    }
    uint64_t count = proof.args.count == UINT64_MAX ? SEEDS : proof.args.count;
    set_up(&proof);
    for (uint64_t i = 0; i < count && proof.failures < FAILURES_SHOWN; i++) {
        uint64_t seed = proof.args.first + i;
        if (!run_seed(&proof, seed)) {
            proof.failures++;
            (void)printf("%s\n  proof_power_agent --seed %" PRIu64 "\n", proof.why->text, seed);
        }
    }
    (void)printf("proof power_agent: %" PRIu64 " seeds, the power failed %" PRIu64 " times (%" PRIu64
                 " nothing kept, %" PRIu64 " any of it, %" PRIu64 " a beginning; %" PRIu64
                 " after all was done), the log lost its end %" PRIu64 " times, %" PRIu64 " of them counted lines: ",
                 count, proof.cuts[0] + proof.cuts[1] + proof.cuts[2], proof.cuts[FAULTS_NONE_KEPT],
                 proof.cuts[FAULTS_ANY_KEPT], proof.cuts[FAULTS_PREFIX_KEPT], proof.at_end, proof.log_cuts,
                 proof.log_losses);
    (void)(proof.failures > 0 ? printf("%" PRIu64 " FAILED\n", proof.failures) : printf("all hold\n"));
    site_remove(proof.base);
    site_join_tear_down(&proof.join);
    agent_config_free(proof.site.config);
    return proof.failures == 0 ? 0 : 1;
}
