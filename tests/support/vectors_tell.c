#include <inttypes.h>
#include <stdlib.h>

#include "platform/base/status.h"
#include "proto/message.h"
#include "tests/support/vectors.h"

static struct message_arena *arena_new(void)
{
    struct message_arena *arena = NULL;
    if (message_arena_new(LIMITS_ARENA_BYTES, &arena) != 0) {
        abort();
    }
    return arena;
}

static void put_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ", \"%s\": \"%.*s\"", name, (int)text.len, text.data);
}

static void put_hex(struct buf *out, const char *name, const uint8_t *bytes, size_t len)
{
    buf_printf(out, ", \"%s\": \"", name);
    for (size_t i = 0; i < len; i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
    buf_append_str(out, "\"");
}

static void put_bool(struct buf *out, const char *name, bool value)
{
    buf_printf(out, ", \"%s\": %s", name, value ? "true" : "false");
}

static void put_number(struct buf *out, const char *name, int64_t value)
{
    buf_printf(out, ", \"%s\": %" PRId64, name, value);
}

/* Begins the object. False when there is nothing more to tell. */
static bool begin(struct buf *out, const char *message, int status, uint32_t protocol)
{
    buf_printf(out, "{\"message\": \"%s\"", message);
    if (status == STATUS_VERSION) {
        buf_printf(out, ", \"refused\": \"protocol %" PRIu32 "\"}\n", protocol);
    } else if (status != 0) {
        buf_printf(out, ", \"refused\": \"%s\"}\n", status_str(status));
    }
    return status == 0;
}

/* Before item i of a list. */
static void next_item(struct buf *out, size_t i)
{
    buf_append_str(out, i == 0 ? "\n  {" : ",\n  {");
}

void vectors_tell_hello(struct slice bytes, struct buf *out)
{
    struct message_arena *arena = arena_new();
    struct message_hello hello;
    int status = message_hello_decode(arena, bytes, &hello);
    if (begin(out, "hello", status, hello.protocol)) {
        put_number(out, "protocol", hello.protocol);
        put_text(out, "site", hello.site);
        put_hex(out, "epoch", hello.epoch, sizeof hello.epoch);
        put_text(out, "agent_version", hello.agent_version);
        put_text(out, "zone", hello.zone);
        put_number(out, "interval_s", hello.interval_s);
        put_number(out, "now_ms", hello.now_ms);
        put_number(out, "first_start_s", hello.first_start_s);
        put_hex(out, "instance", hello.instance, sizeof hello.instance);
        buf_append_str(out, "}\n");
    }
    message_arena_free(arena);
}

void vectors_tell_hello_reply(struct slice bytes, struct buf *out)
{
    struct message_arena *arena = arena_new();
    struct message_hello_reply reply;
    int status = message_hello_reply_decode(arena, bytes, &reply);
    if (begin(out, "hello_reply", status, reply.protocol)) {
        put_number(out, "protocol", reply.protocol);
        put_number(out, "now_ms", reply.now_ms);
        put_number(out, "payload_max", reply.payload_max);
        put_text(out, "collector_version", reply.collector_version);
        put_hex(out, "store", reply.store, reply.has_store ? sizeof reply.store : 0);
        buf_append_str(out, "}\n");
    }
    message_arena_free(arena);
}

static void put_queues(struct buf *out, const struct message_queue *queues, size_t count)
{
    buf_append_str(out, ", \"queues\": [");
    for (size_t i = 0; i < count; i++) {
        const struct message_queue *queue = &queues[i];
        next_item(out, i);
        buf_printf(out, "\"number\": %" PRIu32, queue->number);
        put_text(out, "name", queue->name);
        put_text(out, "label", queue->label);
        put_number(out, "sl_method", queue->sl_method);
        put_number(out, "sl_threshold_ms", queue->sl_threshold_ms);
        put_number(out, "short_abandon_ms", queue->short_abandon_ms);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "]");
}

/* Counters that are not zero. */
static void put_counters(struct buf *out, const char *name, const uint32_t *counters, const char *const *names, int n)
{
    buf_printf(out, ", \"%s\": {", name);
    const char *comma = "";
    for (int i = 0; i < n; i++) {
        if (counters[i] != 0) {
            buf_printf(out, "%s\"%s\": %" PRIu32, comma, names[i], counters[i]);
            comma = ", ";
        }
    }
    buf_append_str(out, "}");
}

static void put_stat(struct buf *out, const char *name, const struct duration_stat *stat)
{
    if (stat->hist.used == 0) {
        return;
    }
    buf_printf(out, ",\n   \"%s\": {\"count\": %" PRIu64 ", \"sum\": %" PRIu64 ", \"max\": %" PRIu32 ", \"bins\": [",
               name, stat->hist.total, stat->sum_ms, stat->max_ms);
    for (uint32_t i = 0; i < stat->hist.used; i++) {
        buf_printf(out, "%s[%" PRId64 ", %" PRIu32 "]", i == 0 ? "" : ", ", histogram_bin_upper(stat->hist.bins[i].bin),
                   stat->hist.bins[i].count);
    }
    buf_append_str(out, "]}");
}

static void put_interval(struct buf *out, const struct message_interval *interval)
{
    const struct summary *sum = &interval->sum;
    buf_printf(out, "\"queue\": %" PRIu32, interval->queue);
    put_number(out, "start_s", interval->start_s);
    put_number(out, "revision", (int64_t)interval->revision);
    put_bool(out, "open", interval->open);
    put_counters(out, "flow", sum->flow, summary_flow_names, FLOW_COUNT);
    put_counters(out, "cohort", sum->cohort, summary_cohort_names, COHORT_COUNT);
    put_number(out, "waiting_start", sum->waiting_start);
    put_number(out, "waiting_end", sum->waiting_end);
    put_number(out, "waiting_max", sum->waiting_max);
    for (int i = 0; i < DURATION_COUNT; i++) {
        put_stat(out, summary_duration_names[i], &sum->duration[i]);
    }
    buf_append_str(out, "}");
}

static void put_intervals(struct buf *out, struct message_batch *batch)
{
    struct message_interval interval = {0};
    buf_append_str(out, ", \"intervals\": [");
    for (size_t i = 0; i < batch->interval_count; i++) {
        next_item(out, i);
        if (message_batch_next(batch, &interval) == 0) {
            put_interval(out, &interval);
        } else {
            buf_append_str(out, "\"refused\": true}");
        }
    }
    buf_append_str(out, "]");
    summary_deinit(&interval.sum);
}

void vectors_tell_batch(struct slice bytes, struct buf *out)
{
    struct message_arena *arena = arena_new();
    struct message_batch batch;
    int status = message_batch_decode(arena, bytes, &batch);
    if (begin(out, "batch", status, batch.protocol)) {
        put_number(out, "protocol", batch.protocol);
        put_text(out, "site", batch.site);
        put_hex(out, "epoch", batch.epoch, batch.epoch_len);
        put_number(out, "interval_s", batch.interval_s);
        put_queues(out, batch.queues, batch.queue_count);
        put_intervals(out, &batch);
        buf_append_str(out, "}\n");
    }
    message_arena_free(arena);
}

void vectors_tell_batch_reply(struct slice bytes, struct buf *out)
{
    static const char *const outcomes[] = {"TAKEN", "STALE", "CONFLICT", "REFUSED"};
    struct message_arena *arena = arena_new();
    struct message_batch_reply reply;
    int status = message_batch_reply_decode(arena, bytes, &reply);
    if (begin(out, "batch_reply", status, 0)) {
        put_bool(out, "names_missing", reply.names_missing);
        buf_append_str(out, ", \"items\": [");
        for (size_t i = 0; i < reply.item_count; i++) {
            const struct message_item_reply *item = &reply.items[i];
            next_item(out, i);
            buf_printf(out, "\"index\": %" PRIu32 ", \"outcome\": \"%s\"", item->index, outcomes[item->outcome]);
            put_number(out, "held_revision", (int64_t)item->held_revision);
            put_text(out, "reason", item->reason);
            buf_append_str(out, "}");
        }
        buf_append_str(out, "]}\n");
    }
    message_arena_free(arena);
}

static void put_live(struct buf *out, const struct message_live *live)
{
    buf_append_str(out, ", \"live\": [");
    for (size_t i = 0; i < live->live_count; i++) {
        const struct message_live_queue *queue = &live->live[i];
        next_item(out, i);
        buf_printf(out, "\"queue\": %" PRIu32, queue->queue);
        put_number(out, "waiting", queue->waiting);
        put_number(out, "oldest_enter_ms", queue->oldest_enter_ms);
        put_number(out, "talking", queue->talking);
        put_number(out, "ready", queue->ready);
        put_number(out, "paused", queue->paused);
        put_number(out, "held", queue->held);
        put_number(out, "logged_in", queue->logged_in);
        put_number(out, "on_call", queue->on_call);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "]");
}

static void put_operators(struct buf *out, const struct message_live *live)
{
    put_bool(out, "operators_all", live->operators_all);
    put_bool(out, "operators_unknown", live->operators_unknown);
    put_number(out, "operators_more", live->operators_more);
    buf_append_str(out, ", \"operators\": [");
    for (size_t i = 0; i < live->operator_count; i++) {
        const struct message_live_operator *who = &live->operators[i];
        next_item(out, i);
        buf_printf(out, "\"queue\": %" PRIu32, who->queue);
        put_text(out, "name", who->name);
        put_text(out, "state", slice_str(shift_state_names[who->state]));
        put_number(out, "since_ms", who->since_ms);
        put_text(out, "reason", who->reason);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "]");
}

static void put_gaps(struct buf *out, const char *key, const struct message_gap *gaps, size_t count)
{
    buf_printf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        next_item(out, i);
        buf_printf(out, "\"from_ms\": %" PRId64, gaps[i].from_ms);
        put_number(out, "to_ms", gaps[i].to_ms);
        put_text(out, "reason", gaps[i].reason);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "]");
}

static void put_quality(struct buf *out, const struct message_live *live)
{
    buf_append_str(out, ", \"quality\": [");
    for (size_t i = 0; i < live->quality_count; i++) {
        buf_printf(out, "%s%" PRIu64, i == 0 ? "" : ", ", live->quality[i]);
    }
    buf_append_str(out, "]");
}

void vectors_tell_live(struct slice bytes, struct buf *out)
{
    struct message_arena *arena = arena_new();
    struct message_live live;
    int status = message_live_decode(arena, bytes, &live);
    if (begin(out, "live", status, 0)) {
        put_number(out, "now_ms", live.now_ms);
        put_number(out, "dirty", (int64_t)live.dirty);
        put_number(out, "oldest_dirty_s", live.oldest_dirty_s);
        put_number(out, "lag_ms", live.lag_ms);
        put_bool(out, "all", live.all);
        put_number(out, "refused", live.refused);
        put_number(out, "heartbeat_s", live.heartbeat_s);
        put_queues(out, live.queues, live.queue_count);
        put_live(out, &live);
        put_operators(out, &live);
        put_gaps(out, "gaps", live.gaps, live.gap_count);
        put_gaps(out, "live_gaps", live.live_gaps, live.live_gap_count);
        put_quality(out, &live);
        buf_append_str(out, "}\n");
    }
    message_arena_free(arena);
}
