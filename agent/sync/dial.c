#include "agent/sync/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/tls/secret.h"
#include "proto/limits.h"

enum { ADDRESSES_MAX = 32, HEADER_BYTES = 256 };

struct dial {
    struct dial_options options;
    char *host;
    char *identity_path;
    char *ca_path;
    struct buf psk_identity;
    struct buf psk_key;
    struct loop_resolve *resolve;
    struct loop_timer *turn;    /* when the uplink wants to be called, or the next step is due */
    struct loop_timer *attempt; /* the time of one address */
    struct loop_fd *watch;
    struct uplink *uplink;
    struct loop_address addresses[ADDRESSES_MAX];
    size_t address_count;
    size_t tried;
    bool connected;
    bool next_due; /* the address did not take us: the next one, in a turn of its own */
    bool stopped;
    unsigned inside;         /* callbacks of ours under way: memory stays until the last has returned */
    struct dial_why refusal; /* the judge's */
    char reason[DIAL_WHY_MAX];
};

static void dial_free(struct dial *dial)
{
    secret_wipe_buf(&dial->psk_key);
    buf_deinit(&dial->psk_identity);
    free(dial->host);
    free(dial->identity_path);
    free(dial->ca_path);
    free(dial);
}

static void leave(struct dial *dial)
{
    if (--dial->inside == 0 && dial->stopped) {
        dial_free(dial);
    }
}

static void drop_uplink(struct dial *dial)
{
    loop_fd_stop(dial->watch);
    dial->watch = NULL;
    uplink_free(dial->uplink);
    dial->uplink = NULL;
}

void dial_stop(struct dial *dial)
{
    if (!dial) {
        return;
    }
    drop_uplink(dial);
    loop_resolve_stop(dial->resolve);
    loop_timer_stop(dial->turn);
    loop_timer_stop(dial->attempt);
    dial->resolve = NULL;
    dial->turn = NULL;
    dial->attempt = NULL;
    dial->stopped = true;
    if (dial->inside == 0) {
        dial_free(dial);
    }
}

const char *dial_address(const struct dial *dial)
{
    return dial->tried == 0 ? "" : dial->addresses[(dial->options.first + dial->tried - 1) % dial->address_count].text;
}

/* The first reason stays for people, unless a judge had something to say. */
static void note_reason(struct dial *dial, const char *reason)
{
    static const char whose[] = "the server: "; /* the address says that */
    reason += strncmp(reason, whose, strlen(whose)) == 0 ? strlen(whose) : 0;
    if (dial->refusal.text[0]) {
        (void)snprintf(dial->reason, sizeof dial->reason, "%s: %.140s", dial_address(dial), dial->refusal.text);
    } else if (!dial->reason[0]) {
        (void)snprintf(dial->reason, sizeof dial->reason, "%s: %.140s", dial_address(dial), reason);
    }
    dial->refusal.text[0] = 0;
}

static void give_up(struct dial *dial, const char *reason)
{
    drop_uplink(dial);
    (void)loop_timer_restart(dial->attempt, UINT32_MAX);
    dial->options.closed(dial->options.ctx, reason);
}

static void try_later(struct dial *dial)
{
    drop_uplink(dial);
    dial->next_due = true;
    (void)loop_timer_restart(dial->turn, 0);
}

/* ---- what the uplink says ---- */

static int on_judge(void *ctx, void *tls_session)
{
    struct dial *dial = ctx;
    return dial->options.judge(dial->options.ctx, tls_session, &dial->refusal);
}

static void on_connected(void *ctx)
{
    struct dial *dial = ctx;
    dial->connected = true;
    dial->options.connected(dial->options.ctx);
}

static void on_answered(void *ctx, const struct uplink_answer *answer)
{
    struct dial *dial = ctx;
    if (!dial->stopped) {
        dial->options.answered(dial->options.ctx, answer);
    }
}

static void on_closed(void *ctx, const char *reason)
{
    struct dial *dial = ctx;
    if (dial->stopped) {
        return;
    }
    if (dial->connected) {
        (void)snprintf(dial->reason, sizeof dial->reason, "%.180s", reason);
        give_up(dial, dial->reason);
    } else {
        note_reason(dial, reason);
        try_later(dial);
    }
}

static void turn_uplink(struct dial *dial)
{
    int64_t wait_ms = uplink_turn(dial->uplink);
    if (!dial->stopped && dial->uplink && wait_ms >= 0) {
        (void)loop_timer_restart(dial->turn, (uint64_t)wait_ms);
    }
}

static void on_ready(void *ctx, int ready)
{
    struct dial *dial = ctx;
    (void)ready;
    dial->inside++;
    turn_uplink(dial);
    leave(dial);
}

/* ---- one address after the other ---- */

static int open_uplink(struct dial *dial)
{
    const struct uplink_options options = {.address = dial_address(dial),
                                           .port = dial->options.port,
                                           .host = dial->host,
                                           .identity_path = dial->identity_path,
                                           .ca_path = dial->ca_path,
                                           .psk_identity = buf_slice(&dial->psk_identity),
                                           .psk_key = buf_slice(&dial->psk_key),
                                           .message_max = LIMITS_MESSAGE_MAX,
                                           .ctx = dial,
                                           .judge = on_judge,
                                           .connected = on_connected,
                                           .answered = on_answered,
                                           .closed = on_closed};
    int status = uplink_new(&options, &dial->uplink);
    if (status == 0) {
        status =
            loop_fd_watch(dial->options.loop, uplink_fd(dial->uplink), LOOP_READABLE, on_ready, dial, &dial->watch);
    }
    return status;
}

static void try_next(struct dial *dial)
{
    dial->next_due = false;
    if (dial->tried == dial->address_count) {
        give_up(dial, dial->reason);
        return;
    }
    dial->tried++;
    int status = open_uplink(dial);
    if (status != 0) {
        note_reason(dial, status_str(status));
        try_later(dial);
        return;
    }
    (void)loop_timer_restart(dial->attempt, (uint64_t)dial->options.attempt_ms);
    (void)loop_timer_restart(dial->turn, 0);
}

static void on_turn(void *ctx)
{
    struct dial *dial = ctx;
    dial->inside++;
    if (dial->next_due) {
        try_next(dial);
    } else if (dial->uplink) {
        turn_uplink(dial);
    }
    leave(dial);
}

static void on_attempt_over(void *ctx)
{
    struct dial *dial = ctx;
    if (dial->uplink && !dial->connected) {
        note_reason(dial, "no answer");
        try_later(dial);
    }
}

static void on_resolved(void *ctx, int status, const struct loop_address *addresses, size_t count)
{
    struct dial *dial = ctx;
    dial->inside++;
    if (status != 0) {
        (void)snprintf(dial->reason, sizeof dial->reason, "%.120s: %s", dial->host,
                       status == STATUS_NOT_FOUND ? "there is no host of this name"
                                                  : "the name cannot be looked up now (no name server answers)");
        give_up(dial, dial->reason);
    } else {
        dial->address_count = count < ADDRESSES_MAX ? count : ADDRESSES_MAX;
        memcpy(dial->addresses, addresses, dial->address_count * sizeof *addresses);
        try_next(dial);
    }
    leave(dial);
}

static int copy_options(struct dial *dial, const struct dial_options *options)
{
    dial->options = *options;
    dial->host = strdup(options->host);
    dial->identity_path = options->identity_path ? strdup(options->identity_path) : NULL;
    dial->ca_path = options->ca_path ? strdup(options->ca_path) : NULL;
    buf_append(&dial->psk_identity, options->psk_identity.data, options->psk_identity.len);
    buf_append(&dial->psk_key, options->psk_key.data, options->psk_key.len);
    bool failed = !dial->host || (options->identity_path && !dial->identity_path) ||
                  (options->ca_path && !dial->ca_path) || dial->psk_identity.failed || dial->psk_key.failed;
    return failed ? STATUS_NO_MEMORY : 0;
}

int dial_start(const struct dial_options *options, struct dial **out)
{
    struct dial *dial = calloc(1, sizeof *dial);
    if (!dial) {
        return STATUS_NO_MEMORY;
    }
    int status = copy_options(dial, options);
    if (status == 0) {
        status = loop_timer_start(options->loop, UINT32_MAX, 0, on_turn, dial, &dial->turn);
    }
    if (status == 0) {
        status = loop_timer_start(options->loop, UINT32_MAX, 0, on_attempt_over, dial, &dial->attempt);
    }
    if (status == 0) {
        status = loop_resolve_start(options->loop, dial->host, on_resolved, dial, &dial->resolve);
    }
    if (status != 0) {
        dial_stop(dial);
        return status;
    }
    *out = dial;
    return 0;
}

int dial_request(struct dial *dial, const struct uplink_request *request)
{
    if (!dial->uplink || !dial->connected) {
        return STATUS_BUSY;
    }
    int status = uplink_request(dial->uplink, request);
    (void)loop_timer_restart(dial->turn, 0);
    return status;
}

uint32_t dial_payload_max(const struct dial *dial)
{
    uint32_t message_max = dial->uplink ? uplink_message_max(dial->uplink) : 0;
    uint32_t room = message_max > HEADER_BYTES ? message_max - HEADER_BYTES : 0;
    return room < LIMITS_PAYLOAD_MAX ? room : LIMITS_PAYLOAD_MAX;
}
