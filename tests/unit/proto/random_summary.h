/* random_summary: summaries of all shapes, and their bytes, for the tests of proto/. */
#ifndef RINGSIDE_TESTS_UNIT_PROTO_RANDOM_SUMMARY_H
#define RINGSIDE_TESTS_UNIT_PROTO_RANDOM_SUMMARY_H

#include "proto/summary.h"
#include "tests/support/rng.h"

/* Replaces *sum. `extreme`: also counters, bins and sums as large as they can be (such summaries may not add up);
 * without, a thousand of them can be merged. */
void random_summary(struct rng *rng, bool extreme, struct summary *sum);

/* An hour of an ordinary queue: 22 answered after 1..90 s, rings of 2..15 s, talks of 20..600 s, 3 abandons. With whole
 * seconds, or with milliseconds. */
void random_ordinary(struct rng *rng, bool whole_seconds, struct summary *sum);

#endif
