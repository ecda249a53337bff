/* pipeline: the agent's stages wired together: lines become events, legs, intervals, and go to the ledger in one
 * transaction with the position they were read up to. The daemon and the import drive the same pipeline.
 * Not thread safe; one thread owns it. */
#ifndef RINGSIDE_AGENT_PIPELINE_H
#define RINGSIDE_AGENT_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/known.h"
#include "agent/ledger/ledger_write.h"
#include "agent/live/board.h"
#include "platform/file/follow.h"

struct pipeline_options {
    const struct agent_config *config; /* borrowed, outlives the pipeline */
    int64_t now_ms;                    /* wall clock */
    bool live;                         /* events of a live source will come, if the configuration names one */
    struct board *board;               /* to show them on; borrowed; may be NULL */
};

struct pipeline;

/* Opens the ledger for writing and goes on where its last commit stood. Failures: those of ledger_open_writer(). */
int pipeline_open(const struct pipeline_options *options, struct pipeline **out);
void pipeline_close(struct pipeline *pipeline); /* does not commit; NULL is fine */

struct ledger *pipeline_ledger(struct pipeline *pipeline); /* borrowed */

#define PIPELINE_IMPORT "import" /* the source of what was imported */

/* Takes whole lines and moves the cursor behind them. A failure (memory, or the ledger cannot be read) leaves the
 * stages between two positions: close the pipeline and open it again. */
int pipeline_take(struct pipeline *pipeline, const char *source, const struct follow_chunk *chunk, int64_t now_ms);

/* The newest position that the ledger knows; false when nothing was ever read. */
bool pipeline_resume(const struct pipeline *pipeline, struct follow_position *out);

struct follow_position pipeline_position(const struct ledger_position *position);
struct ledger_cursor_record pipeline_cursor(const struct pipeline *pipeline); /* where the newest take ended */

/* Makes the next pipeline_take() go on with this cursor (its file was recognised). */
int pipeline_continue(struct pipeline *pipeline, const struct ledger_cursor_record *record);

/* Rows that fall into these spans are looked up and left out when the ledger holds them; for logs that were not
 * recognised by their bytes. Borrowed until it is set again; NULL: every row is new. */
void pipeline_set_known(struct pipeline *pipeline, struct known *known);

/* The clock moved while the source had nothing: see track_tick(). */
int pipeline_tick(struct pipeline *pipeline, int64_t now_ms);

/* ---- a live source (AMI), beside a log or alone; only with options.live ---- */

/* Its events, normalised. Without a log they are tracked; with one, the log is, and of these only what it lacks:
 * holds, refused callers, operators. An event that cannot be right (its time) is counted and left out. */
int pipeline_live_put(struct pipeline *pipeline, const struct call_event *event, int64_t now_ms);

/* Its first snapshot was taken in: from here on all is seen. What was not since it was last on is a gap. */
int pipeline_live_on(struct pipeline *pipeline, int64_t at_ms);
int pipeline_live_off(struct pipeline *pipeline, int64_t at_ms);

/* Time passed. `log_read`: the log is read to its end. Call it before each commit, on or off. */
int pipeline_live_tick(struct pipeline *pipeline, int64_t now_ms, bool log_read);

/* What the source counted since it was last told. */
void pipeline_live_count(struct pipeline *pipeline, enum quality counter, uint64_t more);

/* The legs that an earlier run left open, each shown on the board and to the roster as it stood. Once, at the start:
 * whether they are still there is for the source's first snapshot to tell. */
int pipeline_live_resume(struct pipeline *pipeline, ledger_leg_fn fn, void *ctx);

void pipeline_add_gap(struct pipeline *pipeline, const char *reason, int64_t now_ms);

/* What waits for a commit: lines taken since, 0 when there is nothing to commit. */
uint64_t pipeline_pending_lines(const struct pipeline *pipeline);
bool pipeline_wants_commit(const struct pipeline *pipeline); /* a batch is full */

/* One transaction. 0; STATUS_FULL and STATUS_IO: nothing happened, try again; others are fatal as for take. */
int pipeline_commit(struct pipeline *pipeline, int64_t now_ms);

/* Gives back the memory that a long catching up took. */
void pipeline_trim(struct pipeline *pipeline);

#endif
