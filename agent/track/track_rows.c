#include <stdlib.h>
#include <string.h>

#include "agent/track/track_internal.h"
#include "platform/base/status.h"

static uint32_t name_id(struct track *track, struct intern *names, struct slice name)
{
    if (name.len == 0) {
        return 0;
    }
    uint32_t id = intern_put(names, name);
    track->counters.names_refused += id == 0;
    return id;
}

static uint32_t queue_id(struct track *track, const struct call_event *event)
{
    return name_id(track, track->options.queues, event->queue);
}

static bool is_waiting(const struct call_leg *leg)
{
    return leg->state == LEG_WAITING || leg->state == LEG_RINGING;
}

static bool is_talking(const struct call_leg *leg)
{
    return leg->state == LEG_CONNECTED || leg->state == LEG_HELD;
}

static bool is_done(const struct call_leg *leg)
{
    return leg->state == LEG_DONE;
}

/* Newest leg of the event's call in this queue for which `test` holds; 0 when there is none. */
static uint32_t find_leg(const struct track *track, struct slice call_id, uint32_t queue,
                         bool (*test)(const struct call_leg *))
{
    uint32_t at = call_id.len ? leg_table_find(&track->table, call_id) : 0;
    for (; at; at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg->queue == queue && test(leg)) {
            return at;
        }
    }
    return 0;
}

/* The duration to count: the reported one, or the rows' difference when none is reported. False when it is suspect. */
static bool check_duration(struct track *track, int64_t reported_ms, int64_t rows_ms, int64_t *out)
{
    int64_t value = reported_ms == EVENT_UNKNOWN ? rows_ms : reported_ms;
    if (value < 0 || value > TRACK_AGE_MAX_MS || value > rows_ms + TRACK_SLACK_MS) {
        track->counters.suspect_durations++;
        *out = 0;
        return false;
    }
    *out = value;
    return true;
}

static void set_number(struct track *track, struct call_leg *leg, struct slice number)
{
    if (number.len == 0) {
        return;
    }
    leg->caller = track->options.caller_token(track->options.ctx, number);
    if (track->options.keep_number) {
        size_t len = number.len < sizeof leg->number ? number.len : sizeof leg->number - 1;
        memcpy(leg->number, number.data, len);
        leg->number_len = (uint8_t)len;
    }
}

static void join_contact(struct call_leg *leg, const struct call_leg *before)
{
    leg->contact = before->contact;
    bool transferred = is_talking(before) || before->outcome == LEG_TRANSFERRED;
    leg->flags |= transferred ? LEG_FLAG_TRANSFERRED_IN : LEG_FLAG_REQUEUED;
}

static int row_enter(struct track *track, const struct call_event *event)
{
    uint32_t queue = queue_id(track, event);
    if (queue == 0 || event->call_id.len == 0) {
        return 0;
    }
    uint32_t before = leg_table_find(&track->table, event->call_id);
    uint32_t still = find_leg(track, event->call_id, queue, is_waiting);
    if (still) {
        if (leg_table_slot(&track->table, still)->leg.enter_ms == event->at_ms) {
            track->counters.duplicate_rows++;
            return 0;
        }
        track->counters.orphan_starts++;
        int status = track_lose(track, still, event->at_ms);
        if (status != 0) {
            return status;
        }
    }
    struct call_leg leg = {.seq = track->next_seq,
                           .contact = track->next_seq,
                           .enter_ms = event->at_ms,
                           .ring_ms = -1,
                           .queue = queue,
                           .waited_to = track_interval_of(track, event->at_ms)};
    track->next_seq++;
    if (event->position > 0 && event->position <= UINT32_MAX) {
        leg.position = (uint32_t)event->position;
    }
    if (before) {
        join_contact(&leg, &leg_table_slot(&track->table, before)->leg);
    }
    leg.call_id_len = (uint8_t)(event->call_id.len < LEG_CALL_ID_MAX ? event->call_id.len : LEG_CALL_ID_MAX);
    memcpy(leg.call_id, event->call_id.data, leg.call_id_len);
    set_number(track, &leg, event->caller);
    return track_enter(track, &leg);
}

static int answer(struct track *track, uint32_t at, const struct call_event *event, int64_t when_ms,
                  uint32_t operator_id)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t counted;
    int status = track_stop_waiting(track, at, when_ms, &counted);
    if (status != 0) {
        return status;
    }
    if (!check_duration(track, event->wait_ms, when_ms - leg->enter_ms, &leg->wait_ms)) {
        leg->flags |= LEG_FLAG_SUSPECT_WAIT;
    }
    leg->state = LEG_CONNECTED;
    leg->connect_ms = counted;
    leg->operator_id = operator_id;
    bool ring_known = event->ring_ms >= 0 && event->ring_ms <= TRACK_AGE_MAX_MS;
    leg->ring_ms = ring_known ? event->ring_ms : -1;
    status = leg_table_touch(&track->table, at);
    return status != 0 ? status : track_emit(track, LEG_CHANGE_ANSWERED, at, counted, 0);
}

/* Field guide 2.1.4: the waiting leg of this queue that entered when the row says its caller did. */
static uint32_t rescue_waiting(const struct track *track, uint32_t queue, const struct call_event *event)
{
    if (event->wait_ms == EVENT_UNKNOWN || event->wait_ms < 0) {
        return 0;
    }
    int64_t entered_ms = event->at_ms - event->wait_ms;
    uint32_t best = 0;
    int64_t best_score = INT64_MAX;
    for (uint32_t at = track->table.live_head; at; at = leg_table_slot(&track->table, at)->next_live) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        int64_t off_ms = llabs(leg->enter_ms - entered_ms);
        if (leg->queue != queue || !is_waiting(leg) || off_ms > TRACK_RESCUE_MS) {
            continue;
        }
        bool same_place = event->original_position > 0 && (int64_t)leg->position == event->original_position;
        int64_t score = off_ms * 2 + (same_place ? 0 : 1);
        if (score < best_score) {
            best_score = score;
            best = at;
        }
    }
    return best;
}

/* Gives a leg that was found by its times the call id it goes on under, and the contact that id belongs to. */
static void adopt(struct track *track, uint32_t at, struct slice call_id)
{
    uint32_t known = leg_table_find(&track->table, call_id);
    struct leg_slot *slot = leg_table_slot(&track->table, at);
    if (known) {
        slot->leg.contact = leg_table_slot(&track->table, known)->leg.contact;
    }
    slot->leg.flags |= LEG_FLAG_RESCUED;
    leg_table_set_call_id(&track->table, at, call_id);
    track->counters.rescued++;
}

static int row_connect(struct track *track, const struct call_event *event)
{
    uint32_t queue = queue_id(track, event);
    uint32_t operator_id = name_id(track, track->options.operators, event->operator_name);
    uint32_t at = find_leg(track, event->call_id, queue, is_waiting);
    if (!at) {
        uint32_t talking = find_leg(track, event->call_id, queue, is_talking);
        if (talking) {
            const struct call_leg *leg = &leg_table_slot(&track->table, talking)->leg;
            bool same = leg->operator_id == operator_id && leg->connect_ms == event->at_ms;
            track->counters.duplicate_rows += same;
            track->counters.orphan_ends += !same;
            return 0;
        }
        at = event->call_id.len ? rescue_waiting(track, queue, event) : 0;
        if (!at) {
            track->counters.orphan_ends++;
            return 0;
        }
        adopt(track, at, event->call_id);
    }
    return answer(track, at, event, event->at_ms, operator_id);
}

static int unhold(struct track *track, uint32_t at, int64_t when_ms)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t counted = when_ms > leg->hold_since_ms ? when_ms : leg->hold_since_ms;
    int64_t held_ms = counted - leg->hold_since_ms;
    leg->state = LEG_CONNECTED;
    leg->hold_ms += held_ms;
    int status = leg_table_touch(&track->table, at);
    return status != 0 ? status : track_emit(track, LEG_CHANGE_UNHELD, at, counted, held_ms);
}

static enum leg_outcome outcome_of(enum event_kind kind)
{
    switch ((int)kind) {
    case EVENT_COMPLETE_OPERATOR: return LEG_COMPLETED_OPERATOR;
    case EVENT_COMPLETE_CALLER: return LEG_COMPLETED_CALLER;
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED: return LEG_TRANSFERRED;
    case EVENT_ABANDON: return LEG_ABANDONED;
    case EVENT_EXIT_TIMEOUT: return LEG_EXIT_TIMEOUT;
    case EVENT_EXIT_EMPTY: return LEG_EXIT_EMPTY;
    case EVENT_EXIT_KEY: return LEG_EXIT_KEY;
    case EVENT_WITHDRAW: return LEG_WITHDRAWN;
    default: return LEG_OPEN;
    }
}

/* An operator consulted into another queue with the caller's number (field guide 2.1.4, captures s44 and s45): once
 * he hands the call over, the leg there belongs to the same contact. */
static int link_consult(struct track *track, const struct call_leg *from, int64_t when_ms)
{
    if (from->caller == 0) {
        return 0;
    }
    for (uint32_t at = track->table.live_head; at; at = leg_table_slot(&track->table, at)->next_live) {
        struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg->caller == from->caller && leg->seq != from->seq && leg->contact == leg->seq &&
            leg->enter_ms >= from->connect_ms && leg->enter_ms <= when_ms) {
            leg->contact = from->contact;
            int status = leg_table_touch(&track->table, at);
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

static int end_talk(struct track *track, uint32_t at, const struct call_event *event)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t counted = event->at_ms > leg->connect_ms ? event->at_ms : leg->connect_ms;
    int status = leg->state == LEG_HELD ? unhold(track, at, counted) : 0;
    if (status != 0) {
        return status;
    }
    int64_t talk_ms;
    if (check_duration(track, event->talk_ms, event->at_ms - leg->connect_ms, &talk_ms)) {
        leg->talk_ms = talk_ms > leg->hold_ms ? talk_ms - leg->hold_ms : 0;
    } else {
        leg->flags |= LEG_FLAG_SUSPECT_TALK;
    }
    leg->outcome = outcome_of(event->kind);
    status = track_emit(track, LEG_CHANGE_ENDED, at, counted, 0);
    if (status == 0 && event->kind == EVENT_TRANSFER_ATTENDED) {
        status = link_consult(track, leg, counted);
    }
    return status != 0 ? status : track_finish(track, at, counted);
}

/* Field guide 2.1.4: the conversation of this queue and operator that began when the row says it did. */
static uint32_t rescue_talking(const struct track *track, uint32_t queue, uint32_t operator_id,
                               const struct call_event *event)
{
    if (event->talk_ms == EVENT_UNKNOWN || event->talk_ms < 0) {
        return 0;
    }
    int64_t began_ms = event->at_ms - event->talk_ms;
    for (uint32_t at = track->table.live_head; at; at = leg_table_slot(&track->table, at)->next_live) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (is_talking(leg) && leg->queue == queue && leg->operator_id == operator_id &&
            llabs(leg->connect_ms - began_ms) <= TRACK_RESCUE_MS) {
            return at;
        }
    }
    return 0;
}

/* A row for a leg that is over: the same row again, or the second end that some PBX versions write. */
static int end_again(struct track *track, uint32_t at, const struct call_event *event)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    enum leg_outcome outcome = outcome_of(event->kind);
    if (leg->outcome == outcome && leg->end_ms == event->at_ms) {
        track->counters.duplicate_rows++;
        return 0;
    }
    track->counters.double_ends++;
    bool completed = leg->outcome == LEG_COMPLETED_OPERATOR || leg->outcome == LEG_COMPLETED_CALLER;
    if (outcome != LEG_TRANSFERRED || !completed) {
        return 0;
    }
    leg->outcome = LEG_TRANSFERRED;
    int64_t counted = event->at_ms > leg->connect_ms ? event->at_ms : leg->connect_ms;
    int status = leg_table_touch(&track->table, at);
    return status != 0 ? status : track_emit(track, LEG_CHANGE_TRANSFER, at, counted, 0);
}

/* The CONNECT row is missing: the end row carries all that it would have said, if its times fit the leg. */
static bool may_infer(const struct call_leg *leg, const struct call_event *event)
{
    if (event->talk_ms == EVENT_UNKNOWN || event->talk_ms < 0) {
        return false;
    }
    int64_t wait_ms = event->wait_ms == EVENT_UNKNOWN ? 0 : event->wait_ms;
    int64_t entered_ms = event->at_ms - event->talk_ms - wait_ms;
    return event->wait_ms == EVENT_UNKNOWN || llabs(leg->enter_ms - entered_ms) <= TRACK_SLACK_MS;
}

static int row_end(struct track *track, const struct call_event *event)
{
    uint32_t queue = queue_id(track, event);
    uint32_t operator_id = name_id(track, track->options.operators, event->operator_name);
    uint32_t at = find_leg(track, event->call_id, queue, is_talking);
    if (at) {
        return end_talk(track, at, event);
    }
    at = find_leg(track, event->call_id, queue, is_waiting);
    if (at && may_infer(&leg_table_slot(&track->table, at)->leg, event)) {
        track->counters.inferred_answers++;
        leg_table_slot(&track->table, at)->leg.flags |= LEG_FLAG_INFERRED;
        int status = answer(track, at, event, event->at_ms - event->talk_ms, operator_id);
        return status != 0 ? status : end_talk(track, at, event);
    }
    at = find_leg(track, event->call_id, queue, is_done);
    if (at) {
        return end_again(track, at, event);
    }
    at = event->call_id.len ? rescue_talking(track, queue, operator_id, event) : 0;
    if (at) {
        leg_table_slot(&track->table, at)->leg.flags |= LEG_FLAG_RESCUED;
        track->counters.rescued++;
        return end_talk(track, at, event);
    }
    track->counters.orphan_ends++;
    return 0;
}

static int row_left(struct track *track, const struct call_event *event)
{
    uint32_t queue = queue_id(track, event);
    uint32_t at = find_leg(track, event->call_id, queue, is_waiting);
    if (!at) {
        uint32_t known = event->call_id.len ? leg_table_find(&track->table, event->call_id) : 0;
        uint32_t over = find_leg(track, event->call_id, queue, is_done);
        if (over) {
            return end_again(track, over, event);
        }
        at = known ? rescue_waiting(track, queue, event) : 0;
        if (!at) {
            track->counters.orphan_ends++;
            return 0;
        }
        adopt(track, at, event->call_id);
    }
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t counted;
    int status = track_stop_waiting(track, at, event->at_ms, &counted);
    if (status != 0) {
        return status;
    }
    if (!check_duration(track, event->wait_ms, event->at_ms - leg->enter_ms, &leg->wait_ms)) {
        leg->flags |= LEG_FLAG_SUSPECT_WAIT;
    }
    leg->outcome = outcome_of(event->kind);
    status = track_emit(track, LEG_CHANGE_LEFT, at, counted, 0);
    return status != 0 ? status : track_finish(track, at, counted);
}

static int row_without_leg(struct track *track, const struct call_event *event, enum leg_change_kind kind)
{
    struct leg_change change = {.kind = kind, .at_ms = event->at_ms, .queue = queue_id(track, event)};
    if (change.queue == 0) {
        return 0;
    }
    if (kind == LEG_CHANGE_MISSED) {
        uint32_t at = find_leg(track, event->call_id, change.queue, is_waiting);
        if (at) {
            leg_table_slot(&track->table, at)->leg.missed++;
            int status = leg_table_touch(&track->table, at);
            if (status != 0) {
                return status;
            }
        }
    }
    return track->options.change(track->options.ctx, &change);
}

static int row_hold(struct track *track, const struct call_event *event, bool on)
{
    uint32_t at = find_leg(track, event->call_id, queue_id(track, event), is_talking);
    if (!at) {
        return 0;
    }
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    if (on && leg->state == LEG_CONNECTED) {
        leg->state = LEG_HELD;
        leg->hold_since_ms = event->at_ms > leg->connect_ms ? event->at_ms : leg->connect_ms;
        return leg_table_touch(&track->table, at);
    }
    return !on && leg->state == LEG_HELD ? unhold(track, at, event->at_ms) : 0;
}

static int row_restart(struct track *track, const struct call_event *event)
{
    track->counters.restarts++;
    uint32_t next;
    for (uint32_t at = track->table.live_head; at; at = next) {
        const struct leg_slot *slot = leg_table_slot(&track->table, at);
        next = slot->next_live;
        if (slot->leg.enter_ms > event->at_ms) {
            continue;
        }
        track->counters.lost_restart++;
        int status = track_lose(track, at, event->at_ms);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int track_row(struct track *track, const struct call_event *event)
{
    switch ((int)event->kind) {
    case EVENT_ENTER: return row_enter(track, event);
    case EVENT_CONNECT: return row_connect(track, event);
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_COMPLETE_CALLER:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED: return row_end(track, event);
    case EVENT_ABANDON:
    case EVENT_EXIT_TIMEOUT:
    case EVENT_EXIT_EMPTY:
    case EVENT_EXIT_KEY:
    case EVENT_WITHDRAW: return row_left(track, event);
    case EVENT_RING_NO_ANSWER: return row_without_leg(track, event, LEG_CHANGE_MISSED);
    case EVENT_BLOCKED: return row_without_leg(track, event, LEG_CHANGE_BLOCKED);
    case EVENT_HOLD: return row_hold(track, event, true);
    case EVENT_UNHOLD: return row_hold(track, event, false);
    case EVENT_RESTART: return row_restart(track, event);
    case EVENT_RELOAD: track->counters.reloads++; return 0;
    default: return 0; /* operator states and notes: not part of a leg */
    }
}
