/* change: what a leg did that KPIs count. track makes them, kpi counts them, in the order of the events. */
#ifndef RINGSIDE_AGENT_EVENT_CHANGE_H
#define RINGSIDE_AGENT_EVENT_CHANGE_H

#include <stdint.h>

#include "agent/event/leg.h"

enum leg_change_kind {
    LEG_CHANGE_ENTERED,  /* starts waiting at at_ms */
    LEG_CHANGE_WAITED,   /* waits on from interval number `from` to `to`; to < from takes that back */
    LEG_CHANGE_ANSWERED, /* stops waiting: an operator has the caller; leg->wait_ms, leg->ring_ms */
    LEG_CHANGE_LEFT,     /* stops waiting, unanswered: leg->outcome, leg->wait_ms */
    LEG_CHANGE_UNHELD,   /* one hold is over: value_ms, -1 when it is suspect */
    LEG_CHANGE_ENDED,    /* the conversation is over: leg->outcome, leg->talk_ms, leg->hold_ms */
    LEG_CHANGE_MISSED,   /* an operator's phone rang in vain; no leg */
    LEG_CHANGE_BLOCKED   /* a caller was refused at the door; no leg */
};

struct leg_change {
    enum leg_change_kind kind;
    int64_t at_ms; /* when it counts: never before the leg entered */
    uint32_t queue;
    const struct call_leg *leg; /* borrowed; NULL where the kind says so */
    int64_t value_ms;
    int64_t from;
    int64_t to;
};

#endif
