#include "tests/proof/world/wire.h"

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/buf.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "tests/proof/world/branch.h"
#include "tests/proof/world/centre.h"

enum {
    GIVE_UP_MS = 15 * WORLD_MINUTE, /* how long a sender tries before its connection is gone */
    ORPHAN_MS = 100 * WORLD_SECOND, /* and how long when nobody owns it any more */
    CONNECT_MS = 15 * WORLD_SECOND
};

enum packet_kind {
    PACKET_SYN,
    PACKET_SYN_ACK,
    PACKET_REQUEST,
    PACKET_ANSWER,
    PACKET_FIN,
    PACKET_TOLD /* locally */,
    PACKET_TIMEOUT /* as well: of connecting */
};

struct packet {
    struct packet *next;
    struct packet *prev;
    struct world_timer timer;
    struct conn *conn;
    enum packet_kind kind;
    enum wire_way way;
    enum sync_resource resource;
    uint64_t tag;
    unsigned code;
    uint32_t max_age_s;
    const char *reason;
    struct buf payload;
    struct wire_item *items;
    size_t item_count;
};

struct wire {
    struct world *world;
    struct rng rng;
    struct conn **conns; /* [number - 1] */
    size_t count;
    size_t cap;
    struct packet packets; /* a ring's head */
};

struct wire *wire_new(struct world *world)
{
    struct wire *wire = world_zeroed(1, sizeof *wire);
    wire->world = world;
    wire->rng = world_rng(world, 2);
    wire->packets.next = wire->packets.prev = &wire->packets;
    return wire;
}

static void free_packet(struct packet *packet)
{
    packet->next->prev = packet->prev;
    packet->prev->next = packet->next;
    buf_deinit(&packet->payload);
    free(packet->items);
    free(packet);
}

void wire_forget_asked(struct conn *conn)
{
    for (struct wire_asked *asked; (asked = conn->asked);) {
        conn->asked = asked->next;
        free(asked->items);
        free(asked);
    }
}

void wire_free(struct wire *wire)
{
    if (!wire) {
        return;
    }
    while (wire->packets.next != &wire->packets) {
        free_packet(wire->packets.next);
    }
    for (size_t i = 0; i < wire->count; i++) {
        wire_forget_asked(wire->conns[i]);
        free(wire->conns[i]);
    }
    free((void *)wire->conns);
    free(wire);
}

/* ---- packets ---- */

static int64_t latency_ms(struct wire *wire, const struct branch *branch)
{
    int64_t slow_ms = branch->slow_until_ms > wire->world->now_ms ? rng_between(&wire->rng, 0, 20 * WORLD_SECOND) : 0;
    return branch->latency_ms + rng_between(&wire->rng, 0, branch->latency_ms) + slow_ms;
}

static void on_packet(void *ctx);

static struct packet *make_packet(struct conn *conn, enum packet_kind kind, enum wire_way way)
{
    struct wire *wire = conn->wire;
    struct packet *packet = world_zeroed(1, sizeof *packet);
    packet->timer = (struct world_timer){.fire = on_packet, .ctx = packet};
    packet->conn = conn;
    packet->kind = kind;
    packet->way = way;
    packet->next = &wire->packets;
    packet->prev = wire->packets.prev;
    packet->prev->next = packet;
    wire->packets.prev = packet;
    return packet;
}

/* Behind what is under way in the same direction. */
static void post(struct packet *packet)
{
    struct conn *conn = packet->conn;
    struct world *world = conn->wire->world;
    int64_t at_ms = world->now_ms + latency_ms(conn->wire, conn->branch);
    int64_t *busy_ms = &conn->busy_ms[packet->way];
    *busy_ms = at_ms > *busy_ms ? at_ms : *busy_ms;
    world_arm(world, &packet->timer, *busy_ms);
}

/* The agent's own machine tells it that the connection is gone. */
static void tell_client(struct conn *conn, const char *reason, int64_t in_ms)
{
    struct packet *packet = make_packet(conn, PACKET_TOLD, WIRE_DOWN);
    packet->reason = reason;
    world_arm(conn->wire->world, &packet->timer, conn->wire->world->now_ms + in_ms);
}

static void client_closed(struct conn *conn, const char *reason)
{
    if (conn->client_open) {
        conn->client_open = false;
        world_note(conn->wire->world, "closed", (int64_t)conn->number, conn->branch->number, 0);
        branch_closed(conn->branch, conn, reason);
    }
}

static void reset(struct conn *conn)
{
    post(make_packet(conn, PACKET_FIN, WIRE_DOWN));
}

static void arrive_up(struct packet *packet)
{
    struct conn *conn = packet->conn;
    struct world *world = conn->wire->world;
    if (!centre_is_up(world->centre)) {
        if (!centre_is_silent(world->centre)) {
            reset(conn);
        }
        return;
    }
    if (packet->kind == PACKET_SYN) {
        conn->server_open = true;
        conn->heard_ms = world->now_ms;
        centre_opened(world->centre, conn);
        post(make_packet(conn, PACKET_SYN_ACK, WIRE_DOWN));
        return;
    }
    if (!conn->server_open) {
        reset(conn);
        return;
    }
    conn->heard_ms = world->now_ms;
    if (packet->kind == PACKET_FIN) {
        conn->server_open = false;
        centre_gone(world->centre, conn);
        return;
    }
    world->tally.late += !conn->client_open;
    conn->in_bytes += packet->payload.len;
    struct wire_asked *asked = world_zeroed(1, sizeof *asked);
    *asked = (struct wire_asked){
        .tag = packet->tag, .resource = packet->resource, .items = packet->items, .item_count = packet->item_count};
    packet->items = NULL;
    world_note(world, conn->client_open ? "request" : "late request", (int64_t)conn->number, packet->resource,
               (int64_t)packet->payload.len);
    centre_request(world->centre, conn, asked, buf_slice(&packet->payload));
}

static void arrive_down(struct packet *packet)
{
    struct conn *conn = packet->conn;
    if (packet->kind == PACKET_TIMEOUT) {
        if (!conn->established) {
            client_closed(conn, "connecting took too long");
        }
    } else if (packet->kind == PACKET_FIN || packet->kind == PACKET_TOLD) {
        client_closed(conn, packet->reason ? packet->reason : "the connection was closed by the other end");
    } else if (conn->client_open && packet->kind == PACKET_SYN_ACK) {
        conn->established = true;
        conn->wire->world->tally.connects++;
        branch_connected(conn->branch, conn);
    } else if (conn->client_open) {
        conn->wire->world->tally.answers++;
        world_note(conn->wire->world, "answer", (int64_t)conn->number, packet->code, (int64_t)packet->payload.len);
        branch_answered(conn->branch, packet->tag, packet->code, packet->max_age_s, buf_slice(&packet->payload));
    }
}

static bool is_local(const struct packet *packet)
{
    return packet->kind == PACKET_TOLD || packet->kind == PACKET_TIMEOUT;
}

/* The line is cut for a while: senders try again until it is there, or until they give up. False: it waits. */
static bool passes(struct packet *packet)
{
    if (is_local(packet)) {
        return true;
    }
    struct conn *conn = packet->conn;
    struct world *world = conn->wire->world;
    int64_t left_ms = conn->branch->line_down_until_ms - world->now_ms;
    if (left_ms <= 0) {
        return true;
    }
    bool opening = packet->kind == PACKET_SYN || packet->kind == PACKET_SYN_ACK;
    if (opening || left_ms > (packet->kind == PACKET_FIN ? (int64_t)ORPHAN_MS : (int64_t)GIVE_UP_MS)) {
        conn->dead[WIRE_UP] = conn->dead[WIRE_DOWN] = true;
    } else {
        int64_t at_ms = conn->branch->line_down_until_ms + conn->branch->latency_ms + (int64_t)conn->number % 500;
        int64_t *busy_ms = &conn->busy_ms[packet->way];
        *busy_ms = at_ms > *busy_ms ? at_ms : *busy_ms;
        world_arm(world, &packet->timer, *busy_ms);
        return false;
    }
    return true;
}

static void on_packet(void *ctx)
{
    struct packet *packet = ctx;
    struct conn *conn = packet->conn;
    if (!passes(packet)) {
        return;
    }
    if (conn->dead[packet->way] && !is_local(packet)) {
        conn->wire->world->tally.lost += packet->kind == PACKET_REQUEST || packet->kind == PACKET_ANSWER;
    } else if (packet->way == WIRE_UP) {
        arrive_up(packet);
    } else {
        arrive_down(packet);
    }
    free_packet(packet);
}

/* ---- the agent's end ---- */

struct conn *wire_connect(struct branch *branch, unsigned key)
{
    struct wire *wire = branch->world->wire;
    struct conn **conns = grow_array((void *)wire->conns, wire->count, &wire->cap, sizeof(struct conn *));
    struct conn *conn = world_zeroed(1, sizeof *conn);
    assert(conns);
    wire->conns = conns;
    conns[wire->count++] = conn;
    *conn = (struct conn){.wire = wire, .branch = branch, .number = wire->count, .key = key, .client_open = true};
    post(make_packet(conn, PACKET_SYN, WIRE_UP));
    world_arm(branch->world, &make_packet(conn, PACKET_TIMEOUT, WIRE_DOWN)->timer, branch->world->now_ms + CONNECT_MS);
    return conn;
}

void wire_hang_up(struct conn *conn)
{
    conn->client_open = false;
    post(make_packet(conn, PACKET_FIN, WIRE_UP));
}

/* True: the trap closed on this request. */
static bool springs(struct conn *conn, struct packet *packet)
{
    struct world *world = conn->wire->world;
    struct branch *branch = conn->branch;
    if (branch->trap != WIRE_CUT_ON_REQUEST && (branch->trap != WIRE_LATE_REQUEST || packet->resource == SYNC_HELLO)) {
        return false;
    }
    world_note(world, "trap", branch->trap, branch->number, 0);
    tell_client(conn, "the connection broke", 1);
    if (branch->trap == WIRE_LATE_REQUEST) {
        conn->busy_ms[WIRE_UP] = world->now_ms + rng_between(&conn->wire->rng, 5, 120) * WORLD_SECOND;
        post(packet);
        post(make_packet(conn, PACKET_FIN, WIRE_UP));
    } else {
        conn->dead[WIRE_UP] = conn->dead[WIRE_DOWN] = true;
        world->tally.lost++;
        free_packet(packet);
    }
    branch->trap = WIRE_NO_TRAP;
    return true;
}

int wire_request(struct conn *conn, enum sync_resource resource, struct slice payload, uint64_t tag,
                 struct wire_item *items, size_t item_count)
{
    struct wire *wire = conn->wire;
    if (conn->branch->refuses_requests && rng_chance(&wire->rng, 10)) {
        free(items);
        return STATUS_BUSY;
    }
    struct packet *packet = make_packet(conn, PACKET_REQUEST, WIRE_UP);
    packet->resource = resource;
    packet->tag = tag;
    packet->items = items;
    packet->item_count = item_count;
    buf_append(&packet->payload, payload.data, payload.len);
    wire->world->tally.requests++;
    if (!springs(conn, packet)) {
        post(packet);
    }
    return 0;
}

/* ---- the collector's end ---- */

static bool eats(struct conn *conn)
{
    struct branch *branch = conn->branch;
    enum wire_trap trap = branch->trap;
    if (trap != WIRE_CUT_ON_ANSWER && trap != WIRE_MUTE_ON_ANSWER && trap != WIRE_SWALLOW_ANSWER) {
        return false;
    }
    branch->trap = WIRE_NO_TRAP;
    world_note(conn->wire->world, "trap", trap, branch->number, 0);
    conn->wire->world->tally.lost++;
    if (trap == WIRE_CUT_ON_ANSWER) {
        tell_client(conn, "the connection broke", 1);
    }
    conn->dead[WIRE_DOWN] = trap != WIRE_SWALLOW_ANSWER;
    return true;
}

void wire_answer(struct conn *conn, uint64_t tag, enum sync_resource resource, unsigned code, uint32_t max_age_s,
                 struct slice payload)
{
    bool single = conn->branch->trap == WIRE_SWALLOW_ANSWER && resource != SYNC_SUMMARIES;
    if (!conn->client_open || (resource != SYNC_HELLO && !single && eats(conn))) {
        return;
    }
    struct packet *packet = make_packet(conn, PACKET_ANSWER, WIRE_DOWN);
    packet->tag = tag;
    packet->code = code;
    packet->max_age_s = max_age_s;
    buf_append(&packet->payload, payload.data, payload.len);
    post(packet);
}

void wire_end(struct conn *conn)
{
    if (conn->server_open) {
        conn->server_open = false;
        centre_gone(conn->wire->world->centre, conn);
        reset(conn);
    }
}

struct conn *wire_session(struct wire *wire, uint64_t number)
{
    assert(number >= 1 && number <= wire->count);
    return wire->conns[number - 1];
}

void wire_each_session(struct wire *wire, void (*fn)(void *ctx, struct conn *conn), void *ctx)
{
    for (size_t i = 0; i < wire->count; i++) {
        if (wire->conns[i]->server_open) {
            fn(ctx, wire->conns[i]);
        }
    }
}

void wire_server_died(struct wire *wire, bool told)
{
    for (size_t i = 0; i < wire->count; i++) {
        struct conn *conn = wire->conns[i];
        if (conn->server_open) {
            conn->server_open = false;
            conn->clerk_knows = false;
            wire_forget_asked(conn);
            if (told) {
                reset(conn);
            }
        }
    }
}

/* ---- faults ---- */

void wire_cut(struct branch *branch)
{
    if (branch->conn) {
        struct conn *conn = branch->conn;
        tell_client(conn, "the connection broke", rng_between(&conn->wire->rng, 1, 1000));
        post(make_packet(conn, PACKET_FIN, WIRE_UP));
    }
}

void wire_cut_silently(struct branch *branch)
{
    if (branch->conn) {
        branch->conn->dead[WIRE_UP] = branch->conn->dead[WIRE_DOWN] = true;
    }
}
