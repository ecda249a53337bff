/* What each answer of the collector leads to. */
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

/* Closed intervals of the past, each of `calls` calls. */
static void put_past(struct world *world, unsigned intervals, unsigned calls)
{
    for (unsigned i = intervals; i > 0; i--) {
        for (uint32_t queue = 1; queue <= 3; queue++) {
            world_put(world, queue, WORLD_START_S - 900 * (int64_t)i, calls);
        }
    }
}

static int first_refusal(void *ctx, const struct ledger_refusal *refusal)
{
    *(struct ledger_refusal *)ctx = *refusal;
    return 1;
}

static struct ledger_refusal refusal_of(struct world *world)
{
    struct ledger_refusal refusal = {0};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(world->ledger, &view), 0);
    assert_int_equal(ledger_view_refusals(view, first_refusal, &refusal), 1);
    ledger_view_end(view);
    return refusal;
}

static void newest_go_first(void **state)
{
    struct world *world = *state;
    world->options.payload_max = 1024;
    put_past(world, 100, 9);
    world_start(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world->trail_count, 300);
    assert_true(world->batches > 4);
    for (size_t i = 1; i < world->trail_count; i++) {
        const struct world_sent *before = &world->trail[i - 1];
        const struct world_sent *sent = &world->trail[i];
        assert_true(sent->start_s < before->start_s ||
                    (sent->start_s == before->start_s && sent->queue < before->queue));
    }
    assert_int_equal(world->most_in_flight, 4);
    assert_int_equal(world_assert_same(world, 0), 300);
    assert_int_equal(world_facts(world).acked_intervals, 300);
}

/* A backlog does not hold up what is new. */
static void news_overtake_a_backlog(void **state)
{
    struct world *world = *state;
    world->options.payload_max = 1024;
    world->options.window = 1;
    world->fault.delay_max_ms = 2000;
    put_past(world, 200, 9);
    world_start(world);
    world_run(world, 10 * 1000);
    size_t before = world->trail_count;
    assert_true(before > 0 && before < 600);
    world_put(world, 2, WORLD_START_S - 900, 11);
    world_run(world, 5 * 1000);
    bool found = false;
    for (size_t i = before; i < world->trail_count && world->trail[i].batch <= world->trail[before].batch + 2; i++) {
        found |= world->trail[i].start_s == WORLD_START_S - 900 && world->trail[i].queue == 2;
    }
    assert_true(found);
    world->fault.delay_max_ms = 0;
    world_run(world, 10 * MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 600);
}

static void one_that_is_refused_does_not_hold_up_the_others(void **state)
{
    struct world *world = *state;
    put_past(world, 50, 3);
    world_put(world, 2, WORLD_START_S - 20 * 900, WORLD_REFUSED_CALLS);
    world_start(world);
    world_run(world, MINUTE_MS);
    (void)world_assert_same(world, 0);
    struct ledger_refusal refusal = refusal_of(world);
    assert_true(refusal.queue == 2 && refusal.start_s == WORLD_START_S - 20 * 900);
    assert_string_equal(refusal.reason, "seven is not taken");
    assert_int_equal(world->trail_count, 150);
    assert_int_equal(world_facts(world).refused_intervals, 1);
    assert_int_equal(world->lives[world->live_count - 1].refused, 1);
    world_run(world, 60 * MINUTE_MS);
    assert_int_equal(world->trail_count, 150); /* nor is it sent again */
    world_put(world, 2, WORLD_START_S - 20 * 900, 4);
    world_run(world, MINUTE_MS);
    assert_int_equal(world->trail_count, 151);
    assert_int_equal(world_backlog(world).refused, 0);
    assert_int_equal(world_assert_same(world, 0), 150);
}

static void one_that_is_not_understood_is_found(void **state)
{
    struct world *world = *state;
    put_past(world, 100, 3);
    world_put(world, 2, WORLD_START_S - 20 * 900, WORLD_NEVER_CALLS);
    world_put(world, 3, WORLD_START_S - 21 * 900, WORLD_NEVER_CALLS);
    world_put(world, 1, WORLD_START_S - 90 * 900, WORLD_NEVER_CALLS);
    world_start(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 300);
    assert_string_equal(refusal_of(world).reason, "4.00 thirteen is not understood");
    assert_int_equal(world_backlog(world).refused, 3);
    assert_true(world->batches < 120);
}

static void a_surpassed_ledger_catches_up(void **state)
{
    struct world *world = *state;
    put_past(world, 10, 3);
    world_start(world);
    world_run(world, MINUTE_MS);
    world_surpass(world, 1, WORLD_START_S - 900, 5000);
    world_surpass(world, 2, WORLD_START_S - 900, 0);
    world_put(world, 1, WORLD_START_S - 900, 5);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_facts(world).stale_answers, 1);
    assert_true(world_entry(world, 1, WORLD_START_S - 900)->revision > 5000);
    assert_int_equal(world_backlog(world).dirty, 0);
    world_put(world, 2, WORLD_START_S - 900, 6);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 30);
    assert_int_equal(world_facts(world).stale_answers, 1);
}

static void too_large_a_batch_is_made_smaller(void **state)
{
    struct world *world = *state;
    world->largest_payload = 1500;
    put_past(world, 150, 9);
    world_start(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 450);
    assert_int_equal(world_backlog(world).refused, 0);
}

static void the_collector_says_how_much_it_takes(void **state)
{
    struct world *world = *state;
    world->hello_payload_max = 2000;
    world->largest_payload = 2000;
    put_past(world, 150, 9);
    world_start(world);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 450);
    assert_string_equal(world_facts(world).last_error, "");
}

static void names_that_were_forgotten_are_told_again(void **state)
{
    struct world *world = *state;
    world->options.payload_max = 1024;
    put_past(world, 20, 3);
    world_start(world);
    world_run(world, MINUTE_MS);
    memset(world->named, 0, sizeof world->named);
    put_past(world, 20, 4);
    world_run(world, MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 60);
    assert_int_equal(world->connects, 1);
}

static void content_that_changes_under_way_goes_again(void **state)
{
    struct world *world = *state;
    world->fault.delay_max_ms = 20000;
    world_put(world, 1, WORLD_START_S - 900, 3);
    world_start(world);
    world_run(world, 20100); /* greeted for sure */
    for (unsigned calls = 20; calls < 25; calls++) {
        world_put(world, 1, WORLD_START_S - 900, calls);
        world_run(world, 1500);
    }
    for (size_t i = 1; i < world->trail_count; i++) {
        assert_true(world->trail[i].revision > world->trail[i - 1].revision);
    }
    world->fault.delay_max_ms = 0;
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 1);
}

static void a_live_view_that_is_not_understood_leaves_the_heartbeat(void **state)
{
    struct world *world = *state;
    world->live_code = 400;
    put_past(world, 2, 3);
    world_commit_leg(world, 1, 1, LEG_WAITING, world_wall_ms(world));
    world_start(world);
    world_run(world, 10 * MINUTE_MS);
    assert_true(world->live_count >= 19 && world->live_count <= 21);
    assert_int_equal(world->connects, 1);
    assert_int_equal(world_assert_same(world, 0), 6);
}

static void a_lost_greeting_is_said_again(void **state)
{
    struct world *world = *state;
    put_past(world, 2, 3);
    world->answer_code = 412;
    world_start(world);
    world_run(world, 5 * 1000);
    assert_true(world->hellos > 1 && world->hellos < 60);
    world->answer_code = 0;
    world_run(world, 5 * 1000);
    assert_int_equal(world_assert_same(world, 0), 6);
}

static void what_is_under_way_is_not_sent_twice(void **state)
{
    struct world *world = *state;
    put_past(world, 5, 3);
    world_start(world);
    world_run(world, 100);
    put_past(world, 5, 4);
    world->fault.delay_max_ms = 20000;
    for (unsigned i = 0; i < 15; i++) { /* each commit looks again at all that is dirty */
        world_put(world, 5, WORLD_START_S - 900 * (int64_t)(i + 1), 3);
        world_run(world, 1000);
    }
    world_run(world, MINUTE_MS);
    assert_int_equal(world->trail_count, 15 + 15 + 15);
    assert_int_equal(world->connects, 1);
    (void)world_assert_same(world, 0);
}

static void credentials_that_are_refused_are_tried_slowly(void **state)
{
    struct world *world = *state;
    put_past(world, 2, 3);
    world->hello_code = 401;
    world_start(world);
    world_run(world, 10 * MINUTE_MS);
    assert_true(world->hellos >= 7 && world->hellos <= 10); /* every 60 to 75 s */
    assert_int_equal(world->closes, world->hellos);
    assert_int_equal(world->batches, 0);
    assert_string_equal(world_facts(world).last_error, "the collector does not know us (4.01)");
    world->hello_code = 0;
    world->answer_code = 403;
    world_run(world, 10 * MINUTE_MS);
    assert_true(world->hellos <= 20);
    assert_string_equal(world_facts(world).last_error, "the collector refuses us (4.03)");
    world->answer_code = 0;
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 6);
}

static void a_collector_of_another_age_is_asked_slowly(void **state)
{
    struct world *world = *state;
    put_past(world, 2, 3);
    world->hello_code = 501;
    world_start(world);
    world_run(world, 10 * MINUTE_MS);
    assert_true(world->hellos >= 7 && world->hellos <= 10);
    assert_int_equal(world_facts(world).state, SYNC_HELD);
    world->hello_code = 0;
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world_facts(world).state, SYNC_RUNNING);
    assert_int_equal(world_assert_same(world, 0), 6);
}

static void errors_are_tried_again_ever_more_slowly(void **state)
{
    struct world *world = *state;
    put_past(world, 2, 3);
    world->answer_code = 500;
    world->options.live = false;
    world->options.heartbeat_ms = 3600 * 1000;
    world_start(world);
    world_run(world, 30 * MINUTE_MS);
    uint64_t sent = world_facts(world).sent_intervals / 6;
    assert_true(sent >= 30 && sent < 200); /* half a minute apart on average, in the end */
    assert_int_equal(world->connects, 1);
    world->answer_code = 0;
    world_run(world, 2 * MINUTE_MS);
    assert_int_equal(world_assert_same(world, 0), 6);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(newest_go_first),
        IN_A_WORLD(news_overtake_a_backlog),
        IN_A_WORLD(one_that_is_refused_does_not_hold_up_the_others),
        IN_A_WORLD(one_that_is_not_understood_is_found),
        IN_A_WORLD(a_surpassed_ledger_catches_up),
        IN_A_WORLD(too_large_a_batch_is_made_smaller),
        IN_A_WORLD(the_collector_says_how_much_it_takes),
        IN_A_WORLD(names_that_were_forgotten_are_told_again),
        IN_A_WORLD(content_that_changes_under_way_goes_again),
        IN_A_WORLD(a_live_view_that_is_not_understood_leaves_the_heartbeat),
        IN_A_WORLD(a_lost_greeting_is_said_again),
        IN_A_WORLD(what_is_under_way_is_not_sent_twice),
        IN_A_WORLD(credentials_that_are_refused_are_tried_slowly),
        IN_A_WORLD(a_collector_of_another_age_is_asked_slowly),
        IN_A_WORLD(errors_are_tried_again_ever_more_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
