/* branch_link: the sync engine of a branch and its end of the line. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/proof/world/branch_internal.h"
#include "tests/proof/world/centre.h"

enum {
    RETRY_MIN_MS = 1000,
    WINDOW = 4,
    TURNS_A_SECOND = 20 /* more than that without anything happening is a busy loop */
};

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
    if (!branch_lives_on(branch)) {
        return;
    }
    int64_t in_ms = sync_turn(branch->sync, branch->world->now_ms, branch_wall_ms(branch));
    if (in_ms < 1 || in_ms > branch->world->plan.heartbeat_ms) {
        world_fail(branch->world, "%s: the engine wants to be called in %lld ms", branch->site, (long long)in_ms);
        return;
    }
    world_arm(branch->world, &branch->turn, branch->world->now_ms + in_ms);
    (void)branch_lives_on(branch);
}

void branch_turn_now(struct branch *branch)
{
    world_arm(branch->world, &branch->turn, branch->world->now_ms);
}

static void on_turn(void *ctx)
{
    struct branch *branch = ctx;
    watch_pace(branch);
    branch_wake(branch);
    turn(branch);
    branch_bury(branch);
}

static void something_happened(struct branch *branch)
{
    branch->turns = 0;
    if (!branch->dying) {
        turn(branch);
    }
    branch_bury(branch);
}

void branch_connected(struct branch *branch, struct conn *conn)
{
    assert(conn == branch->conn);
    branch_wake(branch);
    world_note(branch->world, "connected", branch->number, (int64_t)conn->number, 0);
    if (branch_lives_on(branch)) {
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
    branch_wake(branch);
    if (branch_lives_on(branch)) {
        sync_closed(branch->sync, branch->world->now_ms, reason);
    }
    something_happened(branch);
}

void branch_answered(struct branch *branch, uint64_t tag, unsigned code, uint32_t max_age_s, struct slice payload)
{
    branch_wake(branch);
    if (branch_lives_on(branch)) {
        sync_answered(branch->sync, branch->world->now_ms, branch_wall_ms(branch), tag, code, max_age_s, payload);
    }
    something_happened(branch);
}

int branch_open_sync(struct branch *branch)
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

void branch_link_init(struct branch *branch)
{
    branch->turn = (struct world_timer){.fire = on_turn, .ctx = branch};
}
