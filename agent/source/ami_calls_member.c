/* Operators as members of queues, told whole when something of them changes. */
#include <string.h>

#include "agent/source/ami_calls_internal.h"

enum { TIME_MAX_S = INT32_MAX };

struct slice ami_calls_device(struct slice channel, bool is_channel)
{
    /* "PJSIP/101-00000007", "Local/101@agents-00000001;1"; a member's interface "Local/101@agents/n" */
    size_t len = channel.len;
    for (size_t i = len; is_channel && i > 0; i--) {
        if (channel.data[i - 1] == '-') {
            len = i - 1;
            break;
        }
    }
    if (!is_channel && len > 6 && memcmp(channel.data, "Local/", 6) == 0) {
        const char *option = memchr(channel.data + 6, '/', len - 6);
        len = option ? (size_t)(option - channel.data) : len;
    }
    return slice_make(channel.data, len);
}

static uint64_t member_hash(uint32_t queue, uint32_t interface)
{
    return ami_calls_pair(queue, interface);
}

static uint32_t find(const struct ami_calls *calls, struct slice queue_text, struct slice interface_text)
{
    uint32_t queue = ami_names_find(&calls->names, queue_text);
    uint32_t interface = ami_names_find(&calls->names, interface_text);
    uint32_t node = queue && interface ? ami_index_first(&calls->by_member, member_hash(queue, interface)) : 0;
    for (; node; node = ami_index_next(&calls->by_member, node)) {
        uint32_t at = ami_index_value(&calls->by_member, node);
        const struct ami_member *member = ami_member_at(calls, at);
        if (member->queue == queue && member->interface == interface) {
            return at;
        }
    }
    return 0;
}

static void drop(struct ami_calls *calls, uint32_t at)
{
    const struct ami_member *member = ami_member_at(calls, at);
    const uint32_t names[] = {member->queue, member->operator_name, member->interface, member->reason};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ami_names_release(&calls->names, names[i]);
    }
    if (member->hash) {
        ami_index_remove(&calls->by_member, member->hash, at);
    }
    *(member->prev ? &ami_member_at(calls, member->prev)->next : &calls->member_head) = member->next;
    *(member->next ? &ami_member_at(calls, member->next)->prev : &calls->member_tail) = member->prev;
    ami_pool_give(&calls->members, at);
}

static int add(struct ami_calls *calls, const struct ami_facts *facts, uint32_t *out)
{
    uint32_t at = ami_pool_take(&calls->members);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    struct ami_member *member = ami_member_at(calls, at);
    member->prev = calls->member_tail;
    *(member->prev ? &ami_member_at(calls, member->prev)->next : &calls->member_head) = at;
    calls->member_tail = at;
    int status = ami_names_hold(&calls->names, facts->queue, &member->queue);
    if (status == 0) {
        status = ami_names_hold(&calls->names, facts->interface, &member->interface);
    }
    if (status == 0) {
        member->hash = member_hash(member->queue, member->interface);
        status = ami_index_add(&calls->by_member, member->hash, at);
        member->hash = status == 0 ? member->hash : 0;
    }
    if (status != 0) {
        drop(calls, at);
    }
    *out = at;
    return status;
}

bool ami_calls_is_idle(const struct ami_calls *calls, const struct ami_visit *visit)
{
    for (uint32_t at = calls->member_head; at; at = ami_member_at(calls, at)->next) {
        const struct ami_member *member = ami_member_at(calls, at);
        bool same =
            visit->interface ? member->interface == visit->interface : member->operator_name == visit->operator_name;
        if (same && member->queue == visit->queue) {
            return member->seen == calls->snapshot && !member->state.in_call;
        }
    }
    return false;
}

/* ---- what a message says of a member ---- */

static int64_t in_range(const struct ami_message *message, const char *name, int64_t max, int64_t otherwise)
{
    int64_t value = ami_number(message, name, otherwise);
    return value >= 0 && value <= max ? value : otherwise;
}

static struct event_member read_state(const struct ami_message *message)
{
    /* Asterisk tells 0 for a queue that has none set; then the site's own setting is to hold, as where it is not told.
     */
    int64_t wrap_up_s = in_range(message, "Wrapuptime", TIME_MAX_S, 0);
    return (struct event_member){
        .device = (enum event_device)in_range(message, "Status", EVENT_DEVICE_COUNT - 1, EVENT_DEVICE_UNKNOWN),
        .paused = in_range(message, "Paused", 1, 0) != 0,
        .in_call = in_range(message, "InCall", TIME_MAX_S, 0) != 0,
        .login_ms = in_range(message, "LoginTime", INT64_C(1) << 40, 0) * 1000,
        .wrap_up_ms = wrap_up_s == 0 ? -1 : wrap_up_s * 1000,
        .penalty = in_range(message, "Penalty", TIME_MAX_S, 0),
    };
}

static bool is_same(const struct event_member *a, const struct event_member *b)
{
    return a->device == b->device && a->paused == b->paused && a->in_call == b->in_call && a->login_ms == b->login_ms &&
           a->wrap_up_ms == b->wrap_up_ms && a->penalty == b->penalty;
}

static int set_name(struct ami_calls *calls, uint32_t *name, struct slice text, bool *changed)
{
    uint32_t before = *name;
    uint32_t after;
    int status = ami_names_hold(&calls->names, text, &after);
    if (status == 0) {
        *changed = *changed || after != before;
        *name = after;
        ami_names_release(&calls->names, before);
    }
    return status;
}

static int tell(struct ami_calls *calls, uint32_t at, enum event_kind kind, int64_t at_ms, struct slice verb)
{
    const struct ami_member *member = ami_member_at(calls, at);
    struct call_event event = ami_calls_event(kind, at_ms, "");
    event.verb = verb;
    event.queue = ami_calls_name(calls, member->queue);
    event.operator_name = ami_calls_name(calls, member->operator_name);
    event.interface = ami_calls_name(calls, member->interface);
    if (kind == EVENT_MEMBER_STATE) {
        event.text = ami_calls_name(calls, member->reason);
        event.member = &member->state;
    }
    return ami_calls_put(calls, &event);
}

/* The items of a snapshot call a member's name and interface otherwise than the events do. */
static struct ami_facts read_names(const struct ami_facts *facts)
{
    struct ami_facts names = *facts;
    if (names.interface.len == 0) {
        names.interface = ami_get(facts->message, "Location");
    }
    if (names.operator_name.len == 0) {
        names.operator_name = ami_get(facts->message, "Name");
    }
    if (names.operator_name.len == 0) {
        names.operator_name = names.interface;
    }
    return names;
}

/* Asterisk renames members without a word, when its configuration was changed and is read anew: who he was is gone. */
static int rename_member(struct ami_calls *calls, uint32_t at, struct ami_facts *names)
{
    struct slice before = ami_calls_name(calls, ami_member_at(calls, at)->operator_name);
    if (ami_get(names->message, "MemberName").len == 0 && ami_get(names->message, "Name").len == 0) {
        names->operator_name = before;
    }
    return slice_equal(names->operator_name, before)
               ? 0
               : tell(calls, at, EVENT_MEMBER_REMOVE, names->at_ms, names->message->event);
}

/* Members of the agent pool (app_agent_pool) stay in their queues when they have logged off; the state of their login
 * tells. */
static bool is_logged_off(const struct ami_message *message)
{
    struct slice state = ami_get(message, "StateInterface");
    int64_t status = ami_number(message, "Status", EVENT_DEVICE_UNKNOWN);
    bool pool = state.len > 6 && memcmp(state.data, "Agent:", 6) == 0;
    return pool && (status == EVENT_DEVICE_UNAVAILABLE || status == EVENT_DEVICE_INVALID);
}

int ami_calls_member(struct ami_calls *calls, const struct ami_facts *facts)
{
    struct ami_facts names = read_names(facts);
    if (names.queue.len == 0 || names.interface.len == 0) {
        return 0;
    }
    if (is_logged_off(facts->message)) {
        return ami_calls_member_removed(calls, facts);
    }
    uint32_t at = find(calls, names.queue, names.interface);
    bool changed = !at;
    if (!at && calls->members.used >= AMI_CALLS_MEMBERS_MAX) {
        return 0;
    }
    int status = at ? rename_member(calls, at, &names) : add(calls, &names, &at);
    if (status != 0) {
        return status;
    }
    struct ami_member *member = ami_member_at(calls, at);
    struct event_member state = read_state(facts->message);
    /* An event of one who is back may carry a reason too, the unpauser's: none of a pause. 16 and before say Reason. */
    struct slice reason = ami_get(facts->message, "PausedReason");
    reason = reason.len ? reason : ami_get(facts->message, "Reason");
    reason = state.paused ? reason : slice_str("");
    changed = changed || member->told != calls->connection || !is_same(&state, &member->state);
    member->told = calls->connection;
    member->state = state;
    member->seen = calls->snapshot;
    status = set_name(calls, &member->operator_name, names.operator_name, &changed);
    if (status == 0) {
        status = set_name(calls, &member->reason, reason, &changed);
    }
    if (status != 0 || !changed) {
        return status;
    }
    return tell(calls, at, EVENT_MEMBER_STATE, facts->at_ms, facts->message->event);
}

int ami_calls_member_removed(struct ami_calls *calls, const struct ami_facts *facts)
{
    struct ami_facts names = read_names(facts);
    uint32_t at = find(calls, names.queue, names.interface);
    if (!at) {
        return 0;
    }
    int status = tell(calls, at, EVENT_MEMBER_REMOVE, facts->at_ms, facts->message->event);
    drop(calls, at);
    return status;
}

int ami_calls_members_end(struct ami_calls *calls)
{
    int status = 0;
    for (uint32_t at = calls->member_head; status == 0 && at;) {
        uint32_t next = ami_member_at(calls, at)->next;
        if (ami_member_at(calls, at)->seen != calls->snapshot) {
            status = tell(calls, at, EVENT_MEMBER_REMOVE, calls->arrival_ms, slice_str("QueueMember"));
            drop(calls, at);
        }
        at = next;
    }
    return status;
}

uint32_t ami_calls_member_of(const struct ami_calls *calls, uint32_t queue, struct slice channel)
{
    struct slice device = ami_calls_device(channel, true);
    for (uint32_t at = calls->member_head; at; at = ami_member_at(calls, at)->next) {
        const struct ami_member *member = ami_member_at(calls, at);
        if (member->queue == queue &&
            slice_equal(device, ami_calls_device(ami_calls_name(calls, member->interface), false))) {
            return at;
        }
    }
    return 0;
}
