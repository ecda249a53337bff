#include <stdio.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/status.h"

enum { CHANGED = 204, BAD_REQUEST = 400, NO_HELLO = 412, UNAVAILABLE = 503 };

typedef int (*put_gap_fn)(struct store *store, uint32_t site, const struct store_gap *gap);

/* A gap that makes no sense is left out: nobody could read it, and the rest of the message does not depend on it. */
static int take_gap(struct clerk *clerk, struct clerk_site *site, const struct message_gap *told, put_gap_fn put)
{
    struct admit_rules rules = {.now_s = clerk->wall_ms / 1000, .ahead_s = clerk->options->ahead_s};
    struct admit_why why = {"too many of them"};
    if (admit_gap(told, &rules, &why) != 0 || !clerk_may_add(clerk, site)) {
        site->contact.refused++;
        clerk_tell(clerk, site, CLERK_REFUSED, "a gap was refused: %s", why.text);
        return 0;
    }
    struct store_gap gap = {.from_ms = told->from_ms, .to_ms = told->to_ms};
    (void)snprintf(gap.reason, sizeof gap.reason, "%.*s", (int)told->reason.len, told->reason.data);
    return put(clerk->store, site->number, &gap);
}

static int take_gaps(struct clerk *clerk, struct clerk_site *site, const struct message_live *live)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < live->gap_count; i++) {
        status = take_gap(clerk, site, &live->gaps[i], store_put_gap);
    }
    for (size_t i = 0; status == 0 && i < live->live_gap_count; i++) {
        status = take_gap(clerk, site, &live->live_gaps[i], store_put_live_gap);
    }
    return status;
}

/* A connection that tells how its queues are begins with all of them; a mere heartbeat says that it does not. */
static int take_live(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer,
                     const struct message_live *told)
{
    peer->live_told |= told->all || told->live_count > 0;
    if (!peer->live_told) {
        clerk_forget_standing(site);
        return 0;
    }
    int status = clerk_take_standing(clerk, site, peer, told);
    status = status == 0 ? clerk_take_people(clerk, site, peer, told) : status;
    site->contact.live_seen_ms = clerk->wall_ms;
    return status;
}

static void note_contact(struct clerk *clerk, struct clerk_site *site, const struct message_live *live)
{
    struct store_contact *contact = &site->contact;
    contact->clock_offset_ms = live->now_ms - clerk->wall_ms;
    contact->backlog = live->dirty;
    contact->oldest_backlog_s = live->oldest_dirty_s;
    contact->lag_ms = live->lag_ms;
    contact->site_refused = live->refused;
    contact->heartbeat_s = live->heartbeat_s > 0 ? live->heartbeat_s : contact->heartbeat_s;
    size_t max = sizeof contact->quality / sizeof contact->quality[0];
    size_t count = live->quality_count < max ? live->quality_count : max;
    if (count > 0) {
        memcpy(contact->quality, live->quality, count * sizeof contact->quality[0]);
        contact->quality_count = (uint32_t)count;
    }
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
        if (status != CLERK_PUT_OFF_JOB) { /* what it told before does not hold any more */
            peer->live_told = false;
            clerk_forget_standing(site);
        }
        clerk_tell(clerk, site, CLERK_REFUSED, "a live view was refused: %s", why.text);
        clerk_answer(job, status == CLERK_PUT_OFF_JOB ? UNAVAILABLE : BAD_REQUEST, why.text);
        job->max_age_s = status == CLERK_PUT_OFF_JOB ? CLERK_PUT_OFF_S : 0;
        return 0;
    }
    note_contact(clerk, site, &live);
    job->code = CHANGED;
    status = take_live(clerk, site, peer, &live);
    return status == 0 ? take_gaps(clerk, site, &live) : status;
}
