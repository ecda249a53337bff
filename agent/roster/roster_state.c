#include "agent/roster/roster_internal.h"

/* Which state holds, since when, and what of it is told. */

int64_t person_time(const struct person *person, int64_t at_ms)
{
    at_ms = at_ms > person->newest_ms ? at_ms : person->newest_ms;
    return at_ms > person->told_ms ? at_ms : person->told_ms;
}

static const struct engagement *conversation(const struct person *person)
{
    const struct engagement *held = NULL;
    for (const struct engagement *at = person->engagements; at; at = at->next) {
        if (at->talking && !at->dormant && !at->held) {
            return at;
        }
        if (at->talking && !at->dormant && !held) {
            held = at;
        }
    }
    return held;
}

static const struct engagement *ringing(const struct person *person)
{
    const struct engagement *at = person->engagements;
    while (at && at->talking) {
        at = at->next;
    }
    return at;
}

static bool stands_for_wrap(struct roster *roster, uint32_t reason)
{
    if (reason == 0 || !roster->options.is_wrap_reason) {
        return false;
    }
    if (reason != roster->last_reason) {
        struct slice name = intern_name(roster->options.reasons, reason);
        roster->last_is_wrap = roster->options.is_wrap_reason(roster->options.ctx, name);
        roster->last_reason = reason;
    }
    return roster->last_is_wrap;
}

static struct stand of_call(enum shift_state state, const struct engagement *call)
{
    return (struct stand){.state = state, .queue = call->queue, .call = call};
}

/* By the facts alone: busy is busy from its first instant. */
static struct stand facts_say(struct roster *roster, struct person *person)
{
    const struct engagement *call = conversation(person);
    if (call) {
        return of_call(call->held ? SHIFT_HOLD : SHIFT_TALK, call);
    }
    if (person->member_count == 0) {
        return (struct stand){.state = SHIFT_OFF};
    }
    call = ringing(person);
    if (call) {
        return of_call(SHIFT_RING, call);
    }
    bool paused = person->paused_count == person->member_count;
    uint32_t reason = paused ? members_reason(person) : 0;
    if (paused && stands_for_wrap(roster, reason)) {
        return (struct stand){.state = SHIFT_WRAP, .reason = reason, .wrap_by_reason = true};
    }
    if (person->wrap_until_ms != ROSTER_NEVER) {
        return (struct stand){.state = SHIFT_WRAP, .queue = person->wrap_queue};
    }
    if (paused) {
        return (struct stand){.state = SHIFT_PAUSED, .reason = reason};
    }
    if (person->gone_count == person->member_count) {
        return (struct stand){.state = SHIFT_UNAVAILABLE};
    }
    return (struct stand){.state = person->used_count > 0 ? SHIFT_BUSY : SHIFT_READY};
}

static int tell_state(struct roster *roster, struct person *person, int64_t to_ms)
{
    if (to_ms <= person->told_ms) {
        return 0;
    }
    const struct stand *stand = &person->stand;
    struct roster_span span = {.kind = ROSTER_STATE,
                               .operator_id = person->id,
                               .queue = stand->state == SHIFT_WRAP ? 0 : stand->queue,
                               .state = stand->state,
                               .reason = stand->reason,
                               .wrap_by_reason = stand->wrap_by_reason,
                               .from_ms = person->told_ms,
                               .to_ms = to_ms};
    int status = stand->state == SHIFT_OFF ? 0 : roster->options.span(roster->options.ctx, &span);
    if (status == 0) {
        person->told_ms = to_ms;
    }
    return status;
}

int person_tell(struct roster *roster, struct person *person, int64_t to_ms)
{
    if (person->busy_from_ms != ROSTER_NEVER && person->busy_from_ms < to_ms) {
        to_ms = person->busy_from_ms;
    }
    int status = tell_state(roster, person, to_ms);
    return status == 0 ? members_tell(roster, person, to_ms) : status;
}

static int enter(struct roster *roster, struct person *person, const struct stand *stand, int64_t at_ms)
{
    int status = tell_state(roster, person, at_ms);
    if (status != 0) {
        return status;
    }
    if (person->stand.state == SHIFT_OFF && stand->state != SHIFT_OFF) {
        roster->logged_in++;
        person->first_seen_ms = at_ms;
    } else if (person->stand.state != SHIFT_OFF && stand->state == SHIFT_OFF) {
        roster->logged_in--;
    }
    person->stand = *stand;
    person->since_ms = at_ms;
    person->changed = true;
    return 0;
}

static bool is_same(const struct stand *a, const struct stand *b)
{
    return a->state == b->state && a->queue == b->queue && a->reason == b->reason &&
           a->wrap_by_reason == b->wrap_by_reason;
}

int person_settle(struct roster *roster, struct person *person, int64_t at_ms)
{
    struct stand stand = facts_say(roster, person);
    if (stand.state == SHIFT_BUSY && person->stand.state != SHIFT_BUSY) {
        person->busy_from_ms = person->busy_from_ms == ROSTER_NEVER ? at_ms : person->busy_from_ms;
        stand.state = SHIFT_READY;
    } else {
        person->busy_from_ms = ROSTER_NEVER;
    }
    if (!is_same(&person->stand, &stand)) {
        return enter(roster, person, &stand, at_ms);
    }
    person->changed |= person->stand.call != stand.call;
    person->stand.call = stand.call;
    return 0;
}

int person_pass(struct roster *roster, struct person *person, int64_t to_ms)
{
    int status = 0;
    while (status == 0) {
        int64_t wrap_ms = person->wrap_until_ms;
        int64_t busy_ms = person->busy_from_ms;
        if (busy_ms != ROSTER_NEVER && busy_ms <= to_ms - ROSTER_BUSY_SETTLE_MS) {
            const struct stand busy = {.state = SHIFT_BUSY};
            status = enter(roster, person, &busy, busy_ms);
            person->busy_from_ms = status == 0 ? ROSTER_NEVER : busy_ms;
        } else if (wrap_ms != ROSTER_NEVER && wrap_ms <= to_ms) {
            person->wrap_until_ms = ROSTER_NEVER;
            status = person_settle(roster, person, person_time(person, wrap_ms));
        } else {
            break;
        }
    }
    return status;
}

int person_show(struct roster *roster, struct person *person)
{
    if (!person->changed) {
        return 0;
    }
    const struct stand *stand = &person->stand;
    bool has_call = stand->call != NULL;
    int64_t login_ms = members_login_ms(person);
    struct roster_view view = {.operator_id = person->id,
                               .state = stand->state,
                               .since_ms = person->since_ms,
                               .reason = stand->reason,
                               .wrap_by_reason = stand->wrap_by_reason,
                               .queue = stand->queue,
                               .call_id = has_call ? slice_make(stand->call->call_id, stand->call->call_id_len)
                                                   : slice_make("", 0),
                               .login_ms = login_ms > 0 ? login_ms : person->first_seen_ms,
                               .members = person->members,
                               .member_count = person->member_count};
    int status = roster->options.changed ? roster->options.changed(roster->options.ctx, &view) : 0;
    person->changed = status != 0;
    return status;
}
