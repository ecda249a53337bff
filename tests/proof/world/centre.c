#include "tests/proof/world/centre.h"

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/clerk.h"
#include "platform/base/status.h"
#include "tests/proof/world/branch.h"
#include "tests/proof/world/disk.h"
#include "tests/proof/world/verdict.h"

enum {
    GATHER_MS = 20,
    SOON_MS = 1100, /* the clerk comes round once a second where nothing is to do */
    CONTACTS_MS = 5200,
    IDLE_MS = 20 * WORLD_SECOND,
    SESSION_IDLE_MS = 15 * WORLD_MINUTE,
    LINGER_MS = 500,
    STORE_BYTES = 64 << 20
};

struct centre {
    struct world *world;
    struct rng rng;
    char store_dir[WORLD_PATH_MAX];
    char registry_dir[WORLD_PATH_MAX];
    struct registry *registry;
    struct store *store; /* NULL, as desk and clerk: the process is not there */
    struct desk *desk;
    struct clerk *clerk;
    struct ingest_options options;
    struct world_timer round;
    struct world_timer start;
    unsigned quiet_rounds;
    bool silent;
    int64_t full_until_ms;
    bool hiccup;
};

const char *centre_zone(uint32_t branch)
{
    static const char *const zones[] = {"Europe/Madrid", "America/New_York", "UTC", "Europe/Madrid", "Asia/Kolkata"};
    return zones[branch % 5];
}

bool centre_is_up(const struct centre *centre)
{
    return centre->store != NULL;
}

bool centre_is_silent(const struct centre *centre)
{
    return centre->silent;
}

struct store *centre_store(struct centre *centre)
{
    return centre->store;
}

struct registry *centre_registry(struct centre *centre)
{
    return centre->registry;
}

/* ---- who belongs to it ---- */

static void key_of(unsigned key, uint8_t out[REGISTRY_KEY_BYTES])
{
    memset(out, 0, REGISTRY_KEY_BYTES);
    memcpy(out, &key, sizeof key);
}

void centre_join(struct centre *centre, struct branch *branch)
{
    int64_t now_ms = world_centre_wall_ms(centre->world);
    bool again = branch->key != 0;
    uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    uint8_t hash[REGISTRY_KEY_BYTES];
    struct registry_site site;
    struct registry_invitation invitation = {.id = branch->site,
                                             .group = again                ? NULL
                                                      : branch->number % 2 ? "odd"
                                                                           : "even",
                                             .token_psk = psk,
                                             .token_expires_ms = now_ms + 1000,
                                             .now_ms = now_ms};
    key_of(++branch->key, hash);
    assert(registry_invite(centre->registry, &invitation, again, &site) == 0);
    assert(registry_enrol(centre->registry, branch->site, psk, hash, "01", now_ms / 1000 + 400 * WORLD_DAY_S, now_ms) ==
           0);
    branch->site_number = site.number;
    world_note(centre->world, "joined", branch->number, branch->key, 0);
}

void centre_revoke(struct centre *centre, struct branch *branch)
{
    assert(registry_set_state(centre->registry, branch->site, REGISTRY_REVOKED, world_centre_wall_ms(centre->world)) ==
           0);
    world_note(centre->world, "revoked", branch->number, 0, 0);
}

/* ---- the door ---- */

static void on_ending(void *ctx)
{
    wire_end(ctx);
}

static void end_soon(struct centre *centre, struct conn *conn, int64_t in_ms)
{
    if (!conn->ending.armed) {
        conn->ending = (struct world_timer){.fire = on_ending, .ctx = conn, .generation = conn->ending.generation};
        world_arm(centre->world, &conn->ending, centre->world->now_ms + in_ms);
    }
}

void centre_opened(struct centre *centre, struct conn *conn)
{
    world_note(centre->world, "opened", (int64_t)conn->number, conn->branch->number, 0);
}

static void reply_at_once(struct conn *conn, struct wire_asked *asked, unsigned code, uint32_t max_age_s,
                          const char *text)
{
    wire_answer(conn, asked->tag, asked->resource, code, max_age_s, slice_str(text));
    free(asked->items);
    free(asked);
}

static bool may(struct centre *centre, const struct conn *conn, struct registry_site *site)
{
    uint8_t hash[REGISTRY_KEY_BYTES];
    key_of(conn->key, hash);
    return registry_find(centre->registry, slice_str(conn->branch->site), site) == 0 &&
           site->state == REGISTRY_JOINED && site->has_key && memcmp(site->key_hash, hash, sizeof hash) == 0;
}

static void push_asked(struct conn *conn, struct wire_asked *asked)
{
    struct wire_asked **at = &conn->asked;
    while (*at) {
        at = &(*at)->next;
    }
    *at = asked;
}

static void round_by(struct centre *centre, int64_t in_ms)
{
    int64_t at_ms = centre->world->now_ms + in_ms;
    if (!centre->round.armed || centre->round.at_ms > at_ms) {
        world_arm(centre->world, &centre->round, at_ms);
    }
}

static void hand_in(struct centre *centre, struct conn *conn, struct wire_asked *asked, struct slice payload,
                    const struct registry_site *site)
{
    static const enum desk_kind kinds[] = {
        [SYNC_HELLO] = DESK_HELLO, [SYNC_SUMMARIES] = DESK_BATCH, [SYNC_LIVE] = DESK_LIVE};
    struct desk_job *job = world_zeroed(1, sizeof *job);
    *job = (struct desk_job){.kind = kinds[asked->resource],
                             .session = conn->number,
                             .site = site->number,
                             .fresh = site->fresh,
                             .in_bytes = conn->in_bytes,
                             .payload = world_zeroed(payload.len + 1, 1),
                             .payload_len = payload.len};
    memcpy(job->site_id, site->id, sizeof job->site_id);
    (void)snprintf(job->address, sizeof job->address, "192.0.2.1:5684");
    if (payload.len > 0) {
        memcpy(job->payload, payload.data, payload.len);
    }
    conn->clerk_knows = true;
    push_asked(conn, asked);
    assert(desk_hand_in(centre->desk, job));
    round_by(centre, rng_between(&centre->rng, 0, GATHER_MS));
}

void centre_request(struct centre *centre, struct conn *conn, struct wire_asked *asked, struct slice payload)
{
    struct branch *branch = conn->branch;
    struct registry_site site;
    if (!may(centre, conn, &site)) {
        end_soon(centre, conn, LINGER_MS);
        reply_at_once(conn, asked, 403, 0, "it is revoked");
    } else if (branch->busy_until_ms > centre->world->now_ms) {
        reply_at_once(conn, asked, 503, (uint32_t)rng_between(&centre->rng, 1, 20), "too much is waiting to be stored");
    } else if (branch->refuse_next != 0 && !branch->refuse_after) {
        world_note(centre->world, "turned away", branch->number, branch->refuse_next, 0);
        unsigned code = branch->refuse_next;
        branch->refuse_next = 0;
        reply_at_once(conn, asked, code, 0, "this once");
    } else {
        hand_in(centre, conn, asked, payload, &site);
    }
}

void centre_gone(struct centre *centre, struct conn *conn)
{
    world_note(centre->world, "session ends", (int64_t)conn->number, conn->branch->number, 0);
    if (conn->clerk_knows) {
        struct desk_job *job = world_zeroed(1, sizeof *job);
        *job = (struct desk_job){.kind = DESK_GONE, .session = conn->number, .site = conn->branch->site_number};
        assert(desk_hand_in(centre->desk, job));
        conn->clerk_knows = false;
        round_by(centre, GATHER_MS);
    }
}

/* ---- the clerk's rounds ---- */

static void pass_on(struct centre *centre, struct desk_job *job)
{
    struct conn *conn = wire_session(centre->world->wire, job->session);
    struct wire_asked *asked = conn->asked;
    if (job->kind == DESK_GONE || !asked) {
        return;
    }
    conn->asked = asked->next;
    verdict_answered(centre->world, conn, asked, job);
    struct branch *branch = conn->branch;
    if (branch->refuse_next != 0 && branch->refuse_after) {
        world_note(centre->world, "taken, but turned away", branch->number, branch->refuse_next, 0);
        job->code = branch->refuse_next;
        branch->refuse_next = 0;
        buf_reset(&job->answer);
    }
    if (conn->server_open) {
        wire_answer(conn, asked->tag, asked->resource, job->code, job->max_age_s, buf_slice(&job->answer));
    }
    if (job->close) {
        end_soon(centre, conn, 0);
    }
    free(asked->items);
    free(asked);
}

static void look_at_session(void *ctx, struct conn *conn)
{
    struct centre *centre = ctx;
    struct registry_site site;
    if (centre->world->now_ms - conn->heard_ms > SESSION_IDLE_MS || !may(centre, conn, &site)) {
        end_soon(centre, conn, 0);
    }
}

static bool run_clerk(struct centre *centre, struct desk_list *jobs)
{
    struct world *world = centre->world;
    bool full = centre->full_until_ms > world->now_ms;
    if (full || centre->hiccup) {
        disk_fail_commits(1, full ? ENOSPC : EIO, full);
    }
    bool more = clerk_round(centre->clerk, jobs, world_centre_wall_ms(world), world->now_ms);
    if (full || centre->hiccup) {
        centre->hiccup &= !disk_failed_one();
        disk_heal();
    }
    return more && !full;
}

static void on_round(void *ctx)
{
    struct centre *centre = ctx;
    struct desk_list jobs = desk_take(centre->desk, 0);
    bool any = jobs.count > 0;
    bool more = run_clerk(centre, &jobs);
    struct desk_list answers = desk_collect(centre->desk);
    for (struct desk_job *job; (job = desk_list_pop(&answers));) {
        pass_on(centre, job);
        desk_job_free(job);
    }
    for (uint64_t number; desk_next_closing(centre->desk, &number);) {
        end_soon(centre, wire_session(centre->world->wire, number), rng_between(&centre->rng, 0, 300));
    }
    centre->quiet_rounds = any ? 0 : centre->quiet_rounds + 1;
    if (centre->quiet_rounds % 8 == 3) {
        wire_each_session(centre->world->wire, look_at_session, centre);
    }
    round_by(centre, more                       ? 1
                     : any                      ? (int64_t)SOON_MS
                     : centre->quiet_rounds < 2 ? (int64_t)CONTACTS_MS
                                                : (int64_t)IDLE_MS);
}

/* ---- the process ---- */

static void gave_up(void *ctx, int status)
{
    world_fail(ctx, "the collector gave up: %s", status_str(status));
}

static void answers_wait(void *ctx)
{
    (void)ctx; /* they are collected after each round */
}

void centre_start(struct centre *centre)
{
    struct world *world = centre->world;
    if (centre_is_up(centre)) {
        return;
    }
    struct store_options store = {
        .dir = centre->store_dir, .limit_bytes = STORE_BYTES, .now_ms = world_centre_wall_ms(world)};
    int status = store_open_writer(&store, &centre->store);
    if (status != 0) {
        world_fail(world, "the store does not open: %s", status_str(status));
        return;
    }
    world_disarm(&centre->start);
    centre->silent = false;
    centre->options = (struct ingest_options){.registry = centre->registry,
                                              .store = centre->store,
                                              .zone = "UTC",
                                              .oldest_s = 400 * WORLD_DAY_S,
                                              .ahead_s = WORLD_DAY_S,
                                              .gave_up = gave_up,
                                              .ctx = world};
    assert(desk_new(answers_wait, NULL, &centre->desk) == 0);
    assert(clerk_new(&centre->options, centre->desk, &centre->clerk) == 0);
    world_note(world, "collector starts", 0, 0, 0);
    verdict_scan(world);
    world_arm(world, &centre->round, world->now_ms);
}

static void on_start(void *ctx)
{
    centre_start(ctx);
}

void centre_start_at(struct centre *centre, int64_t at_ms)
{
    world_arm(centre->world, &centre->start, at_ms);
}

static void take_down(struct centre *centre, bool told)
{
    wire_server_died(centre->world->wire, told);
    clerk_free(centre->clerk);
    desk_free(centre->desk);
    store_close(centre->store);
    centre->clerk = NULL;
    centre->desk = NULL;
    centre->store = NULL;
    centre->full_until_ms = 0;
    world_disarm(&centre->round);
}

void centre_kill(struct centre *centre, bool machine)
{
    if (centre_is_up(centre)) {
        world_note(centre->world, "collector killed", machine, 0, 0);
        centre->world->tally.kills++;
        centre->silent = machine;
        take_down(centre, !machine);
    }
}

void centre_stop(struct centre *centre)
{
    if (centre_is_up(centre)) {
        world_note(centre->world, "collector stops", 0, 0, 0);
        on_round(centre); /* what was taken in is stored */
        desk_stop(centre->desk);
        clerk_run(centre->clerk); /* nothing waits: it says good-bye to those who are connected */
        take_down(centre, true);
    }
}

void centre_lose_store(struct centre *centre)
{
    centre_kill(centre, false);
    disk_remove_tree(centre->store_dir);
    verdict_forget(centre->world);
    world_note(centre->world, "a new store", 0, 0, 0);
}

void centre_fill(struct centre *centre, int64_t until_ms)
{
    centre->full_until_ms = until_ms;
    world_note(centre->world, "store full", until_ms - centre->world->now_ms, 0, 0);
}

void centre_hiccup(struct centre *centre)
{
    centre->hiccup = true;
}

struct centre *centre_new(struct world *world)
{
    struct centre *centre = world_zeroed(1, sizeof *centre);
    centre->world = world;
    centre->rng = world_rng(world, 3);
    (void)snprintf(centre->store_dir, sizeof centre->store_dir, "%s/store", world->dir);
    (void)snprintf(centre->registry_dir, sizeof centre->registry_dir, "%s/registry", world->dir);
    centre->round = (struct world_timer){.fire = on_round, .ctx = centre};
    centre->start = (struct world_timer){.fire = on_start, .ctx = centre};
    assert(registry_create(centre->registry_dir) == 0);
    assert(registry_open(centre->registry_dir, true, &centre->registry) == 0);
    return centre;
}

void centre_free(struct centre *centre)
{
    if (centre) {
        clerk_free(centre->clerk);
        desk_free(centre->desk);
        store_close(centre->store);
        registry_close(centre->registry);
        free(centre);
    }
}
