#include "agent/source/ami_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/event/leg.h"
#include "tests/unit/source/ami_calls_case.h"

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
    assert_int_equal(heard_held(&heard).doors, 1);
    heard_pass(&heard, 6000);
    assert_int_equal(heard_held(&heard).doors, 0);
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
    connected();
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
    assert_int_equal(heard_held(&heard).calls, 0);
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

static void members_are_told_anew_on_each_connection(void **state)
{
    (void)state;
    const char *item = "QueueMember Queue=q Name=ana Location=PJSIP/ana Status=1 InCall=0";
    for (int i = 0; i < 2; i++) {
        heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
        say(&heard, item);
        end_lists();
        heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
        say(&heard, item);
        end_lists();
        assert_told("member_state q ana");
        heard_mark(&heard, AMI_MARK_DOWN);
    }
}

static void a_member_who_is_renamed_was_somebody_else(void **state)
{
    (void)state;
    say(&heard, "QueueMemberAdded Queue=q MemberName=ana Interface=PJSIP/1 Status=1");
    heard_mark(&heard, AMI_MARK_SNAPSHOT_BEGIN);
    say(&heard, "QueueMember Queue=q Name=Bea Location=PJSIP/1 Status=1");
    end_lists();
    assert_told("member_state q ana|member_remove q ana|member_state q Bea");
    say(&heard, "QueueMemberStatus Queue=q Interface=PJSIP/1 Status=2"); /* of no name: nobody else */
    assert_told("member_state q Bea");
    say(&heard, "QueueMemberRemoved Queue=q MemberName=Bea Interface=PJSIP/1");
    assert_told("member_remove q Bea");
    assert_int_equal(heard_held(&heard).members, 0);
    assert_int_equal(heard_held(&heard).names, 0);
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
    assert_int_equal(heard_held(&heard).calls, 2);
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
    assert_int_equal(heard_held(&heard).calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(refused_callers_are_told_once),
        CASE(cel_alone_tells_refused_callers),
        CASE(a_cdr_alone_tells_refused_callers),
        CASE(a_snapshot_takes_calls_in),
        CASE(what_a_snapshot_lacks_is_lost_after_the_grace),
        CASE(without_channels_operators_tell_conversations),
        CASE(members_are_told_anew_on_each_connection),
        CASE(a_member_who_is_renamed_was_somebody_else),
        CASE(a_gap_may_hide_an_answer),
        CASE(later_snapshots_leave_calls_alone),
        CASE(open_calls_of_an_earlier_run_go_on),
        CASE(a_restart_forgets_all_calls),
        CASE(a_shutdown_is_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
