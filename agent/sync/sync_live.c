#include "agent/sync/sync_internal.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

/* Counters of lines read change all the time; how the centre counts them need not be told as often as that it lives. */
static const int64_t QUALITY_PACE_MS = INT64_C(5) * 60 * 1000;

enum { QUEUE_BYTES = 48, NAME_BYTES = 24 }; /* of a message, at most, beside the texts */

struct look {
    struct sync *sync;
    struct ledger_view *view;
    struct ledger_facts facts;
    struct ledger_backlog backlog;
    struct message_live live;
    struct message_live_queue *queues;
    struct message_queue *names;
    struct queue_settings *settings; /* of the names */
    struct ledger_gap gaps[LIMITS_GAPS_MAX];
    struct message_gap told_gaps[LIMITS_GAPS_MAX];
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
    bool soon = sync->live_more || sync->live_first || (sync->options.live && sync->live_news && !sync->live_bare);
    int64_t pace_ms = soon ? sync->options.live_min_ms : sync->options.heartbeat_ms;
    pace_ms = pace_ms < sync->options.heartbeat_ms ? pace_ms : sync->options.heartbeat_ms;
    return sync->live_sent_ms + pace_ms;
}

static int count_leg(void *ctx, const struct call_leg *leg)
{
    struct sync_queue *queue = sync_queue_at(((struct look *)ctx)->sync, leg->queue);
    if (!queue) {
        return leg->queue > LIMITS_QUEUES_MAX ? 0 : STATUS_NO_MEMORY;
    }
    struct sync_waiting *now = &queue->now;
    now->talking += leg_is_talking(leg);
    if (leg_is_waiting(leg)) {
        now->waiting++;
        if (now->oldest_enter_ms == 0 || leg->enter_ms < now->oldest_enter_ms) {
            now->oldest_enter_ms = leg->enter_ms;
        }
    }
    return 0;
}

static bool same_waiting(const struct sync_waiting *a, const struct sync_waiting *b)
{
    return a->waiting == b->waiting && a->talking == b->talking && a->oldest_enter_ms == b->oldest_enter_ms;
}

static int count_legs(struct look *look)
{
    struct sync *sync = look->sync;
    for (size_t i = 0; i < sync->queue_count; i++) {
        sync->queues[i].now = (struct sync_waiting){0};
    }
    return sync->options.live ? ledger_view_open_legs(look->view, count_leg, look, NULL) : 0;
}

static size_t count_changed(const struct sync *sync)
{
    size_t changed = 0;
    for (size_t i = 0; i < sync->queue_count; i++) {
        changed += !same_waiting(&sync->queues[i].now, &sync->queues[i].told);
    }
    return changed;
}

static size_t add_name(struct look *look, uint32_t number)
{
    size_t at = look->live.queue_count++;
    look->names[at] = sync_queue_message(look->sync, look->view, number, &look->settings[at]);
    return NAME_BYTES + look->names[at].name.len + look->names[at].label.len;
}

static void add_queues(struct look *look)
{
    struct sync *sync = look->sync;
    size_t bytes = 0;
    for (size_t i = 0; i < sync->queue_count; i++) {
        struct sync_queue *queue = &sync->queues[i];
        if (same_waiting(&queue->now, &queue->told)) {
            continue;
        }
        if (bytes + QUEUE_BYTES + NAME_BYTES + LIMITS_QUEUE_NAME_MAX + sizeof look->settings->label >
            sync->payload_limit / 2) {
            look->more = true;
            break;
        }
        look->queues[look->live.live_count++] =
            (struct message_live_queue){.queue = (uint32_t)i,
                                        .waiting = queue->now.waiting,
                                        .oldest_enter_ms = queue->now.oldest_enter_ms,
                                        .talking = queue->now.talking,
                                        .ready = -1,
                                        .paused = -1};
        bytes += QUEUE_BYTES;
        if (!queue->live_named) {
            bytes += add_name(look, (uint32_t)i);
            queue->live_named = true;
        }
        queue->told = queue->now;
    }
}

static int list_queues(struct look *look)
{
    size_t changed = count_changed(look->sync);
    if (changed == 0 || look->sync->live_bare) {
        return 0;
    }
    look->queues = calloc(changed, sizeof *look->queues);
    look->names = calloc(changed, sizeof *look->names);
    look->settings = calloc(changed, sizeof *look->settings);
    if (!look->queues || !look->names || !look->settings) {
        return STATUS_NO_MEMORY;
    }
    add_queues(look);
    look->live.live = look->queues;
    look->live.queues = look->names;
    return 0;
}

/* Keeps the oldest of those the collector has not heard of, by their numbers. */
static int take_gap(void *ctx, const struct ledger_gap *gap)
{
    struct look *look = ctx;
    size_t *count = &look->live.gap_count;
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
    for (size_t i = 0; i < look->live.gap_count; i++) {
        const struct ledger_gap *gap = &look->gaps[i];
        look->told_gaps[i] =
            (struct message_gap){.from_ms = gap->from_ms, .to_ms = gap->to_ms, .reason = slice_str(gap->reason)};
    }
    look->live.gaps = look->told_gaps;
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
        status = count_legs(look);
    }
    if (status == 0) {
        status = list_queues(look);
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
    look->live.refused = look->backlog.refused > UINT32_MAX ? UINT32_MAX : (uint32_t)look->backlog.refused;
    look->live.lag_ms = sync->lag_ms;
    look->live.all = sync->options.live && sync->live_first && !sync->live_bare;
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
    sync->gap_sent = look->live.gap_count > 0 ? look->gaps[look->live.gap_count - 1].number : sync->gap_told;
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
    return look->live.live_count > 0 || look->live.gap_count > 0 || look->backlog.refused != look->sync->refused_told;
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
        free(look->queues);
        free(look->names);
        free(look->settings);
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
