/* Refused callers: those that ran Queue() and never joined. Three ways to see them; the best that this PBX shows is
 * taken, so that nobody is counted twice: the dialplan's events name queue and reason, CEL the queue, and a Cdr the
 * queue where the call ended in Queue(). */
#include <string.h>

#include "agent/source/ami_calls_internal.h"

static struct slice queue_of(struct slice data)
{
    const char *comma = data.len ? memchr(data.data, ',', data.len) : NULL;
    return slice_make(data.data, comma ? (size_t)(comma - data.data) : data.len);
}

static uint32_t find(const struct ami_calls *calls, uint64_t hash)
{
    return hash ? ami_index_value(&calls->by_door, ami_index_first(&calls->by_door, hash)) : 0;
}

static void unawait(struct ami_calls *calls, uint32_t at)
{
    struct ami_door *door = ami_door_at(calls, at);
    if (door->due) {
        door->due = false;
        *(door->prev_due ? &ami_door_at(calls, door->prev_due)->next_due : &calls->door_due_head) = door->next_due;
        *(door->next_due ? &ami_door_at(calls, door->next_due)->prev_due : &calls->door_due_tail) = door->prev_due;
    }
}

static void await(struct ami_calls *calls, uint32_t at, int64_t due_ms)
{
    struct ami_door *door = ami_door_at(calls, at);
    if (!door->due) {
        door->due = true;
        door->next_due = 0;
        door->prev_due = calls->door_due_tail;
        *(door->prev_due ? &ami_door_at(calls, door->prev_due)->next_due : &calls->door_due_head) = at;
        calls->door_due_tail = at;
    }
    ami_calls_due_at(calls, due_ms);
}

static void drop(struct ami_calls *calls, uint32_t at)
{
    const struct ami_door *door = ami_door_at(calls, at);
    unawait(calls, at);
    ami_names_release(&calls->names, door->queue);
    ami_names_release(&calls->names, door->cel_queue);
    ami_index_remove(&calls->by_door, door->hash, at);
    *(door->prev ? &ami_door_at(calls, door->prev)->next : &calls->door_head) = door->next;
    *(door->next ? &ami_door_at(calls, door->next)->prev : &calls->door_tail) = door->prev;
    ami_pool_give(&calls->doors, at);
}

void ami_calls_doors_clear(struct ami_calls *calls)
{
    while (calls->door_head) {
        drop(calls, calls->door_head);
    }
}

/* The door of this channel, made when there is none; 0 when out of memory. */
static uint32_t open_door(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = find(calls, facts->call_hash);
    if (at) {
        return at;
    }
    if (calls->doors.used >= AMI_CALLS_MAX) {
        drop(calls, calls->door_head);
    }
    at = ami_pool_take(&calls->doors);
    if (!at || ami_index_add(&calls->by_door, facts->call_hash, at) != 0) {
        if (at) {
            ami_pool_give(&calls->doors, at);
        }
        return 0;
    }
    struct ami_door *door = ami_door_at(calls, at);
    door->hash = facts->call_hash;
    door->call_id_len = (uint8_t)facts->call_id.len;
    memcpy(door->call_id, facts->call_id.data, door->call_id_len);
    door->prev = calls->door_tail;
    *(door->prev ? &ami_door_at(calls, door->prev)->next : &calls->door_head) = at;
    calls->door_tail = at;
    return at;
}

static void set_caller(struct ami_door *door, struct slice caller)
{
    caller = ami_calls_known(caller);
    if (caller.len > 0 && caller.len <= sizeof door->caller) {
        memcpy(door->caller, caller.data, caller.len);
        door->caller_len = (uint8_t)caller.len;
    }
}

static int set_queue(struct ami_calls *calls, uint32_t *name, struct slice text)
{
    ami_names_release(&calls->names, *name);
    return ami_names_hold(&calls->names, text, name);
}

static int tell(struct ami_calls *calls, uint32_t at, struct slice queue, struct slice status, int64_t at_ms,
                const char *verb)
{
    struct ami_door *door = ami_door_at(calls, at);
    door->told++;
    calls->counters.refused++;
    struct call_event event = ami_calls_event(EVENT_BLOCKED, at_ms, verb);
    event.call_id = slice_make(door->call_id, door->call_id_len);
    event.queue = queue;
    event.caller = slice_make(door->caller, door->caller_len);
    event.text = status;
    return ami_calls_put(calls, &event);
}

/* ---- by the dialplan's events ---- */

int ami_calls_newexten(struct ami_calls *calls, const struct ami_facts *facts)
{
    calls->sight.dialplan = true;
    struct slice queue = queue_of(ami_get(facts->message, "AppData"));
    if (facts->call_hash == 0 || queue.len == 0 || !slice_is(ami_get(facts->message, "Application"), "Queue")) {
        return 0;
    }
    uint32_t at = open_door(calls, facts);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    set_caller(ami_door_at(calls, at), ami_get(facts->message, "CallerIDNum"));
    return set_queue(calls, &ami_door_at(calls, at)->queue, queue);
}

/* Those of callers who were in; empty when Queue() begins. */
static bool is_from_inside(struct slice status)
{
    static const char *const inside[] = {"", "TIMEOUT", "LEAVEEMPTY", "LEAVEUNAVAIL", "WITHDRAW", "CONTINUE"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        if (slice_is(status, inside[i])) {
            return true;
        }
    }
    return false;
}

int ami_calls_refused(struct ami_calls *calls, const struct ami_facts *facts, struct slice status)
{
    uint32_t at = find(calls, facts->call_hash);
    if (!at || ami_door_at(calls, at)->queue == 0 || is_from_inside(status)) {
        return 0;
    }
    uint32_t queue = ami_door_at(calls, at)->queue;
    ami_door_at(calls, at)->queue = 0;
    int result = tell(calls, at, ami_calls_name(calls, queue), status, facts->at_ms, "QUEUESTATUS");
    ami_names_release(&calls->names, queue);
    return result;
}

/* ---- by CEL ---- */

static int cel_start(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = open_door(calls, facts);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    struct ami_door *door = ami_door_at(calls, at);
    door->starts++;
    set_caller(door, ami_get(facts->message, "CallerIDnum"));
    return set_queue(calls, &door->cel_queue, queue_of(ami_get(facts->message, "AppData")));
}

static void cel_end(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = find(calls, facts->call_hash);
    if (at && ami_door_at(calls, at)->starts > ami_door_at(calls, at)->ends) {
        struct ami_door *door = ami_door_at(calls, at);
        door->ends++;
        door->check_at_ms = facts->at_ms;
        door->check_ms = calls->arrival_ms + AMI_CALLS_DOOR_CEL_MS;
        await(calls, at, door->check_ms);
    }
}

int ami_calls_cel(struct ami_calls *calls, const struct ami_facts *facts)
{
    calls->sight.cel = true;
    if (facts->call_hash == 0 || !slice_is(ami_get(facts->message, "Application"), "Queue")) {
        return 0;
    }
    struct slice name = ami_get(facts->message, "EventName");
    if (slice_is(name, "APP_START")) {
        return cel_start(calls, facts);
    }
    if (slice_is(name, "APP_END")) {
        cel_end(calls, facts);
    }
    return 0;
}

static int check_cel(struct ami_calls *calls, uint32_t at)
{
    struct ami_door *door = ami_door_at(calls, at);
    door->check_ms = 0;
    if (calls->sight.dialplan || door->ends <= door->joins + door->told) {
        return 0;
    }
    return tell(calls, at, ami_calls_name(calls, door->cel_queue), slice_str("REFUSED"), door->check_at_ms, "CEL");
}

/* ---- by Cdr ---- */

/* Whether the whole call was under our eyes. */
static bool is_seen_whole(const struct ami_calls *calls, const struct ami_facts *facts)
{
    int64_t seconds = ami_number(facts->message, "Duration", -1);
    return calls->first_ms && seconds >= 0 && seconds < (calls->arrival_ms - calls->first_ms) / 1000;
}

int ami_calls_cdr(struct ami_calls *calls, const struct ami_facts *facts)
{
    calls->sight.cdr = true;
    struct slice queue = queue_of(ami_get(facts->message, "LastData"));
    if (calls->sight.dialplan || calls->sight.cel || facts->call_hash == 0 || queue.len == 0 ||
        !slice_is(ami_get(facts->message, "LastApplication"), "Queue") || !is_seen_whole(calls, facts) ||
        ami_calls_find(calls, facts->call_hash, 0, ~0U)) {
        return 0;
    }
    uint32_t at = open_door(calls, facts);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    struct ami_door *door = ami_door_at(calls, at);
    if (!door->drop_ms) {
        door->drop_ms = calls->arrival_ms + AMI_CALLS_DOOR_MS;
        await(calls, at, door->drop_ms);
    }
    bool gave_up = calls->gone[facts->call_hash / 2 % AMI_CALLS_GONE_SLOTS] == facts->call_hash;
    if (door->joins > 0 || door->told > 0 || gave_up) {
        return 0;
    }
    set_caller(door, ami_get(facts->message, "Source"));
    return tell(calls, at, queue, slice_str("REFUSED"), facts->at_ms, "Cdr");
}

/* ---- joins and hang-ups ---- */

int ami_calls_door_join(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = open_door(calls, facts);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    struct ami_door *door = ami_door_at(calls, at);
    door->joins++;
    ami_names_release(&calls->names, door->queue);
    door->queue = 0;
    return 0;
}

void ami_calls_door_hangup(struct ami_calls *calls, const struct ami_facts *facts)
{
    uint32_t at = find(calls, facts->call_hash);
    if (at) {
        ami_door_at(calls, at)->drop_ms = calls->arrival_ms + AMI_CALLS_DOOR_MS;
        await(calls, at, ami_door_at(calls, at)->drop_ms);
    }
}

static bool is_past(const struct ami_calls *calls, int64_t due_ms)
{
    return due_ms <= calls->arrival_ms || due_ms - calls->arrival_ms > 2 * AMI_CALLS_DOOR_MS;
}

static int tick(struct ami_calls *calls, uint32_t at)
{
    int status = 0;
    if (ami_door_at(calls, at)->check_ms && is_past(calls, ami_door_at(calls, at)->check_ms)) {
        status = check_cel(calls, at);
    }
    const struct ami_door *door = ami_door_at(calls, at);
    if (door->check_ms) {
        ami_calls_due_at(calls, door->check_ms);
    } else if (!door->drop_ms) {
        unawait(calls, at);
    } else if (is_past(calls, door->drop_ms)) {
        drop(calls, at);
        return status;
    }
    if (door->drop_ms) {
        ami_calls_due_at(calls, door->drop_ms);
    }
    return status;
}

int ami_calls_doors_tick(struct ami_calls *calls)
{
    int status = 0;
    for (uint32_t at = calls->door_due_head; status == 0 && at;) {
        uint32_t next = ami_door_at(calls, at)->next_due;
        status = tick(calls, at);
        at = next;
    }
    return status;
}
