#include <stdlib.h>
#include <string.h>

#include "agent/track/track_find.h"
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

/* A duration that cannot be: kept out of the sums, and counted. */
static bool is_suspect(struct track *track, int64_t value_ms, int64_t rows_ms)
{
    bool suspect = value_ms < 0 || value_ms > TRACK_AGE_MAX_MS || value_ms > rows_ms + TRACK_SLACK_MS;
    track->counters.suspect_durations += suspect;
    return suspect;
}

/* The reported duration, or the rows' difference when none is reported. */
static int64_t reported_or(int64_t reported_ms, int64_t rows_ms)
{
    return reported_ms == EVENT_UNKNOWN ? rows_ms : reported_ms;
}

static void set_wait(struct track *track, struct call_leg *leg, const struct call_event *event, int64_t when_ms)
{
    int64_t rows_ms = when_ms - leg->enter_ms;
    int64_t wait_ms = reported_or(event->wait_ms, rows_ms);
    if (is_suspect(track, wait_ms, rows_ms)) {
        leg->flags |= LEG_FLAG_SUSPECT_WAIT;
    } else {
        leg->wait_ms = wait_ms;
    }
}

static bool needs_call_and_queue(struct track *track, const struct call_event *event)
{
    bool has = event->call_id.len > 0 && event->queue.len > 0;
    track->counters.orphan_ends += !has;
    return has;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
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

/* Rows are told apart by the clock of the log, whatever a finer source made of their times. */
static bool same_second(int64_t a_ms, int64_t b_ms)
{
    return a_ms / 1000 == b_ms / 1000;
}

/* The id waits already: the same row again (then *again is set), or its end was never seen. */
static int close_waiting(struct track *track, const struct call_event *event, uint32_t queue, bool *again)
{
    for (uint32_t at = leg_table_find(&track->table, event->call_id); at; at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (!leg_is_waiting(leg)) {
            continue;
        }
        if (leg->queue == queue && same_second(leg->enter_ms, event->at_ms)) {
            track->counters.duplicate_rows++;
            *again = true;
            return 0;
        }
        track->counters.orphan_starts++;
        return track_lose(track, at, event->at_ms);
    }
    return 0;
}

static void join_contact(struct call_leg *leg, const struct call_leg *before)
{
    leg->contact = before->contact;
    bool transferred = leg_is_talking(before) || before->outcome == LEG_TRANSFERRED;
    leg->flags |= transferred ? LEG_FLAG_TRANSFERRED_IN : LEG_FLAG_REQUEUED;
}

static int row_enter(struct track *track, const struct call_event *event)
{
    uint32_t queue = needs_call_and_queue(track, event) ? queue_id(track, event) : 0;
    bool again = false;
    int status = queue ? close_waiting(track, event, queue, &again) : 0;
    if (status != 0 || queue == 0 || again) {
        return status;
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
    uint32_t before = track_find_before(track, event->call_id);
    if (before) {
        join_contact(&leg, &leg_table_slot(&track->table, before)->leg);
    }
    leg.call_id_len = (uint8_t)(event->call_id.len < LEG_CALL_ID_MAX ? event->call_id.len : LEG_CALL_ID_MAX);
    memcpy(leg.call_id, event->call_id.data, leg.call_id_len);
    set_number(track, &leg, event->caller);
    return track_enter(track, &leg);
}

static void set_ring(struct track *track, struct call_leg *leg, const struct call_event *event)
{
    if (event->ring_ms == EVENT_UNKNOWN) {
        return;
    }
    if (is_suspect(track, event->ring_ms, event->at_ms - leg->enter_ms)) {
        leg->flags |= LEG_FLAG_SUSPECT_RING;
    } else {
        leg->ring_ms = event->ring_ms;
    }
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
    set_wait(track, leg, event, when_ms);
    if (event->kind == EVENT_CONNECT) {
        set_ring(track, leg, event);
    }
    leg->state = LEG_CONNECTED;
    leg->connect_ms = when_ms;
    leg->operator_id = operator_id;
    status = leg_table_touch(&track->table, at);
    return status != 0 ? status : track_emit(track, LEG_CHANGE_ANSWERED, at, counted, 0);
}

static void mark_rescued(struct track *track, uint32_t at)
{
    if (at) {
        leg_table_slot(&track->table, at)->leg.flags |= LEG_FLAG_RESCUED;
        track->counters.rescued++;
    }
}

/* Gives a leg that was found by its times the call id it goes on under, and the contact that id belongs to. */
static void adopt(struct track *track, uint32_t at, struct slice call_id)
{
    uint32_t known = track_find_before(track, call_id);
    struct leg_slot *slot = leg_table_slot(&track->table, at);
    if (known) {
        slot->leg.contact = leg_table_slot(&track->table, known)->leg.contact;
    }
    leg_table_set_call_id(&track->table, at, call_id);
    mark_rescued(track, at);
}

/* Nobody talks twice at once: the end of an older conversation of this call was never seen. */
static int close_talking(struct track *track, const struct call_event *event)
{
    uint32_t next;
    for (uint32_t at = leg_table_find(&track->table, event->call_id); at; at = next) {
        next = leg_table_find_next(&track->table, at);
        if (leg_is_talking(&leg_table_slot(&track->table, at)->leg)) {
            track->counters.orphan_starts++;
            int status = track_lose(track, at, event->at_ms);
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

static int row_connect(struct track *track, const struct call_event *event)
{
    if (!needs_call_and_queue(track, event)) {
        return 0;
    }
    uint32_t queue = queue_id(track, event);
    uint32_t operator_id = name_id(track, track->options.operators, event->operator_name);
    uint32_t at = track_find_leg(track, event->call_id, queue, leg_is_waiting);
    if (at) {
        int status = close_talking(track, event);
        return status != 0 ? status : answer(track, at, event, event->at_ms, operator_id);
    }
    if (track_find_is_answered(track, event, queue)) {
        track->counters.double_ends++;
        return 0;
    }
    at = track_find_rescue_waiting(track, queue, event);
    if (!at) {
        track->counters.orphan_ends++;
        return 0;
    }
    adopt(track, at, event->call_id);
    return answer(track, at, event, event->at_ms, operator_id);
}

static int unhold(struct track *track, uint32_t at, int64_t row_ms, int64_t counted_ms)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t held_ms = row_ms - leg->hold_since_ms;
    leg->state = LEG_CONNECTED;
    if (is_suspect(track, held_ms, held_ms)) {
        held_ms = -1;
    } else {
        leg->hold_ms += held_ms;
    }
    int status = leg_table_touch(&track->table, at);
    return status != 0 ? status : track_emit(track, LEG_CHANGE_UNHELD, at, counted_ms, held_ms);
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
    int64_t counted = later(event->at_ms, later(leg->connect_ms, leg->enter_ms));
    int status = leg->state == LEG_HELD ? unhold(track, at, event->at_ms, counted) : 0;
    if (status != 0) {
        return status;
    }
    int64_t rows_ms = event->at_ms - leg->connect_ms;
    int64_t talk_ms = reported_or(event->talk_ms, rows_ms);
    if (is_suspect(track, talk_ms < leg->hold_ms ? -1 : talk_ms, rows_ms)) {
        leg->flags |= LEG_FLAG_SUSPECT_TALK;
    } else {
        leg->talk_ms = talk_ms - leg->hold_ms;
    }
    leg->outcome = outcome_of(event->kind);
    status = track_emit(track, LEG_CHANGE_ENDED, at, counted, 0);
    if (status == 0 && event->kind == EVENT_TRANSFER_ATTENDED) {
        status = link_consult(track, leg, counted);
    }
    return status != 0 ? status : track_finish(track, at, counted);
}

/* The CONNECT row is missing: the end row carries all that it would have said, if its times fit the leg. */
static int infer_answer(struct track *track, uint32_t at, const struct call_event *event, uint32_t operator_id)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t began_ms = event->talk_ms == EVENT_UNKNOWN ? event->at_ms : event->at_ms - event->talk_ms;
    began_ms = later(began_ms, leg->enter_ms);
    track->counters.inferred_answers++;
    leg->flags |= LEG_FLAG_INFERRED;
    int status = answer(track, at, event, began_ms < event->at_ms ? began_ms : event->at_ms, operator_id);
    return status != 0 ? status : end_talk(track, at, event);
}

static bool may_infer(const struct call_leg *leg, const struct call_event *event)
{
    return event->talk_ms == EVENT_UNKNOWN || event->at_ms - event->talk_ms >= leg->enter_ms - TRACK_RESCUE_MS;
}

/* The order of the tries is docs/kpis.md 8.4. */
static int row_end(struct track *track, const struct call_event *event)
{
    if (!needs_call_and_queue(track, event)) {
        return 0;
    }
    uint32_t queue = queue_id(track, event);
    uint32_t operator_id = name_id(track, track->options.operators, event->operator_name);
    uint32_t at = track_find_talking(track, queue, operator_id, event);
    if (!at && track_find_is_ended(track, queue, operator_id, event)) {
        track->counters.double_ends++;
        return 0;
    }
    if (!at) {
        at = track_find_rescue_talking(track, queue, operator_id, event);
        mark_rescued(track, at);
    }
    if (!at) {
        at = track_find_talking(track, queue, 0, event);
    }
    if (at) {
        return end_talk(track, at, event);
    }
    at = track_find_leg(track, event->call_id, queue, leg_is_waiting);
    if (at && may_infer(&leg_table_slot(&track->table, at)->leg, event)) {
        return infer_answer(track, at, event, operator_id);
    }
    bool over = track_find_leg(track, event->call_id, queue, leg_is_done) != 0;
    track->counters.double_ends += over;
    track->counters.orphan_ends += !over;
    return 0;
}

/* The waiting leg that the row ends, docs/kpis.md 8.5; 0 when there is none, counted. */
static uint32_t find_leaving(struct track *track, uint32_t queue, const struct call_event *event)
{
    uint32_t at = track_find_leg(track, event->call_id, queue, leg_is_waiting);
    if (at) {
        return at;
    }
    if (track_find_leg(track, event->call_id, queue, leg_is_done)) {
        track->counters.double_ends++;
        return 0;
    }
    if (!track_find_leg(track, event->call_id, queue, leg_is_talking)) {
        at = track_find_rescue_waiting(track, queue, event);
    }
    if (!at) {
        track->counters.orphan_ends++;
        return 0;
    }
    adopt(track, at, event->call_id);
    return at;
}

static int row_left(struct track *track, const struct call_event *event)
{
    if (!needs_call_and_queue(track, event)) {
        return 0;
    }
    uint32_t at = find_leaving(track, queue_id(track, event), event);
    if (!at) {
        return 0;
    }
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t counted;
    int status = track_stop_waiting(track, at, event->at_ms, &counted);
    if (status != 0) {
        return status;
    }
    set_wait(track, leg, event, event->at_ms);
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
        uint32_t at = track_find_leg(track, event->call_id, change.queue, leg_is_waiting);
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
    uint32_t queue = queue_id(track, event);
    uint32_t at = queue ? track_find_newest_talking(track, event->call_id, queue) : 0;
    if (!at) {
        at = track_find_newest_talking(track, event->call_id, 0);
    }
    if (!at) {
        return 0;
    }
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    if (on && leg->state == LEG_CONNECTED) {
        leg->state = LEG_HELD;
        leg->hold_since_ms = event->at_ms;
        return leg_table_touch(&track->table, at);
    }
    int64_t counted = later(event->at_ms, later(leg->connect_ms, leg->enter_ms));
    return !on && leg->state == LEG_HELD ? unhold(track, at, event->at_ms, counted) : 0;
}

/* What the source lost sight of: the newest leg of this call in this queue that is not over. */
static int row_lost(struct track *track, const struct call_event *event)
{
    if (!needs_call_and_queue(track, event)) {
        return 0;
    }
    uint32_t queue = queue_id(track, event);
    uint32_t at = track_find_leg(track, event->call_id, queue, leg_is_waiting);
    if (!at) {
        at = track_find_newest_talking(track, event->call_id, queue);
    }
    track->counters.lost_unseen += at != 0;
    return at ? track_lose(track, at, event->at_ms) : 0;
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
    case EVENT_LOST: return row_lost(track, event);
    case EVENT_RESTART: return row_restart(track, event);
    case EVENT_RELOAD: track->counters.reloads++; return 0;
    default: return 0; /* operator states and notes: not part of a leg */
    }
}
