/* ledger: the agent's memory on disk (LMDB): names, cursors, open legs, closed legs, KPI intervals, dirty marks, gaps
 * and counters. One writer (the daemon or an import, held by a lock), any number of readers in any process.
 *
 * This header is the reading side, which status and the command line use; ledger_write.h is the writing side. */
#ifndef RINGSIDE_AGENT_LEDGER_LEDGER_H
#define RINGSIDE_AGENT_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/event/leg.h"
#include "platform/base/slice.h"
#include "platform/kv/kv_loss.h"
#include "proto/measures.h"
#include "proto/quality.h"
#include "proto/shift.h"
#include "proto/summary.h"

enum ledger_name_kind { LEDGER_QUEUE = 1, LEDGER_OPERATOR = 2, LEDGER_VERB = 3, LEDGER_REASON = 4 /* of pauses */ };

struct ledger;
struct ledger_view; /* one consistent moment; keep it short (under 100 ms), it pins pages */

struct ledger_facts {
    uint8_t epoch[16];
    char site[65];
    int64_t created_ms;
    int64_t committed_ms;    /* wall clock of the newest commit */
    int64_t newest_event_ms; /* largest event time taken; 0 when none */
    uint32_t interval_s;
    uint64_t commits;
    uint64_t leg_count; /* closed legs held in blocks */
    uint64_t leg_bytes;
    uint64_t settling_count; /* legs that are over but not in a block yet: a late row may still concern them */
    uint64_t interval_count;
    uint64_t interval_bytes;
    uint64_t used_bytes; /* pages in use, all included */
    uint64_t map_bytes;
    uint64_t quality[QUALITY_COUNT];
};

struct ledger_interval {
    int64_t start_s;
    uint32_t queue;
    uint32_t revision; /* number of the commit that wrote it: grows for ever, whatever was lost in between */
    const struct summary *summary; /* borrowed for the call */
};

/* One file or stream that was read, newest position. */
struct ledger_cursor {
    char source[32]; /* name of the source in the configuration, "queue_log" */
    char path[256];
    uint64_t offset;  /* bytes consumed */
    int64_t first_ms; /* event times covered */
    int64_t last_ms;
    int64_t updated_ms;
};

enum ledger_gap_kind {
    LEDGER_GAP_CALLS, /* calls may be missing: what is counted of them is incomplete */
    LEDGER_GAP_LIVE   /* only what a live source tells beside the log: operators' time, holds, refused callers */
};

struct ledger_gap {
    int64_t from_ms;
    int64_t to_ms;
    enum ledger_gap_kind kind;
    char reason[64];
    uint32_t number; /* grows with each that is added */
};

/* Opens an existing ledger for reading only; works while a daemon writes, and from a read-only mount or directory
 * the user may only read. 0, STATUS_NOT_FOUND (also while it is being made), STATUS_DENIED, STATUS_VERSION,
 * STATUS_CORRUPT, STATUS_IO. */
int ledger_open_readonly(const char *dir, struct ledger **out);
void ledger_close(struct ledger *ledger); /* NULL is fine */

int ledger_view_begin(struct ledger *ledger, struct ledger_view **out);
void ledger_view_end(struct ledger_view *view);

int ledger_view_facts(struct ledger_view *view, struct ledger_facts *out);

/* The name behind an id; empty when unknown. Borrowed until the view ends. */
struct slice ledger_view_name(struct ledger_view *view, enum ledger_name_kind kind, uint32_t id);

/* Each walk calls fn for every item in ascending order of time; fn returns 0 to go on, anything else stops the walk
 * and is returned. Records that fail their check are skipped and counted in *bad when it is not NULL. */
typedef int (*ledger_interval_fn)(void *ctx, const struct ledger_interval *item);
int ledger_view_intervals(struct ledger_view *view, int64_t from_s, int64_t to_s, ledger_interval_fn fn, void *ctx,
                          uint64_t *bad);

/* Legs that are over and ended within [from_ms, to_ms), oldest first as they closed. */
typedef int (*ledger_leg_fn)(void *ctx, const struct call_leg *leg);
int ledger_view_closed_legs(struct ledger_view *view, int64_t from_ms, int64_t to_ms, ledger_leg_fn fn, void *ctx,
                            uint64_t *bad);
/* Legs not over yet, in the order they entered. */
int ledger_view_open_legs(struct ledger_view *view, ledger_leg_fn fn, void *ctx, uint64_t *bad);

typedef int (*ledger_verb_fn)(void *ctx, struct slice verb, uint64_t count);
int ledger_view_unknown_verbs(struct ledger_view *view, ledger_verb_fn fn, void *ctx);
typedef int (*ledger_cursor_fn)(void *ctx, const struct ledger_cursor *cursor);
int ledger_view_cursors(struct ledger_view *view, ledger_cursor_fn fn, void *ctx);
typedef int (*ledger_gap_fn)(void *ctx, const struct ledger_gap *gap);
int ledger_view_gaps(struct ledger_view *view, ledger_gap_fn fn, void *ctx);

/* Per-queue settings stored by the daemon so that a reader without its configuration computes the same numbers;
 * false when none are stored for this queue (then the defaults of measures.h hold). */
bool ledger_view_queue_settings(struct ledger_view *view, uint32_t queue, struct queue_settings *out);

/* What operators did, interval by interval, ascending by (start, operator); as the walks above. */
struct ledger_shift {
    int64_t start_s;
    uint32_t operator_id;
    const struct shift *shift; /* borrowed for the call */
};
typedef int (*ledger_shift_fn)(void *ctx, const struct ledger_shift *item);
int ledger_view_shifts(struct ledger_view *view, int64_t from_s, int64_t to_s, ledger_shift_fn fn, void *ctx,
                       uint64_t *bad);

/* How operators are to be shown, as the daemon has it configured (its privacy section). By hash means that the names in
 * the ledger are tokens already. LEDGER_OPERATORS_NAMED when nothing is stored. */
enum ledger_operators { LEDGER_OPERATORS_NAMED, LEDGER_OPERATORS_HASHED, LEDGER_OPERATORS_HIDDEN };
enum ledger_operators ledger_view_operators(struct ledger_view *view);

/* The site's time zone as the daemon has it configured, so that a reader elsewhere cuts the same days; false when none
 * is stored (the machine's own holds then). `size` bytes at `out`. */
bool ledger_view_zone(struct ledger_view *view, char *out, size_t size);

/* Intervals that wait to be sent, newest first, from the one before (start_s, queue) on (INT64_MAX: from the newest);
 * those that the collector refused are left out. Content that was taken back entirely is a summary of zeros. One whose
 * record is damaged has no summary, nor a revision where that cannot be read, and counts in *bad. fn as above. */
struct ledger_dirty {
    struct ledger_interval interval; /* its summary is borrowed for the call */
};
typedef int (*ledger_dirty_fn)(void *ctx, const struct ledger_dirty *item);
int ledger_view_dirty(struct ledger_view *view, int64_t start_s, uint32_t queue, ledger_dirty_fn fn, void *ctx,
                      uint64_t *bad);

/* What the collector refused as invalid: kept, not sent again until their content changes. Oldest first. */
struct ledger_refusal {
    int64_t start_s;
    uint32_t queue;
    uint32_t revision;
    char reason[128];
};
typedef int (*ledger_refusal_fn)(void *ctx, const struct ledger_refusal *refusal);
int ledger_view_refusals(struct ledger_view *view, ledger_refusal_fn fn, void *ctx);

struct ledger_backlog {
    uint64_t dirty;         /* intervals that wait to be sent */
    int64_t oldest_start_s; /* of them; 0: none */
    uint64_t refused;
};
int ledger_view_backlog(struct ledger_view *view, struct ledger_backlog *out);

/* What was lost with damaged files since the ledger was founded: the places in kv_loss.lost. */
enum ledger_loss {
    LEDGER_LOST_LEGS, /* that were over */
    LEDGER_LOST_INTERVALS,
    LEDGER_LOST_OPEN_LEGS,
    LEDGER_LOST_SHIFTS,
    LEDGER_LOST_CURSORS, /* how far a log was read; what was counted of it is known all the same */
    LEDGER_LOST_NAMES,
    LEDGER_LOST_MARKS, /* of what waits for the collector: every interval is sent again */
    LEDGER_LOST_GAPS,
    LEDGER_LOST_SETTINGS, /* the daemon puts them in again */
    LEDGER_LOST_IDENTITY,
    LEDGER_LOST_SECRET,
    LEDGER_LOST_STATE, /* the counters of quality with it */
    LEDGER_LOSS_COUNT
};
extern const char *const ledger_loss_names[LEDGER_LOSS_COUNT]; /* JSON field names */

/* 0; LEDGER_UNDAMAGED; STATUS_CORRUPT, ... */
enum { LEDGER_UNDAMAGED = 1 };
int ledger_view_damage(struct ledger_view *view, struct kv_loss *out);
/* One line for people: what was lost since the ledger was founded, what was wrong, where the damaged file is. */
void ledger_damage_tell(const struct kv_loss *damage, char *out, size_t size);

/* Reads and verifies every record, and the balance of every interval. Calls fn with one line for each defect.
 * Returns the number of defects, or a negative failure. */
typedef void (*ledger_check_fn)(void *ctx, const char *line);
struct ledger_check_result {
    uint64_t records;
    uint64_t defects;
    uint64_t intervals;
    uint64_t unbalanced;
    uint64_t legs;
};
int ledger_check(struct ledger *ledger, ledger_check_fn fn, void *ctx, struct ledger_check_result *out);

#endif
