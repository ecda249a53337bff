/* cell: what the summaries of one scope, queue and span of time add up to. Adding and taking away again leaves the same
 * bytes, whatever the order; only maxima cannot be taken away (see cell_subtract). Dense inside: adding a bin is one
 * addition. docs/architecture.md tells how cells hang together.
 *
 * Waiting callers add up across sites and queues but not over time, so a cell keeps what waited at its own two edges:
 * waiting_start of the summaries that begin where the cell does, waiting_end of those that end where it does. In
 * between the books tell: waiting at any edge = waiting_start + what came in - what went out.
 *
 * waiting_max is the largest of any one summary: peaks of several sites need not coincide.
 *
 * The stored form: a version byte (1); varint intervals, unbalanced, waiting_start, waiting_end, waiting_max; the flow
 * counters as a varint mask and varints, the cohort counters likewise (64 bits wide); a mask of the durations, and for
 * each a varint sum, maximum, the length of the histogram's bytes << 1 | packed, and those bytes. Worked example, one
 * balanced interval in which one caller waited 2000 ms and gave up: 01, 01 00 00 00 01 (one interval, at most one
 * waited), 05 01 01 (entered, abandoned), 05 01 01 (the same by entering), 02 (wait_abandoned), d0 0f (2000),
 * d0 0f (2000), 04 98 11 (bin 1100 once).
 *
 * A histogram's bytes are as in proto/histogram.h with counts of 64 bits, or packed, where that is no longer: the width
 * of a count (1, 2, 4, 8 bytes), then for each word of 64 bins that has any a varint of how many words were skipped, a
 * u64 with a bit for each bin (the lowest first), and their counts in order. Bins 128 and 130, once and twice:
 * 01, 02 0000000000000005 01 02. */
#ifndef RINGSIDE_COLLECTOR_ROLLUP_CELL_H
#define RINGSIDE_COLLECTOR_ROLLUP_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "proto/summary.h"

struct cell;

/* One interval's summary as a part of a cell. */
struct cell_part {
    const struct summary *sum;
    bool at_start; /* begins where the cell does */
    bool at_end;   /* ends where the cell does */
};

struct cell_facts {
    uint64_t intervals;  /* summaries in it */
    uint64_t unbalanced; /* of these, whose own books do not balance */
    uint64_t waiting_start;
    uint64_t waiting_end; /* at its end edge, of those that end there */
    int64_t waiting_net;  /* what came in less what went out */
};

int cell_new(struct cell **out);
void cell_free(struct cell *cell); /* NULL is fine */
void cell_clear(struct cell *cell);
bool cell_is_empty(const struct cell *cell);

/* 0, STATUS_NO_MEMORY, STATUS_RANGE (a sum would pass its width, or fall below zero). After a failure the cell is fit
 * for nothing but clear and free. */
int cell_add(struct cell *cell, const struct cell_part *part);

/* Takes away what was added. CELL_MAXIMA: done, but a maximum of the cell may have come from this part: it stays as it
 * was, which may be too high; whoever needs it exact adds the cell up anew. */
enum { CELL_MAXIMA = 1 };
int cell_subtract(struct cell *cell, const struct cell_part *part);

/* Adds another cell whole. `keep_edges`: its waiting_start and waiting_end are those of this cell too (another site or
 * queue at the same time); otherwise they are left out (a part of the span: edges are joined with cell_add_edge). */
int cell_merge(struct cell *cell, const struct cell *from, bool keep_edges);
int cell_merge_encoded(struct cell *cell, struct slice stored,
                       bool keep_edges); /* also STATUS_CORRUPT, STATUS_VERSION */
/* The same, but with the bins of those durations only whose bits (1 << DURATION_...) are set: of the others sum and
 * maximum are right, their counts and percentiles not. Then nothing stored may be taken away from the cell any more. */
int cell_merge_encoded_some(struct cell *cell, struct slice stored, bool keep_edges, unsigned durations);
int cell_subtract_encoded(struct cell *cell, struct slice stored, bool keep_edges); /* CELL_MAXIMA as above */
void cell_add_edge(struct cell *cell, uint64_t waiting_start, uint64_t waiting_end);

void cell_encode(const struct cell *cell, struct buf *out); /* appends */

/* Of a stored form: 0, STATUS_CORRUPT, STATUS_VERSION. */
int cell_check_encoded(struct slice stored);
int cell_edges_encoded(struct slice stored, uint64_t *waiting_start, uint64_t *waiting_end);
void cell_facts(const struct cell *cell, struct cell_facts *out);

/* As a summary, for measures and rows: waiting_end from the books. STATUS_RANGE when a counter passes 32 bits. */
int cell_summary(const struct cell *cell, struct summary *out);

struct cell_maxima {
    uint64_t waiting;
    uint64_t duration_ms[DURATION_COUNT];
};
void cell_maxima(const struct cell *cell, struct cell_maxima *out);

/* Raises maxima to at least those of the summary or stored cell; for adding up anew. cell_drop_maxima() first. */
void cell_drop_maxima(struct cell *cell);
void cell_raise_maxima(struct cell *cell, const struct summary *sum);
int cell_raise_maxima_encoded(struct cell *cell, struct slice stored);

#endif
