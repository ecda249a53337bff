#include "agent/roster/roster.h"

#include <stdlib.h>

#include "agent/roster/roster_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

static const int64_t WRAP_UP_MAX_MS = INT64_C(24) * 3600 * 1000; /* more is nobody's wrap-up */
static const int64_t TIME_MAX_MS = INT64_C(1) << 60;

int roster_new(const struct roster_options *options, struct roster **out)
{
    struct roster *roster = calloc(1, sizeof *roster);
    if (!roster) {
        return STATUS_NO_MEMORY;
    }
    roster->options = *options;
    *out = roster;
    return 0;
}

void roster_free(struct roster *roster)
{
    if (!roster) {
        return;
    }
    for (size_t i = 0; i < roster->count; i++) {
        struct person *person = roster->list[i];
        while (person->engagements) {
            engagement_drop(roster, person->engagements);
        }
        members_forget(person);
        free(person->members);
        free(person->standings);
        free(person->posts);
        free(person);
    }
    free((void *)roster->list);
    free((void *)roster->people);
    free((void *)roster->buckets);
    free(roster);
}

size_t roster_logged_in(const struct roster *roster)
{
    return roster->logged_in;
}

static struct person *find_person(const struct roster *roster, struct slice name)
{
    uint32_t id = name.len > 0 ? intern_find(roster->options.operators, name) : 0;
    return id < roster->people_slots ? roster->people[id] : NULL;
}

/* *out stays NULL for a name that cannot be taken. */
static int take_person(struct roster *roster, struct slice name, struct person **out)
{
    uint32_t id = name.len > 0 ? intern_put(roster->options.operators, name) : 0;
    if (id == 0) {
        return 0;
    }
    struct person **people = grow_table((void *)roster->people, id, &roster->people_slots, sizeof *people);
    if (!people) {
        return STATUS_NO_MEMORY;
    }
    roster->people = people;
    if (!people[id]) {
        struct person **list = grow_array((void *)roster->list, roster->count, &roster->cap, sizeof *list);
        if (!list) {
            return STATUS_NO_MEMORY;
        }
        roster->list = list;
        struct person *person = calloc(1, sizeof *person);
        if (!person) {
            return STATUS_NO_MEMORY;
        }
        person->id = id;
        person->stand.state = SHIFT_OFF;
        person->wrap_until_ms = ROSTER_NEVER;
        person->busy_from_ms = ROSTER_NEVER;
        people[id] = person;
        list[roster->count++] = person;
    }
    *out = people[id];
    return 0;
}

/* The time at which something happens to him; all that ended before is told. */
static int arrive(struct roster *roster, struct person *person, int64_t at_ms, int64_t *out)
{
    int64_t earliest_ms = person->stand.state == SHIFT_OFF ? roster->ticked_ms : 0;
    at_ms = at_ms < earliest_ms ? earliest_ms : at_ms > TIME_MAX_MS ? TIME_MAX_MS : at_ms;
    *out = person_time(person, at_ms);
    int status = person_pass(roster, person, *out);
    if (status == 0) {
        person->newest_ms = *out;
    }
    return status;
}

static int leave(struct roster *roster, struct person *person, int64_t at_ms)
{
    int status = person_settle(roster, person, at_ms);
    return status == 0 ? person_show(roster, person) : status;
}

static int tell_count(struct roster *roster, const struct person *person, enum shift_count count, uint32_t queue,
                      int64_t at_ms)
{
    struct roster_count told = {.count = count, .operator_id = person->id, .queue = queue, .at_ms = at_ms};
    return roster->options.count(roster->options.ctx, &told);
}

static uint32_t queue_of(struct roster *roster, const struct call_event *event)
{
    return event->queue.len > 0 ? intern_put(roster->options.queues, event->queue) : 0;
}

/* A conversation goes on that began before the source was cut off: his device is in use. */
static void wake(struct person *person, const struct event_member *member)
{
    bool in_use = member->in_call || member->device == EVENT_DEVICE_IN_USE || member->device == EVENT_DEVICE_BUSY ||
                  member->device == EVENT_DEVICE_RING_IN_USE || member->device == EVENT_DEVICE_ON_HOLD;
    for (struct engagement *at = person->engagements; at && in_use; at = at->next) {
        at->dormant = false;
    }
}

static int put_member(struct roster *roster, const struct call_event *event)
{
    struct person *person = NULL;
    uint32_t queue = event->member ? queue_of(roster, event) : 0;
    int status = queue != 0 ? take_person(roster, event->operator_name, &person) : 0;
    if (!person) {
        return status;
    }
    int64_t at_ms;
    status = arrive(roster, person, event->at_ms, &at_ms);
    if (status == 0) {
        status = members_put(roster, person, event, queue, at_ms);
    }
    if (status != 0) {
        return status;
    }
    wake(person, event->member);
    return leave(roster, person, at_ms);
}

static int put_removal(struct roster *roster, const struct call_event *event)
{
    struct person *person = find_person(roster, event->operator_name);
    uint32_t queue = intern_find(roster->options.queues, event->queue);
    if (!person || queue == 0) {
        return 0;
    }
    int64_t at_ms;
    int status = arrive(roster, person, event->at_ms, &at_ms);
    if (status == 0) {
        status = members_remove(roster, person, queue, event->interface, at_ms);
    }
    return status == 0 ? leave(roster, person, at_ms) : status;
}

/* Rings at his phone, or he answers. One that is known already says nothing new. */
static int put_engagement(struct roster *roster, const struct call_event *event, bool talking)
{
    struct person *person = NULL;
    int status = event->call_id.len > 0 ? take_person(roster, event->operator_name, &person) : 0;
    if (!person) {
        return status;
    }
    int64_t at_ms;
    status = arrive(roster, person, event->at_ms, &at_ms);
    if (status != 0) {
        return status;
    }
    uint32_t queue = queue_of(roster, event);
    struct engagement *ring = engagement_find(roster, person, event->call_id, queue, false);
    struct engagement *known = engagement_find(roster, person, event->call_id, queue, talking);
    known = known && known->queue == queue ? known : NULL;
    if (talking && ring) {
        engagement_drop(roster, ring);
    }
    if (known) {
        known->dormant = false;
        return leave(roster, person, at_ms);
    }
    status = engagement_add(roster, person, event->call_id, queue, talking, false);
    if (status == 0 && talking) {
        status = tell_count(roster, person, SHIFT_ANSWERED, queue, at_ms);
    }
    return status == 0 ? leave(roster, person, at_ms) : status;
}

static int put_connect(struct roster *roster, const struct call_event *event)
{
    return put_engagement(roster, event, true);
}

int roster_resume(struct roster *roster, const struct call_event *connect)
{
    struct person *person = NULL;
    int status = connect->call_id.len > 0 ? take_person(roster, connect->operator_name, &person) : 0;
    if (!person) {
        return status;
    }
    uint32_t queue = queue_of(roster, connect);
    struct engagement *known = engagement_find(roster, person, connect->call_id, queue, true);
    bool is_new = !known || known->queue != queue;
    return is_new ? engagement_add(roster, person, connect->call_id, queue, true, true) : 0;
}

static int put_ring(struct roster *roster, const struct call_event *event)
{
    return put_engagement(roster, event, false);
}

/* The ring ends without an answer; where he hung up while it was announced, so does what was a conversation. */
static int put_ring_end(struct roster *roster, const struct call_event *event)
{
    bool missed = event->kind == EVENT_RING_NO_ANSWER;
    struct person *person = NULL;
    int status = 0;
    if (missed) {
        status = take_person(roster, event->operator_name, &person);
    } else {
        person = find_person(roster, event->operator_name);
    }
    int64_t at_ms;
    status = person && status == 0 ? arrive(roster, person, event->at_ms, &at_ms) : status;
    if (!person || status != 0) {
        return status;
    }
    uint32_t queue = queue_of(roster, event);
    for (int talking = 0; talking <= (event->kind == EVENT_OPERATOR_DUMP); talking++) {
        struct engagement *known = engagement_find(roster, person, event->call_id, queue, talking);
        if (known) {
            engagement_drop(roster, known);
        }
    }
    if (missed) {
        status = tell_count(roster, person, SHIFT_MISSED, queue, at_ms);
    }
    return status == 0 ? leave(roster, person, at_ms) : status;
}

static void begin_wrap(const struct roster *roster, struct person *person, uint32_t queue, int64_t at_ms)
{
    int64_t wrap_up_ms = members_wrap_up_ms(person, queue);
    wrap_up_ms = wrap_up_ms < 0 ? roster->options.wrap_up_ms : wrap_up_ms;
    wrap_up_ms = wrap_up_ms < WRAP_UP_MAX_MS ? wrap_up_ms : WRAP_UP_MAX_MS;
    person->wrap_until_ms = wrap_up_ms > 0 ? at_ms + wrap_up_ms : ROSTER_NEVER;
    person->wrap_queue = queue;
}

/* The end of a conversation counts also where its beginning was not seen, if it says whose it was. */
static int put_end(struct roster *roster, const struct call_event *event)
{
    struct person *person = NULL;
    int status = take_person(roster, event->operator_name, &person);
    if (status != 0 || (!person && event->operator_name.len > 0)) {
        return status;
    }
    uint32_t queue = queue_of(roster, event);
    struct engagement *ended = engagement_find(roster, person, event->call_id, queue, true);
    if (!person && !ended) {
        return 0;
    }
    person = person ? person : ended->person;
    queue = queue == 0 && ended ? ended->queue : queue;
    int64_t at_ms;
    status = arrive(roster, person, event->at_ms, &at_ms);
    if (status == 0) {
        status = tell_count(roster, person, SHIFT_ENDED, queue, at_ms);
    }
    bool transferred = event->kind == EVENT_TRANSFER_BLIND || event->kind == EVENT_TRANSFER_ATTENDED;
    if (status == 0 && transferred) {
        status = tell_count(roster, person, SHIFT_TRANSFERRED, queue, at_ms);
    }
    if (status != 0) {
        return status;
    }
    if (ended) {
        engagement_drop(roster, ended);
    }
    begin_wrap(roster, person, queue, at_ms);
    return leave(roster, person, at_ms);
}

/* Whether an event that is of a call speaks of this part of it. */
static bool concerns(const struct roster *roster, const struct call_event *event, const struct engagement *engagement)
{
    bool same_queue = event->queue.len == 0 || intern_find(roster->options.queues, event->queue) == engagement->queue;
    bool same_person = event->operator_name.len == 0 || find_person(roster, event->operator_name) == engagement->person;
    return same_queue && same_person;
}

static int lose(struct roster *roster, struct engagement *engagement, int64_t at_ms)
{
    struct person *person = engagement->person;
    int status = arrive(roster, person, at_ms, &at_ms);
    if (status != 0) {
        return status;
    }
    if (engagement->talking) {
        person->wrap_until_ms = ROSTER_NEVER;
    }
    engagement_drop(roster, engagement);
    return leave(roster, person, at_ms);
}

/* The caller is gone, or not where he was: nobody's phone rings for him, and where he is lost nobody talks to him. */
static int put_gone(struct roster *roster, const struct call_event *event)
{
    struct engagement *at = engagement_next(roster, event->call_id, NULL);
    while (at) {
        struct engagement *next = engagement_next(roster, event->call_id, at);
        if ((!at->talking || event->kind == EVENT_LOST) && concerns(roster, event, at)) {
            int status = lose(roster, at, event->at_ms);
            if (status != 0) {
                return status;
            }
        }
        at = next;
    }
    return 0;
}

static int put_hold(struct roster *roster, const struct call_event *event)
{
    bool held = event->kind == EVENT_HOLD;
    for (struct engagement *at = engagement_next(roster, event->call_id, NULL); at;
         at = engagement_next(roster, event->call_id, at)) {
        if (!at->talking || at->held == held || !concerns(roster, event, at)) {
            continue;
        }
        int64_t at_ms;
        int status = arrive(roster, at->person, event->at_ms, &at_ms);
        at->held = status == 0 ? held : at->held;
        status = status == 0 ? leave(roster, at->person, at_ms) : status;
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int put_restart(struct roster *roster, const struct call_event *event)
{
    int status = 0;
    for (size_t i = 0; i < roster->count && status == 0; i++) {
        while (roster->list[i]->engagements && status == 0) {
            status = lose(roster, roster->list[i]->engagements, event->at_ms);
        }
    }
    return status;
}

int roster_put(struct roster *roster, const struct call_event *event)
{
    switch ((int)event->kind) {
    case EVENT_MEMBER_STATE: return put_member(roster, event);
    case EVENT_MEMBER_REMOVE: return put_removal(roster, event);
    case EVENT_RING: return put_ring(roster, event);
    case EVENT_CONNECT: return put_connect(roster, event);
    case EVENT_RING_NO_ANSWER:
    case EVENT_RING_CANCELED:
    case EVENT_OPERATOR_DUMP: return put_ring_end(roster, event);
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_COMPLETE_CALLER:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED: return put_end(roster, event);
    case EVENT_LOST:
    case EVENT_ABANDON:
    case EVENT_EXIT_TIMEOUT:
    case EVENT_EXIT_EMPTY:
    case EVENT_EXIT_KEY:
    case EVENT_WITHDRAW: return put_gone(roster, event);
    case EVENT_HOLD:
    case EVENT_UNHOLD: return put_hold(roster, event);
    case EVENT_RESTART: return put_restart(roster, event);
    default: return 0;
    }
}

/* Each has his turn in another second, for all may have logged in at once. */
static bool is_to_be_told(const struct person *person, int64_t now_ms)
{
    int64_t untold_ms = now_ms - person->told_ms;
    bool his_turn = (now_ms / 1000 + person->id) % (ROSTER_TELL_MS / 1000) == 0;
    return untold_ms >= ROSTER_TELL_MS || (his_turn && untold_ms >= 1000);
}

static int tick(struct roster *roster, struct person *person, int64_t now_ms)
{
    int status = person_pass(roster, person, now_ms);
    if (status == 0 && is_to_be_told(person, now_ms)) {
        status = person_tell(roster, person, now_ms);
    }
    return status == 0 ? person_show(roster, person) : status;
}

int roster_tick(struct roster *roster, int64_t now_ms)
{
    now_ms = now_ms < 0 ? 0 : now_ms > TIME_MAX_MS ? TIME_MAX_MS : now_ms;
    roster->ticked_ms = now_ms;
    int status = 0;
    for (size_t i = 0; i < roster->count && status == 0; i++) {
        struct person *person = roster->list[i];
        if (person->stand.state != SHIFT_OFF || person->changed) {
            status = tick(roster, person, now_ms);
        }
    }
    return status;
}

static void forget_calls(struct roster *roster, struct person *person)
{
    for (struct engagement *at = person->engagements, *next; at; at = next) {
        next = at->next;
        if (at->talking) {
            at->dormant = true;
            at->held = false;
        } else {
            engagement_drop(roster, at);
        }
    }
}

static int down(struct roster *roster, struct person *person, int64_t at_ms)
{
    int status = arrive(roster, person, at_ms, &at_ms);
    if (status != 0) {
        return status;
    }
    person->busy_from_ms = ROSTER_NEVER; /* nobody will see it hold */
    person->wrap_until_ms = ROSTER_NEVER;
    status = person_tell(roster, person, at_ms);
    if (status != 0) {
        return status;
    }
    members_forget(person);
    forget_calls(roster, person);
    return leave(roster, person, at_ms);
}

int roster_down(struct roster *roster, int64_t at_ms)
{
    int status = 0;
    for (size_t i = 0; i < roster->count && status == 0; i++) {
        struct person *person = roster->list[i];
        if (person->stand.state != SHIFT_OFF || person->engagements || person->wrap_until_ms != ROSTER_NEVER) {
            status = down(roster, person, at_ms);
        }
    }
    return status;
}
