#include "agent/sync/sync_internal.h"

#include <stdio.h>

#include "platform/base/status.h"

/* What the collector made of a batch. */

static void take_all(struct sync *sync, struct sync_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].outcome == SYNC_UNSETTLED) {
            batch->items[i].outcome = SYNC_TAKEN;
            sync->facts.acked_intervals++;
        }
    }
}

static void take_item(struct sync *sync, struct sync_batch *batch, const struct message_item_reply *reply)
{
    if (reply->index >= batch->count || batch->items[reply->index].outcome != SYNC_UNSETTLED) {
        return;
    }
    struct sync_item *item = &batch->items[reply->index];
    switch (reply->outcome) {
    case MESSAGE_TAKEN:
        item->outcome = SYNC_TAKEN;
        sync->facts.acked_intervals++;
        break;
    case MESSAGE_STALE:
    case MESSAGE_CONFLICT:
        item->outcome = SYNC_SURPASSED;
        item->held_revision = reply->held_revision;
        sync->facts.stale_answers++;
        break;
    case MESSAGE_REFUSED: sync_refuse(sync, item, reply->reason); break;
    }
}

static void fail(struct sync *sync, struct sync_batch *batch, int64_t now_ms, const char *what, struct slice detail)
{
    sync_set_error(sync, what, detail);
    sync_batch_release(sync, batch);
    sync_forget_names(sync);
    sync_pause(sync, now_ms);
}

static void succeeded(struct sync *sync, int64_t now_ms)
{
    sync->failures = 0;
    sync->pause_until_ms = 0;
    sync->facts.summary_acked_at_ms = now_ms;
    if (sync->items_max < SYNC_BATCH_ITEMS_MAX) {
        sync->items_max *= 2;
    }
    if (sync->items_max > SYNC_BATCH_ITEMS_MAX) {
        sync->items_max = SYNC_BATCH_ITEMS_MAX;
    }
}

static void take_reply(struct sync *sync, struct sync_batch *batch, int64_t now_ms, struct slice payload)
{
    struct message_batch_reply reply = {.item_count = 0};
    int status = payload.len > 0 ? message_batch_reply_decode(sync->arena, payload, &reply) : 0;
    if (status != 0) {
        fail(sync, batch, now_ms, "the answer to a batch cannot be read", slice_str(status_str(status)));
        return;
    }
    if (reply.names_missing && !batch->unnamed) {
        fail(sync, batch, now_ms, "the collector misses names that it was given", slice_make("", 0));
        return;
    }
    for (size_t i = 0; i < reply.item_count; i++) {
        take_item(sync, batch, &reply.items[i]);
    }
    if (reply.names_missing) {
        sync_forget_names(sync);
    } else {
        take_all(sync, batch);
    }
    succeeded(sync, now_ms);
    sync_batch_settle(sync, batch, now_ms);
}

static void refuse_only(struct sync *sync, struct sync_batch *batch, int64_t now_ms, const char *code,
                        struct slice diagnostic)
{
    char reason[128];
    char text[100];
    sync_copy_text(text, sizeof text, diagnostic);
    (void)snprintf(reason, sizeof reason, "%s %s", code, text);
    sync_refuse(sync, &batch->items[0], slice_str(reason));
    sync_batch_settle(sync, batch, now_ms);
}

/* One of them makes the whole unfit: ever smaller batches find it. */
static void bisect(struct sync *sync, struct sync_batch *batch, int64_t now_ms, struct slice diagnostic)
{
    sync_set_error(sync, "the collector does not understand a batch (4.00)", diagnostic);
    sync_forget_names(sync);
    if (batch->count == 1) {
        refuse_only(sync, batch, now_ms, "4.00", diagnostic);
        return;
    }
    if (batch->count / 2 < sync->items_max) {
        sync->items_max = batch->count / 2;
    }
    sync_batch_release(sync, batch);
}

static void make_smaller(struct sync *sync, struct sync_batch *batch, int64_t now_ms, struct slice diagnostic)
{
    sync_set_error(sync, "a batch was too large (4.13)", diagnostic);
    sync_forget_names(sync);
    uint32_t half = (uint32_t)(batch->bytes / 2);
    if (half < sync->payload_limit) {
        sync->payload_limit = half > SYNC_PAYLOAD_MIN ? half : SYNC_PAYLOAD_MIN;
    }
    if (batch->count == 1) {
        refuse_only(sync, batch, now_ms, "4.13", diagnostic);
    } else if (batch->bytes <= SYNC_PAYLOAD_MIN) {
        fail(sync, batch, now_ms, "even the smallest batch is too large (4.13)", diagnostic);
    } else {
        sync_batch_release(sync, batch);
    }
}

void sync_batch_answered(struct sync *sync, struct sync_batch *batch, int64_t now_ms, unsigned code,
                         struct slice payload)
{
    char what[64];
    if (code / 100 == 2) {
        take_reply(sync, batch, now_ms, payload);
    } else if (code == 400) {
        bisect(sync, batch, now_ms, payload);
    } else if (code == 413) {
        make_smaller(sync, batch, now_ms, payload);
    } else {
        (void)snprintf(what, sizeof what, "the collector answered %u.%02u to a batch", code / 100, code % 100);
        fail(sync, batch, now_ms, what, payload);
    }
}
