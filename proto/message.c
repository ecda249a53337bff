#include "proto/message.h"

#include <string.h>

#include "platform/base/status.h"
#include "proto/message_internal.h"
#include "ringside.pb-c.h"

int message_hello_encode(const struct message_hello *hello, struct buf *out)
{
    struct message_text site;
    struct message_text agent_version;
    struct message_text zone;
    Ringside__Hello packed = RINGSIDE__HELLO__INIT;
    packed.protocol = hello->protocol;
    packed.site = message_text_put(&site, hello->site);
    packed.epoch = message_bytes_put(hello->epoch, sizeof hello->epoch);
    packed.agent_version = message_text_put(&agent_version, hello->agent_version);
    packed.zone = message_text_put(&zone, hello->zone);
    packed.interval_s = hello->interval_s;
    packed.now_ms = (uint64_t)hello->now_ms;
    packed.first_start_s = (uint64_t)hello->first_start_s;
    packed.instance = message_bytes_put(hello->instance, sizeof hello->instance);
    return message_pack(&packed.base, out);
}

static int hello_get(const Ringside__Hello *from, struct message_hello *out)
{
    out->interval_s = from->interval_s;
    int bad = message_text_get(from->site, &out->site);
    bad |= message_text_get(from->agent_version, &out->agent_version);
    bad |= message_text_get(from->zone, &out->zone);
    bad |= message_bytes_get(from->epoch, out->epoch, sizeof out->epoch);
    bad |= message_bytes_get(from->instance, out->instance, sizeof out->instance);
    bad |= message_i64_get(from->now_ms, &out->now_ms);
    bad |= message_i64_get(from->first_start_s, &out->first_start_s);
    return bad ? STATUS_INVALID : 0;
}

int message_hello_decode(struct message_arena *arena, struct slice bytes, struct message_hello *out)
{
    *out = (struct message_hello){0};
    message_arena_rewind(arena, 0);
    int status = message_peek_protocol(bytes, &out->protocol);
    Ringside__Hello *packed = NULL;
    if (status == 0) {
        status = message_unpack(arena, &ringside__hello__descriptor, bytes, &packed);
    }
    return status != 0 ? status : hello_get(packed, out);
}

int message_hello_reply_encode(const struct message_hello_reply *reply, struct buf *out)
{
    struct message_text version;
    Ringside__HelloReply packed = RINGSIDE__HELLO_REPLY__INIT;
    packed.protocol = reply->protocol;
    packed.now_ms = (uint64_t)reply->now_ms;
    packed.payload_max = reply->payload_max;
    packed.collector_version = message_text_put(&version, reply->collector_version);
    packed.store = message_bytes_put(reply->store, reply->has_store ? sizeof reply->store : 0);
    return message_pack(&packed.base, out);
}

int message_hello_reply_decode(struct message_arena *arena, struct slice bytes, struct message_hello_reply *out)
{
    *out = (struct message_hello_reply){0};
    message_arena_rewind(arena, 0);
    int status = message_peek_protocol(bytes, &out->protocol);
    Ringside__HelloReply *packed = NULL;
    if (status == 0) {
        status = message_unpack(arena, &ringside__hello_reply__descriptor, bytes, &packed);
    }
    if (status != 0) {
        return status;
    }
    out->payload_max = packed->payload_max;
    out->has_store = packed->store.len > 0;
    int bad = message_i64_get(packed->now_ms, &out->now_ms);
    bad |= message_text_get(packed->collector_version, &out->collector_version);
    bad |= out->has_store ? message_bytes_get(packed->store, out->store, sizeof out->store) : 0;
    return bad ? STATUS_INVALID : 0;
}

_Static_assert((int)MESSAGE_TAKEN == RINGSIDE__OUTCOME__TAKEN && (int)MESSAGE_STALE == RINGSIDE__OUTCOME__STALE &&
                   (int)MESSAGE_CONFLICT == RINGSIDE__OUTCOME__CONFLICT &&
                   (int)MESSAGE_REFUSED == RINGSIDE__OUTCOME__REFUSED,
               "an outcome is the same number in both");

static int item_pack(const struct message_item_reply *item, struct buf *out)
{
    struct message_text reason;
    struct slice text = item->reason;
    Ringside__ItemReply packed = RINGSIDE__ITEM_REPLY__INIT;
    packed.index = item->index;
    packed.outcome = (Ringside__Outcome)item->outcome;
    packed.held_revision = item->held_revision;
    packed.reason = message_text_put(&reason, text);
    return message_pack_field(&packed.base, 1, out);
}

int message_batch_reply_encode(const struct message_batch_reply *reply, struct buf *out)
{
    for (size_t i = 0; i < reply->item_count; i++) {
        int status = item_pack(&reply->items[i], out);
        if (status != 0) {
            return status;
        }
    }
    Ringside__BatchReply packed = RINGSIDE__BATCH_REPLY__INIT;
    packed.names_missing = reply->names_missing;
    return message_pack(&packed.base, out);
}

static int item_get(const Ringside__ItemReply *from, struct message_item_reply *out)
{
    out->index = from->index;
    out->outcome = (enum message_outcome)from->outcome;
    out->held_revision = from->held_revision;
    if ((int)from->outcome < (int)MESSAGE_TAKEN || (int)from->outcome > (int)MESSAGE_REFUSED) {
        return STATUS_INVALID;
    }
    return message_text_get(from->reason, &out->reason);
}

int message_batch_reply_decode(struct message_arena *arena, struct slice bytes, struct message_batch_reply *out)
{
    *out = (struct message_batch_reply){0};
    message_arena_rewind(arena, 0);
    Ringside__BatchReply *packed = NULL;
    int status = message_unpack(arena, &ringside__batch_reply__descriptor, bytes, &packed);
    if (status != 0) {
        return status;
    }
    if (packed->n_items > LIMITS_BATCH_INTERVALS_MAX) {
        return STATUS_INVALID;
    }
    struct message_item_reply *items = message_arena_array(arena, packed->n_items, sizeof *items);
    if (!items) {
        return STATUS_RANGE;
    }
    for (size_t i = 0; i < packed->n_items; i++) {
        status = item_get(packed->items[i], &items[i]);
        if (status != 0) {
            return status;
        }
    }
    out->items = items;
    out->item_count = packed->n_items;
    out->names_missing = packed->names_missing;
    return 0;
}
