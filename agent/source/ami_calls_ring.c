/* Operators' telephones ring. A ring's own event (AgentConnect, AgentRingNoAnswer, AgentDump) may come after the signs
 * that it is over (DialEnd, Hangup); where none comes, the ring was canceled. */
#include <string.h>

#include "agent/source/ami_calls_internal.h"

static int64_t not_negative(int64_t ms)
{
    return ms > 0 ? ms : 0;
}

static struct call_event event_of(const struct ami_calls *calls, const struct ami_ring *ring, enum event_kind kind,
                                  int64_t at_ms, const char *verb)
{
    struct call_event event = ami_calls_of(calls, ami_visit_at(calls, ring->visit), kind, at_ms, verb);
    event.operator_name = ami_calls_name(calls, ring->operator_name);
    event.interface = ami_calls_name(calls, ring->interface);
    if (kind != EVENT_RING) {
        event.ring_ms = not_negative(at_ms - ring->start_ms);
    }
    return event;
}

void ami_calls_drop_ring(struct ami_calls *calls, uint32_t at)
{
    struct ami_ring *ring = ami_ring_at(calls, at);
    struct ami_visit *visit = ami_visit_at(calls, ring->visit);
    uint32_t *link = &visit->rings;
    while (*link != at) {
        link = &ami_ring_at(calls, *link)->next;
    }
    *link = ring->next;
    visit->ring_count--;
    if (ring->channel_hash) {
        ami_index_remove(&calls->by_ring, ring->channel_hash, at);
    }
    ami_names_release(&calls->names, ring->operator_name);
    ami_names_release(&calls->names, ring->interface);
    ami_pool_give(&calls->rings, at);
}

static int cancel(struct ami_calls *calls, uint32_t at, int64_t at_ms, const char *verb)
{
    const struct ami_ring *ring = ami_ring_at(calls, at);
    int64_t end_ms = ring->ended_ms ? ring->ended_ms : at_ms;
    struct call_event event = event_of(calls, ring, EVENT_RING_CANCELED, end_ms, verb);
    int status = ami_calls_put(calls, &event);
    ami_calls_drop_ring(calls, at);
    return status;
}

int ami_calls_cancel_rings(struct ami_calls *calls, uint32_t visit, int64_t at_ms, const char *verb)
{
    int status = 0;
    while (status == 0 && ami_visit_at(calls, visit)->rings) {
        status = cancel(calls, ami_visit_at(calls, visit)->rings, at_ms, verb);
    }
    return status;
}

int ami_calls_cancel_ended(struct ami_calls *calls, uint32_t visit)
{
    int status = 0;
    for (uint32_t at = ami_visit_at(calls, visit)->rings; status == 0 && at;) {
        uint32_t next = ami_ring_at(calls, at)->next;
        if (ami_ring_at(calls, at)->ended_ms && !ami_ring_at(calls, at)->answered_ms) {
            status = cancel(calls, at, 0, "DialEnd");
        }
        at = next;
    }
    return status;
}

int ami_calls_cancel_old(struct ami_calls *calls, uint32_t visit)
{
    int64_t again_ms = 0;
    for (uint32_t at = ami_visit_at(calls, visit)->rings; at;) {
        const struct ami_ring *ring = ami_ring_at(calls, at);
        uint32_t next = ring->next;
        bool set_back = ring->due_ms - calls->arrival_ms > AMI_CALLS_LEAVE_MS; /* the clock was */
        if (ring->ended_ms && ring->due_ms > calls->arrival_ms && !set_back) {
            again_ms = ring->due_ms;
        } else if (ring->ended_ms) {
            int status = cancel(calls, at, ring->ended_ms, "DialEnd");
            if (status != 0) {
                return status;
            }
        }
        at = next;
    }
    if (again_ms) {
        ami_calls_await(calls, visit, again_ms);
    }
    return 0;
}

bool ami_calls_is_answered(const struct ami_calls *calls, uint32_t visit)
{
    for (uint32_t at = ami_visit_at(calls, visit)->rings; at; at = ami_ring_at(calls, at)->next) {
        if (ami_ring_at(calls, at)->answered_ms && !ami_ring_at(calls, at)->ended_ms) {
            return true;
        }
    }
    return false;
}

/* ---- finding ---- */

static uint32_t find_by_channel(const struct ami_calls *calls, uint64_t channel_hash)
{
    return channel_hash ? ami_index_value(&calls->by_ring, ami_index_first(&calls->by_ring, channel_hash)) : 0;
}

uint32_t ami_calls_find_ring_of(const struct ami_calls *calls, uint32_t visit, struct slice interface)
{
    uint32_t name = ami_names_find(&calls->names, interface);
    uint32_t at = name ? ami_visit_at(calls, visit)->rings : 0;
    while (at && ami_ring_at(calls, at)->interface != name) {
        at = ami_ring_at(calls, at)->next;
    }
    return at;
}

uint32_t ami_calls_find_ring(const struct ami_calls *calls, const struct ami_facts *facts, uint32_t visit)
{
    uint32_t at = find_by_channel(calls, facts->channel_hash);
    if (at &&
        ami_visit_at(calls, ami_ring_at(calls, at)->visit)->queue == ami_names_find(&calls->names, facts->queue)) {
        return at;
    }
    return visit ? ami_calls_find_ring_of(calls, visit, facts->interface) : 0;
}

/* ---- events ---- */

static int add(struct ami_calls *calls, const struct ami_facts *facts, uint32_t visit)
{
    uint32_t at = ami_pool_take(&calls->rings);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    struct ami_ring *ring = ami_ring_at(calls, at);
    ring->visit = visit;
    ring->start_ms = facts->at_ms;
    ring->next = ami_visit_at(calls, visit)->rings;
    ami_visit_at(calls, visit)->rings = at;
    ami_visit_at(calls, visit)->ring_count++;
    int status = ami_names_hold(&calls->names, facts->operator_name, &ring->operator_name);
    if (status == 0) {
        status = ami_names_hold(&calls->names, facts->interface, &ring->interface);
    }
    if (status == 0 && facts->channel_hash) {
        status = ami_index_add(&calls->by_ring, facts->channel_hash, at);
        ring->channel_hash = status == 0 ? facts->channel_hash : 0;
    }
    if (status == 0) {
        struct call_event event = event_of(calls, ring, EVENT_RING, facts->at_ms, "AgentCalled");
        status = ami_calls_put(calls, &event);
    }
    return status;
}

int ami_calls_ring(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t visit = ami_calls_find_waiting(calls, facts, VISIT_WAITING);
    if (!visit || facts->interface.len == 0 || find_by_channel(calls, facts->channel_hash)) {
        return 0;
    }
    ami_calls_touch(calls, visit);
    ami_calls_link(calls, visit, facts->linked_hash);
    uint32_t before = ami_calls_find_ring_of(calls, visit, facts->interface);
    int status = before ? cancel(calls, before, facts->at_ms, "AgentCalled") : 0;
    if (status != 0 || ami_visit_at(calls, visit)->ring_count >= AMI_CALLS_RINGS_MAX) {
        return status;
    }
    return add(calls, facts, visit);
}

/* Of a call or ring that began before we looked. */
static int tell_unknown(struct ami_calls *calls, const struct ami_facts *facts, enum event_kind kind)
{
    if (facts->call_hash == 0 || facts->queue.len == 0 || facts->operator_name.len == 0 ||
        ami_calls_was_ended(calls, facts->call_hash, facts->queue, calls->arrival_ms - AMI_CALLS_GRACE_MS)) {
        return 0;
    }
    struct call_event event = ami_calls_event(kind, facts->at_ms, "");
    event.verb = facts->message->event;
    event.call_id = facts->call_id;
    event.queue = facts->queue;
    event.operator_name = facts->operator_name;
    event.interface = facts->interface;
    if (kind == EVENT_RING_NO_ANSWER) {
        int64_t ring_ms = ami_number(facts->message, "RingTime", EVENT_UNKNOWN);
        event.ring_ms = ring_ms >= 0 ? ring_ms : EVENT_UNKNOWN;
    }
    return ami_calls_put(calls, &event);
}

int ami_calls_no_answer(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t visit = ami_calls_find_waiting(calls, facts, VISIT_WAITING | VISIT_LEAVING);
    uint32_t at = ami_calls_find_ring(calls, facts, visit);
    if (!at) {
        /* Where all rings were seen, this one was told already. */
        return visit && !ami_visit_at(calls, visit)->partial ? 0 : tell_unknown(calls, facts, EVENT_RING_NO_ANSWER);
    }
    ami_calls_touch(calls, ami_ring_at(calls, at)->visit);
    struct call_event event =
        event_of(calls, ami_ring_at(calls, at), EVENT_RING_NO_ANSWER, facts->at_ms, "AgentRingNoAnswer");
    int status = ami_calls_put(calls, &event);
    ami_calls_drop_ring(calls, at);
    return status;
}

int ami_calls_dump(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t visit = ami_calls_find_waiting(calls, facts, VISIT_WAITING | VISIT_LEAVING);
    uint32_t at = ami_calls_find_ring(calls, facts, visit);
    if (!at) {
        return visit && !ami_visit_at(calls, visit)->partial ? 0 : tell_unknown(calls, facts, EVENT_OPERATOR_DUMP);
    }
    ami_calls_touch(calls, ami_ring_at(calls, at)->visit);
    struct call_event event = event_of(calls, ami_ring_at(calls, at), EVENT_OPERATOR_DUMP, facts->at_ms, "AgentDump");
    int status = ami_calls_put(calls, &event);
    return status != 0 ? status : cancel(calls, at, facts->at_ms, "AgentDump");
}

static void ring_ended(struct ami_calls *calls, uint32_t at, int64_t at_ms)
{
    struct ami_ring *ring = ami_ring_at(calls, at);
    if (ring->ended_ms) {
        return;
    }
    ring->ended_ms = at_ms;
    const struct ami_visit *visit = ami_visit_at(calls, ring->visit);
    int64_t grace_ms = visit->state == VISIT_LEAVING ? AMI_CALLS_LEAVE_MS : AMI_CALLS_SETTLE_MS;
    ring->due_ms = calls->arrival_ms + grace_ms;
    if (!visit->due || visit->due_ms > ring->due_ms) {
        ami_calls_await(calls, ring->visit, ring->due_ms);
    }
}

int ami_calls_dialed(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = find_by_channel(calls, facts->channel_hash);
    if (!at) {
        return 0;
    }
    if (!slice_is(ami_get(facts->message, "DialStatus"), "ANSWER")) {
        ring_ended(calls, at, facts->at_ms);
    } else if (!ami_ring_at(calls, at)->answered_ms) {
        ami_ring_at(calls, at)->answered_ms = facts->at_ms;
    }
    return 0;
}

int ami_calls_ring_hangup(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = find_by_channel(calls, facts->call_hash);
    if (at) {
        ring_ended(calls, at, facts->at_ms);
    }
    return 0;
}
