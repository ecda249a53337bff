#include "agent/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/kpi/book.h"
#include "agent/source/queue_log.h"
#include "agent/track/track.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/tls/keyed_hash.h"

enum {
    BATCH_LINES = 400000, /* a commit at least so often while importing: bounds memory and what a kill costs */
    BATCH_INTERVALS = 8000,
    OPEN_LEGS_MAX = 65536,
    GAPS_MAX = 16,
};

/* Before 2000 nothing of this kind was logged; more than a day ahead of the clock is not a time but damage. */
static const int64_t TIME_MIN_MS = INT64_C(946684800000);
static const int64_t TIME_AHEAD_MS = INT64_C(24) * 3600 * 1000;

struct pipeline {
    const struct agent_config *config;
    struct ledger *ledger;
    struct track *track;
    struct book *book;
    struct keyed_hash *hash;
    struct known *known;                            /* NULL: every row is new */
    bool ignores;                                   /* some queue's rows are not wanted */
    const struct agent_queue_config **queue_config; /* by queue id; NULL: not looked up yet */
    uint32_t queue_config_cap;
    uint32_t settings_stored; /* queue ids whose settings this run has stored */
    struct ledger_cursor_record cursor;
    bool cursor_changed;
    struct ledger_cursor_record *finished; /* of files left behind since the last commit */
    size_t finished_count;
    size_t finished_cap;
    struct ledger_gap gaps[GAPS_MAX];
    size_t gap_count;
    uint64_t pending_lines;
    bool pending;
};

static const struct agent_queue_config *queue_config(struct pipeline *pipeline, uint32_t queue)
{
    if (queue >= pipeline->queue_config_cap) {
        uint32_t cap = queue * 2 + 64;
        const struct agent_queue_config **grown =
            realloc((void *)pipeline->queue_config, cap * sizeof(*pipeline->queue_config));
        if (!grown) {
            return agent_config_queue(pipeline->config, slice_str("*"));
        }
        memset((void *)(grown + pipeline->queue_config_cap), 0,
               (cap - pipeline->queue_config_cap) * sizeof(*pipeline->queue_config));
        pipeline->queue_config = grown;
        pipeline->queue_config_cap = cap;
    }
    if (!pipeline->queue_config[queue]) {
        struct slice name = intern_name(ledger_names(pipeline->ledger, LEDGER_QUEUE), queue);
        pipeline->queue_config[queue] = agent_config_queue(pipeline->config, name);
    }
    return pipeline->queue_config[queue];
}

static uint64_t caller_token(void *ctx, struct slice number)
{
    struct pipeline *pipeline = ctx;
    return pipeline->hash ? keyed_hash_48(pipeline->hash, number) : 0;
}

static int on_change(void *ctx, const struct leg_change *change)
{
    struct pipeline *pipeline = ctx;
    return book_change(pipeline->book, change);
}

static int on_closed(void *ctx, const struct call_leg *leg)
{
    struct pipeline *pipeline = ctx;
    return ledger_add_closed_leg(pipeline->ledger, leg);
}

static int64_t short_abandon_ms(void *ctx, uint32_t queue)
{
    return queue_config(ctx, queue)->short_abandon_ms;
}

static int load_interval(void *ctx, uint32_t queue, int64_t start_s, struct summary *out)
{
    struct pipeline *pipeline = ctx;
    int status = ledger_load_interval(pipeline->ledger, queue, start_s, out);
    return status == LEDGER_NONE ? BOOK_NEW : status;
}

static int restore_leg(void *ctx, const struct call_leg *leg)
{
    struct pipeline *pipeline = ctx;
    return track_restore_leg(pipeline->track, leg);
}

static int newest_cursor(void *ctx, const struct ledger_cursor_record *record)
{
    struct pipeline *pipeline = ctx;
    const struct ledger_cursor_record *best = &pipeline->cursor;
    if (best->id == 0 || record->cursor.last_ms > best->cursor.last_ms ||
        (record->cursor.last_ms == best->cursor.last_ms && record->id > best->id)) {
        pipeline->cursor = *record;
    }
    return 0;
}

static int open_ledger(struct pipeline *pipeline, int64_t now_ms)
{
    const struct agent_config *config = pipeline->config;
    struct ledger_options options = {.dir = config->ledger.dir,
                                     .site = config->site.id,
                                     .map_bytes = config->ledger.size_max_bytes,
                                     .reserve_percent = config->ledger.reserve_percent,
                                     .interval_s = config->ledger.interval_s,
                                     .legs_keep_ms = config->ledger.legs_keep_ms,
                                     .intervals_keep_ms = config->ledger.intervals_keep_ms,
                                     .now_ms = now_ms};
    return ledger_open_writer(&options, &pipeline->ledger);
}

static int open_stages(struct pipeline *pipeline, size_t callers_remembered)
{
    struct ledger *ledger = pipeline->ledger;
    int status = 0;
    if (pipeline->config->ledger.caller_numbers != AGENT_CALLERS_DROP) {
        status = keyed_hash_new(ledger_secret(ledger), LEDGER_SECRET_BYTES, callers_remembered, &pipeline->hash);
    }
    struct book_options book_options = {.interval_ms = (int64_t)ledger_interval_s(ledger) * 1000,
                                        .short_abandon_ms = short_abandon_ms,
                                        .load = load_interval,
                                        .ctx = pipeline};
    if (status == 0) {
        status = book_new(&book_options, &pipeline->book);
    }
    struct track_options track_options = {.interval_ms = book_options.interval_ms,
                                          .open_max = OPEN_LEGS_MAX,
                                          .queues = ledger_names(ledger, LEDGER_QUEUE),
                                          .operators = ledger_names(ledger, LEDGER_OPERATOR),
                                          .caller_token = caller_token,
                                          .keep_number = pipeline->config->ledger.caller_numbers == AGENT_CALLERS_KEEP,
                                          .change = on_change,
                                          .closed = on_closed,
                                          .ctx = pipeline};
    if (status == 0) {
        status = track_new(&track_options, &pipeline->track);
    }
    if (status == 0) {
        struct ledger_progress progress = ledger_progress(ledger);
        track_restore(pipeline->track, progress.newest_event_ms, progress.next_seq);
        status = ledger_load_open_legs(ledger, restore_leg, pipeline);
    }
    return status != 0 ? status : ledger_load_cursors(ledger, newest_cursor, pipeline);
}

static bool any_ignored(const struct agent_config *config)
{
    for (size_t i = 0; i < config->queue_count; i++) {
        if (config->queues[i].ignore) {
            return true;
        }
    }
    return false;
}

int pipeline_open(const struct pipeline_options *options, struct pipeline **out)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline) {
        return STATUS_NO_MEMORY;
    }
    pipeline->config = options->config;
    pipeline->ignores = any_ignored(options->config);
    int status = open_ledger(pipeline, options->now_ms);
    if (status == 0) {
        status = open_stages(pipeline, options->callers_remembered);
    }
    if (status != 0) {
        pipeline_close(pipeline);
        return status;
    }
    *out = pipeline;
    return 0;
}

void pipeline_close(struct pipeline *pipeline)
{
    if (pipeline) {
        track_free(pipeline->track);
        book_free(pipeline->book);
        keyed_hash_free(pipeline->hash);
        ledger_close(pipeline->ledger);
        free((void *)pipeline->queue_config);
        free(pipeline->finished);
        free(pipeline);
    }
}

struct ledger *pipeline_ledger(struct pipeline *pipeline)
{
    return pipeline->ledger;
}

static bool is_ignored(struct pipeline *pipeline, struct slice queue)
{
    return pipeline->ignores && queue.len > 0 && agent_config_queue(pipeline->config, queue)->ignore;
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
    if (event.at_ms < TIME_MIN_MS || event.at_ms > now_ms + TIME_AHEAD_MS) {
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
    return is_ignored(pipeline, event.queue) ? 0 : track_put(pipeline->track, &event);
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

/* The tracker counts from its own start; the ledger's counters go on over restarts. */
static void collect_counters(struct pipeline *pipeline)
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
    quality[QUALITY_NAMES_REFUSED] += c->names_refused;
    *c = (struct track_counters){0};
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
    collect_counters(pipeline);
    move_cursor(pipeline, source, chunk, now_ms);
    pipeline->pending_lines += quality[QUALITY_LINES] - before;
    pipeline->pending = true;
    return status;
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

void pipeline_add_gap(struct pipeline *pipeline, const char *reason, int64_t now_ms)
{
    ledger_quality(pipeline->ledger)[QUALITY_GAPS]++;
    pipeline->pending = true;
    if (pipeline->gap_count == GAPS_MAX) {
        return; /* counted; the list waits for its commit */
    }
    struct ledger_gap *gap = &pipeline->gaps[pipeline->gap_count++];
    int64_t newest_ms = track_newest_ms(pipeline->track);
    *gap = (struct ledger_gap){.from_ms = newest_ms > 0 ? newest_ms : now_ms, .to_ms = now_ms};
    (void)snprintf(gap->reason, sizeof gap->reason, "%s", reason);
}

uint64_t pipeline_pending_lines(const struct pipeline *pipeline)
{
    return pipeline->pending_lines ? pipeline->pending_lines : pipeline->pending;
}

bool pipeline_wants_commit(const struct pipeline *pipeline)
{
    return pipeline->pending_lines >= BATCH_LINES || book_dirty_count(pipeline->book) >= BATCH_INTERVALS;
}

static int put_leg(void *ctx, const struct call_leg *leg)
{
    ledger_put_open_leg(ctx, leg);
    return 0;
}

static int drop_leg(void *ctx, uint64_t seq)
{
    ledger_drop_open_leg(ctx, seq);
    return 0;
}

static int put_interval(void *ctx, const struct book_item *item)
{
    ledger_put_interval(ctx, item->queue, item->start_s, item->summary);
    return 0;
}

/* Settings go with the data, so that whoever reads the ledger computes the same service levels. */
static uint32_t put_settings(struct pipeline *pipeline)
{
    uint32_t count = intern_count(ledger_names(pipeline->ledger, LEDGER_QUEUE));
    const char *zone = pipeline->config->site.zone;
    if (pipeline->settings_stored == 0 && strcmp(zone, "local") != 0) {
        ledger_put_zone(pipeline->ledger, zone);
    }
    for (uint32_t queue = pipeline->settings_stored + 1; queue <= count; queue++) {
        const struct agent_queue_config *config = queue_config(pipeline, queue);
        struct queue_settings settings = {.sl_method = (uint32_t)config->service_level_method,
                                          .sl_threshold_ms = config->service_level_ms,
                                          .short_abandon_ms = config->short_abandon_ms};
        (void)snprintf(settings.label, sizeof settings.label, "%s", config->label);
        ledger_put_queue_settings(pipeline->ledger, queue, &settings);
    }
    return count;
}

int pipeline_commit(struct pipeline *pipeline, int64_t now_ms)
{
    struct ledger *ledger = pipeline->ledger;
    int status = ledger_begin(ledger, now_ms);
    if (status != 0) {
        return status;
    }
    struct track_saver saver = {.put = put_leg, .drop = drop_leg, .ctx = ledger};
    uint32_t settings = put_settings(pipeline);
    struct ledger_progress progress = {.newest_event_ms = track_newest_ms(pipeline->track),
                                       .next_seq = track_next_seq(pipeline->track)};
    uint32_t cursor_id = pipeline->cursor.id;
    for (size_t i = 0; i < pipeline->finished_count; i++) {
        struct ledger_cursor_record record = pipeline->finished[i];
        ledger_put_cursor(ledger, &record);
    }
    (void)track_save(pipeline->track, &saver);
    (void)book_save(pipeline->book, put_interval, ledger);
    for (size_t i = 0; i < pipeline->gap_count; i++) {
        ledger_add_gap(ledger, &pipeline->gaps[i]);
    }
    if (pipeline->cursor_changed) {
        ledger_put_cursor(ledger, &pipeline->cursor);
    }
    ledger_put_progress(ledger, &progress);
    status = ledger_end(ledger);
    if (status != 0) {
        pipeline->cursor.id = cursor_id;
        return status;
    }
    track_saved(pipeline->track);
    book_saved(pipeline->book);
    pipeline->settings_stored = settings;
    pipeline->cursor_changed = false;
    pipeline->finished_count = 0;
    pipeline->gap_count = 0;
    pipeline->pending_lines = 0;
    pipeline->pending = false;
    return 0;
}
