/* A collector that lost its store: what it had is sent again, once, and nothing where it has what it had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sync/world.h"

enum { MAP_BYTES = 8 << 20, MINUTE_MS = 60 * 1000, PAST = 500, QUEUES = 5, INTERVALS = PAST * QUEUES };

static int setup(void **state)
{
    *state = world_new(1, MAP_BYTES);
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* More than one step marks. */
static void deliver_past(struct world *world, int past)
{
    for (int i = past; i > 0; i--) {
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            world_put(world, queue, WORLD_START_S - 900 * (int64_t)i, 3);
        }
    }
    world_start(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), past * QUEUES);
    assert_int_equal(world->trail_count, past * QUEUES);
}

static void deliver(struct world *world)
{
    deliver_past(world, PAST);
}

static void add_gap(struct world *world, const char *reason)
{
    struct ledger_gap gap = {.from_ms = WORLD_START_S * 1000 - 9000, .to_ms = WORLD_START_S * 1000 - 5000};
    (void)snprintf(gap.reason, sizeof gap.reason, "%s", reason);
    assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
    ledger_add_gap(world->ledger, &gap);
    assert_int_equal(ledger_end(world->ledger), 0);
}

static void a_lost_store_gets_everything_again(void **state)
{
    struct world *world = *state;
    world->store = 7;
    add_gap(world, "log missing");
    deliver(world);
    size_t lives = world->live_count;
    world_lose_store(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), INTERVALS);
    assert_int_equal(world->trail_count, 2 * INTERVALS);
    for (size_t i = INTERVALS + 1; i < world->trail_count; i++) { /* newest first */
        const struct world_sent *before = &world->trail[i - 1];
        const struct world_sent *sent = &world->trail[i];
        assert_true(sent->start_s < before->start_s ||
                    (sent->start_s == before->start_s && sent->queue < before->queue));
    }
    assert_int_equal(world_facts(world).resends, 1);
    assert_int_equal(world_facts(world).resent_intervals, INTERVALS);
    /* the first thing it heard is that all of it waits; gaps come again */
    const struct world_live *first = &world->lives[lives];
    assert_true(first->dirty > 0);
    assert_int_equal(first->oldest_dirty_s, WORLD_START_S - 900 * (int64_t)PAST);
    assert_int_equal(first->gap_count, 1);
    assert_string_equal(first->first_gap, "log missing");
    assert_int_equal(world_backlog(world).dirty, 0);
    assert_int_equal(world->lives[world->live_count - 1].dirty, 0);
}

static void the_same_store_gets_nothing_again(void **state)
{
    struct world *world = *state;
    world->store = 7;
    deliver(world);
    for (int i = 0; i < 3; i++) {
        world_reopen(world);
        world_run(world, MINUTE_MS);
    }
    assert_int_equal(world->hellos, 4);
    assert_int_equal(world->trail_count, INTERVALS);
    assert_int_equal(world_facts(world).resends, 0);
}

/* One that does not tell of its store, and the first that does. */
static void the_first_that_tells_is_noted(void **state)
{
    struct world *world = *state;
    deliver(world);
    world_reopen(world);
    world_run(world, MINUTE_MS);
    world->store = 9;
    world_reopen(world);
    world_run(world, MINUTE_MS);
    world->store = 0; /* went back to an older version */
    world_reopen(world);
    world_run(world, MINUTE_MS);
    world->store = 9;
    world_reopen(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world->trail_count, INTERVALS);
    world_lose_store(world);
    world_reopen(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world->trail_count, 2 * INTERVALS);
    assert_int_equal(world_assert_same(world, 0), INTERVALS);
}

/* The daemon ends between two steps. */
static void an_end_in_between_begins_anew(void **state)
{
    struct world *world = *state;
    world->store = 7;
    deliver(world);
    world->answer_code = 500; /* nothing is taken for now */
    world_lose_store(world);
    world_reopen(world);
    uint64_t dirty = 0;
    for (int i = 0; i < 1000 && dirty == 0; i++) {
        world_run(world, 1);
        dirty = world_backlog(world).dirty;
    }
    assert_true(dirty > 0 && dirty < INTERVALS);
    world_reopen(world);
    world->answer_code = 0;
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), INTERVALS);
    assert_int_equal(world_facts(world).resent_intervals, INTERVALS);
}

static void cut(struct world *world)
{
    assert_true(world->linked);
    world->linked = false;
    world->connection++;
    sync_closed(world->sync, world->now_ms, "cut");
}

static void what_is_marked_goes_while_the_rest_is(void **state)
{
    struct world *world = *state;
    world->store = 7;
    deliver_past(world, 5 * PAST);
    world_lose_store(world);
    while (world_facts(world).resends == 0) {
        world_run(world, 1);
    }
    assert_true(world_facts(world).acked_intervals > 5 * INTERVALS + 1000);
}

/* It goes on where it was. */
static void a_lost_line_does_not_hold_it_up(void **state)
{
    struct world *world = *state;
    world->store = 7;
    const size_t intervals = (size_t)5 * INTERVALS;
    world->options.window = 1;
    deliver_past(world, 5 * PAST);
    world_lose_store(world);
    while (world_facts(world).acked_intervals < intervals + 2000) {
        world_run(world, 1);
    }
    assert_int_equal(world_facts(world).resends, 0);
    cut(world);
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), intervals);
    assert_int_equal(world_facts(world).resends, 1);
    assert_int_equal(world_facts(world).resent_intervals, intervals);
    assert_in_range(world->trail_count, 2 * intervals, 2 * intervals + 1000); /* one batch was under way */
}

static void what_was_refused_is_told_anew(void **state)
{
    struct world *world = *state;
    world->store = 7;
    deliver(world);
    world_put(world, QUEUES + 1, WORLD_START_S - 900 * 3, WORLD_REFUSED_CALLS);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_backlog(world).refused, 1);
    world_lose_store(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world->trail_count, 2 * (INTERVALS + 1));
    assert_int_equal(world_backlog(world).refused, 1);
    world_run(world, 60 * MINUTE_MS);
    assert_int_equal(world->trail_count, 2 * (INTERVALS + 1));
}

static double at_once(void *ctx)
{
    (void)ctx;
    return 0;
}

/* An answer of the store before is not written down yet when the next one is met: it must not count for that. */
static void an_answer_of_before_does_not_count(void **state)
{
    struct world *world = *state;
    world->store = 7;
    world->options.random = at_once;
    deliver(world);
    world_put(world, 2, WORLD_START_S - 900, 5);
    while (world_facts(world).acked_intervals == INTERVALS) {
        world_run(world, 1);
    }
    assert_int_equal(world_backlog(world).dirty, 1);
    world_lose_store(world);
    world_run(world, 100);
    assert_int_equal(world->hellos, 2);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), INTERVALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lost_store_gets_everything_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_store_gets_nothing_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_that_tells_is_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_in_between_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_marked_goes_while_the_rest_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_line_does_not_hold_it_up, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_refused_is_told_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_of_before_does_not_count, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
