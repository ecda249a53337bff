/* track_internal: what track.c (time, life cycle) and track_rows.c (one handler a kind of event) share. */
#ifndef RINGSIDE_AGENT_TRACK_TRACK_INTERNAL_H
#define RINGSIDE_AGENT_TRACK_TRACK_INTERNAL_H

#include "agent/track/leg_table.h"
#include "agent/track/track.h"

struct track {
    struct track_options options;
    struct track_counters counters;
    struct leg_table table;
    int64_t newest_ms;
    int64_t newest_interval;
    uint64_t next_seq;
    int64_t earliest_ms; /* no live leg entered before */
    uint64_t *dropped;   /* stored legs that are gone */
    size_t dropped_count;
    size_t dropped_cap;
};

static inline int64_t track_interval_of(const struct track *track, int64_t at_ms)
{
    return at_ms / track->options.interval_ms;
}

/* Adds a leg that starts waiting, gives up the oldest when too many are held. */
int track_enter(struct track *track, const struct call_leg *leg);

/* Waiting ends here; returns when it counts (never before the leg entered) and moves the waiting intervals. */
int track_stop_waiting(struct track *track, uint32_t at, int64_t when_ms, int64_t *counted_ms);

/* The leg is over: retired, looked up for TRACK_FORGET_MS more. */
int track_finish(struct track *track, uint32_t at, int64_t end_ms);

/* Closes a live leg as lost (waiting) or lost_connected (talking). */
int track_lose(struct track *track, uint32_t at, int64_t when_ms);

int track_emit(struct track *track, enum leg_change_kind kind, uint32_t at, int64_t when_ms, int64_t value_ms);

/* One event, its time already taken into account. */
int track_row(struct track *track, const struct call_event *event);

#endif
