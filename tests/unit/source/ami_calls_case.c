#include "tests/unit/source/ami_calls_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct heard heard;

int case_setup(void **state)
{
    (void)state;
    heard_init(&heard);
    return 0;
}

int case_teardown(void **state)
{
    (void)state;
    heard_deinit(&heard);
    return 0;
}

void join(void)
{
    say(&heard, "QueueCallerJoin Uniqueid=1.1 Linkedid=1.1 CallerIDNum=5551 Queue=q Position=2 Count=2");
}

void ring(const char *who, const char *channel)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "AgentCalled Uniqueid=1.1 Linkedid=1.1 DestUniqueid=%s Queue=q Interface=PJSIP/%s MemberName=%s",
                   channel, who, who);
    say(&heard, text);
}

void leave(void)
{
    say(&heard, "QueueCallerLeave Uniqueid=1.1 Linkedid=1.1 Queue=q Position=1 Count=0");
}

void connected(void)
{
    say(&heard, "AgentConnect Uniqueid=1.1 Linkedid=1.1 DestUniqueid=1.2 Queue=q Interface=PJSIP/ana MemberName=ana "
                "HoldTime=9 RingTime=9");
}

void complete(const char *reason)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "AgentComplete Uniqueid=1.1 DestUniqueid=1.2 Queue=q Interface=PJSIP/ana MemberName=ana HoldTime=9 "
                   "TalkTime=9 Reason=%s",
                   reason);
    say(&heard, text);
}

void talking(void)
{
    join();
    ring("ana", "1.2");
    heard_pass(&heard, 400);
    leave();
    connected();
    assert_told("enter 1.1 q|ring 1.1 q ana|connect 1.1 q ana");
}

void end_lists(void)
{
    say(&heard, "CoreShowChannelsComplete");
    say(&heard, "QueueStatusComplete");
    heard_mark(&heard, AMI_MARK_SNAPSHOT_END);
}
