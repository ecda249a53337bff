/* How often, how long, how soon: the live view, the heartbeat, open intervals, waiting and giving up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sync/world.h"

enum { MAP_BYTES = 4 << 20 };

static const int64_t MINUTE_MS = 60 * 1000;

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

static const struct world_live *last_live(const struct world *world)
{
    assert_true(world->live_count > 0);
    return &world->lives[world->live_count - 1];
}

static void the_heartbeat_is_steady(void **state)
{
    struct world *world = *state;
    world_start(world);
    sync_set_lag(world->sync, 77);
    world_run(world, 60 * MINUTE_MS);
    assert_true(world->live_count >= 119 && world->live_count <= 121);
    for (size_t i = 1; i < world->live_count; i++) {
        assert_int_equal(world->lives[i].at_ms - world->lives[i - 1].at_ms, 30000);
        assert_true(!world->lives[i].all && world->lives[i].live_count == 0 && world->lives[i].quality_count == 0);
    }
    assert_true(world->lives[0].all && world->lives[0].quality_count == QUALITY_COUNT);
    assert_int_equal(last_live(world)->lag_ms, 77);
    assert_int_equal(world->connects, 1);
}

static void the_live_view_tells_what_changed(void **state)
{
    struct world *world = *state;
    int64_t enter_ms = world_wall_ms(world);
    world_commit_leg(world, 1, 1, LEG_WAITING, enter_ms);
    world_commit_leg(world, 2, 1, LEG_RINGING, enter_ms + 1);
    world_commit_leg(world, 3, 2, LEG_HELD, enter_ms);
    world_start(world);
    world_run(world, 2000);
    const struct world_live *live = last_live(world);
    assert_true(world->live_count == 1 && live->all && live->live_count == 2 && live->name_count == 2);
    assert_true(live->live[0].queue == 1 && live->live[0].waiting == 2 && live->live[0].talking == 0);
    assert_true(live->live[0].oldest_enter_ms == enter_ms && live->live[0].ready == -1 && live->live[0].paused == -1);
    assert_true(live->live[1].queue == 2 && live->live[1].waiting == 0 && live->live[1].talking == 1);
    for (int64_t i = 0; i < 60; i++) { /* a change every half second */
        world_commit_leg(world, 10 + (uint64_t)i, 3, LEG_WAITING, enter_ms + i);
        world_run(world, 500);
    }
    live = last_live(world);
    assert_true(world->live_count >= 6 && world->live_count <= 8); /* 5 s apart */
    assert_true(!live->all && live->live_count == 1 && live->live[0].queue == 3 && live->name_count == 0);
    world_run(world, 6000);
    assert_int_equal(last_live(world)->live[0].waiting, 60);
    world_commit_leg(world, 1, 1, LEG_DONE, enter_ms);
    world_run(world, 6000);
    live = last_live(world);
    assert_true(live->live_count == 1 && live->live[0].waiting == 1 && live->live[0].oldest_enter_ms == enter_ms + 1);
}

static void a_new_connection_is_told_all(void **state)
{
    struct world *world = *state;
    world_commit_leg(world, 1, 4, LEG_WAITING, world_wall_ms(world));
    world_start(world);
    world_run(world, 2000);
    world->fault.close = 100;
    world_run(world, 31000);
    world->fault.close = 0;
    world_run(world, 5000);
    assert_true(world->connects > 1);
    const struct world_live *live = last_live(world);
    assert_true(live->all && live->live_count == 1 && live->live[0].queue == 4 && live->name_count == 1);
    assert_int_equal(live->quality_count, QUALITY_COUNT);
}

static void without_the_live_view_only_what_is_over_goes(void **state)
{
    struct world *world = *state;
    world->options.live = false;
    world_commit_leg(world, 1, 1, LEG_WAITING, world_wall_ms(world));
    world_start(world);
    for (unsigned i = 0; i < 14; i++) {
        world_put(world, 1, world_start_s(world), 20 + i);
        world_run(world, MINUTE_MS);
    }
    assert_int_equal(world->trail_count, 0);
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world->trail_count, 1);
    const struct world_sent *sent = &world->trail[0];
    assert_false(sent->open);
    int64_t end_ms = WORLD_NOW_MS + 900 * 1000;
    assert_true(sent->at_ms >= end_ms && sent->at_ms < end_ms + 10);
    for (size_t i = 0; i < world->live_count; i++) {
        assert_true(world->lives[i].live_count == 0 && !world->lives[i].all);
    }
}

static void an_open_interval_goes_once_a_minute(void **state)
{
    struct world *world = *state;
    world_start(world);
    for (unsigned i = 0; i < 1800; i++) { /* all the time calls */
        world_put(world, 1, world_start_s(world), i % 900);
        world_put(world, 2, world_start_s(world), i % 900 + 1);
        world_run(world, 500);
    }
    assert_true(world->trail_count >= 26 && world->trail_count <= 32); /* 15 minutes, two queues */
    size_t of_one = 0;
    int64_t last_ms = 0;
    for (size_t i = 0; i < world->trail_count; i++) {
        if (world->trail[i].queue == 1) {
            assert_true(world->trail[i].open && (last_ms == 0 || world->trail[i].at_ms - last_ms >= 60000));
            last_ms = world->trail[i].at_ms;
            of_one++;
        }
    }
    assert_true(of_one >= 13);
    world_run(world, 2000); /* its end is told at once */
    assert_false(world_entry(world, 1, WORLD_START_S)->open);
    (void)world_assert_same(world, 0);
}

/* The line dies while an open interval is under way, and comes back when it is over: its revision said "open", and what
 * is sent now says something else. */
static void a_revision_tells_one_thing_only(void **state)
{
    struct world *world = *state;
    world_start(world);
    world_run(world, (900 - 61) * 1000);
    world->fault.lose_answer = 100;
    world_put(world, 1, WORLD_START_S, 20);
    world_run(world, 1000);
    assert_int_equal(world->trail_count, 1);
    assert_true(world->trail[0].open);
    world->up = false;
    world->fault.lose_answer = 0;
    world_run(world, 5 * MINUTE_MS);
    world->up = true;
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world->trail_count, 2);
    assert_false(world->trail[1].open);
    assert_true(world->trail[1].revision > world->trail[0].revision);
    assert_int_equal(world_facts(world).stale_answers, 0);
    assert_false(world_entry(world, 1, WORLD_START_S)->open);
    (void)world_assert_same(world, 0);
}

static void three_misses_close_hard(void **state)
{
    struct world *world = *state;
    world_start(world);
    world_run(world, 40 * 1000);
    assert_int_equal(world->connects, 1);
    int64_t last_ms = last_live(world)->at_ms;
    world->silent = true;
    world_run(world, last_ms + 30000 + 90000 - world->now_ms - 10);
    assert_int_equal(world->closes, 0);
    world_run(world, 1000);
    assert_int_equal(world->closes, 1);
    assert_string_equal(world_facts(world).last_error, "no answer for three heartbeats");
    world_run(world, 10 * MINUTE_MS); /* nor is a greeting waited for any longer */
    assert_true(world->closes >= 4 && world->closes <= 7);
    world->silent = false;
    world_run(world, 3 * MINUTE_MS);
    assert_int_equal(world_facts(world).state, SYNC_RUNNING);
}

static void an_answer_to_anything_is_a_sign_of_life(void **state)
{
    struct world *world = *state;
    world_start(world);
    world->fault.delay_max_ms = 80 * 1000; /* slow, but they come */
    for (unsigned i = 0; i < 60; i++) {
        world_put(world, 1, WORLD_START_S - 900, 20 + i);
        world_run(world, MINUTE_MS);
    }
    assert_int_equal(world->closes, 0);
}

static void asked_to_wait_it_waits(void **state)
{
    struct world *world = *state;
    world_put(world, 1, WORLD_START_S - 900, 20);
    world->answer_code = 503;
    world->max_age_s = 40;
    world_start(world);
    world_run(world, 1000);
    struct sync_facts facts = world_facts(world);
    assert_int_equal(facts.state, SYNC_HELD);
    uint64_t sent = facts.sent_intervals;
    world->answer_code = 0;
    world_put(world, 2, WORLD_START_S - 900, 20);
    world_run(world, 38 * 1000);
    assert_int_equal(world_facts(world).sent_intervals, sent); /* not even what is new */
    assert_int_equal(world->live_count, 0);
    assert_int_equal(world_facts(world).state, SYNC_HELD);
    world_run(world, 3 * 1000);
    assert_int_equal(world_facts(world).state, SYNC_RUNNING);
    assert_int_equal(world_assert_same(world, 0), 2);
    assert_int_equal(world->live_count, 1);
    assert_int_equal(world->connects, 1);
}

static void asked_to_wait_at_the_door_it_waits(void **state)
{
    struct world *world = *state;
    world->hello_code = 503;
    world->max_age_s = 100;
    world_start(world);
    world_run(world, 90 * 1000);
    assert_int_equal(world->hellos, 1);
    world->hello_code = 0;
    world_run(world, 20 * 1000);
    assert_int_equal(world->hellos, 2);
    assert_int_equal(world_facts(world).state, SYNC_RUNNING);
}

/* Full jitter under a ceiling that doubles. */
static void reconnecting_backs_off(void **state)
{
    struct world *world = *state;
    world->up = false;
    world_start(world);
    unsigned in_a_minute = 0;
    for (unsigned i = 0; i < 60; i++) {
        world_run(world, MINUTE_MS);
        in_a_minute = i == 0 ? world->connects : in_a_minute;
    }
    assert_true(in_a_minute >= 3);
    assert_true(world->connects > 60 && world->connects < 240); /* half a minute apart on average */
    world->up = true;
    world_run(world, MINUTE_MS + 1000);
    assert_int_equal(world_facts(world).state, SYNC_RUNNING);
    world->fault.close = 100;
    while (world_facts(world).state == SYNC_RUNNING) {
        world_run(world, 10);
    }
    world->fault.close = 0;
    world_run(world, 1100); /* it was greeted, so it begins anew with a short wait */
    assert_int_equal(world_facts(world).state, SYNC_RUNNING);
}

static void a_clock_step_does_not_mute_it(void **state)
{
    struct world *world = *state;
    world_start(world);
    world_run(world, MINUTE_MS);
    world->wall_step_ms = -3600 * 1000;
    world_run(world, 10 * MINUTE_MS);
    world->wall_step_ms = 48 * 3600 * 1000;
    world_run(world, 10 * MINUTE_MS);
    assert_true(world->live_count >= 41 && world->live_count <= 44);
}

static void the_clock_offset_is_measured(void **state)
{
    struct world *world = *state;
    world->wall_step_ms = 3600 * 1000;
    world_start(world);
    world_run(world, MINUTE_MS);
    int64_t offset_ms = world_facts(world).clock_offset_ms;
    assert_true(offset_ms >= 3600 * 1000 - 2 && offset_ms <= 3600 * 1000 + 2);
}

static void add_gaps(struct world *world, unsigned from, unsigned count)
{
    assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
    for (unsigned i = from; i < from + count; i++) {
        struct ledger_gap gap = {.from_ms = WORLD_START_S * 1000 - i, .to_ms = WORLD_START_S * 1000};
        (void)snprintf(gap.reason, sizeof gap.reason, "gap %u", i);
        ledger_add_gap(world->ledger, &gap);
    }
    assert_int_equal(ledger_end(world->ledger), 0);
    sync_committed(world->sync, world->now_ms);
}

static void each_gap_is_told_once(void **state)
{
    struct world *world = *state;
    world_start(world);
    world_run(world, 1000);
    add_gaps(world, 1, 150);
    world_run(world, MINUTE_MS);
    add_gaps(world, 151, 1);
    world_run(world, MINUTE_MS);
    size_t told = 0;
    char firsts[128] = "";
    for (size_t i = 0; i < world->live_count; i++) {
        told += world->lives[i].gap_count;
        if (world->lives[i].gap_count > 0) {
            (void)snprintf(firsts + strlen(firsts), sizeof firsts - strlen(firsts), "%s,", world->lives[i].first_gap);
        }
    }
    assert_int_equal(told, 151);
    assert_string_equal(firsts, "gap 1,gap 65,gap 129,gap 151,");
}

static void the_backlog_is_told(void **state)
{
    struct world *world = *state;
    world->options.live = false;
    world_start(world);
    world_put(world, 1, world_start_s(world), 20);
    world_put(world, 2, world_start_s(world), 20);
    world_run(world, MINUTE_MS);
    assert_int_equal(last_live(world)->dirty, 2);
    assert_int_equal(last_live(world)->oldest_dirty_s, WORLD_START_S);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(the_heartbeat_is_steady),
        IN_A_WORLD(the_live_view_tells_what_changed),
        IN_A_WORLD(a_new_connection_is_told_all),
        IN_A_WORLD(without_the_live_view_only_what_is_over_goes),
        IN_A_WORLD(an_open_interval_goes_once_a_minute),
        IN_A_WORLD(a_revision_tells_one_thing_only),
        IN_A_WORLD(three_misses_close_hard),
        IN_A_WORLD(an_answer_to_anything_is_a_sign_of_life),
        IN_A_WORLD(asked_to_wait_it_waits),
        IN_A_WORLD(asked_to_wait_at_the_door_it_waits),
        IN_A_WORLD(reconnecting_backs_off),
        IN_A_WORLD(a_clock_step_does_not_mute_it),
        IN_A_WORLD(the_clock_offset_is_measured),
        IN_A_WORLD(each_gap_is_told_once),
        IN_A_WORLD(the_backlog_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
