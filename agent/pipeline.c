#include "agent/pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pipeline_internal.h"
#include "platform/base/status.h"

enum {
    BATCH_LINES = 400000, /* a commit at least so often while importing: bounds memory and what a kill costs */
    BATCH_INTERVALS = 8000,
    OPEN_LEGS_MAX = 65536,
    OPERATORS_REMEMBERED = 256,
    TOKEN_DIGITS = 12,
};

/* Before 2000 nothing of this kind was logged; more than a day ahead of the clock is not a time but damage. */
static const int64_t TIME_MIN_MS = INT64_C(946684800000);
static const int64_t TIME_AHEAD_MS = INT64_C(24) * 3600 * 1000;

bool pipeline_time_is_sane(int64_t at_ms, int64_t now_ms)
{
    return at_ms >= TIME_MIN_MS && at_ms <= now_ms + TIME_AHEAD_MS;
}

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
    if (pipeline->config->ledger.caller_numbers == AGENT_CALLERS_DROP) {
        return 0;
    }
    uint64_t token = siphash(pipeline->caller_key, number) >> 16;
    return token ? token : 1; /* 0 means that there is none */
}

/* A call of an earlier run comes from the ledger with its operator's token. */
static bool is_token(const char *prefix, struct slice name)
{
    size_t len = strlen(prefix);
    if (name.len != len + 1 + TOKEN_DIGITS || memcmp(name.data, prefix, len) != 0 || name.data[len] != '-') {
        return false;
    }
    for (size_t i = len + 1; i < name.len; i++) {
        char c = name.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

/* The prefix keeps an operator's token apart from that of a caller of the same number. */
static struct slice token_of(struct pipeline *pipeline, const char *prefix, struct slice name, char *room)
{
    if (is_token(prefix, name)) {
        return name;
    }
    char text[512];
    size_t len =
        (size_t)snprintf(text, sizeof text, "%s:%.*s", prefix, (int)(name.len < 400 ? name.len : 400), name.data);
    (void)snprintf(room, PIPELINE_TOKEN_MAX, "%s-%012" PRIx64, prefix,
                   keyed_hash_48(pipeline->hash, slice_make(text, len)));
    return slice_str(room);
}

void pipeline_hide_operator(struct pipeline *pipeline, struct call_event *event, struct pipeline_tokens *room)
{
    if (!pipeline->tokens) {
        return;
    }
    if (event->operator_name.len > 0) {
        event->operator_name = token_of(pipeline, "op", event->operator_name, room->name);
    }
    if (event->interface.len > 0) {
        event->interface = token_of(pipeline, "dev", event->interface, room->interface);
    }
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

/* Where to go on. Following goes from file to file, each with a higher number than the one before, whatever the clock
 * was set to meanwhile. What was imported counts when it is of a later time than all that was followed. */
struct resume {
    struct pipeline *pipeline;
    struct ledger_cursor_record imported;
    int64_t followed_ms;
};

static bool is_later(const struct ledger_cursor_record *a, const struct ledger_cursor_record *b)
{
    return a->cursor.last_ms > b->cursor.last_ms || (a->cursor.last_ms == b->cursor.last_ms && a->id > b->id);
}

static int newest_cursor(void *ctx, const struct ledger_cursor_record *record)
{
    struct resume *resume = ctx;
    struct pipeline *pipeline = resume->pipeline;
    int64_t last_ms = record->cursor.last_ms;
    if (pipeline_live_is_cursor(&record->cursor)) {
        return 0;
    }
    if (strcmp(record->cursor.source, ledger_lost_source) == 0) {
        pipeline->lost_ms = last_ms > pipeline->lost_ms ? last_ms : pipeline->lost_ms;
    } else if (strcmp(record->cursor.source, PIPELINE_IMPORT) == 0) {
        if (resume->imported.id == 0 || is_later(record, &resume->imported)) {
            resume->imported = *record;
        }
    } else {
        resume->followed_ms = last_ms > resume->followed_ms ? last_ms : resume->followed_ms;
        if (record->id > pipeline->cursor.id) {
            pipeline->cursor = *record;
        }
    }
    return 0;
}

static int load_cursor(struct pipeline *pipeline)
{
    struct resume resume = {.pipeline = pipeline};
    int status = ledger_load_cursors(pipeline->ledger, newest_cursor, &resume);
    int64_t ahead_ms = resume.imported.cursor.last_ms - resume.followed_ms;
    bool later = ahead_ms > 0 || (ahead_ms == 0 && resume.imported.id > pipeline->cursor.id);
    if (resume.imported.id != 0 && (pipeline->cursor.id == 0 || later)) {
        pipeline->cursor = resume.imported;
    }
    return status;
}

/* Where a log was read to is not known any more, but what the ledger holds is: the log is gone through from its
 * beginning, and only what is newer counts. */
static int leave_out_lost(struct pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->lost_ms == 0) {
        return 0;
    }
    known_init(&pipeline->lost, pipeline->ledger, pipeline->config->ledger.legs_keep_ms);
    known_clear(&pipeline->lost, now_ms);
    int status = known_add(&pipeline->lost, 0, pipeline->lost_ms);
    if (status == 0) {
        pipeline->lost.spans[0].state = KNOWN_SAME;
        pipeline->known = &pipeline->lost;
    }
    return status;
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

/* Both keys come of the ledger's secret. Callers' numbers are hashed once a call, which has to be cheap: they have a
 * key of their own, so that their tokens tell nothing about operators'. */
static int make_keys(struct pipeline *pipeline)
{
    uint8_t digest[KEYED_HASH_BYTES];
    int status =
        keyed_hash_new(ledger_secret(pipeline->ledger), LEDGER_SECRET_BYTES, OPERATORS_REMEMBERED, &pipeline->hash);
    if (status == 0) {
        status = keyed_hash_digest(pipeline->hash, slice_str("callers"), digest);
    }
    if (status == 0) {
        memcpy(pipeline->caller_key, digest, sizeof pipeline->caller_key);
        explicit_bzero(digest, sizeof digest);
    }
    return status;
}

static int open_stages(struct pipeline *pipeline)
{
    struct ledger *ledger = pipeline->ledger;
    int status = 0;
    pipeline->tokens = pipeline->config->privacy.operators != AGENT_OPERATORS_NAME;
    if (pipeline->config->ledger.caller_numbers != AGENT_CALLERS_DROP || pipeline->tokens) {
        status = make_keys(pipeline);
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
    return status != 0 ? status : load_cursor(pipeline);
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
        status = open_stages(pipeline);
    }
    if (status == 0) {
        status = leave_out_lost(pipeline, options->now_ms);
    }
    if (status == 0 && options->live) {
        status = pipeline_live_open(pipeline, options);
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
        pipeline_live_close(pipeline);
        track_free(pipeline->track);
        book_free(pipeline->book);
        keyed_hash_free(pipeline->hash);
        known_deinit(&pipeline->lost);
        explicit_bzero(pipeline->caller_key, sizeof pipeline->caller_key);
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

static enum ledger_operators operators_shown(enum agent_operators_shown shown)
{
    return shown == AGENT_OPERATORS_NONE   ? LEDGER_OPERATORS_HIDDEN
           : shown == AGENT_OPERATORS_HASH ? LEDGER_OPERATORS_HASHED
                                           : LEDGER_OPERATORS_NAMED;
}

/* Settings go with the data, so that whoever reads the ledger computes the same service levels. */
static uint32_t put_settings(struct pipeline *pipeline)
{
    uint32_t count = intern_count(ledger_names(pipeline->ledger, LEDGER_QUEUE));
    const char *zone = pipeline->config->site.zone;
    if (pipeline->settings_stored == 0 && strcmp(zone, "local") != 0) {
        ledger_put_zone(pipeline->ledger, zone);
    }
    if (!pipeline->settings_done) {
        ledger_put_operators(pipeline->ledger, operators_shown(pipeline->config->privacy.operators));
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
    int status = pipeline_names_status(pipeline);
    if (status == 0) {
        status = ledger_begin(ledger, now_ms);
    }
    if (status != 0) {
        return status;
    }
    struct track_saver saver = {.put = put_leg, .drop = drop_leg, .ctx = ledger};
    uint32_t settings = put_settings(pipeline);
    struct ledger_progress progress = {.newest_event_ms = track_newest_ms(pipeline->track),
                                       .next_seq = track_next_seq(pipeline->track)};
    uint32_t cursor_id = pipeline->cursor.id;
    uint32_t live_id = pipeline->live ? pipeline->live->cursor.id : 0;
    for (size_t i = 0; i < pipeline->finished_count; i++) {
        struct ledger_cursor_record record = pipeline->finished[i];
        ledger_put_cursor(ledger, &record);
    }
    (void)track_save(pipeline->track, &saver);
    (void)book_save(pipeline->book, put_interval, ledger);
    pipeline_live_save(pipeline, now_ms);
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
        if (pipeline->live) {
            pipeline->live->cursor.id = live_id;
        }
        return status;
    }
    track_saved(pipeline->track);
    book_saved(pipeline->book);
    pipeline_live_saved(pipeline);
    pipeline->settings_done = true;
    pipeline->settings_stored = settings;
    pipeline->cursor_changed = false;
    pipeline->finished_count = 0;
    pipeline->gap_count = 0;
    pipeline->pending_lines = 0;
    pipeline->pending = false;
    return 0;
}

void pipeline_trim(struct pipeline *pipeline)
{
    book_trim(pipeline->book);
    if (pipeline->live) {
        timesheet_trim(pipeline->live->sheet);
    }
    ledger_trim(pipeline->ledger);
}
