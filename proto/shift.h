/* shift: what one operator did in one interval, as plain numbers. Additive: shifts of an operator over time, and of
 * operators, add up field by field.
 *
 * At any instant an operator who is logged in (a member of at least one queue) is in exactly one state: the first of
 * SHIFT_TALK or SHIFT_HOLD, SHIFT_RING, SHIFT_WRAP, SHIFT_PAUSED, SHIFT_UNAVAILABLE, SHIFT_BUSY, SHIFT_READY that holds
 * (docs/kpis.md, "Operators"). So the states add up to the logged-in time exactly, to the millisecond. */
#ifndef RINGSIDE_PROTO_SHIFT_H
#define RINGSIDE_PROTO_SHIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/wire.h"

/* The order is that of storage: append only. */
enum shift_state {
    SHIFT_READY,       /* could take a call */
    SHIFT_RING,        /* a queue's call rings at his phone */
    SHIFT_TALK,        /* with a queue's caller */
    SHIFT_HOLD,        /* has put a queue's caller on hold */
    SHIFT_WRAP,        /* after a call: the wrap-up time, or a pause whose reason stands for it */
    SHIFT_PAUSED,      /* in every queue he is a member of */
    SHIFT_BUSY,        /* his device is in use, but by no queue's call that we know of */
    SHIFT_UNAVAILABLE, /* his device cannot be reached */
    SHIFT_STATE_COUNT,
    SHIFT_OFF = SHIFT_STATE_COUNT /* not logged in: no state that is counted */
};

/* Append only. */
enum shift_count {
    SHIFT_ANSWERED,
    SHIFT_MISSED,      /* rang in vain */
    SHIFT_ENDED,       /* conversations that ended */
    SHIFT_TRANSFERRED, /* of these: by transfer */
    SHIFT_COUNT_COUNT
};

struct shift_reason {
    uint32_t reason; /* name id of the ledger, 0: none was given */
    uint64_t paused_ms;
};

/* The part of one queue. Being logged in and paused are counted for each queue on their own; ring, talk and hold by
 * the call's queue. */
struct shift_queue {
    uint32_t queue;
    uint64_t logged_in_ms;
    uint64_t paused_ms;
    uint64_t ring_ms;
    uint64_t talk_ms;
    uint64_t hold_ms;
    uint32_t count[SHIFT_COUNT_COUNT];
};

struct shift {
    uint64_t state_ms[SHIFT_STATE_COUNT];
    uint64_t wrap_by_reason_ms;   /* of SHIFT_WRAP: told by a pause's reason, the rest by the wrap-up time */
    struct shift_reason *reasons; /* of SHIFT_PAUSED, ordered by reason; owned */
    size_t reason_count;
    struct shift_queue *queues; /* ordered by queue; owned */
    size_t queue_count;
};

extern const char *const shift_state_names[SHIFT_STATE_COUNT + 1]; /* "ready" ... "unavailable", "off" */

void shift_deinit(struct shift *shift); /* frees; zero and usable afterwards */
void shift_clear(struct shift *shift);  /* all zero, keeps the memory */
bool shift_is_zero(const struct shift *shift);
bool shift_equal(const struct shift *a, const struct shift *b);

uint64_t shift_logged_in_ms(const struct shift *shift); /* the sum of all states */

/* (talk + hold + wrap) / (talk + hold + wrap + ring + ready); false when nothing is below the line. */
bool shift_occupancy(const struct shift *shift, double *out);

/* Adds time, or a count, to what it is by; the entry of the reason or queue is made when it is new. STATUS_NO_MEMORY.
 */
int shift_add_state(struct shift *shift, enum shift_state state, uint64_t ms);
int shift_add_reason(struct shift *shift, uint32_t reason, uint64_t ms); /* beside shift_add_state(SHIFT_PAUSED) */
struct shift_queue *shift_queue(struct shift *shift, uint32_t queue);    /* NULL: no memory; borrowed until the next */

int shift_merge(struct shift *into, const struct shift *from); /* 0, STATUS_NO_MEMORY */

/* The stored form: see shift.c's head for a worked example. Decode refuses what encode would not have written:
 * STATUS_INVALID, STATUS_VERSION, STATUS_NO_MEMORY; then *shift is zero. */
void shift_encode(const struct shift *shift, struct buf *out);
int shift_decode(struct shift *shift, struct wire_reader *reader);

#endif
