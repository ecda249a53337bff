/* operators: what each operator did, added up by operator, span of time and, where asked for, queue. From legs (calls
 * by the moment of their answer and end) and from shifts (time, cut at interval edges). Inside the status stage only.
 */
#ifndef RINGSIDE_AGENT_STATUS_OPERATORS_H
#define RINGSIDE_AGENT_STATUS_OPERATORS_H

#include "agent/status/report_parts.h"

struct operator_row {
    uint32_t id;     /* name of the ledger; 0: only the board knows him so far */
    uint32_t queue;  /* by queue only, else 0 */
    int64_t start_s; /* of the span; 0 for the whole range, as INT64_MAX for its end */
    int64_t end_s;
    struct slice name;
    /* from legs */
    uint64_t answered; /* conversations that began in the span */
    uint64_t ended;    /* conversations that ended in it, whose length is known */
    uint64_t talk_ms;
    uint64_t hold_ms;
    const struct call_leg *open; /* the call he is on, as the ledger has it; NULL: none */
    /* from shifts */
    struct shift shift;
};

struct operators {
    const struct report_job *job;
    int64_t from_s; /* on interval edges, or the start of the local day */
    int64_t to_s;
    bool by_time;
    bool by_queue;
    bool has_shifts; /* a live source told of somebody in this span */
    struct operator_row *rows;
    size_t count;
    size_t cap;
    uint32_t *slots; /* index + 1 into rows, open addressing, 0 is free */
    uint32_t mask;
    struct call_leg *open; /* calls that go on; room for all of them before rows point here */
    size_t open_count;
    size_t open_cap;
};

/* Walks the ledger. 0, STATUS_FULL with a text (more rows than allowed), STATUS_NO_MEMORY or a failure of it. */
int operators_gather(struct operators *operators, const struct report_job *job);
void operators_deinit(struct operators *operators);

/* A row of somebody whom only the board knows. */
int operators_add_unknown(struct operators *operators, struct slice name);
void operators_sort(struct operators *operators); /* by time, name and queue */

#endif
