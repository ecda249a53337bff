/* message: what travels between agent and collector as plain structs, and its bytes (ringside.proto; docs/protocol.md).
 * The one place that includes protobuf-c and what protoc-c made. */
#ifndef RINGSIDE_PROTO_MESSAGE_H
#define RINGSIDE_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "proto/limits.h"
#include "proto/measures.h"
#include "proto/shift.h"
#include "proto/summary.h"

enum { MESSAGE_PROTOCOL = 2, MESSAGE_PROTOCOL_OLDEST = 1 };
enum { MESSAGE_INSTANCE_BYTES = 8, MESSAGE_QUALITY_MAX = 64, MESSAGE_REASON_MAX = 127 };

struct message_hello {
    uint32_t protocol;
    struct slice site; /* slices of a decoded message are borrowed from its arena */
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    struct slice agent_version;
    struct slice zone;
    uint32_t interval_s;
    int64_t now_ms;
    int64_t first_start_s;
    uint8_t instance[MESSAGE_INSTANCE_BYTES];
};

struct message_hello_reply {
    uint32_t protocol;
    int64_t now_ms;
    uint32_t payload_max;
    struct slice collector_version;
    bool has_store; /* it tells which store it has */
    uint8_t store[LIMITS_STORE_BYTES];
};

struct message_queue {
    uint32_t number;
    struct slice name;
    struct slice label;
    uint32_t sl_method;
    uint32_t sl_threshold_ms;
    uint32_t short_abandon_ms;
};

struct message_interval {
    uint32_t queue;
    int64_t start_s;
    uint64_t revision;
    bool open;
    struct summary sum;
};

struct message_gap {
    int64_t from_ms;
    int64_t to_ms;
    struct slice reason;
};

struct message_live_queue {
    uint32_t queue; /* 0: the site's operators, each counted once; no callers */
    uint32_t waiting;
    int64_t oldest_enter_ms; /* 0: nobody waits */
    uint32_t talking;
    int32_t ready;  /* -1: not known, as all below */
    int32_t paused; /* operators, as logged_in and on_call */
    int32_t held;   /* callers, of those that talk */
    int32_t logged_in;
    int32_t on_call;
};

struct message_live_operator {
    struct slice name;
    enum shift_state state; /* SHIFT_OFF: not logged in any more */
    int64_t since_ms;       /* 0: not known */
    uint32_t queue;         /* of the call, by the site's number; 0: none */
    struct slice reason;    /* empty: none */
};

struct message_live {
    int64_t now_ms;
    uint64_t dirty;
    int64_t oldest_dirty_s;
    int64_t lag_ms;
    bool all;
    uint32_t refused;
    const struct message_queue *queues;
    size_t queue_count;
    const struct message_live_queue *live;
    size_t live_count;
    const uint64_t *quality;
    size_t quality_count; /* 0 or all of them */
    const struct message_gap *gaps;
    size_t gap_count;
    const struct message_live_operator *operators;
    size_t operator_count;
    bool operators_all;
    bool operators_unknown;
    uint32_t operators_more;             /* logged in than are told of, plus one; 0: as told before */
    const struct message_gap *live_gaps; /* no calls are missing */
    size_t live_gap_count;
    uint32_t heartbeat_s; /* such a message comes at least so often; 0: as told before */
};

enum message_outcome { MESSAGE_TAKEN, MESSAGE_STALE, MESSAGE_CONFLICT, MESSAGE_REFUSED };

struct message_item_reply {
    uint32_t index;
    enum message_outcome outcome;
    uint64_t held_revision;
    struct slice reason;
};

struct message_batch_reply {
    const struct message_item_reply *items;
    size_t item_count;
    bool names_missing;
};

/* A batch is written piece by piece, so that the sender stops where the next interval would not fit. */
struct message_batch_head {
    uint32_t protocol;
    struct slice site;
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    uint32_t interval_s;
};

struct message_batch_writer;
int message_batch_writer_new(struct message_batch_writer **out);
void message_batch_writer_free(struct message_batch_writer *writer);
void message_batch_begin(struct message_batch_writer *writer, const struct message_batch_head *head);
/* Both: 0; STATUS_FULL when the batch would grow over limit_bytes or LIMITS_BATCH_INTERVALS_MAX; STATUS_NO_MEMORY;
 * STATUS_INVALID: a start that is not a multiple of interval_s, a revision or a sum above 2^63 - 1, or a sum or maximum
 * of no values, none of which can be told. After each of these the batch is as it was before. Longer text is cut to 255
 * bytes, bytes that are no UTF-8 become '?'. */
int message_batch_add_queue(struct message_batch_writer *writer, const struct message_queue *queue, size_t limit_bytes);
int message_batch_add(struct message_batch_writer *writer, const struct message_interval *interval, size_t limit_bytes);
int message_batch_end(struct message_batch_writer *writer, struct buf *out); /* appends the message */

/* Each appends the message: 0 or STATUS_NO_MEMORY. */
int message_hello_encode(const struct message_hello *hello, struct buf *out);
int message_hello_reply_encode(const struct message_hello_reply *reply, struct buf *out);
int message_live_encode(const struct message_live *live, struct buf *out);
int message_batch_reply_encode(const struct message_batch_reply *reply, struct buf *out);

/* Decoding: an arena owns what a decoded message points to, until the next decode with it. Its memory has a limit: a
 * message that would need more is STATUS_RANGE. STATUS_INVALID (no such message, or values that no sender writes: a
 * histogram that is not one, counters below zero, an epoch of another length), STATUS_VERSION (a protocol that is not
 * served; out->protocol says which, and nothing else is set), STATUS_NO_MEMORY. Unknown fields are ignored. */
struct message_arena;
int message_arena_new(size_t limit_bytes, struct message_arena **out);
void message_arena_free(struct message_arena *arena);

int message_hello_decode(struct message_arena *arena, struct slice bytes, struct message_hello *out);
int message_hello_reply_decode(struct message_arena *arena, struct slice bytes, struct message_hello_reply *out);
int message_live_decode(struct message_arena *arena, struct slice bytes, struct message_live *out);
int message_batch_reply_decode(struct message_arena *arena, struct slice bytes, struct message_batch_reply *out);

/* A batch's head and queues, then its intervals one after the other into the same struct (whose summary keeps its
 * memory); the arena must stay as it is until the last. message_batch_next: 0, MESSAGE_END, STATUS_NO_MEMORY, or
 * STATUS_INVALID for this one interval: its content is damaged, its summary is zero, and next() goes on with the one
 * behind it (queue, start_s and revision are set where they could be read, else 0). Where one cannot be taken apart at
 * all, the ones behind it are STATUS_INVALID too, for their place is relative to it. */
enum { MESSAGE_END = 1 };
struct message_batch {
    uint32_t protocol;
    struct slice site;
    uint8_t epoch[LIMITS_EPOCH_BYTES]; /* of protocol 2: the first epoch_len bytes */
    size_t epoch_len;
    uint32_t interval_s;
    const struct message_queue *queues;
    size_t queue_count;
    size_t interval_count;
    /* where next() is */
    void *intervals;
    size_t at;
    int64_t start;
    int64_t revision;
};
int message_batch_decode(struct message_arena *arena, struct slice bytes, struct message_batch *out);
int message_batch_next(struct message_batch *batch, struct message_interval *out);

#endif
