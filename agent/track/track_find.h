/* track_find: which leg a row is about: by call id, and where the PBX changed that, by the arithmetic of field guide
 * 2.1.4. All return a slot of the table, 0 for none. */
#ifndef RINGSIDE_AGENT_TRACK_TRACK_FIND_H
#define RINGSIDE_AGENT_TRACK_TRACK_FIND_H

#include "agent/track/track_internal.h"

/* The newest leg of this call in this queue for which `test` holds. */
uint32_t track_find_leg(const struct track *track, struct slice call_id, uint32_t queue,
                        bool (*test)(const struct call_leg *));

/* The conversation of this call that began last, in this queue or, queue 0, in any. */
uint32_t track_find_newest_talking(const struct track *track, struct slice call_id, uint32_t queue);

/* What the caller's call was before: a leg still talking, or the one that ended last. */
uint32_t track_find_before(const struct track *track, struct slice call_id);

/* The conversation under the row's id in this queue, with this operator or, operator_id 0, with whomever; of several
 * the one that began nearest to when the row says. */
uint32_t track_find_talking(const struct track *track, uint32_t queue, uint32_t operator_id,
                            const struct call_event *event);

/* By time instead of id. */
uint32_t track_find_rescue_waiting(const struct track *track, uint32_t queue, const struct call_event *event);
uint32_t track_find_rescue_talking(const struct track *track, uint32_t queue, uint32_t operator_id,
                                   const struct call_event *event);

/* Whether the row repeats what another row said of this call and queue. */
bool track_find_is_answered(const struct track *track, const struct call_event *event, uint32_t queue);
bool track_find_is_ended(const struct track *track, uint32_t queue, uint32_t operator_id,
                         const struct call_event *event);

#endif
