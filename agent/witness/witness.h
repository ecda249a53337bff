/* witness: what the live source (AMI) saw of each call, beside a log that tells the same calls in whole seconds. It
 * makes the log's rows finer, and tells which calls only one of both knows of.
 *
 * The log stays the truth of what happened: a row is never added, dropped or moved to another second; within its
 * second it gets the millisecond that the live source saw, and its wait, ring and talk the differences of such times.
 * Calls are known by hashes of call id and queue: this holds no names. Not thread safe, no clock. */
#ifndef RINGSIDE_AGENT_WITNESS_WITNESS_H
#define RINGSIDE_AGENT_WITNESS_WITNESS_H

#include <stdint.h>

#include "agent/event/event.h"

enum {
    WITNESS_APART_MS = 2000, /* a row and what was seen are the same when no further apart */
    WITNESS_RING_APART_MS = 1500,
    WITNESS_GRACE_MS = 10 * 1000,     /* how long one of both may be behind before a call counts as seen by one only */
    WITNESS_KEEP_MS = 15 * 60 * 1000, /* a call that is over is kept for a log that is read late */
    WITNESS_VISITS_MAX = 100000,
};

struct witness_counters {
    uint64_t live_only; /* calls that the log, read past them, did not tell of */
    uint64_t log_only;  /* calls that were not seen though we looked */
    uint64_t differs;   /* rows of a call that was seen, at other times */
    uint64_t refined;   /* rows made finer */
};

struct witness;

int witness_new(uint64_t seed, struct witness **out); /* returns owned */
void witness_free(struct witness *witness);

void witness_on(struct witness *witness, int64_t at_ms);  /* from here on everything is seen */
void witness_off(struct witness *witness, int64_t at_ms); /* until here */

/* An event of the live source. 0 or STATUS_NO_MEMORY. */
int witness_see(struct witness *witness, const struct call_event *event);

/* A row of the log, before it is tracked; what was seen is filled in. 0 or STATUS_NO_MEMORY. */
int witness_refine(struct witness *witness, struct call_event *row);

/* Time passed; the log is read to read_ms (its newest row, or now when it is read to its end). */
void witness_tick(struct witness *witness, int64_t now_ms, int64_t read_ms);

struct witness_counters *witness_counters(struct witness *witness);

#endif
