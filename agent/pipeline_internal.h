/* pipeline_internal: what the parts of the pipeline share: pipeline.c (opening, committing), pipeline_log.c (the
 * log's rows), pipeline_live.c (a live source's events), pipeline_holds.c (those of holds). */
#ifndef RINGSIDE_AGENT_PIPELINE_INTERNAL_H
#define RINGSIDE_AGENT_PIPELINE_INTERNAL_H

#include "agent/kpi/book.h"
#include "agent/kpi/timesheet.h"
#include "agent/live/board.h"
#include "agent/pipeline.h"
#include "agent/roster/roster.h"
#include "agent/track/track.h"
#include "agent/witness/witness.h"
#include "platform/base/siphash.h"
#include "platform/tls/keyed_hash.h"

enum { PIPELINE_GAPS_MAX = 16, PIPELINE_TOKEN_MAX = 24, PIPELINE_HELD_MAX = 256 };

/* Hold or unhold that came before the log told of the answer. */
struct pipeline_hold {
    enum event_kind kind;
    int64_t at_ms;
    char call_id[LEG_CALL_ID_MAX + 1];
    char queue[256];
};

/* What belongs to a live source; none of it exists without one. */
struct pipeline_live {
    bool leads; /* there is no log: its events are tracked */
    bool on;
    int64_t off_ms;      /* since when nothing is seen; 0: it was never on, not in an earlier run either */
    int64_t told_ms;     /* to here that gap is in the ledger */
    struct board *board; /* borrowed; NULL: nobody looks */
    struct roster *roster;
    struct timesheet *sheet;
    struct witness *witness;
    struct ledger_cursor_record cursor;
    int64_t log_read_ms; /* the log was read to its end then */
    struct pipeline_hold *holds;
    size_t hold_count;
    size_t hold_cap;
    struct board_stand_member *members; /* room for those of an operator who is shown */
    size_t member_slots;
    bool log_blocks; /* the log itself tells of refused callers (Wazo): then it alone is counted */
};

struct pipeline {
    const struct agent_config *config;
    struct ledger *ledger;
    struct track *track;
    struct book *book;
    uint8_t caller_key[SIPHASH_KEY_BYTES];
    struct keyed_hash *hash;                        /* of operators' names */
    struct known *known;                            /* NULL: every row is new */
    struct known lost;                              /* the time of logs whose cursors were lost with a damaged ledger */
    int64_t lost_ms;                                /* to here; 0: none was */
    bool ignores;                                   /* some queue's rows are not wanted */
    bool tokens;                                    /* operators are kept as tokens */
    const struct agent_queue_config **queue_config; /* by queue id; NULL: not looked up yet */
    uint32_t queue_config_cap;
    bool settings_done;       /* the ledger has what is not by queue */
    uint32_t settings_stored; /* queue ids whose settings this run has stored */
    struct ledger_cursor_record cursor;
    bool cursor_changed;
    struct ledger_cursor_record *finished; /* of files left behind since the last commit */
    size_t finished_count;
    size_t finished_cap;
    struct ledger_gap gaps[PIPELINE_GAPS_MAX];
    size_t gap_count;
    uint64_t pending_lines;
    bool pending;
    struct pipeline_live *live; /* NULL: there is no live source */
};

/* Whether a time can be one: not before 2000, not a day ahead of the clock. */
bool pipeline_time_is_sane(int64_t at_ms, int64_t now_ms);

bool pipeline_is_ignored(struct pipeline *pipeline, struct slice queue);

/* Puts tokens in the place of an operator's name and device where the site wants that; `room` holds them. */
struct pipeline_tokens {
    char name[PIPELINE_TOKEN_MAX];
    char interface[PIPELINE_TOKEN_MAX];
};
void pipeline_hide_operator(struct pipeline *pipeline, struct call_event *event, struct pipeline_tokens *room);

void pipeline_add_gap_of(struct pipeline *pipeline, const struct ledger_gap *gap);

/* 0, or STATUS_NO_MEMORY: a name found no room, so what was counted since the last commit lacks it. */
int pipeline_names_status(struct pipeline *pipeline);

void pipeline_collect_counters(struct pipeline *pipeline);

/* The live source's part of each step; all do nothing without one. */
int pipeline_live_open(struct pipeline *pipeline, const struct pipeline_options *options);
void pipeline_live_close(struct pipeline *pipeline);
bool pipeline_live_is_cursor(const struct ledger_cursor *cursor);
int pipeline_live_refine(struct pipeline *pipeline, struct call_event *row); /* before a row is tracked */
void pipeline_live_save(struct pipeline *pipeline, int64_t now_ms);          /* within a commit */
void pipeline_live_saved(struct pipeline *pipeline);

/* Holds that wait for the log; only with a live source. */
int pipeline_holds_put(struct pipeline *pipeline, const struct call_event *event);
int pipeline_holds_before(struct pipeline *pipeline, const struct call_event *row); /* before a row is tracked */
int pipeline_holds_after(struct pipeline *pipeline, const struct call_event *row);
void pipeline_holds_forget(struct pipeline_live *live, int64_t now_ms); /* those that wait in vain */

#endif
