#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/roster/kit.h"

static void a_call_from_ring_to_wrap(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 3000);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    assert_string_equal(kit_shown(&kit), "ready since 0 login 0 [sales PJSIP/100]");
    assert_int_equal(roster_logged_in(kit.roster), 1);
    kit_put(&kit, 1000, EVENT_RING, "sales", "c1");
    assert_string_equal(kit_shown(&kit), "ring@sales since 1000 call c1 login 0 [sales PJSIP/100]");
    kit_put(&kit, 3500, EVENT_CONNECT, "sales", "c1");
    kit_put(&kit, 5000, EVENT_HOLD, "sales", "c1");
    assert_string_equal(kit_shown(&kit), "hold@sales since 5000 call c1 login 0 [sales PJSIP/100]");
    kit_put(&kit, 6000, EVENT_UNHOLD, "sales", "c1");
    kit_put(&kit, 9001, EVENT_TRANSFER_BLIND, "sales", "c1");
    assert_string_equal(kit_shown(&kit), "wrap@sales since 9001 login 0 [sales PJSIP/100]");
    kit_tick(&kit, 12500);
    assert_string_equal(kit_shown(&kit), "ready since 12001 login 0 [sales PJSIP/100]");
    kit_put(&kit, 15000, EVENT_RING, "sales", "c2");
    kit_put(&kit, 20000, EVENT_RING_NO_ANSWER, "sales", "c2");
    kit_put(&kit, 21000, EVENT_RING, "sales", "c2");
    kit_put(&kit, 22000, EVENT_RING_CANCELED, "sales", "c2");
    kit_put(&kit, 23000, EVENT_MEMBER_REMOVE, "sales", "");
    assert_string_equal(kit_shown(&kit), "off since 23000 login 0 []");
    assert_string_equal(kit_states(&kit),
                        "ready 0-1000, ring@sales 1000-3500, talk@sales 3500-5000, hold@sales 5000-6000, "
                        "talk@sales 6000-9001, wrap 9001-12001, ready 12001-15000, ring@sales 15000-20000, "
                        "ready 20000-21000, ring@sales 21000-22000, ready 22000-23000");
    assert_string_equal(kit_posts(&kit), "in sales 0-23000");
    assert_string_equal(kit_counts(&kit),
                        "answered sales 3500, ended sales 9001, transferred sales 9001, missed sales 20000");
    assert_int_equal(roster_logged_in(kit.roster), 0);
    kit_end(&kit);
}

static void pauses_count_when_they_hold_everywhere(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit_member(&kit, 0, "night", KIT_IDLE, NULL);
    kit_member(&kit, 1000, "sales", KIT_IDLE, "lunch"); /* not in all */
    kit_member(&kit, 2000, "night", KIT_IDLE, "meeting");
    assert_string_equal(kit_shown(&kit),
                        "paused(meeting) since 2000 login 0 [sales PJSIP/100 paused, night PJSIP/100 paused]");
    kit_member(&kit, 3000, "sales", KIT_IDLE, "lunch"); /* nothing new */
    kit_member(&kit, 4000, "sales", KIT_IDLE, "acw");   /* the latest counts, and stands for wrap-up */
    kit_member(&kit, 5000, "sales", KIT_IDLE, "lunch");
    kit_put(&kit, 6000, EVENT_MEMBER_REMOVE, "sales", ""); /* the one before that again */
    kit_member(&kit, 7000, "night", KIT_IDLE, "");         /* no reason */
    kit_member(&kit, 8000, "night", KIT_IDLE, NULL);
    kit_down(&kit, 9000);
    assert_string_equal(kit_states(&kit), "ready 0-2000, paused(meeting) 2000-4000, wrap(acw)! 4000-5000, "
                                          "paused(lunch) 5000-6000, paused(meeting) 6000-7000, paused 7000-8000, "
                                          "ready 8000-9000");
    assert_string_equal(kit_posts(&kit), "paused sales 1000-6000, in sales 0-6000, paused night 2000-8000, "
                                         "in night 0-9000");
    kit_end(&kit);
}

static void several_interfaces_are_one_operator(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member_at(&kit, 0, "sales", "PJSIP/100", EVENT_DEVICE_UNAVAILABLE, NULL);
    assert_string_equal(kit_shown(&kit), "unavailable since 0 login 0 [sales PJSIP/100]");
    kit_member_at(&kit, 1000, "sales", "PJSIP/200", KIT_IDLE, "lunch");
    assert_string_equal(kit_shown(&kit), "ready since 1000 login 0 [sales PJSIP/100, sales PJSIP/200 paused]");
    kit_member_at(&kit, 2000, "sales", "PJSIP/100", EVENT_DEVICE_INVALID, "lunch");
    kit_member_at(&kit, 3000, "sales", "PJSIP/100", EVENT_DEVICE_INVALID, NULL);
    kit_member_at(&kit, 4000, "sales", "PJSIP/200", EVENT_DEVICE_UNAVAILABLE, NULL);
    kit_put(&kit, 5000, EVENT_MEMBER_REMOVE, "sales", ""); /* PJSIP/100 */
    assert_string_equal(kit_shown(&kit), "unavailable since 4000 login 0 [sales PJSIP/200]");
    kit_put(&kit, 5500, EVENT_MEMBER_REMOVE, "sales", ""); /* the only one left, under whatever interface */
    assert_string_equal(kit_states(&kit), "unavailable 0-1000, ready 1000-2000, paused(lunch) 2000-3000, "
                                          "ready 3000-4000, unavailable 4000-5500");
    assert_string_equal(kit_posts(&kit), "paused sales 2000-3000, in sales 0-5500");
    kit_end(&kit);
}

/* As Asterisk tells it: the device is in use before the call is known and for a moment after it. */
static void devices_leave_no_slivers(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit_member(&kit, 5000, "sales", EVENT_DEVICE_RINGING, NULL);
    assert_string_equal(kit_shown(&kit), "ready since 0 login 0 [sales PJSIP/100]");
    kit_put(&kit, 5200, EVENT_RING, "sales", "c1");
    kit_member(&kit, 8000, "sales", KIT_IN_USE, NULL);
    kit_put(&kit, 8030, EVENT_CONNECT, "sales", "c1");
    kit_put(&kit, 20000, EVENT_COMPLETE_CALLER, "sales", "c1");
    kit_tick(&kit, 20050);
    kit_member(&kit, 20999, "sales", KIT_IDLE, NULL);
    kit_down(&kit, 30000);
    assert_string_equal(kit_states(&kit), "ready 0-5200, ring@sales 5200-8030, talk@sales 8030-20000, "
                                          "ready 20000-30000");
    kit_end(&kit);
}

static void busy_counts_from_its_beginning_once_it_lasts(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit_member(&kit, 9500, "sales", KIT_IN_USE, NULL);
    kit_tick(&kit, 10499);
    assert_string_equal(kit_states(&kit), "ready 0-9500"); /* what is not settled is held back */
    assert_string_equal(kit_posts(&kit), "in sales 0-9500");
    assert_string_equal(kit_shown(&kit), "ready since 0 login 0 [sales PJSIP/100]");
    kit_tick(&kit, 10500);
    assert_string_equal(kit_shown(&kit), "busy since 9500 login 0 [sales PJSIP/100]");
    kit_member(&kit, 12000, "sales", EVENT_DEVICE_RING_IN_USE, NULL);
    kit_put(&kit, 12000, EVENT_RING, "sales", "c1"); /* a call on top of his own */
    kit_put(&kit, 13000, EVENT_RING_CANCELED, "sales", "c1");
    kit_member(&kit, 13100, "sales", KIT_IN_USE, NULL);
    kit_member(&kit, 14000, "sales", KIT_IDLE, NULL); /* exactly as long as it takes */
    kit_member(&kit, 15000, "sales", KIT_IN_USE, "lunch");
    kit_member(&kit, 16000, "sales", KIT_IN_USE, NULL);
    kit_down(&kit, 16999); /* 1 ms short of it */
    assert_string_equal(kit_states(&kit), "busy 9500-12000, ring@sales 12000-13000, busy 13000-14000, "
                                          "ready 14000-15000, paused(lunch) 15000-16000, ready 16000-16999");
    kit_end(&kit);
}

static void wrap_up_lasts_as_long_as_the_queue_says(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 7000);
    kit.wrap_up_ms = 2000;
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit.wrap_up_ms = 0;
    kit_member(&kit, 0, "night", KIT_IDLE, NULL);
    kit_put(&kit, 1000, EVENT_CONNECT, "sales", "c1");
    kit_put(&kit, 2000, EVENT_COMPLETE_OPERATOR, "sales", "c1");
    kit_put(&kit, 10000, EVENT_CONNECT, "night", "c2");
    kit_put(&kit, 11000, EVENT_COMPLETE_CALLER, "night", "c2"); /* told: none */
    kit_put(&kit, 20000, EVENT_CONNECT, "other", "c3");
    kit_put(&kit, 21000, EVENT_COMPLETE_CALLER, "other", "c3"); /* he is no member: not told */
    kit_member(&kit, 22000, "sales", KIT_IDLE, "acw");          /* in one of two: nothing */
    kit_member(&kit, 23000, "night", KIT_IDLE, "acw");          /* said by him goes before assumed */
    kit_member(&kit, 24000, "night", KIT_IDLE, "lunch");        /* not that: the time runs on */
    kit_put(&kit, 25000, EVENT_RING, "sales", "c4");
    kit_put(&kit, 26000, EVENT_RING_CANCELED, "sales", "c4");
    kit_down(&kit, 30000);
    assert_string_equal(kit_states(&kit),
                        "ready 0-1000, talk@sales 1000-2000, wrap 2000-4000, ready 4000-10000, "
                        "talk@night 10000-11000, ready 11000-20000, talk@other 20000-21000, wrap 21000-23000, "
                        "wrap(acw)! 23000-24000, wrap 24000-25000, ring@sales 25000-26000, wrap 26000-28000, "
                        "paused(lunch) 28000-30000");
    kit_end(&kit);
}

static void late_news_count_from_what_was_told(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit_tick(&kit, 5000); /* told less than ROSTER_TELL_MS ago: nothing is */
    assert_string_equal(kit_states(&kit), "");
    kit_put(&kit, 4000, EVENT_RING, "sales", "c1"); /* so this is not late */
    kit_tick(&kit, 20000);
    assert_string_equal(kit_states(&kit), "ready 0-4000, ring@sales 4000-20000");
    kit_put(&kit, 19000, EVENT_CONNECT, "sales", "c1");
    assert_string_equal(kit_shown(&kit), "talk@sales since 20000 call c1 login 0 [sales PJSIP/100]");
    kit_put(&kit, 21000, EVENT_COMPLETE_CALLER, "sales", "c1");
    kit_put(&kit, 1000, EVENT_RING, "sales", "c2"); /* a clock that was set back: right, but without time */
    assert_string_equal(kit_shown(&kit), "ring@sales since 21000 call c2 login 0 [sales PJSIP/100]");
    kit_put(&kit, 2000, EVENT_CONNECT, "sales", "c2");
    kit_tick(&kit, 3000);
    kit_tick(&kit, 40000);
    kit_down(&kit, 10);
    assert_string_equal(kit_states(&kit), "talk@sales 20000-40000");
    kit_end(&kit);
}

/* A conversation whose beginning was missed is told at the time at which it was. */
static void old_news_do_not_reach_behind_the_last_tick(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_tick(&kit, 50000);
    kit_put(&kit, 1000, EVENT_CONNECT, "sales", "c1");
    kit_put(&kit, 51000, EVENT_COMPLETE_CALLER, "sales", "c1");
    kit_tick(&kit, 20000); /* the clock was set back: the tick that counts is the last */
    kit_member(&kit, 30000, "sales", KIT_IDLE, NULL);
    kit_put(&kit, 60000, EVENT_MEMBER_REMOVE, "sales", "");
    assert_string_equal(kit_states(&kit), "talk@sales 50000-51000, ready 51000-60000");
    kit_end(&kit);
}

static void what_runs_is_told_in_ten_seconds(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, "lunch");
    for (int64_t now_ms = 700; now_ms < 60000; now_ms += 1000) {
        kit_tick(&kit, now_ms);
        if (now_ms >= 10000) {
            assert_in_range(now_ms - (kit.last.to_ms - KIT_T0), 0, 9999);
        }
    }
    assert_int_equal(kit.views, 1); /* nothing changed */
    kit_end(&kit);
}

static void a_cut_forgets_all_but_conversations(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 5000);
    kit_member(&kit, 0, "sales", KIT_IN_USE, NULL);
    kit_put(&kit, 100, EVENT_CONNECT, "sales", "c1");
    kit_put(&kit, 200, EVENT_RING, "sales", "c2");
    kit_put(&kit, 300, EVENT_HOLD, "sales", "c1");
    kit_down(&kit, 1000);
    assert_string_equal(kit_shown(&kit), "off since 1000 login 0 []");
    assert_int_equal(roster_logged_in(kit.roster), 0);
    kit_tick(&kit, 50000);
    kit_member(&kit, 60000, "sales", KIT_IN_USE, NULL); /* still talking */
    assert_string_equal(kit_shown(&kit), "talk@sales since 60000 call c1 login 60000 [sales PJSIP/100]");
    kit_down(&kit, 70000);
    kit_member(&kit, 80000, "sales", KIT_IDLE, NULL); /* not any more */
    assert_string_equal(kit_shown(&kit), "ready since 80000 login 80000 [sales PJSIP/100]");
    kit_put(&kit, 80500, EVENT_LOST, "", "c1");
    kit_member(&kit, 81000, "sales", KIT_IN_USE, NULL);
    kit_down(&kit, 90000);
    assert_string_equal(kit_states(&kit), "ready 0-100, talk@sales 100-300, hold@sales 300-1000, "
                                          "talk@sales 60000-70000, ready 80000-81000, busy 81000-90000");
    assert_string_equal(kit_posts(&kit), "in sales 0-1000, in sales 60000-70000, in sales 80000-90000");
    assert_string_equal(kit_counts(&kit), "answered sales 100");
    kit_end(&kit);
}

static void a_restart_ends_calls_and_keeps_members(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 5000);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit_put(&kit, 1000, EVENT_CONNECT, "sales", "c1");
    kit_put(&kit, 2000, EVENT_RING, "sales", "c2");
    kit_put(&kit, 3000, EVENT_RESTART, "", "");
    assert_string_equal(kit_shown(&kit), "ready since 3000 login 0 [sales PJSIP/100]");
    kit_put(&kit, 4000, EVENT_COMPLETE_CALLER, "", "c1"); /* of nobody known */
    kit_down(&kit, 5000);
    assert_string_equal(kit_states(&kit), "ready 0-1000, talk@sales 1000-3000, ready 3000-4000, wrap 4000-5000");
    kit_end(&kit);
}

static void logins_are_the_earliest_that_is_told(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    struct event_member member = {.device = EVENT_DEVICE_IDLE, .wrap_up_ms = -1, .login_ms = KIT_T0 - 500};
    struct call_event event = {.kind = EVENT_MEMBER_STATE,
                               .at_ms = KIT_T0,
                               .queue = slice_str("sales"),
                               .operator_name = slice_str("ann"),
                               .member = &member};
    assert_int_equal(roster_put(kit.roster, &event), 0);
    assert_string_equal(kit_shown(&kit), "ready since 0 login -500 [sales]");
    member.login_ms = KIT_T0 - 900;
    event.queue = slice_str("night");
    assert_int_equal(roster_put(kit.roster, &event), 0);
    assert_string_equal(kit_shown(&kit), "ready since 0 login -900 [sales, night]");
    kit_put(&kit, 10, EVENT_MEMBER_REMOVE, "night", "");
    assert_string_equal(kit_shown(&kit), "ready since 0 login -500 [sales]");
    kit_end(&kit);
}

static void a_failure_is_passed_on_and_nothing_told_is_lost(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    kit.span_fails = STATUS_IO;
    assert_int_equal(roster_tick(kit.roster, KIT_T0 + 10000), STATUS_IO);
    assert_int_equal(roster_down(kit.roster, KIT_T0 + 11000), STATUS_IO);
    kit.span_fails = 0;
    kit_tick(&kit, 12000);
    kit_down(&kit, 13000);
    assert_string_equal(kit_states(&kit), "ready 0-13000");
    assert_string_equal(kit_posts(&kit), "in sales 0-12000, in sales 12000-13000");
    kit_end(&kit);
}

static void ends_that_never_come_do_not_pile_up(void **state)
{
    (void)state;
    struct kit kit;
    char call_id[32];
    kit_begin(&kit, 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(call_id, sizeof call_id, "1795308300.%d", i);
        kit_put(&kit, i, EVENT_RING, "sales", call_id);
        kit_put(&kit, i, EVENT_RING, "sales", call_id); /* known already */
    }
    for (int i = 4999; i > 4967; i--) { /* the newest 32 */
        assert_memory_equal(kit_shown(&kit), "ring@sales", 10);
        (void)snprintf(call_id, sizeof call_id, "1795308300.%d", i);
        kit_put(&kit, 5000, EVENT_ABANDON, "", call_id);
    }
    assert_memory_equal(kit_shown(&kit), "ready since 5000", 16);
    kit_end(&kit);
}

static void what_says_nothing_is_ignored(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    struct event_member member = {.device = EVENT_DEVICE_IDLE, .wrap_up_ms = INT64_MAX, .login_ms = INT64_MIN};
    for (int kind = -1; kind <= EVENT_KIND_COUNT; kind++) {
        struct call_event event = {.kind = (enum event_kind)kind, .at_ms = KIT_T0};
        assert_int_equal(roster_put(kit.roster, &event), 0);
        event.queue = slice_str("sales");
        event.member = &member;
        assert_int_equal(roster_put(kit.roster, &event), 0); /* of nobody */
        event.call_id = slice_str("c1");
        assert_int_equal(roster_put(kit.roster, &event), 0);
    }
    kit_put(&kit, 0, EVENT_MEMBER_STATE, "sales", ""); /* without what it is to tell */
    kit_put(&kit, 0, EVENT_MEMBER_REMOVE, "sales", "");
    kit_put(&kit, 0, EVENT_PAUSE, "sales", "");
    assert_int_equal(roster_logged_in(kit.roster), 0);
    assert_int_equal(kit.views, 0);
    kit_end(&kit);
}

static void absurd_times_are_stood(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, INT64_MAX);
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_MAX / 2, INT64_MAX};
    for (int i = 0; i < 6; i++) {
        struct event_member member = {.device = EVENT_DEVICE_IN_USE, .wrap_up_ms = i % 2 ? INT64_MAX : INT64_MIN};
        struct call_event event = {.kind = EVENT_MEMBER_STATE,
                                   .at_ms = times[i],
                                   .operator_name = slice_str("ann"),
                                   .queue = slice_str("sales"),
                                   .call_id = slice_str("c1"),
                                   .member = &member};
        assert_int_equal(roster_put(kit.roster, &event), 0);
        event.kind = EVENT_CONNECT;
        assert_int_equal(roster_put(kit.roster, &event), 0);
        assert_int_equal(roster_tick(kit.roster, times[5 - i]), 0);
        event.kind = EVENT_COMPLETE_CALLER;
        assert_int_equal(roster_put(kit.roster, &event), 0);
    }
    assert_int_equal(roster_down(kit.roster, INT64_MIN), 0);
    assert_int_equal(roster_logged_in(kit.roster), 0);
    kit_end(&kit);
}

static void resume(struct kit *kit, int64_t at_ms, const char *call_id)
{
    struct call_event event = {.kind = EVENT_CONNECT,
                               .at_ms = KIT_T0 + at_ms,
                               .operator_name = slice_str("ann"),
                               .queue = slice_str("sales"),
                               .call_id = slice_str(call_id)};
    assert_int_equal(roster_resume(kit->roster, &event), 0);
}

/* Of an earlier run: counted then, and its time told up to when that run ended. */
static void a_conversation_is_resumed_when_he_is_seen_in_it(void **state)
{
    (void)state;
    struct kit kit;
    kit_begin(&kit, 0);
    resume(&kit, -60000, "c1");
    resume(&kit, -60000, "c1");
    resume(&kit, -90000, "gone");
    assert_int_equal(roster_logged_in(kit.roster), 0);
    kit_member(&kit, 0, "sales", KIT_IDLE, NULL); /* not he, or not yet */
    kit_put(&kit, 300, EVENT_LOST, "", "gone");
    kit_member(&kit, 500, "sales", KIT_IN_USE, NULL);
    assert_string_equal(kit_shown(&kit), "talk@sales since 500 call c1 login 0 [sales PJSIP/100]");
    kit_put(&kit, 1000, EVENT_COMPLETE_CALLER, "sales", "c1");
    kit_down(&kit, 1500);
    resume(&kit, 0, "c2");
    kit_put(&kit, 2000, EVENT_CONNECT, "sales", "c2"); /* or told of again */
    kit_put(&kit, 2500, EVENT_OPERATOR_DUMP, "sales", "c2");
    assert_string_equal(kit_states(&kit), "ready 0-500, talk@sales 500-1000, ready 1000-1500, talk@sales 2000-2500");
    assert_string_equal(kit_counts(&kit), "ended sales 1000");
    kit_end(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_from_ring_to_wrap),
        cmocka_unit_test(pauses_count_when_they_hold_everywhere),
        cmocka_unit_test(several_interfaces_are_one_operator),
        cmocka_unit_test(devices_leave_no_slivers),
        cmocka_unit_test(busy_counts_from_its_beginning_once_it_lasts),
        cmocka_unit_test(wrap_up_lasts_as_long_as_the_queue_says),
        cmocka_unit_test(late_news_count_from_what_was_told),
        cmocka_unit_test(old_news_do_not_reach_behind_the_last_tick),
        cmocka_unit_test(what_runs_is_told_in_ten_seconds),
        cmocka_unit_test(a_cut_forgets_all_but_conversations),
        cmocka_unit_test(a_restart_ends_calls_and_keeps_members),
        cmocka_unit_test(logins_are_the_earliest_that_is_told),
        cmocka_unit_test(ends_that_never_come_do_not_pile_up),
        cmocka_unit_test(what_says_nothing_is_ignored),
        cmocka_unit_test(absurd_times_are_stood),
        cmocka_unit_test(a_conversation_is_resumed_when_he_is_seen_in_it),
        cmocka_unit_test(a_failure_is_passed_on_and_nothing_told_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
