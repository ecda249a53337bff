/* Snapshots, and the gaps between connections. A list is newer than the events that come after it and were queued
 * before it, so nothing is lost by it at once, and what it shows first may be told again. */
#include <string.h>

#include "agent/source/ami_calls_internal.h"
#include "platform/base/grow.h"

enum { SEEN_MAX = 2 * AMI_CALLS_MAX, BOOT_SLACK_MS = 2000 };

/* ---- was the PBX started? ---- */

static int restarted(struct ami_calls *calls)
{
    if (calls->restart_told) {
        return 0;
    }
    calls->restart_told = true;
    bool known = calls->started_ms > calls->last_connection_ms && calls->started_ms <= calls->arrival_ms;
    return ami_calls_restart(calls, known ? calls->started_ms : calls->arrival_ms);
}

/* Uptime is of whole seconds. One that reaches back into the last connection is no new start. */
int ami_calls_booted(struct ami_calls *calls, const struct ami_message *message)
{
    int64_t uptime_s = ami_number(message, "Uptime", -1);
    if (uptime_s < 0 || uptime_s > INT32_MAX) {
        return 0;
    }
    calls->started_ms = calls->arrival_ms - uptime_s * 1000;
    if (calls->last_connection_ms == 0 || calls->started_ms - BOOT_SLACK_MS <= calls->last_connection_ms) {
        return 0;
    }
    return restarted(calls);
}

int ami_calls_core_status(struct ami_calls *calls, const struct ami_message *message)
{
    struct slice date = ami_get(message, "CoreStartupDate");
    struct slice time = ami_get(message, "CoreStartupTime");
    if (date.len == 0 || time.len == 0 || date.len + time.len + 2 > sizeof calls->boot) {
        return 0;
    }
    char boot[sizeof calls->boot] = {0};
    memcpy(boot, date.data, date.len);
    boot[date.len] = ' ';
    memcpy(boot + date.len + 1, time.data, time.len);
    bool changed = calls->boot[0] && strcmp(boot, calls->boot) != 0;
    memcpy(calls->boot, boot, sizeof boot);
    int status = changed ? restarted(calls) : 0;
    calls->restart_told = false;
    return status;
}

/* ---- the lists ---- */

void ami_calls_snapshot_begin(struct ami_calls *calls)
{
    calls->snapshot++;
    calls->in_snapshot = true;
    calls->whole_calls = calls->whole_channels = false;
    calls->begin_ms = calls->arrival_ms;
    calls->seen_count = 0;
    buf_reset(&calls->texts);
}

static int64_t waited_ms(const struct ami_facts *facts)
{
    int64_t seconds = ami_number(facts->message, "Wait", 0);
    return seconds > 0 && seconds < INT32_MAX ? seconds * 1000 : 0;
}

int ami_calls_entry(struct ami_calls *calls, const struct ami_facts *facts)
{
    if (facts->call_hash == 0 || facts->queue.len == 0) {
        return 0;
    }
    int64_t enter_ms = facts->at_ms - waited_ms(facts);
    uint32_t at = ami_calls_find_waiting(calls, facts, VISIT_WAITING | VISIT_LEAVING | VISIT_REASON);
    int status = 0;
    if (!at) {
        if (ami_calls_was_ended(calls, facts->call_hash, facts->queue, enter_ms + 1000)) {
            return 0;
        }
        struct ami_visit_key key = {facts->call_id, facts->call_hash, facts->queue};
        status = ami_calls_add(calls, &key, enter_ms, &at);
        if (status != 0) {
            return status;
        }
        struct ami_visit *visit = ami_visit_at(calls, at);
        visit->partial = true;
        visit->taken_ms = calls->arrival_ms;
        visit->position = visit->original_position = ami_number(facts->message, "Position", EVENT_UNKNOWN);
        calls->counters.taken_in++;
        struct slice caller = ami_get(facts->message, "CallerIDNum");
        caller = slice_is(caller, "unknown") ? slice_str("") : caller; /* events put it in angle brackets */
        status = ami_calls_enter(calls, at, caller, "QueueEntry");
    }
    ami_visit_at(calls, at)->listed = calls->snapshot;
    ami_calls_touch(calls, at);
    return status;
}

int ami_calls_channel(struct ami_calls *calls, const struct ami_facts *facts)
{
    if (!calls->in_snapshot || facts->call_hash == 0 || calls->seen_count >= SEEN_MAX) {
        return 0;
    }
    struct ami_seen *grown = grow_array(calls->seen, calls->seen_count, &calls->seen_cap, sizeof *grown);
    if (!grown) {
        return STATUS_NO_MEMORY;
    }
    calls->seen = grown;
    struct slice application = ami_get(facts->message, "Application");
    struct slice data = ami_get(facts->message, "ApplicationData");
    const char *comma = data.len ? memchr(data.data, ',', data.len) : NULL;
    bool is_queue = slice_is(application, "Queue");
    struct ami_seen *seen = &grown[calls->seen_count++];
    *seen = (struct ami_seen){.call_hash = facts->call_hash,
                              .linked_hash = facts->linked_hash,
                              .bridge_hash = ami_calls_hash(calls, ami_get(facts->message, "BridgeId")),
                              .operator_side = slice_is(application, "AppQueue"),
                              .text_at = calls->texts.len};
    if (!is_queue && !seen->operator_side) {
        return 0;
    }
    const struct slice texts[] = {facts->call_id,
                                  slice_make(data.data, !is_queue ? 0
                                                        : comma   ? (size_t)(comma - data.data)
                                                                  : data.len),
                                  ami_get(facts->message, "Channel"),
                                  ami_calls_known(ami_get(facts->message, "CallerIDNum"))};
    uint32_t *const lens[] = {&seen->call_id_len, &seen->queue_len, &seen->channel_len, &seen->caller_len};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = texts[i].len < AMI_NAME_MAX ? texts[i].len : AMI_NAME_MAX;
        buf_append(&calls->texts, texts[i].data, len);
        *lens[i] = (uint32_t)len;
    }
    return calls->texts.failed ? STATUS_NO_MEMORY : 0;
}

/* ---- conversations of a snapshot ---- */

struct seen_texts {
    struct slice call_id, queue, channel, caller;
};

static struct seen_texts texts_of(const struct ami_calls *calls, const struct ami_seen *seen)
{
    const char *at = (const char *)calls->texts.data + seen->text_at;
    struct seen_texts texts;
    texts.call_id = slice_make(at, seen->call_id_len);
    texts.queue = slice_make(at += seen->call_id_len, seen->queue_len);
    texts.channel = slice_make(at += seen->queue_len, seen->channel_len);
    texts.caller = slice_make(at + seen->channel_len, seen->caller_len);
    return texts;
}

static int take_talk(struct ami_calls *calls, const struct ami_seen *seen, const struct ami_seen *peer)
{
    struct seen_texts texts = texts_of(calls, seen);
    struct slice channel = texts_of(calls, peer).channel;
    uint32_t queue = ami_names_find(&calls->names, texts.queue);
    uint32_t at = ami_calls_find(calls, seen->call_hash, queue, VISIT_WAITING | VISIT_LEAVING);
    int status = 0;
    if (!at) {
        struct ami_visit_key key = {texts.call_id, seen->call_hash, texts.queue};
        status = ami_calls_add(calls, &key, calls->arrival_ms, &at);
        if (status != 0) {
            return status;
        }
        calls->counters.taken_in++;
        ami_visit_at(calls, at)->taken_ms = calls->arrival_ms;
        status = ami_calls_enter(calls, at, texts.caller, "CoreShowChannel");
    } else {
        status = ami_calls_cancel_rings(calls, at, calls->arrival_ms, "CoreShowChannel");
        ami_calls_unawait(calls, at);
    }
    uint32_t member = queue ? ami_calls_member_of(calls, queue, channel) : 0;
    struct slice device = ami_calls_device(channel, true);
    struct ami_facts facts = {
        .channel_hash = peer->call_hash,
        .operator_name = member ? ami_calls_name(calls, ami_member_at(calls, member)->operator_name) : device,
        .interface = member ? ami_calls_name(calls, ami_member_at(calls, member)->interface) : device};
    status = status != 0 ? status : ami_calls_talks(calls, at, &facts);
    if (status != 0) {
        return status;
    }
    ami_calls_link(calls, at, seen->linked_hash);
    ami_calls_touch(calls, at);
    struct ami_visit *visit = ami_visit_at(calls, at);
    visit->partial = visit->no_wait = true;
    visit->connect_ms = calls->arrival_ms;
    struct call_event event = ami_calls_of(calls, visit, EVENT_CONNECT, calls->arrival_ms, "CoreShowChannel");
    event.operator_name = ami_calls_name(calls, visit->operator_name);
    event.interface = ami_calls_name(calls, visit->interface);
    event.wait_ms = -1;
    return ami_calls_put(calls, &event);
}

/* A caller in Queue() whom a bridge joins with a channel that Queue() called. */
static int check_talk(struct ami_calls *calls, const struct ami_seen *seen, const struct ami_seen *peer)
{
    struct slice queue_text = texts_of(calls, seen).queue;
    uint32_t queue = ami_names_find(&calls->names, queue_text);
    uint32_t at = queue ? ami_calls_find(calls, seen->call_hash, queue, ~0U) : 0;
    if (!at) {
        bool over = ami_calls_was_ended(calls, seen->call_hash, queue_text, calls->begin_ms);
        return over ? 0 : take_talk(calls, seen, peer);
    }
    const struct ami_visit *visit = ami_visit_at(calls, at);
    if (visit->state & (VISIT_TALKING | VISIT_ENDING)) {
        if (visit->channel_hash == 0) {
            ami_calls_link(calls, at, seen->linked_hash);
            ami_calls_touch(calls, at);
            return ami_calls_set_channel(calls, at, peer->call_hash);
        }
        return 0;
    }
    /* The events told of it since the list was asked for, or will. */
    bool told = visit->seen == calls->snapshot || visit->connection == calls->connection;
    return told ? 0 : take_talk(calls, seen, peer);
}

static int check_channels(struct ami_calls *calls, struct ami_index *bridges)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < calls->seen_count; i++) {
        const struct ami_seen *seen = &calls->seen[i];
        if (seen->operator_side && seen->bridge_hash) {
            status = ami_index_add(bridges, seen->bridge_hash, (uint32_t)i);
        }
    }
    for (size_t i = 0; status == 0 && i < calls->seen_count; i++) {
        const struct ami_seen *seen = &calls->seen[i];
        uint32_t node = seen->queue_len && seen->bridge_hash ? ami_index_first(bridges, seen->bridge_hash) : 0;
        if (node) {
            status = check_talk(calls, seen, &calls->seen[ami_index_value(bridges, node)]);
        }
    }
    return status;
}

/* ---- what a snapshot lacks ---- */

/* A conversation goes on while the operator's channel is there; where it began under our eyes in this connection, its
 * end would have been told, and the caller's is enough: the operator's may have been optimised away. */
static void see_talks(struct ami_calls *calls)
{
    for (size_t i = 0; i < calls->seen_count; i++) {
        const struct ami_seen *seen = &calls->seen[i];
        uint32_t node = ami_index_first(&calls->by_channel, seen->call_hash);
        for (; node; node = ami_index_next(&calls->by_channel, node)) {
            ami_calls_touch(calls, ami_index_value(&calls->by_channel, node));
        }
        node = ami_index_first(&calls->by_call, seen->call_hash);
        for (; node; node = ami_index_next(&calls->by_call, node)) {
            uint32_t at = ami_index_value(&calls->by_call, node);
            const struct ami_visit *visit = ami_visit_at(calls, at);
            if (visit->connection == calls->connection && !(visit->state & VISIT_WAITING)) {
                ami_calls_touch(calls, at);
            }
        }
    }
}

/* Without the list of channels (it takes rights that the user may not have), conversations of before the gap go on
 * unless their operator is said to be in no call. */
static bool is_doubtful(const struct ami_calls *calls, const struct ami_visit *visit)
{
    if (visit->seen == calls->snapshot || (!calls->whole_calls && !calls->whole_channels)) {
        return false;
    }
    if (visit->state & (VISIT_WAITING | VISIT_LEAVING | VISIT_REASON)) {
        return calls->whole_calls;
    }
    return calls->whole_channels || (visit->connection != calls->connection && ami_calls_is_idle(calls, visit));
}

static void doubt(struct ami_calls *calls)
{
    for (uint32_t at = calls->visit_head; at; at = ami_visit_at(calls, at)->next) {
        if (is_doubtful(calls, ami_visit_at(calls, at))) {
            ami_calls_set_doubt(calls, at, calls->arrival_ms + AMI_CALLS_GRACE_MS);
        }
    }
}

int ami_calls_snapshot_end(struct ami_calls *calls)
{
    if (!calls->in_snapshot) {
        return 0;
    }
    calls->in_snapshot = calls->restart_told = false;
    struct ami_index bridges;
    int status = ami_index_init(&bridges);
    if (status == 0) {
        status = check_channels(calls, &bridges);
        ami_index_deinit(&bridges);
    }
    if (status == 0) {
        see_talks(calls);
        doubt(calls);
        status = calls->whole_calls ? ami_calls_members_end(calls) : 0;
    }
    calls->seen_count = 0;
    buf_reset(&calls->texts);
    return status;
}

int ami_calls_doubts(struct ami_calls *calls)
{
    int status = 0;
    for (uint32_t at = calls->doubts ? calls->visit_head : 0; status == 0 && at;) {
        const struct ami_visit *visit = ami_visit_at(calls, at);
        uint32_t next = visit->next;
        bool set_back = visit->doubt_ms - calls->arrival_ms > 2 * AMI_CALLS_GRACE_MS;
        if (visit->doubt_ms && (visit->doubt_ms <= calls->arrival_ms || set_back)) {
            calls->counters.lost_in_gaps++;
            status = ami_calls_lose(calls, at, calls->arrival_ms, "QueueStatus");
        } else if (visit->doubt_ms) {
            ami_calls_due_at(calls, visit->doubt_ms);
        }
        at = next;
    }
    return status;
}

/* ---- the connection is gone ---- */

static int blind(struct ami_calls *calls, uint32_t at)
{
    struct ami_visit *visit = ami_visit_at(calls, at);
    while (visit->rings) {
        ami_calls_drop_ring(calls, visit->rings);
    }
    visit->partial = true;
    ami_calls_set_orphan(calls, at, false);
    ami_calls_set_doubt(calls, at, 0);
    (void)ami_calls_set_hold(calls, at, 0);
    switch (visit->state) {
    case VISIT_REASON:
    case VISIT_ENDING: return ami_calls_settle(calls, at, true);
    case VISIT_LEAVING: /* to whom, nobody saw; the next snapshot tells where it is */
        ami_calls_unawait(calls, at);
        visit->state = VISIT_WAITING;
        return 0;
    case VISIT_WAITING: ami_calls_unawait(calls, at); return 0;
    case VISIT_TALKING: return 0;
    }
    return 0;
}

int ami_calls_down(struct ami_calls *calls)
{
    int status = 0;
    for (uint32_t at = calls->visit_head; status == 0 && at;) {
        uint32_t next = ami_visit_at(calls, at)->next;
        status = blind(calls, at);
        at = next;
    }
    ami_calls_doors_clear(calls);
    calls->in_snapshot = false;
    calls->connection++;
    calls->sight = (struct ami_calls_sight){0};
    calls->last_connection_ms = calls->last_ms;
    calls->first_ms = 0;
    if (status == 0 && calls->shutdown_ms) {
        status = ami_calls_restart(calls, calls->shutdown_ms);
        calls->restart_told = true;
    }
    calls->shutdown_ms = 0;
    return status;
}
