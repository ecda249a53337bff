/* branch_process: the agent's process on a PBX: its beginning and its end, keeper and follower. */
#include <errno.h>
#include <stdio.h>

#include "agent/config.h"
#include "platform/base/status.h"
#include "tests/proof/world/branch_internal.h"

enum {
    SETTLE_MS = 200,
    POLL_MS = 10 * WORLD_SECOND, /* the daemon looks every second; rows wake it here as inotify does there */
    IDLE_TICK_MS = 15 * WORLD_SECOND,
    QUIET_COMMIT_MS = WORLD_MINUTE,
    TEND_MS = 5 * WORLD_MINUTE
};

int64_t branch_wall_ms(const struct branch *branch)
{
    return pbx_wall_ms(&branch->pbx);
}

bool branch_is_up(const struct branch *branch)
{
    return branch->pipeline != NULL;
}

bool branch_lives_on(struct branch *branch)
{
    if (branch->dies_in > 0 && --branch->dies_in == 0) {
        branch->dying = true;
    }
    return !branch->dying;
}

void branch_wake(struct branch *branch)
{
    if (branch->last_commits > 0) {
        branch->commits_before = disk_commits();
        disk_fail_commits(branch->last_commits, EIO, !branch->hiccup);
    }
}

static void look_at_disk(struct branch *branch)
{
    if (branch->last_commits == 0) {
        return;
    }
    bool failed = disk_failed_one();
    disk_heal();
    if (failed) {
        world_note(branch->world, branch->hiccup ? "a commit failed" : "died in a commit", branch->number, 0, 0);
        branch->last_commits = 0;
        branch->dying |= !branch->hiccup;
    } else {
        branch->last_commits -= disk_commits() - branch->commits_before;
    }
}

void branch_bury(struct branch *branch)
{
    look_at_disk(branch);
    if (branch->dying && branch_is_up(branch)) {
        int64_t until_ms = branch->world->now_ms + branch->dead_ms;
        branch_kill(branch);
        branch_start_at(branch, until_ms);
    }
}

void branch_give_up(const struct branch *branch, const char *what, int status)
{
    world_fail(branch->world, "%s: %s: %s", branch->site, what, status_str(status));
}

/* ---- keeper ---- */

static bool is_caught_up(const struct branch *branch)
{
    return follow_state(branch->follow) == FOLLOW_READING && follow_lag_bytes(branch->follow) == 0;
}

static void commit(struct branch *branch)
{
    if (!branch_lives_on(branch)) {
        return;
    }
    int status = pipeline_commit(branch->pipeline, branch_wall_ms(branch));
    branch->world->tally.commits++;
    if (status != 0) {
        if (!disk_is_failing()) {
            branch_give_up(branch, "commit", status);
        }
        return;
    }
    branch->committed_ms = branch->world->now_ms;
    world_note(branch->world, "commit", branch->number, 0, 0);
    if (branch_lives_on(branch)) {
        sync_set_lag(branch->sync, 0);
        sync_committed(branch->sync, branch->world->now_ms);
        branch_turn_now(branch);
    }
}

static void tend(struct branch *branch)
{
    bool more = false;
    int status = ledger_tend(pipeline_ledger(branch->pipeline), branch_wall_ms(branch), &more);
    if (status != 0 && !disk_is_failing()) {
        branch_give_up(branch, "tending", status);
    }
    branch->tended_ms = branch->world->now_ms;
}

static void on_commit(void *ctx)
{
    struct branch *branch = ctx;
    int64_t now_ms = branch->world->now_ms;
    branch_wake(branch);
    if (is_caught_up(branch)) {
        int status = pipeline_tick(branch->pipeline, branch_wall_ms(branch));
        if (status != 0) {
            branch_give_up(branch, "tick", status);
        }
    }
    if (pipeline_pending_lines(branch->pipeline) > 0 || now_ms - branch->committed_ms >= QUIET_COMMIT_MS) {
        commit(branch);
    }
    if (!branch->dying && pipeline_pending_lines(branch->pipeline) == 0 && now_ms - branch->tended_ms >= TEND_MS) {
        tend(branch);
    }
    bool pending = pipeline_pending_lines(branch->pipeline) > 0;
    world_arm(branch->world, &branch->commit,
              now_ms + (pending ? branch->world->plan.commit_ms : (int64_t)IDLE_TICK_MS));
    branch_bury(branch);
}

/* ---- follower ---- */

/* False: nothing more to read now. */
static bool read_chunk(struct branch *branch)
{
    struct follow_chunk chunk;
    int status = follow_read(branch->follow, branch->world->now_ms, &chunk);
    if (status == FOLLOW_IDLE) {
        return false;
    }
    if (status != 0) {
        branch_give_up(branch, "reading", status);
        return false;
    }
    world_note(branch->world, "read", branch->number, (int64_t)chunk.bytes.len, (int64_t)chunk.after.offset);
    world_tell(branch->world, "%s: from %s", branch->site, chunk.path);
    if (chunk.gap) {
        world_fail(branch->world, "%s: a gap in a log of which nothing was lost", branch->site);
    }
    if (!branch_lives_on(branch)) {
        return false;
    }
    status = pipeline_take(branch->pipeline, "queue_log", &chunk, branch_wall_ms(branch));
    if (status != 0) {
        branch_give_up(branch, "taking", status);
        return false;
    }
    return branch_lives_on(branch);
}

static void on_read(void *ctx)
{
    struct branch *branch = ctx;
    int64_t now_ms = branch->world->now_ms;
    branch_wake(branch);
    world_arm(branch->world, &branch->read, now_ms + POLL_MS);
    for (unsigned i = 0; !branch->world->failed && read_chunk(branch); i++) {
        if (i == 3) { /* timers have their turn */
            world_arm(branch->world, &branch->read, now_ms + 1);
            break;
        }
    }
    if (!branch->dying && pipeline_pending_lines(branch->pipeline) > 0) {
        int64_t due_ms =
            now_ms / branch->world->plan.commit_ms * branch->world->plan.commit_ms + branch->world->plan.commit_ms;
        if (!branch->commit.armed || branch->commit.at_ms > due_ms) {
            world_arm(branch->world, &branch->commit, due_ms);
        }
    }
    branch_bury(branch);
}

void branch_log_changed(void *ctx)
{
    struct branch *branch = ctx;
    int64_t at_ms = branch->world->now_ms + SETTLE_MS;
    if (branch_is_up(branch) && (!branch->read.armed || branch->read.at_ms > at_ms)) {
        world_arm(branch->world, &branch->read, at_ms);
    }
}

/* ---- the process ---- */

static int open_follow(struct branch *branch)
{
    struct follow_position position;
    bool resumed = pipeline_resume(branch->pipeline, &position);
    struct follow_options options = {.path = branch->pbx.path,
                                     .chunk_bytes = branch->chunk_bytes,
                                     .drain_grace_ms = 10000,
                                     .rotated_at_start = true};
    return follow_open(&options, resumed ? &position : NULL, branch->world->now_ms, &branch->follow);
}

void branch_start(struct branch *branch)
{
    struct world *world = branch->world;
    if (branch_is_up(branch)) {
        return;
    }
    world_disarm(&branch->start);
    for (size_t i = 0; i < branch->config->queue_count; i++) {
        branch->config->queues[i].service_level_ms = (int64_t)branch->sl_threshold_s * 1000;
    }
    struct pipeline_options options = {.config = branch->config, .now_ms = branch_wall_ms(branch)};
    int status = pipeline_open(&options, &branch->pipeline);
    if (status == 0) {
        status = open_follow(branch);
    }
    if (status == 0) {
        status = branch_open_sync(branch);
    }
    if (status != 0) {
        branch_give_up(branch, "starting", status);
        return;
    }
    world_note(world, "agent starts", branch->number, 0, 0);
    status = pipeline_commit(branch->pipeline, branch_wall_ms(branch));
    if (status != 0) {
        branch_give_up(branch, "the first commit", status);
        return;
    }
    branch->committed_ms = world->now_ms;
    branch->tended_ms = world->now_ms;
    world_arm(world, &branch->read, world->now_ms);
    world_arm(world, &branch->commit, world->now_ms + world->plan.commit_ms);
    branch_turn_now(branch);
}

static void on_start(void *ctx)
{
    branch_start(ctx);
}

void branch_start_at(struct branch *branch, int64_t at_ms)
{
    world_arm(branch->world, &branch->start, at_ms);
}

static void take_down(struct branch *branch)
{
    follow_close(branch->follow);
    pipeline_close(branch->pipeline);
    branch->pipeline = NULL;
    branch->follow = NULL;
    branch->sync = NULL;
    branch->dying = false;
    branch->dies_in = 0;
    branch->last_commits = 0;
    world_disarm(&branch->read);
    world_disarm(&branch->commit);
    world_disarm(&branch->turn);
    if (branch->conn) { /* the kernel closes it */
        wire_hang_up(branch->conn);
        branch->conn = NULL;
    }
}

void branch_stop(struct branch *branch)
{
    if (!branch_is_up(branch)) {
        return;
    }
    world_note(branch->world, "agent stops", branch->number, 0, 0);
    sync_free(branch->sync);
    if (pipeline_pending_lines(branch->pipeline) > 0) {
        int status = pipeline_commit(branch->pipeline, branch_wall_ms(branch));
        if (status != 0) {
            branch_give_up(branch, "the last commit", status);
        }
    }
    take_down(branch);
}

/* Taking the stages down may write (answers that wait), which a process that is killed does not: the disk gets back
 * what it held. */
void branch_kill(struct branch *branch)
{
    if (!branch_is_up(branch)) {
        return;
    }
    char path[WORLD_PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/data.mdb", branch->ledger_dir);
    struct disk_copy copy;
    disk_copy_take(path, &copy);
    world_note(branch->world, "agent killed", branch->number, 0, 0);
    branch->world->tally.kills++;
    sync_free(branch->sync);
    take_down(branch);
    disk_copy_put(path, &copy);
    disk_copy_free(&copy);
}

void branch_process_init(struct branch *branch)
{
    branch->read = (struct world_timer){.fire = on_read, .ctx = branch};
    branch->commit = (struct world_timer){.fire = on_commit, .ctx = branch};
    branch->start = (struct world_timer){.fire = on_start, .ctx = branch};
}
