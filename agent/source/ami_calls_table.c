#include <stdlib.h>
#include <string.h>

#include "agent/source/ami_calls_internal.h"

static void link_live(struct ami_calls *calls, uint32_t at)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->prev = calls->visit_tail;
    *(visit->prev ? &ami_visit_at(calls, visit->prev)->next : &calls->visit_head) = at;
    calls->visit_tail = at;
}

static void unlink_live(struct ami_calls *calls, uint32_t at)
{
    const struct ami_visit *visit = ami_visit_at(calls, at);
    *(visit->prev ? &ami_visit_at(calls, visit->prev)->next : &calls->visit_head) = visit->next;
    *(visit->next ? &ami_visit_at(calls, visit->next)->prev : &calls->visit_tail) = visit->prev;
}

void ami_calls_await(struct ami_calls *calls, uint32_t at, int64_t due_ms)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->due_ms = due_ms;
    if (!visit->due) {
        visit->due = true;
        visit->next_due = 0;
        visit->prev_due = calls->due_tail;
        *(visit->prev_due ? &ami_visit_at(calls, visit->prev_due)->next_due : &calls->due_head) = at;
        calls->due_tail = at;
    }
    ami_calls_due_at(calls, due_ms);
}

void ami_calls_unawait(struct ami_calls *calls, uint32_t at)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    if (visit->due) {
        visit->due = false;
        *(visit->prev_due ? &ami_visit_at(calls, visit->prev_due)->next_due : &calls->due_head) = visit->next_due;
        *(visit->next_due ? &ami_visit_at(calls, visit->next_due)->prev_due : &calls->due_tail) = visit->prev_due;
    }
}

void ami_calls_set_orphan(struct ami_calls *calls, uint32_t at, bool orphan)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    if (visit->orphan != orphan) {
        visit->orphan = orphan;
        calls->orphans += orphan ? 1 : UINT32_MAX;
    }
}

void ami_calls_set_doubt(struct ami_calls *calls, uint32_t at, int64_t doubt_ms)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    calls->doubts += (uint32_t)(doubt_ms != 0) - (uint32_t)(visit->doubt_ms != 0);
    visit->doubt_ms = doubt_ms;
    if (doubt_ms) {
        ami_calls_due_at(calls, doubt_ms);
    }
}

void ami_calls_touch(struct ami_calls *calls, uint32_t at)
{
    ami_visit_at(calls, at)->seen = calls->snapshot;
    ami_calls_set_doubt(calls, at, 0);
}

/* ---- indices ---- */

void ami_calls_link(struct ami_calls *calls, uint32_t at, uint64_t linked_hash)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    if (visit->linked_hash == linked_hash || linked_hash == 0) {
        return;
    }
    if (visit->linked_hash) {
        ami_index_remove(&calls->by_linked, visit->linked_hash, at);
    }
    /* Without it holds by another of the operator's channels are not found; nothing else is lost. */
    visit->linked_hash = ami_index_add(&calls->by_linked, linked_hash, at) == 0 ? linked_hash : 0;
}

static int set_hash(struct ami_index *index, uint64_t *hash, uint64_t value, uint32_t at)
{
    if (*hash == value) {
        return 0;
    }
    if (*hash) {
        ami_index_remove(index, *hash, at);
    }
    *hash = 0;
    int status = value ? ami_index_add(index, value, at) : 0;
    *hash = status == 0 ? value : 0;
    return status;
}

int ami_calls_set_hold(struct ami_calls *calls, uint32_t at, uint64_t channel_hash)
{
    return set_hash(&calls->by_channel, &ami_visit_at(calls, at)->hold_hash, channel_hash, at);
}

int ami_calls_set_channel(struct ami_calls *calls, uint32_t at, uint64_t channel_hash)
{
    return set_hash(&calls->by_channel, &ami_visit_at(calls, at)->channel_hash, channel_hash, at);
}

static int set_name(struct ami_calls *calls, uint32_t *name, struct slice text)
{
    uint32_t before = *name;
    int status = ami_names_hold(&calls->names, text, name);
    ami_names_release(&calls->names, before);
    return status;
}

int ami_calls_talks(struct ami_calls *calls, uint32_t at, const struct ami_facts *facts)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->state = VISIT_TALKING;
    int status = set_name(calls, &visit->operator_name, facts->operator_name);
    if (status == 0) {
        status = set_name(calls, &visit->interface, facts->interface);
    }
    if (status == 0) {
        status = set_hash(&calls->by_channel, &visit->channel_hash, facts->channel_hash, at);
    }
    return status != 0
               ? status
               : set_hash(&calls->by_desk, &visit->desk_hash, ami_calls_pair(visit->queue, visit->interface), at);
}

/* ---- life ---- */

static void copy_id(struct ami_visit *visit, struct slice call_id)
{
    size_t len = call_id.len > LEG_CALL_ID_MAX ? LEG_CALL_ID_MAX : call_id.len;
    memcpy(visit->call_id, call_id.data, len);
    visit->call_id_len = (uint8_t)len;
}

int ami_calls_add(struct ami_calls *calls, const struct ami_visit_key *key, int64_t enter_ms, uint32_t *out)
{
    if (calls->visits.used >= AMI_CALLS_MAX) {
        calls->counters.evicted++;
        int status = ami_calls_lose(calls, calls->visit_head, enter_ms, "");
        if (status != 0) {
            return status;
        }
    }
    uint32_t at = ami_pool_take(&calls->visits);
    if (!at || ami_index_add(&calls->by_call, key->call_hash, at) != 0) {
        if (at) {
            ami_pool_give(&calls->visits, at);
        }
        return STATUS_NO_MEMORY;
    }
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->state = VISIT_WAITING;
    copy_id(visit, key->call_id);
    visit->call_hash = key->call_hash;
    visit->connection = calls->connection;
    visit->seen = calls->snapshot;
    visit->enter_ms = enter_ms;
    visit->position = visit->original_position = EVENT_UNKNOWN;
    link_live(calls, at);
    *out = at;
    return ami_names_hold(&calls->names, key->queue, &visit->queue);
}

void ami_calls_drop(struct ami_calls *calls, uint32_t at)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    while (visit->rings) {
        ami_calls_drop_ring(calls, visit->rings);
    }
    ami_calls_unawait(calls, at);
    ami_calls_set_orphan(calls, at, false);
    ami_calls_set_doubt(calls, at, 0);
    ami_calls_ended(calls, visit->call_hash, ami_calls_name(calls, visit->queue));
    ami_index_remove(&calls->by_call, visit->call_hash, at);
    (void)set_hash(&calls->by_call, &visit->other_hash, 0, at);
    (void)set_hash(&calls->by_linked, &visit->linked_hash, 0, at);
    (void)set_hash(&calls->by_channel, &visit->hold_hash, 0, at);
    (void)set_hash(&calls->by_channel, &visit->channel_hash, 0, at);
    (void)set_hash(&calls->by_desk, &visit->desk_hash, 0, at);
    ami_names_release(&calls->names, visit->queue);
    ami_names_release(&calls->names, visit->operator_name);
    ami_names_release(&calls->names, visit->interface);
    unlink_live(calls, at);
    ami_pool_give(&calls->visits, at);
}

int ami_calls_lose(struct ami_calls *calls, uint32_t at, int64_t at_ms, const char *verb)
{
    const struct ami_visit *visit = ami_visit_at(calls, at);
    int status = ami_calls_cancel_rings(calls, at, at_ms, verb);
    if (status == 0) {
        struct call_event event = ami_calls_of(calls, visit, EVENT_LOST, at_ms, verb);
        event.operator_name = ami_calls_name(calls, visit->operator_name);
        event.interface = ami_calls_name(calls, visit->interface);
        status = ami_calls_put(calls, &event);
    }
    ami_calls_drop(calls, at);
    return status;
}

/* ---- finding ---- */

uint32_t ami_calls_find(const struct ami_calls *calls, uint64_t call_hash, uint32_t queue, unsigned states)
{
    uint32_t node = call_hash ? ami_index_first(&calls->by_call, call_hash) : 0;
    for (; node; node = ami_index_next(&calls->by_call, node)) {
        uint32_t at = ami_index_value(&calls->by_call, node);
        const struct ami_visit *visit = ami_visit_at(calls, at);
        if ((visit->state & states) && (queue == 0 || visit->queue == queue)) {
            return at;
        }
    }
    return 0;
}

/* Attended transfers into a queue put another channel in the place of the one that joined; what is left of the old
 * one is a visit without a channel. */
static uint32_t find_orphan(const struct ami_calls *calls, uint32_t queue, unsigned states)
{
    uint32_t steps = AMI_CALLS_ORPHAN_STEPS;
    for (uint32_t at = calls->visit_tail; at && steps-- > 0; at = ami_visit_at(calls, at)->prev) {
        const struct ami_visit *visit = ami_visit_at(calls, at);
        if (visit->orphan && visit->queue == queue && (visit->state & states)) {
            return at;
        }
    }
    return 0;
}

uint32_t ami_calls_find_waiting(struct ami_calls *calls, const struct ami_facts *facts, unsigned states)
{
    uint32_t queue = ami_names_find(&calls->names, facts->queue);
    if (queue == 0 || facts->call_hash == 0) {
        return 0;
    }
    uint32_t at = ami_calls_find(calls, facts->call_hash, queue, states);
    if (at || calls->orphans == 0 || ami_calls_find(calls, facts->call_hash, queue, ~0U)) {
        return at;
    }
    at = find_orphan(calls, queue, states);
    if (at && set_hash(&calls->by_call, &ami_visit_at(calls, at)->other_hash, facts->call_hash, at) == 0) {
        ami_calls_set_orphan(calls, at, false);
    }
    return at;
}

/* ---- what ended lately ---- */

static uint64_t ended_key(const struct ami_calls *calls, uint64_t call_hash, struct slice queue)
{
    return ami_calls_pair(call_hash, ami_calls_hash(calls, queue));
}

void ami_calls_ended(struct ami_calls *calls, uint64_t call_hash, struct slice queue)
{
    uint64_t key = ended_key(calls, call_hash, queue);
    calls->ended[key / 2 % AMI_CALLS_ENDED_SLOTS] = (struct ami_ended){key, calls->arrival_ms};
}

bool ami_calls_was_ended(const struct ami_calls *calls, uint64_t call_hash, struct slice queue, int64_t since_ms)
{
    uint64_t key = ended_key(calls, call_hash, queue);
    const struct ami_ended *ended = &calls->ended[key / 2 % AMI_CALLS_ENDED_SLOTS];
    return ended->key == key && ended->at_ms >= since_ms;
}
