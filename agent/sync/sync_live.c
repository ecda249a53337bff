#include "agent/sync/sync_internal.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

/* Counters of lines read change all the time; how the centre counts them need not be told as often as that it lives. */
static const int64_t QUALITY_PACE_MS = INT64_C(5) * 60 * 1000;

/* A board changes all the time; how often it is looked at. */
static const int64_t LOOK_PACE_MS = 1000;

struct look {
    struct sync *sync;
    struct ledger_view *view;
    struct ledger_facts facts;
    struct ledger_backlog backlog;
    struct message_live live;
    struct board_copy *board; /* NULL: there is none, or it is off */
    struct sync_names names;
    struct message_live_operator *operators;
    struct ledger_gap gaps[LIMITS_GAPS_MAX]; /* by number, of both kinds */
    size_t gap_count;
    struct message_gap told_gaps[LIMITS_GAPS_MAX];
    struct message_gap told_live_gaps[LIMITS_GAPS_MAX];
    bool more;
};

int64_t sync_live_due_ms(const struct sync *sync)
{
    if (sync->live_tag != 0) {
        return INT64_MAX;
    }
    if (sync->live_sent_ms < 0) {
        return 0;
    }
    int64_t beat_ms = sync->live_sent_ms + sync->options.heartbeat_ms;
    int64_t soon_ms = sync->live_sent_ms + sync->options.live_min_ms;
    if (sync->live_more || sync->live_first) {
        return soon_ms < beat_ms ? soon_ms : beat_ms;
    }
    if (!sync->options.live || !sync->live_news || sync->live_bare) {
        return beat_ms;
    }
    int64_t pace_ms = sync->options.live_min_ms < LOOK_PACE_MS ? sync->options.live_min_ms : LOOK_PACE_MS;
    if (sync->live_looked_ms >= 0 && sync->live_looked_ms + pace_ms > soon_ms) {
        soon_ms = sync->live_looked_ms + pace_ms;
    }
    return soon_ms < beat_ms ? soon_ms : beat_ms;
}

/* What the board shows is what there is now, and all of it; else the newest commit tells of callers. */
static int count(struct look *look)
{
    struct sync *sync = look->sync;
    if (!sync->options.live) {
        return 0;
    }
    int status = sync->options.board ? board_copy(sync->options.board, &look->board) : 0;
    if (status == 0 && look->board && !look->board->on) {
        board_copy_free(look->board);
        look->board = NULL;
    }
    if (status != 0) {
        return status;
    }
    return look->board ? sync_count_board(sync, look->board) : sync_count_legs(sync, look->view);
}

static int list(struct look *look)
{
    struct sync *sync = look->sync;
    int status = count(look);
    if (status != 0 || sync->live_bare) {
        return status;
    }
    status = sync_put_figures(sync, look->view, &look->live, &look->names, &look->more);
    if (status == 0) {
        const struct board_copy *people = sync->options.operators ? look->board : NULL;
        status = sync_put_people(sync, people, &look->live, &look->operators, &look->more);
    }
    return status;
}

/* Keeps the oldest of those the collector has not heard of, by their numbers. */
static int take_gap(void *ctx, const struct ledger_gap *gap)
{
    struct look *look = ctx;
    size_t *count = &look->gap_count;
    if (gap->number <= look->sync->gap_told || look->sync->live_bare) {
        return 0;
    }
    size_t max = (size_t)LIMITS_GAPS_MAX;
    look->more |= *count == max;
    size_t at = *count < max ? (*count)++ : max;
    while (at > 0 && look->gaps[at - 1].number > gap->number) {
        if (at < max) {
            look->gaps[at] = look->gaps[at - 1];
        }
        at--;
    }
    if (at < max) {
        look->gaps[at] = *gap;
    }
    return 0;
}

static void list_gaps(struct look *look)
{
    struct message_live *live = &look->live;
    for (size_t i = 0; i < look->gap_count; i++) {
        const struct ledger_gap *gap = &look->gaps[i];
        struct message_gap told = {.from_ms = gap->from_ms, .to_ms = gap->to_ms, .reason = slice_str(gap->reason)};
        if (gap->kind == LEDGER_GAP_LIVE) {
            look->told_live_gaps[live->live_gap_count++] = told;
        } else {
            look->told_gaps[live->gap_count++] = told;
        }
    }
    live->gaps = look->told_gaps;
    live->live_gaps = look->told_live_gaps;
}

static void list_quality(struct look *look, int64_t now_ms)
{
    const struct sync *sync = look->sync;
    bool due = sync->quality_sent_ms < 0 || now_ms - sync->quality_sent_ms >= QUALITY_PACE_MS;
    bool changed = memcmp(look->facts.quality, sync->quality_told, sizeof sync->quality_told) != 0;
    if (due && (changed || sync->quality_sent_ms < 0) && !sync->live_bare) {
        look->live.quality = look->facts.quality;
        look->live.quality_count = QUALITY_COUNT;
    }
}

static int look_at_all(struct look *look, int64_t now_ms)
{
    struct sync *sync = look->sync;
    int status = ledger_view_facts(look->view, &look->facts);
    if (status == 0) {
        status = ledger_view_backlog(look->view, &look->backlog);
    }
    if (status == 0) {
        status = list(look);
    }
    if (status == 0) {
        status = ledger_view_gaps(look->view, take_gap, look);
    }
    if (status != 0) {
        return status;
    }
    list_gaps(look);
    list_quality(look, now_ms);
    look->live.dirty = look->backlog.dirty;
    look->live.oldest_dirty_s = look->backlog.oldest_start_s;
    if (sync_resend_marks(sync)) { /* all that it holds will */
        look->live.oldest_dirty_s = sync_first_start_s(sync);
        look->live.dirty += look->live.oldest_dirty_s > 0 && look->live.dirty == 0;
    }
    look->live.refused = look->backlog.refused > UINT32_MAX ? UINT32_MAX : (uint32_t)look->backlog.refused;
    look->live.lag_ms = sync->lag_ms;
    look->live.all = sync->options.live && sync->live_first && !sync->live_bare;
    look->live.heartbeat_s = look->live.all ? (uint32_t)(sync->options.heartbeat_ms / 1000) : 0;
    return 0;
}

/* Writes the message, and down what it tells. */
static int compose(struct look *look, int64_t now_ms)
{
    struct sync *sync = look->sync;
    buf_reset(&sync->out);
    int status = message_live_encode(&look->live, &sync->out);
    if (status != 0) {
        return status;
    }
    sync->live_sent_ms = now_ms;
    sync->live_first = false;
    sync->live_more = look->more;
    sync->refused_told = look->backlog.refused;
    sync->gap_sent = look->gap_count > 0 ? look->gaps[look->gap_count - 1].number : sync->gap_told;
    if (look->live.quality_count > 0) {
        memcpy(sync->quality_told, look->facts.quality, sizeof sync->quality_told);
        sync->quality_sent_ms = now_ms;
    }
    return 0;
}

static int post(struct sync *sync, int64_t now_ms)
{
    uint64_t tag = sync_begin_request(sync, now_ms);
    sync->live_tag = tag;
    int status = sync->options.transport.request(sync->options.transport.ctx, SYNC_LIVE, buf_slice(&sync->out), tag);
    if (status != 0 && sync->live_tag == tag) {
        sync->live_tag = 0;
        sync_request_failed(sync);
    }
    return status;
}

static bool is_news(const struct look *look)
{
    const struct message_live *live = &look->live;
    bool people =
        live->operator_count > 0 || live->operators_all || live->operators_unknown || live->operators_more > 0;
    return live->live_count > 0 || people || look->gap_count > 0 || look->backlog.refused != look->sync->refused_told;
}

static int look_and_send(struct look *look, int64_t now_ms)
{
    struct sync *sync = look->sync;
    int status = ledger_view_begin(sync->options.ledger, &look->view);
    if (status != 0) {
        return status;
    }
    status = look_at_all(look, now_ms);
    bool beat = sync->live_sent_ms < 0 || sync->live_first || now_ms - sync->live_sent_ms >= sync->options.heartbeat_ms;
    bool sends = status == 0 && (beat || is_news(look));
    sync->live_news = false;
    sync->live_more = false;
    sync->live_looked_ms = now_ms;
    if (sends) {
        status = compose(look, now_ms);
    }
    ledger_view_end(look->view);
    return sends && status == 0 ? post(sync, now_ms) : status;
}

void sync_send_live(struct sync *sync, int64_t now_ms, int64_t wall_ms)
{
    struct look *look = calloc(1, sizeof *look);
    int status = STATUS_NO_MEMORY;
    if (look) {
        look->sync = sync;
        look->live.now_ms = wall_ms;
        status = look_and_send(look, now_ms);
        sync_names_free(&look->names);
        free(look->operators);
        board_copy_free(look->board);
    }
    free(look);
    if (status != 0) {
        sync_set_error(sync, "the live view could not be sent", slice_str(status_str(status)));
        sync_live_answered(sync, false);
        sync->live_sent_ms = now_ms; /* not at once again */
    }
}

void sync_live_answered(struct sync *sync, bool taken)
{
    sync->live_tag = 0;
    if (taken) {
        sync->gap_told = sync->gap_sent;
        return;
    }
    sync_forget_told(sync);
    sync->quality_sent_ms = -1;
}
