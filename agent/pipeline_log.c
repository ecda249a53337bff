#include <stdio.h>
#include <string.h>

#include "agent/pipeline_internal.h"
#include "agent/source/queue_log.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

bool pipeline_is_ignored(struct pipeline *pipeline, struct slice queue)
{
    return pipeline->ignores && queue.len > 0 && agent_config_queue(pipeline->config, queue)->ignore;
}

static int track_line(struct pipeline *pipeline, struct call_event *row)
{
    struct pipeline_tokens room;
    pipeline_hide_operator(pipeline, row, &room);
    if (!pipeline->live) {
        return track_put(pipeline->track, row);
    }
    int status = pipeline_live_refine(pipeline, row);
    if (status == 0) {
        status = track_put(pipeline->track, row);
    }
    return status != 0 ? status : pipeline_holds_after(pipeline, row);
}

static int take_line(struct pipeline *pipeline, struct slice line, int64_t now_ms)
{
    uint64_t *quality = ledger_quality(pipeline->ledger);
    struct call_event event;
    int status = queue_log_parse(line, &event);
    if (status == QUEUE_LOG_BLANK) {
        return 0;
    }
    quality[QUALITY_LINES]++;
    if (status != 0) {
        quality[QUALITY_BAD_LINES]++;
        return 0;
    }
    if (!pipeline_time_is_sane(event.at_ms, now_ms)) {
        quality[QUALITY_REFUSED_TIMES]++;
        return 0;
    }
    if (event.kind == EVENT_UNKNOWN_VERB) {
        quality[QUALITY_UNKNOWN_VERBS]++;
        ledger_count_verb(pipeline->ledger, event.verb);
        return 0;
    }
    quality[QUALITY_EVENTS]++;
    struct ledger_cursor *cursor = &pipeline->cursor.cursor;
    if (cursor->first_ms == 0 || event.at_ms < cursor->first_ms) {
        cursor->first_ms = event.at_ms;
    }
    if (event.at_ms > cursor->last_ms) {
        cursor->last_ms = event.at_ms;
    }
    if (pipeline->known) {
        int has = known_has(pipeline->known, &event);
        if (has != 0) {
            quality[QUALITY_KNOWN_LINES] += has > 0;
            return has > 0 ? 0 : has;
        }
    }
    return pipeline_is_ignored(pipeline, event.queue) ? 0 : track_line(pipeline, &event);
}

/* Another file begins: the cursor of the one before goes with the next commit as it stands. */
static int begin_file(struct pipeline *pipeline)
{
    if (pipeline->cursor_changed) {
        struct ledger_cursor_record *finished =
            grow_array(pipeline->finished, pipeline->finished_count, &pipeline->finished_cap, sizeof *finished);
        if (!finished) {
            return STATUS_NO_MEMORY;
        }
        pipeline->finished = finished;
        pipeline->finished[pipeline->finished_count++] = pipeline->cursor;
    }
    pipeline->cursor = (struct ledger_cursor_record){.id = 0};
    pipeline->cursor_changed = false;
    return 0;
}

static void move_cursor(struct pipeline *pipeline, const char *source, const struct follow_chunk *chunk, int64_t now_ms)
{
    struct ledger_cursor_record *record = &pipeline->cursor;
    (void)snprintf(record->cursor.source, sizeof record->cursor.source, "%s", source);
    (void)snprintf(record->cursor.path, sizeof record->cursor.path, "%s", chunk->path ? chunk->path : "");
    record->cursor.updated_ms = now_ms;
    record->cursor.offset = chunk->after.offset;
    const struct follow_position *after = &chunk->after;
    record->position = (struct ledger_position){.device = after->device,
                                                .inode = after->inode,
                                                .offset = after->offset,
                                                .head_hash = after->head_hash,
                                                .tail_hash = after->tail_hash,
                                                .head_len = after->head_len,
                                                .tail_len = after->tail_len,
                                                .first_number = after->first_number,
                                                .last_number = after->last_number};
    pipeline->cursor_changed = true;
}

int pipeline_names_status(struct pipeline *pipeline)
{
    bool failed = false;
    for (int kind = LEDGER_QUEUE; kind <= LEDGER_REASON; kind++) {
        failed = failed || intern_failed(ledger_names(pipeline->ledger, (enum ledger_name_kind)kind));
    }
    return failed ? STATUS_NO_MEMORY : 0;
}

/* The tracker counts from its own start; the ledger's counters go on over restarts. */
void pipeline_collect_counters(struct pipeline *pipeline)
{
    struct track_counters *c = track_counters(pipeline->track);
    uint64_t *quality = ledger_quality(pipeline->ledger);
    quality[QUALITY_LATE_EVENTS] += c->late_events;
    quality[QUALITY_CLOCK_STEPS] += c->clock_steps;
    quality[QUALITY_DUPLICATE_LINES] += c->duplicate_rows;
    quality[QUALITY_ORPHAN_ENDS] += c->orphan_ends;
    quality[QUALITY_ORPHAN_STARTS] += c->orphan_starts;
    quality[QUALITY_DOUBLE_ENDS] += c->double_ends;
    quality[QUALITY_RESCUED] += c->rescued;
    quality[QUALITY_INFERRED_ANSWERS] += c->inferred_answers;
    quality[QUALITY_SUSPECT_DURATIONS] += c->suspect_durations;
    quality[QUALITY_RESTARTS] += c->restarts;
    quality[QUALITY_RELOADS] += c->reloads;
    quality[QUALITY_LOST_RESTART] += c->lost_restart;
    quality[QUALITY_LOST_EXPIRED] += c->lost_expired;
    quality[QUALITY_LOST_EVICTED] += c->lost_evicted;
    quality[QUALITY_LOST_UNSEEN] += c->lost_unseen;
    quality[QUALITY_NAMES_REFUSED] += c->names_refused;
    *c = (struct track_counters){0};
    if (pipeline->live && pipeline->live->witness) {
        struct witness_counters *seen = witness_counters(pipeline->live->witness);
        quality[QUALITY_LIVE_ONLY] += seen->live_only;
        quality[QUALITY_LOG_ONLY] += seen->log_only;
        quality[QUALITY_LIVE_DIFFERS] += seen->differs;
        *seen = (struct witness_counters){0};
    }
}

int pipeline_take(struct pipeline *pipeline, const char *source, const struct follow_chunk *chunk, int64_t now_ms)
{
    int status = chunk->file_begins ? begin_file(pipeline) : 0;
    if (chunk->gap) {
        pipeline_add_gap(pipeline, "bytes of the log were gone before they were read", now_ms);
    }
    uint64_t *quality = ledger_quality(pipeline->ledger);
    uint64_t before = quality[QUALITY_LINES];
    quality[QUALITY_LINES] += chunk->skipped_lines;
    quality[QUALITY_LONG_LINES] += chunk->skipped_lines;
    const char *at = chunk->bytes.data;
    const char *end = at + chunk->bytes.len;
    while (at < end && status == 0) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        if (!eol) {
            eol = end;
        }
        status = take_line(pipeline, slice_make(at, (size_t)(eol - at)), now_ms);
        at = eol + 1;
    }
    pipeline_collect_counters(pipeline);
    move_cursor(pipeline, source, chunk, now_ms);
    pipeline->pending_lines += quality[QUALITY_LINES] - before;
    pipeline->pending = true;
    return status != 0 ? status : pipeline_names_status(pipeline);
}

struct follow_position pipeline_position(const struct ledger_position *position)
{
    return (struct follow_position){.device = position->device,
                                    .inode = position->inode,
                                    .offset = position->offset,
                                    .head_len = position->head_len,
                                    .tail_len = position->tail_len,
                                    .head_hash = position->head_hash,
                                    .tail_hash = position->tail_hash,
                                    .first_number = position->first_number,
                                    .last_number = position->last_number};
}

bool pipeline_resume(const struct pipeline *pipeline, struct follow_position *out)
{
    if (pipeline->cursor.id == 0) {
        return false;
    }
    *out = pipeline_position(&pipeline->cursor.position);
    return true;
}

struct ledger_cursor_record pipeline_cursor(const struct pipeline *pipeline)
{
    return pipeline->cursor;
}

int pipeline_continue(struct pipeline *pipeline, const struct ledger_cursor_record *record)
{
    int status = begin_file(pipeline);
    pipeline->cursor = *record;
    return status;
}

void pipeline_set_known(struct pipeline *pipeline, struct known *known)
{
    pipeline->known = known;
}

int pipeline_tick(struct pipeline *pipeline, int64_t now_ms)
{
    int status = track_tick(pipeline->track, now_ms);
    pipeline->pending |= book_dirty_count(pipeline->book) > 0;
    return status;
}

void pipeline_add_gap_of(struct pipeline *pipeline, const struct ledger_gap *gap)
{
    ledger_quality(pipeline->ledger)[QUALITY_GAPS]++;
    pipeline->pending = true;
    if (pipeline->gap_count < PIPELINE_GAPS_MAX) { /* else counted; the list waits for its commit */
        pipeline->gaps[pipeline->gap_count++] = *gap;
    }
}

void pipeline_add_gap(struct pipeline *pipeline, const char *reason, int64_t now_ms)
{
    int64_t newest_ms = track_newest_ms(pipeline->track);
    struct ledger_gap gap = {.from_ms = newest_ms > 0 ? newest_ms : now_ms, .to_ms = now_ms, .kind = LEDGER_GAP_CALLS};
    (void)snprintf(gap.reason, sizeof gap.reason, "%s", reason);
    pipeline_add_gap_of(pipeline, &gap);
}
