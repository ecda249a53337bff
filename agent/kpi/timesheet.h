/* timesheet: the shifts (proto/shift.h) that are in memory: cuts spans at interval edges, adds them up, remembers what
 * changed until it is durable. Not thread safe. */
#ifndef RINGSIDE_AGENT_KPI_TIMESHEET_H
#define RINGSIDE_AGENT_KPI_TIMESHEET_H

#include <stddef.h>
#include <stdint.h>

#include "proto/shift.h"

enum { TIMESHEET_NEW = 1 }; /* outcome of load: the ledger holds no such shift */

struct timesheet_options {
    int64_t interval_ms;
    /* Fills *out (zeroed) with what is stored; 0, TIMESHEET_NEW or a failure. */
    int (*load)(void *ctx, uint32_t operator_id, int64_t start_s, struct shift *out);
    void *ctx;
};

struct timesheet;

int timesheet_new(const struct timesheet_options *options, struct timesheet **out); /* returns owned */
void timesheet_free(struct timesheet *sheet);

/* What goes into an interval. Each span is cut at the edges; one longer than TIMESHEET_SPAN_MAX_MS counts only with its
 * end. 0, STATUS_NO_MEMORY, load's failure. */
enum { TIMESHEET_SPAN_MAX_MS = 7 * 24 * 3600 * 1000 };
int timesheet_state(struct timesheet *sheet, uint32_t operator_id, enum shift_state state, uint32_t queue,
                    uint32_t reason, bool wrap_by_reason, int64_t from_ms, int64_t to_ms);
int timesheet_member(struct timesheet *sheet, uint32_t operator_id, uint32_t queue, bool paused, int64_t from_ms,
                     int64_t to_ms); /* paused: adds paused_ms; else logged_in_ms */
int timesheet_count(struct timesheet *sheet, uint32_t operator_id, uint32_t queue, enum shift_count count,
                    int64_t at_ms);

/* Each shift that changed since the last timesheet_saved(), ordered by (start, operator). Stops at the first non-zero
 * return of put and passes it on. */
struct timesheet_item {
    uint32_t operator_id;
    int64_t start_s;
    const struct shift *shift;
};
int timesheet_save(struct timesheet *sheet, int (*put)(void *ctx, const struct timesheet_item *item), void *ctx);
void timesheet_saved(struct timesheet *sheet); /* durable; old intervals leave the memory */
void timesheet_trim(struct timesheet *sheet);  /* gives back the memory of those that left */
size_t timesheet_dirty_count(const struct timesheet *sheet);

#endif
