/* stream: random rows of a telephony box: mostly calls as they go, mixed with everything that goes wrong: missing,
 * repeated, late and misplaced rows, swapped ids, wild numbers, restarts, a clock that is set. The same for a seed. */
#ifndef RINGSIDE_TESTS_UNIT_TRACK_STREAM_H
#define RINGSIDE_TESTS_UNIT_TRACK_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "tests/support/rng.h"

#define STREAM_START_MS INT64_C(1795284000000)

enum { STREAM_CALLS = 24 };

struct stream_options {
    unsigned odd_percent;     /* rows that do not belong where they stand */
    unsigned late_percent;    /* rows whose time is behind */
    unsigned steps_per_mille; /* the clock is set, by days */
};

struct stream_call { /* what the generator believes of a call; the tracker may know better */
    unsigned number; /* makes the id */
    unsigned state;  /* 0 none, 1 waits, 2 talks */
    unsigned queue;
    unsigned operator_number;
    int64_t enter_ms;
    int64_t connect_ms;
};

struct stream {
    struct rng rng;
    struct stream_options options;
    int64_t now_ms;
    unsigned calls_made;
    struct stream_call calls[STREAM_CALLS];
    char texts[4][128]; /* call id, queue, operator, caller of the newest event */
};

void stream_init(struct stream *stream, uint64_t seed, const struct stream_options *options);
struct call_event stream_next(struct stream *stream); /* borrows from the stream until the next call */

#endif
