/* message_internal: what the files of message share. Every one of them includes "ringside.pb-c.h" itself, for headers
 * may not. */
#ifndef RINGSIDE_PROTO_MESSAGE_INTERNAL_H
#define RINGSIDE_PROTO_MESSAGE_INTERNAL_H

#include <protobuf-c/protobuf-c.h>

#include "proto/message.h"

struct Ringside__Interval;
struct Ringside__Queue;

/* arena: memory that is given out front to back, and taken back all at once. */
struct message_arena {
    ProtobufCAllocator allocator;
    uint8_t *memory;
    size_t limit;
    size_t used;
    bool exhausted; /* something did not fit */
};

void message_arena_rewind(struct message_arena *arena, size_t used);
void *message_arena_array(struct message_arena *arena, size_t count, size_t item_bytes); /* zero; NULL: exhausted */
/* The struct that protoc-c made, in the arena: 0, STATUS_INVALID or STATUS_RANGE. */
int message_unpack(struct message_arena *arena, const ProtobufCMessageDescriptor *type, struct slice bytes, void *out);
/* Field 1 of a message, without what follows: an unknown protocol may have anything there. 0, STATUS_INVALID, or
 * STATUS_VERSION when it is not served. */
int message_peek_protocol(struct slice bytes, uint32_t *protocol);

/* bytes: a packed message, bare or as field `number` of the one around it. */
int message_pack(const ProtobufCMessage *message, struct buf *out);
int message_pack_field(const ProtobufCMessage *message, uint32_t number, struct buf *out);

/* text: what proto3 calls a string is UTF-8 without NUL. Longer text is cut, bad bytes become '?'. */
enum { MESSAGE_TEXT_MAX = 255 };
struct message_text {
    char text[MESSAGE_TEXT_MAX + 1];
};
char *message_text_put(struct message_text *room, struct slice text);
int message_text_get(const char *text, struct slice *out); /* 0 or STATUS_INVALID */

ProtobufCBinaryData message_bytes_put(const void *data, size_t len);
int message_bytes_get(ProtobufCBinaryData bytes, uint8_t *out, size_t len); /* STATUS_INVALID: of another length */
int message_i64_get(uint64_t value, int64_t *out);                          /* STATUS_INVALID: would be negative */

/* queue: field `number` of a message. */
int message_queue_pack(const struct message_queue *queue, uint32_t number, struct buf *out);
int message_queues_get(struct message_arena *arena, struct Ringside__Queue *const *items, size_t count,
                       const struct message_queue **out);

/* bins: a histogram as in the message. `coarse` can be so when all its bins end on a whole second. */
bool message_bins_are_coarse(const struct histogram *hist);
int message_bins_put(const struct histogram *hist, bool coarse, struct histogram *scratch, struct buf *out);
int message_bins_get(struct slice bytes, bool coarse, struct histogram *out);
uint64_t message_bins_edges(const struct histogram *hist); /* every value rounded up to its bin's edge, modulo 2^64 */

/* interval: where it is told relative to the one before, and what it takes to write one. */
struct message_place {
    int64_t start; /* in intervals */
    int64_t revision;
};
struct message_interval_room {
    struct buf bins;
    struct histogram scratch;
};
/* As field `number`. 0, STATUS_NO_MEMORY, or STATUS_INVALID: durations without a count cannot be told. */
int message_interval_pack(const struct message_interval *interval, struct message_place relative, uint32_t number,
                          struct message_interval_room *room, struct buf *out);
int message_interval_get(struct Ringside__Interval *from, struct summary *out);

#endif
