#include "agent/sync/sync_internal.h"

#include <string.h>

#include "platform/base/status.h"

/* A collector that has another store than the answers came from that we know of: what it lost is sent again. */

static int first_interval(void *ctx, const struct ledger_interval *item)
{
    *(int64_t *)ctx = item->start_s;
    return 1;
}

int64_t sync_first_start_s(struct sync *sync)
{
    int64_t start_s = 0;
    struct ledger_view *view = NULL;
    if (ledger_view_begin(sync->options.ledger, &view) == 0) {
        (void)ledger_view_intervals(view, 0, INT64_MAX, first_interval, &start_s, NULL);
    }
    ledger_view_end(view);
    return start_s;
}

void sync_meet_store(struct sync *sync, int64_t now_ms, const struct message_hello_reply *reply)
{
    struct sync_resend *resend = &sync->resend;
    bool same = reply->has_store && memcmp(resend->store, reply->store, sizeof resend->store) == 0;
    if (!same || !resend->ledger.under_way) { /* else it goes on where the connection was lost */
        *resend = (struct sync_resend){.begins = reply->has_store};
        memcpy(resend->store, reply->store, sizeof resend->store);
    }
    resend->due_ms = now_ms;
}

bool sync_resend_marks(const struct sync *sync)
{
    return sync->resend.begins || (sync->resend.ledger.under_way && sync->resend.ledger.marks);
}

static int begin(struct sync *sync, int64_t now_ms)
{
    struct sync_resend *resend = &sync->resend;
    sync_write_acks(sync, now_ms, true); /* they are of the store before, and would take new marks away */
    if (sync->answered_batches > 0) {
        return STATUS_IO;
    }
    int status = ledger_resend_begin(sync->options.ledger, resend->store, &resend->ledger);
    resend->begins = status != 0;
    if (status == 0 && resend->ledger.marks) {
        sync->gap_told = 0;
        sync->gap_sent = 0;
    }
    return status;
}

static void finish(struct sync *sync)
{
    const struct ledger_resend *done = &sync->resend.ledger;
    if (done->marks) {
        sync->facts.resends++;
        sync->facts.resent_intervals += done->marked;
        sync->live_news = true;
        sync_rewind(sync);
    }
}

void sync_resend(struct sync *sync, int64_t now_ms)
{
    struct sync_resend *resend = &sync->resend;
    if (now_ms < sync_resend_due_ms(sync)) {
        return;
    }
    int status = resend->begins ? begin(sync, now_ms) : 0;
    if (status == 0 && resend->ledger.under_way) {
        status = ledger_resend_step(sync->options.ledger, &resend->ledger);
    }
    if (status != 0) {
        sync_set_error(sync, "what the collector lost could not be marked", slice_str(status_str(status)));
        resend->due_ms = now_ms + sync->options.retry_min_ms;
    } else if (!resend->ledger.under_way) {
        finish(sync);
    } else if (sync->walk_done) {
        sync_rewind(sync);
    }
}

int64_t sync_resend_due_ms(const struct sync *sync)
{
    const struct sync_resend *resend = &sync->resend;
    return resend->begins || resend->ledger.under_way ? resend->due_ms : INT64_MAX;
}
