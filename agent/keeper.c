#include "agent/keeper.h"

#include <stdlib.h>

#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/service/memory.h"
#include "platform/time/clock.h"

enum {
    QUIET_COMMIT_MS = 60 * 1000, /* a commit at least so often: a reader tells from its age that the daemon lives */
    TEND_MS = 60 * 1000,
    TRIM_MS = 5 * 1000,
    FAILED_COMMITS_MAX = 5,
    ROOM_TRIES = 8,
    ROOM_PART = 16, /* of the ledger's size is given up at a time */
};

struct keeper {
    struct keeper_options options;
    struct loop_timer *timer;
    struct keeper_client clients[KEEPER_CLIENTS_MAX];
    size_t client_count;
    int64_t committed_at_ms; /* monotonic, as the next */
    int64_t tended_at_ms;
    int64_t trimmed_at_ms;
    unsigned failed_commits;
    bool held;
    bool stopped;
};

void keeper_give_up(struct keeper *keeper, const char *what, int status)
{
    if (keeper->stopped) {
        return;
    }
    log_write(LOG_ERROR, "agent", "%s: %s; stopping, to go on from the last commit", what, status_str(status));
    keeper->stopped = true;
    keeper->options.gave_up(keeper->options.ctx, status);
}

static int make_room(struct keeper *keeper)
{
    struct ledger *ledger = pipeline_ledger(keeper->options.pipeline);
    int status = ledger_shed(ledger, keeper->options.config->ledger.size_max_bytes / ROOM_PART);
    if (status == 0) {
        log_write(LOG_WARNING, "ledger", "full: the oldest history was given up to make room");
    }
    return status;
}

static void hold(struct keeper *keeper)
{
    if (!keeper->held) {
        log_write(LOG_ERROR, "ledger", "full, nothing left to give up: reading is held until there is room");
        keeper->held = true;
        status_health_set_ledger_full(keeper->options.health, true);
    }
}

static void release(struct keeper *keeper)
{
    if (!keeper->held) {
        return;
    }
    log_write(LOG_NOTICE, "ledger", "there is room again: reading goes on");
    keeper->held = false;
    status_health_set_ledger_full(keeper->options.health, false);
    for (size_t i = 0; i < keeper->client_count; i++) {
        keeper->clients[i].room(keeper->clients[i].ctx);
    }
}

static bool commit(struct keeper *keeper)
{
    int status = pipeline_commit(keeper->options.pipeline, clock_wall_ms());
    for (int tries = 0; status == STATUS_FULL && tries < ROOM_TRIES; tries++) {
        if (make_room(keeper) != 0) {
            break;
        }
        status = pipeline_commit(keeper->options.pipeline, clock_wall_ms());
    }
    if (status == 0) {
        ledger_trim(
            pipeline_ledger(keeper->options.pipeline)); /* each commit looks at other pages: all of them in time */
        keeper->failed_commits = 0;
        keeper->committed_at_ms = loop_now_ms();
        release(keeper);
        return true;
    }
    if (status == STATUS_FULL) {
        hold(keeper);
        return false;
    }
    keeper->failed_commits++;
    log_write(LOG_ERROR, "ledger", "commit failed: %s", status_str(status));
    if (keeper->failed_commits >= FAILED_COMMITS_MAX) {
        keeper_give_up(keeper, "the ledger cannot be written", status);
    }
    return false;
}

void keeper_commit(struct keeper *keeper)
{
    if (commit(keeper)) {
        keeper->options.committed(keeper->options.ctx);
    }
}

void keeper_commit_if_full(struct keeper *keeper)
{
    if (pipeline_wants_commit(keeper->options.pipeline)) {
        keeper_commit(keeper);
    }
}

bool keeper_is_held(const struct keeper *keeper)
{
    return keeper->held;
}

bool keeper_is_stopped(const struct keeper *keeper)
{
    return keeper->stopped;
}

static void tend(struct keeper *keeper, int64_t now_ms)
{
    bool more = false;
    int status = ledger_tend(pipeline_ledger(keeper->options.pipeline), clock_wall_ms(), &more);
    if (status != 0) {
        log_write(LOG_WARNING, "ledger", "tending failed: %s", status_str(status));
    }
    keeper->tended_at_ms = more && status == 0 ? 0 : now_ms;
}

/* What a burst took is given back soon after it: the box's memory is the PBX's. */
static void trim(struct keeper *keeper, int64_t now_ms)
{
    for (size_t i = 0; i < keeper->client_count; i++) {
        if (keeper->clients[i].trim) {
            keeper->clients[i].trim(keeper->clients[i].ctx);
        }
    }
    pipeline_trim(keeper->options.pipeline);
    memory_trim();
    keeper->trimmed_at_ms = now_ms;
}

static void on_timer(void *ctx)
{
    struct keeper *keeper = ctx;
    struct pipeline *pipeline = keeper->options.pipeline;
    for (size_t i = 0; i < keeper->client_count && !keeper->stopped; i++) {
        keeper->clients[i].before(keeper->clients[i].ctx);
    }
    if (keeper->stopped) {
        return;
    }
    int64_t now_ms = loop_now_ms();
    bool quiet_due = now_ms - keeper->committed_at_ms >= QUIET_COMMIT_MS;
    if (pipeline_pending_lines(pipeline) > 0 || quiet_due) {
        keeper_commit(keeper);
    }
    if (!keeper->stopped && pipeline_pending_lines(pipeline) == 0 &&
        (keeper->tended_at_ms == 0 || now_ms - keeper->tended_at_ms >= TEND_MS)) {
        tend(keeper, now_ms);
    }
    if (!keeper->stopped && now_ms - keeper->trimmed_at_ms >= TRIM_MS) {
        trim(keeper, now_ms);
    }
}

int keeper_start(const struct keeper_options *options, struct keeper **out)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        return STATUS_NO_MEMORY;
    }
    keeper->options = *options;
    keeper->committed_at_ms = loop_now_ms();
    keeper->trimmed_at_ms = keeper->committed_at_ms;
    uint64_t commit_ms = (uint64_t)options->config->ledger.commit_interval_ms;
    int status = loop_timer_start(options->loop, commit_ms, commit_ms, on_timer, keeper, &keeper->timer);
    if (status != 0) {
        free(keeper);
        return status;
    }
    /* The settings of now, before anybody is told those of an earlier run. No news: those who observe would hear of the
     * first that are some only after their shortest time. */
    (void)commit(keeper);
    *out = keeper;
    return 0;
}

int keeper_add(struct keeper *keeper, const struct keeper_client *client)
{
    if (keeper->client_count == KEEPER_CLIENTS_MAX) {
        return STATUS_FULL;
    }
    keeper->clients[keeper->client_count++] = *client;
    return 0;
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper) {
        return;
    }
    if (!keeper->stopped && pipeline_pending_lines(keeper->options.pipeline) > 0) {
        keeper_commit(keeper);
    }
    loop_timer_stop(keeper->timer);
    free(keeper);
}
