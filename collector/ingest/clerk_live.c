#include <stdio.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/status.h"

enum { CHANGED = 204, BAD_REQUEST = 400, NO_HELLO = 412 };

static int take_gaps(struct clerk *clerk, const struct clerk_site *site, const struct message_live *live)
{
    for (size_t i = 0; i < live->gap_count; i++) {
        struct store_gap gap = {.from_ms = live->gaps[i].from_ms, .to_ms = live->gaps[i].to_ms};
        (void)snprintf(gap.reason, sizeof gap.reason, "%.*s", (int)live->gaps[i].reason.len, live->gaps[i].reason.data);
        int status = store_put_gap(clerk->store, site->number, &gap);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static void note_contact(struct clerk *clerk, struct clerk_site *site, const struct message_live *live)
{
    struct store_contact *contact = &site->contact;
    contact->clock_offset_ms = live->now_ms - clerk->wall_ms;
    contact->backlog = live->dirty;
    contact->oldest_backlog_s = live->oldest_dirty_s;
    contact->lag_ms = live->lag_ms;
    contact->site_refused = live->refused;
    size_t max = sizeof contact->quality / sizeof contact->quality[0];
    size_t count = live->quality_count < max ? live->quality_count : max;
    if (count > 0) {
        memcpy(contact->quality, live->quality, count * sizeof contact->quality[0]);
        contact->quality_count = (uint32_t)count;
    }
    site->changed = true;
}

int clerk_live(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job)
{
    struct message_live live = {0};
    struct admit_why why = {"the live view cannot be read"};
    if (peer->protocol == 0) {
        clerk_answer(job, NO_HELLO, "say hello first");
        return 0;
    }
    int status = message_live_decode(clerk->arena, slice_make((const char *)job->payload, job->payload_len), &live);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status == 0) {
        status = clerk_take_queues(clerk, site, peer, live.queues, live.queue_count, &why);
        if (status < 0) {
            return status;
        }
    }
    if (status != 0) {
        clerk_tell(clerk, site, CLERK_REFUSED, "a live view was refused: %s", why.text);
        clerk_answer(job, BAD_REQUEST, why.text);
        return 0;
    }
    note_contact(clerk, site, &live);
    job->code = CHANGED;
    return take_gaps(clerk, site, &live);
}
