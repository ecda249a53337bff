/* track: events become legs. One state machine a leg: waiting, connected, held, done.
 *
 * All its decisions depend on the order and content of the events alone, never on wall time or on when a commit
 * happens, so a run that is killed and resumed gives the same legs as one clean pass (docs/decisions/0002).
 *
 * A leg that is done stays known for TRACK_FORGET_MS of event time: second ends, transfers that are logged after the
 * next queue's ENTERQUEUE, and contacts need it. Then it is handed to `closed` and forgotten.
 * Not thread safe. */
#ifndef RINGSIDE_AGENT_TRACK_TRACK_H
#define RINGSIDE_AGENT_TRACK_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/event/change.h"
#include "agent/event/event.h"
#include "platform/base/intern.h"

enum {
    TRACK_FORGET_MS = 120 * 1000,
    TRACK_SLACK_MS = 2000,            /* whole-second clocks: how far a reported duration may exceed its rows' times */
    TRACK_RESCUE_MS = 1000,           /* tolerance of the attended-transfer rules (field guide 2.1.4) */
    TRACK_LATE_MS = 10 * 1000,        /* an event further behind the newest one is counted as late */
    TRACK_STEP_MS = 24 * 3600 * 1000, /* ... and further than this, the clock was set */
    TRACK_AGE_MAX_MS = 24 * 3600 * 1000,
};

/* What the tracker counts about its input. Added to the ledger's quality counters by the pipeline. */
struct track_counters {
    uint64_t late_events;
    uint64_t clock_steps;
    uint64_t duplicate_rows;
    uint64_t orphan_ends;
    uint64_t orphan_starts;
    uint64_t double_ends;
    uint64_t rescued;
    uint64_t inferred_answers;
    uint64_t suspect_durations;
    uint64_t restarts;
    uint64_t reloads;
    uint64_t lost_restart;
    uint64_t lost_expired;
    uint64_t lost_evicted;
    uint64_t lost_unseen; /* the source lost sight of them */
    uint64_t names_refused;
};

struct track_options {
    int64_t interval_ms;
    size_t open_max;       /* legs held at once; the oldest is given up as lost beyond that */
    struct intern *queues; /* borrowed; new names are added */
    struct intern *operators;
    /* Keyed hash of a caller's number, 48 bits, 0 for none. */
    uint64_t (*caller_token)(void *ctx, struct slice number);
    bool keep_number; /* store the number itself in the leg */
    /* Each returns 0, or a negative failure that track_put() passes on. */
    int (*change)(void *ctx, const struct leg_change *change);
    int (*closed)(void *ctx, const struct call_leg *leg);
    void *ctx; /* for the three above */
};

struct track;

int track_new(const struct track_options *options, struct track **out); /* returns owned */
void track_free(struct track *track);

/* Puts back what track_save() gave: the watermark and the next leg number first, then every leg. No changes are
 * emitted. */
void track_restore(struct track *track, int64_t newest_ms, uint64_t next_seq);
int track_restore_leg(struct track *track, const struct call_leg *leg);

/* Takes one event. 0 or the failure of a callback or STATUS_NO_MEMORY. */
int track_put(struct track *track, const struct call_event *event);

/* The clock moved without events (the source is read to its end): waiting legs count in the intervals begun since. */
int track_tick(struct track *track, int64_t now_ms);

/* Whether the tracker has this call talking in this queue: then its holds may be told now. */
bool track_is_talking(const struct track *track, struct slice call_id, struct slice queue);

int64_t track_newest_ms(const struct track *track); /* largest event time since the last clock step; 0: none */
uint64_t track_next_seq(const struct track *track);
struct track_counters *track_counters(struct track *track);
size_t track_open_count(const struct track *track); /* legs held, done ones not yet forgotten included */

/* Legs that changed since the last track_saved(): calls put for each one to be stored under its seq, and drop for each
 * one stored earlier that is gone. Stops at the first non-zero return and passes it on. */
struct track_saver {
    int (*put)(void *ctx, const struct call_leg *leg);
    int (*drop)(void *ctx, uint64_t seq);
    void *ctx;
};
int track_save(struct track *track, const struct track_saver *saver);
void track_saved(struct track *track); /* the commit that holds track_save()'s output is durable */

#endif
