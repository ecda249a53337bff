/* truth: what the books must say, counted from the PBX's own list of calls by the definitions of docs/kpis.md. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_TRUTH_H
#define RINGSIDE_TESTS_PROOF_WORLD_TRUTH_H

#include "proto/summary.h"
#include "tests/proof/world/pbx.h"

struct truth_duration {
    uint64_t count;
    uint64_t sum_ms;
    uint64_t max_ms;
};

struct truth_cell {
    uint64_t flow[FLOW_COUNT];
    uint64_t cohort[COHORT_COUNT];
    struct truth_duration duration[DURATION_COUNT];
    uint64_t waiting_start;
    uint64_t waiting_end;
    uint64_t waiting_max; /* 0: not to be judged */
};

/* Of a box whose calls are all over: cells [queue * pbx->slots + slot]. Owned. */
struct truth_cell *truth_of(const struct pbx *pbx, int64_t short_abandon_s);

void truth_add(struct truth_cell *into,
               const struct truth_cell *from); /* of another time, queue or box: no waiting_* */

/* False: `why` (of `size` bytes) says in what they differ. `all`: what waits too. */
bool truth_agrees(const struct truth_cell *cell, const struct summary *sum, bool all, char *why, size_t size);
bool truth_is_empty(const struct truth_cell *cell);

#endif
