#include "tests/proof/world/branch.h"

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/config.h"
#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/proof/world/centre.h"
#include "tests/proof/world/disk.h"

enum {
    CALLERS_REMEMBERED = 64,
    SETTLE_MS = 200,
    POLL_MS = 10 * WORLD_SECOND, /* the daemon looks every second; rows wake it here as inotify does there */
    IDLE_TICK_MS = 15 * WORLD_SECOND,
    QUIET_COMMIT_MS = WORLD_MINUTE,
    TEND_MS = 5 * WORLD_MINUTE,
    RETRY_MIN_MS = 1000,
    WINDOW = 4,
    TURNS_A_SECOND = 20, /* more than that without anything happening is a busy loop */
    LEDGER_BYTES = 4 << 20
};

static int64_t wall_ms(const struct branch *branch)
{
    return pbx_wall_ms(&branch->pbx);
}

bool branch_is_up(const struct branch *branch)
{
    return branch->pipeline != NULL;
}

/* Between any two of its steps a process can end. */
static bool lives_on(struct branch *branch)
{
    if (branch->dies_in > 0 && --branch->dies_in == 0) {
        branch->dying = true;
    }
    return !branch->dying;
}

/* Around each call from outside: a process that dies within a commit, or between two. */
static void wake(struct branch *branch)
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

static void bury(struct branch *branch)
{
    look_at_disk(branch);
    if (branch->dying && branch_is_up(branch)) {
        int64_t until_ms = branch->world->now_ms + branch->dead_ms;
        branch_kill(branch);
        branch_start_at(branch, until_ms);
    }
}

static void give_up(const struct branch *branch, const char *what, int status)
{
    world_fail(branch->world, "%s: %s: %s", branch->site, what, status_str(status));
}

/* ---- keeper ---- */

static bool is_caught_up(const struct branch *branch)
{
    return follow_state(branch->follow) == FOLLOW_READING && follow_lag_bytes(branch->follow) == 0;
}

static void turn_now(struct branch *branch)
{
    world_arm(branch->world, &branch->turn, branch->world->now_ms);
}

static void commit(struct branch *branch)
{
    if (!lives_on(branch)) {
        return;
    }
    int status = pipeline_commit(branch->pipeline, wall_ms(branch));
    branch->world->tally.commits++;
    if (status != 0) {
        if (!disk_is_failing()) {
            give_up(branch, "commit", status);
        }
        return;
    }
    branch->committed_ms = branch->world->now_ms;
    world_note(branch->world, "commit", branch->number, 0, 0);
    if (lives_on(branch)) {
        sync_set_lag(branch->sync, 0);
        sync_committed(branch->sync, branch->world->now_ms);
        turn_now(branch);
    }
}

static void tend(struct branch *branch)
{
    bool more = false;
    int status = ledger_tend(pipeline_ledger(branch->pipeline), wall_ms(branch), &more);
    if (status != 0 && !disk_is_failing()) {
        give_up(branch, "tending", status);
    }
    branch->tended_ms = branch->world->now_ms;
}

static void on_commit(void *ctx)
{
    struct branch *branch = ctx;
    int64_t now_ms = branch->world->now_ms;
    wake(branch);
    if (is_caught_up(branch)) {
        int status = pipeline_tick(branch->pipeline, wall_ms(branch));
        if (status != 0) {
            give_up(branch, "tick", status);
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
    bury(branch);
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
        give_up(branch, "reading", status);
        return false;
    }
    world_note(branch->world, "read", branch->number, (int64_t)chunk.bytes.len, (int64_t)chunk.after.offset);
    world_tell(branch->world, "%s: from %s", branch->site, chunk.path);
    if (chunk.gap) {
        world_fail(branch->world, "%s: a gap in a log of which nothing was lost", branch->site);
    }
    if (!lives_on(branch)) {
        return false;
    }
    status = pipeline_take(branch->pipeline, "queue_log", &chunk, wall_ms(branch));
    if (status != 0) {
        give_up(branch, "taking", status);
        return false;
    }
    return lives_on(branch);
}

static void on_read(void *ctx)
{
    struct branch *branch = ctx;
    int64_t now_ms = branch->world->now_ms;
    wake(branch);
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
    bury(branch);
}

void branch_log_changed(void *ctx)
{
    struct branch *branch = ctx;
    int64_t at_ms = branch->world->now_ms + SETTLE_MS;
    if (branch_is_up(branch) && (!branch->read.armed || branch->read.at_ms > at_ms)) {
        world_arm(branch->world, &branch->read, at_ms);
    }
}

/* ---- link ---- */

static double roll(void *ctx)
{
    return (double)rng_below(&((struct branch *)ctx)->rng, 1000000) / 1000000.0;
}

static void on_connect(void *ctx)
{
    struct branch *branch = ctx;
    if (branch->conn) {
        world_fail(branch->world, "%s: the engine connects while it is connected", branch->site);
        return;
    }
    branch->conn = wire_connect(branch, branch->key);
    world_note(branch->world, "connect", branch->number, (int64_t)branch->conn->number, 0);
}

static void on_close(void *ctx)
{
    struct branch *branch = ctx;
    if (!branch->conn) {
        world_fail(branch->world, "%s: the engine closes what is not open", branch->site);
        return;
    }
    world_note(branch->world, "hang up", branch->number, (int64_t)branch->conn->number, 0);
    wire_hang_up(branch->conn);
    branch->conn = NULL;
}

/* What a batch carries, by the names that this ledger has now. */
static struct wire_item *list_items(struct branch *branch, struct slice payload, size_t *count)
{
    struct message_batch batch;
    struct message_interval interval = {0};
    struct ledger_view *view = NULL;
    if (message_batch_decode(branch->arena, payload, &batch) != 0 ||
        ledger_view_begin(pipeline_ledger(branch->pipeline), &view) != 0) {
        world_fail(branch->world, "%s: a batch that cannot be read", branch->site);
        return NULL;
    }
    struct wire_item *items = world_zeroed(batch.interval_count, sizeof *items);
    while (message_batch_next(&batch, &interval) == 0) {
        struct slice name = ledger_view_name(view, LEDGER_QUEUE, interval.queue);
        assert(name.len == 2 && name.data[0] == 'q');
        items[(*count)++] = (struct wire_item){
            .start_s = interval.start_s, .queue = (uint32_t)(name.data[1] - '0'), .revision = interval.revision};
    }
    summary_deinit(&interval.sum);
    ledger_view_end(view);
    return items;
}

static int on_request(void *ctx, enum sync_resource resource, struct slice payload, uint64_t tag)
{
    struct branch *branch = ctx;
    size_t count = 0;
    struct wire_item *items = NULL;
    if (!branch->conn) {
        world_fail(branch->world, "%s: the engine asks without a connection", branch->site);
        return STATUS_INVALID;
    }
    if (resource == SYNC_SUMMARIES) {
        items = list_items(branch, payload, &count);
    }
    world_note(branch->world, "ask", branch->number, resource, (int64_t)payload.len);
    return wire_request(branch->conn, resource, payload, tag, items, count);
}

static void watch_pace(struct branch *branch)
{
    int64_t now_ms = branch->world->now_ms;
    if (now_ms - branch->turns_since_ms >= WORLD_SECOND) {
        branch->turns_since_ms = now_ms;
        branch->turns = 0;
    }
    if (++branch->turns > TURNS_A_SECOND) {
        world_fail(branch->world, "%s: the engine wanted %u turns within a second in which nothing happened",
                   branch->site, branch->turns);
    }
}

static void turn(struct branch *branch)
{
    if (!lives_on(branch)) {
        return;
    }
    int64_t in_ms = sync_turn(branch->sync, branch->world->now_ms, wall_ms(branch));
    if (in_ms < 1 || in_ms > branch->world->plan.heartbeat_ms) {
        world_fail(branch->world, "%s: the engine wants to be called in %lld ms", branch->site, (long long)in_ms);
        return;
    }
    world_arm(branch->world, &branch->turn, branch->world->now_ms + in_ms);
    (void)lives_on(branch);
}

static void on_turn(void *ctx)
{
    struct branch *branch = ctx;
    watch_pace(branch);
    wake(branch);
    turn(branch);
    bury(branch);
}

static void something_happened(struct branch *branch)
{
    branch->turns = 0;
    if (!branch->dying) {
        turn(branch);
    }
    bury(branch);
}

void branch_connected(struct branch *branch, struct conn *conn)
{
    assert(conn == branch->conn);
    wake(branch);
    world_note(branch->world, "connected", branch->number, (int64_t)conn->number, 0);
    if (lives_on(branch)) {
        sync_connected(branch->sync, branch->world->now_ms,
                       rng_chance(&branch->rng, 80) ? LIMITS_PAYLOAD_MAX
                                                    : (uint32_t)rng_between(&branch->rng, 1024, 8192));
    }
    something_happened(branch);
}

void branch_closed(struct branch *branch, struct conn *conn, const char *reason)
{
    assert(conn == branch->conn);
    branch->conn = NULL;
    wake(branch);
    if (lives_on(branch)) {
        sync_closed(branch->sync, branch->world->now_ms, reason);
    }
    something_happened(branch);
}

void branch_answered(struct branch *branch, uint64_t tag, unsigned code, uint32_t max_age_s, struct slice payload)
{
    wake(branch);
    if (lives_on(branch)) {
        sync_answered(branch->sync, branch->world->now_ms, wall_ms(branch), tag, code, max_age_s, payload);
    }
    something_happened(branch);
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

static int open_sync(struct branch *branch)
{
    const struct world_plan *plan = &branch->world->plan;
    struct sync_options options = {.ledger = pipeline_ledger(branch->pipeline),
                                   .site = branch->site,
                                   .agent_version = "0",
                                   .zone = centre_zone(branch->number),
                                   .live = plan->live,
                                   .live_min_ms = 5000,
                                   .heartbeat_ms = plan->heartbeat_ms,
                                   .open_min_ms = 60000,
                                   .retry_min_ms = RETRY_MIN_MS,
                                   .retry_max_ms = plan->retry_max_ms,
                                   .window = WINDOW,
                                   .payload_max = LIMITS_PAYLOAD_MAX,
                                   .random = roll,
                                   .random_ctx = branch,
                                   .transport = {branch, on_connect, on_close, on_request}};
    uint64_t instance = rng_next(&branch->rng);
    memcpy(options.instance, &instance, sizeof options.instance);
    return sync_new(&options, branch->world->now_ms, &branch->sync);
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
    struct pipeline_options options = {
        .config = branch->config, .callers_remembered = CALLERS_REMEMBERED, .now_ms = wall_ms(branch)};
    int status = pipeline_open(&options, &branch->pipeline);
    if (status == 0) {
        status = open_follow(branch);
    }
    if (status == 0) {
        status = open_sync(branch);
    }
    if (status != 0) {
        give_up(branch, "starting", status);
        return;
    }
    world_note(world, "agent starts", branch->number, 0, 0);
    status = pipeline_commit(branch->pipeline, wall_ms(branch));
    if (status != 0) {
        give_up(branch, "the first commit", status);
        return;
    }
    branch->committed_ms = world->now_ms;
    branch->tended_ms = world->now_ms;
    world_arm(world, &branch->read, world->now_ms);
    world_arm(world, &branch->commit, world->now_ms + world->plan.commit_ms);
    turn_now(branch);
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
        int status = pipeline_commit(branch->pipeline, wall_ms(branch));
        if (status != 0) {
            give_up(branch, "the last commit", status);
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

/* ---- the ledger ---- */

void branch_back_up(struct branch *branch)
{
    char path[WORLD_PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/data.mdb", branch->ledger_dir);
    disk_copy_free(&branch->backup);
    disk_copy_take(path, &branch->backup);
    world_note(branch->world, "backup", branch->number, 0, 0);
}

void branch_put_back(struct branch *branch)
{
    char path[WORLD_PATH_MAX + 16];
    if (branch->backup.len > 0 && !branch_is_up(branch)) {
        (void)snprintf(path, sizeof path, "%s/data.mdb", branch->ledger_dir);
        disk_copy_put(path, &branch->backup);
        world_note(branch->world, "an older ledger is put back", branch->number, 0, 0);
    }
}

void branch_lose_ledger(struct branch *branch)
{
    if (!branch_is_up(branch)) {
        disk_remove_tree(branch->ledger_dir);
        disk_copy_free(&branch->backup);
        world_note(branch->world, "a new ledger", branch->number, 0, 0);
    }
}

void branch_set_threshold(struct branch *branch, uint32_t seconds)
{
    branch->sl_threshold_s = seconds;
}

/* ---- its whole life ---- */

void branch_freeze(struct branch *branch)
{
    pbx_freeze(&branch->pbx);
}

void branch_drain(struct branch *branch)
{
    pbx_drain(&branch->pbx);
}

struct branch_held *branch_held(struct branch *branch, uint32_t queue, int64_t start_s)
{
    int64_t slot = (start_s - branch->pbx.origin_s) / branch->world->plan.interval_s;
    return slot >= 0 && slot < (int64_t)branch->pbx.slots ? &branch->held[queue * branch->pbx.slots + (size_t)slot]
                                                          : NULL;
}

static void complain(void *ctx, const char *message)
{
    world_fail(ctx, "the agent's settings: %s", message);
}

static void make_config(struct branch *branch)
{
    struct buf text = BUF_INIT;
    buf_printf(&text,
               "site {\n id = \"%s\"\n zone = \"UTC\"\n}\nledger {\n dir = \"%s\"\n interval = \"%um\"\n}\n"
               "source queue_log {\n type = \"queue_log\"\n path = \"%s\"\n rotated_at_start = true\n}\n",
               branch->site, branch->ledger_dir, branch->world->plan.interval_s / 60, branch->pbx.path);
    int status = agent_config_parse("agent.conf", buf_slice(&text), complain, branch->world, &branch->config);
    buf_deinit(&text);
    if (status == 0) {
        branch->config->ledger.size_max_bytes = LEDGER_BYTES; /* less than may be set: each seed pays for it */
    }
}

struct branch *branch_new(struct world *world, uint32_t number)
{
    struct branch *branch = world_zeroed(1, sizeof *branch);
    char dir[WORLD_PATH_MAX];
    branch->world = world;
    branch->number = number;
    branch->rng = world_rng(world, 200 + number);
    (void)snprintf(branch->site, sizeof branch->site, "branch-%u", number);
    (void)snprintf(dir, sizeof dir, "%s/log-%u", world->dir, number);
    (void)snprintf(branch->ledger_dir, sizeof branch->ledger_dir, "%s/ledger-%u", world->dir, number);
    disk_make_dir(dir);
    pbx_open(&branch->pbx, world, number, dir);
    branch->pbx.grew = branch_log_changed;
    branch->pbx.ctx = branch;
    branch->latency_ms = rng_between(&branch->rng, 1, 150);
    branch->chunk_bytes = rng_chance(&branch->rng, 50) ? 0 : (size_t)rng_between(&branch->rng, 9000, 20000);
    branch->refuses_requests = rng_chance(&branch->rng, 20);
    branch->sl_threshold_s = 20;
    branch->read = (struct world_timer){.fire = on_read, .ctx = branch};
    branch->commit = (struct world_timer){.fire = on_commit, .ctx = branch};
    branch->turn = (struct world_timer){.fire = on_turn, .ctx = branch};
    branch->start = (struct world_timer){.fire = on_start, .ctx = branch};
    branch->held = world_zeroed(branch->pbx.slots * world->plan.queue_count, sizeof *branch->held);
    assert(message_arena_new(LIMITS_ARENA_BYTES, &branch->arena) == 0);
    make_config(branch);
    centre_join(world->centre, branch);
    pbx_start(&branch->pbx);
    return branch;
}

void branch_free(struct branch *branch)
{
    if (branch) {
        sync_free(branch->sync);
        follow_close(branch->follow);
        pipeline_close(branch->pipeline);
        agent_config_free(branch->config);
        message_arena_free(branch->arena);
        pbx_close(&branch->pbx);
        disk_copy_free(&branch->backup);
        free(branch->held);
        free(branch);
    }
}
