/* Callers come and go: QueueCallerJoin, QueueCallerAbandon, QueueCallerLeave and what tells why. */
#include <string.h>

#include "agent/source/ami_calls_internal.h"

enum { SAME_JOIN_MS = 1000 }; /* a second Join of one visit comes at once */

static int64_t not_negative(int64_t ms)
{
    return ms > 0 ? ms : 0;
}

int ami_calls_enter(struct ami_calls *calls, uint32_t at, struct slice caller, const char *verb)
{
    const struct ami_visit *visit = ami_visit_at(calls, at);
    struct call_event event = ami_calls_of(calls, visit, EVENT_ENTER, visit->enter_ms, verb);
    event.caller = ami_calls_known(caller);
    event.position = visit->position;
    return ami_calls_put(calls, &event);
}

static int add(struct ami_calls *calls, const struct ami_facts *facts, int64_t enter_ms, int64_t position,
               uint32_t *out)
{
    struct ami_visit_key key = {facts->call_id, facts->call_hash, facts->queue};
    int status = ami_calls_add(calls, &key, enter_ms, out);
    if (status == 0) {
        ami_visit_at(calls, *out)->position = ami_visit_at(calls, *out)->original_position = position;
        ami_calls_link(calls, *out, facts->linked_hash);
        status = ami_calls_enter(calls, *out, ami_get(facts->message, "CallerIDNum"), "QueueCallerJoin");
    }
    return status;
}

int ami_calls_late(struct ami_calls *calls, const struct ami_facts *facts, int64_t enter_ms, uint32_t *out)
{
    int status = add(calls, facts, enter_ms, EVENT_UNKNOWN, out);
    if (status == 0) {
        ami_visit_at(calls, *out)->partial = true;
    }
    return status;
}

static int64_t seconds_ms(const struct ami_facts *facts, const char *name)
{
    int64_t seconds = ami_number(facts->message, name, 0);
    return seconds > 0 && seconds < INT64_C(1) << 31 ? seconds * 1000 : 0;
}

/* ---- how a visit ends without an operator ---- */

static int left(struct ami_calls *calls, uint32_t at, enum event_kind kind, const char *verb)
{
    const struct ami_visit *visit = ami_visit_at(calls, at);
    int status = ami_calls_cancel_rings(calls, at, visit->left_ms, verb);
    if (status == 0) {
        struct call_event event = ami_calls_of(calls, visit, kind, visit->left_ms, verb);
        event.wait_ms = not_negative(visit->left_ms - visit->enter_ms);
        event.position = visit->position;
        event.original_position = visit->original_position;
        status = ami_calls_put(calls, &event);
    }
    ami_calls_drop(calls, at);
    return status;
}

/* He waits no longer, which is to be seen at once; what became of him is known a moment later. */
static int tell_leave(struct ami_calls *calls, uint32_t at, const char *verb)
{
    const struct ami_visit *visit = ami_visit_at(calls, at);
    struct call_event event = ami_calls_of(calls, visit, EVENT_LEAVE, visit->left_ms, verb);
    return ami_calls_put(calls, &event);
}

static int guess(struct ami_calls *calls, uint32_t at)
{
    if (ami_visit_at(calls, at)->asked) {
        return left(calls, at, EVENT_ABANDON, "QueueCallerAbandon");
    }
    calls->counters.guessed_exits++;
    return left(calls, at, EVENT_EXIT_TIMEOUT, "QueueCallerAbandon");
}

int ami_calls_settle(struct ami_calls *calls, uint32_t at, bool now)
{
    ami_calls_unawait(calls, at);
    switch (ami_visit_at(calls, at)->state) {
    case VISIT_WAITING: return ami_calls_cancel_old(calls, at);
    case VISIT_LEAVING:
        if (!now && ami_calls_is_answered(calls, at) &&
            calls->arrival_ms - ami_visit_at(calls, at)->left_ms < AMI_CALLS_ANSWERED_MS) {
            ami_calls_await(calls, at, calls->arrival_ms + AMI_CALLS_ANSWERED_MS);
            return 0;
        }
        return left(calls, at, EVENT_EXIT_KEY, "QueueCallerLeave");
    case VISIT_REASON: return guess(calls, at);
    case VISIT_ENDING: {
        const struct ami_visit *visit = ami_visit_at(calls, at);
        return ami_calls_end(calls, at, visit->hold_hash ? EVENT_TRANSFER_ATTENDED : EVENT_TRANSFER_BLIND);
    }
    case VISIT_TALKING: break;
    }
    return 0;
}

/* What is awaited of this channel cannot come any more: it does something else. */
static int settle_all(struct ami_calls *calls, uint64_t call_hash)
{
    int status = 0;
    uint32_t at;
    while (status == 0 && (at = ami_calls_find(calls, call_hash, 0, VISIT_LEAVING | VISIT_REASON)) != 0) {
        status = ami_calls_settle(calls, at, true);
    }
    return status;
}

/* ---- events ---- */

/* Whether this Join was told already: by a snapshot that was ahead of the events, or by itself. */
static bool is_told(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    uint32_t at = queue ? ami_calls_find(calls, facts->call_hash, queue, VISIT_WAITING | VISIT_TALKING) : 0;
    if (!at) {
        return false;
    }
    const struct ami_visit *visit = ami_visit_at(calls, at);
    bool taken = visit->taken_ms && calls->arrival_ms - visit->taken_ms <= AMI_CALLS_GRACE_MS;
    bool doubled = visit->state == VISIT_WAITING && facts->at_ms - visit->enter_ms < SAME_JOIN_MS;
    return taken || doubled;
}

int ami_calls_join(struct ami_calls *calls, const struct ami_facts *facts)
{
    if (facts->call_hash == 0 || facts->queue.len == 0) {
        return 0;
    }
    calls->sight.joins++;
    int status = ami_calls_door_join(calls, facts);
    if (status != 0 || is_told(calls, facts)) {
        return status;
    }
    status = settle_all(calls, facts->call_hash);
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    uint32_t at = queue ? ami_calls_find(calls, facts->call_hash, queue, VISIT_WAITING) : 0;
    if (status == 0 && at) {
        status = ami_calls_lose(calls, at, facts->at_ms, "QueueCallerJoin");
    }
    if (status != 0) {
        return status;
    }
    status = add(calls, facts, facts->at_ms, ami_number(facts->message, "Position", EVENT_UNKNOWN), &at);
    if (status == 0) {
        ami_visit_at(calls, at)->asked = calls->gone[facts->call_hash / 2 % AMI_CALLS_GONE_SLOTS] == facts->call_hash;
    }
    return status;
}

/* The visit that an event of a caller's going is of; one that nobody told of begins now. */
static int find_going(struct ami_calls *calls, const struct ami_facts *facts, uint32_t *out)
{
    *out = ami_calls_find_waiting(calls, facts, VISIT_WAITING | VISIT_LEAVING);
    if (*out || facts->call_hash == 0 || facts->queue.len == 0 ||
        ami_calls_was_ended(calls, facts->call_hash, facts->queue, calls->arrival_ms - AMI_CALLS_GRACE_MS)) {
        return 0;
    }
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    if (queue && ami_calls_find(calls, facts->call_hash, queue, ~0U)) {
        return 0;
    }
    calls->counters.unmatched++;
    return ami_calls_late(calls, facts, facts->at_ms - seconds_ms(facts, "HoldTime"), out);
}

int ami_calls_abandon(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = 0;
    int status = find_going(calls, facts, &at);
    if (status != 0 || !at) {
        return status;
    }
    ami_calls_touch(calls, at);
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->left_ms = facts->at_ms;
    visit->position = ami_number(facts->message, "Position", visit->position);
    visit->original_position = ami_number(facts->message, "OriginalPosition", visit->original_position);
    status = ami_calls_cancel_rings(calls, at, facts->at_ms, "QueueCallerAbandon");
    if (status != 0 || !calls->sight.dialplan) {
        return status != 0 ? status : guess(calls, at);
    }
    /* The reason is on its way: also for a caller who hung up, for he may have been too late. */
    ami_visit_at(calls, at)->state = VISIT_REASON;
    ami_calls_await(calls, at, calls->arrival_ms + AMI_CALLS_REASON_MS);
    return tell_leave(calls, at, "QueueCallerAbandon");
}

int ami_calls_leave(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = ami_calls_find_waiting(calls, facts, VISIT_WAITING);
    if (!at) {
        return 0;
    }
    ami_calls_touch(calls, at);
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->state = VISIT_LEAVING;
    visit->left_ms = facts->at_ms;
    visit->position = ami_number(facts->message, "Position", visit->position);
    ami_calls_await(calls, at, calls->arrival_ms + AMI_CALLS_LEAVE_MS);
    /* Whoever does not ring any more will neither answer nor miss: this must not wait for what becomes of the caller.
     */
    int status = ami_calls_cancel_ended(calls, at);
    return status == 0 ? tell_leave(calls, at, "QueueCallerLeave") : status;
}

int ami_calls_asked(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t node = facts->call_hash ? ami_index_first(&calls->by_call, facts->call_hash) : 0;
    for (; node; node = ami_index_next(&calls->by_call, node)) {
        struct ami_visit *visit = ami_visit_at(calls, ami_index_value(&calls->by_call, node));
        visit->asked = visit->asked || visit->state == VISIT_WAITING || visit->state == VISIT_LEAVING;
    }
    return 0;
}

int ami_calls_hangup(struct ami_calls *calls, const struct ami_facts *facts)
{
    if (facts->call_hash == 0) {
        return 0;
    }
    int status = settle_all(calls, facts->call_hash);
    uint32_t node = ami_index_first(&calls->by_call, facts->call_hash);
    for (; node; node = ami_index_next(&calls->by_call, node)) {
        uint32_t at = ami_index_value(&calls->by_call, node);
        if (ami_visit_at(calls, at)->state == VISIT_WAITING) {
            ami_calls_set_orphan(calls, at, true);
        }
    }
    return status;
}

int ami_calls_status(struct ami_calls *calls, const struct ami_facts *facts, struct slice status)
{
    static const struct {
        const char *status;
        enum event_kind kind;
    } reasons[] = {
        {"TIMEOUT", EVENT_EXIT_TIMEOUT},
        {"LEAVEEMPTY", EVENT_EXIT_EMPTY},
        {"LEAVEUNAVAIL", EVENT_EXIT_EMPTY},
        {"WITHDRAW", EVENT_WITHDRAW},
    };
    uint32_t at = ami_calls_find(calls, facts->call_hash, 0, VISIT_REASON);
    for (size_t i = 0; at && i < sizeof reasons / sizeof reasons[0]; i++) {
        if (slice_is(status, reasons[i].status)) {
            return left(calls, at, reasons[i].kind, "QueueCallerAbandon");
        }
    }
    return 0;
}
