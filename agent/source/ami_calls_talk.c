/* Conversations: AgentConnect, AgentComplete, transfers, holds. */
#include <string.h>

#include "agent/source/ami_calls_internal.h"

enum { RESCUE_MS = 2000 }; /* whole-second fields: how far a conversation found by its times alone may be off */

static int64_t not_negative(int64_t ms)
{
    return ms > 0 ? ms : 0;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* A field of whole seconds in milliseconds; EVENT_UNKNOWN where it is absent or absurd. */
static int64_t seconds_ms(const struct ami_facts *facts, const char *name)
{
    int64_t seconds = ami_number(facts->message, name, -1);
    return seconds >= 0 && seconds < INT64_C(1) << 31 ? seconds * 1000 : EVENT_UNKNOWN;
}

/* ---- an operator answers ---- */

/* The visit that waits and that this answer is of, or 0. The ring tells best: a transfer into the queue may have
 * changed the caller's id. */
static uint32_t find_answered(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t ring = ami_calls_find_ring(calls, facts, 0);
    if (ring && (ami_visit_at(calls, ami_ring_at(calls, ring)->visit)->state & (VISIT_WAITING | VISIT_LEAVING))) {
        return ami_ring_at(calls, ring)->visit;
    }
    return ami_calls_find_waiting(calls, facts, VISIT_LEAVING | VISIT_WAITING);
}

static bool is_known_talk(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    return (queue && ami_calls_find(calls, facts->call_hash, queue, VISIT_TALKING | VISIT_ENDING)) ||
           ami_calls_was_ended(calls, facts->call_hash, facts->queue, calls->arrival_ms - AMI_CALLS_GRACE_MS);
}

static int connected(struct ami_calls *calls, uint32_t at, const struct ami_facts *facts, int64_t connect_ms)
{
    uint32_t ring = ami_calls_find_ring_of(calls, at, facts->interface);
    int64_t ring_ms = seconds_ms(facts, "RingTime");
    if (ring) {
        const struct ami_ring *won = ami_ring_at(calls, ring);
        ring_ms = not_negative((won->answered_ms ? won->answered_ms : connect_ms) - won->start_ms);
        ami_calls_drop_ring(calls, ring);
    }
    ami_calls_unawait(calls, at);
    ami_calls_touch(calls, at);
    ami_calls_set_orphan(calls, at, false);
    int status = ami_calls_talks(calls, at, facts);
    if (status != 0) {
        return status;
    }
    ami_calls_link(calls, at, facts->linked_hash);
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->connect_ms = connect_ms;
    struct call_event event = ami_calls_of(calls, visit, EVENT_CONNECT, connect_ms, "AgentConnect");
    event.operator_name = ami_calls_name(calls, visit->operator_name);
    event.interface = ami_calls_name(calls, visit->interface);
    event.wait_ms = not_negative(connect_ms - visit->enter_ms);
    event.ring_ms = ring_ms;
    status = ami_calls_put(calls, &event);
    return status != 0 ? status : ami_calls_cancel_rings(calls, at, connect_ms, "AgentConnect");
}

int ami_calls_connect(struct ami_calls *calls, const struct ami_facts *facts)
{
    if (facts->queue.len == 0 || facts->operator_name.len == 0) {
        return 0;
    }
    uint32_t at = find_answered(calls, facts);
    if (!at) {
        if (facts->call_hash == 0 || is_known_talk(calls, facts)) {
            return 0;
        }
        calls->counters.unmatched++;
        int status = ami_calls_late(calls, facts, facts->at_ms - not_negative(seconds_ms(facts, "HoldTime")), &at);
        if (status != 0) {
            return status;
        }
    }
    return connected(calls, at, facts, facts->at_ms);
}

/* ---- the end ---- */

/* Of the conversations of this operator in this queue the one that began when the event says. */
static uint32_t find_at_desk(const struct ami_calls *calls, const struct ami_facts *facts, int64_t within_ms)
{
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    uint32_t interface = ami_names_find(&calls->names, facts->interface);
    int64_t talk_ms = seconds_ms(facts, "TalkTime");
    int64_t began_ms = facts->at_ms - not_negative(talk_ms);
    uint32_t best = 0;
    uint32_t node = queue && interface ? ami_index_first(&calls->by_desk, ami_calls_pair(queue, interface)) : 0;
    for (; node; node = ami_index_next(&calls->by_desk, node)) {
        uint32_t at = ami_index_value(&calls->by_desk, node);
        const struct ami_visit *visit = ami_visit_at(calls, at);
        if (visit->state != VISIT_TALKING || distance(visit->connect_ms, began_ms) > within_ms) {
            continue;
        }
        if (!best ||
            distance(visit->connect_ms, began_ms) < distance(ami_visit_at(calls, best)->connect_ms, began_ms)) {
            best = at;
        }
    }
    return best;
}

static uint32_t find_by_channel(const struct ami_calls *calls, uint64_t channel_hash, uint32_t queue)
{
    uint32_t node = channel_hash ? ami_index_first(&calls->by_channel, channel_hash) : 0;
    for (; node; node = ami_index_next(&calls->by_channel, node)) {
        uint32_t at = ami_index_value(&calls->by_channel, node);
        const struct ami_visit *visit = ami_visit_at(calls, at);
        if (visit->state == VISIT_TALKING && (queue == 0 || visit->queue == queue)) {
            return at;
        }
    }
    return 0;
}

/* The operator's channel tells best: the caller's id may have changed in a transfer (field guide 2.1.4). */
static uint32_t find_talk(const struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    if (queue == 0) {
        return 0;
    }
    uint32_t at = find_by_channel(calls, facts->channel_hash, queue);
    if (!at) {
        at = ami_calls_find(calls, facts->call_hash, queue, VISIT_TALKING);
    }
    if (!at) {
        at = find_at_desk(calls, facts, facts->call_hash == 0 ? INT64_MAX : RESCUE_MS);
    }
    return at;
}

static enum event_kind kind_of(const struct ami_facts *facts, const struct ami_visit *visit)
{
    struct slice reason = ami_get(facts->message, "Reason");
    if (slice_is(reason, "transfer")) {
        return visit->transfer;
    }
    return slice_is(reason, "caller") ? EVENT_COMPLETE_CALLER : EVENT_COMPLETE_OPERATOR;
}

int ami_calls_end(struct ami_calls *calls, uint32_t at, enum event_kind kind)
{
    const struct ami_visit *visit = ami_visit_at(calls, at);
    struct call_event event = ami_calls_of(calls, visit, kind, visit->left_ms, "AgentComplete");
    event.operator_name = ami_calls_name(calls, visit->operator_name);
    event.interface = ami_calls_name(calls, visit->interface);
    event.wait_ms = visit->wait_ms;
    event.talk_ms = visit->talk_ms;
    event.original_position = visit->original_position;
    int status = ami_calls_put(calls, &event);
    ami_calls_drop(calls, at);
    return status;
}

/* An end before its answer, or of a call that nobody told of: the answer was when the end says. */
static int answer_late(struct ami_calls *calls, const struct ami_facts *facts, uint32_t *out)
{
    *out = ami_calls_find_waiting(calls, facts, VISIT_LEAVING | VISIT_WAITING);
    int64_t connect_ms = facts->at_ms - not_negative(seconds_ms(facts, "TalkTime"));
    if (!*out) {
        if (facts->call_hash == 0 || facts->queue.len == 0 || is_known_talk(calls, facts)) {
            calls->counters.unmatched += facts->call_hash == 0;
            return 0;
        }
        calls->counters.unmatched++;
        int64_t enter_ms = connect_ms - not_negative(seconds_ms(facts, "HoldTime"));
        int status = ami_calls_late(calls, facts, enter_ms, out);
        if (status != 0) {
            return status;
        }
    }
    int64_t enter_ms = ami_visit_at(calls, *out)->enter_ms;
    return connected(calls, *out, facts, connect_ms > enter_ms ? connect_ms : enter_ms);
}

int ami_calls_complete(struct ami_calls *calls, const struct ami_facts *facts)
{
    if (facts->operator_name.len == 0) {
        return 0;
    }
    uint32_t at = find_talk(calls, facts);
    int status = at ? 0 : answer_late(calls, facts, &at);
    if (status != 0 || !at) {
        return status;
    }
    ami_calls_touch(calls, at);
    struct ami_visit *visit = ami_visit_at(calls, at);
    bool seen = !visit->no_wait;
    visit->left_ms = facts->at_ms;
    visit->wait_ms = seen ? not_negative(visit->connect_ms - visit->enter_ms) : seconds_ms(facts, "HoldTime");
    visit->talk_ms = seen ? not_negative(facts->at_ms - visit->connect_ms) : seconds_ms(facts, "TalkTime");
    enum event_kind kind = kind_of(facts, visit);
    if (kind != EVENT_NONE) {
        return ami_calls_end(calls, at, kind);
    }
    visit->state = VISIT_ENDING;
    ami_calls_await(calls, at, calls->arrival_ms + AMI_CALLS_SETTLE_MS);
    return 0;
}

/* ---- transfers ---- */

static int transferred(struct ami_calls *calls, uint32_t at, enum event_kind kind)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    if (visit->state == VISIT_ENDING) {
        return ami_calls_end(calls, at, kind);
    }
    visit->transfer = kind;
    return 0;
}

static int mark_transfer(struct ami_calls *calls, struct ami_index *index, uint64_t hash, enum event_kind kind)
{
    uint32_t node = hash ? ami_index_first(index, hash) : 0;
    while (node) {
        uint32_t at = ami_index_value(index, node);
        node = ami_index_next(index, node);
        if (ami_visit_at(calls, at)->state & (VISIT_TALKING | VISIT_ENDING)) {
            /* It may be gone then, and others under this hash with it: one is enough. */
            return transferred(calls, at, kind);
        }
    }
    return 0;
}

int ami_calls_transfer(struct ami_calls *calls, const struct ami_facts *facts, enum event_kind kind)
{
    static const char *const parties[] = {"TransfererUniqueid", "OrigTransfererUniqueid", "TransfereeUniqueid"};
    if (!slice_is(ami_get(facts->message, "Result"), "Success")) {
        return 0;
    }
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof parties / sizeof parties[0]; i++) {
        uint64_t hash = ami_calls_hash(calls, ami_get(facts->message, parties[i]));
        status = mark_transfer(calls, &calls->by_channel, hash, kind);
        if (status == 0) {
            status = mark_transfer(calls, &calls->by_call, hash, kind);
        }
    }
    return status;
}

/* ---- holds ---- */

static bool is_desk(const struct ami_calls *calls, const struct ami_visit *visit, struct slice channel)
{
    struct slice device = ami_calls_device(channel, true);
    return device.len > 0 && slice_equal(device, ami_calls_device(ami_calls_name(calls, visit->interface), false));
}

/* Where the queue rang a telephone by way of others (Local channels), another channel of the same call holds. */
static uint32_t find_linked(const struct ami_calls *calls, const struct ami_facts *facts)
{
    struct slice channel = ami_get(facts->message, "Channel");
    uint32_t found = 0;
    bool several = false;
    uint32_t node = facts->linked_hash ? ami_index_first(&calls->by_linked, facts->linked_hash) : 0;
    for (; node; node = ami_index_next(&calls->by_linked, node)) {
        uint32_t at = ami_index_value(&calls->by_linked, node);
        const struct ami_visit *visit = ami_visit_at(calls, at);
        if (visit->state != VISIT_TALKING) {
            continue;
        }
        if (is_desk(calls, visit, channel)) {
            return at;
        }
        several = found != 0;
        found = at;
    }
    return several ? 0 : found;
}

int ami_calls_hold(struct ami_calls *calls, const struct ami_facts *facts, bool hold)
{
    if (facts->call_hash == 0) {
        return 0;
    }
    uint32_t at = find_by_channel(calls, facts->call_hash, 0);
    if (!at && !ami_calls_find(calls, facts->call_hash, 0, ~0U)) {
        at = find_linked(calls, facts);
    }
    if (!at) {
        return 0;
    }
    const struct ami_visit *visit = ami_visit_at(calls, at);
    if (hold ? visit->hold_hash != 0 : visit->hold_hash != facts->call_hash) {
        return 0;
    }
    ami_calls_touch(calls, at);
    int status = ami_calls_set_hold(calls, at, hold ? facts->call_hash : 0);
    if (status != 0) {
        return status;
    }
    struct call_event event =
        ami_calls_of(calls, visit, hold ? EVENT_HOLD : EVENT_UNHOLD, facts->at_ms, hold ? "Hold" : "Unhold");
    event.operator_name = ami_calls_name(calls, visit->operator_name);
    event.interface = ami_calls_name(calls, visit->interface);
    return ami_calls_put(calls, &event);
}
