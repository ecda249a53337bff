#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/paths.h"
#include "tests/bench/fleet.h"

enum { RETRY_MIN_US = 1000000, RETRY_MAX_US = 60000000, HEARTBEAT_US = 30000000 };
enum { SECOND_US = 1000000 };

/* As the agent does it: full jitter, from a range that doubles with every attempt in vain. */
static int64_t pause_us(struct fleet_site *site)
{
    int64_t range_us = RETRY_MIN_US;
    for (unsigned i = 0; i < site->attempt && range_us < RETRY_MAX_US; i++) {
        range_us *= 2;
    }
    range_us = range_us < RETRY_MAX_US ? range_us : RETRY_MAX_US;
    site->attempt++;
    return (int64_t)(fleet_random(site->fleet) * (double)range_us);
}

static int on_judge(void *ctx, void *tls_session)
{
    (void)ctx;
    (void)tls_session;
    return 0; /* what judging costs is the agent's */
}

void fleet_site_ask(struct fleet_site *site, enum fleet_ask kind)
{
    static const char *const names[] = {PATHS_HELLO, PATHS_LIVE, PATHS_SUMMARIES};
    struct fleet *fleet = site->fleet;
    struct uplink_request request = {.method = UPLINK_POST,
                                     .path = &names[kind],
                                     .path_count = 1,
                                     .format = PATHS_FORMAT_OCTETS,
                                     .accept = -1,
                                     .payload = buf_slice(&fleet->out),
                                     .tag = kind};
    fleet->counts.asked++;
    site->asked_at_us[kind] = fleet_now_us();
    if (uplink_request(site->uplink, &request) != 0) {
        site->asked_at_us[kind] = 0;
        fleet->counts.refused++;
    }
}

static void ask_hello(struct fleet_site *site)
{
    char id[LIMITS_SITE_MAX + 1];
    fleet_site_id(id, site->number);
    buf_reset(&site->fleet->out);
    pool_hello(&site->fleet->pool, id, clock_wall_ms(), &site->fleet->out);
    fleet_site_ask(site, FLEET_HELLO);
}

static void ask_live(struct fleet_site *site)
{
    struct fleet *fleet = site->fleet;
    struct message_live_queue queues[4];
    int64_t now_ms = clock_wall_ms();
    for (uint32_t i = 0; i < 4; i++) {
        queues[i] = (struct message_live_queue){.queue = i + 1,
                                                .waiting = 2,
                                                .oldest_enter_ms = now_ms - 41000,
                                                .talking = 5,
                                                .ready = 0,
                                                .paused = 2,
                                                .held = 1,
                                                .logged_in = 8,
                                                .on_call = 6};
    }
    struct message_live live = {.now_ms = now_ms, .lag_ms = 0, .live = queues, .live_count = site->named ? 4 : 0};
    buf_reset(&fleet->out);
    if (message_live_encode(&live, &fleet->out) != 0) {
        pool_die("encoding a live view", STATUS_NO_MEMORY);
    }
    fleet_site_ask(site, FLEET_LIVE);
}

/* The next start of the pool, all its queues. */
static void ask_batch(struct fleet_site *site)
{
    struct fleet *fleet = site->fleet;
    const struct pool *pool = &fleet->pool;
    size_t from = site->next_item % pool->count;
    size_t to = from;
    while (to < pool->count && pool->items[to].start_s == pool->items[from].start_s) {
        to++;
    }
    char id[LIMITS_SITE_MAX + 1];
    fleet_site_id(id, site->number);
    struct pool_batch batch = {.site = id, .items = pool->items + from, .count = to - from, .names = !site->named};
    buf_reset(&fleet->out);
    (void)pool_encode(pool, fleet->writer, &batch, LIMITS_PAYLOAD_MAX, &fleet->out);
    site->next_item = (uint32_t)to;
    site->named = true;
    fleet_site_ask(site, FLEET_BATCH);
}

static void plan(struct fleet_site *site, int64_t now_us)
{
    struct fleet *fleet = site->fleet;
    site->due_at_us[FLEET_LIVE] = now_us + (int64_t)(fleet_random(fleet) * (double)fleet->live_us);
    site->due_at_us[FLEET_BATCH] = now_us + (int64_t)(fleet_random(fleet) * (double)fleet->batch_us);
}

static void on_connected(void *ctx)
{
    struct fleet_site *site = ctx;
    site->connected = true;
    ask_hello(site);
}

static void on_answered(void *ctx, const struct uplink_answer *answer)
{
    struct fleet_site *site = ctx;
    struct fleet *fleet = site->fleet;
    if (answer->tag >= FLEET_ASKS || site->asked_at_us[answer->tag] == 0) {
        return;
    }
    int64_t now_us = fleet_now_us();
    int64_t took_us = now_us - site->asked_at_us[answer->tag];
    site->asked_at_us[answer->tag] = 0;
    fleet->counts.answered++;
    bool whole = answer->tag != FLEET_BATCH || answer->payload.len == 0; /* all of it was taken */
    if (answer->code / 100 != 2 || !whole) {
        fleet->counts.told_to_wait += answer->code == 503;
        fleet->counts.refused += answer->code != 503;
        (void)snprintf(fleet->last_reason, sizeof fleet->last_reason, "%u %.*s", answer->code,
                       (int)(answer->payload.len < 150 ? answer->payload.len : 150), answer->payload.data);
        return;
    }
    if (answer->tag == FLEET_HELLO) {
        site->greeted = true;
        site->attempt = 0;
        fleet_times_add(&fleet->hello, now_us - site->wanted_since_us);
        plan(site, now_us);
    } else {
        fleet_times_add(answer->tag == FLEET_LIVE ? &fleet->live : &fleet->batch, took_us);
    }
}

static void on_closed(void *ctx, const char *reason)
{
    struct fleet_site *site = ctx;
    (void)snprintf(site->fleet->last_reason, sizeof site->fleet->last_reason, "%s", reason);
    site->lost = true;
}

static void forget(struct fleet_site *site)
{
    uplink_free(site->uplink);
    site->uplink = NULL;
    site->connected = site->greeted = site->named = site->lost = false;
    memset(site->asked_at_us, 0, sizeof site->asked_at_us);
}

void fleet_site_want(struct fleet_site *site, double spread_s)
{
    int64_t now_us = fleet_now_us();
    site->wanted = true;
    site->attempt = 0;
    site->dial_at_us = now_us + (int64_t)(fleet_random(site->fleet) * spread_s * SECOND_US);
    site->wanted_since_us = now_us;
}

void fleet_site_cut(struct fleet_site *site)
{
    forget(site);
    site->wanted = false;
}

static void dial(struct fleet_site *site)
{
    struct fleet *fleet = site->fleet;
    char id[LIMITS_SITE_MAX + 1];
    char path[4200];
    fleet_site_id(id, site->number);
    (void)snprintf(path, sizeof path, "%s/%s.pem", fleet->dir, id);
    struct uplink_options options = {.address = fleet->address,
                                     .port = fleet->port,
                                     .host = "localhost",
                                     .identity_path = path,
                                     .ca_path = fleet->ca_path,
                                     .message_max = LIMITS_MESSAGE_MAX,
                                     .ctx = site,
                                     .judge = on_judge,
                                     .connected = on_connected,
                                     .answered = on_answered,
                                     .closed = on_closed};
    fleet->counts.dials++;
    int status = uplink_new(&options, &site->uplink);
    if (status != 0) {
        pool_die(path, status);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = site};
    if (epoll_ctl(fleet->epoll_fd, EPOLL_CTL_ADD, uplink_fd(site->uplink), &event) != 0) {
        pool_die("watching a connection", STATUS_IO);
    }
}

static void lose(struct fleet_site *site, int64_t now_us)
{
    struct fleet *fleet = site->fleet;
    fleet->counts.failed += !site->greeted;
    if (site->greeted) {
        fleet->counts.cut++;
        site->wanted_since_us = now_us;
    }
    forget(site);
    site->dial_at_us = now_us + pause_us(site);
}

static void ask_what_is_due(struct fleet_site *site, int64_t now_us)
{
    struct fleet *fleet = site->fleet;
    if (fleet->live_us > 0 && now_us >= site->due_at_us[FLEET_LIVE] && site->asked_at_us[FLEET_LIVE] == 0) {
        site->due_at_us[FLEET_LIVE] = now_us + fleet->live_us;
        ask_live(site);
    }
    if (fleet->batch_us > 0 && now_us >= site->due_at_us[FLEET_BATCH] && site->asked_at_us[FLEET_BATCH] == 0) {
        site->due_at_us[FLEET_BATCH] = now_us + fleet->batch_us;
        ask_batch(site);
    }
}

void fleet_site_turn(struct fleet_site *site, int64_t now_us)
{
    if (!site->uplink) {
        if (!site->wanted || now_us < site->dial_at_us) {
            return;
        }
        dial(site);
    }
    if (site->greeted && site->fleet->traffic) {
        ask_what_is_due(site, now_us);
    }
    int64_t wait_ms = uplink_turn(site->uplink);
    site->turn_at_us = wait_ms < 0 ? INT64_MAX : now_us + wait_ms * 1000;
    if (site->lost) {
        lose(site, now_us);
    }
}
