#include "agent/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/secret.h"
#include "agent/source/ami_calls.h"
#include "agent/source/ami_session.h"
#include "agent/source/pbx_clock.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/net/conn.h"
#include "platform/time/clock.h"
#include "platform/tls/md5.h"
#include "platform/tls/secret.h"

enum {
    TICK_MS = 250,
    CONNECT_TIMEOUT_MS = 10 * 1000,
    SECRET_RETRY_MS = 10 * 1000,
    JOINS_TO_JUDGE = 3, /* callers after which it shows whether refused ones could be seen */
    CLOCK_STEP_MS = 60 * 1000,
};

struct manager {
    struct manager_options options;
    char path[256];
    char secret[AGENT_SECRET_MAX + 1];
    struct conn *conn;
    struct ami_session *session;
    struct ami_calls *calls;
    struct loop_timer *tick;
    bool seen;            /* the first snapshot of this connection was taken in */
    bool told;            /* since the last news went out */
    int64_t secret_at_ms; /* monotonic: the next look at a secret that could not be read */
    int64_t seen_since_ms;
    uint64_t received_bytes; /* of connections that are over */
    uint64_t bad_told;       /* to the ledger's counters, as the next */
    uint64_t guessed_told;
    enum health_sight refused;
    struct pbx_clock clock;
    bool clock_stepped; /* the PBX's: see pbx_clock_hear() */
    int64_t wall_ms;    /* by which our wall clock is ahead of the monotonic one */
    int failure;        /* of taking a mark where nobody could be told */
    char problem[160];
    char state[24];
};

/* Our wall clock. Where it is set while the PBX is seen, the time before ends first: see follow_clocks(). */
static int64_t wall_now_ms(const struct manager *manager)
{
    return clock_monotonic_ms() + manager->wall_ms;
}

/* The PBX's clock: all that it tells, and all that is done about time that passes between, is in its own time. */
static int64_t pbx_now_ms(const struct manager *manager)
{
    return wall_now_ms(manager) + manager->clock.ahead_ms;
}

/* ---- downwards: what the session and the calls hand on ---- */

static int take_event(void *ctx, const struct call_event *event)
{
    struct manager *manager = ctx;
    manager->told = true;
    return pipeline_live_put(manager->options.pipeline, event, clock_wall_ms());
}

static int take_message(void *ctx, const struct ami_message *message, int64_t arrival_ms)
{
    struct manager *manager = ctx;
    enum pbx_clock_word word = PBX_CLOCK_TAKEN;
    if (ami_has(message, "Timestamp")) {
        word = pbx_clock_hear(&manager->clock, ami_time_ms(message, arrival_ms), wall_now_ms(manager));
    }
    if (word == PBX_CLOCK_TAKEN) {
        return ami_calls_message(manager->calls, message, arrival_ms);
    }
    manager->clock_stepped |= word == PBX_CLOCK_STEPPED;
    struct ami_message untimed = *message;
    ami_forget_time(&untimed);
    return ami_calls_message(manager->calls, &untimed, arrival_ms);
}

static int see_first_snapshot(struct manager *manager, int64_t arrival_ms)
{
    if (manager->seen) {
        return 0;
    }
    manager->seen = true;
    manager->seen_since_ms = arrival_ms;
    log_write(LOG_NOTICE, "source", "%s: connected, first snapshot taken in", manager->path);
    return pipeline_live_on(manager->options.pipeline, arrival_ms);
}

static int take_mark(void *ctx, enum ami_mark mark, int64_t arrival_ms)
{
    struct manager *manager = ctx;
    int status = ami_calls_mark(manager->calls, mark, arrival_ms);
    manager->told = true;
    if (status == 0 && mark == AMI_MARK_SNAPSHOT_END) {
        status = see_first_snapshot(manager, arrival_ms);
    } else if (status == 0 && mark == AMI_MARK_DOWN) {
        manager->seen = false;
        status = pipeline_live_off(manager->options.pipeline, arrival_ms);
    }
    manager->failure = status != 0 ? status : manager->failure;
    return status;
}

static int send_bytes(void *ctx, struct slice bytes)
{
    struct manager *manager = ctx;
    return manager->conn ? conn_send(manager->conn, bytes) : STATUS_IO;
}

/* ---- telling ---- */

static void judge_sight(struct manager *manager)
{
    struct ami_calls_sight sight;
    ami_calls_sight(manager->calls, &sight);
    if (sight.dialplan || sight.cel || sight.cdr) {
        manager->refused = HEALTH_SEEN;
    } else if (sight.joins >= JOINS_TO_JUDGE) {
        manager->refused = HEALTH_UNSEEN;
    }
}

static void tell_live(struct manager *manager, const struct ami_session_facts *facts)
{
    struct health_live live = {.configured = true,
                               .connected = manager->seen,
                               .leads = manager->options.leads,
                               .connected_since_ms = manager->seen ? manager->seen_since_ms : 0,
                               .connects = facts->connects,
                               .events = facts->messages,
                               .actions = facts->actions,
                               .received_bytes = manager->received_bytes,
                               .snapshot_bytes = facts->snapshot_bytes,
                               .snapshot_took_ms = facts->snapshot_took_ms,
                               .filtered = facts->filtered,
                               .refused = manager->refused};
    live.received_bytes += manager->conn ? conn_received_bytes(manager->conn) : 0;
    const char *error = manager->problem[0] ? manager->problem : facts->last_error;
    (void)snprintf(live.version, sizeof live.version, "%s", facts->version);
    (void)snprintf(live.limits, sizeof live.limits, "%s", facts->limits);
    (void)snprintf(live.last_error, sizeof live.last_error, "%s", error);
    status_health_set_live(manager->options.health, &live);
}

static void tell_health(struct manager *manager)
{
    struct ami_session_facts facts;
    struct health_source source = {.type = "ami"};
    ami_session_facts(manager->session, &facts);
    const char *state = keeper_is_held(manager->options.keeper) ? "held" : ami_state_str(facts.state);
    if (strcmp(manager->state, state) != 0) {
        bool quiet = facts.state != AMI_REFUSED && strcmp(state, "held") != 0;
        log_write(quiet ? LOG_INFO : LOG_WARNING, "source", "%s: %s%s%s", manager->path, state, quiet ? "" : ": ",
                  quiet ? "" : facts.last_error);
        (void)snprintf(manager->state, sizeof manager->state, "%s", state);
    }
    judge_sight(manager);
    (void)snprintf(source.name, sizeof source.name, "%s", manager->options.source->name);
    (void)snprintf(source.path, sizeof source.path, "%s", manager->path);
    (void)snprintf(source.state, sizeof source.state, "%s", state);
    (void)snprintf(source.last_error, sizeof source.last_error, "%s",
                   manager->problem[0] ? manager->problem : facts.last_error);
    (void)status_health_set_source(manager->options.health, &source);
    tell_live(manager, &facts);
}

/* ---- the stream ---- */

static void close_stream(struct manager *manager)
{
    if (manager->conn) {
        manager->received_bytes += conn_received_bytes(manager->conn);
        conn_free(manager->conn);
        manager->conn = NULL;
    }
}

static void fail(struct manager *manager, int status)
{
    keeper_give_up(manager->options.keeper, "taking the manager's events failed", status);
}

static void end_stream(struct manager *manager, const char *why)
{
    close_stream(manager);
    ami_session_down(manager->session, why, loop_now_ms(), pbx_now_ms(manager));
    if (manager->failure != 0) {
        fail(manager, manager->failure);
    }
}

/* What ami_session_bytes() and its like return: whether the stream lives on. */
static bool go_on(struct manager *manager, int status)
{
    if (status == 0) {
        return true;
    }
    close_stream(manager);
    if (status < 0) {
        fail(manager, status);
    } else {
        struct ami_session_facts facts;
        ami_session_facts(manager->session, &facts);
        log_write(LOG_WARNING, "source", "%s: hung up: %s", manager->path, facts.last_error);
    }
    return false;
}

static void news(struct manager *manager)
{
    if (manager->told) {
        manager->told = false;
        manager->options.changed(manager->options.ctx);
    }
}

static void on_up(void *ctx, const char *address)
{
    struct manager *manager = ctx;
    (void)address;
    ami_session_up(manager->session, loop_now_ms());
}

static bool on_bytes(void *ctx, struct slice bytes)
{
    struct manager *manager = ctx;
    int status = ami_session_bytes(manager->session, bytes, loop_now_ms(), pbx_now_ms(manager));
    bool lives = go_on(manager, status);
    if (lives) {
        keeper_commit_if_full(manager->options.keeper);
    } else {
        tell_health(manager);
    }
    news(manager);
    return lives;
}

static void on_down(void *ctx, const char *why)
{
    struct manager *manager = ctx;
    log_write(LOG_WARNING, "source", "%s: %s", manager->path, why);
    end_stream(manager, why);
    tell_health(manager);
    news(manager);
}

static void note(struct manager *manager, const char *problem)
{
    if (strcmp(manager->problem, problem) != 0) {
        if (problem[0]) {
            log_write(LOG_WARNING, "source", "%s: %s", manager->path, problem);
        }
        (void)snprintf(manager->problem, sizeof manager->problem, "%s", problem);
    }
}

/* The file is read anew for each attempt, so that a changed secret needs no restart. */
static bool read_secret(struct manager *manager)
{
    struct buf why = BUF_INIT;
    int status = agent_secret_read(manager->options.source->secret_file, manager->secret, &why);
    if (status != 0) {
        note(manager, buf_cstr(&why));
        manager->secret_at_ms = loop_now_ms() + SECRET_RETRY_MS;
    }
    buf_deinit(&why);
    return status == 0;
}

static void connect_now(struct manager *manager)
{
    const struct agent_source_config *source = manager->options.source;
    const struct conn_tls tls = {.ca_path = source->tls_ca[0] ? source->tls_ca : NULL,
                                 .server_name = source->tls_name[0] ? source->tls_name
                                                : source->tls_ca[0] ? NULL
                                                                    : ""};
    const struct conn_options options = {.loop = manager->options.loop,
                                         .host = source->host,
                                         .port = source->port,
                                         .tls = source->tls ? &tls : NULL,
                                         .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                         .up = on_up,
                                         .bytes = on_bytes,
                                         .down = on_down,
                                         .ctx = manager};
    char why[160] = "";
    pbx_clock_again(&manager->clock);
    int ticked = pipeline_live_tick(manager->options.pipeline, pbx_now_ms(manager), false); /* before the first event */
    if (ticked != 0) {
        fail(manager, ticked);
        return;
    }
    int status = conn_open(&options, &manager->conn, why, sizeof why);
    if (status != 0) {
        note(manager, why[0] ? why : status_str(status));
        end_stream(manager, manager->problem);
    }
}

static void try_connect(struct manager *manager)
{
    bool late = loop_now_ms() >= manager->secret_at_ms;
    if (manager->conn || !late || keeper_is_held(manager->options.keeper)) {
        return;
    }
    if (!read_secret(manager)) {
        return;
    }
    if (ami_session_wants_connect(manager->session, loop_now_ms())) {
        note(manager, "");
        connect_now(manager);
    }
}

/* A clock that is set, ours or the PBX's, would give operators and callers time that never was: what is seen ends by
 * the old one and begins anew by the new one. */
static void follow_clocks(struct manager *manager)
{
    int64_t wall_ms = clock_wall_ms() - clock_monotonic_ms();
    int64_t by_ms = wall_ms - manager->wall_ms;
    bool set = by_ms > CLOCK_STEP_MS || by_ms < -CLOCK_STEP_MS;
    if (manager->conn && (set || manager->clock_stepped)) {
        const char *why = set ? "the clock of this machine was set" : "the clock of the PBX was set";
        log_write(LOG_WARNING, "source", "%s: %s: connecting anew", manager->path, why);
        end_stream(manager, why);
    }
    manager->wall_ms = wall_ms;
    if (manager->clock_stepped && !set) {
        pbx_clock_step(&manager->clock);
    }
    manager->clock_stepped = false;
}

static void on_tick(void *ctx)
{
    struct manager *manager = ctx;
    if (keeper_is_stopped(manager->options.keeper)) {
        return;
    }
    follow_clocks(manager);
    if (manager->conn) {
        (void)go_on(manager, ami_session_tick(manager->session, loop_now_ms(), pbx_now_ms(manager)));
    }
    if (manager->seen) {
        int status = ami_calls_tick(manager->calls, pbx_now_ms(manager));
        if (status != 0) {
            fail(manager, status);
        }
    }
    if (!manager->conn && !keeper_is_stopped(manager->options.keeper)) {
        try_connect(manager);
    }
    news(manager);
}

/* ---- the keeper's calls ---- */

static void tell_counters(struct manager *manager)
{
    struct ami_session_facts facts;
    ami_session_facts(manager->session, &facts);
    uint64_t guessed = ami_calls_counters(manager->calls)->guessed_exits;
    pipeline_live_count(manager->options.pipeline, QUALITY_LIVE_BAD, facts.bad_messages - manager->bad_told);
    manager->bad_told = facts.bad_messages;
    if (manager->options.leads) { /* else the log tells the reason */
        pipeline_live_count(manager->options.pipeline, QUALITY_GUESSED_EXITS, guessed - manager->guessed_told);
    }
    manager->guessed_told = guessed;
}

static void before_commit(void *ctx)
{
    struct manager *manager = ctx;
    const struct manager_options *options = &manager->options;
    tell_counters(manager);
    bool log_read = !options->leads && options->log_read(options->ctx);
    int status = pipeline_live_tick(options->pipeline, pbx_now_ms(manager), log_read);
    if (status != 0) {
        keeper_give_up(options->keeper, "counting failed", status);
        return;
    }
    /* What cannot be kept is not taken: the span is a gap, and a snapshot comes when there is room again. */
    if (keeper_is_held(options->keeper) && manager->conn) {
        end_stream(manager, "the ledger is full");
    }
    tell_health(manager);
}

static void on_room(void *ctx)
{
    (void)ctx; /* the next tick connects */
}

static int restore_call(void *ctx, const struct call_leg *leg)
{
    struct manager *manager = ctx;
    struct ledger *ledger = pipeline_ledger(manager->options.pipeline);
    const struct ami_calls_open open = {.call_id = slice_make(leg->call_id, leg->call_id_len),
                                        .queue = intern_name(ledger_names(ledger, LEDGER_QUEUE), leg->queue),
                                        .operator_name =
                                            intern_name(ledger_names(ledger, LEDGER_OPERATOR), leg->operator_id),
                                        .enter_ms = leg->enter_ms,
                                        .connect_ms = leg->connect_ms};
    return ami_calls_restore(manager->calls, &open);
}

static int start_engine(struct manager *manager)
{
    const struct agent_source_config *source = manager->options.source;
    const struct event_sink sink = {.put = take_event, .ctx = manager};
    struct ami_session_options options = {.user = source->user,
                                          .secret = manager->secret,
                                          .snapshot_ms = source->snapshot_ms,
                                          .retry_max_ms = source->retry_max_ms,
                                          .md5 = md5_digest,
                                          .send = send_bytes,
                                          .message = take_message,
                                          .mark = take_mark,
                                          .wanted = ami_calls_wanted,
                                          .ctx = manager};
    int status = secret_random(&options.seed, sizeof options.seed);
    if (status == 0) {
        status = ami_calls_new(&sink, &manager->calls);
    }
    if (status == 0) {
        status = ami_session_new(&options, loop_now_ms(), &manager->session);
    }
    return status == 0 ? pipeline_live_resume(manager->options.pipeline, restore_call, manager) : status;
}

int manager_start(const struct manager_options *options, struct manager **out)
{
    struct manager *manager = calloc(1, sizeof *manager);
    if (!manager) {
        return STATUS_NO_MEMORY;
    }
    manager->options = *options;
    manager->wall_ms = clock_wall_ms() - clock_monotonic_ms();
    (void)snprintf(manager->path, sizeof manager->path, "ami://%.200s:%u", options->source->host,
                   options->source->port);
    const struct keeper_client client = {.before = before_commit, .room = on_room, .ctx = manager};
    int status = start_engine(manager);
    if (status == 0) {
        int64_t retry_ms = options->source->retry_max_ms;
        uint64_t tick_ms = retry_ms < TICK_MS ? (uint64_t)retry_ms : TICK_MS;
        status = loop_timer_start(options->loop, 0, tick_ms, on_tick, manager, &manager->tick);
    }
    if (status == 0) {
        status = keeper_add(options->keeper, &client);
    }
    if (status != 0) {
        manager_stop(manager);
        return status;
    }
    tell_health(manager);
    *out = manager;
    return 0;
}

bool manager_sees(const struct manager *manager)
{
    return manager->seen;
}

void manager_stop(struct manager *manager)
{
    if (!manager) {
        return;
    }
    if (manager->seen) {
        (void)pipeline_live_off(manager->options.pipeline, pbx_now_ms(manager));
    }
    loop_timer_stop(manager->tick);
    close_stream(manager);
    ami_session_free(manager->session);
    ami_calls_free(manager->calls);
    agent_secret_wipe(manager->secret);
    free(manager);
}
