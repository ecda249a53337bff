#include "agent/source/ami_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/source/ami_server.h"

static void snapshots_come_at_a_slow_jittered_pace(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    int64_t last_ms = world.now_ms;
    int64_t shortest_ms = INT64_MAX;
    int64_t longest_ms = 0;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(tick(&world, 1000), 0);
        bool snapshot = strcmp(world.action, "CoreStatus") == 0;
        assert_int_equal(serve_until(&world, ""), 0);
        if (snapshot) {
            int64_t took_ms = world.now_ms - last_ms;
            shortest_ms = took_ms < shortest_ms ? took_ms : shortest_ms;
            longest_ms = took_ms > longest_ms ? took_ms : longest_ms;
            last_ms = world.now_ms;
        }
    }
    assert_true(shortest_ms >= SNAPSHOT_MS * 8 / 10 && longest_ms <= SNAPSHOT_MS * 12 / 10 + 1000);
    assert_true(longest_ms > shortest_ms);
    assert_in_range(facts_of(&world).snapshots, 6, 9);
    assert_null(strstr(buf_cstr(&world.done), "CoreSettings"));
    assert_state(&world, AMI_RUNNING);
    finish(&world);
}

static void late_boot_means_another_snapshot(void **state)
{
    (void)state;
    struct world world = {0};
    begin_until(&world, "QueueStatus");
    assert_int_equal(say(&world, "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"), 0); /* in the middle of one */
    assert_int_equal(serve_until(&world, ""), 0);
    assert_int_equal(facts_of(&world).snapshots, 2);
    assert_told(&world, ALL_LISTS ALL_LISTS);
    assert_int_equal(say(&world, "Event: FullyBooted\r\n\r\n"), 0); /* once is enough */
    assert_int_equal(tick(&world, 1000), 0);
    assert_string_equal(world.action, "");
    finish(&world);

    struct world later = {0};
    begin_running(&later);
    assert_int_equal(say(&later, "Event: FullyBooted\r\n\r\n"), 0);
    assert_int_equal(tick(&later, 0), 0);
    assert_int_equal(serve_until(&later, ""), 0);
    assert_int_equal(facts_of(&later).snapshots, 2);
    finish(&later);

    struct world usual = {0};
    begin_until(&usual, "Filter");
    assert_int_equal(say(&usual, "Event: FullyBooted\r\n\r\n"), 0);
    assert_int_equal(serve_until(&usual, ""), 0);
    assert_int_equal(tick(&usual, 1000), 0);
    assert_int_equal(facts_of(&usual).snapshots, 1);
    finish(&usual);
}

static void pings_what_is_silent(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    assert_int_equal(tick(&world, AMI_PING_AFTER_MS - 1), 0);
    assert_string_equal(world.action, "");
    assert_int_equal(say(&world, "Ev"), 0); /* it lives */
    assert_int_equal(tick(&world, AMI_PING_AFTER_MS - 1), 0);
    assert_string_equal(world.action, "");
    assert_int_equal(tick(&world, 1), 0);
    assert_string_equal(world.action, "Ping");
    assert_int_equal(say(&world, "ent: Hangup\r\n\r\n"), 0);
    assert_int_equal(tick(&world, AMI_PING_TIMEOUT_MS - 1), 0);
    assert_int_equal(reply(&world, "Response: Pong\r\nActionID: $\r\n\r\n"), 0); /* as Asterisk 1.4 said */
    assert_int_equal(tick(&world, AMI_PING_AFTER_MS), 0);
    assert_string_equal(world.action, "Ping");
    assert_int_equal(tick(&world, AMI_PING_TIMEOUT_MS - 1), 0);
    assert_int_equal(tick(&world, 1), AMI_HANG_UP);
    assert_error(&world, "no answer to Ping in time");
    assert_state(&world, AMI_WAITING);
    assert_told(&world, "Hangup ! ");
    assert_int_equal(facts_of(&world).downs, 1);
    assert_int_equal(facts_of(&world).logged_in_at_ms, 0);
    assert_int_equal(tick(&world, 100), 0);
    finish(&world);
}

static void a_login_must_end_in_time(void **state)
{
    (void)state;
    static const char *const steps[][2] = {
        {"", "no login within 10 s: waited for a banner"},
        {"Challenge", "no login within 10 s: waited for the answer to Challenge"},
        {"Login", "no login within 10 s: waited for the answer to Login"},
        {"Events", "no login within 10 s: waited for the answer to Events"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world world = {0};
        begin(&world);
        connect_up(&world);
        assert_int_equal(tick(&world, AMI_LOGIN_TIMEOUT_MS / 2), 0);
        assert_int_equal(say(&world, i == 0 ? "Asterisk Call Manager" : BANNER), 0);
        assert_int_equal(serve_until(&world, steps[i][0]), 0);
        assert_int_equal(tick(&world, AMI_LOGIN_TIMEOUT_MS / 2 - 1), 0);
        assert_int_equal(tick(&world, 1), AMI_HANG_UP);
        assert_error(&world, steps[i][1]);
        assert_told(&world, i == 3 ? "! " : "");
        finish(&world);
    }
}

static void reconnect(struct world *world)
{
    world->now_ms += AMI_REFUSED_RETRY_MAX_MS * 2;
    greet(world);
}

static void connections_begin_anew(void **state)
{
    (void)state;
    struct world world = {.refused_action = "CoreStatus", .refusal = "Permission denied"};
    begin(&world);
    for (int i = 0; i < 2; i++) { /* refused often: the waits are long now */
        reconnect(&world);
        assert_int_equal(serve_until(&world, "Login"), 0);
        assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\nMessage: No\r\n\r\n"), AMI_HANG_UP);
    }
    reconnect(&world);
    assert_int_equal(serve_until(&world, "Events"), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\n\r\n"), 0);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_string_equal(facts_of(&world).limits, "not permitted: CoreStatus");
    ami_session_down(world.session, "reset", world.now_ms, world.now_ms + 1000000);
    assert_false(facts_of(&world).filtered);

    world.refused_action = NULL; /* the PBX was set up better */
    buf_reset(&world.sent);
    reconnect(&world);
    assert_int_equal(serve_until(&world, ""), 0);
    assert_string_equal(facts_of(&world).limits, "");
    assert_non_null(strstr(buf_cstr(&world.sent), "EventMask: agent,call,system,cdr,user,dialplan,cel\r\n"));
    assert_true(facts_of(&world).filtered);

    assert_int_equal(say(&world, "Response: Goodbye\r\n\r\n"), AMI_HANG_UP);
    reconnect(&world);
    assert_int_equal(serve_until(&world, "Login"), 0);
    assert_int_equal(reply(&world, "Response: Error\r\nActionID: $\r\nMessage: No\r\n\r\n"), AMI_HANG_UP);
    assert_true(ami_session_wants_connect(world.session, world.now_ms + AMI_REFUSED_RETRY_MS * 12 / 10));
    finish(&world);
}

static void lists_must_go_on(void **state)
{
    (void)state;
    const char *lists[] = {"CoreSettings", "CoreStatus", "CoreShowChannels", "QueueStatus", "QueueSummary"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct world world = {0};
        begin_until(&world, lists[i]);
        assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS - 1), 0);
        if (i >= 2) {
            assert_int_equal(reply(&world, SUCCESS "\r\n"), 0);
            assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS - 1), 0);
            assert_int_equal(reply(&world, i == 2 ? "Event: CoreShowChannel\r\nActionID: $\r\n\r\n"
                                                  : "Event: QueueEntry\r\nActionID: $\r\n\r\n"),
                             0);
            assert_int_equal(tick(&world, AMI_ANSWER_TIMEOUT_MS - 1), 0);
            assert_int_equal(say(&world, "Event: Hangup\r\n\r\n"), 0); /* is not of the list */
        }
        assert_int_equal(tick(&world, 1), AMI_HANG_UP);
        char text[100];
        (void)snprintf(text, sizeof text, "no answer to %s in time", lists[i]);
        assert_error(&world, text);
        assert_int_equal(facts_of(&world).snapshots, 0);
        finish(&world);
    }
}

static void a_list_cut_by_the_line_is_no_snapshot(void **state)
{
    (void)state;
    struct world world = {0};
    begin_until(&world, "QueueStatus");
    assert_int_equal(reply(&world, SUCCESS "\r\nEvent: QueueParams\r\nActionID: $\r\n\r\nEvent: QueueMem"), 0);
    ami_session_down(world.session, "connection reset\r\nby peer", world.now_ms, world.now_ms + 1000000);
    assert_error(&world, "connection reset??by peer");
    assert_told(&world, "< Response CoreShowChannel CoreShowChannelsComplete QueueParams ! ");
    world.now_ms += RETRY_MAX_MS;
    greet(&world); /* nothing of the old bytes is left */
    assert_int_equal(serve_until(&world, ""), 0);
    assert_told(&world, ALL_LISTS);
    assert_int_equal(facts_of(&world).bad_messages, 0);
    assert_int_equal(facts_of(&world).connects, 2);
    assert_int_equal(facts_of(&world).snapshots, 1);
    finish(&world);
}

/* How long it waits after a failed connection, found out by asking. */
static int64_t wait_of(struct world *world)
{
    int64_t from_ms = world->now_ms;
    while (!ami_session_wants_connect(world->session, world->now_ms)) {
        world->now_ms++;
    }
    return world->now_ms - from_ms;
}

static void retries_are_spread_and_slow_down(void **state)
{
    (void)state;
    struct world world = {0};
    begin(&world);
    assert_int_equal(wait_of(&world), 0);
    int64_t longest_ms = 0;
    int64_t ceiling_ms = 2 * AMI_RETRY_MIN_MS;
    for (int i = 0; i < 60; i++) {
        ami_session_down(world.session, "connection refused", world.now_ms, world.now_ms + 1000000);
        int64_t wait_ms = wait_of(&world);
        assert_in_range(wait_ms, AMI_RETRY_MIN_MS, ceiling_ms);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        ceiling_ms = ceiling_ms * 2 < RETRY_MAX_MS ? ceiling_ms * 2 : RETRY_MAX_MS;
    }
    assert_true(longest_ms > RETRY_MAX_MS / 2);
    assert_told(&world, "");
    ami_session_up(world.session, world.now_ms);
    world.now_ms += AMI_STEADY_MS + 1; /* it lived */
    ami_session_down(world.session, "reset", world.now_ms, world.now_ms + 1000000);
    assert_in_range(wait_of(&world), AMI_RETRY_MIN_MS, 2 * AMI_RETRY_MIN_MS);
    finish(&world);
}

static void the_wall_clock_does_not_matter(void **state)
{
    (void)state;
    struct world world = {0};
    begin_running(&world);
    assert_int_equal(ami_session_tick(world.session, world.now_ms, INT64_C(4102444800000)), 0);
    assert_int_equal(ami_session_tick(world.session, world.now_ms, -5), 0);
    assert_string_equal(world.action, "");
    assert_state(&world, AMI_RUNNING);
    finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_come_at_a_slow_jittered_pace),
        cmocka_unit_test(late_boot_means_another_snapshot),
        cmocka_unit_test(pings_what_is_silent),
        cmocka_unit_test(a_login_must_end_in_time),
        cmocka_unit_test(connections_begin_anew),
        cmocka_unit_test(lists_must_go_on),
        cmocka_unit_test(a_list_cut_by_the_line_is_no_snapshot),
        cmocka_unit_test(retries_are_spread_and_slow_down),
        cmocka_unit_test(the_wall_clock_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
