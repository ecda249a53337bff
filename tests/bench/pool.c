#include "tests/bench/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ledger/ledger.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

_Noreturn void pool_die(const char *what, int status)
{
    (void)fprintf(stderr, "%s: %s\n", what, status_str(status));
    exit(1);
}

static int take_interval(void *ctx, const struct ledger_interval *interval)
{
    struct pool *pool = ctx;
    struct message_interval *items = grow_array(pool->items, pool->count, &pool->cap, sizeof *items);
    if (!items || !interval->summary) {
        return STATUS_NO_MEMORY;
    }
    pool->items = items;
    struct message_interval *item = &items[pool->count++];
    *item = (struct message_interval){
        .queue = interval->queue, .start_s = interval->start_s, .revision = interval->revision};
    pool->queue_max = interval->queue > pool->queue_max ? interval->queue : pool->queue_max;
    return summary_copy(&item->sum, interval->summary);
}

static void name_queues(struct pool *pool, struct ledger_view *view)
{
    pool->queues = calloc(pool->queue_max + 1, sizeof *pool->queues);
    for (uint32_t i = 1; pool->queues && i <= pool->queue_max; i++) {
        struct slice name = ledger_view_name(view, LEDGER_QUEUE, i);
        char *copy = strndup(name.data ? name.data : "", name.len);
        pool->queues[i] = (struct message_queue){.number = i,
                                                 .name = slice_str(copy),
                                                 .sl_threshold_ms = MEASURES_DEFAULT_SL_THRESHOLD_MS,
                                                 .short_abandon_ms = MEASURES_DEFAULT_SHORT_ABANDON_MS};
    }
}

void pool_load(struct pool *pool, const char *ledger_dir)
{
    struct ledger *ledger = NULL;
    struct ledger_view *view = NULL;
    struct ledger_facts facts;
    *pool = (struct pool){0};
    int status = ledger_open_readonly(ledger_dir, &ledger);
    if (status == 0) {
        status = ledger_view_begin(ledger, &view);
    }
    if (status == 0) {
        status = ledger_view_facts(view, &facts);
    }
    if (status == 0) {
        status = ledger_view_intervals(view, 0, INT64_MAX, take_interval, pool, NULL);
    }
    if (status != 0 || pool->count == 0) {
        pool_die(ledger_dir, status);
    }
    memcpy(pool->epoch, facts.epoch, sizeof pool->epoch);
    pool->interval_s = facts.interval_s;
    name_queues(pool, view);
    ledger_view_end(view);
    ledger_close(ledger);
}

void pool_free(struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        summary_deinit(&pool->items[i].sum);
    }
    for (uint32_t i = 1; pool->queues && i <= pool->queue_max; i++) {
        free((void *)(uintptr_t)pool->queues[i].name.data);
    }
    free(pool->queues);
    free(pool->items);
    *pool = (struct pool){0};
}

static void spread(const struct duration_stat *from, struct summary *into, enum duration_kind kind, uint64_t *state)
{
    for (uint32_t i = 0; i < from->hist.used; i++) {
        for (uint32_t n = 0; n < from->hist.bins[i].count; n++) {
            *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
            int64_t part_ms = (int64_t)(*state >> 33) % 1000;
            int64_t value_ms = histogram_bin_upper(from->hist.bins[i].bin) - part_ms;
            if (summary_add_duration(into, kind, value_ms > 0 ? value_ms : part_ms) != 0) {
                pool_die("spreading durations", STATUS_NO_MEMORY);
            }
        }
    }
}

/* Where handle equals talk it goes on doing so: no call is held. */
static void to_milliseconds(struct summary *sum, uint64_t *state)
{
    static const enum duration_kind kinds[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_WAIT_EXIT,
                                               DURATION_WAIT_KEY,      DURATION_RING,           DURATION_TALK};
    struct summary fine = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        spread(&sum->duration[kinds[i]], &fine, kinds[i], state);
        struct duration_stat swap = sum->duration[kinds[i]];
        sum->duration[kinds[i]] = fine.duration[kinds[i]];
        fine.duration[kinds[i]] = swap;
    }
    const struct duration_stat *talk = &sum->duration[DURATION_TALK];
    struct duration_stat *handle = &sum->duration[DURATION_HANDLE];
    handle->sum_ms = talk->sum_ms;
    handle->max_ms = talk->max_ms;
    if (histogram_copy(&handle->hist, &talk->hist) != 0) {
        pool_die("spreading durations", STATUS_NO_MEMORY);
    }
    summary_deinit(&fine);
}

void pool_to_milliseconds(struct pool *pool)
{
    uint64_t state = 1;
    for (size_t i = 0; i < pool->count; i++) {
        to_milliseconds(&pool->items[i].sum, &state);
    }
}

static bool add_names(const struct pool *pool, struct message_batch_writer *writer, const struct pool_batch *batch,
                      size_t limit_bytes)
{
    for (uint32_t i = 1; i <= pool->queue_max; i++) {
        if (message_batch_add_queue(writer, &pool->queues[i], limit_bytes) != 0) {
            return false;
        }
    }
    return batch->names;
}

size_t pool_encode(const struct pool *pool, struct message_batch_writer *writer, const struct pool_batch *batch,
                   size_t limit_bytes, struct buf *out)
{
    struct message_batch_head head = {
        .protocol = MESSAGE_PROTOCOL, .site = slice_str(batch->site), .interval_s = pool->interval_s};
    memcpy(head.epoch, pool->epoch, sizeof head.epoch);
    message_batch_begin(writer, &head);
    if (batch->names && !add_names(pool, writer, batch, limit_bytes)) {
        pool_die("naming queues", STATUS_FULL);
    }
    size_t count = 0;
    while (count < batch->count) {
        struct message_interval item = batch->items[batch->count - 1 - count];
        item.start_s += batch->shift_s;
        if (message_batch_add(writer, &item, limit_bytes) != 0) {
            break;
        }
        count++;
    }
    int status = message_batch_end(writer, out);
    if (status != 0) {
        pool_die("encoding a batch", status);
    }
    return count;
}

void pool_hello(const struct pool *pool, const char *site, int64_t now_ms, struct buf *out)
{
    struct message_hello hello = {.protocol = MESSAGE_PROTOCOL,
                                  .site = slice_str(site),
                                  .agent_version = slice_str("0.2.0"),
                                  .zone = slice_str("Europe/Madrid"),
                                  .interval_s = pool->interval_s,
                                  .now_ms = now_ms,
                                  .first_start_s = pool->items[0].start_s};
    memcpy(hello.epoch, pool->epoch, sizeof hello.epoch);
    memcpy(hello.instance, site, strlen(site) < MESSAGE_INSTANCE_BYTES ? strlen(site) : MESSAGE_INSTANCE_BYTES);
    if (message_hello_encode(&hello, out) != 0) {
        pool_die("encoding a greeting", STATUS_NO_MEMORY);
    }
}
