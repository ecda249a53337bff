#include "tests/proof/world/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "tests/proof/world/branch.h"
#include "tests/proof/world/centre.h"
#include "tests/proof/world/verdict.h"

enum { LEFT_OUT_MAX = 64 };

struct fault {
    struct world_timer timer;
    struct world *world;
    enum fault_kind kind;
    uint32_t branch;
    int64_t at_ms;
    int64_t for_ms;
    int64_t number; /* what it is depends on the kind */
    bool happened;
    bool left_out;
    struct world_timer after; /* when it is over */
};

struct schedule {
    struct world *world;
    struct fault *faults;
    size_t count;
};

static unsigned left_out[LEFT_OUT_MAX];
static size_t left_out_count;

void schedule_leave_out(unsigned number)
{
    if (left_out_count < LEFT_OUT_MAX) {
        left_out[left_out_count++] = number;
    }
}

static const struct {
    const char *name;
    unsigned weight;
} kinds[FAULT_KINDS] = {[FAULT_LINE_DOWN] = {"line down", 10},
                        [FAULT_LINE_SLOW] = {"line slow", 5},
                        [FAULT_CUT] = {"connection cut", 6},
                        [FAULT_CUT_SILENTLY] = {"connection dead, nobody told", 5},
                        [FAULT_TRAP] = {"message lost or late", 16},
                        [FAULT_BUSY] = {"collector busy (5.03)", 4},
                        [FAULT_TURNED_AWAY] = {"request turned away once", 6},
                        [FAULT_CENTRE_KILLED] = {"collector killed", 6},
                        [FAULT_CENTRE_MACHINE] = {"collector's machine down", 3},
                        [FAULT_CENTRE_STOPPED] = {"collector stopped", 3},
                        [FAULT_STORE_LOST] = {"collector killed, its store lost", 0},
                        [FAULT_STORE_FULL] = {"store full", 3},
                        [FAULT_STORE_HICCUP] = {"a store commit fails", 3},
                        [FAULT_AGENT_KILLED] = {"agent killed between two steps", 12},
                        [FAULT_AGENT_DIES_IN_COMMIT] = {"agent killed at a commit", 8},
                        [FAULT_AGENT_STOPPED] = {"agent stopped", 4},
                        [FAULT_LEDGER_HICCUP] = {"a ledger commit fails", 3},
                        [FAULT_LEDGER_PUT_BACK] = {"older ledger put back", 5},
                        [FAULT_LEDGER_NEW] = {"ledger lost, made anew", 3},
                        [FAULT_BACKUP] = {"ledger backed up", 6},
                        [FAULT_SETTINGS] = {"threshold changed", 2},
                        [FAULT_REVOKED] = {"site revoked, joins again", 3},
                        [FAULT_ROTATED] = {"log rotated", 8},
                        [FAULT_PACKED] = {"rotated log packed", 4},
                        [FAULT_CLOCK] = {"clock set", 5},
                        [FAULT_PBX_KILLED] = {"PBX killed", 4},
                        [FAULT_PBX_STOPPED] = {"PBX restarted", 3},
                        [FAULT_PBX_RELOADED] = {"PBX reloaded", 2},
                        [FAULT_CHECK] = {"books looked at", 6}};

const char *schedule_kind_str(enum fault_kind kind)
{
    return kinds[kind].name;
}

static struct branch *branch_of(const struct fault *fault)
{
    return fault->world->branches[fault->branch];
}

static void until(struct fault *fault)
{
    world_arm(fault->world, &fault->after, fault->world->now_ms + fault->for_ms);
}

/* ---- what they do ---- */

static void on_line(struct fault *fault)
{
    struct branch *branch = branch_of(fault);
    int64_t end_ms = fault->world->now_ms + fault->for_ms;
    if (fault->kind == FAULT_LINE_DOWN) {
        branch->line_down_until_ms = end_ms > branch->line_down_until_ms ? end_ms : branch->line_down_until_ms;
    } else if (fault->kind == FAULT_LINE_SLOW) {
        branch->slow_until_ms = end_ms;
    } else if (fault->kind == FAULT_CUT) {
        wire_cut(branch);
    } else if (fault->kind == FAULT_CUT_SILENTLY) {
        wire_cut_silently(branch);
    } else {
        branch->trap = (enum wire_trap)fault->number;
    }
}

static void on_centre(struct fault *fault)
{
    static const unsigned codes[] = {403, 404, 412, 500, 501, 503};
    struct centre *centre = fault->world->centre;
    int64_t end_ms = fault->world->now_ms + fault->for_ms;
    switch (fault->kind) {
    case FAULT_BUSY: branch_of(fault)->busy_until_ms = end_ms; return;
    case FAULT_TURNED_AWAY:
        branch_of(fault)->refuse_next = codes[fault->number % 6];
        branch_of(fault)->refuse_after = fault->number / 6 % 2;
        return;
    case FAULT_STORE_FULL: centre_fill(centre, end_ms); return;
    case FAULT_STORE_HICCUP: centre_hiccup(centre); return;
    case FAULT_CENTRE_STOPPED: centre_stop(centre); break;
    case FAULT_STORE_LOST: centre_lose_store(centre); break;
    default: centre_kill(centre, fault->kind == FAULT_CENTRE_MACHINE); break;
    }
    centre_start_at(centre, end_ms);
}

static void on_agent(struct fault *fault)
{
    struct branch *branch = branch_of(fault);
    branch->dead_ms = fault->for_ms;
    if (!branch_is_up(branch)) {
        return;
    }
    if (fault->kind == FAULT_AGENT_KILLED) {
        branch->dies_in = (unsigned)fault->number;
    } else if (fault->kind == FAULT_AGENT_STOPPED || fault->kind == FAULT_SETTINGS) {
        branch_stop(branch);
        if (fault->kind == FAULT_SETTINGS) {
            branch_set_threshold(branch, (uint32_t)fault->number);
        }
        branch_start_at(branch, fault->world->now_ms + fault->for_ms);
    } else {
        branch->last_commits = (uint64_t)fault->number;
        branch->hiccup = fault->kind == FAULT_LEDGER_HICCUP;
    }
}

static void put_back(struct fault *fault)
{
    struct branch *branch = branch_of(fault);
    branch_kill(branch);
    branch_put_back(branch);
    branch_start_at(branch, fault->world->now_ms + fault->number * 10);
}

static void on_ledger(struct fault *fault)
{
    struct branch *branch = branch_of(fault);
    if (fault->kind == FAULT_BACKUP) {
        branch_back_up(branch);
    } else if (fault->kind == FAULT_LEDGER_NEW) {
        branch_kill(branch);
        branch_lose_ledger(branch);
        if (fault->number % 2) { /* the other half waits until the old one is forgotten */
            centre_join(fault->world->centre, branch);
        }
        branch_start_at(branch, fault->world->now_ms + fault->for_ms);
    } else if (branch->backup.len > 0) {
        put_back(fault);
    } else { /* it will be older when the time is over */
        branch_back_up(branch);
        until(fault);
    }
}

static void on_pbx(struct fault *fault)
{
    struct pbx *pbx = &branch_of(fault)->pbx;
    switch (fault->kind) {
    case FAULT_ROTATED: pbx_rotate(pbx, (enum pbx_rotation)(fault->number % 3)); break;
    case FAULT_PACKED: pbx_pack(pbx); break;
    case FAULT_CLOCK: (void)pbx_step_clock(pbx, fault->number); break;
    case FAULT_PBX_KILLED: pbx_kill(pbx, fault->for_ms); break;
    case FAULT_PBX_STOPPED: pbx_stop(pbx, fault->for_ms); break;
    default: pbx_reload(pbx); break;
    }
    branch_log_changed(branch_of(fault));
}

static void on_fault(void *ctx)
{
    struct fault *fault = ctx;
    world_note(fault->world, "fault", (int64_t)fault->kind, fault->branch, fault->for_ms);
    world_tell(fault->world, "---- %s, branch %u, for %lld ms, %lld", kinds[fault->kind].name, fault->branch,
               (long long)fault->for_ms, (long long)fault->number);
    fault->happened = true;
    if (fault->kind <= FAULT_TRAP) {
        on_line(fault);
    } else if (fault->kind <= FAULT_STORE_HICCUP) {
        on_centre(fault);
    } else if (fault->kind <= FAULT_LEDGER_HICCUP || fault->kind == FAULT_SETTINGS) {
        on_agent(fault);
    } else if (fault->kind <= FAULT_BACKUP) {
        on_ledger(fault);
    } else if (fault->kind == FAULT_REVOKED) {
        centre_revoke(fault->world->centre, branch_of(fault));
        until(fault);
    } else if (fault->kind == FAULT_CHECK) {
        verdict_between(fault->world);
    } else {
        on_pbx(fault);
    }
}

static void on_after(void *ctx)
{
    struct fault *fault = ctx;
    if (fault->kind == FAULT_REVOKED) {
        centre_join(fault->world->centre, branch_of(fault));
    } else if (fault->kind == FAULT_LEDGER_PUT_BACK) {
        put_back(fault);
    }
}

/* ---- which and when ---- */

static enum fault_kind pick_kind(struct rng *rng)
{
    unsigned sum = 0;
    for (int i = 0; i < FAULT_KINDS; i++) {
        sum += kinds[i].weight;
    }
    unsigned dice = (unsigned)rng_below(rng, sum);
    int kind = 0;
    while (dice >= kinds[kind].weight) {
        dice -= kinds[kind++].weight;
    }
    return (enum fault_kind)kind;
}

static int64_t pick_length(struct rng *rng, int64_t span_ms)
{
    switch (rng_below(rng, 4)) {
    case 0: return rng_between(rng, 100, 5000);
    case 1: return rng_between(rng, 5000, 3 * WORLD_MINUTE);
    case 2: return rng_between(rng, 3 * WORLD_MINUTE, 40 * WORLD_MINUTE);
    default: return rng_between(rng, 20 * WORLD_MINUTE, span_ms / 2);
    }
}

static int64_t pick_number(struct rng *rng, enum fault_kind kind)
{
    switch (kind) {
    case FAULT_TRAP: return rng_between(rng, WIRE_NO_TRAP + 1, WIRE_TRAPS - 1);
    case FAULT_AGENT_KILLED: return rng_between(rng, 1, 25);
    case FAULT_AGENT_DIES_IN_COMMIT:
    case FAULT_LEDGER_HICCUP: return rng_between(rng, 1, 8);
    case FAULT_SETTINGS: return rng_between(rng, 5, 60);
    case FAULT_CLOCK: {
        int64_t size_ms = rng_chance(rng, 50) ? rng_between(rng, 1000, 10 * WORLD_MINUTE)
                                              : rng_between(rng, 10 * WORLD_MINUTE, 3 * WORLD_HOUR);
        return rng_chance(rng, 50) ? size_ms : -size_ms;
    }
    default: return rng_between(rng, 0, 1000);
    }
}

/* Where the collector is killed, now and then its store is gone when it starts again. */
static enum fault_kind worsen(enum fault_kind kind, int64_t number)
{
    return kind == FAULT_CENTRE_KILLED && number % 3 == 0 ? FAULT_STORE_LOST : kind;
}

static int64_t longest(enum fault_kind kind, int64_t for_ms)
{
    int64_t max_ms = kind == FAULT_PBX_KILLED || kind == FAULT_PBX_STOPPED ? 10 * WORLD_MINUTE
                     : kind == FAULT_STORE_FULL                            ? 2 * (int64_t)WORLD_HOUR
                                                                           : INT64_MAX;
    return for_ms < max_ms ? for_ms : max_ms;
}

static int by_time(const void *a, const void *b)
{
    const struct fault *x = a;
    const struct fault *y = b;
    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

static void arm(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++) {
        struct fault *fault = &schedule->faults[i];
        fault->timer = (struct world_timer){.fire = on_fault, .ctx = fault};
        fault->after = (struct world_timer){.fire = on_after, .ctx = fault};
        for (size_t k = 0; k < left_out_count; k++) {
            fault->left_out |= left_out[k] == i;
        }
        if (!fault->left_out) {
            world_arm(schedule->world, &fault->timer, fault->at_ms);
        }
    }
}

/* Faults like company: half of them come soon after another one. */
struct schedule *schedule_new(struct world *world)
{
    struct schedule *schedule = world_zeroed(1, sizeof *schedule);
    struct rng rng = world_rng(world, 4);
    schedule->world = world;
    schedule->count = world->plan.fault_count;
    schedule->faults = world_zeroed(schedule->count, sizeof *schedule->faults);
    int64_t last_ms = 5 * WORLD_MINUTE;
    for (size_t i = 0; i < schedule->count; i++) {
        struct fault *fault = &schedule->faults[i];
        enum fault_kind kind = pick_kind(&rng);
        int64_t at_ms = rng_chance(&rng, 50) ? rng_between(&rng, WORLD_MINUTE, world->plan.span_ms - WORLD_SECOND)
                                             : last_ms + rng_between(&rng, 0, 90 * WORLD_SECOND);
        at_ms = at_ms < world->plan.span_ms ? at_ms : world->plan.span_ms - WORLD_SECOND;
        *fault = (struct fault){.world = world,
                                .kind = kind,
                                .branch = (uint32_t)rng_below(&rng, world->plan.branch_count),
                                .at_ms = at_ms,
                                .for_ms = longest(kind, pick_length(&rng, world->plan.span_ms)),
                                .number = pick_number(&rng, kind)};
        fault->kind = worsen(kind, fault->number);
        last_ms = at_ms;
    }
    qsort(schedule->faults, schedule->count, sizeof *schedule->faults, by_time);
    arm(schedule);
    return schedule;
}

static void heal_branch(struct world *world, struct branch *branch)
{
    branch->line_down_until_ms = world->now_ms;
    branch->slow_until_ms = 0;
    branch->busy_until_ms = 0;
    branch->trap = WIRE_NO_TRAP;
    branch->refuse_next = 0;
    branch->refuses_requests = false;
    branch->dies_in = 0;
    branch->last_commits = 0;
    memset(branch->pbx.queue_used, 0, sizeof branch->pbx.queue_used);
    if (branch->pbx.restart.armed) {
        world_arm(world, &branch->pbx.restart, world->now_ms);
    }
    branch_start(branch);
}

void schedule_heal(struct schedule *schedule)
{
    struct world *world = schedule->world;
    world_note(world, "all heals", 0, 0, 0);
    centre_start(world->centre);
    centre_fill(world->centre, 0);
    for (size_t i = 0; i < schedule->count && !world->failed; i++) {
        if (schedule->faults[i].after.armed) {
            world_disarm(&schedule->faults[i].after);
            on_after(&schedule->faults[i]);
        }
    }
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        heal_branch(world, world->branches[i]);
    }
}

void schedule_free(struct schedule *schedule)
{
    if (schedule) {
        free(schedule->faults);
        free(schedule);
    }
}

void schedule_print(const struct schedule *schedule, FILE *out)
{
    for (size_t i = 0; schedule && i < schedule->count; i++) {
        const struct fault *fault = &schedule->faults[i];
        char stamp[32];
        world_stamp(schedule->world, fault->at_ms, stamp);
        (void)fprintf(out, "  %2zu  %s  %s, branch %u, %lld s, %lld%s\n", i, stamp, kinds[fault->kind].name,
                      fault->branch, (long long)(fault->for_ms / 1000), (long long)fault->number,
                      fault->left_out   ? " (left out)"
                      : fault->happened ? ""
                                        : " (not any more)");
    }
}

void schedule_count(const struct schedule *schedule, uint64_t counts[FAULT_KINDS])
{
    for (size_t i = 0; i < schedule->count; i++) {
        counts[schedule->faults[i].kind] += schedule->faults[i].happened;
    }
}
