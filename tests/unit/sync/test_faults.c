/* Whatever happens on the line, to the collector and to the ledger: when it becomes quiet, both hold the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sync/world.h"

enum { SEEDS = 500, STEPS = 40, MAP_BYTES = 1 << 20 };

static void set_faults(struct world *world)
{
    struct rng *rng = &world->rng;
    world->fault = (struct world_fault){.lose_request = (unsigned)rng_below(rng, 15),
                                        .lose_answer = (unsigned)rng_below(rng, 15),
                                        .close = (unsigned)rng_below(rng, 15),
                                        .wait = (unsigned)rng_below(rng, 8),
                                        .error = (unsigned)rng_below(rng, 8),
                                        .connect_fails = (unsigned)rng_below(rng, 50),
                                        .forgets_names = (unsigned)rng_below(rng, 10),
                                        .request_fails = (unsigned)rng_below(rng, 5),
                                        .delay_max_ms = rng_between(rng, 1, 20000)};
    world->max_age_s = (uint32_t)rng_below(rng, 90);
    world->store = rng_chance(rng, 60) ? 1 : 0;
    world->options.live = rng_chance(rng, 70);
    world->options.window = (uint32_t)rng_between(rng, 1, 6);
    world->options.payload_max = rng_chance(rng, 50) ? 1024 : LIMITS_PAYLOAD_MAX;
    world->largest_payload = rng_chance(rng, 20) ? 1100 : LIMITS_PAYLOAD_MAX;
    world->intervals_keep_ms = rng_chance(rng, 30) ? INT64_C(40) * 900 * 1000 : 0;
}

static void change_content(struct world *world)
{
    struct rng *rng = &world->rng;
    unsigned count = (unsigned)rng_below(rng, 12);
    for (unsigned i = 0; i < count; i++) {
        int64_t back = rng_chance(rng, 50) ? 0 : rng_between(rng, 0, 60);
        uint32_t queue = (uint32_t)rng_between(rng, 1, WORLD_QUEUES);
        int64_t start_s = world_start_s(world) - back * 900;
        if (rng_chance(rng, 2)) {
            world_surpass(world, queue, start_s, rng_below(rng, 5000));
        }
        world_put(world, queue, start_s, (unsigned)rng_below(rng, 25));
    }
}

static void tend(struct world *world)
{
    bool more = true;
    while (more) {
        assert_int_equal(ledger_tend(world->ledger, world_wall_ms(world), &more), 0);
    }
}

static void step(struct world *world)
{
    struct rng *rng = &world->rng;
    if (rng_chance(rng, 3) && world->store != 0) {
        world_lose_store(world);
    }
    change_content(world);
    if (rng_chance(rng, 10)) {
        world_commit_leg(world, rng_below(rng, 5) + 1, 1, (enum leg_state)rng_below(rng, 5), world_wall_ms(world));
    }
    if (rng_chance(rng, 5)) {
        world_reopen(world);
    }
    if (rng_chance(rng, 5)) {
        tend(world);
    }
    if (rng_chance(rng, 5)) {
        world->up = !world->up;
    }
    if (rng_chance(rng, 3)) {
        world->wall_step_ms = rng_between(rng, -3600, 3600) * 1000;
    }
    world_run(world, rng_between(rng, 0, rng_chance(rng, 50) ? 3000 : 200000));
}

static void become_quiet(struct world *world)
{
    world->fault = (struct world_fault){.delay_max_ms = 50};
    world->up = true;
    world->wall_step_ms = 0;
    tend(world);
    world_run(world, INT64_C(3) * 3600 * 1000); /* what was open is over, also where the clock was an hour ahead */
}

static void run(uint64_t seed)
{
    struct world *world = world_new(seed, MAP_BYTES);
    set_faults(world);
    ledger_close(world->ledger);
    world->ledger = NULL;
    world_reopen(world);
    for (unsigned i = 0; i < STEPS; i++) {
        step(world);
    }
    become_quiet(world);
    assert_true(world_assert_same(world, seed) > 0);
    world_free(world);
}

static void both_hold_the_same_in_the_end(void **state)
{
    (void)state;
    const char *only = getenv("SYNC_SEED");
    if (only) {
        run(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_hold_the_same_in_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
