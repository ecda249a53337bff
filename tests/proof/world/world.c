#include "tests/proof/world/world.h"

#undef NDEBUG
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "tests/proof/world/branch.h"
#include "tests/proof/world/centre.h"
#include "tests/proof/world/schedule.h"
#include "tests/proof/world/verdict.h"
#include "tests/proof/world/wire.h"

struct world_entry {
    int64_t at_ms;
    uint64_t number;
    uint64_t generation;
    struct world_timer *timer;
};

void *world_zeroed(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    assert(memory);
    return memory;
}

struct rng world_rng(const struct world *world, uint64_t stream)
{
    struct rng rng = {world->seed * UINT64_C(0x2545f4914f6cdd1d) + stream * UINT64_C(0x9e3779b97f4a7c15)};
    (void)rng_next(&rng);
    return rng;
}

/* ---- the clock ---- */

static bool is_before(const struct world_entry *a, const struct world_entry *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->number < b->number);
}

static void push(struct world *world, struct world_entry entry)
{
    struct world_entry *heap = grow_array(world->heap, world->heap_count, &world->heap_cap, sizeof *heap);
    assert(heap);
    world->heap = heap;
    size_t at = world->heap_count++;
    while (at > 0 && is_before(&entry, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

static struct world_entry pop(struct world *world)
{
    struct world_entry *heap = world->heap;
    struct world_entry first = heap[0];
    struct world_entry last = heap[--world->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->heap_count) {
            break;
        }
        if (child + 1 < world->heap_count && is_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_before(&heap[child], &last)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

void world_arm(struct world *world, struct world_timer *timer, int64_t at_ms)
{
    at_ms = at_ms > world->now_ms ? at_ms : world->now_ms;
    if (timer->armed && timer->at_ms == at_ms) {
        return;
    }
    timer->at_ms = at_ms;
    timer->armed = true;
    timer->generation++;
    push(world, (struct world_entry){at_ms, world->next_number++, timer->generation, timer});
}

void world_disarm(struct world_timer *timer)
{
    timer->armed = false;
    timer->generation++;
}

void world_run_until(struct world *world, int64_t until_ms)
{
    while (world->heap_count > 0 && world->heap[0].at_ms <= until_ms && !world->failed) {
        struct world_entry entry = pop(world);
        if (!entry.timer->armed || entry.timer->generation != entry.generation) {
            continue;
        }
        world->now_ms = entry.at_ms;
        world->tally.events++;
        entry.timer->armed = false;
        entry.timer->fire(entry.timer->ctx);
    }
    if (!world->failed) {
        world->now_ms = until_ms;
    }
}

int64_t world_centre_wall_ms(const struct world *world)
{
    return world->plan.start_wall_ms + world->now_ms;
}

/* ---- what is told ---- */

void world_stamp(const struct world *world, int64_t at_ms, char out[32])
{
    (void)world;
    int64_t s = at_ms / 1000;
    (void)snprintf(out, 32, "%lld:%02lld:%02lld.%03lld", (long long)(s / 3600), (long long)(s / 60 % 60),
                   (long long)(s % 60), (long long)(at_ms % 1000));
}

static void tell_line(const struct world *world, const char *format, va_list args)
{
    char stamp[32];
    world_stamp(world, world->now_ms, stamp);
    (void)printf("%s  ", stamp);
    (void)vprintf(format, args);
    (void)printf("\n");
}

static void mix(struct world *world, uint64_t value)
{
    world->digest = (world->digest ^ value) * UINT64_C(0x100000001b3);
    world->digest ^= world->digest >> 29;
}

void world_note(struct world *world, const char *what, int64_t a, int64_t b, int64_t c)
{
    for (const char *at = what; *at; at++) {
        mix(world, (uint8_t)*at);
    }
    mix(world, (uint64_t)world->now_ms);
    mix(world, (uint64_t)a);
    mix(world, (uint64_t)b);
    mix(world, (uint64_t)c);
    if (world->verbose) {
        world_tell(world, "%s %lld %lld %lld", what, (long long)a, (long long)b, (long long)c);
    }
}

void world_tell(struct world *world, const char *format, ...)
{
    if (world->verbose) {
        va_list args;
        va_start(args, format);
        tell_line(world, format, args);
        va_end(args);
    }
}

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failed) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(world->why, sizeof world->why, format, args);
    va_end(args);
    world->failed = true;
    world->failed_ms = world->now_ms;
    world_tell(world, "WRONG: %s", world->why);
}

/* ---- one seed ---- */

/* Sundays on which clocks change in Europe and in America among them. */
static const int64_t starts_s[] = {1774738800, 1792882800, 1793505600, 1772953200, 1795284000, 1767218400};

static void make_plan(struct world *world)
{
    struct rng rng = world_rng(world, 1);
    struct world_plan *plan = &world->plan;
    unsigned kind = (unsigned)rng_below(&rng, 10); /* hours, a day, days */
    plan->branch_count = (size_t)rng_between(&rng, 2, kind < 7 ? WORLD_BRANCHES_MAX : 3);
    plan->queue_count = (uint32_t)rng_between(&rng, 1, WORLD_QUEUES_MAX);
    static const uint32_t short_ones[] = {60, 300, 900};
    plan->interval_s = kind < 7 ? short_ones[rng_below(&rng, 3)] : 900;
    plan->span_ms = kind < 7   ? rng_between(&rng, 2 * 60, 5 * 60) * WORLD_MINUTE
                    : kind < 9 ? rng_between(&rng, 16, 28) * WORLD_HOUR
                               : rng_between(&rng, 40, 72) * WORLD_HOUR;
    plan->heartbeat_ms = kind < 7 ? 30 * WORLD_SECOND : kind < 9 ? 60 * WORLD_SECOND : 180 * WORLD_SECOND;
    plan->retry_max_ms = rng_between(&rng, 10, 60) * WORLD_SECOND;
    plan->commit_ms = rng_chance(&rng, 70) ? 1000 : rng_between(&rng, 1, 50) * 100;
    plan->call_pace_ms = plan->span_ms / rng_between(&rng, 40, 160);
    plan->start_wall_ms = starts_s[rng_below(&rng, sizeof starts_s / sizeof starts_s[0])] * 1000 +
                          rng_between(&rng, -6 * 3600, 6 * 3600) * 1000 + rng_between(&rng, 0, 999);
    plan->live = rng_chance(&rng, 85);
    plan->fault_count = (size_t)rng_between(&rng, 6, 26);
    world_note(world, "plan", (int64_t)plan->branch_count, plan->span_ms, (int64_t)plan->interval_s);
}

static void open_all(struct world *world)
{
    world->wire = wire_new(world);
    world->centre = centre_new(world);
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        world->branches[i] = branch_new(world, (uint32_t)i);
    }
    centre_start(world->centre);
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        branch_start(world->branches[i]);
    }
    world->schedule = schedule_new(world);
}

/* How long catching up may take once nothing hinders it: a request without an answer is waited for six heartbeats at
 * most, then there is one try after another, each at most retry_max and a quarter apart; an old ledger counts for 90 s
 * after it was last heard of. */
static int64_t bound_ms(const struct world *world)
{
    return 6 * world->plan.heartbeat_ms + 3 * world->plan.retry_max_ms + 180 * WORLD_SECOND;
}

static void each_branch(struct world *world, void (*fn)(struct branch *branch))
{
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        fn(world->branches[i]);
    }
}

/* Where a clock was set back, what was counted before is yet to come, and is over when the clock says so. */
static int64_t ahead_ms(const struct world *world)
{
    int64_t most_ms = 0;
    for (size_t i = 0; i < world->plan.branch_count; i++) {
        const struct pbx *pbx = &world->branches[i]->pbx;
        int64_t by_ms = pbx_newest_ms(pbx) - pbx_wall_ms(pbx);
        most_ms = by_ms > most_ms ? by_ms : most_ms;
    }
    return most_ms;
}

/* Calls go on, then nobody moves for a while with calls under way, then they end. */
static void run_to_the_end(struct world *world)
{
    int64_t heal_ms = world->plan.span_ms;
    world_run_until(world, heal_ms);
    schedule_heal(world->schedule);
    world_run_until(world, heal_ms + bound_ms(world));
    each_branch(world, branch_freeze);
    world_run_until(world, world->now_ms + 4 * world->plan.commit_ms + 30 * WORLD_SECOND);
    verdict_steady(world, heal_ms);
    each_branch(world, branch_drain);
    world_run_until(world, world->now_ms + 30 * WORLD_SECOND);
    world_run_until(world, world->now_ms + ahead_ms(world) + (int64_t)world->plan.interval_s * 1000 + bound_ms(world));
    verdict_end(world);
}

bool world_run(struct world *world)
{
    world->digest = UINT64_C(0xcbf29ce484222325);
    make_plan(world);
    open_all(world);
    run_to_the_end(world);
    world->tally.virtual_ms = world->now_ms;
    world->tally.branch_ms = (uint64_t)world->now_ms * world->plan.branch_count;
    return !world->failed;
}

void world_free(struct world *world)
{
    schedule_free(world->schedule);
    for (size_t i = 0; i < WORLD_BRANCHES_MAX; i++) {
        branch_free(world->branches[i]);
    }
    centre_free(world->centre);
    wire_free(world->wire);
    free(world->heap);
    free(world);
}
