#include "agent/event/leg.h"

bool leg_is_waiting(const struct call_leg *leg)
{
    return leg->state == LEG_WAITING || leg->state == LEG_RINGING;
}

bool leg_is_talking(const struct call_leg *leg)
{
    return leg->state == LEG_CONNECTED || leg->state == LEG_HELD;
}

bool leg_is_done(const struct call_leg *leg)
{
    return leg->state == LEG_DONE;
}

const char *leg_state_str(enum leg_state state)
{
    switch (state) {
    case LEG_WAITING: return "waiting";
    case LEG_RINGING: return "ringing";
    case LEG_CONNECTED: return "connected";
    case LEG_HELD: return "held";
    case LEG_DONE: return "done";
    }
    return "unknown";
}

const char *leg_outcome_str(enum leg_outcome outcome)
{
    static const char *const names[LEG_OUTCOME_COUNT] = {
        [LEG_OPEN] = "open",
        [LEG_COMPLETED_OPERATOR] = "completed_operator",
        [LEG_COMPLETED_CALLER] = "completed_caller",
        [LEG_TRANSFERRED] = "transferred",
        [LEG_ABANDONED] = "abandoned",
        [LEG_EXIT_TIMEOUT] = "exit_timeout",
        [LEG_EXIT_EMPTY] = "exit_empty",
        [LEG_EXIT_KEY] = "exit_key",
        [LEG_WITHDRAWN] = "withdrawn",
        [LEG_LOST] = "lost",
        [LEG_LOST_CONNECTED] = "lost_connected",
    };
    return (unsigned)outcome < LEG_OUTCOME_COUNT ? names[outcome] : "unknown";
}
