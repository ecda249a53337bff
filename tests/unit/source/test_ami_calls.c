#include "agent/source/ami_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/source/ami_calls_internal.h"
#include "tests/unit/source/ami_calls_heard.h"

static struct heard heard;

static int setup(void **state)
{
    (void)state;
    heard_init(&heard);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    heard_deinit(&heard);
    return 0;
}

#define assert_told(expected) assert_string_equal(heard_text(&heard), expected)

static void join(void)
{
    say(&heard, "QueueCallerJoin Uniqueid=1.1 Linkedid=1.1 CallerIDNum=5551 Queue=q Position=2 Count=2");
}

static void ring(const char *who, const char *channel)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "AgentCalled Uniqueid=1.1 Linkedid=1.1 DestUniqueid=%s Queue=q Interface=PJSIP/%s MemberName=%s",
                   channel, who, who);
    say(&heard, text);
}

static void leave(void)
{
    say(&heard, "QueueCallerLeave Uniqueid=1.1 Linkedid=1.1 Queue=q Position=1 Count=0");
}

static void connect(void)
{
    say(&heard, "AgentConnect Uniqueid=1.1 Linkedid=1.1 DestUniqueid=1.2 Queue=q Interface=PJSIP/ana MemberName=ana "
                "HoldTime=9 RingTime=9");
}

static void complete(const char *reason)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "AgentComplete Uniqueid=1.1 DestUniqueid=1.2 Queue=q Interface=PJSIP/ana MemberName=ana HoldTime=9 "
                   "TalkTime=9 Reason=%s",
                   reason);
    say(&heard, text);
}

static void talking(void)
{
    join();
    ring("ana", "1.2");
    heard_pass(&heard, 400);
    leave();
    connect();
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana");
}

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
    connect();
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
    connect();
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

static void an_answer_may_come_long_after_the_leave(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    say(&heard, "DialEnd Uniqueid=1.1 DestUniqueid=1.2 DialStatus=ANSWER");
    leave();
    heard_pass(&heard, 20 * 1000); /* a subroutine of the dialplan talks to the operator */
    connect();
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
    connect();
    complete("caller");
    say(&heard, "Hangup Uniqueid=1.1 Cause=16");
    heard_pass(&heard, 3000);
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana|complete_caller 1.1 q ana");
}

static void an_answer_may_overtake_the_leave(void **state)
{
    (void)state;
    join();
    connect();
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

static void joins_of_one_call_are_visits(void **state)
{
    (void)state;
    join();
    join();
    heard_pass(&heard, 2000);
    join();
    assert_told("enter 1.1 q|lost 1.1 q|enter 1.1 q");
}

/* ---- conversations ---- */

static void an_end_without_ids_finds_its_operator(void **state)
{
    (void)state;
    talking();
    say(&heard, "AgentComplete Queue=q Interface=PJSIP/bob MemberName=bob Reason=agent TalkTime=1 HoldTime=1");
    assert_told("");
    heard_pass(&heard, 3000);
    say(&heard, "AgentComplete Queue=q Interface=PJSIP/ana MemberName=ana Reason=agent TalkTime=3 HoldTime=0");
    assert_told("complete_operator 1.1 q ana");
    assert_int_equal(ami_calls_counters(heard.calls)->unmatched, 1);
}

static void an_end_may_overtake_its_answer(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    leave();
    complete("agent");
    connect();
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana|complete_operator 1.1 q ana");
    assert_int_equal(heard.calls->visits.used, 0);
}

static void calls_that_nobody_told_of_begin_late(void **state)
{
    (void)state;
    connect();
    assert_int_equal(heard.events[0].at_ms, heard.now_ms - 9000);
    assert_int_equal(heard.events[1].wait_ms, 9000);
    assert_int_equal(heard.events[1].ring_ms, 9000);
    complete("agent");
    assert_told("enter 1.1 q|connect 1.1 q ana|complete_operator 1.1 q ana");
    say(&heard, "AgentComplete Uniqueid=2.1 Queue=q Interface=I MemberName=bob Reason=agent TalkTime=5 HoldTime=3");
    assert_int_equal(heard.events[0].at_ms, heard.now_ms - 8000);
    assert_int_equal(heard.events[1].at_ms, heard.now_ms - 5000);
    assert_int_equal(heard.events[2].talk_ms, 5000);
    say(&heard, "QueueCallerAbandon Uniqueid=3.1 Queue=q HoldTime=4");
    assert_told("enter 2.1 q|connect 2.1 q bob|complete_operator 2.1 q bob|enter 3.1 q|exit_timeout 3.1 q");
    assert_int_equal(ami_calls_counters(heard.calls)->unmatched, 3);
}

static void transfers_are_of_two_kinds(void **state)
{
    (void)state;
    talking();
    say(&heard, "Unhold Uniqueid=1.2 Linkedid=1.1");
    say(&heard, "BlindTransfer Result=Success TransfererUniqueid=1.2 TransfereeUniqueid=1.1 Extension=700");
    complete("transfer");
    assert_told("transfer_blind 1.1 q ana");
    talking();
    complete("transfer"); /* the other way round */
    assert_told("");
    say(&heard, "AttendedTransfer Result=Success OrigTransfererUniqueid=1.2 TransfereeUniqueid=1.1");
    assert_told("transfer_attended 1.1 q ana");
    talking();
    say(&heard, "AttendedTransfer Result=Fail OrigTransfererUniqueid=1.2");
    complete("transfer");
    heard_pass(&heard, 1100);
    assert_told("transfer_blind 1.1 q ana");
    talking();
    say(&heard, "BlindTransfer Result=Success TransfererUniqueid=1.2");
    complete("agent");
    assert_told("complete_operator 1.1 q ana");
}

/* Field guide 2.1.4: an attended transfer into another queue swaps the ids. */
static void a_transfer_into_a_queue_swaps_ids(void **state)
{
    (void)state;
    talking();
    say(&heard, "QueueCallerJoin Uniqueid=1.5 Linkedid=1.1 Queue=r");
    heard_pass(&heard, 2000);
    say(&heard, "AgentComplete Uniqueid=1.5 DestUniqueid=1.2 Queue=q Interface=PJSIP/ana MemberName=ana Reason=agent");
    assert_told("enter 1.5 r|complete_operator 1.1 q ana");
    say(&heard, "Hangup Uniqueid=1.5");
    say(&heard, "AgentCalled Uniqueid=1.1 Linkedid=1.1 DestUniqueid=1.6 Queue=r Interface=PJSIP/bob MemberName=bob");
    say(&heard, "QueueCallerLeave Uniqueid=1.1 Queue=r");
    say(&heard, "AgentConnect Uniqueid=1.1 DestUniqueid=1.6 Queue=r Interface=PJSIP/bob MemberName=bob");
    say(&heard, "AgentComplete Uniqueid=1.1 DestUniqueid=1.6 Queue=r Interface=PJSIP/bob MemberName=bob Reason=caller");
    assert_told("ring 1.5 r bob|connect 1.5 r bob|complete_caller 1.5 r bob");
    assert_int_equal(heard.calls->visits.used, 0);
}

/* ---- holds ---- */

static void holds_are_the_operators(void **state)
{
    (void)state;
    say(&heard, "Hold Uniqueid=9.9 Linkedid=9.9");
    talking();
    say(&heard, "Hold Uniqueid=1.1 Linkedid=1.1"); /* the caller's own */
    say(&heard, "Unhold Uniqueid=1.2 Linkedid=1.1");
    assert_told("");
    say(&heard, "Hold Uniqueid=1.2 Linkedid=1.1 Channel=PJSIP/ana-1");
    say(&heard, "Hold Uniqueid=1.2 Linkedid=1.1 Channel=PJSIP/ana-1");
    say(&heard, "Hold Uniqueid=1.7 Linkedid=1.1 Channel=PJSIP/x-1");
    say(&heard, "Unhold Uniqueid=1.7 Linkedid=1.1 Channel=PJSIP/x-1");
    say(&heard, "Unhold Uniqueid=1.2 Linkedid=7.7");
    say(&heard, "Unhold Uniqueid=1.2 Linkedid=1.1");
    assert_told("hold 1.1 q ana|unhold 1.1 q ana");
    say(&heard, "Hold Uniqueid=1.8 Linkedid=1.1 Channel=PJSIP/phone-1"); /* the telephone behind a Local channel */
    say(&heard, "Unhold Uniqueid=1.8 Linkedid=5.5");
    say(&heard, "Hold Uniqueid=1.2 Linkedid=1.1");
    complete("agent");
    assert_told("hold 1.1 q ana|unhold 1.1 q ana|hold 1.1 q ana|complete_operator 1.1 q ana");
    say(&heard, "Unhold Uniqueid=1.2 Linkedid=1.1");
    assert_told("");
}

static void two_calls_of_one_contact_are_held_apart(void **state)
{
    (void)state;
    talking();
    say(&heard, "QueueCallerJoin Uniqueid=1.5 Linkedid=1.1 Queue=r");
    say(&heard,
        "AgentConnect Uniqueid=1.5 Linkedid=1.1 DestUniqueid=1.6 Queue=r Interface=Local/102@agents/n MemberName=bob");
    assert_told("enter 1.5 r|connect 1.5 r bob");
    say(&heard, "Hold Uniqueid=1.9 Linkedid=1.1 Channel=PJSIP/other-1");
    assert_told("");
    say(&heard, "Hold Uniqueid=1.9 Linkedid=1.1 Channel=PJSIP/ana-00000001");
    say(&heard, "Hold Uniqueid=1.10 Linkedid=1.1 Channel=Local/102@agents-00000001;2");
    assert_told("hold 1.1 q ana|hold 1.5 r bob");
}

/* ---- operators ---- */

static void members_are_told_when_they_change(void **state)
{
    (void)state;
    const char *idle = "QueueMemberStatus Queue=q MemberName=Ana~S Interface=PJSIP/1 Status=1 InCall=0 Paused=0 "
                       "PausedReason= LoginTime=1795283000 Wrapuptime=15 Penalty=2 CallsTaken=1";
    say(&heard, idle);
    const struct event_member *member = &heard.events[0].member;
    assert_int_equal(heard.events[0].kind, EVENT_MEMBER_STATE);
    assert_int_equal(member->device, EVENT_DEVICE_IDLE);
    assert_int_equal(member->login_ms, INT64_C(1795283000000));
    assert_int_equal(member->wrap_up_ms, 15000);
    assert_int_equal(member->penalty, 2);
    say(&heard, idle);
    say(&heard, "QueueMemberStatus Queue=q MemberName=Ana~S Interface=PJSIP/1 Status=1 InCall=0 Paused=0 PausedReason= "
                "LoginTime=1795283000 Wrapuptime=15 Penalty=2 CallsTaken=7");
    say(&heard, "QueueMemberPause Queue=q MemberName=Ana~S Interface=PJSIP/1 Status=1 Paused=1 Reason=lunch "
                "LoginTime=1795283000 Wrapuptime=15 Penalty=2");
    assert_true(heard.events[1].member.paused);
    say(&heard, "QueueMember Queue=q Name=Ana~S Location=PJSIP/1 Status=2 InCall=1 Paused=1 PausedReason=tea "
                "LoginTime=1795283000 Wrapuptime=15 Penalty=2");
    assert_true(heard.events[2].member.in_call);
    assert_told("member_state q Ana S|member_state q Ana S lunch|member_state q Ana S tea");
    say(&heard,
        "QueueMemberPause Queue=q MemberName=Ana~S Interface=PJSIP/1 Status=2 InCall=1 Paused=0 PausedReason=back "
        "LoginTime=1795283000 Wrapuptime=15 Penalty=2");
    say(&heard, "QueueMember Queue=q Name=Ana~S Location=PJSIP/1 Status=2 InCall=1 Paused=0 PausedReason= "
                "LoginTime=1795283000 Wrapuptime=15 Penalty=2");
    assert_told("member_state q Ana S");
    say(&heard, "QueueMemberRemoved Queue=q MemberName=Ana~S Interface=PJSIP/1");
    say(&heard, "QueueMemberRemoved Queue=q MemberName=Ana~S Interface=PJSIP/1");
    say(&heard, "QueueMemberAdded Queue=q MemberName= Interface=PJSIP/2 Status=-5 Paused=77 Wrapuptime=-1 LoginTime=x");
    assert_int_equal(heard.events[1].member.device, EVENT_DEVICE_UNKNOWN);
    assert_int_equal(heard.events[1].member.wrap_up_ms, -1);
    assert_told("member_remove q Ana S|member_state q PJSIP/2");
}

/* ---- refused callers ---- */

static void refused_callers_are_told_once(void **state)
{
    (void)state;
    say(&heard, "Newexten Uniqueid=1.1 CallerIDNum=5551 Application=Queue AppData=small,t,,,");
    say(&heard, "CEL EventName=APP_START UniqueID=1.1 Application=Queue AppData=small,t,,,");
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=FULL");
    assert_string_equal(heard.events[0].caller, "5551");
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=FULL");
    say(&heard, "CEL EventName=APP_END UniqueID=1.1 Application=Queue AppData=small,t,,,");
    say(&heard, "Cdr UniqueID=1.1 LastApplication=Queue LastData=small,t,,, Duration=0");
    heard_pass(&heard, 1000);
    assert_told("blocked 1.1 small FULL");
    say(&heard, "Newexten Uniqueid=1.1 Application=Queue AppData=night");
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=JOINEMPTY");
    say(&heard, "Newexten Uniqueid=1.1 Application=Queue AppData=q");
    join();
    assert_told("blocked 1.1 night JOINEMPTY|enter 1.1 q");
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=JOINEMPTY");
    say(&heard, "Newexten Uniqueid=1.1 Application=Queue AppData=q");
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=");
    say(&heard, "VarSet Uniqueid=1.1 Variable=QUEUESTATUS Value=TIMEOUT");
    assert_told("");
    say(&heard, "Hangup Uniqueid=1.1");
    assert_int_equal(heard.calls->doors.used, 1);
    heard_pass(&heard, 6000);
    assert_int_equal(heard.calls->doors.used, 0);
    assert_int_equal(ami_calls_counters(heard.calls)->refused, 2);
    struct ami_calls_sight sight;
    ami_calls_sight(heard.calls, &sight);
    assert_true(sight.dialplan && sight.cel && sight.cdr && sight.joins == 1);
}

static void cel_alone_tells_refused_callers(void **state)
{
    (void)state;
    say(&heard, "CEL EventName=APP_END UniqueID=9.1 Application=Queue AppData=q,t"); /* began before we looked */
    for (int i = 0; i < 2; i++) {
        say(&heard, "CEL EventName=APP_START UniqueID=1.1 Application=Queue AppData=q,t CallerIDnum=5551");
        say(&heard, "CEL EventName=APP_END UniqueID=1.1 Application=Queue AppData=q,t");
        heard_pass(&heard, 1000);
        assert_told("blocked 1.1 q REFUSED");
    }
    say(&heard, "CEL EventName=APP_START UniqueID=1.1 Application=Queue AppData=q,t");
    join();
    say(&heard, "CEL EventName=APP_END UniqueID=1.1 Application=Queue AppData=q,t");
    say(&heard, "Cdr UniqueID=1.1 LastApplication=Queue LastData=q,t Duration=0");
    heard_pass(&heard, 1000);
    assert_told("enter 1.1 q");
}

static void a_cdr_alone_tells_refused_callers(void **state)
{
    (void)state;
    say(&heard, "FullyBooted");
    heard_pass(&heard, 10000);
    say(&heard, "Cdr UniqueID=1.1 Source=5551 LastApplication=Queue LastData=q,t Duration=11"); /* older than we */
    say(&heard, "Cdr UniqueID=2.1 Source=5551 LastApplication=Hangup LastData= Duration=1");
    say(&heard, "Cdr UniqueID=3.1 Source=5551 LastApplication=Queue LastData=q,t Duration=1");
    say(&heard, "Cdr UniqueID=3.1 Source=5551 LastApplication=Queue LastData=q,t Duration=1");
    say(&heard, "HangupRequest Uniqueid=4.1 Cause=16"); /* went by himself, before he could join */
    say(&heard, "Hangup Uniqueid=4.1 Cause=16");
    say(&heard, "Cdr UniqueID=4.1 LastApplication=Queue LastData=q,t Duration=1");
    assert_told("blocked 3.1 q REFUSED");
    talking();
    complete("agent");
    say(&heard, "Hangup Uniqueid=1.1");
    say(&heard, "Cdr UniqueID=1.1 LastApplication=Queue LastData=q,t Duration=1");
    assert_told("complete_operator 1.1 q ana");
}

/* ---- snapshots ---- */

static void end_lists(void)
{
    say(&heard, "CoreShowChannelsComplete");
    say(&heard, "QueueStatusComplete");
    heard_mark(&heard, AMI_MARK_SNAPSHOT_END);
}

static void list_talk(void)
{
    say(&heard, "CoreShowChannel Uniqueid=1.1 Linkedid=1.1 Channel=PJSIP/trunk-01 CallerIDNum=5551 Application=Queue "
                "ApplicationData=q,tT,,, BridgeId=b1");
    say(&heard, "CoreShowChannel Uniqueid=1.2 Linkedid=1.1 Channel=PJSIP/ana-02 Application=AppQueue "
                "ApplicationData=(Outgoing~Line) BridgeId=b1");
}

static void a_snapshot_takes_calls_in(void **state)
{
    (void)state;
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    list_talk();
    say(&heard, "CoreShowChannel Uniqueid=7.1 Channel=PJSIP/x-01 Application=Queue ApplicationData=q BridgeId=");
    say(&heard, "CoreShowChannel Uniqueid=8.1 Channel=PJSIP/x-02 Application=Queue ApplicationData=q BridgeId=b9");
    say(&heard, "QueueMember Queue=q Name=Ana~S Location=PJSIP/ana Status=2");
    say(&heard, "QueueEntry Queue=q Uniqueid=2.1 CallerIDNum=5552 Position=1 Wait=30");
    end_lists();
    assert_int_equal(heard.events[1].at_ms, heard.now_ms - 30000);
    assert_int_equal(heard.events[3].wait_ms, -1);
    assert_told("member_state q Ana S|enter 2.1 q|enter 1.1 q|connect 1.1 q Ana S");
    assert_int_equal(ami_calls_counters(heard.calls)->taken_in, 2);
    /* Events that were queued before the lists tell the same again. */
    join();
    leave();
    connect();
    say(&heard, "QueueCallerJoin Uniqueid=2.1 Queue=q");
    assert_told("");
    heard_pass(&heard, 4000);
    complete("agent");
    assert_int_equal(heard.events[0].wait_ms, 9000); /* its beginning was not seen: the whole seconds told */
    assert_int_equal(heard.events[0].talk_ms, 9000);
    assert_told("complete_operator 1.1 q Ana S");
}

static void what_a_snapshot_lacks_is_lost_after_the_grace(void **state)
{
    (void)state;
    talking();
    say(&heard, "QueueCallerJoin Uniqueid=2.1 Queue=q");
    say(&heard, "QueueCallerJoin Uniqueid=3.1 Queue=q");
    say(&heard, "QueueMemberAdded Queue=q MemberName=Ana~S Interface=PJSIP/ana Status=2");
    (void)heard_text(&heard);
    heard_mark(&heard, AMI_MARK_DOWN);
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    end_lists();
    heard_pass(&heard, 1000);
    say(&heard, "QueueCallerAbandon Uniqueid=2.1 Queue=q"); /* queued before the lists */
    assert_told("member_remove q Ana S|exit_timeout 2.1 q");
    heard_pass(&heard, 1200);
    assert_told("lost 1.1 q ana|lost 3.1 q");
    assert_int_equal(ami_calls_counters(heard.calls)->lost_in_gaps, 2);
    assert_int_equal(heard.calls->visits.used, 0);
}

static void without_channels_operators_tell_conversations(void **state)
{
    (void)state;
    talking();
    say(&heard, "AgentConnect Uniqueid=2.1 DestUniqueid=2.2 Queue=q Interface=PJSIP/bob MemberName=bob");
    heard_mark(&heard, AMI_MARK_DOWN);
    (void)heard_text(&heard);
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    say(&heard, "QueueMember Queue=q Name=ana Location=PJSIP/ana Status=2 InCall=1");
    say(&heard, "QueueMember Queue=q Name=bob Location=PJSIP/bob Status=1 InCall=0");
    say(&heard, "QueueEntry Queue=q Uniqueid=3.1 CallerIDNum=unknown Wait=1");
    say(&heard, "QueueStatusComplete");
    heard_mark(&heard, AMI_MARK_SNAPSHOT_END);
    heard_pass(&heard, 3000);
    assert_string_equal(heard.events[2].caller, "");
    assert_told("member_state q ana|member_state q bob|enter 3.1 q|lost 2.1 q bob");
}

static void a_gap_may_hide_an_answer(void **state)
{
    (void)state;
    join();
    ring("ana", "1.2");
    leave();
    heard_mark(&heard, AMI_MARK_DOWN);
    heard_pass(&heard, 5000);
    (void)heard_text(&heard);
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    list_talk();
    end_lists();
    heard_pass(&heard, 3000);
    assert_told("connect 1.1 q PJSIP/ana");
    say(&heard, "Hold Uniqueid=1.2 Linkedid=1.1");
    complete("agent");
    assert_told("hold 1.1 q PJSIP/ana|complete_operator 1.1 q PJSIP/ana");
}

static void later_snapshots_leave_calls_alone(void **state)
{
    (void)state;
    talking();
    say(&heard, "QueueCallerJoin Uniqueid=2.1 Queue=q");
    for (int i = 0; i < 3; i++) {
        heard_pass(&heard, 30000);
        heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
        list_talk();
        say(&heard, "QueueEntry Queue=q Uniqueid=2.1 Wait=30");
        end_lists();
    }
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN); /* denied: no lists */
    heard_mark(&heard, AMI_MARK_SNAPSHOT_END);
    heard_pass(&heard, 5000);
    assert_told("enter 2.1 q");
    assert_int_equal(heard.calls->visits.used, 2);
}

static void open_calls_of_an_earlier_run_go_on(void **state)
{
    (void)state;
    struct ami_calls_open open[] = {
        {slice_str("1.1"), slice_str("q"), slice_str("ana"), heard.now_ms - 9000, heard.now_ms - 5000},
        {slice_str("2.1"), slice_str("q"), slice_str(""), heard.now_ms - 9000, 0},
        {slice_str("3.1"), slice_str("q"), slice_str(""), heard.now_ms - 9000, 0},
        {slice_str(""), slice_str("q"), slice_str(""), 0, 0},
    };
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        assert_int_equal(ami_calls_restore(heard.calls, &open[i]), 0);
    }
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    list_talk();
    say(&heard, "QueueEntry Queue=q Uniqueid=2.1 Wait=9");
    end_lists();
    heard_pass(&heard, 3000);
    assert_told("lost 3.1 q");
    complete("caller");
    assert_int_equal(heard.events[0].wait_ms, 4000);
    assert_int_equal(heard.events[0].talk_ms, 8000);
    assert_told("complete_caller 1.1 q ana");
}

static void a_restart_forgets_all_calls(void **state)
{
    (void)state;
    say(&heard, "Response=Success CoreStartupDate=2026-11-22 CoreStartupTime=00:00:00");
    talking();
    heard_mark(&heard, AMI_MARK_DOWN);
    say(&heard, "FullyBooted Uptime=100");
    say(&heard, "Response=Success CoreStartupDate=2026-11-22 CoreStartupTime=00:00:00");
    assert_told("");
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    say(&heard, "Response=Success CoreStartupDate=2026-11-22 CoreStartupTime=00:10:00");
    end_lists();
    heard_pass(&heard, 3000);
    assert_told("restart");
    /* Without rights to ask for CoreStatus, the uptime tells. */
    heard_mark(&heard, AMI_MARK_DOWN);
    heard_pass(&heard, 60000);
    say(&heard, "FullyBooted Uptime=5");
    assert_int_equal(heard.events[0].at_ms, heard.now_ms - 5000);
    say(&heard, "Response=Success CoreStartupDate=2026-11-22 CoreStartupTime=00:20:00");
    assert_told("restart");
}

static void a_shutdown_is_a_restart(void **state)
{
    (void)state;
    say(&heard, "Response=Success CoreStartupDate=2026-11-22 CoreStartupTime=00:00:00");
    talking();
    say(&heard, "Shutdown Shutdown=Cleanly Restart=False");
    assert_told("");
    heard_pass(&heard, 500);
    heard_mark(&heard, AMI_MARK_DOWN);
    assert_int_equal(heard.events[0].at_ms, heard.now_ms - 500);
    heard_pass(&heard, 60000);
    say(&heard, "FullyBooted Uptime=5");
    say(&heard, "Response=Success CoreStartupDate=2026-11-22 CoreStartupTime=00:20:00");
    assert_told("restart");
    assert_int_equal(heard.calls->visits.used, 0);
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
    assert_int_equal(heard.calls->visits.used, 1);
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

static uint32_t held(void)
{
    const struct ami_calls *calls = heard.calls;
    return calls->visits.used + calls->rings.used + calls->by_call.nodes.used + calls->by_channel.nodes.used +
           calls->by_linked.nodes.used + calls->by_desk.nodes.used + calls->by_ring.nodes.used;
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
    assert_int_equal(held(), 0);
    assert_int_equal(heard.calls->names.items.used, 0);
    assert_int_equal(heard.calls->doors.used, 0);
    assert_true(heard.calls->visits.made < 256);
    assert_true(heard.calls->doors.made < 256);
    assert_true(heard.calls->names.items.made < 64);
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
    assert_int_equal(heard.calls->visits.used, AMI_CALLS_MAX);
    assert_int_equal(ami_calls_counters(heard.calls)->evicted, 100);
    assert_int_equal(heard.count, AMI_CALLS_MAX + 200);
    assert_true(heard.calls->doors.used <= AMI_CALLS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answered_call_has_its_times),
        TEST(events_tell_their_time),
        TEST(losers_of_a_race_are_canceled),
        TEST(a_ring_that_nothing_ends_is_canceled),
        TEST(a_leave_with_nothing_after_it_is_a_key),
        TEST(an_answer_may_come_long_after_the_leave),
        TEST(a_request_to_hang_up_tells_abandons),
        TEST(queuestatus_tells_the_rest),
        TEST(an_answer_wins_over_a_request_to_hang_up),
        TEST(an_answer_may_overtake_the_leave),
        TEST(a_transfer_back_into_the_queue_is_a_second_visit),
        TEST(joins_of_one_call_are_visits),
        TEST(an_end_without_ids_finds_its_operator),
        TEST(an_end_may_overtake_its_answer),
        TEST(calls_that_nobody_told_of_begin_late),
        TEST(transfers_are_of_two_kinds),
        TEST(a_transfer_into_a_queue_swaps_ids),
        TEST(holds_are_the_operators),
        TEST(two_calls_of_one_contact_are_held_apart),
        TEST(members_are_told_when_they_change),
        TEST(refused_callers_are_told_once),
        TEST(cel_alone_tells_refused_callers),
        TEST(a_cdr_alone_tells_refused_callers),
        TEST(a_snapshot_takes_calls_in),
        TEST(what_a_snapshot_lacks_is_lost_after_the_grace),
        TEST(without_channels_operators_tell_conversations),
        TEST(a_gap_may_hide_an_answer),
        TEST(later_snapshots_leave_calls_alone),
        TEST(open_calls_of_an_earlier_run_go_on),
        TEST(a_restart_forgets_all_calls),
        TEST(a_shutdown_is_a_restart),
        TEST(nonsense_is_left_out),
        TEST(memory_does_not_grow),
        TEST(too_many_calls_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
