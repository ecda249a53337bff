#include "agent/track/track.h"

#include <stdlib.h>

#include "agent/track/track_find.h"
#include "agent/track/track_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

/* A tick counts waiting callers into a new interval only after this delay, so that rows written late by the PBX have
 * arrived, and only while events are not much older than the clock: a replayed log lives in its own time. */
enum { TICK_DELAY_MS = 30 * 1000, TICK_REACH_MS = 6 * 3600 * 1000 };

int track_new(const struct track_options *options, struct track **out)
{
    struct track *track = calloc(1, sizeof *track);
    if (!track) {
        return STATUS_NO_MEMORY;
    }
    track->options = *options;
    track->next_seq = 1;
    track->earliest_ms = INT64_MAX;
    int status = leg_table_init(&track->table);
    if (status != 0) {
        free(track);
        return status;
    }
    *out = track;
    return 0;
}

void track_free(struct track *track)
{
    if (track) {
        leg_table_deinit(&track->table);
        free(track->dropped);
        free(track);
    }
}

void track_restore(struct track *track, int64_t newest_ms, uint64_t next_seq)
{
    track->newest_ms = newest_ms;
    track->newest_interval = track_interval_of(track, newest_ms);
    track->next_seq = next_seq;
}

int track_restore_leg(struct track *track, const struct call_leg *leg)
{
    uint32_t at = leg_table_add(&track->table, leg);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    struct leg_slot *slot = leg_table_slot(&track->table, at);
    slot->stored = true;
    if (leg->enter_ms < track->earliest_ms) {
        track->earliest_ms = leg->enter_ms;
    }
    if (leg->state == LEG_DONE) {
        leg_table_retire_sorted(&track->table, at);
    }
    return 0;
}

int track_emit(struct track *track, enum leg_change_kind kind, uint32_t at, int64_t when_ms, int64_t value_ms)
{
    const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    struct leg_change change = {.kind = kind, .at_ms = when_ms, .queue = leg->queue, .leg = leg, .value_ms = value_ms};
    return track->options.change(track->options.ctx, &change);
}

static int emit_waited(struct track *track, uint32_t at, int64_t to)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    if (leg->waited_to == to) {
        return 0;
    }
    struct leg_change change = {
        .kind = LEG_CHANGE_WAITED, .queue = leg->queue, .leg = leg, .from = leg->waited_to, .to = to};
    leg->waited_to = to;
    int status = leg_table_touch(&track->table, at);
    return status != 0 ? status : track->options.change(track->options.ctx, &change);
}

int track_stop_waiting(struct track *track, uint32_t at, int64_t when_ms, int64_t *counted_ms)
{
    const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    int64_t counted = when_ms > leg->enter_ms ? when_ms : leg->enter_ms;
    *counted_ms = counted;
    return emit_waited(track, at, track_interval_of(track, counted));
}

int track_finish(struct track *track, uint32_t at, int64_t end_ms)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    leg->state = LEG_DONE;
    leg->end_ms = end_ms;
    leg->forget_ms = track->newest_ms + TRACK_FORGET_MS;
    leg_table_retire(&track->table, at);
    return leg_table_touch(&track->table, at);
}

int track_lose(struct track *track, uint32_t at, int64_t when_ms)
{
    struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
    enum leg_change_kind kind = LEG_CHANGE_LEFT;
    int64_t counted = when_ms;
    int status = 0;
    if (leg_is_waiting(leg)) {
        leg->outcome = LEG_LOST;
        status = track_stop_waiting(track, at, when_ms, &counted);
    } else {
        leg->outcome = LEG_LOST_CONNECTED;
        leg->flags |= LEG_FLAG_SUSPECT_TALK;
        kind = LEG_CHANGE_ENDED;
        counted = when_ms > leg->enter_ms ? when_ms : leg->enter_ms;
    }
    if (status == 0) {
        status = track_emit(track, kind, at, counted, 0);
    }
    return status != 0 ? status : track_finish(track, at, counted);
}

static int remember_drop(struct track *track, uint64_t seq)
{
    uint64_t *dropped = grow_array(track->dropped, track->dropped_count, &track->dropped_cap, sizeof *dropped);
    if (!dropped) {
        return STATUS_NO_MEMORY;
    }
    track->dropped = dropped;
    track->dropped[track->dropped_count++] = seq;
    return 0;
}

/* Hands out and forgets done legs whose time has come; all of them when until_ms is INT64_MAX. */
static int forget(struct track *track, int64_t until_ms)
{
    for (uint32_t at; (at = track->table.done_head) != 0;) {
        struct leg_slot *slot = leg_table_slot(&track->table, at);
        if (slot->leg.forget_ms >= until_ms) {
            break;
        }
        int status = track->options.closed(track->options.ctx, &slot->leg);
        if (status == 0 && slot->stored) {
            status = remember_drop(track, slot->leg.seq);
        }
        if (status != 0) {
            return status;
        }
        leg_table_remove(&track->table, at);
    }
    return 0;
}

int track_enter(struct track *track, const struct call_leg *leg)
{
    if (track->table.used >= track->options.open_max) {
        /* Done legs are forgotten early; when that makes no room, the oldest live leg is given up. */
        int status = forget(track, INT64_MAX);
        if (status == 0 && track->table.used >= track->options.open_max) {
            track->counters.lost_evicted++;
            status = track_lose(track, track->table.live_head, track->newest_ms);
        }
        if (status != 0) {
            return status;
        }
    }
    uint32_t at = leg_table_add(&track->table, leg);
    if (!at) {
        return STATUS_NO_MEMORY;
    }
    if (leg->enter_ms < track->earliest_ms) {
        track->earliest_ms = leg->enter_ms;
    }
    int status = leg_table_touch(&track->table, at);
    if (status == 0) {
        status = track_emit(track, LEG_CHANGE_ENTERED, at, leg->enter_ms, 0);
    }
    if (status == 0 && track->newest_interval > leg->waited_to) {
        status = emit_waited(track, at, track->newest_interval);
    }
    return status;
}

/* Legs past the age cap are lost. earliest_ms bounds their entering from below, so that this is rarely looked into. */
static int expire(struct track *track, int64_t at_ms)
{
    if (track->earliest_ms > at_ms - TRACK_AGE_MAX_MS - 1) {
        return 0;
    }
    track->earliest_ms = at_ms;
    uint32_t next;
    for (uint32_t at = track->table.live_head; at; at = next) {
        const struct leg_slot *slot = leg_table_slot(&track->table, at);
        next = slot->next_live;
        int64_t enter_ms = slot->leg.enter_ms;
        if (at_ms - enter_ms > TRACK_AGE_MAX_MS) {
            track->counters.lost_expired++;
            int status = track_lose(track, at, enter_ms + TRACK_AGE_MAX_MS);
            if (status != 0) {
                return status;
            }
        } else if (enter_ms < track->earliest_ms) {
            track->earliest_ms = enter_ms;
        }
    }
    return 0;
}

static int wait_on(struct track *track, int64_t interval)
{
    for (uint32_t at = track->table.live_head; at; at = leg_table_slot(&track->table, at)->next_live) {
        const struct call_leg *leg = &leg_table_slot(&track->table, at)->leg;
        if (leg_is_waiting(leg) && leg->waited_to < interval) {
            int status = emit_waited(track, at, interval);
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

static int take_time(struct track *track, int64_t at_ms)
{
    if (at_ms < track->newest_ms) {
        if (at_ms >= track->newest_ms - TRACK_STEP_MS) {
            track->counters.late_events += at_ms < track->newest_ms - TRACK_LATE_MS;
            return 0;
        }
        track->counters.clock_steps++;
        int status = forget(track, INT64_MAX);
        track->newest_ms = at_ms;
        track->newest_interval = track_interval_of(track, at_ms);
        return status;
    }
    if (at_ms == track->newest_ms) {
        return 0;
    }
    track->newest_ms = at_ms;
    int status = expire(track, at_ms);
    int64_t interval = track_interval_of(track, at_ms);
    if (status == 0 && interval != track->newest_interval) {
        track->newest_interval = interval;
        status = wait_on(track, interval);
    }
    return status != 0 ? status : forget(track, at_ms);
}

int track_put(struct track *track, const struct call_event *event)
{
    int status = take_time(track, event->at_ms);
    return status != 0 ? status : track_row(track, event);
}

int track_tick(struct track *track, int64_t now_ms)
{
    int64_t until = now_ms - TICK_DELAY_MS;
    if (track->newest_ms == 0 || until <= track->newest_ms || until - track->newest_ms > TICK_REACH_MS) {
        return 0;
    }
    return wait_on(track, track_interval_of(track, until));
}

bool track_is_talking(const struct track *track, struct slice call_id, struct slice queue)
{
    uint32_t id = intern_find(track->options.queues, queue);
    return id != 0 && track_find_newest_talking(track, call_id, id) != 0;
}

int64_t track_newest_ms(const struct track *track)
{
    return track->newest_ms;
}
uint64_t track_next_seq(const struct track *track)
{
    return track->next_seq;
}
struct track_counters *track_counters(struct track *track)
{
    return &track->counters;
}
size_t track_open_count(const struct track *track)
{
    return track->table.used;
}

int track_save(struct track *track, const struct track_saver *saver)
{
    for (size_t i = 0; i < track->dropped_count; i++) {
        int status = saver->drop(saver->ctx, track->dropped[i]);
        if (status != 0) {
            return status;
        }
    }
    for (uint32_t i = 0; i < track->table.changed_count; i++) {
        const struct leg_slot *slot = leg_table_slot(&track->table, track->table.changed[i]);
        int status = slot->used ? saver->put(saver->ctx, &slot->leg) : 0;
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

void track_saved(struct track *track)
{
    for (uint32_t i = 0; i < track->table.changed_count; i++) {
        struct leg_slot *slot = leg_table_slot(&track->table, track->table.changed[i]);
        slot->changed = false;
        slot->stored = slot->used;
    }
    track->table.changed_count = 0;
    track->dropped_count = 0;
}
