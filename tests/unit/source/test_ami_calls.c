#include "agent/source/ami_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/event/leg.h"
#include "tests/unit/source/ami_calls_case.h"

/* ---- the plain way ---- */

static void an_answered_call_has_its_times(void **state)
{
    (void)state;
    join();
    heard_pass(&heard, 1234);
    ring("ana", "1.2");
    heard_pass(&heard, 700);
    say(&heard, "DialEnd Uniqueid=1.1 DestUniqueid=1.2 DialStatus=ANSWER");
    heard_pass(&heard, 100);
    leave();
    connected();
    heard_pass(&heard, 5001);
    complete("caller");
    assert_int_equal(heard.count, 4);
    const struct heard_event *events = heard.events;
    assert_string_equal(events[0].caller, "5551");
    assert_int_equal(events[0].position, 2);
    assert_int_equal(events[2].kind, EVENT_CONNECT);
    assert_int_equal(events[2].wait_ms, 2034);
    assert_int_equal(events[2].ring_ms, 700);
    assert_string_equal(events[2].interface, "PJSIP/ana");
    assert_int_equal(events[3].kind, EVENT_COMPLETE_CALLER);
    assert_int_equal(events[3].wait_ms, 2034);
    assert_int_equal(events[3].talk_ms, 5001);
    assert_int_equal(events[3].original_position, 2);
    complete("caller");
    assert_int_equal(heard.count, 4); /* told twice, taken once */
}

static void events_tell_their_time(void **state)
{
    (void)state;
    say(&heard, "QueueCallerJoin Timestamp=1795283990.250999 Uniqueid=1.1 Queue=q CallerIDNum=<unknown>");
    assert_int_equal(heard.events[0].at_ms, INT64_C(1795283990250));
    assert_string_equal(heard.events[0].caller, "");
}

static void losers_of_a_race_are_canceled(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    ring("bob", "1.3");
    ring("bob", "1.3");
    leave();
    connected();
    assert_told("enter 1.1 q|ring 1.1 q ana|ring 1.1 q bob|connect 1.1 q ana|ring_canceled 1.1 q bob");
}

static void a_ring_that_nothing_ends_is_canceled(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    say(&heard, "Hangup Uniqueid=1.2");
    heard_pass(&heard, 900);
    assert_told("enter 1.1 q|ring 1.1 q ana");
    heard_pass(&heard, 200);
    assert_told("ring_canceled 1.1 q ana");
    ring("ana", "1.4");
    ring("ana", "1.5");
    assert_told("ring 1.1 q ana|ring_canceled 1.1 q ana|ring 1.1 q ana");
    say(&heard,
        "AgentRingNoAnswer Uniqueid=1.1 DestUniqueid=1.5 Queue=q Interface=PJSIP/ana MemberName=ana RingTime=0");
    say(&heard,
        "AgentRingNoAnswer Uniqueid=1.1 DestUniqueid=1.5 Queue=q Interface=PJSIP/ana MemberName=ana RingTime=0");
    assert_told("ring_no_answer 1.1 q ana");
    ring("ana", "1.6");
    say(&heard, "AgentDump Uniqueid=1.1 DestUniqueid=1.6 Queue=q Interface=PJSIP/ana MemberName=ana");
    assert_told("ring 1.1 q ana|operator_dump 1.1 q ana|ring_canceled 1.1 q ana");
}

/* ---- how a wait ends ---- */

static void a_leave_with_nothing_after_it_is_a_key(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    leave();
    heard_pass(&heard, AMI_CALLS_LEAVE_MS - 100);
    assert_told("enter 1.1 q|ring 1.1 q ana");
    heard_pass(&heard, 200);
    assert_told("ring_canceled 1.1 q ana|exit_key 1.1 q");
    join();
    leave();
    say(&heard, "QueueCallerJoin Uniqueid=1.1 Queue=other");
    assert_told("enter 1.1 q|exit_key 1.1 q|enter 1.1 other");
}

static void a_leave_is_told_before_its_reason(void **state)
{
    (void)state;
    size_t before = heard.leaves;
    join();
    leave();
    assert_int_equal(heard.leaves, before + 1);
    assert_int_equal(heard.left_ms, heard.now_ms);
    assert_told("enter 1.1 q");
    heard_pass(&heard, AMI_CALLS_LEAVE_MS + 100);
    assert_told("exit_key 1.1 q");
    assert_int_equal(heard.leaves, before + 1);
}

static void an_answer_may_come_long_after_the_leave(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    say(&heard, "DialEnd Uniqueid=1.1 DestUniqueid=1.2 DialStatus=ANSWER");
    leave();
    heard_pass(&heard, 20 * 1000); /* a subroutine of the dialplan talks to the operator */
    connected();
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana");
    complete("agent");
    assert_told("complete_operator 1.1 q ana");
    join();
    ring("ana", "1.2");
    say(&heard, "DialEnd Uniqueid=1.1 DestUniqueid=1.2 DialStatus=ANSWER");
    leave();
    heard_pass(&heard, 5000);
    say(&heard, "Hangup Uniqueid=1.2");
    heard_pass(&heard, 2000);
    assert_told("enter 1.1 q|ring 1.1 q ana|ring_canceled 1.1 q ana|exit_key 1.1 q");
}

static void abandon(void)
{
    say(&heard, "QueueCallerAbandon Uniqueid=1.1 Queue=q Position=1 OriginalPosition=2 HoldTime=3");
    leave();
}

static void a_request_to_hang_up_tells_abandons(void **state)
{
    (void)state;
    join();
    heard_pass(&heard, 3210);
    say(&heard, "HangupRequest Uniqueid=1.1 Linkedid=1.1 Cause=16");
    abandon();
    assert_int_equal(heard.events[1].wait_ms, 3210);
    assert_int_equal(heard.events[1].position, 1);
    assert_int_equal(heard.events[1].original_position, 2);
    assert_told("enter 1.1 q|abandon 1.1 q");
    say(&heard, "QueueCallerJoin Uniqueid=2.1 Queue=q");
    say(&heard, "SoftHangupRequest Uniqueid=2.1 Cause=4");
    say(&heard, "QueueCallerAbandon Uniqueid=2.1 Queue=q");
    say(&heard, "QueueCallerJoin Uniqueid=3.1 Linkedid=3.1 Queue=q");
    say(&heard, "HangupRequest Uniqueid=3.2 Linkedid=3.1 Cause=16"); /* another channel's */
    say(&heard, "QueueCallerAbandon Uniqueid=3.1 Queue=q");
    assert_told("enter 2.1 q|abandon 2.1 q|enter 3.1 q|exit_timeout 3.1 q");
    assert_int_equal(ami_calls_counters(heard.calls)->guessed_exits, 1);
}

static void queuestatus_tells_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *status, *told;
    } cases[] = {
        {"TIMEOUT", "enter 1.1 q|exit_timeout 1.1 q"},    {"LEAVEEMPTY", "enter 1.1 q|exit_empty 1.1 q"},
        {"LEAVEUNAVAIL", "enter 1.1 q|exit_empty 1.1 q"}, {"WITHDRAW", "enter 1.1 q|withdraw 1.1 q"},
        {"CONTINUE", "enter 1.1 q|exit_timeout 1.1 q"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[80];
        (void)snprintf(text, sizeof text, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=%s", cases[i].status);
        say(&heard, "Newexten Uniqueid=1.1 Application=Queue AppData=q,t,,,");
        join();
        abandon();
        heard_pass(&heard, 500);
        say(&heard, text);
        heard_pass(&heard, 1000);
        assert_told(cases[i].told);
    }
    assert_int_equal(ami_calls_counters(heard.calls)->guessed_exits, 1);
    assert_int_equal(ami_calls_counters(heard.calls)->refused, 0);
    /* He hung up, but the time was over before. */
    join();
    say(&heard, "HangupRequest Uniqueid=1.1 Cause=16");
    abandon();
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=TIMEOUT");
    say(&heard, "Hangup Uniqueid=1.1 Cause=16");
    say(&heard, "QueueCallerJoin Uniqueid=2.1 Queue=q");
    say(&heard, "HangupRequest Uniqueid=2.1 Cause=16");
    say(&heard, "QueueCallerAbandon Uniqueid=2.1 Queue=q");
    say(&heard, "Hangup Uniqueid=2.1 Cause=16");
    assert_told("enter 1.1 q|exit_timeout 1.1 q|enter 2.1 q|abandon 2.1 q");
}

static void an_answer_wins_over_a_request_to_hang_up(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    say(&heard, "HangupRequest Uniqueid=1.1 Cause=16");
    leave();
    connected();
    complete("caller");
    say(&heard, "Hangup Uniqueid=1.1 Cause=16");
    heard_pass(&heard, 3000);
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana|complete_caller 1.1 q ana");
}

static void an_answer_may_overtake_the_leave(void **state)
{
    (void)state;
    join();
    connected();
    leave();
    heard_pass(&heard, 3000);
    assert_told("enter 1.1 q|connect 1.1 q ana");
    complete("agent");
    leave();
    heard_pass(&heard, 3000);
    assert_told("complete_operator 1.1 q ana");
}

static void a_transfer_back_into_the_queue_is_a_second_visit(void **state)
{
    (void)state;
    talking();
    heard_pass(&heard, 5000);
    say(&heard, "BlindTransfer Result=Success TransfererUniqueid=1.2 TransfereeUniqueid=1.1");
    join();
    complete("transfer");
    ring("bob", "1.3");
    leave();
    say(&heard, "AgentConnect Uniqueid=1.1 DestUniqueid=1.3 Queue=q Interface=PJSIP/bob MemberName=bob");
    say(&heard, "AgentComplete Uniqueid=1.1 DestUniqueid=1.3 Queue=q Interface=PJSIP/bob MemberName=bob Reason=agent");
    assert_told("enter 1.1 q|transfer_blind 1.1 q ana|ring 1.1 q bob|connect 1.1 q bob|complete_operator 1.1 q bob");
}

static void a_clock_set_back_holds_nothing_up(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    ring("bob", "1.3");
    say(&heard, "DialEnd Uniqueid=1.1 DestUniqueid=1.3 DialStatus=CANCEL");
    heard.now_ms -= 3600 * 1000;
    heard_pass(&heard, 400);
    assert_told("enter 1.1 q|ring 1.1 q ana|ring 1.1 q bob|ring_canceled 1.1 q bob");
    say(&heard, "DialEnd Uniqueid=1.1 DestUniqueid=1.2 DialStatus=ANSWER");
    leave();
    heard.now_ms -= 3600 * 1000;
    heard_pass(&heard, 4000);
    connected();
    assert_told("connect 1.1 q ana");
    assert_int_equal(heard_held(&heard).awaited, 0);
}

static void joins_of_one_call_are_visits(void **state)
{
    (void)state;
    join();
    join();
    heard_pass(&heard, 2000);
    join();
    assert_told("enter 1.1 q|lost 1.1 q|enter 1.1 q");
}

/* ---- what comes from outside ---- */

static void nonsense_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        static const char *const names[] = {
            "AgentCalled",
            "AgentComplete",
            "AgentConnect",
            "AgentDump",
            "AgentRingNoAnswer",
            "AttendedTransfer",
            "BlindTransfer",
            "CEL",
            "Cdr",
            "CoreShowChannel",
            "DialEnd",
            "Hangup",
            "HangupRequest",
            "Hold",
            "Newexten",
            "QueueCallerAbandon",
            "QueueCallerJoin",
            "QueueCallerLeave",
            "QueueEntry",
            "QueueMember",
            "QueueMemberAdded",
            "QueueMemberRemoved",
            "Unhold",
            "VarSet",
            "Nothing",
        };
        if (i < sizeof names / sizeof names[0]) {
            char text[120];
            say(&heard, names[i]);
            (void)snprintf(text, sizeof text, "%s Uniqueid= Queue= Interface= MemberName= Position=-1", names[i]);
            say(&heard, text);
        }
    }
    heard_pass(&heard, 3000);
    assert_told("");
    char text[4000];
    memset(text, 'x', sizeof text);
    memcpy(text, "QueueCallerJoin Queue=", 22);
    memcpy(text + 2000, " Uniqueid=", 10);
    text[3999] = 0;
    say(&heard, text);
    assert_int_equal(strlen(heard.events[0].call_id), LEG_CALL_ID_MAX);
    assert_int_equal(heard_held(&heard).calls, 1);
    say(&heard, "QueueCallerJoin Uniqueid=1.1 Queue=q Position=99999999999999999999");
    assert_int_equal(heard.events[1].position, EVENT_UNKNOWN);
    assert_true(ami_calls_wanted(NULL, slice_str("QueueCallerJoin")));
    assert_false(ami_calls_wanted(NULL, slice_str("QueueCallerJoinX")));
    assert_false(ami_calls_wanted(NULL, slice_str("Queue")));
    assert_false(ami_calls_wanted(NULL, slice_str("")));
}

static void one_call(unsigned number)
{
    static const char *const lines[] = {
        "QueueCallerJoin Uniqueid=%u.1 Linkedid=%u.1 Queue=q Position=1 CallerIDNum=1",
        "AgentCalled Uniqueid=%u.1 DestUniqueid=%u.2 Queue=q Interface=PJSIP/ana MemberName=ana",
        "QueueCallerLeave Uniqueid=%u.1 Linkedid=%u.1 Queue=q",
        "AgentConnect Uniqueid=%u.1 DestUniqueid=%u.2 Queue=q Interface=PJSIP/ana MemberName=ana",
        "AgentComplete Uniqueid=%u.1 DestUniqueid=%u.2 Queue=q Interface=PJSIP/ana MemberName=ana Reason=agent",
        "Hangup Uniqueid=%u.1 Linkedid=%u.1",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[160];
        (void)snprintf(text, sizeof text, lines[i], number, number);
        say(&heard, text);
    }
}

static void memory_does_not_grow(void **state)
{
    (void)state;
    heard.drop = true;
    for (unsigned i = 0; i < 100000; i++) {
        one_call(i);
        heard.now_ms += 50;
        if (i % 10 == 9) {
            say(&heard, "QueueCallerJoin Uniqueid=9.9 Queue=q");
            heard_mark(&heard, AMI_MARK_DOWN);
            heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
            end_lists();
        }
    }
    heard_pass(&heard, 10000);
    struct ami_calls_held held = heard_held(&heard);
    assert_int_equal(held.calls + held.rings + held.links + held.awaited + held.doors + held.names, 0);
    assert_in_range(held.room, 1, 512);
}

static void too_many_calls_are_given_up(void **state)
{
    (void)state;
    heard.drop = true;
    for (unsigned i = 0; i < AMI_CALLS_MAX + 100; i++) {
        char text[80];
        (void)snprintf(text, sizeof text, "QueueCallerJoin Uniqueid=%u.1 Queue=q", i);
        say(&heard, text);
    }
    assert_int_equal(heard_held(&heard).calls, AMI_CALLS_MAX);
    assert_int_equal(ami_calls_counters(heard.calls)->evicted, 100);
    assert_int_equal(heard.count, AMI_CALLS_MAX + 200);
    assert_true(heard_held(&heard).doors <= AMI_CALLS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answered_call_has_its_times),
        CASE(events_tell_their_time),
        CASE(losers_of_a_race_are_canceled),
        CASE(a_ring_that_nothing_ends_is_canceled),
        CASE(a_leave_with_nothing_after_it_is_a_key),
        CASE(a_leave_is_told_before_its_reason),
        CASE(an_answer_may_come_long_after_the_leave),
        CASE(a_request_to_hang_up_tells_abandons),
        CASE(queuestatus_tells_the_rest),
        CASE(an_answer_wins_over_a_request_to_hang_up),
        CASE(an_answer_may_overtake_the_leave),
        CASE(a_transfer_back_into_the_queue_is_a_second_visit),
        CASE(a_clock_set_back_holds_nothing_up),
        CASE(joins_of_one_call_are_visits),
        CASE(nonsense_is_left_out),
        CASE(memory_does_not_grow),
        CASE(too_many_calls_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
