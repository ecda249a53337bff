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
    FOLLOW_RETRY_MS = 30 * 1000,
    ROLL_LOG_MS = 60 * 1000,
    ROLL_MS = 2000,               /* while messages come without a pause, hours and days follow so far behind */
    ROLL_AT = 50 * 1000,          /* or by so many intervals: many of an hour at once cost little more than one */
    ARENA_BYTES = 4 * 1024 * 1024 /* what one message may become in memory */
};

static void follow_registry(struct clerk *clerk)
{
    uint64_t version = registry_version(clerk->options->registry);
    bool changed = version != clerk->registry_version;
    if (clerk->now_ms < clerk->follow_ms || (!changed && !members_stale(clerk->members, clerk->now_ms))) {
        return;
    }
    int status =
        changed ? members_update(clerk->members, clerk->now_ms) : members_settle_stale(clerk->members, clerk->now_ms);
    if (status != 0) {
        log_write(LOG_ERROR, "store", "sites could not be brought in line with the registry: %s", status_str(status));
        clerk->follow_ms = clerk->now_ms + FOLLOW_RETRY_MS;
        return;
    }
    clerk->registry_version = version;
}

/* It is tried again each round. */
static void note_roll_failure(struct clerk *clerk, int status)
{
    if (clerk->roll_failed_ms == 0 || clerk->now_ms - clerk->roll_failed_ms >= ROLL_LOG_MS) {
        clerk->roll_failed_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
        log_write(LOG_WARNING, "store", "hours and days could not be added up: %s", status_str(status));
    }
}

static bool roll_is_due(const struct clerk *clerk, bool busy)
{
    return !busy || clerk->shared.pending >= ROLL_AT || clerk->now_ms - clerk->rolled_ms >= ROLL_MS;
}

/* True: there is more to add up. */
static bool roll(struct clerk *clerk)
{
    bool more = false;
    clerk->rolled_ms = clerk->now_ms;
    int status = store_roll(clerk->store, members_layout(clerk->members), clerk->wall_ms, &more);
    if (status != 0) {
        note_roll_failure(clerk, status);
        more = false;
    }
    return more;
}

static bool upkeep(struct clerk *clerk, bool busy)
{
    follow_registry(clerk);
    bool more = roll_is_due(clerk, busy) && roll(clerk);
    if (!more && (clerk->tended_ms == 0 || clerk->more_to_tend || clerk->now_ms - clerk->tended_ms >= TEND_MS)) {
        clerk->tended_ms = clerk->now_ms == 0 ? 1 : clerk->now_ms;
        int status = store_tend(clerk->store, clerk->wall_ms, &clerk->more_to_tend);
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
    clerk->turned_ms = clock_monotonic_ms();
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
        clerk_commit(clerk, jobs);
        desk_return(clerk->desk, jobs);
    } else if (now_ms - clerk->contacts_ms >= CONTACTS_MS) {
        clerk->contacts_ms = now_ms;
        if (clerk_contacts_due(clerk)) {
            write_contacts(clerk, false);
        }
    }
    bool more = upkeep(clerk, any);
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
    while (jobs.first && payload_bytes(&jobs) < CLERK_COMMIT_BYTES && !desk_stopped(clerk->desk)) {
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
            clerk_changed(clerk, clerk->sites[i]);
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
    free(clerk->standing);
    (void)pthread_mutex_destroy(&clerk->lock);
    free(clerk);
}

int64_t clerk_turned_ms(struct clerk *clerk)
{
    (void)pthread_mutex_lock(&clerk->lock);
    int64_t turned_ms = clerk->turned_ms;
    (void)pthread_mutex_unlock(&clerk->lock);
    return turned_ms;
}

void clerk_counters(struct clerk *clerk, struct clerk_counters *out)
{
    (void)pthread_mutex_lock(&clerk->lock);
    *out = clerk->shared;
    (void)pthread_mutex_unlock(&clerk->lock);
}
