#include "agent/event/event.h"

const char *event_kind_str(enum event_kind kind)
{
    static const char *const names[EVENT_KIND_COUNT] = {
        [EVENT_NONE] = "none",
        [EVENT_ENTER] = "enter",
        [EVENT_CONNECT] = "connect",
        [EVENT_COMPLETE_OPERATOR] = "complete_operator",
        [EVENT_COMPLETE_CALLER] = "complete_caller",
        [EVENT_TRANSFER_BLIND] = "transfer_blind",
        [EVENT_TRANSFER_ATTENDED] = "transfer_attended",
        [EVENT_ABANDON] = "abandon",
        [EVENT_EXIT_TIMEOUT] = "exit_timeout",
        [EVENT_EXIT_EMPTY] = "exit_empty",
        [EVENT_EXIT_KEY] = "exit_key",
        [EVENT_WITHDRAW] = "withdraw",
        [EVENT_BLOCKED] = "blocked",
        [EVENT_RING_NO_ANSWER] = "ring_no_answer",
        [EVENT_RING_CANCELED] = "ring_canceled",
        [EVENT_OPERATOR_DUMP] = "operator_dump",
        [EVENT_LEAVE] = "leave",
        [EVENT_RING] = "ring",
        [EVENT_LOST] = "lost",
        [EVENT_HOLD] = "hold",
        [EVENT_UNHOLD] = "unhold",
        [EVENT_MEMBER_ADD] = "member_add",
        [EVENT_MEMBER_REMOVE] = "member_remove",
        [EVENT_MEMBER_STATE] = "member_state",
        [EVENT_PAUSE] = "pause",
        [EVENT_UNPAUSE] = "unpause",
        [EVENT_PAUSE_ALL] = "pause_all",
        [EVENT_UNPAUSE_ALL] = "unpause_all",
        [EVENT_LOGIN] = "login",
        [EVENT_LOGOFF] = "logoff",
        [EVENT_RESTART] = "restart",
        [EVENT_RELOAD] = "reload",
        [EVENT_NOTE] = "note",
        [EVENT_UNKNOWN_VERB] = "unknown_verb",
    };
    return (unsigned)kind < EVENT_KIND_COUNT ? names[kind] : "unknown";
}
