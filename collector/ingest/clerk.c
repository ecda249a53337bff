#include "collector/ingest/clerk.h"

#include <stdlib.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

enum {
    IDLE_MS = 1000,
    TEND_MS = 60 * 1000,
    CONTACTS_MS = 5000,
    ARENA_BYTES = 4 * 1024 * 1024,  /* what one message may become in memory */
    GATHER_BYTES = 4 * 1024 * 1024, /* a commit of this size waits for no more */
    FAILURES_MAX = 5,
    FULL_RETRY_S = 60,
    FAILED_RETRY_S = 10
};
enum { UNAVAILABLE = 503, INTERNAL = 500 };

static int handle(struct clerk *clerk, struct desk_job *job)
{
    struct clerk_site *site = clerk_site(clerk, job->site, job->site_id);
    if (!site) {
        return STATUS_NO_MEMORY;
    }
    if (job->kind == DESK_GONE) {
        clerk_forget_peer(clerk, site, job->session);
        return 0;
    }
    struct clerk_peer *peer = clerk_peer(site, job->session);
    if (!peer) {
        return STATUS_NO_MEMORY;
    }
    peer->seen_ms = clerk->now_ms;
    site->contact.last_seen_ms = clerk->wall_ms;
    site->contact.flood_refusals += job->flood_refusals;
    site->contact.in_bytes += job->in_bytes > peer->in_bytes ? job->in_bytes - peer->in_bytes : 0;
    site->contact.out_bytes += job->out_bytes > peer->out_bytes ? job->out_bytes - peer->out_bytes : 0;
    peer->in_bytes = job->in_bytes;
    peer->out_bytes = job->out_bytes;
    site->changed = true;
    switch (job->kind) {
    case DESK_HELLO: return clerk_hello(clerk, site, peer, job);
    case DESK_BATCH: return clerk_batch(clerk, site, peer, job);
    case DESK_LIVE: return clerk_live(clerk, site, peer, job);
    case DESK_GONE: break;
    }
    return 0;
}

/* Nothing of the commit happened: what its jobs learned from the store does not hold. */
static void take_back(struct clerk *clerk, struct desk_job *first, const struct desk_job *end, unsigned code,
                      uint32_t retry_s, const char *text)
{
    for (struct desk_job *job = first; job && job != end; job = job->next) {
        struct clerk_site *site = clerk_site(clerk, job->site, NULL);
        for (struct clerk_peer *peer = site ? site->peers : NULL; peer; peer = peer->next) {
            clerk_peer_unsettle(peer);
        }
        clerk_answer(job, code, text);
        job->max_age_s = retry_s;
        job->close = false;
    }
}

/* One transaction over the jobs from `first` up to `end`. */
static int commit(struct clerk *clerk, struct desk_job *first, const struct desk_job *end)
{
    int status = store_begin(clerk->store, clerk->wall_ms);
    if (status != 0) {
        return status;
    }
    for (struct desk_job *job = first; job && job != end && status == 0; job = job->next) {
        status = handle(clerk, job);
    }
    if (status == 0) {
        status = clerk_write_contacts(clerk, false);
    }
    if (status != 0) {
        store_abort(clerk->store);
        return status;
    }
    status = store_end(clerk->store);
    if (status == 0) {
        clerk_contacts_written(clerk, false);
    }
    return status;
}

static bool is_storage_failure(int status)
{
    return status == STATUS_FULL || status == STATUS_IO || status == STATUS_BUSY || status == STATUS_NO_MEMORY;
}

static void note_failure(struct clerk *clerk, int status)
{
    clerk->failures++;
    if (status == STATUS_FULL) {
        clerk->failures = 1; /* not broken: it waits for room */
        clerk->tended_ms = 0;
        log_write(LOG_ERROR, "store", "full: nothing is taken until there is room");
        return;
    }
    log_write(LOG_ERROR, "store", "commit failed: %s", status_str(status));
    if (clerk->failures >= FAILURES_MAX) {
        clerk->options->gave_up(clerk->options->ctx, status);
    }
}

/* All in one commit. When a message turns out to be one that the store cannot take, the others must not suffer: then
 * each has a commit of its own, and the one is refused. */
static void commit_jobs(struct clerk *clerk, struct desk_list *jobs)
{
    int status = commit(clerk, jobs->first, NULL);
    if (status == 0) {
        clerk->failures = 0;
        return;
    }
    take_back(clerk, jobs->first, NULL, UNAVAILABLE, status == STATUS_FULL ? FULL_RETRY_S : FAILED_RETRY_S,
              status == STATUS_FULL ? "the store is full" : "the store cannot be written just now");
    if (is_storage_failure(status)) {
        note_failure(clerk, status);
        return;
    }
    for (struct desk_job *job = jobs->first; job; job = job->next) {
        buf_reset(&job->answer);
        job->max_age_s = 0;
        status = commit(clerk, job, job->next);
        if (status != 0) {
            log_write(LOG_ERROR, "store", "a message of site %s cannot be stored: %s", job->site_id,
                      status_str(status));
            take_back(clerk, job, job->next, INTERNAL, 0, "the message cannot be stored");
        }
    }
}

static void follow_registry(struct clerk *clerk)
{
    uint64_t version = registry_version(clerk->options->registry);
    if (version == clerk->registry_version) {
        return;
    }
    int status = members_update(clerk->members);
    if (status != 0) {
        log_write(LOG_ERROR, "store", "sites could not be brought in line with the registry: %s", status_str(status));
        return;
    }
    clerk->registry_version = version;
}

static bool upkeep(struct clerk *clerk)
{
    bool more = false;
    follow_registry(clerk);
    int status = store_roll(clerk->store, members_layout(clerk->members), clerk->wall_ms, &more);
    if (status != 0) {
        log_write(LOG_WARNING, "store", "hours and days could not be added up: %s", status_str(status));
        more = false;
    }
    if (!more && (clerk->tended_ms == 0 || clerk->more_to_tend || clerk->now_ms - clerk->tended_ms >= TEND_MS)) {
        clerk->tended_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
        status = store_tend(clerk->store, clerk->wall_ms, &clerk->more_to_tend);
        if (status != 0) {
            log_write(LOG_WARNING, "store", "tending failed: %s", status_str(status));
            clerk->more_to_tend = false;
        }
    }
    return more || clerk->more_to_tend;
}

static void write_contacts(struct clerk *clerk, bool all)
{
    int status = store_begin(clerk->store, clerk->wall_ms);
    if (status != 0) {
        return;
    }
    status = clerk_write_contacts(clerk, all);
    if (status != 0) {
        store_abort(clerk->store);
    } else if (store_end(clerk->store) == 0) {
        clerk_contacts_written(clerk, all);
    }
}

static void share_counters(struct clerk *clerk, bool committed)
{
    struct store_facts facts = {0};
    struct store_view *view;
    if (store_view_begin(clerk->store, &view) == 0) {
        (void)store_view_facts(view, &facts);
        store_view_end(view);
    }
    (void)pthread_mutex_lock(&clerk->lock);
    clerk->shared.commits += committed;
    clerk->shared.intervals = clerk->intervals;
    clerk->shared.pending = facts.pending_count;
    (void)pthread_mutex_unlock(&clerk->lock);
}

bool clerk_round(struct clerk *clerk, struct desk_list *jobs, int64_t wall_ms, int64_t now_ms)
{
    clerk->wall_ms = wall_ms;
    clerk->now_ms = now_ms;
    bool any = jobs->first != NULL;
    if (any) {
        commit_jobs(clerk, jobs);
        desk_return(clerk->desk, jobs);
    } else if (now_ms - clerk->contacts_ms >= CONTACTS_MS) {
        clerk->contacts_ms = now_ms;
        write_contacts(clerk, false);
    }
    bool more = upkeep(clerk);
    share_counters(clerk, any);
    return more;
}

static uint64_t payload_bytes(const struct desk_list *jobs)
{
    uint64_t bytes = 0;
    for (const struct desk_job *job = jobs->first; job; job = job->next) {
        bytes += job->payload_len;
    }
    return bytes;
}

/* What is there, and what comes within the gathering time: a commit costs the same for one message and for many. */
static struct desk_list gather(struct clerk *clerk, int64_t wait_ms)
{
    struct desk_list jobs = desk_take(clerk->desk, wait_ms);
    int64_t until_ms = clock_monotonic_ms() + clerk->options->gather_ms;
    while (jobs.first && payload_bytes(&jobs) < GATHER_BYTES && !desk_stopped(clerk->desk)) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        struct desk_list more = left_ms > 0 ? desk_take(clerk->desk, left_ms) : (struct desk_list){0};
        if (!more.first) {
            break;
        }
        struct desk_job *job;
        while ((job = desk_list_pop(&more))) {
            desk_list_push(&jobs, job);
        }
    }
    return jobs;
}

void clerk_run(struct clerk *clerk)
{
    bool more = true;
    for (;;) {
        bool stopping = desk_stopped(clerk->desk);
        struct desk_list jobs = gather(clerk, more ? 0 : IDLE_MS);
        if (stopping && !jobs.first) {
            break;
        }
        more = clerk_round(clerk, &jobs, clock_wall_ms(), clock_monotonic_ms());
    }
    for (size_t i = 0; i < clerk->site_count; i++) {
        if (clerk->sites[i] && clerk->sites[i]->contact.online) {
            clerk->sites[i]->contact.online = false;
            clerk->sites[i]->changed = true;
        }
    }
    write_contacts(clerk, true);
}

int clerk_new(const struct ingest_options *options, struct desk *desk, struct clerk **out)
{
    struct clerk *clerk = calloc(1, sizeof *clerk);
    if (!clerk) {
        return STATUS_NO_MEMORY;
    }
    clerk->options = options;
    clerk->desk = desk;
    clerk->store = options->store;
    int status = pthread_mutex_init(&clerk->lock, NULL) == 0 ? 0 : STATUS_NO_MEMORY;
    if (status == 0) {
        status = message_arena_new(ARENA_BYTES, &clerk->arena);
    }
    if (status == 0) {
        status = members_new(options->registry, options->store, options->zone, &clerk->members);
    }
    if (status != 0) {
        clerk_free(clerk);
        return status;
    }
    *out = clerk;
    return 0;
}

void clerk_free(struct clerk *clerk)
{
    if (!clerk) {
        return;
    }
    clerk_sites_free(clerk);
    members_free(clerk->members);
    message_arena_free(clerk->arena);
    summary_deinit(&clerk->interval.sum);
    free(clerk->replies);
    (void)pthread_mutex_destroy(&clerk->lock);
    free(clerk);
}

void clerk_counters(struct clerk *clerk, struct clerk_counters *out)
{
    (void)pthread_mutex_lock(&clerk->lock);
    *out = clerk->shared;
    (void)pthread_mutex_unlock(&clerk->lock);
}
