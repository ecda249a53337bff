#include "agent/sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sync/sync_internal.h"
#include "platform/base/status.h"

/* However long a collector asks to wait, it is asked again after this. */
static const int64_t HOLD_MAX_MS = INT64_C(3600) * 1000;

enum { REPLY_MEMORY_MAX = 1 << 20 };

const char *sync_state_str(enum sync_state state)
{
    switch (state) {
    case SYNC_WAITING: return "waiting";
    case SYNC_CONNECTING: return "connecting";
    case SYNC_GREETING: return "greeting";
    case SYNC_RUNNING: return "running";
    case SYNC_HELD: return "held";
    }
    return "unknown";
}

static void set_state(struct sync *sync, enum sync_state state, int64_t now_ms)
{
    if (sync->facts.state != state) {
        sync->facts.state = state;
        sync->facts.state_since_ms = now_ms;
    }
}

void sync_copy_text(char *to, size_t size, struct slice from)
{
    size_t len = from.len < size - 1 ? from.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        to[i] = from.data[i] >= ' ' && from.data[i] <= '~' ? from.data[i] : '?';
    }
    to[len] = 0;
}

void sync_set_error(struct sync *sync, const char *what, struct slice detail)
{
    char text[100];
    sync_copy_text(text, sizeof text, detail);
    (void)snprintf(sync->facts.last_error, sizeof sync->facts.last_error, "%s%s%s", what, text[0] ? ": " : "", text);
}

int64_t sync_jitter_ms(const struct sync *sync, unsigned attempt)
{
    int64_t max_ms = sync->options.retry_min_ms;
    for (unsigned i = 0; i < attempt && max_ms < sync->options.retry_max_ms; i++) {
        max_ms *= 2;
    }
    max_ms = max_ms < sync->options.retry_max_ms ? max_ms : sync->options.retry_max_ms;
    return (int64_t)(sync->options.random(sync->options.random_ctx) * (double)max_ms);
}

static bool is_outstanding(const struct sync *sync)
{
    return sync->facts.in_flight > 0 || sync->hello_tag != 0 || sync->live_tag != 0;
}

uint64_t sync_begin_request(struct sync *sync, int64_t now_ms)
{
    if (!is_outstanding(sync)) {
        sync->silent_since_ms = now_ms;
    }
    return ++sync->last_tag;
}

void sync_request_failed(struct sync *sync)
{
    if (!is_outstanding(sync)) {
        sync->silent_since_ms = -1;
    }
}

/* What was under way on the connection that is gone will get no answer. */
static void forget_connection(struct sync *sync)
{
    sync->connected = false;
    sync->greeted = false;
    sync->hello_tag = 0;
    sync->live_tag = 0;
    sync->silent_since_ms = -1;
    sync_release_all(sync);
    sync_forget_told(sync);
}

static void wait_until(struct sync *sync, enum sync_state state, int64_t now_ms, int64_t retry_at_ms)
{
    forget_connection(sync);
    sync->facts.retry_at_ms = retry_at_ms > sync->hold_until_ms ? retry_at_ms : sync->hold_until_ms;
    set_state(sync, state, now_ms);
}

static int64_t next_attempt_ms(struct sync *sync, int64_t now_ms)
{
    return now_ms + sync_jitter_ms(sync, sync->attempt++);
}

/* Late enough not to be a burden; not all sites at one moment. */
static int64_t slow_attempt_ms(struct sync *sync, int64_t now_ms)
{
    int64_t spread_ms = (int64_t)(sync->options.random(sync->options.random_ctx) * (double)sync->options.retry_max_ms);
    return now_ms + sync->options.retry_max_ms + spread_ms / 4;
}

void sync_drop(struct sync *sync, int64_t now_ms, int64_t retry_at_ms)
{
    sync->options.transport.close(sync->options.transport.ctx);
    wait_until(sync, SYNC_WAITING, now_ms, retry_at_ms);
}

void sync_closed(struct sync *sync, int64_t now_ms, const char *reason)
{
    if (!sync->connected && sync->facts.state != SYNC_CONNECTING) {
        return; /* we did it ourselves */
    }
    sync_set_error(sync, reason, slice_make("", 0));
    wait_until(sync, SYNC_WAITING, now_ms, next_attempt_ms(sync, now_ms));
}

static uint32_t smaller_limit(uint32_t a, uint32_t b)
{
    uint32_t limit = b > 0 && b < a ? b : a;
    return limit > SYNC_PAYLOAD_MIN ? limit : SYNC_PAYLOAD_MIN;
}

void sync_connected(struct sync *sync, int64_t now_ms, uint32_t payload_max)
{
    forget_connection(sync);
    sync->connected = true;
    sync->facts.connects++;
    sync->payload_limit = smaller_limit(smaller_limit(LIMITS_PAYLOAD_MAX, sync->options.payload_max), payload_max);
    sync->items_max = SYNC_BATCH_ITEMS_MAX;
    sync->pause_until_ms = 0;
    sync->failures = 0;
    sync->live_bare = false;
    sync->live_sent_ms = -1;
    sync->live_looked_ms = -1;
    sync->quality_sent_ms = -1;
    sync_rewind(sync);
    set_state(sync, now_ms < sync->hold_until_ms ? SYNC_HELD : SYNC_GREETING, now_ms);
}

void sync_committed(struct sync *sync, int64_t now_ms)
{
    (void)now_ms;
    sync->live_news = true;
    sync_rewind(sync);
}

bool sync_live_changed(struct sync *sync)
{
    bool known = sync->live_news || !sync->options.live;
    sync->live_news = true;
    return !known;
}

void sync_set_lag(struct sync *sync, int64_t lag_ms)
{
    sync->lag_ms = lag_ms;
}

static int encode_hello(struct sync *sync, int64_t wall_ms)
{
    struct message_hello hello = {.protocol = MESSAGE_PROTOCOL,
                                  .site = slice_str(sync->site),
                                  .agent_version = slice_str(sync->agent_version),
                                  .zone = slice_str(sync->zone),
                                  .interval_s = sync->interval_s,
                                  .now_ms = wall_ms,
                                  .first_start_s = sync_first_start_s(sync)};
    memcpy(hello.epoch, sync->epoch, sizeof hello.epoch);
    memcpy(hello.instance, sync->options.instance, sizeof hello.instance);
    buf_reset(&sync->out);
    return message_hello_encode(&hello, &sync->out);
}

static void send_hello(struct sync *sync, int64_t now_ms, int64_t wall_ms)
{
    int status = encode_hello(sync, wall_ms);
    uint64_t tag = sync_begin_request(sync, now_ms);
    sync->hello_tag = tag;
    sync->hello_sent_ms = now_ms;
    if (status == 0) {
        status = sync->options.transport.request(sync->options.transport.ctx, SYNC_HELLO, buf_slice(&sync->out), tag);
    }
    if (status != 0 && sync->hello_tag == tag) {
        sync_set_error(sync, "the greeting could not be sent", slice_str(status_str(status)));
        sync_drop(sync, now_ms, next_attempt_ms(sync, now_ms));
    }
}

static void take_hello(struct sync *sync, int64_t now_ms, int64_t wall_ms, struct slice payload)
{
    struct message_hello_reply reply;
    int status = message_hello_reply_decode(sync->arena, payload, &reply);
    if (status == 0 && reply.protocol != MESSAGE_PROTOCOL) {
        status = STATUS_VERSION;
    }
    if (status != 0) {
        sync_set_error(sync, "the collector's greeting cannot be read", slice_str(status_str(status)));
        sync_drop(sync, now_ms, slow_attempt_ms(sync, now_ms));
        return;
    }
    sync->facts.clock_offset_ms = wall_ms - (now_ms - sync->hello_sent_ms) / 2 - reply.now_ms;
    sync->payload_limit = smaller_limit(sync->payload_limit, reply.payload_max);
    sync->attempt = 0;
    sync->greeted = true;
    sync_meet_store(sync, now_ms, &reply);
    set_state(sync, SYNC_RUNNING, now_ms);
}

/* Answers that mean the same to whatever was asked. */
static bool takes_us(struct sync *sync, int64_t now_ms, unsigned code, uint32_t max_age_s, struct slice payload)
{
    int64_t hold_ms = (int64_t)max_age_s * 1000;
    switch (code) {
    case 401:
    case 403:
        sync_set_error(sync, code == 401 ? "the collector does not know us (4.01)" : "the collector refuses us (4.03)",
                       payload);
        sync_drop(sync, now_ms, slow_attempt_ms(sync, now_ms));
        return false;
    case 412:
        sync_set_error(sync, "the collector lost our greeting (4.12)", payload);
        sync_drop(sync, now_ms, next_attempt_ms(sync, now_ms));
        return false;
    case 501:
        sync_set_error(sync, "the collector does not serve our protocol (5.01)", payload);
        sync_drop(sync, now_ms, slow_attempt_ms(sync, now_ms));
        set_state(sync, SYNC_HELD, now_ms);
        return false;
    case 503:
        hold_ms = hold_ms < HOLD_MAX_MS ? hold_ms : HOLD_MAX_MS;
        hold_ms = hold_ms > sync->options.retry_min_ms ? hold_ms : sync->options.retry_min_ms;
        sync_set_error(sync, "the collector asks us to wait (5.03)", payload);
        if (now_ms + hold_ms > sync->hold_until_ms) {
            sync->hold_until_ms = now_ms + hold_ms;
        }
        sync->facts.retry_at_ms = sync->hold_until_ms;
        set_state(sync, SYNC_HELD, now_ms);
        return false;
    default: return true;
    }
}

static void hello_answered(struct sync *sync, int64_t now_ms, int64_t wall_ms, unsigned code, struct slice payload)
{
    char what[64];
    if (code / 100 == 2) {
        take_hello(sync, now_ms, wall_ms, payload);
        return;
    }
    (void)snprintf(what, sizeof what, "the collector answered %u.%02u to our greeting", code / 100, code % 100);
    sync_set_error(sync, what, payload);
    sync_drop(sync, now_ms, next_attempt_ms(sync, now_ms));
}

static void live_answered(struct sync *sync, int64_t now_ms, unsigned code, struct slice payload)
{
    char what[64];
    sync_live_answered(sync, code / 100 == 2);
    if (code / 100 != 2) {
        (void)snprintf(what, sizeof what, "the collector answered %u.%02u to the live view", code / 100, code % 100);
        sync_set_error(sync, what, payload);
        sync->live_bare |= code == 400;
        sync->payload_limit =
            code == 413 ? smaller_limit(LIMITS_PAYLOAD_MAX, sync->payload_limit / 2) : sync->payload_limit;
        sync->live_sent_ms = now_ms;
    }
}

/* Turned away as a whole: whatever it was is to be sent again. */
static void take_back(struct sync *sync, uint64_t tag)
{
    struct sync_batch *batch = sync_find_batch(sync, tag);
    if (batch) {
        sync_batch_release(sync, batch);
        sync_forget_names(sync);
    } else if (tag == sync->live_tag) {
        sync_live_answered(sync, false);
    } else if (tag == sync->hello_tag) {
        sync->hello_tag = 0;
    }
}

void sync_answered(struct sync *sync, int64_t now_ms, int64_t wall_ms, uint64_t tag, unsigned code, uint32_t max_age_s,
                   struct slice payload)
{
    struct sync_batch *batch = sync_find_batch(sync, tag);
    bool live = tag != 0 && tag == sync->live_tag;
    bool hello = tag != 0 && tag == sync->hello_tag;
    if (!batch && !live && !hello) {
        return; /* of a connection before */
    }
    sync->facts.acked_at_ms = now_ms;
    if (code == 503) { /* the others end the connection */
        take_back(sync, tag);
    }
    if (!takes_us(sync, now_ms, code, max_age_s, payload)) {
        batch = NULL;
    } else if (batch) {
        sync_batch_answered(sync, batch, now_ms, code, payload);
    } else if (live) {
        live_answered(sync, now_ms, code, payload);
    } else {
        sync->hello_tag = 0;
        hello_answered(sync, now_ms, wall_ms, code, payload);
    }
    sync->silent_since_ms = is_outstanding(sync) ? now_ms : -1;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When to give the connection up. */
static int64_t patience_ends_ms(const struct sync *sync)
{
    if (!is_outstanding(sync)) {
        return INT64_MAX;
    }
    int64_t oldest_ms = sync_oldest_batch_ms(sync);
    oldest_ms = sync->live_tag != 0 ? sooner(oldest_ms, sync->live_sent_ms) : oldest_ms;
    oldest_ms = sync->hello_tag != 0 ? sooner(oldest_ms, sync->hello_sent_ms) : oldest_ms;
    return sooner(sync->silent_since_ms + SYNC_MISSED_HEARTBEATS * sync->options.heartbeat_ms,
                  oldest_ms + SYNC_OVERDUE_HEARTBEATS * sync->options.heartbeat_ms);
}

static void lose_patience(struct sync *sync, int64_t now_ms)
{
    bool silent = now_ms >= sync->silent_since_ms + SYNC_MISSED_HEARTBEATS * sync->options.heartbeat_ms;
    sync_set_error(sync, silent ? "no answer for three heartbeats" : "no answer to one of our messages",
                   slice_make("", 0));
    sync_drop(sync, now_ms, next_attempt_ms(sync, now_ms));
}

static void turn_disconnected(struct sync *sync, int64_t now_ms)
{
    if (sync->facts.state != SYNC_CONNECTING && now_ms >= sync->facts.retry_at_ms) {
        set_state(sync, SYNC_CONNECTING, now_ms);
        sync->options.transport.connect(sync->options.transport.ctx);
    }
}

static void turn_connected(struct sync *sync, int64_t now_ms, int64_t wall_ms)
{
    if (now_ms >= patience_ends_ms(sync)) {
        lose_patience(sync, now_ms);
        return;
    }
    if (now_ms < sync->hold_until_ms) {
        return;
    }
    set_state(sync, sync->greeted ? SYNC_RUNNING : SYNC_GREETING, now_ms);
    if (!sync->greeted) {
        if (sync->hello_tag == 0) {
            send_hello(sync, now_ms, wall_ms);
        }
        return;
    }
    sync_resend(sync, now_ms);
    if (now_ms >= sync_live_due_ms(sync)) {
        sync_send_live(sync, now_ms, wall_ms);
    }
    sync_send_batches(sync, now_ms, wall_ms);
}

static int64_t batches_due_ms(const struct sync *sync)
{
    return sooner(sync->walk_due_ms, sync_may_send_batch(sync) ? sync->pause_until_ms : INT64_MAX);
}

static int64_t due_ms(const struct sync *sync)
{
    int64_t due = sync->answered_batches > 0 ? sync->answered_since_ms + SYNC_ACK_PACE_MS : INT64_MAX;
    if (!sync->connected) {
        return sync->facts.state == SYNC_CONNECTING ? due : sooner(due, sync->facts.retry_at_ms);
    }
    due = sooner(due, patience_ends_ms(sync));
    if (sync->facts.state == SYNC_HELD) {
        return sooner(due, sync->hold_until_ms);
    }
    due = sync->greeted ? sooner(due, sync_resend_due_ms(sync)) : due;
    return sync->greeted ? sooner(due, sooner(sync_live_due_ms(sync), batches_due_ms(sync))) : due;
}

int64_t sync_turn(struct sync *sync, int64_t now_ms, int64_t wall_ms)
{
    sync_write_acks(sync, now_ms, false);
    if (!sync->connected) {
        turn_disconnected(sync, now_ms);
    }
    if (sync->connected) {
        turn_connected(sync, now_ms, wall_ms);
    }
    int64_t in_ms = sooner(due_ms(sync), now_ms + sync->options.heartbeat_ms) - now_ms;
    return in_ms > 1 ? in_ms : 1;
}

static int make_parts(struct sync *sync)
{
    struct ledger_view *view = NULL;
    struct ledger_facts facts;
    int status = message_batch_writer_new(&sync->writer);
    if (status == 0) {
        status = message_arena_new(REPLY_MEMORY_MAX, &sync->arena);
    }
    if (status == 0) {
        status = ledger_view_begin(sync->options.ledger, &view);
    }
    if (status == 0) {
        status = ledger_view_facts(view, &facts);
    }
    ledger_view_end(view);
    if (status == 0) {
        memcpy(sync->epoch, facts.epoch, sizeof sync->epoch);
        sync->interval_s = facts.interval_s;
    }
    return status;
}

static void copy_options(struct sync *sync, const struct sync_options *options)
{
    sync->options = *options;
    (void)snprintf(sync->site, sizeof sync->site, "%s", options->site);
    (void)snprintf(sync->agent_version, sizeof sync->agent_version, "%s", options->agent_version);
    (void)snprintf(sync->zone, sizeof sync->zone, "%s", options->zone ? options->zone : "");
    sync->options.site = sync->site;
    sync->options.agent_version = sync->agent_version;
    sync->options.zone = sync->zone;
    if (sync->options.window == 0) {
        sync->options.window = 1;
    }
}

int sync_new(const struct sync_options *options, int64_t now_ms, struct sync **out)
{
    struct sync *sync = calloc(1, sizeof *sync);
    if (!sync) {
        return STATUS_NO_MEMORY;
    }
    copy_options(sync, options);
    sync->lag_ms = -1;
    sync->silent_since_ms = -1;
    sync->items_max = SYNC_BATCH_ITEMS_MAX;
    sync->facts.state_since_ms = now_ms;
    sync->facts.retry_at_ms = now_ms;
    sync_rewind(sync);
    int status = make_parts(sync);
    if (status != 0) {
        sync_free(sync);
        return status;
    }
    *out = sync;
    return 0;
}

void sync_free(struct sync *sync)
{
    if (!sync) {
        return;
    }
    sync_write_acks(sync, 0, true);
    sync_free_batches(sync);
    sync_forget_people(sync);
    free(sync->queues);
    message_batch_writer_free(sync->writer);
    message_arena_free(sync->arena);
    buf_deinit(&sync->out);
    free(sync);
}

void sync_facts(const struct sync *sync, struct sync_facts *out)
{
    *out = sync->facts;
}
