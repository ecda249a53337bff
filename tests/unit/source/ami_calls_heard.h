/* ami_calls_heard: what the tests of ami_calls share: messages written as text go in, events come out as copies. */
#ifndef RINGSIDE_TESTS_UNIT_SOURCE_AMI_CALLS_HEARD_H
#define RINGSIDE_TESTS_UNIT_SOURCE_AMI_CALLS_HEARD_H

#include "agent/source/ami_calls.h"
#include "platform/base/buf.h"

struct heard_event {
    enum event_kind kind;
    int64_t at_ms, wait_ms, talk_ms, ring_ms, position, original_position;
    char call_id[100], queue[80], operator_name[120], interface[120], caller[64], text[128];
    struct event_member member;
    bool used; /* by a comparison */
};

struct heard {
    struct ami_calls *calls;
    struct ami_frame *frame;
    struct heard_event *events;
    size_t count, cap;
    int64_t now_ms;
    bool drop;       /* only count */
    size_t leaves;   /* EVENT_LEAVE: counted, and not among the events, for the log has no such row */
    int64_t left_ms; /* the time of the newest */
};

void heard_init(struct heard *heard);
void heard_deinit(struct heard *heard);
void heard_add(struct heard *heard, const struct call_event *event);
void heard_bytes(struct heard *heard, struct slice bytes);

/* "QueueCallerJoin Uniqueid=1.1 Queue=q": one message at now_ms; a blank separates, "~" in a value is a blank. */
void say(struct heard *heard, const char *text);
void heard_pass(struct heard *heard, int64_t ms); /* time goes by, tick after tick */
struct ami_calls_held heard_held(const struct heard *heard);
void heard_mark(struct heard *heard, enum ami_mark mark);

/* All events so far as "kind call queue operator|...", forgotten afterwards. Borrowed until the next call. */
const char *heard_text(struct heard *heard);

#endif
