#include <stdio.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { LIVE_MAX = 4096 /* queues of a site that are remembered as busy */ };
enum { CHANGED = 204, BAD_REQUEST = 400, NO_HELLO = 412, UNAVAILABLE = 503 };

/* A gap that makes no sense is left out: nobody could read it, and the rest of the message does not depend on it. */
static int take_gaps(struct clerk *clerk, struct clerk_site *site, const struct message_live *live)
{
    struct admit_rules rules = {.now_s = clerk->wall_ms / 1000, .ahead_s = clerk->options->ahead_s};
    for (size_t i = 0; i < live->gap_count; i++) {
        struct admit_why why = {"too many of them"};
        if (admit_gap(&live->gaps[i], &rules, &why) != 0 || !clerk_may_add(clerk, site)) {
            site->contact.refused++;
            clerk_tell(clerk, site, CLERK_REFUSED, "a gap was refused: %s", why.text);
            continue;
        }
        struct store_gap gap = {.from_ms = live->gaps[i].from_ms, .to_ms = live->gaps[i].to_ms};
        (void)snprintf(gap.reason, sizeof gap.reason, "%.*s", (int)live->gaps[i].reason.len, live->gaps[i].reason.data);
        int status = store_put_gap(clerk->store, site->number, &gap);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* What was told of a queue replaces what was told of it before; an idle one is not kept. */
static int take_live_queue(struct clerk_site *site, const struct message_live_queue *told)
{
    size_t at = 0;
    while (at < site->live_count && site->live[at].number != told->queue) {
        at++;
    }
    bool idle = told->waiting == 0 && told->talking == 0;
    if (idle || (at == site->live_count && at >= LIVE_MAX)) {
        if (at < site->live_count) {
            site->live[at] = site->live[--site->live_count];
        }
        return 0;
    }
    struct clerk_live_queue *live = grow_array(site->live, at, &site->live_cap, sizeof *live);
    if (!live) {
        return STATUS_NO_MEMORY;
    }
    site->live = live;
    live[at] = (struct clerk_live_queue){.number = told->queue,
                                         .waiting = told->waiting,
                                         .talking = told->talking,
                                         .oldest_enter_ms = told->oldest_enter_ms};
    site->live_count += at == site->live_count;
    return 0;
}

static uint32_t sum_u32(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static int take_live(struct clerk *clerk, struct clerk_site *site, const struct message_live *told)
{
    struct store_contact *contact = &site->contact;
    if (!told->all && told->live_count == 0) {
        return 0;
    }
    site->live_count = told->all ? 0 : site->live_count;
    for (size_t i = 0; i < told->live_count; i++) {
        int status = take_live_queue(site, &told->live[i]);
        if (status != 0) {
            return status;
        }
    }
    contact->live_ms = clerk->wall_ms;
    contact->waiting = 0;
    contact->talking = 0;
    contact->oldest_enter_ms = 0;
    for (size_t i = 0; i < site->live_count; i++) {
        const struct clerk_live_queue *queue = &site->live[i];
        contact->waiting = sum_u32(contact->waiting, queue->waiting);
        contact->talking = sum_u32(contact->talking, queue->talking);
        if (queue->waiting > 0 &&
            (contact->oldest_enter_ms == 0 || queue->oldest_enter_ms < contact->oldest_enter_ms)) {
            contact->oldest_enter_ms = queue->oldest_enter_ms;
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
        clerk_answer(job, status == CLERK_PUT_OFF_JOB ? UNAVAILABLE : BAD_REQUEST, why.text);
        job->max_age_s = status == CLERK_PUT_OFF_JOB ? CLERK_PUT_OFF_S : 0;
        return 0;
    }
    note_contact(clerk, site, &live);
    job->code = CHANGED;
    status = take_live(clerk, site, &live);
    return status == 0 ? take_gaps(clerk, site, &live) : status;
}
