/* store_live: what a site's live view last told, one record for its queues and one for its operators; each is written
 * anew as a whole, so a reader sees one moment. */
#include "collector/store/store_internal.h"
#include "platform/base/status.h"

enum { KNOWN = 5 /* counts of a queue that may be unknown; a later version may have more */ };

/* Plus one, so that 0 can say that it is not known. */
static uint64_t known_put(int32_t count)
{
    return count < 0 ? 0 : (uint64_t)count + 1;
}

static int32_t known_get(uint64_t count)
{
    return (int32_t)count - 1;
}

static void write_queue(const struct store_live_queue *queue, struct buf *out)
{
    wire_put_varint(out, queue->queue);
    wire_put_varint(out, queue->waiting);
    wire_put_varint(out, queue->talking);
    wire_put_svarint(out, queue->oldest_enter_ms);
    const int32_t known[KNOWN] = {queue->held, queue->logged_in, queue->ready, queue->paused, queue->on_call};
    for (size_t i = 0; i < KNOWN; i++) {
        wire_put_varint(out, known_put(known[i]));
    }
}

static void read_queue(struct wire_reader *payload, uint64_t known_count, struct store_live_queue *out)
{
    out->queue = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->waiting = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->talking = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    out->oldest_enter_ms = wire_get_svarint(payload);
    int32_t *const known[KNOWN] = {&out->held, &out->logged_in, &out->ready, &out->paused, &out->on_call};
    for (uint64_t i = 0; i < known_count && !payload->failed; i++) {
        uint64_t count = wire_get_varint_max(payload, INT32_MAX);
        if (i < KNOWN) {
            *known[i] = known_get(count);
        }
    }
}

int store_put_live(struct store *store, uint32_t site, const struct store_live_queue *queues, size_t count)
{
    struct record_key key = record_key_u32(site);
    if (!queues) {
        return store_txn_delete(store, STORE_DB_LIVE, &key);
    }
    record_begin(&store->value);
    wire_put_varint(&store->value, count);
    wire_put_varint(&store->value, KNOWN);
    for (size_t i = 0; i < count; i++) {
        write_queue(&queues[i], &store->value);
    }
    return store_put_changed(store, STORE_DB_LIVE, &key);
}

int store_live_read(struct wire_reader *payload, store_live_queue_fn fn, void *ctx)
{
    uint64_t count = wire_get_varint_max(payload, STORE_LIVE_QUEUES_MAX);
    uint64_t known_count = wire_get_varint_max(payload, UINT8_MAX);
    int outcome = 0;
    for (uint64_t i = 0; i < count && outcome == 0; i++) {
        struct store_live_queue queue = {.held = -1, .logged_in = -1, .ready = -1, .paused = -1, .on_call = -1};
        read_queue(payload, known_count, &queue);
        if (payload->failed) {
            return STATUS_CORRUPT;
        }
        outcome = fn ? fn(ctx, &queue) : 0;
    }
    return payload->failed ? STATUS_CORRUPT : outcome;
}

static void write_operator(const struct store_live_operator *who, struct buf *out)
{
    wire_put_bytes(out, slice_str(who->name));
    wire_put_varint(out, who->state);
    wire_put_svarint(out, who->since_ms);
    wire_put_varint(out, who->queue);
    wire_put_bytes(out, slice_str(who->reason));
}

static void read_operator(struct wire_reader *payload, struct store_live_operator *out)
{
    slice_copy(wire_get_bytes(payload), out->name, sizeof out->name);
    out->state = (enum shift_state)wire_get_varint_max(payload, SHIFT_STATE_COUNT);
    out->since_ms = wire_get_svarint(payload);
    out->queue = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    slice_copy(wire_get_bytes(payload), out->reason, sizeof out->reason);
}

int store_put_operators(struct store *store, uint32_t site, const struct store_live_operator *operators, size_t count,
                        uint32_t more)
{
    struct record_key key = record_key_u32(site);
    if (!operators) {
        return store_txn_delete(store, STORE_DB_OPERATORS, &key);
    }
    record_begin(&store->value);
    wire_put_varint(&store->value, more);
    wire_put_varint(&store->value, count);
    for (size_t i = 0; i < count; i++) {
        write_operator(&operators[i], &store->value);
    }
    return store_put_changed(store, STORE_DB_OPERATORS, &key);
}

int store_operators_read(struct wire_reader *payload, uint32_t *more, store_live_operator_fn fn, void *ctx)
{
    *more = (uint32_t)wire_get_varint_max(payload, UINT32_MAX);
    uint64_t count = wire_get_varint_max(payload, LIMITS_OPERATORS_MAX);
    int outcome = 0;
    for (uint64_t i = 0; i < count && outcome == 0; i++) {
        struct store_live_operator who;
        read_operator(payload, &who);
        if (payload->failed) {
            return STATUS_CORRUPT;
        }
        outcome = fn ? fn(ctx, &who) : 0;
    }
    return payload->failed ? STATUS_CORRUPT : outcome;
}

static int open_record(struct store_view *view, enum store_db db, uint32_t site, struct wire_reader *payload)
{
    struct record_key key = record_key_u32(site);
    int status = view->store->lacks_later ? STORE_NONE : store_read(view->store, view->txn, db, &key, payload);
    return status == STORE_NONE ? STORE_UNTOLD : status;
}

int store_view_live(struct store_view *view, uint32_t site, store_live_queue_fn fn, void *ctx)
{
    struct wire_reader payload;
    int status = open_record(view, STORE_DB_LIVE, site, &payload);
    return status == 0 ? store_live_read(&payload, fn, ctx) : status;
}

int store_view_operators(struct store_view *view, uint32_t site, uint32_t *more, store_live_operator_fn fn, void *ctx)
{
    struct wire_reader payload;
    *more = 0;
    int status = open_record(view, STORE_DB_OPERATORS, site, &payload);
    return status == 0 ? store_operators_read(&payload, more, fn, ctx) : status;
}
