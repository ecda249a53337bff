/* event: one normalised thing that happened on the telephony box. Sources make them, track consumes them.
 *
 * All slices are borrowed for the duration of the call that hands the event over. A number that the source does not
 * know is EVENT_UNKNOWN. Durations are milliseconds, times are milliseconds since 1970-01-01T00:00:00Z. */
#ifndef RINGSIDE_AGENT_EVENT_EVENT_H
#define RINGSIDE_AGENT_EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/slice.h"

#define EVENT_UNKNOWN INT64_MIN

enum event_kind {
    EVENT_NONE,
    EVENT_ENTER,             /* caller enters a queue: caller, position */
    EVENT_CONNECT,           /* operator answers: wait, ring */
    EVENT_COMPLETE_OPERATOR, /* conversation over, operator hung up: wait, talk, original_position */
    EVENT_COMPLETE_CALLER,   /* the same, caller hung up */
    EVENT_TRANSFER_BLIND,    /* conversation over by transfer: wait, talk, original_position */
    EVENT_TRANSFER_ATTENDED,
    EVENT_ABANDON,      /* caller gave up: wait, position, original_position */
    EVENT_EXIT_TIMEOUT, /* left the queue unanswered: wait, position, original_position */
    EVENT_EXIT_EMPTY,
    EVENT_EXIT_KEY,
    EVENT_WITHDRAW,
    EVENT_BLOCKED,        /* refused at the door (full, join empty, closed, diverted); text names the verb */
    EVENT_RING_NO_ANSWER, /* an operator did not pick up: ring */
    EVENT_RING_CANCELED,  /* caller left while an operator's phone rang: ring */
    EVENT_OPERATOR_DUMP,  /* operator hung up during the announcement; the caller waits on */
    EVENT_LEAVE,          /* caller waits no longer; an answer or the reason follows, with this same time */
    EVENT_RING,           /* an operator's phone begins to ring for this call */
    EVENT_LOST,           /* the call is over, or not where it was, and nobody saw how */
    EVENT_HOLD,           /* caller put on hold */
    EVENT_UNHOLD,         /* caller taken off hold */
    EVENT_MEMBER_ADD,     /* operator joins a queue; text "PAUSED" when born paused */
    EVENT_MEMBER_REMOVE,
    EVENT_MEMBER_STATE, /* all that is known of an operator in one queue: member; text is the pause reason */
    EVENT_PAUSE,        /* one queue; text is the reason */
    EVENT_UNPAUSE,
    EVENT_PAUSE_ALL, /* announced beside one PAUSE per queue: never count both */
    EVENT_UNPAUSE_ALL,
    EVENT_LOGIN, /* agent pool or call-back login */
    EVENT_LOGOFF,
    EVENT_RESTART,      /* the PBX started: every call before is dead */
    EVENT_RELOAD,       /* configuration reload or log rotation */
    EVENT_NOTE,         /* known verb that carries no KPI (DID, INFO, CALLSTATUS, PENALTY, ...); verb is set */
    EVENT_UNKNOWN_VERB, /* anything else; verb is set */
    EVENT_KIND_COUNT
};

/* How an operator stands in one queue, as a live source tells it. */
enum event_device { /* Asterisk's device states (include/asterisk/devicestate.h), same numbers */
                    EVENT_DEVICE_UNKNOWN,
                    EVENT_DEVICE_IDLE,
                    EVENT_DEVICE_IN_USE,
                    EVENT_DEVICE_BUSY,
                    EVENT_DEVICE_INVALID,
                    EVENT_DEVICE_UNAVAILABLE,
                    EVENT_DEVICE_RINGING,
                    EVENT_DEVICE_RING_IN_USE,
                    EVENT_DEVICE_ON_HOLD,
                    EVENT_DEVICE_COUNT
};

struct event_member {
    enum event_device device;
    bool paused;
    bool in_call;       /* in a call of this queue, as the PBX believes */
    int64_t login_ms;   /* 0: not told */
    int64_t wrap_up_ms; /* the queue's; -1: not told */
    int64_t penalty;
};

struct call_event {
    enum event_kind kind;
    int64_t at_ms;
    struct slice verb;    /* as the source spells it */
    struct slice call_id; /* empty when the event is of no call */
    struct slice queue;   /* empty when of no queue */
    struct slice operator_name;
    struct slice interface; /* the operator's device; empty where the source does not tell it */
    struct slice caller;    /* number as written; empty when unknown */
    struct slice text;      /* reason, key, target, or the raw parameters */
    int64_t wait_ms;
    int64_t talk_ms;
    int64_t ring_ms;
    int64_t position;
    int64_t original_position;
    const struct event_member *member; /* NULL unless the kind says so */
};

/* Stable lower-case name of a kind ("enter", "exit_timeout"); "unknown" outside the range. */
const char *event_kind_str(enum event_kind kind);

/* Where events go: put() returns 0, or a negative failure that stops the source. The event is borrowed. */
struct event_sink {
    int (*put)(void *ctx, const struct call_event *event);
    void *ctx;
};

#endif
