#include "agent/follower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/check.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

enum {
    CHUNKS_A_ROUND = 4, /* then timers and descriptors have their turn */
    HINT_MS = 600 * 1000,
    SETTLE_MS = 200, /* after a row was written: others follow, and one look takes them all */
};

struct follower {
    struct follower_options options;
    const struct agent_source_config *source;
    struct follow *follow;
    struct loop_fd *watch;
    struct loop_again *again;
    struct loop_timer *poll;
    struct loop_timer *settle;
    struct loop_timer *held;   /* NULL: nothing is held back, see options.hold_ms */
    struct follow_chunk chunk; /* what is held back, while `holding` */
    bool holding;
    int64_t looked_at_ms; /* monotonic, as the next */
    int64_t hinted_at_ms;
    struct health_source health;
};

static void tell_health(struct follower *follower)
{
    struct health_source *health = &follower->health;
    enum follow_state state = follow_state(follower->follow);
    bool held = keeper_is_held(follower->options.keeper);
    const char *text = held ? "held" : follow_state_str(state);
    if (strcmp(health->state, text) != 0) {
        log_write(state == FOLLOW_READING && !held ? LOG_INFO : LOG_WARNING, "source", "%s: %s", health->path, text);
        (void)snprintf(health->state, sizeof health->state, "%s", text);
    }
    health->lag_bytes = follow_lag_bytes(follower->follow);
    (void)status_health_set_source(follower->options.health, health);
}

/* Whether the PBX is told to write its queue log somewhere else. Looked at now and then, for it costs file reads. */
static void look_for_hint(struct follower *follower, int64_t now_ms)
{
    if (follower->hinted_at_ms != 0 && now_ms - follower->hinted_at_ms < HINT_MS) {
        return;
    }
    follower->hinted_at_ms = now_ms;
    struct buf why = BUF_INIT;
    const char *dir = follower->source->asterisk_conf_dir;
    follower->health.hint[0] = 0;
    if (dir && dir[0] && agent_check_asterisk(dir, follower->source->path, &why)) {
        (void)snprintf(follower->health.hint, sizeof follower->health.hint, "%s", buf_cstr(&why));
        log_write(LOG_WARNING, "source", "%s", follower->health.hint);
    }
    buf_deinit(&why);
}

static int take(struct follower *follower, const struct follow_chunk *chunk)
{
    int status = pipeline_take(follower->options.pipeline, follower->source->name, chunk, clock_wall_ms());
    if (status != 0) {
        keeper_give_up(follower->options.keeper, "taking events failed", status);
    } else {
        keeper_commit_if_full(follower->options.keeper);
    }
    return status;
}

static bool at_the_end(const struct follower *follower)
{
    return follow_state(follower->follow) == FOLLOW_READING && follow_lag_bytes(follower->follow) == 0;
}

/* The chunk is borrowed until the next read, so there is none before it was taken. What is further back in the log is
 * old: nothing is waited for. */
static bool hold_back(struct follower *follower, const struct follow_chunk *chunk)
{
    if (!follower->held || !at_the_end(follower)) {
        return false;
    }
    follower->chunk = *chunk;
    follower->holding = true;
    (void)loop_timer_restart(follower->held, (uint64_t)follower->options.hold_ms);
    return true;
}

static void on_held(void *ctx)
{
    struct follower *follower = ctx;
    if (!follower->holding || keeper_is_stopped(follower->options.keeper)) {
        return;
    }
    follower->holding = false;
    if (take(follower, &follower->chunk) == 0) {
        loop_again_start(follower->again);
    }
}

static bool may_read(const struct follower *follower)
{
    return !follower->holding && !keeper_is_held(follower->options.keeper) &&
           !keeper_is_stopped(follower->options.keeper);
}

static int read_some(void *ctx)
{
    struct follower *follower = ctx;
    bool first = follower->health.state[0] == 0;
    follower->looked_at_ms = loop_now_ms();
    for (int i = 0; i < CHUNKS_A_ROUND && may_read(follower); i++) {
        struct follow_chunk chunk;
        int status = follow_read(follower->follow, loop_now_ms(), &chunk);
        if (first) {
            first = false;
            tell_health(follower);
        }
        if (status == FOLLOW_IDLE) {
            return LOOP_DONE;
        }
        if (status != 0) {
            (void)snprintf(follower->health.last_error, sizeof follower->health.last_error, "reading failed: %s",
                           status_str(status));
            return LOOP_DONE; /* the poll timer tries again */
        }
        follower->health.last_error[0] = 0;
        if (chunk.gap) {
            log_write(LOG_WARNING, "source", "%s: bytes of the log were gone before they were read", chunk.path);
        }
        if (hold_back(follower, &chunk)) {
            return LOOP_DONE;
        }
        if (take(follower, &chunk) != 0) {
            return LOOP_DONE;
        }
    }
    return may_read(follower) ? LOOP_MORE : LOOP_DONE;
}

/* Rows come in bursts: the first wakes us, the others are taken with it a little later, without a wake-up each. */
static void on_readable(void *ctx, int ready)
{
    struct follower *follower = ctx;
    (void)ready;
    (void)loop_fd_change(follower->watch, 0);
    (void)loop_timer_restart(follower->settle, SETTLE_MS);
}

static void on_settled(void *ctx)
{
    struct follower *follower = ctx;
    if (keeper_is_stopped(follower->options.keeper)) {
        return;
    }
    if (follower->watch) {
        follow_fd_drain(follower->follow);
        (void)loop_fd_change(follower->watch, LOOP_READABLE);
    }
    loop_again_start(follower->again);
}

static void on_poll(void *ctx)
{
    struct follower *follower = ctx;
    if (keeper_is_stopped(follower->options.keeper)) {
        return;
    }
    if (loop_now_ms() - follower->looked_at_ms >= follower->source->poll_ms) {
        loop_again_start(follower->again);
    }
    tell_health(follower);
}

bool follower_is_caught_up(const struct follower *follower)
{
    return !follower->holding && at_the_end(follower);
}

static void before_commit(void *ctx)
{
    struct follower *follower = ctx;
    if (follower_is_caught_up(follower)) {
        int status = pipeline_tick(follower->options.pipeline, clock_wall_ms());
        if (status != 0) {
            keeper_give_up(follower->options.keeper, "counting failed", status);
            return;
        }
    }
    look_for_hint(follower, loop_now_ms());
    tell_health(follower);
}

static void on_room(void *ctx)
{
    struct follower *follower = ctx;
    loop_again_start(follower->again);
}

static void on_trim(void *ctx)
{
    struct follower *follower = ctx;
    if (!follower->holding) {
        follow_trim(follower->follow);
    }
}

static int start_watches(struct follower *follower)
{
    struct loop *loop = follower->options.loop;
    uint64_t poll_ms = (uint64_t)follower->source->poll_ms;
    int status = loop_again_new(loop, read_some, follower, &follower->again);
    if (status == 0) {
        status = loop_timer_start(loop, poll_ms, poll_ms, on_poll, follower, &follower->poll);
    }
    if (status == 0) {
        status = loop_timer_start(loop, SETTLE_MS, 0, on_settled, follower, &follower->settle);
    }
    uint64_t hold_ms = (uint64_t)follower->options.hold_ms;
    if (status == 0 && hold_ms > 0) {
        status = loop_timer_start(loop, hold_ms, 0, on_held, follower, &follower->held);
    }
    if (status == 0 && follow_fd(follower->follow) >= 0) {
        status =
            loop_fd_watch(loop, follow_fd(follower->follow), LOOP_READABLE, on_readable, follower, &follower->watch);
    }
    return status;
}

int follower_start(const struct follower_options *options, struct follower **out)
{
    struct follower *follower = calloc(1, sizeof *follower);
    if (!follower) {
        return STATUS_NO_MEMORY;
    }
    follower->options = *options;
    follower->source = options->source;
    (void)snprintf(follower->health.name, sizeof follower->health.name, "%s", follower->source->name);
    (void)snprintf(follower->health.type, sizeof follower->health.type, "queue_log");
    (void)snprintf(follower->health.path, sizeof follower->health.path, "%s", follower->source->path);
    struct follow_options follow_options = {.path = follower->source->path,
                                            .drain_grace_ms = (uint32_t)follower->source->drain_grace_ms,
                                            .rotated_at_start = follower->source->rotated_at_start};
    struct follow_position position;
    bool resumed = pipeline_resume(options->pipeline, &position);
    int status = follow_open(&follow_options, resumed ? &position : NULL, loop_now_ms(), &follower->follow);
    if (status == 0) {
        status = start_watches(follower);
    }
    const struct keeper_client client = {.before = before_commit, .room = on_room, .trim = on_trim, .ctx = follower};
    if (status == 0) {
        status = keeper_add(options->keeper, &client);
    }
    if (status != 0) {
        follower_stop(follower);
        return status;
    }
    look_for_hint(follower, loop_now_ms());
    loop_again_start(follower->again);
    *out = follower;
    return 0;
}

int64_t follower_lag_ms(const struct follower *follower)
{
    enum follow_state state = follow_state(follower->follow);
    if (state != FOLLOW_READING && state != FOLLOW_CATCHING_UP) {
        return -1;
    }
    if (follow_lag_bytes(follower->follow) == 0) {
        return 0;
    }
    int64_t newest_ms = ledger_progress(pipeline_ledger(follower->options.pipeline)).newest_event_ms;
    int64_t lag_ms = clock_wall_ms() - newest_ms;
    return newest_ms == 0 ? -1 : lag_ms > 0 ? lag_ms : 0;
}

void follower_stop(struct follower *follower)
{
    if (!follower) {
        return;
    }
    loop_fd_stop(follower->watch);
    loop_timer_stop(follower->poll);
    loop_timer_stop(follower->settle);
    loop_timer_stop(follower->held);
    loop_again_free(follower->again);
    follow_close(follower->follow);
    free(follower);
}
