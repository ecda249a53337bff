#include "tests/proof/world/verdict.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/proof/world/branch.h"
#include "tests/proof/world/centre.h"
#include "tests/proof/world/inquiry.h"
#include "tests/proof/world/truth.h"

enum { SHORT_ABANDON_S = 5 };

/* ---- the store, as it is on the disk ---- */

struct look {
    struct world *world;
    struct branch *branch;
    struct store_view *view;
    const struct wire_item *item; /* looked for; NULL: all are looked at */
    bool found;
};

static uint32_t queue_of(struct store_view *view, uint32_t queue)
{
    struct slice name = store_view_queue_name(view, queue);
    assert(name.len == 2 && name.data[0] == 'q');
    return (uint32_t)(name.data[1] - '0');
}

static bool is_older(const struct store_interval *item, const struct branch_held *held)
{
    return item->epoch < held->epoch || (item->epoch == held->epoch && item->revision < held->revision);
}

static int look_at_interval(void *ctx, const struct store_interval *item)
{
    struct look *look = ctx;
    uint32_t queue = queue_of(look->view, item->queue);
    struct branch_held *held = branch_held(look->branch, queue, item->start_s);
    if (!held) {
        world_fail(look->world, "%s: the store has an interval of a time that never was", look->branch->site);
        return 1;
    }
    if (is_older(item, held)) {
        world_fail(look->world, "%s q%u %lld: the store has revision %llu of epoch %u, but had %llu of epoch %u%s",
                   look->branch->site, queue, (long long)item->start_s, (unsigned long long)item->revision, item->epoch,
                   (unsigned long long)held->revision, held->epoch, held->acked ? ", and said so" : "");
        return 1;
    }
    bool asked = look->item && look->item->queue == queue;
    if (asked && item->revision >= look->item->revision) {
        look->found = true;
        held->acked = true;
    }
    held->epoch = item->epoch;
    held->revision = item->revision;
    return 0;
}

static void look_for(struct look *look)
{
    int status = store_view_intervals(look->view, look->branch->site_number, look->item->start_s,
                                      look->item->start_s + 1, look_at_interval, look, NULL);
    look->world->tally.acks++;
    if (status == 0 && !look->found) {
        world_fail(look->world, "%s q%u %lld revision %llu: acknowledged, but not in the store", look->branch->site,
                   look->item->queue, (long long)look->item->start_s, (unsigned long long)look->item->revision);
    }
}

static bool is_listed(const struct message_batch_reply *reply, size_t index)
{
    for (size_t i = 0; i < reply->item_count; i++) {
        if (reply->items[i].index == index && reply->items[i].outcome != MESSAGE_TAKEN) {
            return true;
        }
    }
    return false;
}

void verdict_answered(struct world *world, struct conn *conn, const struct wire_asked *asked,
                      const struct desk_job *job)
{
    struct message_batch_reply reply = {.item_count = 0};
    world_note(world, "answered", (int64_t)conn->number, job->code, (int64_t)job->answer.len);
    if (job->code != 204) {
        world_tell(world, "  %.*s", (int)job->answer.len, (const char *)job->answer.data);
    }
    if (asked->resource != SYNC_SUMMARIES || job->code != 204) {
        return;
    }
    if (job->answer.len > 0 && message_batch_reply_decode(conn->branch->arena, buf_slice(&job->answer), &reply) != 0) {
        world_fail(world, "an answer that cannot be read");
        return;
    }
    struct store_view *view;
    assert(store_view_begin(centre_store(world->centre), &view) == 0);
    for (size_t i = 0; i < asked->item_count && !reply.names_missing && !world->failed; i++) {
        struct look look = {.world = world, .branch = conn->branch, .view = view, .item = &asked->items[i]};
        if (is_listed(&reply, i)) {
            world_note(world, "not taken", (int64_t)i, asked->items[i].start_s, (int64_t)asked->items[i].revision);
        } else {
            look_for(&look);
        }
    }
    store_view_end(view);
}

static void forget_seen(struct branch *branch, struct branch_held *copy)
{
    size_t count = branch->pbx.slots * branch->world->plan.queue_count;
    memcpy(copy, branch->held, count * sizeof *copy);
    memset(branch->held, 0, count * sizeof *copy);
}

/* What was held before, and is not there at all now. */
static void find_lost(struct branch *branch, const struct branch_held *before)
{
    size_t count = branch->pbx.slots * branch->world->plan.queue_count;
    for (size_t i = 0; i < count && !branch->world->failed; i++) {
        struct branch_held *now = &branch->held[i];
        if (before[i].revision > 0 && (now->revision == 0 || now->epoch < before[i].epoch ||
                                       (now->epoch == before[i].epoch && now->revision < before[i].revision))) {
            world_fail(branch->world, "%s q%zu: the store lost or went back to an older revision of what it had%s",
                       branch->site, i / branch->pbx.slots, before[i].acked ? ", and said so" : "");
        }
        now->acked |= before[i].acked;
    }
}

void verdict_scan(struct world *world)
{
    struct store_view *view;
    world->tally.scans++;
    assert(store_view_begin(centre_store(world->centre), &view) == 0);
    for (size_t i = 0; i < world->plan.branch_count && world->branches[i] && !world->failed; i++) {
        struct branch *branch = world->branches[i];
        struct look look = {.world = world, .branch = branch, .view = view};
        struct branch_held *before = world_zeroed(branch->pbx.slots * world->plan.queue_count, sizeof *before);
        forget_seen(branch, before);
        (void)store_view_intervals(view, branch->site_number, 0, INT64_C(4000000000), look_at_interval, &look, NULL);
        find_lost(branch, before);
        free(before);
    }
    store_view_end(view);
}

void verdict_forget(struct world *world)
{
    for (size_t i = 0; i < world->plan.branch_count && world->branches[i]; i++) {
        struct branch *branch = world->branches[i];
        memset(branch->held, 0, branch->pbx.slots * world->plan.queue_count * sizeof *branch->held);
    }
}

/* ---- checks that the product brings ---- */

static void on_defect(void *ctx, const char *line)
{
    world_fail(ctx, "%s", line);
}

static void check_ledger(struct branch *branch)
{
    struct ledger_check_result result;
    if (branch_is_up(branch)) {
        int status = ledger_check(pipeline_ledger(branch->pipeline), on_defect, branch->world, &result);
        if (status != 0 || result.defects != 0 || result.unbalanced != 0) {
            world_fail(branch->world, "%s: the ledger has %llu defects", branch->site,
                       (unsigned long long)result.defects);
        }
    }
}

void verdict_between(struct world *world)
{
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        check_ledger(world->branches[i]);
    }
    if (centre_is_up(world->centre) && !world->failed) {
        if (store_check(centre_store(world->centre), on_defect, world) != 0) {
            world_fail(world, "the store has defects");
        }
        verdict_scan(world);
    }
}

/* ---- steady ---- */

struct wait {
    struct branch *branch;
    int64_t before_s;
    size_t count;
    int64_t start_s;
};

static int count_dirty(void *ctx, const struct ledger_dirty *dirty)
{
    struct wait *wait = ctx;
    if (dirty->interval.start_s + (int64_t)wait->branch->world->plan.interval_s <= wait->before_s) {
        wait->count++;
        wait->start_s = dirty->interval.start_s;
    }
    return 0;
}

/* Intervals that were over at that moment, by the branch's clock, and still wait. */
static void expect_delivered(struct branch *branch, int64_t ago_ms, const char *when)
{
    struct wait wait = {.branch = branch, .before_s = (pbx_wall_ms(&branch->pbx) - ago_ms) / 1000};
    struct ledger_view *view;
    struct ledger_backlog backlog = {0};
    struct sync_facts facts;
    assert(ledger_view_begin(pipeline_ledger(branch->pipeline), &view) == 0);
    (void)ledger_view_dirty(view, INT64_MAX, 0, count_dirty, &wait, NULL);
    (void)ledger_view_backlog(view, &backlog);
    ledger_view_end(view);
    sync_facts(branch->sync, &facts);
    if (wait.count > 0 || backlog.refused > 0) {
        world_fail(branch->world, "%s: %zu intervals wait %s, one of %lld; %llu refused; the engine is %s: %s",
                   branch->site, wait.count, when, (long long)wait.start_s, (unsigned long long)backlog.refused,
                   sync_state_str(facts.state), facts.last_error);
    }
}

static void expect_heard(struct branch *branch, struct store_view *view)
{
    struct world *world = branch->world;
    struct store_contact contact = {0};
    bool known = store_view_contact(view, branch->site_number, &contact);
    int64_t age_ms = world_centre_wall_ms(world) - contact.last_seen_ms;
    if (!known || !contact.online || age_ms > 2 * world->plan.heartbeat_ms) {
        struct sync_facts facts;
        sync_facts(branch->sync, &facts);
        world_fail(world, "%s: heard of %lld ms ago, %s; its engine is %s: %s", branch->site, (long long)age_ms,
                   contact.online ? "online" : "not online", sync_state_str(facts.state), facts.last_error);
    }
    int64_t off_ms = contact.clock_offset_ms - branch->pbx.clock_ms;
    if (!world->failed && (off_ms > 60000 || off_ms < -60000)) {
        world_fail(world, "%s: its clock is told %lld ms off", branch->site, (long long)off_ms);
    }
}

struct figures {
    uint32_t waiting;
    uint32_t talking;
    int64_t oldest_ms;
};

struct live {
    struct branch *branch;
    struct store_view *view;
    struct figures told[WORLD_QUEUES_MAX];
};

static int take_live(void *ctx, const struct store_live_queue *queue)
{
    struct live *live = ctx;
    if (queue->queue != STORE_QUEUE_TOTAL) {
        live->told[queue_of(live->view, queue->queue)] =
            (struct figures){queue->waiting, queue->talking, queue->oldest_enter_ms};
    }
    return 0;
}

static void count_now(const struct pbx *pbx, struct figures *figures)
{
    for (size_t i = 0; i < pbx->leg_count; i++) {
        const struct pbx_leg *leg = pbx->legs[i];
        struct figures *at = &figures[leg->queue];
        at->talking += leg->outcome == PBX_ANSWERED && leg->end_s < 0;
        if (leg->outcome == PBX_WAITS) {
            at->waiting++;
            int64_t enter_ms = leg->enter_s * 1000;
            at->oldest_ms = at->oldest_ms == 0 || enter_ms < at->oldest_ms ? enter_ms : at->oldest_ms;
        }
    }
}

static void expect_live(struct branch *branch, struct store_view *view)
{
    struct live live = {.branch = branch, .view = view};
    struct figures now[WORLD_QUEUES_MAX] = {0};
    if (store_view_live(view, branch->site_number, take_live, &live) != 0) {
        world_fail(branch->world, "%s: there is no live view", branch->site);
        return;
    }
    count_now(&branch->pbx, now);
    for (uint32_t i = 0; i < branch->world->plan.queue_count; i++) {
        if (memcmp(&now[i], &live.told[i], sizeof now[i]) != 0) {
            world_fail(branch->world,
                       "%s q%u: %u wait and %u talk, the longest since %lld; the centre shows %u, %u, %lld",
                       branch->site, i, now[i].waiting, now[i].talking, (long long)now[i].oldest_ms,
                       live.told[i].waiting, live.told[i].talking, (long long)live.told[i].oldest_ms);
        }
    }
}

void verdict_steady(struct world *world, int64_t heal_ms)
{
    if (world->failed) {
        return;
    }
    struct store_view *view;
    assert(store_view_begin(centre_store(world->centre), &view) == 0);
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        struct branch *branch = world->branches[i];
        expect_delivered(branch, world->now_ms - heal_ms, "long after all healed");
        if (!world->failed) {
            expect_heard(branch, view);
        }
        if (!world->failed && world->plan.live) {
            expect_live(branch, view);
        }
    }
    store_view_end(view);
}

/* ---- the end ---- */

struct compare {
    struct branch *branch;
    struct truth_cell *cells;
    bool *seen;
    struct ledger_view *ledger;
    struct store_view *store;
    uint32_t epoch;
};

static size_t slot_of(const struct compare *self, uint32_t queue, int64_t start_s)
{
    const struct pbx *pbx = &self->branch->pbx;
    return queue * pbx->slots + (size_t)((start_s - pbx->origin_s) / self->branch->world->plan.interval_s);
}

static int compare_ledger(void *ctx, const struct ledger_interval *item)
{
    struct compare *self = ctx;
    char why[160];
    struct slice name = ledger_view_name(self->ledger, LEDGER_QUEUE, item->queue);
    uint32_t queue = (uint32_t)(name.data[1] - '0');
    size_t at = slot_of(self, queue, item->start_s);
    self->seen[at] = true;
    if (!truth_agrees(&self->cells[at], item->summary, true, why, sizeof why)) {
        world_fail(self->branch->world, "%s q%u %lld: in the ledger %s", self->branch->site, queue,
                   (long long)item->start_s, why);
    }
    return self->branch->world->failed;
}

static int compare_store(void *ctx, const struct store_interval *item)
{
    struct compare *self = ctx;
    char why[160];
    uint32_t queue = queue_of(self->store, item->queue);
    size_t at = slot_of(self, queue, item->start_s);
    self->seen[at] = true;
    if (!truth_agrees(&self->cells[at], item->sum, true, why, sizeof why)) {
        world_fail(self->branch->world, "%s q%u %lld: in the store (revision %llu of epoch %u) %s", self->branch->site,
                   queue, (long long)item->start_s, (unsigned long long)item->revision, item->epoch, why);
    }
    return self->branch->world->failed;
}

static void expect_all_seen(struct compare *self, const char *where)
{
    struct branch *branch = self->branch;
    size_t count = branch->pbx.slots * branch->world->plan.queue_count;
    for (size_t i = 0; i < count && !branch->world->failed; i++) {
        if (!self->seen[i] && !truth_is_empty(&self->cells[i])) {
            int64_t start_s = branch->pbx.origin_s + (int64_t)(i % branch->pbx.slots) * branch->world->plan.interval_s;
            world_fail(branch->world, "%s q%zu %lld: not in the %s at all", branch->site, i / branch->pbx.slots,
                       (long long)start_s, where);
        }
    }
    memset(self->seen, 0, count * sizeof *self->seen);
}

static void expect_settings(struct branch *branch, struct store_view *view, uint32_t queue)
{
    char name[16];
    struct queue_settings settings;
    pbx_queue_name(queue, name);
    uint32_t number = store_view_queue_find(view, slice_str(name));
    if (number != 0 && store_view_queue_settings(view, branch->site_number, number, &settings) &&
        settings.sl_threshold_ms != (int64_t)branch->sl_threshold_s * 1000 && branch->pbx.queue_used[queue]) {
        world_fail(branch->world, "%s q%u: the centre goes by a threshold of %lld ms, set is %u s", branch->site, queue,
                   (long long)settings.sl_threshold_ms, branch->sl_threshold_s);
    }
}

static void judge_branch(struct branch *branch, struct store_view *store, struct truth_cell *cells)
{
    struct world *world = branch->world;
    size_t count = branch->pbx.slots * world->plan.queue_count;
    struct compare self = {.branch = branch, .cells = cells, .seen = world_zeroed(count, sizeof(bool)), .store = store};
    assert(ledger_view_begin(pipeline_ledger(branch->pipeline), &self.ledger) == 0);
    (void)ledger_view_intervals(self.ledger, 0, INT64_MAX, compare_ledger, &self, NULL);
    expect_all_seen(&self, "ledger");
    ledger_view_end(self.ledger);
    if (!world->failed) {
        expect_delivered(branch, 0, "at the end");
    }
    if (!world->failed) {
        (void)store_view_intervals(store, branch->site_number, 0, INT64_C(4000000000), compare_store, &self, NULL);
        expect_all_seen(&self, "store");
    }
    for (uint32_t i = 0; i < world->plan.queue_count && !world->failed; i++) {
        expect_settings(branch, store, i);
    }
    free(self.seen);
}

static void judge_all(struct world *world, struct truth_cell *const cells[WORLD_BRANCHES_MAX])
{
    struct store_view *view;
    assert(store_view_begin(centre_store(world->centre), &view) == 0);
    for (size_t i = 0; i < world->plan.branch_count && !world->failed; i++) {
        judge_branch(world->branches[i], view, cells[i]);
    }
    store_view_end(view);
}

void verdict_end(struct world *world)
{
    struct truth_cell *cells[WORLD_BRANCHES_MAX] = {NULL};
    if (world->failed) {
        return;
    }
    for (size_t i = 0; i < world->plan.branch_count; i++) {
        cells[i] = truth_of(&world->branches[i]->pbx, SHORT_ABANDON_S);
    }
    verdict_between(world);
    if (!world->failed) {
        judge_all(world, cells);
    }
    if (!world->failed) {
        inquiry(world, cells);
    }
    for (size_t i = 0; i < world->plan.branch_count; i++) {
        free(cells[i]);
    }
}
