/* clerk_commit: many sites' messages in one transaction, and what happens when it fails. */
#include "collector/ingest/clerk_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"

enum { FAILURES_MAX = 5, FULL_RETRY_S = 30, FAILED_RETRY_S = 10, FULL_LOG_MS = 60 * 1000 };
enum { FORBIDDEN = 403, INTERNAL = 500, UNAVAILABLE = 503 };

/* The jobs from `first` up to `end`. */
struct range {
    struct desk_job *first;
    struct desk_job *end; /* not of it */
    size_t count;
};

/* That it came, and how many bytes: true whatever becomes of the commit. */
static void note_traffic(struct clerk *clerk, const struct desk_job *job)
{
    struct clerk_site *site =
        members_gone(clerk->members, job->site) ? NULL : clerk_site(clerk, job->site, job->site_id);
    struct clerk_peer *peer = site ? clerk_peer(site, job->session) : NULL;
    if (!peer) {
        return;
    }
    peer->seen_ms = clerk->now_ms;
    site->contact.last_seen_ms = clerk->wall_ms;
    site->contact.flood_refusals += job->flood_refusals;
    site->contact.in_bytes += job->in_bytes > peer->in_bytes ? job->in_bytes - peer->in_bytes : 0;
    site->contact.out_bytes += job->out_bytes > peer->out_bytes ? job->out_bytes - peer->out_bytes : 0;
    peer->in_bytes = job->in_bytes;
    peer->out_bytes = job->out_bytes;
    clerk_changed(clerk, site);
}

static int handle(struct clerk *clerk, struct desk_job *job)
{
    buf_reset(&job->answer);
    job->code = 0;
    job->max_age_s = 0;
    job->close = false;
    if (members_gone(clerk->members, job->site)) { /* its data is deleted: it must not come back */
        clerk_answer(job, FORBIDDEN, "the site was removed");
        job->close = true;
        return 0;
    }
    struct clerk_site *site = clerk_site(clerk, job->site, job->site_id);
    struct clerk_peer *peer = site ? clerk_peer(site, job->session) : NULL;
    if (!peer) {
        return STATUS_NO_MEMORY;
    }
    clerk_touch(clerk, site);
    clerk_changed(clerk, site);
    switch (job->kind) {
    case DESK_HELLO: return clerk_hello(clerk, site, peer, job);
    case DESK_BATCH: return clerk_batch(clerk, site, peer, job);
    case DESK_LIVE: return clerk_live(clerk, site, peer, job);
    case DESK_GONE: break;
    }
    return 0;
}

/* What ended has ended whether the commit goes well or not. */
static void forget(struct clerk *clerk, const struct desk_job *job)
{
    struct clerk_site *site = clerk_site_known(clerk, job->site);
    if (site) {
        clerk_forget_peer(clerk, site, job->session);
    }
}

static int commit(struct clerk *clerk, const struct range *range)
{
    int status = store_begin(clerk->store, clerk->wall_ms);
    if (status != 0) {
        return status;
    }
    for (struct desk_job *job = range->first; job && job != range->end && status == 0; job = job->next) {
        if (job->kind == DESK_GONE) {
            forget(clerk, job);
        } else {
            status = handle(clerk, job);
        }
    }
    if (status == 0) {
        status = clerk_write_contacts(clerk, false);
    }
    if (status == 0) {
        status = store_end(clerk->store);
    } else {
        store_abort(clerk->store);
    }
    if (status != 0) {
        clerk_touched_undo(clerk);
        return status;
    }
    clerk_contacts_written(clerk, false);
    clerk_touched_keep(clerk);
    clerk->failures = 0;
    return 0;
}

static bool is_storage_failure(int status)
{
    return status == STATUS_FULL || status == STATUS_IO || status == STATUS_BUSY || status == STATUS_NO_MEMORY;
}

static void note_failure(struct clerk *clerk, int status)
{
    if (status == STATUS_FULL) { /* not broken: it waits for room */
        clerk->failures = 0;
        clerk->tended_ms = 0;
        if (clerk->full_ms == 0 || clerk->now_ms - clerk->full_ms >= FULL_LOG_MS) {
            clerk->full_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
            log_write(LOG_ERROR, "store", "full: nothing is taken until there is room");
        }
        return;
    }
    clerk->failures++;
    log_write(LOG_ERROR, "store", "commit failed: %s", status_str(status));
    if (clerk->failures >= FAILURES_MAX) {
        clerk->options->gave_up(clerk->options->ctx, status);
    }
}

static void put_off(const struct range *range, int status)
{
    bool full = status == STATUS_FULL;
    for (struct desk_job *job = range->first; job && job != range->end; job = job->next) {
        clerk_answer(job, UNAVAILABLE, full ? "the store is full" : "the store cannot be written just now");
        job->max_age_s = full ? FULL_RETRY_S : FAILED_RETRY_S;
        job->close = false;
    }
}

static void give_up(struct desk_job *job, int status)
{
    log_write(LOG_ERROR, "store", "a message of site %s cannot be stored: %s", job->site_id, status_str(status));
    clerk_answer(job, INTERNAL, "the message cannot be stored");
    job->close = false;
}

/* The first half of a range goes to *head, the rest stays in it. */
static void split(struct range *range, struct range *head)
{
    *head = (struct range){.first = range->first, .count = range->count / 2};
    struct desk_job *at = range->first;
    for (size_t i = 0; i < head->count; i++) {
        at = at->next;
    }
    head->end = at;
    range->first = at;
    range->count -= head->count;
}

/* When it turns out that one message cannot be stored, the others must not suffer, nor wait for a commit each: the
 * range is halved until that one is found. Returns the failure that concerns the store as a whole. */
static int commit_range(struct clerk *clerk, struct range range) // NOLINT(misc-no-recursion): halves each time
{
    int status = commit(clerk, &range);
    if (status == 0) {
        return 0;
    }
    if (is_storage_failure(status)) {
        note_failure(clerk, status);
        put_off(&range, status);
        return status;
    }
    if (range.count == 1) {
        give_up(range.first, status);
        return 0;
    }
    struct range head;
    split(&range, &head);
    status = commit_range(clerk, head);
    if (status != 0) {
        put_off(&range, status);
        return status;
    }
    return commit_range(clerk, range);
}

static struct range next_range(struct desk_job *first)
{
    struct range range = {.first = first};
    size_t bytes = 0;
    struct desk_job *job = first;
    while (job && bytes < CLERK_COMMIT_BYTES) {
        bytes += job->payload_len;
        range.count++;
        job = job->next;
    }
    range.end = job;
    return range;
}

void clerk_commit(struct clerk *clerk, const struct desk_list *jobs)
{
    for (const struct desk_job *job = jobs->first; job; job = job->next) {
        if (job->kind != DESK_GONE) {
            note_traffic(clerk, job);
        }
    }
    int status = 0;
    struct range range;
    for (struct desk_job *at = jobs->first; at; at = range.end) {
        range = next_range(at);
        if (status == 0) {
            status = commit_range(clerk, range);
        } else {
            put_off(&range, status);
        }
    }
    for (const struct desk_job *job = jobs->first; job; job = job->next) { /* what a failed commit did not come to */
        if (job->kind == DESK_GONE) {
            forget(clerk, job);
        }
    }
}
