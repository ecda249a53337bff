/* fake_ledger: the reading side of agent/ledger/ledger.h over arrays that a test fills. Link it instead of rs_ledger.
 */
#ifndef RINGSIDE_TESTS_SUPPORT_FAKE_LEDGER_H
#define RINGSIDE_TESTS_SUPPORT_FAKE_LEDGER_H

#include "agent/ledger/ledger.h"

enum { FAKE_NAMES_MAX = 64, FAKE_LEGS_MAX = 600, FAKE_LIST_MAX = 16 };

struct fake_interval {
    int64_t start_s;
    uint32_t queue;
    const struct summary *summary; /* borrowed */
};

struct fake_shift {
    int64_t start_s;
    uint32_t operator_id;
    const struct shift *shift; /* borrowed */
};

/* Filled in by the test; ascending where the real one is. */
struct ledger {
    struct ledger_facts facts;
    const char *names[5][FAKE_NAMES_MAX]; /* by enum ledger_name_kind and id */
    struct fake_interval *intervals;      /* owned, by fake_ledger_add_interval() */
    size_t interval_count;
    size_t interval_cap;
    struct fake_shift *shifts; /* owned, by fake_ledger_add_shift() */
    size_t shift_count;
    size_t shift_cap;
    enum ledger_operators operators; /* how they are to be shown */
    struct call_leg closed[FAKE_LEGS_MAX];
    size_t closed_count;
    struct call_leg open[FAKE_LEGS_MAX];
    size_t open_count;
    struct ledger_cursor cursors[64];
    size_t cursor_count;
    struct ledger_gap gaps[FAKE_LIST_MAX];
    size_t gap_count;
    struct queue_settings settings[FAKE_NAMES_MAX];
    bool has_settings[FAKE_NAMES_MAX];
    struct ledger_backlog backlog;
    struct ledger_refusal refusals[FAKE_LIST_MAX];
    size_t refusal_count;
    const char *zone; /* NULL: not stored */
    uint64_t bad_intervals;
    uint64_t bad_shifts;
    int view_status; /* what ledger_view_facts() returns */
    const char *defects[FAKE_LIST_MAX];
    size_t defect_count;
    int views_open;
    int users; /* handles not closed yet */
};

/* Site "madrid-01", 15-minute intervals, nothing in it. Returns owned. Opening any directory but
 * "/nowhere" gives another handle of the newest one; ledger_close() of the last handle frees it. */
struct ledger *fake_ledger_new(void);
void fake_ledger_add_interval(struct ledger *ledger, int64_t start_s, uint32_t queue, const struct summary *summary);
void fake_ledger_add_shift(struct ledger *ledger, int64_t start_s, uint32_t operator_id, const struct shift *shift);
struct call_leg *fake_ledger_add_open(struct ledger *ledger);
struct call_leg *fake_ledger_add_closed(struct ledger *ledger);

#endif
