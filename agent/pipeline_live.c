#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pipeline_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

#define LIVE_SCHEME "ami://"

enum { GAP_FIRST_MS = 60 * 1000 /* shorter ones are told when they are over */ };

static const char *const gap_reason = "the manager interface (AMI) was not connected";

bool pipeline_live_is_cursor(const struct ledger_cursor *cursor)
{
    return strncmp(cursor->path, LIVE_SCHEME, strlen(LIVE_SCHEME)) == 0;
}

/* ---- the roster's and the timesheet's wiring ---- */

static int on_span(void *ctx, const struct roster_span *span)
{
    struct pipeline *pipeline = ctx;
    struct timesheet *sheet = pipeline->live->sheet;
    if (span->kind == ROSTER_STATE) {
        return timesheet_state(sheet, span->operator_id, span->state, span->queue, span->reason, span->wrap_by_reason,
                               span->from_ms, span->to_ms);
    }
    return timesheet_member(sheet, span->operator_id, span->queue, span->kind == ROSTER_PAUSED, span->from_ms,
                            span->to_ms);
}

static int on_count(void *ctx, const struct roster_count *count)
{
    struct pipeline *pipeline = ctx;
    return timesheet_count(pipeline->live->sheet, count->operator_id, count->queue, count->count, count->at_ms);
}

static struct slice name_of(const struct pipeline *pipeline, enum ledger_name_kind kind, uint32_t id)
{
    return intern_name(ledger_names(pipeline->ledger, kind), id);
}

static int on_stand(void *ctx, const struct roster_view *view)
{
    struct pipeline *pipeline = ctx;
    struct pipeline_live *live = pipeline->live;
    if (!live->board) {
        return 0;
    }
    struct board_stand_member *members =
        grow_table(live->members, (uint32_t)view->member_count, &live->member_slots, sizeof *members);
    if (!members) {
        return STATUS_NO_MEMORY;
    }
    live->members = members;
    for (size_t i = 0; i < view->member_count; i++) {
        members[i] = (struct board_stand_member){.queue = name_of(pipeline, LEDGER_QUEUE, view->members[i].queue),
                                                 .paused = view->members[i].paused};
    }
    const struct board_stand stand = {.name = name_of(pipeline, LEDGER_OPERATOR, view->operator_id),
                                      .interface = view->member_count > 0 ? view->members[0].interface : slice_str(""),
                                      .reason = name_of(pipeline, LEDGER_REASON, view->reason),
                                      .queue = name_of(pipeline, LEDGER_QUEUE, view->queue),
                                      .state = view->state,
                                      .since_ms = view->since_ms,
                                      .login_ms = view->login_ms,
                                      .members = members,
                                      .member_count = view->member_count};
    return board_stand(live->board, &stand);
}

static int load_shift(void *ctx, uint32_t operator_id, int64_t start_s, struct shift *out)
{
    struct pipeline *pipeline = ctx;
    int status = ledger_load_shift(pipeline->ledger, operator_id, start_s, out);
    return status == LEDGER_NONE ? TIMESHEET_NEW : status;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_wrap_reason(void *ctx, struct slice reason)
{
    const struct agent_operators_config *operators = &((struct pipeline *)ctx)->config->operators;
    for (size_t i = 0; i < operators->wrap_reason_count; i++) {
        const char *word = operators->wrap_reasons[i];
        size_t at = 0;
        while (at < reason.len && word[at] && lower(word[at]) == lower(reason.data[at])) {
            at++;
        }
        if (at == reason.len && word[at] == '\0') {
            return true;
        }
    }
    return false;
}

static int own_cursor(void *ctx, const struct ledger_cursor_record *record)
{
    struct pipeline_live *live = ctx;
    if (pipeline_live_is_cursor(&record->cursor) && record->cursor.last_ms > live->cursor.cursor.last_ms) {
        live->cursor = *record;
    }
    return 0;
}

static int open_stages(struct pipeline *pipeline)
{
    struct pipeline_live *live = pipeline->live;
    struct timesheet_options sheet = {
        .interval_ms = (int64_t)ledger_interval_s(pipeline->ledger) * 1000, .load = load_shift, .ctx = pipeline};
    int status = timesheet_new(&sheet, &live->sheet);
    struct roster_options roster = {.queues = ledger_names(pipeline->ledger, LEDGER_QUEUE),
                                    .operators = ledger_names(pipeline->ledger, LEDGER_OPERATOR),
                                    .reasons = ledger_names(pipeline->ledger, LEDGER_REASON),
                                    .wrap_up_ms = pipeline->config->operators.wrap_up_ms,
                                    .is_wrap_reason = is_wrap_reason,
                                    .span = on_span,
                                    .count = on_count,
                                    .changed = on_stand,
                                    .ctx = pipeline};
    if (status == 0) {
        status = roster_new(&roster, &live->roster);
    }
    if (status == 0 && !live->leads) {
        status = witness_new(0, &live->witness);
    }
    return status;
}

int pipeline_live_open(struct pipeline *pipeline, const struct pipeline_options *options)
{
    const struct agent_source_config *source = agent_config_source(pipeline->config, AGENT_SOURCE_AMI);
    if (!source) {
        return 0;
    }
    struct pipeline_live *live = calloc(1, sizeof *live);
    if (!live) {
        return STATUS_NO_MEMORY;
    }
    pipeline->live = live;
    live->leads = agent_config_source(pipeline->config, AGENT_SOURCE_QUEUE_LOG) == NULL;
    live->board = options->board;
    int status = open_stages(pipeline);
    if (status == 0) {
        status = ledger_load_cursors(pipeline->ledger, own_cursor, live);
    }
    struct ledger_cursor *cursor = &live->cursor.cursor;
    int64_t told_ms = (int64_t)live->cursor.position.offset; /* as pipeline_live_save() leaves it, and the next */
    live->log_blocks = live->cursor.position.first_number != 0;
    live->off_ms = cursor->last_ms;
    live->told_ms = told_ms > cursor->last_ms ? told_ms : cursor->last_ms;
    (void)snprintf(cursor->source, sizeof cursor->source, "%s", source->name);
    (void)snprintf(cursor->path, sizeof cursor->path, LIVE_SCHEME "%.200s:%u", source->host, source->port);
    return status;
}

void pipeline_live_close(struct pipeline *pipeline)
{
    struct pipeline_live *live = pipeline->live;
    if (live) {
        roster_free(live->roster);
        timesheet_free(live->sheet);
        witness_free(live->witness);
        free(live->holds);
        free(live->members);
        free(live);
    }
}

int pipeline_live_refine(struct pipeline *pipeline, struct call_event *row)
{
    pipeline->live->log_blocks |= row->kind == EVENT_BLOCKED;
    int status = pipeline_holds_before(pipeline, row);
    return status == 0 && pipeline->live->witness ? witness_refine(pipeline->live->witness, row) : status;
}

/* ---- events ---- */

/* The tracker must not be told: a caller refused now would move its clock ahead of a log that is read late. */
static int count_blocked(struct pipeline *pipeline, const struct call_event *event)
{
    if (pipeline->live->log_blocks) {
        return 0;
    }
    struct leg_change change = {.kind = LEG_CHANGE_BLOCKED,
                                .at_ms = event->at_ms,
                                .queue = intern_put(ledger_names(pipeline->ledger, LEDGER_QUEUE), event->queue)};
    if (change.queue == 0) {
        ledger_quality(pipeline->ledger)[QUALITY_NAMES_REFUSED]++;
        return 0;
    }
    return book_change(pipeline->book, &change);
}

/* What the log does not tell. */
static int put_beside_log(struct pipeline *pipeline, const struct call_event *event)
{
    switch ((int)event->kind) {
    case EVENT_BLOCKED: return count_blocked(pipeline, event);
    case EVENT_HOLD:
    case EVENT_UNHOLD: return pipeline_holds_put(pipeline, event);
    default: return witness_see(pipeline->live->witness, event);
    }
}

static int put_event(struct pipeline *pipeline, const struct call_event *event)
{
    struct pipeline_live *live = pipeline->live;
    int status = roster_put(live->roster, event);
    if (status == 0 && live->board) {
        status = board_put(live->board, event);
    }
    if (status == 0) {
        status = live->leads ? track_put(pipeline->track, event) : put_beside_log(pipeline, event);
    }
    pipeline_collect_counters(pipeline);
    return status;
}

int pipeline_live_put(struct pipeline *pipeline, const struct call_event *event, int64_t now_ms)
{
    uint64_t *quality = ledger_quality(pipeline->ledger);
    struct call_event hidden = *event;
    struct pipeline_tokens room;
    quality[QUALITY_LIVE_EVENTS]++;
    pipeline->pending = true;
    if (!pipeline_time_is_sane(event->at_ms, now_ms)) {
        quality[QUALITY_REFUSED_TIMES]++;
        return 0;
    }
    if (pipeline_is_ignored(pipeline, event->queue)) {
        return 0;
    }
    pipeline_hide_operator(pipeline, &hidden, &room);
    return put_event(pipeline, &hidden);
}

/* ---- on, off and the time between ---- */

static void tell_gap(struct pipeline *pipeline, int64_t to_ms)
{
    struct pipeline_live *live = pipeline->live;
    bool is_later = pipeline->gap_count == PIPELINE_GAPS_MAX; /* nothing can be committed: in one piece, then */
    if (live->off_ms == 0 || to_ms <= live->told_ms || is_later) {
        return;
    }
    struct ledger_gap gap = {
        .from_ms = live->told_ms, .to_ms = to_ms, .kind = live->leads ? LEDGER_GAP_CALLS : LEDGER_GAP_LIVE};
    (void)snprintf(gap.reason, sizeof gap.reason, "%s", gap_reason);
    pipeline_add_gap_of(pipeline, &gap);
    live->told_ms = to_ms;
}

int pipeline_live_on(struct pipeline *pipeline, int64_t at_ms)
{
    struct pipeline_live *live = pipeline->live;
    tell_gap(pipeline, at_ms);
    live->on = true;
    live->cursor.cursor.first_ms = live->cursor.cursor.first_ms ? live->cursor.cursor.first_ms : at_ms;
    if (live->witness) {
        witness_on(live->witness, at_ms);
    }
    if (live->board) {
        board_on(live->board, at_ms);
    }
    pipeline->pending = true;
    return 0;
}

int pipeline_live_off(struct pipeline *pipeline, int64_t at_ms)
{
    struct pipeline_live *live = pipeline->live;
    int status = roster_down(live->roster, at_ms);
    if (live->on) {
        ledger_quality(pipeline->ledger)[QUALITY_LIVE_DOWNS]++;
        live->off_ms = at_ms;
        live->told_ms = at_ms;
        live->cursor.cursor.last_ms = at_ms;
    }
    live->on = false;
    if (live->witness) {
        witness_off(live->witness, at_ms);
    }
    if (live->board) {
        board_off(live->board, at_ms);
    }
    pipeline->pending = true;
    return status;
}

/* While it is away, what cannot be seen is told piece by piece, an interval at a time, so that the figures of an
 * outage of hours are marked as it goes on. */
static void tell_outage(struct pipeline *pipeline, int64_t now_ms)
{
    struct pipeline_live *live = pipeline->live;
    int64_t interval_ms = (int64_t)ledger_interval_s(pipeline->ledger) * 1000;
    bool first = live->told_ms == live->off_ms && now_ms - live->off_ms >= GAP_FIRST_MS;
    bool next = live->told_ms > live->off_ms && now_ms / interval_ms != live->told_ms / interval_ms;
    if (first || next) {
        tell_gap(pipeline, now_ms);
    }
}

int pipeline_live_tick(struct pipeline *pipeline, int64_t now_ms, bool log_read)
{
    struct pipeline_live *live = pipeline->live;
    int status = roster_tick(live->roster, now_ms);
    if (!live->on) {
        tell_outage(pipeline, now_ms);
        return status;
    }
    live->cursor.cursor.last_ms = now_ms;
    if (status == 0 && live->leads) {
        status = track_tick(pipeline->track, now_ms);
        pipeline->pending |= book_dirty_count(pipeline->book) > 0;
    }
    if (log_read) {
        live->log_read_ms = now_ms;
    }
    if (live->witness) {
        witness_tick(live->witness, now_ms, log_read ? now_ms : track_newest_ms(pipeline->track));
        pipeline_holds_forget(live, now_ms);
    }
    pipeline_collect_counters(pipeline);
    pipeline->pending |= timesheet_dirty_count(live->sheet) > 0;
    return status;
}

void pipeline_live_count(struct pipeline *pipeline, enum quality counter, uint64_t more)
{
    ledger_quality(pipeline->ledger)[counter] += more;
    pipeline->pending |= more > 0;
}

struct resume {
    struct pipeline *pipeline;
    ledger_leg_fn fn;
    void *ctx;
};

static int resume_leg(void *ctx, const struct call_leg *leg)
{
    const struct resume *resume = ctx;
    struct pipeline *pipeline = resume->pipeline;
    struct pipeline_live *live = pipeline->live;
    struct pipeline_tokens room;
    if (leg_is_done(leg) || pipeline_is_ignored(pipeline, name_of(pipeline, LEDGER_QUEUE, leg->queue))) {
        return 0;
    }
    struct call_event event = {.kind = EVENT_ENTER,
                               .at_ms = leg->enter_ms,
                               .call_id = slice_make(leg->call_id, leg->call_id_len),
                               .queue = name_of(pipeline, LEDGER_QUEUE, leg->queue),
                               .caller = slice_make(leg->number, leg->number_len),
                               .position = leg->position,
                               .wait_ms = EVENT_UNKNOWN,
                               .talk_ms = EVENT_UNKNOWN,
                               .ring_ms = EVENT_UNKNOWN};
    int status = live->board ? board_put(live->board, &event) : 0;
    if (status == 0 && leg_is_talking(leg)) {
        event.kind = EVENT_CONNECT;
        event.at_ms = leg->connect_ms;
        event.operator_name = name_of(pipeline, LEDGER_OPERATOR, leg->operator_id);
        pipeline_hide_operator(pipeline, &event, &room); /* the site may have decided so since */
        status = live->board ? board_put(live->board, &event) : 0;
        status = status == 0 ? roster_resume(live->roster, &event) : status;
    }
    return status == 0 ? resume->fn(resume->ctx, leg) : status;
}

int pipeline_live_resume(struct pipeline *pipeline, ledger_leg_fn fn, void *ctx)
{
    struct resume resume = {.pipeline = pipeline, .fn = fn, .ctx = ctx};
    return ledger_load_open_legs(pipeline->ledger, resume_leg, &resume);
}

/* ---- committing ---- */

static int put_shift(void *ctx, const struct timesheet_item *item)
{
    ledger_put_shift(ctx, item->operator_id, item->start_s, item->shift);
    return 0;
}

void pipeline_live_save(struct pipeline *pipeline, int64_t now_ms)
{
    struct pipeline_live *live = pipeline->live;
    if (!live) {
        return;
    }
    (void)timesheet_save(live->sheet, put_shift, pipeline->ledger);
    if (live->cursor.cursor.last_ms != 0) {
        live->cursor.position.offset = (uint64_t)live->told_ms;
        live->cursor.position.first_number = live->log_blocks;
        live->cursor.cursor.updated_ms = now_ms;
        live->cursor.cursor.offset = ledger_quality(pipeline->ledger)[QUALITY_LIVE_EVENTS];
        ledger_put_cursor(pipeline->ledger, &live->cursor);
    }
}

void pipeline_live_saved(struct pipeline *pipeline)
{
    if (pipeline->live) {
        timesheet_saved(pipeline->live->sheet);
    }
}
