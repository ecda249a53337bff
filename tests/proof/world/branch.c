#include "tests/proof/world/branch.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/config.h"
#include "platform/base/buf.h"
#include "proto/message.h"
#include "tests/proof/world/branch_internal.h"
#include "tests/proof/world/centre.h"
#include "tests/proof/world/disk.h"

enum { LEDGER_BYTES = 4 << 20 };

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
    branch_process_init(branch);
    branch_link_init(branch);
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
