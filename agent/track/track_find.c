#include "agent/track/track_find.h"

#include <stdlib.h>

/* Newest leg of the event's call in this queue for which `test` holds; 0 when there is none. */
uint32_t track_find_leg(const struct track *track, struct slice call_id, uint32_t queue,
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

uint32_t track_find_newest_talking(const struct track *track, struct slice call_id, uint32_t queue)
{
    uint32_t best = 0;
    for (uint32_t at = call_id.len ? leg_table_find(&track->table, call_id) : 0; at;
         at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg_is_talking(leg) && (queue == 0 || leg->queue == queue) &&
            (!best || leg->connect_ms > leg_table_slot(&track->table, best)->leg.connect_ms)) {
            best = at;
        }
    }
    return best;
}

/* What the caller's call was before: still talking somewhere, or the leg of it that ended last; 0: nothing known. */
uint32_t track_find_before(const struct track *track, struct slice call_id)
{
    uint32_t best = track_find_newest_talking(track, call_id, 0);
    if (best) {
        return best;
    }
    for (uint32_t at = leg_table_find(&track->table, call_id); at; at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (!best || leg->end_ms > leg_table_slot(&track->table, best)->leg.end_ms) {
            best = at;
        }
    }
    return best;
}

/* Field guide 2.1.4: the waiting leg of this queue that entered when the row says its caller did. */
uint32_t track_find_rescue_waiting(const struct track *track, uint32_t queue, const struct call_event *event)
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
        if (leg->queue != queue || !leg_is_waiting(leg) || off_ms > TRACK_RESCUE_MS) {
            continue;
        }
        bool same_place = event->original_position > 0 && (int64_t)leg->position == event->original_position;
        int64_t score = off_ms + (same_place ? 0 : TRACK_AGE_MAX_MS);
        bool earlier = score == best_score && leg->enter_ms < leg_table_slot(&track->table, best)->leg.enter_ms;
        if (score < best_score || earlier) {
            best_score = score;
            best = at;
        }
    }
    return best;
}

/* Whether this call was answered in this queue just now, by another row. */
bool track_find_is_answered(const struct track *track, const struct call_event *event, uint32_t queue)
{
    for (uint32_t at = leg_table_find(&track->table, event->call_id); at; at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg->queue == queue && leg->connect_ms != 0 && llabs(leg->connect_ms - event->at_ms) <= TRACK_RESCUE_MS) {
            return true;
        }
    }
    return false;
}

/* How far the row's idea of when the conversation began is from the leg's; 0 when the row does not say. */
static int64_t began_off_ms(const struct call_leg *leg, const struct call_event *event)
{
    return event->talk_ms == EVENT_UNKNOWN ? 0 : llabs(leg->connect_ms - (event->at_ms - event->talk_ms));
}

static bool begins_nearer(const struct call_leg *leg, const struct call_leg *best, const struct call_event *event)
{
    int64_t off_ms = began_off_ms(leg, event);
    int64_t best_ms = began_off_ms(best, event);
    return off_ms != best_ms ? off_ms < best_ms : leg->connect_ms > best->connect_ms;
}

/* The conversation under this id in this queue, with this operator or, operator_id 0, with whomever. */
uint32_t track_find_talking(const struct track *track, uint32_t queue, uint32_t operator_id,
                            const struct call_event *event)
{
    uint32_t best = 0;
    for (uint32_t at = leg_table_find(&track->table, event->call_id); at; at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (!leg_is_talking(leg) || leg->queue != queue || (operator_id && leg->operator_id != operator_id)) {
            continue;
        }
        if (!best || begins_nearer(leg, &leg_table_slot(&track->table, best)->leg, event)) {
            best = at;
        }
    }
    return best;
}

/* Field guide 2.1.4: the conversation of this queue and operator that began when the row says it did. */
uint32_t track_find_rescue_talking(const struct track *track, uint32_t queue, uint32_t operator_id,
                                   const struct call_event *event)
{
    uint32_t best = 0;
    if (event->talk_ms == EVENT_UNKNOWN || operator_id == 0) {
        return 0;
    }
    for (uint32_t at = track->table.live_head; at; at = leg_table_slot(&track->table, at)->next_live) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg_is_talking(leg) && leg->queue == queue && leg->operator_id == operator_id &&
            began_off_ms(leg, event) <= TRACK_RESCUE_MS &&
            (!best || begins_nearer(leg, &leg_table_slot(&track->table, best)->leg, event))) {
            best = at;
        }
    }
    return best;
}

/* Whether the row is a second end of a conversation that is over. */
bool track_find_is_ended(const struct track *track, uint32_t queue, uint32_t operator_id,
                         const struct call_event *event)
{
    for (uint32_t at = leg_table_find(&track->table, event->call_id); at; at = leg_table_find_next(&track->table, at)) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg_is_done(leg) && leg->queue == queue && leg->connect_ms != 0 && leg->operator_id == operator_id &&
            began_off_ms(leg, event) <= TRACK_RESCUE_MS) {
            return true;
        }
    }
    return false;
}
