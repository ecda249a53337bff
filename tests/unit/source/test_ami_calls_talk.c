#include "agent/source/ami_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/event/leg.h"
#include "tests/unit/source/ami_calls_case.h"

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
    connected();
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana|complete_operator 1.1 q ana");
    assert_int_equal(heard_held(&heard).calls, 0);
}

static void calls_that_nobody_told_of_begin_late(void **state)
{
    (void)state;
    connected();
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
    assert_int_equal(heard_held(&heard).calls, 0);
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

static void members_of_the_agent_pool_come_and_go_with_their_login(void **state)
{
    (void)state;
    const char *in = "QueueMemberStatus Queue=q MemberName=Pool Interface=Local/R1@codes/n StateInterface=Agent:1001 "
                     "Status=1 Paused=0";
    const char *off = "QueueMemberStatus Queue=q MemberName=Pool Interface=Local/R1@codes/n StateInterface=Agent:1001 "
                      "Status=5 Paused=0";
    say(&heard, off);
    assert_told("");
    say(&heard, in);
    assert_told("member_state q Pool");
    say(&heard, off);
    say(&heard, off);
    assert_told("member_remove q Pool");
    say(&heard, "QueueMemberStatus Queue=q MemberName=Ana Interface=PJSIP/1 StateInterface=PJSIP/1 Status=5 Paused=0");
    assert_told("member_state q Ana");
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_end_without_ids_finds_its_operator),
        CASE(an_end_may_overtake_its_answer),
        CASE(calls_that_nobody_told_of_begin_late),
        CASE(transfers_are_of_two_kinds),
        CASE(a_transfer_into_a_queue_swaps_ids),
        CASE(holds_are_the_operators),
        CASE(two_calls_of_one_contact_are_held_apart),
        CASE(members_are_told_when_they_change),
        CASE(members_of_the_agent_pool_come_and_go_with_their_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
