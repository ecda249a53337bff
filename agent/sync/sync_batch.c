#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sync/sync_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

void sync_rewind(struct sync *sync)
{
    sync->walk_done = false;
    sync->walk_start = INT64_MAX;
    sync->walk_queue = 0;
    sync->walk_due_ms = INT64_MAX;
}

void sync_pause(struct sync *sync, int64_t now_ms)
{
    int64_t pause_ms = sync_jitter_ms(sync, sync->failures++);
    sync->pause_until_ms = now_ms + (pause_ms > sync->options.retry_min_ms ? pause_ms : sync->options.retry_min_ms);
}

static void free_batch(struct sync_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->items[i].reason);
    }
    free(batch->items);
    free(batch);
}

static void unlink_batch(struct sync *sync, struct sync_batch *batch)
{
    struct sync_batch **link = &sync->batches;
    while (*link != batch) {
        link = &(*link)->next;
    }
    *link = batch->next;
    free_batch(batch);
}

void sync_free_batches(struct sync *sync)
{
    while (sync->batches) {
        unlink_batch(sync, sync->batches);
    }
}

struct sync_batch *sync_find_batch(struct sync *sync, uint64_t tag)
{
    struct sync_batch *batch = sync->batches;
    while (batch && (batch->answered || batch->tag != tag)) {
        batch = batch->next;
    }
    return batch;
}

int64_t sync_oldest_batch_ms(const struct sync *sync)
{
    int64_t oldest_ms = INT64_MAX;
    for (const struct sync_batch *batch = sync->batches; batch; batch = batch->next) {
        if (!batch->answered && batch->sent_ms < oldest_ms) {
            oldest_ms = batch->sent_ms;
        }
    }
    return oldest_ms;
}

void sync_batch_release(struct sync *sync, struct sync_batch *batch)
{
    unlink_batch(sync, batch);
    sync->facts.in_flight--;
    sync_rewind(sync);
}

void sync_release_all(struct sync *sync)
{
    for (struct sync_batch *batch = sync->batches, *next; batch; batch = next) {
        next = batch->next;
        if (!batch->answered) {
            sync_batch_release(sync, batch);
        }
    }
}

static void keep_answered(struct sync *sync, struct sync_batch *batch, int64_t now_ms)
{
    if (sync->answered_batches++ == 0) {
        sync->answered_since_ms = now_ms;
    }
    sync->answered_items += batch->count;
    batch->answered = true;
}

void sync_batch_settle(struct sync *sync, struct sync_batch *batch, int64_t now_ms)
{
    sync->facts.in_flight--;
    keep_answered(sync, batch, now_ms);
}

void sync_refuse(struct sync *sync, struct sync_item *item, struct slice reason)
{
    char text[sizeof((struct ledger_ack *)NULL)->reason];
    sync_copy_text(text, sizeof text, reason);
    item->outcome = SYNC_REFUSED;
    item->reason = strdup(text);
    sync->facts.refused_intervals++;
}

/* The items of a batch lie newest first. */
static const struct sync_item *find_item(const struct sync_batch *batch, int64_t start_s, uint32_t queue)
{
    size_t from = 0;
    size_t to = batch->count;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const struct sync_item *item = &batch->items[mid];
        if (item->start_s == start_s && item->queue == queue) {
            return item;
        }
        bool newer = item->start_s > start_s || (item->start_s == start_s && item->queue > queue);
        from = newer ? mid + 1 : from;
        to = newer ? to : mid;
    }
    return NULL;
}

/* Whether it is under way, or its answer not yet written. */
static bool is_held(struct sync *sync, const struct ledger_interval *interval)
{
    for (struct sync_batch *batch = sync->batches; batch; batch = batch->next) {
        const struct sync_item *item = find_item(batch, interval->start_s, interval->queue);
        if (item) {
            batch->again |= item->revision != interval->revision;
            return true;
        }
    }
    return false;
}

static int add_item(struct sync_batch *batch, const struct ledger_interval *interval)
{
    struct sync_item *items = grow_array(batch->items, batch->count, &batch->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    batch->items = items;
    items[batch->count++] =
        (struct sync_item){.start_s = interval->start_s, .queue = interval->queue, .revision = interval->revision};
    return 0;
}

struct builder {
    struct sync *sync;
    struct ledger_view *view;
    struct sync_batch *batch;
    struct sync_batch *unfit; /* those that cannot be sent as they are */
    size_t names;
    int64_t now_ms;
    int64_t wall_ms;
};

enum { FILLED = 1 };

static void walked(struct sync *sync, const struct ledger_interval *interval)
{
    sync->walk_start = interval->start_s;
    sync->walk_queue = interval->queue;
}

static int put_aside(struct builder *self, const struct ledger_interval *interval, const char *reason)
{
    struct sync *sync = self->sync;
    int status = add_item(self->unfit, interval);
    if (status == 0) {
        sync_refuse(sync, &self->unfit->items[self->unfit->count - 1], slice_str(reason));
        walked(sync, interval);
    }
    return status;
}

/* It went as open and nobody knows whether it arrived: another revision tells that it is over now, for a revision
 * tells one thing only. */
static int renew(struct builder *self, const struct ledger_interval *interval)
{
    int status = add_item(self->unfit, interval);
    if (status == 0) {
        struct sync_item *item = &self->unfit->items[self->unfit->count - 1];
        item->outcome = SYNC_SURPASSED;
        item->held_revision = interval->revision;
        walked(self->sync, interval);
    }
    return status;
}

static void note_due(struct sync *sync, int64_t at_ms)
{
    if (at_ms < sync->walk_due_ms) {
        sync->walk_due_ms = at_ms;
    }
}

/* Whether an interval that is not over has to wait: for its end, or for the pace of its queue. */
static bool is_held_back(struct builder *self, struct sync_queue *queue, const struct ledger_interval *interval)
{
    struct sync *sync = self->sync;
    int64_t over_ms = self->now_ms + (interval->start_s + sync->interval_s) * 1000 - self->wall_ms;
    int64_t due_ms = over_ms;
    if (sync->options.live) {
        bool paced = interval->start_s <= queue->open_start_s;
        int64_t paced_ms = paced ? queue->open_sent_ms + sync->options.open_min_ms : self->now_ms;
        due_ms = paced_ms < over_ms ? paced_ms : over_ms;
    }
    if (due_ms <= self->now_ms) {
        return false;
    }
    note_due(sync, due_ms);
    return true;
}

static int add_name(struct builder *self, struct sync_queue *queue, uint32_t number)
{
    struct sync *sync = self->sync;
    struct queue_settings settings;
    struct message_queue message = sync_queue_message(sync, self->view, number, &settings);
    int status = message_batch_add_queue(sync->writer, &message, sync->payload_limit);
    if (status == 0) {
        queue->named = sync->last_tag + 1;
        self->names++;
    }
    return status;
}

static int add_interval(struct builder *self, const struct ledger_interval *interval, bool open)
{
    struct sync *sync = self->sync;
    /* The summary is borrowed by the message, which does not write to it. */
    struct message_interval message = {.queue = interval->queue,
                                       .start_s = interval->start_s,
                                       .revision = interval->revision,
                                       .open = open,
                                       .sum = *interval->summary};
    int status = message_batch_add(sync->writer, &message, sync->payload_limit);
    return status == 0 ? add_item(self->batch, interval) : status;
}

static int take_whole(struct builder *self, struct sync_queue *queue, const struct ledger_interval *interval, bool open)
{
    struct sync *sync = self->sync;
    bool unnamed = queue->named != 0 && queue->named != sync->last_tag + 1;
    int status = queue->named != 0 ? 0 : add_name(self, queue, interval->queue);
    if (status == 0) {
        status = add_interval(self, interval, open);
    }
    if (status == STATUS_INVALID) {
        return put_aside(self, interval, "its content cannot be told in a message");
    }
    if (status == STATUS_FULL && self->batch->count == 0) {
        return put_aside(self, interval, "it does not fit a message");
    }
    if (status != 0) {
        return status == STATUS_FULL ? FILLED : status;
    }
    self->batch->unnamed |= unnamed;
    if (open) {
        queue->open_start_s = interval->start_s;
        queue->open_sent_ms = self->now_ms;
        queue->open_revision = interval->revision;
    }
    walked(sync, interval);
    return self->batch->count < sync->items_max ? 0 : FILLED;
}

static int take(void *ctx, const struct ledger_dirty *dirty)
{
    struct builder *self = ctx;
    struct sync *sync = self->sync;
    const struct ledger_interval *interval = &dirty->interval;
    if (is_held(sync, interval)) {
        walked(sync, interval);
        return 0;
    }
    if (!interval->summary) {
        return put_aside(self, interval, "its record in the ledger is damaged");
    }
    struct sync_queue *queue = sync_queue_at(sync, interval->queue);
    if (!queue) {
        return interval->queue > LIMITS_QUEUES_MAX ? put_aside(self, interval, "no queue has such a number")
                                                   : STATUS_NO_MEMORY;
    }
    bool open = (interval->start_s + sync->interval_s) * 1000 > self->wall_ms;
    if (open && is_held_back(self, queue, interval)) {
        walked(sync, interval);
        return 0;
    }
    if (!open && interval->start_s == queue->open_start_s && interval->revision == queue->open_revision) {
        return renew(self, interval);
    }
    return take_whole(self, queue, interval, open);
}

static int walk(struct builder *self)
{
    struct sync *sync = self->sync;
    struct message_batch_head head = {
        .protocol = MESSAGE_PROTOCOL, .site = slice_str(sync->site), .interval_s = sync->interval_s};
    memcpy(head.epoch, sync->epoch, sizeof head.epoch);
    message_batch_begin(sync->writer, &head);
    int status = ledger_view_begin(sync->options.ledger, &self->view);
    if (status != 0) {
        return status;
    }
    status = ledger_view_dirty(self->view, sync->walk_start, sync->walk_queue, take, self, NULL);
    sync->walk_done = status == 0;
    ledger_view_end(self->view);
    return status == FILLED ? 0 : status;
}

static void link_batch(struct sync *sync, struct sync_batch *batch)
{
    batch->next = sync->batches;
    sync->batches = batch;
}

static int make_builder(struct builder *self)
{
    self->batch = calloc(1, sizeof *self->batch);
    self->unfit = calloc(1, sizeof *self->unfit);
    return self->batch && self->unfit ? 0 : STATUS_NO_MEMORY;
}

/* What cannot be sent waits with the answers to be written down. */
static void keep_unfit(struct builder *self)
{
    if (self->unfit && self->unfit->count > 0) {
        link_batch(self->sync, self->unfit);
        keep_answered(self->sync, self->unfit, self->now_ms);
    } else if (self->unfit) {
        free_batch(self->unfit);
    }
}

/* Sends one batch. 0, or a failure: then nothing is under way, and it is to be tried again later. */
static int send_batch(struct sync *sync, struct sync_batch *batch, int64_t now_ms)
{
    buf_reset(&sync->out);
    int status = message_batch_end(sync->writer, &sync->out);
    if (status != 0) {
        free_batch(batch);
        return status;
    }
    uint64_t tag = sync_begin_request(sync, now_ms);
    batch->tag = tag;
    batch->sent_ms = now_ms;
    batch->bytes = sync->out.len;
    link_batch(sync, batch);
    sync->facts.in_flight++;
    sync->facts.sent_intervals += batch->count;
    status = sync->options.transport.request(sync->options.transport.ctx, SYNC_SUMMARIES, buf_slice(&sync->out), tag);
    if (status == 0) {
        return 0;
    }
    batch = sync_find_batch(sync, tag); /* unless the connection was lost within */
    if (batch) {
        sync->facts.sent_intervals -= batch->count;
        sync_batch_release(sync, batch);
        sync_request_failed(sync);
    }
    return status;
}

static int send_next(struct sync *sync, int64_t now_ms, int64_t wall_ms)
{
    struct builder self = {.sync = sync, .now_ms = now_ms, .wall_ms = wall_ms};
    int status = make_builder(&self);
    if (status == 0) {
        status = walk(&self);
    }
    keep_unfit(&self);
    if (status == 0 && self.batch->count > 0) {
        status = send_batch(sync, self.batch, now_ms);
    } else {
        if (self.batch) {
            free_batch(self.batch);
        }
        if (self.names > 0) {
            sync_forget_names(sync); /* they were not sent */
        }
    }
    if (status != 0) {
        sync_rewind(sync);
        sync_forget_names(sync);
    }
    return status;
}

bool sync_may_send_batch(const struct sync *sync)
{
    uint32_t window = sync->items_max < SYNC_BATCH_ITEMS_MAX ? 1 : sync->options.window;
    return sync->facts.state == SYNC_RUNNING && !sync->walk_done && sync->facts.in_flight < window &&
           sync->answered_batches < 2 * sync->options.window;
}

void sync_send_batches(struct sync *sync, int64_t now_ms, int64_t wall_ms)
{
    if (now_ms >= sync->walk_due_ms) {
        sync_rewind(sync);
    }
    while (now_ms >= sync->pause_until_ms && sync_may_send_batch(sync)) {
        int status = send_next(sync, now_ms, wall_ms);
        if (status == STATUS_RANGE && sync->payload_limit / 2 >= SYNC_PAYLOAD_MIN) {
            sync->payload_limit /= 2; /* the connection takes less than was announced */
        } else if (status != 0) {
            sync_set_error(sync, "a batch could not be sent", slice_str(status_str(status)));
            sync_pause(sync, now_ms);
        }
    }
}

static void to_ack(const struct sync_item *item, struct ledger_ack *out)
{
    *out = (struct ledger_ack){.start_s = item->start_s,
                               .queue = item->queue,
                               .revision = item->revision,
                               .held_revision = item->held_revision,
                               .kind = item->outcome == SYNC_TAKEN     ? LEDGER_ACKED
                                       : item->outcome == SYNC_REFUSED ? LEDGER_REFUSED_ACK
                                                                       : LEDGER_SURPASSED};
    if (item->outcome == SYNC_REFUSED) {
        (void)snprintf(out->reason, sizeof out->reason, "%s", item->reason ? item->reason : "refused");
    }
}

/* Returns how many; *again tells that there is more to send of what they hold. */
static size_t gather(const struct sync *sync, struct ledger_ack *acks, bool *again)
{
    size_t count = 0;
    for (const struct sync_batch *batch = sync->batches; batch; batch = batch->next) {
        for (size_t i = 0; batch->answered && i < batch->count; i++) {
            const struct sync_item *item = &batch->items[i];
            if (item->outcome != SYNC_UNSETTLED) {
                to_ack(item, &acks[count++]);
            }
            *again |= item->outcome != SYNC_TAKEN && item->outcome != SYNC_REFUSED;
        }
        *again |= batch->answered && batch->again;
    }
    return count;
}

static int write_all(struct sync *sync, bool *again)
{
    struct ledger_ack *acks = calloc(sync->answered_items, sizeof *acks);
    if (!acks) {
        return STATUS_NO_MEMORY;
    }
    size_t count = gather(sync, acks, again);
    int status = ledger_acknowledge(sync->options.ledger, acks, count);
    free(acks);
    return status;
}

static void forget_answered(struct sync *sync)
{
    for (struct sync_batch *batch = sync->batches, *next; batch; batch = next) {
        next = batch->next;
        if (batch->answered) {
            unlink_batch(sync, batch);
        }
    }
    sync->answered_items = 0;
    sync->answered_batches = 0;
}

void sync_write_acks(struct sync *sync, int64_t now_ms, bool now)
{
    bool due = sync->answered_batches > 0 && now_ms - sync->answered_since_ms >= SYNC_ACK_PACE_MS;
    bool full = sync->answered_batches >= sync->options.window || sync->answered_items >= SYNC_BATCH_ITEMS_MAX;
    bool waits = full && now_ms >= sync->pause_until_ms; /* not at once again when the ledger cannot be written */
    if (sync->answered_batches == 0 || !(due || waits || now)) {
        return;
    }
    bool again = false;
    int status = write_all(sync, &again);
    if (status != 0) {
        sync_set_error(sync, "the ledger did not take the answers", slice_str(status_str(status)));
        sync->answered_since_ms = now_ms;
        sync_pause(sync, now_ms);
        return;
    }
    forget_answered(sync);
    sync->live_news = true; /* what waits, and what was refused */
    if (again) {
        sync_rewind(sync);
    }
}
