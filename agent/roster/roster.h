/* roster: who is logged in and in which state: a state machine an operator, fed with events of a live source. Every
 * span of a state goes out once, and spans of one operator neither overlap nor leave a hole while he is logged in.
 *
 * Operators are known by name (as in queue_log); one name may stand for several devices and queues: then the state is
 * the first of shift.h's order that holds for any of them, paused and unavailable only when they hold for all.
 * Not thread safe, no clock: time comes with the events.
 *
 * Which state, beyond what shift.h says:
 * - A conversation of somebody who has left his last queue still counts, until it ends; he is logged in so long.
 * - Of several conversations at once: talk, unless all of them are on hold; queue and call are those of the newest
 *   that is not, else of the newest.
 * - Wrap-up by time follows the conversation that ended last, for as long as its queue says. A pause in all queues
 *   whose reason stands for wrap-up goes before it. A conversation whose end nobody saw (EVENT_LOST, EVENT_RESTART) is
 *   over without wrap-up and is not counted as ended.
 * - Devices tell a little before or after the calls do. So that this leaves no slivers of busy, a change to busy takes
 *   effect only when it still holds ROSTER_BUSY_SETTLE_MS after it began, and then counts from its beginning; what
 *   ends sooner counts as if the device were idle. Until then nothing is told beyond that beginning.
 *
 * Pauses come with EVENT_MEMBER_STATE; EVENT_PAUSE and its like are ignored, and so is whom an operator's name is too
 * much for the table of names. */
#ifndef RINGSIDE_AGENT_ROSTER_ROSTER_H
#define RINGSIDE_AGENT_ROSTER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "platform/base/intern.h"
#include "proto/shift.h"

enum {
    ROSTER_BUSY_SETTLE_MS = 1000,
    ROSTER_TELL_MS = 9000 /* what goes on is told so often: with a tick a second nothing is untold for 10 s */
};

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

/* Takes one event; those of kinds that say nothing about operators are ignored. An event older than the operator's
 * newest, or than what was told of him already, counts from there: his time never runs backwards, and while a clock
 * that was set back catches up his states are right but take no time. Who is logged out comes in no earlier than the
 * last tick, whatever old news bring him: what was before may have been told by an earlier run. So tick before the
 * first event. 0, STATUS_NO_MEMORY or a callback's failure. */
int roster_put(struct roster *roster, const struct call_event *event);

/* A conversation that an earlier run saw begin and counted, from its EVENT_CONNECT: as one that outlasted
 * roster_down(). The time of the event does not matter. */
int roster_resume(struct roster *roster, const struct call_event *connect);

/* Time passed: wrap-ups end, a busy that holds is settled, and of some operators, at the latest of those of whom
 * nothing was told for ROSTER_TELL_MS, what is running is told up to now_ms. Call it once a second, and before each
 * commit. */
int roster_tick(struct roster *roster, int64_t now_ms);

/* The source was cut off at at_ms, or the daemon ends: all is told up to there, and nobody is known any more until
 * events say so again. Conversations may outlast it: one of which neither an end nor EVENT_LOST was told goes on when
 * its operator is a member again (EVENT_MEMBER_STATE) and his device is in use. */
int roster_down(struct roster *roster, int64_t at_ms);

size_t roster_logged_in(const struct roster *roster);

#endif
