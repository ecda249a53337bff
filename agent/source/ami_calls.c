#include "agent/source/ami_calls.h"

#include <stdlib.h>
#include <string.h>

#include "agent/source/ami_calls_internal.h"

enum {
    TICK_MS = 50,        /* messages let time pass no more often */
    STEP_MS = 60 * 1000, /* what is due further ahead than anything can be: the clock was set back */
};

struct slice ami_calls_known(struct slice value)
{
    return slice_is(value, "<unknown>") ? slice_str("") : value;
}

/* ---- telling ---- */

struct call_event ami_calls_event(enum event_kind kind, int64_t at_ms, const char *verb)
{
    return (struct call_event){.kind = kind,
                               .at_ms = at_ms,
                               .verb = slice_str(verb),
                               .call_id = slice_str(""),
                               .queue = slice_str(""),
                               .operator_name = slice_str(""),
                               .interface = slice_str(""),
                               .caller = slice_str(""),
                               .text = slice_str(""),
                               .wait_ms = EVENT_UNKNOWN,
                               .talk_ms = EVENT_UNKNOWN,
                               .ring_ms = EVENT_UNKNOWN,
                               .position = EVENT_UNKNOWN,
                               .original_position = EVENT_UNKNOWN};
}

struct call_event ami_calls_of(const struct ami_calls *calls, const struct ami_visit *visit, enum event_kind kind,
                               int64_t at_ms, const char *verb)
{
    struct call_event event = ami_calls_event(kind, at_ms, verb);
    event.call_id = slice_make(visit->call_id, visit->call_id_len);
    event.queue = ami_calls_name(calls, visit->queue);
    return event;
}

int ami_calls_put(struct ami_calls *calls, const struct call_event *event)
{
    return calls->sink.put(calls->sink.ctx, event);
}

void ami_calls_due_at(struct ami_calls *calls, int64_t due_ms)
{
    calls->next_due_ms = due_ms < calls->next_due_ms ? due_ms : calls->next_due_ms;
}

static void forget_visits(struct ami_calls *calls)
{
    while (calls->visit_head) {
        ami_calls_drop(calls, calls->visit_head);
    }
}

int ami_calls_restart(struct ami_calls *calls, int64_t at_ms)
{
    forget_visits(calls);
    ami_calls_doors_clear(calls);
    memset(calls->ended, 0, sizeof calls->ended);
    memset(calls->gone, 0, sizeof calls->gone);
    struct call_event event = ami_calls_event(EVENT_RESTART, at_ms, "QUEUESTART");
    return ami_calls_put(calls, &event);
}

/* ---- life ---- */

static int init_indices(struct ami_calls *calls)
{
    struct ami_index *const all[] = {&calls->by_call, &calls->by_linked, &calls->by_channel, &calls->by_desk,
                                     &calls->by_ring, &calls->by_door,   &calls->by_member};
    int status = ami_names_init(&calls->names, calls->seed);
    for (size_t i = 0; status == 0 && i < sizeof all / sizeof all[0]; i++) {
        status = ami_index_init(all[i]);
    }
    return status;
}

int ami_calls_new(const struct event_sink *sink, struct ami_calls **out)
{
    struct ami_calls *calls = calloc(1, sizeof *calls);
    if (!calls) {
        return STATUS_NO_MEMORY;
    }
    calls->sink = *sink;
    calls->next_due_ms = INT64_MAX;
    calls->connection = 1;
    /* Names come from outside: a seed nobody knows keeps chains short. The address space is random enough. */
    calls->seed = hash_fold((uint64_t)(uintptr_t)calls, UINT64_C(0x9e3779b97f4a7c15));
    ami_pool_init(&calls->visits, sizeof(struct ami_visit));
    ami_pool_init(&calls->rings, sizeof(struct ami_ring));
    ami_pool_init(&calls->doors, sizeof(struct ami_door));
    ami_pool_init(&calls->members, sizeof(struct ami_member));
    if (init_indices(calls) != 0) {
        ami_calls_free(calls);
        return STATUS_NO_MEMORY;
    }
    *out = calls;
    return 0;
}

void ami_calls_free(struct ami_calls *calls)
{
    if (!calls) {
        return;
    }
    struct ami_pool *const pools[] = {&calls->visits, &calls->rings, &calls->doors, &calls->members};
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        ami_pool_deinit(pools[i]);
    }
    struct ami_index *const all[] = {&calls->by_call, &calls->by_linked, &calls->by_channel, &calls->by_desk,
                                     &calls->by_ring, &calls->by_door,   &calls->by_member};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ami_index_deinit(all[i]);
    }
    ami_names_deinit(&calls->names);
    free(calls->seen);
    buf_deinit(&calls->texts);
    free(calls);
}

int ami_calls_restore(struct ami_calls *calls, const struct ami_calls_open *open)
{
    struct ami_visit_key key = {open->call_id, ami_calls_hash(calls, open->call_id), open->queue};
    uint32_t queue = ami_names_find(&calls->names, open->queue);
    unsigned state = open->connect_ms > 0 ? VISIT_TALKING : VISIT_WAITING;
    if (key.call_hash == 0 || open->queue.len == 0 || (queue && ami_calls_find(calls, key.call_hash, queue, state))) {
        return 0;
    }
    uint32_t at = 0;
    int status = ami_calls_add(calls, &key, open->enter_ms, &at);
    if (status != 0) {
        return status;
    }
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->partial = true;
    visit->connection = 0;
    if (open->connect_ms > 0) {
        visit->connect_ms = open->connect_ms;
        struct ami_facts facts = {.operator_name = open->operator_name};
        status = ami_calls_talks(calls, at, &facts);
    }
    return status;
}

const struct ami_calls_counters *ami_calls_counters(const struct ami_calls *calls)
{
    return &calls->counters;
}

void ami_calls_sight(const struct ami_calls *calls, struct ami_calls_sight *out)
{
    *out = calls->sight;
}

void ami_calls_held(const struct ami_calls *calls, struct ami_calls_held *out)
{
    const struct ami_index *const links[] = {&calls->by_call, &calls->by_linked, &calls->by_channel, &calls->by_desk,
                                             &calls->by_ring};
    const struct ami_pool *const pools[] = {&calls->visits, &calls->rings, &calls->doors, &calls->members,
                                            &calls->names.items};
    *out = (struct ami_calls_held){.calls = calls->visits.used,
                                   .rings = calls->rings.used,
                                   .awaited = calls->orphans + calls->doubts,
                                   .doors = calls->doors.used,
                                   .members = calls->members.used,
                                   .names = calls->names.items.used};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        out->links += links[i]->nodes.used;
    }
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        out->room += pools[i]->made - 1;
    }
    for (uint32_t at = calls->due_head; at; at = ami_visit_at(calls, at)->next_due) {
        out->awaited++;
    }
}

/* ---- messages ---- */

static int take_hangup(struct ami_calls *calls, const struct ami_facts *facts)
{
    int status = ami_calls_ring_hangup(calls, facts);
    ami_calls_door_hangup(calls, facts);
    return status != 0 ? status : ami_calls_hangup(calls, facts);
}

static int take_hangup_request(struct ami_calls *calls, const struct ami_facts *facts)
{
    calls->gone[facts->call_hash / 2 % AMI_CALLS_GONE_SLOTS] = facts->call_hash;
    return ami_calls_asked(calls, facts);
}

static int take_var_set(struct ami_calls *calls, const struct ami_facts *facts)
{
    calls->sight.dialplan = true;
    if (!slice_is(ami_get(facts->message, "Variable"), "QUEUESTATUS")) {
        return 0;
    }
    struct slice status = ami_get(facts->message, "Value");
    int result = ami_calls_status(calls, facts, status);
    return result != 0 ? result : ami_calls_refused(calls, facts, status);
}

static int take_blind(struct ami_calls *calls, const struct ami_facts *facts)
{
    return ami_calls_transfer(calls, facts, EVENT_TRANSFER_BLIND);
}

static int take_attended(struct ami_calls *calls, const struct ami_facts *facts)
{
    return ami_calls_transfer(calls, facts, EVENT_TRANSFER_ATTENDED);
}

static int take_hold(struct ami_calls *calls, const struct ami_facts *facts)
{
    return ami_calls_hold(calls, facts, true);
}

static int take_unhold(struct ami_calls *calls, const struct ami_facts *facts)
{
    return ami_calls_hold(calls, facts, false);
}

static int take_booted(struct ami_calls *calls, const struct ami_facts *facts)
{
    return ami_calls_booted(calls, facts->message);
}

static int take_shutdown(struct ami_calls *calls, const struct ami_facts *facts)
{
    calls->shutdown_ms = facts->at_ms;
    return 0;
}

static int take_calls_complete(struct ami_calls *calls, const struct ami_facts *facts)
{
    (void)facts;
    calls->whole_calls = true;
    return 0;
}

static int take_channels_complete(struct ami_calls *calls, const struct ami_facts *facts)
{
    (void)facts;
    calls->whole_channels = true;
    return 0;
}

struct known_event {
    const char *name;
    int (*take)(struct ami_calls *calls, const struct ami_facts *facts);
    bool item; /* of a list that we asked for: no event that comes by itself */
};

/* By name, for bsearch(). */
static const struct known_event known_events[] = {
    {"AgentCalled", ami_calls_ring, false},
    {"AgentComplete", ami_calls_complete, false},
    {"AgentConnect", ami_calls_connect, false},
    {"AgentDump", ami_calls_dump, false},
    {"AgentRingNoAnswer", ami_calls_no_answer, false},
    {"AttendedTransfer", take_attended, false},
    {"BlindTransfer", take_blind, false},
    {"CEL", ami_calls_cel, false},
    {"Cdr", ami_calls_cdr, false},
    {"CoreShowChannel", ami_calls_channel, true},
    {"CoreShowChannelsComplete", take_channels_complete, true},
    {"DialEnd", ami_calls_dialed, false},
    {"FullyBooted", take_booted, false},
    {"Hangup", take_hangup, false},
    {"HangupRequest", take_hangup_request, false},
    {"Hold", take_hold, false},
    {"Newexten", ami_calls_newexten, false},
    {"QueueCallerAbandon", ami_calls_abandon, false},
    {"QueueCallerJoin", ami_calls_join, false},
    {"QueueCallerLeave", ami_calls_leave, false},
    {"QueueEntry", ami_calls_entry, true},
    {"QueueMember", ami_calls_member, true},
    {"QueueMemberAdded", ami_calls_member, false},
    {"QueueMemberPause", ami_calls_member, false},
    {"QueueMemberPaused", ami_calls_member, false},
    {"QueueMemberPenalty", ami_calls_member, false},
    {"QueueMemberRemoved", ami_calls_member_removed, false},
    {"QueueMemberRinginuse", ami_calls_member, false},
    {"QueueMemberStatus", ami_calls_member, false},
    {"QueueMemberUnpause", ami_calls_member, false},
    {"QueueStatusComplete", take_calls_complete, true},
    {"Shutdown", take_shutdown, false},
    {"SoftHangupRequest", ami_calls_asked, false},
    {"Unhold", take_unhold, false},
    {"VarSet", take_var_set, false},
};

static int compare_name(const void *key, const void *item)
{
    const struct slice *name = key;
    const char *known = ((const struct known_event *)item)->name;
    size_t len = strlen(known);
    int order = memcmp(name->data, known, name->len < len ? name->len : len);
    return order != 0 ? order : (name->len > len) - (name->len < len);
}

static const struct known_event *find_event(struct slice name)
{
    return name.len == 0 ? NULL
                         : bsearch(&name, known_events, sizeof known_events / sizeof known_events[0],
                                   sizeof known_events[0], compare_name);
}

bool ami_calls_wanted(void *unused, struct slice event)
{
    (void)unused;
    const struct known_event *known = find_event(event);
    return known && !known->item;
}

static struct slice cut(struct slice text, size_t max)
{
    return slice_make(text.data, text.len > max ? max : text.len);
}

static struct ami_facts read_facts(const struct ami_calls *calls, const struct ami_message *message, int64_t arrival_ms)
{
    struct ami_facts facts = {.message = message, .at_ms = ami_time_ms(message, arrival_ms)};
    struct slice call_id = ami_calls_known(ami_get(message, "Uniqueid"));
    facts.call_id = cut(call_id, LEG_CALL_ID_MAX);
    facts.call_hash = ami_calls_hash(calls, call_id);
    facts.linked_hash = ami_calls_hash(calls, ami_calls_known(ami_get(message, "Linkedid")));
    facts.channel_hash = ami_calls_hash(calls, ami_calls_known(ami_get(message, "DestUniqueid")));
    facts.queue = cut(ami_get(message, "Queue"), AMI_NAME_MAX);
    facts.operator_name = cut(ami_get(message, "MemberName"), AMI_NAME_MAX);
    facts.interface = cut(ami_get(message, "Interface"), AMI_NAME_MAX);
    if (facts.operator_name.len == 0) {
        facts.operator_name = facts.interface;
    }
    return facts;
}

int ami_calls_message(struct ami_calls *calls, const struct ami_message *message, int64_t arrival_ms)
{
    bool lately = arrival_ms >= calls->ticked_ms && arrival_ms - calls->ticked_ms < TICK_MS;
    int status = lately ? 0 : ami_calls_tick(calls, arrival_ms);
    calls->arrival_ms = calls->last_ms = arrival_ms;
    if (calls->first_ms == 0) {
        calls->first_ms = arrival_ms;
    }
    if (status != 0 || message->event.len == 0) {
        return status != 0 ? status : ami_calls_core_status(calls, message);
    }
    const struct known_event *known = find_event(message->event);
    if (!known) {
        return 0;
    }
    struct ami_facts facts = read_facts(calls, message, arrival_ms);
    return known->take(calls, &facts);
}

int ami_calls_mark(struct ami_calls *calls, enum ami_mark mark, int64_t arrival_ms)
{
    int status = ami_calls_tick(calls, arrival_ms);
    if (status != 0) {
        return status;
    }
    switch (mark) {
    case AMI_MARK_SNAPSHOT_BEGIN: ami_calls_snapshot_begin(calls); return 0;
    case AMI_MARK_SNAPSHOT_END: return ami_calls_snapshot_end(calls);
    case AMI_MARK_DOWN: return ami_calls_down(calls);
    }
    return 0;
}

/* ---- time ---- */

static bool is_past(const struct ami_calls *calls, int64_t due_ms)
{
    return due_ms <= calls->arrival_ms || due_ms - calls->arrival_ms > AMI_CALLS_ANSWERED_MS + STEP_MS;
}

static int settle_due(struct ami_calls *calls)
{
    /* What is awaited anew goes behind the last one, and has time. */
    uint32_t last = calls->due_tail;
    for (uint32_t at = calls->due_head; at;) {
        uint32_t next = at == last ? 0 : ami_visit_at(calls, at)->next_due;
        if (is_past(calls, ami_visit_at(calls, at)->due_ms)) {
            int status = ami_calls_settle(calls, at, false);
            if (status != 0) {
                return status;
            }
        } else {
            ami_calls_due_at(calls, ami_visit_at(calls, at)->due_ms);
        }
        at = next;
    }
    return 0;
}

int ami_calls_tick(struct ami_calls *calls, int64_t now_ms)
{
    calls->arrival_ms = now_ms;
    calls->ticked_ms = now_ms;
    if (now_ms < calls->next_due_ms && calls->next_due_ms - now_ms <= AMI_CALLS_ANSWERED_MS + STEP_MS) {
        return 0;
    }
    if (calls->next_due_ms == INT64_MAX) {
        return 0;
    }
    calls->next_due_ms = INT64_MAX;
    int status = settle_due(calls);
    if (status == 0) {
        status = ami_calls_doors_tick(calls);
    }
    return status != 0 ? status : ami_calls_doubts(calls);
}
