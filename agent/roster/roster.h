/* roster: who is logged in and in which state: a state machine an operator, fed with events of a live source. Every
 * span of a state goes out once, and spans of one operator neither overlap nor leave a hole while he is logged in.
 *
 * Operators are known by name (as in queue_log); one name may stand for several devices and queues: then the state is
 * the first of shift.h's order that holds for any of them, paused and unavailable only when they hold for all.
 * Not thread safe, no clock: time comes with the events. */
#ifndef RINGSIDE_AGENT_ROSTER_ROSTER_H
#define RINGSIDE_AGENT_ROSTER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "platform/base/intern.h"
#include "proto/shift.h"

/* A piece of time of one operator, [from_ms, to_ms), to_ms > from_ms. */
enum roster_span_kind {
    ROSTER_STATE,     /* he was in `state`: queue is the call's for ring, talk, hold, else 0; reason for paused */
    ROSTER_LOGGED_IN, /* he was a member of `queue` */
    ROSTER_PAUSED     /* he was paused in `queue` */
};
struct roster_span {
    enum roster_span_kind kind;
    uint32_t operator_id;
    uint32_t queue;
    enum shift_state state;
    uint32_t reason;
    bool wrap_by_reason;
    int64_t from_ms;
    int64_t to_ms;
};

struct roster_count {
    enum shift_count count;
    uint32_t operator_id;
    uint32_t queue;
    int64_t at_ms;
};

/* How an operator stands now, told whenever it changes. Borrowed for the call. */
struct roster_member {
    uint32_t queue;
    struct slice interface;
    bool paused;
    int64_t login_ms; /* as the PBX tells, 0: not */
};
struct roster_view {
    uint32_t operator_id;
    enum shift_state state; /* SHIFT_OFF: logged out just now */
    int64_t since_ms;
    uint32_t reason; /* paused, or wrap by reason */
    bool wrap_by_reason;
    uint32_t queue;       /* of the call: ring, talk, hold, wrap; 0: none */
    struct slice call_id; /* of the call: ring, talk, hold */
    int64_t login_ms;     /* logged in since: the earliest of the members', or when it was first seen */
    const struct roster_member *members;
    size_t member_count;
};

struct roster_options {
    struct intern *queues; /* borrowed; new names are added, as in the two next */
    struct intern *operators;
    struct intern *reasons;
    int64_t wrap_up_ms;                                     /* where the PBX does not tell the queue's own; 0: none */
    bool (*is_wrap_reason)(void *ctx, struct slice reason); /* pauses that stand for wrap-up */
    /* Each returns 0, or a negative failure that roster_put() and its like pass on. */
    int (*span)(void *ctx, const struct roster_span *span);
    int (*count)(void *ctx, const struct roster_count *count);
    int (*changed)(void *ctx, const struct roster_view *view); /* may be NULL */
    void *ctx;
};

struct roster;

int roster_new(const struct roster_options *options, struct roster **out); /* returns owned */
void roster_free(struct roster *roster);

/* Takes one event; those of kinds that say nothing about operators are ignored. An event older than what was told
 * already counts from there (time of an operator never runs backwards). 0, STATUS_NO_MEMORY or a callback's failure. */
int roster_put(struct roster *roster, const struct call_event *event);

/* Time passed: wrap-ups end, and all that is running is told up to now_ms. Call it before each commit. */
int roster_tick(struct roster *roster, int64_t now_ms);

/* The source was cut off at at_ms: all is told up to there, and nobody is known any more until events say so again. */
int roster_down(struct roster *roster, int64_t at_ms);

size_t roster_logged_in(const struct roster *roster);

#endif
